"""The thread that writes the journal, so that the floor's loop never waits for the disk.

Whatever waits when the disk is ready goes into one commit (group commit): the busier the floor, the more events share
an fsync. When the database is locked or the disk is full, events are set aside in the spool, which is as durable, and
follow into the database in order when it takes them again. Only when the spool fails too do events wait in memory:
nobody is told that they are kept, so nothing leaves the floor for them.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from marhaba.journal.errors import JournalError
from marhaba.journal.events import Event

if TYPE_CHECKING:
    from marhaba.journal.journal import Journal

GROUP_MAX = 2_000
"""Events in one commit: a few tens of milliseconds of work."""
RETRY_S = 0.25
"""How often a troubled writer asks whether the database is back."""
BUSY_S = 0.25
"""How long a commit waits for a foreign lock before events are set aside: a caller would hear longer."""
CLOSE_S = 5.0
"""What a closing floor gives a database in trouble; the spool keeps the rest for the next start."""

LATE_CHECKPOINT = 4.0
"""How far beyond its size the log may grow before a checkpoint no longer waits for a quiet moment."""

Done = Callable[[list[Event]], object]
_Told = deque[tuple[Done, list[Event]]]


class Writer(Protocol):
    """What the floor asks of whoever writes its journal."""

    def submit(self, events: Sequence[Event], done: Done) -> None:
        """Have `events` written; `done` is called with them, numbered, when they are on disk."""

    def close(self) -> None:
        """Write what is submitted, then close the journal."""


class Keeping:
    """What a writer does with events, whatever drives it: write them, or set them aside and try again.

    It knows no thread and no clock: `steady` is a clock, and whoever drives it calls `keep` as long as it is `busy`.
    `call_soon` is the loop's `call_soon_threadsafe`: `done` and `on_trouble` are called in the loop's thread.
    `on_trouble` gets what is wrong, and "" when it is over.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        call_soon: Callable[..., object],
        on_trouble: Callable[[str], object],
        steady: Callable[[], float],
    ) -> None:
        self.journal = journal
        self.closing = False
        self._call_soon = call_soon
        self._on_trouble = on_trouble
        self._steady = steady
        self._trouble = ""
        self._waiting: list[tuple[Sequence[Event], Done]] = []  # taken, and neither written nor set aside yet
        self._retry_at = 0.0
        self._catch_up()

    @property
    def waiting(self) -> bool:
        """Whether events wait in memory."""
        return bool(self._waiting)

    @property
    def busy(self) -> bool:
        """Whether anything is left to do: `keep` again, after RETRY_S at the latest."""
        return bool(self._waiting or self.journal.spool.events)

    def take(self, events: Sequence[Event], done: Done) -> None:
        self._waiting.append((events, done))

    def keep(self) -> None:
        """Write what waits, behind what was set aside; in trouble set it aside as well."""
        events = [event for job in self._waiting for event in job[0]]
        try:
            numbered: list[Event] | None = self._write(events)
        except JournalError as error:
            self._retry_at = self._steady() + RETRY_S
            self._say_trouble(f"{error.code}: {error}")
            numbered = self._set_aside(events)
        if numbered is not None:
            self._tell(numbered)

    def tidy(self, *, quiet: bool) -> None:
        """Between commits, when nobody waits, or when the log has grown too long to wait for such a moment."""
        due = self.journal.checkpoint_due
        if due >= 1.0 and (quiet or due >= LATE_CHECKPOINT):
            # A checkpoint that fails loses nothing, the log holds it all: it is tried again after as much again.
            with contextlib.suppress(JournalError):
                self.journal.checkpoint()

    def _write(self, events: list[Event]) -> list[Event]:
        journal = self.journal
        if journal.spool.events:
            if self._steady() < self._retry_at and not self.closing:
                return journal.set_aside(events)
            if not journal.drain(GROUP_MAX):
                return journal.set_aside(events)
        numbered = journal.append(events)
        self._say_trouble("")
        return numbered

    def _set_aside(self, events: list[Event]) -> list[Event] | None:
        try:
            return self.journal.set_aside(events)
        except JournalError as error:
            self._say_trouble(f"{error.code}: {error}")
            return None

    def _tell(self, numbered: list[Event]) -> None:
        told: _Told = deque()
        start = 0
        for events, done in self._waiting:
            told.append((done, numbered[start : start + len(events)]))
            start += len(events)
        self._waiting.clear()
        if told:
            self._call_soon(_tell_all, told, self._call_soon)

    def _say_trouble(self, trouble: str) -> None:
        if bool(trouble) != bool(self._trouble):
            # In trouble nobody waits for the lock: the spool takes events at once.
            self.journal.be_patient(0.0 if trouble else BUSY_S)
            self._call_soon(self._on_trouble, trouble)
        self._trouble = trouble

    def _catch_up(self) -> None:
        """What an earlier life of the floor set aside, before anything reads or writes."""
        try:
            while not self.journal.drain(GROUP_MAX):
                pass
        except JournalError as error:
            self._say_trouble(f"{error.code}: {error}")


