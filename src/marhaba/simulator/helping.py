"""From the answer on: the talk, a second agent asked along, wrap-up, and what the caller does next."""

from __future__ import annotations

import math

from marhaba.kernel.rows import NONE, READY, TALKING
from marhaba.simulator import deadlines
from marhaba.simulator import world as w_
from marhaba.simulator.agenda import COMES_BACK, TALK_ENDS, TRACE_FULL, WRAP_ENDS, schedule
from marhaba.simulator.chance import uniform
from marhaba.simulator.compiled import compiled, twin
from marhaba.simulator.laws import draw
from marhaba.simulator.staff import goes_home
from marhaba.simulator.tally import count, index_of, note_lines, note_unit, wait_bin
from marhaba.simulator.world import World

kernel = twin("marhaba.kernel.matching")
ASKED: int = -2  # the contact's agent has no second one to ask, or has asked


@compiled
def answer(w: World, contact: int, agent: int) -> None:
    clock, caller = w.clock[0], w.callers[contact]
    kind, unit = w.types[caller.type], w.units[w.workers[agent].unit]
    n = index_of(w, caller)
    caller.stage = w_.CONTACT_TALKS
    caller.agent = agent
    deadlines.take_out(w, contact)
    seconds = caller.handle
    if math.isnan(seconds):
        law = w.talks[caller.type, unit.of]
        seconds = draw(w.laws, w.law_values, law, w.keys[caller.type, w_.P_TALK], n)
        seconds *= unit.factor * w.factors[caller.type, caller.period]
    if caller.callback > 0:
        dial_s = draw(w.laws, w.law_values, kind.callback_dial, w.keys[caller.type, w_.P_DIAL], n)
        if uniform(w.keys[caller.type, w_.P_REACH], n) >= kind.callback_reach:
            count(w, contact, w_.NOT_REACHED, 1.0)
            seconds = 0.0
        seconds += dial_s
    wait_s = clock.now - caller.arrived_at + caller.waited
    caller.waited = wait_s
    count(w, contact, w_.ANSWERED, 1.0)
    _talks_for(w, contact, agent, seconds)
    if wait_s <= kind.target_s:
        count(w, contact, w_.IN_TIME, 1.0)
    if wait_s > 0.0:
        count(w, contact, w_.WAIT_ANSWERED, wait_s)
    w.waits[caller.type, 0, wait_bin(wait_s)] += 1
    if clock.tracing > 0:
        _trace(w, contact, agent, wait_s)
    schedule(w, clock.now + seconds, TALK_ENDS, 0, contact)


@compiled
def _talks_for(w: World, contact: int, agent: int, seconds: float) -> None:
    caller = w.callers[contact]
    caller.talked += seconds
    count(w, contact, w_.TALK, seconds)
    w.talk_by[caller.type, w.units[w.workers[agent].unit].of] += seconds


@compiled
def _trace(w: World, contact: int, agent: int, wait_s: float) -> None:
    clock = w.clock[0]
    if clock.traced == len(w.trace):
        clock.status = TRACE_FULL
        return
    row, caller = w.trace[clock.traced], w.callers[contact]
    row.at = clock.now
    row.contact = caller.serial
    row.type = caller.type
    row.agent = agent
    row.wait_s = wait_s
    clock.traced += 1


@compiled
def talk_ends(w: World, contact: int) -> None:
    clock, caller = w.clock[0], w.callers[contact]
    agent = caller.agent
    kind = w.types[caller.type]
    n = index_of(w, caller)
    if kind.consult_p > 0.0 and _consults(w, contact, n):
        return
    count(w, contact, w_.SOJOURN, caller.waited + caller.talked)
    load = w.t.agents[agent].load
    if load > 0:
        if load == 1:
            unit = w.units[w.workers[agent].unit]
            note_unit(w, unit)
            unit.busy -= 1
        kernel.set_load(w.t, clock.now, agent, load - 1)
        if load == 1:
            clock.freed = 1
            goes_home(w, agent, w.units[w.workers[agent].unit])
    else:
        wrap_s = 0.0
        if kind.wrap >= 0:
            wrap_s = draw(w.laws, w.law_values, kind.wrap, w.keys[caller.type, w_.P_WRAP], n)
        if wrap_s > 0.0:
            schedule(w, clock.now + wrap_s, WRAP_ENDS, 0, agent)
        else:
            free_agent(w, agent)
    follow(w, contact, w_.AFTER_ANSWER)


