"""The floor's end of a media worker's socket, and of the edge's."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar, cast

import msgspec

from marhaba.media.framing import BadFrame, FrameReader, frame

log = logging.getLogger(__name__)
E = TypeVar("E")

RETRY_S: Final = 0.1
"""A worker that restarts is back within a second; looking ten times a second costs nothing."""
UNSENT_BYTES_MAX: Final = 8 << 20
"""A worker that leaves so much unread is hung: the connection is given up and its calls are ended."""


class MediaClient(asyncio.Protocol, Generic[E]):
    """Connects, and connects again, until closed. Callbacks run in the loop, in the order of the socket.

    `on_event` takes every event, `Welcome` first on each connection; `on_lost` is called when a connection
    that had been made ends. Commands sent while there is no connection are dropped: the worker they meant is
    gone, and the next `Welcome` says what there is.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        reader: Callable[[], FrameReader[E]],
        on_event: Callable[[E], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._path = str(path)
        self._new_reader = reader
        self._on_event = on_event
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._reader = reader()
        self._outgoing: list[bytes] = []
        self._task: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()

    @property
    def connected(self) -> bool:
        return self._transport is not None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._keep_connected(), name=self._path)

    def send(self, command: msgspec.Struct) -> None:
        """Never waits; all commands of one turn of the loop leave in one write."""
        if self._transport is None:
            return
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outgoing.append(frame(command))

    async def close(self) -> None:
        """Deliver what was sent, then end; `on_lost` is not called."""
        self._flush()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()
            await self._gone.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._reader = self._new_reader()
        self._gone.clear()
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit from it

    def data_received(self, data: bytes) -> None:
        try:
            for event in self._reader.feed(data):
                self._on_event(event)
        except BadFrame as error:
            log.warning("worker %s disconnected: %s", self._path, error)
            if self._transport is not None:
                self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        wanted, self._transport = self._transport is not None, None
        self._outgoing.clear()
        self._gone.set()
        if wanted:
            self._on_lost()

    def _flush(self) -> None:
        if self._outgoing and self._transport is not None:
            self._transport.write(b"".join(self._outgoing))
            if self._transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
                log.warning("worker %s does not read: disconnected", self._path)
                self._transport.abort()
        self._outgoing.clear()

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                await loop.create_unix_connection(lambda: self, self._path)
            except OSError:
                await asyncio.sleep(RETRY_S)
                continue
            await self._gone.wait()
            await asyncio.sleep(RETRY_S)
