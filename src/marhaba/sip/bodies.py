"""Which part of a message body is the session description. The description itself stays opaque here."""

from __future__ import annotations

from marhaba.sip.errors import SipError
from marhaba.sip.message import Request, Response

PARTS_MAX = 16
"""Parts of a multipart body that are looked at; carriers send two or three (SDP, ISUP, location)."""


class UnusableBody(SipError):
    """A body that must be understood and is not (415)."""

    code = "unusable-body"


def sdp_in(message: Request | Response) -> bytes:
    """The session description of a message, b"" when it carries none. UnusableBody: it carries something else."""
    body = message.body
    if not body:
        return b""
    headers = message.headers
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnusableBody("an encoded body")
    kind, _, params = headers.get("Content-Type").partition(";")
    kind = kind.strip(" \t").lower()
    if kind == "application/sdp":
        return body
    if kind.startswith("multipart/") and (found := _sdp_part(body, _boundary(params))):
        return found
    if "handling=optional" in headers.get("Content-Disposition").replace(" ", "").lower():
        return b""
    raise UnusableBody("a body that is no session description")


def _boundary(params: str) -> bytes:
    for param in params.split(";"):
        name, _, value = param.strip(" \t").partition("=")
        if name.lower() == "boundary":
            return value.strip('" \t').encode("utf-8", "surrogateescape")
    return b""


def _sdp_part(body: bytes, boundary: bytes) -> bytes:
    """The first application/sdp part; RFC 2046 5.1.1: the line end before a boundary belongs to the boundary."""
    if not boundary:
        return b""
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary, PARTS_MAX)[1:]:
        head, _, content = part.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.strip() in (b"content-type", b"c") and value.strip().startswith(b"application/sdp"):
                return content
    return b""
