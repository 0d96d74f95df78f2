"""M/M/n+G: callers whose patience follows any law, exactly.

Two laws of the same mean may give waits that differ twenty-five times: what matters is how many callers give up in the
first seconds. Measure the law, then ask here. By Baccelli and Hebuterne 1981; the integrals are those of Zeltyn and
Mandelbaum 2005 (Queueing Systems 51:361), see `erlang_integrals.py`, with the law's own H(x), the integral of the chance
to be still there. They are taken by the double-exponential rule (Takahasi and Mori 1974) between the law's corners, the
threshold and the top of the hill, as far as the integrand is above exp(-REACH) of its top.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

import numpy as np
from scipy.special import gammainc, gammaincc, ndtr

from marhaba.planning import inputs
from marhaba.planning.erlang import assemble, finished
from marhaba.planning.erlang_integrals import REACH, WaitIntegrals, log_idle
from marhaba.planning.inputs import Array, Numbers
from marhaba.planning.performance import Performance

_S = np.linspace(-3.2, 3.2, 257)
_E = np.pi / 2 * np.sinh(_S)
POINTS: Final[Array] = 1 / (1 + np.exp(-2 * _E))
WEIGHTS: Final[Array] = (_S[1] - _S[0]) * np.pi / 4 * np.cosh(_S) / np.cosh(_E) ** 2
HALVINGS: Final = 80


class Law(Protocol):
    """A law of patience, in the unit of the handling time."""

    @property
    def corners(self) -> tuple[float, ...]:
        """Where the law is not smooth."""

    def staying(self, x: Array) -> Array:
        """The chance to be still there at x."""

    def left(self, x: Array) -> Array:
        """The chance to have left by x, without a difference from 1."""

    def stayed(self, x: Array) -> Array:
        """H(x): the mean time of a caller in the queue whose call would be answered after x."""


def general_patience(
    arrival_rate: Numbers, handle_time: Numbers, law: Law, agents: Numbers, *, threshold: Numbers = 0.0
) -> Performance:
    """The figures of M/M/n+G; numbers or arrays, one law for all. To about 1e-11 of the value.

    Raises BadInput, and LimitReached above AGENTS_MAX agents; at least one agent.
    """
    rate, handle, n, within = inputs.together(
        inputs.positive("arrival rate", arrival_rate),
        inputs.positive("handle time", handle_time),
        inputs.whole("agents", agents, least=1),
        inputs.not_negative("threshold", threshold),
    )
    load, shape = rate * handle, rate.shape
    flat = [each.ravel() for each in (rate, handle, n, within)]
    found = _integrals(law, *flat)
    left, staying = law.left(flat[3]), law.staying(flat[3])
    idle = log_idle(flat[2] - 1, load.ravel())
    return finished(
        assemble(idle, found, load.ravel(), flat[2], left, staying), n.reshape(shape), load, handle
    )


@dataclass(frozen=True, slots=True)
class Exponential:
    mean: float

    def __post_init__(self) -> None:
        inputs.positive("mean patience", self.mean)

    @property
    def corners(self) -> tuple[float, ...]:
        return ()

    def staying(self, x: Array) -> Array:
        return np.exp(-x / self.mean)

    def left(self, x: Array) -> Array:
        return -np.expm1(-x / self.mean)

    def stayed(self, x: Array) -> Array:
        return self.mean * self.left(x)


@dataclass(frozen=True, slots=True)
class Deterministic:
    """All callers leave after the same time."""

    mean: float

    def __post_init__(self) -> None:
        inputs.positive("mean patience", self.mean)

    @property
    def corners(self) -> tuple[float, ...]:
        return (self.mean,)

    def staying(self, x: Array) -> Array:
        return np.where(x < self.mean, 1.0, 0.0)

    def left(self, x: Array) -> Array:
        return np.where(x < self.mean, 0.0, 1.0)

    def stayed(self, x: Array) -> Array:
        return np.minimum(x, self.mean)


@dataclass(frozen=True, slots=True)
class Uniform:
    low: float
    high: float

    def __post_init__(self) -> None:
        inputs.not_negative("the low end of patience", self.low)
        inputs.positive("the width of patience", self.high - self.low)

    @property
    def corners(self) -> tuple[float, ...]:
        return (self.low, self.high)

    def staying(self, x: Array) -> Array:
        return np.clip((self.high - x) / (self.high - self.low), 0, 1)

    def left(self, x: Array) -> Array:
        return np.clip((x - self.low) / (self.high - self.low), 0, 1)

    def stayed(self, x: Array) -> Array:
        left = self.left(x) * (self.high - self.low)
        return np.minimum(x, self.low) + left - left**2 / (2 * (self.high - self.low))


@dataclass(frozen=True, slots=True)
class Gamma:
    """Shape 1 is exponential, a whole shape k is Erlang's law of k stages."""

    mean: float
    shape: float

    def __post_init__(self) -> None:
        inputs.positive("mean patience", self.mean)
        inputs.positive("the shape of patience", self.shape)

    @property
    def corners(self) -> tuple[float, ...]:
        return ()

    def staying(self, x: Array) -> Array:
        return np.asarray(gammaincc(self.shape, x * (self.shape / self.mean)))

    def left(self, x: Array) -> Array:
        return np.asarray(gammainc(self.shape, x * (self.shape / self.mean)))

    def stayed(self, x: Array) -> Array:
        gone = gammainc(self.shape + 1, x * (self.shape / self.mean))
        return np.asarray(x * self.staying(x) + self.mean * gone)


