"""How long callers are patient, from waits of which most ended with an answer (Kaplan and Meier 1958, JASA 53:457).

The mean wait of those who abandoned is no patience: the patient were answered before theirs was known. Who was answered
after 30 s says that his patience is longer than 30 s, and no more; at each wait the share who leave is taken of those who
still waited.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from marhaba.kernel.errors import BadInput
from marhaba.planning import inputs
from marhaba.planning.inputs import Array, Numbers

AT_RISK_LEAST: Final = 50
"""Beyond the last wait that so many have reached, the estimate would rest on the next one or two who leave."""


@dataclass(frozen=True, slots=True)
class Survival:
    """A law of patience as measured: steps where somebody left, and an exponential tail from `end_s` on."""

    times_s: Array
    """Waits at which somebody left, rising."""
    staying: Array
    """The share still there after each of them."""
    end_s: float
    tail_rate: float
    """A second; 0: whoever is there at `end_s` never leaves."""

    def staying_at(self, wait_s: Numbers) -> Array:
        """The chance to be still there; the shape of `wait_s`."""
        waits = inputs.not_negative("wait", wait_s)
        steps = np.concatenate([[1.0], self.staying])
        there: Array = steps[np.searchsorted(self.times_s, waits, side="right")]
        return there * np.exp(-self.tail_rate * np.maximum(waits - self.end_s, 0.0))

    def values(self, count: int) -> Array:
        """So many equally likely patiences in seconds, rising: the middles of as many equal parts. inf: never leaves."""
        left = (np.arange(count) + 0.5) / count
        place = np.searchsorted(-self.staying, left - 1.0)
        last = float(self.staying[-1]) if len(self.staying) else 1.0
        with np.errstate(divide="ignore", invalid="ignore"):
            beyond = self.end_s + np.log(last / (1.0 - left)) / self.tail_rate
        known = np.append(self.times_s, np.inf)[place]
        return np.where(place < len(self.times_s), known, beyond)


def kaplan_meier(wait_s: Numbers, left: npt.ArrayLike, *, at_risk_least: int = AT_RISK_LEAST) -> Survival:
    """The law of patience behind these waits; `left`: whether each ended by the caller's leaving, else by an answer.

    Beyond the last wait that `at_risk_least` callers have reached, the mean rate of leaving in the second half of the
    waits before it goes on for ever. Who leaves and who is answered after the same wait: the leaving comes first.
    Raises BadInput, also where nobody waits.
    """
    waits, gone = inputs.not_negative("wait", wait_s), np.asarray(left, bool)
    if waits.ndim != 1 or waits.shape != gone.shape or not len(waits):
        raise BadInput(f"{waits.shape} waits and {gone.shape} outcomes: no list of callers", code="shapes")
    order = np.sort(waits)
    end_s = float(order[max(len(order) - at_risk_least, 0)])
    times_s, leaving = np.unique(waits[gone], return_counts=True)
    leaving = leaving[times_s <= end_s]
    times_s = times_s[times_s <= end_s]
    at_risk = len(order) - np.searchsorted(order, times_s, side="left")
    staying = np.asarray(np.cumprod(1.0 - leaving / at_risk), np.float64)
    steps = np.concatenate([[1.0], staying])
    half = float(steps[np.searchsorted(times_s, end_s / 2, side="right")])
    rate = float(np.log(half / steps[-1])) / (end_s / 2) if end_s > 0 and steps[-1] > 0 else 0.0
    return Survival(times_s, staying, end_s, rate)
