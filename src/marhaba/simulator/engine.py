"""One replication under the virtual clock: events in order of time, every decision the kernel's.

Compiled as a whole (see `compiled`): `run` is what Python calls. It can be called again to go on, so that a run can be
watched and stopped. Events at the same instant are settled by kind, in the order of the constants below, then by age.
"""

from __future__ import annotations

import math
from typing import Final

from marhaba.kernel.rows import LOGGED_OUT, NONE, PAUSED, READY, RING_ALL, TEXT
from marhaba.simulator import deadlines
from marhaba.simulator import world as w_
from marhaba.simulator.chance import gamma, sub_key, uniform
from marhaba.simulator.compiled import compiled, entry, inlined, twin
from marhaba.simulator.laws import draw
from marhaba.simulator.world import World

kernel = twin("marhaba.kernel.matching")
heap = twin("marhaba.kernel.heap")

PERIOD_ENDS: Final = 0
STAFF_CHANGES: Final = 1
TALK_ENDS: Final = 2
WRAP_ENDS: Final = 3
PAUSE_ENDS: Final = 4
RING_ENDS: Final = 5
COMES_BACK: Final = 6
ARRIVES: Final = 7
_BITS: Final = 24
_MASK: Final = (1 << _BITS) - 1
HOPS_MAX: Final = 8
"""A contact refused at the door of a queue is sent on so many times."""

MORE: Final = 0
FINISHED: Final = 1
CONTACTS_FULL: Final = 2
EVENTS_FULL: Final = 3
TRACE_FULL: Final = 4


@compiled
def _schedule(w: World, at: float, kind: int, generation: int, index: int) -> None:
    clock = w.clock[0]
    if clock.events == len(w.event_ats):
        clock.status = EVENTS_FULL
        return
    tag = (((kind << _BITS) | (generation & _MASK)) << _BITS) | index
    clock.events = heap.push(w.event_ats, w.event_tags, clock.events, at, tag)


@inlined
def _index_of(w: World, caller) -> int:  # type: ignore[no-untyped-def]
    """The number of this contact's draws: the same whatever else happens in the run."""
    return ((caller.serial << 4) + caller.attempts << 12) + caller.origin


@inlined
def _count(w: World, contact: int, measure: int, value: float) -> None:
    caller = w.callers[contact]
    w.counts[caller.type, caller.period, measure] += value


@inlined
def _wait_bin(wait_s: float) -> int:
    if wait_s <= 0.0:
        return 0
    if wait_s < w_.WAIT_BIN_FIRST:
        return 1
    place = 2 + int(math.log(wait_s / w_.WAIT_BIN_FIRST) / math.log(w_.WAIT_BIN_STEP))
    return min(place, w_.WAIT_BINS - 1)


@inlined
def _note_queue(w: World, queue: int) -> None:
    """The line is about to change: add up what has been waited since it last did."""
    clock = w.clock[0]
    waiting = w.t.queues[queue].waiting
    w.queue_area[queue, clock.period] += waiting * (clock.now - w.queue_since[queue])
    w.queue_since[queue] = clock.now


@inlined
def _note_most(w: World, queue: int) -> None:
    period, waiting = w.clock[0].period, w.t.queues[queue].waiting
    w.queue_most[queue, period] = max(w.queue_most[queue, period], waiting)


@inlined
def _note_unit(w: World, unit) -> None:  # type: ignore[no-untyped-def]
    clock = w.clock[0]
    number = unit.number
    passed = clock.now - unit.since
    w.busy_area[number, clock.period] += unit.busy * passed
    w.staff_area[number, clock.period] += unit.here * passed
    unit.since = clock.now


# -- arrivals -------------------------------------------------------------------------------------------------


