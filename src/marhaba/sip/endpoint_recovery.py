"""Snapshots of legs, and taking them up again after a restart.

A snapshot holds what the far side cannot be asked for again: tags, numbers, addresses, and the bytes that must be
sent again exactly as they were. What it does not hold is rebuilt or given up: an unanswered offer is asked
anew by whoever made it, a provisional that waited for its PRACK is repeated by the floor's next `ring`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from marhaba.sip.dialog import Dialog
from marhaba.sip.endpoint_core import Core
from marhaba.sip.endpoint_ending import hang_up, watch_2xx
from marhaba.sip.endpoint_incoming import UNANSWERED_S_MAX, expire
from marhaba.sip.endpoint_offers import watch_session
from marhaba.sip.endpoint_outgoing import RING_S_MAX, send_invite, take_back, watch_ringing
from marhaba.sip.errors import BadMessage, SipError
from marhaba.sip.events import Flow
from marhaba.sip.leg import Leg, Session, Unacked
from marhaba.sip.message import Request, parse
from marhaba.sip.outgoing import outgoing_of

VERSION = 1
CSEQ_LEAP = 1_000
"""Requests a leg may have sent since its snapshot. Added with the clock's seconds, so that two restarts from the same
snapshot differ too: numbers must never repeat, gaps are allowed (RFC 3261 12.2.1.1)."""


class BadSnapshot(SipError):
    """A snapshot that cannot be read, or of a version that is not ours."""

    code = "bad-snapshot"


class DialogShot(msgspec.Struct, frozen=True):
    """Texts are bytes: what a phone wrote need not be proper UTF-8."""

    remote_tag: bytes
    local: bytes
    remote: bytes
    target: bytes
    routes: list[bytes]
    local_cseq: int
    remote_cseq: int


class UnackedShot(msgspec.Struct, frozen=True):
    cseq: int
    data: bytes
    flow: Flow
    ours: bool


class LegShot(msgspec.Struct, frozen=True, omit_defaults=True):
    version: int
    id: str
    role: Literal["in", "out"]
    state: Literal["incoming", "answered", "calling", "up"]
    flow: Flow
    call_id: bytes
    local_tag: str
    trunk: str = ""
    user: str = ""
    dialog: DialogShot | None = None
    invite: bytes = b""  # theirs as received, or ours as sent
    invite_flow: Flow | None = None
    unacked: UnackedShot | None = None
    ack: bytes = b""
    ack_cseq: int = 0
    local_sdp: bytes = b""
    remote_sdp: bytes = b""
    offer_in_invite: bool = True
    interval_s: int = 0
    refresher: bool = False
    peer_update: bool = False
    peer_timer: bool = False
    reliably: bool = False
    tries: int = 0
    refer_count: int = 0
    refers_sent: int = 0


def snapshot(leg: Leg) -> bytes:
    """Everything a restarted endpoint needs to go on with `leg`, as JSON."""
    assert leg.state != "over"
    unacked = leg.unacked
    shot = LegShot(
        version=VERSION,
        id=leg.id,
        role=leg.role,
        state=leg.state,
        flow=leg.flow,
        call_id=_bytes(leg.call_id),
        local_tag=leg.local_tag,
        trunk=leg.trunk,
        user=leg.user,
        dialog=_dialog_shot(leg.dialog) if leg.dialog is not None else None,
        invite=_invite_of(leg),
        invite_flow=leg.server.flow if leg.server is not None else None,
        unacked=UnackedShot(unacked.cseq, unacked.data, unacked.flow, unacked.ours) if unacked else None,
        ack=leg.ack,
        ack_cseq=leg.ack_cseq,
        local_sdp=leg.local_sdp,
        remote_sdp=leg.remote_sdp,
        offer_in_invite=leg.offer_in_invite,
        interval_s=leg.session.interval_s,
        refresher=leg.session.refresher,
        peer_update=leg.peer_update,
        peer_timer=leg.peer_timer,
        reliably=leg.reliably,
        tries=leg.tries,
        refer_count=leg.refer_count,
        refers_sent=leg.refers_sent,
    )
    return msgspec.json.encode(shot)


def adopt(core: Core, now: float, data: bytes) -> str:
    """Take a leg up again; returns its id. Raises BadSnapshot."""
    shot = _read(core, data)
    leg = _leg_of(shot, now)
    if leg.state == "calling":
        _adopt_calling(core, now, leg, shot)
    elif leg.dialog is None:
        raise BadSnapshot("a snapshot without its dialog")
    else:
        _adopt_dialog(core, now, leg, shot)
    core.counts["adopted"] += 1
    return leg.id


def farewell(core: Core, now: float, data: bytes) -> None:
    """BYE, CANCEL or a refusal for a leg that is not taken up. Raises BadSnapshot."""
    shot = _read(core, data)
    if shot.state != "calling":
        hang_up(core, now, core.legs[adopt(core, now, data)], reason="crash")
        return
    leg = _leg_of(shot, now)
    sent = outgoing_of(_request_in(shot.invite))
    _enter(core, leg)
    take_back(core, now, leg, sent)


def _read(core: Core, data: bytes) -> LegShot:
    try:
        shot = msgspec.json.decode(data, type=LegShot)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadSnapshot("a snapshot that cannot be read") from error
    if shot.version != VERSION:
        raise BadSnapshot(f"a snapshot of version {shot.version}")
    if shot.id in core.legs:
        raise BadSnapshot("a leg that is alive already")
    return shot


def _leg_of(shot: LegShot, now: float) -> Leg:
    leg = Leg(
        shot.id, shot.role, shot.state, shot.flow, _text(shot.call_id), shot.local_tag, shot.trunk, shot.user
    )
    if shot.dialog is not None:
        leg.dialog = _dialog_of(shot, shot.dialog, now)
    leg.ack, leg.ack_cseq = shot.ack, shot.ack_cseq
    leg.local_sdp, leg.remote_sdp, leg.offer_in_invite = shot.local_sdp, shot.remote_sdp, shot.offer_in_invite
    leg.session = Session(shot.interval_s, shot.refresher)
    leg.peer_update, leg.peer_timer, leg.reliably = shot.peer_update, shot.peer_timer, shot.reliably
    leg.tries, leg.refer_count, leg.refers_sent = shot.tries, shot.refer_count, shot.refers_sent
    return leg


def _adopt_calling(core: Core, now: float, leg: Leg, shot: LegShot) -> None:
    """Our INVITE again, byte for byte: to the far side a repetition, not a second call (17.2.3)."""
    sent = outgoing_of(_request_in(shot.invite))
    _enter(core, leg)
    watch_ringing(core, now, leg, RING_S_MAX)
    send_invite(core, now, leg, sent, data=shot.invite)


def _adopt_dialog(core: Core, now: float, leg: Leg, shot: LegShot) -> None:
    if leg.role == "in":
        _adopt_invite(core, now, leg, shot)
    _enter(core, leg)
    if shot.unacked is not None:
        it = shot.unacked
        leg.unacked = Unacked(it.cseq, it.data, it.flow, core.settings.t1_s, it.ours)
        core.send(it.data, it.flow)
        watch_2xx(core, now, leg)
    watch_session(core, now, leg)


def _adopt_invite(core: Core, now: float, leg: Leg, shot: LegShot) -> None:
    """Their INVITE, if it comes again, must find its transaction and not look like a new call."""
    request = _request_in(shot.invite)
    flow = shot.invite_flow or shot.flow
    leg.server = server = core.accept(request, shot.flow, to_tag=leg.local_tag)
    server.flow = flow
    core.invites[(request.call_id, request.from_.tag, request.cseq)] = leg
    if leg.state == "incoming":
        leg.limit = core.timers.set(now + UNANSWERED_S_MAX, lambda now: expire(core, now, leg))
    else:
        core.transactions.settle(now, server)


def _enter(core: Core, leg: Leg) -> None:
    core.legs[leg.id] = leg
    core.dialogs[leg.local_tag] = leg


def _request_in(data: bytes) -> Request:
    try:
        request = parse(data)
        _ = request.record_routes  # which the parser reads late, and a dialog is built from
    except BadMessage as bad:
        raise BadSnapshot("a snapshot whose INVITE cannot be read") from bad
    if not isinstance(request, Request):
        raise BadSnapshot("a snapshot whose INVITE is none")
    return request


def _invite_of(leg: Leg) -> bytes:
    if leg.state == "calling":
        return leg.invite_bytes
    return leg.server.request.to_bytes() if leg.server is not None else b""


def _dialog_shot(dialog: Dialog) -> DialogShot:
    return DialogShot(
        remote_tag=_bytes(dialog.remote_tag),
        local=_bytes(dialog.local),
        remote=_bytes(dialog.remote),
        target=_bytes(dialog.target),
        routes=[_bytes(route) for route in dialog.routes],
        local_cseq=dialog.local_cseq,
        remote_cseq=dialog.remote_cseq,
    )


def _dialog_of(shot: LegShot, it: DialogShot, now: float) -> Dialog:
    return Dialog(
        call_id=_text(shot.call_id),
        local_tag=shot.local_tag,
        remote_tag=_text(it.remote_tag),
        local=_text(it.local),
        remote=_text(it.remote),
        target=_text(it.target),
        routes=tuple(_text(route) for route in it.routes),
        local_cseq=it.local_cseq + CSEQ_LEAP + max(0, int(now)) % 2**28,
        remote_cseq=it.remote_cseq,
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
