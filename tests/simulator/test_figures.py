"""Figures under the type's own formula are those of kernel.kpi; differences are paired, day by day."""

from __future__ import annotations

import math

import numpy as np
import pytest

from marhaba.files.queue_rules import ServiceLevel
from marhaba.kernel.kpi import SERVICE_LEVELS, Waits
from marhaba.simulator import figures, plots
from marhaba.simulator.figures import Plan, ServiceLevelWithin
from marhaba.simulator.laws import Exponential
from marhaba.simulator.model import Model, ModelData, PerInterval, Recorded
from marhaba.simulator.simulate import MaxReplications, simulate


def centre(agents: int = 4, *, wait: bool = True) -> ModelData:
    model = Model(hours=2, interval_s=1800)
    for name, calls in (("a", 20.0), ("b", 10.0)):
        model.add_queue(name, skills={}, language_level=0)
        model.add_contact_type(
            name,
            queue=name,
            arrivals=PerInterval([calls] * 4, busyness=20),
            patience=Exponential(60 if wait else 0.001),
            handle=Exponential(200),
        )
    model.add_agents("team", skills={}, count=agents)
    model.add_agents("more", skills={}, count=[0, 1, 1, 0])
    return model.data()


def plan(data: ModelData, days: int = 30, **promise: object) -> Plan:
    promises = {each.name: ServiceLevel(**promise) for each in data.types}  # type: ignore[arg-type]
    return Plan("plan", simulate(data, MaxReplications(days), seed=3), promises)


@pytest.mark.parametrize("letter", SERVICE_LEVELS)
def test_each_formula_counts_as_the_kernel_does(letter: str) -> None:
    """One day of recorded contacts and one agent, who is busy from the first of them on: the waits are known."""
    model = Model(hours=1)
    model.add_queue("q", language_level=0)
    at = (0.0, 10.0, 20.0, 30.0, 40.0, 50.0)
    handle = (60.0, 30.0, 30.0, 30.0, 30.0, 30.0)
    patience = (600.0, 4.0, 15.0, 600.0, 600.0, 30.0)
    model.add_contact_type(
        "t",
        queue="q",
        arrivals=Recorded(at, patience, handle),
        handle=Exponential(1),
        target_s=30.0,
        short_s=5.0,
    )
    model.add_agents("one", skills={}, count=1)
    # The agent is free at 60: the contact of 30 waited 30 s; again at 90: that of 40 waited 50 s; that of 50 left after 30.
    waits = Waits(np.array([0.0, 30.0, 50.0]), np.array([4.0, 15.0, 30.0]), 30.0, 5.0)
    found = plan(model.data(), 1, formula=letter, threshold_s=30.0, short_s=5.0)
    assert figures.figure(found, "service_level").mean == pytest.approx(SERVICE_LEVELS[letter](waits))
    assert figures.figure(found, "abandonment").mean == 0.5
    assert figures.figure(found, "asa_s").mean == pytest.approx(80.0 / 3)
    assert figures.figure(found, "offered").mean == 6.0
    assert math.isinf(figures.figure(found, "offered").half)
    busy_s = 60.0 + 30.0 + 30.0
    assert figures.occupancy(found).mean == pytest.approx(busy_s / 3600.0)
    assert figures.staffed(found).mean == 1.0


def test_types_of_different_formulas_add_up() -> None:
    found = plan(centre())
    found.promises["b"] = ServiceLevel("F2")  # type: ignore[index]
    levels = []
    for kind, letter in (("a", "F4"), ("b", "F2")):
        over, under = figures._parts(found, "service_level", kind, None)
        assert under is not None
        assert figures.figure(found, "service_level", kind).mean == pytest.approx(over.sum() / under.sum()), (
            letter
        )
        levels.append((over.sum(), under.sum()))
    whole = figures.figure(found, "service_level").mean
    assert whole == pytest.approx(sum(over for over, _ in levels) / sum(under for _, under in levels))


