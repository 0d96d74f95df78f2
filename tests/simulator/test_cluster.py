"""Replications on a cluster of this machine say what threads say."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from marhaba.simulator.laws import Exponential
from marhaba.simulator.model import Model, ModelData, Steady
from marhaba.simulator.simulate import MaxReplications, simulate

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
pytestmark = [
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"
    ),
    pytest.mark.timeout(300),
]


@pytest.fixture
def connection() -> Iterator[None]:
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield
    ray.shutdown()


def small() -> ModelData:
    model = Model(hours=2)
    model.add_queue("q", language_level=0)
    model.add_contact_type(
        "c", queue="q", arrivals=Steady(100.0), handle=Exponential(240.0), patience=Exponential(120.0)
    )
    model.add_agents("a", skills={}, count=6)
    return model.data()


def test_a_cluster_says_what_threads_say(connection: None) -> None:
    from marhaba.simulator.cluster import RayPool

    data, shares = small(), []
    pool = RayPool(data, 3, trace=10)
    assert pool.at_once == 4
    there = simulate(data, MaxReplications(20), 3, pool=pool, progress=shares.append)
    here = simulate(data, MaxReplications(20), 3, trace=10)
    assert there.complete
    assert len(shares) == 20
    for one, other in zip(there.runs, here.runs, strict=True):
        assert np.array_equal(one.counts, other.counts)
        assert np.array_equal(one.busy_area, other.busy_area)
        assert np.array_equal(one.trace, other.trace)
    assert ray.is_initialized()  # the connection was not the pool's to close


def test_without_a_connection_it_makes_a_cluster_of_this_machine_and_ends_it() -> None:
    from marhaba.simulator.cluster import RayPool

    pool = RayPool(small(), 3, workers=1)
    assert ray.is_initialized()
    assert simulate(small(), MaxReplications(2), 3, pool=pool).complete
    assert not ray.is_initialized()


def test_a_worker_replicates() -> None:
    from marhaba.simulator.cluster import _Worker

    made = _Worker(small(), 3, 0).replicate(1)
    assert made is not None
    assert np.array_equal(made.counts, simulate(small(), MaxReplications(2), 3).runs[1].counts)


def test_a_model_that_fails_there_says_so_here(connection: None) -> None:
    from marhaba.kernel.errors import LimitReached
    from marhaba.simulator.cluster import RayPool

    model = Model(hours=24 * 300)
    model.add_queue("q", language_level=0)
    model.add_contact_type("c", queue="q", arrivals=Steady(3_600.0 * 20), handle=Exponential(3_600.0))
    model.add_agents("a", skills={}, count=1)
    pool = RayPool(model.data(), 1, workers=1)
    with pytest.raises(LimitReached, match="grows without end"):
        simulate(model.data(), MaxReplications(1), pool=pool)
