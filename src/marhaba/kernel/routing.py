"""Who answers whom: waiting contacts, ready agents, and the decision between them.

The rule, in one paragraph. Contacts stand in order of priority (higher first), then rank (smaller first).
Going down that order, each contact takes, among the ready agents nobody before it took, the one its queue's
strategy prefers and who meets the queue's requirement as it stands after this contact's wait. So an agent
who becomes ready gets the best contact of all queues he can serve, and a new contact gets the best agent.
`decide` is always that whole matching, computed from scratch; the counts in `eligibility` only let it skip
what cannot match.

Nothing here reads a clock: `now` is an argument, in seconds, on any scale the caller keeps to.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from marhaba.kernel import matching
from marhaba.kernel.eligibility import AgentState, Eligibility
from marhaba.kernel.errors import Refused
from marhaba.kernel.rules import QueueRules, RelaxStep, Strategy

__all__ = [
    "Admission",
    "AgentState",
    "Decision",
    "Overflow",
    "QueueRules",
    "RelaxStep",
    "Routing",
    "Strategy",
]

AGENTS_MAX = 4096
CONTACTS_MAX = 8192
"""Twice what one floor can ring; beyond it a new contact is refused like one beyond its queue's size."""


@dataclass(frozen=True, slots=True)
class Admission:
    queued: bool
    reason: str = ""  # "" | size | no-staff | unknown-queue
    to: str = ""  # where the queue's rules send the contact; "": back to the floor


@dataclass(frozen=True, slots=True)
class Decision:
    contact: str
    agent: str
    queue: str
    step: int  # relaxation steps behind the contact
    level: int  # the agent's levels in what the queue asks unrelaxed, summed


@dataclass(frozen=True, slots=True)
class Overflow:
    contact: str
    queue: str
    to: str
    reason: str  # wait | no-staff


_Key = tuple[int, int, int]
"""(-priority, rank, visit): contacts sort by it; visit is unique and settles ties."""
_Item = TypeVar("_Item", tuple[int, int, int], tuple[float, int])


@dataclass(slots=True)
class _Queue:
    rules: QueueRules
    line: list[_Key] = field(default_factory=list)


@dataclass(slots=True)
class _Contact:
    id: str
    queue: _Queue
    language: str
    key: _Key
    queued_at: float
    step: int = 0
    class_: int = 0


