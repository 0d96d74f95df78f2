"""After a crash: the journal says what was, the media workers say what still talks; the floor takes both up again.

Kept: established calls (their audio never stopped), waiting callers with their place, rings in progress (the INVITE is
sent again byte for byte, which a phone takes for a retransmission), agents with their state and timers, callbacks.
Not kept: the position inside a prompt or menu (the step begins again) and keys pressed during the gap.
A leg whose worker died with the floor cannot be kept: its call ends with cause `crash`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from marhaba.floor import (
    agents,
    audio,
    callbacks,
    codes,
    inbound,
    legs,
    lines,
    offering,
    speech,
    talking,
    waiting,
)
from marhaba.floor.floor import Floor
from marhaba.floor.state import Call, Leg, Stage
from marhaba.kernel.routing import AgentState
from marhaba.media.protocol import CloseLeg, LegState, PauseRecord, Record, RecordSides, StopRecord, Welcome
from marhaba.sip.errors import SipError

UNTOLD_S = 10.0
"""A leg whose worker was never told of it was opened this shortly before the floor died: effects wait for one commit.
A worker's age alone does not say it: a power cut may set the wall clock back, and a fresh worker looks old."""


@dataclass(slots=True)
class Recovered:
    calls: int = 0
    waiting: int = 0
    legs: int = 0
    lost: int = 0


def recover(floor: Floor, found: dict[str, Welcome], died_at: float) -> Recovered:
    """`found`: what each worker said when it was met; `died_at`: the journal's last second. One turn."""
    result = Recovered()
    live = {state.leg: state for welcome in found.values() for state in welcome.legs}
    _close_strangers(floor, found)
    _stop_strangers(floor, found)
    for leg in list(floor.state.legs.values()):
        held = leg.id in live or _open_untold(floor, leg, found.get(leg.worker), died_at)
        if not held or not _adopt(floor, leg, result):
            _drop(floor, leg)
    for call in list(floor.state.calls.values()):
        if call.id in floor.state.calls:
            _resume(floor, call, found, live, result)
    for agent_id in list(floor.state.seats):
        _settle(floor, agent_id)
    floor.emit(
        "floor.recovered", calls=result.calls, waiting=result.waiting, legs=result.legs, lost=result.lost
    )
    waiting.overflow_all(floor)
    offering.route(floor)
    return result


def _close_strangers(floor: Floor, found: dict[str, Welcome]) -> None:
    """Legs the journal does not know: opened by a turn whose commit never happened, so nobody was told of them."""
    for worker, welcome in found.items():
        for state in welcome.legs:
            if state.leg not in floor.state.legs:
                floor.turn.media.append((worker, CloseLeg(leg=state.leg)))


def _stop_strangers(floor: Floor, found: dict[str, Welcome]) -> None:
    """Recordings of calls that are over: their end was committed, and the worker was not told."""
    running = {call.recording for call in floor.state.calls.values()} | set(floor.state.calls)
    for worker, welcome in found.items():
        for recording in welcome.recordings:
            if recording not in running:
                floor.turn.media.append((worker, StopRecord(recording=recording)))


def _open_untold(floor: Floor, leg: Leg, welcome: Welcome | None, died_at: float) -> bool:
    """Open a leg that its worker was never told of: the floor died between its commit and the command."""
    if welcome is None or floor.now - welcome.uptime_s >= died_at or leg.id in welcome.closed:
        return False
    if leg.opened_at < died_at - UNTOLD_S:
        return False
    free = floor.workers[leg.worker].free
    if not _wanted(floor, leg) or leg.port not in free:
        return False
    free.remove(leg.port)
    legs.open_audio(floor, leg)
    return True


def _wanted(floor: Floor, leg: Leg) -> bool:
    """Whether somebody speaks or rings on it. A leg that its call has let go of was being ended, or had ended."""
    call = floor.state.calls.get(leg.call)
    if call is None:
        held = any(
            seat.leg == leg.id and seat.state is not AgentState.LOGGED_OUT
            for seat in floor.state.seats.values()
        )
        return leg.role == "code" or (leg.role == "nailed" and held)  # his line ends with his logout
    return leg.id in (call.caller_leg, call.agent_leg, *call.beside, call.consult_leg, *call.supervisors)


