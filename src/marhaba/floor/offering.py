"""From the kernel's decision to two people hearing each other: ring, answer, no answer, connect, wrap-up."""

from __future__ import annotations

from dataclasses import replace

from marhaba.floor import agents, audio, callbacks, legs, lines, returning, speech, talking, waiting
from marhaba.floor.floor import PORTS_KEPT_BACK, Floor
from marhaba.floor.state import Call, FloorState, Leg, Stage
from marhaba.kernel.routing import AgentState, Decision
from marhaba.media.protocol import Record, StopRecord
from marhaba.sip.events import Party


def route(floor: Floor) -> None:
    """Carry out everything the kernel decides now."""
    # A decision that could not be carried out (no phone, no port) changes the agents, so ask again.
    while (decision := due(floor.state, floor.now, more=_room_for_more(floor))) is not None:
        call = floor.state.calls[decision.contact]
        ring(floor, call, decision.agent, why="queue", step=decision.step)
    if (when := floor.state.routing.next_time(floor.now)) is None:
        floor.cancel("relax", "")
    else:
        floor.after(when - floor.now, "relax", "")


def _room_for_more(floor: Floor) -> bool:
    """A caller's second phone does not take the port of another caller's first."""
    call = floor.state.calls.get(floor.state.rung)
    return call is not None and floor.ports_free(near=call.caller_leg) > PORTS_KEPT_BACK


def due(state: FloorState, now: float, *, more: bool = True) -> Decision | None:
    """What the kernel decides now, of calls that wait; first, unless there is no room for `more`, of further phones for
    the call that one has just been rung for. A replay of the journal asks the same.
    """
    if more and (decision := _rings_too(state, now)) is not None:
        return decision
    while (decision := state.routing.decide(now)) is not None:
        call = state.calls.get(decision.contact)
        if call is not None and call.stage is Stage.QUEUED:
            return decision
        state.routing.leave(decision.contact)
    return None


def _rings_too(state: FloorState, now: float) -> Decision | None:
    """Where a queue rings several phones at once: the next one. The agent whom a caller knows rings alone."""
    call = state.calls.get(state.rung)
    if call is None or not call.ringing or (call.ring_at, call.ring_why) != (now, "queue"):
        return None
    if call.agent == call.knows:
        return None
    decision = Decision(call.id, call.agent, call.queue, call.language, call.ring_step, 0)
    agent = state.routing.rings_too(now, decision, len(call.ringing))
    return replace(decision, agent=agent) if agent else None


def ring(floor: Floor, call: Call, agent_id: str, *, why: str, step: int = 0) -> bool:
    """Ring an agent for a call. False: his phone cannot be reached, he is paused and the call keeps waiting."""
    seat = floor.seat(agent_id)
    queue = floor.centre.queues.get(call.queue)
    if (line := lines.free(floor, agent_id, call.caller_leg)) is not None:
        return _ring_line(floor, call, line, why=why, step=step)
    # A phone's open line on another audio worker cannot be joined: the phone is rung beside it.
    bindings = floor.endpoint.bindings(seat.phone)
    leg_id = floor.token()
    if not bindings or not legs.call_out(
        floor,
        leg_id=leg_id,
        call=call.id,
        role="agent",
        agent=agent_id,
        near=call.caller_leg,
        target=bindings[-1].contact,
        flow=bindings[-1].flow,
        caller=Party(number=call.caller or "anonymous", name=queue.name if queue else call.name),
        headers=_ring_headers(floor, call),
    ):
        agents.unreachable(floor, agent_id, tried=call.id if why == "queue" else "")
        return False
    floor.emit("call.ringing", call=call.id, agent=agent_id, queue=call.queue, leg=leg_id, why=why, step=step)
    floor.emit("agent.state", call=call.id, agent=agent_id, state="ringing")
    floor.after(queue.ring_s if queue else 20.0, "ring", leg_id)
    return True


def rings_on(floor: Floor, call: Call, agent_id: str, leg_id: str) -> None:
    """A colleague who was being asked rings for the caller now."""
    floor.emit(
        "call.ringing", call=call.id, agent=agent_id, queue=call.queue, leg=leg_id, why="transfer", step=0
    )
    queue = floor.centre.queues.get(call.queue)
    floor.after(queue.ring_s if queue else 20.0, "ring", leg_id)


def _ring_headers(floor: Floor, call: Call) -> list[tuple[str, str]]:
    queue = floor.centre.queues.get(call.queue)
    headers = [("X-Marhaba-Call", call.id)]
    if queue and queue.auto_answer:
        headers.append(("Call-Info", "<sip:marhaba>;answer-after=0"))
        headers.append(("Alert-Info", "<http://marhaba>;info=alert-autoanswer;delay=0"))
    return headers


def _ring_line(floor: Floor, call: Call, line: Leg, *, why: str, step: int) -> bool:
    """The agent's line stays open between calls: it rings in his browser; or a tone, and the caller is there."""
    agent, leg_id = line.agent, line.id
    floor.emit("call.ringing", call=call.id, agent=agent, queue=call.queue, leg=leg_id, why=why, step=step)
    if lines.rings_by_hand(floor, line, call.queue):
        lines.ring(floor, line, call.id, "agent")
        floor.emit("agent.state", call=call.id, agent=agent, state="ringing")
        queue = floor.centre.queues.get(call.queue)
        floor.after(queue.ring_s if queue else 20.0, "ring", leg_id)
        return True
    floor.emit("leg.moved", call=call.id, agent=agent, leg=leg_id, role="agent")
    speech.tell_agent(floor, leg_id, ["beep"], floor.centre.language)
    reached(floor, call, leg_id)
    return True


