"""Where each key of a TOML text stands, so that an error can name its line; tomllib keeps no positions.

The text is known to be valid TOML (tomllib has parsed it): the scanner only needs to tell keys from values.
"""

from __future__ import annotations

import re
import tomllib

Path = tuple[str | int, ...]
"""A place in the document: ("queues", "support", "relax", 0, "after")."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_SCALAR = re.compile(r"[^,\]}\n#]*")  # numbers, dates and truths end at the first of these
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'  # up to two more quotes belong to the text: TOML 1.0, "String"
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)


def toml_lines(text: str) -> dict[Path, int]:
    """Line (from 1) of every table, key and array element of a valid TOML text."""
    return _Scanner(text).scan()


def line_of(lines: dict[Path, int], path: Path) -> int:
    """The line of `path`, or of the nearest thing around it that the text names."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.line = 1
        self.lines: dict[Path, int] = {}
        self.tables: dict[Path, int] = {}  # arrays of tables: how many so far

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self._array_header()
            elif self.text[self.at] == "[":
                self._move(1)
                table = self._inside(self._key())
                self._note(table)
                self._move(1)
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self.lines

    def _array_header(self) -> Path:
        self._move(2)
        *before, last = self._key()
        array = (*self._inside(tuple(before)), last)
        number = self.tables.get(array, 0)
        self.tables[array] = number + 1
        table = (*array, number)
        self._note(table)
        self._move(2)
        return table

    def _inside(self, parts: tuple[str, ...]) -> Path:
        """A header's key, with the number of the latest element put after each array of tables on the way."""
        path: Path = ()
        for part in parts:
            path = (*path, part)
            if path in self.tables:
                path = (*path, self.tables[path] - 1)
        return path

    def _pair(self, table: Path) -> None:
        path = (*table, *self._key())
        self._note(path)
        self._move(1)  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> tuple[str, ...]:
        parts = []
        while True:
            self._skip(_SPACE)
            if self.text[self.at] in "\"'":
                parts.append(str(tomllib.loads(f"key = {self._take(_STRING)}")["key"]))
            else:
                parts.append(self._take(_BARE_KEY))
            self._skip(_SPACE)
            if self.text[self.at] != ".":
                return tuple(parts)
            self._move(1)

    def _value(self, path: Path) -> None:
        first = self.text[self.at]
        if first in "\"'":
            self._skip(_STRING)
        elif first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        else:
            self._skip(_SCALAR)

    def _array(self, path: Path) -> None:
        self._move(1)
        number = 0
        while True:
            self._skip(_BLANK)
            if self.text[self.at] == "]":
                break
            if self.text[self.at] == ",":
                self._move(1)
                continue
            self._note((*path, number))
            self._value((*path, number))
            number += 1
        self._move(1)

    def _inline_table(self, path: Path) -> None:
        self._move(1)
        while True:
            self._skip(_BLANK)
            if self.text[self.at] == "}":
                break
            if self.text[self.at] == ",":
                self._move(1)
                continue
            self._pair(path)
        self._move(1)

    def _note(self, path: Path) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], self.line)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self._take(pattern)

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        assert found is not None, f"no {pattern.pattern!r} at line {self.line}: the text is no valid TOML"
        self.line += found.group().count("\n")
        self.at = found.end()
        return found.group()

    def _move(self, count: int) -> None:
        self.at += count
