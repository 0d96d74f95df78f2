"""Two people talk: hang-up from either side, hold, consultation, three-way, transfers."""

from __future__ import annotations

from typing import Any

from marhaba.floor import agents, audio, bygone, inbound, legs, lines, offering, returning, waiting
from marhaba.floor.floor import Floor
from marhaba.floor.state import Call, Stage
from marhaba.kernel.errors import Refused
from marhaba.kernel.numbers import Route, normalise
from marhaba.kernel.routing import AgentState
from marhaba.sip.events import Flow, LegEnded, Party
from marhaba.sip.uri import Uri

CARRIER_FAILURES = frozenset({500, 502, 503, 504})
NOT_HIS_WISH = ("media", "unanswered", "rtp-timeout", legs.LINE_LOST)
"""The agent did not hang up: his audio is gone, or he never answered. The caller goes back to his queue."""
CONSULT_RING_S = 30.0
"""A colleague who has not answered in half a minute will not."""


def caller_gone(floor: Floor, call: Call, *, by: str, code: int, reason: str) -> None:
    """The caller's leg ended, in whatever stage."""
    stage = call.stage
    if stage in (Stage.QUEUED, Stage.RINGING) and call.visit_open:
        waiting.caller_left(floor, call)
    elif stage is Stage.RINGING:  # a transfer rang when the caller left
        ringing, agent = call.agent_leg, call.agent
        floor.emit("call.released", call=call.id, agent=agent, why="abandoned", talk_s=0, hold_s=0)
        legs.hang_up(floor, ringing, reason="caller-left")
        offering.spare(floor, agent)
    elif stage is Stage.TALKING:
        leg = call.agent_leg
        _end_consultation(floor, call, why="caller-left")
        offering.release(floor, call, why="caller")
        legs.hang_up(floor, leg, reason="call-ended")
    elif stage is Stage.INTERNAL:
        _end_consultation(floor, call, why="caller-left")
    elif stage is Stage.MESSAGE:
        inbound.message_cut(floor, call)
    end(floor, call, by="agent" if reason == "agent" else by, code=code, reason=reason)


def agent_gone(floor: Floor, call: Call, *, reason: str) -> None:
    """The agent hung up, or his phone went: the call is over unless somebody else talks with the caller."""
    if call.consult_leg and not call.joined and call.consult_leg in floor.state.legs:
        # Hanging up on a consultation hands the caller over: what people expect of a phone.
        complete_transfer(floor, call)
        return
    if call.joined:
        complete_transfer(floor, call)
        return
    offering.release(floor, call, why="agent")
    if reason in NOT_HIS_WISH:
        return_to_queue(floor, call)
    else:
        call.ended_by = "agent"
        legs.hang_up(floor, call.caller_leg, reason="agent")


def end(floor: Floor, call: Call, *, by: str, code: int, reason: str) -> None:
    """Last line of a call: close what is open, once."""
    offering.stop_recording(floor, call)
    for leg in [*call.supervisors, call.consult_leg]:
        if leg:
            legs.hang_up(floor, leg, reason="call-ended")
    for timer in ("menu", "consent", "announce", "comfort", "max_wait"):
        floor.cancel(timer, call.id)
    waiting.dequeue(floor, call, "failed" if by in ("floor", "crash") else "abandoned")
    floor.emit(
        "call.ended",
        call=call.id,
        queue=call.queue,
        outcome=_outcome(call),
        by=call.ended_by or by,
        reason=reason,
        code=code,
    )
    floor.volatile.pop(call.id, None)


def _outcome(call: Call) -> str:
    if call.served:
        return "answered"
    if call.voicemail:
        return "voicemail"
    if call.stage is Stage.MESSAGE:
        return "callback" if call.closing == "callback" else "closed"
    if call.stage is Stage.GREETING:
        return "abandoned_ivr"
    if call.stage is Stage.INTERNAL:
        return "answered" if call.answered_at else "failed"
    return "abandoned"


def hold(floor: Floor, call: Call, *, by: str) -> None:
    if call.stage is Stage.TALKING and not call.held_at:
        floor.emit("call.held", call=call.id, agent=call.agent, by=by)
        audio.sync(floor, call)


def resume(floor: Floor, call: Call, *, by: str) -> None:
    if call.held_at:
        floor.emit("call.resumed", call=call.id, agent=call.agent, by=by)
        audio.sync(floor, call)


