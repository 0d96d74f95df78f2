"""Offers within a call: re-INVITE and UPDATE, both ways (RFC 3261 section 14, RFC 3311), and session refreshes."""

from __future__ import annotations

from marhaba.sip import endpoint_session as session
from marhaba.sip.bodies import UnusableBody, sdp_in
from marhaba.sip.dialog import Dialog, refresh_target
from marhaba.sip.endpoint_core import ACCEPT, ALLOW, SUPPORTED, Core
from marhaba.sip.endpoint_ending import end_dialog, send_2xx
from marhaba.sip.endpoint_exchange import Heard, ask, lost, status_of
from marhaba.sip.events import Flow, OfferAnswered, Reoffered
from marhaba.sip.leg import Leg
from marhaba.sip.message import Request, Response
from marhaba.sip.outgoing import Outgoing

GLARE_OURS_S = (2.1, 4.0)
"""After a 491 the owner of the Call-ID waits between these, the other side less (14.1)."""
GLARE_THEIRS_S = (0.0, 2.0)
RETRY_AFTER_S_MAX = 10
"""A second offer before the first is answered is told to wait up to this long (14.2)."""


# -- ours ---------------------------------------------------------------------------------------------------------


def reoffer(core: Core, now: float, leg: Leg, sdp: bytes) -> bool:
    """Make a new offer as soon as none is under way in either direction; a newer one replaces one that waits."""
    if leg.state not in ("answered", "up"):
        return False
    leg.wanted = sdp
    go_on(core, now, leg)
    return True


def go_on(core: Core, now: float, leg: Leg) -> None:
    """Send the offer that waits, if it may be sent now."""
    if leg.wanted and leg.state == "up" and _free(leg) and leg.retry is None:
        sdp, leg.wanted = leg.wanted, b""
        _reinvite(core, now, leg, sdp, told=True)


def refresh(core: Core, now: float, leg: Leg) -> None:
    """Refresh the session: UPDATE where the far side knows it, else the last offer once more (RFC 4028 7.4)."""
    if leg.state != "up" or not _free(leg):
        return  # the exchange under way refreshes it
    if not leg.peer_update:
        _reinvite(core, now, leg, leg.local_sdp, told=False)
        return
    assert leg.dialog is not None
    lines = (core.contact(leg.flow), ALLOW, SUPPORTED, *session.refresh_lines(core, leg))
    sent = core.within(leg, leg.dialog, "UPDATE", lines=lines)

    def done(now: float, sent: Outgoing, heard: Heard) -> None:
        leg.asking = None
        if not leg.alive:
            return
        if lost(heard):
            end_dialog(core, now, leg, by="timeout", reason="session-expired")
        elif not isinstance(heard, str) and heard.status < 300:
            _agreed(core, now, leg, heard)
        go_on(core, now, leg)

    leg.asking = ask(core, now, leg, leg.dialog, sent, done)


def _reinvite(core: Core, now: float, leg: Leg, sdp: bytes, *, told: bool) -> None:
    """`told`: the floor asked for it and hears how it went."""
    assert leg.dialog is not None
    dialog = leg.dialog
    lines = (core.contact(leg.flow), ALLOW, SUPPORTED, *session.refresh_lines(core, leg))
    sent = core.within(leg, dialog, "INVITE", lines=lines, body=sdp)

    def done(now: float, sent: Outgoing, heard: Heard) -> None:
        if not isinstance(heard, str) and heard.status < 300:
            if leg.ack_cseq == sent.cseq:
                core.send(leg.ack, core.hop(leg, dialog))  # its ACK was lost
                return
            refresh_target(dialog, heard)
            acknowledge(core, leg, dialog, sent.cseq)
        leg.asking = None
        if leg.alive:
            _reinvited(core, now, leg, sdp, heard, told=told)

    leg.asking = ask(core, now, leg, dialog, sent, done)


def _reinvited(core: Core, now: float, leg: Leg, sdp: bytes, heard: Heard, *, told: bool) -> None:
    if lost(heard):
        end_dialog(core, now, leg, by="timeout" if heard == "silence" else "error", reason="lost")
        return
    if not isinstance(heard, str) and heard.status < 300:
        leg.local_sdp = sdp
        leg.remote_sdp = _sdp_or_nothing(heard) or leg.remote_sdp
        _agreed(core, now, leg, heard)
        if told:
            core.events.append(OfferAnswered(leg.id, 200, _sdp_or_nothing(heard)))
    elif status_of(heard) == 491:
        if told:
            leg.wanted = leg.wanted or sdp
        _after_glare(core, now, leg)
    elif told:
        core.events.append(OfferAnswered(leg.id, status_of(heard), b""))
    go_on(core, now, leg)


def _after_glare(core: Core, now: float, leg: Leg) -> None:
    least, most = GLARE_OURS_S if leg.role == "out" else GLARE_THEIRS_S

    def retry(now: float) -> None:
        leg.retry = None
        go_on(core, now, leg)

    core.counts["glares"] += 1
    leg.retry = core.timers.set(now + round(least + core.chance() * (most - least), 2), retry)


