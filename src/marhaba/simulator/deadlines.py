"""Until when each waiting contact waits: a heap in which a contact that is answered is found and taken out.

Most callers are answered long before they would give up. Left among the other events, their patience would outnumber
everything that really happens; here only who waits stands.
"""

from __future__ import annotations

from marhaba.simulator.compiled import compiled
from marhaba.simulator.world import World


@compiled
def put(w: World, contact: int, at: float) -> None:
    """The contact, which has none, gets a deadline."""
    clock = w.clock[0]
    clock.deadlines += 1
    _rise(w, clock.deadlines - 1, contact, at)


@compiled
def take_out(w: World, contact: int) -> None:
    """The contact waits no longer; it may have no deadline."""
    clock, hole = w.clock[0], w.callers[contact].deadline
    if hole < 0:
        return
    w.callers[contact].deadline = -1
    clock.deadlines -= 1
    last = clock.deadlines
    if hole == last:
        return
    contact, at = w.deadline_of[last], w.deadline_ats[last]
    if hole > 0 and at < w.deadline_ats[(hole - 1) >> 1]:
        _rise(w, hole, contact, at)
        return
    while True:
        below = 2 * hole + 1
        if below >= last:
            break
        if below + 1 < last and w.deadline_ats[below + 1] < w.deadline_ats[below]:
            below += 1
        if at <= w.deadline_ats[below]:
            break
        _place(w, hole, w.deadline_of[below], w.deadline_ats[below])
        hole = below
    _place(w, hole, contact, at)


@compiled
def _rise(w: World, hole: int, contact: int, at: float) -> None:
    while hole > 0:
        above = (hole - 1) >> 1
        if w.deadline_ats[above] <= at:
            break
        _place(w, hole, w.deadline_of[above], w.deadline_ats[above])
        hole = above
    _place(w, hole, contact, at)


@compiled
def _place(w: World, hole: int, contact: int, at: float) -> None:
    w.deadline_ats[hole] = at
    w.deadline_of[hole] = contact
    w.callers[contact].deadline = hole
