"""What cannot be meant is refused by name before anything runs; what a day's plan says is done."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import pytest

from marhaba.kernel.errors import BadInput
from marhaba.kernel.rules import QueueRules
from marhaba.simulator import world as w_
from marhaba.simulator.laws import Constant, Exponential, Law, Never, Triangular
from marhaba.simulator.model import (
    Arrivals,
    CallbackOffer,
    Consult,
    Dialled,
    Model,
    ModelData,
    PerInterval,
    Recorded,
    Shift,
    Steady,
)
from marhaba.simulator.simulate import MaxReplications, simulate


def one_type(arrivals: Arrivals, hours: float = 2.0, **more: Any) -> Model:
    model = Model(hours=hours, interval_s=3600.0)
    model.add_queue("q", language_level=0)
    model.add_contact_type("c", queue="q", arrivals=arrivals, **{"handle": Constant(60.0), **more})
    model.add_agents("a", skills={}, count=1)
    return model


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"arrivals": Dialled(1.0, (0.5, 0.5, 0.5))}, "3 shares reached for 2 intervals"),
    ({"arrivals": Dialled(1.0, 1.5)}, "reached: 1.5 is no share"),
    ({"arrivals": Dialled(0.0, 0.5)}, "a ratio of 0.0"),
    ({"arrivals": Dialled(1.0, 0.5, ready_least=-1)}, "fewer than 0 agents"),
    ({"arrivals": Dialled(1.0, 0.5, from_s=60.0, until_s=60.0)}, "dialled from 60.0 to 60.0 s"),
    ({"arrivals": Dialled(1.0, 0.5, agents=("b",))}, "dialled for b: no such agents"),
    ({"consult": Consult(1.5, "a", Constant(1.0))}, "consultations: 1.5 is no share"),
    ({"consult": Consult(0.5, "b", Constant(1.0))}, "consults b: no such agents"),
    ({"consult": Consult(0.5, "a", Never())}, "a consultation that may never end"),
    ({"patience_factor": [1.0]}, "1 patience factors for 2 intervals"),
    ({"patience_factor": [1.0, 0.0]}, "a patience factor that is not above 0"),
    ({"handle_factor": [1.0]}, "1 handle-time factors for 2 intervals"),
]


@pytest.mark.parametrize(("part", "says"), REFUSED)
def test_a_part_that_cannot_be_meant_is_named(part: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        one_type(**{"arrivals": Steady(10.0), **part}).data()


def centre() -> Model:
    return one_type(Steady(10.0))


def spoilt(**parts: Any) -> ModelData:
    """The small centre's data with parts replaced."""
    return dataclasses.replace(centre().data(), **parts)


def with_type(**more: Any) -> Callable[[], object]:
    return lambda: one_type(**{"arrivals": Steady(10.0), **more}).data()


def with_agents(**more: Any) -> Callable[[], object]:
    def make() -> object:
        model = centre()
        model.add_agents("b", skills={}, **more)
        return model.data()

    return make


def with_return(**more: Any) -> Callable[[], object]:
    def make() -> object:
        model = centre()
        for _ in range(more.pop("times", 1)):
            model.add_return("c", **{"after": "answered", "chance": 0.6, **more})
        return model.data()

    return make


HOPELESS: list[tuple[Callable[[], object], str]] = [
    (lambda: Model(hours=0.0), "0.0 hours in intervals of 1800.0 s"),
    (lambda: Model(hours=24.0, interval_s=1.0), "86400 intervals, 20000 at most"),
    (lambda: spoilt(types=()), "a model without contact type"),
    (lambda: spoilt(types=centre().data().types * 2), "contact type c stands there twice"),
    (lambda: spoilt(warm_up_s=7_200.0), "a warm-up of 7200.0 s in 7200.0 s"),
    (
        lambda: spoilt(queues=(QueueRules("q", language_level=0, overflow_to="nowhere"),)),
        "queue q overflows to nowhere: no such queue",
    ),
    (
        lambda: spoilt(
            types=tuple(dataclasses.replace(centre().data().types[0], name=str(n)) for n in range(1_001))
        ),
        "1001 contact types, 1000 at most",
    ),
    (with_agents(count=20_001), "more than 20000 agents"),
    (with_agents(count=[1]), "1 counts for 2 intervals"),
    (with_agents(count=[1, -1]), "fewer than 0"),
    (with_agents(count=1, text=-1), "fewer than 0"),
    (with_agents(count=1, shifts=[Shift(0.0, 60.0)]), "counts and shifts, one is enough"),
    (with_agents(shifts=[Shift(60.0, 0.0)]), "a shift from 60.0 to 0.0 s that is not in order"),
    (with_agents(shifts=[Shift(0.0, 60.0, ((50.0, 70.0),))]), "not in order"),
    (with_agents(count=1, queues=["elsewhere"]), "no queue elsewhere"),
    (with_agents(count=1, handle_factor=0.0), "a handle-time factor of 0.0"),
    (with_agents(count=1, missed=1.0), "miss every call"),
    (with_type(balk=-0.1), "balk: -0.1 is no share"),
    (with_type(target_s=-1.0), "target_s is -1.0"),
    (with_type(handle=Never()), "a handle time that may never end"),
    (with_type(handle_by={"b": Constant(1.0)}), "handle time by b: no such agents"),
    (with_type(callback=CallbackOffer(10.0, 1.5)), "callbacks accepted: 1.5 is no share"),
    (with_type(arrivals=PerInterval([1.0])), "1 counts for 2 intervals"),
    (with_type(arrivals=PerInterval([1.0, -1.0])), "arrivals below 0"),
    (with_type(arrivals=Steady(1.0, -1.0)), "arrivals below 0"),
    (with_type(arrivals=Recorded([2.0, 1.0])), "recorded arrivals are not in order"),
    (with_type(arrivals=Recorded([1.0], patience=[1.0, 2.0])), "2 values of patience for 1 contacts"),
    (with_type(arrivals=Recorded([1.0], handle=[-1.0])), "a recorded handle below 0"),
    (with_return(to="d"), "return: no contact type d"),
    (with_return(attempts_max=16), "16 attempts, 15 at most"),
    (with_return(chance=1.1), "1.1 is no share"),
    (with_return(times=2), "returns of c after answered: 120% in all"),
]


