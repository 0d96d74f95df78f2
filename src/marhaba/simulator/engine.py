"""One replication under the virtual clock: events in order of time, every decision the kernel's.

Compiled as a whole (see `compiled`): `run` is what Python calls. It can be called again to go on, so that a run can be
watched and stopped. Events at the same instant are settled by kind, in the order of the constants below, then by age.
"""

from __future__ import annotations

import math
from typing import Final

from marhaba.kernel.rows import NONE, PAUSED, READY, RING_ALL, TEXT, UNSTAFFED
from marhaba.simulator import deadlines
from marhaba.simulator import world as w_
from marhaba.simulator.agenda import (
    ARRIVES,
    BITS,
    COMES_BACK,
    CONTACTS_FULL,
    DIAL_ENDS,
    DIALS,
    FINISHED,
    MASK,
    MORE,
    PAUSE_ENDS,
    PERIOD_ENDS,
    RING_ENDS,
    STAFF_CHANGES,
    TALK_ENDS,
    WRAP_ENDS,
    schedule,
)
from marhaba.simulator.chance import gamma, sub_key, uniform
from marhaba.simulator.compiled import compiled, entry, twin
from marhaba.simulator.dialing import dial, dial_all, picks_up
from marhaba.simulator.helping import answer, follow, free_agent, talk_ends
from marhaba.simulator.laws import draw
from marhaba.simulator.staff import goes_home, next_change, pause_ends, staff_changes
from marhaba.simulator.tally import count, index_of, note_lines, note_most, note_queue, note_unit, wait_bin
from marhaba.simulator.world import World

kernel = twin("marhaba.kernel.matching")
heap = twin("marhaba.kernel.heap")

HOPS_MAX: Final = 5
"""Queues may send on in a circle: a contact is sent on so many times, as on the floor."""


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
    contact = _new_contact(w, number)
    if contact < 0:
        return NONE
    if kind.recorded_end > 0:
        row, caller = w.recorded[kind.recorded], w.callers[contact]
        caller.patience = row.patience
        caller.handle = row.handle
        kind.recorded += 1
    at = _next_arrival(w, number)
    if at < math.inf:
        heap.replace(w.event_ats, w.event_tags, clock.events, at, w.event_tags[0])
    else:
        clock.events = heap.pop(w.event_ats, w.event_tags, clock.events)
    return _come(w, contact)


@compiled
def _new_contact(w: World, number: int) -> int:
    clock, kind = w.clock[0], w.types[number]
    if clock.free == 0:
        clock.status = CONTACTS_FULL
        return NONE
    clock.free -= 1
    contact: int = w.free[clock.free]
    caller = w.callers[contact]
    caller.type = number
    caller.origin = number
    caller.serial = kind.arrivals
    caller.attempts = 0
    caller.knows = NONE
    caller.patience = math.nan
    caller.handle = math.nan
    caller.waited = 0.0
    caller.talked = 0.0
    caller.line = 0
    kind.arrivals += 1
    clock.live += 1
    return contact


@compiled
def _has_line(w: World, contact: int) -> bool:
    """A line of the centre's for the contact, until it hangs up."""
    clock, caller = w.clock[0], w.callers[contact]
    if clock.lines_max == 0 or caller.line > 0:
        return True
    if clock.lines == clock.lines_max:
        return False
    note_lines(w)
    clock.lines += 1
    caller.line = 1
    return True


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
    caller.hops = 0
    caller.consulted = NONE
    clock.ranks += 1
    count(w, contact, w_.OFFERED, 1.0)
    entry: int = kind.class_ if _has_line(w, contact) else NONE
    for _ in range(HOPS_MAX):
        if entry < 0:
            break
        reason = kernel.refused(w.t, clock.now, entry)
        if reason == 0 or (reason == UNSTAFFED and w.entries[entry].lets_in > 0):
            break
        entry = w.entries[entry].to
        if entry >= 0:
            count(w, contact, w_.SENT_ON, 1.0)
    if entry < 0:
        count(w, contact, w_.BLOCKED, 1.0)
        follow(w, contact, w_.AFTER_BLOCK)
        return NONE
    caller.entry = entry
    _stand(w, contact, clock.now)
    return contact


