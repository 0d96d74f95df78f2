"""The only part of SIP that knows sockets: moves bytes between an `Endpoint` and UDP, TCP and TLS, and wakes it.

One boundary counts and drops what is bad; no input closes the UDP socket. The owner chooses who flushes: without `on_turn`
the driver sends at once what the endpoint wants to send and hands events to `on_events`; with `on_turn` it only calls it, and
the owner takes events and sends, and calls `send_all` when he is ready (the floor: after its commit).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, cast

from marhaba.sip.endpoint import Endpoint
from marhaba.sip.errors import CannotListen, FramingError
from marhaba.sip.events import Flow, Send, SipEvent, Transport
from marhaba.sip.stream import StreamFramer

log = logging.getLogger(__name__)

SOCKET_BUFFER_BYTES = 4 << 20
"""A burst of 2,000 INVITEs while one commit runs."""
CONNECTIONS_MAX = 1_024
IDLE_S = 7_200.0
"""Two hours without a byte: twice the longest registration, so its phone is gone."""
PARTIAL_S = 30.0
"""A message that has begun must end within this: nobody holds a connection open with half a line."""
CONNECT_S = 5.0
PENDING_MAX = 64
"""Messages waiting for a connection or a name to be resolved."""
RESOLVED_S = 60.0
SWEEP_S = 10.0
ADDRESSES_KEPT = 10_000
"""A flood with forged addresses costs each a look-up, no memory."""
GRID_S = 0.05
"""SIP's timers are half a second and more, and most are cancelled or only tidy up: they share wake-ups on this grid."""


@dataclass(slots=True)
class Stream:
    """One TCP or TLS connection."""

    flow: Flow
    transport: asyncio.Transport | None = None
    framer: StreamFramer = field(default_factory=StreamFramer)
    pending: list[bytes] = field(default_factory=list)
    heard_at: float = 0.0


