"""Which verb answers which input. Everything that reaches the floor passes through here, one turn each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marhaba.floor import (
    agents,
    audio,
    callbacks,
    codes,
    inbound,
    legs,
    lines,
    offering,
    supervision,
    talking,
    waiting,
)
from marhaba.floor.floor import Floor, Freed, Worker
from marhaba.floor.state import Call, Leg, Stage
from marhaba.kernel.errors import Refused
from marhaba.kernel.routing import AgentState
from marhaba.media import protocol as media
from marhaba.sip import events as sip

LATE_TICKS_ALARM = 3
"""Ticks too late between two looks: two are an accident, more are heard."""
SILENT_WAITER_S = 60.0
"""A caller in the queue from whom nothing has come for this long is gone without a BYE."""


def follow(floor: Floor) -> None:
    """SIP events and due timers that an input caused, and calls for whom it made ready, until nothing is left of it."""
    while True:
        events, freed = floor.endpoint.take_events(), floor.freed
        floor.freed = []
        for event in events:
            sip_event(floor, event)
        for each in freed:
            _freed(floor, each)
        if not events and not freed:
            fire_timers(floor)
            if floor.reroute:
                floor.reroute = False
                _look(floor)
            elif not floor.endpoint.events and not floor.freed:
                return


# -- SIP ------------------------------------------------------------------------------------------------------


def sip_event(floor: Floor, event: sip.SipEvent) -> None:
    _SIP[type(event)](floor, event)


def _incoming(floor: Floor, event: sip.IncomingCall) -> None:
    programme = floor.centre.numbers.get(event.dialled)
    if event.user:
        codes.from_phone(floor, event)
    elif programme is not None:
        inbound.arrive(floor, event, programme)
    else:
        floor.count("refused_unknown_number")
        floor.endpoint.reject(floor.sip_now, event.leg, 404)


def _answered(floor: Floor, event: sip.LegAnswered) -> None:
    leg, call = floor.state.legs.get(event.leg), floor.call_of_leg(event.leg)
    if leg is None or call is None or leg.ended:
        legs.hang_up(floor, event.leg, reason="too-late")
    elif legs.answered(floor, leg.id, event.sdp):
        picked_up(floor, call, leg)


def picked_up(floor: Floor, call: Call, leg: Leg) -> None:
    """Somebody answered: his phone, or on his line."""
    if leg.role == "agent":
        offering.agent_answered(floor, call, leg.id)
    elif leg.role == "consult" and call.stage is Stage.INTERNAL:
        codes.internal_answered(floor, call, leg.id)
    elif leg.role == "consult":
        talking.consult_answered(floor, call, leg.id)
    elif leg.role == "caller":
        callbacks.customer_answered(floor, call, leg.id)
    else:
        audio.sync(floor, call)


def _ended(floor: Floor, event: sip.LegEnded) -> None:
    leg = floor.state.legs.get(event.leg)
    if leg is None:
        return
    _cancel_timers(floor, leg)
    legs.forget(floor, leg.id, reason=event.reason)
    call = floor.state.calls.get(leg.call)
    if leg.role == "nailed":
        _line_lost(floor, leg.agent)
    elif call is not None:
        _part_ended(floor, call, leg, leg.role, event)


def _cancel_timers(floor: Floor, leg: Leg) -> None:
    for timer in ("ring", "dial", "consult", "code"):
        floor.cancel(timer, leg.id)


def _freed(floor: Floor, freed: Freed) -> None:
    """We hung up on a line; it is over, or stays open for the next call."""
    leg = floor.state.legs.get(freed.leg)
    if leg is None or leg.ended or (leg.role == "nailed" and not freed.over):
        return
    event = sip.LegEnded(leg=leg.id, by="local", code=0, reason=freed.reason)
    if freed.over:
        floor.cancel("away", leg.id)
        _ended(floor, event)
        return
    _cancel_timers(floor, leg)
    role, call = leg.role, floor.state.calls.get(leg.call)
    lines.put_down(floor, leg, spoke=freed.spoke)
    if call is not None:
        _part_ended(floor, call, leg, role, event)


def _part_ended(floor: Floor, call: Call, leg: Leg, role: str, event: sip.LegEnded) -> None:
    """What a leg that is hung up was in its call, is over."""
    if role == "supervisor":
        supervision.gone(floor, call, leg.id)
    elif leg.id == call.caller_leg:
        _caller_ended(floor, call, event)
        if floor.seat(leg.agent).call == call.id:  # he had dialled from his desk
            agents.end_wrap_up(floor, leg.agent)
    elif leg.id == call.agent_leg or leg.id in call.beside:
        _agent_ended(floor, call, event, answered=bool(leg.remote_port))
    elif leg.id == call.consult_leg and talking.carrier_failed(event) and talking.another_way(floor, call):
        return
    elif leg.id == call.consult_leg and call.stage is Stage.INTERNAL:
        legs.hang_up(floor, call.caller_leg, reason="callee")
    elif leg.id == call.consult_leg:
        talking.consult_gone(floor, call, reason=event.reason)


def _caller_ended(floor: Floor, call: Call, event: sip.LegEnded) -> None:
    if call.callback and call.stage is Stage.DIALLING:
        if not (talking.carrier_failed(event) and callbacks.another_way(floor, call)):
            callbacks.failed(floor, call, code=event.code, reason=event.reason)
        return
    by = {"remote": "caller", "local": "floor", "timeout": "carrier", "error": "carrier"}[event.by]
    talking.caller_gone(floor, call, by=by, code=event.code, reason=event.reason)


def _agent_ended(floor: Floor, call: Call, event: sip.LegEnded, *, answered: bool) -> None:
    if call.stage is Stage.RINGING:
        offering.missed(floor, call, event.leg, event.code, event.reason)
    elif call.stage is Stage.TALKING:
        talking.agent_gone(floor, call, reason=event.reason if answered else "unanswered")
    elif call.stage is Stage.DIALLING:  # the agent left while the customer's phone rang
        legs.hang_up(floor, call.caller_leg, reason="agent-left")


def _line_lost(floor: Floor, agent_id: str) -> None:
    seat = floor.seat(agent_id)
    if seat.state in (AgentState.READY, AgentState.WRAPUP):
        agents.set_state(floor, agent_id, AgentState.PAUSED, code=legs.LINE_LOST)


def _reoffered(floor: Floor, event: sip.Reoffered) -> None:
    talking.reoffer(floor, event.leg, event.sdp)


def _established(floor: Floor, event: sip.LegEstablished) -> None:
    legs.established(floor, event.leg, event.sdp)


def _referred(floor: Floor, event: sip.Referred) -> None:
    """A transfer made with the phone's own key. Only an agent who talks may: not while a customer's phone still rings."""
    call = floor.call_of_leg(event.leg)
    if call is None or event.leg != call.agent_leg or call.stage is not Stage.TALKING:
        floor.endpoint.refuse_refer(floor.sip_now, event.refer, 403)
        return
    floor.endpoint.accept_refer(floor.sip_now, event.refer)
    try:
        other = floor.call_of_leg(event.replaces) if event.replaces else None
        if other is not None:
            talking.adopt_consultation(floor, call, other)
        else:
            talking.blind(floor, call, event.target)
    except Refused as refusal:
        floor.count(f"refused_{refusal.code}")
        floor.endpoint.notify_refer(floor.sip_now, event.refer, 403)
    else:
        floor.endpoint.notify_refer(floor.sip_now, event.refer, 200)


def _info_digit(floor: Floor, event: sip.InfoDigit) -> None:
    _digit(floor, event.leg, event.digit)


def _registered(floor: Floor, event: sip.Registered) -> None:
    floor.phones_moved = True


def _trunk(floor: Floor, event: sip.TrunkState) -> None:
    if floor.state.trunks.get(event.trunk) == event.up:
        return
    floor.emit("trunk.state", trunk=event.trunk, up=event.up, code=event.code)
    kind = "alarm.cleared" if event.up else "alarm.raised"
    if not event.up or f"trunk:{event.trunk}" in floor.state.alarms:
        floor.emit(kind, alarm=f"trunk:{event.trunk}", detail=f"{event.code} {event.detail}".strip())


def _nothing(floor: Floor, event: Any) -> None:
    """Said for completeness; nothing follows."""


_SIP: dict[type, Callable[[Floor, Any], None]] = {
    sip.IncomingCall: _incoming,
    sip.LegRinging: _nothing,
    sip.LegAnswered: _answered,
    sip.LegEstablished: _established,
    sip.LegEnded: _ended,
    sip.Reoffered: _reoffered,
    sip.OfferAnswered: _nothing,
    sip.Referred: _referred,
    sip.InfoDigit: _info_digit,
    sip.Registered: _registered,
    sip.TrunkState: _trunk,
}


# -- media ----------------------------------------------------------------------------------------------------


def media_event(floor: Floor, worker: str, event: media.AnyEvent) -> None:
    if isinstance(event, media.PortsFree):
        floor.workers[worker].free.extend(event.ports)
    elif isinstance(event, media.PlayEnded):
        _play_ended(floor, event)
    elif isinstance(event, media.Digit):
        _digit(floor, event.leg, event.digit)
    elif isinstance(event, media.LegClosed):
        legs.closed(floor, event.leg, event.stats)
    elif isinstance(event, media.LegSilent):
        _silent(floor, event)
    elif isinstance(event, media.MessageEnded):
        if (call := floor.state.calls.get(event.recording)) is not None and event.why != "closed":
            inbound.message_left(floor, call, event.path, event.seconds)
    elif isinstance(event, media.RecordEnded):
        _record_ended(floor, worker, event)
    elif isinstance(event, media.Trouble):
        floor.count(f"media_{event.code}")
        if event.code == "disk":
            floor.emit("alarm.raised", alarm=f"disk:{worker}", detail=event.detail)
    elif isinstance(event, media.WorkerStats):
        _worker_told(floor, floor.workers[worker], event)


def _worker_told(floor: Floor, worker: Worker, stats: media.WorkerStats) -> None:
    """Keep its figures, and raise an alarm while its audio has gaps: ticks that begin a packet's length too late."""
    before = worker.stats.late_ticks if worker.stats is not None else 0
    worker.stats = stats
    alarm = f"late:{worker.name}"
    late = stats.late_ticks - before
    if late >= LATE_TICKS_ALARM and alarm not in floor.state.alarms:
        floor.emit("alarm.raised", alarm=alarm, detail=str(late))
    elif late <= 0 and alarm in floor.state.alarms:
        floor.emit("alarm.cleared", alarm=alarm)


