"""From files to a `Centre`, and what a new version of them changes."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from marhaba.centre.errors import CentreError
from marhaba.centre.model import Centre
from marhaba.centre.reading import read_centre
from marhaba.centre.secrets import Secrets, load_secrets
from marhaba.files.problems import Problem, reader_language, say

FILE_BYTES_MAX = 4 << 20
"""Ten thousand agents fit four times."""
PHONES_FILE = "phones.toml"
RESTART = ("sip.", "media.", "web", "data_folder", "recordings_folder", "prompts_folder")
"""What a running centre cannot change: sockets, workers and folders stand."""


def load_centre(path: Path, *, text: str | None = None, language: str = "") -> Centre:
    """Read centre.toml and phones.toml beside it. Raises CentreError with every problem of both.

    `text`: what shall stand in centre.toml, when it is not there yet.
    """
    path = path.absolute()
    text = read_text(path, language=language) if text is None else text
    try:
        secrets = load_secrets(path.with_name(PHONES_FILE))
    except CentreError as wrong:
        try:
            read_centre(text, folder=path.parent, secrets=None)
        except CentreError as also:
            raise CentreError([*also.problems, *wrong.problems], language=language) from wrong
        raise CentreError(wrong.problems, language=language) from wrong
    return read_centre(text, folder=path.parent, secrets=secrets, language=language)


def parse_centre(text: str, *, folder: Path, secrets: Secrets | None = None, language: str = "") -> Centre:
    """A centre from the text of its file; relative folders are taken from `folder`."""
    return read_centre(text, folder=folder.absolute(), secrets=secrets or Secrets(), language=language)


def read_text(path: Path, *, language: str = "") -> str:
    """The file as it is. Raises CentreError when it cannot be read."""
    try:
        with path.open("rb") as file:
            blob = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        found = "" if error.errno == errno.ENOENT else error.strerror or ""
        problem = Problem(0, path.name, found, "readable")
        raise CentreError([problem], language=language) from error
    if len(blob) > FILE_BYTES_MAX:
        problem = Problem(0, path.name, f"{len(blob)} B", "file_size", {"size": FILE_BYTES_MAX})
        raise CentreError([problem], language=language)
    try:
        return blob.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = blob.count(b"\n", 0, error.start) + 1
        found = repr(blob[error.start : error.start + 1])
        raise CentreError([Problem(line, path.name, found, "utf8")], language=language) from error


def diff(old: Centre, new: Centre, *, language: str = "") -> list[str]:
    """What a reload changes, a line each: "+ agents.amal", "queues.support.ring_s: 20 → 30"."""
    language = language or reader_language()
    lines: list[str] = []
    for field in fields(Centre):
        if field.compare:
            lines += _changes(field.name, getattr(old, field.name), getattr(new, field.name))
    restart = say("restart", language)
    lines = [line if takes_effect_at_once(line) else f"{line} ({restart})" for line in lines]
    return [*lines, PHONES_FILE] if old.secrets != new.secrets else lines


def takes_effect_at_once(line: str) -> bool:
    """Whether a line of `diff` is of something that a running centre can change."""
    return not line.startswith(RESTART)


def _changes(where: str, was: Any, now: Any) -> Iterator[str]:
    if was == now:
        return
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in [*was, *(key for key in now if key not in was)]:
            if key not in now:
                yield f"- {where}.{key}"
            elif key not in was:
                yield f"+ {where}.{key}"
            else:
                yield from _changes(f"{where}.{key}", was[key], now[key])
    elif is_dataclass(was) and type(was) is type(now):
        for field in fields(was):
            if field.repr:
                yield from _changes(
                    f"{where}.{field.name}", getattr(was, field.name), getattr(now, field.name)
                )
            elif getattr(was, field.name) != getattr(now, field.name):
                yield f"{where}.{field.name}"  # a password: that it changed is all that is said
    else:
        yield f"{where}: {_brief(was)} → {_brief(now)}"


def _brief(value: object) -> str:
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value) or "–"
    if isinstance(value, Enum):
        return str(value.value)
    if value is None or value == "":
        return "–"
    return str(value) if isinstance(value, str | int | float | Path | ZoneInfo) else "…"
