"""Who may take what: agents, classes of waiting contacts, and the matrix between them with its counts.

A class is all contacts of one (queue, language, relaxation step). The counts of ready and logged-in agents
by class are kept as agents come and go, so that "is there anything to decide" costs one comparison of two
short arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from marhaba.kernel import matching
from marhaba.kernel.errors import LimitReached
from marhaba.kernel.matching import Bools, Ints, Levels
from marhaba.kernel.rules import QueueRules, check_level, language_skill

SKILLS_MAX = 2048
"""Distinct skills known at once: each is a column of 4 kB with 4,096 agents. A reload needs room for the old and the new."""
CLASSES_MAX = 8192
"""64 queues x 8 languages x 16 steps; each is a row of 4 kB with 4,096 agents."""
_SKILLS_FIRST, _CLASSES_FIRST = 32, 128
_Kind = TypeVar("_Kind", bound=np.generic)


class AgentState(IntEnum):
    LOGGED_OUT = 0
    PAUSED = 1
    READY = 2
    RINGING = 3
    TALKING = 4
    WRAPUP = 5


ClassKey = tuple[str, str, int]
"""(queue, language or "", relaxation steps taken)"""


class Eligibility:
    """Agents by slot (column), classes by row. Slots are reused, rows last until `reset`."""

    def __init__(self, agents_max: int) -> None:
        self.agents_max = agents_max
        self.slot_of: dict[str, int] = {}
        self.agent_at: list[str] = []
        self.state = np.zeros(agents_max, np.int8)
        self.ready = np.zeros(agents_max, np.bool_)
        self.idle_since = np.zeros(agents_max, np.float64)
        self.turn = np.zeros(agents_max, np.int64)
        self._turns = 0
        self._free: list[int] = []
        self._own_queues: list[frozenset[str] | None] = []
        self._skill_at: dict[str, int] = {}
        self._levels: Levels = np.zeros((agents_max, _SKILLS_FIRST), np.int8)
        self._rules: dict[str, QueueRules] = {}
        self.reset([])

    def reset(self, queues: Sequence[QueueRules]) -> None:
        """New rules: every class is forgotten, and every skill nobody has; agents stay."""
        self._rules = {rules.name: rules for rules in queues}
        self._forget_skills()
        for rules in queues:
            self._columns(rules.skills)
        self._queue_at = {name: index for index, name in enumerate(self._rules)}
        self._allowed = np.zeros((self.agents_max, len(self._rules)), np.bool_)
        for slot in self.slot_of.values():
            self._allowed[slot] = self._queues_allowed(slot)
        self._class_of: dict[ClassKey, int] = {}
        self.key_of: list[ClassKey] = []
        self._loosest: list[int] = []
        rows, skills = _CLASSES_FIRST, self._levels.shape[1]
        self.waiting, self.takers, self.staff = (np.zeros(rows, np.int64) for _ in range(3))
        self.priority, self.rank, self.visit = (np.zeros(rows, np.int64) for _ in range(3))
        self._queue_of, self._asked = np.zeros(rows, np.int64), np.zeros((rows, skills), np.int64)
        self._required = np.zeros((rows, skills), np.int8)
        self._fits = np.zeros((rows, self.agents_max), np.bool_)

    def class_of(self, queue: str, language: str, step: int) -> int:
        """The row of a class, made when first asked for. Raises `LimitReached` beyond CLASSES_MAX."""
        key = (queue, language, step)
        found = self._class_of.get(key)
        return self._add_class(key) if found is None else found

    def loosest(self, class_: int) -> int:
        """The class these contacts end in when they wait long enough: whoever cannot take that, never can."""
        if self._loosest[class_] < 0:
            queue, language, _ = self.key_of[class_]
            self._loosest[class_] = self.class_of(queue, language, len(self._rules[queue].relax))
        return self._loosest[class_]

    def head(self, class_: int, *, waiting: int, key: tuple[int, int, int] = (0, 0, 0)) -> None:
        """The class now holds `waiting` contacts, the first being `key` = (-priority, rank, visit)."""
        self.waiting[class_] = waiting
        self.priority[class_], self.rank[class_], self.visit[class_] = -key[0], key[1], key[2]

    @property
    def classes(self) -> int:
        return len(self.key_of)

    def set_agent(self, agent: str, skills: Mapping[str, int], queues: Sequence[str] | None) -> None:
        """Raises `BadInput` for an impossible level, `LimitReached` beyond agents_max or SKILLS_MAX."""
        for skill, level in skills.items():
            check_level(skill, level)
        columns = self._columns(skills)
        slot = self.slot(agent)
        self._own_queues[slot] = None if queues is None else frozenset(queues)
        self._levels[slot] = 0
        for column, level in zip(columns, skills.values(), strict=True):
            self._levels[slot, column] = level
        self._allowed[slot] = self._queues_allowed(slot)
        self._refit(slot)

    def slot(self, agent: str) -> int:
        """The agent's slot; one never seen gets one, logged out and without skills."""
        found = self.slot_of.get(agent)
        if found is not None:
            return found
        if self._free:
            slot = self._free.pop()
            self.agent_at[slot] = agent
        elif len(self.agent_at) < self.agents_max:
            slot = len(self.agent_at)
            self.agent_at.append(agent)
            self._own_queues.append(frozenset())
        else:
            raise LimitReached(f"more than {self.agents_max} agents", code="agents-max")
        self.slot_of[agent] = slot
        return slot

    def remove_agent(self, agent: str) -> None:
        slot = self.slot_of.pop(agent, None)
        if slot is not None:
            self.set_state(slot, AgentState.LOGGED_OUT)
            self._levels[slot], self._allowed[slot], self._own_queues[slot] = 0, False, frozenset()
            self._fits[: self.classes, slot] = False
            self._free.append(slot)

    def set_state(self, slot: int, state: AgentState) -> None:
        fits = self._fits[: self.classes, slot]
        was, self.state[slot] = AgentState(self.state[slot]), state
        if (state is AgentState.READY) != (was is AgentState.READY):
            self.takers[: self.classes] += fits if state is AgentState.READY else -fits.astype(np.int64)
            self.ready[slot] = state is AgentState.READY
        if (state is AgentState.LOGGED_OUT) != (was is AgentState.LOGGED_OUT):
            self.staff[: self.classes] += fits if was is AgentState.LOGGED_OUT else -fits.astype(np.int64)

    def to_the_end(self, slot: int, idle_since: float) -> None:
        """The agent's place among the idle: since when, and behind whoever says the same."""
        self._turns += 1
        self.turn[slot], self.idle_since[slot] = self._turns, idle_since

    def fits_agents(self, class_: int) -> Bools:
        return self._fits[class_, : len(self.agent_at)]

    def fits_classes(self, slot: int) -> Bools:
        return self._fits[: self.classes, slot]

    def working(self, class_: int) -> int:
        """Agents who may take it and are neither paused nor logged out."""
        return int(np.count_nonzero(self._fits[class_] & (self.state > AgentState.PAUSED)))

    def best_skilled(self, agents: Ints, class_: int) -> Ints:
        return matching.best_skilled(agents, self._levels, self._asked[class_])

    def level(self, slot: int, class_: int) -> int:
        """The sum of the agent's levels in what the queue asks before any relaxation."""
        return int((self._levels[slot] * self._asked[class_]).sum())

    def _add_class(self, key: ClassKey) -> int:
        queue, language, step = key
        rules = self._rules[queue]
        unrelaxed, required = rules.required(language, 0), rules.required(language, step)
        self._columns([*unrelaxed, language_skill(language)])
        row = self.classes
        if row == len(self.waiting):
            self._more_classes()
        self._class_of[key] = row
        self.key_of.append(key)
        self._loosest.append(-1)
        self._queue_of[row] = self._queue_at[queue]
        for skill, level in required.items():
            self._required[row, self._skill_at[skill]] = level
        self._asked[row, self._columns(unrelaxed)] = 1
        agents = len(self.agent_at)
        allowed = self._allowed[:agents, self._queue_at[queue]]
        fits = matching.agents_of_class(self._levels[:agents], self._required[row], allowed)
        self._fits[row, :agents] = fits
        self.takers[row] = np.count_nonzero(fits & self.ready[:agents])
        self.staff[row] = np.count_nonzero(fits & (self.state[:agents] != AgentState.LOGGED_OUT))
        return row

    def _refit(self, slot: int) -> None:
        rows = self.classes
        fits = matching.classes_of_agent(
            self._levels[slot], self._required[:rows], self._allowed[slot, self._queue_of[:rows]]
        )
        change = fits.astype(np.int64) - self._fits[:rows, slot]
        self.takers[:rows] += change * int(self.ready[slot])
        self.staff[:rows] += change * int(self.state[slot] != AgentState.LOGGED_OUT)
        self._fits[:rows, slot] = fits

    def _queues_allowed(self, slot: int) -> list[bool]:
        own = self._own_queues[slot]
        return [own is None or name in own for name in self._rules]

    def _columns(self, skills: Sequence[str] | Mapping[str, int]) -> list[int]:
        """The columns of these skills; new ones are added, and the matrices widened."""
        for skill in skills:
            if skill not in self._skill_at:
                if len(self._skill_at) >= SKILLS_MAX:
                    raise LimitReached(f"more than {SKILLS_MAX} skills", code="skills-max")
                self._skill_at[skill] = len(self._skill_at)
        have = self._levels.shape[1]
        if len(self._skill_at) > have:
            more = ((0, 0), (0, max(have, len(self._skill_at) - have)))
            self._levels = np.pad(self._levels, more)
            self._required = np.pad(self._required, more)
            self._asked = np.pad(self._asked, more)
        return [self._skill_at[skill] for skill in skills]

    def _forget_skills(self) -> None:
        """Keep the columns of skills that somebody has."""
        kept = [skill for skill, column in self._skill_at.items() if self._levels[:, column].any()]
        levels = np.zeros((self.agents_max, max(_SKILLS_FIRST, len(kept))), np.int8)
        levels[:, : len(kept)] = self._levels[:, [self._skill_at[skill] for skill in kept]]
        self._skill_at, self._levels = {skill: column for column, skill in enumerate(kept)}, levels

    def _more_classes(self) -> None:
        if self.classes >= CLASSES_MAX:
            raise LimitReached(f"more than {CLASSES_MAX} classes of contacts", code="classes-max")
        self.waiting, self.takers, self.staff = (_twice(a) for a in (self.waiting, self.takers, self.staff))
        self.priority, self.rank, self.visit = (_twice(a) for a in (self.priority, self.rank, self.visit))
        self._queue_of, self._asked = _twice(self._queue_of), _twice(self._asked)
        self._required, self._fits = _twice(self._required), _twice(self._fits)


def _twice(array: npt.NDArray[_Kind]) -> npt.NDArray[_Kind]:
    return np.concatenate([array, np.zeros_like(array)])
