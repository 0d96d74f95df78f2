"""In the queue: admission, music, honest announcements, comfort, overflow, and the offer to be called back."""

from __future__ import annotations

from marhaba.floor import audio, bygone, callbacks, hours, inbound, legs, offering, returning, speech
from marhaba.floor.floor import Floor
from marhaba.floor.state import Call, Stage
from marhaba.kernel import spoken

OVERFLOWS_MAX = 5
"""Queues may overflow into each other in a circle; after this many the caller gets voicemail or the message."""
FIRST_ANNOUNCEMENT_S = 8.0
"""Long enough for most callers to be answered without being told anything."""


def enqueue(
    floor: Floor, call: Call, queue_name: str, *, why: str, since: float = 0.0, rank: int = 0
) -> None:
    """Open a visit of `queue_name` (why: first, transfer, overflow), or go where its rules send the call."""
    queue = floor.centre.queues[queue_name]
    since, rank = since or floor.now, rank or floor.state.rank_next
    knows, knows_s = ("", 0.0) if why == "transfer" else returning.known_to(floor, call, queue)
    hours.tell(floor)
    floor.state.routing.leave(call.id)
    admission = floor.state.routing.enqueue(
        floor.now,
        call.id,
        queue_name,
        language=call.language,
        priority=_priority(floor, call, queue_name),
        queued_at=since,
        rank=rank,
        knows=knows,
        knows_s=knows_s,
    )
    floor.emit(
        "call.queued",
        call=call.id,
        queue=queue_name,
        language=call.language,
        priority=_priority(floor, call, queue_name),
        rank=rank,
        since=since,
        why=why,
        **returning.told(knows, knows_s),
    )
    if not admission.queued:
        overflow(floor, call, admission.to, admission.reason)
        return
    speech.music(floor, call, queue.music)
    audio.sync(floor, call)
    if call.caller_leg:
        floor.after(FIRST_ANNOUNCEMENT_S, "announce", call.id)
        if queue.comfort:
            floor.after(queue.comfort_every_s, "comfort", call.id)
    if queue.max_wait_s:
        floor.after(queue.max_wait_s - (floor.now - since), "max_wait", call.id)
    floor.reroute = True  # not now: a recovery may be among calls it has not taken up yet


def put_back(floor: Floor, call: Call, *, why: str, missed_by: str = "") -> None:
    """After a missed ring or a restart: the same visit, the same place. An agent who has just missed it is waited for no
    more.
    """
    if call.queue not in floor.centre.queues:
        send_on(floor, call)
        return
    floor.emit(
        "call.queued",
        call=call.id,
        queue=call.queue,
        language=call.language,
        priority=call.priority,
        rank=call.rank,
        since=call.since,
        why=why,
        **(returning.told(call.knows, call.knows_s) if call.knows != missed_by else {}),
    )


def send_on(floor: Floor, call: Call) -> None:
    """The queue is gone from the centre: to the one that serves its programme now, and the same place there."""
    to, left, since, rank = bygone.queue_of(floor.centre, call), call.queue, call.since, call.rank
    if not to:
        overflow(floor, call, "", "gone")
        return
    dequeue(floor, call, "overflowed")
    floor.emit("call.overflowed", call=call.id, queue=left, to=to, reason="gone")
    enqueue(floor, call, to, why="overflow", since=since, rank=rank)


def dequeue(floor: Floor, call: Call, outcome: str) -> None:
    """End the queue visit, exactly once."""
    if call.visit_open:
        floor.emit(
            "call.dequeued",
            call=call.id,
            queue=call.queue,
            agent=call.agent if outcome == "answered" else "",
            outcome=outcome,
            wait_s=round(max(0.0, floor.now - call.since), 3),
        )
        floor.reroute = (
            True  # what routing looks for in a while may have been for him alone: a step, closing time
        )
    for timer in ("announce", "comfort", "max_wait"):
        floor.cancel(timer, call.id)


