"""The requests we send and the answers we give, written straight into bytes."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import msgspec

from marhaba.sip.errors import BadMessage
from marhaba.sip.events import Flow
from marhaba.sip.message import Request, Response, reason_phrase
from marhaba.sip.uri import split_commas

MAX_FORWARDS = 70  # RFC 3261 8.1.1.6
SDP_TYPE = "application/sdp"
NAME_CHARS_MAX = 80  # of a display name: phones show fewer
DEFAULT_SIP_PORT = 5060

_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), " ")
_INVISIBLE = dict.fromkeys((*range(8203, 8208), *range(8232, 8239), *range(8294, 8298), 65279))
_OCTETS = {0xDC00 + octet: chr(octet) if octet >= 160 else " " for octet in range(128, 256)}
"""What was no UTF-8 (`surrogateescape`) is read as Latin-1: that is what telephone systems without UTF-8 write."""
_CLEAN = {**_CONTROLS, **_INVISIBLE, **_OCTETS}
_USER_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()&=+$,;?/")


class Outgoing(msgspec.Struct, frozen=True):
    """A request of ours in parts, from which its CANCEL, its ACK and its repetition with credentials are made."""

    method: str
    uri: str
    transport: str  # as in Via: "UDP", "TCP", "TLS"
    sent_by: str  # "host:port"
    branch: str
    from_: str
    to: str
    call_id: str
    cseq: int
    routes: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()  # further header lines, without line ends
    body: bytes = b""
    content_type: str = SDP_TYPE

    def to_bytes(self) -> bytes:
        head = [
            f"{self.method} {self.uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} {self.sent_by};branch={self.branch};rport",
            f"Max-Forwards: {MAX_FORWARDS}",
            *[f"Route: {route}" for route in self.routes],
            f"From: {self.from_}",
            f"To: {self.to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} {self.method}",
            *self.lines,
        ]
        return _finish(head, self.body, self.content_type)


ELSEWHERE = 'Reason: SIP;cause=200;text="Call completed elsewhere"'
"""RFC 3326: a phone that is told so has missed no call."""


def cancel_of(request: Outgoing, *, elsewhere: bool = False) -> Outgoing:
    """RFC 3261 9.1: everything as in the request, the branch too. `elsewhere`: somebody else has answered."""
    lines = (ELSEWHERE,) if elsewhere else ()
    return msgspec.structs.replace(request, method="CANCEL", lines=lines, body=b"")


def ack_of(request: Outgoing, refusal: Response) -> bytes:
    """The ACK to a refused INVITE, RFC 3261 17.1.1.3: the To is the response's."""
    return msgspec.structs.replace(
        request, method="ACK", to=refusal.headers.get("To"), lines=_credentials(request), body=b""
    ).to_bytes()


def again(request: Outgoing, *, cseq: int, add: Sequence[str] = (), drop: Sequence[str] = ()) -> Outgoing:
    """The same request once more as a new one, some header lines replaced (8.1.3.5)."""
    kept = [line for line in request.lines if line.partition(":")[0] not in drop]
    return msgspec.structs.replace(
        request, cseq=cseq, branch=next_branch(request.branch), lines=(*kept, *add)
    )


def next_branch(branch: str) -> str:
    """The branch of a repetition. It follows from the first one's: an INVITE that is challenged again after a restart
    is repeated under the very branch its repetition had before, so that no carrier takes it for a second call."""
    return f"{branch}.r"


def credentials_in(request: Outgoing) -> tuple[str, ...]:
    """The credentials of an INVITE, which its ACK repeats (22.1)."""
    return _credentials(request)


def outgoing_of(request: Request) -> Outgoing:
    """A request of ours read back, so that it can still be cancelled and acknowledged after a restart."""
    via = request.via
    known = (
        "Via",
        "Max-Forwards",
        "Route",
        "From",
        "To",
        "Call-ID",
        "CSeq",
        "Content-Type",
        "Content-Length",
    )
    return Outgoing(
        method=request.method,
        uri=str(request.uri),
        transport=via.transport,
        sent_by=f"{bracketed(via.host)}:{via.port or DEFAULT_SIP_PORT}",
        branch=via.branch,
        from_=request.headers.get("From"),
        to=request.headers.get("To"),
        call_id=request.call_id,
        cseq=request.cseq,
        routes=tuple(str(route) for route in request.routes),
        lines=tuple(f"{name}: {value}" for name, value in request.headers if name not in known),
        body=request.body,
        content_type=request.headers.get("Content-Type", SDP_TYPE),
    )


