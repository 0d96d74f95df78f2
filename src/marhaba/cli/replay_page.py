"""`marhaba replay --html`: the what-if as one page that needs nothing else, to keep, to print and to send."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from marhaba import __version__
from marhaba.cli import replay_show as show
from marhaba.cli.words import decimal, say
from marhaba.replay.exact import Verdict
from marhaba.replay.figures import ALL, SHARES, Days, spread
from marhaba.replay.patience import Patience
from marhaba.replay.plan import INTERVAL_S
from marhaba.replay.whatif import WhatIf
from marhaba.report.charts import Chart, Whisker, steps, ticks, whiskers
from marhaba.report.page import document, figure, legend, panels_of, table

BEYOND = 1.4
"""The patience chart goes so many times as far as the curve, so that the assumption is seen."""
CLOCK_TICKS = 7
COMPARED = ("level", "abandonment", "asa")
QUEUES_MAX = 12
"""Panels for so many queues; the tables have all of them."""


def page(found: WhatIf, verdict: Verdict, like: str, *, zone: ZoneInfo, language: str) -> str:
    """The whole document."""
    title = say("replay.page.title", language).format(day=show.date_of(found, zone, language))
    same = say("replay.same", language).format(equal=verdict.equal, decisions=verdict.decisions)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(show.headline(found, zone, language))}</p>",
        f'<p class="good">{escape("✓ " + same)}</p>',
        *_patience(found, language),
        *_calibration(found, zone, language),
        *(_change(found, like, zone, language) if found.after is not None else []),
        f'<p class="soft">{escape(_footer(found, language))}</p>',
    ]
    return document(title, parts, language)


# -- patience -----------------------------------------------------------------------------------------------------


def _patience(found: WhatIf, language: str) -> list[str]:
    panels = [
        figure(queue or say("replay.all", language), _curve(curve, found, language))
        for queue, curve in list(found.day.patiences.items())[:QUEUES_MAX]
        if curve.abandoned
    ]
    return [
        f"<h2>{escape(say('replay.page.patience', language))}</h2>",
        f'<p class="soft">{escape(say("replay.page.patience-how", language))}</p>',
        *(panels_of(panels) if panels else []),
        _table(show.patience_sheet(found, language)),
        *(f'<p class="soft">{escape(line)}</p>' for line in show.tail_lines(found, language)),
    ]


def _curve(curve: Patience, found: WhatIf, language: str) -> str:
    law, end = curve.curve, max(curve.curve.end_s, 1.0)
    chart = Chart(say("replay.page.patience", language), (0.0, end * BEYOND), (0.0, 1.0))
    chart.axes(ticks(*chart.x), lambda at: f"{at:g} s", ticks(0.0, 1.0), lambda share: f"{share * 100:.0f} %")
    times = law.times_s.tolist()
    low, high = (steps(times, side.tolist(), end) for side in (curve.low, curve.high))
    chart.band(low, high, "band-first")
    chart.line(steps(times, law.staying.tolist(), end), "first")
    rate = law.tail_rate if found.asked.tail == "constant" else 0.0
    places = [end + (BEYOND - 1.0) * end * part / 20.0 for part in range(21)]
    chart.line([(at, curve.left * math.exp(-rate * (at - end))) for at in places], "first assumed")
    return chart.svg()


# -- the day as it was, by the clock ------------------------------------------------------------------------------


def _calibration(found: WhatIf, zone: ZoneInfo, language: str) -> list[str]:
    names = _queues(found)
    panels = [
        figure(
            show.figure_name(found, "level", queue, language) + (f" · {queue}" if queue else ""),
            _by_clock(
                found, zone, say("replay.page.day", language), queue, [(found.as_was, "first")], recorded=True
            ),
        )
        for queue in names
    ]
    good = "good" if found.believable else "bad"
    return [
        f"<h2>{escape(say('replay.page.day', language))}</h2>",
        f'<p class="{good}">{escape(show.verdict(found, language))}</p>',
        legend(
            (("ink", say("replay.head.recorded", language)), ("first", say("replay.page.band", language)))
        ),
        *panels_of(panels),
        _table(show.calibration_sheet(found, language)),
    ]


def _by_clock(
    found: WhatIf,
    zone: ZoneInfo,
    title: str,
    queue: str,
    sides: Sequence[tuple[Days, str]],
    *,
    recorded: bool = False,
) -> str:
    """The service level of each half-hour: the mean of days, and where 95 in 100 are."""
    day = found.day
    chart = Chart(title, (day.begin, day.end), (0.0, 1.0))
    change = found.change
    begin, end = max(change.begin, day.begin), min(change.end, day.end)
    if not recorded and (change.more or change.without) and (begin > day.begin or end < day.end):
        chart.span(begin, end, "window")
    each = max(math.ceil(day.intervals / CLOCK_TICKS / 2) * 2, 1) * INTERVAL_S
    chart.axes(
        _range(day.begin, day.end, each), _clock(zone), ticks(0.0, 1.0), lambda share: f"{share * 100:.0f} %"
    )
    middles = [day.begin + (place + 0.5) * INTERVAL_S for place in range(day.intervals)]
    for days, colour in sides:
        spreads = [spread(days.figure("level", queue, place)) for place in range(day.intervals)]
        low, mean, high = (
            [(at, getattr(each, name)) for at, each in zip(middles, spreads, strict=True)]
            for name in ("low", "mean", "high")
        )
        chart.band(low, high, f"band-{colour}")
        chart.line(mean, colour)
    if recorded:
        levels = [float(found.recorded.figure("level", queue, place)[0]) for place in range(day.intervals)]
        chart.dots(list(zip(middles, levels, strict=True)), "ink")
    return chart.svg()


# -- the change ---------------------------------------------------------------------------------------------------


def _change(found: WhatIf, like: str, zone: ZoneInfo, language: str) -> list[str]:
    assert found.after is not None
    lines = show.change_lines(found, like, zone=zone, language=language)
    title = say("replay.page.change", language)
    panels = [
        figure(_compared(found, name, language), _whiskers(found, name, title, language)) for name in COMPARED
    ]
    clock = [
        figure(
            show.figure_name(found, "level", queue, language) + (f" · {queue}" if queue else ""),
            _by_clock(found, zone, title, queue, [(found.before, "first"), (found.after, "second")]),
        )
        for queue in _queues(found)
    ]
    without, with_ = say("replay.progress.before", language), say("replay.progress.after", language)
    return [
        f"<h2>{escape(title)}</h2>",
        *(f"<p>{escape(line)}</p>" for line in lines),
        *panels_of(panels),
        f'<p class="soft">{escape(say("replay.half", language))}</p>',
        _table(show.differences_sheet(found, language)),
        legend((("first", without), ("second", with_))),
        *panels_of(clock),
    ]


def _compared(found: WhatIf, compared: str, language: str) -> str:
    name = show.figure_name(found, compared, ALL, language)
    return f"{name} ({say('replay.page.points', language)})" if compared in SHARES else name


def _whiskers(found: WhatIf, compared: str, title: str, language: str) -> str:
    unit = 100.0 if compared in SHARES else 1.0
    rows: list[Whisker] = []
    for line in found.differences:
        gap = line.difference
        if line.figure == compared and not math.isnan(gap.mean) and len(rows) <= QUEUES_MAX:
            half = gap.half if math.isfinite(gap.half) else 0.0
            values = (gap.mean, gap.mean - half, gap.mean + half, gap.low, gap.high)
            rows.append(Whisker(line.queue or say("replay.all", language), *(each * unit for each in values)))

    def label(at: float) -> str:
        return show.signed(at, 0 if float(at).is_integer() else 1, language) + ("" if unit > 1.0 else " s")

    return whiskers(title, rows, label)


# -- pieces -------------------------------------------------------------------------------------------------------


def _queues(found: WhatIf) -> list[str]:
    queues = found.recorded.queues
    return [ALL, *queues][: QUEUES_MAX + 1] if len(queues) > 1 else list(queues)


def _table(sheet: show.Sheet) -> str:
    return table(sheet.heads, sheet.rows, left=sheet.left)


def _range(begin: float, end: float, step: float) -> list[float]:
    return [begin + step * place for place in range(int((end - begin) / step + 1e-9) + 1)]


def _clock(zone: ZoneInfo) -> Callable[[float], str]:
    return lambda at: f"{datetime.fromtimestamp(at, zone):%H:%M}"


def _footer(found: WhatIf, language: str) -> str:
    return say("replay.page.footer", language).format(
        days=decimal(show.days_done(found), 0, language), seed=found.asked.seed, version=__version__
    )
