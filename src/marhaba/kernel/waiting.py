"""An honest estimated wait: an interval that holds about four times in five, or nothing at all.

While callers wait, answers come whenever an agent gets free. With m gaps between answers observed, S
seconds in all, the wait W of the caller at position k is k more such gaps, and for gaps without memory W /
(W + S) follows a Beta(k, m) distribution, whatever the rate: what is not known of the rate is in the
interval (a predictive interval; Hahn and Meeker, Statistical Intervals, ch. 4). Only gaps in which the line
never emptied count: those whose caller was waiting already when the one before was answered. See
docs/design/routing.md for what this assumes and how it was checked.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass
from functools import lru_cache

COVERAGE = 0.8
"""Share of true waits that lie inside the interval; a tenth are shorter, a tenth longer."""
SEEN_MIN, SEEN_MAX = 5, 40
"""Fewer gaps say too little about the next; more would reach back to another hour."""
WINDOW_S = 900.0
"""Only the last quarter of an hour counts: staffing changes."""
HANDLED_WINDOW_S = 3_600.0
"""How long a call takes changes more slowly than who is there to take it."""
STOPPED_P = 0.01
"""A silence this unlikely means that the line has stopped; then nothing is said."""
SAID_MAX_S = 1_800.0
"""Beyond half an hour a number helps nobody; the callback offer does."""
RATIO_MAX = 8.0
"""An interval whose ends differ by more is not said; what is below a minute counts as a minute."""
POSITION_MAX = 200
"""Deeper in a line the interval would be beyond SAID_MAX_S for all but the largest floors."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Said as "between low and high": whole seconds, rounded outwards."""

    low_s: float
    high_s: float


@dataclass(frozen=True, slots=True)
class _Gap:
    ended: float
    seconds: float
    working: int | None


@dataclass(frozen=True, slots=True)
class _Evidence:
    """`count` events in `exposure_s` seconds of a line like the present one."""

    count: int
    exposure_s: float


class WaitEstimator:
    """Remembers, by queue, the gaps between answers and how long calls took."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._gaps: dict[str, deque[_Gap]] = defaultdict(lambda: deque(maxlen=SEEN_MAX))
        self._handled: dict[str, deque[tuple[float, float]]] = defaultdict(lambda: deque(maxlen=SEEN_MAX))

    def answered(self, now: float, queue: str, wait_s: float, *, working: int | None = None) -> None:
        """A caller of `queue` was answered after `wait_s`, with so many agents at work for it (None: unknown)."""
        last = self._last.get(queue)
        self._last[queue] = now
        if last is not None and wait_s >= now - last:
            self._gaps[queue].append(_Gap(now, now - last, working))

    def handled(self, now: float, queue: str, seconds: float) -> None:
        """An agent is done with a call of `queue`: talk, hold and wrap-up."""
        self._handled[queue].append((now, seconds))

    def estimate(
        self,
        now: float,
        queue: str,
        position: int,
        *,
        longest_wait_s: float | None = None,
        working: int | None = None,
    ) -> Estimate | None:
        """The interval for the caller at `position` (1 is next), or None when nothing honest can be said.

        longest_wait_s: how long somebody has been waiting in this queue; unknown, the line is taken to have
        been waiting ever since the last answer. working: agents ready or busy for it; unknown, as many as
        lately.
        """
        if not 1 <= position <= POSITION_MAX or working == 0:
            return None
        evidence = self._from_gaps(now, queue, working) or self._from_handling(now, queue, working)
        if evidence is None:
            return None
        silence_s = max(0.0, now - self._last.get(queue, now))
        silence_s = silence_s if longest_wait_s is None else min(silence_s, longest_wait_s)
        if (1 + silence_s / evidence.exposure_s) ** -evidence.count < STOPPED_P:
            return None
        low, high = predicted(position, evidence.count)
        exposure_s = evidence.exposure_s + silence_s
        return _worth_saying(math.floor(low * exposure_s), math.ceil(high * exposure_s))

    def _from_gaps(self, now: float, queue: str, working: int | None) -> _Evidence | None:
        gaps = [gap for gap in self._gaps.get(queue, ()) if gap.ended > now - WINDOW_S]
        exposure_s = sum(gap.seconds * _scale(gap.working, working) for gap in gaps)
        return _Evidence(len(gaps), exposure_s) if len(gaps) >= SEEN_MIN and exposure_s > 0 else None

    def _from_handling(self, now: float, queue: str, working: int | None) -> _Evidence | None:
        """A line that has only just formed: each agent at work gets free once in a handling time."""
        seconds = [spent for ended, spent in self._handled.get(queue, ()) if ended > now - HANDLED_WINDOW_S]
        if working is None or len(seconds) < SEEN_MIN or sum(seconds) <= 0:
            return None
        return _Evidence(len(seconds), sum(seconds) / working)


def _scale(then: int | None, now: int | None) -> float:
    """A gap of yesterday's crew, for today's: twice the agents take half the time."""
    return then / now if then and now else 1.0


def _worth_saying(low_s: float, high_s: float) -> Estimate | None:
    if high_s > SAID_MAX_S or high_s > RATIO_MAX * max(low_s, 60.0):
        return None
    return Estimate(low_s, high_s)


@lru_cache(maxsize=POSITION_MAX * SEEN_MAX)
def predicted(position: int, count: int) -> tuple[float, float]:
    """The ends of the interval for `position` after `count` gaps, in units of the time these gaps took."""
    ends = (_beta_quantile(tail, position, count) for tail in ((1 - COVERAGE) / 2, (1 + COVERAGE) / 2))
    low, high = (end / (1 - end) for end in ends)
    return low, high


def _beta_quantile(share: float, k: int, m: int) -> float:
    """Where Beta(k, m), k and m whole, has `share` below it; by halving, to 1e-12."""
    low, high = 0.0, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        if _beta_below(middle, k, m) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta_below(x: float, k: int, m: int) -> float:
    """P(Beta(k, m) <= x): k or more successes in k + m - 1 trials of chance x."""
    trials = k + m - 1
    return math.fsum(
        math.comb(trials, failed) * (1 - x) ** failed * x ** (trials - failed) for failed in range(m)
    )
