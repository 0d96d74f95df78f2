"""What must hold on every floor, whatever happens on it (I3 to I6 of the reliability rules).

A small floor carries out every decision at once, as the real one does, and keeps its own books; the kernel is judged by
those books and by the slow definition of who can take whom.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from marhaba.kernel.routing import AgentState, Decision, QueueRules, RelaxStep, Routing, Strategy

from .naive_routing import NaiveRouting

QUEUES = (
    QueueRules("general", language_level=1, relax=(RelaxStep(20, {"language": 0}),)),
    QueueRules("billing", skills={"billing": 5}, priority=1, relax=(RelaxStep(15, {"billing": 2}),)),
    QueueRules("vip", skills={"vip": 3}, language_level=4, priority=2, strategy=Strategy.BEST_SKILL),
)
AGENTS: tuple[dict[str, int], ...] = (
    {"lang:fr": 9, "billing": 8},
    {"lang:fr": 5, "lang:es": 3, "vip": 4},
    {"lang:es": 9, "vip": 8, "billing": 3},
    {"lang:fr": 1},
)
NAMES = [rules.name for rules in QUEUES]


class SmallFloor:
    """Callers come, wait, give up; agents ring, answer or not, talk, wrap up, pause, log out."""

    def __init__(self) -> None:
        self.now = 0.0
        self.routing, self.rule = Routing(QUEUES), NaiveRouting(QUEUES)
        self.state = {f"agent-{number}": AgentState.LOGGED_OUT for number in range(len(AGENTS))}
        self.call_of: dict[str, str] = {}
        self.place: dict[str, dict[str, Any]] = {}
        self.waiting: set[str] = set()
        self.count = 0
        for agent, skills in zip(self.state, AGENTS, strict=True):
            self.routing.set_agent(agent, skills)
            self.rule.set_agent(agent, skills, None)

    def arrive(self, queue: str, language: str) -> None:
        self.count += 1
        call = f"call-{self.count}"
        self.place[call] = {
            "queue": queue,
            "language": language,
            "rank": self.count,
            "queued_at": self.now,
        }
        self.queue(call)

    def queue(self, call: str) -> None:
        self.waiting.add(call)
        assert self.routing.enqueue(self.now, call, **self.place[call]).queued
        self.rule.enqueue(self.now, call, **self.place[call])

    def give_up(self, which: int) -> None:
        if self.waiting:
            call = sorted(self.waiting)[which % len(self.waiting)]
            self.waiting.remove(call)
            self.routing.leave(call)
            self.rule.leave(call)

    def set_state(self, agent: str, state: AgentState) -> None:
        self.state[agent] = state
        self.routing.agent_state(self.now, agent, state)
        self.rule.agent_state(self.now, agent, state)

    def press(self, agent: str, state: AgentState) -> None:
        """The agent asks for a state by himself: never out of a call."""
        if agent not in self.call_of:
            self.set_state(agent, state)

    def proceed(self, agent: str, *, answers: bool) -> None:
        """His ring, his call or his wrap-up goes on to what comes next."""
        match self.state[agent]:
            case AgentState.RINGING if answers:
                self.set_state(agent, AgentState.TALKING)
            case AgentState.RINGING:
                self.queue(self.call_of.pop(agent))
                self.set_state(agent, AgentState.READY)
            case AgentState.TALKING:
                del self.call_of[agent]
                self.set_state(agent, AgentState.WRAPUP)
            case AgentState.WRAPUP:
                self.set_state(agent, AgentState.READY)

    def carry_out(self) -> None:
        while (decision := self.routing.decide(self.now)) is not None:
            self.one_call_an_agent(decision)
            self.in_turn(decision)
            self.routing.assign(self.now, decision.contact, decision.agent)
            self.rule.assign(self.now, decision.contact, decision.agent)
            self.waiting.remove(decision.contact)
            self.call_of[decision.agent] = decision.contact
            self.state[decision.agent] = AgentState.RINGING
        self.nobody_waits_for_an_idle_agent()

    def one_call_an_agent(self, decision: Decision) -> None:
        """I3: at most one call; I4: only a ready agent rings."""
        assert decision.agent not in self.call_of
        assert self.state[decision.agent] is AgentState.READY
        assert decision.contact in self.waiting

    def in_turn(self, decision: Decision) -> None:
        """I6: nobody who came earlier to the same queue in the same language still waits."""
        mine = self.place[decision.contact]
        for call in self.waiting:
            other = self.place[call]
            if (other["queue"], other["language"]) == (mine["queue"], mine["language"]):
                assert other["rank"] >= mine["rank"]

    def nobody_waits_for_an_idle_agent(self) -> None:
        """I5, at once instead of within a second."""
        for agent, state in self.state.items():
            if state is AgentState.READY:
                for call in self.waiting:
                    contact = self.rule.contacts[call]
                    step = self.rule.step(contact, self.now)
                    able = self.rule.can(self.rule.agents[agent], contact.queue, contact.language, step)
                    assert not able, (agent, call)


agents = st.sampled_from([f"agent-{number}" for number in range(len(AGENTS))])
happenings = st.one_of(
    st.tuples(st.just("arrive"), st.sampled_from(NAMES), st.sampled_from(["fr", "es"])),
    st.tuples(st.just("give_up"), st.integers(0, 9)),
    st.tuples(
        st.just("press"),
        agents,
        st.sampled_from([AgentState.READY, AgentState.READY, AgentState.PAUSED, AgentState.LOGGED_OUT]),
    ),
    st.tuples(st.just("answer"), agents),
    st.tuples(st.just("miss"), agents),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 1.0, 5.0, 15.0])),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(happenings, max_size=60))
def test_a_floor_keeps_its_invariants(story: list[tuple[Any, ...]]) -> None:
    floor = SmallFloor()
    for what, *details in story:
        match what:
            case "arrive":
                floor.arrive(*details)
            case "give_up":
                floor.give_up(*details)
            case "press":
                floor.press(*details)
            case "answer" | "miss":
                floor.proceed(*details, answers=what == "answer")
            case "wait":
                floor.now += details[0]
        floor.carry_out()
    assert {call for call in floor.place if floor.routing.queue_of(call)} == floor.waiting