def acknowledge(core: Core, leg: Leg, dialog: Dialog, cseq: int, *, lines: tuple[str, ...] = ()) -> None:
    """ACK a 2xx, and keep the ACK for the 2xx that come again (13.2.2.4)."""
    leg.ack = core.within(leg, dialog, "ACK", cseq=cseq, lines=lines).to_bytes()
    leg.ack_cseq = cseq
    core.send(leg.ack, core.hop(leg, dialog))


def _agreed(core: Core, now: float, leg: Leg, response: Response) -> None:
    assert leg.dialog is not None
    refresh_target(leg.dialog, response)
    if leg.session.interval_s or "Session-Expires" in response.headers:
        session.agree_as_uac(core, leg, response)
        watch_session(core, now, leg)


# -- the session timer ----------------------------------------------------------------------------------------


def watch_session(core: Core, now: float, leg: Leg) -> None:
    """(Re)start the timer: half the interval for the refresher, nearly all of it for the other."""
    if leg.session.timer is not None:
        leg.session.timer.cancel()
        leg.session.timer = None
    interval = leg.session.interval_s
    if not interval or not leg.alive:
        return

    def expire(now: float) -> None:
        end_dialog(core, now, leg, by="timeout", reason="session-expired")

    def halfway(now: float) -> None:
        """Refresh, and once more in half of what is left: one that fails is tried again (RFC 4028 section 10)."""
        left = expires_at - now
        if left / 2 > 64 * core.settings.t1_s:
            leg.session.timer = core.timers.set(now + left / 2, halfway)
        else:
            leg.session.timer = core.timers.set(expires_at, expire)
        refresh(core, now, leg)

    expires_at = now + session.life(interval)

    if leg.session.refresher:
        leg.session.timer = core.timers.set(now + interval / 2, halfway)
    else:
        leg.session.timer = core.timers.set(expires_at, expire)


# -- theirs -------------------------------------------------------------------------------------------------------


def on_reinvite(core: Core, now: float, leg: Leg, request: Request, source: Flow) -> None:
    offer = _offer(core, leg, request, source)
    if offer is None:
        return
    server = leg.asked = core.accept(request, source)
    core.respond(now, server, 100)
    _moved(leg, request, source)
    core.events.append(Reoffered(leg.id, offer))


def on_update(core: Core, now: float, leg: Leg, request: Request, source: Flow) -> None:
    if not request.body:
        if session.too_small(core, request):
            core.reply(request, source, 422, lines=(f"Min-SE: {core.settings.session_min_s}",))
            return
        _moved(leg, request, source)
        lines: tuple[str, ...] = ()
        if leg.state in ("up", "answered"):
            lines = session.agree_as_uas(core, leg, request)
            watch_session(core, now, leg)
        server = core.accept(request, source)
        core.respond(now, server, 200, lines=(core.contact(leg.flow), ALLOW, SUPPORTED, *lines))
        return
    offer = _offer(core, leg, request, source)
    if offer is None:
        return
    leg.asked = core.accept(request, source)
    _moved(leg, request, source)
    core.events.append(Reoffered(leg.id, offer))


def _offer(core: Core, leg: Leg, request: Request, source: Flow) -> bytes | None:
    """The offer of a re-INVITE or UPDATE; None when it was refused here."""
    wait = f"Retry-After: {int(core.chance() * (RETRY_AFTER_S_MAX + 1))}"
    if leg.asked is not None or leg.state == "incoming":
        core.reply(request, source, 500, lines=(wait,))
    elif leg.asking is not None or leg.unacked is not None or leg.state == "calling":
        core.counts["glares"] += 1
        core.reply(request, source, 491)
    elif session.too_small(core, request):
        core.reply(request, source, 422, lines=(f"Min-SE: {core.settings.session_min_s}",))
    else:
        try:
            return sdp_in(request)
        except UnusableBody:
            core.reply(request, source, 415, lines=(ACCEPT,))
    return None


def accept_offer(core: Core, now: float, leg: Leg, sdp: bytes) -> bool:
    server, leg.asked = leg.asked, None
    if server is None:
        return False
    request = server.request
    lines = (core.contact(leg.flow), ALLOW, SUPPORTED, *session.agree_as_uas(core, leg, request))
    data = core.respond(now, server, 200, lines=lines, body=sdp)
    leg.local_sdp = sdp
    if request.body:
        leg.remote_sdp = _sdp_or_nothing(request)
    if server.invite:
        send_2xx(core, now, leg, request.cseq, data, server.flow, ours=not request.body)
    watch_session(core, now, leg)
    go_on(core, now, leg)
    return True


def refuse_offer(core: Core, now: float, leg: Leg, code: int) -> bool:
    server, leg.asked = leg.asked, None
    if server is None:
        return False
    core.respond(now, server, code)
    go_on(core, now, leg)
    return True


def _moved(leg: Leg, request: Request, source: Flow) -> None:
    """A target refresh: the far side may have another Contact, and a phone another way to it."""
    dialog = leg.dialog if leg.dialog is not None else leg.early[request.from_.tag]
    refresh_target(dialog, request)
    if not leg.trunk:
        leg.flow = source


def _sdp_or_nothing(message: Request | Response) -> bytes:
    try:
        return sdp_in(message)
    except UnusableBody:
        return b""


def _free(leg: Leg) -> bool:
    return leg.asking is None and leg.asked is None and leg.unacked is None
