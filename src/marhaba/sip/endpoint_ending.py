"""How legs end: BYE, CANCEL, refusal, silence. `LegEnded` is said here and nowhere else, once a leg."""

from __future__ import annotations

import re
from typing import Literal

from marhaba.sip.dialog import Dialog
from marhaba.sip.endpoint_core import Core
from marhaba.sip.endpoint_exchange import Heard, ask
from marhaba.sip.events import Flow, LegEnded
from marhaba.sip.leg import Leg, Unacked
from marhaba.sip.message import Request
from marhaba.sip.outgoing import ELSEWHERE, Outgoing, cancel_of
from marhaba.sip.timers import Timer

REASONS = {
    302: "redirected",
    401: "unauthorised",
    403: "forbidden",
    404: "not-found",
    407: "unauthorised",
    408: "no-answer",
    480: "no-answer",
    486: "busy",
    487: "cancel",
    600: "busy",
    603: "declined",
    604: "not-found",
}
"""What a final status is called in `LegEnded.reason`; the others are "refused" (4xx, 6xx) or "unavailable" (5xx)."""

_ELSEWHERE = re.compile(r"SIP\s*;(?:[^,]*;)?\s*cause\s*=\s*200(?![0-9])", re.IGNORECASE)
"""RFC 3326: the call was answered, by another phone."""

By = Literal["remote", "local", "timeout", "error"]


def reason_of(status: int) -> str:
    if 300 <= status < 400:
        return "redirected"
    return REASONS.get(status, "unavailable" if 500 <= status < 600 else "refused")


def finish(core: Core, now: float, leg: Leg, *, by: By, code: int, reason: str) -> None:
    """The leg is over: its timers stop, what the far side waits for is answered, the floor is told."""
    if not leg.alive:
        return
    leg.state = "over"
    core.legs.pop(leg.id, None)
    for timer in (leg.limit, leg.nudge, leg.retry, leg.session.timer):
        _stop(timer)
    if leg.reliable is not None:
        _stop(leg.reliable.resend)
        _stop(leg.reliable.expiry)
        leg.reliable = None
    leg.held_back = None
    leg.wanted = b""
    if leg.asked is not None:
        core.respond(now, leg.asked, 487)  # 15.1.2: requests still pending get 487
        leg.asked = None
    for refer in leg.refers.values():
        if refer.server is not None:
            core.respond(now, refer.server, 487)
    leg.refers.clear()
    core.counts[f"ended_{reason}"] += 1
    core.events.append(LegEnded(leg.id, by, code, reason))


def release(core: Core, leg: Leg) -> None:
    """Nothing more is expected of the far side: its dialog is forgotten."""
    core.dialogs.pop(leg.local_tag, None)
    if leg.server is not None:
        request = leg.server.request
        core.invites.pop((leg.call_id, request.from_.tag, request.cseq), None)
    stop_unacked(leg)


def stop_unacked(leg: Leg) -> None:
    if leg.unacked is not None:
        _stop(leg.unacked.resend)
        _stop(leg.unacked.expiry)
        leg.unacked = None


def say_bye(core: Core, now: float, leg: Leg, dialog: Dialog) -> None:
    """BYE, until it is answered or given up; until then the dialog can still be asked for."""
    lines = (ELSEWHERE,) if leg.elsewhere else ()

    def done(now: float, sent: Outgoing, heard: Heard) -> None:
        if dialog is leg.dialog:
            release(core, leg)

    ask(core, now, leg, dialog, core.within(leg, dialog, "BYE", lines=lines), done)


def hang_up(core: Core, now: float, leg: Leg, *, reason: str = "", elsewhere: bool = False) -> None:
    leg.elsewhere = elsewhere
    if leg.state == "incoming":
        reject(core, now, leg, 480, reason=reason)
    elif leg.state == "answered":
        leg.bye_waits = True  # 15: the callee's BYE waits for the ACK, or for its never coming
        finish(core, now, leg, by="local", code=200, reason=reason or "bye")
    elif leg.state == "calling":
        cancel(core, now, leg)
        finish(core, now, leg, by="local", code=487, reason=reason or "cancel")
        release(core, leg)
    else:
        end_dialog(core, now, leg, by="local", reason=reason or "bye")


