"""The floor: one object that holds the state, the ports and the turn in progress. The verbs live beside it.

The floor does not act inside a callback. An input (a SIP event, a media event, an action, a timer) opens a *turn*; verbs
emit events, which change the state at once, and queue what should leave (SIP messages through the endpoint, media
commands). At the end of the turn the events are handed to the journal, and only when they are committed does
what was queued leave, in order: intent before effect.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from marhaba.centre import Agent, Centre, Programme, Queue
from marhaba.floor import bygone
from marhaba.floor.state import Call, FloorState, Leg, Seat, apply
from marhaba.floor.today import Today
from marhaba.journal.events import KINDS, Event
from marhaba.kernel.numbers import Route, Spend
from marhaba.kernel.waiting import WaitEstimator
from marhaba.media.edge_protocol import EdgeCommand
from marhaba.media.library import PromptLibrary
from marhaba.media.protocol import Command, WorkerStats
from marhaba.sip.endpoint import Endpoint

if TYPE_CHECKING:
    from marhaba.floor.hours import Spell

log = logging.getLogger("marhaba.floor")

PORTS_KEPT_BACK = 4
"""Legs that must stay possible for agents when callers fill the house: a caller without a leg for an agent is worse
than a refused caller."""


EDGE = "edge"
"""Its name among those who get commands."""
ANYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 -- compared, not bound


@dataclass(frozen=True, slots=True)
class Freed:
    """A leg without a dialog that we hung up: `_ended` follows in the same turn, as a phone's answer to a BYE would."""

    leg: str
    reason: str
    over: bool  # False: the line stays open
    spoke: bool = False  # the agent had answered


@dataclass(slots=True)
class Worker:
    """One media worker, as the floor knows it."""

    name: str
    host: str
    free: list[int] = field(default_factory=list)
    connected: bool = True
    stats: WorkerStats | None = None  # as it last told


@dataclass(slots=True)
class Turn:
    """What one input caused and has not left yet."""

    events: list[Event] = field(default_factory=list)
    media: list[tuple[str, Command | EdgeCommand]] = field(default_factory=list)


@dataclass(slots=True)
class Volatile:
    """What a restart may forget about a call: which step plays, what was tried."""

    step: str = ""
    tag: str = ""  # of what plays: whatever else ends was played for an earlier step, or by an earlier floor
    tries: int = 0
    digits: str = ""
    hears: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)  # carriers of the outside leg that is being dialled
    message_at: float = 0.0  # when a message began to be recorded