def test_counts_and_ratios_are_those_of_the_result() -> None:
    found = plan(centre(), formula="F3")
    for name, measure in (("offered", "offered"), ("answered", "answered"), ("asa_s", "asa_s")):
        for kind in ("", "a"):
            ours, theirs = figures.figure(found, name, kind), found.result.measure(measure, kind)
            assert (ours.mean, ours.half) == pytest.approx((theirs.mean, theirs.half))
    frame = found.result.agents()
    there = float((frame["there"] / 4).sum())
    assert figures.staffed(found).mean == pytest.approx(there)
    assert figures.staffed(found, "more", 1).mean == pytest.approx(1.0)


def test_a_difference_is_that_of_the_figures_and_knows_more() -> None:
    less, more = plan(centre(4)), plan(centre(5))
    for name in ("service_level", "abandonment", "answered"):
        gap = figures.difference(more, less, name)
        here, there = figures.figure(more, name), figures.figure(less, name)
        assert gap.mean == pytest.approx(here.mean - there.mean)
        assert gap.half < 0.6 * math.hypot(here.half, there.half)
        low, high = figures.difference_days(more, less, name)
        assert low < gap.mean < high
    assert figures.occupancy_difference(more, less).mean == pytest.approx(
        figures.occupancy(more).mean - figures.occupancy(less).mean
    )


def test_a_plan_differs_from_itself_by_nothing() -> None:
    same = plan(centre())
    gap = figures.difference(same, same, "service_level")
    assert (gap.mean, gap.half) == (0.0, 0.0)


def test_the_stopping_rule_looks_at_the_figure_that_is_shown() -> None:
    data = centre()
    promises = dict.fromkeys(("a", "b"), ServiceLevel("F4"))
    result = simulate(data, ServiceLevelWithin(0.03, promises, data), seed=1)
    shown = figures.figure(Plan("p", result, promises), "service_level")
    assert shown.half <= 0.03
    assert result.complete
    shorter = simulate(data, MaxReplications(len(result.runs) - 1), seed=1)
    assert figures.figure(Plan("p", shorter, promises), "service_level").half > 0.03


def test_the_offered_load_is_arrivals_times_handling() -> None:
    found = plan(centre(), 400)
    # 30 an interval of half an hour, 200 s each.
    assert plots.offered_erlangs(found, 1) == pytest.approx(30 * 200 / 1800, rel=0.05)


def test_days_without_contacts_have_no_share_and_no_difference() -> None:
    model = Model(hours=1)
    model.add_queue("q", language_level=0)
    model.add_contact_type("t", queue="q", arrivals=Recorded(()), handle=Exponential(1))
    model.add_agents("one", skills={}, count=1)
    empty = plan(model.data(), 3)
    assert figures.difference(empty, empty, "offered").mean == 0.0
    assert math.isnan(figures.difference(empty, empty, "service_level").mean)
    assert all(math.isnan(bound) for bound in figures.difference_days(empty, empty, "service_level"))


def test_one_day_alone_knows_no_interval_of_a_difference() -> None:
    gap = figures.difference(plan(centre(5), 1), plan(centre(4), 1), "answered")
    assert math.isfinite(gap.mean)
    assert math.isinf(gap.half)


def test_the_stopping_rule_says_how_far_it_is() -> None:
    data = centre()
    promises = dict.fromkeys(("a", "b"), ServiceLevel("F4"))
    runs = list(simulate(data, MaxReplications(20), seed=1).runs)
    half = figures.figure(
        Plan("p", simulate(data, MaxReplications(20), seed=1), promises), "service_level"
    ).half
    assert ServiceLevelWithin(half / 2, promises, data).share(runs, 0.0) == pytest.approx(0.25)
    assert ServiceLevelWithin(half * 2, promises, data).share(runs, 0.0) == 1.0
    assert ServiceLevelWithin(half, promises, data).share(runs[:1], 0.0) == 0.0  # nothing is known yet
