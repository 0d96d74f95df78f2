"""Who answers whom: waiting contacts, ready agents, and the decision between them.

The rule, in one paragraph. Contacts stand in order of priority (higher first), then of the wait weighted by their
queue (longer first), then of rank (smaller first). Going down that order, each contact takes, among the ready
agents nobody before it took, the one its queue's strategy prefers and who meets the queue's requirement as it
stands after this contact's wait. So an agent who becomes ready gets the best contact of all queues he can serve,
and a new contact gets the best agent.

This is the floor's door to `matching`, where the rule is written: names instead of numbers, and what only the floor
asks. Nothing here reads a clock: `now` is an argument, in seconds, on any scale the caller keeps to.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from math import inf

from marhaba.kernel import matching, rows
from marhaba.kernel.eligibility import Eligibility
from marhaba.kernel.errors import LimitReached, Refused
from marhaba.kernel.rows import NONE, Agent, Contact, Spot
from marhaba.kernel.rules import Channel, QueueRules, RelaxStep, Strategy

__all__ = [
    "Admission",
    "AgentState",
    "Channel",
    "Decision",
    "Numbers",
    "Overflow",
    "QueueRules",
    "RelaxStep",
    "Routing",
    "Strategy",
    "Work",
]

AGENTS_MAX = 4096
GROUPS_MAX = 2 * AGENTS_MAX
"""Skills that nobody has any more leave their group behind; at this many the tables are made anew."""
CONTACTS_MAX = 8192
"""Twice what one floor can ring; beyond it a new contact is refused like one beyond its queue's size."""

_REASON = {
    rows.ADMITTED: "",
    rows.FULL: "size",
    rows.CLOSED: "closed",
    rows.UNSTAFFED: "no-staff",
}


class AgentState(IntEnum):
    LOGGED_OUT = rows.LOGGED_OUT
    PAUSED = rows.PAUSED
    READY = rows.READY
    RINGING = rows.RINGING
    TALKING = rows.TALKING
    WRAPUP = rows.WRAPUP


@dataclass(frozen=True, slots=True)
class Admission:
    queued: bool
    reason: str = ""  # "" | size | no-staff | closed | unknown-queue
    to: str = ""  # where the queue's rules send the contact; "": back to the floor


@dataclass(frozen=True, slots=True)
class Decision:
    contact: str
    agent: str
    queue: str
    language: str
    step: int  # relaxation steps behind the contact
    level: int  # the agent's levels in what the queue asks unrelaxed, summed


@dataclass(frozen=True, slots=True)
class Overflow:
    contact: str
    queue: str
    to: str
    reason: str  # wait | no-staff | closed


@dataclass(frozen=True, slots=True)
class Work:
    """An agent's time since login, up to `as_of`: what least-occupied compares."""

    as_of: float
    busy_s: float
    ready_s: float


@dataclass(frozen=True, slots=True)
class Numbers:
    """Who has which number, as lots are drawn by it, and which ones newcomers get: the last first."""

    agents: list[str]  # "": nobody
    free: list[int]


_Key = tuple[int, float, int, int]
"""(-priority, queued at, rank, visit): contacts of a queue stand by it; visit is unique and settles ties."""


@dataclass(slots=True)
class _Waiting:
    id: str
    queue: str
    language: str
    slot: int
    key: _Key


@dataclass(slots=True)
class _Known:
    """What an agent brings along when the tables are made anew."""

    slot: int
    skills: Mapping[str, int]
    queues: Sequence[str] | None
    own: Sequence[str]


