"""The plain M/M/n+M model as users of SimPy and of Ciw would write it, for `marhaba bench simulator`."""

from __future__ import annotations

import importlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

AGENTS, PER_S, HELPED_S, PATIENT_S = 100, 100.0, 1.0, 2.0


@dataclass(slots=True)
class Speed:
    calls: int
    abandoned: int
    seconds: float

    @property
    def calls_per_s(self) -> float:
        return self.calls / self.seconds


def simpy_speed(until: float) -> Speed:
    simpy: Any = importlib.import_module("simpy")

    chance = random.Random(1)  # noqa: S311 -- a simulation
    tally = Speed(0, 0, 0.0)

    def caller(house: Any, agents: Any) -> Iterator[Any]:
        tally.calls += 1
        with agents.request() as request:
            if not request.triggered:
                answer: Any = yield request | house.timeout(chance.expovariate(1 / PATIENT_S))
                if request not in answer:
                    tally.abandoned += 1
                    return
            yield house.timeout(chance.expovariate(1 / HELPED_S))

    def street(house: Any, agents: Any) -> Iterator[Any]:
        while True:
            yield house.timeout(chance.expovariate(PER_S))
            house.process(caller(house, agents))

    house = simpy.Environment()
    house.process(street(house, simpy.Resource(house, AGENTS)))
    began = perf_counter()
    house.run(until)
    tally.seconds = perf_counter() - began
    return tally


def ciw_speed(until: float) -> Speed:
    ciw: Any = importlib.import_module("ciw")

    ciw.seed(1)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(PER_S)],
        service_distributions=[ciw.dists.Exponential(1 / HELPED_S)],
        reneging_time_distributions=[ciw.dists.Exponential(1 / PATIENT_S)],
        number_of_servers=[AGENTS],
    )
    simulation = ciw.Simulation(network)
    began = perf_counter()
    simulation.simulate_until_max_time(until)
    seconds = perf_counter() - began
    records = simulation.get_all_records()
    return Speed(len(records), sum(record.record_type == "renege" for record in records), seconds)
