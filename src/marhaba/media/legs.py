"""One leg: what the arrays do not hold of it, its RTCP, and the figures of its life."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from marhaba.media import quality, rtcp
from marhaba.media.clips import Clip
from marhaba.media.dtmf import DigitReceiver, DigitSender
from marhaba.media.jitter import JitterBuffers
from marhaba.media.playing import Playing
from marhaba.media.protocol import LegStats
from marhaba.media.reception import Reception
from marhaba.media.rtp import RATE
from marhaba.media.sending import Sending
from marhaba.media.wire import Pair

_MS_A_SAMPLE: Final = 1000 / RATE


@dataclass(slots=True, eq=False)
class Leg:
    name: str
    row: int
    pair: Pair
    codec: int  # of g711
    event_payload: int
    sends: bool
    silent_s: float = 0.0  # 0: the worker's own
    hears: list[str] = field(default_factory=list)
    music: Clip | None = None
    playing: Playing | None = None
    digits_in: DigitReceiver = field(default_factory=DigitReceiver)
    digits_out: DigitSender = field(default_factory=DigitSender)
    silence_said: bool = False
    # What reports said and say. Times in seconds, `heard_ntp` the middle of the last sender report's.
    heard_ntp: int = 0
    heard_at: float = 0.0
    expected_before: int = 0
    received_before: int = 0
    round_trip_ms: float = 0.0
    remote_loss: float = 0.0
    remote_jitter_ms: float = 0.0
    bad_reports: int = 0


@dataclass(slots=True)
class Reports:
    """RTCP of all legs. `unix_offset_s` turns `now` into seconds since 1970."""

    reception: Reception
    sending: Sending
    cname: bytes
    unix_offset_s: float

    def make(self, leg: Leg, *, now: float, goodbye: bool = False) -> bytes:
        row = leg.row
        sender = None
        if self.sending.packets[row]:
            sender = rtcp.SenderInfo(
                rtcp.ntp_time(now + self.unix_offset_s),
                int(self.sending.timestamp[row]),
                int(self.sending.packets[row]),
                int(self.sending.octets[row]),
            )
        blocks = (self._block(leg, now),) if self.reception.known[row] else ()
        report = rtcp.Report(int(self.sending.ssrc[row]), sender, blocks)
        return rtcp.build(report, cname=self.cname, goodbye=goodbye)

    def take(self, leg: Leg, data: bytes, *, now: float) -> None:
        reports = rtcp.parse(data)
        if reports is None:
            leg.bad_reports += 1
            return
        for report in reports:
            if report.sender is not None:
                leg.heard_ntp, leg.heard_at = rtcp.middle(report.sender.ntp), now
        now_middle = rtcp.middle(rtcp.ntp_time(now + self.unix_offset_s))
        for block in rtcp.blocks_about(reports, int(self.sending.ssrc[leg.row])):
            sent = int(self.sending.packets[leg.row])
            leg.remote_loss = min(max(block.lost, 0) / sent, 1.0) if sent else 0.0
            leg.remote_jitter_ms = block.jitter * _MS_A_SAMPLE
            seconds = rtcp.round_trip_s(block, now_middle=now_middle)
            if seconds is not None:
                leg.round_trip_ms = seconds * 1000

    def _block(self, leg: Leg, now: float) -> rtcp.ReportBlock:
        row, reception = leg.row, self.reception
        expected, received = reception.expected(row), int(reception.received[row])
        expected_since, lost_since = expected - leg.expected_before, 0
        lost_since = expected_since - (received - leg.received_before)
        leg.expected_before, leg.received_before = expected, received
        fraction = min(255, 256 * lost_since // expected_since) if expected_since > 0 < lost_since else 0
        return rtcp.ReportBlock(
            ssrc=int(reception.ssrc[row]),
            fraction_lost=fraction,
            lost=reception.lost(row),
            highest=int(reception.highest[row]) - (1 << 16),
            jitter=int(reception.jitter[row]),
            last_report=leg.heard_ntp,
            since=int((now - leg.heard_at) * 65536) if leg.heard_ntp else 0,
        )


def leg_stats(
    leg: Leg, reception: Reception, buffers: JitterBuffers, sending: Sending, foreign: int
) -> LegStats:
    row = leg.row
    expected, lost, late = reception.expected(row), reception.lost(row), int(buffers.late[row])
    unheard = (lost + late) / expected if expected else 0.0
    delay_ms = quality.mouth_to_ear_ms(round_trip_ms=leg.round_trip_ms, buffered_ms=buffers.buffered_ms(row))
    return LegStats(
        received=int(reception.received[row]),
        sent=int(sending.packets[row]),
        lost=lost,
        late=late,
        foreign=foreign,
        malformed=int(reception.malformed[row]) + leg.bad_reports,
        jitter_ms=round(float(reception.jitter[row]) * _MS_A_SAMPLE, 3),
        remote_loss=round(leg.remote_loss, 5),
        remote_jitter_ms=round(leg.remote_jitter_ms, 3),
        round_trip_ms=round(leg.round_trip_ms, 3),
        mos=round(quality.mos(loss=unheard, delay_ms=delay_ms), 2) if expected else 0.0,
    )
