"""Tones: made for test callers and ring-back, and found again in what was received.

"Audio flowed both ways" is claimed only from a measurement: a tone of known frequency arrived at its level.
"""

from __future__ import annotations

from math import log10, pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

Samples = NDArray[np.int16]

FULL_SCALE = 32768.0
LEVEL_DB_MIN = -120.0  # said for silence, where the logarithm has no value
RAMP_S = 0.005  # a tone that starts at once clicks

DTMF_HZ = {  # ITU-T Q.23
    key: (low, high)
    for low, row in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"), strict=True)
    for high, key in zip((1209, 1336, 1477, 1633), row, strict=True)
}


def tone_level_db(samples: ArrayLike, hz: float, rate: int = 8000) -> float:
    """Level of the tone of `hz` in `samples` (16-bit scale), in dB below a full-scale sine (0 dB).

    Goertzel's algorithm (American Mathematical Monthly 65, 1958) at one frequency, under a Hann window so
    that neighbours 2 bins away do not leak in: tones are told apart from 2 * rate / len(samples) Hz on.
    """
    sound = np.asarray(samples, dtype=np.float64)
    if len(sound) < 2:
        return LEVEL_DB_MIN
    window = np.hanning(len(sound) + 1)[:-1]
    # Goertzel's recursion written as the dot product it computes: numpy has no fast recursion, and has this.
    turn = np.exp(-2j * pi * hz / rate * np.arange(len(sound)))
    amplitude = 2 * abs(np.dot(sound * window, turn)) / window.sum()
    return _db(float(amplitude) / FULL_SCALE)


def level_db(samples: ArrayLike) -> float:
    """Level of all sound in `samples`, in dB relative to a full-scale square wave (dBFS RMS)."""
    sound = np.asarray(samples, dtype=np.float64)
    return _db(float(np.sqrt(np.mean(sound**2))) / FULL_SCALE) if len(sound) else LEVEL_DB_MIN


def make_tone(*hz: float, seconds: float, level: float = -12.0, rate: int = 8000) -> Samples:
    """One or several sines of `level` dB each (0: full scale), eased in and out; the sum is clipped."""
    t = np.arange(round(seconds * rate)) / rate
    sound = sum((np.sin(2 * pi * f * t) for f in hz), np.zeros_like(t)) * (FULL_SCALE * 10 ** (level / 20))
    ramp = min(round(RAMP_S * rate), len(t) // 2)
    if ramp:
        ease = 0.5 - 0.5 * np.cos(pi * np.arange(ramp) / ramp)
        sound[:ramp] *= ease
        sound[-ramp:] *= ease[::-1]
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


def make_digit(key: str, *, seconds: float = 0.1, level: float = -9.0, rate: int = 8000) -> Samples:
    """A key of a telephone as its two tones (in-band DTMF)."""
    return make_tone(*DTMF_HZ[key], seconds=seconds, level=level, rate=rate)


def _db(share: float) -> float:
    return max(20 * log10(share), LEVEL_DB_MIN) if share > 0 else LEVEL_DB_MIN