@compiled
def _next_arrival(w: World, number: int) -> float:
    """When the type's next contact comes: from the record, or by inverting the cumulated rate; inf: never again."""
    kind = w.types[number]
    if kind.recorded_end > 0:
        return w.recorded[kind.recorded].at if kind.recorded < kind.recorded_end else math.inf
    left = -math.log(uniform(w.keys[number, w_.P_ARRIVAL], kind.arrivals))
    period, at = kind.walk_period, kind.walk_at
    while period < len(w.period_ends):
        rate = w.rates[number, period] * kind.factor
        room = rate * (w.period_ends[period] - at)
        if left < room:
            at += left / rate
            kind.walk_period = period
            kind.walk_at = at
            return at
        left -= room
        at = w.period_ends[period]
        period += 1
    kind.walk_period = period
    return math.inf


@compiled
def _arrive(w: World, number: int) -> int:
    """The first event: a contact of this type. The type's next arrival takes its place."""
    clock, kind = w.clock[0], w.types[number]
    if clock.free == 0:
        clock.status = CONTACTS_FULL
        return NONE
    clock.free -= 1
    contact = w.free[clock.free]
    caller = w.callers[contact]
    caller.type = number
    caller.origin = number
    caller.serial = kind.arrivals
    caller.attempts = 0
    caller.knows = NONE
    caller.patience = math.nan
    caller.handle = math.nan
    if kind.recorded_end > 0:
        row = w.recorded[kind.recorded]
        caller.patience = row.patience
        caller.handle = row.handle
        kind.recorded += 1
    kind.arrivals += 1
    clock.live += 1
    at = _next_arrival(w, number)
    if at < math.inf:
        heap.replace(w.event_ats, w.event_tags, clock.events, at, w.event_tags[0])
    else:
        clock.events = heap.pop(w.event_ats, w.event_tags, clock.events)
    return _come(w, contact)


@compiled
def _come(w: World, contact: int) -> int:
    """At the door of the type's queue, or where that sends who is refused. NONE: refused everywhere."""
    clock, caller = w.clock[0], w.callers[contact]
    kind = w.types[caller.type]
    caller.arrived_at = clock.now
    caller.period = clock.period
    caller.rank = clock.ranks
    caller.callback = 0
    caller.ringing = NONE
    caller.deadline = NONE
    clock.ranks += 1
    _count(w, contact, w_.OFFERED, 1.0)
    entry = kind.class_
    for _ in range(HOPS_MAX):
        if entry < 0 or kernel.refused(w.t, clock.now, entry) == 0:
            break
        entry = w.entries[entry].to
        if entry >= 0:
            _count(w, contact, w_.SENT_ON, 1.0)
    if entry < 0:
        _count(w, contact, w_.BLOCKED, 1.0)
        _follow(w, contact, w_.AFTER_BLOCK)
        return NONE
    caller.entry = entry
    _stand(w, contact, clock.now)
    return contact


@compiled
def _stand(w: World, contact: int, queued_at: float) -> None:
    clock, caller = w.clock[0], w.callers[contact]
    queue = w.t.classes[caller.entry].queue
    _note_queue(w, queue)
    caller.stage = w_.CONTACT_WAITS
    kernel.enqueue(
        w.t,
        clock.now,
        contact,
        caller.entry,
        w.entries[caller.entry].priority,
        caller.rank,
        queued_at,
        caller.knows,
        queued_at + caller.knows_s,
    )
    _note_most(w, queue)


@compiled
def _be_patient(w: World, contact: int) -> None:
    """If nobody has answered yet, it matters for how long he waits, or whether at all."""
    caller = w.callers[contact]
    kind = w.types[caller.type]
    if caller.stage != w_.CONTACT_WAITS and caller.stage != w_.CONTACT_RINGS:
        return
    n = _index_of(w, caller)
    patience = caller.patience
    if math.isnan(patience):
        patience = draw(w.laws, w.law_values, kind.patience, w.keys[caller.type, w_.P_PATIENCE], n)
    if caller.stage == w_.CONTACT_WAITS:
        _count(w, contact, w_.WAITED, 1.0)
        if kind.balk > 0.0 and uniform(w.keys[caller.type, w_.P_BALK], n) < kind.balk:
            patience = 0.0
    caller.gives_up_at = caller.arrived_at + patience
    until = min(caller.gives_up_at, caller.arrived_at + kind.callback_after_s)
    if until < math.inf:
        deadlines.put(w, contact, until)


