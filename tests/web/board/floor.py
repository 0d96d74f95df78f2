"""A floor that only shows a board: the real socket, with what a test says behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from marhaba.floor.control import ControlServer
from marhaba.kernel.messages import Ask, Reply
from tests.web.board.boards import board


class ShownFloor:
    def __init__(self, path: Path) -> None:
        self.board = board()
        self.asked: list[Ask] = []
        self.reply = Reply(ok=True)
        self._server = ControlServer(path, self._answer, lambda: self.board)

    async def open(self) -> None:
        await self._server.start()

    async def close(self) -> None:
        """And its connections with it, as when a process ends."""
        await self._server.close()
        served = [task for task in asyncio.all_tasks() if "ControlServer._serve" in repr(task)]
        for task in served:
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)

    def show(self, **about: Any) -> None:
        self.board = board(**about)
        self._server.push_board()

    async def _answer(self, ask: Ask) -> Reply:
        self.asked.append(ask)
        return self.reply


class FloorThread:
    """The same beside a browser, which has a loop of its own."""

    def __init__(self, floor: ShownFloor, loop: asyncio.AbstractEventLoop) -> None:
        self.floor, self._loop = floor, loop

    def show(self, **about: Any) -> None:
        self._loop.call_soon_threadsafe(lambda: self.floor.show(**about))


@contextmanager
def floor_thread(path: Path) -> Iterator[FloorThread]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    floor = ShownFloor(path)
    asyncio.run_coroutine_threadsafe(floor.open(), loop).result(10)
    try:
        yield FloorThread(floor, loop)
    finally:
        asyncio.run_coroutine_threadsafe(floor.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
