"""Pictures of a result: whole SVG documents whose tables add up to what was simulated."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from marhaba.files.queue_rules import ServiceLevel
from marhaba.simulator import figures, plots
from marhaba.simulator.laws import Constant, Exponential
from marhaba.simulator.model import Model, ModelData, Steady
from marhaba.simulator.result import Result
from marhaba.simulator.simulate import MaxReplications, simulate


def centre(warm_up_s: float = 0.0) -> ModelData:
    model = Model(hours=4, interval_s=1800, warm_up_s=warm_up_s)
    model.add_queue("q", language_level=0)
    model.add_contact_type(
        "t", queue="q", arrivals=Steady(60), patience=Exponential(60), handle=Exponential(200)
    )
    model.add_agents("team", skills={}, count=3, ring=Constant(2))
    return model.data()


@pytest.fixture(scope="module")
def result() -> Result:
    return simulate(centre(), MaxReplications(20), seed=5)


@pytest.mark.parametrize("name", ["plot_service_level", "plot_waits", "plot_occupancy", "plot_queue"])
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_a_picture_is_a_document_with_a_title_in_the_readers_language(
    result: Result, name: str, language: str
) -> None:
    picture = getattr(result, name)(language=language)
    root = ElementTree.fromstring(picture.svg)
    title = next(each.text for each in root if each.tag.endswith("title"))
    assert title
    assert bool(re.search("[\u0600-\u06ff]", title)) == (language == "ar")
    assert "nan" not in picture.svg
    assert sum(each.tag.endswith(("polyline", "rect")) for each in root) > 0


def test_a_part_may_be_asked_for(result: Result) -> None:
    assert result.plot_service_level("t").svg == result.plot_service_level().svg  # the only type
    assert result.plot_occupancy("team").svg == result.plot_occupancy().svg
    assert result.plot_queue("q").svg == result.plot_queue().svg


def test_the_bars_of_waits_hold_every_contact_once(result: Result) -> None:
    plan = plots.plan_of(result)
    bars, none = plots._bars(plan, "")
    answered = none[0] + sum(each[2] for each in bars)
    abandoned = none[1] + sum(each[3] for each in bars)
    assert answered == pytest.approx(figures.figure(plan, "answered").mean)
    assert abandoned == pytest.approx(figures.figure(plan, "abandoned").mean)
    assert [begin for begin, _, _, _ in bars[1:]] == pytest.approx([end for _, end, _, _ in bars[:-1]])


def test_the_table_behind_a_chart_has_a_row_for_each_interval_after_the_warm_up() -> None:
    plan = plots.plan_of(simulate(centre(3600.0), MaxReplications(5), seed=5))
    drawing = plots.level([(plan, "first")], "", plots.hours, "en")
    assert [row[0] for row in drawing.rows] == ["1 h", "1.5 h", "2 h", "2.5 h", "3 h", "3.5 h"]
    assert drawing.heads == ("From", "Service level")
    staff = plots.staff(plan, plots.hours, "en")
    assert [row[2] for row in staff.rows] == ["3.0"] * 6


def test_a_single_day_is_drawn_without_bands() -> None:
    one = simulate(centre(), MaxReplications(1), seed=5)
    assert "band-first" not in plots.level([(plots.plan_of(one), "first")], "", plots.hours, "en").chart
    assert "?" in plots.level([(plots.plan_of(one), "first")], "", plots.hours, "en").rows[0][1]


def promising(result: Result, **promise: float) -> figures.Plan:
    return figures.Plan("plan", result, {"t": ServiceLevel(**promise)})  # type: ignore[arg-type]


def test_a_threshold_is_marked_where_waits_are_drawn_and_only_there(result: Result) -> None:
    inside, beyond = (
        plots.waits(promising(result, threshold_s=threshold), "t", "en") for threshold in (20.0, 1e6)
    )
    assert inside.rows == beyond.rows
    assert lines(inside.chart) == lines(beyond.chart) + 1


def test_a_target_is_drawn_where_all_types_shown_have_the_same() -> None:
    model = Model(hours=1)
    model.add_queue("q", language_level=0)
    for name in ("a", "b"):
        model.add_contact_type(name, queue="q", arrivals=Steady(30), handle=Exponential(60))
    model.add_agents("team", skills={}, count=3)
    done = simulate(model.data(), MaxReplications(3), seed=5)
    one = figures.Plan("one", done, dict.fromkeys("ab", ServiceLevel(target=0.8)))
    two = figures.Plan("two", done, {"a": ServiceLevel(target=0.8), "b": ServiceLevel(target=0.9)})
    drawn = [lines(plots.level([(plan, "first")], "", plots.hours, "en").chart) for plan in (one, two)]
    assert drawn[0] == drawn[1] + 1
    assert plots.promised(two, "b") == 0.9


def lines(svg: str) -> int:
    return sum(
        each.tag.endswith("line") and not each.tag.endswith("polyline")
        for each in ElementTree.fromstring(svg).iter()
    )
