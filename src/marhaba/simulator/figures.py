"""The figures a contract speaks of, from replications: by contact type, under the type's own service level formula.

Each is a ratio of sums over replications, or a mean a day, with the half-width of its 95 % interval. `difference`
compares two plans replication by replication: both had the same callers, so that what is left of chance is little.
"""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Plan:
    """What was simulated, and what it promised: `promises` by contact type."""

    name: str
    result: Result
    promises: Mapping[str, ServiceLevel]

    @property
    def data(self) -> ModelData:
        return self.result.data

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
            over, under = _level_sums([run], self.data, self.promises, range(len(self.data.types)), None)
            self._over.append(float(over[0]))
            self._under.append(float(under[0]))
        return ratio_of(np.array(self._over), np.array(self._under)).half


def _parts(plan: Plan, name: str, contact_type: str, interval: int | None) -> tuple[Floats, Floats | None]:
    """Above and below the line, a number for each replication."""
    kinds = [plan.types.index(contact_type)] if contact_type else list(range(len(plan.types)))
    runs = plan.result.runs
    if name == "service_level":
        return _level_sums(runs, plan.data, plan.promises, kinds, interval)
    if name in COUNTED:
        return _sum(runs, plan.data, kinds, dict.fromkeys(COUNTED[name], 1), interval), None
    over, under = _RATIOS[name]
    return _sum(runs, plan.data, kinds, over, interval), _sum(runs, plan.data, kinds, under, interval)


def _level_sums(
    runs: Sequence[Replication],
    data: ModelData,
    promises: Mapping[str, ServiceLevel],
    kinds: Sequence[int],
    interval: int | None,
) -> tuple[Floats, Floats]:
    """Each type by its own formula."""
    over, under = np.zeros(len(runs)), np.zeros(len(runs))
    for kind in kinds:
        above, below = _FORMULAS[promises[data.types[kind].name].formula]
        over += _sum(runs, data, [kind], above, interval)
        under += _sum(runs, data, [kind], below, interval)
    return over, under


def _sum(
    runs: Sequence[Replication],
    data: ModelData,
    kinds: Sequence[int],
    weights: Weights,
    interval: int | None,
) -> Floats:
    span = slice(first_interval(data), None) if interval is None else slice(interval, interval + 1)
    measures = list(weights)
    factors = np.array(list(weights.values()), float)
    kept = list(kinds)
    return np.array([run.counts[kept][:, span][:, :, measures].sum(axis=(0, 1)) @ factors for run in runs])


def _agent_parts(
    plan: Plan, agents: str, interval: int | None, *, warm: bool = True
) -> tuple[Floats, Floats]:
    """Seconds busy and there."""
    numbers = [place for place, each in enumerate(plan.data.agents) if agents in ("", each.name)]
    mine = [place for place, unit in enumerate(units_of(plan.data)) if unit.number in numbers]
    first = first_interval(plan.data) if warm else 0
    span = slice(first, len(plan.data.interval_ends)) if interval is None else slice(interval, interval + 1)
    runs = plan.result.runs
    busy = np.array([run.busy_area[mine][:, span].sum() for run in runs])
    return busy, np.array([run.staff_area[mine][:, span].sum() for run in runs])


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
