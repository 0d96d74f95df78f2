"""How good a call sounds, estimated from loss and delay: the E-model of ITU-T G.107, simplified for G.711.

    R   = 93.2 - Id - Ie_eff                              (G.107 defaults for everything else)
    Id  = 0.024 d + 0.11 (d - 177.3) [d > 177.3]          (d: mouth to ear, ms; Cole and Rosenbluth 2001)
    Ie_eff = Ie + (95 - Ie) Ppl / (Ppl + Bpl)             (G.113 appendix I, G.711, random loss: Ie 0, Bpl 4.3)
    MOS = 1 + 0.035 R + R (R - 60) (100 - R) 7e-6         (G.107 annex B, 1 <= MOS <= 4.5)

Worked number: no loss and 100 ms give R = 90.8 and MOS = 4.36; 2 % loss and 100 ms give 60.64 and 3.13.
"""

from __future__ import annotations

from typing import Final

_R_BEST: Final = 93.2
_BPL: Final = 4.3
"""Robustness of G.711 without Appendix I concealment: repeating two frames earns it no better figure."""
_CODEC_MS: Final = 20.0
"""A frame is complete 20 ms after its first sample was spoken."""


def rating(*, loss: float, delay_ms: float) -> float:
    """R, from the share of frames that were never heard (0..1) and the delay from mouth to ear."""
    impairment = 0.024 * delay_ms
    if delay_ms > 177.3:
        impairment += 0.11 * (delay_ms - 177.3)
    percent = 100.0 * loss
    return _R_BEST - impairment - 95.0 * percent / (percent + _BPL)


def mos(*, loss: float, delay_ms: float) -> float:
    r = rating(loss=min(max(loss, 0.0), 1.0), delay_ms=max(delay_ms, 0.0))
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    # The cubic dips below 1 for R under 6.5.
    return max(1.0, 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6)


def mouth_to_ear_ms(*, round_trip_ms: float, buffered_ms: float) -> float:
    return _CODEC_MS + round_trip_ms / 2 + buffered_ms
