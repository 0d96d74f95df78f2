"""One floor a data folder: the journal has a single writer, and two floors would ring the same agents twice."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from marhaba.kernel.errors import Refused


class FloorLock:
    """Held for the life of the process; the system releases it when the process dies, however it dies."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "run" / "floor.lock"
        self._file = -1

    def __enter__(self) -> FloorLock:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise Refused(
                f"a floor already runs on {self._path.parent.parent}",
                code="already-running",
                about={"path": self._path.parent.parent},
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)
