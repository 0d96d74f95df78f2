"""Probability laws of durations: what callers are patient for and how long they are helped.

A law is a small frozen object; `compile_laws` turns many of them into rows that compiled code draws from. Times are
in seconds. Every law says its mean, so that loads can be computed before anything runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

import numpy as np
import numpy.typing as npt

from marhaba.kernel.errors import BadInput
from marhaba.simulator.chance import gamma, normal, sub_key, uniform
from marhaba.simulator.compiled import inlined

CONSTANT: Final = 0
EXPONENTIAL: Final = 1
UNIFORM: Final = 2
LOGNORMAL: Final = 3
GAMMA: Final = 4
WEIBULL: Final = 5
EMPIRICAL: Final = 6
PHASES: Final = 7
NEVER: Final = 8
TRIANGULAR: Final = 9
PHASES_MAX = 64
"""More phases than that are a histogram, and better given as one."""

LAW = np.dtype([("kind", "i8"), ("a", "f8"), ("b", "f8"), ("first", "i8"), ("count", "i8")], align=True)
Floats = npt.NDArray[np.float64]


class Law(Protocol):
    @property
    def mean(self) -> float:
        """Seconds; inf for a law that may never end."""

    def row(self, values: list[float]) -> tuple[int, float, float, int, int]:
        """(kind, a, b, first, count); what does not fit goes to the end of `values`."""


@dataclass(frozen=True, slots=True)
class Constant:
    seconds: float

    def __post_init__(self) -> None:
        _not_negative("a constant", self.seconds)

    @property
    def mean(self) -> float:
        return self.seconds

    def row(self, values: list[float]) -> tuple[int, float, float, int, int]:
        return CONSTANT, self.seconds, 0.0, 0, 0


@dataclass(frozen=True, slots=True)
class Never:
    """Of patience: waits for ever."""

    mean: ClassVar[float] = math.inf

    def row(self, values: list[float]) -> tuple[int, float, float, int, int]:
        return NEVER, 0.0, 0.0, 0, 0


@dataclass(frozen=True, slots=True)
class Exponential:
    mean: float

    def __post_init__(self) -> None:
        _positive("the mean of an exponential law", self.mean)

    def row(self, values: list[float]) -> tuple[int, float, float, int, int]:
        return EXPONENTIAL, self.mean, 0.0, 0, 0


@dataclass(frozen=True, slots=True)
class Uniform:
    low: float
    high: float

    def __post_init__(self) -> None:
        _not_negative("the low end of a uniform law", self.low)
        _not_negative("the width of a uniform law", self.high - self.low)

    @property
    def mean(self) -> float:
        return (self.low + self.high) / 2

    def row(self, values: list[float]) -> tuple[int, float, float, int, int]:
        return UNIFORM, self.low, self.high - self.low, 0, 0


@dataclass(frozen=True, slots=True)
class Triangular:
    """Between `low` and `high`, `mode` most likely."""

    low: float
    mode: float
    high: float

    def __post_init__(self) -> None:
        _not_negative("the low end of a triangular law", self.low)
        if not self.low <= self.mode <= self.high or not self.low < self.high < math.inf:
            raise BadInput(f"a triangular law from {self.low} over {self.mode} to {self.high}", code="law")

    @property
    def mean(self) -> float:
        return (self.low + self.mode + self.high) / 3

    def row(self, values: list[float]) -> tuple[int, float, float, int, int]:
        values.append((self.mode - self.low) / (self.high - self.low))
        return TRIANGULAR, self.low, self.high - self.low, len(values) - 1, 1


@dataclass(frozen=True, slots=True)
class LogNormal:
    """By its own mean and standard deviation, not those of the logarithm."""

    mean: float
    sd: float

    def __post_init__(self) -> None:
        _positive("the mean of a lognormal law", self.mean)
        _not_negative("the deviation of a lognormal law", self.sd)

    def row(self, values: list[float]) -> tuple[int, float, float, int, int]:
        variance = math.log1p((self.sd / self.mean) ** 2)
        return LOGNORMAL, math.log(self.mean) - variance / 2, math.sqrt(variance), 0, 0


@dataclass(frozen=True, slots=True)
class Gamma:
    """Shape 1 is exponential; an integer k is the Erlang law of k phases."""

    mean: float
    shape: float

    def __post_init__(self) -> None:
        _positive("the mean of a gamma law", self.mean)
        _positive("the shape of a gamma law", self.shape)

    def row(self, values: list[float]) -> tuple[int, float, float, int, int]:
        return GAMMA, self.shape, self.mean / self.shape, 0, 0


@dataclass(frozen=True, slots=True)
class Weibull:
    scale: float
    shape: float

    def __post_init__(self) -> None:
        _positive("the scale of a Weibull law", self.scale)
        _positive("the shape of a Weibull law", self.shape)

    @property
    def mean(self) -> float:
        return self.scale * math.gamma(1.0 + 1.0 / self.shape)

    def row(self, values: list[float]) -> tuple[int, float, float, int, int]:
        return WEIBULL, self.scale, 1.0 / self.shape, 0, 0


@dataclass(frozen=True, slots=True)
class Empirical:
    """One of these values, all as likely; a value may be inf (a caller who would never have hung up)."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise BadInput("an empirical law without values", code="law")
        for value in self.values:
            _not_negative("an empirical value", value)

    @property
    def mean(self) -> float:
        return math.fsum(self.values) / len(self.values)

    def row(self, values: list[float]) -> tuple[int, float, float, int, int]:
        first = len(values)
        values.extend(sorted(self.values))
        return EMPIRICAL, 0.0, 0.0, first, len(self.values)