@pytest.mark.parametrize(("make", "says"), HOPELESS)
def test_what_cannot_run_is_refused_before_it_does(make: Callable[[], object], says: str) -> None:
    with pytest.raises(BadInput, match=re.escape(says)):
        make()


def test_a_contact_type_needs_a_queue() -> None:
    stray = dataclasses.replace(centre().data().types[0], queue="elsewhere")
    with pytest.raises(BadInput, match="no queue elsewhere"):
        spoilt(types=(stray,))


def test_lines_own_queues_and_shared_busyness_are_checked() -> None:
    lines, own, shared = one_type(Steady(10.0)), one_type(Steady(10.0)), one_type(Steady(10.0, 5.0, "day"))
    lines.lines = -1
    with pytest.raises(BadInput, match="-1 lines"):
        lines.data()
    own.add_agents("b", skills={}, count=1, own=["elsewhere"])
    with pytest.raises(BadInput, match="no queue elsewhere"):
        own.data()
    shared.add_contact_type(
        "d", queue="q", arrivals=PerInterval([1.0, 1.0], 6.0, "day"), handle=Constant(60.0)
    )
    with pytest.raises(BadInput, match=r"shares day, of busyness 5\.0, with a busyness of 6\.0"):
        shared.data()


@pytest.mark.parametrize(("low", "mode", "high"), [(2.0, 1.0, 3.0), (1.0, 1.0, 1.0), (-1.0, 0.0, 1.0)])
def test_a_triangle_has_three_corners_in_order(low: float, mode: float, high: float) -> None:
    with pytest.raises(BadInput):
        Triangular(low, mode, high)


def test_a_busyness_that_is_shared_is_the_same_for_both() -> None:
    model = one_type(Steady(3_000.0, 2.0, "day"))
    model.add_contact_type("d", queue="q", arrivals=Steady(3_000.0, 2.0, "day"), handle=Constant(1.0))
    model.add_contact_type("e", queue="q", arrivals=Steady(3_000.0, 2.0), handle=Constant(1.0))
    result = simulate(model.data(), MaxReplications(20))
    of = [[run.counts[kind, :, w_.OFFERED].sum() for run in result.runs] for kind in range(3)]
    ratios = [max(one / other, other / one) for one, other in zip(of[0], of[1], strict=True)]
    assert max(ratios) < 1.3
    assert max(one / other for one, other in zip(of[0], of[2], strict=True)) > 1.5


def day_of(
    slides: bool, breaks: tuple[tuple[float, float], ...], at: list[float], handle: Law
) -> list[float]:
    """When each contact is answered."""
    model = Model(hours=1, interval_s=3600.0)
    model.add_queue("q", language_level=0)
    model.add_contact_type("c", queue="q", arrivals=Recorded(at), handle=handle)
    model.add_agents("a", skills={}, shifts=[Shift(0.0, 3_600.0, breaks, slides)])
    result = simulate(model.data(), MaxReplications(1), trace=8)
    return [float(row["at"]) for row in result.runs[0].trace]


def test_a_break_that_slides_lasts_as_long_all_the_same() -> None:
    at = [950.0, 1_050.0]
    assert day_of(False, ((1_000.0, 1_200.0),), at, Constant(100.0)) == [950.0, 1_200.0]
    assert day_of(True, ((1_000.0, 1_200.0),), at, Constant(100.0)) == [950.0, 1_250.0]


def test_a_break_that_is_due_in_the_one_before_comes_after_it() -> None:
    at, breaks = [900.0, 1_000.0], ((1_000.0, 1_200.0), (1_300.0, 1_400.0))
    assert day_of(True, breaks, at, Constant(300.0)) == [
        900.0,
        1_500.0,
    ]  # 1,200 to 1,400, then 1,400 to 1,500


