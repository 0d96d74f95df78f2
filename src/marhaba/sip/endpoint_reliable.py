"""Reliable provisional responses (RFC 3262), both ways: used when the far side requires them."""

from __future__ import annotations

import re
from collections.abc import Callable

from marhaba.sip.bodies import UnusableBody, sdp_in
from marhaba.sip.dialog import Dialog
from marhaba.sip.endpoint_core import ALLOW, SUPPORTED, Core, number_of, record_route_lines, tokens_of
from marhaba.sip.endpoint_ending import finish, release
from marhaba.sip.endpoint_exchange import ask, nothing
from marhaba.sip.events import Flow
from marhaba.sip.leg import Leg, Reliable
from marhaba.sip.message import Request, Response
from marhaba.sip.outgoing import answer

_RACK = re.compile(r"([0-9]{1,10})[ \t]+([0-9]{1,10})[ \t]+([A-Za-z]{1,32})")
RSEQ_FIRST_MAX = 2**31 - 1  # RFC 3262 section 3: the first is chosen below this


# -- ours ---------------------------------------------------------------------------------------------------------


def send_reliably(core: Core, now: float, leg: Leg, status: int, sdp: bytes) -> None:
    """Send a provisional that must be acknowledged; while one is unacknowledged the next waits."""
    if leg.reliable is not None:
        leg.held_back = (status, sdp)
        return
    server = leg.server
    assert server is not None
    leg.rseq = leg.rseq + 1 if leg.rseq else 1 + int(core.chance() * (RSEQ_FIRST_MAX - 1))
    lines = [core.contact(leg.flow), ALLOW, SUPPORTED, "Require: 100rel", f"RSeq: {leg.rseq}"]
    lines += [*record_route_lines(server.request), core.server_line]
    data = answer(server.head, status, lines=lines, body=sdp)
    core.transactions.respond(now, server, status, data)
    leg.reliable = reliable = Reliable(
        leg.rseq, data, core.settings.t1_s, bool(sdp) and not leg.offer_in_invite
    )

    def again(now: float) -> None:
        core.send(data, server.flow)
        core.transactions.repeats += 1
        reliable.interval *= 2
        reliable.resend = core.timers.set(now + reliable.interval, again)

    def give_up(now: float) -> None:
        core.respond(now, server, 504)
        finish(core, now, leg, by="timeout", code=504, reason="no-prack")
        release(core, leg)

    reliable.resend = core.timers.set(now + reliable.interval, again)
    reliable.expiry = core.timers.set(now + 64 * core.settings.t1_s, give_up)


def on_prack(
    core: Core,
    now: float,
    leg: Leg,
    request: Request,
    source: Flow,
    *,
    next_one: Callable[[int, bytes], None],
) -> None:
    """Their acknowledgement of our provisional; `next_one` gets what had to wait for it."""
    reliable, server = leg.reliable, leg.server
    match = _RACK.fullmatch(request.headers.get("RAck").strip(" \t"))
    if (
        reliable is None
        or server is None
        or match is None
        or (int(match[1]), int(match[2]), match[3]) != (reliable.rseq, server.request.cseq, "INVITE")
    ):
        core.reply(request, source, 481)
        return
    try:
        sdp = sdp_in(request)
    except UnusableBody:
        sdp = b""
    if sdp and not reliable.ours:
        core.reply(request, source, 488)  # a second offer before the call is answered: not taken here
        sdp = b""
    else:
        core.respond(now, core.accept(request, source), 200)
    if sdp:
        leg.remote_sdp = sdp
    for timer in (reliable.resend, reliable.expiry):
        assert timer is not None
        timer.cancel()
    leg.reliable = None
    held, leg.held_back = leg.held_back, None
    if held is not None:
        next_one(*held)


# -- theirs -------------------------------------------------------------------------------------------------------


def acknowledge_provisional(core: Core, now: float, leg: Leg, dialog: Dialog, response: Response) -> bool:
    """PRACK their reliable provisional. False: it came twice or out of order and is to be ignored (section 4)."""
    if "100rel" not in tokens_of(response, "Require"):
        return True
    rseq = number_of(response.headers.get("RSeq"), limit=2**32 - 1)
    seen = leg.peer_rseq.get(dialog.remote_tag)
    if rseq is None or (seen is not None and rseq != seen + 1):
        return False
    leg.peer_rseq[dialog.remote_tag] = rseq
    rack = f"RAck: {rseq} {response.cseq} INVITE"
    ask(core, now, leg, dialog, core.within(leg, dialog, "PRACK", lines=(rack,)), nothing)
    return True
