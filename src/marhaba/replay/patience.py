"""How long callers are patient, from a day on which most of them were answered first.

Who was answered would have waited longer, nobody knows how long: he is censored, not patient for the time he waited. Leaving
him out, or counting his wait as his patience, makes callers out to be less patient than they are. The estimator of Kaplan
and Meier (1958, JASA 53:457) uses all there is: at each abandonment, the share who left of those who still waited.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from marhaba.replay.change import Tail
from marhaba.simulator.laws import Empirical, Law, Never

POINTS: Final = 1_000
"""Quantiles that stand for the curve: one caller in a thousand each."""
ENOUGH: Final = 30
"""Abandonments from which a queue has a curve of its own; below it the day's callers are taken together."""
Z: Final = 1.959963984540054
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Patience:
    """The share who would still wait after so many seconds: `staying[i]` from `at[i]` on, 1 before.

    `low` and `high`: its 95 % band (Greenwood's variance of log(-log)). All are empty when nobody abandoned.
    """

    at: Floats
    staying: Floats
    low: Floats
    high: Floats
    callers: int
    abandoned: int
    waited_s: float  # by all together
    longest_s: float  # beyond it nobody has been seen

    @property
    def left(self) -> float:
        """The share of whom nobody knows when they would leave: they outlast the longest wait."""
        return float(self.staying[-1]) if len(self.staying) else 1.0

    @property
    def hazard(self) -> float:
        """Abandonments a second of waiting."""
        return self.abandoned / self.waited_s if self.waited_s else 0.0

    @property
    def median_s(self) -> float:
        """Half have left by then; inf: fewer than half ever did."""
        below = np.flatnonzero(self.staying <= 0.5)
        return float(self.at[below[0]]) if len(below) else math.inf

    def staying_at(self, seconds: float) -> float:
        place = int(np.searchsorted(self.at, seconds, side="right"))
        return float(self.staying[place - 1]) if place else 1.0

    def law(self, tail: Tail = "constant") -> Law:
        """For the simulator: quantiles of the curve. Beyond the longest wait nothing is known: `constant` goes on with the
        mean hazard, `never` lets nobody leave any more.
        """
        if not self.abandoned:
            return Never()
        shares = (np.arange(POINTS) + 0.5) / POINTS  # have left
        places = np.searchsorted(1.0 - self.staying, shares, side="left")
        values = np.append(self.at, math.inf)[places]
        beyond = places == len(self.at)
        if tail == "constant":
            values[beyond] = self.longest_s - np.log((1.0 - shares[beyond]) / self.left) / self.hazard
        return Empirical(tuple(values.tolist()))


def kaplan_meier(waits_s: Sequence[float], abandoned: Sequence[bool]) -> Patience:
    """From each caller's wait, and whether he gave up then; else he was answered, or lost from sight, and is censored.

    Who is answered at the very moment another gives up counts as still there.
    """
    waits, gave_up = np.asarray(waits_s, np.float64), np.asarray(abandoned, bool)
    assert waits.shape == gave_up.shape, "one answer a caller"
    at, leavers = np.unique(waits[gave_up], return_counts=True)
    there = len(waits) - np.searchsorted(np.sort(waits), at, side="left")
    staying: Floats = np.cumprod(1.0 - leavers / there, dtype=np.float64)
    low, high = _band(staying, leavers, there)
    return Patience(
        at=at,
        staying=staying,
        low=low,
        high=high,
        callers=len(waits),
        abandoned=int(gave_up.sum()),
        waited_s=float(waits.sum()),
        longest_s=float(waits.max(initial=0.0)),
    )


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
