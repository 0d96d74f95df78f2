"""RTP packets (RFC 3550 section 5.1): the scalar parser for the unusual ones, and the constants of both
paths.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

RATE: Final = 8000
FRAME: Final = 160
"""Octets of G.711 in 20 ms, the length of a tick and of every packet sent."""
TICK_S: Final = 0.020
HEADER_BYTES: Final = 12
PACKET_BYTES: Final = HEADER_BYTES + FRAME
AUDIO_BYTES_MAX: Final = 60 * 8
"""60 ms, the longest packet a telephone sends; a longer one is refused."""

COMFORT_NOISE: Final = 13  # RFC 3389
_HEADER: Final = struct.Struct(">BBHII")


@dataclass(slots=True)
class Packet:
    """One parsed packet; `payload` has neither padding nor header extension."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def parse(data: bytes) -> Packet | None:
    """None for what is not RTP: each length in the header is checked against what is there (RFC 3550
    appendix A.1).
    """
    if len(data) < HEADER_BYTES:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != 2:
        return None
    start = HEADER_BYTES + 4 * (first & 0x0F)
    if first & 0x10:  # header extension
        if len(data) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data)
    if first & 0x20:  # padding: its last octet says how much
        padding = data[-1]
        if padding == 0:
            return None
        end -= padding
    if end < start:
        return None
    return Packet(second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, data[start:end])


def build(packet: Packet) -> bytes:
    second = packet.payload_type | (0x80 if packet.marker else 0)
    header = _HEADER.pack(0x80, second, packet.sequence, packet.timestamp, packet.ssrc)
    return header + packet.payload


def looks_like_rtcp(data: bytes | memoryview) -> bool:
    """RFC 5761 section 4: packet types 192 to 223 never are an RTP payload type with its marker."""
    return len(data) >= 8 and data[0] >> 6 == 2 and 192 <= data[1] <= 223