def ring_timeout(floor: Floor, leg_id: str) -> None:
    call = floor.call_of_leg(leg_id)
    if call is not None and leg_id in call.ringing:
        legs.hang_up(floor, leg_id, reason="no-answer")


def agent_answered(floor: Floor, call: Call, leg_id: str) -> None:
    """The agent took up his phone, or clicked."""
    floor.cancel("ring", leg_id)
    if leg_id == call.agent_leg and call.stage is Stage.TALKING:
        talking.taker_answered(floor, call)
        return
    if leg_id not in call.ringing:
        legs.hang_up(floor, leg_id, reason="too-late")
        return
    reached(floor, call, leg_id)


def reached(floor: Floor, call: Call, leg_id: str) -> None:
    """An agent is there. A callback now dials the customer; anybody else is connected."""
    spare_others(floor, call, leg_id, why="elsewhere")
    floor.emit("agent.state", call=call.id, agent=call.agent, state="talking")
    if call.callback and not call.caller_leg:
        callbacks.dial(floor, call)
    else:
        connect(floor, call, leg_id)


def connect(floor: Floor, call: Call, leg_id: str) -> None:
    wait_s = floor.now - call.since if call.visit_open else 0.0
    floor.emit(
        "call.connected",
        call=call.id,
        agent=call.agent,
        queue=call.queue,
        leg=leg_id,
        wait_s=round(wait_s, 3),
        **returning.served(floor, call),
    )
    if call.visit_open:
        working = floor.state.routing.working(call.queue)
        floor.waits.answered(floor.now, call.queue, wait_s, working=working)
        waiting.dequeue(floor, call, "answered")
    speech.hush(floor, call)
    audio.sync(floor, call)
    start_recording(floor, call)


def start_recording(floor: Floor, call: Call) -> None:
    """One file a call, from the first agent's first word, whoever it is transferred to later."""
    if call.recording or floor.programme(call).recording == "none" or not call.consent:
        return
    recording = f"{call.id}.{floor.token()[:4]}"  # names its call: its end is told when the call is over
    path = floor.centre.recordings_folder / f"{recording}.wav"
    floor.emit("recording.started", call=call.id, agent=call.agent, recording=recording, path=str(path))
    floor.media(
        call.caller_leg,
        Record(recording=recording, path=str(path), left=call.caller_leg, right=[call.agent_leg]),
    )


def stop_recording(floor: Floor, call: Call) -> None:
    if call.recording:
        floor.media(call.caller_leg, StopRecord(recording=call.recording))


def missed(floor: Floor, call: Call, leg_id: str, code: int, reason: str) -> None:
    """The phone was not answered: the caller keeps his place, the agent may need a pause."""
    floor.cancel("ring", leg_id)
    agent, why = call.ringing[leg_id], call.ring_why
    floor.emit(
        "call.missed",
        call=call.id,
        agent=agent,
        queue=call.queue,
        leg=leg_id,
        code=code,
        reason=reason,
        ring_s=round(floor.now - call.ring_at, 3),
    )
    queue = floor.centre.queues.get(call.queue)
    limit = queue.missed_pause_after if queue else 1
    if call.ringing:
        pass  # other phones ring on
    elif why == "queue" and call.visit_open:
        waiting.put_back(floor, call, why="missed", missed_by=agent)
    elif why == "transfer":
        agents.transfer_missed(floor, call)
    if floor.seat(agent).after_call:
        agents.end_wrap_up(floor, agent)
    elif floor.seat(agent).missed_in_row >= limit:
        agents.set_state(floor, agent, AgentState.PAUSED, code="missed")
    else:
        agents.set_state(floor, agent, AgentState.READY)
    floor.reroute = True


def spare(floor: Floor, agent_id: str) -> None:
    """The ring ended through no fault of the agent's: ready again, and still first in line; or what he wished for."""
    seat = floor.seat(agent_id)
    if seat.state is AgentState.RINGING and seat.after_call:
        agents.end_wrap_up(floor, agent_id)
    elif seat.state is AgentState.RINGING:
        agents.set_state(floor, agent_id, AgentState.READY, keep_turn=True)


def spare_others(floor: Floor, call: Call, leg_id: str, *, why: str) -> None:
    """All phones that ring for the call, but one, ring no more."""
    for leg, agent in call.ringing.items():
        if leg != leg_id:
            ring_s = round(floor.now - call.ring_at, 3)
            floor.emit(
                "call.spared", call=call.id, agent=agent, queue=call.queue, leg=leg, why=why, ring_s=ring_s
            )
            legs.hang_up(floor, leg, reason=why)
            spare(floor, agent)


def release(floor: Floor, call: Call, *, why: str) -> None:
    """The part of a connected call that is his, or an outside number's, is over; an agent wraps up."""
    agent, queue = call.agent, floor.centre.queues.get(call.queue)
    if not agent and call.stage is not Stage.TALKING:
        return
    hold_s = call.hold_s + (floor.now - call.held_at if call.held_at else 0.0)
    floor.emit(
        "call.released",
        call=call.id,
        agent=agent,
        queue=call.queue,
        why=why,
        talk_s=round(floor.now - call.connected_at - hold_s, 3),
        hold_s=round(hold_s, 3),
    )
    if not agent:  # an outside number to which the caller was handed over
        return
    wrap_s = queue.wrap_s if queue else 0.0
    floor.waits.handled(floor.now, call.queue, floor.now - call.connected_at + wrap_s)
    agents.wrap_up(floor, agent, call.id, wrap_s)
