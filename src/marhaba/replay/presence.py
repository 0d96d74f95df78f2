"""Who was there when, and with which skills, from the calls each agent answered.

A log says when agents talked, not when they were away. Three things are inferred (docs/design/call-logs.md says why):

- skills: the types he answered that day;
- breaks: a gap between two of his calls is a break when somebody he could have helped was not given to him meanwhile: a
  caller who stood in the queue (passed over), or several who were given to agents who had become free after him
  (overtaken). It begins with the gap and lasts until the last such moment;
- when he stopped: the end of his last call before a break is late by construction, as he went away when that call was
  over. So he decides to go at a random moment within it, finishes it, and the break has its full length then.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from marhaba.kernel.errors import BadInput
from marhaba.replay.calllog import Bools, Day, Floats, Ints

SECOND: Final = 1.0
"""The resolution of logs: who is answered at 12 was ready at 11, and was passed over until then at most."""

AT_ONCE_S: Final = 2.0
NEIGHBOURS: Final = 30
SHORT_S: Final = 600.0
"""Who is there for less has no breaks."""


@dataclass(frozen=True, slots=True)
class BreakRules:
    """What a gap between two calls of an agent must be to be a break.

    `turn_s`: how long the system takes to give a waiting call to an agent who has become free, his wrap-up included. A
    caller is passed over when he stands there for `passed_over_turns` of it; a gap below `gap_turns` is no break.

    `overtaken`: so many callers given to agents who had become free later; 0: do not look, the system does not choose
    the agent longest idle (`habits.longest_idle_share` tells).

    `silent_s`: instead of all this, without a look at the queue, every longer gap.
    """

    turn_s: float = 5.0
    passed_over_turns: float = 1.6
    gap_turns: float = 4.0
    overtaken: int = 8
    silent_s: float | None = None

    def __post_init__(self) -> None:
        for name in ("turn_s", "passed_over_turns", "gap_turns"):
            if not 0.0 < getattr(self, name) < float("inf"):
                raise BadInput(
                    f"rules of breaks: {name} is {getattr(self, name)}, not above 0", code="breaks"
                )
        if self.overtaken < 0 or (self.silent_s is not None and not self.silent_s > 0.0):
            raise BadInput("rules of breaks: below 0", code="breaks")

    @property
    def gap_s(self) -> float:
        return self.turn_s * self.gap_turns

    @property
    def passed_over_s(self) -> float:
        return self.turn_s * self.passed_over_turns


@dataclass(frozen=True, slots=True)
class Break:
    """Announced at `from_s`, it lasts so long from the end of the call in hand."""

    from_s: float
    lasts_s: float


@dataclass(frozen=True, slots=True)
class Presence:
    """One agent's day, in seconds from midnight."""

    agent: str
    skills: frozenset[str]
    from_s: float
    until_s: float
    breaks: tuple[Break, ...] = ()

    @property
    def away_s(self) -> float:
        return sum(each.lasts_s for each in self.breaks)


def infer(day: Day, rules: BreakRules | None = None, *, seed: int = 1) -> list[Presence]:
    """All who answered a call. The same seed, the same moments of stopping."""
    rules = rules or BreakRules()
    skilled = _skills(day)
    queued, given = _Queued.of(day, rules), _Given.of(day)
    made = []
    for agent, name in enumerate(day.agents):
        rng = random.Random(f"{seed}/{day.date}/{name}")  # noqa: S311 -- a draw, not a secret
        calls = day.calls_of(agent)
        begins, ends = day.answered[calls], day.ended[calls]
        if rules.silent_s is None:
            can = skilled[agent]
            found = _breaks(begins, ends, queued.for_skills(can), given.for_skills(can), rules)
        else:
            found = _silent(begins, ends, rules.silent_s)
        skills = frozenset(day.types[place] for place in np.flatnonzero(skilled[agent]))
        stopped = [
            Break(rng.uniform(float(begins[call]), float(ends[call])), until - float(ends[call]))
            for call, until in found
        ]
        until_s = rng.uniform(float(begins[-1]), float(ends[-1]))
        made.append(Presence(name, skills, float(begins[0]) - SECOND, until_s, tuple(stopped)))
    return made


