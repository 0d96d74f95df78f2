"""Limited lines, constant handling times, priorities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marhaba.kernel.errors import BadInput, LimitReached
from marhaba.planning.erlang import erlang_b, erlang_c
from marhaba.planning.queues import constant_handling, finite_lines, priorities


def test_ten_waiting_places_for_a_hundred_agents() -> None:
    found = finite_lines(100, 1, 100, 110)
    assert found.blocking == pytest.approx(0.0430849502906, rel=1e-11)
    assert found.waiting == pytest.approx(0.450248434317, rel=1e-11)
    assert found.wait_mean == pytest.approx(0.0247636638874, rel=1e-11)


def test_as_many_lines_as_agents_is_erlang_b_and_very_many_erlang_c() -> None:
    load, n = np.array([[3.0], [90], [2000]]), np.array([5, 100, 2100])
    assert finite_lines(load * 2, 0.5, n, n).blocking == pytest.approx(erlang_b(load, n), rel=1e-11)
    assert finite_lines(load * 2, 0.5, n, n).waiting == pytest.approx(0)
    many, known = finite_lines(80, 1, [90, 100], 20_000), erlang_c(80, 1, [90, 100])
    for ours, theirs in (
        (many.waiting, known.waiting), (many.wait_mean, known.wait_mean), (many.queue_length, known.queue_length),
        (many.occupancy, known.occupancy), (many.blocking, 0),
    ):  # fmt: skip
        assert ours == pytest.approx(theirs, rel=1e-11)


@given(st.floats(0.01, 60), st.integers(1, 20), st.integers(0, 30))
def test_limited_lines_are_the_birth_death_sums(load: float, agents: int, places: int) -> None:
    lines = agents + places
    weights = [1.0]
    for k in range(1, lines + 1):
        weights.append(weights[-1] * load / min(k, agents))
    law = np.array(weights) / math.fsum(weights)
    found, n = finite_lines(load, 1, agents, lines), np.arange(lines + 1)
    queue = law @ np.maximum(n - agents, 0)
    assert found.blocking == pytest.approx(law[-1], rel=1e-10, abs=0)
    assert found.waiting == pytest.approx(law[agents:-1].sum() / law[:-1].sum(), rel=1e-10)
    assert found.queue_length == pytest.approx(queue, rel=1e-10)
    assert found.wait_mean == pytest.approx(queue / (load * law[:-1].sum()), rel=1e-10)
    assert found.occupancy == pytest.approx(law @ np.minimum(n, agents) / agents, rel=1e-10)


def test_fewer_lines_than_agents_are_refused() -> None:
    with pytest.raises(BadInput, match="fewer lines than agents"):
        finite_lines(1, 1, 5, [5, 4])


@pytest.mark.parametrize(
    ("rate", "agents", "wait", "waiting"),
    [(9, 10, 0.34458205038, 0.6468612839), (95, 100, 0.0534460391, 0.4751148520), (0.8, 1, 2.0, 0.8)],
)
def test_constant_handling_as_known(rate: float, agents: int, wait: float, waiting: float) -> None:
    found = constant_handling(rate, 1, agents)
    assert found.wait_mean == pytest.approx(wait, abs=6e-11)
    assert found.waiting == pytest.approx(waiting, abs=6e-11)


@pytest.mark.parametrize("load", [0.001, 0.3, 0.9, 0.98])
def test_one_agent_of_constant_speed_is_the_closed_form(load: float) -> None:
    """Pollaczek and Khinchine's mean, and Erlang's law of the wait (1909)."""
    found = constant_handling(load / 3, 3, 1)
    assert found.wait_mean == pytest.approx(3 * load / (2 * (1 - load)), rel=1e-10)
    assert found.queue_length == pytest.approx(load / 3 * found.wait_mean)
    for time in (0, 0.5, 1, 2.7):
        known = (1 - load) * sum(
            (load * (k - time)) ** k * math.exp(load * (time - k)) / math.factorial(k)
            for k in range(int(time) + 1)
        )
        assert found.waited_within(3 * time) == pytest.approx(known, rel=1e-9)
    assert found.no_queue == pytest.approx((1 - load) * math.exp(load))


def test_the_law_of_the_wait_has_the_mean_of_the_wait() -> None:
    found = constant_handling(9, 1, 10)
    grid = np.linspace(0, 8, 401)
    beyond = np.array([1 - found.waited_within(t) for t in grid])
    assert (np.diff(beyond) < 1e-12).all()
    assert (beyond[1:] + beyond[:-1]).sum() / 2 * 0.02 == pytest.approx(found.wait_mean, rel=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.floats(0.3, 0.95))
def test_constant_handling_waits_between_half_and_all_of_erlang_c(agents: int, ratio: float) -> None:
    """Cosmetatos 1975: near half of it where many wait, more where few do."""
    random = float(erlang_c(agents * ratio, 1, agents).wait_mean)
    assert 0.5 * random * (1 - 1e-9) <= constant_handling(agents * ratio, 1, agents).wait_mean < random


def test_constant_handling_at_its_limits() -> None:
    with pytest.raises(BadInput, match="a load of 10 for 10 agents grows without end"):
        constant_handling(10, 1, 10)
    with pytest.raises(LimitReached, match=r"a load of 0\.9999 is too near to 1 agents"):
        constant_handling(0.9999, 1, 1)
    with pytest.raises(BadInput, match="arrival rate must be one number"):
        constant_handling([1, 2], 1, 10)  # type: ignore[arg-type]


def test_two_priorities() -> None:
    found = priorities([30, 60], 1, 100)
    assert found.waiting == pytest.approx(0.216940480906, rel=1e-11)
    assert found.wait_mean == pytest.approx([0.00309914972723, 0.0309914972723], rel=1e-11)


def test_priorities_move_waits_and_do_not_make_any() -> None:
    """The conservation law (Kleinrock 1965): the mean over all calls is that of first come, first served."""
    rates = np.array([[5.0, 20, 0, 40], [1, 2, 3, 60]])
    found = priorities(rates, 1.25, [100, 90])
    plain = erlang_c(rates.sum(axis=1), 1.25, [100, 90])
    assert (found.wait_mean * rates).sum(axis=1) / rates.sum(axis=1) == pytest.approx(
        plain.wait_mean, rel=1e-10
    )
    assert priorities(81.25, 1, 100).wait_mean == pytest.approx([float(erlang_c(81.25, 1, 100).wait_mean)])


def test_who_is_never_reached_waits_for_ever_and_the_first_do_not_notice() -> None:
    found = priorities([5, 4, 3], 1, 10)
    assert found.waiting == 1
    assert found.wait_mean.tolist() == [pytest.approx(0.2), pytest.approx(2.0), math.inf]
