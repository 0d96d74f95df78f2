"""A call log whose truth is known: a centre of its own making, by another program than the simulator.

Callers come at random, wait in one line for whoever has the skill and is free (the longest idle first), or leave; agents
take a break when the call in hand is done, for its full length. Instants are written down in whole seconds, as systems do.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

import polars as pl

RING_S, WRAP_S = 1.0, 4.0
PATIENCE_S = 300.0
HANDLE_S = {"ventes": 180.0, "aide": 240.0}
OPENS_S, CLOSES_S = 9 * 3600.0, 17 * 3600.0
PER_HOUR = {"ventes": 145.0, "aide": 130.0}


@dataclass
class Worker:
    name: str
    skills: frozenset[str]
    pace: float
    until_s: float
    breaks: list[tuple[float, float]] = field(
        default_factory=list
    )  # (planned at, length), the next one first
    taken: list[tuple[float, float]] = field(default_factory=list)  # (from, until) in truth


def staff(day: int, count: int = 24) -> list[Worker]:
    """Two in three can do both; every sixth is slow. Everybody has a long break and some short ones."""
    rng = random.Random(f"staff {day}")
    made = []
    for number in range(count):
        skills = ({"ventes", "aide"}, {"ventes", "aide"}, {"aide"})[number % 3]
        starts = sorted(rng.uniform(OPENS_S + 1800, CLOSES_S - 3600) for _ in range(4))
        lengths = [rng.uniform(240, 900) for _ in range(3)] + [2700.0]
        rng.shuffle(lengths)
        until = CLOSES_S - rng.uniform(0, 1800)
        pace = 1.4 if number % 6 == 5 else 0.95
        worker = Worker(f"a{number:02}", frozenset(skills), pace, until)
        worker.breaks = list(zip(starts, lengths, strict=True))
        made.append(worker)
    return made


class Centre:
    """One day. `rows`: (type, agent, received, answered, ended), answered None for who left."""

    def __init__(self, workers: list[Worker], seed: int) -> None:
        self.workers = {worker.name: worker for worker in workers}
        self.rng = random.Random(f"day {seed}")
        self.rows: list[tuple[str, str | None, float, float | None, float]] = []
        self.idle: dict[str, float] = {}
        self.line: list[tuple[float, str, float]] = []  # received, type, leaves at
        self.agenda: list[tuple[float, str, str]] = []

    def run(self) -> None:
        for name in PER_HOUR:
            at = OPENS_S
            while (at := at + self.rng.expovariate(PER_HOUR[name] / 3600)) < CLOSES_S:
                heapq.heappush(self.agenda, (at, "call", name))
        for name, worker in self.workers.items():
            heapq.heappush(self.agenda, (OPENS_S, "free", name))
            for at, _ in worker.breaks:
                heapq.heappush(self.agenda, (at, "look", name))
        while self.agenda:
            now, what, name = heapq.heappop(self.agenda)
            if what == "call":
                self.line.append((now, name, now + self.rng.expovariate(1 / PATIENCE_S)))
                able = [(since, who) for who, since in self.idle.items() if name in self.workers[who].skills]
                if able:
                    self.free(now, min(able)[1], min(able)[0])
            elif what == "free" or name in self.idle:
                self.free(now, name, self.idle.get(name, now))
        for received, name, leaves in self.line:
            self.rows.append((name, None, received, None, leaves))

    def free(self, now: float, name: str, since: float) -> None:
        """He takes the first in line, goes on a break, goes home, or waits."""
        worker = self.workers[name]
        self.idle.pop(name, None)
        if worker.breaks and worker.breaks[0][0] <= now:
            _, lasts = worker.breaks.pop(0)
            worker.taken.append((now, now + lasts))
            heapq.heappush(self.agenda, (now + lasts, "free", name))
            return
        if now >= worker.until_s:
            return
        gone = [each for each in self.line if each[2] <= now]
        self.rows += [(type_, None, received, None, leaves) for received, type_, leaves in gone]
        self.line = [each for each in self.line if each[2] > now]
        mine = [each for each in self.line if each[1] in worker.skills]
        if not mine:
            self.idle[name] = since
            return
        self.line.remove(mine[0])
        received, type_, _ = mine[0]
        answered = now + RING_S
        ended = answered + worker.pace * self.rng.gammavariate(2.5, HANDLE_S[type_] / 2.5)
        self.rows.append((type_, name, received, answered, ended))
        heapq.heappush(self.agenda, (ended + WRAP_S, "free", name))


def made_day(day: date, seed: int) -> tuple[list[Worker], pl.DataFrame]:
    """Who was there in truth, and the day's part of the log."""
    workers = staff(seed)
    centre = Centre(workers, seed)
    centre.run()
    midnight = datetime.combine(day, time())

    def instant(second: float | None) -> datetime | None:
        return None if second is None else midnight + timedelta(seconds=int(second))

    rows = [(row[0], row[1], *map(instant, row[2:])) for row in sorted(centre.rows, key=lambda row: row[2])]
    schema = {
        "type": pl.String,
        "agent": pl.String,
        **dict.fromkeys(("received", "answered", "ended"), pl.Datetime),
    }
    return workers, pl.DataFrame(rows, schema=schema, orient="row")


def made_log(first: date, days: int) -> tuple[dict[date, list[Worker]], pl.DataFrame]:
    """Days in a row."""
    made = {
        first + timedelta(days=number): made_day(first + timedelta(days=number), number)
        for number in range(days)
    }
    return {day: workers for day, (workers, _) in made.items()}, pl.concat(
        [frame for _, frame in made.values()]
    )
