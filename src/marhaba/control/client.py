"""The floor's local socket, from the other end: for the command line and the pages."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from marhaba.kernel.messages import LINE_BYTES_MAX, Ask, Push, Reply

PUSHES_MAX = 2_000
"""Pushed lines that nobody has fetched yet."""


class ControlClient:
    """One connection. Asks are answered in order; pushes that come between are kept for `next_push`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.pushes: asyncio.Queue[Push] = asyncio.Queue(PUSHES_MAX)

    async def connect(self) -> None:
        self._reader, self._writer = await asyncio.open_unix_connection(str(self._path), limit=LINE_BYTES_MAX)

    async def ask(self, do: str, **args: Any) -> Reply:
        assert self._reader is not None
        assert self._writer is not None
        self._writer.write(msgspec.json.encode(Ask(do, args)) + b"\n")
        await self._writer.drain()
        while line := await self._reader.readline():
            if b'"ok"' in line[:8]:
                return msgspec.json.decode(line, type=Reply)
            self.pushes.put_nowait(msgspec.json.decode(line, type=Push))
        raise ConnectionError("the floor closed the socket")

    async def next_push(self) -> Push:
        """The next pushed line (after `ask("subscribe")`); raises ConnectionError when the floor goes."""
        assert self._reader is not None
        if not self.pushes.empty():
            return self.pushes.get_nowait()
        line = await self._reader.readline()
        if not line:
            raise ConnectionError("the floor closed the socket")
        return msgspec.json.decode(line, type=Push)

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
