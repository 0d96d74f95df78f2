"""SIP messages: parsing and writing (RFC 3261 sections 7, 20, 25). Bytes in, bytes out, no I/O.

One pass splits the head; the typed views (Via, From, ...) are built when asked for and kept. What a verdict of RFC 4475 calls
invalid is refused here with the status it deserves; what is merely unacceptable (an unknown method, a
required extension) is left to the endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from marhaba.sip.errors import BadMessage
from marhaba.sip.uri import (
    REMEMBERED,
    REMEMBERED_CHARS_MAX,
    NameAddr,
    Uri,
    parse_name_addr,
    parse_params,
    parse_uri,
    split_commas,
    write_params,
)

MESSAGE_BYTES_MAX = 65_535
"""The largest UDP datagram; RFC 3261 18.1.1 asks implementations to take messages up to it."""
HEADERS_MAX = 256
"""RFC 4475's longest message has 55 lines; AST CVE-2018-7284 came with 50 Accept headers."""
CSEQ_MAX = 2**31 - 1  # 8.1.1.5

_REQUEST_LINE = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]+) (\S+) SIP/([0-9]+)\.([0-9]+)")
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2}) ([^\r\n]*)")
_HEADER = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]+)[ \t]*:")
_CSEQ = re.compile(r"([0-9]{1,10})[ \t]+([A-Za-z0-9\-.!%*_+`'~]+)")
_DIGITS = re.compile(r"[0-9]{1,10}")
_DATE = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT")
_VIA = re.compile(
    r"SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)[ \t]+"
    r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.\-_]*[A-Za-z0-9.])?)(?:[ \t]*:[ \t]*([0-9]{1,5}))?[ \t]*(;.*)?",
    re.IGNORECASE | re.DOTALL,
)
_CALL_ID = re.compile(r"[\x21-\x7e]+")
_VIA_PARAM = re.compile(r"[ \t]*;[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)(?:[ \t]*=[ \t]*([^;,\s]*))?[ \t]*")

_COMPACT = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
_SPECIAL = {
    "call-id": "Call-ID",
    "cseq": "CSeq",
    "www-authenticate": "WWW-Authenticate",
    "rack": "RAck",
    "rseq": "RSeq",
}
_SINGLE = frozenset(
    {"From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Content-Type", "Expires"}
)
_names: dict[str, str] = {}
NAMES_KEPT = 1_000
"""Header names seen, kept in their canonical spelling; beyond this a sender plays with us and pays the slow path."""


def canonical(name: str) -> str:
    """`v` -> `Via`, `CALL-ID` -> `Call-ID`."""
    found = _names.get(name)
    if found is None:
        low = name.lower()
        found = (
            _COMPACT.get(low) or _SPECIAL.get(low) or "-".join(part.capitalize() for part in low.split("-"))
        )
        if len(_names) < NAMES_KEPT:
            _names[name] = found
    return found


class Headers:
    """Header fields in order; names canonical, values unfolded text."""

    __slots__ = ("_first", "fields")

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self.fields = list(fields)
        self._first: dict[str, str] | None = None  # the first value of each name, made when first asked for

    def get(self, name: str, default: str = "") -> str:
        first = self._first
        if first is None:
            first = self._first = dict(reversed(self.fields))
        return first.get(name, default)

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]

    def add(self, name: str, value: str) -> None:
        self.fields.append((canonical(name), value))
        self._first = None

    def set(self, name: str, value: str) -> None:
        name = canonical(name)
        self._first = None
        for at, (key, _) in enumerate(self.fields):
            if key == name:
                self.fields[at] = (name, value)
                self.fields[at + 1 :] = [f for f in self.fields[at + 1 :] if f[0] != name]
                return
        self.fields.append((name, value))

    def remove(self, name: str) -> None:
        self.fields = [f for f in self.fields if f[0] != name]
        self._first = None

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self.fields)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)


class Via(msgspec.Struct, frozen=True):
    transport: str
    host: str
    port: int  # 0: not written
    params: Mapping[str, str | None]

    @property
    def branch(self) -> str:
        return self.params.get("branch") or ""

    @property
    def received(self) -> str:
        return (self.params.get("received") or "").strip("[]")

    @property
    def rport(self) -> str | None:
        """None: not asked for; "": asked for; else the port."""
        return self.params["rport"] or "" if "rport" in self.params else None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"SIP/2.0/{self.transport} {host}{port}{write_params(tuple(self.params.items()))}"


