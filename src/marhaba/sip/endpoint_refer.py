"""Transfers and keys: REFER with its NOTIFYs (RFC 3515, 3891, 4488), and digits in INFO (dtmf-relay)."""

from __future__ import annotations

import re
from urllib.parse import unquote

from marhaba.sip.endpoint_core import Core
from marhaba.sip.endpoint_ending import end_dialog
from marhaba.sip.endpoint_exchange import Heard, ask, lost, nothing
from marhaba.sip.endpoint_incoming import dialled_in, parse_replaces
from marhaba.sip.errors import BadMessage
from marhaba.sip.events import Flow, InfoDigit, Referred
from marhaba.sip.leg import Leg, Refer
from marhaba.sip.message import Request, reason_phrase
from marhaba.sip.outgoing import Outgoing
from marhaba.sip.uri import Uri, parse_name_addr, parse_uri

REFERS_MAX = 4
"""Transfers under way in one call; a person starts one at a time."""
SUBSCRIPTION_S = 60
"""How long the subscription of a REFER is said to live; its last NOTIFY ends it (RFC 3515 2.4.4)."""
KEY_MS = 160
_SIGNAL = re.compile(rb"(?im)^[ \t]*Signal[ \t]*=[ \t]*([0-9*#A-D])[ \t]*\r?$")
_DIGIT = re.compile(rb"[ \t\r\n]*([0-9*#A-D])[ \t\r\n]*", re.IGNORECASE)
_ESCAPED_HEADER = re.compile(r"(?i)(?:^|&)replaces=([^&]*)")


# -- they transfer ------------------------------------------------------------------------------------------------


def on_refer(core: Core, now: float, leg: Leg, request: Request, source: Flow) -> None:
    if leg.state != "up":
        core.reply(request, source, 481 if leg.state == "calling" else 500, lines=("Retry-After: 2",))
        return
    targets = request.headers.get_all("Refer-To")
    try:
        uri = parse_name_addr(targets[0]).uri if len(targets) == 1 else None
    except BadMessage:
        uri = None
    if uri is None or uri.scheme not in ("sip", "sips", "tel"):
        core.reply(request, source, 400, reason="Bad Refer-To")
        return
    if len(leg.refers) >= REFERS_MAX:
        core.reply(request, source, 503, lines=("Retry-After: 5",))
        return
    replaced = _replaced(core, uri)
    if replaced is None:
        core.reply(request, source, 481, reason="No Such Call To Replace")
        return
    leg.refer_count += 1
    # RFC 3515 2.4.6: the first REFER of a dialog needs no id in its NOTIFYs, the later ones do.
    event = "refer" if leg.refer_count == 1 else f"refer;id={request.cseq}"
    quiet = request.headers.get("Refer-Sub").strip(" \t").lower() == "false"
    refer = Refer(f"{leg.id}/{leg.refer_count}", core.accept(request, source), event, quiet)
    leg.refers[refer.handle] = refer
    core.events.append(Referred(leg.id, refer.handle, dialled_in(uri), replaced))


def _replaced(core: Core, uri: Uri) -> str | None:
    """The leg named by the Replaces inside a Refer-To; "" when there is none, None when it names none of ours.

    The tags are unguessable, so phones that write them the wrong way round may have it so.
    """
    match = _ESCAPED_HEADER.search(uri.headers)
    if match is None:
        return ""
    call_id, to_tag, from_tag, _ = parse_replaces(unquote(match[1]))
    for ours, theirs in ((to_tag, from_tag), (from_tag, to_tag)):
        leg = core.dialogs.get(ours)
        if leg is None or leg.call_id != call_id or not leg.alive:
            continue
        if (leg.dialog is not None and leg.dialog.remote_tag == theirs) or theirs in leg.early:
            return leg.id
    return None


def accept_refer(core: Core, now: float, leg: Leg, handle: str) -> bool:
    refer = leg.refers.get(handle)
    if refer is None or refer.server is None:
        return False
    lines = (core.contact(leg.flow), "Refer-Sub: false") if refer.quiet else (core.contact(leg.flow),)
    core.respond(now, refer.server, 202, lines=lines)
    refer.server = None
    _notify(core, now, leg, refer, 100)
    return True


