"""What replications say: frames of means with 95 % intervals, and comparisons of the same callers under two plans.

Shares of contacts are ratios of sums over replications (a day with more calls weighs more), their intervals by the
delta method; means are plain. Student's t, as replications are few.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from marhaba.kernel.errors import BadInput
from marhaba.simulator import world as w_
from marhaba.simulator.model import ModelData

if TYPE_CHECKING:
    import polars as pl

    from marhaba.report.charts import Picture

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Replication:
    """One day. Axes: types x (intervals + 1) x measures; queues or units x (intervals + 1); types x agents of the
    model; see `world`.
    """

    counts: Floats
    talk_by: Floats
    lines_area: Floats
    waits: Ints
    queue_area: Floats
    queue_most: Ints
    busy_area: Floats
    staff_area: Floats
    at_end: Ints
    left: int  # contacts that still waited when nothing more could happen
    ended_s: float
    events: int
    trace: npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over replications; `half` of its 95 % interval, inf with a single one."""

    mean: float
    half: float

    @property
    def se(self) -> float:
        return self.half / 1.96

    def __str__(self) -> str:
        return f"{self.mean:.4g} ± {self.half:.2g}"


RATIOS: dict[str, tuple[str, str, str]] = {
    # name: (numerator, denominator, letter of the formula)
    "service_level": ("in_time", "offered", "F1"),
    "service_level_answered": ("in_time", "answered", "F2"),
    "abandonment": ("abandoned", "offered", "AB"),
    "waiting": ("waited", "offered", ""),
    "asa_s": ("wait_answered_s", "answered", "ASA"),
    "wait_s": ("waited_s", "offered", ""),
    "blocking": ("blocked", "offered", ""),
}
COUNTS: dict[str, int] = {
    "offered": w_.OFFERED,
    "answered": w_.ANSWERED,
    "in_time": w_.IN_TIME,
    "waited": w_.WAITED,
    "abandoned": w_.ABANDONED,
    "abandoned_short": w_.SHORT,
    "abandoned_in_time": w_.ABANDONED_IN_TIME,
    "blocked": w_.BLOCKED,
    "sent_on": w_.SENT_ON,
    "callbacks": w_.CALLBACKS,
    "not_reached": w_.NOT_REACHED,
    "returns": w_.RETURNS,
    "missed": w_.MISSED,
    "wait_answered_s": w_.WAIT_ANSWERED,
    "wait_abandoned_s": w_.WAIT_ABANDONED,
    "talk_s": w_.TALK,
    "expired": w_.EXPIRED,
    "stranded": w_.STRANDED,
    "dialled": w_.DIALLED,
    "consults": w_.CONSULTS,
    "sojourn_s": w_.SOJOURN,
}


