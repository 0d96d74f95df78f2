"""How long a day's callers were patient: the measured law of `planning.survival` with its band, as a law of the simulator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from marhaba.planning.survival import Survival, kaplan_meier
from marhaba.replay.change import Tail
from marhaba.simulator.laws import Empirical, Law, Never

POINTS: Final = 1_000
"""Quantiles that stand for the curve: one caller in a thousand each."""
ENOUGH: Final = 30
"""Abandonments from which a queue has a curve of its own; below it the day's callers are taken together."""
AT_RISK: Final = 10
"""Beyond the last wait that so many reached the curve rests on the next one who leaves. Of few callers, a tenth of them."""
Z: Final = 1.959963984540054
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Patience:
    """`low` and `high`: the 95 % band of `curve.staying` (Greenwood's variance of log(-log))."""

    curve: Survival
    low: Floats
    high: Floats
    callers: int
    abandoned: int

    @property
    def left(self) -> float:
        """The share of whom nobody knows when they would leave: those still there where the curve ends."""
        return float(self.curve.staying[-1]) if len(self.curve.staying) else 1.0

    @property
    def median_s(self) -> float:
        """Half have left by then; inf: fewer than half ever did."""
        below = np.flatnonzero(self.curve.staying <= 0.5)
        return float(self.curve.times_s[below[0]]) if len(below) else math.inf

    def law(self, tail: Tail = "constant") -> Law:
        """For the simulator. Beyond the curve's end nothing is known: `constant` goes on with its last rate, `never` lets
        nobody leave any more.
        """
        if not self.abandoned:
            return Never()
        values = self.curve.values(POINTS)
        if tail == "never":
            values = np.where(values > self.curve.end_s, math.inf, values)
        return Empirical(tuple(values.tolist()))


def patience_of(waits_s: Sequence[float], abandoned: Sequence[bool]) -> Patience:
    """From each caller's wait, and whether he gave up then; else he was answered, or lost from sight."""
    waits, gone = np.asarray(waits_s, np.float64), np.asarray(abandoned, bool)
    curve = kaplan_meier(waits, gone, at_risk_least=at_risk_of(len(waits)))
    there = len(waits) - np.searchsorted(np.sort(waits), curve.times_s, side="left")
    leavers = np.array([np.count_nonzero(waits[gone] == at) for at in curve.times_s], np.int64)
    low, high = _band(curve.staying, leavers, there)
    return Patience(curve, low, high, len(waits), int(gone.sum()))


def at_risk_of(callers: int) -> int:
    return min(AT_RISK, max(callers // 10, 1))


def _band(
    staying: Floats, leavers: npt.NDArray[np.int64], there: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Of log(-log S), which keeps the band between 0 and 1; where everybody has left there is none but the point."""
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(leavers / (there * (there - leavers)))
        width = Z * np.sqrt(variance) / np.abs(np.log(staying))
        low, high = staying ** np.exp(width), staying ** np.exp(-width)
    ends = staying == 0.0
    return np.where(ends, 0.0, low), np.where(ends, 0.0, high)