def reoffer(floor: Floor, leg_id: str, body: bytes) -> None:
    """A re-INVITE: an agent's phone that holds or resumes, or anybody whose address changed."""
    before = floor.state.legs.get(leg_id)
    was_held = before is not None and before.held
    leg = legs.reoffered(floor, leg_id, body)
    call = floor.call_of_leg(leg_id)
    # A refreshed session says again what was: it ends no hold that the desk or a consultation began.
    if leg is None or call is None or leg_id != call.agent_leg or leg.held == was_held:
        return
    if leg.held:
        hold(floor, call, by="phone")
    else:
        resume(floor, call, by="phone")


def to_queue(floor: Floor, call: Call, queue: str) -> None:
    """Blind transfer to a queue: the agent is free, the caller waits again, ahead of nobody."""
    if queue not in floor.centre.queues:
        raise Refused(f"no queue {queue!r}", code="unknown-queue")
    leg = call.agent_leg
    _end_consultation(floor, call, why="transferred")
    floor.emit("call.transferred", call=call.id, agent=call.agent, queue=call.queue, kind="queue", to=queue)
    offering.release(floor, call, why="transferred")
    legs.hang_up(floor, leg, reason="call-ended")
    waiting.enqueue(floor, call, queue, why="transfer")


def return_to_queue(floor: Floor, call: Call) -> None:
    """Back to the head of the queue he came from, for no fault of the caller's."""
    queue = bygone.queue_of(floor.centre, call) if call.queue else ""
    if queue and call.caller_leg in floor.state.legs:
        waiting.enqueue(floor, call, queue, why="transfer", since=call.since, rank=call.rank)
    elif call.caller_leg:
        legs.hang_up(floor, call.caller_leg, reason="no-queue")


def blind(floor: Floor, call: Call, target: str) -> None:
    """Blind transfer to a queue, a colleague, or an outside number that the dialling table opens."""
    if target in floor.centre.queues:
        to_queue(floor, call, target)
        return
    colleague = _colleague(floor, target)
    if colleague is None:  # outside: the caller is handed over when it answers
        consult(floor, call, target, hand_over=True)
        return
    if floor.seat(colleague).state is not AgentState.READY:
        raise Refused(f"{colleague} is not ready", code="agent-not-ready")
    leg = call.agent_leg
    _end_consultation(floor, call, why="transferred")
    floor.emit(
        "call.transferred", call=call.id, agent=call.agent, queue=call.queue, kind="blind", to=colleague
    )
    offering.release(floor, call, why="transferred")
    legs.hang_up(floor, leg, reason="call-ended")
    audio.sync(floor, call)
    if not offering.ring(floor, call, colleague, why="transfer"):
        return_to_queue(floor, call)


def consult(floor: Floor, call: Call, target: str, *, hand_over: bool = False) -> None:
    """The caller holds with music while the agent asks a colleague or an outside number.

    `hand_over`: whoever answers takes the caller at once (a blind transfer).
    """
    if call.stage is not Stage.TALKING or call.consult_leg:
        raise Refused("no call to consult about, or already consulting", code="cannot-consult")
    party = Party(number=call.caller, name=call.agent)
    asked = ring_target(floor, call, target, near=call.agent_leg, party=party)
    floor.emit("call.consulting", call=call.id, agent=call.agent, hand_over=hand_over, **asked)
    hold(floor, call, by="consult")


