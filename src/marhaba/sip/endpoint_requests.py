"""Requests that arrive: whose they are, whether they are believed and understood, and who deals with them.

The order is RFC 3261 8.2's: the transaction they repeat, the dialog they belong to, load, authentication, method,
Request-URI, required extensions, and only then the matter itself. What is refused is refused without keeping
anything, so that a flood of refused requests costs no memory.
"""

from __future__ import annotations

from collections.abc import Callable

from marhaba.sip.dialog import Dialog
from marhaba.sip.endpoint_core import (
    ACCEPT,
    ALLOW,
    EXTENSIONS,
    OVERLOAD_RETRY_AFTER_S,
    SUPPORTED,
    Core,
    tokens_of,
)
from marhaba.sip.endpoint_ending import cancelled_by_caller, on_bye
from marhaba.sip.endpoint_house import register
from marhaba.sip.endpoint_incoming import arrive, next_held, on_ack
from marhaba.sip.endpoint_offers import on_reinvite, on_update
from marhaba.sip.endpoint_refer import on_info, on_notify, on_refer
from marhaba.sip.endpoint_reliable import on_prack
from marhaba.sip.errors import BadMessage
from marhaba.sip.events import Flow
from marhaba.sip.leg import Leg
from marhaba.sip.message import Request

SCHEMES = frozenset({"sip", "sips", "tel"})
METHODS_REFUSED = frozenset({"MESSAGE", "SUBSCRIBE", "PUBLISH"})
"""Known and not served: 405. What is not even known gets 501."""
DIALOG_ONLY = frozenset({"BYE", "UPDATE", "PRACK"})
"""Meaningless outside a dialog: 481, and no challenge that would tell a stranger anything."""


def receive(core: Core, now: float, request: Request, source: Flow) -> None:
    if not core.answerable(source):
        core.counts["unanswerable"] += 1
        return
    if core.transactions.repeated(now, request):
        return
    method = request.method
    if method == "ACK":
        on_ack(core, now, request)
    elif method == "CANCEL":
        _cancel(core, now, request, source)
    elif request.to.tag and method != "REGISTER":
        _in_dialog(core, now, request, source)
    else:
        _out_of_dialog(core, now, request, source)


def refuse_bad(core: Core, bad: BadMessage, source: Flow) -> None:
    """Bytes that are no SIP: answered when they are a request that can be answered, else dropped and counted."""
    core.counts["bad_messages"] += 1
    partial = bad.partial
    if isinstance(partial, Request) and partial.method != "ACK" and core.answerable(source):
        core.reply(partial, source, bad.status, reason=bad.reason)


# -- within a dialog ----------------------------------------------------------------------------------------------


def _in_dialog(core: Core, now: float, request: Request, source: Flow) -> None:
    leg = core.dialogs.get(request.to.tag)
    dialog = _dialog_of(leg, request) if leg is not None and leg.call_id == request.call_id else None
    if leg is None or dialog is None or (not leg.alive and request.method != "BYE"):
        core.counts["strangers"] += 1
        core.reply(request, source, 481)
        return
    if request.cseq <= dialog.remote_cseq:
        core.reply(request, source, 500, reason="CSeq Out of Order")  # 12.2.2
        return
    dialog.remote_cseq = request.cseq
    if source.transport != "udp":
        leg.flow = source  # a phone that came back on a new stream
    if refused := _unsupported(request):
        core.reply(request, source, 420, lines=(refused,))
        return
    handler = _IN_DIALOG.get(request.method)
    if handler is not None:
        handler(core, now, leg, request, source)
    elif request.method in METHODS_REFUSED:
        core.reply(request, source, 405, lines=(ALLOW,))
    else:
        core.reply(request, source, 501, lines=(ALLOW,))


def _dialog_of(leg: Leg, request: Request) -> Dialog | None:
    tag = request.from_.tag
    if leg.dialog is not None and leg.dialog.remote_tag == tag:
        return leg.dialog
    return leg.early.get(tag)


def _prack(core: Core, now: float, leg: Leg, request: Request, source: Flow) -> None:
    def next_one(status: int, sdp: bytes) -> None:
        next_held(core, now, leg, status, sdp)

    on_prack(core, now, leg, request, source, next_one=next_one)


def _options(core: Core, now: float, leg: Leg, request: Request, source: Flow) -> None:
    core.reply(request, source, 200, lines=(ALLOW, SUPPORTED, ACCEPT))


