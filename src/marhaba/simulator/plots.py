"""What replications say, drawn: service level and occupancy by interval, queues with their bands, a histogram of waits.

Each function gives a `Drawing`: the chart, and the table of the figures behind it. `clock` says a time since the
beginning (seconds) as one writes it; by default in hours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from marhaba.files.problems import reader_language
from marhaba.files.queue_rules import ServiceLevel
from marhaba.report.charts import Chart, Picture, Point, stairs, ticks
from marhaba.report.words import decimal, say, seconds
from marhaba.simulator import world as w_
from marhaba.simulator.figures import Plan, figure, first_interval, occupancy, staffed
from marhaba.simulator.model import ModelData
from marhaba.simulator.result import Estimate, Result, estimate, wait_edges

Clock = Callable[[float], str]
HOUR_S = 3600.0
CLOCK_TICKS = 7
BINS_A_BAR = 3
"""Bins of an eighth each: a bar reaches 1.4 times as far as the one before."""
SHORTEST_S = 1.0
"""Waits below it are one bar."""
WAIT_TICKS = (1.0, 10.0, 60.0, 600.0, 3600.0, 36_000.0)


@dataclass(frozen=True, slots=True)
class Drawing:
    chart: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def plan_of(result: Result) -> Plan:
    """A result under the times of its types, and the formula F4."""
    promises = {
        each.name: ServiceLevel(threshold_s=each.target_s, short_s=each.short_s) for each in result.data.types
    }
    return Plan("", result, promises)


def hours(at: float) -> str:
    return f"{at / HOUR_S:g} h"


def plot_service_level(result: Result, contact_type: str = "", *, language: str = "") -> Picture:
    language = language or reader_language()
    return Picture(level([(plan_of(result), "first")], contact_type, hours, language).chart)


def plot_waits(result: Result, contact_type: str = "", *, language: str = "") -> Picture:
    return Picture(waits(plan_of(result), contact_type, language or reader_language()).chart)


def plot_occupancy(result: Result, agents: str = "", *, language: str = "") -> Picture:
    return Picture(busyness(plan_of(result), agents, hours, language or reader_language()).chart)


def plot_queue(result: Result, queue: str = "", *, language: str = "") -> Picture:
    names = [rules.name for rules in result.data.queues]
    number = names.index(queue) if queue else 0
    return Picture(queue_length(plan_of(result), number, hours, language or reader_language()).chart)


def level(plans: Sequence[tuple[Plan, str]], kind: str, clock: Clock, language: str) -> Drawing:
    """The service level by interval of arrival, of one type or of all, with its 95 % band; a colour for each plan."""
    data = plans[0][0].data
    chart = Chart(say("chart.level", language), (0.0, data.horizon_s), (0.0, 1.0))
    chart.axes(_times(data), clock, ticks(0.0, 1.0), _percent)
    columns: list[list[str]] = []
    for plan, colour in plans:
        found = [figure(plan, "service_level", kind, place) for place in _intervals(data)]
        _with_band(chart, data, found, colour, high=1.0)
        columns.append([_share(each, language) for each in found])
    promise = promised(plans[0][0], kind)
    if promise is not None:
        chart.level(promise)
    heads = (say("from", language), *(plan.name or say("mean", language) for plan, _ in plans))
    if len(plans) == 1:
        heads = (say("from", language), say("service_level", language))
    return Drawing(chart.svg(), heads, _rows(data, clock, columns))


def busyness(plan: Plan, agents: str, clock: Clock, language: str) -> Drawing:
    """The occupancy by interval, of one team or of all."""
    data = plan.data
    chart = Chart(say("chart.occupancy", language), (0.0, data.horizon_s), (0.0, 1.0))
    chart.axes(_times(data), clock, ticks(0.0, 1.0), _percent)
    found = [occupancy(plan, agents, place) for place in _intervals(data)]
    _with_band(chart, data, found, "first", high=1.0)
    columns = [[_share(each, language) for each in found]]
    return Drawing(
        chart.svg(), (say("from", language), say("occupancy", language)), _rows(data, clock, columns)
    )


def staff(plan: Plan, clock: Clock, language: str) -> Drawing:
    """Offered load in erlangs, beside agents there and busy."""
    data = plan.data
    places = _intervals(data)
    load = [offered_erlangs(plan, place) for place in places]
    there = [staffed(plan, "", place).mean for place in places]
    busy = [staffed(plan, "", place).mean * _or_0(occupancy(plan, "", place).mean) for place in places]
    top = max(*load, *there, 1.0) * 1.08
    chart = Chart(say("chart.staff", language), (0.0, data.horizon_s), (0.0, top))
    chart.axes(_times(data), clock, ticks(0.0, top), lambda value: f"{value:g}")
    bounds = _bounds(data)
    curve = stairs(bounds, busy)
    chart.band([(x, 0.0) for x, _ in curve], curve, "band-first")
    chart.line(stairs(bounds, there), "first")
    chart.line(stairs(bounds, load), "second")
    columns = [[decimal(value, 1, language) for value in values] for values in (load, there, busy)]
    heads = tuple(say(key, language) for key in ("from", "load", "there", "busy"))
    return Drawing(chart.svg(), heads, _rows(data, clock, columns))


def queue_length(plan: Plan, queue: int, clock: Clock, language: str) -> Drawing:
    """At the end of each interval: the median, and the band of nine days in ten; the mean over the interval."""
    data, runs = plan.data, plan.result.runs
    places = _intervals(data)
    ends = np.array([[run.at_end[place, queue] for place in places] for run in runs])
    low, middle, high = np.quantile(ends, [0.05, 0.5, 0.95], axis=0)
    means = [
        estimate(np.array([run.queue_area[queue, place] for run in runs]) / data.lengths[place]).mean
        for place in places
    ]
    top = max(float(high.max()), *means, 1.0) * 1.05
    chart = Chart(say("chart.queue", language), (0.0, data.horizon_s), (0.0, top))
    people = [each for each in ticks(0.0, top) if float(each).is_integer()]
    chart.axes(_times(data), clock, people, lambda value: f"{value:g}")
    at = [data.interval_ends[place] for place in places]
    below, above = (list(zip(at, side.tolist(), strict=True)) for side in (low, high))
    chart.band(below, above, "band-first")
    chart.line(list(zip(at, middle.tolist(), strict=True)), "first")
    columns = [
        [decimal(value, 1, language) for value in values]
        for values in (means, middle.tolist(), low.tolist(), high.tolist())
    ]
    heads = tuple(say(key, language) for key in ("from", "mean", "median", "low", "high"))
    return Drawing(chart.svg(), heads, _rows(data, clock, columns))


def waits(plan: Plan, kind: str, language: str) -> Drawing:
    """Contacts by their wait, on a logarithmic scale, as shares of all: answered, and abandoned on top. The first bar is
    of those who did not wait at all.
    """
    bars, none = _bars(plan, kind)
    whole = none[0] + none[1] + sum(answered + abandoned for _, _, answered, abandoned in bars)
    scale = 1.0 / whole if whole else 0.0
    last = max((end for _, end, answered, abandoned in bars if answered + abandoned), default=60.0)
    first = _log(SHORTEST_S)
    # The place of those who did not wait, and a gap.
    left = first - 1.4
    top = max([(a + b) * scale for _, _, a, b in bars] + [sum(none) * scale, 0.05]) * 1.05
    chart = Chart(say("chart.waits", language), (left, _log(last)), (0.0, top))
    spans = [(left + 0.3, left + 0.9, *none)]
    spans += [(_log(begin), _log(end), a, b) for begin, end, a, b in bars if end <= last]
    shown = [first + (_log(each) - first) for each in WAIT_TICKS if each <= last]
    chart.axes(
        [left + 0.6, *shown],
        lambda at: "0" if at < first - 1e-9 else seconds(round(math.exp(at)), language),
        ticks(0.0, top),
        _percent,
    )
    chart.bars([(begin, end, 0.0, a * scale) for begin, end, a, _ in spans], "fill-first")
    chart.bars([(begin, end, a * scale, (a + b) * scale) for begin, end, a, b in spans], "fill-second")
    thresholds = {plan.promises[each].threshold_s for each in plan.types if kind in ("", each)}
    for threshold in thresholds if len(thresholds) == 1 else ():
        if SHORTEST_S < threshold < last:
            chart.moment(_log(threshold))
    rows = [(say("none", language), *_wait_cells(none, scale, language))]
    rows += [
        (say("upto", language).format(time=seconds(end, language)), *_wait_cells((a, b), scale, language))
        for _, end, a, b in bars
        if a + b
    ]
    heads = tuple(say(key, language) for key in ("wait", "answered", "abandoned", "share"))
    return Drawing(chart.svg(), heads, tuple(rows))


def offered_erlangs(plan: Plan, interval: int) -> float:
    """What comes in the interval, returns and transfers included, times how long it is helped on average."""
    total = 0.0
    for each in plan.data.types:
        factor = each.handle_factor[interval] if each.handle_factor else 1.0
        lasts = each.handle.mean * factor + (each.wrap.mean if each.wrap is not None else 0.0)
        total += figure(plan, "offered", each.name, interval).mean * lasts
    return total / plan.data.lengths[interval]


def _bars(plan: Plan, kind: str) -> tuple[list[tuple[float, float, float, float]], tuple[float, float]]:
    """(from, to, answered, abandoned) a day, in seconds; and those who did not wait at all."""
    kinds = [plan.types.index(kind)] if kind else list(range(len(plan.types)))
    counts = np.mean([run.waits[kinds].sum(axis=0) for run in plan.result.runs], axis=0)
    edges = wait_edges()
    bounds = [0.0]
    groups: list[list[int]] = [[]]
    for place in range(1, w_.WAIT_BINS):
        groups[-1].append(place)
        if edges[place] >= SHORTEST_S and (len(groups) == 1 or len(groups[-1]) == BINS_A_BAR):
            bounds.append(edges[place])
            groups.append([])
    bars = []
    for group, begin, end in zip(groups, bounds, bounds[1:], strict=False):
        answered, abandoned = (float(counts[side, group].sum()) for side in (0, 1))
        bars.append((max(begin, SHORTEST_S / 1.4), end, answered, abandoned))
    return bars, (float(counts[0, 0]), float(counts[1, 0]))


def _wait_cells(pair: tuple[float, float], scale: float, language: str) -> tuple[str, str, str]:
    answered, abandoned = (decimal(value, 1, language) for value in pair)
    return answered, abandoned, f"{decimal(100.0 * sum(pair) * scale, 1, language)} %"


def _with_band(chart: Chart, data: ModelData, found: Sequence[Estimate], colour: str, *, high: float) -> None:
    middles = _middles(data)

    def points(values: Sequence[float]) -> list[Point]:
        return list(zip(middles, values, strict=True))

    if all(math.isfinite(each.half) or math.isnan(each.mean) for each in found):
        below = [max(each.mean - each.half, 0.0) if not math.isnan(each.mean) else math.nan for each in found]
        above = [
            min(each.mean + each.half, high) if not math.isnan(each.mean) else math.nan for each in found
        ]
        chart.band(points(below), points(above), f"band-{colour}")
    chart.line(points([each.mean for each in found]), colour)


def promised(plan: Plan, kind: str) -> float | None:
    """The share promised, where all types that are shown promise the same."""
    targets = {plan.promises[each].target for each in plan.types if kind in ("", each)}
    return targets.pop() if len(targets) == 1 else None


def _rows(data: ModelData, clock: Clock, columns: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    begins = [clock(_bounds(data)[number]) for number in range(len(_intervals(data)))]
    return tuple(zip(begins, *columns, strict=True))


def _intervals(data: ModelData) -> range:
    return range(first_interval(data), len(data.interval_ends))


def _bounds(data: ModelData) -> list[float]:
    ends = (0.0, *data.interval_ends)
    return list(ends[first_interval(data) :])


def _middles(data: ModelData) -> list[float]:
    bounds = _bounds(data)
    return [(begin + end) / 2.0 for begin, end in pairwise(bounds)]


def _times(data: ModelData) -> list[float]:
    """Whole hours, an even number of them where there are many."""
    each = max(math.ceil(data.horizon_s / HOUR_S / CLOCK_TICKS / 2.0) * 2, 1) * HOUR_S
    return [number * each for number in range(int(data.horizon_s / each + 1e-9) + 1)]


def _percent(value: float) -> str:
    return f"{100.0 * value:.0f} %"


def _share(made: Estimate, language: str) -> str:
    if math.isnan(made.mean):
        return "–"
    half = decimal(100.0 * made.half, 1, language) if math.isfinite(made.half) else "?"
    return f"{decimal(100.0 * made.mean, 1, language)} ± {half} %"


def _or_0(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _log(value: float) -> float:
    return math.log(value)