class SipDriver:
    """Use as an async context manager; `udp`, `tcp` and `tls` are (host, port) to listen on.

    `bind_udp` makes the socket, for a network that is not the machine's.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        udp: tuple[str, int] | None = None,
        tcp: tuple[str, int] | None = None,
        tls: tuple[str, int] | None = None,
        tls_server: ssl.SSLContext | None = None,
        tls_client: ssl.SSLContext | None = None,
        on_turn: Callable[[], None] | None = None,
        on_events: Callable[[Sequence[SipEvent]], None] | None = None,
        bind_udp: Callable[[str, int], socket.socket] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._bind_udp = bind_udp or udp_socket
        self.udp_address, self.tcp_address, self.tls_address = udp, tcp, tls
        self._tls_server = tls_server
        self._tls_client = tls_client
        self._on_turn = on_turn
        self._on_events = on_events
        self._udp: asyncio.DatagramTransport | None = None
        self._servers: list[asyncio.AbstractServer] = []
        self._streams: dict[int, Stream] = {}
        self._by_remote: dict[tuple[str, str, int], int] = {}
        self._connections = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        self._resolved: dict[str, tuple[float, str]] = {}
        self.counters: dict[str, int] = {}

    async def __aenter__(self) -> SipDriver:
        self._loop = asyncio.get_running_loop()
        if self.udp_address is not None:
            self._udp, _ = await self._loop.create_datagram_endpoint(
                lambda: _Datagrams(self), sock=self._bind_udp(*self.udp_address)
            )
            self.udp_address = self._udp.get_extra_info("sockname")[:2]
        for kind, address, context in (
            ("tcp", self.tcp_address, None),
            ("tls", self.tls_address, self._tls_server),
        ):
            if address is not None:
                try:
                    server = await self._loop.create_server(
                        lambda kind=kind: _Connection(self, kind),
                        *address,
                        ssl=context,
                        reuse_address=True,
                    )
                except OSError as error:
                    raise CannotListen(kind, address, error) from error
                self._servers.append(server)
                bound = server.sockets[0].getsockname()[:2]
                if kind == "tcp":
                    self.tcp_address = bound
                else:
                    self.tls_address = bound
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)
        self.turn()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sweeper.cancel()
        if self._timer is not None:
            self._timer.cancel()
        for server in self._servers:
            server.close()
        for stream in list(self._streams.values()):
            _close(stream)
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._udp is not None:
            self._udp.close()

    @property
    def now(self) -> float:
        return self._loop.time()

    # -- in ---------------------------------------------------------------------------------------------------

    def received(self, data: bytes, flow: Flow) -> None:
        self.endpoint.receive(self.now, data, flow)
        self.turn()

    def turn(self) -> None:
        """After any input to the endpoint, or a verb of the owner's."""
        if self._on_turn is not None:
            self._on_turn()
        else:
            events = self.endpoint.take_events()
            if events and self._on_events is not None:
                self._on_events(events)
            self.send_all(self.endpoint.take_sends())
        self.reschedule()

    def reschedule(self) -> None:
        """Keep one timer of the loop at the endpoint's next one."""
        when = self.endpoint.next_wake()
        if when is None:
            return
        when = (when // GRID_S + 1) * GRID_S
        if self._timer_at <= when:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = when
        self._timer = self._loop.call_at(when, self._wake)

    def _wake(self) -> None:
        self._timer, self._timer_at = None, float("inf")
        self.endpoint.wake(self.now)
        self.turn()

    # -- out --------------------------------------------------------------------------------------------------

    def send_all(self, sends: Iterable[Send]) -> None:
        for send in sends:
            if send.flow.transport == "udp":
                self._send_udp(send.data, send.flow)
            else:
                self._send_stream(send.data, send.flow)

    def _send_udp(self, data: bytes, flow: Flow) -> None:
        if self._udp is None:
            self.count("no_udp")
            return
        host = self._address(flow.remote_host)
        if host is None:
            self._later(self._resolve_and_send(data, flow))
            return
        self._udp.sendto(data, (host, flow.remote_port))

    def _address(self, host: str) -> str | None:
        """The address of a host, or None when it must be looked up first."""
        known = self._resolved.get(host)
        if known is not None and known[0] > self.now:
            return known[1]
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return None
        if len(self._resolved) >= ADDRESSES_KEPT:  # senders come and go: start the little cache over
            self._resolved.clear()
        self._resolved[host] = (float("inf"), host)
        return host

    async def _resolve_and_send(self, data: bytes, flow: Flow) -> None:
        try:
            found = await self._loop.getaddrinfo(
                flow.remote_host, flow.remote_port, type=socket.SOCK_DGRAM, family=socket.AF_INET
            )
        except OSError:
            self.count("unresolved")
            return
        self._resolved[flow.remote_host] = (self.now + RESOLVED_S, str(found[0][4][0]))
        self._send_udp(data, flow)

    def _send_stream(self, data: bytes, flow: Flow) -> None:
        number = flow.connection or self._by_remote.get(
            (flow.transport, flow.remote_host, flow.remote_port), 0
        )
        stream = self._streams.get(number)
        if stream is None:
            stream = self._dial(flow)
            if stream is None:
                return
        if stream.transport is not None:
            stream.transport.write(data)
        elif len(stream.pending) < PENDING_MAX:
            stream.pending.append(data)
        else:
            self.count("pending_dropped")

    def _dial(self, flow: Flow) -> Stream | None:
        if len(self._streams) >= CONNECTIONS_MAX:
            self.count("connections_refused")
            return None
        self._connections += 1
        number = self._connections
        opened = Flow(
            flow.transport, flow.local_host, flow.local_port, flow.remote_host, flow.remote_port, number
        )
        stream = self._streams[number] = Stream(opened, heard_at=self.now)
        self._by_remote[flow.transport, flow.remote_host, flow.remote_port] = number
        self._later(self._connect(stream))
        return stream

    async def _connect(self, stream: Stream) -> None:
        flow = stream.flow
        secure = flow.transport == "tls"
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._loop.create_connection(
                    lambda: _Connection(self, flow.transport, stream),
                    flow.remote_host,
                    flow.remote_port,
                    ssl=self._client_context() if secure else None,
                )
        except (OSError, TimeoutError, ssl.SSLError):
            self.count("connect_failed")
            self.stream_lost(stream)

    def _client_context(self) -> ssl.SSLContext:
        """Made when the first peer is called over TLS: reading the system's certificates takes tens of milliseconds."""
        if self._tls_client is None:
            self._tls_client = ssl.create_default_context()
        return self._tls_client

    def _later(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- streams ----------------------------------------------------------------------------------------------

    def stream_came(self, transport: asyncio.Transport, kind: Transport) -> Stream | None:
        """A peer connected to us; None: too many."""
        if len(self._streams) >= CONNECTIONS_MAX:
            self.count("connections_refused")
            transport.abort()  # a close would wait for the far side's leave, over TLS
            return None
        remote, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self._connections += 1
        number = self._connections
        flow = Flow(kind, local[0], local[1], remote[0], remote[1], number)
        stream = self._streams[number] = Stream(flow, heard_at=self.now)
        self._by_remote[kind, remote[0], remote[1]] = number
        return stream

    def stream_data(self, stream: Stream, data: bytes) -> None:
        stream.heard_at = self.now
        try:
            messages = stream.framer.feed(data)
        except FramingError:
            self.count("framing_errors")
            _close(stream)
            return
        if stream.framer.pongs and stream.transport is not None:
            stream.transport.write(b"\r\n" * min(stream.framer.pongs, 4))
            stream.framer.pongs = 0
        for message in messages:
            self.received(message, stream.flow)

    def stream_lost(self, stream: Stream) -> None:
        flow = stream.flow
        if self._streams.pop(flow.connection, None) is None:
            return
        key = (flow.transport, flow.remote_host, flow.remote_port)
        if self._by_remote.get(key) == flow.connection:
            del self._by_remote[key]
        self.endpoint.stream_closed(self.now, flow)
        self.turn()

    def _sweep(self) -> None:
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)
        for stream in list(self._streams.values()):
            limit = PARTIAL_S if stream.framer.partial else IDLE_S
            if self.now - stream.heard_at > limit:
                self.count("idle_closed")
                _close(stream)

    def count(self, what: str) -> None:
        self.counters[what] = self.counters.get(what, 0) + 1


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, driver: SipDriver) -> None:
        self._driver = driver
        self._flows: dict[tuple[str, int], Flow] = {}

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        flow = self._flows.get(addr)
        if flow is None:
            if len(self._flows) >= ADDRESSES_KEPT:
                self._flows.clear()
            local = self._driver.udp_address or ("", 0)
            flow = self._flows[addr] = Flow("udp", local[0], local[1], addr[0], addr[1])
        self._driver.received(data, flow)

    def error_received(self, exc: Exception) -> None:
        # ICMP says that one peer is not there; its transaction will time out.
        self._driver.count("icmp_errors")


class _Connection(asyncio.Protocol):
    def __init__(self, driver: SipDriver, kind: Transport, stream: Stream | None = None) -> None:
        self._driver = driver
        self._kind = kind
        self._stream = stream

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit from it
        if self._stream is None:
            self._stream = self._driver.stream_came(transport, self._kind)
            if self._stream is None:
                return
        self._stream.transport = transport
        for data in self._stream.pending:
            transport.write(data)
        self._stream.pending.clear()

    def data_received(self, data: bytes) -> None:
        assert self._stream is not None  # nothing is read from one that was refused
        self._driver.stream_data(self._stream, data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._stream is not None:
            self._stream.transport = None
            self._driver.stream_lost(self._stream)


def _close(stream: Stream) -> None:
    if stream.transport is not None:
        stream.transport.close()


def udp_socket(host: str, port: int) -> socket.socket:
    """A UDP socket with room for a burst, bound. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise CannotListen("udp", (host, port), error) from error
    return sock
