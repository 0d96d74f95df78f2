"""Legs: a SIP dialog and its RTP port, opened, aimed and closed together."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from marhaba.floor.floor import PORTS_KEPT_BACK, Floor, Freed
from marhaba.floor.state import Call, Leg
from marhaba.kernel.numbers import Route
from marhaba.kernel.routing import AgentState
from marhaba.media.edge_protocol import CloseLine
from marhaba.media.protocol import AimLeg, CloseLeg, LegStats, OpenLeg
from marhaba.sip import sdp
from marhaba.sip.errors import SipError
from marhaba.sip.events import Flow, IncomingCall, Party
from marhaba.sip.uri import Uri

RETRY_AFTER_S = 10
"""What a caller's network is told when the house is full: long enough for some calls to end."""
LINE_LOST = "line-lost"
LINE_SILENT_S = 3.0
"""A browser sends without pause, muted too; one from which nothing has come for this long is away."""
CARRIER_SILENCE_S = 8.0
"""A carrier that has not even said "trying" after four tries is not there: the next one is asked."""


def accept(
    floor: Floor, incoming: IncomingCall, *, call: str, role: str, agent: str = "", near: str = ""
) -> int:
    """Answer an incoming INVITE with a port of ours. Not 0: the call ended with this (488, 503, 487)."""
    try:
        offer = sdp.parse_sdp(incoming.sdp) if incoming.sdp else None
    except SipError:
        floor.endpoint.reject(floor.sip_now, incoming.leg, 488)
        return 488
    lent = floor.lend_port(near=near, keep_back=PORTS_KEPT_BACK if role == "caller" else 0)
    if lent is None:
        floor.count("refused_no_port")
        floor.endpoint.reject(floor.sip_now, incoming.leg, 503, retry_after_s=RETRY_AFTER_S)
        return 503
    worker, port = lent
    leg = Leg(incoming.leg, call, role, agent, worker.name, port)
    session = _session_id(floor)
    if offer is None:
        body = sdp.make_offer(host=worker.host, port=port, session_id=session, version=1)
    else:
        try:
            body, negotiated = sdp.answer(offer, host=worker.host, port=port, session_id=session, version=1)
        except SipError:
            worker.free.append(port)
            floor.endpoint.reject(floor.sip_now, incoming.leg, 488)
            return 488
        _take(leg, negotiated, incoming.flow)
    if not floor.endpoint.answer(floor.sip_now, incoming.leg, body):
        worker.free.append(port)
        return 487
    opened(floor, leg, session)
    return 0


def refused(floor: Floor, call: str, code: int) -> None:
    """The story of a call that `accept` did not take."""
    reason = {488: "no-codec", 487: "cancel"}.get(code, "no-port")
    floor.emit("call.ended", call=call, outcome="refused", by="floor", reason=reason, code=code)


def call_out(
    floor: Floor,
    *,
    leg_id: str,
    call: str,
    role: str,
    agent: str = "",
    near: str,
    target: Uri | str,
    flow: Flow,
    caller: Party,
    trunk: str = "",
    headers: Sequence[tuple[str, str]] = (),
    route: Route | None = None,
) -> bool:
    """INVITE somebody; `route` says what an outside call costs.

    The leg is journalled with the INVITE in its snapshot before the INVITE leaves.
    """
    lent = floor.lend_port(near=near)
    if lent is None:
        floor.count("refused_no_port")
        return False
    worker, port = lent
    session = _session_id(floor)
    offer = sdp.make_offer(host=worker.host, port=port, session_id=session, version=1)
    floor.endpoint.invite(
        floor.sip_now,
        leg=leg_id,
        target=target,
        flow=flow,
        caller=caller,
        sdp=offer,
        trunk=trunk,
        headers=headers,
        silence_s=CARRIER_SILENCE_S if route is not None else 0,
    )
    opened(floor, Leg(leg_id, call, role, agent, worker.name, port), session, route)
    return True


