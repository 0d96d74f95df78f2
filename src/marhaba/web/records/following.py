"""One thread of one web process keeps the rows behind the journal; which one, a lock on a file decides."""

from __future__ import annotations

import fcntl
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.db import DatabaseError, connection

from marhaba.journal.journal import Journal, JournalError
from marhaba.web.records.domain.projection import follow

LOOK_S: Final = 0.5
"""Between two looks at a journal that had nothing new."""
REST_S: Final = 0.01
"""Between two portions of a long one: pages that save something come first."""
AGAIN_S: Final = 5.0
"""After a failure, and until another process's follower has ended."""
LOG: Final = logging.getLogger(__name__)


class Follower:
    """Started and stopped with the web process."""

    def __init__(self, data: Path) -> None:
        self.journal = data / "journal.sqlite"
        self.lock = data / "run" / "records.lock"
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="records", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the portion in progress is written."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                with _alone(self.lock) as mine:
                    if mine and self.journal.exists():
                        self._follow()
            except (DatabaseError, JournalError, sqlite3.Error, OSError):
                LOG.exception("the call records stand still; they go on in %g s", AGAIN_S)
            finally:
                connection.close()
            self._end.wait(AGAIN_S if self.journal.exists() else LOOK_S)

    def _follow(self) -> None:
        journal = Journal(self.journal, read_only=True)
        try:
            told = 1
            while not self._end.wait(REST_S if told else LOOK_S):
                told = follow(journal)
        finally:
            journal.close()


@contextmanager
def _alone(lock: Path) -> Iterator[bool]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