_IN_DIALOG: dict[str, Callable[[Core, float, Leg, Request, Flow], None]] = {
    "BYE": on_bye,
    "INFO": on_info,
    "INVITE": on_reinvite,
    "NOTIFY": on_notify,
    "OPTIONS": _options,
    "PRACK": _prack,
    "REFER": on_refer,
    "UPDATE": on_update,
}


def _cancel(core: Core, now: float, request: Request, source: Flow) -> None:
    """9.2. Beside the branch the rest must fit as well: a third party does not know the tags."""
    server = core.transactions.find_invite(request)
    if server is None or (server.request.call_id, server.request.from_.tag, server.request.cseq) != (
        request.call_id,
        request.from_.tag,
        request.cseq,
    ):
        core.reply(request, source, 481)
        return
    leg = core.invites.get((request.call_id, request.from_.tag, request.cseq))
    core.reply(request, source, 200, to_tag=leg.local_tag if leg is not None else "")
    if server.answered:
        return  # too late: it has had its final answer
    if leg is not None and leg.server is server:
        cancelled_by_caller(core, now, leg, request)
        return
    held = core.dialogs[server.request.to.tag]
    assert held.asked is server  # a re-INVITE is taken back, the call goes on
    held.asked = None
    core.respond(now, server, 487)


# -- outside of dialogs -------------------------------------------------------------------------------------------


def _out_of_dialog(core: Core, now: float, request: Request, source: Flow) -> None:
    method = request.method
    if method in DIALOG_ONLY:
        core.reply(request, source, 481)
        return
    if method == "OPTIONS":
        _answer_options(core, request, source)
        return
    if _overloaded(core, method):
        core.counts["refused_overload"] += 1
        core.reply(request, source, 503, lines=(f"Retry-After: {OVERLOAD_RETRY_AFTER_S}",))
        return
    trunk = core.trunk_of(source) if method != "REGISTER" else ""
    user = ""
    if not trunk or "Authorization" in request.headers:
        verdict = core.authenticator.check(
            now,
            method,
            str(request.uri),
            request.headers.get_all("Authorization"),
            request.body,
            source=source.remote_host,
        )
        if not verdict.user and not trunk:
            challenges = core.authenticator.challenge(now, stale=verdict.stale, source=source.remote_host)
            core.reply(request, source, 401, lines=[f"WWW-Authenticate: {value}" for value in challenges])
            return
        user = verdict.user
        trunk = "" if user else trunk
    if refusal := _inspected(request):
        core.reply(request, source, refusal[0], lines=refusal[1:])
    elif method == "INVITE":
        arrive(core, now, request, source, trunk=trunk, user=user)
    elif method == "REGISTER":
        register(core, now, request, source, user)
    elif method == "REFER":
        core.reply(request, source, 403)  # a transfer is asked for within its call
    else:
        core.reply(request, source, 481)  # INFO and NOTIFY of no dialog


def _overloaded(core: Core, method: str) -> bool:
    """Whether a newcomer must wait; calls in progress never pass here."""
    settings = core.settings
    if method == "INVITE" and len(core.legs) >= settings.legs_max:
        return True
    return len(core.transactions) >= settings.transactions_max


def _inspected(request: Request) -> tuple[int, *tuple[str, ...]] | None:
    """8.2.1 and 8.2.2: method, Request-URI, Require."""
    method = request.method
    if method in METHODS_REFUSED:
        return 405, ALLOW
    if method not in ("INVITE", "REGISTER", "REFER", "INFO", "NOTIFY"):
        return 501, ALLOW
    if request.uri.scheme not in SCHEMES:
        return (416,)
    if refused := _unsupported(request):
        return 420, refused
    return None


def _answer_options(core: Core, request: Request, source: Flow) -> None:
    """The keep-alive of phones and carriers, answered to anybody."""
    if request.uri.scheme not in SCHEMES:
        core.reply(request, source, 416)
    elif refused := _unsupported(request):
        core.reply(request, source, 420, lines=(refused,))
    else:
        core.reply(request, source, 200, lines=(core.contact(source), ALLOW, SUPPORTED, ACCEPT))


def _unsupported(request: Request) -> str:
    """The Unsupported line that a request deserves, or ""."""
    if "Require" not in request.headers:
        return ""
    foreign = [tag for tag in tokens_of(request, "Require") if tag not in EXTENSIONS]
    return f"Unsupported: {', '.join(foreign)}" if foreign else ""