@compiled
def _consults(w: World, contact: int, n: int) -> bool:
    """Whether the talk goes on with a second agent. When it has, he is free again, without wrap-up."""
    clock, caller = w.clock[0], w.callers[contact]
    kind, second = w.types[caller.type], caller.consulted
    caller.consulted = ASKED
    if second >= 0:
        free_agent(w, second)
        return False
    if second == ASKED or uniform(w.keys[caller.type, w_.P_CONSULT], n) >= kind.consult_p:
        return False
    second = _ready_one(w, kind.consult_with)
    if second < 0:
        return False
    seconds = draw(w.laws, w.law_values, kind.consult_s, w.keys[caller.type, w_.P_CONSULT_S], n)
    unit = w.units[w.workers[second].unit]
    note_unit(w, unit)
    unit.busy += 1
    kernel.set_state(w.t, clock.now, second, TALKING)
    caller.consulted = second
    count(w, contact, w_.CONSULTS, 1.0)
    _talks_for(w, contact, caller.agent, seconds)
    w.talk_by[caller.type, unit.of] += seconds
    schedule(w, clock.now + seconds, TALK_ENDS, 0, contact)
    return True


@compiled
def _ready_one(w: World, of: int) -> int:
    """Of these agents of the model the one who has been ready longest; NONE: nobody is."""
    best = NONE
    for number in range(len(w.units)):
        unit = w.units[number]
        if unit.of != of:
            continue
        for agent in range(unit.first, unit.end):
            row = w.t.agents[agent]
            ready = row.state == READY and row.load == 0
            if ready and (best < 0 or row.since < w.t.agents[best].since):
                best = agent
    return best


@compiled
def free_agent(w: World, agent: int) -> None:
    unit = w.units[w.workers[agent].unit]
    note_unit(w, unit)
    unit.busy -= 1
    w.clock[0].freed = 1
    if not goes_home(w, agent, unit):
        kernel.set_state(w.t, w.clock[0].now, agent, READY)


@compiled
def follow(w: World, contact: int, after: int) -> None:
    """What the caller does next: come back later, go on to another queue on the same line, or nothing."""
    clock, caller = w.clock[0], w.callers[contact]
    kind = w.types[caller.type]
    n = index_of(w, caller)
    u = 2.0
    if kind.follows < kind.follows_end:
        u = uniform(w.keys[caller.type, w_.P_FOLLOW], n)
    for i in range(kind.follows, kind.follows_end):
        row = w.follows[i]
        if row.after != after or caller.attempts >= row.attempts_max:
            continue
        if u >= row.chance:
            u -= row.chance
            continue
        delay = 0.0
        if row.delay >= 0:
            delay = draw(w.laws, w.law_values, row.delay, w.keys[caller.type, w_.P_DELAY], n)
            _hang_up(w, contact)
        count(w, contact, w_.RETURNS, 1.0)
        _remember(w, contact, i)
        caller.type = row.to
        caller.attempts += 1
        caller.stage = w_.CONTACT_AWAY
        schedule(w, clock.now + delay, COMES_BACK, 0, contact)
        return
    _hang_up(w, contact)
    caller.stage = w_.CONTACT_IDLE
    w.free[clock.free] = contact
    clock.free += 1
    clock.live -= 1
    clock.done += 1


@compiled
def _remember(w: World, contact: int, number: int) -> None:
    """What the next visit still has of this one."""
    caller, row = w.callers[contact], w.follows[number]
    caller.knows = NONE
    caller.knows_s = 0.0
    if row.knows_s >= 0.0:
        caller.knows = caller.agent
        caller.knows_s = row.knows_s
    if row.same_patience == 0:
        caller.patience = math.nan
    if row.adds_up == 0:
        caller.waited = 0.0
        caller.talked = 0.0
    caller.handle = math.nan


@compiled
def _hang_up(w: World, contact: int) -> None:
    if w.callers[contact].line > 0:
        note_lines(w)
        w.clock[0].lines -= 1
        w.callers[contact].line = 0