def worker_up(floor: Floor, worker: Worker) -> None:
    floor.workers[worker.name] = worker


def worker_lost(floor: Floor, name: str) -> None:
    """A media worker died: its calls end with that cause."""
    worker = floor.workers.get(name)
    if worker is None:
        return
    worker.connected = False
    worker.free.clear()
    floor.emit("alarm.raised", alarm=f"media:{name}", detail="lost")
    held = [leg for leg in floor.state.legs.values() if leg.worker == name]
    # Callers first: a call whose caller is gone is over, and nobody looks for another agent.
    for leg in sorted(held, key=lambda leg: leg.role != "caller"):
        if leg.ended:
            legs.closed(floor, leg.id, media.LegStats())
        else:
            legs.close(floor, leg.id, reason="media")


def _play_ended(floor: Floor, event: media.PlayEnded) -> None:
    played_for, _, step = event.tag.partition("/")
    call_id = played_for.partition(".")[0]
    call = floor.state.calls.get(call_id)
    if call is None:
        leg = floor.state.legs.get(event.leg)
        if step == "told" and leg is not None and leg.role == "code":
            legs.hang_up(floor, leg.id, reason="done")
        return
    volatile = floor.volatile_of(call_id)
    if volatile.tag != event.tag or event.why == "stopped":
        return
    volatile.tag = ""
    if step in _AFTER:
        _AFTER[step](floor, call)
    else:
        volatile.step = ""