@compiled
def _stand(w: World, contact: int, queued_at: float) -> None:
    clock, caller = w.clock[0], w.callers[contact]
    queue = w.t.classes[caller.entry].queue
    note_queue(w, queue)
    caller.stage = w_.CONTACT_WAITS
    caller.queued_at = queued_at
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
    note_most(w, queue)


@compiled
def _be_patient(w: World, contact: int) -> None:
    """If nobody has answered yet, it matters for how long he waits, or whether at all."""
    caller = w.callers[contact]
    kind = w.types[caller.type]
    if caller.stage != w_.CONTACT_WAITS and caller.stage != w_.CONTACT_RINGS:
        return
    n = index_of(w, caller)
    patience = caller.patience
    if math.isnan(patience):
        patience = draw(w.laws, w.law_values, kind.patience, w.keys[caller.type, w_.P_PATIENCE], n)
        patience *= w.patience_factors[caller.type, caller.period]
        caller.patience = patience
    if caller.stage == w_.CONTACT_WAITS:
        count(w, contact, w_.WAITED, 1.0)
        if kind.balk > 0.0 and uniform(w.keys[caller.type, w_.P_BALK], n) < kind.balk:
            patience = 0.0
    caller.gives_up_at = caller.arrived_at + patience
    until = min(caller.gives_up_at, caller.arrived_at + kind.callback_after_s)
    if until < math.inf:
        deadlines.put(w, contact, until)


@compiled
def _leave(w: World, contact: int) -> None:
    note_queue(w, w.t.classes[w.callers[contact].entry].queue)
    kernel.leave(w.t, contact)


@compiled
def _give_up(w: World, contact: int) -> None:
    clock, caller = w.clock[0], w.callers[contact]
    kind = w.types[caller.type]
    wait_s = clock.now - caller.arrived_at + caller.waited
    caller.waited = wait_s
    if caller.stage == w_.CONTACT_RINGS:
        _stop_ringing(w, contact)
    else:
        _leave(w, contact)
    count(w, contact, w_.ABANDONED, 1.0)
    count(w, contact, w_.WAIT_ABANDONED, wait_s)
    if wait_s <= kind.short_s:
        count(w, contact, w_.SHORT, 1.0)
    if wait_s <= kind.target_s:
        count(w, contact, w_.ABANDONED_IN_TIME, 1.0)
    w.waits[caller.type, 1, wait_bin(wait_s)] += 1
    follow(w, contact, w_.AFTER_ABANDON)


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
        note_queue(w, t.classes[w.callers[contact].entry].queue)
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
        _send_on(w, contact, w_.EXPIRED)


@compiled
def _send_on(w: World, contact: int, measure: int) -> None:
    """The queue's rules send the contact elsewhere, where it begins anew, as it does on the floor."""
    caller = w.callers[contact]
    _leave(w, contact)
    to = w.entries[caller.entry].to
    if to < 0 or caller.hops >= HOPS_MAX:
        deadlines.take_out(w, contact)
        caller.waited += w.clock[0].now - caller.arrived_at
        count(w, contact, measure, 1.0)
        follow(w, contact, w_.AFTER_BLOCK)
        return
    count(w, contact, w_.SENT_ON, 1.0)
    caller.entry = to
    caller.hops += 1
    caller.rank = w.clock[0].ranks
    w.clock[0].ranks += 1
    _stand(w, contact, w.clock[0].now)


@compiled
def _send_stranded(w: World) -> None:
    w.clock[0].departed = 0
    while True:
        contact = kernel.stranded(w.t, w.clock[0].now)
        if contact < 0:
            return
        _send_on(w, contact, w_.STRANDED)


