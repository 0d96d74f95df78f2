"""Reading a TOML table key by key: each reader says what it expects; what is wrong is gathered, never raised.

A reader that meets a wrong value notes the problem and returns its default: one pass finds everything.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marhaba.files.problems import Problem
from marhaba.files.toml_lines import Path, line_of

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
"""Names of queues, agents, phones, trunks: they end in file names, SIP addresses and columns."""
TEXT_MAX = 200
_DURATION = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?) ?(ms|s|min|h)")
_UNIT_S = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_SYNTAX = re.compile(r"(.*) \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)", re.DOTALL)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
NEAR_ENOUGH = 0.6
"""Similarity from which an unknown word is taken for a slip of the finger."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader asked for at one place: forms are made of it, so that they ask for the same."""

    kind: str  # text, truth, integer, number, duration, list, table, tables, levels; "": the reader looks itself
    default: Any = None  # None: it must be there
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] | None = None  # None: not one of a list


class Gathering:
    """The problems of one file, and where its keys stand. `secret`: its values are never shown.

    `asked`: a table to note in it what was asked for.
    """

    def __init__(
        self,
        lines: dict[Path, int],
        *,
        file: str = "",
        secret: bool = False,
        asked: dict[Path, Asked] | None = None,
    ) -> None:
        self.lines = lines
        self.file = file
        self.secret = secret
        self.asked = asked
        self.problems: list[Problem] = []

    def wrong(self, path: Path, found: object, expected: str, **about: Any) -> None:
        where = f"{self.file}: {shown_path(path)}" if self.file else shown_path(path)
        text = "…" if self.secret and found is not None else shown(found)
        self.problems.append(Problem(line_of(self.lines, path), where, text, expected, about))


