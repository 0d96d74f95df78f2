"""The driver over real sockets: streams, TLS, names, limits, and what the network does to them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import trustme
import uvloop

from marhaba.sip.asyncio import driver as driver_module
from marhaba.sip.asyncio.driver import SipDriver
from marhaba.sip.endpoint import Endpoint
from marhaba.sip.errors import CannotListen
from marhaba.sip.events import (
    EndpointSettings,
    Flow,
    IncomingCall,
    Party,
    Send,
    SipEvent,
    Trunk,
    TrunkState,
)
from tests.sip.test_calls_over_sockets import OFFER, free_ports, tokens, until

HOST = "127.0.0.1"
Run = Callable[[Awaitable[None]], None]


def endpoint(name: str = "d", **settings: object) -> Endpoint:
    return Endpoint(EndpointSettings(**settings), tokens(name))  # type: ignore[arg-type]


def options(port: int, call_id: str = "1", transport: str = "TCP") -> bytes:
    return (
        f"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} 127.0.0.1:{port};branch=z9hG4bK{call_id}\r\n"
        f"From: <sip:a@h>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def flow_to(port: int, transport: str = "tcp", host: str = HOST) -> Flow:
    return Flow(transport, HOST, 5060, host, port)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def far_side(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A TCP server of the test's own; its port."""

    served: list[tuple[asyncio.StreamWriter, asyncio.Task[Any]]] = []

    async def serves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.append((writer, task))
        await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(serves, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for writer, _ in served:
            writer.close()
        await asyncio.gather(*(task for _, task in served))


async def soon(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,  # what the floor runs on
}


@pytest.fixture(params=sorted(LOOPS))
def run(request: pytest.FixtureRequest) -> Run:
    """Run something on one loop; nothing may go wrong there behind the test's back."""

    def on_loop(work: Awaitable[None]) -> None:
        behind: list[dict[str, Any]] = []

        async def guarded() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: behind.append(context))
            async with asyncio.timeout(20):
                await work

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(guarded())
        assert behind == []

    return on_loop


def test_the_owner_may_take_over_the_turns(run: Run) -> None:
    """The floor: it takes events and sends itself, and sends after its commit."""

    async def work() -> None:
        turns: list[str] = []
        end = endpoint()
        async with SipDriver(end, udp=(HOST, 0), on_turn=lambda: turns.append("turn")) as driver:
            assert driver.udp_address is not None
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
                phone.bind((HOST, 0))
                phone.setblocking(False)
                phone.sendto(options(phone.getsockname()[1], transport="UDP"), driver.udp_address)
                before = len(turns)
                await soon(lambda: len(turns) > before)
                sends = end.take_sends()
                assert len(sends) == 1
                driver.send_all(sends)
                data = await asyncio.get_running_loop().sock_recv(phone, 4096)
                assert data.startswith(b"SIP/2.0 200")

    run(work())


def test_what_goes_to_one_place_shares_a_stream_and_waits_until_it_is_open(run: Run) -> None:
    async def work() -> None:
        heard = bytearray()
        streams: list[int] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            streams.append(1)
            while data := await reader.read(65536):
                heard.extend(data)

        async with far_side(serve) as port, SipDriver(endpoint()) as driver:
            many = driver_module.PENDING_MAX + 5
            driver.send_all([Send(b"%03d." % n, flow_to(port)) for n in range(many)])
            await soon(lambda: len(heard) >= 4 * driver_module.PENDING_MAX)
            driver.send_all([Send(b"last", flow_to(port))])
            await soon(lambda: heard.endswith(b"last"))
            assert len(streams) == 1
            assert driver.counters == {"pending_dropped": 5}
            assert heard.startswith(b"000.001.")

    run(work())


def test_a_stream_that_cannot_be_opened_is_told_to_the_endpoint(run: Run) -> None:
    async def work() -> None:
        (port,) = free_ports(1)
        trunk = Trunk("carrier", HOST, port, transport="tcp", user="me", register=True, keep_alive_s=0)
        events: list[SipEvent] = []
        async with SipDriver(endpoint(trunks=(trunk,)), on_events=events.extend) as driver:
            state = await until(events, TrunkState)
            assert isinstance(state, TrunkState)
            assert not state.up
            assert driver.counters["connect_failed"] == 1

    run(work())


def test_a_stream_that_ended_is_opened_anew(run: Run) -> None:
    async def work() -> None:
        ended: list[int] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            ended.append(1)

        async with far_side(serve) as port, SipDriver(endpoint()) as driver:
            driver.send_all([Send(b"x", flow_to(port))])
            await soon(lambda: any(s.transport for s in driver._streams.values()))
            (stream,) = driver._streams.values()
            assert stream.transport is not None
            stream.transport.close()
            await soon(lambda: bool(ended) and not driver._streams)
            driver.send_all([Send(b"y", stream.flow)])  # its stream is gone: another is opened
            await soon(lambda: any(s.transport for s in driver._streams.values()))
            driver.stream_lost(stream)  # told twice
            assert len(driver._streams) == 1

    run(work())


