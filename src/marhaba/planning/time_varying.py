"""Days that change: the load that a changing rate of calls brings, and the exact queue under a changing staff.

The load lags behind the calls by about a handling time and is smoother than they are. m(t), the mean number of busy
agents if there were always enough, is what to staff for: s(t) = ceil(m(t) + beta sqrt(m(t))) keeps the probability of
waiting nearly constant (Jennings, Mandelbaum, Massey and Whitt 1996, Management Science 42:1383; with abandonment
Feldman, Mandelbaum, Massey and Whitt 2008, Management Science 54:324).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import gammaln

from marhaba.kernel.errors import BadInput, LimitReached
from marhaba.planning import inputs
from marhaba.planning.inputs import Array, Numbers

STATES_MAX: Final = 5_000
"""Callers in the house of the exact queue."""
PERIODS_MAX: Final = 200
"""Until a queue that forgets its past repeats itself."""
SAME: Final = 1e-11
"""Two periods are the same when no probability differs by more."""


@dataclass(frozen=True, slots=True)
class Sinusoid:
    """mean + amplitude sin(2 pi t / period)."""

    mean: float
    amplitude: float
    period: float

    def __post_init__(self) -> None:
        inputs.positive("the mean rate", self.mean)
        inputs.positive("the period", self.period)
        inputs.not_negative("the least rate", self.mean - abs(self.amplitude))

    @property
    def edges(self) -> Array:
        return np.array([0.0, self.period])

    @property
    def most(self) -> float:
        return self.mean + abs(self.amplitude)

    def at(self, times: Array) -> Array:
        return self.mean + self.amplitude * np.sin(2 * np.pi / self.period * times)

    def load(self, times: Numbers, handle_time: float) -> Array:
        """m(t) in erlangs, of a sinusoid that has no beginning."""
        t = inputs.numbers("times", times)
        turn = (
            2 * np.pi / self.period * inputs.one("handle time", inputs.positive("handle time", handle_time))
        )
        angle = 2 * np.pi / self.period * t
        wave = (np.sin(angle) - turn * np.cos(angle)) / (1 + turn**2)
        return np.asarray(handle_time * (self.mean + self.amplitude * wave))


@dataclass(frozen=True, slots=True)
class Steps:
    """The calls of a day by half-hours, or its staff: values[k] holds until ends[k], the first from time 0; the last end
    is the period, after which all begins anew."""

    values: tuple[float, ...]
    ends: tuple[float, ...]

    def __post_init__(self) -> None:
        inputs.not_negative("the values", self.values)
        inputs.positive("the ends", self.ends)
        if len(self.ends) != len(self.values) or not self.ends or (np.diff(self.ends) <= 0).any():
            raise BadInput("as many ends as values, each later than the one before", code="steps")

    @property
    def edges(self) -> Array:
        return np.array([0.0, *self.ends])

    @property
    def period(self) -> float:
        return self.ends[-1]

    @property
    def most(self) -> float:
        return max(self.values)

    def at(self, times: Array) -> Array:
        """An edge belongs to the step that begins there."""
        step = np.searchsorted(self.edges, np.mod(times, self.period), side="right") - 1
        return np.asarray(self.values)[step]

    def load(self, times: Numbers, handle_time: float, *, start_load: float | None = None) -> Array:
        """m(t) in erlangs, at times from 0 to the period: exact, since on each step m nears rate x handling time.

        `start_load`: m(0); None: every day is the same.
        """
        t = inputs.not_negative("times", times)
        handle = inputs.one("handle time", inputs.positive("handle time", handle_time))
        if (t > self.period).any():
            raise BadInput(f"times beyond the period of {self.period:g}", code="times")
        targets, lengths = np.asarray(self.values) * handle, np.diff(self.edges)
        at_edges = self._walk(0.0 if start_load is None else start_load, targets, lengths / handle)
        if start_load is None:
            start = at_edges[-1] / -np.expm1(-self.period / handle)
            at_edges = self._walk(start, targets, lengths / handle)
        step = np.minimum(np.searchsorted(self.edges, t, side="right") - 1, len(targets) - 1)
        fading = np.exp(-(t - self.edges[step]) / handle)
        return np.asarray(targets[step] + (at_edges[step] - targets[step]) * fading)

    @staticmethod
    def _walk(start: float, targets: Array, lengths: Array) -> Array:
        walked = [start]
        for target, length in zip(targets, lengths, strict=True):
            walked.append(target + (walked[-1] - target) * np.exp(-length))
        return np.asarray(walked)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicQueue:
    """What holds at each of the asked times, once every period is like the last one. Arrays of their length."""

    times: Array
    staff: Array
    waiting: Array
    """P(N >= staff): who calls now has to wait."""
    queue_length: Array
    busy: Array
    """The mean number of busy agents."""


def periodic_queue(
    arrivals: Sinusoid | Steps, handle_time: float, patience: float, staff: Steps | int, times: Numbers
) -> PeriodicQueue:
    """Mt/M/s(t)+M, exactly: the forward equations of N, the callers in the house, from period to period.

    Both mean times are of exponential laws, and finite. `times`: from 0 to the period. When the staff falls, calls under
    way beyond it go back to the queue, at its head: so the law of N is that of min(N, s) calls being handled. If
    patience and handling time have the same mean, N is Poisson with mean m(t), whatever the staff. Probabilities are
    right to about 1e-9. Raises BadInput, and LimitReached above STATES_MAX callers in the house.
    """
    handle = inputs.one("handle time", inputs.positive("handle time", handle_time))
    mean = inputs.one("patience", inputs.positive("patience", patience))
    asked = np.atleast_1d(inputs.not_negative("times", times))
    plan = staff if isinstance(staff, Steps) else Steps((float(staff),), (arrivals.period,))
    inputs.whole("staff", plan.values)
    if plan.period != arrivals.period or (asked > plan.period).any():
        raise BadInput("arrivals, staff and times are of one period", code="period")
    crowd = arrivals.most * max(
        handle, mean
    )  # never more than if nobody were ever served, or nobody ever left
    states = int(crowd + 10 * np.sqrt(crowd) + 20)
    if states > STATES_MAX:
        raise LimitReached(f"{states} callers in the house, {STATES_MAX} at most", code="states")
    house = _House(arrivals, plan, 1 / handle, 1 / mean, np.arange(states + 1.0))
    stops = np.unique(np.concatenate([arrivals.edges, plan.edges, asked]))
    laws = house.settle(stops)
    n, s = house.n, plan.at(asked)[:, None]
    law = laws[np.searchsorted(stops, asked)]
    return PeriodicQueue(
        times=asked,
        staff=s[:, 0],
        waiting=(law * (n >= s)).sum(axis=1),
        queue_length=(law * np.maximum(n - s, 0)).sum(axis=1),
        busy=(law * np.minimum(n, s)).sum(axis=1),
    )


@dataclass(frozen=True, slots=True)
class _House:
    arrivals: Sinusoid | Steps
    staff: Steps
    finishing: float
    leaving: float
    n: Array

    def settle(self, stops: Array) -> Array:
        """The laws of N at the stops, from 0 to the period, when they repeat themselves."""
        load = max(self.arrivals.most / self.finishing / 2, 1e-9)
        law = np.exp(self.n * np.log(load) - load - gammaln(self.n + 1))
        for _ in range(PERIODS_MAX):
            laws = [law / law.sum()]
            for start, end in pairwise(stops):
                laws.append(self._move(laws[-1], start, end))
            law = laws[-1]
            if np.abs(law - laws[0]).max() < SAME:
                return np.asarray(laws)
        raise LimitReached(f"not settled after {PERIODS_MAX} periods", code="periods")

    def _move(self, law: Array, start: float, end: float) -> Array:
        middle = np.array((start + end) / 2)  # a step does not change between two stops
        staff = self.staff.at(middle)
        down = np.minimum(self.n, staff) * self.finishing + np.maximum(self.n - staff, 0) * self.leaving
        constant = self.arrivals.at(middle) if isinstance(self.arrivals, Steps) else None

        def change(t: float, p: Array) -> Array:
            rate = self.arrivals.at(np.array(t)) if constant is None else constant
            flow = rate * p[:-1] - down[1:] * p[1:]
            moved = np.zeros_like(p)
            moved[1:] += flow
            moved[:-1] -= flow
            return moved

        solved = solve_ivp(change, (start, end), law, method="DOP853", rtol=1e-10, atol=1e-14, t_eval=[end])
        return np.asarray(solved.y[:, -1])
