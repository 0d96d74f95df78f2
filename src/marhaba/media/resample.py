"""Change of sampling rate: a polyphase filter of windowed sincs (Smith, Digital Audio Resampling, 2002)."""

from __future__ import annotations

from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray

ZERO_CROSSINGS = 16  # of the sinc on each side: -0.1 dB at 3.4 kHz, alias below -60 dB at 8 kHz output
PASS_SHARE = 0.92  # of the lower Nyquist frequency, so that the filter's slope ends before it folds
KAISER_BETA = 8.0  # side lobes below -80 dB


def resample(samples: NDArray[np.float32], from_hz: int, to_hz: int) -> NDArray[np.float32]:
    """`samples` (one channel) at another rate; the length is rounded up."""
    if from_hz == to_hz or not len(samples):
        return samples
    step = gcd(from_hz, to_hz)
    up, down = to_hz // step, from_hz // step
    cutoff = PASS_SHARE * min(1.0, to_hz / from_hz)
    half = ceil(ZERO_CROSSINGS / cutoff)
    count = ceil(len(samples) * up / down)
    padded = np.concatenate([np.zeros(half, np.float32), samples, np.zeros(half + down, np.float32)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half)
    out = np.empty(count, np.float32)
    # Output n lies at n*down/up of the input: its whole part picks the window, its fraction the filter. Every
    # up-th output shares one fraction, and their windows lie `down` samples apart.
    for first in range(min(up, count)):
        base, phase = divmod(first * down, up)
        taps = _taps(half, phase / up, cutoff)
        rows = len(range(first, count, up))
        out[first::up] = windows[base + 1 :: down][:rows] @ taps
    return out


def _taps(half: int, fraction: float, cutoff: float) -> NDArray[np.float32]:
    t = np.arange(1 - half, half + 1) - fraction
    window = np.i0(KAISER_BETA * np.sqrt(np.clip(1 - (t / half) ** 2, 0, None))) / np.i0(KAISER_BETA)
    taps = np.sinc(cutoff * t) * window
    filtered: NDArray[np.float32] = (taps / taps.sum()).astype(np.float32)
    return filtered
