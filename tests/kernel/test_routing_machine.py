"""After any sequence of verbs, the real routing says what the slow definition says (`naive_routing`)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from marhaba.kernel.routing import AgentState, Channel, QueueRules, RelaxStep, Routing, Strategy, Work

from .naive_routing import NaiveRouting

SKILLS = ("fr", "billing", "vip", "lang:fr", "lang:es")
QUEUES = ("north", "south", "east", "west")
AGENTS = tuple(f"a{n}" for n in range(6))
CONTACTS = tuple(f"c{n}" for n in range(9))
ROOM = 7  # the floor is full before every contact waits

levels = st.integers(0, 4)
skill_maps = st.dictionaries(st.sampled_from(SKILLS), levels, max_size=4)


@st.composite
def queue_rules(draw: st.DrawFn, name: str, house: list[str]) -> QueueRules:
    others = [other for other in house if other != name]
    skills = draw(st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 4), max_size=2))
    language_level = draw(st.integers(0, 3))
    left = {**skills, "language": language_level}
    steps, after = [], 0.0
    for _ in range(draw(st.integers(0, 2))):
        after += draw(st.sampled_from([5.0, 10.0, 30.0]))
        lowered = draw(st.dictionaries(st.sampled_from(sorted(left)), levels, max_size=2))
        lowered = {skill: min(level, left[skill]) for skill, level in lowered.items()}
        left |= lowered
        steps.append(RelaxStep(after, lowered))
    channel = draw(st.sampled_from([Channel.VOICE, Channel.VOICE, Channel.TEXT]))
    strategies = [
        strategy for strategy in Strategy if (channel, strategy) != (Channel.TEXT, Strategy.RING_ALL)
    ]
    kept = st.dictionaries(st.sampled_from(others), st.integers(0, 3), max_size=2) if others else st.just({})
    return QueueRules(
        name,
        skills=skills,
        language_level=language_level,
        priority=draw(st.integers(0, 2)),
        strategy=draw(st.sampled_from(strategies)),
        ring_all_max=draw(st.integers(1, 4)),
        channel=channel,
        weight=draw(st.sampled_from([1.0, 1.0, 0.5, 3.0])),
        keep=draw(st.just({}) | kept),
        relax=tuple(steps),
        overflow_wait_s=draw(st.sampled_from([0.0, 0.0, 20.0, 60.0])),
        overflow_size=draw(st.sampled_from([0, 0, 2, 4])),
        overflow_no_staff=draw(st.booleans()),
        overflow_at_close=draw(st.booleans()),
        overflow_to=draw(st.sampled_from(["", "south"])),
    )


houses = st.lists(st.sampled_from(QUEUES), unique=True, min_size=1).flatmap(
    lambda names: st.tuples(*(queue_rules(name, names) for name in names))
)


class RoutingMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.real = Routing([], agents_max=len(AGENTS), contacts_max=ROOM)
        self.naive = NaiveRouting([], contacts_max=ROOM)

    @rule(queues=houses, longest_queue=st.booleans())
    def configure(self, queues: tuple[QueueRules, ...], longest_queue: bool) -> None:
        self.real.configure(queues, longest_queue=longest_queue)
        self.naive.configure(queues, longest_queue=longest_queue)

    @rule(
        agent=st.sampled_from(AGENTS),
        skills=skill_maps,
        queues=st.none() | st.lists(st.sampled_from(QUEUES), max_size=3),
        own=st.just([]) | st.lists(st.sampled_from(QUEUES), max_size=2),
    )
    def set_agent(self, agent: str, skills: dict[str, int], queues: list[str] | None, own: list[str]) -> None:
        self.real.set_agent(agent, skills, queues, own)
        self.naive.set_agent(agent, skills, queues, own)

    @rule(skills=st.lists(skill_maps, min_size=len(AGENTS), max_size=len(AGENTS)))
    def everybody_comes(self, skills: list[dict[str, int]]) -> None:
        for agent, known in zip(AGENTS, skills, strict=True):
            self.set_agent(agent, {"lang:fr": 3, "fr": 2, **known}, None, [])
            self.agent_state(agent, AgentState.READY, None)

    @rule(
        agent=st.sampled_from(AGENTS),
        state=st.sampled_from(AgentState) | st.just(AgentState.READY),
        back=st.none() | st.sampled_from([0.0, 3.0, 40.0]),
    )
    def agent_state(self, agent: str, state: AgentState, back: float | None) -> None:
        since = None if back is None else self.now - back
        self.real.agent_state(self.now, agent, state, idle_since=since)
        self.naive.agent_state(self.now, agent, state, since)

    @rule(agent=st.sampled_from(AGENTS))
    def remove_agent(self, agent: str) -> None:
        self.real.remove_agent(agent)
        self.naive.remove_agent(agent)

    @rule(agent=st.sampled_from(AGENTS), text=st.integers(0, 3))
    def set_capacity(self, agent: str, text: int) -> None:
        self.real.set_capacity(agent, text)
        self.naive.set_capacity(agent, text)

    @rule(agent=st.sampled_from(AGENTS), load=st.integers(0, 3))
    def text_load(self, agent: str, load: int) -> None:
        self.real.text_load(self.now, agent, load)
        self.naive.text_load(self.now, agent, load)

    @rule(agent=st.sampled_from(AGENTS), busy_s=st.sampled_from([0.0, 30.0, 90.0]))
    def set_work(self, agent: str, busy_s: float) -> None:
        self.real.set_work(agent, Work(self.now, busy_s, 60.0))
        known = self.naive.agent(agent)
        known.as_of, known.busy_s, known.ready_s = self.now, busy_s, 60.0

    @rule(queue=st.sampled_from(QUEUES), after=st.none() | st.sampled_from([-5.0, 0.0, 15.0]))
    def close(self, queue: str, after: float | None) -> None:
        at = None if after is None else self.now + after
        self.real.close(queue, at)
        self.naive.close(queue, at)

    @rule(
        contact=st.sampled_from(CONTACTS),
        queue=st.sampled_from(QUEUES),
        language=st.sampled_from(["", "fr", "es"]),
        priority=st.none() | st.integers(-1, 2),
        back=st.none() | st.sampled_from([0.0, 7.0, 25.0, 100.0]),
        rank=st.none() | st.integers(0, 12),
        knows=st.just("") | st.sampled_from(AGENTS),
        knows_s=st.sampled_from([0.0, 8.0, 30.0]),
    )
    def enqueue(self, contact: str, queue: str, back: float | None, **place: Any) -> None:
        if self.real.queue_of(contact):
            return
        queued_at = None if back is None else self.now - back
        admission = self.real.enqueue(self.now, contact, queue, queued_at=queued_at, **place)
        refusal = self.naive.enqueue(self.now, contact, queue, queued_at=queued_at, **place)
        assert (admission.queued, admission.reason) == (not refusal, refusal)
        if refusal in ("size", "closed", "no-staff"):
            assert admission.to == self.naive.queues[queue].overflow_to

    @rule(contact=st.sampled_from(CONTACTS))
    def leave(self, contact: str) -> None:
        self.real.leave(contact)
        self.naive.leave(contact)

    @rule(seconds=st.sampled_from([0.0, 1.0, 4.0, 5.0, 17.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.real.next_time(self.now) is not None)
    @rule()
    def something_is_due(self) -> None:
        self.now = self.real.next_time(self.now) or self.now

    @rule(seconds=st.sampled_from([1.0, 12.0]))
    def clock_steps_back(self, seconds: float) -> None:
        self.now -= seconds

    @rule(most=st.integers(1, 9))
    def assign(self, most: int) -> None:
        """Carry out some or all of what is decided, one after the other, and ring whoever rings too."""
        while most > 0 and (decision := self.naive.decide(self.now)) is not None:
            most -= 1
            assert self.real.decide(self.now) == decision
            agent, ringing = decision.agent, 0
            while agent:
                ringing += 1
                self.real.assign(self.now, decision.contact, agent)
                self.naive.assign(self.now, decision.contact, agent)
                agent = self.naive.rings_too(self.now, decision, ringing)
                assert self.real.rings_too(self.now, decision, ringing) == agent

    @rule()
    def overflow(self) -> None:
        for due in self.real.overflows(self.now):
            self.leave(due.contact)

    @invariant()
    def decides_as_defined(self) -> None:
        decision = self.naive.decide(self.now)
        assert self.real.decide(self.now) == decision
        assert self.real.decide(self.now) == decision

    @invariant()
    def answers_as_defined(self) -> None:
        assert self.real.overflows(self.now) == self.naive.overflows(self.now)
        assert self.real.next_time(self.now) == self.naive.next_time(self.now)
        order = self.naive.in_order()
        for queue in QUEUES:
            line = [name for name in order if self.naive.contacts[name].queue == queue]
            assert self.real.waiting(queue) == len(line)
            assert [self.real.position(name) for name in line] == list(range(1, len(line) + 1))
            waits = [self.now - self.naive.contacts[name].queued_at for name in line]
            assert self.real.longest_wait(self.now, queue) == max([0.0, *waits])
            there = queue in self.naive.queues
            counted = (self.real.staffed(queue), self.real.ready(queue), self.real.working(queue))
            assert counted == (
                (self.naive.staff(queue, ""), self.naive.ready(queue), self.naive.working(queue))
                if there
                else (0, 0, 0)
            )
        for agent, known in self.naive.agents.items():
            assert self.real.work_of(agent) == Work(known.as_of, known.busy_s, known.ready_s)


def examples(count: int, *, steps: int) -> settings:
    return settings(
        max_examples=count,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


TestRoutingMachine = RoutingMachine.TestCase
TestRoutingMachine.settings = examples(30, steps=40)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_thousands_of_stories_are_decided_as_defined() -> None:
    run_state_machine_as_test(RoutingMachine, settings=examples(4_000, steps=60))
