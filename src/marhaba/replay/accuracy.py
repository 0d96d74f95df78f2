"""How near simulated days come to the real ones: by day, type and half-hour; by month; beside naive answers.

Every measure is of calls by when they were received. Service level: answered within the target, as a share of all received
(kpi: F3); average speed of answer: of the answered; abandonment: as a share of all received, short ones included.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from marhaba.replay.calllog import Day, Floats
from marhaba.replay.day_model import HOURS, INTERVAL_S, TARGET_S
from marhaba.simulator import world as w_
from marhaba.simulator.result import Result

MEASURES: Final = ("service_level", "asa_s", "abandonment")
OFFERED, ANSWERED, IN_TIME, ABANDONED, WAITED_S = range(5)
_COUNTED = (w_.OFFERED, w_.ANSWERED, w_.IN_TIME, w_.ABANDONED, w_.WAIT_ANSWERED)
INTERVALS: Final = int(HOURS * 3600 / INTERVAL_S)


@dataclass(frozen=True, slots=True)
class DayScore:
    """`real`: types x half-hours x (offered, answered, in time, abandoned, waited s); `simulated`: of each run."""

    date: date
    types: tuple[str, ...]
    real: Floats
    simulated: Floats

    @property
    def expected(self) -> Floats:
        """The mean of the runs."""
        made: Floats = self.simulated.mean(axis=0)
        return made


def real_counts(day: Day, target_s: float = TARGET_S) -> Floats:
    made = np.zeros((len(day.types), INTERVALS, len(_COUNTED)))
    place = (day.type, np.minimum(day.received // INTERVAL_S, INTERVALS - 1).astype(int))
    answered = ~day.abandoned
    in_time = answered & (day.waits <= target_s)
    waited_s = np.where(answered, day.waits, 0.0)
    all_ = np.ones(len(answered))
    for measure, values in enumerate((all_, answered, in_time, ~answered, waited_s)):
        np.add.at(made[..., measure], place, values.astype(float))
    return made


def score(day: Day, results: Iterable[Result]) -> DayScore:
    """`results`: of models of this day, all their replications together."""
    runs = [run for result in results for run in result.runs]
    simulated = np.array([run.counts[:, :INTERVALS][..., list(_COUNTED)] for run in runs])
    return DayScore(day.date, day.types, real_counts(day), simulated)


def figures(counts: Floats) -> dict[str, Floats]:
    """By measure, from counts whose last axis is (offered, answered, in time, abandoned, waited s)."""
    offered = np.maximum(counts[..., OFFERED], 1e-9)
    return {
        "service_level": counts[..., IN_TIME] / offered,
        "asa_s": counts[..., WAITED_S] / np.maximum(counts[..., ANSWERED], 1e-9),
        "abandonment": counts[..., ABANDONED] / offered,
    }


def table(scores: Sequence[DayScore], *, contact_type: str | None = None) -> pl.DataFrame:
    """A row a month, and one ("") for all: days, calls, and for each measure what was `real` and `simulated` over all
    the calls, and over the days the `bias` (simulated less real), the mean absolute error (`mae`), `rmse`, and `r`.

    `contact_type`: of this type alone, on the days it had calls.
    """
    rows = []
    months = sorted({f"{each.date:%Y-%m}" for each in scores})
    for month in (*months, ""):
        chosen = [each for each in scores if f"{each.date:%Y-%m}".startswith(month)]
        if pairs := [pair for each in chosen if (pair := _totals(each, contact_type)) is not None]:
            real, simulated = (np.array(side) for side in zip(*pairs, strict=True))
            rows.append({"month": month, **_row(real, simulated)})
    return pl.DataFrame(rows)


def half_hours(scores: Sequence[DayScore], *, calls_least: int = 30) -> dict[str, float]:
    """The mean absolute error of half-hours with so many calls, weighted by calls; by measure."""
    real = np.concatenate([each.real.sum(axis=0) for each in scores])
    simulated = np.concatenate([each.expected.sum(axis=0) for each in scores])
    return _weighted(real, simulated, calls_least)


def noise(scores: Sequence[DayScore], *, calls_least: int = 30) -> dict[str, float]:
    """The same error of one run against the mean of the others: what no model could avoid, as one day is one run."""
    one = np.concatenate([each.simulated[0].sum(axis=0) for each in scores])
    others = np.concatenate([each.simulated[1:].mean(axis=0).sum(axis=0) for each in scores])
    return _weighted(one, others, calls_least)


def _totals(score: DayScore, contact_type: str | None) -> tuple[Floats, Floats] | None:
    if contact_type is None:
        return score.real.sum(axis=(0, 1)), score.expected.sum(axis=(0, 1))
    if contact_type not in score.types:
        return None
    place = score.types.index(contact_type)
    return score.real[place].sum(axis=0), score.expected[place].sum(axis=0)


def _row(real: Floats, simulated: Floats) -> dict[str, float]:
    """Both days x counts."""
    row: dict[str, float] = {"days": len(real), "calls": int(real[:, OFFERED].sum())}
    daily = zip(figures(real).items(), figures(simulated).values(), strict=True)
    whole = figures(real.sum(axis=0)), figures(simulated.sum(axis=0))
    for (name, was), said in daily:
        error = said - was
        row[f"{name}_real"], row[f"{name}_simulated"] = float(whole[0][name]), float(whole[1][name])
        row[f"{name}_bias"] = row[f"{name}_simulated"] - row[f"{name}_real"]
        row[f"{name}_mae"] = float(np.abs(error).mean())
        row[f"{name}_rmse"] = float(np.sqrt((error**2).mean()))
        vary = len(real) > 2 and was.std() > 0 and said.std() > 0
        row[f"{name}_r"] = float(np.corrcoef(was, said)[0, 1]) if vary else float("nan")
    return row


def _weighted(real: Floats, simulated: Floats, calls_least: int) -> dict[str, float]:
    enough = real[:, OFFERED] >= calls_least
    weights = real[enough, OFFERED]
    was, said = figures(real[enough]), figures(simulated[enough])
    return {name: float(np.average(np.abs(said[name] - was[name]), weights=weights)) for name in MEASURES}
