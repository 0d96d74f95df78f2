"""The small parts beside the engine: deadlines, laws that refuse, stopping rules, quantiles, the compiler's folder."""

from __future__ import annotations

import math
import os
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from marhaba.kernel.errors import BadInput
from marhaba.simulator import building, compiled
from marhaba.simulator import simulate as simulate_module
from marhaba.simulator.laws import (
    Constant,
    Empirical,
    Exponential,
    Gamma,
    LogNormal,
    Never,
    PhaseType,
    Uniform,
    Weibull,
    hyperexponential,
)
from marhaba.simulator.model import ModelData
from marhaba.simulator.packed import pack, type_of
from marhaba.simulator.result import Estimate, estimate, ratio_of, student
from marhaba.simulator.simulate import FirstOf, MaxReplications, MaxRuntime, Precision, simulate
from tests.simulator.interpreted import interpreted, records
from tests.simulator.test_simulate import queue_of

_HEAP = [(True, contact, at) for contact, at in enumerate((1.0, 10.0, 2.0, 20.0, 30.0, 3.0))]


@example([*_HEAP, (False, 3, 0.0)])  # who takes the hole belongs above it
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 15), st.floats(0.0, 100.0)), max_size=200))
def test_whoever_is_answered_is_found_among_the_deadlines(steps: list[tuple[bool, int, float]]) -> None:
    deadlines = interpreted("marhaba.simulator.deadlines")
    world = records(building.fresh(building.template(queue_of(1), contacts=16).world))
    world.callers["deadline"] = -1
    waiting: dict[int, float] = {}
    for comes, contact, at in steps:
        if comes and contact not in waiting:
            deadlines.put(world, contact, at)
            waiting[contact] = at
        elif not comes:
            deadlines.take_out(world, contact)
            waiting.pop(contact, None)
        count = int(world.clock[0]["deadlines"])
        assert {int(world.deadline_of[i]): float(world.deadline_ats[i]) for i in range(count)} == waiting
        assert count == 0 or world.deadline_ats[0] == min(waiting.values())


def test_laws_that_cannot_be_meant_are_refused() -> None:
    refused = [
        lambda: Constant(-1.0),
        lambda: Exponential(0.0),
        lambda: Uniform(5.0, 1.0),
        lambda: LogNormal(10.0, -1.0),
        lambda: Gamma(10.0, math.inf),
        lambda: Weibull(math.nan, 1.0),
        lambda: Empirical(()),
        lambda: Empirical((1.0, -1.0)),
        lambda: PhaseType((), (), ()),
        lambda: PhaseType((1.0,), ((0.0, 0.0),), (1.0,)),
        lambda: PhaseType((1.0,), ((0.0,),), (-1.0,)),
        lambda: PhaseType((1.0,), ((0.0,),), (0.0,)),
        lambda: PhaseType((0.9, 0.9), ((0.0, 0.0), (0.0, 0.0)), (1.0, 1.0)),
    ]
    for make in refused:
        with pytest.raises(BadInput):
            make()


def test_laws_say_their_means() -> None:
    assert Uniform(1.0, 5.0).mean == 3.0
    assert Weibull(60.0, 1.0).mean == pytest.approx(60.0)
    assert Empirical((1.0, math.inf)).mean == math.inf
    assert Never().mean == math.inf
    assert hyperexponential([0.3, 0.7], [10.0, 100.0]).mean == pytest.approx(73.0)


def test_stopping_rules_say_how_far_it_is() -> None:
    runs = list(simulate(queue_of(4), MaxReplications(20)).runs)
    assert MaxRuntime(2.0).share(runs, 0.5) == 0.25
    assert Precision(0.01).share(runs[:1], 0.0) == 0.0
    width = Precision(1e-4)._half_width(runs)
    assert Precision(1e-4).share(runs, 0.0) == pytest.approx((1e-4 / width) ** 2)
    assert Precision(1.0).share(runs, 0.0) == 1.0
    assert FirstOf((MaxRuntime(2.0), MaxReplications(40))).share(runs, 0.5) == 0.5


@pytest.mark.parametrize(
    ("freedom", "exact"), [(1, 12.7062047362), (2, 4.30265272975), (3, 3.18244630528), (30, 2.04227245630)]
)
def test_students_quantile(freedom: int, exact: float) -> None:
    assert student(freedom) == pytest.approx(exact, rel=2e-3 if freedom == 3 else 1e-6)


def test_one_replication_has_no_interval_and_none_no_mean() -> None:
    assert estimate(np.array([3.0])) == Estimate(3.0, math.inf)
    assert math.isnan(estimate(np.zeros(0)).mean)
    assert ratio_of(np.array([1.0]), np.array([2.0])) == Estimate(0.5, math.inf)
    assert math.isnan(ratio_of(np.zeros(3), np.zeros(3)).mean)
    assert str(Estimate(0.8123, 0.0456)) == "0.8123 ± 0.046"


class Soon(Event):
    """Is set when it is asked for the fourth time."""

    asked = 0

    def is_set(self) -> bool:
        self.asked += 1
        return self.asked > 3


def test_a_replication_that_is_stopped_in_its_midst_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate_module, "SLICE", 100)
    result = simulate(queue_of(3), MaxReplications(1), workers=1, stopped=Soon())
    assert not result.complete
    assert result.runs == ()


class Inner(NamedTuple):
    numbers: Any


class Outer(NamedTuple):
    rows: Any
    inner: Any
    square: Any


def _sum(outer):  # type: ignore[no-untyped-def]
    outer.rows[1].b += 0.5
    return outer.rows[1].a + outer.rows[1].b + outer.inner.numbers[2] + outer.square[1, 0]


def test_arrays_behind_one_pointer_are_read_and_written_where_they_lie() -> None:
    rows = np.array([(1, 2.0), (3, 4.0)], np.dtype([("a", "i8"), ("b", "f8")], align=True))
    outer = Outer(rows, Inner(np.arange(3)), np.array([[1.0, 2.0], [100.0, 4.0]]))
    packed = pack(outer, type_of("Outer", outer))
    assert numba.njit(_nrt=False)(_sum)(packed) == 3 + 4.5 + 2 + 100.0
    assert rows[1]["b"] == 4.5
    with pytest.raises(numba.TypingError):
        numba.njit(_nrt=False)(lambda outer: outer.nothing)(packed)


def test_a_figure_is_compared_caller_by_caller_be_it_a_count_or_a_share() -> None:
    three, four = (simulate(queue_of(agents), MaxReplications(10)) for agents in (3, 4))
    assert four.compare(three, "offered").mean == 0.0
    assert four.compare(three, "answered").mean > 0.0
    assert four.compare(three, "service_level").se < four.measure("service_level").se


def test_a_warm_up_is_left_out() -> None:
    data = queue_of(4)
    warm = ModelData(data.interval_ends, data.queues, data.types, data.agents, warm_up_s=3_600.0)
    result, whole = simulate(warm, MaxReplications(5)), simulate(data, MaxReplications(5))
    assert result.by_interval().height == whole.by_interval().height - 2
    assert result.measure("offered").mean < whole.measure("offered").mean


def test_a_folder_that_cannot_be_made_costs_no_more_than_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = os.environ.get("NUMBA_CACHE_DIR")
    compiled._prepare_cache()
    assert os.environ.get("NUMBA_CACHE_DIR") == before
