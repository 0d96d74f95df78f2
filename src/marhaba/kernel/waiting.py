"""An honest estimated wait: an interval from how fast callers ahead were taken lately, or nothing at all.

With position k in a queue whose callers leave its head (answered or gone) at rate r, the wait is the sum of k gaps.
Under the usual reading of a busy queue as a Poisson stream of departures it is gamma distributed with shape k and rate
r; the interval said is its central 80 %, by the cube-root normal approximation of Wilson and Hilferty (Proc. Natl. Acad.
Sci. 17, 1931). It is rounded outwards to what people say (half minutes, then minutes), and kept to itself when too
few departures were seen lately or the interval would be meaningless.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

SEEN_MIN = 5
"""Fewer departures than this say nothing about the next one."""
WINDOW_S = 900.0
"""Only the last quarter of an hour counts: staffing changes."""
SEEN_MAX = 40
SAID_MAX_S = 1_800.0
"""Beyond half an hour a number helps nobody; the callback offer does."""
RATIO_MAX = 8.0
"""An interval whose ends differ by this factor is not said."""
Z_80 = 1.2815515655446004
"""Standard normal quantile at 90 %: a central interval of 80 %."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Said as "between low and high"; the true wait lies inside about four times in five."""

    low_s: float
    high_s: float


class WaitEstimator:
    """Remembers when callers were taken from each queue."""

    def __init__(self) -> None:
        self._taken: dict[str, deque[float]] = {}

    def answered(self, now: float, queue: str, wait_s: float) -> None:
        """A caller of `queue` was answered. Answers without a wait say nothing about a line that has formed."""
        if wait_s > 1.0:
            self._taken.setdefault(queue, deque(maxlen=SEEN_MAX)).append(now)

    def estimate(self, now: float, queue: str, position: int) -> Estimate | None:
        """The interval for the caller at `position` (1 is next), or None when nothing honest can be said."""
        taken = self._taken.get(queue)
        if taken is None or position < 1:
            return None
        recent = [at for at in taken if at > now - WINDOW_S]
        if len(recent) < SEEN_MIN:
            return None
        # The time since the last departure is part of the evidence: a line that has stopped must show.
        span = now - recent[0]
        if span <= 0:
            return None
        rate = (len(recent) - 1) / span
        low, high = gamma_interval(position, rate)
        low, high = _round_down(low), _round_up(high)
        if high > SAID_MAX_S or high / max(low, 30.0) >= RATIO_MAX:
            return None
        return Estimate(low, high)


def gamma_interval(shape: float, rate: float) -> tuple[float, float]:
    """Central 80 % of a gamma variable, in 1/rate units of time."""
    spread = Z_80 * math.sqrt(1.0 / (9.0 * shape))
    centre = 1.0 - 1.0 / (9.0 * shape)
    return shape * max(0.0, centre - spread) ** 3 / rate, shape * (centre + spread) ** 3 / rate


def _step(seconds: float) -> float:
    return 30.0 if seconds < 120.0 else 60.0


def _round_down(seconds: float) -> float:
    step = _step(seconds)
    return math.floor(seconds / step) * step


def _round_up(seconds: float) -> float:
    step = _step(seconds)
    return max(30.0, math.ceil(seconds / step) * step)