def answered(floor: Floor, leg_id: str, body: bytes) -> bool:
    """Our INVITE was answered: aim the leg at the far side. False: unusable answer, the leg is being hung up."""
    leg = floor.state.legs.get(leg_id)
    if leg is None:
        floor.endpoint.hang_up(floor.sip_now, leg_id)
        return False
    try:
        negotiated = sdp.accept_answer(body)
    except SipError:
        floor.endpoint.hang_up(floor.sip_now, leg_id, reason="bad-sdp")
        return False
    _take(leg, negotiated, None)
    aim(floor, leg)
    remember(floor, leg)
    return True


def established(floor: Floor, leg_id: str, body: bytes) -> None:
    """The ACK arrived; it carries the answer when the offer was ours."""
    if body and (leg := floor.state.legs.get(leg_id)) is not None:
        answered(floor, leg.id, body)


def reoffered(floor: Floor, leg_id: str, body: bytes) -> Leg | None:
    """A re-INVITE: answer it, follow the new address and direction. None: refused."""
    leg = floor.state.legs.get(leg_id)
    if leg is None:
        floor.endpoint.refuse_offer(floor.sip_now, leg_id)
        return None
    worker = floor.workers.get(leg.worker)
    host = worker.host if worker is not None else floor.centre.sip.advertised_host
    leg.sdp_version += 1
    if not body:  # an offerless re-INVITE asks for ours
        offer = sdp.make_offer(host=host, port=leg.port, session_id=leg.sdp_session, version=leg.sdp_version)
        floor.endpoint.accept_offer(floor.sip_now, leg_id, offer)
        return leg
    try:
        reply, negotiated = sdp.answer(
            sdp.parse_sdp(body), host=host, port=leg.port, session_id=leg.sdp_session, version=leg.sdp_version
        )
    except SipError:
        floor.endpoint.refuse_offer(floor.sip_now, leg_id)
        return None
    floor.endpoint.accept_offer(floor.sip_now, leg_id, reply)
    _take(leg, negotiated, None)
    aim(floor, leg)
    remember(floor, leg)
    return leg


def hang_up(floor: Floor, leg_id: str, *, reason: str = "") -> None:
    """End a leg's part in its call from our side; a line that stays open between calls is free again.

    For the reason "elsewhere" the phone is told that another one has answered.
    """
    leg = floor.state.legs.get(leg_id)
    if leg is None or floor.seat(leg.agent).leg != leg_id:
        close(floor, leg_id, reason=reason)
    elif leg.role != "nailed":
        floor.freed.append(Freed(leg_id, reason, over=False, spoke=not rings(floor, leg)))


def close(floor: Floor, leg_id: str, *, reason: str) -> None:
    """End a leg, a line that stays open too; what ends with it follows in this turn, or from the endpoint."""
    leg = floor.state.legs.get(leg_id)
    if leg is not None and leg.edge:
        floor.freed.append(Freed(leg_id, reason, over=True))
    elif leg_id:
        floor.endpoint.hang_up(floor.sip_now, leg_id, reason=reason, elsewhere=reason == "elsewhere")


def rings(floor: Floor, leg: Leg) -> bool:
    """Whether it has not been answered yet. An open line is, always; then its agent says it."""
    if floor.seat(leg.agent).leg == leg.id:
        return floor.seat(leg.agent).state is AgentState.RINGING
    return not leg.remote_port


def forget(floor: Floor, leg_id: str, *, reason: str) -> None:
    """The SIP side is over: give the port back. The worker's figures arrive with `LegClosed`, unless it died."""
    leg = floor.state.legs.get(leg_id)
    if leg is None:
        return
    leg.ended = reason
    if leg.edge and reason != "moved":
        floor.edge(CloseLine(leg.edge))
    worker = floor.workers.get(leg.worker)
    if worker is not None and worker.connected:
        floor.media(leg, CloseLeg(leg=leg_id))
    else:
        closed(floor, leg_id, LegStats())