@compiled
def _leave(w: World, contact: int) -> None:
    _note_queue(w, w.t.classes[w.callers[contact].entry].queue)
    kernel.leave(w.t, contact)


@compiled
def _give_up(w: World, contact: int) -> None:
    clock, caller = w.clock[0], w.callers[contact]
    kind = w.types[caller.type]
    wait_s = clock.now - caller.arrived_at
    if caller.stage == w_.CONTACT_RINGS:
        _stop_ringing(w, contact)
    else:
        _leave(w, contact)
    _count(w, contact, w_.ABANDONED, 1.0)
    _count(w, contact, w_.WAIT_ABANDONED, wait_s)
    if wait_s <= kind.short_s:
        _count(w, contact, w_.SHORT, 1.0)
    if wait_s <= kind.target_s:
        _count(w, contact, w_.ABANDONED_IN_TIME, 1.0)
    w.waits[caller.type, 1, _wait_bin(wait_s)] += 1
    _follow(w, contact, w_.AFTER_ABANDON)


@compiled
def _follow(w: World, contact: int, after: int) -> None:
    """What the caller does next: come back later, go on to another queue, or nothing."""
    clock, caller = w.clock[0], w.callers[contact]
    kind = w.types[caller.type]
    n = _index_of(w, caller)
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
        _count(w, contact, w_.RETURNS, 1.0)
        caller.knows = NONE
        caller.knows_s = 0.0
        if row.knows_s >= 0.0:
            caller.knows = caller.agent
            caller.knows_s = row.knows_s
        caller.type = row.to
        caller.attempts += 1
        caller.stage = w_.CONTACT_AWAY
        caller.patience = math.nan
        caller.handle = math.nan
        _schedule(w, clock.now + delay, COMES_BACK, 0, contact)
        return
    caller.stage = w_.CONTACT_IDLE
    w.free[clock.free] = contact
    clock.free += 1
    clock.live -= 1
    clock.done += 1


# -- decisions ------------------------------------------------------------------------------------------------


@compiled
def _dispatch(w: World) -> None:
    """All that can be decided now."""
    t, clock = w.t, w.clock[0]
    if t.totals[0].timers > 0:
        _let_time_pass(w)
    while True:
        contact, agent = kernel.decide(t, clock.now)
        if contact < 0:
            return
        _note_queue(w, t.classes[w.callers[contact].entry].queue)
        class_ = t.contacts[contact].class_
        channel = t.classes[class_].channel
        kernel.assign(t, clock.now, contact, agent)
        _offer(w, contact, agent, channel)
        if t.classes[class_].strategy == RING_ALL and w.callers[contact].stage == w_.CONTACT_RINGS:
            _ring_others(w, contact, class_)


@compiled
def _let_time_pass(w: World) -> None:
    while True:
        contact = kernel.advance(w.t, w.clock[0].now)
        if contact < 0:
            return
        _send_on(w, contact)


@compiled
def _send_on(w: World, contact: int) -> None:
    """The queue's rules send the contact elsewhere; it keeps its rank and its time."""
    caller = w.callers[contact]
    _leave(w, contact)
    to = w.entries[caller.entry].to
    if to < 0:
        deadlines.take_out(w, contact)
        _count(w, contact, w_.BLOCKED, 1.0)
        _follow(w, contact, w_.AFTER_BLOCK)
        return
    _count(w, contact, w_.SENT_ON, 1.0)
    caller.entry = to
    _stand(w, contact, caller.arrived_at)


@compiled
def _send_stranded(w: World) -> None:
    while True:
        contact = kernel.stranded(w.t, w.clock[0].now)
        if contact < 0:
            return
        _send_on(w, contact)


