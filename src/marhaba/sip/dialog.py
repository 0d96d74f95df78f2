"""Dialogs: what two parties keep of each other between requests (RFC 3261 section 12)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import msgspec

from marhaba.sip.events import Flow
from marhaba.sip.message import Request, Response
from marhaba.sip.outgoing import DEFAULT_SIP_PORT, Outgoing
from marhaba.sip.uri import Uri, parse_name_addr

CSEQ_MAX = 2**31 - 1  # 8.1.1.5


@dataclass(slots=True)
class Dialog:
    """One dialog, seen from our side. `local` and `remote` are header values with their tags, as first written."""

    call_id: str
    local_tag: str
    remote_tag: str
    local: str
    remote: str
    target: str  # where requests are addressed to: the far side's Contact
    routes: tuple[str, ...]
    local_cseq: int
    remote_cseq: int  # -1: nothing received yet


def uas_dialog(request: Request, local_tag: str) -> Dialog:
    """The dialog that our answer to `request` makes, 12.1.1."""
    return Dialog(
        call_id=request.call_id,
        local_tag=local_tag,
        remote_tag=request.from_.tag,
        local=f"{request.headers.get('To')};tag={local_tag}",
        remote=request.headers.get("From"),
        target=contact_of(request) or str(request.from_.uri),
        routes=tuple(str(route) for route in request.record_routes),
        local_cseq=0,
        remote_cseq=request.cseq,
    )


def uac_dialog(sent: Outgoing, local_tag: str, response: Response) -> Dialog:
    """The dialog that an answer to our request makes, 12.1.2."""
    return Dialog(
        call_id=sent.call_id,
        local_tag=local_tag,
        remote_tag=response.to.tag,
        local=sent.from_,
        remote=response.headers.get("To"),
        target=contact_of(response) or sent.uri,
        routes=tuple(str(route) for route in reversed(response.record_routes)),
        local_cseq=sent.cseq,
        remote_cseq=-1,
    )


def confirm(dialog: Dialog, response: Response) -> None:
    """An early dialog of ours is confirmed: target and route set are taken anew from the 2xx, 13.2.2.4."""
    dialog.target = contact_of(response) or dialog.target
    dialog.routes = tuple(str(route) for route in reversed(response.record_routes))


def refresh_target(dialog: Dialog, message: Request | Response) -> None:
    """A target refresh request, or its 2xx, moves the far side's address, 12.2.1.2 and 12.2.2."""
    dialog.target = contact_of(message) or dialog.target


def next_cseq(dialog: Dialog) -> int:
    dialog.local_cseq += 1
    return dialog.local_cseq


def addressed(dialog: Dialog) -> tuple[str, tuple[str, ...]]:
    """Request-URI and Route values of a request within the dialog, 12.2.1.1."""
    if not dialog.routes:
        return dialog.target, ()
    first = parse_name_addr(dialog.routes[0]).uri
    if first.param("lr") is not None:
        return dialog.target, dialog.routes
    return str(first), (*dialog.routes[1:], f"<{dialog.target}>")  # a strict router: RFC 2543 manners


def next_hop(dialog: Dialog, flow: Flow) -> Flow:
    """Where a carrier wants the next request: the address its route set or Contact names, RFC 3261 8.1.2.

    Names are not resolved here and private addresses of somebody seen under a public one are not believed
    (NAT without a traversal aid): then the way it came by is the way back.
    """
    if flow.transport != "udp":
        return flow
    uri = (
        parse_name_addr(dialog.routes[0]).uri if dialog.routes else parse_name_addr(f"<{dialog.target}>").uri
    )
    port = uri.port or DEFAULT_SIP_PORT
    if (uri.host, port) == (flow.remote_host, flow.remote_port):
        return flow
    try:
        named, seen = ipaddress.ip_address(uri.host), ipaddress.ip_address(flow.remote_host)
    except ValueError:
        return flow
    if named.version != seen.version or named.is_multicast or named.is_unspecified:
        return flow
    if named.is_private and not seen.is_private:
        return flow
    return msgspec.structs.replace(flow, remote_host=uri.host, remote_port=port)


def contact_of(message: Request | Response) -> str:
    """The URI of the Contact, or "": a far side without a usable one is reached where it was reached before."""
    contacts = message.contacts
    if not contacts:
        return ""
    uri = contacts[0].uri
    return str(_without_headers(uri)) if uri.scheme in ("sip", "sips") and uri.host else ""


def _without_headers(uri: Uri) -> Uri:
    """Headers and a method in a URI are for those who click on it, not for us, 19.1.1."""
    if not uri.headers and uri.param("method") is None:
        return uri
    return msgspec.structs.replace(uri, headers="", params=tuple(p for p in uri.params if p[0] != "method"))