def ring_target(
    floor: Floor, call: Call, target: str, *, near: str, party: Party, again: bool = False
) -> dict[str, Any]:
    """Ring a ready colleague, or an outside number that the dialling table opens, as the call's consulted leg.

    Returns what `call.consulting` says: the leg, and whom: the colleague's id, or the number.
    """
    colleague, trunk, route, leg_id = _colleague(floor, target), "", None, floor.token()
    if colleague is not None:
        if floor.seat(colleague).state is not AgentState.READY:
            raise Refused(f"{colleague} is not ready", code="agent-not-ready")
        line = lines.free(floor, colleague, near)
        if line is not None and line.edge:
            lines.ring(floor, line, call.id, "consult")
            floor.emit("agent.state", call=call.id, agent=colleague, state="ringing")
            floor.after(CONSULT_RING_S, "consult", line.id)
            return {"leg": line.id, "target": colleague, "rings": True}
        bindings = floor.endpoint.bindings(floor.seat(colleague).phone)
        if not bindings:
            raise Refused(f"{colleague} is not ready", code="agent-not-ready")
        uri, flow = bindings[-1].contact, bindings[-1].flow
    else:
        uri, flow, trunk, route = outside(floor, call, target, again=again)
        party = Party(number=own_number(floor, call))
    opened = legs.call_out(
        floor,
        leg_id=leg_id,
        call=call.id,
        role="consult",
        agent=colleague or "",
        near=near,
        target=uri,
        flow=flow,
        caller=party,
        trunk=trunk,
        route=route,
    )
    if not opened:
        raise Refused("no port", code="no-port")
    if colleague is not None:
        floor.emit("agent.state", call=call.id, agent=colleague, state="ringing")
    floor.after(CONSULT_RING_S, "consult", leg_id)
    return {"leg": leg_id, "target": colleague or target}


def outside(floor: Floor, call: Call, target: str, *, again: bool = False) -> tuple[Uri, Flow, str, Route]:
    """Where an outside number is dialled: address, flow, trunk and what it costs.

    Refused unless the dialling table opens it, a trunk is up, and the caps on calls and money allow one more.
    `again`: the trunks this call has just tried in vain are left out.
    """
    tried = floor.volatile_of(call.id).tried
    if not again:
        tried.clear()
    number = normalise(target, country=floor.centre.country)
    route = floor.centre.dialling.route(number) if number else None
    ways = (t for t in route.trunks if t not in tried and floor.endpoint.trunk_up(t)) if route else iter(())
    trunk = next(ways, "")
    flow = floor.endpoint.trunk_flow(trunk) if trunk else None
    if number is None or route is None or flow is None:
        raise Refused(f"{target} may not be dialled", code="not-dialled")
    if cap := floor.spend.refusal(floor.now, route):
        floor.count(f"spend_{cap}")
        raise Refused(f"the cap on outside calls is reached ({cap})", code=f"spend-{cap}")
    tried.add(trunk)
    return Uri(scheme="sip", user=number, host=floor.centre.trunks[trunk].host), flow, trunk, route


def carrier_failed(event: LegEnded) -> bool:
    """The carrier could not, rather than the called party would not: another one may."""
    return event.reason in ("timeout", "transport") or event.code in CARRIER_FAILURES


def another_way(floor: Floor, call: Call) -> bool:
    """The consulted number once more, over the next trunk of its route."""
    if call.consult_target in floor.state.seats:
        return False
    near = call.caller_leg if call.stage is Stage.INTERNAL else call.agent_leg
    party = Party(number=call.caller, name=call.agent)
    try:
        asked = ring_target(floor, call, call.consult_target, near=near, party=party, again=True)
    except Refused:
        return False
    floor.count("carrier_failovers")
    floor.emit(
        "call.consulting",
        call=call.id,
        agent=call.agent,
        hand_over=call.hand_over,
        joined=call.joined,
        **asked,
    )
    if call.joined:  # caller and agent go on hearing each other, and whoever answers now
        audio.sync(floor, call)
    return True


def own_number(floor: Floor, call: Call) -> str:
    """What the outside sees: the number the customer knows; carriers refuse to carry anybody else's."""
    numbers = floor.centre.numbers
    number = call.number if call.number in numbers else next(iter(numbers), call.caller)
    return normalise(number, country=floor.centre.country) or number


def consult_answered(floor: Floor, call: Call, leg_id: str) -> None:
    floor.cancel("consult", leg_id)
    asked_is_there(floor, call)
    if colleague := floor.state.legs[leg_id].agent:
        floor.emit("agent.state", call=call.id, agent=colleague, state="talking")
    if call.hand_over:
        complete_transfer(floor, call)
    else:
        audio.sync(floor, call)


def asked_is_there(floor: Floor, call: Call) -> None:
    if call.asked_rings:
        floor.emit(
            "call.consulting",
            call=call.id,
            agent=call.agent,
            leg=call.consult_leg,
            target=call.consult_target,
            hand_over=call.hand_over,
            joined=call.joined,
        )


