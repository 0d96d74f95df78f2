"""Compose the music on hold: a plucked melody over a soft drone, made here from nothing, so that it may be shipped.

Karplus and Strong, "Digital Synthesis of Plucked-String and Drum Timbres", Computer Music Journal 7 (2), 1983. The
scale is hijaz on D; phrases are drawn from a seeded walk and the end is folded onto the beginning, so that the loop
has no seam.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marhaba.media import g711
from marhaba.media.wav import WavWriter

RATE = 8_000
FOLDER = Path(__file__).parent.parent / "src" / "marhaba" / "media" / "prompts" / "music"
HIJAZ = (0, 1, 4, 5, 7, 8, 10, 12)  # semitones
ROOT_HZ = 293.66
Samples = NDArray[np.float64]


def pluck(hz: float, seconds: float, rng: np.random.Generator) -> Samples:
    """One string: noise in a delay line that is smoothed each time round."""
    period = round(RATE / hz)
    line = np.convolve(rng.uniform(-1, 1, period), [0.25, 0.5, 0.25], "same")
    rounds = int(seconds * RATE) // period + 1
    out = np.empty((rounds, period))
    for n in range(rounds):
        out[n] = line
        line = 0.996 * 0.5 * (line + np.roll(line, 1))
    return out.reshape(-1)[: int(seconds * RATE)]


def piece(seed: int, seconds: float, beat: float) -> Samples:
    """A walk over the scale: steps more often than leaps, rests at the ends of phrases."""
    rng, dice = np.random.default_rng(seed), random.Random(seed)
    total = int(seconds * RATE)
    tail = 4 * RATE
    track = np.zeros(total + tail)
    at, degree = 0.0, 4
    while at < seconds - 0.01:
        degree = min(max(degree + dice.choice((-2, -1, -1, 1, 1, 2)), 0), len(HIJAZ) - 1)
        length = beat * dice.choice((1, 1, 1, 2, 2, 4))
        note = pluck(ROOT_HZ * 2 ** (HIJAZ[degree] / 12), 3.0, rng)
        start = int(at * RATE)
        track[start : start + len(note)] += 0.5 * note
        if dice.random() < 0.3:
            low = pluck(ROOT_HZ / 2 * (1.5 if dice.random() < 0.4 else 1.0), 4.0, rng)
            track[start : start + min(len(low), len(track) - start)] += 0.4 * low[: len(track) - start]
        at += length
    looped = track[:total]
    looped[:tail] += track[total:]
    time = np.arange(total) / RATE
    drone_hz = round(ROOT_HZ / 2 * seconds) / seconds  # whole periods in the loop
    looped += 0.04 * np.sin(2 * np.pi * drone_hz * time) * (1 + 0.3 * np.sin(2 * np.pi * 3 / seconds * time))
    return looped / np.sqrt(np.mean(looped**2)) * 10 ** (-24 / 20)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, seed, beat in (("music", 1, 0.48), ("calm", 2, 0.72)):
        samples = np.clip(piece(seed, 48.0, beat) * 32_767, -32_768, 32_767).astype(np.int16)
        path = FOLDER / f"{name}.wav"
        path.unlink(missing_ok=True)
        writer = WavWriter(path, channels=1)
        writer.append(g711.encode(samples, g711.A_LAW).tobytes())
        writer.close()


if __name__ == "__main__":
    main()
