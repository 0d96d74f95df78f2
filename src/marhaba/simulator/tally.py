"""What is counted while a replication runs."""

from __future__ import annotations

import math

from marhaba.simulator import world as w_
from marhaba.simulator.compiled import inlined
from marhaba.simulator.world import World


@inlined
def index_of(w: World, caller) -> int:  # type: ignore[no-untyped-def]
    """The number of this contact's draws: the same whatever else happens in the run."""
    return ((caller.serial << 4) + caller.attempts << 12) + caller.origin


@inlined
def count(w: World, contact: int, measure: int, value: float) -> None:
    caller = w.callers[contact]
    w.counts[caller.type, caller.period, measure] += value


@inlined
def note_lines(w: World) -> None:
    clock = w.clock[0]
    w.lines_area[clock.period] += clock.lines * (clock.now - clock.lines_since)
    clock.lines_since = clock.now


@inlined
def wait_bin(wait_s: float) -> int:
    if wait_s <= 0.0:
        return 0
    if wait_s < w_.WAIT_BIN_FIRST:
        return 1
    place = 2 + int(math.log(wait_s / w_.WAIT_BIN_FIRST) / math.log(w_.WAIT_BIN_STEP))
    return min(place, w_.WAIT_BINS - 1)


@inlined
def note_queue(w: World, queue: int) -> None:
    """The line is about to change: add up what has been waited since it last did."""
    clock = w.clock[0]
    waiting = w.t.queues[queue].waiting
    w.queue_area[queue, clock.period] += waiting * (clock.now - w.queue_since[queue])
    w.queue_since[queue] = clock.now


@inlined
def note_most(w: World, queue: int) -> None:
    period, waiting = w.clock[0].period, w.t.queues[queue].waiting
    w.queue_most[queue, period] = max(w.queue_most[queue, period], waiting)


@inlined
def note_unit(w: World, unit) -> None:  # type: ignore[no-untyped-def]
    clock = w.clock[0]
    number = unit.number
    passed = clock.now - unit.since
    w.busy_area[number, clock.period] += unit.busy * passed
    w.staff_area[number, clock.period] += unit.here * passed
    unit.since = clock.now