class Routing:
    """The tables and the verbs over them."""

    def __init__(
        self, queues: Sequence[QueueRules], *, agents_max: int = AGENTS_MAX, contacts_max: int = CONTACTS_MAX
    ) -> None:
        self._fit = Eligibility(agents_max)
        self._contacts_max = contacts_max
        self._now = 0.0  # relaxation stands as of then
        self._queues: dict[str, _Queue] = {}
        self._contacts: dict[str, _Contact] = {}
        self._by_visit: dict[int, _Contact] = {}
        self._lines: list[list[_Key]] = []  # by class
        self._relax_at: list[tuple[float, int]] = []  # (when, visit), sorted; one entry a contact
        self._overflow_at: list[tuple[float, int]] = []
        self._visits = 0
        self._rank_next = 0
        self.configure(queues)

    def configure(self, queues: Sequence[QueueRules]) -> None:
        """New rules. Waiting contacts keep their place, rank and time; a queue that is gone lives on, under
        its old rules, until nobody waits in it and the next call of this verb comes.
        """
        rules = {name: queue.rules for name, queue in self._queues.items() if queue.line}
        rules.update((new.name, new) for new in queues)
        self._queues = {
            name: _Queue(new, self._queues[name].line if name in self._queues else [])
            for name, new in rules.items()
        }
        self._fit.reset(list(rules.values()))
        self._lines = []
        for contact in self._contacts.values():
            contact.queue = self._queues[contact.queue.rules.name]
        self._place_all()

    def set_agent(self, agent: str, skills: Mapping[str, int], queues: Sequence[str] | None = None) -> None:
        """An agent and what he can do ("lang:fr" among it); queues None: any whose requirement he meets."""
        self._fit.set_agent(agent, skills, queues)

    def remove_agent(self, agent: str) -> None:
        self._fit.remove_agent(agent)

    def agent_state(
        self, now: float, agent: str, state: AgentState, *, idle_since: float | None = None
    ) -> None:
        """Becoming ready puts the agent behind everybody idle: a pause or a missed ring costs him his turn.

        Where that would be unjust (the caller hung up while he rang) the old `idle_since` is handed in.
        """
        slot = self._fit.slot(agent)
        became_ready = state is AgentState.READY and not self._fit.ready[slot]
        self._fit.set_state(slot, state)
        if became_ready or idle_since is not None:
            self._fit.to_the_end(slot, now if idle_since is None else idle_since)

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
    ) -> Admission:
        """Ask for a place in line. A contact that returns (a missed ring, a restart, a callback) hands in
        its old `rank` and `queued_at`: one queued before `now` has been admitted before and is not refused
        for size or staff.
        """
        assert contact not in self._contacts, "a contact waits once"
        place = self._queues.get(queue)
        if place is None:
            return Admission(False, "unknown-queue")
        rules = place.rules
        queued_at = now if queued_at is None else queued_at
        if queued_at >= now and (refusal := self._refusal(place, language)):
            return Admission(False, refusal, rules.overflow_to)
        rank = self._rank_next if rank is None else rank
        self._rank_next = max(self._rank_next, rank + 1)
        self._visits += 1
        key = (-(rules.priority if priority is None else priority), rank, self._visits)
        waiting = _Contact(contact, place, language, key, queued_at)
        self._place(waiting)
        self._contacts[contact] = self._by_visit[self._visits] = waiting
        insort(place.line, key)
        return Admission(True)

    def leave(self, contact: str) -> None:
        """The contact no longer waits: abandoned, answered, overflowed. Leaving twice is no error."""
        waiting = self._contacts.pop(contact, None)
        if waiting is not None:
            self._unplace(waiting)
            del self._by_visit[waiting.key[2]]
            _remove(waiting.queue.line, waiting.key)
            if (when := self._overflow_time(waiting)) is not None:
                _remove(self._overflow_at, (when, waiting.key[2]))

    def decide(self, now: float) -> list[Decision]:
        """Every assignment that holds now, in order, no agent and no contact twice.

        Changes nothing that can be seen: asked again, it says the same until a verb or time changes it.
        """
        self._advance(now)
        fit, rows = self._fit, self._fit.classes
        if not ((fit.waiting[:rows] > 0) & (fit.takers[:rows] > 0)).any():
            return []
        waiting, takers = fit.waiting[:rows].copy(), fit.takers[:rows].copy()
        priority, rank, visit = fit.priority[:rows].copy(), fit.rank[:rows].copy(), fit.visit[:rows].copy()
        ready = fit.ready[: len(fit.agent_at)].copy()
        taken = [0] * rows
        decisions = []
        while (row := matching.first_class(waiting, takers, priority, rank, visit)) >= 0:
            line = self._lines[row]
            contact = self._by_visit[line[taken[row]][2]]
            slot = self._best_agent(contact, ready)
            decisions.append(
                Decision(
                    contact.id,
                    fit.agent_at[slot],
                    contact.queue.rules.name,
                    contact.step,
                    fit.level(slot, row),
                )
            )
            ready[slot] = False
            takers -= fit.fits_classes(slot)
            taken[row] += 1
            waiting[row] -= 1
            if waiting[row]:
                key = line[taken[row]]
                priority[row], rank[row], visit[row] = -key[0], key[1], key[2]
        return decisions

    def assign(self, now: float, contact: str, agent: str) -> None:
        """Commit one decision: the contact leaves the line, the agent rings. Raises `Refused` unless ready.

        A contact unknown here (its queue is gone from the configuration) only makes the agent ring.
        """
        slot = self._fit.slot(agent)
        if not self._fit.ready[slot]:
            raise Refused(f"agent {agent} is not ready", code="agent-not-ready")
        self._fit.set_state(slot, AgentState.RINGING)
        self.leave(contact)

    def overflows(self, now: float) -> list[Overflow]:
        """Contacts whose queue's rules send them on now, in order of precedence: who comes first goes first."""
        due = self._overflow_at[: bisect_right(self._overflow_at, (now, self._visits))]
        gone = dict.fromkeys((self._by_visit[visit].key for _, visit in due), "wait")
        for row in np.flatnonzero(self._fit.waiting[: self._fit.classes]).tolist():
            rules = self._queues[self._fit.key_of[row][0]].rules
            if rules.overflow_no_staff and not self._fit.staff[self._fit.loosest(row)]:
                for key in self._lines[row]:
                    gone.setdefault(key, "no-staff")
        return [self._overflow(key, gone[key]) for key in sorted(gone)]

    def next_time(self, now: float) -> float | None:
        """When time alone next changes a requirement or makes a contact overflow; always after `now`."""
        self._advance(now)
        times = [self._relax_at[0][0]] if self._relax_at else []
        later = bisect_right(self._overflow_at, (now, self._visits))
        if later < len(self._overflow_at):
            times.append(self._overflow_at[later][0])
        return min(times, default=None)

    def position(self, contact: str) -> int:
        """1: next of its queue; 0: not waiting."""
        waiting = self._contacts.get(contact)
        return 0 if waiting is None else bisect_left(waiting.queue.line, waiting.key) + 1

    def queue_of(self, contact: str) -> str:
        """Where the contact waits; "": nowhere."""
        waiting = self._contacts.get(contact)
        return "" if waiting is None else waiting.queue.rules.name

    def waiting(self, queue: str) -> int:
        return len(self._queues[queue].line) if queue in self._queues else 0

    def longest_wait(self, now: float, queue: str) -> float:
        """Seconds since the earliest `queued_at` of those waiting; 0 when nobody waits."""
        line = self._queues[queue].line if queue in self._queues else []
        return max(0.0, now - min((self._by_visit[key[2]].queued_at for key in line), default=now))

    def staffed(self, queue: str) -> int:
        """Agents logged in (paused or busy ones too) who could take a fully relaxed contact, any language."""
        return int(self._fit.staff[self._loosest_of(queue)]) if queue in self._queues else 0

    def ready(self, queue: str) -> int:
        """Of those, the ones ready now."""
        return int(self._fit.takers[self._loosest_of(queue)]) if queue in self._queues else 0

    def working(self, queue: str) -> int:
        """Of those, the ones ready or busy: logged in and not paused."""
        return self._fit.working(self._loosest_of(queue)) if queue in self._queues else 0

    def _refusal(self, place: _Queue, language: str) -> str:
        rules = place.rules
        if len(self._contacts) >= self._contacts_max or 0 < rules.overflow_size <= len(place.line):
            return "size"
        loosest = self._fit.class_of(rules.name, _asked_language(rules, language), len(rules.relax))
        return "no-staff" if rules.overflow_no_staff and not self._fit.staff[loosest] else ""

    def _loosest_of(self, queue: str) -> int:
        return self._fit.class_of(queue, "", len(self._queues[queue].rules.relax))

    def _best_agent(self, contact: _Contact, ready: matching.Bools) -> int:
        agents = np.flatnonzero(self._fit.fits_agents(contact.class_) & ready)
        if contact.queue.rules.strategy is Strategy.BEST_SKILL:
            agents = self._fit.best_skilled(agents, contact.class_)
        return matching.longest_idle(agents, self._fit.idle_since, self._fit.turn)

    def _overflow(self, key: _Key, reason: str) -> Overflow:
        contact = self._by_visit[key[2]]
        rules = contact.queue.rules
        return Overflow(contact.id, rules.name, rules.overflow_to, reason)

    def _overflow_time(self, contact: _Contact) -> float | None:
        wait_s = contact.queue.rules.overflow_wait_s
        return contact.queued_at + wait_s if wait_s else None

    def _advance(self, now: float) -> None:
        """Let relaxation stand as of `now`. A clock that steps back is obeyed at the price of a full pass."""
        if now < self._now:
            self._now = now
            self._place_all()
            return
        self._now = now
        while self._relax_at and self._relax_at[0][0] <= now:
            contact = self._by_visit[self._relax_at[0][1]]
            self._unplace(contact)
            self._place_in_class(contact)

    def _place_all(self) -> None:
        for row in range(len(self._lines)):
            self._fit.head(row, waiting=0)
        self._lines, self._relax_at, self._overflow_at = [], [], []
        for contact in self._contacts.values():
            self._place(contact)

    def _place(self, contact: _Contact) -> None:
        self._place_in_class(contact)
        if (when := self._overflow_time(contact)) is not None:
            insort(self._overflow_at, (when, contact.key[2]))

    def _place_in_class(self, contact: _Contact) -> None:
        rules = contact.queue.rules
        contact.step = rules.step_at(contact.queued_at, self._now)
        contact.class_ = self._fit.class_of(
            rules.name, _asked_language(rules, contact.language), contact.step
        )
        while len(self._lines) <= contact.class_:
            self._lines.append([])
        insort(self._lines[contact.class_], contact.key)
        self._tell_head(contact.class_)
        if (when := rules.next_step_at(contact.queued_at, contact.step)) is not None:
            insort(self._relax_at, (when, contact.key[2]))

    def _unplace(self, contact: _Contact) -> None:
        _remove(self._lines[contact.class_], contact.key)
        self._tell_head(contact.class_)
        when = contact.queue.rules.next_step_at(contact.queued_at, contact.step)
        if when is not None:
            _remove(self._relax_at, (when, contact.key[2]))

    def _tell_head(self, row: int) -> None:
        line = self._lines[row]
        if line:
            self._fit.head(row, waiting=len(line), key=line[0])
        else:
            self._fit.head(row, waiting=0)


def _asked_language(rules: QueueRules, language: str) -> str:
    return language if rules.language_level else ""


def _remove(line: list[_Item], item: _Item) -> None:
    """Take `item` out of a sorted list that holds it."""
    del line[bisect_left(line, item)]