@compiled
def _offer(w: World, contact: int, agent: int, channel: int) -> None:
    caller, worker = w.callers[contact], w.workers[agent]
    unit = w.units[worker.unit]
    if channel != TEXT or w.t.agents[agent].load == 1:
        _note_unit(w, unit)
        unit.busy += 1
    if unit.ring < 0:
        _answer(w, contact, agent)
    else:
        caller.stage = w_.CONTACT_RINGS
        _ring(w, contact, agent)


@compiled
def _ring(w: World, contact: int, agent: int) -> None:
    caller, worker = w.callers[contact], w.workers[agent]
    unit = w.units[worker.unit]
    worker.rings += 1
    worker.contact = contact
    worker.next = caller.ringing
    caller.ringing = agent
    n = (worker.rings << 20) + agent
    worker.missed = 0
    if unit.missed_p > 0.0 and uniform(w.agent_keys[w_.P_MISSED], n) < unit.missed_p:
        worker.missed = 1
    ring_s = draw(w.laws, w.law_values, unit.ring, w.agent_keys[w_.P_RING], n)
    _schedule(w, w.clock[0].now + ring_s, RING_ENDS, worker.rings, agent)


@compiled
def _ring_others(w: World, contact: int, class_: int) -> None:
    """A queue that rings all: further phones at once, up to its limit."""
    clock = w.clock[0]
    for _ in range(w.entries[w.callers[contact].entry].phones - 1):
        agent = kernel.best_agent(w.t, clock.now, class_)
        if agent < 0 or w.units[w.workers[agent].unit].ring < 0:
            return
        kernel.take(w.t, clock.now, agent, w.t.classes[class_].channel)
        unit = w.units[w.workers[agent].unit]
        _note_unit(w, unit)
        unit.busy += 1
        _ring(w, contact, agent)


@compiled
def _stop_ringing(w: World, contact: int) -> None:
    """Every phone that rings for the contact: its agent is ready again, and still first in line."""
    clock, caller = w.clock[0], w.callers[contact]
    agent = caller.ringing
    while agent >= 0:
        worker = w.workers[agent]
        unit = w.units[worker.unit]
        _note_unit(w, unit)
        unit.busy -= 1
        worker.rings += 1
        since = w.t.agents[agent].since
        if not _goes_home(w, agent, unit):
            kernel.set_state(w.t, clock.now, agent, READY)
            kernel.set_turn(w.t, agent, since)
        agent = worker.next
    caller.ringing = NONE


@compiled
def _rang(w: World, agent: int) -> None:
    """The agent answers, or has let it ring."""
    clock, worker = w.clock[0], w.workers[agent]
    contact = worker.contact
    caller, unit = w.callers[contact], w.units[worker.unit]
    before = caller.ringing
    if before == agent:
        caller.ringing = worker.next
    else:
        while w.workers[before].next != agent:
            before = w.workers[before].next
        w.workers[before].next = worker.next
    if worker.missed == 0:
        _stop_ringing(w, contact)
        _answer(w, contact, agent)
        return
    _note_unit(w, unit)
    unit.busy -= 1
    _count(w, contact, w_.MISSED, 1.0)
    if not _goes_home(w, agent, unit):
        if unit.missed_pause_s > 0.0:
            unit.here -= 1
            kernel.set_state(w.t, clock.now, agent, PAUSED)
            _schedule(w, clock.now + unit.missed_pause_s, PAUSE_ENDS, worker.rings, agent)
        else:
            kernel.set_state(w.t, clock.now, agent, READY)
    if caller.ringing < 0:
        _stand(w, contact, caller.arrived_at)


