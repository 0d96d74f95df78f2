"""Replications on all cores: each is a function of (model, seed, number), wherever and in whatever order it runs."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import Protocol

import numpy as np

from marhaba.kernel.errors import LimitReached
from marhaba.simulator import agenda, building, engine
from marhaba.simulator.model import ModelData
from marhaba.simulator.packed import pack
from marhaba.simulator.result import Replication, Result
from marhaba.simulator.world import World

SLICE = 200_000
"""Events between two looks at whether to stop: some tens of milliseconds."""


class Stop(Protocol):
    """When enough has been run. Asked after every replication; `runs` holds at least one."""

    def __call__(self, runs: list[Replication], elapsed_s: float) -> bool: ...

    def share(self, runs: list[Replication], elapsed_s: float) -> float:
        """How far it is, 0 to 1, for whoever waits."""


@dataclass(frozen=True, slots=True)
class MaxReplications:
    count: int

    def __call__(self, runs: list[Replication], elapsed_s: float) -> bool:
        return len(runs) >= self.count

    def share(self, runs: list[Replication], elapsed_s: float) -> float:
        return min(len(runs) / self.count, 1.0)


@dataclass(frozen=True, slots=True)
class MaxRuntime:
    seconds: float

    def __call__(self, runs: list[Replication], elapsed_s: float) -> bool:
        return elapsed_s >= self.seconds

    def share(self, runs: list[Replication], elapsed_s: float) -> float:
        return min(elapsed_s / self.seconds, 1.0)


@dataclass(frozen=True, slots=True)
class Precision:
    """Until the 95 % interval of a measure of all contacts together is this narrow: half-width of the service level,
    or of the abandonment, as shares of offered contacts.
    """

    half_width: float
    measure: str = "service_level"  # service_level | abandonment
    least: int = 10

    def __call__(self, runs: list[Replication], elapsed_s: float) -> bool:
        return len(runs) >= self.least and self._half_width(runs) <= self.half_width

    def share(self, runs: list[Replication], elapsed_s: float) -> float:
        if len(runs) < 2:
            return 0.0
        width = self._half_width(runs)
        return 1.0 if width <= self.half_width else min((self.half_width / width) ** 2, 1.0)

    def _half_width(self, runs: list[Replication]) -> float:
        return Result.half_width_of(runs, self.measure)


@dataclass(frozen=True, slots=True)
class FirstOf:
    """Whichever comes first."""

    stops: tuple[Stop, ...]

    def __call__(self, runs: list[Replication], elapsed_s: float) -> bool:
        return any(stop(runs, elapsed_s) for stop in self.stops)

    def share(self, runs: list[Replication], elapsed_s: float) -> float:
        return max(stop.share(runs, elapsed_s) for stop in self.stops)


class Pool(Protocol):
    """Where replications run."""

    at_once: int  # as many are kept running

    def submit(self, number: int) -> Future[Replication | None]:
        """Run that replication; None: it was stopped."""

    def __enter__(self) -> Pool: ...

    def __exit__(self, *error: object) -> None:
        """Enough has been run; what still runs is of no use."""


def simulate(
    data: ModelData,
    stop: Stop,
    seed: int = 1,
    *,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
    stopped: Event | None = None,
    trace: int = 0,
    pool: Pool | None = None,
) -> Result:
    """Run replications 0, 1, 2, ... until `stop` says so, or `stopped` is set: what is finished is kept.

    The same seed gives the same replications, and two models the same callers (common random numbers): compare their
    results replication by replication. `workers`: threads, one a core unless said otherwise. `progress` is told a share
    of 1 after each replication. `trace`: room for so many answered contacts of each replication, who answered whom.
    `pool`: another place to run than the threads of this process, closed at the end; see `marhaba.simulator.cluster`.
    """
    stopped = stopped or Event()
    began = time.perf_counter()
    done: dict[int, Replication] = {}
    runs: list[Replication] = []
    enough = False
    with pool or Threads(data, seed, trace, workers or os.cpu_count() or 1, stopped) as pool:
        running: dict[Future[Replication | None], int] = {}
        numbers = itertools.count()
        while not enough and not stopped.is_set():
            while len(running) < pool.at_once:
                number = next(numbers)
                running[pool.submit(number)] = number
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number, made = running.pop(future), future.result()
                if made is not None:
                    done[number] = made
            while not enough and len(runs) in done:  # in order, so that no result depends on who was faster
                runs.append(done.pop(len(runs)))
                enough = stop(runs, time.perf_counter() - began)
                if progress is not None:
                    progress(stop.share(runs, time.perf_counter() - began))
    return Result(data, seed, tuple(runs), complete=enough, elapsed_s=time.perf_counter() - began)


class Threads:
    """The threads of this process: compiled code leaves them all the cores."""

    def __init__(self, data: ModelData, seed: int, trace: int, count: int, stopped: Event) -> None:
        self.at_once = count
        self._runner = Runner(data, seed, trace, stopped)
        self._threads = ThreadPoolExecutor(count)

    def submit(self, number: int) -> Future[Replication | None]:
        return self._threads.submit(self._runner.replicate, number)

    def __enter__(self) -> Threads:
        return self

    def __exit__(self, *error: object) -> None:
        self._runner.abandoned.set()
        self._threads.shutdown(cancel_futures=True)


class Runner:
    """Worlds for threads to run in; larger ones when one proves too small."""

    def __init__(self, data: ModelData, seed: int, trace: int, stopped: Event) -> None:
        self.data, self.seed, self.stopped, self._trace = data, seed, stopped, trace
        self.abandoned = Event()
        self._contacts = building.CONTACTS_FIRST
        self._template = building.template(data, contacts=self._contacts, trace=trace)

    def replicate(self, number: int) -> Replication | None:
        """None: it was stopped."""
        while True:
            template = self._template
            world = building.fresh(template.world)
            building.set_streams(template, world, seed=self.seed, replication=number)
            packed = pack(world, template.type)
            engine.begin(packed)
            status = agenda.MORE
            while status == agenda.MORE:
                if self.stopped.is_set() or self.abandoned.is_set():
                    return None
                status = engine.run(packed, SLICE)
            if status == agenda.FINISHED:
                return self._read(world)
            self._grow(len(world.callers), status)

    def _grow(self, contacts: int, status: int) -> None:
        if status == agenda.TRACE_FULL:
            self._trace *= 2
        elif contacts * 2 > building.CONTACTS_MAX:
            raise LimitReached(
                f"more than {contacts} contacts at a time: the load grows without end", code="contacts-max"
            )
        else:
            self._contacts = max(self._contacts, contacts * 2)
        self._template = building.template(self.data, contacts=self._contacts, trace=self._trace)

    def _read(self, world: World) -> Replication:
        clock = world.clock[0]
        return Replication(
            counts=world.counts,
            talk_by=world.talk_by,
            lines_area=world.lines_area,
            waits=world.waits,
            queue_area=world.queue_area,
            queue_most=world.queue_most,
            busy_area=world.busy_area,
            staff_area=world.staff_area,
            at_end=world.at_end,
            left=int(clock["live"]),
            ended_s=float(clock["now"]),
            events=int(clock["handled"]),
            trace=world.trace[: int(clock["traced"])] if self._trace else np.zeros(0, world.trace.dtype),
        )
