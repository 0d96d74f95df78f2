"""Agents come and go by plan: idle ones at once, busy ones when they are done."""

from __future__ import annotations

from marhaba.kernel.rows import LOGGED_OUT, PAUSED, READY
from marhaba.simulator.agenda import STAFF_CHANGES, schedule
from marhaba.simulator.compiled import compiled, twin
from marhaba.simulator.tally import note_unit
from marhaba.simulator.world import World

kernel = twin("marhaba.kernel.matching")


@compiled
def goes_home(w: World, agent: int, unit) -> bool:  # type: ignore[no-untyped-def]
    """An agent who was to leave while he was busy."""
    if unit.leaving == 0:
        return False
    unit.leaving -= 1
    unit.here -= 1
    kernel.set_state(w.t, w.clock[0].now, agent, unit.away)
    return True


@compiled
def staff_changes(w: World, number: int) -> None:
    """From now on `count` agents of the unit are to be there: idle ones go at once, busy ones when they are done."""
    clock, row = w.clock[0], w.changes[number]
    next_change(w)
    if row.unit < 0:  # a queue closes
        return
    unit = w.units[row.unit]
    note_unit(w, unit)
    unit.away = row.away
    missing = row.count - (unit.here - unit.leaving)
    stay = min(max(missing, 0), unit.leaving)
    unit.leaving -= stay
    missing -= stay
    for agent in range(unit.first, unit.first + unit.size):
        if missing <= 0:
            break
        state = w.t.agents[agent].state
        if state in (LOGGED_OUT, PAUSED):
            kernel.set_state(w.t, clock.now, agent, READY)
            unit.here += 1
            missing -= 1
    for agent in range(unit.first + unit.size - 1, unit.first - 1, -1):
        if missing >= 0:
            break
        row_agent = w.t.agents[agent]
        if row_agent.state == READY and row_agent.load == 0:
            kernel.set_state(w.t, clock.now, agent, row.away)
            unit.here -= 1
            missing += 1
    if missing < 0:
        unit.leaving -= missing
    if row.away == LOGGED_OUT:
        for agent in range(unit.first, unit.first + unit.size):
            if w.t.agents[agent].state == PAUSED:
                kernel.set_state(w.t, clock.now, agent, LOGGED_OUT)


@compiled
def next_change(w: World) -> None:
    clock = w.clock[0]
    if clock.change < len(w.changes):
        schedule(w, w.changes[clock.change].at, STAFF_CHANGES, 0, clock.change)
        clock.change += 1


@compiled
def pause_ends(w: World, agent: int) -> None:
    if w.t.agents[agent].state == PAUSED:
        unit = w.units[w.workers[agent].unit]
        note_unit(w, unit)
        unit.here += 1
        kernel.set_state(w.t, w.clock[0].now, agent, READY)
