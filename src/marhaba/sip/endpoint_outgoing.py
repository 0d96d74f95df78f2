"""Calls that go out: our INVITE, what it is answered with, and the answers of forks (RFC 3261 section 13.2)."""

from __future__ import annotations

from collections.abc import Sequence

from marhaba.sip import endpoint_session as session
from marhaba.sip.bodies import UnusableBody, sdp_in
from marhaba.sip.dialog import Dialog, confirm, uac_dialog
from marhaba.sip.endpoint_core import ACCEPT, ALLOW, SUPPORTED, Core, number_of, tokens_of
from marhaba.sip.endpoint_ending import cancel, finish, hang_up, reason_of, release, say_bye, send_cancel
from marhaba.sip.endpoint_exchange import Heard, status_of
from marhaba.sip.endpoint_offers import acknowledge, watch_session
from marhaba.sip.endpoint_reliable import acknowledge_provisional
from marhaba.sip.errors import BadMessage
from marhaba.sip.events import Flow, LegAnswered, LegRinging, Party
from marhaba.sip.leg import Leg
from marhaba.sip.message import Response
from marhaba.sip.outgoing import (
    Outgoing,
    ack_of,
    again,
    bracketed,
    clean,
    credentials_in,
    escaped_user,
    quoted,
)
from marhaba.sip.transaction import Tell
from marhaba.sip.uri import Uri, parse_uri

RING_S_MAX = 300.0
"""A call that rings longer is taken back, whatever the caller of `invite` said: timer C of proxies is 3 minutes."""
FORKS_MAX = 16
"""Early dialogs kept of one INVITE; a carrier forks to a handful of phones."""


def invite(
    core: Core,
    now: float,
    *,
    leg_id: str,
    target: Uri | str,
    flow: Flow,
    caller: Party,
    sdp: bytes,
    trunk: str,
    headers: Sequence[tuple[str, str]],
    call_id: str,
    ring_timeout_s: float,
    silence_s: float,
) -> bytes:
    assert leg_id not in core.legs, "a leg is invited once"
    uri = parse_uri(target) if isinstance(target, str) else target
    leg = Leg(
        leg_id, "out", "calling", flow, call_id or core.token() + core.token(), core.token(), trunk=trunk
    )
    lines = [core.contact(flow), ALLOW, SUPPORTED, ACCEPT, *session.offer_lines(core)]
    lines += [f"{clean(name)}: {clean(value, 4_096)}" for name, value in headers]
    from_, privacy = _from(core, caller, leg.local_tag)
    leg.invite = Outgoing(
        method="INVITE",
        uri=_request_uri(uri),
        transport=flow.transport.upper(),
        sent_by=core.sent_by(flow),
        branch=core.branch(),
        from_=from_,
        to=_to(uri),
        call_id=leg.call_id,
        cseq=1 + int(core.chance() * 1_000),
        lines=(*lines, *privacy, core.agent_line),
        body=sdp,
    )
    leg.local_sdp, leg.silence_s = sdp, silence_s
    core.legs[leg_id] = leg
    core.dialogs[leg.local_tag] = leg
    watch_ringing(core, now, leg, min(ring_timeout_s or RING_S_MAX, RING_S_MAX))
    send_invite(core, now, leg, leg.invite)
    return leg.invite_bytes


def watch_ringing(core: Core, now: float, leg: Leg, wait: float) -> None:
    def unanswered(now: float) -> None:
        cancel(core, now, leg)
        finish(core, now, leg, by="timeout", code=408, reason="no-answer")
        release(core, leg)

    leg.limit = core.timers.set(now + wait, unanswered)


def send_invite(core: Core, now: float, leg: Leg, sent: Outgoing, *, data: bytes = b"") -> None:
    """Send the INVITE, or its repetition with credentials. `data`: exactly these bytes, after a restart."""
    leg.invite = sent
    leg.invite_bytes = data or sent.to_bytes()
    leg.client = core.transactions.request(
        now,
        branch=sent.branch,
        method="INVITE",
        data=leg.invite_bytes,
        flow=leg.flow,
        tell=_told(core, leg, sent),
        ack=lambda refusal: ack_of(sent, refusal),
        silence_s=leg.silence_s,
    )