def overflow(floor: Floor, call: Call, to: str, reason: str) -> None:
    """The queue's rules send the call on: to another queue, or to voicemail or the message."""
    elsewhere = to in floor.centre.queues and call.overflows < OVERFLOWS_MAX
    left = call.queue
    closing = "voicemail" if floor.programme(call).closed == "voicemail" else "closed"
    dequeue(floor, call, "overflowed" if elsewhere else closing)
    floor.emit("call.overflowed", call=call.id, queue=left, to=to if elsewhere else closing, reason=reason)
    if elsewhere:
        enqueue(floor, call, to, why="overflow")
    elif call.caller_leg:
        inbound.close(floor, call, why=reason)
    else:
        callbacks.give_up(floor, call, why=reason)


def overflow_all(floor: Floor) -> None:
    hours.tell(floor)
    for due in floor.state.routing.overflows(floor.now):
        call = floor.state.calls.get(due.contact)
        # A callback does not wait in vain: tomorrow the queue opens, and somebody logs in.
        if (
            call is not None
            and call.stage is Stage.QUEUED
            and not (call.callback and due.reason in ("no-staff", "closed"))
        ):
            overflow(floor, call, due.to, due.reason)


def announce(floor: Floor, call: Call) -> None:
    """Position and estimated wait; the wait is said only when the estimate deserves it."""
    if call.stage is not Stage.QUEUED:
        return
    queue = floor.queue(call)
    floor.after(queue.announce_every_s, "announce", call.id)
    position = floor.state.routing.position(call.id)
    prompts: list[str] = []
    estimate = None
    if queue.announce_position and position:
        prompts += spoken.position(position)
    if queue.announce_wait and position:
        routing = floor.state.routing
        estimate = floor.waits.estimate(
            floor.now,
            call.queue,
            position,
            longest_wait_s=routing.longest_wait(floor.now, call.queue),
            working=routing.working(call.queue),
        )
        if estimate is not None:
            prompts += spoken.wait_between(estimate.low_s, estimate.high_s)
    if queue.callback and floor.now - call.since >= queue.callback_after_s:
        prompts += ["callback-offer"]
    if not prompts:
        return
    floor.emit(
        "call.announced",
        call=call.id,
        queue=call.queue,
        position=position,
        wait_low_s=estimate.low_s if estimate else 0,
        wait_high_s=estimate.high_s if estimate else 0,
    )
    speech.say(floor, call, "announce", prompts, until_digit=True)


def comfort(floor: Floor, call: Call) -> None:
    if call.stage is not Stage.QUEUED:
        return
    queue = floor.queue(call)
    floor.after(queue.comfort_every_s, "comfort", call.id)
    if floor.volatile_of(call.id).step != "announce":
        speech.say(floor, call, "comfort", queue.comfort, until_digit=True)


def max_wait(floor: Floor, call: Call) -> None:
    if call.stage is Stage.QUEUED:
        overflow(floor, call, floor.queue(call).rules.overflow_to, "wait")
    elif call.stage is Stage.RINGING:  # an agent is being rung: let that end first
        floor.after(1.0, "max_wait", call.id)


def digit(floor: Floor, call: Call, key: str) -> None:
    queue = floor.centre.queues.get(call.queue)
    if queue is None:
        return
    if call.stage is Stage.QUEUED and queue.callback and key == queue.callback_key:
        callbacks.ask(floor, call)


def caller_left(floor: Floor, call: Call) -> None:
    """The caller hung up while waiting."""
    offering.spare_others(floor, call, call.agent_leg, why="abandoned")
    ringing = call.agent_leg
    agent = call.agent
    dequeue(floor, call, "abandoned")
    if ringing:
        floor.emit("call.released", call=call.id, agent=agent, why="abandoned", talk_s=0, hold_s=0)
        legs.hang_up(floor, ringing, reason="caller-left")
        offering.spare(floor, agent)


def _priority(floor: Floor, call: Call, queue_name: str) -> int:
    return floor.centre.queues[queue_name].rules.priority + floor.programme(call).priority
