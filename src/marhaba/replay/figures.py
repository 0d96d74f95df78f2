"""The figures of days, recorded and simulated, by one definition.

A day is counted by queue and interval of arrival; a caller belongs to the queue he came to first, with his whole wait, as
`replay.day` says. A service level is that of each queue's own promise, and of all queues together the share of all
callers who were promised something.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from marhaba.files.queue_rules import ServiceLevel
from marhaba.replay.plan import INTERVAL_S, Day
from marhaba.simulator import world as w_
from marhaba.simulator.result import Replication, student

Floats = npt.NDArray[np.float64]
OFFERED, ANSWERED, ABANDONED, AWAY, KEPT, PROMISED, WAITED = range(7)
COLUMNS: Final = 7
FIGURES: Final = ("offered", "level", "abandonment", "asa", "away")
"""Answered or abandoned; service level; share who abandoned; mean wait of the answered; sent away by a queue's rules."""
SHARES: Final = ("level", "abandonment", "occupancy")
ALL: Final = ""
"""The name of all queues together."""


@dataclass(frozen=True, slots=True)
class Days:
    """`counts`: days x queues x intervals x columns. `busy` and `there`: seconds of all agents, by day."""

    queues: tuple[str, ...]
    counts: Floats
    busy: Floats
    there: Floats

    def figure(self, name: str, queue: str = ALL, interval: int | None = None) -> Floats:
        """One value a day; NaN where nobody came whom it is about."""
        if name == "occupancy":
            return _ratio(self.busy, self.there)
        part = self.counts if queue == ALL else self.counts[:, [self.queues.index(queue)]]
        part = part if interval is None else part[:, :, [interval]]
        sums = part.sum(axis=(1, 2))
        if name == "level":
            return _ratio(sums[:, KEPT], sums[:, PROMISED])
        if name == "abandonment":
            return _ratio(sums[:, ABANDONED], sums[:, OFFERED])
        if name == "asa":
            return _ratio(sums[:, WAITED], sums[:, ANSWERED])
        counted: Floats = sums[:, {"offered": OFFERED, "answered": ANSWERED, "away": AWAY}[name]]
        return counted


@dataclass(frozen=True, slots=True)
class Spread:
    """Of days: their mean, the half-width of its 95 % interval, and between which values 95 days in 100 lie."""

    mean: float
    half: float
    low: float
    high: float


def spread(values: Floats) -> Spread:
    known = values[~np.isnan(values)]
    if not len(known):
        return Spread(math.nan, math.nan, math.nan, math.nan)
    half = math.inf
    if len(known) > 1:
        half = student(len(known) - 1) * float(known.std(ddof=1)) / math.sqrt(len(known))
    low, high = np.quantile(known, [0.025, 0.975], method="inverted_cdf").tolist()
    return Spread(float(known.mean()), half, low, high)


def recorded(day: Day) -> Days:
    """The day itself, as one day."""
    queues = queues_of(day)
    counts = np.zeros((1, len(queues), day.intervals + 1, COLUMNS))
    for contact in day.contacts:
        interval = min(int((contact.at - day.begin) / INTERVAL_S), day.intervals)
        cell = counts[0, queues.index(contact.queue), interval]
        answered, abandoned = contact.outcome == "answered", contact.outcome == "abandoned"
        cell[[ANSWERED, ABANDONED, AWAY]] += (answered, abandoned, not (answered or abandoned))
        promise = day.loaded.queues[contact.queue].service_level
        cell[OFFERED] += answered or abandoned
        cell[WAITED] += contact.wait_s if answered else 0.0
        cell[[KEPT, PROMISED]] += _kept(
            promise.formula,
            answered=answered,
            abandoned=abandoned,
            in_time=contact.wait_s <= promise.threshold_s,
            short=contact.wait_s <= promise.short_s,
        )
    busy = sum(presence.busy_s for presence in day.presences)
    return Days(queues, counts, np.array([busy]), np.array([_there(day)]))


def simulated(day: Day, runs: Sequence[Replication], levels: dict[str, ServiceLevel]) -> Days:
    """`levels`: each queue's promise, the formula of which is asked for."""
    queues = queues_of(day)
    counts = np.zeros((len(runs), len(queues), day.intervals + 1, COLUMNS))
    raw = np.array([run.counts for run in runs])
    for place, (queue, _, _) in enumerate(day.kinds):
        mine, part = raw[:, place], counts[:, queues.index(queue)]
        answered = mine[..., w_.ANSWERED] - mine[..., w_.NOT_REACHED]
        abandoned = mine[..., w_.ABANDONED]
        part[..., ANSWERED] += answered
        part[..., ABANDONED] += abandoned
        part[..., OFFERED] += answered + abandoned
        part[..., AWAY] += mine[..., w_.BLOCKED] + mine[..., w_.NOT_REACHED]
        part[..., WAITED] += mine[..., w_.WAIT_ANSWERED]
        kept, promised = _level(levels[queue].formula, mine, answered, abandoned)
        part[..., KEPT] += kept
        part[..., PROMISED] += promised
    busy = np.array([run.busy_area[:, :-1].sum() for run in runs])
    there = np.array([run.staff_area[:, :-1].sum() for run in runs]) - day.unseen_s
    return Days(queues, counts, busy, there)


def queues_of(day: Day) -> tuple[str, ...]:
    return tuple(sorted({kind[0] for kind in day.kinds}))


def _level(formula: str, mine: Floats, answered: Floats, abandoned: Floats) -> tuple[Floats, Floats]:
    """Numerator and denominator of `kernel.kpi`'s formula."""
    kept, both = mine[..., w_.IN_TIME], answered + abandoned
    early, short = mine[..., w_.ABANDONED_IN_TIME], mine[..., w_.SHORT]
    pairs = {
        "F1": (kept + early, both),
        "F2": (kept, answered),
        "F3": (kept, both),
        "F4": (kept, both - early),
        "F5": (kept + short, both),
        "F6": (kept, both - short),
    }
    return pairs[formula]


def _kept(
    formula: str, *, answered: bool, abandoned: bool, in_time: bool, short: bool
) -> tuple[float, float]:
    """The same of one caller."""
    one = np.zeros(w_.MEASURES)
    one[w_.IN_TIME], one[w_.ABANDONED_IN_TIME] = answered and in_time, abandoned and in_time
    one[w_.SHORT] = abandoned and short
    kept, promised = _level(formula, one, np.array(float(answered)), np.array(float(abandoned)))
    return float(kept), float(promised)


def _there(day: Day) -> float:
    """Seconds of agents who were there for queues, within the day's intervals."""
    total = 0.0
    for presence in day.presences:
        begin, end = max(presence.begin, day.begin), min(presence.end, day.end)
        away = sum(max(0.0, min(b, end) - max(a, begin)) for a, b in presence.away)
        total += max(0.0, end - begin - away)
    return total - day.unseen_s


def _ratio(over: Floats, under: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(under > 0.0, over / under, math.nan)
