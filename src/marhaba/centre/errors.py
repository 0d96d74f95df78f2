"""The error of a centre.toml that cannot be used."""

from __future__ import annotations

from marhaba.files.problems import FileError


class CentreError(FileError):
    """centre.toml (or phones.toml beside it) cannot be used. Nothing of it has taken effect."""

    code = "bad-centre"
