"""Calls that come in: from the INVITE to its ACK (RFC 3261 section 13.3)."""

from __future__ import annotations

from marhaba.sip import endpoint_session as session
from marhaba.sip.bodies import UnusableBody, sdp_in
from marhaba.sip.dialog import uas_dialog
from marhaba.sip.endpoint_core import (
    ACCEPT,
    ALLOW,
    SUPPORTED,
    Core,
    record_route_lines,
    tokens_of,
)
from marhaba.sip.endpoint_ending import finish, release, say_bye, send_2xx, stop_unacked
from marhaba.sip.endpoint_offers import go_on, watch_session
from marhaba.sip.endpoint_reliable import send_reliably
from marhaba.sip.errors import BadMessage
from marhaba.sip.events import Flow, IncomingCall, LegEstablished, Party
from marhaba.sip.leg import Leg
from marhaba.sip.message import Request
from marhaba.sip.outgoing import clean
from marhaba.sip.uri import NameAddr, Uri, parse_name_addrs

TRYING_AFTER_S = 0.2
"""A 100 goes out only if nothing else has by then (17.2.1): the floor usually answers within milliseconds."""
PROVISIONAL_EVERY_S = 60.0
"""The provisional is repeated so that no proxy on the way loses patience (13.3.1.1)."""
UNANSWERED_S_MAX = 300.0
"""An incoming call nobody decides about is refused: longer than any phone rings."""
NUMBER_CHARS_MAX = 64


def arrive(core: Core, now: float, request: Request, source: Flow, *, trunk: str, user: str) -> None:
    """A new INVITE, already believed and understood."""
    key = (request.call_id, request.from_.tag, request.cseq)
    if key in core.invites:
        core.reply(request, source, 482)  # the same request by another way, 8.2.2.2
        return
    refusal, offer, replaced = _looked_at(core, request)
    if refusal:
        status, lines = refusal
        core.reply(request, source, status, lines=lines)
        return
    leg = Leg(core.token(), "in", "incoming", source, request.call_id, core.token(), trunk=trunk, user=user)
    try:
        leg.dialog = uas_dialog(request, leg.local_tag)
    except BadMessage:
        core.reply(request, source, 400, reason="Bad Record-Route")
        return
    leg.server = core.accept(request, source, to_tag=leg.local_tag)
    _listen(core, now, leg, request)
    leg.offer_in_invite, leg.remote_sdp = bool(offer), offer
    event = IncomingCall(
        leg=leg.id,
        dialled=dialled_in(request.uri),
        caller=caller_in(request, user=user),
        sdp=offer,
        trunk=trunk,
        user=user,
        flow=source,
        call_id=request.call_id,
        replaces=replaced,
    )
    core.events.append(event)


def _listen(core: Core, now: float, leg: Leg, request: Request) -> None:
    """Enter the leg into the tables, and set the timers of an unanswered call."""
    core.legs[leg.id] = leg
    core.dialogs[leg.local_tag] = leg
    core.invites[(request.call_id, request.from_.tag, request.cseq)] = leg
    leg.reliably = "100rel" in tokens_of(request, "Require")
    leg.peer_timer = session.speaks(request)
    leg.peer_update = "update" in tokens_of(request, "Allow")
    leg.nudge = core.timers.set(now + TRYING_AFTER_S, lambda now: _trying(core, now, leg))
    wait = min(request.expires or UNANSWERED_S_MAX, UNANSWERED_S_MAX)
    leg.limit = core.timers.set(now + wait, lambda now: expire(core, now, leg))


def _looked_at(core: Core, request: Request) -> tuple[tuple[int, tuple[str, ...]] | None, bytes, str]:
    """What 8.2 asks to look at before a call is taken: refusal (status, lines) or None, offer, leg replaced."""
    accept = tokens_of(request, "Accept")
    if "Accept" in request.headers and not any(_takes_sdp(kind) for kind in accept):
        return (406, (ACCEPT,)), b"", ""
    try:
        offer = sdp_in(request)
    except UnusableBody:
        return (415, (ACCEPT, "Accept-Encoding: identity")), b"", ""
    if session.too_small(core, request):
        return (422, (f"Min-SE: {core.settings.session_min_s}",)), b"", ""
    if "Replaces" not in request.headers:
        return None, offer, ""
    status, leg = _replaced(core, request)
    return ((status, ()) if status else None), offer, leg


def _takes_sdp(kind: str) -> bool:
    return kind.partition(";")[0].strip() in ("application/sdp", "application/*", "*/*")


def _replaced(core: Core, request: Request) -> tuple[int, str]:
    """The leg that a Replaces header names, or the refusal that RFC 3891 section 3 asks for."""
    values = request.headers.get_all("Replaces")
    if len(values) > 1:
        return 400, ""
    call_id, to_tag, from_tag, early_only = parse_replaces(values[0])
    leg = core.dialogs.get(to_tag)
    if leg is None or leg.call_id != call_id or leg.dialog is None or leg.dialog.remote_tag != from_tag:
        return 481, ""
    if not leg.alive:
        return 603, ""
    if leg.state == "incoming":
        return 481, ""  # an early dialog that is not of our making must not be matched
    if early_only:
        return 486, ""
    return 0, leg.id


def parse_replaces(value: str) -> tuple[str, str, str, bool]:
    """Call-ID, to-tag, from-tag, early-only; what is missing is ""."""
    call_id, *params = value.split(";")
    found = {}
    for param in params:
        name, _, text = param.partition("=")
        found[name.strip(" \t").lower()] = text.strip(" \t")
    return call_id.strip(" \t"), found.get("to-tag", ""), found.get("from-tag", ""), "early-only" in found


