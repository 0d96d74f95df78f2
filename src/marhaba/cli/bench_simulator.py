"""`marhaba bench simulator`: contacts simulated a second, beside SimPy and Ciw on the same model, and what a page waits.

All speeds are of one core (`workers=1`) unless the figure says otherwise, after compilation. The first answer on a cold
and on a warm cache is that of a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from marhaba.cli import bench_peers
from marhaba.simulator.laws import Exponential, LogNormal
from marhaba.simulator.model import Model, ModelData, PerInterval, Steady
from marhaba.simulator.result import Result
from marhaba.simulator.simulate import MaxReplications, simulate

PLAIN_S, PEERS_S = 20_000.0, 300.0
"""Virtual seconds of the plain model, ours and theirs: some seconds of real time each."""
TARGETS = {
    "contacts_per_s": [">=", 2e6],
    "contacts_per_s_large": [">=", 1e6],
    "ratio_simpy": [">=", 200],
    "ratio_ciw": [">=", 200],
    "week_s": ["<=", 10.0],
    "day_s": ["<=", 0.5],
    "start_warm_s": ["<=", 2.0],
}
START = """
hours = "08:00-20:00"
languages = ["fr", "es"]
queues.fr.language_level = 5
queues.es.language_level = 5
[types.fr]
queue = "fr"
language = "fr"
arrivals = { per_hour = 120, busyness = 30 }
patience = { law = "exponential", mean_s = 150 }
handle = { law = "lognormal", mean_s = "4 min", sd_s = "3 min" }
[types.es]
queue = "es"
language = "es"
arrivals = { per_hour = 50, busyness = 30 }
patience = { law = "exponential", mean_s = 150 }
handle = { law = "lognormal", mean_s = "4 min", sd_s = "3 min" }
[agents.french]
skills = { fr = 8 }
count = 8
[agents.both]
skills = { fr = 8, es = 8 }
count = 7
"""
"""What `marhaba simulate` is given when its first answer is timed."""


def bench_simulator() -> dict[str, Any]:
    """{"figures": ..., "targets": ...}: the contract of `cli.bench`."""
    with tempfile.TemporaryDirectory() as folder:
        cold_s, warm_s = _start_s(Path(folder)), _start_s(Path(folder))
    simulate(day(), MaxReplications(1), seed=1)
    ours = _speed(plain(PLAIN_S), replications=1)
    simpy, ciw = bench_peers.simpy_speed(PEERS_S), bench_peers.ciw_speed(PEERS_S)
    figures = {
        "contacts_per_s": _speed(mixed(), replications=20),
        "contacts_per_s_large": _speed(large(), replications=4),
        "plain_contacts_per_s": ours,
        "simpy_contacts_per_s": simpy.calls_per_s,
        "ciw_contacts_per_s": ciw.calls_per_s,
        "ratio_simpy": ours / simpy.calls_per_s,
        "ratio_ciw": ours / ciw.calls_per_s,
        "week_s": _seconds(week(), replications=100)[0],
        "day_s": _seconds(day(), replications=200)[0],
        "start_cold_s": cold_s,
        "start_warm_s": warm_s,
    }
    return {"figures": figures, "targets": TARGETS}


def plain(seconds: float) -> ModelData:
    """M/M/100+M: 100 calls a second, 1 s each, patience 2 s, as the peers simulate it."""
    model = Model(hours=seconds / 3600.0, interval_s=seconds)
    queue = model.add_queue("calls", language_level=0)
    model.add_contact_type(
        "calls",
        queue=queue,
        arrivals=Steady(bench_peers.PER_S * 3600.0),
        handle=Exponential(bench_peers.HELPED_S),
        patience=Exponential(bench_peers.PATIENT_S),
    )
    model.add_agents("agents", skills={}, count=bench_peers.AGENTS)
    return model.data()


def mixed() -> ModelData:
    """3 contact types of different priority, 4 skill sets, 100 agents, whose number changes each quarter of an hour."""
    model = Model(hours=24, interval_s=900.0)
    for name, priority in (("sales", 1), ("service", 0), ("vip", 2)):
        model.add_queue(name, skills={name: 1}, language_level=0, priority=priority)
    for name, share in (("sales", 0.3), ("service", 0.6), ("vip", 0.1)):
        model.add_contact_type(
            name,
            queue=name,
            arrivals=PerInterval([share * 288.0 * (1 + 0.2 * ((i * 7) % 5 - 2) / 2) for i in range(96)]),
            handle=Exponential(300.0),
            patience=Exponential(180.0),
        )
    sets = {
        "sellers": {"sales": 1},
        "helpers": {"service": 1},
        "both": {"sales": 1, "service": 1},
        "all": {"sales": 1, "service": 1, "vip": 1},
    }
    for (name, skills), size in zip(sets.items(), (20, 40, 25, 15), strict=True):
        model.add_agents(name, skills=skills, count=[size - (i * 3 + size) % 4 for i in range(96)])
    return model.data()


def large() -> ModelData:
    """20 contact types, 1,000 agents in 30 skill sets of two to four types each."""
    model = Model(hours=24, interval_s=900.0)
    names = [f"type-{number}" for number in range(20)]
    for number, name in enumerate(names):
        model.add_queue(name, skills={name: 1}, language_level=0, priority=number % 3)
        model.add_contact_type(
            name,
            queue=name,
            arrivals=PerInterval([142.0 * (1 + 0.2 * ((i + number) % 5 - 2) / 2) for i in range(96)]),
            handle=Exponential(300.0),
            patience=Exponential(180.0),
        )
    for number in range(30):
        skills = {names[(number * 7 + step * 3) % 20]: 1 for step in range(2 + number % 3)}
        model.add_agents(
            f"set-{number}", skills=skills, count=[33 - (i + number) % 3 + (number < 10) for i in range(96)]
        )
    return model.data()


def day() -> ModelData:
    """A centre as a supervisor sees it: 2 queues, 25 seats, half-hours from 8 to 20."""
    model = Model(hours=12, interval_s=1800.0)
    for name in ("fr", "es"):
        model.add_queue(name, skills={name: 1}, language_level=0)
    shape = [0.6, 0.9, 1.2, 1.4, 1.4, 1.3, 1.1, 0.8, 0.7, 0.8, 1.0, 1.2] * 2
    for name, calls in (("fr", 80.0), ("es", 30.0)):
        model.add_contact_type(
            name,
            queue=name,
            arrivals=PerInterval([calls * part for part in sorted(shape[:12]) + shape[:12]], busyness=30.0),
            handle=LogNormal(240.0, 180.0),
            patience=Exponential(150.0),
        )
    model.add_agents("français", skills={"fr": 1}, count=12)
    model.add_agents("español", skills={"es": 1}, count=5)
    model.add_agents("deux langues", skills={"fr": 1, "es": 1}, count=8)
    return model.data()


def week() -> ModelData:
    """500 seats, 20 queues, half-hours round the clock for seven days."""
    model = Model(hours=168, interval_s=1800.0)
    names = [f"queue-{number}" for number in range(20)]
    curve = [0.05 + 0.95 * max(0.0, 1 - abs(i % 48 - 26) / 18) for i in range(336)]
    for number, name in enumerate(names):
        model.add_queue(name, skills={name: 1}, language_level=0)
        model.add_contact_type(
            name,
            queue=name,
            arrivals=PerInterval([110.0 * part * (1.2 - number / 50) for part in curve], busyness=40.0),
            handle=LogNormal(300.0, 240.0),
            patience=Exponential(180.0),
        )
    for number in range(25):
        skills = {names[(number * 3 + step) % 20]: 1 for step in range(1 + number % 4)}
        model.add_agents(f"team-{number}", skills=skills, count=[max(1, round(20 * part)) for part in curve])
    return model.data()


def _seconds(data: ModelData, *, replications: int, workers: int | None = None) -> tuple[float, Result]:
    began = perf_counter()
    result = simulate(data, MaxReplications(replications), seed=1, workers=workers)
    return perf_counter() - began, result


def _speed(data: ModelData, *, replications: int) -> float:
    """Contacts a second on one core."""
    seconds, result = _seconds(data, replications=replications, workers=1)
    return result.offered / seconds


def _start_s(cache: Path) -> float:
    """A process of its own, which may keep what it has compiled, as it does for whoever uses it twice."""
    own = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONDONTWRITEBYTECODE", "NUMBA_CACHE_DIR")
    }
    model = cache / "start.toml"
    model.write_text(START, "utf-8")
    began = perf_counter()
    subprocess.run(  # noqa: S603 -- this program's own
        [sys.executable, "-m", "marhaba", "simulate", str(model), "--replications", "10"],
        check=True,
        capture_output=True,
        env={**own, "XDG_CACHE_HOME": str(cache), "PYTHONPYCACHEPREFIX": str(cache / "bytecode")},
    )
    return perf_counter() - began
