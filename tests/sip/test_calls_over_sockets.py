"""Two endpoints on real loopback sockets: a phone registers by digest, is called, answers, and either side hangs up."""

import asyncio
import itertools
from collections.abc import Callable

import pytest

from marhaba.sip.asyncio.driver import SipDriver
from marhaba.sip.endpoint import Endpoint
from marhaba.sip.events import (
    EndpointSettings,
    IncomingCall,
    LegAnswered,
    LegEnded,
    LegEstablished,
    LegRinging,
    Party,
    SipEvent,
    Trunk,
    TrunkState,
)
from marhaba.sip.sdp import make_offer

OFFER = make_offer(host="127.0.0.1", port=4000, session_id=1, version=1)


def tokens(name: str) -> Callable[[], str]:
    count = itertools.count()
    return lambda: f"{name}{next(count):06d}"


async def until(events: list[SipEvent], kind: type, *, seconds: float = 5.0) -> SipEvent:
    async with asyncio.timeout(seconds):
        while not (found := [event for event in events if isinstance(event, kind)]):
            await asyncio.sleep(0.01)
    return found[-1]


def free_ports(count: int) -> list[int]:
    import socket

    holders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


async def call_between(who_ends: str, transport: str) -> None:
    one, two = free_ports(2)
    trunk = {"transport": transport, "hosts": ("127.0.0.1",), "keep_alive_s": 60}
    house = EndpointSettings(
        udp_port=one,
        tcp_port=one,
        trunks=(Trunk("carrier", "127.0.0.1", two, **trunk),),  # type: ignore[arg-type]
    )
    far = EndpointSettings(
        udp_port=two, tcp_port=two, trunks=(Trunk("us", "127.0.0.1", one, hosts=("127.0.0.1",)),)
    )
    a, b = Endpoint(house, tokens("a")), Endpoint(far, tokens("b"))
    heard_a: list[SipEvent] = []
    heard_b: list[SipEvent] = []
    at_one, at_two = ("127.0.0.1", one), ("127.0.0.1", two)
    async with (
        SipDriver(b, udp=at_two, tcp=at_two, on_events=heard_b.extend) as driver_b,
        SipDriver(a, udp=at_one, tcp=at_one, on_events=heard_a.extend) as driver_a,
    ):
        state = await until(heard_a, TrunkState)
        assert isinstance(state, TrunkState)
        assert state.up
        flow = a.trunk_flow("carrier")
        assert flow is not None
        a.invite(
            driver_a.now,
            leg="out",
            target=f"sip:0539000000@127.0.0.1:{two}",
            flow=flow,
            caller=Party("0612345678", "Caller"),
            sdp=OFFER,
            trunk="carrier",
        )
        driver_a.turn()
        incoming = await until(heard_b, IncomingCall)
        assert isinstance(incoming, IncomingCall)
        assert (incoming.dialled, incoming.caller, incoming.trunk) == (
            "0539000000",
            Party("0612345678", "Caller"),
            "us",
        )
        b.ring(driver_b.now, incoming.leg)
        driver_b.turn()
        await until(heard_a, LegRinging)
        b.answer(driver_b.now, incoming.leg, OFFER)
        driver_b.turn()
        answered = await until(heard_a, LegAnswered)
        assert isinstance(answered, LegAnswered)
        assert answered.sdp == OFFER
        await until(heard_b, LegEstablished)
        if who_ends == "caller":
            a.hang_up(driver_a.now, "out")
            driver_a.turn()
        else:
            b.hang_up(driver_b.now, incoming.leg)
            driver_b.turn()
        await until(heard_a, LegEnded)
        await until(heard_b, LegEnded)
    assert sum(isinstance(e, LegEnded) for e in heard_a) == 1
    assert sum(isinstance(e, LegEnded) for e in heard_b) == 1


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("who_ends", ["caller", "callee"])
def test_a_call_over_real_sockets(who_ends: str, transport: str) -> None:
    asyncio.run(call_between(who_ends, transport))


def test_a_datagram_of_noise_closes_nothing() -> None:
    async def noise() -> None:
        (port,) = free_ports(1)
        end = Endpoint(EndpointSettings(udp_port=port), tokens("n"))
        replies: list[bytes] = []

        class Listener(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                replies.append(data)

        loop = asyncio.get_running_loop()
        async with SipDriver(end, udp=("127.0.0.1", port)):
            transport, _ = await loop.create_datagram_endpoint(Listener, remote_addr=("127.0.0.1", port))
            own = transport.get_extra_info("sockname")[1]
            for data in (b"\xff" * 100, b"", b"\r\n\r\n", b"INVITE", b"SIP/2.0 999 x\r\n\r\n"):
                transport.sendto(data)
            ask = (
                f"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bKx\r\n"
                "From: <sip:a@h>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            )
            transport.sendto(ask.encode())
            async with asyncio.timeout(5):
                while not replies:
                    await asyncio.sleep(0.01)
            transport.close()
        assert replies[0].startswith(b"SIP/2.0 200 OK\r\n")

    asyncio.run(noise())
