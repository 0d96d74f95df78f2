"""What `marhaba simulate` says: tables in the terminal, one JSON object, frames in files."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from marhaba.cli.words import LANGUAGES, say
from marhaba.kernel.errors import Refused
from marhaba.report import words as report
from marhaba.simulator.figures import (
    FIGURES,
    Plan,
    difference,
    figure,
    occupancy,
    occupancy_difference,
    staffed,
)
from marhaba.simulator.paper.paper import Paper
from marhaba.simulator.paper.sheets import Sheet, agents_sheet, plans_sheet, types_sheet
from marhaba.simulator.result import Estimate

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
            contacts=report.thousands(sum(plan.result.offered for plan in plans)),
            seconds=report.decimal(sum(plan.result.elapsed_s for plan in plans), 1, language),
            seed=result.seed,
        )
    )
    console.print(_table(types_sheet(base, language)))
    console.print(_table(agents_sheet(base, language)))
    if len(plans) > 1:
        console.print(_table(plans_sheet(plans, language)))
    print(report.say("half", language))


def _table(sheet: Sheet) -> Table:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for place, text in enumerate(sheet.heads):
        made.add_column(text, justify="left" if place < sheet.left else "right", no_wrap=place < sheet.left)
    for number, row in enumerate(sheet.rows):
        if number in sheet.rules:
            made.add_section()
        made.add_row(*row)
    return made


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


def write_pages(plans: Sequence[Plan], paper: Paper, path: Path, language: str) -> None:
    """One page in the reader's language; into a folder, one in each language, that lead to each other."""
    from marhaba.simulator.paper.page import page

    if path.suffix.lower() in (".html", ".htm"):
        path.write_text(page(paper, plans, language), "utf-8")
        return
    _make_folder(path)
    names = {each: f"{each}.html" for each in LANGUAGES}
    for each, name in names.items():
        (path / name).write_text(page(paper, plans, each, others=names), "utf-8")


def write_frames(plans: Sequence[Plan], folder: Path, ending: str) -> None:
    """summary, by_interval, agents, queues and waits; a row names its plan."""
    import polars as pl

    _make_folder(folder)
    for name in FRAMES:
        frames = [
            getattr(plan.result, name)().select(pl.lit(plan.name).alias("plan"), pl.all()) for plan in plans
        ]
        whole = pl.concat(frames, how="vertical_relaxed")
        path = folder / f"{name}.{ending}"
        whole.write_csv(path) if ending == "csv" else whole.write_parquet(path)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise Refused(f"{folder} is no folder", code="no-folder", about={"path": folder}) from error
