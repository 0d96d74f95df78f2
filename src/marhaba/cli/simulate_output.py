"""What `marhaba simulate` says: tables in the terminal, one JSON object, frames in files."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from marhaba.cli.words import decimal, say
from marhaba.kernel.errors import Refused
from marhaba.simulator.figures import (
    COUNTED,
    FIGURES,
    Plan,
    difference,
    figure,
    occupancy,
    occupancy_difference,
    staffed,
)
from marhaba.simulator.paper.paper import Paper
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
WIDE = 200
"""Columns when nobody looks on: lines are not folded in a file."""
FRAMES = ("summary", "by_interval", "agents", "queues", "waits")


def show(plans: Sequence[Plan], paper: Paper, language: str) -> None:
    console = Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)
    base = plans[0]
    result = base.result
    print(
        say("simulate.ran", language).format(
            name=paper.name,
            replications=len(result.runs),
            contacts=f"{sum(plan.result.offered for plan in plans):,}".replace(",", "\u202f"),
            seconds=decimal(sum(plan.result.elapsed_s for plan in plans), 1, language),
            seed=result.seed,
        )
    )
    console.print(_types_table(base, language))
    console.print(_agents_table(base, language))
    if len(plans) > 1:
        console.print(_variants_table(plans, language))
    print(say("simulate.interval", language))


def _types_table(plan: Plan, language: str) -> Table:
    table = _table(say("simulate.type", language))
    shown = [name for name in COLUMNS if name in ALWAYS or figure(plan, name).mean > 0.0]
    for name in shown:
        table.add_column(say(f"simulate.{name}", language), justify="right")
    table.add_column(say("simulate.promise", language), justify="right")
    rows = plan.types if len(plan.types) == 1 else [*plan.types, ""]
    for kind in rows:
        cells = [_told(name, figure(plan, name, kind), language) for name in shown]
        if kind:
            promise = plan.promises[kind]
            target = _percent(promise.target, language, 0)
            kept = figure(plan, "service_level", kind).mean >= promise.target
            promised = f"{promise.formula} {target} / {promise.threshold_s:g} s {'✓' if kept else '✗'}"
        else:
            table.add_section()
            promised = ""
        table.add_row(kind or say("simulate.all", language), *cells, promised)
    return table


def _agents_table(plan: Plan, language: str) -> Table:
    table = _table(say("simulate.agents", language))
    for key in ("simulate.there", "simulate.occupancy"):
        table.add_column(say(key, language), justify="right")
    names = [agents.name for agents in plan.data.agents]
    for name in names if len(names) == 1 else [*names, ""]:
        if not name:
            table.add_section()
        table.add_row(
            name or say("simulate.all", language),
            decimal(staffed(plan, name).mean, 1, language),
            _share(occupancy(plan, name), language),
        )
    return table


def _variants_table(plans: Sequence[Plan], language: str) -> Table:
    """Each plan, and below it how much more than in the model: for the same callers, so that it is known well."""
    base = plans[0]
    table = _table(say("simulate.plan", language))
    for name in COMPARED:
        table.add_column(say(f"simulate.{name}", language), justify="right")
    for key in ("simulate.occupancy", "simulate.there"):
        table.add_column(say(key, language), justify="right")
    for plan in plans:
        there = staffed(plan).mean
        cells = [_told(name, figure(plan, name), language) for name in COMPARED]
        table.add_row(
            plan.name,
            *cells,
            _share(occupancy(plan), language),
            decimal(there, 1, language),
            end_section=plan is base,
        )
        if plan is base:
            continue
        changes = [_told(name, difference(plan, base, name), language, sign=True) for name in COMPARED]
        more = there - staffed(base).mean
        table.add_row(
            "  " + say("simulate.difference", language),
            *changes,
            _share(occupancy_difference(plan, base), language, sign=True),
            _signed(decimal(more, 1, language), more),
            end_section=True,
        )
    return table


def _table(first: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column(first, no_wrap=True)
    return table


def _told(name: str, made: Estimate, language: str, *, sign: bool = False) -> str:
    if name in ("service_level", "abandonment"):
        return _share(made, language, sign=sign)
    if name in COUNTED:
        return _with_half(made, lambda value: decimal(value, 1, language), sign=sign)
    return _with_half(made, lambda value: decimal(value, 1, language), sign=sign, unit=" s")


def _share(made: Estimate, language: str, *, sign: bool = False) -> str:
    return _with_half(
        made, lambda value: decimal(100.0 * value, 1, language), sign=sign, unit=" pt" if sign else " %"
    )


def _percent(value: float, language: str, places: int) -> str:
    return f"{decimal(100.0 * value, places, language)} %"


def _with_half(made: Estimate, tell: Callable[[float], str], *, sign: bool, unit: str = "") -> str:
    if math.isnan(made.mean):
        return "–"
    if made.mean == made.half == 0.0:
        return "0"
    mean = _signed(tell(made.mean), made.mean) if sign else tell(made.mean)
    return f"{mean} ± {tell(made.half) if math.isfinite(made.half) else '?'}{unit}"


def _signed(text: str, value: float) -> str:
    nothing = not any(digit in text for digit in "123456789")
    return text.lstrip("-") if nothing else f"+{text}" if value > 0.0 else text.replace("-", "−")


# -- for machines ----------------------------------------------------------------------------------------------


def as_object(plans: Sequence[Plan], paper: Paper, language: str) -> dict[str, Any]:
    base = plans[0]
    return {
        "name": paper.name,
        "seed": base.result.seed,
        "warnings": [warning.render(language) for warning in paper.warnings],
        **_plan_object(base),
        "variants": {
            plan.name: {**_plan_object(plan), "difference": _difference_object(plan, base)}
            for plan in plans[1:]
        },
    }


def _plan_object(plan: Plan) -> dict[str, Any]:
    return {
        "replications": len(plan.result.runs),
        "complete": plan.result.complete,
        "elapsed_s": round(plan.result.elapsed_s, 3),
        "all": _figures_object(plan, ""),
        "types": {
            kind: {
                "formula": plan.promises[kind].formula,
                "threshold_s": plan.promises[kind].threshold_s,
                "target": plan.promises[kind].target,
                **_figures_object(plan, kind),
            }
            for kind in plan.types
        },
        "agents": {
            agents.name: {
                "there": _number(staffed(plan, agents.name)),
                "occupancy": _number(occupancy(plan, agents.name)),
            }
            for agents in plan.data.agents
        },
    }


def _figures_object(plan: Plan, kind: str) -> dict[str, Any]:
    return {name: _number(figure(plan, name, kind)) for name in FIGURES}


def _difference_object(plan: Plan, base: Plan) -> dict[str, Any]:
    shared = [kind for kind in plan.types if kind in base.types]
    return {
        "all": {name: _number(difference(plan, base, name)) for name in FIGURES},
        "types": {
            kind: {name: _number(difference(plan, base, name, kind)) for name in FIGURES} for kind in shared
        },
        "occupancy": _number(occupancy_difference(plan, base)),
    }


def _number(made: Estimate) -> dict[str, float | None]:
    """JSON knows neither nan nor infinity."""
    return {
        key: value if math.isfinite(value) else None
        for key, value in (("mean", made.mean), ("half", made.half))
    }


def write_frames(plans: Sequence[Plan], folder: Path, ending: str) -> None:
    """summary, by_interval, agents, queues and waits; a row names its plan."""
    import polars as pl

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise Refused(f"{folder} is no folder", code="no-folder", about={"path": folder}) from error
    for name in FRAMES:
        frames = [
            getattr(plan.result, name)().select(pl.lit(plan.name).alias("plan"), pl.all()) for plan in plans
        ]
        whole = pl.concat(frames, how="vertical_relaxed")
        path = folder / f"{name}.{ending}"
        whole.write_csv(path) if ending == "csv" else whole.write_parquet(path)
