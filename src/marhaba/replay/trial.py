"""A log's own days simulated and held against what happened, each with what was known before it and no more.

Three questions, each with less given of the day itself; callers come as they came in all of them:

- RECORDED: who was there when is inferred from the day, and calls last as long as they did. It tries routing, patience
  and presence.
- LEARNT: calls last as learnt from the days before. It tries the whole model of a day whose staff is known.
- PLANNED: of the day's staff only who comes and when he first and last is there; breaks as in the weeks before. It tries
  a plan.

And naive answers to the second: NO_BREAKS (everybody is there from his first call to his last) and ERLANG_A (one group,
half-hour by half-hour, agents there on average).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum
from operator import attrgetter

import numpy as np
import polars as pl

from marhaba.planning.erlang import erlang_a
from marhaba.replay import accuracy, presence
from marhaba.replay.accuracy import DayScore
from marhaba.replay.calllog import CallLog, Day, Floats
from marhaba.replay.day_model import INTERVAL_S, TARGET_S, model_of
from marhaba.replay.habits import POOLED, Habits, at_level_of, learn
from marhaba.replay.presence import BreakRules, Presence
from marhaba.simulator.simulate import MaxReplications, simulate

BUSY_SHARE = 0.5
"""Of the median day's calls: a day with fewer is a holiday or a Saturday, and no model of the others fits it."""
LATEST_DAYS, SAME_WEEKDAYS = 3, 4
"""How long a day's calls last is told by the latest days, and as well by the same weekday of the weeks before."""
PAST_DAYS = 20
BREAK_DRAWS = 5


class Given(Enum):
    RECORDED = "recorded"
    LEARNT = "learnt"
    PLANNED = "planned"
    NO_BREAKS = "no-breaks"
    ERLANG_A = "erlang-a"


def busy_days(log: CallLog) -> list[date]:
    """Days with half as many calls as the median day, or more."""
    counts = log.calls.group_by("day").len()
    enough = counts.filter(pl.col("len") >= BUSY_SHARE * float(np.median(counts["len"].to_numpy())))
    return sorted(enough["day"].to_list())


@dataclass(frozen=True, slots=True)
class Trial:
    """A log, its days, and how they are simulated."""

    log: CallLog
    days: Sequence[date]
    runs: int = 20
    seed: int = 1
    rules: Callable[[Habits], BreakRules] = attrgetter("break_rules")
    _inferred: dict[tuple[date, BreakRules], list[Presence]] = field(default_factory=dict)

    def scores(self, given: Given, *, first: date, until: date | None = None) -> Iterator[DayScore]:
        """Of each of the days from `first` up to `until`. Raises BadInput when nothing lies before it."""
        month, habits = None, None
        for place, day in enumerate(self.days):
            if day < first or (until is not None and day > until):
                continue
            if habits is None or month != (day.year, day.month):
                month, habits = (day.year, day.month), self.habits_before(day)
            before = list(self.days[:place])
            yield self.score(day, self._at_level(habits, day, before), given, before)

    def _at_level(self, habits: Habits, day: date, before: list[date]) -> Habits:
        weekdays = [each for each in before if each.weekday() == day.weekday()]
        levels = [
            at_level_of(habits, self.log.only(days)).level
            for days in (before[-LATEST_DAYS:], weekdays[-SAME_WEEKDAYS:])
        ]
        return replace(habits, level=float(np.sqrt(levels[0] * levels[1])))

    def habits_before(self, day: date) -> Habits:
        """As known at the beginning of the day's month: patience from all before, the rest from the month before."""
        begins = day.replace(day=1)
        previous = begins.replace(year=begins.year - (begins.month == 1), month=(begins.month - 2) % 12 + 1)
        return learn(self.log.between(previous, begins), patience=self.log.between(None, begins))

    def score(self, date_: date, habits: Habits, given: Given, before: list[date]) -> DayScore:
        day = self.log.day(date_)
        people = self._people(date_, habits)
        if given is Given.NO_BREAKS:
            people = [replace(person, breaks=()) for person in people]
        if given is Given.ERLANG_A:
            return _erlang_a(day, people, habits)
        if given is Given.PLANNED:
            return self._planned(day, people, habits, before)
        model = model_of(day, people, habits, recorded_handle=given is Given.RECORDED)
        return accuracy.score(
            day, [simulate(model, MaxReplications(self.runs), seed=self._seed(date_), workers=1)]
        )

    def _seed(self, date_: date) -> int:
        """Another for each day: with one for all, the same luck would fall on every day, and look like a bias."""
        return self.seed * 1_000_000 + date_.toordinal()

    def _planned(self, day: Day, people: list[Presence], habits: Habits, before: list[date]) -> DayScore:
        """With other breaks every few runs."""
        past = [each for date_ in before[-PAST_DAYS:] for each in self._people(date_, habits)]
        draws = min(BREAK_DRAWS, self.runs)
        results = []
        for draw in range(draws):
            seed = self._seed(day.date) + draw * 1_000_000_000
            model = model_of(day, presence.with_breaks_of(past, people, seed=seed), habits)
            results.append(simulate(model, MaxReplications(self.runs // draws), seed=seed, workers=1))
        return accuracy.score(day, results)

    def _people(self, date_: date, habits: Habits) -> list[Presence]:
        rules = self.rules(habits)
        if (date_, rules) not in self._inferred:
            self._inferred[date_, rules] = presence.infer(self.log.day(date_), rules, seed=self.seed)
        return self._inferred[date_, rules]


def agents_there(people: Sequence[Presence], ends: Floats) -> Floats:
    """Their mean number in each interval; `ends`: of the intervals, the first begins at 0."""
    made = np.zeros(len(ends))
    for person in people:
        spans = [(person.from_s, person.until_s, 1.0)]
        spans += [(each.from_s, each.from_s + each.lasts_s, -1.0) for each in person.breaks]
        for begins, until, sign in spans:
            upto = np.clip(ends, begins, until) - begins
            made += sign * np.diff(upto, prepend=0.0)
    return made / np.diff(ends, prepend=0.0)


def _erlang_a(day: Day, people: list[Presence], habits: Habits) -> DayScore:
    """All types one group, each half-hour for itself in the long run, patience exponential: what a spreadsheet does."""
    real = accuracy.real_counts(day)
    calls = real[..., accuracy.OFFERED].sum(axis=0)
    ends = np.arange(1.0, accuracy.INTERVALS + 1) * np.float64(INTERVAL_S)
    agents = np.maximum(np.round(agents_there(people, ends)), 1.0)
    means = np.array([habits.handle_of(name).mean for name in day.types]) * habits.level
    handle_s = (real[..., accuracy.OFFERED] * means[:, None]).sum(axis=0) / np.maximum(calls, 1.0)
    handle_s = np.where(calls > 0, handle_s, 1.0) + habits.wrap.mean + habits.ring_s
    patience_s = habits.patience_of(POOLED).mean
    found = erlang_a(np.maximum(calls, 1e-6) / INTERVAL_S, handle_s, patience_s, agents, threshold=TARGET_S)
    answered = calls * (1 - found.abandonment)
    counts = [calls, answered, calls * found.answered_in_time, calls - answered, answered * found.asa]
    simulated = np.stack(counts, axis=-1)[None, None]
    return DayScore(day.date, (), real, simulated)