def closed(floor: Floor, leg_id: str, stats: LegStats) -> None:
    """The worker closed the leg: the last line of its story."""
    leg = floor.state.legs.get(leg_id)
    if leg is None:
        return
    floor.emit(
        "leg.closed",
        call=leg.call,
        agent=leg.agent,
        leg=leg_id,
        role=leg.role,
        reason=leg.ended,
        received=stats.received,
        sent=stats.sent,
        lost=stats.lost,
        late=stats.late,
        foreign=stats.foreign,
        jitter_ms=round(stats.jitter_ms, 1),
        mos=round(stats.mos, 2),
    )


def remember(floor: Floor, leg: Leg) -> None:
    """Journal what a restarted floor needs to go on with this leg."""
    floor.emit(
        "leg.dialog",
        call=leg.call,
        agent=leg.agent,
        leg=leg.id,
        snapshot=floor.endpoint.snapshot(leg.id).decode("latin-1"),
        **_media_fields(leg),
    )


def silence_of(call: Call, leg: Leg) -> bool:
    """Whether silence from this leg means that the far side is gone (a held leg may be silent)."""
    return not leg.held and leg.id in (call.caller_leg, call.agent_leg)


def opened(floor: Floor, leg: Leg, session: int = 0, route: Route | None = None) -> None:
    leg.sdp_session = session
    price: dict[str, Any] = (
        {"route": route.prefix, "per_minute": route.per_minute} if route is not None else {}
    )
    floor.emit(
        "leg.opened",
        call=leg.call,
        agent=leg.agent,
        leg=leg.id,
        role=leg.role,
        worker=leg.worker,
        port=leg.port,
        sdp_session=session,
        snapshot="" if leg.edge else floor.endpoint.snapshot(leg.id).decode("latin-1"),
        edge=leg.edge,
        **_media_fields(leg),
        **price,
    )
    open_audio(floor, leg)


def open_audio(floor: Floor, leg: Leg) -> None:
    floor.media(
        leg.id,
        OpenLeg(
            leg=leg.id,
            port=leg.port,
            remote_host=leg.remote_host,
            remote_port=leg.remote_port,
            codec=leg.codec,
            dtmf_payload=leg.dtmf_payload,
            latch_host_only=leg.latch_host_only,
            sends=not leg.held,
            silent_s=LINE_SILENT_S if leg.edge else 0.0,
        ),
    )


def aim(floor: Floor, leg: Leg) -> None:
    floor.media(
        leg,
        AimLeg(
            leg=leg.id,
            remote_host=leg.remote_host,
            remote_port=leg.remote_port,
            codec=leg.codec,
            dtmf_payload=leg.dtmf_payload,
            latch_host_only=leg.latch_host_only,
            sends=not leg.held,
            silent_s=LINE_SILENT_S if leg.edge else 0.0,
        ),
    )


def _take(leg: Leg, negotiated: sdp.Negotiated, flow: Flow | None) -> None:
    leg.remote_host, leg.remote_port = negotiated.remote_host, negotiated.remote_port
    leg.codec, leg.dtmf_payload = negotiated.codec, negotiated.dtmf_payload
    leg.held = negotiated.direction in ("recvonly", "inactive")
    if flow is not None and _behind_nat(negotiated.remote_host, flow.remote_host):
        leg.remote_host, leg.latch_host_only = flow.remote_host, True


def _behind_nat(signalled: str, source: str) -> bool:
    """A private address in the SDP of somebody who reaches us from another address: believe the source."""
    if signalled == source:
        return False
    try:
        inside, outside = ipaddress.ip_address(signalled), ipaddress.ip_address(source)
    except ValueError:
        return False
    return inside.is_private and not inside.is_loopback and not outside.is_loopback


def _media_fields(leg: Leg) -> dict[str, Any]:
    return {
        "codec": leg.codec,
        "remote_host": leg.remote_host,
        "remote_port": leg.remote_port,
        "dtmf_payload": leg.dtmf_payload,
        "latch_host_only": leg.latch_host_only,
        "held": leg.held,
        "sdp_version": leg.sdp_version,
    }


def _session_id(floor: Floor) -> int:
    """RFC 4566 wants a number that does not repeat: the clock in milliseconds and a counter."""
    floor.count("sdp_sessions")
    return int(floor.now) * 1_000 + floor.counters["sdp_sessions"] % 1_000