def take_back(core: Core, now: float, leg: Leg, sent: Outgoing) -> None:
    """CANCEL an INVITE of an earlier life without sending it again: a phone that has refused it must not ring anew."""
    leg.invite = sent
    leg.client = core.transactions.take_up(
        branch=sent.branch,
        flow=leg.flow,
        tell=_told(core, leg, sent),
        ack=lambda refusal: ack_of(sent, refusal),
    )
    hang_up(core, now, leg, reason="crash")


def _told(core: Core, leg: Leg, sent: Outgoing) -> Tell:
    def tell(now: float, heard: Heard, source: Flow) -> None:
        on_answer(core, now, leg, sent, heard, source)

    return tell


def on_answer(core: Core, now: float, leg: Leg, sent: Outgoing, heard: Heard, source: Flow) -> None:
    if leg.trunk and not isinstance(heard, str):
        core.learn(leg.trunk, leg.flow, source)
    if isinstance(heard, str) or heard.status >= 300:
        _refused(core, now, leg, sent, heard, source)
        return
    if leg.flow.transport != "udp" or not core.answerable(leg.flow):
        leg.flow = source  # the stream that the driver opened, or the address behind a host name
    if heard.status < 200:
        _provisional(core, now, leg, sent, heard)
    else:
        _succeeded(core, now, leg, sent, heard)


# -- before the answer ------------------------------------------------------------------------------------------


def _provisional(core: Core, now: float, leg: Leg, sent: Outgoing, response: Response) -> None:
    if leg.cancelled:
        send_cancel(core, now, leg)
        return
    if not leg.alive or leg.state != "calling" or response.status == 100:
        return
    tag = response.to.tag
    if tag:
        dialog = leg.early.get(tag)
        if dialog is None:
            dialog = _dialog(leg, sent, response)
            if dialog is None or len(leg.early) >= FORKS_MAX:
                return
            leg.early[tag] = dialog
        if not acknowledge_provisional(core, now, leg, dialog, response):
            return
    sdp = sdp_or_nothing(response)
    leg.remote_sdp = sdp or leg.remote_sdp
    if leg.told != (response.status, sdp):
        leg.told = (response.status, sdp)
        core.events.append(LegRinging(leg.id, response.status, sdp))


# -- yes --------------------------------------------------------------------------------------------------------


def _succeeded(core: Core, now: float, leg: Leg, sent: Outgoing, response: Response) -> None:
    tag = response.to.tag
    if leg.dialog is not None and leg.dialog.remote_tag == tag:
        core.send(leg.ack, core.hop(leg, leg.dialog))  # the 2xx came again: our ACK was lost
    elif tag in leg.strays:
        core.send(leg.strays[tag], leg.flow)
    elif leg.dialog is not None or not leg.alive:
        _unwanted(core, now, leg, sent, response)
    else:
        _confirm(core, now, leg, sent, response)


def _confirm(core: Core, now: float, leg: Leg, sent: Outgoing, response: Response) -> None:
    dialog = leg.early.pop(response.to.tag, None)
    if dialog is None:
        dialog = _dialog(leg, sent, response)
    else:
        _confirmed(dialog, response)
    if dialog is None:
        dialog = _routeless(leg, sent, response)
    leg.dialog = dialog
    leg.early.clear()
    leg.state = "up"
    for timer in (leg.limit, leg.retry):
        if timer is not None:
            timer.cancel()
    leg.peer_update = "update" in tokens_of(response, "Allow")
    sdp = sdp_or_nothing(response) or leg.remote_sdp  # the answer may have come in a provisional
    leg.remote_sdp = sdp
    acknowledge(core, leg, dialog, sent.cseq, lines=credentials_in(sent))
    session.agree_as_uac(core, leg, response)
    watch_session(core, now, leg)
    core.events.append(LegAnswered(leg.id, sdp))