def with_breaks_of(past: Sequence[Presence], people: Sequence[Presence], *, seed: int) -> list[Presence]:
    """These people with other breaks: each has those of one of the NEIGHBOURS days of `past` most like his in beginning
    and length, drawn anew for each seed, and stretched to his.
    """
    begins = np.array([each.from_s for each in past])
    lengths = np.array([each.until_s - each.from_s for each in past])
    if not (lengths >= SHORT_S).any():
        raise BadInput("no earlier day to take breaks from", code="breaks")
    made = []
    for person in people:
        rng = random.Random(f"{seed}/breaks/{person.agent}")  # noqa: S311 -- a draw, not a secret
        length = person.until_s - person.from_s
        unlike = (
            np.abs(begins - person.from_s)
            + np.abs(lengths - length)
            + np.where(lengths < SHORT_S, np.inf, 0.0)
        )
        nearest = [
            place for place in np.argsort(unlike, kind="stable")[:NEIGHBOURS] if unlike[place] < np.inf
        ]
        model = past[int(rng.choice(nearest))]
        scale = length / (model.until_s - model.from_s)
        breaks = tuple(
            Break(person.from_s + (each.from_s - model.from_s) * scale, each.lasts_s * scale)
            for each in model.breaks
        )
        made.append(replace(person, breaks=breaks if length >= SHORT_S else ()))
    return made


def _skills(day: Day) -> Bools:
    """Agents x types."""
    made = np.zeros((len(day.agents), len(day.types)), bool)
    known = day.agent >= 0
    made[day.agent[known], day.type[known]] = True
    return made


@dataclass(frozen=True, slots=True)
class _Queued:
    """Callers who stood in the queue for long enough to be passed over, in order of reception."""

    type: Ints
    received: Floats
    left: Floats
    longest_s: float
    enough_s: float

    @classmethod
    def of(cls, day: Day, rules: BreakRules) -> _Queued:
        long = day.waits > rules.passed_over_s
        longest_s = float(day.waits[long].max(initial=0.0))
        return cls(day.type[long], day.received[long], day.left_queue[long], longest_s, rules.passed_over_s)

    def for_skills(self, can: Bools) -> _Queued:
        mine = can[self.type]
        return replace(self, type=self.type[mine], received=self.received[mine], left=self.left[mine])

    def last_passed_over(self, end: float, before: float) -> float:
        """The last moment before `before` at which one stood there, for long enough since `end`; -inf: none."""
        first, beyond = np.searchsorted(self.received, [end - self.longest_s, before])
        since = np.maximum(self.received[first:beyond], end) + self.enough_s
        last = np.minimum(self.left[first:beyond] - SECOND, before)
        return float(last[last >= since].max(initial=-np.inf))


@dataclass(frozen=True, slots=True)
class _Given:
    """Calls that found an agent idle, in order of reception, and since when he was: at the latest."""

    type: Ints
    received: Floats
    since: Floats

    @classmethod
    def of(cls, day: Day) -> _Given:
        since = idle_since(day)
        at_once = (day.waits <= AT_ONCE_S) & ~np.isnan(since)
        return cls(day.type[at_once], day.received[at_once], since[at_once])

    def for_skills(self, can: Bools) -> _Given:
        mine = can[self.type]
        return _Given(self.type[mine], self.received[mine], self.since[mine])

    def last_overtaken(self, end: float, before: float, rules: BreakRules) -> float:
        """Until when, by the last but `overtaken` - 1 of the callers who came before `before`; -inf: there are none."""
        first, beyond = np.searchsorted(self.received, [end, before])
        later = self.since[first:beyond]
        later = np.sort(later[later > end + rules.passed_over_s])
        return float(later[-rules.overtaken]) if 0 < rules.overtaken <= len(later) else -np.inf


def idle_since(day: Day) -> Floats:
    """Of each call: when its agent's call before had ended; NaN: it was his first, or abandoned."""
    made = np.full(len(day.type), np.nan)
    for agent in range(len(day.agents)):
        calls = day.calls_of(agent)
        made[calls[1:]] = day.ended[calls[:-1]]
    return made


def _breaks(
    begins: Floats, ends: Floats, queued: _Queued, given: _Given, rules: BreakRules
) -> list[tuple[int, float]]:
    """(the call before the break, when the break ended)."""
    found = []
    for call in np.flatnonzero(begins[1:] - ends[:-1] > rules.gap_s).tolist():
        end, before = float(ends[call]), float(begins[call + 1]) - SECOND
        until = max(queued.last_passed_over(end, before), given.last_overtaken(end, before, rules))
        if until > end:
            found.append((call, until))
    return found


def _silent(begins: Floats, ends: Floats, longest_s: float) -> list[tuple[int, float]]:
    gaps = begins[1:] - ends[:-1]
    return [(call, float(begins[call + 1])) for call in np.flatnonzero(gaps > longest_s).tolist()]
