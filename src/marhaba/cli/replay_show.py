"""A what-if on a terminal and as JSON: patience, the day among its simulated twins, the change."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from marhaba.cli.words import decimal, say
from marhaba.kernel.rules import language_skill
from marhaba.replay.figures import ALL, SHARES, Spread
from marhaba.replay.patience import ENOUGH, Patience
from marhaba.replay.whatif import Line, WhatIf

FIGURE_LETTERS = {"abandonment": "A1", "asa": "ASA", "occupancy": "OCC"}


def show(found: WhatIf, like: str, *, zone: ZoneInfo, language: str, screen: Console) -> None:
    print(headline(found, zone, language))
    screen.print(_patience(found, language))
    for line in tail_lines(found, language):
        print(line)
    print()
    screen.print(_calibration(found, language))
    print(verdict(found, language))
    if found.after is not None:
        print()
        print("\n".join(change_lines(found, like, zone=zone, language=language)))
        screen.print(_differences(found, language))
        print(say("replay.half", language))
    if not found.complete:
        print(say("replay.stopped", language).format(done=_done(found), asked=found.asked.replications))


def headline(found: WhatIf, zone: ZoneInfo, language: str) -> str:
    day = found.day
    text = say("replay.day", language).format(
        day=f"{datetime.fromtimestamp(day.begin, zone):%Y-%m-%d}",
        opens=f"{datetime.fromtimestamp(day.begin, zone):%H:%M}",
        closes=f"{datetime.fromtimestamp(day.end, zone):%H:%M}",
        callers=len(day.contacts),
        queues=len(found.recorded.queues),
        agents=len({presence.agent for presence in day.presences}),
    )
    if day.loads:
        text += " " + say("replay.loads", language).format(loads=day.loads)
    if day.unfinished:
        text += " " + say("replay.unfinished", language).format(count=day.unfinished)
    return text


# -- patience -----------------------------------------------------------------------------------------------------


def _patience(found: WhatIf, language: str) -> Table:
    table = _table(language, ("queue", "callers", "abandoned", "half", "longest", "left"), left=1)
    for queue, curve in found.day.patiences.items():
        half = _seconds(curve.median_s, language) if math.isfinite(curve.median_s) else "–"
        table.add_row(
            queue or say("replay.all", language),
            str(curve.callers),
            str(curve.abandoned),
            half,
            _seconds(curve.curve.end_s, language),
            _share(curve.left, language),
        )
    return table


def tail_lines(found: WhatIf, language: str) -> list[str]:
    """What was assumed where nothing was seen, and whose curve is whose."""
    curves = found.day.patiences
    lines = [
        say("replay.pooled", language).format(queue=queue, enough=ENOUGH)
        for queue in found.recorded.queues
        if queue not in curves and len(found.recorded.queues) > 1
    ]
    whole = curves[""]
    if not whole.abandoned:
        return [*lines, say("replay.nobody-left", language)]
    if whole.left > 0.0:
        lines.append(_tail(found, whole, language))
    return lines


def _tail(found: WhatIf, curve: Patience, language: str) -> str:
    rate = curve.curve.tail_rate
    key = f"replay.tail.{found.asked.tail}" if rate else "replay.tail.unknown"
    return say(key, language).format(
        end=_seconds(curve.curve.end_s, language),
        left=_share(curve.left, language),
        mean=_seconds(1.0 / rate if rate else math.inf, language),
    )


# -- tables -------------------------------------------------------------------------------------------------------


def _calibration(found: WhatIf, language: str) -> Table:
    table = _table(language, ("queue", "figure", "recorded", "simulated", "band", "within"), left=2)
    for line in found.lines:
        table.add_row(
            line.queue or say("replay.all", language),
            figure_name(found, line.figure, line.queue, language),
            value(line.figure, line.recorded, language),
            value(line.figure, line.simulated.mean, language),
            band(line.figure, line.simulated, language),
            "✓" if line.within else "✗",
        )
    return table


def verdict(found: WhatIf, language: str) -> str:
    outside = [line for line in found.lines if not line.within]
    count = len(found.lines)
    if not outside:
        return "✓ " + say("replay.within", language).format(count=count, days=_done(found))
    names = ", ".join(_named(found, line, language) for line in outside)
    key, mark = ("replay.nearly", "✓") if found.believable else ("replay.outside", "✗")
    return f"{mark} " + say(key, language).format(
        inside=count - len(outside), count=count, names=names, days=_done(found)
    )


def _named(found: WhatIf, line: Line, language: str) -> str:
    return f"{line.queue} {figure_name(found, line.figure, line.queue, language)}".strip()


def change_lines(found: WhatIf, like: str, *, zone: ZoneInfo, language: str) -> list[str]:
    """The change in words, one line each."""
    change, day = found.change, found.day
    begin, end = max(change.begin, day.begin), min(change.end, day.end)
    span = "–".join(f"{datetime.fromtimestamp(at, zone):%H:%M}" for at in (begin, end))
    lines = []
    if change.more:
        skills = ", ".join(f"{skill}={level}" for skill, level in change.skills.items())
        can = like or skills.replace(language_skill(""), "")
        lines.append(say("replay.more", language).format(count=change.more, span=span, like=can))
    lines += [say("replay.without", language).format(agent=agent, span=span) for agent in change.without]
    lines += [say("replay.rule", language).format(rule=rule) for rule in change.rules]
    for key, factor in (("replay.aht", change.handle_factor), ("replay.volume", change.volume)):
        if factor != 1.0:
            lines.append(say(key, language).format(percent=_signed((factor - 1.0) * 100.0, 1, language)))
    if found.asked.redraw:
        lines.append(say("replay.redrawn", language))
    return lines


def _differences(found: WhatIf, language: str) -> Table:
    table = _table(language, ("queue", "figure", "before", "after", "difference", "band"), left=2)
    for line in found.differences:
        unit = 100.0 if line.figure in SHARES else 1.0
        half = decimal(line.difference.half * unit, 1, language)
        table.add_row(
            line.queue or say("replay.all", language),
            figure_name(found, line.figure, line.queue, language),
            value(line.figure, line.before.mean, language),
            value(line.figure, line.after.mean, language),
            f"{_signed(line.difference.mean * unit, 1, language)} ± {half}",
            f"{_signed(line.difference.low * unit, 1, language)} … {_signed(line.difference.high * unit, 1, language)}",
        )
    return table


def figure_name(found: WhatIf, figure: str, queue: str, language: str) -> str:
    name = say(f"replay.figure.{figure}", language)
    if figure == "level" and queue != ALL:
        level = found.levels[queue]
        return f"{name} {level.formula} {level.threshold_s:g} s"
    letter = FIGURE_LETTERS.get(figure, "")
    return f"{name} {letter}".strip()


def value(figure: str, number: float, language: str) -> str:
    if math.isnan(number):
        return "–"
    if figure in SHARES:
        return _share(number, language)
    if figure == "asa":
        return _seconds(number, language)
    return decimal(number, 0 if number.is_integer() else 1, language)


def band(figure: str, spread: Spread, language: str) -> str:
    return f"{value(figure, spread.low, language)} … {value(figure, spread.high, language)}"


def _table(language: str, heads: tuple[str, ...], *, left: int) -> Table:
    table = Table()
    for place, head in enumerate(heads):
        table.add_column(
            say(f"replay.head.{head}", language),
            justify="left" if place < left else "right",
            overflow="fold",
        )
    return table


def _share(number: float, language: str) -> str:
    return f"{decimal(number * 100.0, 1, language)} %"


def _seconds(number: float, language: str) -> str:
    return f"{decimal(number, 1, language)} s"


def _signed(number: float, places: int, language: str) -> str:
    text = decimal(abs(number), places, language)
    return text if float(text.replace(",", ".")) == 0.0 else ("+" if number > 0 else "−") + text


def _done(found: WhatIf) -> int:
    return len((found.after or found.before).busy)


# -- for machines -------------------------------------------------------------------------------------------------


def as_json(found: WhatIf) -> dict[str, Any]:
    """Plain values; a number nobody knows is null."""
    day = found.day
    return {
        "begin": day.begin,
        "end": day.end,
        "callers": len(day.contacts),
        "unfinished": day.unfinished,
        "replications": _done(found),
        "complete": found.complete,
        "seed": found.asked.seed,
        "redraw": found.asked.redraw,
        "tail": found.asked.tail,
        "patience": {
            queue: {
                "callers": curve.callers,
                "abandoned": curve.abandoned,
                "end_s": curve.curve.end_s,
                "tail_rate": curve.curve.tail_rate,
                "at_s": curve.curve.times_s.tolist(),
                "staying": curve.curve.staying.tolist(),
                "low": curve.low.tolist(),
                "high": curve.high.tolist(),
            }
            for queue, curve in day.patiences.items()
        },
        "calibration": [
            {
                "queue": line.queue,
                "figure": line.figure,
                "recorded": line.recorded,
                "simulated": _spread(line.simulated),
                "within": line.within,
            }
            for line in found.lines
        ],
        "change": [
            {
                "queue": line.queue,
                "figure": line.figure,
                "before": _spread(line.before),
                "after": _spread(line.after),
                "difference": _spread(line.difference),
            }
            for line in found.differences
        ],
    }


def _spread(spread: Spread) -> dict[str, float | None]:
    named = {"mean": spread.mean, "half": spread.half, "low": spread.low, "high": spread.high}
    return {name: number if math.isfinite(number) else None for name, number in named.items()}
