"""The real floor on a stage: virtual time, phones and a carrier that are real SIP endpoints, audio that obeys.

After every turn the events must lead a fresh state to where the floor's own state is; at the end of a scene nothing may
be left over (`Stage.settled`).
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from marhaba.floor import agents, dispatch
from marhaba.floor.actions import act
from marhaba.floor.floor import Floor, Worker
from marhaba.floor.recovery import recover
from marhaba.floor.reload import tell_loaded
from marhaba.floor.state import Call, FloorState, apply
from marhaba.floor.today import Today
from marhaba.journal.events import Event
from marhaba.journal.records import Records
from marhaba.kernel.messages import Ask, Reply
from marhaba.kernel.routing import Routing
from marhaba.media import edge_protocol as edge
from marhaba.media import protocol as media
from marhaba.media.library import PromptLibrary
from marhaba.sip.endpoint import Endpoint
from marhaba.sip.events import (
    EndpointSettings,
    Flow,
    IncomingCall,
    LegAnswered,
    LegEnded,
    Party,
    Referred,
    Reoffered,
    Send,
    SipEvent,
    Trunk,
)
from marhaba.sip.registrar import Held
from tests.floor.stage_centre import CENTRE, PHONES, REALM, SECRET, parse_centre_of
from tests.sip.pairs import tokens

HOUSE, CARRIER = "192.0.2.1", "192.0.2.50"
START = 1_750_068_000.0  # Monday 2025-06-16 10:00 UTC
DELAY_S, PROMPT_S = 0.01, 1.0
PORTS = range(20_000, 20_100, 2)
SDP = (
    "v=0\r\no=- 1 {version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
)


class Side:
    """A phone or the carrier: answers, hangs up, holds, as it is told. `auto` answers after so many seconds."""

    def __init__(self, stage: Stage, name: str, host: str, *, user: str = "") -> None:
        self.stage, self.name, self.host = stage, name, host
        trunk = Trunk(
            "house",
            HOUSE,
            hosts=(HOUSE,),
            keep_alive_s=0,
            user=user,
            password=SECRET if user else "",
            realm=REALM,
        )
        settings = EndpointSettings(advertised_host=host, trunks=(trunk,))
        self.endpoint = Endpoint(settings, tokens(name))
        self.flow = Flow("udp", host, 5060, HOUSE, 5060)
        self.events: list[SipEvent] = []
        self.auto: float | None = None if host == CARRIER else 2.0
        self.code = 0  # refuse with it instead
        self.legs: list[str] = []  # alive, in order
        self.ended: dict[str, LegEnded] = {}
        self._count = itertools.count(1)

    @property
    def now(self) -> float:
        return self.stage.sip_now

    def take(self) -> None:
        for event in self.endpoint.take_events():
            self.events.append(event)
            if isinstance(event, IncomingCall):
                self.legs.append(event.leg)
                self._react(event.leg)
            elif isinstance(event, LegEnded):
                self.ended[event.leg] = event
                if event.leg in self.legs:
                    self.legs.remove(event.leg)
            elif isinstance(event, Reoffered):
                self.endpoint.accept_offer(self.now, event.leg, self.sdp())

    def _react(self, leg: str) -> None:
        if self.code:
            self.endpoint.reject(self.now, leg, self.code)
        else:
            self.endpoint.ring(self.now, leg)
            if self.auto is not None:
                self.stage.later(self.auto, lambda: self.answer(leg))

    def sdp(self, direction: str = "sendrecv", version: int = 1) -> bytes:
        return SDP.format(host=self.host, direction=direction, version=version).encode()

    def answer(self, leg: str = "") -> None:
        self.endpoint.answer(self.now, leg or self.legs[-1], self.sdp())

    def dial(self, number: str, *, caller: str = "0661000001") -> str:
        leg = f"{self.name}-{next(self._count)}"
        self.endpoint.invite(
            self.now, leg=leg, target=f"sip:{number}@{HOUSE}", flow=self.flow, caller=Party(caller), sdp=self.sdp(),
            trunk="house",
        )  # fmt: skip
        self.legs.append(leg)
        return leg

    def hang_up(self, leg: str = "") -> None:
        leg = leg or self.legs[-1]
        self.endpoint.hang_up(self.now, leg)

    def reoffer(self, direction: str, leg: str = "") -> None:
        self.endpoint.reoffer(self.now, leg or self.legs[-1], self.sdp(direction, 2))

    def refer(self, target: str, leg: str = "") -> None:
        self.endpoint.refer(self.now, leg or self.legs[-1], target)

    @property
    def talking(self) -> bool:
        return any(isinstance(event, LegAnswered) for event in self.events) and bool(self.legs)


class Stage:
    def __init__(self, text: str = CENTRE, *, at: float = START, logged_in: tuple[str, ...] = ()) -> None:
        self.centre = parse_centre_of(text)
        self.now = at
        self.events: list[Event] = []
        self.commands: list[media.Command] = []
        self.open: dict[str, int] = {}
        self.browsers: dict[str, int] = {}  # lines at the edge, and the port of ours each is aimed at
        self.closed: dict[str, None] = {}
        self.hears: dict[str, list[str]] = {}
        self.playing: dict[str, tuple[str, int]] = {}
        self.recording: dict[str, media.Record] = {}
        self.messages: dict[str, media.RecordMessage] = {}
        self.records = Records()
        self._plays = itertools.count(1)
        self._wire: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.dead = False
        self._kept: list[media.AnyEvent] = []
        self._lives = 0
        self._worker = 0  # which of them lives
        self.floor = self._new_floor(FloorState(Routing([]), at=at))
        self.carrier = Side(self, "carrier", CARRIER)
        self.phones = {
            agent: Side(self, agent, f"192.0.2.{phone}", user=phone) for agent, phone in PHONES.items()
        }
        self.sides = {side.host: side for side in (self.carrier, *self.phones.values())}
        self._register()
        dispatch.worker_up(self.floor, Worker("media-0", HOUSE, list(PORTS)))
        self.turn(lambda: tell_loaded(self.floor, self.centre, path="centre.toml"))
        for agent in logged_in:
            self.turn(lambda agent=agent: (agents.log_in(self.floor, agent), agents.ready(self.floor, agent)))

    def _new_floor(self, state: FloorState) -> Floor:
        self._lives += 1
        return Floor(
            centre=self.centre,
            state=state,
            endpoint=Endpoint(self.centre.endpoint_settings(), tokens(f"h{self._lives}-")),
            prompts=PromptLibrary(None),
            today=Today(self.centre),
            token=tokens(f"t{self._lives}-"),
        )

    # -- death ------------------------------------------------------------------------------------------------

    def restart(
        self,
        gap_s: float = 0.5,
        *,
        after_crash: bool = True,
        audio_lost: bool = False,
        uptime_s: float | None = None,
        recordings: Sequence[str] = (),
    ) -> None:
        """The floor is killed and another one comes; what arrives meanwhile is lost, the worker goes on.

        `audio_lost`: the power was cut, and the worker is another one too, of age `uptime_s`. `recordings`: those it
        makes.
        """
        age_s = uptime_s if uptime_s is not None else 0.0 if audio_lost else 86_400.0
        if audio_lost:
            self.lose_audio()
        died_at = self.now
        registrar = self.floor.endpoint.registrar.dump()
        self.dead = True
        self.run(gap_s)
        self.dead = False
        state = FloorState(Routing([]), at=self.now)
        for event in self.events:
            apply(state, event)
        self.floor = self._new_floor(state)
        self.floor.endpoint.registrar.load(registrar)
        for event in self.events:
            self.floor.see_spending(event)
        free = [port for port in PORTS if port not in self.open.values()]
        dispatch.worker_up(self.floor, Worker("media-0", HOUSE, free))
        found = media.Welcome(
            "media-0",
            HOUSE,
            free,
            [
                media.LegState(leg, port, "", 0, media.PCMA, self.hears.get(leg, []))
                for leg, port in self.open.items()
            ],
            list(recordings),
            uptime_s=age_s,
            closed=list(self.closed),
        )

        def begin() -> None:
            self.floor.emit("floor.started", version="test", after_crash=after_crash)
            tell_loaded(self.floor, self.centre, path="centre.toml")
            recover(self.floor, {"media-0": found}, died_at)

        self.turn(begin)
        kept, self._kept = self._kept, []
        for event in kept:
            if not isinstance(event, media.PortsFree):  # `Welcome` said which ports are free
                self.media(event)

    def lose_worker(self, gap_s: float = 1.0) -> None:
        """The media worker dies with all its audio, and a fresh one comes."""
        self.lose_audio()
        self.turn(lambda: dispatch.worker_lost(self.floor, "media-0"))
        self.run(gap_s)
        self.turn(lambda: dispatch.worker_up(self.floor, Worker("media-0", HOUSE, list(PORTS))))

    def lose_audio(self) -> None:
        for things in (self.open, self.hears, self.playing, self.recording, self.messages, self.closed):
            things.clear()
        self._worker += 1

    # -- time -------------------------------------------------------------------------------------------------

    @property
    def sip_now(self) -> float:
        return self.now - START

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        heapq.heappush(self._wire, (self.now + seconds, next(self._order), work))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        self._pump()
        while (at := self._next()) is not None and at <= until:
            self.now = max(self.now, at)
            while self._wire and self._wire[0][0] <= self.now:
                heapq.heappop(self._wire)[2]()
                self._pump()
            for side in self.sides.values():
                side.endpoint.wake(self.sip_now)
            if not self.dead:
                self.turn(lambda: self.floor.endpoint.wake(self.sip_now))
            self._pump()
        self.now = until

    def _next(self) -> float | None:
        wakes = [side.endpoint.next_wake() for side in self.sides.values()]
        if not self.dead:
            wakes.append(self.floor.endpoint.next_wake())
        moments = [START + wake for wake in wakes if wake is not None]
        moments += [entry[0] for entry in self._wire[:1]]
        if not self.dead and (timer := self.floor.next_timer()) is not None:
            moments.append(timer)
        return min(moments, default=None)

    def _pump(self) -> None:
        for side in self.sides.values():
            side.take()
            for send in side.endpoint.take_sends():
                assert isinstance(send, Send)
                self._carry(send, side.host)

    def _carry(self, send: Send, source: str) -> None:
        """One datagram on its way."""
        to = send.flow.remote_host
        if to == HOUSE:
            flow = Flow("udp", HOUSE, 5060, source, 5060)
            self.later(DELAY_S, lambda: self._arrive(send.data, flow))
        elif (side := self.sides.get(to)) is not None:
            self.later(DELAY_S, lambda: side.endpoint.receive(self.sip_now, send.data, side.flow))

    def _arrive(self, data: bytes, flow: Flow) -> None:
        if not self.dead:
            self.turn(lambda: self.floor.endpoint.receive(self.sip_now, data, flow))

    # -- turns ------------------------------------------------------------------------------------------------

    def turn(self, work: Callable[[], object]) -> None:
        floor = self.floor
        floor.now, floor.sip_offset = self.now, -START
        work()
        dispatch.follow(floor)
        turn = floor.take_turn()
        for event in turn.events:
            self.events.append(msgspec.structs.replace(event, seq=len(self.events) + 1))
            floor.today.see(event)
            self.records.apply(event)
        for send in floor.endpoint.take_sends():
            assert isinstance(send, Send)
            self._carry(send, HOUSE)
        for name, command in turn.media:
            if isinstance(command, edge.EdgeCommand):
                self._obey_edge(command)
            elif floor.workers[name].connected:
                self._obey(command)
        self.check()

    def check(self) -> None:
        """What holds after every turn."""
        replayed = FloorState(Routing([]), at=self.events[0].at if self.events else self.now)
        for event in self.events:
            apply(replayed, event)
        assert seen(replayed) == seen(self.floor.state)
        floor = self.floor
        for leg in floor.state.legs.values():
            assert leg.ended or leg.role in ("nailed", "code") or leg.call in floor.state.calls, leg
        assert set(floor.volatile) <= set(floor.state.calls)
        assert self.records.reconcile() == []

    def _register(self) -> None:
        rows = [
            Held(
                phone,
                f"sip:{phone}@192.0.2.{phone}",
                Flow("udp", HOUSE, 5060, f"192.0.2.{phone}", 5060),
                1e12,
                "r",
                1,
            )
            for phone in PHONES.values()
        ]
        self.floor.endpoint.registrar.load(msgspec.json.encode(rows))

    # -- audio ------------------------------------------------------------------------------------------------

    def _obey(self, command: media.Command) -> None:
        """As much of a worker as a floor can tell."""
        self.commands.append(command)
        if isinstance(command, media.OpenLeg):
            assert command.leg not in self.open
            assert command.port not in self.open.values(), "a port is lent once"
            self.open[command.leg] = command.port
        elif isinstance(command, media.CloseLeg):
            port = self.open.pop(command.leg)
            self.closed[command.leg] = None
            self.hears.pop(command.leg, None)
            self.playing.pop(command.leg, None)
            self._tell(media.LegClosed(command.leg, media.LegStats(received=1, mos=4.3)))
            self._tell(media.PortsFree([port]))
            for name, message in list(self.messages.items()):
                if message.leg == command.leg:
                    del self.messages[name]
                    self._tell(media.MessageEnded(name, message.path, 4.0, "closed"))
        elif isinstance(command, media.Hear):
            assert command.leg in self.open
            self.hears[command.leg] = command.sources
        elif isinstance(command, media.Play):
            assert command.leg in self.open
            number = next(self._plays)
            self.playing[command.leg] = (command.tag, number)
            self.later(PROMPT_S * len(command.prompts), lambda: self._played(command, number))
        elif isinstance(command, media.StopPlay):
            self.playing.pop(command.leg, None)
        elif isinstance(command, media.Record):
            self.recording[command.recording] = command
        elif isinstance(command, media.StopRecord):
            record = self.recording.pop(command.recording)
            self._tell(media.RecordEnded(command.recording, record.path, 5.0))
        elif isinstance(command, media.RecordMessage):
            self.messages[command.recording] = command

    def _obey_edge(self, command: edge.EdgeCommand) -> None:
        if isinstance(command, edge.AimLine):
            self.browsers[command.line] = command.port
        elif isinstance(command, edge.CloseLine):
            self.browsers.pop(command.line, None)

    def _played(self, command: media.Play, number: int) -> None:
        if self.playing.get(command.leg) == (command.tag, number):
            del self.playing[command.leg]
            self.media(media.PlayEnded(command.leg, command.tag, "done"))

    def _tell(self, event: media.AnyEvent) -> None:
        """On its way when the floor or the worker dies, it is lost with the connection."""
        ends = (self._worker, self.floor)
        self.later(DELAY_S, lambda: self.media(event) if ends == (self._worker, self.floor) else None)

    def media(self, event: media.AnyEvent) -> None:
        if self.dead:
            self._kept.append(event)
            return
        self.turn(lambda: dispatch.media_event(self.floor, "media-0", event))

    def press(self, call: Call, key: str) -> None:
        """The caller presses a key: what plays until a key ends, then the key is told."""
        leg = call.caller_leg
        if (playing := self.playing.pop(leg, None)) is not None:
            self.media(media.PlayEnded(leg, playing[0], "digit"))
        self.media(media.Digit(leg, key, 100))

    # -- asking -----------------------------------------------------------------------------------------------

    def ask(self, do: str, **args: Any) -> Reply:
        replies: list[Reply] = []
        self.turn(lambda: replies.append(act(self.floor, Ask(do, args))))
        self._pump()
        return replies[0]

    @property
    def call(self) -> Call:
        """The only call."""
        (call,) = self.floor.state.calls.values()
        return call

    def call_of(self, programme: str) -> Call:
        (call,) = (c for c in self.floor.state.calls.values() if c.programme == programme)
        return call

    def state_of(self, agent: str) -> str:
        return self.floor.seat(agent).state.name.lower()

    def kinds(self, call: str = "") -> list[str]:
        return [event.kind for event in self.events if not call or event.call_id == call]

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]

    def one(self, kind: str) -> Event:
        (event,) = self.of(kind)
        return event

    def outcome(self) -> str:
        return str(self.one("call.ended").data["outcome"])

    def both_hear(self, one: str, other: str) -> bool:
        return other in self.hears.get(one, []) and one in self.hears.get(other, [])

    def settled(self) -> None:
        """After the last hang-up and the time SIP needs to forget: nothing is left."""
        self.run(70.0)
        state = self.floor.state
        assert state.calls == {}
        assert [leg for leg in state.legs.values() if leg.role != "nailed"] == []
        assert self.floor.volatile == {}
        nailed = {leg.id for leg in state.legs.values()}
        assert set(self.open) == nailed
        assert len(self.floor.workers["media-0"].free) == len(PORTS) - len(nailed)
        assert self.recording == {}
        assert self.messages == {}
        assert all(seat.state.name.lower() not in ("ringing", "talking") for seat in state.seats.values()), (
            state.seats
        )
        statistics = self.floor.endpoint.statistics()
        dialogs = [leg for leg in state.legs.values() if not leg.edge]
        assert [statistics[name] for name in ("legs", "server_transactions", "client_transactions")] == [
            len(dialogs), 0, 0,
        ]  # fmt: skip
        assert self.browsers == {leg.edge: leg.port for leg in state.legs.values() if leg.edge}


UNSEEN = {"ended", "ended_by"}
"""What a leg or a call remembers within its last seconds only."""


def seen(state: FloorState) -> dict[str, Any]:
    """All of a state that must survive a restart."""
    plain = {
        name: {
            key: {k: v for k, v in as_dict(value).items() if k not in UNSEEN}
            for key, value in getattr(state, name).items()
        }
        for name in ("calls", "legs", "seats")
    }
    routing = state.routing
    line = {call.id: routing.position(call.id) for call in state.calls.values() if call.visit_open}
    return plain | {
        "alarms": dict(state.alarms),
        "trunks": dict(state.trunks),
        "rank_next": state.rank_next,
        "line": line,
    }


def as_dict(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


__all__ = ["CENTRE", "PHONES", "START", "Referred", "Side", "Stage"]
