"""UDP, TCP and local sockets without a kernel: every octet on its way is an entry of the agenda.

Datagrams meet the weather (lost, doubled, late and so out of order, damaged); streams are kept in order and may be
cut, closed on one side, and torn into pieces anywhere. Local sockets know no weather.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from marhaba.rehearsal.agenda import Agenda, Chronicle

Address = tuple[str, int]
Where = Address | str
LOCAL_S = 0.0002
"""From one process to another on the same machine."""
PORTS_OWN = 40_000
"""Where the numbers of outgoing connections begin."""


@dataclass(slots=True)
class Weather:
    """What becomes of datagrams: shares of them, and seconds."""

    lost: float = 0.0
    doubled: float = 0.0
    damaged: float = 0.0  # a torn copy comes before the whole one
    delay_s: float = 0.01
    late_s: float = 0.0  # up to so much more: later ones overtake
    pieces: bool = False  # streams arrive in pieces


class Owner(Protocol):
    """A process that has sockets: a loop, or somebody outside the house who lives as long as the rehearsal."""

    dead: bool

    def enter(self, do: Callable[..., object], *args: Any) -> None: ...


class Outside:
    """Owner of the sockets of phones, carriers and audio workers: no event loop, no death."""

    dead = False

    def enter(self, do: Callable[..., object], *args: Any) -> None:
        do(*args)


OUTSIDE = Outside()


@dataclass(frozen=True, slots=True)
class Bound:
    """What stands for a bound socket, where asyncio wants one."""

    address: Where

    def getsockname(self) -> Where:
        return self.address


class Network:
    """All hosts, all wires."""

    def __init__(self, agenda: Agenda, log: Chronicle, rng: random.Random) -> None:
        self.agenda = agenda
        self.weather = Weather()
        self.carried = self.lost = self.doubled = self.damaged = 0
        self.names: dict[str, str] = {}
        self.before_send: Callable[[Owner], bool] = lambda owner: not owner.dead
        self.on_datagram: list[Callable[[bytes, Address, Address], None]] = []
        self.on_delivery: list[Callable[[bytes, Address, Address], None]] = []
        self._log = log
        self._rng = rng
        self._udp: dict[Address, Datagrams] = {}
        self._listeners: dict[Where, Listener] = {}
        self._streams: dict[StreamEnd, None] = {}
        self._ports = PORTS_OWN

    # -- datagrams --------------------------------------------------------------------------------------------

    def open_datagrams(
        self, owner: Owner, protocol: asyncio.DatagramProtocol, sock: Bound
    ) -> tuple[Datagrams, asyncio.DatagramProtocol]:
        assert isinstance(sock.address, tuple)
        socket = self._udp[sock.address] = Datagrams(self, owner, protocol, sock.address)
        owner.enter(protocol.connection_made, socket)
        return socket, protocol

    def send(self, data: bytes, source: Address, to: Address) -> None:
        """One datagram into the weather."""
        for listening in self.on_datagram:
            listening(data, source, to)
        self.carried += 1
        weather, rng = self.weather, self._rng
        if weather.damaged and rng.random() < weather.damaged:
            self.damaged += 1
            self.agenda.after(weather.delay_s, self._deliver, _damage(data, rng), source, to)
        if weather.lost and rng.random() < weather.lost:
            self.lost += 1
            self._log.note("lost", source[0], to[0], _first_line(data))
            return
        self.agenda.after(self._delay(), self._deliver, data, source, to)
        if weather.doubled and rng.random() < weather.doubled:
            self.doubled += 1
            self.agenda.after(self._delay(), self._deliver, data, source, to)

    def _delay(self) -> float:
        late = self.weather.late_s
        return self.weather.delay_s + (self._rng.random() * late if late else 0.0)

    def _deliver(self, data: bytes, source: Address, to: Address) -> None:
        socket = self._udp.get(to)
        if socket is None or socket.owner.dead:
            return
        self._log.note("datagram", source[0], to[0], _first_line(data), len(data))
        for listening in self.on_delivery:
            listening(data, source, to)
        socket.owner.enter(socket.protocol.datagram_received, data, source)

    def unbind(self, address: Address) -> None:
        self._udp.pop(address, None)

    # -- streams ----------------------------------------------------------------------------------------------

    def listen(self, owner: Owner, factory: Callable[[], Any], where: Where) -> Listener:
        listener = self._listeners[where] = Listener(self, owner, factory, where)
        return listener

    def stop_listening(self, listener: Listener) -> None:
        if self._listeners.get(listener.where) is listener:
            del self._listeners[listener.where]

    def connect(
        self,
        owner: Owner,
        factory: Callable[[], Any],
        where: Where,
        done: asyncio.Future[Any] | None = None,
        *,
        source: str = "192.0.2.1",
    ) -> None:
        """Reach a listener; `done` gets (transport, protocol) or the refusal. Without `done` it is the protocol's
        `connection_lost` that says so.
        """
        self.agenda.after(self._latency(where), self._connected, owner, factory, where, done, source)

    def _connected(
        self, owner: Owner, factory: Callable[[], Any], where: Where, done: Any, source: str
    ) -> None:
        listener = self._listeners.get(where)
        if owner.dead:
            return
        if listener is None or listener.owner.dead:
            error = ConnectionRefusedError(111, "Connection refused")
            if done is None:
                owner.enter(factory().connection_lost, error)
            elif not done.done():
                done.set_exception(error)
            return
        self._ports += 1
        mine: Where = (source, self._ports) if isinstance(where, tuple) else ""
        protocol, far_protocol = factory(), listener.factory()
        near = StreamEnd(self, owner, protocol, mine, where)
        far = StreamEnd(self, listener.owner, far_protocol, where, mine)
        near.far, far.far = far, near
        self._streams[near] = self._streams[far] = None
        owner.enter(protocol.connection_made, near)
        listener.owner.enter(far_protocol.connection_made, far)
        if done is not None and not done.done():
            done.set_result((near, protocol))

    def carry(self, end: StreamEnd, data: bytes) -> None:
        """Bytes of one stream, in order, possibly in pieces."""
        pieces = [data]
        if self.weather.pieces and isinstance(end.here, tuple) and len(data) > 1:
            cut = self._rng.randrange(1, len(data))
            pieces = [data[:cut], data[cut:]]
        for piece in pieces:
            self.agenda.at(end.next_arrival(self._latency(end.here)), self._arrive, end, piece)

    def shut(self, end: StreamEnd) -> None:
        """The far side hears that nothing more comes, after everything that is on its way."""
        self.agenda.at(end.next_arrival(self._latency(end.here)), self._ended, end)

    def process_died(self, owner: Owner) -> None:
        """The system closes what a dead process had open; who was connected hears of it."""
        for address in [a for a, socket in self._udp.items() if socket.owner is owner]:
            del self._udp[address]
        for where in [w for w, listener in self._listeners.items() if listener.owner is owner]:
            del self._listeners[where]
        for end in [end for end in self._streams if end.owner is owner]:
            end.lost = True
            self.shut(end)
            self._streams.pop(end, None)

    def streams_of(self, host: str) -> list[StreamEnd]:
        """Connections between `host` and anybody, from its side."""
        return [end for end in self._streams if isinstance(end.here, tuple) and end.here[0] == host]

    def _arrive(self, end: StreamEnd, data: bytes) -> None:
        far = end.far
        if not far.lost and not far.owner.dead:
            if isinstance(end.here, tuple):
                self._log.note("stream", end.here[0], _first_line(data), len(data))
            far.owner.enter(far.protocol.data_received, data)

    def _ended(self, end: StreamEnd) -> None:
        self._streams.pop(end, None)
        far = end.far
        if far.lost or far.owner.dead:
            return
        stay = False
        if not end.lost:  # closed on one side only: the other may go on talking
            stay = bool(getattr(far.protocol, "eof_received", lambda: False)())
        if not stay:
            self.drop(far)

    def drop(self, end: StreamEnd, error: Exception | None = None) -> None:
        """This side is over, and says so to its protocol and to the other side."""
        if end.lost:
            return
        end.lost = True
        self._streams.pop(end, None)
        self.shut(end)
        if not end.owner.dead:
            self.agenda.after(0.0, end.owner.enter, end.protocol.connection_lost, error)

    def _latency(self, where: Where) -> float:
        return self.weather.delay_s if isinstance(where, tuple) else LOCAL_S

    def look_up(self, host: str, port: Any) -> list[Any]:
        if host not in self.names:
            raise OSError(f"no such name: {host}")
        return [(2, 2, 17, "", (self.names[host], port))]


class Datagrams(asyncio.DatagramTransport):
    """One UDP socket."""

    def __init__(
        self, network: Network, owner: Owner, protocol: asyncio.DatagramProtocol, address: Address
    ) -> None:
        super().__init__({"sockname": address})
        self.owner, self.protocol, self.address = owner, protocol, address
        self._network = network

    def sendto(self, data: Any, addr: Any = None) -> None:
        if self._network.before_send(self.owner):
            self._network.send(bytes(data), self.address, addr)

    def close(self) -> None:
        self._network.unbind(self.address)

    def abort(self) -> None:
        self.close()


class Listener:
    """A server, as far as asyncio's users here need one."""

    def __init__(self, network: Network, owner: Owner, factory: Callable[[], Any], where: Where) -> None:
        self.owner, self.factory, self.where = owner, factory, where
        self.sockets = (Bound(where),)
        self._network = network

    def close(self) -> None:
        self._network.stop_listening(self)


