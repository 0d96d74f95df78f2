"""The floor's board, followed once by each web process and handed to every reader.

    floor --Push--> Hub --one Variant for readers who see the same--> queue of each reader --> his stream

A reader gets a snapshot of all parts, then changes; `apply(snapshot, changes) == new snapshot` (`parts.Change`). Whoever
reads too slowly loses his queue and gets a snapshot again. When the floor is gone everybody is told, and the hub tries again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings

from marhaba.control.client import ControlClient
from marhaba.kernel.errors import LimitReached
from marhaba.kernel.messages import Reply
from marhaba.web.live.parts import Change, Variant, Watcher

log = logging.getLogger(__name__)
RETRY_S = 1.0
ASK_S = 5.0
"""Longest wait for the floor's answer to an act; it takes a millisecond when it lives."""
LINES_MAX = 20
"""Changes that wait for one slow reader: ten seconds of a busy floor."""
READERS_MAX = 1_000
"""Streams of one web process."""


class Reader:
    """One stream."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[bytes] = asyncio.Queue(LINES_MAX)
        self.lost = False  # he was too slow: what waits for him is no longer a sequence

    def put(self, line: bytes) -> None:
        try:
            self.lines.put_nowait(line)
        except asyncio.QueueFull:
            self.lost = True


class Hub:
    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.board: dict[str, Any] | None = None  # None: the floor does not answer
        self._variants: dict[Watcher, Variant] = {}
        self._readers: dict[Watcher, set[Reader]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow the floor. Call inside the loop that serves the pages."""
        if self._path is not None and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._follow(self._path))

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    @property
    def full(self) -> bool:
        return sum(map(len, self._readers.values())) >= READERS_MAX

    def parts(self, watcher: Watcher) -> dict[str, str]:
        """What the watcher sees now: HTML by the part's id, in order."""
        variant = self._variants.get(watcher)
        if variant is None:
            variant = Variant(watcher)
            variant.update(self.board)
        return variant.html

    @contextmanager
    def reading(self, watcher: Watcher) -> Iterator[Reader]:
        """A reader's place, whose first line is a snapshot. Raises `LimitReached` when there is none."""
        if self.full:
            raise LimitReached(f"{READERS_MAX} streams are open", code="too-many-streams")
        if watcher not in self._variants:
            variant = self._variants[watcher] = Variant(watcher)
            variant.update(self.board)
        reader = Reader()
        reader.put(self.snapshot(watcher))
        self._readers[watcher].add(reader)
        try:
            yield reader
        finally:
            self._readers[watcher].discard(reader)
            if not self._readers[watcher]:
                del self._readers[watcher], self._variants[watcher]

    def snapshot(self, watcher: Watcher) -> bytes:
        return line("snapshot", Change(parts=self._variants[watcher].html, gone=[], at=self._at()))

    def tell(self, board: dict[str, Any] | None) -> None:
        """Hand everybody what changed for him. Each variant is drawn once, whoever many read it."""
        self.board = board
        for watcher, variant in self._variants.items():
            changed = variant.update(board)
            if not changed.parts and not changed.gone:
                continue
            text = line("change", changed)
            for reader in self._readers[watcher]:
                reader.put(text)

    async def ask(self, do: str, **args: Any) -> Reply:
        """One act. Raises `ConnectionError` when the floor does not answer."""
        if self._path is None:
            raise ConnectionError("no floor")
        client = ControlClient(self._path)
        try:
            async with asyncio.timeout(ASK_S):
                await client.connect()
                return await client.ask(do, **args)
        except (OSError, TimeoutError) as lost:
            raise ConnectionError(str(lost)) from lost
        finally:
            await client.close()

    def _at(self) -> float:
        return self.board["at"] if self.board is not None else 0.0

    async def _follow(self, path: Path) -> None:
        while True:
            client = ControlClient(path)
            try:
                await client.connect()
                self.tell((await client.ask("subscribe")).data)
                while True:
                    push = await client.next_push()
                    if push.board is not None:
                        self.tell(push.board)
            except (OSError, msgspec.DecodeError, ValueError) as lost:
                log.info("the floor does not answer: %s", lost)
            finally:
                await client.close()
            self.tell(None)
            await asyncio.sleep(RETRY_S)


def line(event: str, change: Change) -> bytes:
    """As server-sent events say it (WHATWG HTML 9.2)."""
    return b"event: " + event.encode() + b"\ndata: " + msgspec.json.encode(change) + b"\n\n"


HUB = Hub(settings.ENVIRONMENT.floor)
"""Of this process."""
