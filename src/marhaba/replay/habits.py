"""What a log says about callers and agents in general, for days it does not hold: patience, handling, wrap-up.

Everything is learnt from days before the one that is simulated, or the replay would know its own answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from marhaba.kernel.errors import BadInput
from marhaba.planning.survival import kaplan_meier
from marhaba.replay.calllog import CallLog, Floats
from marhaba.replay.presence import SECOND, BreakRules
from marhaba.simulator.laws import Constant, Empirical, Law, Never

VALUES: Final = 1_000
"""Equally likely values that stand for a measured law: the thousandth part of callers is nobody's concern."""
PATIENCE_CALLS_LEAST: Final = 1_500
"""A type with fewer has the patience of all types together: one in twenty leaves, and a law needs some dozens."""
HANDLE_CALLS_LEAST: Final = 300
PACE_CALLS: Final = 50.0
"""An agent is as fast as his own calls and so many of everybody's say: who has few is near the average."""
CASES_LEAST: Final = 100
TURN_S: Final = 5.0
"""Where too few had to wait to tell."""
GAP_TURNS: Final = 4.0
"""A gap of more than four median ones, with a caller waiting, is no wrap-up."""
AT_ONCE_S: Final = 2.0
PAIR_S: Final = 60.0
LONGEST_IDLE_LEAST: Final = 0.7
"""By lots it would be one half; breaks that nobody sees keep it below 1 where the rule is never broken."""
POOLED: Final = ""


@dataclass(frozen=True, slots=True)
class Habits:
    """Laws by contact type, "" for all types together; factors by agent and by hour of the day."""

    patience: Mapping[str, Law]
    handle: Mapping[str, Law]
    pace: Mapping[str, float]  # by agent; who is not there has 1
    hours: tuple[float, ...]  # 24 factors of the handling time
    wrap: Law
    ring_s: float
    """How long a call that does not wait takes to be answered."""
    turn_s: float
    """From the end of a call to the answer of the next that waited: wrap-up, distribution and ring."""
    longest_idle: float = 0.5
    """How often the one longer idle was taken before the other; see `longest_idle_share`."""
    level: float = 1.0
    """Of all handling times."""

    @property
    def break_rules(self) -> BreakRules:
        """What a break is in a log with this turn; who was overtaken counts where the longest idle is chosen."""
        rules = BreakRules(self.turn_s)
        return rules if self.longest_idle >= LONGEST_IDLE_LEAST else replace(rules, overtaken=0)

    def patience_of(self, contact_type: str) -> Law:
        return self.patience.get(contact_type, self.patience[POOLED])

    def handle_of(self, contact_type: str) -> Law:
        return self.handle.get(contact_type, self.handle[POOLED])


def learn(log: CallLog, *, patience: CallLog | None = None) -> Habits:
    """From all of the log. `patience`: learn that one from another, longer log.

    Some weeks serve best: handling times drift from month to month, patience hardly, and it needs many who leave.
    Raises BadInput for a log without an answered call.
    """
    answered = log.calls.filter(pl.col("answered").is_not_null()).with_columns(
        busy=pl.col("ended") - pl.col("answered")
    )
    if not len(answered):
        raise BadInput("a log without an answered call: nothing can be learnt from it", code="log-untaught")
    ring_s = _ring_s(answered)
    gaps = _gaps(answered)
    turn_s = max(float(np.median(gaps)) if len(gaps) >= CASES_LEAST else TURN_S, ring_s, SECOND)
    short = gaps[gaps <= GAP_TURNS * turn_s]
    habits = Habits(
        patience=_patience((patience or log).calls),
        handle=_handle(answered),
        pace={},
        hours=(1.0,) * 24,
        wrap=_law(np.maximum(short - ring_s, 0.0)) if len(short) else Constant(0.0),
        ring_s=ring_s,
        turn_s=turn_s,
        longest_idle=longest_idle_share(log),
    )
    return replace(habits, pace=_pace(answered, habits), hours=_hours(answered, habits))


def at_level_of(habits: Habits, log: CallLog) -> Habits:
    """With handling times as long as in this log, of the last days say: by agents, types and hours alike."""
    answered = log.calls.filter(pl.col("answered").is_not_null())
    expected = _expected(answered, habits) * _factors(answered, habits)
    busy = (answered["ended"] - answered["answered"]).to_numpy()
    return replace(habits, level=float(busy.sum() / expected.sum())) if len(answered) else habits


def longest_idle_share(log: CallLog) -> float:
    """Does the system give a call to the agent longest idle? Of two calls of a type answered at once within a minute, both
    by agents who were idle before the first: how often the first went to the one who was idle longer. 0.5 without any.
    """
    known = log.calls.filter(pl.col("agent").is_not_null()).sort("day", "agent", "answered")
    given = known.with_columns(since=pl.col("ended").shift(1).over("day", "agent")).filter(
        pl.col("since").is_not_null() & (pl.col("answered") - pl.col("received") <= AT_ONCE_S)
    )
    pairs = given.sort("day", "type", "received").with_columns(
        pl.col("agent", "since", "received").shift(-1).over("day", "type").name.prefix("next_")
    )
    free = pairs.filter(
        (pl.col("next_received") - pl.col("received") <= PAIR_S)
        & (pl.col("next_since") < pl.col("received"))
        & (pl.col("next_agent") != pl.col("agent"))
        & (pl.col("next_since") != pl.col("since"))
    )
    return float((free["since"] < free["next_since"]).mean()) if len(free) >= CASES_LEAST else 0.5  # type: ignore[arg-type]