def refuse_refer(core: Core, now: float, leg: Leg, handle: str, code: int) -> bool:
    refer = leg.refers.get(handle)
    if refer is None or refer.server is None:
        return False
    del leg.refers[handle]
    core.respond(now, refer.server, code)
    return True


def notify_refer(core: Core, now: float, leg: Leg, handle: str, code: int) -> bool:
    """How the transfer goes; a final code ends the subscription."""
    refer = leg.refers.get(handle)
    if refer is None or refer.server is not None:
        return False
    if code >= 200:
        del leg.refers[handle]
    _notify(core, now, leg, refer, code)
    return True


def _notify(core: Core, now: float, leg: Leg, refer: Refer, code: int) -> None:
    if refer.quiet:
        return
    assert leg.dialog is not None
    state = "terminated;reason=noresource" if code >= 200 else f"active;expires={SUBSCRIPTION_S}"
    sent = core.within(
        leg,
        leg.dialog,
        "NOTIFY",
        lines=(core.contact(leg.flow), f"Event: {refer.event}", f"Subscription-State: {state}"),
        body=f"SIP/2.0 {code} {reason_phrase(code)}\r\n".encode(),
        content_type="message/sipfrag;version=2.0",
    )

    def done(now: float, sent: Outgoing, heard: Heard) -> None:
        if lost(heard):
            leg.refers.pop(refer.handle, None)  # RFC 3515 2.4.4: the subscription is gone

    ask(core, now, leg, leg.dialog, sent, done)


# -- we transfer --------------------------------------------------------------------------------------------------


def refer(core: Core, now: float, leg: Leg, target: Uri | str) -> bool:
    if leg.state != "up":
        return False
    assert leg.dialog is not None
    uri = parse_uri(target) if isinstance(target, str) else target
    lines = (core.contact(leg.flow), f"Refer-To: <{uri}>", f"Referred-By: <{_own_uri(leg)}>")
    leg.refers_sent += 1
    ask(core, now, leg, leg.dialog, core.within(leg, leg.dialog, "REFER", lines=lines), nothing)
    return True


def _own_uri(leg: Leg) -> str:
    assert leg.dialog is not None
    return str(parse_name_addr(leg.dialog.local).uri)


def on_notify(core: Core, now: float, leg: Leg, request: Request, source: Flow) -> None:
    """How a transfer of ours goes: the phone ends the call itself when it is done."""
    known = leg.refers_sent and request.headers.get("Event").partition(";")[0].strip().lower() == "refer"
    if not known:
        core.reply(request, source, 481)
        return
    core.respond(now, core.accept(request, source), 200)


# -- keys ---------------------------------------------------------------------------------------------------------


def on_info(core: Core, now: float, leg: Leg, request: Request, source: Flow) -> None:
    if "Info-Package" in request.headers:
        core.reply(request, source, 469, reason="Bad Info Package", lines=("Recv-Info: ",))
        return
    kind = request.headers.get("Content-Type").partition(";")[0].strip().lower()
    if not request.body:
        digit = b""  # a keep-alive
    elif kind in ("application/dtmf-relay", "application/dtmf"):
        match = _SIGNAL.search(request.body) if kind.endswith("relay") else _DIGIT.fullmatch(request.body)
        if match is None:
            core.reply(request, source, 400, reason="No Such Key")
            return
        digit = match[1].upper()
    else:
        core.reply(request, source, 415, lines=("Accept: application/dtmf-relay, application/dtmf",))
        return
    core.respond(now, core.accept(request, source), 200)
    if digit:
        core.events.append(InfoDigit(leg.id, digit.decode("ascii")))


def send_info_digit(core: Core, now: float, leg: Leg, digit: str) -> bool:
    if leg.state != "up":
        return False
    assert leg.dialog is not None
    assert len(digit) == 1
    assert digit in "0123456789*#ABCD"
    sent = core.within(
        leg,
        leg.dialog,
        "INFO",
        body=f"Signal={digit}\r\nDuration={KEY_MS}\r\n".encode(),
        content_type="application/dtmf-relay",
    )

    def done(now: float, sent: Outgoing, heard: Heard) -> None:
        if lost(heard) and leg.alive and not isinstance(heard, str):
            end_dialog(core, now, leg, by="error", reason="lost")

    ask(core, now, leg, leg.dialog, sent, done)
    return True
