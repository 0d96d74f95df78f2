"""Queues beside Erlang's: limited lines, handling times that do not vary, callers of several priorities.

First come, first served but for the priorities; nobody gives up. Units are the caller's choice, as in `erlang.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import gammainc, gammaln, xlogy

from marhaba.kernel.errors import BadInput, LimitReached
from marhaba.planning import inputs
from marhaba.planning.erlang import erlang_c
from marhaba.planning.erlang_integrals import gap, log_idle
from marhaba.planning.inputs import Array, Numbers

TERMS_MAX: Final = 1_000_000
"""Of each sum for constant handling times, some seconds of work: a single agent at 99 % load is within."""
BLOCK: Final = 100_000
"""Terms summed at a time, for the memory's sake."""
NEGLIGIBLE: Final = 33.0
"""exp(-33) is a few last digits of 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FiniteLines:
    """Of M/M/n/K; arrays of one shape."""

    blocking: Array
    """The share of calls that find all lines taken and are refused."""
    waiting: Array
    """P(W > 0) of the calls that are accepted."""
    wait_mean: Array
    """Of the calls that are accepted."""
    queue_length: Array
    occupancy: Array


def finite_lines(arrival_rate: Numbers, handle_time: Numbers, agents: Numbers, lines: Numbers) -> FiniteLines:
    """M/M/n/K: `lines` calls at most are in the house, talking or waiting. With as many lines as agents it is Erlang B.

    Raises BadInput, also for fewer lines than agents, and LimitReached above AGENTS_MAX lines.
    """
    rate, handle, n, all_lines = inputs.together(
        inputs.positive("arrival rate", arrival_rate),
        inputs.positive("handle time", handle_time),
        inputs.whole("agents", agents, least=1),
        inputs.whole("lines", lines, least=1),
    )
    if (all_lines < n).any():
        raise BadInput("fewer lines than agents", code="lines")
    load = rate * handle
    waiting_places = (all_lines - n)[..., None]
    j = np.arange(float(waiting_places.max(initial=0)) + 1)
    log_weights = np.where(j <= waiting_places, j * np.log(load / n)[..., None], -np.inf)
    log_idle_ = log_idle((n - 1).ravel(), load.ravel()).reshape(load.shape) + np.log(n / load)
    scale = np.maximum(log_weights.max(axis=-1), log_idle_)
    weights, idle = np.exp(log_weights - scale[..., None]), np.exp(log_idle_ - scale)
    all_ = idle + weights.sum(axis=-1)
    full = np.take_along_axis(weights, waiting_places.astype(int), axis=-1)[..., 0]
    accepted = idle + np.where(j < waiting_places, weights, 0.0).sum(axis=-1)
    queue = (weights * j).sum(axis=-1) / all_
    return FiniteLines(
        blocking=full / all_,
        waiting=np.where(j < waiting_places, weights, 0.0).sum(axis=-1) / accepted,
        wait_mean=queue * all_ / (rate * accepted),
        queue_length=queue,
        occupancy=load * accepted / (all_ * n),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Priorities:
    """Of M/M/n with priorities."""

    waiting: Array
    """P(W > 0), the same for all."""
    wait_mean: Array
    """The last axis is the priority, the first served first; infinite for those who are never reached."""


def priorities(arrival_rates: Numbers, handle_time: Numbers, agents: Numbers) -> Priorities:
    """M/M/n whose callers are answered by priority, calls under way are not interrupted; all are handled alike.

    `arrival_rates`: the last axis is the priority, the most urgent first. Kella and Yechiali 1985 (Queueing Systems
    1:71): W_k = C / (n mu (1 - s_(k-1)) (1 - s_k)) with s_k the load of the priorities up to k on each agent.
    """
    rates = np.atleast_1d(inputs.not_negative("arrival rate", arrival_rates))
    total, handle, n = inputs.together(
        rates.sum(axis=-1),
        inputs.positive("handle time", handle_time),
        inputs.whole("agents", agents, least=1),
    )
    share = np.cumsum(rates, axis=-1) * (handle / n)[..., None]
    left = 1 - share
    before = np.concatenate([np.ones_like(left[..., :1]), left[..., :-1]], axis=-1)
    waiting = erlang_c(total, handle, n).waiting
    alone = (waiting * handle / n)[..., None]
    reached = left > 0
    wait = np.where(reached, alone / np.where(reached, before * left, 1.0), np.inf)
    return Priorities(waiting=waiting, wait_mean=wait)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantHandling:
    """Of M/D/n."""

    arrival_rate: float
    handle_time: float
    agents: int
    no_queue: float
    """The probability that nobody is in the queue."""
    wait_mean: float
    queue_length: float

    @property
    def waiting(self) -> float:
        """P(W > 0)."""
        return 1 - self.waited_within(0.0)

    def waited_within(self, time: float) -> float:
        """P(W <= time): Franx 2001 (Operations Research Letters 29:221), whose sum adds nothing negative."""
        services = int(float(inputs.not_negative("time", time)) // self.handle_time) + 1
        load = self.arrival_rate * (services * self.handle_time - time)
        queue = self._queue_law(services * self.agents)
        arrivals = _poisson(np.arange(float(len(queue))), load)
        return min(float(arrivals @ np.cumsum(queue)[::-1]), 1.0)

    def _queue_law(self, length: int) -> Array:
        """P(0 calls in the queue), ..., P(length - 1): a compound Poisson law, by Panjer's recursion (1981)."""
        load, n = self.arrival_rate * self.handle_time, self.agents
        jumps, j = np.zeros(length), np.arange(1.0, length)
        for k in _blocks(load, n, length):
            jumps[1:] += (_poisson(k[:, None] * n + j, k[:, None] * load) / k[:, None]).sum(axis=0)
        jumps *= np.arange(length)
        law = np.zeros(length)
        law[0] = self.no_queue
        for m in range(1, length):
            law[m] = jumps[1 : m + 1] @ law[:m][::-1] / m
        return law


