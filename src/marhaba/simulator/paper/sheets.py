"""The figures of plans as tables of texts, for the terminal and for the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from marhaba.report.words import decimal, say
from marhaba.simulator.figures import (
    COUNTED,
    Plan,
    difference,
    figure,
    occupancy,
    occupancy_difference,
    staffed,
)
from marhaba.simulator.result import Estimate

ALWAYS = ("offered", "answered", "abandoned", "service_level", "asa_s")
"""Shown even when they are 0; the others only where something happened."""
COLUMNS = (
    "offered",
    "dialled",
    "answered",
    "abandoned",
    "abandonment",
    "service_level",
    "asa_s",
    "blocked",
    "callbacks",
    "returns",
)
COMPARED = ("service_level", "abandonment", "asa_s", "answered")
SHARES = ("service_level", "abandonment")
_SHORT = {"asa_s": "asa_s.short"}


@dataclass(frozen=True, slots=True)
class Sheet:
    """The first `left` columns are texts, the others figures; `rules`: rows with a line above them."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    rules: frozenset[int] = frozenset()
    left: int = 1


def types_sheet(plan: Plan, language: str) -> Sheet:
    shown = [name for name in COLUMNS if name in ALWAYS or figure(plan, name).mean > 0.0]
    rows = []
    for kind in _with_all(plan.types):
        cells = [told(name, figure(plan, name, kind), language) for name in shown]
        rows.append((kind or say("all", language), *cells, promise(plan, kind, language) if kind else ""))
    heads = (say("type", language), *(head(name, language) for name in shown), say("promise", language))
    return Sheet(heads, tuple(rows), _last(rows))


def agents_sheet(plan: Plan, language: str) -> Sheet:
    rows = [
        (
            name or say("all", language),
            decimal(staffed(plan, name).mean, 1, language),
            share(occupancy(plan, name), language),
        )
        for name in _with_all([agents.name for agents in plan.data.agents])
    ]
    heads = tuple(say(key, language) for key in ("agents", "there", "occupancy"))
    return Sheet(heads, tuple(rows), _last(rows))


def plans_sheet(plans: Sequence[Plan], language: str) -> Sheet:
    """Each plan, and below it how much more than in the model: for the same callers, so that it is known well."""
    base = plans[0]
    rows, rules = list[tuple[str, ...]](), set[int]()
    for plan in plans:
        there = staffed(plan).mean
        cells = [told(name, figure(plan, name), language) for name in COMPARED]
        if rows:
            rules.add(len(rows))
        rows.append((plan.name, *cells, share(occupancy(plan), language), decimal(there, 1, language)))
        if plan is base:
            continue
        changes = [told(name, difference(plan, base, name), language, sign=True) for name in COMPARED]
        more = there - staffed(base).mean
        rows.append(
            (
                "\u00a0\u00a0" + say("difference", language),
                *changes,
                share(occupancy_difference(plan, base), language, sign=True),
                signed(decimal(more, 1, language), more),
            )
        )
    heads = [head(name, language) for name in COMPARED]
    heads += [say("occupancy", language), say("there", language)]
    return Sheet((say("plan", language), *heads), tuple(rows), frozenset(rules))


def head(name: str, language: str) -> str:
    """What a column is called: short."""
    return say(_SHORT.get(name, name), language)


def promise(plan: Plan, kind: str, language: str) -> str:
    """F4 80 % / 20 s, and whether it is kept on the mean."""
    made = plan.promises[kind]
    target = f"{decimal(100.0 * made.target, 0, language)} %"
    return f"{made.formula} {target} / {made.threshold_s:g} s {'✓' if kept(plan, kind) else '✗'}"


def kept(plan: Plan, kind: str) -> bool:
    return figure(plan, "service_level", kind).mean >= plan.promises[kind].target


def told(name: str, made: Estimate, language: str, *, sign: bool = False) -> str:
    """A figure of `figures.FIGURES` with its half-width; `sign`: a difference."""
    if name in SHARES:
        return share(made, language, sign=sign)
    unit = "" if name in COUNTED else " s"
    return _with_half(made, lambda value: decimal(value, 1, language), sign=sign, unit=unit)


def share(made: Estimate, language: str, *, sign: bool = False) -> str:
    unit = " pt" if sign else " %"
    return _with_half(made, lambda value: decimal(100.0 * value, 1, language), sign=sign, unit=unit)


def signed(text: str, value: float) -> str:
    nothing = not any(digit in text for digit in "123456789")
    return text.lstrip("-") if nothing else f"+{text}" if value > 0.0 else text.replace("-", "−")


def _with_half(made: Estimate, tell: Callable[[float], str], *, sign: bool, unit: str) -> str:
    if math.isnan(made.mean):
        return "–"
    if made.mean == made.half == 0.0:
        return "0"
    mean = signed(tell(made.mean), made.mean) if sign else tell(made.mean)
    return f"{mean} ± {tell(made.half) if math.isfinite(made.half) else '?'}{unit}"


def _with_all(names: Sequence[str]) -> list[str]:
    """And "" for all of them, where that is another figure."""
    return list(names) if len(names) == 1 else [*names, ""]


def _last(rows: Sequence[object]) -> frozenset[int]:
    return frozenset({len(rows) - 1}) if len(rows) > 1 else frozenset()
