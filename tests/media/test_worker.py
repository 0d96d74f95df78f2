"""The worker as a process: its socket, the floor that comes and goes, and how it ends."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
import stat
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import pytest

from marhaba.media.client import MediaClient
from marhaba.media.framing import event_reader, frame
from marhaba.media.protocol import (
    AnyEvent,
    AskStats,
    CloseLeg,
    Digit,
    Hear,
    LegClosed,
    OpenLeg,
    PlayEnded,
    PortsFree,
    Record,
    RecordEnded,
    Welcome,
    WorkerStats,
)
from marhaba.media.testing import LOOPBACK, Phone
from marhaba.media.tones import tone_level_db
from marhaba.media.wav import read_channels, repair
from marhaba.media.worker import (
    BUFFERED_BYTES_MAX,
    QUEUED_MAX,
    Collector,
    FloorLink,
    WorkerSettings,
    run_worker,
)
from tests.media.test_bridge import tone

PORTS = 200
GUARD_S = 20.0


def free_range() -> int:
    """The first of 200 ports in a row that nobody holds."""
    for first in range(33_000, 60_000, PORTS):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + PORTS):
                sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                sock.bind((LOOPBACK, port))
            return first
    raise OSError("no free ports")


PORT_FIRST = free_range()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: a socket's has 108 octets at most."""
    with tempfile.TemporaryDirectory(prefix="mw-") as name:
        yield Path(name)


@pytest.fixture
def process(folder: Path) -> Iterator[SpawnProcess]:
    settings = WorkerSettings(
        "media-7", folder / "run" / "w.sock", port_first=PORT_FIRST, port_pairs=PORTS // 2
    )
    started = multiprocessing.get_context("spawn").Process(target=run_worker, args=(settings,))
    started.start()
    yield started
    if started.is_alive():
        started.kill()
    started.join()


class Floor:
    """Holds what the worker said."""

    def __init__(self, folder: Path) -> None:
        self.events: list[AnyEvent] = []
        self.lost = 0
        self.client = MediaClient(
            folder / "run" / "w.sock", reader=event_reader, on_event=self.events.append, on_lost=self._lost
        )
        self.client.start()

    def _lost(self) -> None:
        self.lost += 1

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, met: Callable[[], object]) -> None:
        async with asyncio.timeout(GUARD_S):
            while not met():
                await asyncio.sleep(0.005)

    async def stats(self) -> WorkerStats:
        count = len(self.of(WorkerStats))
        self.client.send(AskStats(legs=True))
        await self.until(lambda: len(self.of(WorkerStats)) > count)
        stats: WorkerStats = self.of(WorkerStats)[-1]
        return stats


@contextlib.asynccontextmanager
async def connected(folder: Path) -> AsyncIterator[Floor]:
    floor = Floor(folder)
    await floor.until(lambda: floor.of(Welcome))
    yield floor
    await floor.client.close()


async def call(floor: Floor) -> tuple[Phone, Phone]:
    """Two phones, bridged."""
    a, b = Phone(), Phone()
    for n, (leg, phone) in enumerate({"a": a, "b": b}.items()):
        phone.target = (LOOPBACK, PORT_FIRST + 2 * n)
        floor.client.send(OpenLeg(leg, phone.target[1], LOOPBACK, phone.port))
    floor.client.send(Hear("a", ["b"]))
    floor.client.send(Hear("b", ["a"]))
    await floor.stats()
    a.speak(tone(400))
    b.speak(tone(600))
    return a, b


async def talk(phones: tuple[Phone, Phone], seconds: float) -> None:
    for _ in range(round(seconds / 0.02)):
        for phone in phones:
            phone.step()
            phone.listen()
        await asyncio.sleep(0.02)


def run(journey: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(journey(), 3 * GUARD_S))


