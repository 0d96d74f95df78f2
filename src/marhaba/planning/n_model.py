"""The N-model: one group that can take one kind of call, and one that can take both. Exactly.

The smallest centre in which routing matters. Group 1 handles class 1 only, group 2 both; a class-1 call goes to a free
agent of group 1 first. What an agent of group 2 takes when both classes wait is the rule. Four numbers, busy agents and
waiting callers of each kind, are a Markov chain, whose balance equations are solved (Gans, Koole and Mandelbaum 2003,
MSOM 5:79, section 5.1, names the model). First come, first served within a class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.sparse import csc_array
from scipy.sparse.linalg import spsolve

from marhaba.kernel.errors import BadInput, LimitReached
from marhaba.planning import inputs
from marhaba.planning.inputs import Array

Rule = Literal["class 1 first", "class 2 first", "longest queue"]
"""Longest queue: class 1 where both are equally long."""
QUEUE_MAX: Final = 80
"""Waiting callers of each class that the chain knows."""
CUT_MAX: Final = 1e-9
"""The probability of a full queue above which the figures would not be exact."""
State = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class NModel:
    """Pairs are of class 1 and class 2, or of group 1 and group 2."""

    waiting: tuple[float, float]
    """The share of callers who find nobody free that may take them."""
    abandonment: tuple[float, float]
    queue_length: tuple[float, float]
    busy: tuple[float, float]
    """The mean number of busy agents."""


def n_model(
    agents: tuple[int, int],
    arrival_rates: tuple[float, float],
    handle_times: tuple[float, float],
    patiences: tuple[float, float],
    *,
    rule: Rule,
) -> NModel:
    """The figures of the N-model. Handling times belong to the groups, patiences to the classes, all exponential.

    Raises BadInput, and LimitReached where more than QUEUE_MAX callers of a class would wait.
    """
    groups = inputs.whole("agents", agents, least=1)
    rates = inputs.positive("arrival rate", arrival_rates)
    finishing = 1 / inputs.positive("handle time", handle_times)
    leaving = 1 / inputs.positive("patience", patiences)
    if not groups.shape == rates.shape == finishing.shape == leaving.shape == (2,):
        raise BadInput("two groups and two classes", code="shapes")
    if rule not in _RULES:
        raise BadInput(f"{rule!r} is no rule: {', '.join(_RULES)}", code="rule")
    n = (int(groups[0]), int(groups[1]))
    states = list(_states(n))
    law = _solve(states, _Moves(n, rates, finishing, leaving, _RULES[rule]))
    busy1, busy2, queue1, queue2 = np.array(states, float).T
    cut = float(law[(queue1 == QUEUE_MAX) | (queue2 == QUEUE_MAX)].sum())
    if cut > CUT_MAX:
        raise LimitReached(f"more than {QUEUE_MAX} callers wait in {cut:.1g} of the time", code="queue-max")
    full2 = busy2 == n[1]
    queues = (float(law @ queue1), float(law @ queue2))
    return NModel(
        waiting=(float(law[full2 & (busy1 == n[0])].sum()), float(law[full2].sum())),
        abandonment=(float(leaving[0] * queues[0] / rates[0]), float(leaving[1] * queues[1] / rates[1])),
        queue_length=queues,
        busy=(float(law @ busy1), float(law @ busy2)),
    )


_RULES: Final[dict[str, Callable[[int, int], bool]]] = {
    "class 1 first": lambda queue1, queue2: True,
    "class 2 first": lambda queue1, queue2: queue2 == 0,
    "longest queue": lambda queue1, queue2: queue1 >= queue2,
}
"""Whether group 2 takes class 1, when somebody of class 1 waits."""


@dataclass(frozen=True, slots=True)
class _Moves:
    agents: tuple[int, int]
    rates: Array
    finishing: Array
    leaving: Array
    takes_1: Callable[[int, int], bool]

    def __call__(self, state: State) -> Iterator[tuple[State, float]]:
        """Where the chain goes from here, and at which rate."""
        a, b, x, y = state
        full1, full2 = a == self.agents[0], b == self.agents[1]
        yield (
            ((a, b, x + 1, y) if full1 and full2 else (a, b + 1, x, y) if full1 else (a + 1, b, x, y)),
            self.rates[0],
        )
        yield ((a, b, x, y + 1) if full2 else (a, b + 1, x, y)), self.rates[1]
        yield ((a, b, x - 1, y) if x else (a - 1, b, x, y)), a * self.finishing[0]
        if x and self.takes_1(x, y):
            yield (a, b, x - 1, y), b * self.finishing[1]
        else:
            yield ((a, b, x, y - 1) if y else (a, b - 1, x, y)), b * self.finishing[1]
        yield (a, b, x - 1, y), x * self.leaving[0]
        yield (a, b, x, y - 1), y * self.leaving[1]


def _states(agents: tuple[int, int]) -> Iterator[State]:
    """Nobody waits who could be served."""
    for a in range(agents[0] + 1):
        for b in range(agents[1] + 1):
            for x in range(QUEUE_MAX + 1 if (a, b) == agents else 1):
                for y in range(QUEUE_MAX + 1 if b == agents[1] else 1):
                    yield a, b, x, y


def _solve(states: list[State], moves: _Moves) -> Array:
    """The long-run law: the balance equations, with the first state's weight set to 1."""
    number = {state: i for i, state in enumerate(states)}
    to, from_, rates = [], [], []
    out = np.zeros(len(states))
    for i, state in enumerate(states):
        for target, rate in moves(state):
            j = number.get(target)
            if j is not None and rate > 0:
                to.append(j)
                from_.append(i)
                rates.append(rate)
                out[i] += rate
    diagonal = np.arange(len(states))
    balance = csc_array(
        (np.concatenate([rates, -out]), (np.concatenate([to, diagonal]), np.concatenate([from_, diagonal])))
    )
    weights = spsolve(balance[1:, 1:], -balance[1:, [0]].toarray()[:, 0])
    law = np.concatenate([[1.0], weights])
    return np.asarray(law / law.sum())
