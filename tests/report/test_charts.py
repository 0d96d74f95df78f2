"""Charts: where a value stands, what breaks a line, and that they are whole documents of their own."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marhaba.report.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Chart,
    Picture,
    Whisker,
    stairs,
    steps,
    ticks,
    whiskers,
)


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def test_ticks_are_round() -> None:
    assert ticks(0.0, 1.0) == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert ticks(-7.0, 12.0) == [-5.0, 0.0, 5.0, 10.0]
    assert ticks(0.0, 77.3) == [0.0, 20.0, 40.0, 60.0]
    assert ticks(3.0, 3.0) == [3.0]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_lie_within_and_are_few(low: float, wide: float) -> None:
    found = ticks(low, low + wide)
    assert 1 <= len(found) <= 11
    assert all(low - 1e-6 * wide <= each <= low + wide * (1 + 1e-6) for each in found)


def test_the_corners_are_the_corners_of_the_plot() -> None:
    chart = Chart("t", (10.0, 20.0), (0.0, 4.0))
    assert chart.at((10.0, 4.0)) == (LEFT, TOP)
    assert chart.at((20.0, 0.0)) == (WIDTH - RIGHT, HEIGHT - BOTTOM)


def test_a_nan_breaks_a_line_and_a_band() -> None:
    chart = Chart("t", (0.0, 3.0), (0.0, 1.0))
    values = [0.0, 0.5, math.nan, 1.0]
    line = [(float(x), y) for x, y in enumerate(values)]
    chart.line(line, "first")
    chart.band(line, [(x, min(y + 0.1, 1.0)) for x, y in line], "band-first")
    chart.dots(line, "ink")
    found = parsed(chart.svg())
    assert [len(each.get("points", "").split()) for each in found.iter("polyline")] == [2, 1]
    assert [len(each.get("points", "").split()) for each in found.iter("polygon")] == [4, 2]
    assert len(list(found.iter("circle"))) == 3


def test_steps_fall_at_their_times() -> None:
    assert steps([10.0, 20.0], [0.8, 0.5], 30.0) == [
        (0.0, 1.0), (10.0, 1.0), (10.0, 0.8), (20.0, 0.8), (20.0, 0.5), (30.0, 0.5),
    ]  # fmt: skip


def test_whiskers_show_zero_and_say_their_names() -> None:
    row = Whisker("a <b> & c", 4.0, 3.5, 4.5, 2.0, 6.0)
    found = parsed(whiskers("change", [row, row], lambda at: f"{at:g}"))
    texts = [each.text for each in found.iter("text")]
    assert texts.count("a <b> & c") == 2
    assert "0" in texts  # although every value is above it
    assert next(found.iter("title")).text == "change"
    thin, thick = (
        [each for each in found.iter("polyline") if kind in str(each.get("class"))]
        for kind in ("thin", "thick")
    )
    assert len(thin) == len(thick) == 2


def test_bars_stand_on_each_other() -> None:
    chart = Chart("t", (0.0, 10.0), (0.0, 1.0))
    chart.bars([(0.0, 5.0, 0.0, 0.5), (5.0, 10.0, 0.0, 0.0)], "fill-first")
    chart.bars([(0.0, 5.0, 0.5, 0.75)], "fill-second")
    first, second = [each for each in parsed(chart.svg()) if each.tag == "rect"]
    assert float(second.get("y", "")) + float(second.get("height", "")) == pytest.approx(
        float(first.get("y", "")), abs=0.1
    )
    assert float(first.get("height", "")) == pytest.approx(2 * float(second.get("height", "")), abs=0.2)


def test_stairs_are_level_between_their_bounds() -> None:
    assert stairs([0.0, 1.0, 3.0], [5.0, 7.0]) == [(0.0, 5.0), (1.0, 5.0), (1.0, 7.0), (3.0, 7.0)]


def test_a_level_and_a_moment_cross_the_whole_chart() -> None:
    chart = Chart("t", (0.0, 10.0), (0.0, 1.0))
    chart.level(0.5)
    chart.moment(5.0)
    level, moment = (each.attrib for each in parsed(chart.svg()) if each.tag == "line")
    assert (float(level["x1"]), float(level["x2"])) == (LEFT, WIDTH - RIGHT)
    assert (float(moment["y1"]), float(moment["y2"])) == (HEIGHT - BOTTOM, TOP)


def test_a_picture_stands_alone(tmp_path: Path) -> None:
    chart = Chart("a < b", (0.0, 1.0), (0.0, 1.0))
    picture = Picture(chart.svg())
    root = parsed(picture.svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root[0].tag.endswith("style")
    assert "prefers-color-scheme: dark" in (root[0].text or "")
    assert root[1].text == "a < b"
    assert picture._repr_svg_() == picture.svg
    picture.save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text("utf-8") == picture.svg


def test_long_names_of_rows_have_room() -> None:
    svg = whiskers("t", [Whisker("x" * 25, 0.0, -1.0, 1.0, -2.0, 2.0)], str)
    [place] = [float(each.get("x", "")) for each in parsed(svg) if each.text == "x" * 25]
    assert place > 25 * 7.0
