"""ITU-T G.711 as lookup tables: A-law and mu-law to 16-bit samples and back, and between each other.

A codec is a row number everywhere in the engine: `MU_LAW` is 0, `A_LAW` is 1, so that one gather decodes a
batch of legs of both kinds: `DECODE_FLAT[(codec << 8)[:, None] + octets]`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from marhaba.media.protocol import PCMA, PCMU

Octets = NDArray[np.uint8]
Samples = NDArray[np.int16]

MU_LAW: Final = 0
A_LAW: Final = 1
CODEC_OF_PAYLOAD: Final = {PCMU: MU_LAW, PCMA: A_LAW}
PAYLOAD_OF_CODEC: Final = (PCMU, PCMA)
SILENCE: Final = (0xFF, 0xD5)
"""The octet of the level nearest to zero, positive: what an idle line carries."""


def encode(samples: NDArray[np.integer], codec: int) -> Octets:
    """Samples of any integer type, clipped to 16 bits, as octets of the nearest level."""
    index = np.clip(samples, -32768, 32767).astype(np.int16).view(np.uint16)
    octets: Octets = ENCODE[codec][index]
    return octets


def decode(octets: Octets, codec: int) -> Samples:
    samples: Samples = DECODE[codec][octets]
    return samples


def transcode(octets: Octets, codec: int) -> Octets:
    """Octets of `codec` in the other codec."""
    other: Octets = TRANSCODE[codec][octets]
    return other


def _a_law_levels() -> Samples:
    """G.711 table 1: sign, three bits of segment, four of step; even bits are inverted on the line."""
    octet = np.arange(256) ^ 0x55
    segment, step = (octet >> 4) & 7, octet & 15
    level = np.where(segment == 0, (step << 4) + 8, ((step << 4) + 0x108) << np.maximum(segment - 1, 0))
    return np.where(octet & 0x80, level, -level).astype(np.int16)


def _mu_law_levels() -> Samples:
    """G.711 table 2: the same with all bits inverted and a bias of 33 steps of 4."""
    octet = np.arange(256) ^ 0xFF
    segment, step = (octet >> 4) & 7, octet & 15
    level = (((step << 3) + 0x84) << segment) - 0x84
    return np.where(octet & 0x80, -level, level).astype(np.int16)


def _nearest(levels: Samples, silence: int) -> Octets:
    """The octet nearest to each 16-bit sample, indexed by the sample taken as unsigned."""
    order = np.argsort(levels, kind="stable")
    ordered = levels[order].astype(np.int32)
    middles = (ordered[1:] + ordered[:-1]) / 2
    samples = np.arange(65536, dtype=np.uint16).view(np.int16)
    table = order[np.searchsorted(middles, samples, side="left")].astype(np.uint8)
    table[0] = silence  # mu-law has two zeros; a silent line is the positive one
    return table


DECODE: Final = np.stack([_mu_law_levels(), _a_law_levels()])
ENCODE: Final = np.stack([_nearest(DECODE[codec], SILENCE[codec]) for codec in (MU_LAW, A_LAW)])
TRANSCODE: Final = np.stack([encode(DECODE[MU_LAW], A_LAW), encode(DECODE[A_LAW], MU_LAW)])
HALVED: Final = np.stack([encode(DECODE[codec] // 2, codec) for codec in (MU_LAW, A_LAW)])
LOUDNESS: Final = np.abs(DECODE.astype(np.int32))
"""The absolute level of each octet, for silence detection."""

DECODE_FLAT: Final = DECODE.reshape(-1)
ENCODE_FLAT: Final = ENCODE.reshape(-1)
TRANSCODE_FLAT: Final = TRANSCODE.reshape(-1)
HALVED_FLAT: Final = HALVED.reshape(-1)
LOUDNESS_FLAT: Final = LOUDNESS.reshape(-1)
