"""The thread that writes recordings: append at once, make durable when there is time, report what the disk
refuses.
"""

from __future__ import annotations

import queue
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from marhaba.kernel.errors import LimitReached
from marhaba.media import g711
from marhaba.media.wav import WavWriter

WAITING_BYTES_MAX: Final = 64 << 20
"""20 s of 200 recordings while the disk does not answer; then sound is dropped and its place filled with
silence.
"""
_SILENCE_BYTES: Final = 1 << 16


@dataclass(slots=True, eq=False)
class Take:
    """One file being written. Past its creation only the writer thread touches it, but for `dropped`."""

    name: str
    path: str
    channels: int
    writer: WavWriter | None = None
    dropped: int = 0  # octets never handed over because too much waited
    repaid: int = 0  # of those, octets made good
    owed: int = 0  # octets the file lacks; silence takes their place when the disk answers again
    error: str = ""  # the first refusal


@dataclass(frozen=True, slots=True)
class Refusal:
    """The disk refused, said once a file; the writer goes on trying."""

    name: str
    error: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A file is complete and durable, or as complete as the disk allowed."""

    name: str
    path: str
    seconds: float
    error: str


class Writer:
    """Its methods never wait; results come out of `collect`."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[tuple[Take, bytes | None] | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[Refusal | Ended] = queue.SimpleQueue()
        self._dirty: OrderedDict[Take, None] = OrderedDict()
        self._given_bytes = 0  # written by the caller's thread only
        self._taken_bytes = 0  # written by the writer thread only
        self._thread = threading.Thread(target=self._work, name="recordings", daemon=True)
        self._thread.start()

    def open(self, name: str, path: str, *, channels: int) -> Take:
        take = Take(name, path, channels)
        self._waiting.put((take, b""))
        return take

    def append(self, take: Take, sound: bytes) -> None:
        if self._given_bytes - self._taken_bytes > WAITING_BYTES_MAX:
            take.dropped += len(sound)
            return
        self._given_bytes += len(sound)
        self._waiting.put((take, sound))

    def close_take(self, take: Take) -> None:
        self._waiting.put((take, None))

    def collect(self) -> list[Refusal | Ended]:
        found: list[Refusal | Ended] = []
        while not self._results.empty():
            found.append(self._results.get_nowait())
        return found

    def close(self) -> None:
        """Wait until everything handed over is written."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        while True:
            item = self._next()
            if item is None:
                return
            take, sound = item
            if sound is None:
                self._end(take)
            else:
                self._append(take, sound)
                self._taken_bytes += len(sound)

    def _next(self) -> tuple[Take, bytes | None] | None:
        """The next thing to write; files are made durable while there is none."""
        while self._dirty:
            try:
                return self._waiting.get_nowait()
            except queue.Empty:
                take, _ = self._dirty.popitem(last=False)
                self._sync(take)
        return self._waiting.get()

    def _append(self, take: Take, sound: bytes) -> None:
        owed, take.owed = take.owed + take.dropped - take.repaid + len(sound), 0
        take.repaid = take.dropped
        silent = owed - len(sound)
        try:
            if take.writer is None:
                take.writer = WavWriter(take.path, channels=take.channels)
            while silent:
                piece = min(silent, _SILENCE_BYTES)
                owed -= self._add(take.writer, bytes((g711.SILENCE[g711.A_LAW],)) * piece)
                silent -= piece
            owed -= self._add(take.writer, sound)
            take.writer.flush()
        except (OSError, LimitReached) as error:
            self._refused(take, error)
            take.owed = owed
        self._dirty[take] = None

    def _add(self, writer: WavWriter, sound: bytes) -> int:
        """Octets the writer took: all or none, whether or not it could pass them on to the disk."""
        before = writer.seconds
        try:
            writer.append(sound)
        except OSError:
            if writer.seconds == before:
                raise
        return len(sound)

    def _sync(self, take: Take) -> None:
        try:
            if take.writer is not None and not take.writer.closed:
                take.writer.sync()
        except OSError as error:
            self._refused(take, error)

    def _end(self, take: Take) -> None:
        self._dirty.pop(take, None)
        seconds = 0.0
        if take.writer is not None:
            seconds = take.writer.seconds
            try:
                take.writer.close()
            except OSError as error:
                self._refused(take, error)
        self._results.put(Ended(take.name, take.path, seconds, take.error))

    def _refused(self, take: Take, error: OSError | LimitReached) -> None:
        if not take.error:
            take.error = str(error)
            self._results.put(Refusal(take.name, take.error))
