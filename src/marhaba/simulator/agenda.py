"""What is going to happen, in order of time: events at the same instant by kind, in the order of the constants."""

from __future__ import annotations

from typing import Final

from marhaba.simulator.compiled import compiled, twin
from marhaba.simulator.world import World

heap = twin("marhaba.kernel.heap")

PERIOD_ENDS: Final = 0
STAFF_CHANGES: Final = 1
TALK_ENDS: Final = 2
WRAP_ENDS: Final = 3
PAUSE_ENDS: Final = 4
RING_ENDS: Final = 5
COMES_BACK: Final = 6
DIAL_ENDS: Final = 7
DIALS: Final = 8
ARRIVES: Final = 9
BITS: Final = 24
MASK: Final = (1 << BITS) - 1

MORE: Final = 0
FINISHED: Final = 1
CONTACTS_FULL: Final = 2
EVENTS_FULL: Final = 3
TRACE_FULL: Final = 4


@compiled
def schedule(w: World, at: float, kind: int, generation: int, index: int) -> None:
    clock = w.clock[0]
    if clock.events == len(w.event_ats):
        clock.status = EVENTS_FULL
        return
    tag = (((kind << BITS) | (generation & MASK)) << BITS) | index
    clock.events = heap.push(w.event_ats, w.event_tags, clock.events, at, tag)
