"""The journal: every event of the floor, numbered, chained and on disk before its effect leaves.

SQLite in WAL mode with synchronous=FULL: a commit is on disk when `append` returns. One connection writes and it alone
checkpoints, so the WAL-reset bug of SQLite before 3.51.3 (https://sqlite.org/wal.html#walresetbug), which needs two
connections that write or checkpoint, is not met. Readers open read-only and in short transactions.

Each line carries the SHA-256 of the line before it and itself: a changed, removed or inserted line shows in `verify`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from marhaba.floor.events import Event
from marhaba.floor.journal_errors import JournalDamaged, JournalError, declared
from marhaba.floor.journal_spool import Spool

SCHEMA_VERSION = 1
APPLICATION_ID = 0x4D524842  # "MRHB", shown by file(1)
BUSY_S = 1.0
"""How long a commit waits for a foreign lock before the events go to the spool: a caller would hear longer."""
CHECKPOINT_PAGES = 2_000
"""WAL pages (8 MB) after which they are copied into the database: small enough to take milliseconds."""
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
_COLUMNS = "seq, at, kind, call_id, agent_id, queue_id, data"
_Row = tuple[int, float, str, str, str, str, str]


class Journal:
    """The file. Opened for writing by the floor alone; `read_only` for everybody else."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        if read_only and not path.exists():
            raise JournalError(f"there is no journal at {path}", code="no-journal")
        self._lock = threading.Lock()
        self.spool = Spool(path.with_suffix(".spool"), read_only=read_only)
        with declared():
            self._db = _connect(path, read_only=read_only)
            try:
                if not read_only:
                    _prepare(self._db)
                self._last, self.last_at, self._hash = _tail(self._db)
            except (sqlite3.Error, JournalError):
                self._db.close()
                raise

    @property
    def last_seq(self) -> int:
        """Number of the last event, in the database or still in the spool."""
        return max(self._last, self.spool.last_seq)

    @property
    def committed_seq(self) -> int:
        """Number of the last event in the database."""
        return self._last

    def append(self, events: Sequence[Event]) -> list[Event]:
        """Number `events`, write them in one commit, return them numbered.

        Raises JournalBusy or JournalFull; then none of them is written and they may be given again. An event that
        has its number already (from the spool) must have the next one.
        """
        numbered, rows, chained = [], [], self._hash
        for seq, event in enumerate(events, self._last + 1):
            if event.seq not in (0, seq):
                raise JournalDamaged(f"event {event.seq} where {seq} should stand")
            event = msgspec.structs.replace(event, seq=seq)
            data = msgspec.json.encode(event.data).decode()
            row = (seq, event.at, event.kind, event.call_id, event.agent_id, event.queue_id, data)
            chained = _chain(chained, row)
            numbered.append(event)
            rows.append((*row, chained))
        if numbered:
            with self._lock, declared():
                self._commit(rows)
            self._last, self.last_at, self._hash = numbered[-1].seq, numbered[-1].at, chained
        return numbered

    def read(self, after_seq: int = 0, kinds: Collection[str] | None = None) -> Iterator[Event]:
        """Events in order, those of the spool last. Each step is its own short transaction."""
        for row in self._rows(after_seq):
            if kinds is None or row[2] in kinds:
                yield _event(row)
            after_seq = row[0]
        for event in self.spool.read():
            if event.seq > after_seq and (kinds is None or event.kind in kinds):
                yield event

    def seq_at(self, at: float) -> int:
        """Number of the last event before the moment `at`: `at` never falls from one event to the next."""
        low, high = 0, self._last
        while low < high:
            middle = (low + high + 1) // 2
            row = self._select("SELECT at FROM events WHERE seq = ?", (middle,))
            if row and row[0][0] < at:
                low = middle
            else:
                high = middle - 1
        return low

    def verify(self) -> str:
        """Recompute the chain; "" when it holds, else what is wrong and where."""
        chained, expected, after = FIRST_HASH, 1, 0
        while rows := self._select(
            f"SELECT {_COLUMNS}, hash FROM events WHERE seq > ? ORDER BY seq LIMIT ?",  # noqa: S608 -- constant
            (after, READ_ROWS),
        ):
            for *row, stored in rows:
                if row[0] != expected:
                    return f"event {expected} is missing"
                chained = _chain(chained, tuple(row))  # type: ignore[arg-type]
                if chained != stored:
                    return f"event {expected} was changed"
                expected += 1
            after = rows[-1][0]
        return ""

    def checkpoint(self) -> None:
        """Copy the WAL into the database as far as readers allow."""
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

    def _commit(self, rows: Iterable[tuple[object, ...]]) -> None:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            db.executemany(_INSERT, rows)
            db.execute("COMMIT")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _rows(self, after_seq: int) -> Iterator[_Row]:
        while rows := self._select(
            f"SELECT {_COLUMNS} FROM events WHERE seq > ? ORDER BY seq LIMIT ?",  # noqa: S608 -- constant
            (after_seq, READ_ROWS),
        ):
            yield from rows
            after_seq = rows[-1][0]

    def _select(self, query: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
        with self._lock, declared():
            return self._db.execute(query, values).fetchall()