def join(floor: Floor, call: Call) -> None:
    """Three-way: caller, agent and the consulted party hear each other."""
    if not call.consult_leg:
        raise Refused("nobody is being consulted", code="not-consulting")
    floor.emit(
        "call.consulting",
        call=call.id,
        agent=call.agent,
        leg=call.consult_leg,
        target=call.consult_target,
        joined=True,
        rings=call.asked_rings,
    )
    resume(floor, call, by="join")
    audio.sync(floor, call)


def complete_transfer(floor: Floor, call: Call) -> None:
    """Attended transfer: the consulted party takes the caller, the agent goes to wrap-up.

    While the consulted phone still rings the transfer is a blind one: a colleague rings on for the caller, who goes back
    to his queue when nobody answers; an outside number has him on hold until it does.
    """
    if not call.consult_leg:
        raise Refused("nobody is being consulted", code="not-consulting")
    leg, taker_leg, taker = call.agent_leg, call.consult_leg, call.consult_target
    rings = legs.rings(floor, floor.state.legs[taker_leg])
    kind = "blind" if rings else "attended"
    floor.emit("call.transferred", call=call.id, agent=call.agent, queue=call.queue, kind=kind, to=taker)
    offering.release(floor, call, why="transferred")
    legs.hang_up(floor, leg, reason="call-ended")
    floor.emit("call.consult_ended", call=call.id, leg=taker_leg, why="transferred")
    agent = floor.state.legs[
        taker_leg
    ].agent  # also one whom the centre no longer has: it keeps him until he is done
    floor.emit("leg.moved", call=call.id, agent=agent, leg=taker_leg, role="agent")
    if rings and agent:
        floor.cancel("consult", taker_leg)
        audio.sync(floor, call)
        offering.rings_on(floor, call, agent, taker_leg)
        return
    told = returning.served(floor, call)
    floor.emit("call.connected", call=call.id, agent=agent, queue=call.queue, leg=taker_leg, wait_s=0, **told)
    if rings:
        hold(floor, call, by="consult")
    audio.sync(floor, call)


def taker_answered(floor: Floor, call: Call) -> None:
    """The outside number that an agent had left ringing for the caller."""
    resume(floor, call, by="consult")
    audio.sync(floor, call)


def adopt_consultation(floor: Floor, call: Call, other: Call) -> None:
    """Attended transfer from a two-line phone: the party of his other call takes the caller."""
    taker_leg, taker = other.consult_leg, other.consult_target
    if call.stage is not Stage.TALKING or not taker_leg:
        raise Refused("no call to hand over", code="cannot-consult")
    colleague = floor.state.legs[taker_leg].agent
    floor.emit("call.consult_ended", call=other.id, leg=taker_leg, why="transferred")
    floor.emit("leg.moved", call=call.id, agent=colleague, leg=taker_leg, role="consult")
    floor.emit("call.consulting", call=call.id, agent=call.agent, leg=taker_leg, target=taker)
    complete_transfer(floor, call)
    legs.hang_up(floor, other.caller_leg, reason="transferred")


def end_consultation(floor: Floor, call: Call) -> None:
    """Back to the caller."""
    _end_consultation(floor, call, why="agent")
    resume(floor, call, by="consult")
    audio.sync(floor, call)  # also when he had taken the caller off hold before


def consult_gone(floor: Floor, call: Call, *, reason: str) -> None:
    """The consulted party hung up or never answered."""
    _free_consulted(floor, call)
    floor.emit("call.consult_ended", call=call.id, agent=call.agent, leg=call.consult_leg, why=reason)
    resume(floor, call, by="consult")
    audio.sync(floor, call)


def _end_consultation(floor: Floor, call: Call, *, why: str) -> None:
    if not call.consult_leg:
        return
    leg = call.consult_leg
    _free_consulted(floor, call)
    floor.emit("call.consult_ended", call=call.id, agent=call.agent, leg=leg, why=why)
    legs.hang_up(floor, leg, reason=why)


def _free_consulted(floor: Floor, call: Call) -> None:
    seat = floor.state.seats.get(call.consult_target)
    if seat is not None and seat.call == call.id:
        if seat.state is AgentState.RINGING:
            offering.spare(floor, seat.id)
        else:
            agents.wrap_up(floor, seat.id, call.id, 0.0)


def _colleague(floor: Floor, target: str) -> str | None:
    """An agent by id, or by the phone he sits at."""
    if target in floor.centre.agents:
        return target
    agent = floor.agent_by_phone(target)
    return agent.id if agent is not None else None
