"""What may go wrong with the journal.

JournalError                 (a MarhabaError)
├── JournalBusy              another process holds the database locked; trying again works
├── JournalFull              the disk is full or refuses to write; trying again works once there is room
└── JournalDamaged           the file is no journal, a newer one, has a second writer, or its chain is broken
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from marhaba.kernel.errors import MarhabaError


class JournalError(MarhabaError):
    code = "journal"


class JournalBusy(JournalError):
    code = "journal-busy"


class JournalFull(JournalError):
    code = "journal-full"


class JournalDamaged(JournalError):
    code = "journal-damaged"


_PRIMARY = 0xFF
"""SQLite's extended result codes keep the primary code in their low byte (https://sqlite.org/rescode.html)."""
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}


@contextmanager
def declared() -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise JournalDamaged(f"another process writes this journal: {error}") from error
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if code in _BUSY:
            raise JournalBusy(str(error)) from error
        if code in _FULL:
            raise JournalFull(str(error)) from error
        raise JournalDamaged(str(error)) from error
