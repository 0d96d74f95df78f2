"""Erlang's formulas: exact figures of one group of equal agents in a steady half-hour.

| formula  | callers who find all agents busy | function   |
|----------|----------------------------------|------------|
| Erlang B | are refused                      | `erlang_b` |
| Erlang C | wait, however long               | `erlang_c` |
| Erlang A | wait as long as their patience   | `erlang_a` |

Calls come at random (Poisson) at a constant rate; handling times, and in Erlang A patiences, are exponential; first
come, first served. Arguments are numbers or arrays, which broadcast; all times are in one unit, of the caller's
choosing, and rates are per that unit. Erlang A is computed from two integrals (`erlang_integrals.py`), B from one of
them, so that 10 or 100,000 agents cost the same. Against 60-digit arithmetic the figures agree to 1e-10 of their value.

Erlang 1917; Palm 1957; Garnett, Mandelbaum and Reiman 2002 (Manufacturing & Service Operations Management 4:208).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from marhaba.kernel.errors import BadInput
from marhaba.planning import inputs
from marhaba.planning.erlang_integrals import WaitIntegrals, log_idle, wait_integrals
from marhaba.planning.inputs import Array, Numbers
from marhaba.planning.performance import Performance

PATIENCE_RATIO_MAX: Final = 1e9
"""Patience and handling time differ by less than this factor, or the digits of a float do not hold both."""
THRESHOLD_MAX: Final = 1e12
"""In handling times: whoever waits longer waits for ever."""


def erlang_b(offered_load: Numbers, lines: Numbers) -> Array:
    """The probability of blocking: the share of calls that find all lines (or agents) busy and are refused.

    `offered_load` in erlangs. Raises BadInput, and LimitReached above AGENTS_MAX lines.
    """
    load, n = inputs.together(inputs.not_negative("offered load", offered_load), inputs.whole("lines", lines))
    blocking = np.where(n == 0, 1.0, 0.0)
    some = (load > 0) & (n > 0)
    blocking[some] = np.exp(-log_idle(n[some], load[some]))
    return blocking


def erlang_c(
    arrival_rate: Numbers, handle_time: Numbers, agents: Numbers, *, threshold: Numbers = 0.0
) -> Performance:
    """Nobody gives up. Where the load reaches the agents, waits are infinite.

    `threshold`: the answer time of the service level. Raises BadInput, and LimitReached above AGENTS_MAX agents.
    """
    return erlang_a(arrival_rate, handle_time, np.inf, agents, threshold=threshold)


def erlang_a(
    arrival_rate: Numbers,
    handle_time: Numbers,
    patience: Numbers,
    agents: Numbers,
    *,
    threshold: Numbers = 0.0,
) -> Performance:
    """Callers leave after an exponential time of mean `patience`; where that is infinite, the answer is Erlang C's.

    Raises BadInput, and LimitReached above AGENTS_MAX agents.
    """
    rate, handle, patient, n, within = inputs.together(
        inputs.not_negative("arrival rate", arrival_rate),
        inputs.positive("handle time", handle_time),
        inputs.positive("patience", patience, endless=True),
        inputs.whole("agents", agents),
        inputs.not_negative("threshold", threshold),
    )
    load, leaving = rate * handle, handle / patient
    check_leaving(leaving)
    found = figures(
        load.ravel(), n.ravel(), leaving.ravel(), np.minimum(within / handle, THRESHOLD_MAX).ravel()
    )
    return finished(found, n, load, handle)


def check_leaving(leaving: Array) -> None:
    finite = leaving[leaving > 0]
    if ((finite > PATIENCE_RATIO_MAX) | (finite < 1 / PATIENCE_RATIO_MAX)).any():
        raise BadInput(
            f"patience and handle time differ by more than a factor of {PATIENCE_RATIO_MAX:g}",
            code="patience",
        )


FIGURES: Final = (
    "waiting",
    "wait_mean",
    "asa",
    "abandonment",
    "occupancy",
    "queue_length",
    "answered_in_time",
    "abandoned_in_time",
    "waiting_beyond",
)
"""The rows of what `figures` returns, times in handling times."""


def figures(load: Array, agents: Array, leaving: Array, threshold: Array) -> Array:
    """One column a queue, one row a figure; `leaving` 0: nobody gives up. Arrays of one dimension, checked."""
    found = np.empty((len(FIGURES), len(load)))
    quiet = load == 0
    found[:, quiet] = _QUIET
    empty = (agents == 0) & ~quiet
    found[:, empty] = _unstaffed(load[empty], leaving[empty], threshold[empty])
    open_ = ~quiet & ~empty
    for rows, formula in ((open_ & (leaving == 0), _erlang_c), (open_ & (leaving > 0), _erlang_a)):
        if rows.any():
            found[:, rows] = formula(load[rows], agents[rows], leaving[rows], threshold[rows])
    return found


def finished(found: Array, agents: Array, load: Array, handle: Array) -> Performance:
    """The figures in the caller's unit and shape."""
    found[1:3] *= handle.ravel()
    rows = {name: row.reshape(load.shape) for name, row in zip(FIGURES, found, strict=True)}
    return Performance(agents=agents, offered_load=np.asarray(load), **rows)


