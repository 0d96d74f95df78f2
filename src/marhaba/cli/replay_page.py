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
from marhaba.replay.charts import Chart, Whisker, steps, ticks, whiskers
from marhaba.replay.exact import Verdict
from marhaba.replay.figures import ALL, SHARES, Days, spread
from marhaba.replay.patience import Patience
from marhaba.replay.plan import INTERVAL_S
from marhaba.replay.whatif import WhatIf

BEYOND = 1.4
"""The patience chart goes so many times as far as the curve, so that the assumption is seen."""
CLOCK_TICKS = 7
COMPARED = ("level", "abandonment", "asa")
QUEUES_MAX = 12
"""Panels for so many queues; the tables have all of them."""

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2330; --soft: #667085; --grid: #e4e7ec; --first: #2563a8;
  --second: #b4490b; --shade: #f2f4f7; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171c; --ink: #e6e8ec; --soft: #98a2b3; --grid: #2b313b;
  --first: #7db3ea; --second: #f0a06a; --shade: #1d222a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 66rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: .95rem; margin: 0 0 .25rem; }
p { margin: .4rem 0; }
.good::first-letter { color: #1a7f37; } .bad::first-letter { color: #cf222e; }
.soft { color: var(--soft); font-size: .9rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1.25rem;
  margin: 1rem 0; }
figure { margin: 0; max-width: 36rem; break-inside: avoid; }
svg { width: 100%; height: auto; display: block; }
svg text { font: 13px system-ui, sans-serif; fill: var(--soft); }
.grid { stroke: var(--grid); } .axis { stroke: var(--soft); fill: none; }
.line { fill: none; stroke-width: 2; } .thin { stroke-width: 1.5; } .thick { stroke-width: 6; }
.first { stroke: var(--first); } .second { stroke: var(--second); } .ink { stroke: var(--ink); }
.dot { stroke: none; } .dot.first { fill: var(--first); } .dot.second { fill: var(--second); } .dot.ink { fill: var(--ink); }
.assumed { stroke-dasharray: 5 4; }
.band-first { fill: var(--first); opacity: .18; } .band-second { fill: var(--second); opacity: .18; }
.window { fill: var(--shade); }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 50%; margin-inline: 0 .35em; }
.key.first { background: var(--first); } .key.second { background: var(--second); } .key.ink { background: var(--ink); }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; color: var(--soft); font-size: .9rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; margin: .5rem 0; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--grid); text-align: end; vertical-align: top; }
th { color: var(--soft); font-weight: 600; } .text { text-align: start; }
td.number { direction: ltr; text-align: end; white-space: nowrap; } [dir=rtl] td.number { text-align: start; }
@media print { body { max-width: none; padding: 0; } }
"""


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
    direction = "rtl" if language == "ar" else "ltr"
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!DOCTYPE html>\n<html lang="{language}" dir="{direction}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


# -- patience -----------------------------------------------------------------------------------------------------


def _patience(found: WhatIf, language: str) -> list[str]:
    panels = [
        _figure(queue or say("replay.all", language), _curve(curve, found, language))
        for queue, curve in list(found.day.patiences.items())[:QUEUES_MAX]
        if curve.abandoned
    ]
    return [
        f"<h2>{escape(say('replay.page.patience', language))}</h2>",
        f'<p class="soft">{escape(say("replay.page.patience-how", language))}</p>',
        *(_panels(panels) if panels else []),
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
        _figure(
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
        _legend(
            (("ink", say("replay.head.recorded", language)), ("first", say("replay.page.band", language)))
        ),
        *_panels(panels),
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
        _figure(_compared(found, figure, language), _whiskers(found, figure, title, language))
        for figure in COMPARED
    ]
    clock = [
        _figure(
            show.figure_name(found, "level", queue, language) + (f" · {queue}" if queue else ""),
            _by_clock(found, zone, title, queue, [(found.before, "first"), (found.after, "second")]),
        )
        for queue in _queues(found)
    ]
    without, with_ = say("replay.progress.before", language), say("replay.progress.after", language)
    return [
        f"<h2>{escape(title)}</h2>",
        *(f"<p>{escape(line)}</p>" for line in lines),
        *_panels(panels),
        f'<p class="soft">{escape(say("replay.half", language))}</p>',
        _table(show.differences_sheet(found, language)),
        _legend((("first", without), ("second", with_))),
        *_panels(clock),
    ]


def _compared(found: WhatIf, figure: str, language: str) -> str:
    name = show.figure_name(found, figure, ALL, language)
    return f"{name} ({say('replay.page.points', language)})" if figure in SHARES else name


def _whiskers(found: WhatIf, figure: str, title: str, language: str) -> str:
    unit = 100.0 if figure in SHARES else 1.0
    rows: list[Whisker] = []
    for line in found.differences:
        gap = line.difference
        if line.figure == figure and not math.isnan(gap.mean) and len(rows) <= QUEUES_MAX:
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


def _figure(caption: str, svg: str) -> str:
    return f"<figure><h3>{escape(caption)}</h3>{svg}</figure>"


def _panels(figures: Sequence[str]) -> list[str]:
    return ['<div class="panels">', *figures, "</div>"]


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    keys = "".join(f'<span><span class="key {key}"></span>{escape(text)}</span>' for key, text in entries)
    return f'<p class="legend">{keys}</p>'


def _table(sheet: show.Sheet) -> str:
    def cells(row: Sequence[str], tag: str) -> str:
        kinds = ("text" if place < sheet.left else "number" for place in range(len(row)))
        return "".join(
            f'<{tag} class="{kind}">{escape(cell)}</{tag}>' for kind, cell in zip(kinds, row, strict=True)
        )

    head = f"<tr>{cells(sheet.heads, 'th')}</tr>"
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in sheet.rows)
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'


def _range(begin: float, end: float, step: float) -> list[float]:
    return [begin + step * place for place in range(int((end - begin) / step + 1e-9) + 1)]


def _clock(zone: ZoneInfo) -> Callable[[float], str]:
    return lambda at: f"{datetime.fromtimestamp(at, zone):%H:%M}"


def _footer(found: WhatIf, language: str) -> str:
    return say("replay.page.footer", language).format(
        days=decimal(show.days_done(found), 0, language), seed=found.asked.seed, version=__version__
    )
