"""The hot part of routing: who answers whom, over tables of plain rows.

This file is executed twice. The floor runs it as it stands, over lists of Python objects; the simulator hands the
very same source to a compiler, over arrays of records with the same fields (`simulator/compiled.py`). So nothing
here but integers, floats, rows and loops, and every function says by itself all that it does.

The words: a *class* is all contacts of one queue, language and relaxation step: they ask the same of an agent. A
*group* is all agents with the same skills and queues: they may take the same classes. A *lane* is the ready agents
of one group for one channel, in the order in which they get contacts. So a decision compares the heads of classes
with the heads of lanes, and never looks at a person behind the head.

`decide` may assume that what could not be matched before cannot be matched now unless its class or its lane has
changed since: those are marked `fresh`.
"""

from __future__ import annotations

from math import inf

from marhaba.kernel import heap
from marhaba.kernel.rows import (
    ADMITTED,
    BEST_SKILL,
    CHANNELS,
    CLOSED,
    FOR_ONE,
    FULL,
    IN_LINE,
    KINDS,
    KNOWN,
    LEAST_OCCUPIED,
    LOGGED_OUT,
    NONE,
    NOWHERE,
    OVERFLOW,
    PAUSED,
    RANDOM,
    READY,
    RELAX,
    RINGING,
    SLOTS,
    TEXT,
    UNSTAFFED,
    VOICE,
    Agent,
    Tables,
)


def set_state(t: Tables, now: float, agent: int, state: int) -> None:
    """A voice state. Becoming ready puts the agent behind everybody idle."""
    row = t.agents[agent]
    was = row.state
    if state == was:
        return
    _account(row, now)
    row.state = state
    staff, working = int(state != LOGGED_OUT), int(state > PAUSED)
    _count(t, row, staff - int(was != LOGGED_OUT), working - int(was > PAUSED))
    if was == LOGGED_OUT:
        row.busy_s = row.ready_s = 0.0
    if state == READY:
        _to_the_end(t, now, agent)
    elif state == LOGGED_OUT:
        _lapse(t, now, agent)
    lane_up(t, agent)


def set_turn(t: Tables, agent: int, since: float) -> None:
    """Give an agent back a turn he had: idle since then, behind whoever says the same."""
    _to_the_end(t, since, agent)
    lane_up(t, agent)


def set_load(t: Tables, now: float, agent: int, load: int) -> None:
    """How many text contacts the agent has in hand. Free of them, he stands behind everybody idle."""
    row = t.agents[agent]
    if load == row.load:
        return
    _account(row, now)
    row.load = load
    if load == 0 and row.state == READY:
        _to_the_end(t, now, agent)
    lane_up(t, agent)


def set_agent(t: Tables, now: float, agent: int, group: int, load_max: int) -> None:
    """What the agent can do has changed: his skills, or how many text contacts he may have in hand at once."""
    row = t.agents[agent]
    for channel in range(CHANNELS):
        _leave_lane(t, agent, channel)
    staff, working = int(row.state != LOGGED_OUT), int(row.state > PAUSED)
    _count(t, row, -staff, -working)
    row.group = group
    row.load_max = load_max
    _count(t, row, staff, working)
    _lapse(t, now, agent)
    lane_up(t, agent)


def occupancy(row: Agent, now: float) -> float:
    """Share of the time at work (busy or ready) since login that was busy; 0 to 1."""
    busy, ready = _worked(row, now)
    return busy / (busy + ready) if busy > 0.0 else 0.0


def _account(row: Agent, now: float) -> None:
    row.busy_s, row.ready_s = _worked(row, now)
    row.changed_at = now


def _worked(row: Agent, now: float) -> tuple[float, float]:
    """Seconds busy and seconds ready since login."""
    passed = max(now - row.changed_at, 0.0)
    if row.state >= RINGING or row.load > 0:
        return row.busy_s + passed, row.ready_s
    return row.busy_s, row.ready_s + passed if row.state == READY else row.ready_s


def _count(t: Tables, row: Agent, staff: int, working: int) -> None:
    """Who is there for which class: changes when people come, go and pause, not with every call."""
    if staff == 0 and working == 0:
        return
    for class_ in range(t.totals[0].classes):
        if _able(t, class_, row):
            t.classes[class_].staff += staff
            t.classes[class_].working += working


def _able(t: Tables, class_: int, row: Agent) -> bool:
    """Whether the agent takes such contacts at all, when he is free."""
    return t.levels[class_, row.group] >= 0 and (t.classes[class_].channel == VOICE or row.load_max > 0)


