"""A journal decided again: before each recorded offer the kernel is asked what it decides, and must say the same.

Events are applied by the floor's own `state.apply`, so the kernel stands where it stood then, through crashes, starts from
a checkpoint and changes of centre.toml: what it goes by is in the journal too. It is asked twice over: at each offer, whether
it is the one; and at the end of each moment, whether it would have made one more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from marhaba.floor.offering import due
from marhaba.floor.state import FloorState, apply
from marhaba.journal.events import Event
from marhaba.kernel.errors import Refused
from marhaba.kernel.routing import Routing


@dataclass(frozen=True, slots=True)
class Offer:
    """A contact is given to an agent."""

    contact: str
    agent: str
    queue: str


@dataclass(frozen=True, slots=True)
class Difference:
    """`seq`: the recorded offer's event, or the last one of the moment in which an offer was left out."""

    seq: int
    at: float  # seconds since the epoch
    recorded: Offer | None  # None: nothing was offered
    decided: Offer | None  # None: the kernel gives nobody to anybody


@dataclass(slots=True)
class Verdict:
    """What a replay found out. It ends at the first difference."""

    events: int = 0  # applied
    decisions: int = 0  # recorded in the period, up to the first that differs
    equal: int = 0
    lives: int = 0  # of the floor, in the period
    loads: int = 0  # of centre.toml, in the period, starts aside
    first_at: float = 0.0
    last_at: float = 0.0
    difference: Difference | None = None


class Replay:
    """The state, event by event, and what the kernel says to the offers of [begin, end)."""

    def __init__(self, state: FloorState | None = None, *, begin: float = 0.0, end: float = inf) -> None:
        """`state`: of a checkpoint; else events are expected from the first one on."""
        self.state = state or FloorState(Routing([]))
        self.verdict = Verdict()
        self._begin, self._end = begin, end
        self._last: Event | None = None

    def see(self, event: Event) -> bool:
        """Apply one event. False: there is a difference, or the period is over."""
        if self._last is not None and event.at > self._last.at and event.kind != "floor.started":
            self.moment_ends()
        if self.verdict.difference is None and event.at < self._end:
            self._judge(event)
        if self.verdict.difference is not None or event.at >= self._end:
            return False
        apply(self.state, event)
        self._count(event)
        self._last = event
        return True

    def moment_ends(self) -> None:
        """Nothing more happened at that moment: nothing is left that the kernel would decide."""
        last = self._last
        if last is None or self.state.loaded is None or last.at < self._begin or self.verdict.difference:
            return
        if (decided := self._decided(last.at, more=False)) is not None:
            self.verdict.difference = Difference(last.seq, last.at, None, decided)

    def _judge(self, event: Event) -> None:
        recorded = offer_of(self.state, event)
        if recorded is None or event.at < self._begin:
            return
        if self.state.loaded is None:
            raise Refused(
                f"event {event.seq} is an offer, and no event before it tells the rules: the journal was begun by a "
                "version that did not write them",
                code="no-rules",
                about={"seq": event.seq},
            )
        decided = self._decided(event.at)
        if decided != recorded and self._decided(event.at, more=False) == recorded:
            decided = recorded  # a further phone was left out, for want of a port
        self.verdict.decisions += 1
        if decided == recorded:
            self.verdict.equal += 1
        else:
            self.verdict.difference = Difference(event.seq, event.at, recorded, decided)

    def _decided(self, at: float, *, more: bool = True) -> Offer | None:
        decision = due(self.state, at, more=more)
        return None if decision is None else Offer(decision.contact, decision.agent, decision.queue)

    def _count(self, event: Event) -> None:
        verdict = self.verdict
        verdict.events += 1
        if event.at < self._begin:
            return
        verdict.first_at = verdict.first_at or event.at
        verdict.last_at = event.at
        starts = event.kind == "floor.started"
        verdict.lives += starts
        if event.kind == "centre.loaded" and not (self._last and self._last.kind == "floor.started"):
            verdict.loads += 1


def offer_of(state: FloorState, event: Event) -> Offer | None:
    """The kernel's decision that the event carries out, or finds impossible; `state` is that before it."""
    if event.kind == "call.ringing" and event.data["why"] == "queue":
        return Offer(event.call_id, event.agent_id, event.queue_id)
    if event.kind == "agent.state" and (tried := event.data.get("tried")):
        call = state.calls.get(tried)
        return Offer(tried, event.agent_id, call.queue if call is not None else "")
    return None


def replay(
    events: Iterable[Event], state: FloorState | None = None, *, begin: float = 0.0, end: float = inf
) -> Verdict:
    """Judge the offers of [begin, end), in seconds since the epoch. Raises `Refused` for a journal without rules."""
    made = Replay(state, begin=begin, end=end)
    for event in events:
        if not made.see(event):
            return made.verdict
    made.moment_ends()
    return made.verdict
