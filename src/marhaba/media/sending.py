"""What leaves: one packet a leg each tick, all headers of a tick written at once.

The time line of a leg's outgoing stream moves by 160 every tick whether something is sent or not, so that a
pause in sending is a pause and not a jump (RFC 3550 section 5.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from marhaba.media import g711, rtp
from marhaba.media.dtmf import EventPacket
from marhaba.media.jitter import Index
from marhaba.media.rtp import FRAME
from marhaba.media.wire import Address, Pair

_WORDS: Final = rtp.PACKET_BYTES // 4
_VERSION: Final = 0x80000000
_MARKER: Final = 0x00800000

_Route = tuple[Callable[[memoryview | bytes, Address], int], Address]


class Sending:
    """Rows are legs."""

    def __init__(self, legs_max: int) -> None:
        self._words = np.zeros((legs_max, _WORDS), ">u4")
        self._octets = self._words.view(np.uint8)
        self._views: list[memoryview | bytes] = [row.data for row in self._octets]
        self._special: list[int] = []  # rows whose view is replaced in this tick
        self.payload_type = np.zeros(legs_max, np.uint32)
        self.sequence = np.zeros(legs_max, np.uint32)
        self.timestamp = np.zeros(legs_max, np.uint32)
        self.ssrc = np.zeros(legs_max, np.uint32)
        self.marked = np.zeros(legs_max, np.uint32)  # `_MARKER` for the first packet after a pause
        self.packets = np.zeros(legs_max, np.int64)
        self.octets = np.zeros(legs_max, np.int64)
        self._routes: dict[int, _Route] = {}  # by row
        self._rows: Index | None = np.zeros(0, np.intp)  # None: `_routes` changed

    def open(self, row: int, *, ssrc: int, sequence: int, timestamp: int) -> None:
        """The three start at random (RFC 3550 section 5.1)."""
        self.ssrc[row], self.sequence[row], self.timestamp[row] = ssrc, sequence, timestamp
        self.packets[row] = self.octets[row] = 0
        self.mark(row)

    def aim(self, row: int, codec: int) -> None:
        self.payload_type[row] = g711.PAYLOAD_OF_CODEC[codec]

    def mark(self, row: int) -> None:
        self.marked[row] = _MARKER

    def route(self, row: int, pair: Pair | None) -> None:
        """Where a leg's packets go from now on; None: it sends nothing."""
        if pair is not None:
            self._routes[row] = (pair.media.sendto, pair.remote)
        elif self._routes.pop(row, None) is None:
            return
        self._rows = None

    @property
    def to_anyone(self) -> bool:
        return bool(self._routes)

    def replace(self, row: int, event: EventPacket, *, payload_type: int) -> None:
        """Send a telephone-event packet instead of this tick's audio."""
        packet = rtp.Packet(
            payload_type,
            event.marker,
            int(self.sequence[row]) & 0xFFFF,
            event.timestamp,
            int(self.ssrc[row]),
            event.payload,
        )
        self._views[row] = rtp.build(packet)
        self._special.append(row)

    def send(self, out: g711.Octets) -> None:
        """`out` (rows, 160): what each leg hears."""
        if self._routes:
            self._write(out)
        self._count(len(out))

    def _write(self, out: g711.Octets) -> None:
        count = len(out)
        self._octets[:count, rtp.HEADER_BYTES :] = out
        words = self._words[:count]
        words[:, 0] = (
            _VERSION
            | self.marked[:count]
            | self.payload_type[:count] << 16
            | (self.sequence[:count] & 0xFFFF)
        )
        words[:, 1] = self.timestamp[:count]
        words[:, 2] = self.ssrc[:count]
        views = self._views
        for row, (sendto, remote) in self._routes.items():
            try:
                sendto(views[row], remote)
            except (
                OSError
            ):  # no route or no buffer now: lost as any datagram may be, and the far side counts it
                continue

    def skip(self, count: int, ticks: int) -> None:
        """Ticks that never took place leave a gap in the time line."""
        self.timestamp[:count] += np.uint32(ticks * FRAME)

    def _count(self, count: int) -> None:
        self.timestamp[:count] += np.uint32(FRAME)
        if self._routes:
            rows = self._rows
            if rows is None:
                rows = self._rows = np.fromiter(self._routes, np.intp, len(self._routes))
            self.sequence[rows] += 1
            self.packets[rows] += 1
            self.octets[rows] += FRAME
            self.marked[rows] = 0
        for row in self._special:
            self.octets[row] += len(self._views[row]) - rtp.HEADER_BYTES - FRAME
            self._views[row] = self._octets[row].data
        self._special.clear()