def test_keep_alives_are_answered_noise_ends_the_stream_and_nothing_else(run: Run) -> None:
    async def work() -> None:
        async with SipDriver(endpoint(), tcp=(HOST, 0), udp=(HOST, 0)) as driver:
            assert driver.tcp_address is not None
            reader, writer = await asyncio.open_connection(*driver.tcp_address)
            writer.write(b"\r\n\r\n")
            assert await reader.readexactly(2) == b"\r\n"
            writer.write(options(1)[:50])
            await asyncio.sleep(0.05)
            writer.write(options(1)[50:])
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"SIP/2.0 200")
            writer.write(b"INVITE x\r\nContent-Length: nonsense\r\n\r\n")
            assert await reader.read() == b""
            writer.close()
            assert driver.counters["framing_errors"] == 1
            reader, writer = await asyncio.open_connection(*driver.tcp_address)
            writer.write(b"X" * 40_000 + b"\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()

    run(work())


def test_streams_are_limited_in_number_and_in_patience(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_module, "CONNECTIONS_MAX", 2)
    monkeypatch.setattr(driver_module, "PARTIAL_S", 0.1)
    monkeypatch.setattr(driver_module, "SWEEP_S", 0.05)

    async def work() -> None:
        async with SipDriver(endpoint(), tcp=(HOST, 0)) as driver:
            assert driver.tcp_address is not None
            slow, slow_writer = await asyncio.open_connection(*driver.tcp_address)
            slow_writer.write(b"INV")
            idle, idle_writer = await asyncio.open_connection(*driver.tcp_address)
            await soon(lambda: len(driver._streams) == 2)
            third, third_writer = await asyncio.open_connection(*driver.tcp_address)
            third_writer.write(b"x")
            with contextlib.suppress(ConnectionError):
                assert await third.read() == b""
            driver.send_all([Send(b"x", flow_to(9))])
            assert driver.counters["connections_refused"] == 2
            assert await slow.read() == b"", "half a line is not waited for"
            assert driver.counters["idle_closed"] >= 1
            idle_writer.write(options(1))
            assert (await idle.readuntil(b"\r\n\r\n")).startswith(b"SIP/2.0 200"), "who says nothing stays"
            for writer in (slow_writer, idle_writer, third_writer):
                writer.close()

    run(work())


def test_names_are_looked_up_and_remembered(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        (port,) = free_ports(1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as carrier:
            carrier.bind((HOST, port))
            carrier.setblocking(False)
            loop = asyncio.get_running_loop()
            async with SipDriver(endpoint(), udp=(HOST, 0)) as driver:
                driver.send_all([Send(b"one", flow_to(port, "udp", "localhost"))])
                assert await loop.sock_recv(carrier, 99) == b"one"
                driver.send_all([Send(b"two", flow_to(port, "udp", "localhost"))])
                assert await loop.sock_recv(carrier, 99) == b"two"
                assert list(driver._resolved) == ["localhost"]
                driver.send_all([Send(b"x", flow_to(port, "udp", "no-such-host.invalid"))])
                await soon(lambda: driver.counters.get("unresolved") == 1)
                monkeypatch.setattr(driver_module, "ADDRESSES_KEPT", 2)
                driver.send_all([Send(b"three", flow_to(port, "udp", "127.0.0.1"))])
                driver.send_all([Send(b"x", flow_to(port, "udp", "127.0.0.77"))])
                assert list(driver._resolved) == ["127.0.0.77"]

    run(work())


def test_a_flood_of_senders_is_not_remembered(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_module, "ADDRESSES_KEPT", 3)

    async def work() -> None:
        heard: list[int] = []
        async with SipDriver(endpoint(), udp=(HOST, 0), on_events=lambda _: None) as driver:
            assert driver.udp_address is not None
            for number in range(8):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
                    phone.bind((HOST, 0))
                    phone.setblocking(False)
                    phone.sendto(options(phone.getsockname()[1], str(number), "UDP"), driver.udp_address)
                    data = await asyncio.get_running_loop().sock_recv(phone, 4096)
                    heard.append(data.startswith(b"SIP/2.0 200"))
        assert heard == [True] * 8

    run(work())


def test_nobody_there_is_counted_and_closes_nothing(run: Run) -> None:
    async def work() -> None:
        async with SipDriver(endpoint(), udp=(HOST, 0)) as driver:
            assert driver._udp is not None
            protocol = driver._udp.get_protocol()
            assert isinstance(protocol, asyncio.DatagramProtocol)
            protocol.error_received(ConnectionRefusedError())  # what the loop makes of an ICMP message
            assert driver.counters == {"icmp_errors": 1}
            assert not driver._udp.is_closing()

    run(work())


def test_without_a_udp_port_datagrams_are_counted(run: Run) -> None:
    async def work() -> None:
        async with SipDriver(endpoint()) as driver:
            driver.send_all([Send(b"x", flow_to(9, "udp"))])
            assert driver.counters == {"no_udp": 1}
            assert driver.endpoint.next_wake() is None

    run(work())


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_a_taken_port_is_named(run: Run, kind: str) -> None:
    async def work() -> None:
        family = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, family) as other:
            other.bind((HOST, 0))
            if kind == "tcp":
                other.listen()
            port = other.getsockname()[1]
            with pytest.raises(CannotListen) as refused:
                async with SipDriver(endpoint(), **{kind: (HOST, port)}):  # type: ignore[arg-type]
                    pass
        assert refused.value.about == {"transport": kind.upper(), "host": HOST, "port": port}

    run(work())


def test_six_and_four_are_different_families(run: Run) -> None:
    async def work() -> None:
        async with SipDriver(endpoint(), udp=("::1", 0)) as driver:
            assert driver.udp_address is not None
            assert driver.udp_address[0] == "::1"

    run(work())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def contexts(authority: trustme.CA) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert(HOST).configure_cert(server)
    authority.configure_trust(client)
    return server, client


def test_a_call_over_tls(run: Run, authority: trustme.CA) -> None:
    server, client = contexts(authority)

    async def work() -> None:
        events: list[SipEvent] = []
        trunk = Trunk("us", HOST, hosts=(HOST,), keep_alive_s=0)
        async with (
            SipDriver(
                endpoint("b", trunks=(trunk,)), tls=(HOST, 0), tls_server=server, on_events=events.extend
            ) as far,
            SipDriver(endpoint("a", tls_port=5061), tls_client=client) as near,
        ):
            assert far.tls_address is not None
            flow = flow_to(far.tls_address[1], "tls")
            near.endpoint.invite(
                near.now,
                leg="out",
                target=f"sip:0539000000@{HOST}:{far.tls_address[1]}",
                flow=flow,
                caller=trunk_caller(),
                sdp=OFFER,
            )
            near.turn()
            incoming = await until(events, IncomingCall)
            assert isinstance(incoming, IncomingCall)
            assert incoming.trunk == "us"

    run(work())


def trunk_caller() -> Party:
    return Party("0612345678", "")


def test_a_certificate_nobody_vouches_for_is_refused(run: Run, authority: trustme.CA) -> None:
    server, _ = contexts(authority)

    async def work() -> None:
        async with (
            SipDriver(endpoint("b"), tls=(HOST, 0), tls_server=server) as far,
            SipDriver(endpoint("a")) as near,
        ):
            assert far.tls_address is not None
            near.send_all([Send(b"x", flow_to(far.tls_address[1], "tls"))])
            await soon(lambda: near.counters.get("connect_failed") == 1)
            assert far._streams == {}

    run(work())


def test_a_refused_stream_is_not_read_though_its_first_message_came_with_the_handshake(
    run: Run, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver_module, "CONNECTIONS_MAX", 0)
    server, client = contexts(authority)

    async def work() -> None:
        async with SipDriver(endpoint(), tls=(HOST, 0), tls_server=server) as driver:
            assert driver.tls_address is not None
            reader, writer = await asyncio.open_connection(*driver.tls_address)
            came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = client.wrap_bio(came, goes, server_hostname=HOST)
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    writer.write(goes.read())
                    came.write(await reader.read(65_536))
            tls.write(options(1, transport="TLS"))
            writer.write(goes.read())  # the end of the handshake and the message in one
            with contextlib.suppress(ConnectionError):
                assert await reader.read() is not None
            writer.close()
            assert driver.counters == {"connections_refused": 1}
            assert driver.endpoint.take_sends() == []

    run(work())


def test_leaving_waits_for_nobody_who_does_not_answer(run: Run) -> None:
    async def work() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as deaf:
            deaf.bind((HOST, 0))
            deaf.listen(0)
            port = deaf.getsockname()[1]
            async with SipDriver(endpoint()) as driver:
                driver.send_all([Send(b"x", flow_to(port, "tls"))])  # the handshake is never answered
                await soon(lambda: bool(driver._streams))
            assert all(task.done() for task in driver._tasks)

    run(work())


def test_an_older_stream_to_the_same_place_may_end_without_the_newer(run: Run) -> None:
    async def work() -> None:
        heard = bytearray()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65536):
                heard.extend(data)

        async with far_side(serve) as port, SipDriver(endpoint()) as driver:
            older, newer = driver._dial(flow_to(port)), driver._dial(flow_to(port))
            assert older is not None
            assert newer is not None
            await soon(lambda: bool(older.transport and newer.transport))
            driver.stream_lost(older)
            driver.send_all([Send(b"x", flow_to(port))])
            await soon(lambda: heard == b"x")
            assert list(driver._streams.values()) == [newer]

    run(work())