class Routing:
    """The tables and the verbs over them."""

    def __init__(
        self, queues: Sequence[QueueRules], *, agents_max: int = AGENTS_MAX, contacts_max: int = CONTACTS_MAX
    ) -> None:
        self._agents_max, self._contacts_max = agents_max, contacts_max
        self._now = 0.0  # relaxation stands as of then
        self._known: dict[str, _Known] = {}
        self._agent_at: list[str] = []
        self._agents_free: list[int] = []
        self._waiting: dict[str, _Waiting] = {}
        self._contact_at: list[_Waiting | None] = []
        self._contacts_free: list[int] = []
        self._overdue: set[str] = set()
        self._lines: dict[str, list[_Key]] = {}
        self._closes: dict[str, float] = {}
        self._rank_next = 0
        self._longest_queue = False
        self._fit = Eligibility([])
        self.configure(queues)

    def configure(self, queues: Sequence[QueueRules], *, longest_queue: bool = False) -> None:
        """New rules (`longest_queue` as in `Eligibility`). Waiting contacts keep their place, rank and time; a queue that
        is gone lives on, under its old rules, until nobody waits in it and the next call of this verb comes.

        Raises `BadInput` when a queue keeps agents for a queue that is not there.
        """
        rules = {new.name: new for new in queues}
        old = [self._fit.rules[name] for name, line in self._lines.items() if line and name not in rules]
        there = rules.keys() | {rule.name for rule in old}
        for rule in old:
            keep = {queue: agents for queue, agents in rule.keep.items() if queue in there}
            rules[rule.name] = replace(rule, keep=keep)
        self._longest_queue = longest_queue
        self._make_anew(list(rules.values()))

    def set_agent(
        self,
        agent: str,
        skills: Mapping[str, int],
        queues: Sequence[str] | None = None,
        own: Sequence[str] = (),
    ) -> None:
        """An agent and what he can do ("lang:fr" among it); queues None: any whose requirement he meets. Contacts of his
        `own` queues he takes before others of the same priority.

        Raises `BadInput` for an impossible level, `LimitReached` for too many agents or skills.
        """
        if self._fit.groups >= GROUPS_MAX:
            self._forget()
        try:
            group = self._fit.group_of(skills, queues, own)
        except LimitReached:
            self._forget()
            group = self._fit.group_of(skills, queues, own)
        known = self._known.get(agent) or self._add_agent(agent)
        known.skills, known.queues, known.own = dict(skills), queues, own
        load_max = self._fit.agents[known.slot].load_max
        matching.set_agent(self._fit.tables, self._now, known.slot, group, load_max)

    def set_capacity(self, agent: str, text: int) -> None:
        """How many text contacts the agent may hold at once; 0: none."""
        slot = self._slot(agent)
        matching.set_agent(self._fit.tables, self._now, slot, self._fit.agents[slot].group, text)

    def remove_agent(self, agent: str) -> None:
        if (known := self._known.get(agent)) is not None:
            matching.set_state(self._fit.tables, self._now, known.slot, AgentState.LOGGED_OUT)
            for waiting in self._waiting.values():
                if self._fit.contacts[waiting.slot].knows == known.slot:
                    self._fit.contacts[waiting.slot].knows = NONE
            del self._known[agent]
            self._agents_free.append(known.slot)

    def agent_state(
        self, now: float, agent: str, state: AgentState, *, idle_since: float | None = None
    ) -> None:
        """Becoming ready puts the agent behind everybody idle: a pause or a missed ring costs him his turn.

        Where that would be unjust (the caller hung up while he rang) the old `idle_since` is handed in.
        """
        slot = self._slot(agent)
        matching.set_state(self._fit.tables, now, slot, state)
        if idle_since is not None:
            matching.set_turn(self._fit.tables, slot, idle_since)

    def text_load(self, now: float, agent: str, load: int) -> None:
        """How many text contacts the agent has in hand."""
        matching.set_load(self._fit.tables, now, self._slot(agent), load)

    def work_of(self, agent: str) -> Work:
        row = self._fit.agents[self._slot(agent)]
        return Work(row.changed_at, row.busy_s, row.ready_s)

    def set_work(self, agent: str, work: Work) -> None:
        """As it was before a restart."""
        row = self._fit.agents[self._slot(agent)]
        row.changed_at, row.busy_s, row.ready_s = work.as_of, work.busy_s, work.ready_s

    def standing(self) -> list[str]:
        """Everybody, in the order of their turns: of two who are ready for the same, the first has the contact."""
        return sorted(self._known, key=lambda agent: _turn(self._fit.agents[self._known[agent].slot]))

    def numbers(self) -> Numbers:
        known = {held.slot: agent for agent, held in self._known.items()}
        return Numbers([known.get(slot, "") for slot in range(len(self._agent_at))], list(self._agents_free))

    def set_numbers(self, numbers: Numbers) -> None:
        """As they were before a restart; before anything else is said of agents."""
        assert not self._agent_at, "agents have numbers already"
        for agent in numbers.agents:
            self._add_agent(agent)
        self._known.pop("", None)
        self._agents_free = list(numbers.free)

    def close(self, queue: str, at: float | None) -> None:
        """From then on the queue takes nobody any more, and sends on who waits if its rules say so; None: open."""
        if at is None:
            self._closes.pop(queue, None)
        else:
            self._closes[queue] = at
        if queue in self._fit.queue_at:
            self._fit.tables.queues[self._fit.queue_at[queue]].closes_at = inf if at is None else at

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
        admitted: bool = False,
        knows: str = "",
        knows_s: float = 0.0,
    ) -> Admission:
        """Ask for a place in line. A contact that returns (a missed ring, a restart, a callback) hands in
        its old `rank` and `queued_at`: one queued before `now`, or said to be `admitted`, is not refused for
        size, staff or the hour. One that `knows` an agent prefers him, and waits `knows_s` for him alone.
        """
        assert contact not in self._waiting, "a contact waits once"
        rules = self._fit.rules.get(queue)
        if rules is None:
            return Admission(False, "unknown-queue")
        self._advance(now)
        queued_at = now if queued_at is None else queued_at
        class_ = self._class_of(queue, language)
        if not admitted and queued_at >= now and (refusal := self._refusal(now, class_)):
            return Admission(False, refusal, rules.overflow_to)
        rank = self._rank_next if rank is None else rank
        self._rank_next = max(self._rank_next, rank + 1)
        self._stand(
            self._place(contact, queue, language),
            Contact(
                priority=rules.priority if priority is None else priority,
                rank=rank,
                queued_at=queued_at,
                knows=self._known[knows].slot if knows in self._known else NONE,
                knows_until=queued_at + knows_s,
            ),
        )
        return Admission(True)

    def leave(self, contact: str) -> None:
        """The contact no longer waits: abandoned, answered, overflowed. Leaving twice is no error."""
        waiting = self._waiting.pop(contact, None)
        if waiting is not None:
            matching.leave(self._fit.tables, waiting.slot)
            self._contact_at[waiting.slot] = None
            self._contacts_free.append(waiting.slot)
            self._overdue.discard(contact)
            line = self._lines[waiting.queue]
            del line[bisect_left(line, waiting.key)]

    def decide(self, now: float) -> Decision | None:
        """The first assignment that holds now; None: nobody can be given to anybody.

        To be carried out (`assign`), or made impossible, before it is asked again.
        """
        self._advance(now)
        slot, agent = matching.decide(self._fit.tables, now)
        if slot < 0:
            return None
        waiting, row = self._contact_at[slot], self._fit.tables.contacts[slot]
        assert waiting is not None
        group = self._fit.agents[agent].group
        return Decision(
            waiting.id,
            self._agent_at[agent],
            waiting.queue,
            waiting.language,
            self._fit.step_of[row.class_],
            self._fit.tables.levels[row.class_, group],
        )

    def rings_too(self, now: float, decision: Decision, ringing: int) -> str:
        """With `ringing` phones ringing for a contact already: the next agent to ring; "": no more."""
        rules = self._fit.rules.get(decision.queue)
        if rules is None or rules.strategy is not Strategy.RING_ALL or ringing >= rules.ring_all_max:
            return ""
        step = min(decision.step, len(rules.relax))
        class_ = self._class_of(decision.queue, decision.language) + step
        agent = matching.best_agent(self._fit.tables, now, class_)
        return "" if agent < 0 else self._agent_at[agent]

    def assign(self, now: float, contact: str, agent: str) -> None:
        """Commit one decision: the contact leaves the line, the agent rings, or has one text contact more. Raises
        `Refused` unless he is ready.

        A contact that does not wait here (its queue is gone, or it rings elsewhere too) only makes the agent ring.
        """
        slot, t = self._slot(agent), self._fit.tables
        waiting = self._waiting.get(contact)
        channel = rows.VOICE
        if waiting is not None:
            channel = t.classes[t.contacts[waiting.slot].class_].channel
        if not t.spots[slot * rows.CHANNELS + channel].on:
            raise Refused(f"agent {agent} is not ready", code="agent-not-ready")
        self.leave(contact)
        matching.take(t, now, slot, channel)

    def overflows(self, now: float) -> list[Overflow]:
        """Contacts whose queue's rules send them on now, in order of precedence: who comes first goes first."""
        self._advance(now)
        gone = {self._waiting[contact].key: (self._waiting[contact], "wait") for contact in self._overdue}
        t = self._fit.tables
        if any(queue.waiting and (queue.no_staff or queue.sent_at_close) for queue in t.queues):
            for waiting in self._waiting.values():
                class_ = t.contacts[waiting.slot].class_
                if matching.in_vain(t, now, class_):
                    queue = t.queues[t.classes[class_].queue]
                    closed = queue.sent_at_close and queue.closes_at <= now
                    gone.setdefault(waiting.key, (waiting, "closed" if closed else "no-staff"))
        return [
            Overflow(waiting.id, waiting.queue, self._fit.rules[waiting.queue].overflow_to, reason)
            for waiting, reason in (gone[key] for key in sorted(gone))
        ]

    def next_time(self, now: float) -> float | None:
        """When time alone next changes a requirement or makes a contact overflow; always after `now`."""
        self._advance(now)
        when = matching.next_time(self._fit.tables)
        for queue in self._fit.tables.queues:
            if queue.waiting and queue.sent_at_close and queue.closes_at > now:
                when = min(when, queue.closes_at)
        return None if when == inf else when

    def position(self, contact: str) -> int:
        """1: next of its queue; 0: not waiting."""
        waiting = self._waiting.get(contact)
        return 0 if waiting is None else bisect_left(self._lines[waiting.queue], waiting.key) + 1

    def queue_of(self, contact: str) -> str:
        """Where the contact waits; "": nowhere."""
        waiting = self._waiting.get(contact)
        return "" if waiting is None else waiting.queue

    def known_to(self, contact: str) -> tuple[str, bool]:
        """The agent whom a waiting contact knows ("": none), and whether it still waits for nobody else."""
        waiting = self._waiting.get(contact)
        row = self._fit.contacts[waiting.slot] if waiting is not None else None
        if row is None or row.knows == NONE:
            return "", False
        return self._agent_at[row.knows], row.place == rows.FOR_ONE

    def waiting(self, queue: str) -> int:
        return len(self._lines.get(queue, ()))

    def longest_wait(self, now: float, queue: str) -> float:
        """Seconds since the earliest `queued_at` of those waiting; 0 when nobody waits."""
        return max(0.0, now - min((key[1] for key in self._lines.get(queue, ())), default=now))

    def staffed(self, queue: str) -> int:
        """Agents logged in (paused or busy ones too) who could take a fully relaxed contact, any language."""
        return self._loosest(queue).staff if queue in self._fit.rules else 0

    def working(self, queue: str) -> int:
        """Of those, the ones ready or busy: logged in and not paused."""
        return self._loosest(queue).working if queue in self._fit.rules else 0

    def ready(self, queue: str) -> int:
        """Of those, the ones ready now."""
        if queue not in self._fit.rules:
            return 0
        return matching.ready_for(self._fit.tables, self._loosest(queue).loosest)

    def _loosest(self, queue: str) -> rows.Class:
        first = self._fit.classes[self._class_of(queue, "")]
        return self._fit.classes[first.loosest]

    def _refusal(self, now: float, class_: int) -> str:
        if len(self._waiting) >= self._contacts_max:
            return "size"
        return _REASON[matching.refused(self._fit.tables, now, class_)]

    def _advance(self, now: float) -> None:
        """Let relaxation stand as of `now`. A clock that steps back is obeyed at the price of a full pass."""
        if now < self._now:
            self._now = now
            self._forget()
        self._now = now
        while (slot := matching.advance(self._fit.tables, now)) >= 0:
            waiting = self._contact_at[slot]
            assert waiting is not None
            self._overdue.add(waiting.id)

    def _class_of(self, queue: str, language: str) -> int:
        """Raises `LimitReached` for too many skills or classes in use."""
        try:
            return self._fit.class_of(queue, language)
        except LimitReached:
            self._forget()
            return self._fit.class_of(queue, language)

    def _forget(self) -> None:
        """The same rules in new tables: without the groups, classes and skills that nobody has any more."""
        self._make_anew(list(self._fit.rules.values()))

    def _slot(self, agent: str) -> int:
        """The agent's slot; one never seen gets one, logged out and without skills."""
        known = self._known.get(agent)
        return (self._add_agent(agent) if known is None else known).slot

    def _add_agent(self, agent: str) -> _Known:
        group = self._fit.group_of({}, ())
        if self._agents_free:
            slot = self._agents_free.pop()
            self._agent_at[slot] = agent
            self._fit.agents[slot] = Agent(group=group)
        elif len(self._agent_at) < self._agents_max:
            slot = len(self._agent_at)
            self._agent_at.append(agent)
            self._fit.agents.append(Agent(group=group))
            self._fit.spots.extend(Spot() for _ in range(rows.CHANNELS))
        else:
            raise LimitReached(f"more than {self._agents_max} agents", code="agents-max")
        self._known[agent] = _Known(slot, {}, (), ())
        return self._known[agent]

    def _place(self, contact: str, queue: str, language: str) -> _Waiting:
        """A slot for a contact."""
        if self._contacts_free:
            slot = self._contacts_free.pop()
        else:
            slot = len(self._contact_at)
            self._contact_at.append(None)
            self._add_slot()
        waiting = _Waiting(contact, queue, language, slot, (0, 0.0, 0, 0))
        self._waiting[contact] = self._contact_at[slot] = waiting
        return waiting

    def _add_slot(self) -> None:
        t = self._fit.tables
        self._fit.contacts.append(Contact())
        t.for_one.append(0)
        t.timer_ats.extend([0.0] * rows.TIMERS_PER_CONTACT)
        t.timer_tags.extend([0] * rows.TIMERS_PER_CONTACT)

    def _make_anew(self, rules: list[QueueRules]) -> None:
        """Other tables for the same people: every agent keeps state and turn, every contact its place."""
        old, self._fit = self._fit, Eligibility(rules, longest_queue=self._longest_queue)
        nobody = self._fit.group_of({}, ())
        group_at = {
            known.slot: self._fit.group_of(known.skills, known.queues, known.own)
            for known in self._known.values()
        }
        for slot, row in enumerate(old.agents):
            self._fit.agents.append(replace(row, group=group_at.get(slot, nobody)))
            self._fit.spots.extend(Spot() for _ in range(rows.CHANNELS))
        t = self._fit.tables
        t.totals[0].turns = old.tables.totals[0].turns
        for slot in sorted(range(len(old.agents)), key=lambda slot: _turn(old.agents[slot])):
            matching.lane_up(t, slot)
        for queue, at in self._closes.items():
            if queue in self._fit.queue_at:
                t.queues[self._fit.queue_at[queue]].closes_at = at
        for _ in old.contacts:
            self._add_slot()
        self._overdue, self._lines = set(), {}
        for waiting in self._waiting.values():  # in the order of their visits
            self._stand(waiting, old.contacts[waiting.slot])

    def _stand(self, waiting: _Waiting, row: Contact) -> None:
        class_ = self._fit.class_of(waiting.queue, waiting.language)
        matching.enqueue(
            self._fit.tables, self._now, waiting.slot, class_, row.priority, row.rank, row.queued_at, row.knows, row.knows_until
        )  # fmt: skip
        waiting.key = (-row.priority, row.queued_at, row.rank, self._fit.tables.totals[0].visits)
        insort(self._lines.setdefault(waiting.queue, []), waiting.key)


def _turn(row: Agent) -> tuple[float, int]:
    return row.since, row.turn