def _say_bye(floor: Floor, call: Call) -> None:
    legs.hang_up(floor, call.caller_leg, reason=call.closing or "done")


_AFTER: dict[str, Callable[[Floor, Call], None]] = {
    "greeting": inbound.after_greeting,
    "menu": inbound.after_menu,
    "consent": inbound.after_consent,
    "notice": inbound.to_queue,
    "closing": inbound.after_closing,
    "bye": _say_bye,
}


def _digit(floor: Floor, leg_id: str, digit: str) -> None:
    leg, call = floor.state.legs.get(leg_id), floor.call_of_leg(leg_id)
    if leg is None or call is None:
        return
    if leg.role == "supervisor":
        supervision.key(floor, call, leg_id, digit)
    elif leg_id == call.caller_leg and call.stage is Stage.GREETING:
        inbound.digit(floor, call, digit)
    elif leg_id == call.caller_leg and call.stage in (Stage.QUEUED, Stage.RINGING):
        waiting.digit(floor, call, digit)


def _silent(floor: Floor, event: media.LegSilent) -> None:
    """RTP stopped without a BYE: the far side's network is gone, and a dead line must not hold an agent."""
    call, leg = floor.call_of_leg(event.leg), floor.state.legs.get(event.leg)
    if leg is not None and leg.edge:
        lines.lost(floor, leg)
        return
    if call is None or leg is None or not legs.silence_of(call, leg) or call.held_at:
        return
    if call.stage is Stage.TALKING or event.seconds >= SILENT_WAITER_S:
        legs.hang_up(floor, event.leg, reason="rtp-timeout")


