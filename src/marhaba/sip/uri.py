"""SIP URIs and the name-addr form that wraps them (RFC 3261 sections 19.1 and 20.10)."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

import msgspec

from marhaba.sip.errors import BadMessage

URI_CHARS_MAX = 4_096
"""RFC 4475's longest URI has a few hundred; nobody dials more."""

REMEMBERED = 4_096
"""URIs and addresses read last: the messages of one call repeat the same few."""
REMEMBERED_CHARS_MAX = 256
"""A longer one is read each time, so that a sender cannot fill memory with them."""

Params = tuple[tuple[str, str | None], ...]

_SIP_URI = re.compile(
    r"(sips?):"
    r"(?:((?:[A-Za-z0-9\-_.!~*'()&=+$,;?/]|%[0-9A-Fa-f]{2})+)(?::((?:[A-Za-z0-9\-_.!~*'()&=+$,]|%[0-9A-Fa-f]{2})*))?@)?"
    r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.\-_]*[A-Za-z0-9.])?)"
    r"(?::([0-9]{1,5}))?"
    r"((?:;[^;?\s<>\"]*)*)"
    r"(?:\?(\S*))?",
    re.IGNORECASE,
)
_VISIBLE = re.compile(r"[\x21-\x7e]*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_PARAM = re.compile(
    r"[ \t]*;[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)"
    r"(?:[ \t]*=[ \t]*(\"(?:[^\"\\]|\\.)*\"|[^;,\"\s=<>]+(?:=[^;,\"\s<>]*)*))?[ \t]*",
    re.DOTALL,
)
_DISPLAY = re.compile(r"(?:\"((?:[^\"\\]|\\.)*)\"|([A-Za-z0-9\-.!%*_+`'~ \t]*?))[ \t]*<", re.DOTALL)


class Uri(msgspec.Struct, frozen=True):
    """`user` and `password` stay as written, escapes included; IPv6 hosts stand without brackets.

    Another scheme than sip or sips keeps its text in `opaque`, so that it can be shown and refused.
    """

    scheme: str
    user: str = ""
    password: str = ""
    host: str = ""
    port: int = 0
    params: Params = ()
    headers: str = ""
    opaque: str = ""

    def param(self, name: str) -> str | None:
        """The value of a parameter ("" when it has none), or None when it is absent."""
        for key, value in self.params:
            if key == name:
                return value or ""
        return None

    @property
    def user_decoded(self) -> str:
        return unquote(self.user, errors="replace")

    def __str__(self) -> str:
        if self.opaque:
            return f"{self.scheme}:{self.opaque}"
        user = f"{self.user}:{self.password}@" if self.password else f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{host}{port}{write_params(self.params)}{headers}"


class NameAddr(msgspec.Struct, frozen=True):
    """From, To, Contact, Route... The display name is unquoted."""

    display: str
    uri: Uri
    params: Params = ()

    def param(self, name: str) -> str | None:
        for key, value in self.params:
            if key == name:
                return value or ""
        return None

    @property
    def tag(self) -> str:
        return self.param("tag") or ""

    def __str__(self) -> str:
        quoted = self.display.replace("\\", "\\\\").replace('"', '\\"')
        display = f'"{quoted}" ' if quoted else ""
        return f"{display}<{self.uri}>{write_params(self.params)}"


def write_params(params: Params) -> str:
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in params)


def parse_uri(text: str) -> Uri:
    """Raises BadMessage(400)."""
    return _known_uri(text) if len(text) <= REMEMBERED_CHARS_MAX else _read_uri(text)


def _read_uri(text: str) -> Uri:
    if len(text) > URI_CHARS_MAX:
        raise BadMessage(414, "Request-URI Too Long")
    if not _VISIBLE.fullmatch(text):  # 25.1: whatever else is in it, it is ASCII
        raise BadMessage(400, "Bad URI")
    match = _SIP_URI.fullmatch(text)
    if match is not None:
        scheme, user, password, host, port, params, headers = match.groups()
        number = int(port) if port else 0
        if number > 65_535 or (host[0] != "[" and ".." in host):
            raise BadMessage(400, "Bad URI")
        return Uri(
            scheme.lower(),
            user or "",
            password or "",
            host.strip("[]"),
            number,
            _uri_params(params) if params else (),
            headers or "",
        )
    scheme, colon, rest = text.partition(":")
    if not colon or not rest or scheme.lower() in ("sip", "sips") or not _SCHEME.fullmatch(scheme):
        raise BadMessage(400, "Bad URI")
    if any(c in '<>"' for c in rest):
        raise BadMessage(400, "Bad URI")
    return Uri(scheme.lower(), opaque=rest)


def _uri_params(text: str) -> Params:
    found: list[tuple[str, str | None]] = []
    for part in text[1:].split(";"):
        name, equals, value = part.partition("=")
        if not name:
            raise BadMessage(400, "Bad URI")
        found.append((name.lower(), value if equals else None))
    return tuple(found)


def parse_params(text: str) -> Params:
    """`;name=value` ones of a header field; white space is allowed around separators, emptiness is not."""
    found: list[tuple[str, str | None]] = []
    at, end = 0, len(text)
    while at < end:
        match = _PARAM.match(text, at)
        if match is None:
            if not text[at:].strip(" \t"):
                break
            raise BadMessage(400, "Bad parameters")
        found.append((match[1].lower() if match[1].isascii() else match[1], match[2]))
        at = match.end()
    return tuple(found)


def parse_name_addr(text: str) -> NameAddr:
    """One name-addr or addr-spec with parameters. Raises BadMessage(400)."""
    return _known_name_addr(text) if len(text) <= REMEMBERED_CHARS_MAX else _read_name_addr(text)


def _read_name_addr(text: str) -> NameAddr:
    text = text.strip(" \t")
    match = _DISPLAY.match(text)
    if match is not None:
        close = text.find(">", match.end())
        if close < 0:
            raise BadMessage(400, "Unclosed <")
        display = (
            re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL) if match[1] is not None else match[2].strip()
        )
        return NameAddr(display, parse_uri(text[match.end() : close]), parse_params(text[close + 1 :]))
    if "<" in text or '"' in text.partition(";")[0]:
        raise BadMessage(400, "Bad display name")
    # Without brackets every parameter is the header field's (20.10), and a URI with headers must be bracketed.
    uri, semicolon, params = text.partition(";")
    uri = uri.rstrip(" \t")
    if "?" in uri or "," in uri:
        raise BadMessage(400, "URI needs <>")
    return NameAddr("", parse_uri(uri), parse_params(semicolon + params) if semicolon else ())


_known_uri = lru_cache(REMEMBERED)(_read_uri)
_known_name_addr = lru_cache(REMEMBERED)(_read_name_addr)


def parse_name_addrs(text: str) -> list[NameAddr]:
    return [parse_name_addr(part) for part in split_commas(text)]


def split_commas(text: str) -> list[str]:
    """Split a header field at its commas, not at those inside quotes or brackets."""
    if "," not in text:
        return [text]
    parts: list[str] = []
    start = 0
    quoted = escaped = bracketed = False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted:
            escaped = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char == "<":
            bracketed = True
        elif char == ">":
            bracketed = False
        elif char == "," and not bracketed:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    if not all(part.strip(" \t") for part in parts):
        raise BadMessage(400, "Empty list element")
    return parts
