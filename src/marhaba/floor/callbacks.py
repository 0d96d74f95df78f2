"""Callbacks that keep their place: the caller presses a key and hangs up, his place waits in his stead.

A callback is a call without a caller's leg. It stands in the queue with the rank and the time of the call it replaces;
when its turn comes an agent is rung first, then the customer is dialled, so that the customer never waits for an agent.
"""

from __future__ import annotations

from marhaba.floor import agents, legs, offering, speech, talking, waiting
from marhaba.floor.floor import Floor
from marhaba.floor.state import Call, Stage
from marhaba.kernel.errors import Refused
from marhaba.kernel.numbers import normalise
from marhaba.kernel.routing import AgentState
from marhaba.sip.events import Party

ATTEMPTS_MAX = 3
RETRY_S = 600.0
"""An unanswered callback is tried again after ten minutes, never sooner."""
DIAL_S = 40.0
"""How long the customer's phone rings: about eight tones."""


def ask(floor: Floor, call: Call) -> None:
    """The caller wants to be called back on the number he calls from."""
    number = normalise(call.caller, country=floor.centre.country)
    if number is None or floor.centre.dialling.route(number) is None:
        speech.say(floor, call, "announce", ["callback-impossible"])
        return
    callback = floor.token()
    floor.emit(
        "callback.asked",
        call=call.id,
        queue=call.queue,
        callback=callback,
        number=number,
        language=call.language,
        priority=call.priority,
        rank=call.rank,
        since=call.since,
    )
    origin_queue, rank, since = call.queue, call.rank, call.since
    waiting.dequeue(floor, call, "callback")
    floor.emit("call.message", call=call.id, why="callback", what="message")
    waiting.enqueue(floor, floor.state.calls[callback], origin_queue, why="first", since=since, rank=rank)
    if not speech.say(floor, call, "bye", ["callback-confirmed", "goodbye"]):
        legs.hang_up(floor, call.caller_leg, reason="callback")


def dial(floor: Floor, call: Call) -> None:
    """The agent is on the line: call the customer. The intent is journalled before the INVITE leaves."""
    try:
        _dial(floor, call, again=False)
    except Refused as why:
        failed(floor, call, code=503, reason=why.code)


def another_way(floor: Floor, call: Call) -> bool:
    """The same attempt over the next carrier. False: there is none."""
    try:
        _dial(floor, call, again=True)
    except Refused:
        return False
    floor.count("carrier_failovers")
    return True


def _dial(floor: Floor, call: Call, *, again: bool) -> None:
    target, flow, trunk, route = talking.outside(floor, call, call.caller, again=again)
    leg_id = floor.token()
    floor.emit(
        "callback.dialling",
        call=call.id,
        callback=call.id,
        agent=call.agent,
        attempt=call.attempts + (not again),
        leg=leg_id,
    )
    opened = legs.call_out(
        floor,
        leg_id=leg_id,
        call=call.id,
        role="caller",
        near=call.agent_leg,
        target=target,
        flow=flow,
        caller=Party(number=talking.own_number(floor, call)),
        trunk=trunk,
        route=route,
    )
    if not opened:
        raise Refused("no port", code="no-port")
    floor.after(DIAL_S, "dial", leg_id)
    if not again:
        speech.tell_agent(floor, call.agent_leg, ["callback-dialling"], floor.centre.language)


def dial_timeout(floor: Floor, leg_id: str) -> None:
    call = floor.call_of_leg(leg_id)
    if call is not None and call.stage is Stage.DIALLING:
        legs.hang_up(floor, leg_id, reason="no-answer")


def customer_answered(floor: Floor, call: Call, leg_id: str) -> None:
    floor.cancel("dial", leg_id)
    floor.emit("callback.ended", call=call.id, callback=call.id, outcome="reached", attempts=call.attempts)
    if call.consent is None and floor.programme(call).recording == "announce":
        floor.emit("call.consent", call=call.id, given=True, how="announce")
    offering.connect(floor, call, call.agent_leg)
    if call.consent:  # the customer must hear that he is recorded on this call too
        speech.say(floor, call, "told", ["recording-notice"])


def failed(floor: Floor, call: Call, *, code: int, reason: str) -> None:
    """The customer was not reached: the agent is free again, the callback keeps its place for later."""
    agent, leg = call.agent, call.agent_leg
    again = call.attempts < ATTEMPTS_MAX
    floor.emit(
        "callback.missed",
        call=call.id,
        callback=call.id,
        agent=agent,
        attempt=call.attempts,
        code=code,
        reason=reason,
        retry_at=floor.now + RETRY_S if again else 0,
    )
    floor.emit("call.released", call=call.id, agent=agent, why="callback-missed", talk_s=0, hold_s=0)
    legs.hang_up(floor, leg, reason="callback-missed")
    agents.set_state(floor, agent, AgentState.READY)
    if again:
        floor.after(RETRY_S, "callback", call.id)
    else:
        give_up(floor, call, why="attempts")
    floor.reroute = True


def retry(floor: Floor, call: Call) -> None:
    if call.visit_open and not call.agent:
        waiting.put_back(floor, call, why="restart")
        offering.route(floor)


def give_up(floor: Floor, call: Call, *, why: str) -> None:
    waiting.dequeue(floor, call, "failed")
    floor.emit(
        "callback.ended", call=call.id, callback=call.id, outcome="unreachable", attempts=call.attempts
    )
    floor.emit("call.ended", call=call.id, outcome="failed", by="floor", reason=why, code=0)
    floor.volatile.pop(call.id, None)