@compiled
def _answer(w: World, contact: int, agent: int) -> None:
    clock, caller = w.clock[0], w.callers[contact]
    kind, unit = w.types[caller.type], w.units[w.workers[agent].unit]
    n = _index_of(w, caller)
    caller.stage = w_.CONTACT_TALKS
    caller.agent = agent
    deadlines.take_out(w, contact)
    seconds = caller.handle
    if math.isnan(seconds):
        law = w.talks[caller.type, unit.of]
        seconds = draw(w.laws, w.law_values, law, w.keys[caller.type, w_.P_TALK], n)
        seconds *= unit.factor * w.factors[caller.type, clock.period]
    if caller.callback > 0:
        dial_s = draw(w.laws, w.law_values, kind.callback_dial, w.keys[caller.type, w_.P_DIAL], n)
        if uniform(w.keys[caller.type, w_.P_REACH], n) >= kind.callback_reach:
            _count(w, contact, w_.NOT_REACHED, 1.0)
            seconds = 0.0
        seconds += dial_s
    wait_s = clock.now - caller.arrived_at
    _count(w, contact, w_.ANSWERED, 1.0)
    _count(w, contact, w_.TALK, seconds)
    if wait_s <= kind.target_s:
        _count(w, contact, w_.IN_TIME, 1.0)
    if wait_s > 0.0:
        _count(w, contact, w_.WAIT_ANSWERED, wait_s)
    w.waits[caller.type, 0, _wait_bin(wait_s)] += 1
    if clock.tracing > 0:
        _trace(w, contact, agent, wait_s)
    _schedule(w, clock.now + seconds, TALK_ENDS, 0, contact)


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
def _talk_ends(w: World, contact: int) -> None:
    clock, caller = w.clock[0], w.callers[contact]
    agent = caller.agent
    kind = w.types[caller.type]
    n = _index_of(w, caller)
    load = w.t.agents[agent].load
    if load > 0:
        if load == 1:
            unit = w.units[w.workers[agent].unit]
            _note_unit(w, unit)
            unit.busy -= 1
        kernel.set_load(w.t, clock.now, agent, load - 1)
        if load == 1:
            _goes_home(w, agent, w.units[w.workers[agent].unit])
    else:
        wrap_s = 0.0
        if kind.wrap >= 0:
            wrap_s = draw(w.laws, w.law_values, kind.wrap, w.keys[caller.type, w_.P_WRAP], n)
        if wrap_s > 0.0:
            _schedule(w, clock.now + wrap_s, WRAP_ENDS, 0, agent)
        else:
            _free_agent(w, agent)
    _follow(w, contact, w_.AFTER_ANSWER)


@compiled
def _free_agent(w: World, agent: int) -> None:
    unit = w.units[w.workers[agent].unit]
    _note_unit(w, unit)
    unit.busy -= 1
    if not _goes_home(w, agent, unit):
        kernel.set_state(w.t, w.clock[0].now, agent, READY)


# -- staff ----------------------------------------------------------------------------------------------------


@compiled
def _goes_home(w: World, agent: int, unit) -> bool:  # type: ignore[no-untyped-def]
    """An agent who was to leave while he was busy."""
    if unit.leaving == 0:
        return False
    unit.leaving -= 1
    unit.here -= 1
    kernel.set_state(w.t, w.clock[0].now, agent, unit.away)
    return True


@compiled
def _staff_changes(w: World, number: int) -> None:
    """From now on `count` agents of the unit are to be there: idle ones go at once, busy ones when they are done."""
    clock, row = w.clock[0], w.changes[number]
    _next_change(w)
    if row.unit < 0:  # a queue closes
        _send_stranded(w)
        return
    unit = w.units[row.unit]
    _note_unit(w, unit)
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
    _send_stranded(w)


@compiled
def _next_change(w: World) -> None:
    clock = w.clock[0]
    if clock.change < len(w.changes):
        _schedule(w, w.changes[clock.change].at, STAFF_CHANGES, 0, clock.change)
        clock.change += 1


@compiled
def _pause_ends(w: World, agent: int) -> None:
    if w.t.agents[agent].state == PAUSED:
        unit = w.units[w.workers[agent].unit]
        _note_unit(w, unit)
        unit.here += 1
        kernel.set_state(w.t, w.clock[0].now, agent, READY)