@dataclass(frozen=True)
class Result:
    """`complete`: the stopping rule was met; False: it was stopped before, and this is what was finished."""

    data: ModelData
    seed: int
    runs: tuple[Replication, ...]
    complete: bool
    elapsed_s: float

    # -- frames -----------------------------------------------------------------------------------------------

    def summary(self) -> pl.DataFrame:
        """A row for each contact type and one for all: means a day, and ratios, each with its half-width."""
        names = [*(each.name for each in self.data.types), ""]
        rows = []
        for number, name in enumerate(names):
            kinds = [number] if name else list(range(len(names) - 1))
            rows.append({"type": name, **self._figures(self._sums(kinds))})
        return _frame(rows)

    def by_interval(self) -> pl.DataFrame:
        """The same for each contact type in each interval of arrival; `begins_s` from the day's beginning."""
        rows = []
        for number, each in enumerate(self.data.types):
            for interval, begins_s in enumerate((0.0, *self.data.interval_ends[:-1])):
                if begins_s >= self.data.warm_up_s:
                    sums = {key: self._cell([number], m, interval) for key, m in COUNTS.items()}
                    rows.append({"type": each.name, "begins_s": begins_s, **self._figures(_with_wait(sums))})
        return _frame(rows)

    def agents(self) -> pl.DataFrame:
        """By agents of the model and interval: how many were there, how many busy, and the occupancy."""
        from marhaba.simulator.building import units_of  # noqa: PLC0415 -- cycle

        units = units_of(self.data)
        rows = []
        for number, agents in enumerate(self.data.agents):
            mine = [place for place, unit in enumerate(units) if unit.number == number]
            for interval, (begins_s, length) in enumerate(self._intervals()):
                busy = np.array([run.busy_area[mine, interval].sum() for run in self.runs])
                there = np.array([run.staff_area[mine, interval].sum() for run in self.runs])
                ratio = ratio_of(busy, there)
                rows.append(
                    {
                        "agents": agents.name,
                        "site": agents.site,
                        "begins_s": begins_s,
                        "there": float(there.mean()) / length,
                        "busy": float(busy.mean()) / length,
                        "occupancy": ratio.mean,
                        "occupancy_half": ratio.half,
                    }
                )
        return _frame(rows)

    def queues(self) -> pl.DataFrame:
        """By queue and interval: the mean length, the longest on average, and the band of nine days in ten at its end."""
        rows = []
        for number, queue in enumerate(self.data.queues):
            for interval, (begins_s, length) in enumerate(self._intervals()):
                mean = estimate(np.array([run.queue_area[number, interval] for run in self.runs]) / length)
                ends = np.array([run.at_end[interval, number] for run in self.runs])
                low, middle, high = np.quantile(ends, [0.05, 0.5, 0.95]).tolist()
                rows.append(
                    {
                        "queue": queue.name,
                        "begins_s": begins_s,
                        "length": mean.mean,
                        "length_half": mean.half,
                        "longest": float(np.mean([run.queue_most[number, interval] for run in self.runs])),
                        "end_low": low,
                        "end_median": middle,
                        "end_high": high,
                    }
                )
        return _frame(rows)

    def handled_by(self) -> pl.DataFrame:
        """By contact type and agents of the model: seconds a day they talk with them, consultations included."""
        rows = []
        for number, each in enumerate(self.data.types):
            for place, agents in enumerate(self.data.agents):
                made = estimate(np.array([run.talk_by[number, place] for run in self.runs]))
                row = {
                    "type": each.name,
                    "agents": agents.name,
                    "talk_s": made.mean,
                    "talk_s_half": made.half,
                }
                rows.append(row)
        return _frame(rows)

    def lines(self) -> pl.DataFrame:
        """By interval: how many of the centre's lines are taken; all 0 where the model has no limit of lines."""
        rows = []
        for interval, (begins_s, length) in enumerate(self._intervals()):
            made = estimate(np.array([run.lines_area[interval] for run in self.runs]) / length)
            rows.append({"begins_s": begins_s, "lines": made.mean, "lines_half": made.half})
        return _frame(rows)

    def waits(self) -> pl.DataFrame:
        """The histogram of waits by contact type: contacts a day whose wait was below `below_s` and above the row before."""
        edges = wait_edges()
        rows: list[dict[str, str | float]] = []
        for number, each in enumerate(self.data.types):
            answered = np.mean([run.waits[number, 0] for run in self.runs], axis=0)
            abandoned = np.mean([run.waits[number, 1] for run in self.runs], axis=0)
            rows += [
                {
                    "type": each.name,
                    "below_s": edges[place],
                    "answered": float(answered[place]),
                    "abandoned": float(abandoned[place]),
                }
                for place in range(w_.WAIT_BINS)
            ]
        return _frame(rows)

    # -- pictures ---------------------------------------------------------------------------------------------

    def plot_service_level(self, contact_type: str = "", *, language: str = "") -> Picture:
        """By interval, of one contact type or of all, with the 95 % band. Pictures have `.svg` and `.save(path)`."""
        from marhaba.simulator import plots  # noqa: PLC0415 -- cycle

        return plots.plot_service_level(self, contact_type, language=language)

    def plot_waits(self, contact_type: str = "", *, language: str = "") -> Picture:
        """How many waited how long, answered and abandoned, on a logarithmic scale."""
        from marhaba.simulator import plots  # noqa: PLC0415 -- cycle

        return plots.plot_waits(self, contact_type, language=language)

    def plot_occupancy(self, agents: str = "", *, language: str = "") -> Picture:
        """By interval, of these agents of the model or of all."""
        from marhaba.simulator import plots  # noqa: PLC0415 -- cycle

        return plots.plot_occupancy(self, agents, language=language)

    def plot_queue(self, queue: str = "", *, language: str = "") -> Picture:
        """Its length at the end of each interval: the median, and the band of nine days in ten; "": the first queue."""
        from marhaba.simulator import plots  # noqa: PLC0415 -- cycle

        return plots.plot_queue(self, queue, language=language)

    # -- single figures ---------------------------------------------------------------------------------------

    def measure(self, name: str, contact_type: str = "") -> Estimate:
        """One figure of `RATIOS` or `COUNTS`, of one contact type or of all."""
        sums = self._sums(self._kinds(contact_type))
        if name in sums:
            return estimate(sums[name])
        if name not in RATIOS:
            raise BadInput(f"no measure {name}", code="measure")
        over, under, _ = RATIOS[name]
        return ratio_of(sums[over], sums[under])

    def compare(self, other: Result, name: str, contact_type: str = "") -> Estimate:
        """How much more the figure is here than in `other`, replication by replication: both had the same callers."""
        if self.seed != other.seed:
            raise BadInput(f"seeds {self.seed} and {other.seed}: not the same callers", code="seed")
        count = min(len(self.runs), len(other.runs))
        ours = self._each(name, self._kinds(contact_type))[:count]
        theirs = other._each(name, other._kinds(contact_type))[:count]
        return estimate(ours - theirs)

    @property
    def offered(self) -> int:
        """Contacts simulated in all."""
        return int(sum(run.counts[:, :, w_.OFFERED].sum() for run in self.runs))

    @staticmethod
    def half_width_of(runs: list[Replication], name: str) -> float:
        over, under = {"service_level": (w_.IN_TIME, w_.OFFERED), "abandonment": (w_.ABANDONED, w_.OFFERED)}[
            name
        ]
        parts = [np.array([run.counts[:, :, m].sum() for run in runs]) for m in (over, under)]
        return ratio_of(*parts).half

    def _kinds(self, contact_type: str) -> list[int]:
        names = [each.name for each in self.data.types]
        if contact_type and contact_type not in names:
            raise BadInput(f"no contact type {contact_type}", code="type")
        return [names.index(contact_type)] if contact_type else list(range(len(names)))

    def _each(self, name: str, kinds: list[int]) -> Floats:
        sums = self._sums(kinds)
        if name in sums:
            return sums[name]
        over, under, _ = RATIOS[name]
        return sums[over] / np.maximum(sums[under], 1.0)

    def _sums(self, kinds: list[int]) -> dict[str, Floats]:
        first = self._warm()
        cube = np.array([run.counts[kinds, first:].sum(axis=(0, 1)) for run in self.runs])
        return _with_wait({key: cube[:, m] for key, m in COUNTS.items()})

    def _cell(self, kinds: list[int], measure: int, interval: int) -> Floats:
        return np.array([run.counts[kinds, interval, measure].sum() for run in self.runs])

    def _warm(self) -> int:
        return sum(end <= self.data.warm_up_s for end in self.data.interval_ends)

    def _intervals(self) -> list[tuple[float, float]]:
        return list(zip((0.0, *self.data.interval_ends), self.data.lengths, strict=False))

    def _figures(self, sums: dict[str, Floats]) -> dict[str, float]:
        row: dict[str, float] = {}
        for key in COUNTS:
            made = estimate(sums[key])
            row[key], row[f"{key}_half"] = made.mean, made.half
        for key, (over, under, _) in RATIOS.items():
            made = ratio_of(sums[over], sums[under])
            row[key], row[f"{key}_half"] = made.mean, made.half
        return row


