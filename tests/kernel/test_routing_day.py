"""A whole floor for some hours, decided by the real routing and by the slow definition, side by side.

`test_routing_machine` looks for the smallest story in which the two differ; here a floor of forty agents and a
dozen queues carries out what is decided: rings are missed, calls wrapped up, pauses taken, contacts overflow, rules
are reloaded. At the end each of these must have happened, or the day has proved nothing.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from marhaba.kernel.routing import AgentState, Decision, QueueRules, RelaxStep, Routing, Strategy

from .naive_routing import NaiveRouting

LANGUAGES = ("fr", "es", "ar", "en")
SKILLS = ("billing", "cards", "loans", "support", "vip")
QUEUES = tuple(f"queue-{number}" for number in range(12))
AGENTS = tuple(f"agent-{number}" for number in range(40))
ROOM = 60
NEXT_STATE = {
    AgentState.TALKING: AgentState.WRAPUP,
    AgentState.WRAPUP: AgentState.READY,
    AgentState.PAUSED: AgentState.READY,
    AgentState.LOGGED_OUT: AgentState.PAUSED,
}
EXPECTED = {
    "longest-idle",
    "best-skill",
    "relaxed",
    "answered",
    "missed",
    "abandoned",
    "wrap-up",
    "pause",
    "logged out",
    "jumped the line",
    "refused for size",
    "refused for no-staff",
    "sent on for wait",
    "sent on for no-staff",
    "reloaded",
    "agent changed",
    "two queues served at once",
}


def rules_of(chance: random.Random, name: str) -> QueueRules:
    skills = {skill: chance.randint(1, 7) for skill in chance.sample(SKILLS, chance.choice([0, 1, 1, 2]))}
    language_level = chance.randint(0, 6)
    left, steps, after = {**skills, "language": language_level}, [], 0.0
    for _ in range(chance.randint(0, 3)):
        after += chance.choice([10.0, 20.0, 45.0])
        lowered = {skill: chance.randint(0, left[skill]) for skill in chance.sample(sorted(left), 1)}
        left |= lowered
        steps.append(RelaxStep(after, lowered))
    return QueueRules(
        name,
        skills=skills,
        language_level=language_level,
        priority=chance.choice([0, 0, 0, 1, 5]),
        strategy=chance.choice(list(Strategy)),
        relax=tuple(steps),
        overflow_wait_s=chance.choice([0.0, 0.0, 60.0, 120.0]),
        overflow_size=chance.choice([0, 0, 5, 12]),
        overflow_no_staff=chance.random() < 0.5,
        overflow_to=chance.choice(["", *QUEUES[:4]]),
    )


class Day:
    """Both routings, the small part of a floor that carries out their decisions, and a tally of what happened."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now, self.count = 1000.0, 0
        self.rules = {name: rules_of(self.chance, name) for name in QUEUES}
        self.real = Routing(list(self.rules.values()), agents_max=len(AGENTS), contacts_max=ROOM)
        self.naive = NaiveRouting(list(self.rules.values()), contacts_max=ROOM)
        self.ringing: dict[str, tuple[str, str, str, int, float]] = {}  # agent -> place of his caller
        self.tally: Counter[str] = Counter()
        for agent in AGENTS:
            self.hire(agent)
            self.set_state(agent, AgentState.READY)

    def hire(self, agent: str) -> None:
        chance = self.chance
        known = chance.sample(SKILLS, chance.randint(0, 3))
        skills = {skill: chance.randint(1, 10) for skill in known}
        skills |= {f"lang:{name}": chance.randint(1, 10) for name in chance.sample(LANGUAGES, 2)}
        queues = None if chance.random() < 0.6 else chance.sample(QUEUES, 4)
        self.real.set_agent(agent, skills, queues)
        self.naive.set_agent(agent, skills, queues)

    def set_state(self, agent: str, state: AgentState, since: float | None = None) -> None:
        self.real.agent_state(self.now, agent, state, idle_since=since)
        self.naive.agent_state(self.now, agent, state, since)

    def arrive(self) -> None:
        self.count += 1
        queue, language = self.chance.choice(QUEUES), self.chance.choice(LANGUAGES)
        priority = self.chance.choice([None, None, None, 9])
        self.enqueue(f"call-{self.count}", queue, language, priority)

    def enqueue(self, contact: str, queue: str, language: str, priority: int | None) -> None:
        """At the door of a queue; who is refused there tries where he is sent."""
        for _ in range(3):
            admission = self.real.enqueue(self.now, contact, queue, language=language, priority=priority)
            refusal = self.naive.enqueue(self.now, contact, queue, language=language, priority=priority)
            assert (admission.reason, admission.queued) == (refusal, not refusal)
            if not refusal:
                return
            self.tally[f"refused for {refusal}"] += 1
            if not admission.to:
                return
            queue = admission.to

    def leave(self, contact: str) -> None:
        self.real.leave(contact)
        self.naive.leave(contact)

    def carry_out(self) -> None:
        decisions = self.naive.decide(self.now)
        assert self.real.decide(self.now) == decisions
        self.tally["two queues served at once"] += len({decision.queue for decision in decisions}) > 1
        for decision in decisions:
            self.ring(decision)
        assert self.real.decide(self.now) == []

    def ring(self, decision: Decision) -> None:
        contact, rules = self.naive.contacts[decision.contact], self.naive.queues[decision.queue]
        self.tally[rules.strategy.value] += 1
        self.tally["relaxed"] += decision.step > 0
        self.tally["jumped the line"] += any(
            other.rank < contact.rank for other in self.naive.contacts.values()
        )
        place = (decision.contact, contact.queue, contact.language, contact.rank, contact.queued_at)
        self.ringing[decision.agent] = place
        self.real.assign(self.now, decision.contact, decision.agent)
        self.naive.assign(decision.contact, decision.agent)

    def proceed(self, agent: str) -> None:
        """What the agent was doing goes on to what comes next."""
        state = self.naive.agent(agent).state
        if state is AgentState.RINGING and self.chance.random() < 0.3:
            self.miss(agent)
        elif state is AgentState.RINGING:
            del self.ringing[agent]
            self.set_state(agent, AgentState.TALKING)
            self.tally["answered"] += 1
        elif state in NEXT_STATE:
            self.set_state(agent, NEXT_STATE[state])
            self.tally["wrap-up"] += state is AgentState.TALKING
        elif self.chance.random() < 0.2:
            away = self.chance.choice([AgentState.PAUSED, AgentState.LOGGED_OUT])
            self.set_state(agent, away)
            self.tally["pause" if away is AgentState.PAUSED else "logged out"] += 1

    def miss(self, agent: str) -> None:
        """Ring-no-answer: the caller gets back the rank and the time he had, the agent goes behind everybody."""
        contact, queue, language, rank, queued_at = self.ringing.pop(agent)
        place = {"language": language, "rank": rank, "queued_at": queued_at}
        admission = self.real.enqueue(self.now, contact, queue, **place)  # type: ignore[arg-type]
        assert admission.reason == self.naive.enqueue(self.now, contact, queue, **place)  # type: ignore[arg-type]
        self.set_state(agent, AgentState.READY)
        self.tally["missed"] += 1

    def overflow(self) -> None:
        due = self.real.overflows(self.now)
        assert due == self.naive.overflows(self.now)
        for one in due:
            language = self.naive.contacts[one.contact].language
            self.leave(one.contact)
            self.tally[f"sent on for {one.reason}"] += 1
            if one.to:
                self.enqueue(one.contact, one.to, language, None)

    def reload(self) -> None:
        """Some queues get new rules, one is gone for a while."""
        for name in self.chance.sample(QUEUES, 3):
            self.rules[name] = rules_of(self.chance, name)
        closed = self.chance.choice(QUEUES)
        kept = [rules for name, rules in self.rules.items() if name != closed]
        self.real.configure(kept)
        self.naive.configure(kept)
        self.tally["reloaded"] += 1

    def go_home(self) -> None:
        """All who are not on a call leave at once: queues stand without staff."""
        for agent in AGENTS:
            if agent not in self.ringing and self.naive.agent(agent).state is not AgentState.TALKING:
                self.set_state(agent, AgentState.LOGGED_OUT)
        self.tally["logged out"] += 1

    def happen(self) -> None:
        chance = self.chance
        self.now += chance.choice([0.0, 0.5, 1.0, 3.0])
        what = chance.random()
        if what < 0.40:
            self.arrive()
        elif what < 0.93:
            self.proceed(chance.choice(AGENTS))
        elif what < 0.96 and self.naive.contacts:
            self.leave(chance.choice(self.naive.in_order()))
            self.tally["abandoned"] += 1
        elif what < 0.98:
            self.hire(chance.choice(AGENTS))
            self.tally["agent changed"] += 1
        elif what < 0.985:
            self.reload()
        elif what < 0.988:
            self.go_home()
        self.carry_out()
        self.overflow()
        assert self.real.next_time(self.now) == self.naive.next_time(self.now)


def test_a_busy_floor_decides_as_defined() -> None:
    day = Day(seed=2026)
    for _ in range(700):
        day.happen()
    assert EXPECTED - {what for what, times in day.tally.items() if times} == set()


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(20))
def test_many_busy_floors_decide_as_defined(seed: int) -> None:
    day = Day(seed)
    for _ in range(3_000):
        day.happen()
    assert day.tally["answered"] > 100
