"""The hot part of routing: arrays and scalars only, so that a compiler can take these functions as they
are.

Agents are columns (slots), classes of waiting contacts are rows: all contacts of one queue, language and
relaxation step ask the same of an agent, so eligibility is one boolean matrix, counted by row.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Levels = npt.NDArray[np.int8]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def agents_of_class(levels: Levels, required: Levels, allowed: Bools) -> Bools:
    """Which agents may take a class. levels: agents x skills, required: skills, allowed: agents."""
    missing: Ints = (levels < required).astype(np.int64).sum(axis=1)
    fits: Bools = allowed & (missing == 0)
    return fits


def classes_of_agent(levels: Levels, required: Levels, allowed: Bools) -> Bools:
    """Which classes an agent may take. levels: skills, required: classes x skills, allowed: classes."""
    missing: Ints = (levels < required).astype(np.int64).sum(axis=1)
    fits: Bools = allowed & (missing == 0)
    return fits


def first_class(waiting: Ints, takers: Ints, priority: Ints, rank: Ints, visit: Ints) -> int:
    """The class whose head contact goes first among those somebody can take; -1: none.

    Priority descending, then rank, then the order of enqueueing.
    """
    open_classes = np.flatnonzero((waiting > 0) & (takers > 0))
    if open_classes.size == 0:
        return -1
    by_priority = priority[open_classes]
    open_classes = open_classes[by_priority == by_priority.max()]
    by_rank = rank[open_classes]
    open_classes = open_classes[by_rank == by_rank.min()]
    return int(open_classes[np.argmin(visit[open_classes])])


def longest_idle(agents: Ints, idle_since: Floats, turn: Ints) -> int:
    """Among these slots: idle since the earliest time, then who became ready first."""
    since = idle_since[agents]
    agents = agents[since == since.min()]
    return int(agents[np.argmin(turn[agents])])


def best_skilled(agents: Ints, levels: Levels, asked: Ints) -> Ints:
    """Those of these slots with the highest sum of levels in the asked skills (asked: 1 or 0 by skill)."""
    score: Ints = (levels[agents] * asked).sum(axis=1)
    best: Ints = agents[score == score.max()]
    return best
