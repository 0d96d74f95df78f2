"""What goes in must come out: the identities that hold for every queue and interval, every agent and every
call.

A difference is never corrected here; it is named, so that somebody finds the event that is missing or came
twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

TOLERANCE_S = 0.01
"""Sums of seconds written with three decimals; a hundredth is no lost event."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Visits of one queue in one interval. A visit begins when the queue takes the call and ends in one way."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    overflowed: int = 0
    callback: int = 0  # converted: the place is kept by a callback
    voicemail: int = 0
    closed: int = 0
    failed: int = 0
    waiting_before: int = 0
    waiting_after: int = 0

    @property
    def came(self) -> int:
        return self.waiting_before + self.offered

    @property
    def went(self) -> int:
        ended = self.answered + self.abandoned + self.overflowed + self.callback
        return ended + self.voicemail + self.closed + self.failed + self.waiting_after


@dataclass(frozen=True, slots=True)
class Difference:
    """An identity that does not hold: `left` should equal `right`."""

    where: str
    identity: str
    left: float
    right: float


CALLS = (
    "waiting before + offered = answered + abandoned + overflowed + callback + voicemail + closed + failed"
    " + waiting after"
)
CONTINUITY = "waiting after one interval = waiting before the next"
NOT_NEGATIVE = "no count or time is negative"
LOGIN = "sum of agent states = login time"
TALK = "sum of the talk of all legs = talk of the call"


def reconcile(counts: Mapping[str, Counts]) -> list[Difference]:
    """Every difference, by the name under which the counts are given (a queue, or a queue and interval)."""
    found = []
    for where, count in counts.items():
        found += [
            Difference(where, f"{NOT_NEGATIVE}: {item.name}", getattr(count, item.name), 0)
            for item in fields(count)
            if getattr(count, item.name) < 0
        ]
        if count.came != count.went:
            found.append(Difference(where, CALLS, count.came, count.went))
    return found


def reconcile_intervals(queue: str, intervals: Sequence[Counts]) -> list[Difference]:
    """`reconcile` for the consecutive intervals of a queue, and that who waits at the end of one waits in
    the next.
    """
    found = reconcile({f"{queue} {number}": count for number, count in enumerate(intervals)})
    for number in range(1, len(intervals)):
        left, right = intervals[number - 1].waiting_after, intervals[number].waiting_before
        if left != right:
            found.append(Difference(f"{queue} {number}", CONTINUITY, left, right))
    return found


def reconcile_agent(agent: str, *, states_s: Mapping[str, float], login_s: float) -> list[Difference]:
    """The agent was in exactly one state at every moment of his login."""
    found = [
        Difference(agent, f"{NOT_NEGATIVE}: {name}", spent, 0)
        for name, spent in states_s.items()
        if spent < 0
    ]
    return found + _seconds(agent, LOGIN, sum(states_s.values()), login_s)


def reconcile_talk(call: str, *, legs_s: Sequence[float], talk_s: float) -> list[Difference]:
    """Every second of the call's talk belongs to one agent."""
    return _seconds(call, TALK, sum(legs_s), talk_s)


def _seconds(where: str, identity: str, left: float, right: float) -> list[Difference]:
    return [Difference(where, identity, left, right)] if abs(left - right) > TOLERANCE_S else []
