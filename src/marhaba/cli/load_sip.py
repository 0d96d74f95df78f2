"""SIP as the load generator speaks it: templates out, a few fields in. No state, no sockets.

It is deliberately another hand than `marhaba.sip`: a generator built on the stack it measures would share
its mistakes. It speaks plain RFC 3261 over UDP, as little of it as a carrier and a desk phone need.
"""

from __future__ import annotations

from dataclasses import dataclass

PROFILE = "RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
ALLOW = "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE\r\n"


@dataclass(slots=True)
class Fields:
    """What the generator needs of one message."""

    uri: str  # of a request
    method: str  # of a request, or of a response's CSeq
    status: int  # 0: a request
    vias: list[str]
    routes: list[str]  # Record-Route values, in the order received
    from_: str
    to: str
    call_id: str
    cseq: int
    contact: str
    authenticate: list[str]
    body: str


def read(data: bytes) -> Fields | None:
    """The fields of one datagram; None when it is not SIP."""
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    fields = Fields("", "", 0, [], [], "", "", "", 0, "", [], body)
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.lower().rstrip(), value.strip()
        if name in ("via", "v"):
            fields.vias.append(value)
        elif name in ("from", "f"):
            fields.from_ = value
        elif name in ("to", "t"):
            fields.to = value
        elif name in ("call-id", "i"):
            fields.call_id = value
        elif name == "cseq":
            number, _, fields.method = value.partition(" ")
            fields.cseq = int(number) if number.isascii() and number.isdigit() else 0
        elif name in ("contact", "m"):
            fields.contact = uri_in(value)
        elif name == "record-route":
            fields.routes.append(value)
        elif name == "www-authenticate":
            fields.authenticate.append(value)
    if start.startswith("SIP/2.0 "):
        fields.status = int(start[8:11]) if start[8:11].isdigit() else 0
        return fields if fields.status else None
    fields.method, _, rest = start.partition(" ")
    fields.uri = rest.partition(" ")[0]
    return fields if start.endswith("SIP/2.0") else None


def uri_in(value: str) -> str:
    """The URI of a name-addr or addr-spec."""
    _, bracket, rest = value.partition("<")
    return rest.partition(">")[0] if bracket else value.partition(";")[0]


def user_in(value: str) -> str:
    """The user part of a URI, or of the URI of a From or To value."""
    return uri_in(value).partition(":")[2].partition("@")[0].partition(";")[0]


def tag_in(value: str) -> str:
    return value.rpartition(";tag=")[2].partition(";")[0] if ";tag=" in value else ""


def audio_in(body: str) -> tuple[str, int]:
    """Host and port of the first audio line of an SDP; port 0 when there is none."""
    host, port = "", 0
    for line in body.splitlines():
        if line.startswith("c=IN IP4 "):
            host = line[9:].strip()
        elif line.startswith("m=audio "):
            word = line.split(" ")[1]
            port = int(word) if word.isdigit() else 0
    return host, port


def sdp(host: str, port: int, session: int, *, direction: str = "sendrecv") -> str:
    return (
        f"v=0\r\no=load {session} 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {port} {PROFILE}a=ptime:20\r\na={direction}\r\n"
    )


def request(
    method: str,
    target: str,
    *,
    via: str,
    from_: str,
    to: str,
    call_id: str,
    cseq: int,
    contact: str = "",
    routes: tuple[str, ...] = (),
    extra: str = "",
    body: str = "",
) -> bytes:
    """`via` is "host:port;branch=..."; `routes` is the route set in sending order."""
    route = "".join(f"Route: {value}\r\n" for value in routes)
    contact = f"Contact: <{contact}>\r\n" if contact else ""
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\n{route}Max-Forwards: 70\r\n"
        f"From: {from_}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n"
        f"{contact}{extra}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def response(fields: Fields, status: str, *, tag: str = "", contact: str = "", body: str = "") -> bytes:
    """RFC 3261 section 8.2.6.2: what identifies the request comes back as it came."""
    vias = "".join(f"Via: {value}\r\n" for value in fields.vias)
    routes = "".join(f"Record-Route: {value}\r\n" for value in fields.routes)
    to = fields.to if not tag or ";tag=" in fields.to else f"{fields.to};tag={tag}"
    contact = f"Contact: <{contact}>\r\n{ALLOW}" if contact else ""
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"SIP/2.0 {status}\r\n{vias}{routes}From: {fields.from_}\r\nTo: {to}\r\n"
        f"Call-ID: {fields.call_id}\r\nCSeq: {fields.cseq} {fields.method}\r\n"
        f"{contact}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