def _frame(rows: list[Any]) -> pl.DataFrame:
    import polars as pl  # noqa: PLC0415 -- slow import

    return pl.DataFrame(rows)


def _with_wait(sums: dict[str, Floats]) -> dict[str, Floats]:
    return {**sums, "waited_s": sums["wait_answered_s"] + sums["wait_abandoned_s"]}


def wait_edges() -> list[float]:
    """Upper ends of the bins: 0 (no wait at all), 0.1 s, then an eighth more each."""
    return [0.0, *(w_.WAIT_BIN_FIRST * w_.WAIT_BIN_STEP**place for place in range(w_.WAIT_BINS - 1))]


def estimate(values: Floats) -> Estimate:
    count = len(values)
    if count < 2:
        return Estimate(float(values.mean()) if count else math.nan, math.inf)
    return Estimate(float(values.mean()), student(count - 1) * float(values.std(ddof=1)) / math.sqrt(count))


def ratio_of(over: Floats, under: Floats) -> Estimate:
    """The ratio of the means, its interval by the delta method."""
    below = float(under.mean()) if len(under) else 0.0
    if below == 0.0:
        return Estimate(math.nan, math.inf)
    ratio = float(over.mean()) / below
    if len(over) < 2:
        return Estimate(ratio, math.inf)
    rest = over - ratio * under
    half = student(len(over) - 1) * float(rest.std(ddof=1)) / math.sqrt(len(over)) / below
    return Estimate(ratio, half)


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t: exact for 1 and 2, else Cornish-Fisher (Abramowitz & Stegun 26.7.5)."""
    z = NormalDist().inv_cdf(0.975)
    if freedom == 1:
        return math.tan(math.pi * 0.475)
    if freedom == 2:
        return 2 * 0.475 * math.sqrt(2 / (1 - 4 * 0.475**2))
    n = float(freedom)
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * n**4)
    )