def _adopt(floor: Floor, leg: Leg, result: Recovered) -> bool:
    """Take up a leg's dialog, or say good-bye on it. False: it cannot be taken up."""
    if leg.edge:
        return _adopt_line(floor, leg, result)
    try:
        if not _wanted(floor, leg):  # its `LegEnded` closes its audio
            floor.endpoint.farewell(floor.sip_now, leg.snapshot.encode("latin-1"))
            return True
        floor.endpoint.adopt(floor.sip_now, leg.snapshot.encode("latin-1"))
    except SipError:
        floor.media(leg, CloseLeg(leg=leg.id))
        return False
    result.legs += 1
    if leg.role == "code":  # what it was told may be over
        floor.after(codes.CODE_S_MAX, "code", leg.id)
    return True


def _adopt_line(floor: Floor, leg: Leg, result: Recovered) -> bool:
    """The edge was told where it stands, and may have to be told again: it is, when it comes."""
    if not _wanted(floor, leg):
        floor.media(leg, CloseLeg(leg=leg.id))
        return False
    result.legs += 1
    lines.taken_up(floor, leg)
    return True


def _drop(floor: Floor, leg: Leg) -> None:
    """Its audio is gone: the call is over, and whoever still holds the line is told."""
    snapshot = leg.snapshot.encode("latin-1")
    leg.ended = "crash"
    floor.emit("leg.closed", call=leg.call, agent=leg.agent, leg=leg.id, role=leg.role, reason="crash")
    with contextlib.suppress(SipError):
        floor.endpoint.farewell(floor.sip_now, snapshot)


def _resume(
    floor: Floor, call: Call, found: dict[str, Welcome], live: dict[str, LegState], result: Recovered
) -> None:
    """Put one call back where it was, or end it when its caller is gone."""
    for leg in [leg for leg in call.supervisors if leg not in floor.state.legs]:
        floor.emit("supervision.ended", call=call.id, leg=leg)
    if call.callback and not call.caller_leg:
        _resume_callback(floor, call, result)
        return
    if call.caller_leg not in floor.state.legs:
        result.lost += 1
        _end_lost(floor, call)
        return
    result.calls += 1
    heard = {leg: tuple(live[leg].hears) for leg in (call.caller_leg, call.agent_leg) if leg in live}
    floor.volatile_of(call.id).hears = heard
    match call.stage:
        case Stage.GREETING:
            speech.hush(floor, call)
            inbound.begin(floor, call)
        case Stage.QUEUED:
            _resume_waiting(floor, call, result)
        case Stage.RINGING:
            _resume_ringing(floor, call, result)
        case Stage.TALKING:
            _resume_talking(floor, call)
        case Stage.DIALLING:
            _resume_dialling(floor, call)
        case Stage.MESSAGE:
            if not speech.say(floor, call, "bye", ["goodbye"]):
                legs.hang_up(floor, call.caller_leg, reason="crash")
        case Stage.INTERNAL:
            _resume_internal(floor, call)
    asked = floor.state.legs.get(call.consult_leg)
    if asked is not None and legs.rings(floor, asked):  # he has not answered yet
        floor.after(talking.CONSULT_RING_S - (floor.now - asked.opened_at), "consult", asked.id)
    if call.recording and call.id in floor.state.calls:
        _resume_recording(floor, call, found)


def _resume_waiting(floor: Floor, call: Call, result: Recovered) -> None:
    result.waiting += 1
    queue = floor.centre.queues.get(call.queue)
    if queue is None:
        waiting.send_on(floor, call)
        return
    if floor.state.routing.queue_of(call.id) != call.queue:
        waiting.put_back(floor, call, why="restart")
    speech.music(floor, call, queue.music)
    floor.after(waiting.FIRST_ANNOUNCEMENT_S, "announce", call.id)
    if queue.comfort:
        floor.after(queue.comfort_every_s, "comfort", call.id)
    if queue.max_wait_s:
        floor.after(queue.max_wait_s - (floor.now - call.since), "max_wait", call.id)