def _to_the_end(t: Tables, since: float, agent: int) -> None:
    totals, row = t.totals[0], t.agents[agent]
    totals.turns += 1
    row.turn = totals.turns
    row.since = since


def lane_up(t: Tables, agent: int) -> None:
    """Stand where the agent's state, load and turn say."""
    row = t.agents[agent]
    for channel in range(CHANNELS):
        _leave_lane(t, agent, channel)
    if row.state == READY:
        if row.load == 0:
            _join_lane(t, agent, VOICE)
        if row.load < row.load_max:
            _join_lane(t, agent, TEXT)


def _join_lane(t: Tables, agent: int, channel: int) -> None:
    number, spot = t.agents[agent].group * CHANNELS + channel, agent * CHANNELS + channel
    lane, totals = t.lanes[number], t.totals[0]
    ahead = lane.last
    while ahead >= 0 and _first_of(t, agent, ahead // CHANNELS):
        ahead = t.spots[ahead].prev
    heap.link(lane, t.spots, spot, ahead)
    t.spots[spot].on = 1
    if lane.ready == 0:
        lane.at = totals.ready_lanes
        t.ready_lanes[lane.at] = number
        totals.ready_lanes += 1
    lane.ready += 1
    if lane.fresh == 0:
        lane.fresh = 1
        t.fresh_lanes[totals.fresh_lanes] = number
        totals.fresh_lanes += 1


def _leave_lane(t: Tables, agent: int, channel: int) -> None:
    spot = agent * CHANNELS + channel
    if t.spots[spot].on == 0:
        return
    lane, totals = t.lanes[t.agents[agent].group * CHANNELS + channel], t.totals[0]
    heap.unlink(lane, t.spots, spot)
    t.spots[spot].on = 0
    lane.ready -= 1
    if lane.ready == 0:
        totals.ready_lanes -= 1
        moved = t.ready_lanes[totals.ready_lanes]
        t.ready_lanes[lane.at] = moved
        t.lanes[moved].at = lane.at
        lane.at = NONE


def _first_of(t: Tables, one: int, other: int) -> bool:
    """Whether `one` gets the next contact sooner than `other`: fewer contacts in hand, then idle for longer."""
    a, b = t.agents[one], t.agents[other]
    if a.load != b.load:
        return a.load < b.load
    if a.since != b.since:
        return a.since < b.since
    return a.turn < b.turn


def refused(t: Tables, now: float, class_: int) -> int:
    """Why a new contact of this class (its queue's before any relaxation) is not taken: FULL, CLOSED, UNSTAFFED."""
    row = t.classes[class_]
    queue = t.queues[row.queue]
    if 0 < queue.size_max <= queue.waiting:
        return FULL
    if queue.closes_at <= now:
        return CLOSED
    return UNSTAFFED if queue.no_staff > 0 and t.classes[row.loosest].staff == 0 else ADMITTED


def enqueue(
    t: Tables,
    now: float,
    contact: int,
    class_: int,
    priority: int,
    rank: int,
    queued_at: float,
    knows: int,
    knows_until: float,
) -> None:
    """Put a contact in line, as of its wait: `class_` is its queue's before any relaxation.

    With an agent it knows (NONE: none) it waits for nobody else until `knows_until`, while he is logged in.
    """
    totals, row = t.totals[0], t.contacts[contact]
    totals.visits += 1
    totals.contacts += 1
    row.visit = totals.visits
    row.class_ = class_
    row.priority = priority
    row.rank = rank
    row.queued_at = queued_at
    row.knows = knows
    row.knows_until = knows_until
    queue = t.queues[t.classes[class_].queue]
    queue.waiting += 1
    if queue.wait_s_max < inf:
        _set_timer(t, queued_at + queue.wait_s_max, contact, OVERFLOW)
    if knows >= 0 and knows_until > now and _may_know(t, class_, knows):
        _set_timer(t, knows_until, contact, KNOWN)
        row.place = FOR_ONE
        row.prev = totals.for_one  # its place in `for_one`
        t.for_one[totals.for_one] = contact
        totals.for_one += 1
    else:
        _line_up(t, now, contact)


def leave(t: Tables, contact: int) -> None:
    """The contact no longer waits."""
    row, totals = t.contacts[contact], t.totals[0]
    if row.place == NOWHERE:
        return
    _unplace(t, contact)
    t.queues[t.classes[row.class_].queue].waiting -= 1
    totals.contacts -= 1


def _may_know(t: Tables, class_: int, agent: int) -> bool:
    row = t.agents[agent]
    return row.state != LOGGED_OUT and _able(t, class_, row)


def _lapse(t: Tables, now: float, agent: int) -> None:
    """He has gone, or can no longer do it: who waited for him waits for anybody."""
    for i in range(t.totals[0].for_one - 1, -1, -1):
        contact = t.for_one[i]
        row = t.contacts[contact]
        if row.knows == agent and not _may_know(t, row.class_, agent):
            _unplace(t, contact)
            _line_up(t, now, contact)


def advance(t: Tables, now: float) -> int:
    """Let relaxation stand as of `now`. Returns a contact whose wait in its queue has become too long, which
    is told once, or NONE when there is no more; to be called until then.
    """
    totals = t.totals[0]
    while totals.timers > 0 and t.timer_ats[0] <= now:
        tag = t.timer_tags[0]
        totals.timers = heap.pop(t.timer_ats, t.timer_tags, totals.timers)
        contact = tag % SLOTS
        if not _means(t, tag):
            continue
        if tag // SLOTS % KINDS == OVERFLOW:
            return contact
        _unplace(t, contact)
        _line_up(t, now, contact)
    return NONE


def next_time(t: Tables) -> float:
    """When time alone next changes something; inf: never. After `advance`, always later than its `now`."""
    totals = t.totals[0]
    while totals.timers > 0:
        if _means(t, t.timer_tags[0]):
            return t.timer_ats[0]
        totals.timers = heap.pop(t.timer_ats, t.timer_tags, totals.timers)
    return inf


def stranded(t: Tables, now: float) -> int:
    """The first contact that waits in vain: its queue has closed, or nobody who could answer is logged in, and
    the queue sends such contacts on. NONE: there is none.
    """
    best, totals = NONE, t.totals[0]
    for i in range(totals.open_classes):
        class_ = t.open_classes[i]
        head = t.classes[class_].first
        if in_vain(t, now, class_) and (best < 0 or _ahead(t, head, best)):
            best = head
    for i in range(totals.for_one):
        contact = t.for_one[i]
        if in_vain(t, now, t.contacts[contact].class_) and (best < 0 or _ahead(t, contact, best)):
            best = contact
    return best


def in_vain(t: Tables, now: float, class_: int) -> bool:
    row = t.classes[class_]
    queue = t.queues[row.queue]
    if queue.sent_at_close > 0 and queue.closes_at <= now:
        return True
    return queue.no_staff > 0 and t.classes[row.loosest].staff == 0


def _line_up(t: Tables, now: float, contact: int) -> None:
    """Take every relaxation step that is due, and stand in the line of the class that it ends in."""
    row = t.contacts[contact]
    row.knows_until = -inf  # waiting for one is over for good
    class_, line = row.class_, t.classes[row.class_]
    while line.relaxed >= 0 and row.queued_at + line.relaxed_s <= now:
        class_, line = line.relaxed, t.classes[line.relaxed]
    row.class_ = class_
    if line.relaxed >= 0:
        _set_timer(t, row.queued_at + line.relaxed_s, contact, RELAX)
    ahead = line.last
    while ahead >= 0 and _ahead(t, contact, ahead):
        ahead = t.contacts[ahead].prev
    heap.link(line, t.contacts, contact, ahead)
    row.place = IN_LINE
    totals = t.totals[0]
    if line.waiting == 0:
        line.at = totals.open_classes
        t.open_classes[line.at] = class_
        totals.open_classes += 1
    line.waiting += 1
    if line.fresh == 0:
        line.fresh = 1
        t.fresh_classes[totals.fresh_classes] = class_
        totals.fresh_classes += 1


def _unplace(t: Tables, contact: int) -> None:
    row, totals = t.contacts[contact], t.totals[0]
    if row.place == FOR_ONE:
        totals.for_one -= 1
        moved = t.for_one[totals.for_one]
        t.for_one[row.prev] = moved
        t.contacts[moved].prev = row.prev
    else:
        line = t.classes[row.class_]
        heap.unlink(line, t.contacts, contact)
        line.waiting -= 1
        if line.waiting == 0:
            totals.open_classes -= 1
            last = t.open_classes[totals.open_classes]
            t.open_classes[line.at] = last
            t.classes[last].at = line.at
            line.at = NONE
    row.place = NOWHERE


def _ahead(t: Tables, one: int, other: int) -> bool:
    """Whether `one` stands before `other` in the line of their class: priority, then the longer wait, then
    the smaller rank, then who came first.
    """
    a, b = t.contacts[one], t.contacts[other]
    if a.priority != b.priority:
        return a.priority > b.priority
    if a.queued_at != b.queued_at:
        return a.queued_at < b.queued_at
    if a.rank != b.rank:
        return a.rank < b.rank
    return a.visit < b.visit


def _before(t: Tables, now: float, one: int, other: int) -> bool:
    """The same between classes: of the same priority, those go first that somebody ready has as his own, then whose
    wait, or line, is the longest by the weight of the queue.
    """
    a, b, totals = t.contacts[one], t.contacts[other], t.totals[0]
    if a.priority != b.priority:
        return a.priority > b.priority
    if a.class_ == b.class_:
        return _ahead(t, one, other)
    if totals.owns > 0:
        own_a, own_b = _owned(t, a.class_), _owned(t, b.class_)
        if own_a != own_b:
            return own_a
    weight_a, weight_b = t.classes[a.class_].weight, t.classes[b.class_].weight
    if totals.by_length > 0:
        length_a = weight_a * t.queues[t.classes[a.class_].queue].waiting
        length_b = weight_b * t.queues[t.classes[b.class_].queue].waiting
        if length_a != length_b:
            return length_a > length_b
    elif weight_a != weight_b:
        urgent_a, urgent_b = weight_a * (now - a.queued_at), weight_b * (now - b.queued_at)
        if urgent_a != urgent_b:
            return urgent_a > urgent_b
    return _ahead(t, one, other)


def _owned(t: Tables, class_: int) -> bool:
    """Whether somebody ready for the class has its queue as his own."""
    for i in range(t.totals[0].ready_lanes):
        lane = t.ready_lanes[i]
        group = lane // CHANNELS
        fits = lane % CHANNELS == t.classes[class_].channel and t.levels[class_, group] >= 0
        if fits and t.own[class_, group] > 0:
            return True
    return False


def _set_timer(t: Tables, at: float, contact: int, kind: int) -> None:
    totals = t.totals[0]
    if totals.timers == len(t.timer_ats):
        _sweep(t)
    tag = (t.contacts[contact].visit * KINDS + kind) * SLOTS + contact
    totals.timers = heap.push(t.timer_ats, t.timer_tags, totals.timers, at, tag)


def _sweep(t: Tables) -> None:
    """Drop the timers of contacts that have left: half of them at least."""
    totals, kept = t.totals[0], 0
    for i in range(totals.timers):
        at, tag = t.timer_ats[i], t.timer_tags[i]
        if _means(t, tag):
            kept = heap.push(t.timer_ats, t.timer_tags, kept, at, tag)
    totals.timers = kept


def _means(t: Tables, tag: int) -> bool:
    """Whether a timer still means something: the visit goes on, and it waits for the one if that is what ends."""
    row = t.contacts[tag % SLOTS]
    if row.place == NOWHERE or row.visit != tag // SLOTS // KINDS:
        return False
    return row.place == FOR_ONE or tag // SLOTS % KINDS != KNOWN


def decide(t: Tables, now: float) -> tuple[int, int]:
    """The first contact in order that somebody ready may take, and who takes it; (NONE, NONE): nobody.

    To be called after `advance`. What is decided is to be carried out (`assign`) or the contact or the agent
    changed before it is asked again.
    """
    totals = t.totals[0]
    best = NONE
    if totals.fresh_lanes > 0:
        for i in range(totals.open_classes):
            best = _earlier(t, now, t.open_classes[i], best)
    else:
        for i in range(totals.fresh_classes):
            best = _earlier(t, now, t.fresh_classes[i], best)
    for i in range(totals.for_one):
        contact = t.for_one[i]
        if (best < 0 or _before(t, now, contact, best)) and _known_ready(t, contact):
            best = contact
    if best < 0:
        _nothing_fresh(t)
        return NONE, NONE
    if _known_ready(t, best):
        return best, t.contacts[best].knows
    return best, best_agent(t, now, t.contacts[best].class_)


def _earlier(t: Tables, now: float, class_: int, best: int) -> int:
    """The head of the class, if it goes before `best` and somebody may take it; else `best`."""
    line = t.classes[class_]
    if line.waiting == 0 or (best >= 0 and not _before(t, now, line.first, best)):
        return best
    if line.fresh > 0 or line.keeps_count > 0:
        return line.first if best_agent(t, now, class_) >= 0 else best
    for i in range(t.totals[0].fresh_lanes):
        lane = t.fresh_lanes[i]
        if (
            lane % CHANNELS == line.channel
            and t.lanes[lane].ready > 0
            and t.levels[class_, lane // CHANNELS] >= 0
        ):
            return line.first
    return best


def _nothing_fresh(t: Tables) -> None:
    totals = t.totals[0]
    for i in range(totals.fresh_classes):
        t.classes[t.fresh_classes[i]].fresh = 0
    for i in range(totals.fresh_lanes):
        t.lanes[t.fresh_lanes[i]].fresh = 0
    totals.fresh_classes = totals.fresh_lanes = 0


def assign(t: Tables, now: float, contact: int, agent: int) -> None:
    """Carry a decision out: the contact leaves the line, the agent rings, or has one text contact more."""
    channel = t.classes[t.contacts[contact].class_].channel
    leave(t, contact)
    take(t, now, agent, channel)


def take(t: Tables, now: float, agent: int, channel: int) -> None:
    if channel == TEXT:
        set_load(t, now, agent, t.agents[agent].load + 1)
    else:
        set_state(t, now, agent, RINGING)


def best_agent(t: Tables, now: float, class_: int) -> int:
    """Whom the class's strategy prefers among the ready; NONE: nobody may take it. For a queue that rings several
    phones at once: also who rings next, when those before are ringing.
    """
    line = t.classes[class_]
    best, level_best, busy_least = NONE, 0, 0.0
    all_of_them = line.strategy == LEAST_OCCUPIED or line.strategy == RANDOM
    _count_kept(t, class_)
    for i in range(t.totals[0].ready_lanes):
        lane = t.ready_lanes[i]
        level = t.levels[class_, lane // CHANNELS]
        if level < 0 or lane % CHANNELS != line.channel:
            continue
        if line.strategy != BEST_SKILL:
            level = 0
        spot = t.lanes[lane].first
        while spot >= 0:
            agent = spot // CHANNELS
            if line.keeps_count == 0 or _spared(t, class_, agent):
                busy = 0.0
                if line.strategy == LEAST_OCCUPIED:
                    busy = occupancy(t.agents[agent], now)
                elif line.strategy == RANDOM:
                    busy = lot(agent, now)
                if best >= 0 and level == level_best and busy == busy_least:
                    better = _first_of(t, agent, best)
                else:
                    better = best < 0 or level > level_best or (level == level_best and busy < busy_least)
                if better:
                    best, level_best, busy_least = agent, level, busy
                if not all_of_them:
                    break  # those behind are no better
            spot = t.spots[spot].next
    return best


def lot(agent: int, now: float) -> float:
    """What the agent draws at that moment, 0 to 1: the same whenever it is asked again; the lowest has the contact."""
    mixed = int(now * 1024.0) & 0x7FFFFFFF
    mixed = ((mixed ^ (mixed >> 16)) * 0x45D9F3B) & 0x7FFFFFFF
    mixed = (mixed + agent * 0x1E3779B1) & 0x7FFFFFFF
    mixed = ((mixed ^ (mixed >> 15)) * 0x45D9F3B) & 0x7FFFFFFF
    mixed = ((mixed ^ (mixed >> 16)) * 0x2C1B3C6D) & 0x7FFFFFFF
    return (mixed ^ (mixed >> 15)) / 0x80000000


def _known_ready(t: Tables, contact: int) -> bool:
    """Whether the agent whom the contact knows can take it now."""
    row = t.contacts[contact]
    if row.knows < 0 or t.spots[row.knows * CHANNELS + t.classes[row.class_].channel].on == 0:
        return False
    if t.levels[row.class_, t.agents[row.knows].group] < 0:
        return False
    _count_kept(t, row.class_)
    return _spared(t, row.class_, row.knows)


def _count_kept(t: Tables, class_: int) -> None:
    """Which of the queues that this one keeps agents for have none to spare now."""
    line = t.classes[class_]
    for i in range(line.keeps, line.keeps + line.keeps_count):
        keep = t.keeps[i]
        keep.short = int(ready_for(t, keep.class_) <= keep.agents)


def _spared(t: Tables, class_: int, agent: int) -> bool:
    """Whether the agent may be given to the class: he is not one of those kept for others."""
    line = t.classes[class_]
    for i in range(line.keeps, line.keeps + line.keeps_count):
        keep = t.keeps[i]
        spot = t.spots[agent * CHANNELS + t.classes[keep.class_].channel]
        if keep.short > 0 and spot.on > 0 and t.levels[keep.class_, t.agents[agent].group] >= 0:
            return False
    return True


def ready_for(t: Tables, class_: int) -> int:
    count = 0
    for i in range(t.totals[0].ready_lanes):
        lane = t.ready_lanes[i]
        if lane % CHANNELS == t.classes[class_].channel and t.levels[class_, lane // CHANNELS] >= 0:
            count += t.lanes[lane].ready
    return count