class _Flush(threading.Event):
    """A request to say when everything submitted before it is kept."""


class JournalWriter:
    """The thread. Owns the journal from construction to `close`; see `Keeping` for its arguments."""

    def __init__(
        self,
        journal: Journal,
        *,
        call_soon: Callable[..., object],
        on_trouble: Callable[[str], object],
    ) -> None:
        self._keeping = Keeping(journal, call_soon=call_soon, on_trouble=on_trouble, steady=time.monotonic)
        self._jobs: queue.SimpleQueue[tuple[Sequence[Event], Done] | _Flush | None] = queue.SimpleQueue()
        self._flushes: list[_Flush] = []
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    def submit(self, events: Sequence[Event], done: Done) -> None:
        """Have `events` written; `done` is called with them, numbered, when they are on disk."""
        assert not self._keeping.closing, "the journal is closed"
        self._jobs.put((events, done))

    def flush(self) -> None:
        """Wait until everything submitted so far is kept. Not from the loop's own thread while it is in trouble."""
        flush = _Flush()
        self._jobs.put(flush)
        flush.wait()

    def close(self) -> None:
        """Write what is submitted, end the thread, close the journal."""
        self._keeping.closing = True
        self._jobs.put(None)
        self._thread.join()
        self._keeping.journal.close()

    # -- the writer's thread ---------------------------------------------------------------------------

    def _work(self) -> None:
        keeping, close_at = self._keeping, float("inf")
        while True:
            self._take()
            if keeping.closing:
                close_at = min(close_at, time.monotonic() + CLOSE_S)
            if keeping.busy:
                keeping.keep()
            if not keeping.waiting:
                for flush in self._flushes:
                    flush.set()
                self._flushes.clear()
                keeping.tidy(quiet=self._jobs.empty())
            done = not keeping.busy or time.monotonic() >= close_at
            if keeping.closing and self._jobs.empty() and done:
                return

    def _take(self) -> None:
        """Everything that waits; blocks until there is something to do."""
        keeping = self._keeping
        try:
            job = self._jobs.get(timeout=RETRY_S if keeping.closing or keeping.busy else None)
            count = 0
            while True:
                if job is None:
                    pass  # `close` only wakes us
                elif isinstance(job, _Flush):
                    self._flushes.append(job)
                else:
                    keeping.take(*job)
                    count += len(job[0])
                if count >= GROUP_MAX:
                    return
                job = self._jobs.get_nowait()
        except queue.Empty:
            return


class InlineWriter:
    """The writer without a thread, for the simulator and for tests: `done` is called before `submit` returns.

    Without a journal it numbers the events and keeps them in `events`.
    """

    def __init__(self, journal: Journal | None = None) -> None:
        self.events: list[Event] = []
        self._journal = journal

    def submit(self, events: Sequence[Event], done: Done) -> None:
        if self._journal is not None:
            numbered = self._journal.append(events)
        else:
            first = len(self.events) + 1
            numbered = [msgspec.structs.replace(event, seq=seq) for seq, event in enumerate(events, first)]
            self.events.extend(numbered)
        done(numbered)

    def flush(self) -> None:
        """Nothing ever waits."""

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()


def _tell_all(told: _Told, call_soon: Callable[..., object]) -> None:
    """In the loop's thread. One callback that fails does not keep the others from being called."""
    try:
        while told:
            done, events = told.popleft()
            done(events)
    finally:
        if told:
            call_soon(_tell_all, told, call_soon)
