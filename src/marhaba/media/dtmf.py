"""Key presses as telephone events (RFC 4733), and as tones for a far side that knows no events."""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from marhaba.media import g711
from marhaba.media.rtp import FRAME, RATE

DIGITS: Final = "0123456789*#ABCD"  # RFC 4733 table 7: event numbers 0 to 15
VOLUME: Final = 10  # -10 dBm0, the level telephone networks expect
TONE_TICKS: Final = 5  # 100 ms: RFC 4733 section 2.5.1.1 and ITU-T Q.24 ask for 40 ms and more
PAUSE_TICKS: Final = 4  # 80 ms between two digits; Q.24 asks for 30 ms and more
END_PACKETS: Final = 3  # RFC 4733 section 2.5.1.4
DIGIT_TICKS: Final = TONE_TICKS + END_PACKETS - 1 + PAUSE_TICKS
QUEUE_MAX: Final = 64  # digits waiting on one leg; nobody dials more by hand
LOST_END_TICKS: Final = 8
"""160 ms without a packet of an event that never said its end: every one of its three end packets was lost."""
REORDERED_SAMPLES: Final = RATE  # 1 s; no network holds a packet back longer and still delivers it
_EVENT: Final = struct.Struct(">BBH")
_END: Final = 0x80
_LOW_HZ: Final = (697, 770, 852, 941)
_HIGH_HZ: Final = (1209, 1336, 1477, 1633)
_KEYS: Final = ("123A", "456B", "789C", "*0#D")
_TONE_LEVEL: Final = 4000.0  # two of them stay 12 dB below full scale


@dataclass(slots=True)
class KeyDown:
    digit: str


@dataclass(slots=True)
class KeyUp:
    digit: str
    ms: int


class DigitReceiver:
    """The events one leg receives: one `KeyDown` and one `KeyUp` a key press, however many packets tell of
    it.

    An event is known by its timestamp: packets of the current one only lengthen it, packets of one already
    ended are its redundant copies.
    """

    __slots__ = ("_digit", "_duration", "_ended", "_heard", "_timestamp")

    def __init__(self) -> None:
        self._timestamp = -1
        self._digit = ""
        self._duration = 0
        self._heard = 0
        self._ended = True

    def receive(self, timestamp: int, payload: bytes, *, tick: int) -> list[KeyDown | KeyUp]:
        if len(payload) < _EVENT.size:
            return []
        event, flags, duration = _EVENT.unpack_from(payload)
        if event >= len(DIGITS):  # flash and the tones of fax and modem machines are no keys
            return []
        said: list[KeyDown | KeyUp] = []
        if timestamp != self._timestamp:
            # A reordered packet of an older event must not press its key again.
            if self._timestamp >= 0 and (self._timestamp - timestamp) & 0xFFFFFFFF < REORDERED_SAMPLES:
                return []
            said += self._finish()
            self._timestamp, self._digit, self._duration = timestamp, DIGITS[event], 0
            self._ended = False
            said.append(KeyDown(self._digit))
        elif self._ended:
            return []
        self._duration = max(self._duration, duration)
        self._heard = tick
        if flags & _END:
            said += self._finish()
        return said

    def tick(self, tick: int) -> list[KeyDown | KeyUp]:
        """Ends an event whose end never arrived."""
        return self._finish() if tick - self._heard >= LOST_END_TICKS else []

    @property
    def pressed(self) -> bool:
        return not self._ended

    def _finish(self) -> list[KeyDown | KeyUp]:
        if self._ended:
            return []
        self._ended = True
        return [KeyUp(self._digit, self._duration * 1000 // RATE)]


@dataclass(slots=True)
class EventPacket:
    """What goes out in this tick instead of audio: the timestamp is the one at which the key went down."""

    marker: bool
    timestamp: int
    payload: bytes


@dataclass(slots=True)
class DigitSender:
    """The digits one leg is being sent: 100 ms each, three end packets, a pause of audio before the next."""

    waiting: deque[str] = field(default_factory=deque)
    _step: int = 0
    _start: int = 0

    def push(self, digits: str) -> bool:
        """False: characters that are no key, or too many of them; nothing is sent then."""
        if any(digit not in DIGITS for digit in digits) or len(self.waiting) + len(digits) > QUEUE_MAX:
            return False
        self.waiting.extend(digits)
        return True

    @property
    def busy(self) -> bool:
        return bool(self.waiting)

    def event(self, timestamp: int) -> EventPacket | None:
        """The packet of this tick, None during the pause between digits."""
        step = self._advance()
        if step >= TONE_TICKS + END_PACKETS - 1:
            return None
        if step == 0:
            self._start = timestamp
        duration = min(step + 1, TONE_TICKS) * FRAME
        flags = VOLUME | (_END if step >= TONE_TICKS - 1 else 0)
        event = DIGITS.index(self.waiting[0])
        return EventPacket(step == 0, self._start, _EVENT.pack(event, flags, duration))

    def tone(self, codec: int) -> g711.Octets | None:
        """The same for a far side without telephone-event: a frame of the two tones."""
        step = self._advance()
        return TONES[self.waiting[0]][codec][step] if step < TONE_TICKS else None

    def _advance(self) -> int:
        step = self._step
        self._step += 1
        if step == DIGIT_TICKS - 1:
            self.waiting.popleft()
            self._step = 0
        return step


def _tones() -> dict[str, g711.Octets]:
    """Digit to (codec, tick, octet). ITU-T Q.23: one tone of the key's row, one of its column."""
    seconds = np.arange(TONE_TICKS * FRAME) / RATE
    found = {}
    for row, low in zip(_KEYS, _LOW_HZ, strict=True):
        for digit, high in zip(row, _HIGH_HZ, strict=True):
            wave = np.sin(2 * np.pi * low * seconds) + np.sin(2 * np.pi * high * seconds)
            samples = np.rint(_TONE_LEVEL * wave).astype(np.int32).reshape(TONE_TICKS, FRAME)
            found[digit] = np.stack([g711.encode(samples, codec) for codec in (g711.MU_LAW, g711.A_LAW)])
    return found


TONES: Final = _tones()
