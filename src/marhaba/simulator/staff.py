"""Agents come and go by plan: idle ones at once, busy ones when they are done."""

from __future__ import annotations

from marhaba.kernel.rows import LOGGED_OUT, PAUSED, READY
from marhaba.simulator.agenda import PAUSE_ENDS, STAFF_CHANGES, schedule
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
    _goes(w, agent, unit)
    return True


@compiled
def _goes(w: World, agent: int, unit) -> None:  # type: ignore[no-untyped-def]
    clock = w.clock[0]
    kernel.set_state(w.t, clock.now, agent, unit.away)
    clock.departed = 1
    if unit.lasts_s > 0.0:
        schedule(w, clock.now + unit.lasts_s, PAUSE_ENDS, 0, agent)


@compiled
def staff_changes(w: World, number: int) -> None:
    """From now on `count` agents of the unit are to be there: idle ones go at once, busy ones when they are done."""
    clock, row = w.clock[0], w.changes[number]
    next_change(w)
    if row.unit < 0:  # a queue closes
        clock.departed = 1
        return
    unit = w.units[row.unit]
    note_unit(w, unit)
    if row.lasts_s == 0.0:
        unit.planned = row.count
    elif unit.here == 0:
        unit.again_s += row.lasts_s
        return
    late_s = unit.lasts_s if unit.leaving > 0 and row.lasts_s > 0.0 else 0.0
    unit.lasts_s = row.lasts_s + late_s  # who had no time for the break before has both
    unit.away = row.away
    missing = row.count - (unit.here - unit.leaving)
    stay = min(max(missing, 0), unit.leaving)
    unit.leaving -= stay
    missing -= stay
    for agent in range(unit.first, unit.end):
        if missing <= 0:
            break
        state = w.t.agents[agent].state
        if state in (LOGGED_OUT, PAUSED):
            kernel.set_state(w.t, clock.now, agent, READY)
            unit.here += 1
            missing -= 1
    for agent in range(unit.end - 1, unit.first - 1, -1):
        if missing >= 0:
            break
        row_agent = w.t.agents[agent]
        if row_agent.state == READY and row_agent.load == 0:
            unit.here -= 1
            missing += 1
            _goes(w, agent, unit)
    if missing < 0:
        unit.leaving -= missing
    if row.away == LOGGED_OUT:
        for agent in range(unit.first, unit.end):
            if w.t.agents[agent].state == PAUSED:
                kernel.set_state(w.t, clock.now, agent, LOGGED_OUT)
    _only_finish(w, unit)
    clock.departed = 1


@compiled
def _only_finish(w: World, unit) -> None:  # type: ignore[no-untyped-def]
    """When everybody is to go home, those still busy are no staff for who waits; when somebody stays, they are."""
    finishing = int(unit.away == LOGGED_OUT and unit.here == unit.leaving)
    if finishing == unit.finishing:
        return
    unit.finishing = finishing
    group = w.clock[0].nobody if finishing > 0 else unit.group
    for agent in range(unit.first, unit.end):
        kernel.set_agent(w.t, w.clock[0].now, agent, group, w.t.agents[agent].load_max)


@compiled
def next_change(w: World) -> None:
    clock = w.clock[0]
    if clock.change < len(w.changes):
        schedule(w, w.changes[clock.change].at, STAFF_CHANGES, 0, clock.change)
        clock.change += 1


@compiled
def pause_ends(w: World, agent: int) -> None:
    """Unless by plan it is time for a break: then he stays away until that ends."""
    clock, unit = w.clock[0], w.units[w.workers[agent].unit]
    if w.t.agents[agent].state != PAUSED or unit.here - unit.leaving >= unit.planned:
        return
    if unit.again_s > 0.0:
        schedule(w, clock.now + unit.again_s, PAUSE_ENDS, 0, agent)
        unit.again_s = 0.0
        return
    note_unit(w, unit)
    unit.here += 1
    kernel.set_state(w.t, clock.now, agent, READY)
