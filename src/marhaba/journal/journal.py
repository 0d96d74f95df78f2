"""The journal: every event of the floor, numbered, chained and on disk before its effect leaves.

SQLite in WAL mode with synchronous=FULL: a commit is on disk when `append` returns. One connection writes and it
alone checkpoints, so the WAL-reset bug of SQLite before 3.51.3 (https://sqlite.org/wal.html#walresetbug), which
needs two connections that write or checkpoint, is not met. Readers open read-only, in short transactions.

Each line carries the SHA-256 of the line before it and itself: a changed, removed or inserted line shows in
`verify`. What cannot be written now is set aside in the spool and follows later (`writer`).
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from marhaba.journal.errors import (
    JournalBusy,
    JournalDamaged,
    JournalError,
    JournalFull,
    declared,
)
from marhaba.journal.events import Event
from marhaba.journal.spool import SPOOL_BYTES, Spool
from marhaba.journal.writer import BUSY_S, InlineWriter, JournalWriter

__all__ = [
    "InlineWriter",
    "Journal",
    "JournalBusy",
    "JournalDamaged",
    "JournalError",
    "JournalFull",
    "JournalWriter",
]

SCHEMA_VERSION = 1
APPLICATION_ID = 0x4D524842  # "MRHB", shown by file(1)
CHECKPOINT_PAGES = 4_000
"""WAL pages (16 MB) after which they are copied into the database: tens of milliseconds, every minute or so."""
PAGE_BYTES = 4_096
READ_ROWS = 5_000
"""Lines per read transaction: an open one keeps the WAL from being reused."""
FIRST_HASH = bytes(32)

_SCHEMA = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    call_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    queue_id TEXT NOT NULL,
    data TEXT NOT NULL,
    hash BLOB NOT NULL
)
"""
_INSERT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_PAGE = (
    "SELECT seq, at, kind, call_id, agent_id, queue_id, data FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
)
_OF_CALL = (
    "SELECT seq, at, kind, call_id, agent_id, queue_id, data FROM events"
    " WHERE seq BETWEEN ? AND ? AND (call_id = ? OR seq = ?) ORDER BY seq"
)
_PAGE_HASHED = "SELECT seq, at, kind, call_id, agent_id, queue_id, data, hash FROM events WHERE seq > ? ORDER BY seq LIMIT ?"


