"""The edge: the process where browsers' encrypted audio becomes plain RTP for the media workers.

It stands apart because a fault of the library that does it must cost no call's audio but that of the browsers, which come back
by themselves. A line opened by the pages is aimed by the floor; one that nobody aims is closed again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from pathlib import Path
from typing import Final, Protocol

from marhaba.kernel.errors import BadInput
from marhaba.media.browser_sdp import Offer, OwnSide, read_offer, write_answer
from marhaba.media.edge_protocol import (
    AnyEdgeCommand,
    AnyEdgeEvent,
    CloseLine,
    EdgeWelcome,
    LineOpened,
    LineRefused,
    OpenLine,
)
from marhaba.media.edge_rtpio import EdgeSettings, EngineHangs, EngineRefused, RtpIo
from marhaba.media.framing import BadFrame, edge_command_reader, frame

log = logging.getLogger(__name__)

AIMED_S: Final = 10.0
"""From the pages' offer to the floor's aim pass some milliseconds."""
LOOK_EVERY_S: Final = 5.0
LINE_NAME_MAX: Final = 64


class Engine(Protocol):
    async def open(self, line: str, offer: Offer) -> tuple[OwnSide, tuple[str, int]]: ...
    async def aim(self, line: str, host: str, port: int) -> None: ...
    async def close(self, line: str) -> None: ...
    async def look(self) -> None: ...


class Edge:
    def __init__(self, engine: Engine, *, lines_max: int) -> None:
        self._engine = engine
        self._lines_max = lines_max
        self._aimed: dict[str, bool] = {}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # of an edge that was killed
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, str(path))
        finally:
            os.umask(before)

    async def watch(self) -> None:
        """Until the engine hangs."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self._engine.look()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for line in list(self._aimed):
            await self._drop(line)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = edge_command_reader()
        try:
            writer.write(frame(EdgeWelcome([line for line, aimed in self._aimed.items() if aimed])))
            while data := await reader.read(1 << 16):
                for command in frames.feed(data):
                    if (said := await self._obey(command)) is not None:
                        writer.write(frame(said))
                await writer.drain()
        except (BadFrame, ConnectionError) as error:
            log.warning("disconnected: %s", error)
        finally:
            writer.close()

    async def _obey(self, command: AnyEdgeCommand) -> AnyEdgeEvent | None:
        if isinstance(command, OpenLine):
            return await self._open(command)
        if command.line not in self._aimed:
            return None  # it is over: whoever aimed it hears that from the browser, which comes again
        if isinstance(command, CloseLine):
            await self._drop(command.line)
            return None
        self._aimed[command.line] = True
        try:
            await self._engine.aim(command.line, command.host, command.port)
        except EngineRefused as gone:  # nothing came from the browser for a minute
            log.info("line %s: %s", command.line, gone)
            self._aimed.pop(command.line, None)
        return None

    async def _open(self, command: OpenLine) -> LineOpened | LineRefused:
        line = command.line
        if line in self._aimed or not line.isalnum() or len(line) > LINE_NAME_MAX:
            return LineRefused(line, "bad-offer", "the line's name")
        if len(self._aimed) >= self._lines_max:
            return LineRefused(line, "limit", str(self._lines_max))
        try:
            offer = read_offer(command.offer)
            self._aimed[line] = False
            own, (host, port) = await self._engine.open(line, offer)
        except (BadInput, EngineRefused) as wrong:
            await self._drop(line)
            return LineRefused(line, "bad-offer", str(wrong))
        task = asyncio.get_running_loop().create_task(self._close_unaimed(line))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return LineOpened(line, write_answer(offer, own), host, port, offer.dtmf_payload)

    async def _close_unaimed(self, line: str) -> None:
        await asyncio.sleep(AIMED_S)
        if not self._aimed.get(line, True):
            await self._drop(line)

    async def _drop(self, line: str) -> None:
        if self._aimed.pop(line, None) is not None:
            with contextlib.suppress(EngineRefused):  # the engine ended it: nothing came for a minute
                await self._engine.close(line)


def run_edge(settings: EdgeSettings, path: Path) -> None:
    """The whole life of the process, until SIGTERM or SIGINT. Raises `EngineHangs`: a fresh process is better."""
    asyncio.run(_run(settings, path))


async def _run(settings: EdgeSettings, path: Path) -> None:
    edge = Edge(RtpIo(settings), lines_max=settings.lines_max)
    await edge.start(path)
    loop = asyncio.get_running_loop()
    watching = loop.create_task(edge.watch())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, watching.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    except EngineHangs as hangs:
        log.error("the engine hangs: %s", hangs)
        os._exit(1)  # its threads would keep the process
    await edge.close()
    path.unlink(missing_ok=True)
    os._exit(0)