# -- who calls whom -----------------------------------------------------------------------------------------------


def dialled_in(uri: Uri) -> str:
    """The number or name dialled, without what carriers hang onto it (`;npdi`, `;phone-context=...`)."""
    user = uri.opaque if uri.scheme == "tel" else uri.user_decoded
    return clean(user.partition(";")[0], NUMBER_CHARS_MAX)


def caller_in(request: Request, *, user: str) -> Party:
    """Who calls: a phone is who it proved to be, else a trunk says it. P-Asserted-Identity counts only from there
    (RFC 3325 section 5)."""
    said = request.from_
    if user:
        return Party(user, clean(said.display))
    asserted = _asserted(request)
    said = asserted or said
    if asserted and "id" in tokens_of(request, "Privacy"):
        return Party("anonymous")
    number = dialled_in(said.uri)
    if said.uri.host.endswith(".invalid") or number.lower() in ("", "anonymous"):
        return Party("anonymous")
    return Party(number, clean(said.display))


def _asserted(request: Request) -> NameAddr | None:
    for value in request.headers.get_all("P-Asserted-Identity"):
        try:
            found = [name for name in parse_name_addrs(value) if name.uri.scheme in ("sip", "sips", "tel")]
        except BadMessage:
            continue
        if found:
            return found[0]
    return None


# -- verbs --------------------------------------------------------------------------------------------------------


def ring(core: Core, now: float, leg: Leg, sdp: bytes = b"") -> bool:
    if leg.state != "incoming":
        return False
    status = 183 if sdp else 180
    if sdp:
        leg.local_sdp = sdp
    if leg.reliably:
        send_reliably(core, now, leg, status, sdp)
    else:
        _provisional(core, now, leg, status, sdp)
    if leg.nudge is not None:
        leg.nudge.cancel()
    leg.nudge = core.timers.set(now + PROVISIONAL_EVERY_S, lambda now: _ring_on(core, now, leg, sdp))
    return True


def _ring_on(core: Core, now: float, leg: Leg, sdp: bytes) -> None:
    ring(core, now, leg, sdp)


def _provisional(core: Core, now: float, leg: Leg, status: int, sdp: bytes) -> None:
    assert leg.server is not None
    lines = [core.contact(leg.flow), ALLOW, SUPPORTED, *record_route_lines(leg.server.request)]
    core.respond(now, leg.server, status, lines=lines, body=sdp)


def answer_call(core: Core, now: float, leg: Leg, sdp: bytes) -> bool:
    if leg.state != "incoming":
        return False
    if leg.reliable is not None:
        # RFC 3262 section 3: no 2xx while a session description awaits its PRACK.
        leg.held_back = (200, sdp)
        return True
    server = leg.server
    assert server is not None
    lines = [core.contact(leg.flow), ALLOW, SUPPORTED, *record_route_lines(server.request)]
    lines += session.agree_as_uas(core, leg, server.request)
    data = core.respond(now, server, 200, lines=lines, body=sdp)
    leg.state = "answered"
    leg.local_sdp = sdp
    _quiet(leg)
    send_2xx(core, now, leg, server.request.cseq, data, server.flow, ours=not leg.offer_in_invite)
    watch_session(core, now, leg)
    return True


def next_held(core: Core, now: float, leg: Leg, status: int, sdp: bytes) -> None:
    """What had to wait for a PRACK goes out now."""
    if status == 200:
        answer_call(core, now, leg, sdp)
    else:
        send_reliably(core, now, leg, status, sdp)


def on_ack(core: Core, now: float, request: Request) -> None:
    """The ACK to a 2xx of ours. One that matches nothing is dropped: an ACK is never answered."""
    leg = core.dialogs.get(request.to.tag)
    if leg is None or leg.dialog is None or leg.unacked is None:
        return
    if (request.call_id, request.from_.tag, request.cseq) != (
        leg.call_id,
        leg.dialog.remote_tag,
        leg.unacked.cseq,
    ):
        return
    ours = leg.unacked.ours
    stop_unacked(leg)
    sdp = _answer_in(request) if ours else b""
    if leg.bye_waits:
        leg.bye_waits = False
        say_bye(core, now, leg, leg.dialog)
        return
    if sdp:
        leg.remote_sdp = sdp
    if leg.state == "answered":
        leg.state = "up"
        # An answer that came in a PRACK instead is in `remote_sdp` already.
        core.events.append(LegEstablished(leg.id, leg.remote_sdp if ours else b""))
    elif sdp:
        core.events.append(LegEstablished(leg.id, sdp))
    go_on(core, now, leg)


def _answer_in(request: Request) -> bytes:
    try:
        return sdp_in(request)
    except UnusableBody:
        return b""


# -- timers -------------------------------------------------------------------------------------------------------


def _trying(core: Core, now: float, leg: Leg) -> None:
    assert leg.server is not None
    core.respond(now, leg.server, 100)


def expire(core: Core, now: float, leg: Leg) -> None:
    """Nobody decided about the call in the time the caller gave (Expires, 13.3.1) or we give."""
    assert leg.server is not None
    core.respond(now, leg.server, 487)
    finish(core, now, leg, by="timeout", code=487, reason="expired")
    release(core, leg)


def _quiet(leg: Leg) -> None:
    for timer in (leg.limit, leg.nudge):
        if timer is not None:
            timer.cancel()
    leg.limit = leg.nudge = None