def _record_ended(floor: Floor, worker: str, event: media.RecordEnded) -> None:
    floor.emit(
        "recording.ended",
        call=event.recording.rpartition(".")[0],
        recording=event.recording,
        path=event.path,
        seconds=round(event.seconds, 2),
        error=event.error,
    )
    alarm = f"disk:{worker}"
    if not event.error and alarm in floor.state.alarms:
        floor.emit("alarm.cleared", alarm=alarm)  # the disk takes recordings again


# -- timers ---------------------------------------------------------------------------------------------------


def fire_timers(floor: Floor) -> None:
    while (due := floor.due_timer()) is not None:
        kind, subject = due
        if kind in _CALL_TIMERS:
            if (call := floor.state.calls.get(subject)) is not None:
                _CALL_TIMERS[kind](floor, call)
        else:
            _TIMERS[kind](floor, subject)


def _look(floor: Floor, _: str = "") -> None:
    """Who waits, anew: some are sent on, others have somebody by now."""
    waiting.overflow_all(floor)
    offering.route(floor)


def _hang_up(floor: Floor, leg_id: str) -> None:
    legs.hang_up(floor, leg_id, reason="no-answer")


def _wrapped(floor: Floor, agent_id: str) -> None:
    if floor.seat(agent_id).state is AgentState.WRAPUP:
        agents.end_wrap_up(floor, agent_id)


_CALL_TIMERS: dict[str, Callable[[Floor, Call], None]] = {
    "menu": inbound.menu_silent,
    "consent": inbound.consent_silent,
    "announce": waiting.announce,
    "comfort": waiting.comfort,
    "max_wait": waiting.max_wait,
    "callback": callbacks.retry,
}
_TIMERS: dict[str, Callable[[Floor, str], None]] = {
    "relax": _look,
    "ring": offering.ring_timeout,
    "dial": callbacks.dial_timeout,
    "consult": _hang_up,
    "code": _hang_up,
    "away": lines.away_too_long,
    "echo": lines.echo_over,
    "wrapup": _wrapped,
}