def _unwanted(core: Core, now: float, leg: Leg, sent: Outgoing, response: Response) -> None:
    """A 2xx that crossed our CANCEL, or of a second fork: it is acknowledged and ended (13.2.2.4, 15)."""
    tag = response.to.tag
    if len(leg.strays) >= FORKS_MAX:
        return
    dialog = leg.early.pop(tag, None) or _dialog(leg, sent, response) or _routeless(leg, sent, response)
    ack = core.within(leg, dialog, "ACK", cseq=sent.cseq, lines=credentials_in(sent)).to_bytes()
    leg.strays[tag] = ack
    core.send(ack, core.hop(leg, dialog))
    core.counts["unwanted_answers"] += 1
    say_bye(core, now, leg, dialog)


def _dialog(leg: Leg, sent: Outgoing, response: Response) -> Dialog | None:
    try:
        return uac_dialog(sent, leg.local_tag, response)
    except BadMessage:
        return None


def _routeless(leg: Leg, sent: Outgoing, response: Response) -> Dialog:
    """The dialog of a 2xx whose Record-Route cannot be read: it must be acknowledged all the same."""
    response.headers.remove("Record-Route")
    return uac_dialog(sent, leg.local_tag, response)


def _confirmed(dialog: Dialog, response: Response) -> None:
    try:
        confirm(dialog, response)
    except BadMessage:
        return  # the early dialog's route set stands


# -- no ---------------------------------------------------------------------------------------------------------


def _refused(core: Core, now: float, leg: Leg, sent: Outgoing, heard: Heard, source: Flow) -> None:
    if not leg.alive or leg.state != "calling":
        return
    if not isinstance(heard, str) and (retry := _retry(core, leg, sent, heard, source)) is not None:
        leg.tries += 1
        leg.early.clear()
        send_invite(core, now, leg, retry)
        return
    code = status_of(heard)
    if heard == "silence":
        finish(core, now, leg, by="timeout", code=code, reason="timeout")
    elif heard == "broken":
        finish(core, now, leg, by="error", code=code, reason="transport")
    else:
        finish(core, now, leg, by="remote", code=code, reason=reason_of(code))
    release(core, leg)


def _retry(core: Core, leg: Leg, sent: Outgoing, response: Response, source: Flow) -> Outgoing | None:
    """Our INVITE once more, when the refusal says how it would be taken: credentials, or a longer session."""
    if response.status in (401, 407):
        return core.authorised(leg, sent, response, source, tries=leg.tries, cseq=sent.cseq + 1)
    least = number_of(response.headers.get(session.MIN_SE)) if response.status == 422 else None
    if least is None or leg.tries:
        return None
    least = min(least, session.INTERVAL_S_MAX)
    lines = session.offer_lines(core, interval_s=least, min_s=least)
    drop = ("Session-Expires", "Min-SE")
    return again(sent, cseq=sent.cseq + 1, add=lines, drop=drop)


# -- texts ------------------------------------------------------------------------------------------------------


def sdp_or_nothing(response: Response) -> bytes:
    try:
        return sdp_in(response)
    except UnusableBody:
        return b""


def _from(core: Core, caller: Party, tag: str) -> tuple[str, tuple[str, ...]]:
    """The From value, and the header that asks the network to hide us as well (RFC 3323)."""
    if caller.number == "anonymous":
        return f'"Anonymous" <sip:anonymous@anonymous.invalid>;tag={tag}', ("Privacy: id",)
    name = f"{quoted(clean(caller.name))} " if clean(caller.name) else ""
    host = bracketed(core.settings.advertised_host)
    return f"{name}<sip:{escaped_user(clean(caller.number))}@{host}>;tag={tag}", ()


def _request_uri(uri: Uri) -> str:
    return str(
        Uri(
            uri.scheme,
            uri.user,
            uri.password,
            uri.host,
            uri.port,
            tuple(param for param in uri.params if param[0] != "method"),
            opaque=uri.opaque,
        )
    )


def _to(uri: Uri) -> str:
    """Whom we mean, without how to reach them."""
    if uri.opaque:
        return f"<{uri}>"
    port = f":{uri.port}" if uri.port else ""
    user = f"{uri.user}@" if uri.user else ""
    return f"<{uri.scheme}:{user}{bracketed(uri.host)}{port}>"
