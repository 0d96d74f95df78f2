"""What every run keeps, whatever the model: nobody is lost, time adds up, the same seed says the same."""

from __future__ import annotations

from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marhaba.kernel.errors import BadInput, LimitReached
from marhaba.kernel.rules import RelaxStep, Strategy
from marhaba.simulator import world as w_
from marhaba.simulator.laws import Constant, Empirical, Exponential, Gamma, LogNormal, Never, Uniform, Weibull
from marhaba.simulator.model import (
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
from marhaba.simulator.result import Result
from marhaba.simulator.simulate import FirstOf, MaxReplications, MaxRuntime, Precision, simulate

LAWS = st.sampled_from(
    [
        Exponential(60.0),
        Constant(90.0),
        LogNormal(80.0, 60.0),
        Gamma(70.0, 0.5),
        Weibull(60.0, 1.5),
        Empirical((10.0, 200.0)),
    ]
)


@st.composite
def models(draw: st.DrawFn) -> ModelData:
    """Small centres in which everything the model knows occurs now and then."""
    model = Model(
        hours=2,
        interval_s=900.0,
        lines=draw(st.sampled_from([0, 0, 6])),
        longest_queue=draw(st.booleans()),
    )
    names = ("one", "two")
    for name, other in (names, names[::-1]):
        model.add_queue(
            name,
            skills={name: 1},
            language_level=0,
            strategy=draw(st.sampled_from(Strategy)),
            priority=draw(st.integers(0, 1)),
            relax=draw(st.sampled_from([(), (RelaxStep(30.0, {name: 0}),)])),
            overflow_wait_s=draw(st.sampled_from([0.0, 45.0])),
            overflow_size=draw(st.sampled_from([0, 4])),
            overflow_no_staff=draw(st.booleans()),
            overflow_at_close=draw(st.booleans()),
            overflow_to=draw(st.sampled_from(["", other])),
            closes_at=draw(st.sampled_from([None, 6_000.0])),
            waits_unstaffed=draw(st.booleans()),
        )
        model.add_contact_type(
            name,
            queue=name,
            arrivals=PerInterval(
                [draw(st.integers(0, 40)) for _ in range(8)], draw(st.sampled_from([0.0, 20.0])), name
            ),
            handle=draw(LAWS),
            wrap=draw(st.none() | LAWS),
            patience=draw(LAWS | st.just(Never())),
            balk=draw(st.sampled_from([0.0, 0.3])),
            callback=draw(st.sampled_from([None, CallbackOffer(40.0, 0.5, 0.7, Constant(8.0))])),
            patience_factor=draw(st.sampled_from([(), [0.5] * 4 + [2.0] * 4])),
            consult=draw(st.sampled_from([None, Consult(0.3, "planned", Exponential(30.0))])),
        )
        kept = {"same_patience": draw(st.booleans()), "adds_up": draw(st.booleans())}
        model.add_return(name, after="abandoned", chance=0.5, delay=Constant(120.0), attempts_max=3, **kept)
        model.add_return(
            name, after="answered", chance=0.2, to=other, same_agent_s=draw(st.sampled_from([None, 20.0]))
        )
    if draw(st.booleans()):
        dialled = Dialled(
            draw(st.sampled_from([0.7, 2.0])),
            0.5,
            draw(st.sampled_from([None, Uniform(5.0, 25.0)])),
            600.0,
            ready_least=draw(st.sampled_from([0, 1])),
            free_least=draw(st.sampled_from([0, 2])),
            agents=draw(st.sampled_from([(), ("planned",)])),
        )
        model.add_contact_type(
            "dialled", queue="two", arrivals=dialled, handle=draw(LAWS), patience=Constant(3.0)
        )
    model.add_agents(
        "counted",
        skills={"one": 2, "two": 1},
        own=draw(st.sampled_from([(), ("two",)])),
        count=[draw(st.integers(0, 4)) for _ in range(8)],
        ring=draw(st.sampled_from([None, Constant(4.0)])),
        missed=0.2,
        missed_pause_s=draw(st.sampled_from([0.0, 30.0])),
    )
    slides = draw(st.booleans())
    shifts = [Shift(0.0, 5_000.0, ((1_000.0, 1_600.0), (1_700.0, 1_900.0)), slides), Shift(1_800.0, 7_200.0)]
    model.add_agents("planned", skills={"two": 3}, shifts=shifts[: draw(st.integers(1, 2))])
    return model.data()


def same(one: Result, other: Result) -> bool:
    return len(one.runs) == len(other.runs) and all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for a, b in zip(one.runs, other.runs, strict=True)
        for name in (
            "counts",
            "waits",
            "talk_by",
            "lines_area",
            "queue_area",
            "busy_area",
            "staff_area",
            "at_end",
        )
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(models(), st.integers(0, 2**31))
def test_nobody_is_lost_and_time_adds_up(data: ModelData, seed: int) -> None:
    result = simulate(data, MaxReplications(2), seed, workers=1)
    for run in result.runs:
        total = run.counts.sum(axis=(0, 1))
        ended = total[[w_.ANSWERED, w_.ABANDONED, w_.BLOCKED, w_.EXPIRED, w_.STRANDED]].sum()
        assert total[w_.OFFERED] == ended + run.left
        assert (run.counts >= 0.0).all()
        assert (run.busy_area <= run.staff_area + 1e-6).all()
        assert run.waits.sum() == total[w_.ANSWERED] + total[w_.ABANDONED]
        assert total[w_.IN_TIME] <= total[w_.ANSWERED]
        assert total[w_.ABANDONED_IN_TIME] <= total[w_.ABANDONED]
        assert run.talk_by.sum() >= total[w_.TALK] - 1e-6
        assert (
            run.lines_area.max() <= data.lines * 900.0 + 1e-6
            or data.lines == 0
            or run.lines_area.argmax() == 8
        )
        assert run.left == 0 or any(isinstance(each.patience, Never) or each.callback for each in data.types)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(models())
def test_the_same_seed_says_the_same_on_one_core_and_on_two(data: ModelData) -> None:
    one, two = (simulate(data, MaxReplications(5), seed=3, workers=workers) for workers in (1, 2))
    assert same(one, two)
    assert not same(one, simulate(data, MaxReplications(5), seed=4)) or one.offered == 0


def queue_of(agents: int, *, patience: Any = None, per_hour: float = 60.0, hours: float = 10.0) -> ModelData:
    model = Model(hours=hours)
    model.add_queue("q", language_level=0)
    model.add_contact_type(
        "c",
        queue="q",
        arrivals=Steady(per_hour),
        handle=Exponential(240.0),
        patience=patience or Exponential(120.0),
    )
    model.add_agents("a", skills={}, count=agents)
    return model.data()


def test_what_is_waited_is_what_waits() -> None:
    """Little's law, exactly: the area under the line is the sum of the waits."""
    run = simulate(queue_of(3), MaxReplications(1)).runs[0]
    waited = run.counts[:, :, [w_.WAIT_ANSWERED, w_.WAIT_ABANDONED]].sum()
    assert waited > 0.0
    assert run.queue_area.sum() == pytest.approx(waited)


def test_an_agent_more_changes_nobodys_patience() -> None:
    three, four = (simulate(queue_of(agents), MaxReplications(20)) for agents in (3, 4))
    assert [run.counts[0, :, w_.OFFERED].tolist() for run in three.runs] == [
        run.counts[0, :, w_.OFFERED].tolist() for run in four.runs
    ]
    gain = four.compare(three, "abandonment")
    assert gain.mean < 0.0
    assert gain.half < min(result.measure("abandonment").half for result in (three, four))


def test_a_recorded_day_comes_as_it_came() -> None:
    model = Model(hours=1)
    model.add_queue("q", language_level=0)
    model.add_contact_type(
        "c",
        queue="q",
        arrivals=Recorded([10.0, 20.0, 30.0], patience=[float("nan"), 100.0, 5.0], handle=[60.0, 60.0, 60.0]),
        handle=Exponential(1.0),
        patience=Never(),
    )
    model.add_agents("a", skills={}, count=1)
    result = simulate(model.data(), MaxReplications(1), trace=2)
    trace = result.runs[0].trace
    assert [(row["at"], row["wait_s"], row["agent"]) for row in trace] == [(10.0, 0.0, 0), (70.0, 50.0, 0)]
    assert result.measure("abandoned").mean == 1.0
    assert result.measure("wait_s").mean == pytest.approx((0.0 + 50.0 + 5.0) / 3)


def test_a_house_that_fills_gets_more_room() -> None:
    result = simulate(queue_of(1, patience=Never(), per_hour=2_000.0), MaxReplications(1))
    assert result.runs[0].queue_most.max() > 10_000
    assert result.runs[0].left == 0


def test_a_load_that_grows_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from marhaba.simulator import building

    monkeypatch.setattr(building, "CONTACTS_MAX", 4_096)
    with pytest.raises(LimitReached, match="grows without end"):
        simulate(queue_of(1, patience=Never(), per_hour=2_000.0), MaxReplications(1))


def test_a_run_that_is_stopped_keeps_what_it_has() -> None:
    stopped, shares = Event(), []

    def progress(share: float) -> None:
        shares.append(share)
        if len(shares) == 3:
            stopped.set()

    result = simulate(queue_of(3), MaxReplications(1_000), workers=1, progress=progress, stopped=stopped)
    assert len(result.runs) == 3
    assert not result.complete
    assert shares == [0.001, 0.002, 0.003]
    assert result.measure("offered").mean == pytest.approx(600.0, abs=60.0)


def test_stopping_by_time_and_by_precision() -> None:
    data = queue_of(4)
    assert 0.2 < simulate(data, MaxRuntime(0.2)).elapsed_s < 20.0
    fine = simulate(data, Precision(0.01))
    assert fine.complete
    assert fine.measure("service_level").half <= 0.01
    assert len(fine.runs) > 10
    assert len(simulate(data, FirstOf((MaxReplications(4), Precision(1e-9)))).runs) == 4


def test_frames_have_a_row_for_everything() -> None:
    result = simulate(queue_of(3), MaxReplications(5))
    assert result.summary()["type"].to_list() == ["c", ""]
    assert result.by_interval().height == 20
    assert result.agents().select("there").to_series().to_list() == [3.0] * 20
    assert result.queues().height == 20
    waits = result.waits()
    assert waits["answered"].sum() == pytest.approx(result.measure("answered").mean)
    with pytest.raises(BadInput, match="no measure nonsense"):
        result.measure("nonsense")
    with pytest.raises(BadInput, match="no contact type x"):
        result.measure("offered", "x")
    with pytest.raises(BadInput, match="not the same callers"):
        result.compare(simulate(queue_of(3), MaxReplications(5), seed=2), "offered")