class Floor:
    """State, ports and the turn. Verbs take it as their first argument."""

    def __init__(
        self,
        *,
        centre: Centre,
        state: FloorState,
        endpoint: Endpoint,
        prompts: PromptLibrary,
        today: Today,
        token: Callable[[], str],
    ) -> None:
        self.centre = centre
        self.state = state
        self.endpoint = endpoint
        self.prompts = prompts
        self.today = today
        self.token = token
        self.now = state.at
        self.wall_offset = 0.0  # wall clock minus steady clock; opening hours look at the wall
        self.sip_offset = 0.0  # the endpoint's clock minus ours
        self.workers: dict[str, Worker] = {}
        self.turn = Turn()
        self.freed: list[Freed] = []
        self.volatile: dict[str, Volatile] = {}
        self.phones_moved = True  # bindings to be saved
        # Who waits is looked at before this turn ends. Not at once: a verb may be in the middle of something, and a
        # recovery among calls it has not taken up yet.
        self.reroute = False
        self.waits = WaitEstimator()
        self.hours: dict[str, Spell] = {}  # of queues
        self.spend = Spend(centre.spending.concurrent_max, centre.spending.hourly_max)
        self.counters: dict[str, int] = {}
        self._timers: list[tuple[float, int, str, str]] = []
        self._timer_live: dict[tuple[str, str], int] = {}
        self._timer_count = 0

    # -- time -------------------------------------------------------------------------------------------------

    @property
    def wall(self) -> float:
        return self.now + self.wall_offset

    @property
    def sip_now(self) -> float:
        return self.now + self.sip_offset

    def after(self, seconds: float, kind: str, subject: str) -> None:
        """(Re)arm the one timer `kind` of `subject`; `floor.timers.fire` knows what each kind does."""
        self._timer_count += 1
        self._timer_live[kind, subject] = self._timer_count
        heapq.heappush(self._timers, (self.now + max(0.0, seconds), self._timer_count, kind, subject))

    def cancel(self, kind: str, subject: str) -> None:
        self._timer_live.pop((kind, subject), None)

    def next_timer(self) -> float | None:
        while self._timers and self._timer_live.get(self._timers[0][2:]) != self._timers[0][1]:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def due_timer(self) -> tuple[str, str] | None:
        """The next timer whose time has come, taken off."""
        when = self.next_timer()
        if when is None or when > self.now:
            return None
        _, _, kind, subject = heapq.heappop(self._timers)
        del self._timer_live[kind, subject]
        return kind, subject

    # -- the turn ---------------------------------------------------------------------------------------------

    def emit(self, kind: str, /, *, call: str = "", agent: str = "", queue: str = "", **data: Any) -> None:
        """Something happened: it changes the state now and is written before anything of this turn leaves."""
        assert kind in KINDS, kind
        event = Event(at=self.now, kind=kind, call_id=call, agent_id=agent, queue_id=queue, data=data)
        apply(self.state, event)
        self.see_spending(event)
        self.turn.events.append(event)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s call=%s agent=%s queue=%s", kind, call, agent, queue)

    def see_spending(self, event: Event) -> None:
        """An outside leg costs from its INVITE to its end, also when the floor restarts meanwhile."""
        if event.kind == "leg.opened" and (prefix := event.data.get("route")):
            self.spend.start(event.at, event.data["leg"], Route(prefix, (), event.data["per_minute"]))
        elif event.kind == "leg.closed":
            self.spend.end(event.at, event.data["leg"])

    def media(self, leg: Leg | str, command: Command) -> None:
        """Queue a command to the worker that holds `leg`."""
        found = self.state.legs.get(leg) if isinstance(leg, str) else leg
        if found is not None:
            self.turn.media.append((found.worker, command))

    def edge(self, command: EdgeCommand) -> None:
        self.turn.media.append((EDGE, command))

    @property
    def edge_finds_workers_at(self) -> str:
        """The edge stands on the workers' machine."""
        host = self.centre.media.host
        return "127.0.0.1" if host in ANYWHERE else host

    def take_turn(self) -> Turn:
        turn, self.turn = self.turn, Turn()
        return turn

    # -- ports ------------------------------------------------------------------------------------------------

    def lend_port(self, *, near: str = "", keep_back: int = 0) -> tuple[Worker, int] | None:
        """A free RTP port, on the worker that holds leg `near` if it has one: legs of one call share a worker."""
        leg = self.state.legs.get(near)
        if leg is not None:
            worker = self.workers.get(leg.worker)
            if worker is None or not worker.connected or not worker.free:
                return None
            return worker, worker.free.pop()
        best = max(
            (w for w in self.workers.values() if w.connected),
            key=lambda w: len(w.free),
            default=None,
        )
        if best is None or len(best.free) <= keep_back:
            return None
        return best, best.free.pop()

    def ports_free(self, *, near: str = "") -> int:
        """On the worker that holds leg `near`, if it has one; else on the one that has most."""
        leg = self.state.legs.get(near)
        workers = (w for w in self.workers.values() if w.connected and (leg is None or leg.worker == w.name))
        return max((len(w.free) for w in workers), default=0)

    def side_by_side(self, one: str, other: str) -> bool:
        """Whether two legs stand on one worker: only there can they hear each other. A leg that is not there yet can."""
        legs = self.state.legs
        return one not in legs or other not in legs or legs[one].worker == legs[other].worker

    # -- finding things ---------------------------------------------------------------------------------------

    def volatile_of(self, call: str) -> Volatile:
        found = self.volatile.get(call)
        if found is None:
            found = self.volatile[call] = Volatile()
        return found

    def call_of_leg(self, leg: str) -> Call | None:
        found = self.state.legs.get(leg)
        return self.state.calls.get(found.call) if found is not None else None

    def programme(self, call: Call) -> Programme:
        return bygone.programme_of(self.centre, call)

    def queue(self, call: Call) -> Queue:
        return self.centre.queues[call.queue]

    def seat(self, agent: str) -> Seat:
        seat = self.state.seats.get(agent)
        return seat if seat is not None else Seat(agent)

    def agent_by_phone(self, user: str) -> Agent | None:
        """Who sits at this phone: whoever logged in on it, else the agent it belongs to."""
        for seat in self.state.seats.values():
            if seat.phone == user and seat.state.name != "LOGGED_OUT" and seat.id in self.centre.agents:
                return self.centre.agents[seat.id]
        for agent in self.centre.agents.values():
            if agent.phone == user:
                return agent
        return None

    def count(self, what: str) -> None:
        self.counters[what] = self.counters.get(what, 0) + 1
