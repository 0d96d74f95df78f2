"""The floor's local socket: actions from the desk and the command line, and the board pushed to whoever subscribes.

The other end is `control.client`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from marhaba.journal.events import Event
from marhaba.kernel.messages import LINE_BYTES_MAX, Ask, Push, Reply

CLIENTS_MAX = 256
"""Web workers, boards and commands of one house; more is a leak somewhere."""
QUEUE_MAX = 2_000
"""Lines waiting for one slow subscriber; beyond it he is cut off and comes back with a fresh board."""


class ControlServer:
    """Serves the socket at `path` (mode 0600: the file's permission is the authentication)."""

    def __init__(
        self, path: Path, answer: Callable[[Ask], Awaitable[Reply]], board: Callable[[], Any]
    ) -> None:
        self._path = path
        self._answer = answer
        self._board = board
        self._server: asyncio.AbstractServer | None = None
        self._subscribers: set[asyncio.Queue[bytes]] = set()
        self._clients = 0
        self._last_board = b""

    async def start(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path.unlink(missing_ok=True)
        old = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=LINE_BYTES_MAX)
        finally:
            os.umask(old)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    @property
    def watched(self) -> bool:
        return bool(self._subscribers)

    def push_events(self, events: list[Event]) -> None:
        """To every subscriber, after the commit."""
        for event in events:
            self._push(Push(event=msgspec.to_builtins(event)))

    def push_board(self) -> None:
        """The board, when it differs from the last one pushed."""
        if not self._subscribers:
            return
        line = msgspec.json.encode(Push(board=self._board()))
        if line != self._last_board:
            self._last_board = line
            self._spread(line + b"\n")

    def _push(self, push: Push) -> None:
        self._spread(msgspec.json.encode(push) + b"\n")

    def _spread(self, line: bytes) -> None:
        for queue in list(self._subscribers):
            try:
                queue.put_nowait(line)
            except asyncio.QueueFull:
                self._subscribers.discard(queue)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._clients >= CLIENTS_MAX:
            writer.close()
            return
        self._clients += 1
        lines: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_MAX)
        sender = asyncio.ensure_future(_send(lines, writer))
        try:
            while line := await reader.readline():
                reply = await self._reply(line, lines)
                await lines.put(msgspec.json.encode(reply) + b"\n")
        except (ConnectionError, ValueError, asyncio.LimitOverrunError):
            pass  # the client went away, or sent a line beyond the limit
        except asyncio.CancelledError:
            pass  # the floor ends; a cancelled handler would be reported as an error
        finally:
            self._clients -= 1
            self._subscribers.discard(lines)
            sender.cancel()
            writer.close()

    async def _reply(self, line: bytes, lines: asyncio.Queue[bytes]) -> Reply:
        try:
            ask = msgspec.json.decode(line, type=Ask)
        except msgspec.DecodeError as wrong:
            return Reply(ok=False, code="bad-request", message=str(wrong))
        if ask.do == "subscribe":
            self._subscribers.add(lines)
            return Reply(ok=True, data=self._board())
        return await self._answer(ask)


async def _send(lines: asyncio.Queue[bytes], writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(await lines.get())
        await writer.drain()