def test_two_breaks_that_he_had_no_time_for_are_taken_together() -> None:
    at, breaks = [900.0, 1_000.0], ((1_000.0, 1_200.0), (1_300.0, 1_400.0))
    assert day_of(True, breaks, at, Constant(600.0)) == [900.0, 1_800.0]  # free at 1,500, back 300 s later


def test_a_missed_call_does_not_end_a_break() -> None:
    """Paused for 900 s at 100 s; the break of the plan is from 500 to 2,000 s."""
    model = Model(hours=1, interval_s=3600.0)
    model.add_queue("q", language_level=0)
    model.add_contact_type("c", queue="q", arrivals=Recorded([90.0]), handle=Constant(10.0))
    model.add_agents(
        "a",
        skills={},
        shifts=[Shift(0.0, 3_600.0, ((500.0, 2_000.0),))],
        ring=Constant(10.0),
        missed=0.999_999,
        missed_pause_s=900.0,
    )
    run = simulate(model.data(), MaxReplications(1)).runs[0]
    assert run.staff_area[0].sum() == pytest.approx(100.0 + 10 * 2, abs=20.0 + 1e-6)


def test_lines_are_taken_by_whoever_waits_or_talks() -> None:
    model = Model(hours=1, interval_s=3600.0, lines=2)
    model.add_queue("q", language_level=0)
    model.add_contact_type(
        "c",
        queue="q",
        arrivals=Recorded([0.0, 10.0, 20.0, 150.0]),
        handle=Constant(100.0),
        wrap=Constant(30.0),
    )
    model.add_agents("a", skills={}, count=1)
    result = simulate(model.data(), MaxReplications(1), trace=8)
    assert result.measure("blocked").mean == 1.0
    assert [float(row["at"]) for row in result.runs[0].trace] == [0.0, 130.0, 260.0]
    assert result.lines()["lines"].item() * 3_600.0 == pytest.approx(100.0 + 220.0 + 210.0)
    assert result.handled_by().select("talk_s").item() == 300.0


def test_who_is_asked_along_is_busy_as_long() -> None:
    model = Model(hours=1, interval_s=3600.0)
    model.add_queue("q", skills={"q": 1}, language_level=0)
    model.add_contact_type(
        "c",
        queue="q",
        arrivals=Recorded([0.0, 500.0]),
        handle=Constant(100.0),
        consult=Consult(1.0, "second", Constant(40.0)),
    )
    model.add_agents("first", skills={"q": 5}, count=1)
    model.add_agents("second", skills={}, count=1)
    result = simulate(model.data(), MaxReplications(1))
    assert result.measure("consults").mean == 2.0
    assert result.measure("talk_s").mean == 280.0
    assert result.measure("sojourn_s").mean == 280.0
    assert result.handled_by()["talk_s"].to_list() == [280.0, 80.0]
    assert result.agents()["busy"].to_list() == pytest.approx([280.0 / 3_600.0, 80.0 / 3_600.0])


def test_numbers_are_dialled_for_who_is_idle_and_only_then() -> None:
    dialled = Dialled(2.0, 1.0, Constant(5.0), from_s=600.0, until_s=1_000.0)
    model = one_type(Recorded([590.0]), hours=1.0, handle=Constant(200.0))
    model.add_contact_type("out", queue="q", arrivals=dialled, handle=Constant(50.0), patience=Constant(3.0))
    result = simulate(model.data(), MaxReplications(1), trace=20)
    starts = [float(row["at"]) for row in result.runs[0].trace if row["type"] == 1]
    assert starts == [795.0, 850.0, 905.0, 960.0]  # dialled when he is done: at 790, 845, 900 and 955 s
    assert result.measure("dialled", "out").mean == 8.0
    assert (
        result.measure("abandoned", "out").mean == 4.0
    )  # the second of two who answer has nobody to talk to


def test_waits_of_visits_that_add_up_are_one_wait() -> None:
    for adds_up, wait_s in ((True, 160.0), (False, 60.0)):
        model = one_type(Recorded([0.0, 0.0]), hours=1.0, handle=Constant(300.0), patience=Constant(100.0))
        model.add_return(
            "c", after="abandoned", chance=1.0, delay=Constant(140.0), same_patience=True, adds_up=adds_up
        )
        result = simulate(model.data(), MaxReplications(1))
        assert result.measure("wait_answered_s").mean == wait_s


def test_exponential_is_still_exponential_with_a_factor() -> None:
    data = one_type(Steady(3_000.0), patience=Exponential(10.0), patience_factor=[1.0, 3.0]).data()
    result = simulate(data, MaxReplications(50))
    counts = sum(run.counts[0] for run in result.runs)
    waits = counts[:2, w_.WAIT_ABANDONED] / counts[:2, w_.ABANDONED]
    assert waits[0] == pytest.approx(10.0, rel=0.1)
    assert waits[1] == pytest.approx(30.0, rel=0.1)
