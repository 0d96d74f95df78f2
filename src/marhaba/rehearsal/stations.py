"""Whoever stands outside the house with a telephone: phones, and the carriers with the whole world behind them.

Each is a real SIP endpoint of our own stack on the simulated network, and keeps its own record of what it dialled,
was asked for and heard: the witness against which the house's journal is held.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from marhaba.rehearsal.centre import HOUSE, PORT, REALM
from marhaba.rehearsal.network import OUTSIDE, Bound, Network
from marhaba.sip import sdp
from marhaba.sip.endpoint import Endpoint
from marhaba.sip.errors import FramingError, SipError
from marhaba.sip.events import (
    EndpointSettings,
    Flow,
    IncomingCall,
    LegAnswered,
    LegEnded,
    OfferAnswered,
    Party,
    Reoffered,
    SipEvent,
    Transport,
    Trunk,
)
from marhaba.sip.stream import StreamFramer

RTP_FIRST = 30_000
REGISTER_S = 600
RECONNECT_S = 1.0


@dataclass(slots=True, eq=False)
class Line:
    """One call at one station, as the station knows it. Times are the agenda's; -1: not yet."""

    station: Station
    leg: str
    number: str  # dialled, or of whom it shows
    own: str  # the number it calls from
    incoming: bool
    port: int
    began_at: float
    life: int  # of the station: one that was switched off has forgotten everything
    call_id: str = ""
    offer: bytes = b""
    remote_port: int = 0
    answered_at: float = -1.0
    ended_at: float = -1.0
    ended_by: str = ""
    code: int = 0
    held: bool = False
    version: int = 1
    hears: bool = False  # has heard a person, not only music
    silent: bool = False  # its network is gone, and nobody has said so
    mind: Any = None  # what whoever holds the line has in mind

    @property
    def up(self) -> bool:
        return self.answered_at >= 0 > self.ended_at

    @property
    def over(self) -> bool:
        return self.ended_at >= 0


