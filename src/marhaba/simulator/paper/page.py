"""`marhaba simulate --html`: what was simulated as one page that needs nothing else, to keep, to print and to send."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from marhaba import __version__
from marhaba.report.charts import Whisker, whiskers
from marhaba.report.page import document, figure, legend, panels_of, table, tiles
from marhaba.report.words import decimal, say, thousands
from marhaba.simulator import figures, plots
from marhaba.simulator.figures import Plan
from marhaba.simulator.paper import sheets
from marhaba.simulator.paper.assumptions import agents_assumed, queues_assumed, types_assumed
from marhaba.simulator.paper.paper import Paper
from marhaba.simulator.plots import Drawing

PANELS_MAX = 24
"""Charts of one kind; the tables have the rest."""
WHISKERS = ("service_level", "abandonment", "asa_s")


def page(
    paper: Paper, plans: Sequence[Plan], language: str, *, others: Mapping[str, str] | None = None
) -> str:
    """The whole document. `others`: by language, the file beside this one that says the same in it."""
    base = plans[0]
    parts = [
        *_head(paper, plans, language),
        *_figures(base, language),
        *_level(base, paper, language),
        *_staff(base, paper, language),
        *_waiting(base, paper, language),
        *(_variants(plans, paper, language) if len(plans) > 1 else []),
        *_model(paper, language),
        f'<footer class="soft">{escape(_footer(base, language))}</footer>',
    ]
    return document(paper.name, parts, language, others=others)


def _head(paper: Paper, plans: Sequence[Plan], language: str) -> list[str]:
    base = plans[0]
    about = say("page.subtitle", language).format(
        days=thousands(len(base.result.runs)),
        begin=paper.hours.clock(0.0),
        end=paper.hours.clock(paper.hours.length_s),
        contacts=thousands(base.result.offered),
    )
    parts = [f"<h1>{escape(paper.name)}</h1>", f'<p class="soft">{escape(about)}</p>']
    if not all(plan.result.complete for plan in plans):
        parts.append(f'<p class="warning">{escape(say("page.stopped", language))}</p>')
    parts += [f'<p class="warning">{escape(warning.render(language))}</p>' for warning in paper.warnings]
    return parts


def _figures(base: Plan, language: str) -> list[str]:
    promised = [
        kind for kind in base.types if math.isfinite(figures.figure(base, "service_level", kind).mean)
    ]
    kept = sum(sheets.kept(base, kind) for kind in promised)
    entries = []
    for name, note in (
        ("service_level", f"{say('page.kept', language)} {kept}/{len(promised)}"),
        ("abandonment", ""),
        ("asa_s", ""),
    ):
        entries.append(
            (say(name, language), *_split(sheets.told(name, figures.figure(base, name), language)), note)
        )
    busy, there = figures.occupancy(base), figures.staffed(base)
    note = f"{decimal(there.mean, 1, language)} {say('there', language).lower()}"
    entries.append((say("occupancy", language), *_split(sheets.share(busy, language)), note))
    offered = figures.figure(base, "offered")
    entries.append((say("offered", language), *_split(sheets.told("offered", offered, language)), ""))
    return [
        tiles(entries),
        _heading("page.figures", language),
        _sheet(sheets.types_sheet(base, language)),
        _sheet(sheets.agents_sheet(base, language)),
        f'<p class="soft">{escape(say("half", language))}</p>',
    ]


def _level(base: Plan, paper: Paper, language: str) -> list[str]:
    panels = [
        _panel(
            kind or say("all", language),
            plots.level([(base, "first")], kind, paper.hours.clock, language),
            language,
        )
        for kind in _kinds(base)
    ]
    keys = (("first", say("mean", language)), ("dashed", say("target", language)))
    return [*_section("page.level", language), legend(keys), *panels_of(panels)]


def _staff(base: Plan, paper: Paper, language: str) -> list[str]:
    clock = paper.hours.clock
    panels = [_panel(say("chart.staff", language), plots.staff(base, clock, language), language)]
    teams = [agents.name for agents in base.data.agents][:PANELS_MAX]
    panels += [
        _panel(
            f"{say('occupancy', language)} · {name}", plots.busyness(base, name, clock, language), language
        )
        for name in teams
    ]
    keys = (
        ("second", say("load", language)),
        ("first", say("there", language)),
        ("first bar faint", say("busy", language)),
    )
    return [*_section("page.staff", language), legend(keys), *panels_of(panels)]


def _waiting(base: Plan, paper: Paper, language: str) -> list[str]:
    panels = [
        _panel(
            f"{say('chart.waits', language)} · {kind or say('all', language)}",
            plots.waits(base, kind, language),
            language,
        )
        for kind in _kinds(base)
    ]
    queues = [
        _panel(
            f"{say('chart.queue', language)} · {rules.name}",
            plots.queue_length(base, number, paper.hours.clock, language),
            language,
        )
        for number, rules in enumerate(base.data.queues[:PANELS_MAX])
    ]
    bars = (
        ("first bar", say("answered", language)),
        ("second bar", say("abandoned", language)),
        ("dashed", say("target", language)),
    )
    bands = (("first", say("median", language)), ("first bar faint", say("band", language)))
    return [
        *_section("page.waiting", language),
        legend(bars),
        *panels_of(panels),
        legend(bands),
        *panels_of(queues),
    ]


def _variants(plans: Sequence[Plan], paper: Paper, language: str) -> list[str]:
    base, others = plans[0], plans[1:]
    panels = [figure(_compared(name, language), _whiskers(base, others, name, language)) for name in WHISKERS]
    levels = [
        _panel(
            say("page.level-variant", language).format(name=plan.name),
            plots.level([(base, "first"), (plan, "second")], "", paper.hours.clock, language),
            language,
        )
        for plan in others[:PANELS_MAX]
    ]
    keys = [("first", base.name), ("second", say("plan", language))]
    if plots.promised(base, "") is not None:
        keys.append(("dashed", say("target", language)))
    return [
        *_section("page.variants", language),
        *panels_of(panels),
        _sheet(sheets.plans_sheet(plans, language)),
        legend(keys),
        *panels_of(levels),
    ]


def _compared(name: str, language: str) -> str:
    return f"{say(name, language)} ({say('points', language) if name in sheets.SHARES else 's'})"


def _whiskers(base: Plan, others: Sequence[Plan], name: str, language: str) -> str:
    unit = 100.0 if name in sheets.SHARES else 1.0
    rows = []
    for plan in others:
        gap = figures.difference(plan, base, name)
        low, high = figures.difference_days(plan, base, name)
        half = gap.half if math.isfinite(gap.half) else 0.0
        values = (gap.mean, gap.mean - half, gap.mean + half, low, high)
        rows.append(Whisker(plan.name, *(float(np.nan_to_num(each)) * unit for each in values)))

    def label(at: float) -> str:
        return sheets.signed(decimal(at, 0 if float(at).is_integer() else 1, language), at)

    return whiskers(say("page.variants", language), rows, label)


def _model(paper: Paper, language: str) -> list[str]:
    return [
        _heading("page.model", language),
        _sheet(types_assumed(paper, language)),
        _sheet(queues_assumed(paper, language)),
        _sheet(agents_assumed(paper, language)),
    ]


def _kinds(base: Plan) -> list[str]:
    return list(base.types) if len(base.types) == 1 else ["", *base.types][:PANELS_MAX]


def _panel(caption: str, drawing: Drawing, language: str) -> str:
    return figure(caption, drawing.chart, data=table(drawing.heads, drawing.rows, left=1), language=language)


def _sheet(sheet: sheets.Sheet) -> str:
    return table(sheet.heads, sheet.rows, left=sheet.left, rules=sheet.rules)


def _section(key: str, language: str) -> list[str]:
    return [_heading(key, language), f'<p class="soft">{escape(say(f"{key}-how", language))}</p>']


def _heading(key: str, language: str) -> str:
    return f"<h2>{escape(say(key, language))}</h2>"


def _split(text: str) -> tuple[str, str]:
    """The figure large, its half-width small: "76,3 ± 1,4 %" is "76,3 %" and "± 1,4"."""
    mean, _, rest = text.partition(" ± ")
    half, _, unit = rest.partition(" ")
    return f"{mean} {unit}".strip(), f"± {half}" if half else ""


def _footer(base: Plan, language: str) -> str:
    return say("page.footer", language).format(version=__version__, seed=base.result.seed)