_QUIET: Final = np.array([[0.0, 0, 0, 0, 0, 0, 1, 0, 0]]).T
"""Where nobody calls, nobody waits: the limit of small loads."""


def _unstaffed(load: Array, leaving: Array, threshold: Array) -> Array:
    """No agents: all wait, all whose patience ends leave."""
    one, none = np.ones_like(load), np.zeros_like(load)
    endless = np.full_like(load, np.inf)
    stay = np.divide(1, leaving, out=endless.copy(), where=leaving > 0)
    leave = np.where(leaving > 0, one, none)
    left, staying = -np.expm1(-leaving * threshold), np.exp(-leaving * threshold)
    return np.stack([one, stay, endless, leave, one, load * stay, none, left, staying])


def _erlang_c(load: Array, agents: Array, leaving: Array, threshold: Array) -> Array:
    spare = agents - load
    holds = spare > 0
    spare = np.where(holds, spare, 1.0)
    against = np.where(
        holds, log_idle(agents - 1, load) + np.log(spare / load), -np.inf
    )  # log(P(W = 0) / P(W > 0))
    waiting, at_once = np.exp(-np.logaddexp(0, against)), np.exp(-np.logaddexp(0, -against))
    none = np.zeros_like(load)
    wait = np.where(holds, waiting / spare, np.inf)
    in_time = at_once - waiting * np.expm1(-spare * threshold)
    return np.stack(
        [
            waiting, wait, wait, none, np.minimum(load / agents, 1), load * wait,
            np.where(holds, in_time, 0.0), none, np.where(holds, waiting * np.exp(-spare * threshold), 1.0),
        ]
    )  # fmt: skip


def _erlang_a(load: Array, agents: Array, leaving: Array, threshold: Array) -> Array:
    found = wait_integrals(load, agents, leaving, threshold)
    left, staying = -np.expm1(-leaving * threshold), np.exp(-leaving * threshold)
    return assemble(log_idle(agents - 1, load), found, load, agents, left, staying)


def assemble(
    idle_log: Array, found: WaitIntegrals, load: Array, agents: Array, left: Array, staying: Array
) -> Array:
    """From the integrals to the figures (Zeltyn and Mandelbaum 2005, section 4.2).

    `left`, `staying`: the chances that a caller's patience ends by the threshold, and beyond it.
    """
    scale = np.maximum(idle_log, found.scale)
    idle, weight = np.exp(idle_log - scale), load * np.exp(found.scale - scale)
    late = weight * found.late
    wait = weight * (found.early + found.late)
    all_ = idle + wait
    answered = idle + weight * (found.served_early + found.served_late)
    elapsed = weight * found.elapsed / all_
    return np.stack(
        [
            wait / all_,
            elapsed,
            weight * found.served_wait / answered,
            weight * (found.left_early + found.left_late) / all_,
            load * answered / (agents * all_),
            load * elapsed,
            (idle + weight * found.served_early) / all_,
            (weight * found.left_early + left * late) / all_,
            staying * late / all_,
        ]
    )
