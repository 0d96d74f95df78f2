"""What arrives: batches of packets checked against each leg's stream, counted by RFC 3550, handed to the
jitter buffers.

The packet that looks as expected (version 2 and nothing optional, the leg's payload type and SSRC, the next
sequence number, 20 ms) is handled for all legs at once. Everything else goes one by one through
`_accept_one`; there the rules are.

A new SSRC is believed when its predecessor has been silent for 60 ms or when it sends two packets in
sequence (RFC 3550 appendix A.1), so a stray packet cannot take a stream over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from marhaba.media import g711, rtp
from marhaba.media.jitter import AHEAD_MAX, DRY_TICKS, Index, JitterBuffers

ROW_BYTES: Final = 512
"""60 ms of G.711 with its header take 492; what fills a row is longer than any packet we accept."""
FEW: Final = 6
"""Below this many packets the one-by-one path is the faster one."""
GAP_MAX: Final = 3000
BEHIND_MAX: Final = 100
"""RFC 3550 appendix A.1: MAX_DROPOUT and MAX_MISORDER."""

DigitSink = Callable[[int, int, bytes], None]
"""Leg, timestamp and payload of a telephone-event packet."""


class Reception:
    """Rows are legs, as in `JitterBuffers`."""

    def __init__(self, legs_max: int, buffers: JitterBuffers, *, on_event: DigitSink) -> None:
        self._buffers = buffers
        self._on_event = on_event
        self.event_payload = np.zeros(legs_max, np.int64)
        self.ssrc = np.zeros(legs_max, np.uint32)
        self.known = np.zeros(legs_max, np.bool_)  # a stream was seen
        self.candidate = np.full(legs_max, -1, np.int64)  # SSRC << 16 | sequence expected next
        self.first = np.zeros(legs_max, np.int64)  # extended sequence numbers of the current stream
        self.highest = np.zeros(legs_max, np.int64)
        self.window = np.zeros(legs_max, np.uint64)  # bit n: `highest - n` was received
        self.received = np.zeros(legs_max, np.int64)
        self.expected_before = np.zeros(legs_max, np.int64)  # of the streams before the current one
        self.malformed = np.zeros(legs_max, np.int64)
        self.transit = np.zeros(legs_max, np.uint32)
        self.jitter = np.zeros(legs_max, np.float64)  # in samples
        self.heard = np.zeros(legs_max, np.int64)  # tick of the last packet of any kind

    def open(self, leg: int, *, codec: int, event_payload: int, tick: int) -> None:
        for counts in (self.received, self.expected_before, self.malformed, self.highest, self.first):
            counts[leg] = 0
        self.known[leg] = False
        self.candidate[leg] = -1
        self.jitter[leg] = 0.0
        self.heard[leg] = tick
        self._buffers.reset_counts(leg)
        self.aim(leg, codec=codec, event_payload=event_payload)

    def aim(self, leg: int, *, codec: int, event_payload: int) -> None:
        """What the leg's far side sends from now on. A change of codec empties the buffer: its octets mean
        other levels.
        """
        self.event_payload[leg] = event_payload
        if self._buffers.codec[leg] != codec or not self.known[leg]:
            self._buffers.codec[leg] = codec
            self._buffers.clear(leg)

    def expected(self, leg: int) -> int:
        current = int(self.highest[leg] - self.first[leg]) + 1 if self.known[leg] else 0
        return int(self.expected_before[leg]) + current

    def lost(self, leg: int) -> int:
        """Never negative here: duplicates are not counted as received (they were not heard either)."""
        return max(0, self.expected(leg) - int(self.received[leg]))

    def accept(self, legs: Index, lengths: NDArray[np.int64], rows: g711.Octets, *, tick: int) -> None:
        """One packet a leg at most: `rows[i, :lengths[i]]` came from leg `legs[i]`'s far side."""
        self.heard[legs] = tick
        if len(legs) <= FEW:
            left = range(len(legs))
        else:
            left = self._accept_plain(legs, lengths, rows, tick).tolist()
        for at in left:
            self._accept_one(int(legs[at]), rows[at, : lengths[at]].tobytes(), tick)

    def _accept_plain(self, legs: Index, lengths: NDArray[np.int64], rows: g711.Octets, tick: int) -> Index:
        """Takes what is as expected; returns which packets were not."""
        words = rows[:, : rtp.HEADER_BYTES].copy().view(">u4").astype(np.uint32)
        first, timestamps, ssrc = words[:, 0], words[:, 1], words[:, 2]
        payload_type = np.array(g711.PAYLOAD_OF_CODEC, np.uint32)[self._buffers.codec[legs]]
        plain = (first & 0xFF7F0000) == (0x80000000 | payload_type << 16)
        plain &= lengths == rtp.PACKET_BYTES
        plain &= self.known[legs] & (self.ssrc[legs] == ssrc)
        step = ((first & 0xFFFF).astype(np.int64) - self.highest[legs]) & 0xFFFF
        plain &= (step >= 1) & (step < 64)
        picked = np.flatnonzero(plain)
        if len(picked) < len(legs):
            legs, step, timestamps, rows = legs[picked], step[picked], timestamps[picked], rows[picked]
        taken = self._buffers.insert(
            legs, timestamps, rows[:, rtp.HEADER_BYTES : rtp.PACKET_BYTES], tick=tick
        )
        if not taken.all():
            plain[picked[~taken]] = False
            legs, step, timestamps = legs[taken], step[taken], timestamps[taken]
        self._count(legs, step, timestamps, tick)
        return np.flatnonzero(~plain)

    def _count(self, legs: Index, step: NDArray[np.int64], timestamps: NDArray[np.uint32], tick: int) -> None:
        self.highest[legs] += step
        self.window[legs] = (self.window[legs] << step.astype(np.uint64)) | np.uint64(1)
        self.received[legs] += 1
        # RFC 3550 section 6.4.1, with the tick as the clock of arrivals.
        transit = np.uint32(tick * rtp.FRAME & 0xFFFFFFFF) - timestamps
        change = np.abs((transit - self.transit[legs]).view(np.int32)).astype(np.float64)
        self.jitter[legs] += (change - self.jitter[legs]) / 16
        self.transit[legs] = transit

    def _accept_one(self, leg: int, data: bytes, tick: int) -> None:
        packet = rtp.parse(data)
        if packet is None or len(data) >= ROW_BYTES or not self._understood(leg, packet):
            self.malformed[leg] += 1
            return
        if not self.known[leg] or packet.ssrc != self.ssrc[leg]:
            if not self._believed(leg, packet, tick):
                return
            self._begin(leg, packet, tick)
        elif not self._in_sequence(leg, packet):
            return
        self.received[leg] += 1
        kind = packet.payload_type
        if kind == self.event_payload[leg]:
            self._on_event(leg, packet.timestamp, packet.payload)
        elif kind in g711.CODEC_OF_PAYLOAD:
            self._hear(leg, packet, tick)

    def _understood(self, leg: int, packet: rtp.Packet) -> bool:
        kind = packet.payload_type
        if kind in g711.CODEC_OF_PAYLOAD:
            return 0 < len(packet.payload) <= rtp.AUDIO_BYTES_MAX
        return kind == rtp.COMFORT_NOISE or (kind == self.event_payload[leg] != 0)

    def _hear(self, leg: int, packet: rtp.Packet, tick: int) -> None:
        payload, codec = packet.payload, g711.CODEC_OF_PAYLOAD[packet.payload_type]
        if codec != self._buffers.codec[leg]:
            payload = g711.transcode(np.frombuffer(payload, np.uint8), codec).tobytes()
        self._buffers.insert_one(leg, packet.timestamp, payload, tick=tick, marker=packet.marker)
        transit = (tick * rtp.FRAME - packet.timestamp) & 0xFFFFFFFF
        change = (transit - int(self.transit[leg])) & 0xFFFFFFFF
        change = min(change, (1 << 32) - change)
        if change < AHEAD_MAX * rtp.FRAME:  # a jump of the time line is no jitter
            self.jitter[leg] += (change - self.jitter[leg]) / 16
        self.transit[leg] = transit

    def _believed(self, leg: int, packet: rtp.Packet, tick: int) -> bool:
        """Whether a packet of an SSRC that is not the leg's may replace it."""
        if not self.known[leg] or tick - int(self._buffers.in_time[leg]) >= DRY_TICKS:
            return True
        mark = packet.ssrc << 16 | packet.sequence
        believed = int(self.candidate[leg]) == mark
        self.candidate[leg] = packet.ssrc << 16 | ((packet.sequence + 1) & 0xFFFF)
        return believed

    def _begin(self, leg: int, packet: rtp.Packet, tick: int) -> None:
        self.expected_before[leg] = self.expected(leg)
        self.known[leg] = True
        self.candidate[leg] = -1
        self.ssrc[leg] = packet.ssrc
        self.first[leg] = self.highest[leg] = packet.sequence + (1 << 16)
        self.window[leg] = 1
        self.transit[leg] = (tick * rtp.FRAME - packet.timestamp) & 0xFFFFFFFF
        self._buffers.clear(leg)

    def _in_sequence(self, leg: int, packet: rtp.Packet) -> bool:
        """Counts by RFC 3550 appendix A.1. False: a duplicate, or a number that fits nothing."""
        step = (packet.sequence - int(self.highest[leg])) & 0xFFFF
        if 0 < step < GAP_MAX:
            window = int(self.window[leg]) << step if step < 64 else 0
            self.window[leg] = (window | 1) & 0xFFFFFFFFFFFFFFFF
            self.highest[leg] += step
            return True
        behind = (1 << 16) - step if step else 0
        if behind < 64:
            bit = 1 << behind
            if int(self.window[leg]) & bit:
                return False
            self.first[leg] = min(int(self.first[leg]), int(self.highest[leg]) - behind)
            self.window[leg] = int(self.window[leg]) | bit
            return True
        if behind <= BEHIND_MAX:
            return False
        # A jump within one SSRC: the far side restarted. Two packets in sequence prove it.
        mark = packet.ssrc << 16 | packet.sequence
        if int(self.candidate[leg]) == mark:
            self.expected_before[leg] = self.expected(leg)
            self.first[leg] = self.highest[leg] = packet.sequence + (1 << 16)
            self.window[leg] = 1
            self.candidate[leg] = -1
            return True
        self.candidate[leg] = packet.ssrc << 16 | ((packet.sequence + 1) & 0xFFFF)
        return False
