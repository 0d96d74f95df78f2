"""What strangers, carriers and networks may do to the running programs, while a call goes on undisturbed."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from marhaba.cli.bench_centre import DIALLED, CentrePlan, RunningCentre, running_centre
from marhaba.cli.load_register import Account, RegistrationError, register
from marhaba.media.tones import tone_level_db
from marhaba.media.wav import read_channels
from marhaba.simulator.phones import Phone, PhoneCall
from tests.journeys.harness import AGENTS_HZ, CALLERS_HZ, sipp_agents, sipp_calls
from tests.journeys.house import CALLER_HZ, FRENCH_HZ, REALM, ask, open_house, phones_at, records_of, tone
from tests.sip.torture_messages import (
    DROPPED_RESPONSES,
    IPV6_VALID,
    REFUSED_400,
    REFUSED_505,
    VALID,
    rfc4475,
    rfc5118,
)

pytestmark = pytest.mark.journey

STRANGER = "127.0.0.33"
TORTURE = [
    *[(name, rfc4475(name)) for name in (*VALID, *REFUSED_400, *REFUSED_505, *DROPPED_RESPONSES)],
    *[(name, rfc5118(name)) for name in IPV6_VALID],
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCentre]:
    with open_house(tmp_path_factory.mktemp("house"), port=16070, media=37000, calls_max=6) as running:
        yield running


@contextlib.asynccontextmanager
async def a_call(house: RunningCentre) -> AsyncIterator[tuple[PhoneCall, PhoneCall, Phone]]:
    """A caller and an agent who hear each other before and after, and lost nothing meanwhile."""
    async with phones_at(house) as phones:
        agent = await phones.agent(0, FRENCH_HZ)
        caller = await phones.caller()
        call = await caller.call("0539000001", say=tone(CALLER_HZ))
        taken = await agent.wait_call(15)
        await call.audio.wait_heard(FRENCH_HZ, seconds=10)
        before = (call.audio.statistics().lost, taken.audio.statistics().lost)
        yield call, taken, caller
        assert await call.audio.wait_heard(FRENCH_HZ, seconds=5) > -20
        assert await taken.audio.wait_heard(CALLER_HZ, seconds=5) > -20
        assert (call.audio.statistics().lost, taken.audio.statistics().lost) == before
        call.hang_up()
        await taken.wait_ended(5)


def options(host: str, port: int, call_id: str) -> bytes:
    return (
        f"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{call_id};rport\r\n"
        f"From: <sip:a@{host}>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def alive(house: RunningCentre, call_id: str) -> bool:
    return ask(options(STRANGER, 0, call_id), house.server, host=STRANGER).startswith(b"SIP/2.0 200")


def test_torture_over_udp_and_byte_by_byte_over_tcp_disturbs_nobody(house: RunningCentre) -> None:
    async def journey() -> None:
        async with a_call(house):
            await asyncio.to_thread(torture)

    def torture() -> None:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
            sock.bind((STRANGER, 0))
            for name, data in TORTURE:
                sock.sendto(data, house.server)
                assert alive(house, f"udp-{name}"), name
        for name, data in TORTURE:
            with closing(socket.create_connection(house.server, 5, (STRANGER, 0))) as stream:
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with contextlib.suppress(ConnectionError):  # what cannot be framed costs the connection
                    for at in range(0, len(data), 1 if len(data) < 800 else 64):
                        stream.sendall(data[at : at + (1 if len(data) < 800 else 64)])
            assert alive(house, f"tcp-{name}"), name

    before = len(records_of(house).calls)
    asyncio.run(journey())
    assert len(records_of(house).calls) == before + 1


METHODS = {
    "INVITE": (401, 403),
    "REGISTER": (401,),
    "SUBSCRIBE": (401, 403, 405, 489, 501),
    "NOTIFY": (401, 403, 405, 481, 489),
    "REFER": (401, 403, 481),
    "MESSAGE": (401, 403, 405),
    "INFO": (401, 481),
    "UPDATE": (481,),
    "BYE": (481,),
    "PRACK": (481,),
    "PUBLISH": (401, 403, 405, 489, 501),
    "CANCEL": (481,),
    "NONSENSE": (401, 405, 501),
}


@pytest.mark.parametrize("method", METHODS)
def test_no_method_gets_a_stranger_anywhere(house: RunningCentre, method: str) -> None:
    before = len(records_of(house).calls)
    data = (
        f"{method} sip:0539000001@127.0.0.1:16070 SIP/2.0\r\nVia: SIP/2.0/UDP {STRANGER}:5060;branch=z9hG4bK{method};rport\r\n"
        f"From: <sip:agent0000@{REALM}>;tag=x\r\nTo: <sip:agent0000@{REALM}>\r\nCall-ID: {method}@stranger\r\n"
        f"CSeq: 1 {method}\r\nContact: <sip:x@{STRANGER}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    answer = ask(data, house.server, host=STRANGER)
    status = int(answer.split(b" ")[1]) if answer else 0
    assert status in METHODS[method], answer[:60]
    assert len(records_of(house).calls) == before


def test_a_phone_without_its_password_does_not_register(house: RunningCentre) -> None:
    with pytest.raises(RegistrationError):
        register(
            [Account("agent0000", "agent0000")], server=house.server, local=("127.0.0.34", 5061), realm=REALM
        )
    with pytest.raises(RegistrationError):
        register([Account("nobody", "x")], server=house.server, local=("127.0.0.34", 5062), realm=REALM)


def test_garbage_at_the_audio_ports_is_not_heard(house: RunningCentre) -> None:
    async def journey() -> None:
        async with a_call(house) as (call, taken, _):
            rng = random.Random(5)
            ports = [call.audio._remote[1], taken.audio._remote[1]]
            with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
                sock.bind(("127.0.0.35", 0))
                for n in range(200):
                    for port in ports:
                        whole = bytes([0x80, 8, n >> 8, n & 255]) + rng.randbytes(8) + b"\x00" * 160
                        sock.sendto(
                            rng.choice([whole, rng.randbytes(rng.randrange(1, 400)), b""]),
                            ("127.0.0.1", port),
                        )
                    await asyncio.sleep(0.005)
            # From the right address too, but wrong in itself.
            transport = call.audio._transport
            assert transport is not None
            for _ in range(200):
                transport.sendto(rng.randbytes(rng.randrange(0, 60)), call.audio._remote)
                await asyncio.sleep(0.002)
            assert call.audio.heard_level_db(CALLER_HZ) < -40

    asyncio.run(journey())
    record = list(records_of(house).calls.values())[-1]
    assert record.outcome == "answered"
    (path,) = record.recordings
    (left, right), _ = read_channels(path)
    assert tone_level_db(left[4000:20000], CALLER_HZ) > -14
    assert tone_level_db(right[4000:20000], FRENCH_HZ) > -14


def test_a_flood_is_told_to_come_back_and_drops_nobody(house: RunningCentre) -> None:
    async def journey() -> None:
        async with a_call(house) as (_, _, caller):
            flood = [await caller.call("0539000001") for _ in range(20)]
            async with asyncio.timeout(10):
                while not all(c.answered_at >= 0 or c.ended_at >= 0 for c in flood):
                    await asyncio.sleep(0.05)
            refused = [c for c in flood if c.ended_at >= 0]
            assert {c.status for c in refused} == {503}
            assert len(flood) - len(refused) == 5  # six calls are allowed, and one talks
            for call in flood:
                call.hang_up()

    asyncio.run(journey())
    answer = ask(b"", house.server, host=STRANGER, seconds=0.2)
    assert answer == b""
    assert alive(house, "after-the-flood")
    assert records_of(house).reconcile() == []


def test_sipp_and_the_journal_count_the_same(tmp_path: Path) -> None:
    with running_centre(
        tmp_path, CentrePlan(agents=20, port=16075, first_media_port=38000, recording="announce")
    ) as house:
        with sipp_agents(tmp_path, house.server, house.accounts, realm=REALM):
            counted = sipp_calls(
                tmp_path, house.server, DIALLED, calls=30, rate=3.0, talk_ms=5000, name="caller_audio"
            )
        assert (counted.successful, counted.failed) == (30, 0)
        records = records_of(house)
    outcomes = [record.outcome for record in records.calls.values()]
    assert outcomes == ["answered"] * 30
    assert records.reconcile() == []
    for record in records.calls.values():
        (path,) = record.recordings
        (left, right), _ = read_channels(path)
        assert tone_level_db(left[3000:9000], CALLERS_HZ) > -20
        assert tone_level_db(right[3000:9000], AGENTS_HZ) > -20
        assert tone_level_db(left[3000:9000], AGENTS_HZ) < -40
