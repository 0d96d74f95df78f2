"""The agenda, the loop and the network: virtual time keeps its order, and the dead say nothing."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from marhaba.journal.events import Event
from marhaba.journal.journal import Journal
from marhaba.rehearsal.agenda import Agenda, Chronicle
from marhaba.rehearsal.loop import ProcessLoop
from marhaba.rehearsal.network import OUTSIDE, Bound, Network, Weather
from marhaba.rehearsal.plan import draw_plan
from marhaba.rehearsal.store import Disk, RehearsedJournal
from marhaba.rehearsal.world import World


class Ear(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.heard.append(data)


class Wire(asyncio.Protocol):
    def __init__(self) -> None:
        self.got, self.lost, self.eof = b"", False, False
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.got += data

    def eof_received(self) -> bool:
        self.eof = True
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


@pytest.fixture
def network() -> Network:
    agenda = Agenda()
    return Network(agenda, Chronicle(agenda), random.Random(1))


def process(network: Network, troubles: list[str] | None = None) -> ProcessLoop:
    told = troubles if troubles is not None else []
    return ProcessLoop(network.agenda, network, booted=50.0, on_trouble=told.append)


def test_what_stands_for_one_moment_happens_in_the_order_it_was_put_down() -> None:
    agenda, done = Agenda(), []
    for name in "abc":
        agenda.at(2.0, done.append, name)
    agenda.at(1.0, done.append, "first")
    agenda.run(2.0)
    assert (done, agenda.now) == (["first", "a", "b", "c"], 2.0)


def test_a_process_sleeps_virtually_and_sees_its_own_clock(network: Network) -> None:
    loop, seen = process(network), []

    async def nap() -> None:
        await asyncio.sleep(3_600.0)
        seen.append(asyncio.get_running_loop().time())
        seen.append(await asyncio.to_thread(lambda: 7))

    loop.enter(lambda: loop.create_task(nap()))
    network.agenda.run(4_000.0)
    assert seen == [3_650.0, 7]


def test_a_killed_process_takes_no_further_step_and_sends_nothing(network: Network) -> None:
    loop, ear, steps = process(network), Ear(), []
    network.open_datagrams(OUTSIDE, ear, Bound(("192.0.2.9", 5)))

    async def work() -> None:
        transport, _ = await loop.create_datagram_endpoint(Ear, sock=Bound(("192.0.2.1", 5)))
        try:
            while True:
                transport.sendto(b"alive", ("192.0.2.9", 5))
                steps.append(loop.time())
                await asyncio.sleep(1.0)
        finally:
            transport.sendto(b"a last word", ("192.0.2.9", 5))
            await asyncio.sleep(1.0)

    loop.enter(lambda: loop.create_task(work()))
    network.agenda.at(2.5, loop.kill)
    network.agenda.run(10.0)
    assert len(steps) == 3
    assert ear.heard == [b"alive"] * 3
    assert loop.tasks == []


def test_an_exception_that_nobody_catches_is_told(network: Network) -> None:
    troubles: list[str] = []
    loop = process(network, troubles)

    async def fall() -> None:
        raise ValueError("here")

    loop.enter(lambda: loop.create_task(fall()))
    loop.call_later(1.0, lambda: 1 // 0)
    network.agenda.run(2.0)
    assert troubles[0] == "a task ended with ValueError('here')"
    assert "ZeroDivisionError" in troubles[1]


def test_weather_loses_doubles_and_damages(network: Network) -> None:
    ear = Ear()
    network.open_datagrams(OUTSIDE, ear, Bound(("192.0.2.9", 5)))
    for weather, count in (
        (Weather(), 1),
        (Weather(lost=1.0), 0),
        (Weather(doubled=1.0), 2),
        (Weather(damaged=1.0), 2),
    ):
        ear.heard.clear()
        network.weather = weather
        network.send(b"INVITE sip:a SIP/2.0\r\n\r\n", ("192.0.2.1", 5), ("192.0.2.9", 5))
        network.agenda.run(network.agenda.now + 1.0)
        assert len(ear.heard) == count
    assert ear.heard[0] != ear.heard[1]


def test_a_stream_keeps_its_order_in_pieces_and_may_be_closed_on_one_side(network: Network) -> None:
    network.weather = Weather(pieces=True)
    server, client = Wire(), Wire()
    network.listen(OUTSIDE, lambda: server, ("192.0.2.1", 5060))
    network.connect(OUTSIDE, lambda: client, ("192.0.2.1", 5060), source="192.0.2.9")
    network.agenda.run(1.0)
    for word in (b"one ", b"two ", b"three"):
        client.transport.write(word)
    client.transport.write_eof()
    network.agenda.run(2.0)
    assert (server.got, server.eof, server.lost) == (b"one two three", True, False)
    server.transport.write(b"still here")
    network.agenda.run(3.0)
    assert client.got == b"still here"
    server.transport.abort()
    network.agenda.run(4.0)
    assert (server.lost, client.lost) == (True, True)


def test_nobody_answers_where_nobody_listens(network: Network) -> None:
    client = Wire()
    network.connect(OUTSIDE, lambda: client, "/nowhere.sock")
    network.agenda.run(1.0)
    assert client.lost


def test_a_record_torn_by_the_crash_is_no_record_and_the_ones_before_it_stay(tmp_path: Path) -> None:
    agenda, kept = Agenda(), []
    disk = Disk(agenda, random.Random(1), on_kept=kept.extend)
    journal = RehearsedJournal(tmp_path / "journal.sqlite", disk)
    journal.append([Event(1.0, "audit")])
    journal.set_aside([Event(2.0, "audit")])
    disk.crash_at = "torn"
    journal.set_aside([Event(3.0, "audit", data={"who": "x" * 500})])
    journal.die()
    again = Journal(tmp_path / "journal.sqlite")
    assert [event.at for event in again.read()] == [1.0, 2.0] == [event.at for event in kept]
    assert again.verify() == ""
    again.close()


def test_what_reaches_a_process_that_stands_still_is_done_in_order_when_it_goes_on(tmp_path: Path) -> None:
    """Also when it stands still for longer, or is told to for shorter, meanwhile."""
    world = World(draw_plan(1, faults=frozenset()), tmp_path)
    world.agenda.run(5.0)
    loop, done = world.house.loop, []
    assert loop is not None
    loop.freeze(8.0)
    loop.enter(done.append, "first")
    world.agenda.run(7.0)
    loop.freeze(10.0)
    loop.freeze(7.5)
    loop.enter(done.append, "second")
    world.agenda.run(9.0)
    assert done == []
    world.agenda.run(11.0)
    world.house.bury()
    assert done == ["first", "second"]
