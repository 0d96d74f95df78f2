"""Where one SIP message ends and the next begins on a stream (RFC 3261 18.3, RFC 5626 keep-alives)."""

from __future__ import annotations

import re

from marhaba.sip.errors import FramingError
from marhaba.sip.message import MESSAGE_BYTES_MAX

HEAD_BYTES_MAX = 32_768
"""A head that has not ended by then is no SIP; the longest torture message has 3.5 kB."""
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t\r\n]*([^\r\n]*)", re.IGNORECASE)
_DIGITS = re.compile(rb"[0-9]{1,7}")


class StreamFramer:
    """Feed bytes as they come; whole messages come out. `pongs` counts keep-alives to answer with CRLF."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self.pongs = 0

    @property
    def partial(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Raises FramingError: the connection cannot be read any further and must be closed."""
        self._buffer += data
        messages: list[bytes] = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self) -> bytes | None:
        self._keep_alives()
        end = self._buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0:
            self._searched = len(self._buffer)
            if len(self._buffer) > HEAD_BYTES_MAX:
                raise FramingError("the head of a message does not end")
            return None
        if end > HEAD_BYTES_MAX:
            raise FramingError("the head of a message is too long")
        whole = end + 4 + self._length(bytes(self._buffer[: end + 2]))
        if len(self._buffer) < whole:
            return None
        message = bytes(self._buffer[:whole])
        del self._buffer[:whole]
        self._searched = 0
        return message

    def _keep_alives(self) -> None:
        """A double CRLF between messages asks for a pong; single ones are passed over (7.5)."""
        while self._buffer[:2] == b"\r\n":
            if self._buffer[:4] == b"\r\n\r\n":
                self.pongs += 1
                del self._buffer[:4]
            elif len(self._buffer) >= 4 or bytes(self._buffer[2:3]) not in (b"", b"\r"):
                del self._buffer[:2]
            else:
                return

    def _length(self, head: bytes) -> int:
        """On a stream Content-Length is mandatory; several that differ, or nonsense, lose the frame."""
        values = {value.strip() for value in _LENGTH.findall(head)}
        if len(values) != 1:
            raise FramingError("no Content-Length, or several")
        text = values.pop()
        if not _DIGITS.fullmatch(text) or int(text) > MESSAGE_BYTES_MAX:
            raise FramingError("bad Content-Length")
        return int(text)