def constant_handling(arrival_rate: float, handle_time: float, agents: int) -> ConstantHandling:
    """M/D/n: every call takes exactly `handle_time`. One queue at a time, to about 1e-10.

    Looked at every `handle_time`, who is queueing is (queue + calls that came - agents), never below 0; so it is the
    maximum of a random walk, and Spitzer's identity (1956) gives its mean and its law, and with it the waits of
    Crommelin 1932, as sums of Poisson probabilities.

    Raises BadInput, also where the load reaches the agents, and LimitReached where it is too near to them.
    """
    rate = inputs.one("arrival rate", inputs.positive("arrival rate", arrival_rate))
    handle = inputs.one("handle time", inputs.positive("handle time", handle_time))
    n = int(inputs.one("agents", inputs.whole("agents", agents, least=1)))
    load = rate * handle
    if load >= n:
        raise BadInput(f"a load of {load:g} for {n} agents grows without end", code="load")
    queue = some = 0.0
    for k in _blocks(load, n, 1):
        beyond = gammainc(k * n + 1, k * load)  # P(more than k n calls in k handling times)
        queue += float((load * _poisson(k * n, k * load) - (n - load) * beyond).sum())
        some += float((beyond / k).sum())
    return ConstantHandling(
        arrival_rate=rate,
        handle_time=handle,
        agents=n,
        no_queue=float(np.exp(-some)),
        wait_mean=queue / rate,
        queue_length=queue,
    )


def _poisson(calls: Array, mean: Array | float) -> Array:
    return np.asarray(np.exp(xlogy(calls, mean) - mean - gammaln(calls + 1)))


def _blocks(load: float, agents: int, width: int) -> list[Array]:
    """The numbers k = 1, 2, ... of the sum's terms, as far as they count: they fall faster than exp(-k fall)."""
    fall = agents * float(gap(np.array(np.log(agents / load))))
    last = int(NEGLIGIBLE / fall) + 1
    if last > TERMS_MAX:
        raise LimitReached(f"a load of {load:g} is too near to {agents} agents", code="load")
    size = max(BLOCK // width, 1)
    return [np.arange(at, min(at + size, last + 1), dtype=float) for at in range(1, last + 1, size)]
