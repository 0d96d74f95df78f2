"""RTCP: what we say can be read, what others say is checked to its last octet."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marhaba.media import rtcp

BLOCK = rtcp.ReportBlock(0xB, 12, -3, 70_000, 80, 0x01020304, 65_536)
SENDER = rtcp.SenderInfo(rtcp.ntp_time(1_700_000_000.5), 1600, 50, 8000)


@pytest.mark.parametrize("sender", [SENDER, None])
@pytest.mark.parametrize("blocks", [(), (BLOCK,)])
@pytest.mark.parametrize("goodbye", [False, True])
def test_a_report_is_read_as_it_was_written(
    sender: rtcp.SenderInfo | None, blocks: tuple[rtcp.ReportBlock, ...], goodbye: bool
) -> None:
    report = rtcp.Report(0xA, sender, blocks)
    data = rtcp.build(report, cname=b"abc", goodbye=goodbye)
    assert rtcp.parse(data) == [report]
    assert (data[-7] == rtcp.GOODBYE) == goodbye


@pytest.mark.parametrize("cname", [b"a", b"ab", b"abc", b"abcd", b"abcde"])
def test_the_name_ends_with_a_zero_on_a_word_boundary(cname: bytes) -> None:
    data = rtcp.build(rtcp.Report(1, None, ()), cname=cname)
    chunk = data[8 + 8 :]
    assert len(data) % 4 == 0
    assert chunk[: 2 + len(cname)] == bytes((1, len(cname))) + cname
    assert set(chunk[2 + len(cname) :]) == {0}


GOOD = rtcp.build(rtcp.Report(1, SENDER, (BLOCK,)), cname=b"abc")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD[:7],
        GOOD[:-1],  # not whole words
        GOOD[:-4],  # the last packet is longer than what is there
        b"\x40" + GOOD[1:],  # version 1
        b"\x9f" + GOOD[1:],  # thirty-one blocks announced, one there
        struct.pack(">BBH", 0x80, 200, 0) + b"\x80\xcb\x00\x00",  # a sender report of four octets
        struct.pack(">BBH", 0x80, 203, 0) * 17,  # more packets than anyone sends
        GOOD * 30,  # longer than a datagram
    ],
)
def test_a_compound_that_lies_is_refused_as_a_whole(data: bytes) -> None:
    assert rtcp.parse(data) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_reports_or_nothing(data: bytes) -> None:
    reports = rtcp.parse(data)
    assert reports is None or all(isinstance(report, rtcp.Report) for report in reports)


def test_round_trip_is_arrival_less_departure_less_the_wait_between() -> None:
    # RFC 3550 section 6.4.1, figure 2: A = 0xb710:8000, DLSR = 0x0005:4000, LSR = 0xb705:2000 give 6.125 s.
    block = rtcp.ReportBlock(1, 0, 0, 0, 0, 0xB705_2000, 0x0005_4000)
    assert rtcp.round_trip_s(block, now_middle=0xB710_8000) == 6.125


def test_no_round_trip_without_a_report_heard_or_with_a_clock_gone_wrong() -> None:
    assert rtcp.round_trip_s(rtcp.ReportBlock(1, 0, 0, 0, 0, 0, 9), now_middle=5) is None
    assert rtcp.round_trip_s(rtcp.ReportBlock(1, 0, 0, 0, 0, 900, 0), now_middle=5) is None
