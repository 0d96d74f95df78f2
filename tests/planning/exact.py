"""Erlang's formulas at 50 digits, by other routes than the product's: recursions, birth-death sums, incomplete gammas."""

from __future__ import annotations

from mpmath import exp, gammainc, mp, mpf

mp.dps = 50


def erlang_b(load: float, lines: int) -> mpf:
    blocking = mpf(1)
    for k in range(1, lines + 1):
        blocking = mpf(load) * blocking / (k + mpf(load) * blocking)
    return blocking


def erlang_c(rate: float, handle: float, agents: int, threshold: float) -> dict[str, mpf]:
    load = mpf(rate) * mpf(handle)
    blocking = erlang_b(load, agents)
    waiting = agents * blocking / (agents - load * (1 - blocking))
    spare = agents / mpf(handle) - mpf(rate)
    beyond = waiting * exp(-spare * mpf(threshold))
    return {
        "waiting": waiting,
        "asa": waiting / spare,
        "queue_length": mpf(rate) * waiting / spare,
        "occupancy": load / agents,
        "answered_in_time": 1 - beyond,
        "waiting_beyond": beyond,
    }


def birth_death(rate: float, handle: float, patience: float, agents: int) -> dict[str, mpf]:
    """Erlang A from the long-run probabilities of 0, 1, 2, ... callers in the house, added up."""
    finishing, leaving = 1 / mpf(handle), 1 / mpf(patience)
    weight, grows, k = mpf(1), True, 0
    idle = wait = queue = mpf(0)
    while k <= agents or grows or weight > wait * mpf(10) ** -18:
        if k < agents:
            idle += weight
        else:
            wait += weight
            queue += weight * (k - agents)
        k += 1
        down = min(k, agents) * finishing + max(k - agents, 0) * leaving
        weight, grows = weight * mpf(rate) / down, mpf(rate) > down
    whole = idle + wait
    mean = queue / whole / mpf(rate)
    return {
        "waiting": wait / whole,
        "wait_mean": mean,
        "abandonment": leaving * mean,
        "queue_length": queue / whole,
        "occupancy": mpf(rate) * (1 - leaving * mean) * mpf(handle) / agents,
    }


def in_time(rate: float, handle: float, patience: float, agents: int, threshold: float) -> dict[str, mpf]:
    """Erlang A's levels: with u = exp(-leaving x) the integrals over the offered wait are incomplete gammas."""
    leaving = 1 / mpf(patience)
    c, y = agents / mpf(handle) / leaving, mpf(rate) / leaving
    still = exp(-leaving * mpf(threshold))

    def integral(shape: mpf, start: mpf, end: mpf) -> mpf:
        return exp(y) * y**-shape * gammainc(shape, start, end) / leaving

    idle = 1 / erlang_b(mpf(rate) * mpf(handle), agents - 1)
    late, early_served = integral(c, 0, y * still), integral(c + 1, y * still, y)
    whole = idle + mpf(rate) * integral(c, 0, y)
    gone = integral(c, y * still, y) - early_served + (1 - still) * late
    return {
        "answered_in_time": (idle + mpf(rate) * early_served) / whole,
        "abandoned_in_time": mpf(rate) * gone / whole,
        "waiting_beyond": mpf(rate) * still * late / whole,
    }
