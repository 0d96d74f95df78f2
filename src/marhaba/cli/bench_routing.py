"""`marhaba bench routing`: how long one decision takes on a large, busy floor, interpreted.

2,000 agents logged in, 64 queues, 40 skills, 500 contacts waiting. The events are those of a busy hour: an
agent ends his wrap-up, a contact arrives, a waiting contact's requirement relaxes; after each the floor
asks `decide`, and carries out what it says. Measured is `decide` alone, and beside it the whole event with
its verbs (event_ms_p99); each agent who was given a contact stays busy for a while.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from statistics import quantiles
from time import perf_counter
from typing import Any

from marhaba.kernel.routing import AgentState, QueueRules, RelaxStep, Routing, Strategy

AGENTS, QUEUES, SKILLS, WAITING = 2000, 64, 40, 500
LANGUAGES = ("fr", "es", "ar", "en")
EVENTS = 20_000
HANDLING_S = 300.0
LONGEST_WAIT_S = 90.0
DECISION_MS_P99 = 1.0


def bench_routing() -> dict[str, Any]:
    """{"figures": ..., "targets": ...}: the contract of `cli.bench`."""
    floor = _BusyFloor(random.Random(20261123))  # noqa: S311 -- a reproducible load, no secret
    events_ms = []
    for _ in range(EVENTS):
        began = perf_counter()
        floor.step()
        events_ms.append(1000.0 * (perf_counter() - began))
    cuts = quantiles(floor.times_ms, n=100, method="inclusive")
    figures = {
        "decision_ms_p50": cuts[49],
        "decision_ms_p99": cuts[98],
        "decision_ms_max": max(floor.times_ms),
        "event_ms_p99": quantiles(events_ms, n=100, method="inclusive")[98],
        "decisions": floor.decisions,
        "waiting_mean": floor.waiting_sum / EVENTS,
    }
    return {"figures": figures, "targets": {"decision_ms_p99": ["<=", DECISION_MS_P99]}}


@dataclass
class _BusyFloor:
    """A floor kept at its limit: a contact arrives for every one that is given to an agent."""

    chance: random.Random
    now: float = 0.0
    times_ms: list[float] = field(default_factory=list)
    decisions: int = 0
    waiting_sum: int = 0
    waiting: int = 0
    contacts: int = 0
    busy: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queues = [_rules(self.chance, number) for number in range(QUEUES)]
        self.routing = Routing(self.queues)
        for number in range(AGENTS):
            agent = f"agent-{number}"
            self.routing.set_agent(agent, _skills(self.chance))
            self.routing.agent_state(0.0, agent, AgentState.TALKING)
            heapq.heappush(self.busy, (self.chance.uniform(0.0, HANDLING_S), agent))
        while self.waiting < WAITING:
            self._arrive(self.chance.uniform(-LONGEST_WAIT_S, 0.0))

    def step(self) -> None:
        """The next event, and the decision it calls for."""
        freed, agent = self.busy[0]
        relaxed = self.routing.next_time(self.now)
        if self.waiting < WAITING:
            self._arrive(self.now)
        elif relaxed is not None and relaxed < freed:
            self.now = relaxed
        else:
            heapq.heappop(self.busy)
            self.now = freed
            self.routing.agent_state(freed, agent, AgentState.READY)
        self._decide()

    def _arrive(self, queued_at: float) -> None:
        self.contacts += 1
        admission = self.routing.enqueue(
            self.now,
            f"contact-{self.contacts}",
            self.chance.choice(self.queues).name,
            language=self.chance.choice(LANGUAGES),
            queued_at=queued_at,
        )
        self.waiting += admission.queued

    def _decide(self) -> None:
        while True:
            began = perf_counter()
            decision = self.routing.decide(self.now)
            self.times_ms.append(1000.0 * (perf_counter() - began))
            if decision is None:
                break
            self.routing.assign(self.now, decision.contact, decision.agent)
            heapq.heappush(self.busy, (self.now + self.chance.expovariate(1 / HANDLING_S), decision.agent))
            self.decisions += 1
            self.waiting -= 1
        self.waiting_sum += self.waiting


def _rules(chance: random.Random, number: int) -> QueueRules:
    skills = {f"skill-{chance.randrange(SKILLS)}": chance.randint(3, 7) for _ in range(2)}
    half = {skill: level // 2 for skill, level in skills.items()}
    return QueueRules(
        f"queue-{number}",
        skills=skills,
        language_level=5,
        priority=chance.randrange(3),
        strategy=chance.choice(list(Strategy)),
        relax=(RelaxStep(20.0, half | {"language": 3}), RelaxStep(60.0, dict.fromkeys(skills, 0))),
    )


def _skills(chance: random.Random) -> dict[str, int]:
    skills = {f"skill-{number}": chance.randint(1, 10) for number in chance.sample(range(SKILLS), 12)}
    return skills | {f"lang:{language}": chance.randint(1, 10) for language in chance.sample(LANGUAGES, 2)}
