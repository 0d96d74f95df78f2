"""Charts as SVG text: scales, lines, bands, steps and whiskers. No script, no font, nothing from outside.

Colours are classes that the page's style sheet defines, for light and dark. Axes run from left to right in every language.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Final

from marhaba.report.style import PICTURE

Point = tuple[float, float]
Label = Callable[[float], str]
WIDTH: Final = 480.0
HEIGHT: Final = 250.0
LEFT: Final = 52.0
RIGHT: Final = 24.0
TOP: Final = 12.0
BOTTOM: Final = 34.0
TICKS: Final = 5
ROW: Final = 30.0
NAMES: Final = 120.0
NAMES_MAX: Final = 230.0
LETTER: Final = 7.2
"""Of a name beside a row, on average."""


def ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """Round numbers from `low` to `high`, some `count` of them: steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1.0, 2.0, 5.0, 10.0) if power * each >= rough * (1.0 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


@dataclass
class Chart:
    """A plot area with an x and a y scale. `title` is what a screen reader says."""

    title: str
    x: tuple[float, float]
    y: tuple[float, float]
    height: float = HEIGHT
    left: float = LEFT
    marks: list[str] = field(default_factory=list)

    def at(self, point: Point) -> Point:
        """Where a value stands, in the picture's units."""
        across = (point[0] - self.x[0]) / (self.x[1] - self.x[0] or 1.0)
        up = (point[1] - self.y[0]) / (self.y[1] - self.y[0] or 1.0)
        wide, high = WIDTH - self.left - RIGHT, self.height - TOP - BOTTOM
        return self.left + across * wide, TOP + (1.0 - up) * high

    def axes(
        self, x_ticks: Sequence[float], x_label: Label, y_ticks: Sequence[float], y_label: Label
    ) -> None:
        for value in y_ticks:
            _, y = self.at((self.x[0], value))
            self.marks.append(_line((self.left, y), (WIDTH - RIGHT, y), "grid"))
            self.marks.append(_text((self.left - 6.0, y + 4.0), y_label(value), "end"))
        for value in x_ticks:
            x, y = self.at((value, self.y[0]))
            self.marks.append(_line((x, y), (x, y + 4.0), "axis"))
            self.marks.append(_text((x, y + 18.0), x_label(value), "middle"))
        begin, end = self.at((self.x[0], self.y[0])), self.at((self.x[1], self.y[0]))
        self.marks.append(_line(begin, end, "axis"))

    def line(self, points: Sequence[Point], class_: str) -> None:
        """Through the points; a NaN breaks it."""
        for part in _unbroken(points):
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self.at, part))
            self.marks.append(f'<polyline class="line {class_}" points="{path}"/>')

    def band(self, low: Sequence[Point], high: Sequence[Point], class_: str) -> None:
        """The area between two lines over the same x."""
        whole = [(*a, b[1]) for a, b in zip(low, high, strict=True)]
        for part in _unbroken([(x, a + b) for x, a, b in whole]):
            known = {x for x, _ in part}
            chosen = [each for each in whole if each[0] in known]
            around = [(x, a) for x, a, _ in chosen] + [(x, b) for x, _, b in reversed(chosen)]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self.at, around))
            self.marks.append(f'<polygon class="{class_}" points="{path}"/>')

    def dots(self, points: Sequence[Point], class_: str) -> None:
        for point in points:
            if not math.isnan(point[1]):
                x, y = self.at(point)
                self.marks.append(f'<circle class="dot {class_}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')

    def span(self, begin: float, end: float, class_: str) -> None:
        """A time, from the bottom to the top."""
        (x, y), (until, bottom) = self.at((begin, self.y[1])), self.at((end, self.y[0]))
        self.marks.append(
            f'<rect class="{class_}" x="{x:.1f}" y="{y:.1f}" width="{until - x:.1f}" height="{bottom - y:.1f}"/>'
        )

    def bars(self, spans: Sequence[tuple[float, float, float, float]], class_: str) -> None:
        """(begin, end, from, to): upright bars, a hair apart."""
        for begin, end, low, high in spans:
            (x, y), (until, bottom) = self.at((begin, high)), self.at((end, low))
            if bottom - y > 0.0:
                self.marks.append(
                    f'<rect class="{class_}" x="{x + 0.75:.1f}" y="{y:.1f}" width="{max(until - x - 1.5, 1.0):.1f}" '
                    f'height="{bottom - y:.1f}"/>'
                )

    def level(self, value: float, class_: str = "axis assumed") -> None:
        """A line from side to side."""
        self.marks.append(_line(self.at((self.x[0], value)), self.at((self.x[1], value)), class_))

    def moment(self, value: float, class_: str = "axis assumed") -> None:
        """A line from bottom to top."""
        self.marks.append(_line(self.at((value, self.y[0])), self.at((value, self.y[1])), class_))

    def svg(self) -> str:
        return (
            f'<svg viewBox="0 0 {WIDTH:g} {self.height:g}" role="img" direction="ltr">'
            f"<title>{escape(self.title)}</title>{''.join(self.marks)}</svg>"
        )


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart that stands alone: notebooks show it, `save` writes it."""

    chart: str  # as `Chart.svg` gives it

    @property
    def svg(self) -> str:
        """With its own style and name space, as a file needs them."""
        head, rest = self.chart.split(">", 1)
        return f'{head} xmlns="http://www.w3.org/2000/svg"><style>{PICTURE}</style>{rest}'

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> None:
        """Write the SVG file."""
        Path(path).write_text(self.svg, "utf-8")


def stairs(bounds: Sequence[float], values: Sequence[float]) -> list[Point]:
    """A curve that is level between `bounds`, of which there is one more than of values."""
    points: list[Point] = []
    for begin, end, value in zip(bounds, bounds[1:], values, strict=False):
        points += [(begin, value), (end, value)]
    return points


def steps(times: Sequence[float], shares: Sequence[float], end: float, first: float = 1.0) -> list[Point]:
    """A curve that falls at `times` to `shares` and is level between, from 0 to `end`."""
    points, level = [(0.0, first)], first
    for at, share in zip(times, shares, strict=True):
        points += [(at, level), (at, share)]
        level = share
    return [*points, (end, level)]


@dataclass(frozen=True, slots=True)
class Whisker:
    """A difference: where it is on the mean (`low` to `high` its interval), and where 95 days in 100 are."""

    name: str
    mean: float
    low: float
    high: float
    day_low: float
    day_high: float


def whiskers(title: str, rows: Sequence[Whisker], label: Label) -> str:
    """One row each, over one scale with 0 in it: a thin line for days, a thick one for the mean."""
    ends = [0.0, *(end for row in rows for end in (row.day_low, row.day_high))]
    pad = (max(ends) - min(ends)) * 0.06 or 1.0
    height = TOP + BOTTOM + ROW * len(rows)
    names = min(max(NAMES, *(LETTER * len(row.name) + 10.0 for row in rows)), NAMES_MAX) if rows else NAMES
    chart = Chart(title, (min(ends) - pad, max(ends) + pad), (0.0, float(len(rows))), height, names)
    chart.axes(ticks(*chart.x), label, [], label)
    chart.line([(0.0, 0.0), (0.0, float(len(rows)))], "axis")
    for place, row in enumerate(rows):
        y = len(rows) - place - 0.5
        chart.line([(row.day_low, y), (row.day_high, y)], "thin second")
        chart.line([(row.low, y), (row.high, y)], "thick second")
        chart.dots([(row.mean, y)], "second")
        chart.marks.append(_text((names - 10.0, chart.at((0.0, y))[1] + 4.0), row.name, "end"))
    return chart.svg()


def _unbroken(points: Sequence[Point]) -> list[list[Point]]:
    parts: list[list[Point]] = [[]]
    for point in points:
        if math.isnan(point[1]):
            parts.append([])
        else:
            parts[-1].append(point)
    return [part for part in parts if part]


def _line(begin: Point, end: Point, class_: str) -> str:
    return f'<line class="{class_}" x1="{begin[0]:.1f}" y1="{begin[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"/>'


def _text(at: Point, text: str, anchor: str) -> str:
    return f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
