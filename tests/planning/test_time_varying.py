"""Loads that lag behind the calls, and the exact queue of a changing day."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import gammainc

from marhaba.kernel.errors import BadInput, LimitReached
from marhaba.planning.erlang import erlang_a
from marhaba.planning.heavy_traffic import square_root_staffing
from marhaba.planning.time_varying import PeriodicQueue, Sinusoid, Steps, periodic_queue

TIDE = Sinusoid(100, 20, 2 * math.pi)
QUARTERS = np.array([0, 0.5, 1, 1.5]) * math.pi


def poisson_tail(least: np.ndarray, mean: np.ndarray) -> np.ndarray:
    return np.asarray(gammainc(least, mean))


def test_the_load_of_a_sinusoid_lags_and_is_damped() -> None:
    assert TIDE.load(QUARTERS, 1) == pytest.approx([90, 110, 110, 90])
    assert Sinusoid(100, 20, 1e9).load(2.5e8, 0.5) == pytest.approx(60)
    load, h = TIDE.load(np.array([1 - 1e-5, 1, 1 + 1e-5]), 3), 2e-5  # m' = rate - m / handle time
    assert (load[2] - load[0]) / h == pytest.approx(float(TIDE.at(np.array(1.0))) - load[1] / 3, rel=1e-8)


def test_the_load_of_half_hours_is_that_of_the_sinusoid_they_follow() -> None:
    ends = np.arange(1, 2001) * (2 * math.pi / 2000)
    steps = Steps(tuple(TIDE.at(ends - math.pi / 2000)), tuple(ends))
    assert steps.load(QUARTERS, 1) == pytest.approx(TIDE.load(QUARTERS, 1), rel=1e-6)


def test_the_load_of_an_empty_morning_fills_up_step_by_step() -> None:
    day = Steps((2.0, 0.0), (3.0, 10.0))
    filling = [
        0,
        10 * (1 - math.exp(-0.2)),
        10 * (1 - math.exp(-0.6)),
        10 * (1 - math.exp(-0.6)) * math.exp(-1.4),
    ]
    assert day.load([0, 1, 3, 10], 5, start_load=0) == pytest.approx(filling)
    again = day.load([0, 10], 5)
    assert again[0] == pytest.approx(again[1])
    assert again[0] == pytest.approx(filling[3] / (1 - math.exp(-2)))


def test_staffing_by_the_square_root_of_the_load_keeps_the_wait_nearly_constant() -> None:
    cases = [
        (0.5, [95, 116, 116, 95], [0.31280481, 0.29601366]),
        (1, [100, 121, 121, 100], [0.15822099, 0.15829885]),
    ]
    for beta, staff, waits in cases:
        load = TIDE.load(QUARTERS, 1)
        n = square_root_staffing(load, beta)
        assert n.tolist() == staff
        assert poisson_tail(n[:2], load[:2]) == pytest.approx(waits, abs=5e-9)


@pytest.fixture(scope="module")
def equal() -> PeriodicQueue:
    return periodic_queue(TIDE, 1, 1, 100, QUARTERS)


def test_equal_means_make_a_poisson_house_at_every_moment(equal: PeriodicQueue) -> None:
    assert equal.waiting == pytest.approx(poisson_tail(np.full(4, 100), TIDE.load(QUARTERS, 1)), abs=1e-9)
    assert equal.waiting == pytest.approx(
        [0.15822098919, 0.84172132994, 0.84172132994, 0.15822098919], abs=1e-9
    )
    assert equal.queue_length == pytest.approx([0.74987265, 10.91107205, 10.91107205, 0.74987265], abs=2e-8)
    assert equal.busy + equal.queue_length == pytest.approx(TIDE.load(QUARTERS, 1), abs=1e-7)


def test_patience_of_twice_the_handling_time() -> None:
    found = periodic_queue(TIDE, 1, 2, 105, QUARTERS)
    assert found.waiting == pytest.approx(
        [0.07988100160, 0.71718851934, 0.78520160551, 0.14002428845], abs=2e-9
    )
    assert found.queue_length == pytest.approx([0.37048826, 8.87113069, 12.21835289, 0.89994125], abs=3e-8)


def test_a_staff_that_changes_leaves_the_poisson_house_as_it_is() -> None:
    calls = Steps((20.0, 5.0, 30.0), (1.0, 2.0, 4.0))
    staff = Steps((25.0, 8.0, 20.0), (0.5, 2.5, 4.0))
    times = np.array([0, 0.5, 1.2, 2.5, 4])
    found = periodic_queue(calls, 1, 1, staff, times)
    assert found.staff.tolist() == [25, 8, 8, 20, 25]
    load = calls.load(times, 1)
    assert found.waiting == pytest.approx(poisson_tail(found.staff, load), abs=1e-9)
    assert found.busy + found.queue_length == pytest.approx(load, rel=1e-8)


def test_a_steady_day_is_erlang_a() -> None:
    found = periodic_queue(Steps((12.0,), (5.0,)), 1, 2.5, 11, [0, 3])
    known = erlang_a(12, 1, 2.5, 11)
    assert found.waiting == pytest.approx(np.full(2, known.waiting), abs=1e-9)
    assert found.queue_length == pytest.approx(np.full(2, known.queue_length), abs=1e-7)


def test_what_cannot_be_a_day_is_refused() -> None:
    for values, ends in (((1.0,), (1.0, 2.0)), ((), ()), ((1.0, 2.0), (2.0, 2.0))):
        with pytest.raises(BadInput, match="as many ends as values, each later than the one before"):
            Steps(values, ends)
    with pytest.raises(BadInput, match="the least rate must not be negative"):
        Sinusoid(10, -11, 1)
    with pytest.raises(BadInput, match="times beyond the period of 2"):
        Steps((1.0,), (2.0,)).load(3, 1)
    for staff, times in ((Steps((5.0,), (3.0,)), 0.0), (5, 7.0)):
        with pytest.raises(BadInput, match="arrivals, staff and times are of one period"):
            periodic_queue(TIDE, 1, 1, staff, times)


def test_a_house_too_large_and_a_day_too_short_are_refused() -> None:
    with pytest.raises(LimitReached, match="callers in the house, 5000 at most"):
        periodic_queue(Sinusoid(100, 20, 5), 1, 100, 100, 0)
    with pytest.raises(LimitReached, match="not settled after 200 periods"):
        periodic_queue(Steps((1.0, 3.0), (0.01, 0.02)), 1, 2, 2, 0)
