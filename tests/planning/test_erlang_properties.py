"""What must hold in every queue, whatever its numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marhaba.planning.erlang import erlang_a, erlang_b, erlang_c
from marhaba.planning.performance import Performance
from marhaba.planning.wait_percentile import wait_percentile
from tests.planning import exact

AGENTS = st.integers(1, 300)
RATIO = st.floats(0.3, 2.0)
HANDLE = st.floats(0.01, 1000)
PATIENCE = st.floats(0.01, 100)
"""In handling times."""
THRESHOLD = st.floats(0, 3)
SLACK = 1e-12


@settings(deadline=None)
@given(AGENTS, st.floats(0.001, 3))
def test_blocking_is_the_recursion(agents: int, ratio: float) -> None:
    load = agents * ratio
    assert erlang_b(load, agents) == pytest.approx(float(exact.erlang_b(load, agents)), rel=1e-11, abs=0)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 100), RATIO, HANDLE, st.floats(0.01, 20))
def test_erlang_a_is_the_birth_death_sum(agents: int, ratio: float, handle: float, patience: float) -> None:
    rate = agents * ratio / handle
    found = erlang_a(rate, handle, patience * handle, agents)
    for name, value in exact.birth_death(rate, handle, patience * handle, agents).items():
        assert getattr(found, name) == pytest.approx(float(value), rel=1e-10, abs=0), name


@given(AGENTS, RATIO, PATIENCE, THRESHOLD)
def test_more_agents_serve_better_and_more_calls_worse(
    agents: int, ratio: float, patience: float, threshold: float
) -> None:
    n, rate = np.arange(agents, agents + 8), agents * ratio
    by_agents = erlang_a(rate, 1, patience, n, threshold=threshold)
    by_rate = erlang_a(rate * np.linspace(1.2, 0.8, 8), 1, patience, agents, threshold=threshold)
    for found in (by_agents, by_rate):
        for falling in (found.waiting, found.abandonment, found.wait_mean, found.asa, found.occupancy):
            assert (np.diff(falling) <= SLACK).all()
        for letter in ("F1", "F2", "F3", "F4"):
            assert (np.diff(found.service_level(letter)) >= -SLACK).all()


@given(AGENTS, RATIO, PATIENCE, THRESHOLD)
def test_shares_are_shares_and_add_up(agents: int, ratio: float, patience: float, threshold: float) -> None:
    found = erlang_a(agents * ratio, 1, patience, agents, threshold=threshold)
    parts = (found.answered_in_time, found.abandoned_in_time, found.waiting_beyond)
    assert min(parts) >= 0
    assert sum(parts) == pytest.approx(1, abs=1e-12)
    assert found.abandonment == pytest.approx(found.wait_mean / patience, rel=1e-12)
    assert found.occupancy * agents == pytest.approx(agents * ratio * (1 - found.abandonment), rel=1e-10)
    assert found.abandoned_in_time <= found.abandonment * (1 + SLACK)
    assert found.asa > 0
    assert found.queue_length == pytest.approx(agents * ratio * found.wait_mean, rel=1e-13)  # Little


@given(AGENTS, st.floats(0.1, 0.98), THRESHOLD)
def test_endless_patience_is_erlang_c(agents: int, ratio: float, threshold: float) -> None:
    patient = erlang_c(agents * ratio, 1, agents, threshold=threshold)
    nearly = erlang_a(agents * ratio, 1, 9e8, agents, threshold=threshold)
    assert nearly.waiting == pytest.approx(patient.waiting, rel=1e-4)
    assert nearly.wait_mean == pytest.approx(patient.wait_mean, rel=1e-4)
    assert nearly.waiting_beyond == pytest.approx(patient.waiting_beyond, rel=1e-4)
    assert nearly.abandonment < 1e-4


@given(AGENTS, RATIO, PATIENCE, THRESHOLD, st.floats(1e-3, 1e3))
def test_another_unit_of_time_is_the_same_queue(
    agents: int, ratio: float, patience: float, threshold: float, unit: float
) -> None:
    one = erlang_a(agents * ratio, 1, patience, agents, threshold=threshold)
    other = erlang_a(agents * ratio / unit, unit, patience * unit, agents, threshold=threshold * unit)
    for name in Performance.__dataclass_fields__:
        times = unit if name in ("wait_mean", "asa") else 1.0
        assert getattr(other, name) == pytest.approx(getattr(one, name) * times, rel=1e-8, abs=1e-200), name


@given(AGENTS, AGENTS, RATIO, PATIENCE)
def test_pooling_never_hurts(agents: int, others: int, ratio: float, patience: float) -> None:
    """Two groups of the same load on each agent wait and lose more apart than together."""
    apart = erlang_a(np.array([agents, others]) * ratio, 1, patience, [agents, others])
    together = erlang_a((agents + others) * ratio, 1, patience, agents + others)
    assert together.queue_length <= apart.queue_length.sum() * (1 + SLACK)
    assert together.abandonment <= max(apart.abandonment) * (1 + SLACK)


@given(AGENTS, RATIO, PATIENCE, st.floats(0.01, 0.999))
def test_a_percentile_is_the_time_that_the_share_stays_within(
    agents: int, ratio: float, patience: float, share: float
) -> None:
    wait = wait_percentile(share, agents * ratio, 1, agents, patience)
    found = erlang_a(agents * ratio, 1, patience, agents, threshold=wait)
    if wait > 0:
        assert found.waiting_beyond == pytest.approx(1 - share, rel=1e-9)
    else:
        assert found.waiting <= (1 - share) * (1 + 1e-9)
