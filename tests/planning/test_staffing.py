"""The fewest agents: every answer is asked back from the formula, at the answer and one below."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marhaba.kernel.errors import BadInput, LimitReached
from marhaba.planning.erlang import erlang_a, erlang_b, erlang_c
from marhaba.planning.performance import Letter
from marhaba.planning.staffing import agents_for_service_level, lines_for_blocking

CALLS = np.array([10, 50, 100, 200, 500, 1000, 1500]) / 1800
HANDLE = np.array([180, 240, 180, 300, 240, 300, 420])


def test_eighty_percent_in_twenty_seconds_by_erlang_c() -> None:
    n = agents_for_service_level(CALLS, HANDLE, target=0.8, threshold=20)
    assert n.tolist() == [3, 10, 14, 39, 74, 176, 364]
    levels = [0.92720569, 0.86776028, 0.88835002, 0.82591625, 0.84613632, 0.80283066, 0.82035519]
    assert erlang_c(CALLS, HANDLE, n, threshold=20).service_level() == pytest.approx(levels, abs=5e-9)


def test_eighty_percent_in_twenty_seconds_by_erlang_a() -> None:
    n = agents_for_service_level(CALLS, HANDLE, 180, target=0.8, threshold=20)
    assert n.tolist() == [3, 9, 12, 36, 68, 164, 338]
    found = erlang_a(CALLS, HANDLE, 180, n, threshold=20)
    levels = [0.93704710, 0.84171559, 0.80230387, 0.82052567, 0.81212143, 0.81464404, 0.80664013]
    assert found.service_level() == pytest.approx(levels, abs=5e-9)
    left = [0.0233, 0.0488, 0.0531, 0.0438, 0.0429, 0.0436, 0.0472]
    assert found.abandonment == pytest.approx(left, abs=5e-5)


def test_both_limits_are_kept_and_cost_agents() -> None:
    plain = agents_for_service_level(CALLS, HANDLE, 180, target=0.8, threshold=20)
    calm = agents_for_service_level(CALLS, HANDLE, 180, target=0.8, threshold=20, occupancy_max=0.8)
    loyal = agents_for_service_level(CALLS, HANDLE, 180, target=0.8, threshold=20, abandonment_max=0.02)
    assert erlang_a(CALLS, HANDLE, 180, calm).occupancy.max() <= 0.8
    assert erlang_a(CALLS, HANDLE, 180, loyal).abandonment.max() <= 0.02
    assert erlang_a(CALLS, HANDLE, 180, calm - 1, threshold=20).occupancy[2:].min() > 0.8
    assert erlang_a(CALLS, HANDLE, 180, loyal - 1).abandonment.min() > 0.02
    assert (plain <= calm).all()
    assert (plain <= loyal).all()


def test_occupancy_of_erlang_c_is_load_over_agents() -> None:
    n = agents_for_service_level([10, 80], 1, target=0.01, threshold=5, occupancy_max=[0.5, 0.8])
    assert n.tolist() == [20, 100]


@settings(max_examples=150)
@given(
    st.floats(0.001, 3000),
    st.one_of(st.just(np.inf), st.floats(0.005, 1000)),
    st.floats(0.001, 0.9999),
    st.floats(0, 5),
    st.sampled_from(["F1", "F2", "F3", "F4"]),
    st.floats(0.2, 1),
    st.floats(0.001, 1),
)
def test_the_answer_keeps_the_promise_and_one_fewer_does_not(
    load: float,
    patience: float,
    target: float,
    threshold: float,
    letter: Letter,
    occupied: float,
    left: float,
) -> None:
    n = agents_for_service_level(
        load / 7, 7, patience * 7,
        target=target, threshold=threshold * 7, letter=letter, occupancy_max=occupied, abandonment_max=left,
    )  # fmt: skip
    assert n.shape == ()
    found = erlang_a(load / 7, 7, patience * 7, [n, n - 1], threshold=threshold * 7)
    kept = found.service_level(letter) >= target
    kept &= (found.occupancy <= occupied) & (found.abandonment <= left)
    edge = (
        np.abs(found.service_level(letter) - target).min() < 1e-12
    )  # either answer is right to the last digit
    assert kept.tolist() == [True, n == 1 and kept[1]] or edge


def test_where_calls_come_somebody_is_there() -> None:
    """All hang up at once, and by F1 that is a fine level."""
    assert agents_for_service_level(1, 1, 1e-6, target=0.8, threshold=1, letter="F1") == 1


def test_half_hours_without_calls_need_nobody() -> None:
    assert agents_for_service_level([0, 1e-9, 1], 1, target=0.8, threshold=0.1).tolist() == [0, 1, 3]
    assert agents_for_service_level([[0], [5]], 1, 2, target=[0.5, 0.9], threshold=0).shape == (2, 2)
    assert agents_for_service_level([], 1, target=0.8, threshold=0.1).tolist() == []


def test_where_the_guess_is_far_off() -> None:
    """A level that a hundredth of the agents keep, since callers leave at once: far from the normal approximation."""
    n = agents_for_service_level(3000, 1, 1e-4, target=0.005, threshold=0, letter="F3")
    level = erlang_a(3000, 1, 1e-4, [n, n - 1]).service_level()
    assert level[0] >= 0.005 > level[1]


def test_lines_for_blocking() -> None:
    assert lines_for_blocking([84.064, 84.1, 0, 12], blocking_max=0.01).tolist() == [100, 101, 0, 20]
    n = lines_for_blocking([[3.0], [900.0]], blocking_max=[0.001, 0.5])
    load = np.array([[3.0], [900.0]])
    assert (erlang_b(load, n) <= [0.001, 0.5]).all()
    assert (erlang_b(load, n - 1) > [0.001, 0.5]).all()


def test_a_crowd_beyond_the_limit_is_refused() -> None:
    with pytest.raises(LimitReached, match="more than 100000 agents would be needed"):
        agents_for_service_level([3, 100_001], 1, target=0.8, threshold=0.1)


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"target": 1.0}, r"target must lie between 0 and 1: 1\."),
        ({"target": 0.0}, r"target must lie between 0 and 1: 0\."),
        ({"threshold": -1}, r"threshold must not be negative: -1\."),
        ({"occupancy_max": 0}, r"occupancy_max must be above 0, and 1 at most: 0\."),
        ({"abandonment_max": [0.1, 1.5]}, r"abandonment_max must be above 0, and 1 at most: \[0.1 1.5\]"),
        ({"letter": "F6"}, r"'F6': planning knows the levels F1, F2, F3 and F4"),
    ],
)
def test_promises_that_nobody_can_keep_are_refused(wish: dict[str, float], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        agents_for_service_level(1, 1, 2, **({"target": 0.8, "threshold": 0.1} | wish))