def _patience(calls: pl.DataFrame) -> dict[str, Law]:
    waits = calls.select(
        "type",
        left=pl.col("answered").is_null(),
        wait=pl.coalesce("answered", "ended") - pl.col("received"),
    )
    made = {POOLED: _patience_law(waits)}
    for (name,), part in waits.partition_by("type", as_dict=True).items():
        if len(part) >= PATIENCE_CALLS_LEAST:
            made[str(name)] = _patience_law(part)
    return made


def _patience_law(waits: pl.DataFrame) -> Law:
    left = waits["left"].to_numpy()
    if not left.any():
        return Never()
    return Empirical(tuple(kaplan_meier(waits["wait"].to_numpy(), left).values(VALUES).tolist()))


def _handle(answered: pl.DataFrame) -> dict[str, Law]:
    made: dict[str, Law] = {POOLED: _law(answered["busy"].to_numpy())}
    for (name,), part in answered.partition_by("type", as_dict=True).items():
        if len(part) >= HANDLE_CALLS_LEAST:
            made[str(name)] = _law(part["busy"].to_numpy())
    return made


def _law(values: Floats) -> Empirical:
    """As many values as `VALUES` at most, each the mean of an equal part of the sorted ones: the mean of all stays."""
    if len(values) <= VALUES:
        return Empirical(tuple(values.tolist()))
    sums = np.concatenate([[0.0], np.cumsum(np.sort(values))])
    part = len(values) / VALUES
    upto = np.interp(np.arange(VALUES + 1) * part, np.arange(len(sums)), sums)
    return Empirical(tuple((np.diff(upto) / part).tolist()))


def _ring_s(answered: pl.DataFrame) -> float:
    """The most frequent wait, in whole seconds: that of calls which found somebody idle."""
    waits = (answered["answered"] - answered["received"]).round()
    return float(waits.value_counts(sort=True)[waits.name][0])


def _gaps(answered: pl.DataFrame) -> Floats:
    """From the end of a call to the same agent's next answer, where that caller waited already when the call ended."""
    known = answered.filter(pl.col("agent").is_not_null()).sort("day", "agent", "answered")
    nexts = known.select(
        "ended",
        **{f"next_{name}": pl.col(name).shift(-1).over("day", "agent") for name in ("received", "answered")},
    ).filter(pl.col("next_received") < pl.col("ended") - 1.0)
    gaps: Floats = (nexts["next_answered"] - nexts["ended"]).to_numpy()
    return np.maximum(gaps, 0.0)


def _expected(answered: pl.DataFrame, habits: Habits) -> Floats:
    """The mean handling time of each call's type."""
    means = {name: law.mean for name, law in habits.handle.items()}
    return answered["type"].replace_strict(means, default=means[POOLED], return_dtype=pl.Float64).to_numpy()


def _factors(answered: pl.DataFrame, habits: Habits) -> Floats:
    paces = {"": 1.0, **habits.pace}
    pace: Floats = answered["agent"].replace_strict(paces, default=1.0, return_dtype=pl.Float64).to_numpy()
    hours: Floats = np.array(habits.hours)[_hour(answered)]
    return pace * hours


def _hour(answered: pl.DataFrame) -> npt.NDArray[np.int64]:
    return (answered["received"].to_numpy() // 3600).astype(np.int64)


def _pace(answered: pl.DataFrame, habits: Habits) -> dict[str, float]:
    """Summed in the order of calls: the same log has the same paces to the last bit, however many cores there are."""
    known = answered.filter(pl.col("agent").is_not_null())
    names, who = np.unique(known["agent"].to_numpy(), return_inverse=True)
    busy, expected = (
        np.bincount(who, part, len(names)) for part in (known["busy"], _expected(known, habits))
    )
    few = PACE_CALLS * habits.handle[POOLED].mean
    return dict(zip(names.tolist(), ((busy + few) / (expected + few)).tolist(), strict=True))


def _hours(answered: pl.DataFrame, habits: Habits) -> tuple[float, ...]:
    hour, busy = _hour(answered), answered["busy"].to_numpy()
    expected = _expected(answered, habits)
    calls = np.bincount(hour, minlength=24)
    sums, of = np.bincount(hour, busy, 24), np.bincount(hour, expected, 24)
    enough = (calls >= HANDLE_CALLS_LEAST) & (of > 0)
    factors = np.divide(sums, of, out=np.ones(24), where=enough)
    return tuple(np.where(enough, factors * expected.sum() / busy.sum(), 1.0).tolist())