@dataclass(frozen=True, slots=True)
class PhaseType:
    """The time until absorption of a Markov chain: `start[i]` the chance to begin in phase i, `rates[i][j]` (per
    second) from phase i to j, `exits[i]` from i to the end. What `start` lacks to 1 ends at once.
    """

    start: tuple[float, ...]
    rates: tuple[tuple[float, ...], ...]
    exits: tuple[float, ...]

    def __post_init__(self) -> None:
        count = len(self.start)
        if not 1 <= count <= PHASES_MAX or len(self.exits) != count or len(self.rates) != count:
            raise BadInput(f"a phase-type law of {count} phases needs as many rows and exits", code="law")
        if any(len(row) != count for row in self.rates):
            raise BadInput("the rates of a phase-type law are not square", code="law")
        for number in (*self.start, *self.exits, *(rate for row in self.rates for rate in row)):
            _not_negative("a number of a phase-type law", number)
        if sum(self.start) > 1.0 + 1e-12 or not math.isfinite(self.mean):
            raise BadInput("a phase-type law that never ends, or begins with more than certainty", code="law")

    @property
    def mean(self) -> float:
        rates = np.array(self.rates, float)
        np.fill_diagonal(rates, 0.0)
        generator = rates - np.diag(rates.sum(axis=1) + np.array(self.exits))
        try:
            return float(-np.array(self.start) @ np.linalg.solve(generator, np.ones(len(self.start))))
        except np.linalg.LinAlgError:
            return math.inf

    def row(self, values: list[float]) -> tuple[int, float, float, int, int]:
        """By phase: the mean stay, then where to, cumulated (the end last); before them how to begin, cumulated."""
        first, count = len(values), len(self.start)
        values.extend(np.cumsum(self.start).tolist())
        for phase in range(count):
            onward = [rate if other != phase else 0.0 for other, rate in enumerate(self.rates[phase])]
            total = sum(onward) + self.exits[phase]
            values.append(1.0 / total if total else math.inf)
            values.extend((np.cumsum(onward) / total if total else np.zeros(count)).tolist())
        return PHASES, 0.0, 0.0, first, count


def hyperexponential(chances: Sequence[float], means: Sequence[float]) -> PhaseType:
    """A mixture of exponential laws."""
    none = tuple(0.0 for _ in means)
    return PhaseType(tuple(chances), tuple(none for _ in means), tuple(1.0 / mean for mean in means))


def compile_laws(laws: Sequence[Law]) -> tuple[npt.NDArray[np.void], Floats]:
    """The rows `draw` reads, and the values they point into."""
    values: list[float] = []
    rows = np.array([law.row(values) for law in laws], LAW)
    return rows, np.array(values or [0.0])


@inlined
def draw(laws: npt.NDArray[np.void], values: Floats, law: int, key: np.uint64, n: int) -> float:
    """The n-th duration of the stream."""
    row = laws[law]
    kind = row.kind
    if kind == EXPONENTIAL:
        return -row.a * math.log(uniform(key, n))
    if kind == CONSTANT:
        return row.a
    if kind == LOGNORMAL:
        return math.exp(row.a + row.b * normal(uniform(key, n)))
    if kind == GAMMA:
        return row.b * gamma(row.a, sub_key(key, n))
    if kind == UNIFORM:
        return row.a + row.b * uniform(key, n)
    if kind == WEIBULL:
        return row.a * (-math.log(uniform(key, n))) ** row.b
    if kind == EMPIRICAL:
        return values[row.first + int(uniform(key, n) * row.count)]
    if kind == TRIANGULAR:
        return row.a + row.b * _triangular(values[row.first], uniform(key, n))
    if kind == PHASES:
        return _phases(values, row.first, row.count, sub_key(key, n))
    return math.inf


@inlined
def _triangular(mode: float, u: float) -> float:
    """The quantile of the triangular law on (0, 1)."""
    return math.sqrt(u * mode) if u < mode else 1.0 - math.sqrt((1.0 - u) * (1.0 - mode))


@inlined
def _phases(values: Floats, first: int, count: int, key: np.uint64) -> float:
    u = uniform(key, 0)
    draws = 1
    phase = 0
    while phase < count and values[first + phase] < u:
        phase += 1
    total = 0.0
    while phase < count:
        row = first + count + phase * (count + 1)
        total += -values[row] * math.log(uniform(key, draws))
        u = uniform(key, draws + 1)
        draws += 2
        phase = 0
        while phase < count and values[row + 1 + phase] < u:
            phase += 1
    return total


def _positive(what: str, number: float) -> None:
    if not 0.0 < number < math.inf:
        raise BadInput(f"{what} is {number}, not above 0", code="law")


def _not_negative(what: str, number: float) -> None:
    if not number >= 0.0:
        raise BadInput(f"{what} is {number}, below 0", code="law")
