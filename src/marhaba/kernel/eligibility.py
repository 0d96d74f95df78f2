"""Who may take what: groups of like agents, classes of like contacts, and the levels between them.

The rows stand in `tables`, which `matching` works on. Groups and classes are added when first asked for and last
until the rules change, when everything is made anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from marhaba.kernel import rows
from marhaba.kernel.errors import BadInput, LimitReached
from marhaba.kernel.rows import Class, Keep, Lane, Tables, Totals
from marhaba.kernel.rules import Channel, QueueRules, Strategy, check_level

SKILLS_MAX = 2048
"""Distinct skills known at once: each is a column of 4 kB with 4,096 agents."""
CLASSES_MAX = 8192
"""64 queues x 8 languages x 16 steps."""
_FIRST = 64
_STRATEGY = {
    Strategy.LONGEST_IDLE: rows.LONGEST_IDLE,
    Strategy.BEST_SKILL: rows.BEST_SKILL,
    Strategy.LEAST_OCCUPIED: rows.LEAST_OCCUPIED,
    Strategy.RING_ALL: rows.RING_ALL,
    Strategy.RANDOM: rows.RANDOM,
}
_CHANNEL = {Channel.VOICE: rows.VOICE, Channel.TEXT: rows.TEXT}
_Kind = TypeVar("_Kind", bound=np.generic)
GroupKey = tuple[tuple[tuple[str, int], ...], frozenset[str] | None, frozenset[str]]


class Eligibility:
    """Raises `BadInput` when a queue keeps agents for a queue that is not there.

    `longest_queue`: between queues the longer line (times the queue's weight) goes first, not the longer wait.
    """

    def __init__(self, queues: Sequence[QueueRules], *, longest_queue: bool = False) -> None:
        self.rules = {rules.name: rules for rules in queues}
        self.queue_at = {name: index for index, name in enumerate(self.rules)}
        for rules in queues:
            if strangers := sorted(set(rules.keep) - set(self.rules)):
                raise BadInput(
                    f"queue {rules.name} keeps agents for {strangers[0]}: no such queue", code="keep"
                )
        self.step_of: list[int] = []  # by class
        self._class_of: dict[tuple[str, str], int] = {}
        self._group_of: dict[GroupKey, int] = {}
        self._column: dict[str, int] = {}
        self._skills = np.zeros((_FIRST, _FIRST), np.int8)  # groups x skills
        self._allowed = np.zeros((_FIRST, len(queues)), np.bool_)  # groups x queues
        self._first = np.zeros(
            (_FIRST, len(queues)), np.int8
        )  # groups x queues: 1 where it is the group's own
        self._required = np.zeros((_FIRST, _FIRST), np.int8)  # classes x skills
        self._asked = np.zeros((_FIRST, _FIRST), np.int16)  # classes x skills: 1 where unrelaxed
        self._levels = np.full((_FIRST, _FIRST), -1, np.int16)
        self._own = np.zeros((_FIRST, _FIRST), np.int16)
        self.agents: list[rows.Agent] = []
        self.spots: list[rows.Spot] = []
        self.contacts: list[rows.Contact] = []
        self.classes: list[Class] = []
        self.lanes: list[Lane] = []
        self.keeps: list[Keep] = []
        self.tables = Tables(
            totals=[Totals(by_length=int(longest_queue))],
            agents=self.agents,
            spots=self.spots,
            lanes=self.lanes,
            queues=[_queue_row(rules) for rules in queues],
            classes=self.classes,
            contacts=self.contacts,
            levels=_view(self._levels),
            own=_view(self._own),
            keeps=self.keeps,
            open_classes=[],
            ready_lanes=[],
            fresh_classes=[],
            fresh_lanes=[],
            for_one=[],
            timer_ats=[],
            timer_tags=[],
        )

    @property
    def levels(self) -> npt.NDArray[np.int16]:
        """Classes x groups, with room for more."""
        return self._levels

    @property
    def own(self) -> npt.NDArray[np.int16]:
        """The same: 1 where the class is of a queue of the group's own."""
        return self._own

    @property
    def groups(self) -> int:
        return len(self._group_of)

    def group_of(
        self, skills: Mapping[str, int], queues: Sequence[str] | None, own: Sequence[str] = ()
    ) -> int:
        """The group of agents with these skills who take contacts of these queues (None: any they are fit for), those
        of their `own` queues before others of the same priority.

        Raises `BadInput` for an impossible level, `LimitReached` beyond SKILLS_MAX.
        """
        for skill, level in skills.items():
            check_level(skill, level)
        key = (
            tuple(sorted((skill, level) for skill, level in skills.items() if level)),
            None if queues is None else frozenset(queues),
            frozenset(own),
        )
        found = self._group_of.get(key)
        return self._add_group(key) if found is None else found

    def class_of(self, queue: str, language: str) -> int:
        """The class of these contacts before any relaxation; the classes they relax into stand behind it.

        Raises `LimitReached` beyond CLASSES_MAX.
        """
        rules = self.rules[queue]
        language = language if rules.language_level else ""
        found = self._class_of.get((queue, language))
        return self._add_classes(rules, language) if found is None else found

    def _add_group(self, key: GroupKey) -> int:
        (skills, queues, own), group = key, self.groups
        columns = self._columns([skill for skill, _ in skills])
        if group == len(self._skills):
            self._skills, self._allowed = _twice(self._skills), _twice(self._allowed)
            self._first = _twice(self._first)
            self._grow_levels()
        self._group_of[key] = group
        self._skills[group, columns] = [level for _, level in skills]
        self._allowed[group] = [queues is None or name in queues for name in self.rules]
        self._first[group] = [name in own for name in self.rules]
        self.tables.totals[0].owns |= int(self._first[group].any())
        self.lanes.extend(Lane() for _ in range(rows.CHANNELS))
        self.tables.ready_lanes.extend([0] * rows.CHANNELS)
        self.tables.fresh_lanes.extend([0] * rows.CHANNELS)
        count = len(self.classes)
        mine, required = self._skills[group], self._required[:count]
        asked = [row.queue for row in self.classes]
        fits = (required <= mine).all(axis=1) & self._allowed[group, asked]
        self._levels[:count, group] = np.where(fits, (self._asked[:count] * mine).sum(axis=1), -1)
        self._own[:count, group] = self._first[group, asked]
        return group

    def _add_classes(self, rules: QueueRules, language: str) -> int:
        first, steps = len(self.classes), len(rules.relax)
        if first + steps >= CLASSES_MAX:
            raise LimitReached(f"more than {CLASSES_MAX} classes of contacts", code="classes-max")
        asked = self._columns(rules.required(language, 0))
        self._class_of[rules.name, language] = first
        for step in range(steps + 1):
            class_ = first + step
            if class_ == len(self._required):
                self._required, self._asked = _twice(self._required), _twice(self._asked)
                self._grow_levels()
            for skill, level in rules.required(language, step).items():
                self._required[class_, self._column[skill]] = level
            self._asked[class_, asked] = 1
            self.classes.append(self._class_row(rules, class_, step, loosest=first + steps))
            self.step_of.append(step)
            self.tables.open_classes.append(0)
            self.tables.fresh_classes.append(0)
            self._level_class(class_)
        self.tables.totals[0].classes = len(self.classes)
        self._keep(rules, first)
        return first

    def _class_row(self, rules: QueueRules, class_: int, step: int, *, loosest: int) -> Class:
        row = Class(
            queue=self.queue_at[rules.name],
            channel=_CHANNEL[rules.channel],
            strategy=_STRATEGY[rules.strategy],
            weight=rules.weight,
            loosest=loosest,
        )
        if step < len(rules.relax):
            row.relaxed, row.relaxed_s = class_ + 1, rules.relax[step].after_s
        return row

    def _level_class(self, class_: int) -> None:
        """The levels of all groups in a new class, and the agents of them who are there."""
        row, count = self.classes[class_], self.groups
        skills = self._skills[:count]
        fits = (self._required[class_] <= skills).all(axis=1) & self._allowed[:count, row.queue]
        self._levels[class_, :count] = np.where(fits, (self._asked[class_] * skills).sum(axis=1), -1)
        self._own[class_, :count] = self._first[:count, row.queue]
        fitting = set(np.flatnonzero(fits).tolist())
        voice = row.channel == rows.VOICE
        able = [agent for agent in self.agents if agent.group in fitting and (voice or agent.load_max > 0)]
        states = [agent.state for agent in able]
        row.staff = sum(state != rows.LOGGED_OUT for state in states)
        row.working = sum(state > rows.PAUSED for state in states)

    def _keep(self, rules: QueueRules, first: int) -> None:
        kept = [Keep(self.class_of(queue, ""), agents) for queue, agents in rules.keep.items() if agents]
        for class_ in range(first, first + len(rules.relax) + 1):
            self.classes[class_].keeps, self.classes[class_].keeps_count = len(self.keeps), len(kept)
        self.keeps.extend(kept)

    def _columns(self, skills: Sequence[str] | Mapping[str, int]) -> list[int]:
        """The columns of these skills; new ones are added, and the matrices widened."""
        new = [skill for skill in skills if skill not in self._column]
        if len(self._column) + len(new) > SKILLS_MAX:
            raise LimitReached(f"more than {SKILLS_MAX} skills", code="skills-max")
        for skill in new:
            self._column[skill] = len(self._column)
        while len(self._column) > self._skills.shape[1]:
            self._skills, self._required = _twice(self._skills, axis=1), _twice(self._required, axis=1)
            self._asked = _twice(self._asked, axis=1)
        return [self._column[skill] for skill in skills]

    def _grow_levels(self) -> None:
        grown = np.full((len(self._required), len(self._skills)), -1, np.int16)
        own = np.zeros_like(grown)
        classes, groups = self._levels.shape
        grown[:classes, :groups], own[:classes, :groups] = self._levels, self._own
        self._levels, self._own = grown, own
        self.tables = self.tables._replace(levels=_view(grown), own=_view(own))


def _view(levels: npt.NDArray[np.int16]) -> rows.Levels:
    """Element by element a memoryview is read three times as fast as an array, and gives plain integers."""
    return cast(rows.Levels, memoryview(levels.data))


def _queue_row(rules: QueueRules) -> rows.Queue:
    return rows.Queue(
        size_max=rules.overflow_size,
        no_staff=int(rules.overflow_no_staff),
        wait_s_max=rules.overflow_wait_s or float("inf"),
        sent_at_close=int(rules.overflow_at_close),
    )


def _twice(array: npt.NDArray[_Kind], *, axis: int = 0) -> npt.NDArray[_Kind]:
    return np.concatenate([array, np.zeros_like(array)], axis=axis)