class Section:
    """One table of the file. Call `close` when every key has been asked for: what is left is unknown."""

    def __init__(self, gathering: Gathering, data: Mapping[str, Any], path: Path = ()) -> None:
        self.gathering = gathering
        self.data = data
        self.path = path
        self._asked: set[str] = set()

    def close(self) -> None:
        for key in self.data.keys() - self._asked:
            near = nearest(key, self._asked)
            about = {"hint": near} if near else {}
            self.wrong(key, key, "key", keys=", ".join(sorted(self._asked)), **about)

    def wrong(self, key: str | Path, found: object, expected: str, **about: Any) -> None:
        path = (key,) if isinstance(key, str) else key
        self.gathering.wrong((*self.path, *path), found, expected, **about)

    def has(self, key: str) -> bool:
        self._ask(key)
        return key in self.data

    def raw(self, key: str) -> Any:
        self._ask(key)
        return self.data.get(key)

    def _ask(self, key: str) -> None:
        self._asked.add(key)
        if self.gathering.asked is not None:
            self.gathering.asked.setdefault((*self.path, key), Asked(""))

    def _note(self, key: str, kind: str, default: Any = None, **about: Any) -> None:
        if self.gathering.asked is not None:
            self.gathering.asked[(*self.path, key)] = Asked(kind, default, **about)

    # -- single values ---------------------------------------------------------------------------------

    def text(self, key: str, default: str | None = None) -> str:
        """A text on one line. Without a default it must be there."""
        self._note(key, "text", default)
        if self._absent(key, default, "text", length=TEXT_MAX):
            return default or ""
        value = self.data[key]
        if not isinstance(value, str) or not value or len(value) > TEXT_MAX or not value.isprintable():
            self.wrong(key, value, "text", length=TEXT_MAX)
            return default or ""
        return value

    def name(self, key: str, default: str | None = None) -> str:
        return self.matching(key, NAME, "name", default)

    def matching(self, key: str, pattern: re.Pattern[str], expected: str, default: str | None = None) -> str:
        self._note(key, "text", default)
        if self._absent(key, default, expected):
            return default or ""
        value = self.data[key]
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.wrong(key, value, expected)
            return default or ""
        return value

    def choice(
        self, key: str, choices: Iterable[str], default: str | None = None, *, what: str = "choice"
    ) -> str:
        """One of a list. `what` names the text that says of what ("choice", "queue", "calendar" ...)."""
        names = list(choices)
        self._note(key, "text", default, choices=tuple(names))
        if self._absent(key, default, what, choices=", ".join(names) or "–"):
            return default or ""
        value = self.data[key]
        if value not in names:
            self.unknown(key, value, names, what)
            return default or ""
        return str(value)

    def unknown(self, key: str | Path, value: object, names: Iterable[str], what: str) -> None:
        names = list(names)
        near = nearest(value, names) if isinstance(value, str) else ""
        self.wrong(key, value, what, choices=", ".join(names) or "–", **({"hint": near} if near else {}))

    def truth(self, key: str, *, default: bool) -> bool:
        self._note(key, "truth", default)
        value = self.data[key] if self.has(key) else default
        if not isinstance(value, bool):
            self.wrong(key, value, "truth")
            return default
        return value

    def integer(self, key: str, default: int | None = None, *, low: int, high: int) -> int:
        self._note(key, "integer", default, low=low, high=high)
        fallback = low if default is None else default
        if self._absent(key, default, "integer", low=low, high=high):
            return fallback
        value = self.data[key]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.wrong(key, value, "integer", low=low, high=high)
            return fallback
        return value

    def number(self, key: str, default: float, *, low: float, high: float) -> float:
        self._note(key, "number", default, low=low, high=high)
        if not self.has(key):
            return default
        value = self.data[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            self.wrong(key, value, "number", low=f"{low:g}", high=f"{high:g}")
            return default
        return float(value)

    def seconds(self, key: str, default: float | None = None, *, low: float, high: float) -> float:
        """A duration: "20 s", "2 min", "1.5 h", or plain seconds."""
        self._note(key, "duration", default, low=low, high=high)
        fallback = low if default is None else default
        about = {"low": shown_duration(low), "high": shown_duration(high)}
        if self._absent(key, default, "duration", **about):
            return fallback
        seconds = duration(self.data[key])
        if seconds is None or not low <= seconds <= high:
            self.wrong(key, self.data[key], "duration", **about)
            return fallback
        return seconds

    # -- lists and tables ------------------------------------------------------------------------------

    def texts(
        self,
        key: str,
        default: Sequence[str] = (),
        *,
        pattern: re.Pattern[str],
        expected: str,
        empty: bool = True,
    ) -> tuple[str, ...]:
        """A list of texts; one text alone stands for a list of one."""
        self._note(key, "list", None if not empty and not default else tuple(default))
        if not self.has(key):
            if not empty and not default:
                self.wrong(key, None, "list", of=expected)
            return tuple(default)
        value = self.data[key]
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or (not items and not empty):
            self.wrong(key, value, "list", of=expected)
            return tuple(default)
        good = []
        for position, item in enumerate(items):
            if isinstance(item, str) and pattern.fullmatch(item):
                good.append(item)
            else:
                self.wrong((key, position), item, expected)
        return tuple(good)

    def section(self, key: str) -> Section:
        """A sub-table; an absent one is empty, so that its keys take their defaults."""
        self._note(key, "table", ())
        value = self.raw(key)
        if value is not None and not isinstance(value, dict):
            self.wrong(key, value, "table")
            value = None
        return Section(self.gathering, value or {}, (*self.path, key))

    def named(self, key: str) -> Iterator[tuple[str, Section]]:
        """Tables with a name each: [queues.NAME]."""
        for name, value in self.section(key).data.items():
            path = (*self.path, key, name)
            if not NAME.fullmatch(name):
                self.gathering.wrong(path, name, "name")
            elif not isinstance(value, dict):
                self.gathering.wrong(path, value, "table")
            else:
                yield name, Section(self.gathering, value, path)

    def listed(self, key: str) -> Iterator[Section]:
        """A list of tables: [[dialling.routes]], or relax = [{...}, ...]."""
        self._note(key, "tables", ())
        value = self.raw(key)
        if value is None:
            return
        if not isinstance(value, list):
            self.wrong(key, value, "tables")
            return
        for position, item in enumerate(value):
            if isinstance(item, dict):
                yield Section(self.gathering, item, (*self.path, key, position))
            else:
                self.wrong((key, position), item, "table")

    def levels(self, key: str, *, low: int, high: int) -> dict[str, int]:
        """A table of skills and levels."""
        section = self.section(key)
        self._note(key, "levels", (), low=low, high=high)
        names = [name for name in section.data if NAME.fullmatch(name)]
        for name in section.data.keys() - set(names):
            section.wrong(name, name, "name")
        return {name: section.integer(name, low=low, high=high) for name in names}

    def _absent(self, key: str, default: object, expected: str, **about: Any) -> bool:
        """Is the key missing? Without a default that is a problem."""
        if self.has(key):
            return False
        if default is None:
            self.wrong(key, None, expected, **about)
        return True


def syntax_problem(message: str, text: str, file: str) -> Problem:
    """Python's parser says what and where; the line itself says the rest."""
    found = _SYNTAX.fullmatch(message)
    lines = text.splitlines() or [""]
    line = int(found[2]) if found and found[2] else len(lines)
    why = found[1] if found else message
    expected = "toml_once" if "overwrite" in why or "twice" in why else "toml"
    return Problem(line, file, lines[min(line, len(lines)) - 1].strip(), expected, {"why": why})


def duration(value: object) -> float | None:
    """Seconds in "20 s", "2 min", 90; None for what is no duration."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return float(found[1]) * _UNIT_S[found[2]] if found else None


def shown_duration(seconds: float) -> str:
    for unit in ("h", "min"):
        if seconds and seconds % _UNIT_S[unit] == 0:
            return f"{seconds / _UNIT_S[unit]:g} {unit}"
    return f"{seconds:g} s"


def shown(value: object) -> str:
    """A value as it stands in the file, or nearly."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return "{…}"
    if isinstance(value, str | int | float | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def shown_path(path: Path) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            quoted = part if _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            text += f".{quoted}" if text else quoted
    return text


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that `word` was probably meant to be, or ""."""
    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=NEAR_ENOUGH)), "")
