"""A whole floor for some hours, decided by the real routing and by the slow definition, side by side.

`test_routing_machine` looks for the smallest story in which the two differ; here a floor of forty agents and a
dozen queues carries out what is decided: rings are missed, calls wrapped up, pauses taken, contacts overflow, rules
are reloaded. At the end each of these must have happened, or the day has proved nothing.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from marhaba.kernel.routing import AgentState, Channel, Decision, QueueRules, RelaxStep, Routing, Strategy

from .naive_routing import NaiveRouting

LANGUAGES = ("fr", "es", "ar", "en")
SKILLS = ("billing", "cards", "loans", "support", "vip")
QUEUES = tuple(f"queue-{number}" for number in range(12))
AGENTS = tuple(f"agent-{number}" for number in range(40))
KEPT_FOR = 8  # agents may be kept for the first of the queues, which therefore never go
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
    "least-occupied",
    "ring-all",
    "random",
    "own queue",
    "rang too",
    "took one that was ringing elsewhere",
    "text",
    "two texts in hand",
    "text done",
    "agents kept",
    "known agent",
    "waited for the known agent",
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
    "refused for closed",
    "sent on for wait",
    "sent on for no-staff",
    "sent on for closed",
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
    channel = chance.choice([Channel.VOICE, Channel.VOICE, Channel.VOICE, Channel.TEXT])
    strategies = [
        strategy for strategy in Strategy if (channel, strategy) != (Channel.TEXT, Strategy.RING_ALL)
    ]
    others = [other for other in QUEUES[:KEPT_FOR] if other != name]
    return QueueRules(
        name,
        skills=skills,
        language_level=language_level,
        priority=chance.choice([0, 0, 0, 1, 5]),
        strategy=chance.choice(strategies),
        ring_all_max=chance.randint(1, 4),
        channel=channel,
        weight=chance.choice([1.0, 1.0, 0.5, 4.0]),
        keep={other: chance.randint(0, 2) for other in chance.sample(others, chance.choice([0, 0, 1, 2]))},
        relax=tuple(steps),
        overflow_wait_s=chance.choice([0.0, 0.0, 60.0, 120.0]),
        overflow_size=chance.choice([0, 0, 5, 12]),
        overflow_no_staff=chance.random() < 0.5,
        overflow_at_close=chance.random() < 0.5,
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
        self.last_agent: dict[str, str] = {}  # language -> who spoke it last
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
        text = chance.choice([0, 2, 3])
        own = chance.sample(QUEUES, chance.choice([0, 0, 0, 2]))
        self.real.set_agent(agent, skills, queues, own)
        self.naive.set_agent(agent, skills, queues, own)
        self.real.set_capacity(agent, text)
        self.naive.set_capacity(agent, text)

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
        knows, knows_s = self.chance.choice([("", 0.0), (self.last_agent.get(language, ""), 20.0)])
        for _ in range(3):
            place: dict[str, Any] = {
                "language": language,
                "priority": priority,
                "knows": knows,
                "knows_s": knows_s,
            }
            admission = self.real.enqueue(self.now, contact, queue, **place)
            refusal = self.naive.enqueue(self.now, contact, queue, **place)
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
        queues = set()
        while (decision := self.naive.decide(self.now)) is not None:
            assert self.real.decide(self.now) == decision
            self.ring(decision)
            queues.add(decision.queue)
        assert self.real.decide(self.now) is None
        self.tally["two queues served at once"] += len(queues) > 1
        self.tally["waited for the known agent"] += any(c.waits_for_one for c in self.naive.contacts.values())

    def ring(self, decision: Decision) -> None:
        contact, rules = self.naive.contacts[decision.contact], self.naive.queues[decision.queue]
        self.tally[rules.strategy.value] += 1
        self.tally["relaxed"] += decision.step > 0
        self.tally["known agent"] += contact.knows == decision.agent
        self.tally["agents kept"] += bool(rules.keep)
        self.tally["own queue"] += contact.queue in self.naive.agent(decision.agent).own
        self.tally["jumped the line"] += any(
            other.queued_at < contact.queued_at for other in self.naive.contacts.values()
        )
        self.last_agent[contact.language] = decision.agent
        place = (decision.contact, contact.queue, contact.language, contact.rank, contact.queued_at)
        self.assign(decision.contact, decision.agent)
        if rules.channel is Channel.TEXT:
            self.tally["text"] += 1
            self.tally["two texts in hand"] += self.naive.agent(decision.agent).load > 1
            return
        self.ringing[decision.agent] = place
        ringing = 1
        while agent := self.naive.rings_too(self.now, decision, ringing):
            assert self.real.rings_too(self.now, decision, ringing) == agent
            self.assign(decision.contact, agent)
            self.ringing[agent] = place
            self.tally["rang too"] += 1
            ringing += 1
        assert self.real.rings_too(self.now, decision, ringing) == ""

    def assign(self, contact: str, agent: str) -> None:
        self.real.assign(self.now, contact, agent)
        self.naive.assign(self.now, contact, agent)

    def proceed(self, agent: str) -> None:
        """What the agent was doing goes on to what comes next."""
        state = self.naive.agent(agent).state
        if state is AgentState.RINGING and self.chance.random() < 0.3:
            self.miss(agent)
        elif state is AgentState.RINGING:
            self.answer(agent)
        elif state in NEXT_STATE:
            self.set_state(agent, NEXT_STATE[state])
            self.tally["wrap-up"] += state is AgentState.TALKING
        elif self.naive.agent(agent).load:
            self.text_done(agent)
        elif self.chance.random() < 0.2:
            away = self.chance.choice([AgentState.PAUSED, AgentState.LOGGED_OUT])
            self.set_state(agent, away)
            self.tally["pause" if away is AgentState.PAUSED else "logged out"] += 1

    def answer(self, agent: str) -> None:
        """Who rings for the same caller is ready again, and keeps his turn: it was no fault of his."""
        contact = self.ringing.pop(agent)[0]
        self.set_state(agent, AgentState.TALKING)
        self.tally["answered"] += 1
        for other in [other for other, place in self.ringing.items() if place[0] == contact]:
            del self.ringing[other]
            self.set_state(other, AgentState.READY, self.naive.agent(other).idle_since)
            self.tally["took one that was ringing elsewhere"] += 1

    def text_done(self, agent: str) -> None:
        load = self.naive.agent(agent).load - 1
        self.real.text_load(self.now, agent, load)
        self.naive.text_load(self.now, agent, load)
        self.tally["text done"] += 1

    def miss(self, agent: str) -> None:
        """Ring-no-answer: the caller gets back the rank and the time he had, the agent goes behind everybody."""
        contact, queue, language, rank, queued_at = self.ringing.pop(agent)
        if contact not in {place[0] for place in self.ringing.values()}:
            place: dict[str, Any] = {"language": language, "rank": rank, "queued_at": queued_at}
            admission = self.real.enqueue(self.now, contact, queue, **place)
            assert admission.reason == self.naive.enqueue(self.now, contact, queue, **place)
        self.set_state(agent, AgentState.READY)
        self.tally["missed"] += 1

    def shut(self) -> None:
        """A queue closes soon, or for good measure opens again."""
        queue, at = self.chance.choice(QUEUES), self.chance.choice([None, None, self.now + 20.0])
        self.real.close(queue, at)
        self.naive.close(queue, at)

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
        gone = self.chance.choice(QUEUES[KEPT_FOR:])
        kept = [rules for name, rules in self.rules.items() if name != gone]
        longest_queue = self.chance.random() < 0.5
        self.real.configure(kept, longest_queue=longest_queue)
        self.naive.configure(kept, longest_queue=longest_queue)
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
        elif what < 0.99:
            self.shut()
        elif what < 0.993:
            self.go_home()
        self.carry_out()
        self.overflow()
        assert self.real.next_time(self.now) == self.naive.next_time(self.now)


def test_a_busy_floor_decides_as_defined() -> None:
    day = Day(seed=2027)
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
