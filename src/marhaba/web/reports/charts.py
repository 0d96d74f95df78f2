"""Charts of a report: what came and went over time, the service level, and how long people waited."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from marhaba.journal.figures import Row
from marhaba.report.charts import Chart, ticks
from marhaba.web.reports.figures import BUCKETS_S, interval, zone

TICKS: Final = 7


def course(by: str, found: Sequence[Row]) -> SafeString:
    """Answered, abandoned and the rest, one bar a step."""
    steps = [(*interval(by, row.name), row) for row in found]
    if not steps:
        return mark_safe("")
    most = max(row.count("offered") for _begin, _end, row in steps)
    chart = Chart(gettext("Appels offerts"), (steps[0][0], steps[-1][1]), (0.0, float(most)))
    _axes(chart, by, [begin for begin, _end, _row in steps])
    for figure, low in (("answered", ()), ("abandoned", ("answered",)), ("other", ("answered", "abandoned"))):
        chart.bars([_bar(begin, end, row, figure, low) for begin, end, row in steps], f"bar-{figure}")
    return mark_safe(chart.svg())  # noqa: S308 -- texts are escaped there


def level(by: str, found: Sequence[Row]) -> SafeString:
    """The share in time, step by step, and what was promised where there is one promise."""
    steps = [(*interval(by, row.name), row) for row in found]
    shares = [((begin + end) / 2, row.level()) for begin, end, row in steps]
    if not any(share is not None for _at, share in shares):
        return mark_safe("")
    chart = Chart(gettext("Niveau de service"), (steps[0][0], steps[-1][1]), (0.0, 100.0))
    _axes(chart, by, [begin for begin, _end, _row in steps], [0.0, 20.0, 40.0, 60.0, 80.0, 100.0])
    targets = {row.rule.target for row in found if row.rule is not None}
    if len(targets) == 1:
        chart.level(100.0 * targets.pop())
    points = [(at, math.nan if share is None else 100.0 * share) for at, share in shares]
    chart.line(points, "first")
    chart.dots(points, "first")
    return mark_safe(chart.svg())  # noqa: S308 -- texts are escaped there


def waits(answered: Sequence[int], abandoned: Sequence[int]) -> SafeString:
    """How many waited how long, by BUCKETS_S, answered below and abandoned above."""
    most = max((a + b for a, b in zip(answered, abandoned, strict=True)), default=0)
    if not most:
        return mark_safe("")
    chart = Chart(gettext("Attentes"), (0.0, float(len(BUCKETS_S))), (0.0, float(most)))
    chart.axes(
        [float(place) for place in range(len(BUCKETS_S))],
        lambda place: f"{BUCKETS_S[int(place)]:g}",
        _whole(most),
        lambda value: f"{value:g}",
    )
    chart.bars([(n, n + 1.0, 0.0, float(a)) for n, a in enumerate(answered)], "bar-answered")
    both = enumerate(zip(answered, abandoned, strict=True))
    chart.bars([(n, n + 1.0, float(a), float(a + b)) for n, (a, b) in both], "bar-abandoned")
    return mark_safe(chart.svg())  # noqa: S308 -- texts are escaped there


def _bar(
    begin: float, end: float, row: Row, figure: str, below: Sequence[str]
) -> tuple[float, float, float, float]:
    low = sum(row.count(each) for each in below)
    high = row.count("offered") if figure == "other" else low + row.count(figure)
    return begin, end, float(low), float(high)


def _axes(chart: Chart, by: str, begins: Sequence[float], marks: Sequence[float] | None = None) -> None:
    shown = begins[:: max(1, math.ceil(len(begins) / TICKS))]
    form = "j N" if by == "day" else "H:i"
    chart.axes(
        shown,
        lambda at: date_format(datetime.fromtimestamp(at, zone()), form),
        _whole(chart.y[1]) if marks is None else marks,
        lambda value: f"{value:g}" if marks is None else f"{value:g} %",
    )


def _whole(most: float) -> list[float]:
    return [value for value in ticks(0.0, float(most)) if value == int(value)]