def end_dialog(core: Core, now: float, leg: Leg, *, by: By, reason: str) -> None:
    """BYE an established leg for whatever reason."""
    assert leg.dialog is not None
    stop_unacked(leg)
    finish(core, now, leg, by=by, code=200, reason=reason)
    say_bye(core, now, leg, leg.dialog)


def reject(
    core: Core, now: float, leg: Leg, code: int, *, text: str = "", reason: str = "", retry_after_s: int = 0
) -> None:
    """Refuse an incoming call; `text` goes on the wire, `reason` into `LegEnded`."""
    assert leg.server is not None
    lines = (f"Retry-After: {retry_after_s}",) if retry_after_s else ()
    core.respond(now, leg.server, code, reason=text, lines=lines)
    finish(core, now, leg, by="local", code=code, reason=reason or reason_of(code))
    release(core, leg)


def cancel(core: Core, now: float, leg: Leg) -> None:
    """Take our INVITE back. RFC 3261 9.1: the CANCEL waits until something has been heard."""
    leg.cancelled = True
    assert leg.client is not None
    if leg.client.state == "proceeding":
        send_cancel(core, now, leg)


def send_cancel(core: Core, now: float, leg: Leg) -> None:
    assert leg.client is not None
    assert leg.invite is not None
    if leg.cancel_sent:
        return
    leg.cancel_sent = True
    sent = cancel_of(leg.invite, elsewhere=leg.elsewhere)
    core.transactions.request(
        now,
        branch=sent.branch,
        method="CANCEL",
        data=sent.to_bytes(),
        flow=leg.client.flow,
        tell=_unheard,
    )
    core.transactions.expire(now, leg.client)


# -- the far side ends it -----------------------------------------------------------------------------------------


def on_bye(core: Core, now: float, leg: Leg, request: Request, source: Flow) -> None:
    if leg.state == "calling":  # 15: the callee has no BYE before its 2xx
        core.reply(request, source, 481)
        return
    core.respond(now, core.accept(request, source), 200)
    if leg.state == "incoming":
        assert leg.server is not None
        core.respond(now, leg.server, 487)
        finish(core, now, leg, by="remote", code=487, reason="cancel")
    else:
        finish(core, now, leg, by="remote", code=200, reason="bye")
    release(core, leg)


def cancelled_by_caller(core: Core, now: float, leg: Leg, request: Request) -> None:
    """A CANCEL reached an INVITE that has no final answer yet."""
    assert leg.server is not None
    core.respond(now, leg.server, 487)
    elsewhere = any(_ELSEWHERE.match(reason) for reason in request.headers.get_all("Reason"))
    finish(core, now, leg, by="remote", code=487, reason="elsewhere" if elsewhere else "cancel")
    release(core, leg)


# -- 2xx until the ACK ----------------------------------------------------------------------------------------


def send_2xx(core: Core, now: float, leg: Leg, cseq: int, data: bytes, flow: Flow, *, ours: bool) -> None:
    """The 2xx has been sent; send it again until it is acknowledged, 13.3.1.4."""
    t1 = core.settings.t1_s
    leg.unacked = Unacked(cseq, data, flow, t1, ours)
    watch_2xx(core, now, leg)


def watch_2xx(core: Core, now: float, leg: Leg) -> None:
    unacked = leg.unacked
    assert unacked is not None

    def again(now: float) -> None:
        core.send(unacked.data, unacked.flow)
        core.transactions.repeats += 1
        unacked.interval = min(2 * unacked.interval, core.settings.t2_s)
        unacked.resend = core.timers.set(now + unacked.interval, again)

    def give_up(now: float) -> None:
        never = leg.state == "answered"
        stop_unacked(leg)
        finish(core, now, leg, by="timeout", code=408 if never else 200, reason="no-ack")
        assert leg.dialog is not None
        say_bye(core, now, leg, leg.dialog)

    unacked.resend = core.timers.set(now + unacked.interval, again)
    unacked.expiry = core.timers.set(now + 64 * core.settings.t1_s, give_up)


def _stop(timer: Timer | None) -> None:
    if timer is not None:
        timer.cancel()


def _unheard(now: float, heard: Heard, source: Flow) -> None:
    """What a CANCEL is answered with says nothing: its INVITE's own answer counts (9.1)."""