# -- answers ----------------------------------------------------------------------------------------------------


def answer_head(request: Request, source: Flow, *, to_tag: str) -> str:
    """What every answer to `request` begins with, after its status line (8.2.6.2).

    The topmost Via learns where the request really came from (18.2.1, RFC 3581 section 4). Everything is copied
    as it was written: a request too broken to be read still gets its answer.
    """
    headers = request.headers
    vias = headers.get_all("Via")
    first, rest = _first_of(vias[0])
    top = request.via
    if "rport" in top.params or top.host != source.remote_host:
        kept = [part for part in first.split(";") if _name_of(part) not in ("received", "rport")]
        first = f"{';'.join(kept)};received={source.remote_host}"
        if "rport" in top.params:
            first += f";rport={source.remote_port}"
    lines = [f"Via: {first}{rest}", *[f"Via: {via}" for via in vias[1:]]]
    for name in ("From", "To", "Call-ID", "CSeq"):
        if value := headers.get(name):
            if name == "To" and to_tag and not _tagged(request):
                value = f"{value};tag={to_tag}"
            lines.append(f"{name}: {value}")
    return "\r\n".join(lines)


def answer(
    head: str,
    status: int,
    *,
    reason: str = "",
    lines: Sequence[str] = (),
    body: bytes = b"",
    content_type: str = SDP_TYPE,
) -> bytes:
    return _finish([f"SIP/2.0 {status} {reason or reason_phrase(status)}", head, *lines], body, content_type)


def answer_flow(request: Request, source: Flow) -> Flow:
    """Where the answer goes: the same stream, or the datagram's source (18.2.2).

    Without `rport` the port is the Via's, as RFC 3261 asks. A `maddr` is not followed: it would let anybody aim
    our answers at a third party.
    """
    via = request.via
    if source.transport != "udp" or "rport" in via.params:
        return source
    port = via.port or DEFAULT_SIP_PORT
    return source if port == source.remote_port else msgspec.structs.replace(source, remote_port=port)


def may_be_answered(flow: Flow) -> bool:
    """Never a word to a broadcast, multicast or unspecified address, nor to port 0: nobody sends from there."""
    if not flow.remote_port:
        return False
    try:
        address = ipaddress.ip_address(flow.remote_host)
    except ValueError:
        return False
    return not (address.is_multicast or address.is_unspecified or flow.remote_host == "255.255.255.255")


# -- small texts --------------------------------------------------------------------------------------------------


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def clean(text: str, limit: int = NAME_CHARS_MAX) -> str:
    """Without control and direction-changing characters, and not too long: fit for a header, a screen and a journal."""
    return " ".join(text[: 4 * limit].translate(_CLEAN).split())[:limit].strip()


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def escaped_user(user: str) -> str:
    """The user part of a URI, RFC 3261 25.1: what is not allowed there is percent-encoded."""
    if all(char in _USER_SAFE for char in user):
        return user
    raw = user.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if chr(byte) in _USER_SAFE else f"%{byte:02X}" for byte in raw)


def _first_of(vias: str) -> tuple[str, str]:
    """The first of several Via values in one header line, and what follows it."""
    try:
        first = split_commas(vias)[0]
    except BadMessage:
        return vias, ""
    return first, vias[len(first) :]


def _tagged(request: Request) -> bool:
    try:
        return bool(request.to.tag)
    except BadMessage:
        return False


def _credentials(request: Outgoing) -> tuple[str, ...]:
    return tuple(
        line for line in request.lines if line.startswith(("Authorization:", "Proxy-Authorization:"))
    )


def _name_of(part: str) -> str:
    return part.partition("=")[0].strip().lower()


def _finish(head: list[str], body: bytes, content_type: str) -> bytes:
    if body:
        head.append(f"Content-Type: {content_type}")
    head.append(f"Content-Length: {len(body)}\r\n\r\n")
    return "\r\n".join(head).encode("utf-8", "surrogateescape") + body
