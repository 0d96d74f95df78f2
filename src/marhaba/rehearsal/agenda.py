"""Virtual time: everything that will happen, in order. Nothing in a rehearsal happens but from here.

Two things at one moment happen in the order in which they were put down, so that a seed is played the same way
every time.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable
from typing import Any, TextIO

import msgspec


class Agenda:
    """The clock and what is written down for it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.done = 0
        self._entries: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._order = 0

    def at(self, when: float, do: Callable[..., object], *args: Any) -> None:
        """`do(*args)` at `when`, or at once when that is past."""
        self._order += 1
        heapq.heappush(self._entries, (max(when, self.now), self._order, do, args))

    def after(self, seconds: float, do: Callable[..., object], *args: Any) -> None:
        self.at(self.now + seconds, do, *args)

    def run(self, until: float) -> None:
        """Let everything up to `until` happen."""
        entries = self._entries
        while entries and entries[0][0] <= until:
            self.now, _, do, args = heapq.heappop(entries)
            self.done += 1
            do(*args)
        self.now = max(self.now, until)


class Chronicle:
    """The log of a rehearsal: one line for everything that happened, and the digest of them all."""

    def __init__(self, agenda: Agenda, out: TextIO | None = None) -> None:
        self._agenda = agenda
        self._out = out
        self._hash = hashlib.blake2b(digest_size=16)
        self._hidden: list[tuple[bytes, bytes]] = []
        self.lines = 0

    def hide(self, text: str, instead: str) -> None:
        """What differs from one run to the next (a private folder) is written as something that does not."""
        self._hidden.append((text.encode(), instead.encode()))

    def note(self, what: str, *about: object) -> None:
        line = msgspec.json.encode([round(self._agenda.now, 6), what, *about]) + b"\n"
        for text, instead in self._hidden:
            line = line.replace(text, instead)
        self._hash.update(line)
        self.lines += 1
        if self._out is not None:
            self._out.write(line.decode())

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()
