"""The jitter buffers of all legs at once: G.711 in by RTP timestamp, one 20 ms frame a leg out each tick.

A leg's time line is cut into frames of 160 octets, numbered from an arbitrary start. Frame f lies in slot f
mod 64 of the leg's ring, and `stamp` tells which frame the slot holds, so nothing is ever cleared. `play` is
the frame the next tick takes. The *slack* of a packet is how many ticks before its turn it arrived: its
frame minus `play`.

The depth adapts to the least slack of the last seconds. A packet that came too late moves `play` back to it
(what was played instead becomes the pause in which the buffer grew), or, when younger sound was played
already, lets the next pause last longer. When every packet of the last two seconds came earlier than the
jitter asks for, frames are left out: silent ones at once, spoken ones one in half a second and only from 100
ms upwards.

The common packet (20 ms, in order, aligned) goes through `insert`, vectorised over legs; all others through
`insert_one`. What is missing is the last frame at half, then at a quarter of its level, then silence.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from marhaba.media import g711
from marhaba.media.rtp import FRAME

Index = NDArray[np.intp]
Flags = NDArray[np.bool_]

SLOTS: Final = 64
"""1.28 s: a stall of the network that a talk survives is shorter."""
AHEAD_MAX: Final = SLOTS - 4
GROW_MAX: Final = 12
"""240 ms: beyond it people interrupt each other (G.114 asks for less than 150 ms, satellites have 250)."""
PREFILL: Final = 2
"""The slack the first packet of a stream is given: 40 ms, before anything is known of its jitter."""
MARGIN_MAX: Final = 5
ADAPT_TICKS: Final = 100
"""Two windows of 2 s are looked back on: long enough to hold the worst packet of a steady jitter."""
SPOKEN_EXCESS: Final = 5
SPOKEN_EVERY: Final = 25
DRY_TICKS: Final = 3
"""60 ms without a packet in time: a stream that jumps after it starts anew instead of being judged late."""
OUTSIDE_TICKS: Final = 6
"""A stream that stays outside the window for 120 ms has a new time line; a burst after a stall is over by
then.
"""
REPEATS: Final = 2
QUIET: Final = 400
"""A frame whose highest sample is below -38 dBFS may be left out or doubled unheard."""

_SLOT: Final = SLOTS - 1
_START: Final = 1 << 20  # no frame number of a live stream is negative, so -1 is free to mean "none"
_NEVER: Final = 1 << 40
_SILENCE: Final = np.repeat(np.array(g711.SILENCE, np.uint8)[:, None], FRAME, axis=1)
"""A frame of silence in each codec."""


class JitterBuffers:
    """Rows are legs. `codec` belongs to the caller, who may change a row after `clear`."""

    def __init__(self, legs_max: int) -> None:
        self.codec = np.full(legs_max, g711.A_LAW, np.intp)
        self.ring = np.zeros((legs_max, SLOTS, FRAME), np.uint8)
        self.stamp = np.full((legs_max, SLOTS), -1, np.int64)
        self.play = np.full(legs_max, _START, np.int64)
        self.started = np.zeros(legs_max, np.bool_)
        self.reference_time = np.zeros(legs_max, np.uint32)
        self.reference_frame = np.zeros(legs_max, np.int64)
        self.newest = np.zeros(legs_max, np.int64)
        self.good = np.full(legs_max, -1, np.int64)
        self.misses = np.zeros(legs_max, np.int64)
        self.least = np.full(legs_max, _NEVER, np.int64)
        self.least_before = np.full(legs_max, _NEVER, np.int64)
        self.excess = np.zeros(legs_max, np.int64)
        self.hold = np.zeros(legs_max, np.int64)
        self.in_time = np.full(legs_max, -_NEVER, np.int64)  # tick of the last packet within the window
        self.outside = np.full(legs_max, -1, np.int64)  # tick since which packets fall outside it
        self.late = np.zeros(legs_max, np.int64)
        self.concealed = np.zeros(legs_max, np.int64)
        self._rows = np.arange(legs_max)

    def clear(self, leg: int) -> None:
        """Forget a stream: the next packet starts a new time line. Counts stay."""
        self.started[leg] = False
        self.stamp[leg] = -1
        self.good[leg] = -1
        self.least[leg] = self.least_before[leg] = _NEVER
        self.excess[leg] = self.hold[leg] = 0
        self.outside[leg] = -1
        self.in_time[leg] = -_NEVER

    def reset_counts(self, leg: int) -> None:
        self.late[leg] = self.concealed[leg] = 0

    def insert(
        self, legs: Index, timestamps: NDArray[np.uint32], payloads: g711.Octets, *, tick: int
    ) -> Flags:
        """Packets of 20 ms, at most one a leg. True where one was taken; the others need `insert_one`."""
        step = (timestamps - self.reference_time[legs]).view(np.int32).astype(np.int64)
        frames = step // FRAME
        aligned = frames * FRAME == step
        frames += self.reference_frame[legs]
        slack = frames - self.play[legs]
        slots = frames & _SLOT
        taken: Flags = aligned & self.started[legs] & (slack >= 0) & (slack < AHEAD_MAX)
        taken &= self.stamp[legs, slots] != frames
        if not taken.all():
            legs, frames, slots, slack = legs[taken], frames[taken], slots[taken], slack[taken]
            timestamps, payloads = timestamps[taken], payloads[taken]
        self.ring[legs, slots] = payloads
        self.stamp[legs, slots] = frames
        self.reference_time[legs] = timestamps
        self.reference_frame[legs] = frames
        self.newest[legs] = np.maximum(self.newest[legs], frames)
        self.least[legs] = np.minimum(self.least[legs], slack)
        self.in_time[legs] = tick
        self.outside[legs] = -1
        return taken

    def insert_one(self, leg: int, timestamp: int, payload: bytes, *, tick: int, marker: bool) -> bool:
        """A packet of any length and alignment. False: it came too late for all adapting."""
        if not self.started[leg]:
            self._start(leg, timestamp)
        frame, rest = self._place(leg, timestamp)
        slack = frame - int(self.play[leg])
        if slack < 0 and not self._grow(leg, frame, -slack):
            if not self._restart(leg, tick, marker and self._dry(leg, tick)):
                self.late[leg] += 1
                return False
            frame, rest = self._start(leg, timestamp), 0
        elif slack >= AHEAD_MAX:
            if not self._restart(leg, tick, marker or self._dry(leg, tick)):
                return False
            frame, rest = self._start(leg, timestamp), 0
        self._write(leg, frame, rest, payload)
        self.least[leg] = min(int(self.least[leg]), max(frame - int(self.play[leg]), 0))
        self.in_time[leg] = tick
        self.outside[leg] = -1
        if rest == 0:
            self.reference_time[leg] = timestamp
            self.reference_frame[leg] = frame
        return True

    def take(self, count: int, *, tick: int) -> g711.Octets:
        """The frames of rows 0..count, (count, 160), each in its leg's codec; every time line moves on by
        one.
        """
        if not self.started[:count].any():  # nobody has said anything yet
            self.play[:count] += 1
            return _SILENCE[self.codec[:count]]
        if self.excess[:count].any():
            self._shrink(count, tick)
        rows, play = self._rows[:count], self.play[:count]
        slots = play & _SLOT
        hit = self.stamp[rows, slots] == play
        frames: g711.Octets = self.ring[rows, slots]
        self.good[:count][hit] = play[hit]
        self.misses[:count] += 1
        self.misses[:count][hit] = 0
        missed = np.flatnonzero(~hit)
        if missed.size:
            self._conceal(frames, missed)
        play += 1
        held = self.hold[:count] > 0
        if held.any():
            self._pause(frames, np.flatnonzero(held))
        return frames

    def adapt(self, count: int, jitter_samples: NDArray[np.float64]) -> None:
        """Every `ADAPT_TICKS`: decide how many frames each leg's buffer is deeper than its jitter asks for.

        A leg is judged when packets came in both windows; a stream that just began or paused is not.
        """
        margin = 1 + np.minimum(np.rint(jitter_samples * (2 / FRAME)), MARGIN_MAX - 1).astype(np.int64)
        least = np.minimum(self.least[:count], self.least_before[:count])
        known = (self.least[:count] < _NEVER // 2) & (self.least_before[:count] < _NEVER // 2)
        self.excess[:count] = np.where(known, np.maximum(least - margin, 0), 0)
        self.least_before[:count] = self.least[:count]
        self.least[:count] = _NEVER

    def buffered_ms(self, leg: int) -> float:
        """How long a frame waits here, on average over a tick."""
        least = min(int(self.least[leg]), int(self.least_before[leg]))
        return 20.0 * (max(least, 0) if least < _NEVER // 2 else PREFILL) + 10.0

    def _start(self, leg: int, timestamp: int) -> int:
        """A new time line, `PREFILL` ticks before its first frame. Frame numbers go on rising: old stamps
        stay old.
        """
        frame = int(self.play[leg]) + SLOTS
        self.clear(leg)
        self.started[leg] = True
        self.play[leg] = frame - PREFILL
        self.newest[leg] = frame
        self.reference_time[leg] = timestamp
        self.reference_frame[leg] = frame
        return frame

    def _place(self, leg: int, timestamp: int) -> tuple[int, int]:
        """Frame of the packet's first octet, and its place in that frame."""
        step = (timestamp - int(self.reference_time[leg])) & 0xFFFFFFFF
        if step >= 1 << 31:
            step -= 1 << 32
        frames, rest = divmod(step, FRAME)
        frame = int(self.reference_frame[leg]) + frames
        if rest and self.newest[leg] < self.play[leg]:
            # Nothing waits: moving the stream by less than a frame costs nothing and aligns all that follows.
            return frame + (rest >= FRAME // 2), 0
        return frame, rest

    def _grow(self, leg: int, frame: int, ticks: int) -> bool:
        """Make room for a packet `ticks` late. True: `play` moved back to it and it will be heard."""
        if ticks > GROW_MAX or int(self.newest[leg]) - frame > GROW_MAX:
            return False
        if self.good[leg] >= frame:  # younger sound was heard: this one is lost, the next pause grows instead
            self.hold[leg] = max(int(self.hold[leg]), ticks)
            return False
        self.play[leg] = frame
        self.least[leg] += ticks
        self.least_before[leg] += ticks
        self.excess[leg] = 0
        return True

    def _restart(self, leg: int, tick: int, jumped: bool) -> bool:
        if self.outside[leg] < 0:
            self.outside[leg] = tick
        return jumped or tick - int(self.outside[leg]) >= OUTSIDE_TICKS

    def _dry(self, leg: int, tick: int) -> bool:
        return tick - int(self.in_time[leg]) >= DRY_TICKS

    def _write(self, leg: int, frame: int, rest: int, payload: bytes) -> None:
        octets = np.frombuffer(payload, np.uint8)
        at = 0
        while at < len(octets):
            slot = frame & _SLOT
            size = min(FRAME - rest, len(octets) - at)
            if self.stamp[leg, slot] != frame:
                if size < FRAME:
                    self.ring[leg, slot] = g711.SILENCE[self.codec[leg]]
                self.stamp[leg, slot] = frame
            self.ring[leg, slot, rest : rest + size] = octets[at : at + size]
            self.newest[leg] = max(int(self.newest[leg]), frame)
            at, frame, rest = at + size, frame + 1, 0

    def _conceal(self, frames: g711.Octets, missed: Index) -> None:
        codec, misses = self.codec[missed], self.misses[missed]
        frames[missed] = _SILENCE[codec]
        repeated = missed[(misses <= REPEATS) & (self.good[missed] >= 0)]
        for leg in repeated.tolist():
            octets = self.ring[leg, int(self.good[leg]) & _SLOT]
            for _ in range(int(self.misses[leg])):
                octets = g711.HALVED[self.codec[leg]][octets]
            frames[leg] = octets
        self.concealed[repeated] += 1

    def _shrink(self, count: int, tick: int) -> None:
        """Leave one frame out where the buffer is too deep and the frame is silent or missing."""
        legs = np.flatnonzero(self.excess[:count] > 0)
        play = self.play[legs]
        slots = play & _SLOT
        loud = g711.LOUDNESS[self.codec[legs][:, None], self.ring[legs, slots]].max(axis=1)
        out = (self.stamp[legs, slots] != play) | (loud < QUIET)
        out |= (self.excess[legs] >= SPOKEN_EXCESS) & ((tick + legs) % SPOKEN_EVERY == 0)
        legs = legs[out]
        self.play[legs] += 1
        for counts in (self.excess, self.least, self.least_before):
            counts[legs] -= 1

    def _pause(self, frames: g711.Octets, legs: Index) -> None:
        """A late packet asked for more depth: where this frame is silent or missing, the time line waits a
        tick.
        """
        loud = g711.LOUDNESS[self.codec[legs][:, None], frames[legs]].max(axis=1)
        legs = legs[(self.misses[legs] > 0) | (loud < QUIET)]
        self.play[legs] -= 1
        self.stamp[legs, self.play[legs] & _SLOT] = -1  # heard once
        self.hold[legs] -= 1
        self.least[legs] += 1
        self.least_before[legs] += 1
