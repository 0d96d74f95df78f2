"""A what-if on a terminal and as JSON: patience, the day among its simulated twins, the change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table in words; the first `left` columns are texts, the others numbers."""

    heads: tuple[str, ...]
    left: int
    rows: Sequence[tuple[str, ...]]


def show(found: WhatIf, like: str, *, zone: ZoneInfo, language: str, screen: Console) -> None:
    print(headline(found, zone, language))
    screen.print(_table(patience_sheet(found, language)))
    for line in tail_lines(found, language):
        print(line)
    print()
    screen.print(_table(calibration_sheet(found, language)))
    print(verdict(found, language))
    if found.after is not None:
        print()
        print("\n".join(change_lines(found, like, zone=zone, language=language)))
        screen.print(_table(differences_sheet(found, language)))
        print(say("replay.half", language))
    if not found.complete:
        print(say("replay.stopped", language).format(done=days_done(found), asked=found.asked.replications))


def headline(found: WhatIf, zone: ZoneInfo, language: str) -> str:
    day = found.day
    text = say("replay.day", language).format(
        day=date_of(found, zone, language),
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


def date_of(found: WhatIf, zone: ZoneInfo, language: str) -> str:
    """2026-11-23; in Arabic set apart, or its parts would be read from right to left."""
    text = f"{datetime.fromtimestamp(found.day.begin, zone):%Y-%m-%d}"
    return f"\N{LEFT-TO-RIGHT ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}" if language == "ar" else text


# -- patience -----------------------------------------------------------------------------------------------------


def patience_sheet(found: WhatIf, language: str) -> Sheet:
    rows = [
        (
            queue or say("replay.all", language),
            str(curve.callers),
            str(curve.abandoned),
            _seconds(curve.median_s, language) if math.isfinite(curve.median_s) else "–",
            _seconds(curve.curve.end_s, language),
            _share(curve.left, language),
        )
        for queue, curve in found.day.patiences.items()
    ]
    return _sheet(language, ("queue", "callers", "abandoned", "half", "longest", "left"), 1, rows)


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


def calibration_sheet(found: WhatIf, language: str) -> Sheet:
    rows = [
        (
            line.queue or say("replay.all", language),
            figure_name(found, line.figure, line.queue, language),
            value(line.figure, line.recorded, language),
            value(line.figure, line.simulated.mean, language),
            band(line.figure, line.simulated, language),
            "✓" if line.within else "✗",
        )
        for line in found.lines
    ]
    return _sheet(language, ("queue", "figure", "recorded", "simulated", "band", "within"), 2, rows)


def verdict(found: WhatIf, language: str) -> str:
    outside = [line for line in found.lines if not line.within]
    count = len(found.lines)
    if not outside:
        return "✓ " + say("replay.within", language).format(count=count, days=days_done(found))
    names = ", ".join(_named(found, line, language) for line in outside)
    key, mark = ("replay.nearly", "✓") if found.believable else ("replay.outside", "✗")
    return f"{mark} " + say(key, language).format(
        inside=count - len(outside), count=count, names=names, days=days_done(found)
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
            lines.append(say(key, language).format(percent=signed((factor - 1.0) * 100.0, 1, language)))
    if found.asked.redraw:
        lines.append(say("replay.redrawn", language))
    return lines


def differences_sheet(found: WhatIf, language: str) -> Sheet:
    rows = []
    for line in found.differences:
        unit = 100.0 if line.figure in SHARES else 1.0
        mean, low, high = (
            signed(each * unit, 1, language)
            for each in (line.difference.mean, line.difference.low, line.difference.high)
        )
        rows.append(
            (
                line.queue or say("replay.all", language),
                figure_name(found, line.figure, line.queue, language),
                value(line.figure, line.before.mean, language),
                value(line.figure, line.after.mean, language),
                f"{mean} ± {decimal(line.difference.half * unit, 1, language)}",
                f"{low} … {high}",
            )
        )
    return _sheet(language, ("queue", "figure", "before", "after", "difference", "band"), 2, rows)


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


def _sheet(language: str, heads: tuple[str, ...], left: int, rows: Sequence[tuple[str, ...]]) -> Sheet:
    return Sheet(tuple(say(f"replay.head.{head}", language) for head in heads), left, rows)


def _table(sheet: Sheet) -> Table:
    table = Table()
    for place, head in enumerate(sheet.heads):
        table.add_column(head, justify="left" if place < sheet.left else "right", overflow="fold")
    for row in sheet.rows:
        table.add_row(*row)
    return table


def _share(number: float, language: str) -> str:
    return f"{decimal(number * 100.0, 1, language)} %"


def _seconds(number: float, language: str) -> str:
    return f"{decimal(number, 1, language)} s"


def signed(number: float, places: int, language: str) -> str:
    text = decimal(abs(number), places, language)
    return text if float(text.replace(",", ".")) == 0.0 else ("+" if number > 0 else "−") + text


def days_done(found: WhatIf) -> int:
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
        "replications": days_done(found),
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
