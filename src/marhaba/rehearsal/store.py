"""The disk under the floor: the real journal on a private folder, with a lock, a full disk or a crash where the seed
wants one.

A floor that is killed leaves its files as a power cut would: the database and its write-ahead log as they stand, and
behind them the torn beginning of what was being written.
"""

from __future__ import annotations

import errno
import random
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marhaba.floor import checkpoint
from marhaba.journal.errors import JournalFull
from marhaba.journal.events import Event
from marhaba.journal.journal import Journal
from marhaba.journal.writer import BUSY_S, RETRY_S, Done, Keeping
from marhaba.rehearsal.agenda import Agenda

SPOOL_BYTES = 1 << 18
"""Enough for minutes; the real 32 MiB would be taken from the disk at every start."""
CLOSE_TRIES = 40
"""How often a closing writer tries a database in trouble: its five seconds, every quarter of one and a half."""
WAL_FRAME_BYTES = 4_096 + 24
TEAR_BYTES = 64
"""How exactly the end of a record is found that is to be torn."""


@dataclass(slots=True)
class Disk:
    """How the disk is, and what happens to whoever writes. Shared by all lives of the floor."""

    agenda: Agenda
    rng: random.Random
    commit_s: float = 0.002  # a commit with its fsync
    slow_s: float = 0.0  # and so much more, now and then
    trouble: str = ""  # "" | locked | full
    spool_full: bool = False
    crash_at: str = ""  # "" | before | after | torn: at the next commit
    on_crash: Callable[[str], None] = lambda _: None
    on_kept: Callable[[list[Event]], None] = lambda _: None
    seen: dict[str, int] = field(default_factory=dict)

    def count(self, what: str) -> None:
        self.seen[what] = self.seen.get(what, 0) + 1

    def crash(self, where: str) -> bool:
        """Whether the process dies here."""
        if self.crash_at != where:
            return False
        self.crash_at = ""
        self.on_crash(where)
        return True


class RehearsedJournal(Journal):
    """The real one; its file refuses when the disk does."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._disk = disk
        super().__init__(path, spool_bytes=SPOOL_BYTES)
        # A rehearsal cuts no power: what the system has, the next life finds.
        self._db.execute("PRAGMA synchronous = OFF")

    def append(self, events: Sequence[Event]) -> list[Event]:
        numbered = super().append(events)
        if numbered:
            self._disk.on_kept(numbered)
        return numbered

    def set_aside(self, events: Sequence[Event]) -> list[Event]:
        if self._disk.spool_full:
            self._disk.count("spool-full")
            raise JournalFull("no room to set events aside: rehearsed")
        tear = bool(events) and self._disk.crash("torn")
        before = self.spool.path.read_bytes() if tear else b""
        numbered = super().set_aside(events)
        if tear:
            _tear(self.spool.path, before)
            return numbered
        if numbered:
            self._disk.count("set-aside")
            self._disk.on_kept(numbered)
        return numbered

    def _commit(self, rows: Iterable[tuple[Any, ...]]) -> None:
        if self._disk.trouble:
            self._disk.count(self._disk.trouble)
            raise _refusal(self._disk.trouble)
        super()._commit(rows)

    def die(self) -> None:
        """The process is gone: its files stay as they are, a torn frame behind the log."""
        log = self.path.with_name(self.path.name + "-wal")
        kept = {path: path.read_bytes() for path in (self.path, log) if path.exists()}
        self._db.close()
        self.spool.close()
        for path, blob in kept.items():
            path.write_bytes(blob)
        if len(kept.get(log, b"")) > WAL_FRAME_BYTES and self._disk.rng.random() < 0.5:
            self._disk.count("torn-log")
            frame = kept[log][-WAL_FRAME_BYTES:]
            with log.open("ab") as file:
                file.write(frame[: self._disk.rng.randrange(1, WAL_FRAME_BYTES)])
        self.path.with_name(self.path.name + "-shm").unlink(missing_ok=True)


class VirtualWriter:
    """The journal's writer without its thread: the same `Keeping`, and commits that take virtual time."""

    def __init__(
        self,
        journal: Journal,
        disk: Disk,
        *,
        alive: Callable[[], bool],
        call_soon: Callable[..., object],
        on_trouble: Callable[[str], object],
    ) -> None:
        self._keeping = Keeping(
            journal, call_soon=call_soon, on_trouble=on_trouble, steady=lambda: disk.agenda.now
        )
        self._disk = disk
        self._alive = alive
        self._planned = False
        if self._keeping.busy:
            self._plan(RETRY_S)

    def submit(self, events: Sequence[Event], done: Done) -> None:
        if self._alive():
            self._keeping.take(events, done)
            slow = self._disk.slow_s if self._disk.slow_s and self._disk.rng.random() < 0.2 else 0.0
            locked = BUSY_S if self._disk.trouble == "locked" else 0.0
            self._plan(self._disk.commit_s + slow + locked)

    def close(self) -> None:
        self._keeping.closing = True
        for _ in range(CLOSE_TRIES):
            if self._keeping.busy:
                self._keeping.keep()
        self._keeping.journal.close()

    def _plan(self, seconds: float) -> None:
        if not self._planned:
            self._planned = True
            self._disk.agenda.after(seconds, self._keep)

    def _keep(self) -> None:
        self._planned = False
        if not self._alive() or self._keeping.closing or self._disk.crash("before"):
            return
        self._keeping.keep()
        if not self._alive() or self._disk.crash("after"):
            return
        if self._keeping.busy:
            self._plan(RETRY_S)
        self._keeping.tidy(quiet=True)


def write_file(disk: Disk, alive: Callable[[], bool], path: Path, blob: bytes, *, sync: bool = True) -> None:
    """A checkpoint or the bindings of phones: refused when the disk is full, torn when the process dies over it."""
    if not alive():
        return
    if disk.trouble == "full":
        disk.count("file-refused")
        raise OSError(errno.ENOSPC, "No space left on device")
    if disk.crash("file"):
        path.with_suffix(".new").write_bytes(blob[: len(blob) // 2])
        return
    checkpoint.write(path, blob, sync=False)


def _refusal(trouble: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(
        "database is locked" if trouble == "locked" else "database or disk is full"
    )
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY if trouble == "locked" else sqlite3.SQLITE_FULL
    return error


def _tear(path: Path, before: bytes) -> None:
    """Take back the second half of what was just written over `before`."""
    after = path.read_bytes()
    changed = [
        at
        for at in range(0, len(after), TEAR_BYTES)
        if after[at : at + TEAR_BYTES] != before[at : at + TEAR_BYTES]
    ]
    if changed:
        half = (changed[0] + changed[-1] + TEAR_BYTES) // 2
        path.write_bytes(after[:half] + bytes(len(after) - half))