@compiled
def _period_ends(w: World, period: int) -> None:
    clock, queues = w.clock[0], len(w.queue_since)
    for queue in range(queues):
        _note_queue(w, queue)
        w.at_end[period, queue] = w.t.queues[queue].waiting
    for number in range(len(w.units)):
        _note_unit(w, w.units[number])
        w.at_end[period, queues + number] = w.units[number].busy
    clock.period = period + 1
    for queue in range(queues):
        _note_most(w, queue)
    if period + 1 < len(w.period_ends):
        _schedule(w, w.period_ends[period + 1], PERIOD_ENDS, 0, period + 1)


# -- the loop -------------------------------------------------------------------------------------------------


@entry
def begin(w: World) -> None:
    """Put the first events in."""
    for number in range(len(w.types)):
        kind = w.types[number]
        kind.factor = 1.0
        if kind.busyness > 0.0:
            key = sub_key(w.keys[number, w_.P_BUSYNESS], 0)
            kind.factor = gamma(kind.busyness, key) / kind.busyness
        at = _next_arrival(w, number)
        if at < math.inf:
            _schedule(w, at, ARRIVES, 0, number)
    _next_change(w)
    _schedule(w, w.period_ends[0], PERIOD_ENDS, 0, 0)


@entry
def run(w: World, events: int) -> int:
    """Carry out so many events. Returns MORE, FINISHED (nothing is left to happen), or what there was no room for."""
    clock = w.clock[0]
    for _ in range(events):
        event = w.event_ats[0] if clock.events > 0 else math.inf
        deadline = w.deadline_ats[0] if clock.deadlines > 0 else math.inf
        timer = kernel.next_time(w.t) if w.t.totals[0].timers > 0 else math.inf
        newcomer = NONE
        if event <= deadline and event <= timer:
            if event == math.inf:
                return FINISHED
            clock.now = event
            newcomer = _happen(w, w.event_tags[0])
        elif deadline < timer:
            clock.now = deadline
            _deadline(w, w.deadline_of[0])
        else:
            clock.now = timer
        clock.handled += 1
        _dispatch(w)
        if newcomer >= 0:
            _be_patient(w, newcomer)
        if clock.status != MORE:
            return clock.status
    return MORE


@compiled
def _happen(w: World, tag: int) -> int:
    """The first event; it is taken out. Returns a contact that has just come, or NONE."""
    clock = w.clock[0]
    kind, generation, index = tag >> (2 * _BITS), (tag >> _BITS) & _MASK, tag & _MASK
    if kind == ARRIVES:
        return _arrive(w, index)
    clock.events = heap.pop(w.event_ats, w.event_tags, clock.events)
    if kind == TALK_ENDS:
        _talk_ends(w, index)
    elif kind == WRAP_ENDS:
        _free_agent(w, index)
    elif kind == COMES_BACK:
        return _come(w, index)
    elif kind == RING_ENDS:
        if w.workers[index].rings & _MASK == generation:
            _rang(w, index)
    elif kind == PAUSE_ENDS:
        _pause_ends(w, index)
    elif kind == STAFF_CHANGES:
        _staff_changes(w, index)
    else:
        _period_ends(w, index)
    return NONE


@compiled
def _deadline(w: World, contact: int) -> None:
    """A waiting contact gives up, or is offered a callback: then he waits at home, and for ever."""
    caller = w.callers[contact]
    deadlines.take_out(w, contact)
    if caller.gives_up_at > w.clock[0].now:
        kind = w.types[caller.type]
        if uniform(w.keys[caller.type, w_.P_CALLBACK], _index_of(w, caller)) < kind.callback_p:
            caller.callback = 1
            _count(w, contact, w_.CALLBACKS, 1.0)
        elif caller.gives_up_at < math.inf:
            deadlines.put(w, contact, caller.gives_up_at)
        return
    _give_up(w, contact)
