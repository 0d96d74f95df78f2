"""The wait that is announced is an interval that holds, or nothing."""

import heapq
import random

import pytest

from marhaba.kernel.waiting import SEEN_MIN, WINDOW_S, Estimate, WaitEstimator, gamma_interval


def taken(estimator: WaitEstimator, times: list[float], wait_s: float = 30.0) -> None:
    for at in times:
        estimator.answered(at, "q", wait_s)


def test_an_interval_from_the_rate_at_which_callers_are_taken() -> None:
    estimator = WaitEstimator()
    taken(estimator, [20.0 * n for n in range(16)])  # one every 20 s
    assert estimator.estimate(300.0, "q", 9) == Estimate(90.0, 300.0)


@pytest.mark.parametrize(
    ("shape", "low", "high"), [(1.0, 0.1054, 2.3026), (4.0, 1.7448, 6.6808), (10.0, 6.2213, 14.2060)]
)
def test_the_interval_is_the_central_eighty_per_cent_of_a_gamma(
    shape: float, low: float, high: float
) -> None:
    found = gamma_interval(shape, 1.0)  # quantiles of tables, to the precision of the approximation
    assert found[0] == pytest.approx(low, abs=0.02)
    assert found[1] == pytest.approx(high, rel=0.02)


def test_nothing_is_said_when_nothing_is_known() -> None:
    estimator = WaitEstimator()
    assert estimator.estimate(0.0, "q", 1) is None
    taken(estimator, [10.0 * n for n in range(SEEN_MIN - 1)])
    assert estimator.estimate(40.0, "q", 1) is None
    taken(estimator, [50.0])
    assert estimator.estimate(60.0, "q", 0) is None
    assert estimator.estimate(60.0 + 2 * WINDOW_S, "q", 3) is None


def test_answers_without_a_wait_are_no_evidence_about_a_line() -> None:
    estimator = WaitEstimator()
    taken(estimator, [10.0 * n for n in range(20)], wait_s=0.2)
    assert estimator.estimate(200.0, "q", 2) is None


def test_a_burst_at_one_moment_has_no_rate() -> None:
    estimator = WaitEstimator()
    taken(estimator, [5.0] * 10)
    assert estimator.estimate(5.0, "q", 1) is None


def test_a_wait_beyond_half_an_hour_and_a_meaningless_interval_are_kept_to_oneself() -> None:
    estimator = WaitEstimator()
    taken(estimator, [100.0 * n for n in range(8)])
    assert estimator.estimate(710.0, "q", 40) is None
    assert estimator.estimate(710.0, "q", 1) is None


def test_the_announced_interval_covers_the_true_wait_about_four_times_in_five() -> None:
    """A stationary, busy M/M/8 queue: callers are told an interval on arrival, and we look what became of it."""
    rng = random.Random(7)
    servers, service, load = 8, 180.0, 0.97
    free = [0.0] * servers
    estimator, told, inside = WaitEstimator(), 0, 0
    now, started = 0.0, []
    for _ in range(20_000):
        now += rng.expovariate(load * servers / service)
        while started and started[0][0] <= now:
            at, wait = heapq.heappop(started)
            estimator.answered(at, "q", wait)
        position = len(started) + 1
        begin = max(now, heapq.heappop(free))
        heapq.heappush(free, begin + rng.expovariate(1 / service))
        heapq.heappush(started, (begin, begin - now))
        if begin > now and (estimate := estimator.estimate(now, "q", position)) is not None:
            told += 1
            inside += estimate.low_s <= begin - now <= estimate.high_s
    assert told > 3_000
    assert 0.72 <= inside / told <= 0.95