def _resume_ringing(floor: Floor, call: Call, result: Recovered) -> None:
    if _ring_on(floor, call):
        result.waiting += 1
    else:
        _resume_waiting(floor, call, result)


def _ring_on(floor: Floor, call: Call) -> bool:
    """Its phones ring for what is left of their time. False: none is left, the call waits again."""
    queue = floor.centre.queues.get(call.queue)
    for leg in call.ringing:
        if leg in floor.state.legs:
            floor.after((queue.ring_s if queue else 20.0) - (floor.now - call.ring_at), "ring", leg)
        else:
            offering.missed(floor, call, leg, 0, "crash")
    return bool(call.ringing)


def _resume_dialling(floor: Floor, call: Call) -> None:
    if call.agent_leg in floor.state.legs:
        floor.after(callbacks.DIAL_S, "dial", call.caller_leg)
    else:
        legs.hang_up(floor, call.caller_leg, reason="agent-left")


def _resume_talking(floor: Floor, call: Call) -> None:
    if call.consult_leg and call.consult_leg not in floor.state.legs:
        talking.consult_gone(floor, call, reason="crash")
    if call.agent_leg not in floor.state.legs:
        talking.agent_gone(floor, call, reason="media")
    else:
        audio.sync(floor, call)


def _resume_internal(floor: Floor, call: Call) -> None:
    audio.sync(floor, call)
    if call.consult_leg not in floor.state.legs:  # nobody is rung: he was being told so
        floor.after(codes.CODE_S_MAX, "code", call.caller_leg)


def _resume_recording(floor: Floor, call: Call, found: dict[str, Welcome]) -> None:
    """What was committed about a recording and not told: that it began, whose voices it holds, or that it pauses."""
    leg = floor.state.legs[call.caller_leg]
    welcome = found.get(leg.worker)
    if welcome is None or leg.ended:
        return
    name, right = call.recording, list(audio.hearing(call).get(leg.id, ()))
    if name in welcome.recordings:
        floor.media(leg, RecordSides(recording=name, left=leg.id, right=right))
    else:
        floor.media(leg, Record(recording=name, path=call.recording_path, left=leg.id, right=right))
    floor.media(leg, PauseRecord(recording=name, paused=call.recording_paused))


def _resume_callback(floor: Floor, call: Call, result: Recovered) -> None:
    """A callback waits without a leg; one whose agent is being rung goes on so."""
    if call.ringing:
        _ring_on(floor, call)
    elif call.retry_at > floor.now:
        floor.state.routing.leave(call.id)
        floor.after(call.retry_at - floor.now, "callback", call.id)
    elif call.queue not in floor.centre.queues or floor.state.routing.queue_of(call.id) != call.queue:
        # Its queue is gone, or its time came while nobody was here.
        waiting.put_back(floor, call, why="restart")
    result.waiting += 1


def _end_lost(floor: Floor, call: Call) -> None:
    """The caller's leg is gone with its worker: end the call, and offer the caller a callback task."""
    agent, stage, held = call.agent, call.stage, (call.agent_leg, call.consult_leg)
    if stage is Stage.TALKING:
        offering.release(floor, call, why="crash")
    elif agent and stage is Stage.RINGING:
        offering.spare_others(floor, call, call.agent_leg, why="crash")
        floor.emit("call.released", call=call.id, agent=agent, why="crash", talk_s=0, hold_s=0)
        offering.spare(floor, agent)
    for leg in held:
        legs.hang_up(floor, leg, reason="crash")
    talking.end(floor, call, by="crash", code=0, reason="media")


def _settle(floor: Floor, agent_id: str) -> None:
    """Agents whose call no longer exists get out of it; timers of wrap-up run on."""
    seat = floor.state.seats[agent_id]
    if seat.state in (AgentState.RINGING, AgentState.TALKING) and seat.call not in floor.state.calls:
        agents.set_state(floor, agent_id, AgentState.PAUSED, code="restart")
    elif seat.state is AgentState.WRAPUP:
        floor.after(seat.until - floor.now, "wrapup", agent_id)
    elif agent_id not in floor.centre.agents:
        agents.remove(floor, agent_id)
