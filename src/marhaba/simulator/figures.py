"""The figures a contract speaks of, from replications: by contact type, under the type's own service level formula.

Each is a ratio of sums over replications, or a mean a day, with the half-width of its 95 % interval. `difference`
compares two plans replication by replication: both had the same callers, so that what is left of chance is little.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from marhaba.files.queue_rules import ServiceLevel
from marhaba.simulator import world as w_
from marhaba.simulator.building import units_of
from marhaba.simulator.model import ModelData
from marhaba.simulator.result import Estimate, Floats, Replication, Result, estimate, ratio_of, student

COUNTED = {
    "offered": (w_.OFFERED,),
    "answered": (w_.ANSWERED,),
    "abandoned": (w_.ABANDONED,),
    "blocked": (w_.BLOCKED,),
    "sent_on": (w_.SENT_ON,),
    "callbacks": (w_.CALLBACKS,),
    "returns": (w_.RETURNS,),
    "dialled": (w_.DIALLED,),
}
"""Means a day."""
SHARED = ("service_level", "abandonment", "asa_s", "wait_s", "talk_s")
"""Ratios: of those answered or abandoned; ASA and talk of those answered."""
FIGURES = (*COUNTED, *SHARED)
Weights = Mapping[int, float]
_FORMULAS: dict[str, tuple[Weights, Weights]] = {
    # letter of kernel.kpi: what is added up above and below the line
    "F1": ({w_.IN_TIME: 1, w_.ABANDONED_IN_TIME: 1}, {w_.ANSWERED: 1, w_.ABANDONED: 1}),
    "F2": ({w_.IN_TIME: 1}, {w_.ANSWERED: 1}),
    "F3": ({w_.IN_TIME: 1}, {w_.ANSWERED: 1, w_.ABANDONED: 1}),
    "F4": ({w_.IN_TIME: 1}, {w_.ANSWERED: 1, w_.ABANDONED: 1, w_.ABANDONED_IN_TIME: -1}),
    "F5": ({w_.IN_TIME: 1, w_.SHORT: 1}, {w_.ANSWERED: 1, w_.ABANDONED: 1}),
    "F6": ({w_.IN_TIME: 1}, {w_.ANSWERED: 1, w_.ABANDONED: 1, w_.SHORT: -1}),
}
_RATIOS: dict[str, tuple[Weights, Weights]] = {
    "abandonment": ({w_.ABANDONED: 1}, {w_.ANSWERED: 1, w_.ABANDONED: 1}),
    "asa_s": ({w_.WAIT_ANSWERED: 1}, {w_.ANSWERED: 1}),
    "wait_s": ({w_.WAIT_ANSWERED: 1, w_.WAIT_ABANDONED: 1}, {w_.ANSWERED: 1, w_.ABANDONED: 1}),
    "talk_s": ({w_.TALK: 1}, {w_.ANSWERED: 1}),
}


@dataclass(frozen=True)
class Plan:
    """What was simulated, and what it promised: `promises` by contact type."""

    name: str
    result: Result
    promises: Mapping[str, ServiceLevel]

    @property
    def data(self) -> ModelData:
        return self.result.data

    @functools.cached_property
    def counts(self) -> Floats:
        """Replications x types x (intervals + 1) x measures."""
        return np.stack([run.counts for run in self.result.runs])

    @functools.cached_property
    def agents_s(self) -> tuple[Floats, Floats]:
        """Seconds busy and there: replications x agents of the model x intervals."""
        numbers = np.array([unit.number for unit in units_of(self.data)])
        shape = (len(self.result.runs), len(self.data.agents), len(self.data.interval_ends))
        busy, there = np.zeros(shape), np.zeros(shape)
        for place, run in enumerate(self.result.runs):
            np.add.at(busy[place], numbers, run.busy_area[:, :-1])
            np.add.at(there[place], numbers, run.staff_area[:, :-1])
        return busy, there

    @property
    def types(self) -> list[str]:
        return [each.name for each in self.data.types]


def figure(plan: Plan, name: str, contact_type: str = "", interval: int | None = None) -> Estimate:
    """One of `FIGURES`, of one contact type or of all; of one interval or of the day after the warm-up."""
    over, under = _parts(plan, name, contact_type, interval)
    return estimate(over) if under is None else ratio_of(over, under)


def difference(plan: Plan, base: Plan, name: str, contact_type: str = "") -> Estimate:
    """How much more the figure is in `plan` than in `base`, for the same callers."""
    count = min(len(plan.result.runs), len(base.result.runs))
    mine, mine_rest = _residuals(*_parts(plan, name, contact_type, None), count)
    theirs, theirs_rest = _residuals(*_parts(base, name, contact_type, None), count)
    return _paired(mine - theirs, mine_rest - theirs_rest)


def difference_days(plan: Plan, base: Plan, name: str, contact_type: str = "") -> tuple[float, float]:
    """Between which differences 95 days in 100 lie; a day without such contacts is left out."""
    count = min(len(plan.result.runs), len(base.result.runs))
    days = []
    for each in (plan, base):
        over, under = _parts(each, name, contact_type, None)
        with np.errstate(invalid="ignore", divide="ignore"):
            days.append((over if under is None else over / under)[:count])
    gaps = (days[0] - days[1])[np.isfinite(days[0] - days[1])]
    if not len(gaps):
        return math.nan, math.nan
    low, high = np.quantile(gaps, [0.025, 0.975]).tolist()
    return low, high


def occupancy(plan: Plan, agents: str = "", interval: int | None = None) -> Estimate:
    """Busy, of the time there: talk, ringing and wrap-up. Of agents of the model by name, or of all."""
    return ratio_of(*_agent_parts(plan, agents, interval))


def occupancy_difference(plan: Plan, base: Plan, agents: str = "") -> Estimate:
    count = min(len(plan.result.runs), len(base.result.runs))
    mine, mine_rest = _residuals(*_agent_parts(plan, agents, None), count)
    theirs, theirs_rest = _residuals(*_agent_parts(base, agents, None), count)
    return _paired(mine - theirs, mine_rest - theirs_rest)


def staffed(plan: Plan, agents: str = "", interval: int | None = None) -> Estimate:
    """Agents there on average."""
    seconds = plan.data.horizon_s if interval is None else plan.data.lengths[interval]
    return estimate(_agent_parts(plan, agents, interval, warm=False)[1] / seconds)


def first_interval(data: ModelData) -> int:
    """The first one after the warm-up."""
    return sum(end <= data.warm_up_s for end in data.interval_ends)


@dataclass(slots=True)
class ServiceLevelWithin:
    """Stops when the half-width of the 95 % interval of the service level of all contacts is at most this: a share."""

    half_width: float
    promises: Mapping[str, ServiceLevel]
    data: ModelData
    least: int = 10
    _over: list[float] = field(default_factory=list)
    _under: list[float] = field(default_factory=list)

    def __call__(self, runs: list[Replication], elapsed_s: float) -> bool:
        return len(runs) >= self.least and self._half(runs) <= self.half_width

    def share(self, runs: list[Replication], elapsed_s: float) -> float:
        half = self._half(runs)
        return min((self.half_width / half) ** 2, 1.0) if 0.0 < half < math.inf else float(half == 0.0)

    def _half(self, runs: list[Replication]) -> float:
        for run in runs[len(self._over) :]:
            over, under = _level_sums(
                run.counts[None], self.data, self.promises, range(len(self.data.types)), None
            )
            self._over.append(float(over[0]))
            self._under.append(float(under[0]))
        return ratio_of(np.array(self._over), np.array(self._under)).half


def _parts(plan: Plan, name: str, contact_type: str, interval: int | None) -> tuple[Floats, Floats | None]:
    """Above and below the line, a number for each replication."""
    kinds = [plan.types.index(contact_type)] if contact_type else list(range(len(plan.types)))
    if name == "service_level":
        return _level_sums(plan.counts, plan.data, plan.promises, kinds, interval)
    if name in COUNTED:
        return _sum(plan.counts, plan.data, kinds, dict.fromkeys(COUNTED[name], 1), interval), None
    over, under = _RATIOS[name]
    above, below = (_sum(plan.counts, plan.data, kinds, side, interval) for side in (over, under))
    return above, below


def _level_sums(
    counts: Floats,
    data: ModelData,
    promises: Mapping[str, ServiceLevel],
    kinds: Sequence[int],
    interval: int | None,
) -> tuple[Floats, Floats]:
    """Each type by its own formula."""
    over, under = np.zeros(len(counts)), np.zeros(len(counts))
    for kind in kinds:
        above, below = _FORMULAS[promises[data.types[kind].name].formula]
        over += _sum(counts, data, [kind], above, interval)
        under += _sum(counts, data, [kind], below, interval)
    return over, under


def _sum(
    counts: Floats, data: ModelData, kinds: Sequence[int], weights: Weights, interval: int | None
) -> Floats:
    span = slice(first_interval(data), None) if interval is None else slice(interval, interval + 1)
    found = np.zeros(len(counts))
    for kind in kinds:
        for measure, weight in weights.items():
            found += weight * counts[:, kind, span, measure].sum(axis=1)
    return found


def _agent_parts(
    plan: Plan, agents: str, interval: int | None, *, warm: bool = True
) -> tuple[Floats, Floats]:
    """Seconds busy and there."""
    mine = [place for place, each in enumerate(plan.data.agents) if agents in ("", each.name)]
    first = first_interval(plan.data) if warm else 0
    span = slice(first, None) if interval is None else slice(interval, interval + 1)
    busy, there = plan.agents_s
    return busy[:, mine, span].sum(axis=(1, 2)), there[:, mine, span].sum(axis=(1, 2))


def _residuals(over: Floats, under: Floats | None, count: int) -> tuple[float, Floats]:
    """The figure over the first `count` replications, and by how much each of them is off it (delta method)."""
    over = over[:count]
    if under is None:
        mean = float(over.mean()) if count else math.nan
        return mean, over - mean
    under = under[:count]
    below = float(under.mean()) if count else 0.0
    if below == 0.0:
        return math.nan, np.zeros(count)
    ratio = float(over.mean()) / below
    return ratio, (over - ratio * under) / below


def _paired(mean: float, rest: Floats) -> Estimate:
    count = len(rest)
    if count < 2:
        return Estimate(mean, math.inf)
    return Estimate(mean, student(count - 1) * float(rest.std(ddof=1)) / math.sqrt(count))
