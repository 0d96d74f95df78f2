"""The wait that is announced is an interval that holds, or nothing."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from marhaba.kernel.waiting import (
    COVERAGE,
    HANDLED_WINDOW_S,
    POSITION_MAX,
    SEEN_MAX,
    SEEN_MIN,
    WINDOW_S,
    Estimate,
    WaitEstimator,
    predicted,
)


def steady(gap_s: float, count: int, **known: int) -> tuple[WaitEstimator, float]:
    """A line that never empties, answered every `gap_s`; and the time of its last answer."""
    estimator = WaitEstimator()
    for number in range(count + 1):
        estimator.answered(number * gap_s, "q", 2 * gap_s, **known)
    return estimator, count * gap_s


@pytest.mark.parametrize(
    ("position", "count", "low", "high"),
    [
        (1, 1, 1 / 9, 9.0),  # one gap seen, one to come: either is the longer, odds 1 to 9
        (1, 5, 0.9 ** (-1 / 5) - 1, 0.1 ** (-1 / 5) - 1),
        (5, 1, 1 / (0.1 ** (-1 / 5) - 1), 1 / (0.9 ** (-1 / 5) - 1)),
        (3, 10, 3 / 10 / 2.8363, 3 / 10 * 2.0913),  # tables of F: (20, 6) and (6, 20), 10 % above
    ],
)
def test_the_interval_is_that_of_waits_over_gaps_seen(
    position: int, count: int, low: float, high: float
) -> None:
    assert predicted(position, count) == pytest.approx((low, high), rel=1e-4)


def test_a_line_answered_every_twenty_seconds() -> None:
    estimator, now = steady(20.0, 16)
    assert predicted(9, 16) == pytest.approx((0.3168, 0.9398), abs=5e-5)
    assert estimator.estimate(now, "q", 9) == Estimate(101, 301)


def test_the_more_was_seen_the_narrower_the_interval() -> None:
    widths = []
    for count in (SEEN_MIN + 3, 20, SEEN_MAX):
        estimator, now = steady(20.0, count)
        estimate = estimator.estimate(now, "q", 8)
        assert estimate is not None
        widths.append(estimate.high_s - estimate.low_s)
    assert widths == sorted(widths, reverse=True)


def test_too_little_evidence_and_impossible_places_say_nothing() -> None:
    estimator, now = steady(20.0, SEEN_MIN - 1)
    assert estimator.estimate(now, "q", 3) is None
    assert estimator.estimate(now, "never-heard-of", 3) is None
    estimator, now = steady(20.0, 20)
    assert estimator.estimate(now, "q", 3) is not None
    assert estimator.estimate(now, "q", 0) is None
    assert estimator.estimate(now, "q", POSITION_MAX + 1) is None
    assert estimator.estimate(now + WINDOW_S, "q", 3, longest_wait_s=0.0) is None


def test_gaps_in_which_the_line_was_empty_are_no_evidence() -> None:
    estimator = WaitEstimator()
    for number in range(20):
        estimator.answered(number * 20.0, "q", 19.9)  # each came after the one before was answered
    assert estimator.estimate(380.0, "q", 3) is None


def test_answers_at_one_instant_have_no_rate() -> None:
    estimator = WaitEstimator()
    for _ in range(10):
        estimator.answered(5.0, "q", 30.0)
    assert estimator.estimate(5.0, "q", 1) is None


def test_a_line_that_stopped_says_nothing() -> None:
    estimator, now = steady(20.0, 20)
    slower = estimator.estimate(now + 60.0, "q", 3)
    usual = estimator.estimate(now, "q", 3)
    assert slower is not None
    assert usual is not None
    assert slower.high_s > usual.high_s
    assert estimator.estimate(now + 120.0, "q", 3) is None


def test_a_quiet_spell_without_callers_is_not_a_stopped_line() -> None:
    estimator, now = steady(20.0, 20)
    assert estimator.estimate(now + 120.0, "q", 3, longest_wait_s=5.0) == estimator.estimate(
        now + 5.0, "q", 3
    )


def test_a_wait_beyond_half_an_hour_and_a_meaningless_interval_are_kept_to_oneself() -> None:
    estimator, now = steady(40.0, 20)
    assert estimator.estimate(now, "q", 40) is None
    estimator, now = steady(170.0, SEEN_MIN)
    assert estimator.estimate(now, "q", 1) is None


def test_twice_the_agents_take_half_the_time() -> None:
    estimator, now = steady(20.0, 20, working=10)
    usual = estimator.estimate(now, "q", 8, working=10)
    doubled = estimator.estimate(now, "q", 8, working=20)
    assert usual == estimator.estimate(now, "q", 8)
    assert usual is not None
    assert doubled is not None
    assert doubled.high_s == pytest.approx(usual.high_s / 2, abs=1)
    assert estimator.estimate(now, "q", 8, working=0) is None


def test_a_line_just_formed_is_estimated_from_handling_times() -> None:
    estimator = WaitEstimator()
    for number in range(20):
        estimator.handled(10.0 * number, "q", 200.0)
    low, high = predicted(4, 20)
    estimate = estimator.estimate(200.0, "q", 4, working=10)
    assert estimate == Estimate(int(low * 400), int(high * 400) + 1)
    assert estimator.estimate(200.0, "q", 4) is None  # by how many agents?
    assert estimator.estimate(200.0 + HANDLED_WINDOW_S, "q", 4, working=10) is None


def test_calls_that_took_no_time_are_no_evidence() -> None:
    estimator = WaitEstimator()
    for number in range(SEEN_MIN):
        estimator.handled(10.0 * number, "q", 0.0)
    assert estimator.estimate(50.0, "q", 1, working=3) is None


@dataclass
class Told:
    """Who was told what, and how long he waited from then on."""

    said: int = 0
    asked: int = 0
    below: int = 0
    above: int = 0

    @property
    def inside(self) -> float:
        return 1 - (self.below + self.above) / self.said


def simulate(
    *, seed: int, servers: int, load: float, calls: int, service: Callable[[random.Random], float]
) -> Told:
    """A queue of `servers` agents, first come first served; everybody who has to wait asks on arrival.

    Mean service time is 180 s; the first tenth of the calls fills the floor.
    """
    rng, told, estimator = random.Random(seed), Told(), WaitEstimator()
    free = [0.0] * servers
    waiting: list[tuple[float, float]] = []  # (start of service, wait) of those not yet answered
    now = 0.0
    for number in range(calls):
        now += rng.expovariate(load * servers / 180.0)
        while waiting and waiting[0][0] <= now:
            begin, wait = heapq.heappop(waiting)
            estimator.answered(begin, "q", wait)
        begin = max(now, heapq.heappop(free))
        heapq.heappush(free, begin + service(rng))
        wait = begin - now
        if wait > 0 and number > calls / 10:
            longest = now - min((at - waited for at, waited in waiting), default=now)
            told.asked += 1
            estimate = estimator.estimate(now, "q", len(waiting) + 1, longest_wait_s=longest)
            if estimate is not None:
                told.said += 1
                told.below += wait < estimate.low_s
                told.above += wait > estimate.high_s
        heapq.heappush(waiting, (begin, wait))
    return told


def exponential(rng: random.Random) -> float:
    return rng.expovariate(1 / 180.0)


def lognormal(rng: random.Random) -> float:
    """Handling times as they are measured: skewed, with a coefficient of variation of 0.7."""
    sigma = 0.631
    return rng.lognormvariate(5.193 - sigma**2 / 2, sigma)


@pytest.mark.parametrize(("servers", "load"), [(8, 0.95), (20, 0.97), (50, 0.98)])
def test_in_a_stationary_queue_the_interval_holds_its_stated_share(servers: int, load: float) -> None:
    """M/M/n: the share of waits inside is what was promised, and the misses fall on both sides."""
    told = simulate(seed=7, servers=servers, load=load, calls=30_000, service=exponential)
    assert told.said > 8_000
    assert abs(told.inside - COVERAGE) < 0.04
    assert 0.05 < told.below / told.said < 0.15
    assert 0.05 < told.above / told.said < 0.15


def test_with_handling_times_as_measured_the_interval_holds_at_least_its_share() -> None:
    told = simulate(seed=11, servers=20, load=0.97, calls=30_000, service=lognormal)
    assert told.said > 8_000
    assert told.inside > COVERAGE - 0.03
