"""RTCP (RFC 3550 section 6): sender and receiver reports out, reports of the far side in.

A compound that cannot be walked to its end counts as bad as a whole; packet types we have no use for are
stepped over.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SENDER_REPORT: Final = 200
RECEIVER_REPORT: Final = 201
DESCRIPTION: Final = 202
GOODBYE: Final = 203

INTERVAL_S: Final = 5.0  # RFC 3550 section 6.2: the recommended fixed minimum
COMPOUND_BYTES_MAX: Final = 1500
PACKETS_MAX: Final = 16  # in one compound; telephones send two or three
NTP_EPOCH_S: Final = 2_208_988_800  # from 1900 to 1970

_HEADER: Final = struct.Struct(">BBHI")
_SENDER: Final = struct.Struct(">IIIII")
_BLOCK: Final = struct.Struct(">IIIIII")
_CNAME: Final = 1


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What one side tells of the stream `ssrc` it receives. `last_report` and `since` in 1/65536 s."""

    ssrc: int
    fraction_lost: int  # of 256, since the report before
    lost: int  # over the stream's life; may be negative through duplicates
    highest: int  # extended sequence number
    jitter: int  # in samples
    last_report: int = 0
    since: int = 0


@dataclass(frozen=True, slots=True)
class SenderInfo:
    ntp: int  # 64 bits, seconds since 1900 and their fraction
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Report:
    """A sender report when `sender` is there, otherwise a receiver report."""

    ssrc: int
    sender: SenderInfo | None
    blocks: tuple[ReportBlock, ...]


def ntp_time(unix_s: float) -> int:
    """64-bit NTP time; its middle 32 bits are what reports refer to (RFC 3550 section 4)."""
    return int((unix_s + NTP_EPOCH_S) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


def middle(ntp: int) -> int:
    return ntp >> 16 & 0xFFFFFFFF


def build(report: Report, *, cname: bytes, goodbye: bool = False) -> bytes:
    """A compound: the report, the name, and BYE for a stream that ends."""
    blocks = b"".join(_pack_block(block) for block in report.blocks)
    count = len(report.blocks)
    if report.sender is None:
        body = blocks
        kind = RECEIVER_REPORT
    else:
        info = report.sender
        body = _SENDER.pack(
            info.ntp >> 32,
            info.ntp & 0xFFFFFFFF,
            info.timestamp & 0xFFFFFFFF,
            info.packets & 0xFFFFFFFF,
            info.octets & 0xFFFFFFFF,
        )
        body += blocks
        kind = SENDER_REPORT
    item = bytes((_CNAME, len(cname))) + cname
    item += bytes(4 - len(item) % 4)  # at least one zero ends the list
    compound = _packet(kind, count, report.ssrc, body) + _packet(DESCRIPTION, 1, report.ssrc, item)
    return compound + _packet(GOODBYE, 1, report.ssrc, b"") if goodbye else compound


def parse(data: bytes) -> list[Report] | None:
    """The reports of a compound (none for a lone SDES or BYE); None when it is malformed (appendix A.2)."""
    if not 8 <= len(data) <= COMPOUND_BYTES_MAX or len(data) % 4:
        return None
    reports: list[Report] = []
    at = 0
    for _ in range(PACKETS_MAX):
        if at == len(data):
            return reports
        first, kind, words = data[at], data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            return None
        if kind in (SENDER_REPORT, RECEIVER_REPORT):
            report = _report(data[at:end], count=first & 0x1F, sender=kind == SENDER_REPORT)
            if report is None:
                return None
            reports.append(report)
        at = end
    return reports if at == len(data) else None


def round_trip_s(block: ReportBlock, *, now_middle: int) -> float | None:
    """RFC 3550 section 6.4.1; None when the far side heard no report of ours yet or its clock went wrong."""
    if not block.last_report:
        return None
    units = (now_middle - block.last_report - block.since) & 0xFFFFFFFF
    return units / 65536 if units < 60 << 16 else None


def _report(data: bytes, *, count: int, sender: bool) -> Report | None:
    start = _HEADER.size + (_SENDER.size if sender else 0)
    if len(data) < start + count * _BLOCK.size:
        return None
    info = None
    if sender:
        high, low, timestamp, packets, octets = _SENDER.unpack_from(data, _HEADER.size)
        info = SenderInfo(high << 32 | low, timestamp, packets, octets)
    blocks = tuple(_unpack_block(data, start + n * _BLOCK.size) for n in range(count))
    return Report(int.from_bytes(data[4:8], "big"), info, blocks)


def _packet(kind: int, count: int, ssrc: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, kind, 1 + len(body) // 4, ssrc) + body


def _pack_block(block: ReportBlock) -> bytes:
    lost = max(-(1 << 23), min((1 << 23) - 1, block.lost)) & 0xFFFFFF
    return _BLOCK.pack(
        block.ssrc,
        block.fraction_lost << 24 | lost,
        block.highest & 0xFFFFFFFF,
        block.jitter & 0xFFFFFFFF,
        block.last_report,
        block.since & 0xFFFFFFFF,
    )


def _unpack_block(data: bytes, at: int) -> ReportBlock:
    ssrc, losses, highest, jitter, last_report, since = _BLOCK.unpack_from(data, at)
    lost = losses & 0xFFFFFF
    if lost >= 1 << 23:
        lost -= 1 << 24
    return ReportBlock(ssrc, losses >> 24, lost, highest, jitter, last_report, since)


def blocks_about(reports: Sequence[Report], ssrc: int) -> list[ReportBlock]:
    return [block for report in reports for block in report.blocks if block.ssrc == ssrc]
