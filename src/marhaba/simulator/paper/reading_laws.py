"""Laws as a file says them: `patience = { law = "exponential", mean_s = "2 min" }`, or a duration alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from marhaba.files.sections import Section, duration
from marhaba.kernel.errors import BadInput
from marhaba.simulator.laws import (
    Constant,
    Empirical,
    Exponential,
    Gamma,
    Law,
    LogNormal,
    Never,
    PhaseType,
    Triangular,
    Uniform,
    Weibull,
    hyperexponential,
)

LONG_S = 30 * 86_400.0
SHORTEST_S = 0.001
SHAPE_MAX = 1_000.0
VALUES_MAX = 100_000
RATE_MAX = 1_000.0


def read_law(section: Section, key: str, default: Law | None = None, *, required: bool = False) -> Law | None:
    """The law under `key`; `default` where there is none."""
    if not section.has(key):
        if required:
            section.wrong(key, None, "model_law", laws=", ".join(LAWS))
            return Constant(1.0)
        return default
    return law_of(section, key, section.raw(key)) or default


def law_of(section: Section, key: str, value: Any) -> Law | None:
    """None: it is wrong, and has been noted."""
    seconds = duration(value)
    if seconds is not None:
        if 0.0 <= seconds <= LONG_S:
            return Constant(seconds)
        section.wrong(key, value, "duration", low="0 s", high="30 d")
        return None
    if not isinstance(value, dict):
        section.wrong(key, value, "model_law", laws=", ".join(LAWS))
        return None
    table = Section(section.gathering, value, (*section.path, key))
    before = len(table.gathering.problems)
    name = table.choice("law", LAWS, what="model_law_name")
    if name not in LAWS:
        return None
    law = LAWS[name](table)
    table.close()
    return law if len(table.gathering.problems) == before else None


def _mean(table: Section, key: str = "mean_s") -> float:
    return table.seconds(key, low=SHORTEST_S, high=LONG_S)


def _shape(table: Section) -> float:
    if not table.has("shape"):
        table.wrong("shape", None, "number", low="0.01", high=f"{SHAPE_MAX:g}")
    return table.number("shape", 1.0, low=0.01, high=SHAPE_MAX)


def _uniform(table: Section) -> Law:
    low, high = (table.seconds(key, low=0.0, high=LONG_S) for key in ("low_s", "high_s"))
    if high < low:
        table.wrong("high_s", table.raw("high_s"), "model_above", least=f"{low:g} s")
        high = low
    return Uniform(low, high)


def _triangular(table: Section) -> Law:
    low, mode, high = (table.seconds(key, low=0.0, high=LONG_S) for key in ("low_s", "mode_s", "high_s"))
    if not low <= mode <= high or low == high:
        table.wrong("high_s", table.raw("high_s"), "model_above", least=f"{max(low, mode):g} s")
        return Exponential(1.0)
    return Triangular(low, mode, high)


def _erlang(table: Section) -> Law:
    return Gamma(_mean(table), float(table.integer("phases", low=1, high=int(SHAPE_MAX))))


def _empirical(table: Section) -> Law:
    return Empirical(tuple(durations(table, "values_s", endless=True)) or (1.0,))


def _hyperexponential(table: Section) -> Law:
    means, shares = durations(table, "means_s", least=SHORTEST_S), numbers(table, "shares", high=1.0)
    if means and (len(shares) != len(means) or abs(sum(shares) - 1.0) > 1e-6):
        table.wrong("shares", table.raw("shares"), "model_shares", count=len(means))
        shares = [1.0 / len(means)] * len(means)
    return hyperexponential(shares, means) if means else Exponential(1.0)


def _phase_type(table: Section) -> Law:
    """Rates and exits are per second."""
    start, exits = numbers(table, "start", high=1.0), numbers(table, "exits", high=RATE_MAX)
    rows = table.raw("rates")
    count = len(rows) if isinstance(rows, list) else 0
    rates = [tuple(numbers(table, "rates", high=RATE_MAX, row=position)) for position in range(count)]
    if not rates:
        table.wrong("rates", rows, "model_numbers")
    try:
        return PhaseType(tuple(start), tuple(rates), exits=tuple(exits))
    except BadInput:
        table.wrong((), table.data, "model_phases")
        return Exponential(1.0)


LAWS: dict[str, Callable[[Section], Law]] = {
    "constant": lambda table: Constant(table.seconds("value_s", low=0.0, high=LONG_S)),
    "exponential": lambda table: Exponential(_mean(table)),
    "lognormal": lambda table: LogNormal(_mean(table), table.seconds("sd_s", low=0.0, high=LONG_S)),
    "gamma": lambda table: Gamma(_mean(table), _shape(table)),
    "erlang": _erlang,
    "weibull": lambda table: Weibull(_mean(table, "scale_s"), _shape(table)),
    "uniform": _uniform,
    "triangular": _triangular,
    "hyperexponential": _hyperexponential,
    "phase-type": _phase_type,
    "empirical": _empirical,
    "never": lambda table: Never(),
}
"""By name; `never`, of patience, is who waits for ever."""


def durations(section: Section, key: str, *, least: float = 0.0, endless: bool = False) -> list[float]:
    """A list of durations, at least one. `endless`: `inf` is one too."""
    value = section.raw(key)
    if not isinstance(value, list) or not 0 < len(value) <= VALUES_MAX:
        section.wrong(key, value, "model_durations")
        return []
    found = []
    for position, item in enumerate(value):
        seconds = duration(item)
        if seconds is not None and (least <= seconds <= LONG_S or (endless and seconds == math.inf)):
            found.append(seconds)
        else:
            section.wrong((key, position), item, "duration", low=f"{least:g} s", high="30 d")
    return found


def numbers(
    section: Section, key: str, *, low: float = 0.0, high: float, row: int | None = None
) -> list[float]:
    """A list of numbers; or, of a list of lists, one row."""
    value = section.raw(key)
    path: tuple[str | int, ...] = (key,)
    if row is not None:
        value, path = value[row], (key, row)
    if not isinstance(value, list):
        section.wrong(path, value, "model_numbers")
        return []
    found = []
    for position, item in enumerate(value):
        if isinstance(item, bool) or not isinstance(item, int | float) or not low <= item <= high:
            section.wrong((*path, position), item, "number", low=f"{low:g}", high=f"{high:g}")
        else:
            found.append(float(item))
    return found