@compiled
def _offer(w: World, contact: int, agent: int, channel: int) -> None:
    caller, worker = w.callers[contact], w.workers[agent]
    unit = w.units[worker.unit]
    if channel != TEXT or w.t.agents[agent].load == 1:
        note_unit(w, unit)
        unit.busy += 1
    if unit.ring < 0:
        answer(w, contact, agent)
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
    schedule(w, w.clock[0].now + ring_s, RING_ENDS, worker.rings, agent)


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
        note_unit(w, unit)
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
        note_unit(w, unit)
        unit.busy -= 1
        worker.rings += 1
        since = w.t.agents[agent].since
        if not goes_home(w, agent, unit):
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
        answer(w, contact, agent)
        return
    note_unit(w, unit)
    unit.busy -= 1
    count(w, contact, w_.MISSED, 1.0)
    if not goes_home(w, agent, unit):
        if unit.missed_pause_s > 0.0:
            unit.here -= 1
            kernel.set_state(w.t, clock.now, agent, PAUSED)
            schedule(w, clock.now + unit.missed_pause_s, PAUSE_ENDS, worker.rings, agent)
        else:
            kernel.set_state(w.t, clock.now, agent, READY)
    if caller.ringing < 0:
        _stand(w, contact, caller.queued_at)


@compiled
def _period_ends(w: World, period: int) -> None:
    clock, queues = w.clock[0], len(w.queue_since)
    for queue in range(queues):
        note_queue(w, queue)
        w.at_end[period, queue] = w.t.queues[queue].waiting
    for number in range(len(w.units)):
        note_unit(w, w.units[number])
        w.at_end[period, queues + number] = w.units[number].busy
    note_lines(w)
    clock.period = period + 1
    for queue in range(queues):
        note_most(w, queue)
    if period + 1 < len(w.period_ends):
        schedule(w, w.period_ends[period + 1], PERIOD_ENDS, 0, period + 1)


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
            schedule(w, at, ARRIVES, 0, number)
    next_change(w)
    for number in range(len(w.dialers)):
        if w.dialers[number].type >= 0:
            schedule(w, w.dialers[number].from_s, DIALS, 0, number)
    schedule(w, w.period_ends[0], PERIOD_ENDS, 0, 0)


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
        if clock.departed > 0:
            _send_stranded(w)
        _dispatch(w)
        if clock.freed > 0:
            dial_all(w)
        if newcomer >= 0:
            _be_patient(w, newcomer)
        if clock.status != MORE:
            return clock.status
    return MORE


@compiled
def _happen(w: World, tag: int) -> int:
    """The first event; it is taken out. Returns a contact that has just come, or NONE."""
    clock = w.clock[0]
    kind, generation, index = tag >> (2 * BITS), (tag >> BITS) & MASK, tag & MASK
    if kind == ARRIVES:
        return _arrive(w, index)
    clock.events = heap.pop(w.event_ats, w.event_tags, clock.events)
    if kind == TALK_ENDS:
        talk_ends(w, index)
    elif kind == WRAP_ENDS:
        free_agent(w, index)
    elif kind == COMES_BACK:
        return _come(w, index)
    elif kind == RING_ENDS:
        if w.workers[index].rings & MASK == generation:
            _rang(w, index)
    elif kind == PAUSE_ENDS:
        pause_ends(w, index)
    elif kind == STAFF_CHANGES:
        staff_changes(w, index)
    elif kind == DIAL_ENDS:
        if picks_up(w, index, generation):
            contact = _new_contact(w, w.dialers[index].type)
            return NONE if contact < 0 else _come(w, contact)
    elif kind == DIALS:
        dial(w, index)
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
        if uniform(w.keys[caller.type, w_.P_CALLBACK], index_of(w, caller)) < kind.callback_p:
            caller.callback = 1
            count(w, contact, w_.CALLBACKS, 1.0)
        elif caller.gives_up_at < math.inf:
            deadlines.put(w, contact, caller.gives_up_at)
        return
    _give_up(w, contact)
