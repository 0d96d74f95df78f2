"""Which time-zone database this process goes by: the newest one on the machine.

Python looks at the system's first. A stable distribution's may be a year old, and countries change their clocks with weeks
of notice: Morocco gave up its summer hour on 2026-09-20, which tzdata 2025b does not know. A centre would open an hour
early for half a year.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence
from pathlib import Path

import tzdata

_VERSION = re.compile(r"# version (\d{4}[a-z]+)")
HEAD_CHARS = 64


def use_newest_zones() -> None:
    """Call once in a process, before the first time zone is looked up."""
    if system_version(zoneinfo.TZPATH) < tzdata.IANA_VERSION:
        zoneinfo.reset_tzpath(to=())  # what is in no folder comes from the package


def system_version(folders: Sequence[str]) -> str:
    """Such as "2025b"; "": there is none, or it does not say, and is taken for older than any."""
    for folder in folders:
        try:
            with (Path(folder) / "tzdata.zi").open(encoding="ascii", errors="replace") as file:
                found = _VERSION.match(file.read(HEAD_CHARS))
        except OSError:
            continue
        return found[1] if found else ""
    return ""
