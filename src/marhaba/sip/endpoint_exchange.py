"""Requests within a dialog, with the trunk's credentials when the carrier asks for them."""

from __future__ import annotations

from collections.abc import Callable

from marhaba.sip.dialog import Dialog
from marhaba.sip.endpoint_core import Core
from marhaba.sip.events import Flow
from marhaba.sip.leg import Leg
from marhaba.sip.message import Response
from marhaba.sip.outgoing import Outgoing, ack_of
from marhaba.sip.transaction import Client, Silence

Heard = Response | Silence
Done = Callable[[float, Outgoing, Heard], None]
"""Told the final response or the silence; for an INVITE also each repetition of its 2xx."""


def ask(
    core: Core, now: float, leg: Leg, dialog: Dialog, sent: Outgoing, done: Done, *, tries: int = 0
) -> Client:
    """Send a request of `leg` and tell `done` how it went. Challenges are answered on the way."""

    def tell(now: float, heard: Heard, source: Flow) -> None:
        if not isinstance(heard, str):
            if heard.status < 200:
                return
            if heard.status in (401, 407):
                retry = core.authorised(leg, sent, heard, source, tries=tries, cseq=dialog.local_cseq + 1)
                if retry is not None:
                    dialog.local_cseq = retry.cseq
                    client = ask(core, now, leg, dialog, retry, done, tries=tries + 1)
                    if leg.asking is not None and sent.method in ("INVITE", "UPDATE"):
                        leg.asking = client
                    return
        done(now, sent, heard)

    return core.transactions.request(
        now,
        branch=sent.branch,
        method=sent.method,
        data=sent.to_bytes(),
        flow=core.hop(leg, dialog),
        tell=tell,
        ack=(lambda refusal: ack_of(sent, refusal)) if sent.method == "INVITE" else None,
    )


def nothing(now: float, sent: Outgoing, heard: Heard) -> None:
    """For requests whose outcome changes nothing."""


def lost(heard: Heard) -> bool:
    """Whether the far side has no such dialog any more, 12.2.1.2. A broken stream says nothing about it."""
    return heard == "silence" if isinstance(heard, str) else heard.status in (408, 481)


def status_of(heard: Heard) -> int:
    """Silence counts as 408, a broken stream as 503 (8.1.3.1)."""
    if isinstance(heard, str):
        return 408 if heard == "silence" else 503
    return heard.status
