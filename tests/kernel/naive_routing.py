"""The routing rule written the slow way, straight from its definition: what the real one is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from marhaba.kernel.routing import AgentState, Decision, Overflow, QueueRules, Strategy


@dataclass
class NaiveAgent:
    skills: Mapping[str, int] = field(default_factory=dict)
    queues: Sequence[str] | None = ()
    state: AgentState = AgentState.LOGGED_OUT
    idle_since: float = 0.0
    turn: int = 0


@dataclass
class NaiveContact:
    queue: str
    language: str
    priority: int
    rank: int
    visit: int
    queued_at: float


class NaiveRouting:
    def __init__(self, queues: Sequence[QueueRules], *, contacts_max: int = 10_000) -> None:
        self.contacts_max = contacts_max
        self.queues = {rules.name: rules for rules in queues}
        self.agents: dict[str, NaiveAgent] = {}
        self.contacts: dict[str, NaiveContact] = {}
        self.turns = self.visits = self.rank_next = 0

    def configure(self, queues: Sequence[QueueRules]) -> None:
        kept = {c.queue: self.queues[c.queue] for c in self.contacts.values()}
        self.queues = kept | {rules.name: rules for rules in queues}

    def agent(self, name: str) -> NaiveAgent:
        return self.agents.setdefault(name, NaiveAgent())

    def set_agent(self, name: str, skills: Mapping[str, int], queues: Sequence[str] | None) -> None:
        agent = self.agent(name)
        agent.skills, agent.queues = skills, queues

    def agent_state(self, now: float, name: str, state: AgentState, idle_since: float | None = None) -> None:
        agent = self.agent(name)
        if idle_since is not None or (state is AgentState.READY and agent.state is not AgentState.READY):
            self.turns += 1
            agent.idle_since, agent.turn = now if idle_since is None else idle_since, self.turns
        agent.state = state

    def enqueue(
        self,
        now: float,
        contact: str,
        queue: str,
        *,
        language: str = "",
        priority: int | None = None,
        queued_at: float | None = None,
        rank: int | None = None,
    ) -> str:
        """The reason of refusal, or ""."""
        rules = self.queues.get(queue)
        if rules is None:
            return "unknown-queue"
        line = [c for c in self.contacts.values() if c.queue == queue]
        if queued_at is None or queued_at >= now:
            full = bool(rules.overflow_size) and len(line) >= rules.overflow_size
            if full or len(self.contacts) >= self.contacts_max:
                return "size"
            if rules.overflow_no_staff and not self.staff(queue, language):
                return "no-staff"
        rank = self.rank_next if rank is None else rank
        self.rank_next = max(self.rank_next, rank + 1)
        self.visits += 1
        self.contacts[contact] = NaiveContact(
            queue,
            language,
            rules.priority if priority is None else priority,
            rank,
            self.visits,
            now if queued_at is None else queued_at,
        )
        return ""

    def leave(self, contact: str) -> None:
        self.contacts.pop(contact, None)

    def assign(self, contact: str, agent: str) -> None:
        self.agents[agent].state = AgentState.RINGING
        self.leave(contact)

    def step(self, contact: NaiveContact, now: float) -> int:
        return sum(contact.queued_at + s.after_s <= now for s in self.queues[contact.queue].relax)

    def can(self, agent: NaiveAgent, queue: str, language: str, step: int) -> bool:
        if agent.queues is not None and queue not in agent.queues:
            return False
        rules = self.queues[queue]
        minimum = dict(rules.skills)
        spoken = rules.language_level
        for relaxed in rules.relax[:step]:
            for skill, level in relaxed.levels.items():
                if skill == "language":
                    spoken = level
                else:
                    minimum[skill] = level
        good = all(agent.skills.get(skill, 0) >= level for skill, level in minimum.items())
        if language and rules.language_level:
            good = good and agent.skills.get(f"lang:{language}", 0) >= spoken
        return good

    def staff(
        self, queue: str, language: str, *, but: Sequence[AgentState] = (AgentState.LOGGED_OUT,)
    ) -> int:
        """Agents in any other state than these who could take a contact that has waited for ever."""
        last = len(self.queues[queue].relax)
        return sum(
            agent.state not in but and self.can(agent, queue, language, last)
            for agent in self.agents.values()
        )

    def ready(self, queue: str) -> int:
        return self.staff(queue, "", but=[state for state in AgentState if state is not AgentState.READY])

    def working(self, queue: str) -> int:
        return self.staff(queue, "", but=(AgentState.LOGGED_OUT, AgentState.PAUSED))

    def score(self, agent: NaiveAgent, queue: str, language: str) -> int:
        rules = self.queues[queue]
        asked = {skill for skill, level in rules.skills.items() if level}
        if language and rules.language_level:
            asked.add(f"lang:{language}")
        return sum(agent.skills.get(skill, 0) for skill in asked)

    def in_order(self) -> list[str]:
        def key(contact: str) -> tuple[int, int, int]:
            c = self.contacts[contact]
            return (-c.priority, c.rank, c.visit)

        return sorted(self.contacts, key=key)

    def decide(self, now: float) -> list[Decision]:
        free = {name for name, agent in self.agents.items() if agent.state is AgentState.READY}
        decisions = []
        for name in self.in_order():
            contact = self.contacts[name]
            step = self.step(contact, now)

            def preference(agent: str, c: NaiveContact = contact) -> tuple[int, float, int]:
                a = self.agents[agent]
                best = self.queues[c.queue].strategy is Strategy.BEST_SKILL
                return (-self.score(a, c.queue, c.language) if best else 0, a.idle_since, a.turn)

            able = [a for a in free if self.can(self.agents[a], contact.queue, contact.language, step)]
            if able:
                agent = min(able, key=preference)
                free.remove(agent)
                level = self.score(self.agents[agent], contact.queue, contact.language)
                decisions.append(Decision(name, agent, contact.queue, step, level))
        return decisions

    def overflows(self, now: float) -> list[Overflow]:
        found = []
        for name in self.in_order():
            c = self.contacts[name]
            rules = self.queues[c.queue]
            if rules.overflow_wait_s and c.queued_at + rules.overflow_wait_s <= now:
                found.append(Overflow(name, c.queue, rules.overflow_to, "wait"))
            elif rules.overflow_no_staff and not self.staff(c.queue, c.language):
                found.append(Overflow(name, c.queue, rules.overflow_to, "no-staff"))
        return found

    def next_time(self, now: float) -> float | None:
        times = [
            c.queued_at + after
            for c in self.contacts.values()
            for after in (
                *(s.after_s for s in self.queues[c.queue].relax),
                self.queues[c.queue].overflow_wait_s,
            )
            if after and c.queued_at + after > now
        ]
        return min(times, default=None)
