"""Replications on the machines of a Ray cluster (`pip install "marhaba[ray]"`).

    result = simulate(data, MaxReplications(10_000), seed=1, pool=RayPool(data, seed=1, address="auto"))

A replication is a function of (model, seed, number), so the result is the same, to the last bit, as on one machine.
"""

from __future__ import annotations

import itertools
import os
from concurrent.futures import Future
from threading import Event
from typing import Any, cast

import ray

from marhaba.simulator.model import ModelData
from marhaba.simulator.result import Replication
from marhaba.simulator.simulate import Runner

AHEAD = 2
"""Replications handed to each worker, so that it has the next while its last one travels."""


class RayPool:
    """One worker for each processor of the cluster, for one run; `address`: as of `ray.init`, None for a cluster of this
    machine.

    A connection that is already open is used, and left open. Raises what `ray.init` raises when there is no cluster.
    """

    def __init__(
        self,
        data: ModelData,
        seed: int,
        *,
        address: str | None = None,
        workers: int | None = None,
        trace: int = 0,
    ) -> None:
        self._ours = not ray.is_initialized()
        if self._ours:
            os.environ.setdefault(
                "RAY_USAGE_STATS_ENABLED", "0"
            )  # what is planned here is nobody else's business
            ray.init(address=address, log_to_driver=False, include_dashboard=False)
        count = workers or max(int(ray.cluster_resources().get("CPU", 1.0)), 1)
        model = ray.put(data)
        worker: Any = ray.remote(num_cpus=1)(_Worker)
        self._workers = [worker.remote(model, seed, trace) for _ in range(count)]
        self._next = itertools.cycle(self._workers)
        self.at_once = AHEAD * count

    def submit(self, number: int) -> Future[Replication | None]:
        return cast("Future[Replication | None]", next(self._next).replicate.remote(number).future())

    def __enter__(self) -> RayPool:
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self._workers:
            ray.kill(worker)
        if self._ours:
            ray.shutdown()


class _Worker:
    def __init__(self, data: ModelData, seed: int, trace: int) -> None:
        self._runner = Runner(data, seed, trace, Event())

    def replicate(self, number: int) -> Replication | None:
        return self._runner.replicate(number)
