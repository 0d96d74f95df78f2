"""SIP's own refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marhaba.kernel.errors import MarhabaError

if TYPE_CHECKING:
    from marhaba.sip.message import Request, Response


class SipError(MarhabaError):
    """Base of what the SIP room refuses."""

    code = "sip"


class BadMessage(SipError):
    """Bytes that are no acceptable SIP message.

    `status` is what a request deserves; a response is dropped. `partial` holds what could be read when that is enough
    to answer (Via, From, To, Call-ID, CSeq).
    """

    code = "bad-message"

    def __init__(self, status: int, reason: str, partial: Request | Response | None = None) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.partial = partial


class BadSdp(SipError):
    """A session description that cannot be used (488)."""

    code = "bad-sdp"


class FramingError(SipError):
    """On a stream: where messages begin and end can no longer be known; the connection must be closed."""

    code = "framing"


class CannotListen(SipError):
    """A port that SIP was to listen on: another program has it, or the address is not this machine's."""

    code = "cannot-listen"

    def __init__(self, transport: str, address: tuple[str, int], error: OSError) -> None:
        host, port = address
        super().__init__(
            f"{transport} {host}:{port}: {error.strerror}",
            about={"transport": transport.upper(), "host": host, "port": port},
        )
        self.errno = error.errno
