"""The routing rules written the slow way, straight from their definition: what the real ones are compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from marhaba.kernel.matching import lot
from marhaba.kernel.routing import AgentState, Channel, Decision, Overflow, QueueRules, Strategy

AT_WORK = (AgentState.READY, AgentState.RINGING, AgentState.TALKING, AgentState.WRAPUP)


@dataclass
class NaiveAgent:
    seat: int = 0  # what he draws lots by: seats left are taken again, the last one first
    skills: Mapping[str, int] = field(default_factory=dict)
    queues: Sequence[str] | None = ()
    own: Sequence[str] = ()
    state: AgentState = AgentState.LOGGED_OUT
    idle_since: float = 0.0
    turn: int = 0
    text: int = 0  # how many text contacts he may hold, and how many he holds
    load: int = 0
    as_of: float = 0.0
    busy_s: float = 0.0
    ready_s: float = 0.0

    def work(self, now: float) -> tuple[float, float]:
        """Seconds busy and seconds ready since login."""
        passed = max(0.0, now - self.as_of)
        if self.state in AT_WORK[1:] or self.load:
            return self.busy_s + passed, self.ready_s
        return self.busy_s, self.ready_s + (passed if self.state is AgentState.READY else 0.0)

    def account(self, now: float) -> None:
        self.busy_s, self.ready_s = self.work(now)
        self.as_of = now

    def occupancy(self, now: float) -> float:
        busy, ready = self.work(now)
        return busy / (busy + ready) if busy else 0.0


@dataclass
class NaiveContact:
    queue: str
    language: str
    priority: int
    rank: int
    visit: int
    queued_at: float
    knows: str = ""
    knows_until: float = -inf
    waits_for_one: bool = False


class NaiveRouting:
    def __init__(self, queues: Sequence[QueueRules], *, contacts_max: int = 10_000) -> None:
        self.contacts_max = contacts_max
        self.queues = {rules.name: rules for rules in queues}
        self.agents: dict[str, NaiveAgent] = {}
        self.contacts: dict[str, NaiveContact] = {}
        self.closes: dict[str, float] = {}
        self.turns = self.visits = self.rank_next = 0
        self.longest_queue = False
        self.seats_left: list[int] = []

    def configure(self, queues: Sequence[QueueRules], *, longest_queue: bool = False) -> None:
        self.longest_queue = longest_queue
        lives_on = {c.queue: self.queues[c.queue] for c in self.contacts.values()}
        self.queues = lives_on | {rules.name: rules for rules in queues}
        for name, rules in self.queues.items():
            keep = {queue: agents for queue, agents in rules.keep.items() if queue in self.queues}
            self.queues[name] = replace(rules, keep=keep)
        self.lapse()

    # Agents

    def agent(self, name: str) -> NaiveAgent:
        if name not in self.agents:
            self.agents[name] = NaiveAgent(self.seats_left.pop() if self.seats_left else len(self.agents))
        return self.agents[name]

    def set_agent(
        self, name: str, skills: Mapping[str, int], queues: Sequence[str] | None, own: Sequence[str] = ()
    ) -> None:
        agent = self.agent(name)
        agent.skills, agent.queues, agent.own = skills, queues, own
        self.lapse()

    def set_capacity(self, name: str, text: int) -> None:
        self.agent(name).text = text
        self.lapse()

    def remove_agent(self, name: str) -> None:
        if name in self.agents:
            self.agents[name].state = AgentState.LOGGED_OUT
            self.lapse()
            self.seats_left.append(self.agents.pop(name).seat)
        for contact in self.contacts.values():
            if contact.knows == name:
                contact.knows = ""

    def agent_state(self, now: float, name: str, state: AgentState, idle_since: float | None = None) -> None:
        agent = self.agent(name)
        changes = state is not agent.state
        if changes:
            agent.account(now)
        if changes and agent.state is AgentState.LOGGED_OUT:
            agent.busy_s = agent.ready_s = 0.0
        agent.state = state
        if idle_since is not None or (state is AgentState.READY and changes):
            self.to_the_end(agent, now if idle_since is None else idle_since)
        self.lapse()

    def text_load(self, now: float, name: str, load: int) -> None:
        agent = self.agent(name)
        if load != agent.load:
            agent.account(now)
            agent.load = load
            if not load and agent.state is AgentState.READY:
                self.to_the_end(agent, now)

    def to_the_end(self, agent: NaiveAgent, since: float) -> None:
        self.turns += 1
        agent.idle_since, agent.turn = since, self.turns

    # Contacts

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
        knows: str = "",
        knows_s: float = 0.0,
    ) -> str:
        """The reason of refusal, or ""."""
        rules = self.queues.get(queue)
        if rules is None:
            return "unknown-queue"
        self.come_to(now)
        queued_at = now if queued_at is None else queued_at
        if queued_at >= now and (refusal := self.refusal(now, queue, language)):
            return refusal
        rank = self.rank_next if rank is None else rank
        self.rank_next = max(self.rank_next, rank + 1)
        self.visits += 1
        priority = rules.priority if priority is None else priority
        self.contacts[contact] = NaiveContact(queue, language, priority, rank, self.visits, queued_at)
        if knows in self.agents:
            found = self.contacts[contact]
            found.knows, found.knows_until = knows, queued_at + knows_s
            found.waits_for_one = now < found.knows_until
            self.lapse()
        return ""

    def refusal(self, now: float, queue: str, language: str) -> str:
        rules = self.queues[queue]
        waiting = sum(c.queue == queue for c in self.contacts.values())
        full = 0 < rules.overflow_size <= waiting
        if full or len(self.contacts) >= self.contacts_max:
            return "size"
        if self.closes.get(queue, inf) <= now:
            return "closed"
        return "no-staff" if rules.overflow_no_staff and not self.staff(queue, language) else ""

    def close(self, queue: str, at: float | None) -> None:
        self.closes[queue] = inf if at is None else at

    def leave(self, contact: str) -> None:
        self.contacts.pop(contact, None)

    def assign(self, now: float, contact: str, name: str) -> None:
        found, agent = self.contacts.get(contact), self.agents[name]
        if found is not None and self.queues[found.queue].channel is Channel.TEXT:
            self.text_load(now, name, agent.load + 1)
        else:
            self.agent_state(now, name, AgentState.RINGING)
        self.leave(contact)

    def come_to(self, now: float) -> None:
        for c in self.contacts.values():
            c.waits_for_one = c.waits_for_one and now < c.knows_until

    def lapse(self) -> None:
        """Whoever waits for one agent who has gone, or cannot do it any more, waits for anybody, and for good."""
        for c in self.contacts.values():
            if c.waits_for_one:
                agent = self.agents[c.knows]
                c.waits_for_one = agent.state is not AgentState.LOGGED_OUT and self.able(
                    agent, c.queue, c.language, 0
                )

    # Who may

    def step(self, contact: NaiveContact, now: float) -> int:
        """Relaxation steps behind the contact; while it waits for one agent nothing is relaxed."""
        relax = self.queues[contact.queue].relax
        return 0 if contact.waits_for_one else sum(contact.queued_at + s.after_s <= now for s in relax)

    def can(self, agent: NaiveAgent, queue: str, language: str, step: int) -> bool:
        """Whether he has the queue and the skills."""
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

    def able(self, agent: NaiveAgent, queue: str, language: str, step: int) -> bool:
        """Whether he takes such contacts at all, when he is free."""
        text = self.queues[queue].channel is Channel.TEXT
        return self.can(agent, queue, language, step) and (agent.text > 0 or not text)

    def free(self, agent: NaiveAgent, queue: str) -> bool:
        """Whether he is free for the queue's channel."""
        room = agent.load < agent.text if self.queues[queue].channel is Channel.TEXT else agent.load == 0
        return agent.state is AgentState.READY and room

    def spared(self, agent: NaiveAgent, queue: str) -> bool:
        """Whether nobody else needs him: of those ready for another queue, so many are kept."""

        def ready(other: NaiveAgent, name: str) -> bool:
            return self.free(other, name) and self.can(other, name, "", 0)

        return not any(
            ready(agent, name) and sum(ready(other, name) for other in self.agents.values()) <= kept
            for name, kept in self.queues[queue].keep.items()
            if kept
        )

    def staff(
        self, queue: str, language: str, *, states: Sequence[AgentState] = tuple(AgentState)[1:]
    ) -> int:
        """Agents in these states who could take a contact that has waited for ever."""
        last = len(self.queues[queue].relax)
        return sum(
            agent.state in states and self.able(agent, queue, language, last)
            for agent in self.agents.values()
        )

    def working(self, queue: str) -> int:
        return self.staff(queue, "", states=AT_WORK)

    def ready(self, queue: str) -> int:
        last = len(self.queues[queue].relax)
        return sum(self.free(a, queue) and self.can(a, queue, "", last) for a in self.agents.values())

    def score(self, agent: NaiveAgent, queue: str, language: str) -> int:
        rules = self.queues[queue]
        asked = {skill for skill, level in rules.skills.items() if level}
        if language and rules.language_level:
            asked.add(f"lang:{language}")
        return sum(agent.skills.get(skill, 0) for skill in asked)

    # Who takes whom

    def in_order(self, now: float | None = None) -> list[str]:
        """With a time: as `decide` goes down the line, agents' own queues first, the wait or the line weighted by the
        queue; without: all queues alike.
        """

        def key(contact: str) -> tuple[int, bool, float, float, int, int]:
            c = self.contacts[contact]
            if now is None:
                return (-c.priority, False, 0.0, c.queued_at, c.rank, c.visit)
            waiting = sum(other.queue == c.queue for other in self.contacts.values())
            much = waiting if self.longest_queue else now - c.queued_at
            urgency = self.queues[c.queue].weight * much
            return (-c.priority, not self.owned(c, now), -urgency, c.queued_at, c.rank, c.visit)

        return sorted(self.contacts, key=key)

    def owned(self, contact: NaiveContact, now: float) -> bool:
        """Whether somebody ready for it has its queue as his own."""
        step = self.step(contact, now)
        return any(
            contact.queue in agent.own
            and self.free(agent, contact.queue)
            and self.can(agent, contact.queue, contact.language, step)
            for agent in self.agents.values()
        )

    def chosen(self, now: float, queue: str, language: str, step: int) -> str:
        """Whom the queue prefers of those who may take such a contact now; "": nobody may."""
        strategy = self.queues[queue].strategy

        def preference(name: str) -> tuple[int, float, int, float, int]:
            a = self.agents[name]
            if strategy is Strategy.RANDOM:
                return (0, lot(a.seat, now), a.load, a.idle_since, a.turn)
            score = self.score(a, queue, language) if strategy is Strategy.BEST_SKILL else 0
            occupancy = a.occupancy(now) if strategy is Strategy.LEAST_OCCUPIED else 0.0
            return (-score, occupancy, a.load, a.idle_since, a.turn)

        able = [
            name
            for name, agent in self.agents.items()
            if self.free(agent, queue)
            and self.can(agent, queue, language, step)
            and self.spared(agent, queue)
        ]
        return min(able, key=preference, default="")

    def decide(self, now: float) -> Decision | None:
        self.come_to(now)
        for name in self.in_order(now):
            c = self.contacts[name]
            step = self.step(c, now)
            agent = ""
            if known := self.agents.get(c.knows):
                fit = self.can(known, c.queue, c.language, step) and self.spared(known, c.queue)
                agent = c.knows if fit and self.free(known, c.queue) else ""
            if not agent and not c.waits_for_one:
                agent = self.chosen(now, c.queue, c.language, step)
            if agent:
                level = self.score(self.agents[agent], c.queue, c.language)
                return Decision(name, agent, c.queue, c.language, step, level)
        return None

    def rings_too(self, now: float, decision: Decision, ringing: int) -> str:
        rules = self.queues[decision.queue]
        if rules.strategy is not Strategy.RING_ALL or ringing >= rules.ring_all_max:
            return ""
        return self.chosen(now, decision.queue, decision.language, decision.step)

    # What time brings

    def overflows(self, now: float) -> list[Overflow]:
        self.come_to(now)
        found = []
        for name in self.in_order():
            c = self.contacts[name]
            rules = self.queues[c.queue]
            if rules.overflow_wait_s and c.queued_at + rules.overflow_wait_s <= now:
                reason = "wait"
            elif rules.overflow_at_close and self.closes.get(c.queue, inf) <= now:
                reason = "closed"
            elif rules.overflow_no_staff and not self.staff(c.queue, c.language):
                reason = "no-staff"
            else:
                continue
            found.append(Overflow(name, c.queue, rules.overflow_to, reason))
        return found

    def next_time(self, now: float) -> float | None:
        self.come_to(now)
        times = []
        for c in self.contacts.values():
            rules = self.queues[c.queue]
            if c.waits_for_one:
                times.append(c.knows_until)
            else:
                times += [c.queued_at + step.after_s for step in rules.relax]
            if rules.overflow_wait_s:
                times.append(c.queued_at + rules.overflow_wait_s)
            if rules.overflow_at_close:
                times.append(self.closes.get(c.queue, inf))
        return min((at for at in times if now < at < inf), default=None)