class _Message:
    """What requests and responses share: headers, body, and the typed views of headers."""

    __slots__ = ("body", "headers", "views")

    def __init__(self, headers: Headers, body: bytes) -> None:
        self.headers = headers
        self.body = body
        self.views: dict[str, Any] = {}

    @property
    def via(self) -> Via:
        return self.vias[0]

    @property
    def vias(self) -> list[Via]:
        found: list[Via] | None = self.views.get("vias")
        if found is None:
            found = [_parse_via(v) for text in self.headers.get_all("Via") for v in split_commas(text)]
            if not found:
                raise BadMessage(400, "Missing Via")
            self.views["vias"] = found
        return found

    @property
    def from_(self) -> NameAddr:
        return self._name_addr("From")

    @property
    def to(self) -> NameAddr:
        return self._name_addr("To")

    def _name_addr(self, name: str) -> NameAddr:
        found: NameAddr | None = self.views.get(name)
        if found is None:
            found = self.views[name] = parse_name_addr(self.headers.get(name))
        return found

    @property
    def call_id(self) -> str:
        return self.headers.get("Call-ID")

    @property
    def cseq(self) -> int:
        return self._cseq()[0]

    @property
    def cseq_method(self) -> str:
        return self._cseq()[1]

    def _cseq(self) -> tuple[int, str]:
        found: tuple[int, str] | None = self.views.get("cseq")
        if found is None:
            match = _CSEQ.fullmatch(self.headers.get("CSeq"))
            if match is None or int(match[1]) > CSEQ_MAX:
                raise BadMessage(400, "Bad CSeq")
            found = self.views["cseq"] = (int(match[1]), match[2])
        return found

    @property
    def contacts(self) -> list[NameAddr]:
        """Contact values; a lone `*` is a NameAddr whose URI has scheme "*"."""
        found: list[NameAddr] | None = self.views.get("contacts")
        if found is None:
            values = [c.strip(" \t") for text in self.headers.get_all("Contact") for c in split_commas(text)]
            found = [STAR if value == "*" else parse_name_addr(value) for value in values]
            self.views["contacts"] = found
        return found

    @property
    def max_forwards(self) -> int | None:
        return self._number("Max-Forwards", 255)

    @property
    def expires(self) -> int | None:
        return self._number("Expires", 2**32 - 1)

    def _number(self, name: str, limit: int) -> int | None:
        text = self.headers.get(name)
        if not text:
            return None
        if not _DIGITS.fullmatch(text) or int(text) > limit:
            raise BadMessage(400, f"Bad {name}")
        return int(text)

    @property
    def routes(self) -> list[NameAddr]:
        return [parse_name_addr(r) for text in self.headers.get_all("Route") for r in split_commas(text)]

    @property
    def record_routes(self) -> list[NameAddr]:
        return [
            parse_name_addr(r) for text in self.headers.get_all("Record-Route") for r in split_commas(text)
        ]

    def _write(self, start: str) -> bytes:
        lines = [start]
        lines += [f"{name}: {value}" for name, value in self.headers.fields if name != "Content-Length"]
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body


STAR = NameAddr("", Uri("*", opaque="*"))


