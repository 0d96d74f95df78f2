"""The edge over its socket: lines opened, aimed, refused, closed; and rtp.io itself underneath."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from marhaba.media import edge as edge_module
from marhaba.media.browser_sdp import Offer, OwnSide
from marhaba.media.edge import Edge
from marhaba.media.edge_protocol import (
    AimLine,
    AnyEdgeEvent,
    CloseLine,
    EdgeCommand,
    EdgeWelcome,
    LineOpened,
    LineRefused,
    OpenLine,
)
from marhaba.media.edge_rtpio import EngineRefused
from marhaba.media.framing import edge_event_reader, frame
from tests.media.test_browser_sdp import CHROMIUM, OWN


class Engine:
    """One that notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.gone: set[str] = set()

    async def open(self, line: str, offer: Offer) -> tuple[OwnSide, tuple[str, int]]:
        self.asked.append(("open", line, offer.ufrag))
        if line in self.gone:
            raise EngineRefused("U: E7")
        return OWN, ("127.0.0.1", 44_020)

    async def aim(self, line: str, host: str, port: int) -> None:
        self.asked.append(("aim", line, host, port))
        if line in self.gone:
            raise EngineRefused("L: E8")

    async def close(self, line: str) -> None:
        self.asked.append(("close", line))

    async def look(self) -> None: ...


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.frames = edge_event_reader()
        self.events: list[AnyEdgeEvent] = []

    def send(self, command: EdgeCommand) -> None:
        self.writer.write(frame(command))

    async def next(self) -> AnyEdgeEvent:
        while not self.events:
            self.events += self.frames.feed(await asyncio.wait_for(self.reader.read(1 << 16), 5))
        return self.events.pop(0)


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_unix_connection(str(path))
    yield Client(reader, writer)
    writer.close()


@asynccontextmanager
async def running(engine: Engine, *, lines_max: int = 10) -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run" / "edge.sock"
        edge = Edge(engine, lines_max=lines_max)
        await edge.start(path)
        assert path.stat().st_mode & 0o777 == 0o600
        yield path
        await edge.close()


def test_a_line_is_opened_aimed_and_closed() -> None:
    async def play() -> None:
        engine = Engine()
        async with running(engine) as path:
            async with connected(path) as pages:
                assert await pages.next() == EdgeWelcome([])
                pages.send(OpenLine("a1", CHROMIUM))
                opened = await pages.next()
                assert isinstance(opened, LineOpened)
                assert (opened.host, opened.port, opened.dtmf_payload) == ("127.0.0.1", 44_020, 126)
                assert "a=ice-ufrag:t5ic" in opened.answer
            async with connected(path) as floor:
                assert await floor.next() == EdgeWelcome([])  # nobody aimed it yet
                floor.send(AimLine("a1", "127.0.0.1", 20_000))
                floor.send(AimLine("stranger", "127.0.0.1", 20_002))
                floor.send(OpenLine("a1", CHROMIUM))
                assert await floor.next() == LineRefused("a1", "bad-offer", "the line's name")
            async with connected(path) as floor:
                assert await floor.next() == EdgeWelcome(["a1"])
                floor.send(CloseLine("a1"))
                floor.send(OpenLine("a1", CHROMIUM))
                assert isinstance(await floor.next(), LineOpened)
        assert engine.asked == [
            ("open", "a1", "6HRG"),
            ("aim", "a1", "127.0.0.1", 20_000),
            ("close", "a1"),
            ("open", "a1", "6HRG"),
            ("close", "a1"),
        ]

    asyncio.run(play())


def test_limits_bad_offers_and_an_engine_that_refuses() -> None:
    async def play() -> None:
        engine = Engine()
        engine.gone.add("gone")
        async with running(engine, lines_max=1) as path, connected(path) as pages:
            await pages.next()
            pages.send(OpenLine("a1", "v=0"))
            assert isinstance(refused := await pages.next(), LineRefused)
            assert refused.code == "bad-offer"
            pages.send(OpenLine("a b", CHROMIUM))
            assert isinstance(await pages.next(), LineRefused)
            pages.send(OpenLine("gone", CHROMIUM))
            assert isinstance(await pages.next(), LineRefused)
            pages.send(OpenLine("a1", CHROMIUM))
            assert isinstance(await pages.next(), LineOpened)
            pages.send(OpenLine("a2", CHROMIUM))
            assert await pages.next() == LineRefused("a2", "limit", "1")
            engine.gone.add("a1")
            pages.send(AimLine("a1", "127.0.0.1", 20_000))  # it had ended by itself: its place is free
            pages.send(OpenLine("a2", CHROMIUM))
            assert isinstance(await pages.next(), LineOpened)
            pages.writer.write(b"\xff\xff\xff\xff")
            assert await asyncio.wait_for(pages.reader.read(1), 5) == b""

    asyncio.run(play())


def test_a_line_that_nobody_aims_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_module, "AIMED_S", 0.05)

    async def play() -> None:
        engine = Engine()
        async with running(engine) as path, connected(path) as pages:
            await pages.next()
            pages.send(OpenLine("a1", CHROMIUM))
            pages.send(OpenLine("a2", CHROMIUM))
            await pages.next()
            await pages.next()
            pages.send(AimLine("a2", "127.0.0.1", 20_000))
            await asyncio.sleep(0.3)
            assert ("close", "a1") in engine.asked
            assert ("close", "a2") not in engine.asked

    asyncio.run(play())


REAL = """
import asyncio, os, sys
from marhaba.media.browser_sdp import read_offer
from marhaba.media.edge_rtpio import EdgeSettings, EngineRefused, RtpIo
from tests.media.test_browser_sdp import CHROMIUM

async def play():
    engine = RtpIo(EdgeSettings(host=sys.argv[1], advertised_host="203.0.113.9", port_first=44_500, ports=40))
    own, (host, port) = await engine.open("a1", read_offer(CHROMIUM))
    assert own.host == "203.0.113.9" and own.setup == "passive" and len(own.fingerprint) == 95, own
    assert host == "127.0.0.1" and 44_500 <= port < 44_540 and 44_500 <= own.port < 44_540, (host, port)
    await engine.aim("a1", "127.0.0.1", 20_000)
    await engine.close("a1")
    try:
        await engine.aim("a1", "127.0.0.1", 20_000)
    except EngineRefused:
        pass
    else:
        raise SystemExit("a closed line was aimed")
    await engine.look()
    print("done", flush=True)

asyncio.run(play())
os._exit(0)  # rtp.io's threads
"""


@pytest.mark.skipif(sys.platform != "linux", reason="rtp.io has wheels for Linux alone")
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_real_engine_opens_aims_and_closes(host: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", REAL, host], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.stdout == "done\n", ran.stderr
