"""RTP headers: whole ones are read, broken ones refused, and no bytes at all can do harm."""

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from marhaba.media import rtp

PLAIN = struct.pack(">BBHII", 0x80, 0x88, 7, 160, 0xABCD)


def test_a_plain_packet_is_read() -> None:
    packet = rtp.parse(PLAIN + b"\xd5" * 160)
    assert packet == rtp.Packet(8, True, 7, 160, 0xABCD, b"\xd5" * 160)
    assert rtp.build(packet) == PLAIN + b"\xd5" * 160


def test_contributors_extension_and_padding_are_cut_off() -> None:
    header = struct.pack(">BBHII", 0x80 | 0x20 | 0x10 | 2, 0, 1, 2, 3)
    data = header + b"CSRC" * 2 + struct.pack(">HH", 0xBEDE, 1) + b"extn" + b"sound" + b"\0\0\3"
    assert rtp.parse(data) == rtp.Packet(0, False, 1, 2, 3, b"sound")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        PLAIN[:11],
        b"\x40" + PLAIN[1:],  # version 1
        b"\x8f" + PLAIN[1:] + b"x" * 59,  # fifteen contributors need sixty octets
        b"\x90" + PLAIN[1:] + b"\xbe\xde\x00",  # half an extension header
        b"\x90" + PLAIN[1:] + b"\xbe\xde\xff\xff" + b"x" * 8,  # an extension longer than the packet
        b"\xa0" + PLAIN[1:] + b"x\x00",  # padding of nothing
        b"\xa0" + PLAIN[1:] + b"x\x03",  # more padding than packet
    ],
)
def test_a_header_that_lies_is_refused(data: bytes) -> None:
    assert rtp.parse(data) is None


@given(st.binary(max_size=200))
@example(b"\xff" * 200)
def test_any_bytes_are_a_packet_within_them_or_nothing(data: bytes) -> None:
    packet = rtp.parse(data)
    if packet is not None:
        assert packet.payload in data[rtp.HEADER_BYTES :]
