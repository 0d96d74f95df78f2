"""The wait that a given share of callers stays within."""

from __future__ import annotations

from typing import Final

import numpy as np

from marhaba.planning import inputs
from marhaba.planning.erlang import check_leaving, erlang_c
from marhaba.planning.erlang_integrals import crest_of, gap, log_idle, log_late
from marhaba.planning.inputs import Array, Numbers

ROUNDS_MAX: Final = 100
"""Newton's steps; ten are usual."""


def wait_percentile(
    share: Numbers, arrival_rate: Numbers, handle_time: Numbers, agents: Numbers, patience: Numbers = np.inf
) -> Array:
    """The shortest time t with P(W <= t) >= share, W the time in the queue of a caller, however it ended.

    Erlang A, and Erlang C where `patience` is infinite; infinite where such a queue cannot hold. Arguments and errors as
    in `erlang_a`; share strictly between 0 and 1.
    """
    part, rate, handle, patience_, n = inputs.together(
        inputs.share("share", share),
        inputs.not_negative("arrival rate", arrival_rate),
        inputs.positive("handle time", handle_time),
        inputs.positive("patience", patience, endless=True),
        inputs.whole("agents", agents),
    )
    leaving = handle / patience_
    check_leaving(leaving)
    wait = np.zeros_like(part)
    busy = rate > 0
    unstaffed, patient = busy & (n == 0), busy & (n > 0) & (leaving == 0)
    impatient = busy & (n > 0) & (leaving > 0)
    wait[unstaffed] = -np.log1p(-part[unstaffed]) * patience_[unstaffed]
    wait[patient] = _patient(part[patient], rate[patient], handle[patient], n[patient])
    in_handling_times = (each[impatient] for each in (rate * handle, n, leaving))
    wait[impatient] = handle[impatient] * _impatient(np.log1p(-part[impatient]), *in_handling_times)
    return wait


def _patient(share: Array, rate: Array, handle: Array, agents: Array) -> Array:
    """Who waits at all waits an exponential time."""
    spare = agents / handle - rate
    waiting = erlang_c(rate, handle, agents).waiting
    wait = np.log(waiting / (1 - share)) / np.where(spare > 0, spare, 1.0)
    return np.where(spare > 0, np.maximum(wait, 0), np.inf)


def _impatient(wanted: Array, load: Array, agents: Array, leaving: Array) -> Array:
    """Newton on log P(W > t), which is concave: from the right of the solution every step stays to its right."""
    whole, _ = log_late(load, agents, leaving, np.zeros_like(load))
    top = crest_of(load, agents, leaving)
    idle = log_idle(agents - 1, load) - np.log(load) - agents / leaving * gap(-leaving * top)
    chance = -np.logaddexp(idle, whole)
    at_once = chance + whole <= wanted
    t = top
    for _ in range(ROUNDS_MAX):
        late, density = log_late(load, agents, leaving, t)
        missing = chance + late - leaving * t - wanted
        step = np.where(at_once, 0.0, np.maximum(missing / (np.exp(density - late) + leaving), -t))
        t = t + step
        if (np.abs(step) <= 1e-13 * t).all():
            break
    return np.where(at_once, 0.0, t)
