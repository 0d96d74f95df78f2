"""The two integrals that every formula of the M/M/n family is made of, for thousands of queues at once.

Time is counted in handling times here: callers come at rate `load`, each agent finishes calls at rate 1, each waiting
caller leaves at rate `leaving`. In the words of Zeltyn and Mandelbaum (2005, Queueing Systems 51:361, section 4):

    idle   E    = sum over j < n of pi_j / pi_(n-1)  =  int_0^inf load exp(-load y) (1 + y)^(n-1) dy
    wait   J    = int_0^inf exp(phi(x)) dx,   phi(x) = load H(x) - n x,   H(x) = (1 - exp(-leaving x)) / leaving

and the chance to wait is load J / (E + load J). The first is the reciprocal of Erlang's B for n - 1 agents (Jagers and
van Doorn 1986). Both integrands are log-concave: one hill, whose top is known in closed form. So each side of the hill
is one panel of Gauss-Legendre points, as long as the integrand is above exp(-REACH) of its top, and what is integrated
is exp(phi(x) - phi(top)), written without a difference of large numbers. Nothing overflows, and no digits are lost, up to
a load of 100,000 times the agents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from marhaba.planning.inputs import Array

REACH: Final = 38.0
"""exp(-38) is below the last digit of a float."""
SATURATED: Final = 34.0
"""After so many mean patiences exp(-leaving x) is below the last digit, and phi is a straight line."""
QUADRATIC: Final = 1e7
"""n / leaving above which phi is so nearly a parabola that four terms of its series are exact and its own formula is
not: z + exp(-z) - 1 would lose half of the digits of z."""
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(40)
POINTS: Final[Array] = (_POINTS + 1) / 2
WEIGHTS: Final[Array] = _WEIGHTS / 2
Rows = npt.NDArray[np.intp]
ROWS: Final = 512
"""Queues taken at a time, so that the points of all of them stay in the processor's cache."""


def log_idle(agents: Array, load: Array) -> Array:
    """log of 1 / ErlangB(agents, load), one-dimensional arrays; load > 0, agents >= 0."""
    top = np.maximum(agents, load)
    slope = top - agents
    wide = agents + slope * (4 / 3)  # log(1 + w) <= w (6 + w) / (6 + 4 w)
    right = _root(wide, 2 * slope - REACH * (4 / 3), 2 * REACH)
    area = right * _idle_panel(agents, slope, right)
    inner = np.flatnonzero(agents > load)  # the top is inside: there is a left side too
    if len(inner):
        n = agents[inner]
        left = np.minimum(np.sqrt(2 * REACH / n), 1 - load[inner] / n)
        area[inner] += left * _idle_panel(n, slope[inner], -left)
    height = np.zeros_like(load)
    height[inner] = agents[inner] * gap(np.log(agents[inner] / load[inner]))
    return np.asarray(np.log(top * area) + height)


def _idle_panel(agents: Array, slope: Array, length: Array) -> Array:
    """The mean of exp(-agents (w - log(1 + w)) - slope w) over w from 0 to length."""
    w = length[:, None] * POINTS
    exponent = np.log1p(w)
    exponent -= w
    exponent *= agents[:, None]
    exponent -= slope[:, None] * w
    return np.asarray(np.exp(exponent, out=exponent) @ WEIGHTS)


@dataclass(frozen=True, slots=True)
class WaitIntegrals:
    """Integrals over the offered wait x, all of them times exp(-scale). `early` is x <= threshold, `late` beyond it."""

    scale: Array
    early: Array
    late: Array
    served_early: Array
    """Of the chance to be still there at x."""
    served_late: Array
    left_early: Array
    """Of the chance to have left by x."""
    left_late: Array
    elapsed: Array
    """Of H(x), the time a caller stays if he is offered x."""
    served_wait: Array
    """Of x times the chance to be still there."""


def wait_integrals(load: Array, agents: Array, leaving: Array, threshold: Array) -> WaitIntegrals:
    """Four arrays of one dimension and length; all above 0 but the threshold, which may be 0."""
    crest = crest_of(load, agents, leaving)
    first, last = np.minimum(crest, threshold), np.maximum(crest, threshold)
    under = crest <= threshold
    endless = np.full_like(load, np.inf)
    sums = [
        _Panel(load, agents, leaving, crest, foot, length).sums()
        for foot, length in (
            (first, -first),
            (crest, np.where(under, last - crest, first - crest)),
            (last, endless),
        )
    ]
    early = np.where(under, 1.0, 0.0)
    middle_late = sums[1] * (1 - early)
    late = sums[2] + middle_late
    all_early = sums[0] + sums[1] * early
    total = all_early + late
    scale = agents / leaving * gap(-leaving * crest)
    return WaitIntegrals(
        scale, all_early[0], late[0], all_early[1], late[1], all_early[2], late[2],
        total[2] / leaving, total[3],
    )  # fmt: skip


def log_late(load: Array, agents: Array, leaving: Array, threshold: Array) -> tuple[Array, Array]:
    """The logarithms of the integral beyond the threshold, however small it is, and of exp(phi) at the threshold.

    Both less phi at the top of the hill.
    """
    crest = crest_of(load, agents, leaving)
    last = np.maximum(crest, threshold)
    rising = _Panel(load, agents, leaving, crest, last, threshold - last)
    falling = _Panel(load, agents, leaving, crest, last, np.full_like(load, np.inf))
    here = np.where(threshold < crest, height(load, agents, leaving, crest, threshold), falling.height)
    area = rising.sums(falling.height)[0] + falling.sums(falling.height)[0]
    return np.log(area) + falling.height, here