class Request(_Message):
    __slots__ = ("method", "uri")

    def __init__(self, method: str, uri: Uri, headers: Headers, body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.method = method
        self.uri = uri

    def to_bytes(self) -> bytes:
        return self._write(f"{self.method} {self.uri} SIP/2.0")


class Response(_Message):
    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str, headers: Headers, body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.status = status
        self.reason = reason

    def to_bytes(self) -> bytes:
        return self._write(f"SIP/2.0 {self.status} {self.reason}")


def parse(data: bytes) -> Request | Response:
    """One datagram, or one message framed from a stream. Raises BadMessage and nothing else."""
    if len(data) > MESSAGE_BYTES_MAX:
        raise BadMessage(513, "Message Too Large")
    end = data.find(b"\r\n\r\n")
    head = (data if end < 0 else data[:end]).decode("utf-8", "surrogateescape").lstrip("\r\n")
    lines = head.split("\r\n")
    headers, trouble = _read_headers(lines)
    message, start_trouble = _start(lines[0], headers)
    trouble = start_trouble or trouble or ("Missing empty line" if end < 0 else "")
    if message is None:
        raise BadMessage(400, trouble)
    if trouble:
        raise BadMessage(505 if trouble == "Version Not Supported" else 400, trouble, _answerable(message))
    try:
        message.body = _body(message.headers, data[end + 4 :])
        _check(message)
    except BadMessage as bad:
        raise BadMessage(bad.status, bad.reason, _answerable(message)) from None
    return message


def _start(line: str, headers: Headers) -> tuple[Request | Response | None, str]:
    if line.startswith("SIP/"):
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            return None, "Bad Status-Line"
        return Response(int(match[1]), match[2], headers), ""
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        # Enough of it to answer 400 with: the method, and a URI that stands for the unreadable one.
        method = line.split(" ", 1)[0]
        return Request(method, Uri("sip", host="invalid"), headers), "Bad Request-Line"
    method, uri, major, minor = match.groups()
    if (major, minor) != ("2", "0"):
        return Request(method, Uri("sip", host="invalid"), headers), "Version Not Supported"
    try:
        parsed = parse_uri(uri)
    except BadMessage as bad:
        return Request(method, Uri("sip", host="invalid"), headers), bad.reason
    # 19.1.1: no headers in a Request-URI.
    return Request(method, parsed, headers), "Headers in Request-URI" if parsed.headers else ""


def _read_headers(lines: list[str]) -> tuple[Headers, str]:
    """Unfold and split; what is wrong is named and the rest is still read, to be able to answer."""
    fields: list[tuple[str, str]] = []
    trouble = ""
    for line in lines[1:]:
        if "\n" in line or "\r" in line:  # nor is it kept: an answer would carry it on
            trouble = "Bare CR or LF"
            continue
        if line[:1] in (" ", "\t"):
            if not fields:
                trouble = "Continuation without a header"
            else:
                fields[-1] = (fields[-1][0], " ".join((fields[-1][1], line.strip(" \t"))).strip(" \t"))
            continue
        match = _HEADER.match(line)
        if match is None:
            trouble = trouble or "Bad header line"
            continue
        fields.append((canonical(match[1]), line[match.end() :].strip(" \t")))
    if len(fields) > HEADERS_MAX:
        return Headers(fields[:HEADERS_MAX]), "Too many headers"
    seen: set[str] = set()
    for name, _ in fields:
        if name in _SINGLE:
            if name in seen:
                trouble = trouble or f"Several {name}"
            seen.add(name)
    return Headers(fields), trouble


def _body(headers: Headers, rest: bytes) -> bytes:
    text = headers.get("Content-Length")
    if not text:
        return rest
    if not _DIGITS.fullmatch(text):
        raise BadMessage(400, "Bad Content-Length")
    length = int(text)
    if length > len(rest):
        raise BadMessage(400, "Content-Length beyond the message")
    return rest[:length]  # 18.3: what follows in a datagram is ignored


def _check(message: Request | Response) -> None:
    """Every field that routing and matching hang on is read now, so that nobody trips over it later."""
    headers = message.headers
    for name in ("From", "To", "Call-ID", "CSeq"):
        if not headers.get(name):
            raise BadMessage(400, f"Missing {name}")
    _ = message.vias, message.from_, message.to, message.contacts, message.max_forwards
    if not _CALL_ID.fullmatch(message.call_id):
        raise BadMessage(400, "Bad Call-ID")
    method = message.cseq_method
    if isinstance(message, Request) and method != message.method:
        raise BadMessage(400, "CSeq method mismatch")
    if (date := headers.get("Date")) and not _DATE.fullmatch(date):
        raise BadMessage(400, "Bad Date")


def _answerable(message: Request | Response) -> Request | Response | None:
    """The message, when a response to it can be sent: it has a Via, readable or not.

    An unreadable Via is answered to where the message came from, as if it had asked for rport (RFC 3581).
    """
    if "Via" not in message.headers:
        return None
    try:
        _ = message.vias
    except BadMessage:
        message.views["vias"] = [Via("UDP", "invalid", 0, {"rport": None})]
    return message


def _parse_via(text: str) -> Via:
    return _known_via(text) if len(text) <= REMEMBERED_CHARS_MAX else _read_via(text)


def _read_via(text: str) -> Via:
    match = _VIA.fullmatch(text.strip(" \t"))
    if match is None:
        raise BadMessage(400, "Bad Via")
    transport, host, port, params = match.groups()
    number = int(port) if port else 0
    if number > 65_535:
        raise BadMessage(400, "Bad Via")
    return Via(transport.upper(), host.strip("[]"), number, _via_params(params) if params else {})


_known_via = lru_cache(REMEMBERED)(_read_via)


def _via_params(text: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    at = 0
    while at < len(text):
        match = _VIA_PARAM.match(text, at)
        if match is None:
            return dict(parse_params(text))
        found[match[1].lower()] = match[2]
        at = match.end()
    return found


REASONS = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    204: "No Notification",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    494: "Security Agreement Required",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}


def reason_phrase(status: int) -> str:
    return REASONS.get(status, "Unknown")


def response_to(
    request: Request,
    status: int,
    reason: str = "",
    *,
    to_tag: str = "",
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> Response:
    """RFC 3261 8.2.6.2: Via, From, To, Call-ID and CSeq are copied; `headers` follow."""
    fields = [f for f in request.headers.fields if f[0] in _COPIED]
    if to_tag and not request.to.tag:
        fields = [(n, f"{v};tag={to_tag}") if n == "To" else (n, v) for n, v in fields]
    fields.extend((canonical(name), value) for name, value in headers)
    return Response(status, reason or reason_phrase(status), Headers(fields), body)


_COPIED = frozenset({"Via", "From", "To", "Call-ID", "CSeq"})