class Journal:
    """The file. Opened for writing by the floor alone; `read_only` by everybody else."""

    def __init__(self, path: Path, *, read_only: bool = False, spool_bytes: int = SPOOL_BYTES) -> None:
        self.path = path
        self.read_only = read_only
        if read_only and not path.exists():
            raise JournalError(f"there is no journal at {path}", code="no-journal")
        self._lock = threading.Lock()
        self._dirty_pages = 0
        with declared():
            self._db = _connect(path, read_only=read_only)
            try:
                if not read_only:
                    _prepare(self._db)
                _check(self._db)
                self.committed_seq, self.last_at, self._hash = _tail(self._db)
                self.spool = Spool(path.with_suffix(".spool"), size=spool_bytes, read_only=read_only)
            except (sqlite3.Error, JournalError, OSError):
                self._db.close()
                raise
        if self.spool.events:
            self.last_at = max(self.last_at, self.spool.events[-1].at)

    @property
    def last_seq(self) -> int:
        """Number of the last event, in the database or still in the spool."""
        return max(self.committed_seq, self.spool.last_seq)

    # -- writing ---------------------------------------------------------------------------------------

    def append(self, events: Sequence[Event]) -> list[Event]:
        """Number `events`, write them in one commit, return them numbered.

        Raises JournalBusy or JournalFull; then none of them is written and they may be given again.
        """
        assert not self.spool.events, "what was set aside comes first"
        numbered = _numbered(events, self.committed_seq)
        self._write(numbered)
        return numbered

    def set_aside(self, events: Sequence[Event]) -> list[Event]:
        """Number `events` and keep them in the spool, until `drain`. Raises JournalFull."""
        numbered = _numbered(events, self.last_seq)
        if numbered:
            self.spool.append(numbered)
            self.last_at = numbered[-1].at
        return numbered

    def drain(self, count_max: int) -> bool:
        """Move up to `count_max` events from the spool into the database. True: nothing is left in it."""
        # A crash between the commit and the clearing leaves events in both places: the database's count.
        left = [event for event in self.spool.events if event.seq > self.committed_seq]
        self._write(left[:count_max])
        if len(left) > count_max:
            return False
        if self.spool.events:
            self.spool.clear()
        return True

    def be_patient(self, seconds: float) -> None:
        """How long to wait for a lock from now on."""
        with self._lock, declared():
            self._db.execute(f"PRAGMA busy_timeout = {int(seconds * 1_000)}")

    @property
    def checkpoint_due(self) -> float:
        """How full the write-ahead log is; from 1 on it should be copied."""
        return self._dirty_pages / CHECKPOINT_PAGES

    def checkpoint(self) -> None:
        """Copy the write-ahead log into the database as far as readers allow."""
        self._dirty_pages = 0
        with self._lock, declared():
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        with self._lock:
            if not self.read_only:
                try:
                    self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                except sqlite3.Error:
                    pass  # everything is in the WAL already; the next start takes it from there
            self._db.close()
        self.spool.close()

    def _write(self, numbered: Sequence[Event]) -> None:
        if not numbered:
            return
        rows, chained, size = [], self._hash, 0
        for event in numbered:
            data = msgspec.json.encode(event.data).decode()
            row = (event.seq, event.at, event.kind, event.call_id, event.agent_id, event.queue_id, data)
            chained = _chain(chained, row)
            rows.append((*row, chained))
            size += len(data)
        with self._lock, declared():
            self._commit(rows)
        self.committed_seq, self.last_at, self._hash = numbered[-1].seq, numbered[-1].at, chained
        self._dirty_pages += 2 + (size + 120 * len(rows)) // PAGE_BYTES  # 120: a line's other columns

    def _commit(self, rows: Iterable[tuple[Any, ...]]) -> None:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            db.executemany(_INSERT, rows)
            db.execute("COMMIT")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    # -- reading ---------------------------------------------------------------------------------------

    def read(self, after_seq: int = 0, kinds: Collection[str] | None = None) -> Iterator[Event]:
        """Events in order, those of the spool last. Each page is its own short transaction."""
        while rows := self._select(_PAGE, after_seq, READ_ROWS):
            yield from (_event(row) for row in rows if kinds is None or row[2] in kinds)
            after_seq = rows[-1][0]
        for event in self.spool.read():
            if event.seq > after_seq and (kinds is None or event.kind in kinds):
                yield event

    def page(self, after_seq: int, count_max: int) -> list[Event]:
        """The next events of the database; those of the spool follow when they are in it."""
        return [_event(row) for row in self._select(_PAGE, after_seq, count_max)]

    def of_call(self, call: str, first_seq: int, last_seq: int) -> list[Event]:
        """A call's events between two numbers, both included; the first one is its own even if it names another call."""
        return [_event(row) for row in self._select(_OF_CALL, first_seq, last_seq, call, first_seq)]

    def digest(self, seq: int) -> str:
        """The chain's hash at that event; "" where there is none. Two journals that agree on it agree on all before."""
        found = self._select("SELECT hash FROM events WHERE seq = ?", seq)
        return found[0][0].hex() if found else ""

    def seq_at(self, at: float) -> int:
        """Number of the last event before the moment `at`; `at` never falls from one event to the next."""
        low, high = 0, self.committed_seq
        while low < high:
            middle = (low + high + 1) // 2
            if self._select("SELECT at FROM events WHERE seq = ?", middle)[0][0] < at:
                low = middle
            else:
                high = middle - 1
        return low

    def verify(self, after_seq: int = 0, last_seq: int | None = None) -> str:
        """Recompute the chain, or the part of it between two events: "" when it holds, else what is wrong and where."""
        chained, expected = bytes.fromhex(self.digest(after_seq)) or FIRST_HASH, after_seq + 1
        while rows := self._select(_PAGE_HASHED, expected - 1, _portion(expected, last_seq)):
            for *row, stored in rows:
                if row[0] != expected:
                    return f"event {expected} is missing"
                chained = _chain(chained, row)
                if chained != stored:
                    return f"event {expected} was changed"
                expected += 1
        return f"event {expected} is missing" if last_seq is not None and expected <= last_seq else ""

    def _select(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock, declared():
            return self._db.execute(query, values).fetchall()


_decode = msgspec.json.Decoder(dict[str, Any]).decode


def _event(row: tuple[Any, ...]) -> Event:
    seq, at, kind, call_id, agent_id, queue_id, data = row
    return Event(at, kind, call_id, agent_id, queue_id, _decode(data), seq)


def _portion(first: int, last: int | None) -> int:
    """How many lines to read from `first` on."""
    return READ_ROWS if last is None else max(0, min(READ_ROWS, last - first + 1))


def _numbered(events: Sequence[Event], last: int) -> list[Event]:
    return [msgspec.structs.replace(event, seq=seq) for seq, event in enumerate(events, last + 1)]


def _chain(before: bytes, row: Sequence[Any]) -> bytes:
    """The line's hash: over the hash before it and the line as a JSON array, numbers as SQLite holds them."""
    return hashlib.sha256(before + msgspec.json.encode(row)).digest()


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    if not read_only:
        os.close(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        )  # who called is nobody's business
    mode = "ro" if read_only else "rw"
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,  # transactions are begun and ended here, in sight
        check_same_thread=False,  # the writer's thread and the reader's are kept apart by the lock
    )


def _prepare(db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise JournalDamaged("this file system does not carry a write-ahead log")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA wal_autocheckpoint = 0")
    if db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
        db.execute("BEGIN IMMEDIATE")
        db.execute(_SCHEMA)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("COMMIT")


def _check(db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise JournalDamaged("this file is no journal of Marhaba")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version != SCHEMA_VERSION:
        raise JournalDamaged(f"this journal has format {version}; this Marhaba knows {SCHEMA_VERSION}")


def _tail(db: sqlite3.Connection) -> tuple[int, float, bytes]:
    row = db.execute("SELECT seq, at, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    return row if row is not None else (0, 0.0, FIRST_HASH)