class Station(asyncio.DatagramProtocol):
    """`on_ring` and `on_change` are asked when a call comes and whenever one changes."""

    def __init__(
        self,
        network: Network,
        name: str,
        host: str,
        *,
        rng: random.Random,
        user: str = "",
        password: str = "",
        transport: Transport = "udp",
        refresh_s: int = 1_800,
    ) -> None:
        self.network, self.agenda = network, network.agenda
        self.name, self.host, self.user, self.transport = name, host, user, transport
        self.on_ring: Callable[[Line], None] = lambda line: None
        self.on_change: Callable[[Line], None] = lambda line: None
        self.record: list[Line] = []
        self.lines: dict[str, Line] = {}
        self.dead = False
        self._rng = rng
        self._password = password
        self._refresh_s = refresh_s
        self._count = itertools.count(1)
        self._switch_on()

    # -- power ------------------------------------------------------------------------------------------------

    def _switch_on(self) -> None:
        self.dead = False
        trunk = Trunk(
            "house",
            HOUSE,
            PORT,
            self.transport,
            hosts=(HOUSE,),
            user=self.user,
            password=self._password,
            realm=REALM,
            register=bool(self.user),
            register_s=REGISTER_S,
            keep_alive_s=0,
        )
        settings = EndpointSettings(
            advertised_host=self.host, trunks=(trunk,), session_expires_s=self._refresh_s
        )
        self._settings = settings
        self.endpoint = Endpoint(settings, lambda: f"{self._rng.getrandbits(64):016x}")
        self.flow = Flow(self.transport, self.host, PORT, HOUSE, PORT)
        self._stream: Any = None
        self._connecting = False
        self._unsent: list[bytes] = []
        self._framer = StreamFramer()
        self._wake_at = float("inf")
        self._life = next(self._count)
        if self.transport == "udp":
            self._udp, _ = self.network.open_datagrams(OUTSIDE, self, Bound((self.host, PORT)))
        self.pump()

    def die(self) -> None:
        """The plug is pulled: nobody is told."""
        self.dead = True
        self._life = next(self._count)
        if self.transport == "udp":
            self._udp.close()
        elif self._stream is not None:
            self._stream.lost = True  # not even a FIN
        for line in self.lines.values():
            line.ended_at, line.ended_by = self.agenda.now, "death"
        self.lines.clear()

    def revive(self) -> None:
        if self.dead:
            self._switch_on()

    # -- the wire ---------------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if not self.dead:
            self.endpoint.receive(self.agenda.now, data, self.flow)
            self.pump()

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._framer.feed(data)
        except FramingError:
            self._stream.abort()
            return
        for message in messages:
            self.endpoint.receive(self.agenda.now, message, self.flow)
        self.pump()

    def connection_made(self, transport: Any) -> None:
        if self.transport == "udp":
            return
        self._stream, self._connecting, self._framer = transport, False, StreamFramer()
        for data in self._unsent:
            transport.write(data)
        self._unsent.clear()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self.dead or self.transport == "udp":
            return
        self._stream, self._connecting = None, False
        self._unsent.clear()
        self.endpoint.stream_closed(self.agenda.now, self.flow)
        self.pump()
        self.agenda.after(RECONNECT_S, self._come_back, self._life)

    def cut(self) -> None:
        """The connection breaks."""
        if self._stream is not None:
            self._stream.abort()

    def close_one_side(self) -> None:
        if self._stream is not None:
            self._stream.write_eof()

    def _come_back(self, life: int) -> None:
        """Phones register again when their connection breaks: only so can they be rung."""
        if life == self._life and self._stream is None:
            self.register_again()

    def register_again(self) -> None:
        if self.user and not self.dead:
            now = self.agenda.now
            self.endpoint.reconfigure(now, _without_trunks(self._settings))
            self.endpoint.reconfigure(now, self._settings)
            self.pump()

    def _transmit(self, data: bytes, flow: Flow) -> None:
        if self.transport == "udp":
            self._udp.sendto(data, (flow.remote_host, flow.remote_port))
        elif self._stream is not None:
            self._stream.write(data)
        else:
            self._unsent.append(data)
            if not self._connecting:
                self._connecting = True
                self.network.connect(OUTSIDE, self._protocol(), (HOUSE, PORT), source=self.host)

    def _protocol(self) -> Callable[[], Any]:
        life = self._life
        return lambda: self if life == self._life else asyncio.Protocol()

    def pump(self) -> None:
        """Everything the endpoint has to say, and its next timer."""
        if self.dead:
            return
        while events := self.endpoint.take_events():
            for event in events:
                self._hear(event)
        for send in self.endpoint.take_sends():
            self._transmit(send.data, send.flow)
        when = self.endpoint.next_wake()
        if when is not None and when < self._wake_at:
            self._wake_at = when
            self.agenda.at(when, self._wake, when, self._life)

    def _wake(self, when: float, life: int) -> None:
        if life != self._life or when != self._wake_at:
            return
        self._wake_at = float("inf")
        self.endpoint.wake(self.agenda.now)
        self.pump()

    # -- what happens -----------------------------------------------------------------------------------------

    def _hear(self, event: SipEvent) -> None:
        match event:
            case IncomingCall():
                line = self._new_line(event.leg, event.caller.number, event.dialled, incoming=True)
                line.offer, line.call_id = event.sdp, event.call_id
                self.on_ring(line)
            case LegAnswered() if event.leg in self.lines:
                line = self.lines[event.leg]
                line.answered_at = self.agenda.now
                self._aim(line, event.sdp)
                self.on_change(line)
            case LegEnded() if event.leg in self.lines:
                line = self.lines.pop(event.leg)
                line.ended_at, line.ended_by, line.code = self.agenda.now, event.by, event.code
                self.on_change(line)
            case Reoffered() if event.leg in self.lines:
                self._take_offer(self.lines[event.leg], event.sdp)
            case OfferAnswered():
                pass
            case _:
                pass

    def _new_line(self, leg: str, number: str, own: str, *, incoming: bool) -> Line:
        port = RTP_FIRST + 2 * next(self._count)
        line = Line(self, leg, number, own, incoming, port, self.agenda.now, self._life)
        self.lines[leg] = line
        self.record.append(line)
        return line

    def _aim(self, line: Line, body: bytes) -> None:
        try:
            line.remote_port = sdp.accept_answer(body).remote_port
        except SipError:
            line.remote_port = 0

    def _take_offer(self, line: Line, body: bytes) -> None:
        line.version += 1
        self.endpoint.accept_offer(self.agenda.now, line.leg, self._answer_to(line, body))

    def _answer_to(self, line: Line, body: bytes) -> bytes:
        if not body:
            return self._offer(line, "sendrecv")
        reply, negotiated = sdp.answer(
            sdp.parse_sdp(body), host=self.host, port=line.port, session_id=1, version=line.version
        )
        line.remote_port = negotiated.remote_port
        return reply

    def _offer(self, line: Line, direction: sdp.Direction) -> bytes:
        return sdp.make_offer(
            host=self.host, port=line.port, session_id=1, version=line.version, direction=direction
        )

    # -- what a hand does -------------------------------------------------------------------------------------

    def dial(self, number: str, *, own: str, offerless: bool = False) -> Line:
        leg = f"{self.name}-{next(self._count)}"
        line = self._new_line(leg, number, own, incoming=False)
        line.call_id = f"{self._rng.getrandbits(96):024x}"
        self.endpoint.invite(
            self.agenda.now,
            leg=leg,
            target=f"sip:{number}@{HOUSE}",
            flow=self.flow,
            caller=Party(own),
            sdp=b"" if offerless else self._offer(line, "sendrecv"),
            trunk="house",
            call_id=line.call_id,
        )
        self.pump()
        return line

    def ring(self, line: Line, *, early: bool = False) -> None:
        if not line.over and not self.dead:
            body = self._answer_to(line, line.offer) if early else b""
            self.endpoint.ring(self.agenda.now, line.leg, sdp=body)
            self.pump()

    def answer(self, line: Line) -> bool:
        if line.over or self.dead or line.answered_at >= 0:
            return False
        done = self.endpoint.answer(self.agenda.now, line.leg, self._answer_to(line, line.offer))
        if done:
            line.answered_at = self.agenda.now
        self.pump()
        return done

    def reject(self, line: Line, code: int) -> None:
        if not line.over and not self.dead:
            self.endpoint.reject(self.agenda.now, line.leg, code)
            self.pump()

    def hang_up(self, line: Line) -> None:
        if not line.over and not self.dead:
            self.endpoint.hang_up(self.agenda.now, line.leg)
            self.pump()

    def hold(self, line: Line, direction: sdp.Direction = "sendonly") -> None:
        if line.up and not self.dead:
            line.version += 1
            line.held = direction != "sendrecv"
            self.endpoint.reoffer(self.agenda.now, line.leg, self._offer(line, direction))
            self.pump()

    def refer(self, line: Line, to: str) -> None:
        if line.up and not self.dead:
            self.endpoint.refer(self.agenda.now, line.leg, f"sip:{to}@{HOUSE}")
            self.pump()


def _without_trunks(settings: EndpointSettings) -> EndpointSettings:
    return EndpointSettings(
        advertised_host=settings.advertised_host, session_expires_s=settings.session_expires_s
    )