def test_a_worker_lends_its_ports_and_lets_only_its_owner_in(process: SpawnProcess, folder: Path) -> None:
    async def journey() -> None:
        async with connected(folder) as floor:
            welcome: Welcome = floor.of(Welcome)[0]
            assert floor.events[0] is welcome
            assert (welcome.worker, welcome.host, welcome.legs, welcome.recordings) == (
                "media-7",
                LOOPBACK,
                [],
                [],
            )
            assert len(welcome.ports_free) >= 64
            lent = [*welcome.ports_free]
            await floor.until(
                lambda: len(lent) + sum(len(e.ports) for e in floor.of(PortsFree)) == PORTS // 2
            )
            lent += [port for event in floor.of(PortsFree) for port in event.ports]
            assert sorted(lent) == list(range(PORT_FIRST, PORT_FIRST + PORTS, 2))
            assert stat.S_IMODE((folder / "run" / "w.sock").stat().st_mode) == 0o600

    run(journey)


def test_a_call_talks_on_without_a_floor_and_the_next_floor_finds_it(
    process: SpawnProcess, folder: Path
) -> None:
    async def journey() -> None:
        async with connected(folder) as floor:
            phones = await call(floor)
            floor.client.send(Record("r", str(folder / "r.wav"), "a", ["b"]))
            await talk(phones, 0.3)
        for phone in phones:
            phone.forget()
        phones[0].send(phones[0].packet(b"\x05\x8a\x03\x20", payload_type=101, marker=True))
        await talk(phones, 1.0)
        heard = phones[1].heard()
        assert len(heard) > 6000
        assert tone_level_db(heard, 400) == pytest.approx(-12, abs=1.5)
        async with connected(folder) as floor:
            welcome: Welcome = floor.of(Welcome)[0]
            assert [(leg.leg, leg.hears, leg.recording) for leg in welcome.legs] == [
                ("a", ["b"], "r"),
                ("b", ["a"], ""),
            ]
            assert welcome.recordings == ["r"]
            assert PORT_FIRST not in welcome.ports_free
            assert floor.of(Digit) == [Digit("a", "5", 100)]  # pressed while nobody listened
            floor.client.send(CloseLeg("a"))
            await floor.until(lambda: floor.of(LegClosed))
        async with connected(folder) as floor:
            later: Welcome = floor.of(Welcome)[0]
            assert later.closed == ["a"]
            assert later.uptime_s > welcome.uptime_s > 1.0
        for phone in phones:
            phone.close()

    run(journey)


def test_a_second_floor_is_turned_away(process: SpawnProcess, folder: Path) -> None:
    async def journey() -> None:
        async with connected(folder) as floor:
            reader, writer = await asyncio.open_unix_connection(str(folder / "run" / "w.sock"))
            assert await asyncio.wait_for(reader.read(), GUARD_S) == b""
            writer.close()
            assert (await floor.stats()).legs == 0
            assert floor.lost == 0

    run(journey)


def test_a_floor_that_talks_nonsense_is_disconnected_and_the_worker_lives(
    process: SpawnProcess, folder: Path
) -> None:
    async def journey() -> None:
        async with connected(folder) as floor:
            await floor.client.close()
        reader, writer = await asyncio.open_unix_connection(str(folder / "run" / "w.sock"))
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            await asyncio.wait_for(reader.read(), GUARD_S)
        assert reader.at_eof() or reader.exception() is not None
        writer.close()
        async with connected(folder) as floor:
            assert (await floor.stats()).late_ticks >= 0

    run(journey)


def test_a_floor_that_does_not_read_makes_no_tick_late_and_loses_no_event(
    process: SpawnProcess, folder: Path
) -> None:
    async def journey() -> None:
        async with connected(folder):
            pass
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.connect(str(folder / "run" / "w.sock"))
            deaf.sendall(frame(OpenLeg("a", PORT_FIRST)) + frame(AskStats()) * 30_000 + frame(CloseLeg("a")))
            await asyncio.sleep(2.0)
            deaf.settimeout(GUARD_S)
            reader, found = event_reader(), []
            while not any(isinstance(event, LegClosed) for event in found):
                found += reader.feed(deaf.recv(1 << 16))
            assert isinstance(found[0], Welcome)
        async with connected(folder) as floor:
            assert (await floor.stats()).tick_late_ms_p50 < 20

    run(journey)