class StreamEnd(asyncio.Transport):
    """One side of a connection."""

    def __init__(self, network: Network, owner: Owner, protocol: Any, here: Where, there: Where) -> None:
        super().__init__({"sockname": here, "peername": there})
        self.owner, self.protocol, self.here, self.there = owner, protocol, here, there
        self.far: StreamEnd
        self.lost = False
        self._network = network
        self._clear_at = 0.0  # when the last of our bytes arrives

    def next_arrival(self, latency: float) -> float:
        self._clear_at = max(self._clear_at, self._network.agenda.now + latency)
        return self._clear_at

    def write(self, data: Any) -> None:
        if data and not self.lost and self._network.before_send(self.owner):
            self._network.carry(self, bytes(data))

    def write_eof(self) -> None:
        self._network.shut(self)

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        if not self.owner.dead:
            self._network.drop(self)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self.lost or self.owner.dead

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is ever held back."""

    def pause_reading(self) -> None:
        """Never asked in earnest: messages are short."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""


def _damage(data: bytes, rng: random.Random) -> bytes:
    """Cut off, or with a head that no parser takes: what a broken wire makes of a message."""
    if rng.random() < 0.5:
        return data[: rng.randrange(1, max(2, len(data) // 2))]
    return bytes(rng.randrange(128, 256) for _ in range(12)) + data[12:]


def _first_line(data: bytes) -> str:
    return data.partition(b"\r\n")[0].decode("latin-1")
