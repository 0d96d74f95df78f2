"""Where events go while the database is locked or the disk is full: a small append-only file with room of its own.

The room is taken from the disk when the file is made, so that a full disk still finds it. A record is a length, a
checksum and a list of events as JSON; the checksum covers the generation in the header, so that records of an
earlier use of the same room are never taken for new ones. A torn last record fails its checksum and is no record:
nobody was told that it was kept.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from marhaba.journal.errors import JournalFull
from marhaba.journal.events import Event

SPOOL_BYTES = 32 << 20
"""About 55,000 events: half an hour of a hundred busy agents."""
RECORD_BYTES_MAX = 16 << 20
"""A longer record is torn or foreign."""
_MAGIC = b"MRHBSPL1"
_HEADER = struct.Struct("<8sQ")  # magic, generation
_RECORD = struct.Struct("<II")  # payload length, CRC-32 of generation and payload


class Spool:
    """The events set aside, in order. One writer."""

    def __init__(self, path: Path, *, size: int = SPOOL_BYTES, read_only: bool = False) -> None:
        self.path = path
        self.events: list[Event] = []
        self._file = -1
        self._generation = 0
        self._end = _HEADER.size
        if read_only:
            if path.exists():
                self._load(path.read_bytes())
            return
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._load(path.read_bytes())
            self._reserve(size)
        except OSError:
            os.close(self._file)
            raise

    @property
    def last_seq(self) -> int:
        return self.events[-1].seq if self.events else 0

    def read(self) -> Iterator[Event]:
        yield from list(self.events)

    def append(self, events: Sequence[Event]) -> None:
        """Set numbered events aside; on disk when this returns. Raises JournalFull."""
        payload = msgspec.json.encode(list(events))
        record = _RECORD.pack(len(payload), self._sum(payload)) + payload
        try:
            _write(self._file, record, self._end)
            os.fdatasync(self._file)
        except OSError as error:
            raise JournalFull(f"no room to set events aside: {error.strerror}") from error
        self._end += len(record)
        self.events.extend(events)

    def clear(self) -> None:
        """Everything has reached the database: forget it."""
        self._generation += 1
        self._start()
        self.events.clear()

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _load(self, blob: bytes) -> None:
        if len(blob) < _HEADER.size or not blob.startswith(_MAGIC):
            return
        _, self._generation = _HEADER.unpack_from(blob)
        while self._end + _RECORD.size <= len(blob):
            length, checksum = _RECORD.unpack_from(blob, self._end)
            payload = blob[self._end + _RECORD.size : self._end + _RECORD.size + length]
            if not 0 < length <= RECORD_BYTES_MAX or len(payload) < length or self._sum(payload) != checksum:
                return
            self.events.extend(msgspec.json.decode(payload, type=list[Event]))
            self._end += _RECORD.size + length

    def _reserve(self, size: int) -> None:
        if not self.events:
            # A random generation is not needed: the header of a used file carries the last one.
            self._start()
        try:
            os.posix_fallocate(self._file, 0, size)
        except OSError:
            return  # the disk is nearly full already; what fits will have to do
        os.fsync(self._file)

    def _start(self) -> None:
        self._end = _HEADER.size
        try:
            _write(self._file, _HEADER.pack(_MAGIC, self._generation), 0)
            os.fdatasync(self._file)
        except OSError as error:
            raise JournalFull(f"the spool cannot be written: {error.strerror}") from error

    def _sum(self, payload: bytes) -> int:
        return zlib.crc32(payload, zlib.crc32(self._generation.to_bytes(8, "little")))


def _write(file: int, data: bytes, offset: int) -> None:
    """pwrite until all is written: a nearly full disk takes part of it first."""
    while data:
        count = os.pwrite(file, data, offset)
        data, offset = data[count:], offset + count
