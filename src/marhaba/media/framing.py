"""Messages on the stream between floor and worker: MessagePack behind four big-endian bytes of length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from marhaba.kernel.errors import BadInput
from marhaba.media.edge_protocol import AnyEdgeCommand, AnyEdgeEvent
from marhaba.media.protocol import FRAME_BYTES_MAX, AnyCommand, AnyEvent

M = TypeVar("M")

_encoder = msgspec.msgpack.Encoder()


class BadFrame(BadInput):
    """The stream does not carry our messages; it cannot be read on."""

    code = "bad-frame"


def frame(message: msgspec.Struct) -> bytes:
    body = _encoder.encode(message)
    if len(body) > FRAME_BYTES_MAX:
        raise BadFrame(f"a message of {len(body)} bytes")
    return len(body).to_bytes(4, "big") + body


class FrameReader(Generic[M]):
    """Turns the bytes of a stream, cut anywhere, into messages."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[M]) -> None:
        self._decoder = decoder
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[M]:
        """Raises BadFrame; what came before the bad frame has been yielded by then."""
        self._held += data
        held, at = self._held, 0
        try:
            while len(held) - at >= 4:
                size = int.from_bytes(held[at : at + 4], "big")
                if size > FRAME_BYTES_MAX:
                    raise BadFrame(f"a message of {size} bytes")
                if len(held) - at - 4 < size:
                    return
                body = bytes(held[at + 4 : at + 4 + size])
                at += 4 + size
                try:
                    message = self._decoder.decode(body)
                except msgspec.DecodeError as error:
                    raise BadFrame(str(error)) from error
                yield message
        finally:
            del held[:at]


def command_reader() -> FrameReader[AnyCommand]:
    return FrameReader(msgspec.msgpack.Decoder(AnyCommand))


def event_reader() -> FrameReader[AnyEvent]:
    return FrameReader(msgspec.msgpack.Decoder(AnyEvent))


def edge_command_reader() -> FrameReader[AnyEdgeCommand]:
    return FrameReader(msgspec.msgpack.Decoder(AnyEdgeCommand))


def edge_event_reader() -> FrameReader[AnyEdgeEvent]:
    return FrameReader(msgspec.msgpack.Decoder(AnyEdgeEvent))