def test_a_worker_told_to_end_closes_its_recordings(process: SpawnProcess, folder: Path) -> None:
    async def journey() -> None:
        async with connected(folder) as floor:
            phones = await call(floor)
            floor.client.send(Record("r", str(folder / "r.wav"), "a", ["b"]))
            await talk(phones, 0.5)
            assert process.pid is not None
            os.kill(process.pid, signal.SIGTERM)
            await floor.until(lambda: floor.lost)
            assert [event.recording for event in floor.of(RecordEnded)] == ["r"]
        process.join(GUARD_S)
        assert process.exitcode == 0
        assert not repair(folder / "r.wav").repaired
        (left, _), _ = read_channels(folder / "r.wav")
        assert tone_level_db(left, 400) > -20
        for phone in phones:
            phone.close()

    run(journey)


def test_a_killed_worker_leaves_all_but_the_last_second_of_a_recording(
    process: SpawnProcess, folder: Path
) -> None:
    async def journey() -> None:
        async with connected(folder) as floor:
            phones = await call(floor)
            floor.client.send(Record("r", str(folder / "r.wav"), "a", ["b"]))
            await talk(phones, 2.5)
            process.kill()
            await floor.until(lambda: floor.lost)
        report = repair(folder / "r.wav")
        assert report.repaired
        assert report.seconds >= 1.5
        for phone in phones:
            phone.close()

    run(journey)


def test_commands_without_a_connection_are_dropped_and_a_worker_that_comes_is_found(folder: Path) -> None:
    async def journey() -> None:
        floor = Floor(folder)
        floor.client.send(AskStats(legs=True))
        await asyncio.sleep(0.2)
        settings = WorkerSettings("late", folder / "run" / "w.sock", port_first=PORT_FIRST, port_pairs=4)
        process = multiprocessing.get_context("spawn").Process(target=run_worker, args=(settings,))
        process.start()
        try:
            await floor.until(lambda: floor.of(Welcome))
            await floor.stats()
            assert len(floor.of(WorkerStats)) == 1
        finally:
            await floor.client.close()
            process.terminate()
            process.join()
        assert floor.lost == 0  # closing is no loss

    run(journey)


class Deaf:
    """A transport whose peer takes nothing."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.aborted = False

    def set_write_buffer_limits(self, high: int) -> None:
        assert high == BUFFERED_BYTES_MAX

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def write(self, data: bytes) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True


class Nobody:
    def floor_came(self, link: FloorLink) -> bool:
        return True

    def floor_went(self, link: FloorLink, unsent: deque[AnyEvent]) -> None:
        self.unsent = list(unsent)


def test_figures_are_dropped_first_and_a_floor_that_never_reads_is_disconnected() -> None:
    transport, worker = Deaf(), Nobody()
    link = FloorLink(worker)  # type: ignore[arg-type]
    link.connection_made(transport)  # type: ignore[arg-type]
    transport.written = bytearray(BUFFERED_BYTES_MAX)
    stats = WorkerStats(0, 0, 0, 0, 0, 0, 0, 0, {})
    for n in range(QUEUED_MAX):
        link.send(stats if n % 100 == 0 else PlayEnded("a", str(n), "done"))
    for n in range(100):
        link.send(PlayEnded("b", str(n), "done"))
    assert not transport.aborted
    link.send(PlayEnded("c", "", "done"))
    assert transport.aborted
    link.connection_lost(None)
    assert len(worker.unsent) == QUEUED_MAX + 1
    assert stats not in worker.unsent
    assert len([event for event in worker.unsent if isinstance(event, PlayEnded)]) == QUEUED_MAX + 1


def test_garbage_is_collected_only_where_it_is_not_heard() -> None:
    ran: list[int] = []

    def collect(generation: int) -> int:
        ran.append(generation)
        return 0

    collector = Collector(collect)
    collector.took_s = [0.001, 0.005, 0.050]
    collector.run(3000, lambda: 0.001)
    assert ran == []  # no time
    collector.run(3001, lambda: 0.012)
    assert ran == [0]  # enough for the young ones only; the others stay owed
    collector.run(3002, lambda: 0.019)
    assert ran == [0, 1]
    collector.run(3003, lambda: 0.019)
    assert ran == [0, 1]
    collector.run(3004, lambda: 0.2)
    assert ran == [0, 1, 2]