@dataclass(frozen=True, slots=True)
class Hyperexponential:
    """Several kinds of callers: `weights` say how many of each, up to a factor, `means` how patient they are."""

    weights: tuple[float, ...]
    means: tuple[float, ...]

    def __post_init__(self) -> None:
        inputs.positive("the weights of patience", self.weights)
        inputs.positive("the means of patience", self.means)
        inputs.together(np.asarray(self.weights), np.asarray(self.means))

    @property
    def corners(self) -> tuple[float, ...]:
        return ()

    def staying(self, x: Array) -> Array:
        return self._mixed(lambda mean: np.exp(-x / mean))

    def left(self, x: Array) -> Array:
        return self._mixed(lambda mean: -np.expm1(-x / mean))

    def stayed(self, x: Array) -> Array:
        return self._mixed(lambda mean: -mean * np.expm1(-x / mean))

    def _mixed(self, part: Callable[[float], Array]) -> Array:
        parts = [w * part(mean) for w, mean in zip(self.weights, self.means, strict=True)]
        return np.asarray(sum(parts) / sum(self.weights))


@dataclass(frozen=True, slots=True)
class LogNormal:
    """By its own mean and standard deviation, not those of the logarithm."""

    mean: float
    sd: float

    def __post_init__(self) -> None:
        inputs.positive("mean patience", self.mean)
        inputs.positive("the deviation of patience", self.sd)

    @property
    def corners(self) -> tuple[float, ...]:
        return ()

    def staying(self, x: Array) -> Array:
        return np.asarray(ndtr(-self._score(x)))

    def left(self, x: Array) -> Array:
        return np.asarray(ndtr(self._score(x)))

    def stayed(self, x: Array) -> Array:
        return np.asarray(x * self.staying(x) + self.mean * ndtr(self._score(x) - self._spread))

    @property
    def _spread(self) -> float:
        return float(np.sqrt(np.log1p((self.sd / self.mean) ** 2)))

    def _score(self, x: Array) -> Array:
        with np.errstate(divide="ignore"):
            return np.log(x / self.mean) / self._spread + self._spread / 2


def _integrals(law: Law, rate: Array, handle: Array, agents: Array, threshold: Array) -> WaitIntegrals:
    """In handling times, as `erlang_integrals.wait_integrals`."""
    finishing = agents / handle
    crest = _crest(law, rate, finishing)
    none, endless = np.zeros_like(rate), np.full_like(rate, np.inf)
    early = _Side(law, rate, finishing, crest, none, threshold)
    late = _Side(law, rate, finishing, crest, threshold, endless)
    scale = np.maximum(early.height, late.height)
    sums = [side.sums() * (np.exp(side.height - scale) / handle) for side in (early, late)]
    total = (sums[0] + sums[1]) / handle
    return WaitIntegrals(
        scale, sums[0][0], sums[1][0], sums[0][1], sums[1][1], sums[0][2], sums[1][2],
        total[3], total[4],
    )  # fmt: skip


def _crest(law: Law, rate: Array, finishing: Array) -> Array:
    """Where as many callers are still there as can be served: the top of the hill, 0 without overload."""
    low, high = np.zeros_like(rate), 1 / finishing
    while (above := rate * law.staying(high) > finishing).any():
        high = np.where(above, 2 * high, high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        above = rate * law.staying(middle) > finishing
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(rate * law.staying(np.zeros_like(rate)) > finishing, low, 0.0)


class _Side:
    """The offered waits from `low` to `high`, of one queue a row."""

    def __init__(
        self, law: Law, rate: Array, finishing: Array, crest: Array, low: Array, high: Array
    ) -> None:
        self.law, self.rate, self.finishing = law, rate, finishing
        top = np.clip(crest, low, high)
        self.height = self._phi(top)
        self.bounds = self._bounds(low, top, high)

    def _phi(self, x: Array) -> Array:
        return self.rate * self.law.stayed(x) - self.finishing * x

    def _bounds(self, low: Array, top: Array, high: Array) -> Array:
        """One row a corner, sorted, from reach to reach."""
        far = top + 1 / self.finishing
        while (more := (far < high) & (self.height - self._phi(far) < REACH)).any():
            far = np.where(more, top + 2 * (far - top), far)
        left, right = self._reach(low, top), self._reach(np.minimum(far, high), top)
        corners = [np.clip(corner, left, right) for corner in self.law.corners]
        return np.sort(np.stack([left, top, right, *corners]), axis=0)

    def _reach(self, outside: Array, top: Array) -> Array:
        """As far from the top towards `outside` as the integrand counts."""
        inside = top
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            counts = self.height - self._phi(middle) < REACH
            inside, outside = np.where(counts, middle, inside), np.where(counts, outside, middle)
        return outside

    def sums(self) -> Array:
        """Rows: the integrals of 1, of staying, of having left, of H(x), and of x times staying."""
        sums = np.zeros((5, len(self.rate)))
        for low, high in pairwise(self.bounds):
            for point, weight in zip(POINTS, WEIGHTS, strict=True):
                x = low + (high - low) * point
                hill = weight * (high - low) * np.exp(self._phi(x) - self.height)
                staying = self.law.staying(x)
                parts = (1.0, staying, self.law.left(x), self.law.stayed(x), x * staying)
                sums += np.stack([hill * part for part in parts])
        return sums