def crest_of(load: Array, agents: Array, leaving: Array) -> Array:
    """Where the hill has its top: callers who wait that long are as many as can be answered; 0 without overload."""
    return np.log1p(np.maximum((load - agents) / agents, 0)) / leaving


def height(load: Array, agents: Array, leaving: Array, crest: Array, x: Array) -> Array:
    """phi(x) - phi(crest)."""
    return -np.minimum(load, agents) / leaving * gap(leaving * (x - crest)) - np.maximum(agents - load, 0) * (
        x - crest
    )


class _Panel:
    """One side of the hill: from `foot`, its highest point, over `length` (negative: to the left)."""

    def __init__(
        self, load: Array, agents: Array, leaving: Array, crest: Array, foot: Array, length: Array
    ) -> None:
        self.agents, self.leaving, self.foot = agents, leaving, foot
        self.staying = np.exp(-leaving * foot)
        self.rate = load * self.staying
        self.slope = agents - self.rate
        self.height = height(load, agents, leaving, crest, foot)
        self.limit = length
        self.length = np.minimum(self._right(), length)
        self._reach_left(np.flatnonzero(length < 0))

    def _reach_left(self, rows: Rows) -> None:
        """How far the integrand is worth anything to the left: gap(-z) >= z^2 / 2, then Newton, from above."""
        leaving, rate, slope = self.leaving[rows], self.rate[rows], np.maximum(-self.slope[rows], 0)
        far = 2 * REACH / (slope + np.sqrt(slope**2 + 2 * rate * leaving * REACH))
        far = np.minimum(far, -self.limit[rows])
        for _ in range(3):
            growth = np.expm1(leaving * far)
            value = rate * (growth / leaving - far) + slope * far - REACH
            far -= np.maximum(value, 0) / (rate * growth + slope)
        self.length[rows] = -far

    def _right(self) -> Array:
        """gap(z) >= z^2 / (2 + z)."""
        far = _root(self.agents * self.leaving, 2 * self.slope - REACH * self.leaving, 2 * REACH)
        return np.minimum(far, SATURATED / self.leaving)

    def sums(self, less: Array | float = 0.0) -> Array:
        """Rows: the integrals of 1, of staying, of having left and of x times staying, of exp(phi - phi(crest) - less)."""
        sums = np.zeros((4, len(self.foot)))
        some = np.flatnonzero(self.length)
        for at in range(0, len(some), ROWS):
            rows = some[at : at + ROWS]
            sums[:, rows] = self._sums_of(rows)
        return np.asarray(sums * np.exp(self.height - less))

    def _sums_of(self, rows: Rows) -> Array:
        length, leaving, rate = self.length[rows], self.leaving[rows], self.rate[rows]
        staying, foot, agents = self.staying[rows], self.foot[rows], self.agents[rows]
        u = length[:, None] * POINTS
        z = leaving[:, None] * u
        left = np.expm1(-z)
        curve = z + left
        straight = agents > QUADRATIC * leaving
        if straight.any():
            curve[straight] = _series(z[straight])
        curve *= (-rate / leaving)[:, None]
        curve -= self.slope[rows][:, None] * u
        hill = np.exp(curve, out=curve)
        leaves = -(hill * left) @ WEIGHTS
        left += 1
        left *= hill
        stays = left @ WEIGHTS
        stays_for = (left * u) @ WEIGHTS
        width = np.abs(length)
        leaves, stays, stays_for = leaves * width, stays * width, stays_for * width
        beyond = self._beyond(rows)
        leaves += beyond
        area = leaves + stays
        left_before = -np.expm1(-leaving * foot)
        return np.stack(
            [
                area,
                staying * stays,
                left_before * area + staying * leaves,
                staying * (foot * stays + stays_for),
            ]
        )

    def _beyond(self, rows: Rows) -> Array:
        """Where the panel was cut because everybody has left: the straight line from there on."""
        agents, leaving, far = self.agents[rows], self.leaving[rows], self.length[rows]
        cut = far * leaving >= SATURATED * (1 - 1e-12)
        level = self.rate[rows] / leaving
        near, end = (np.exp(level - agents * np.where(cut, x, 1e9 * level)) for x in (far, self.limit[rows]))
        return np.asarray((near - end) / agents)


def gap(z: Array) -> Array:
    """z + exp(-z) - 1, to the last digits also where z is small."""
    return np.where(np.abs(z) < SMALL, _series(np.where(np.abs(z) < SMALL, z, 0.0)), z + np.expm1(-z))


SMALL: Final = 0.05
"""Below it seven terms of the series of gap(z) are exact; above it the formula loses two digits of sixteen."""


def _series(z: Array) -> Array:
    """z + exp(-z) - 1 = z^2/2 - z^3/6 + ..., by Horner's rule."""
    value = np.ones_like(z)
    for k in range(9, 2, -1):
        value = 1 - z / k * value
    return z * z / 2 * value


def _root(square: Array, linear: Array, constant: float) -> Array:
    """The positive solution of square x^2 + linear x = constant, by the form that does not cancel."""
    root = np.sqrt(linear**2 + 4 * square * constant)
    with np.errstate(divide="ignore"):
        return np.where(linear > 0, 2 * constant / (linear + root), (root - linear) / (2 * square))
