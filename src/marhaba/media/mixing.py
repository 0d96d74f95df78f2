"""Who hears whom, compiled to index arrays: each listener gets the exact sum of its sources and of nothing
else.

The usual listener has one source of its own codec: its octets are copied unread. One source of the other
codec goes through a 256-entry table. Several are decoded, added as 32-bit integers, clipped once and encoded
once; since a listener never is its own source, a conference of n legs is n sums of n-1, without echo and
without rounding on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from marhaba.media import g711
from marhaba.media.jitter import Index
from marhaba.media.rtp import FRAME

SOURCES_MAX: Final = 16
"""Voices one leg hears at once; the widest sum sets the cost of all of them."""


class Hearing:
    """Which rows each row hears, kept as it changes, so that a change costs nothing for the other legs."""

    def __init__(self, rows: int) -> None:
        self._one = np.full(rows, -1, np.intp)  # the only source of a listener
        self._several: dict[int, list[int]] = {}

    def set(self, listener: int, sources: Sequence[int]) -> None:
        """`listener` hears the sum of `sources` from the next plan on."""
        self._several.pop(listener, None)
        self._one[listener] = sources[0] if len(sources) == 1 else -1
        if len(sources) > 1:
            self._several[listener] = list(sources)

    def plan(self, *, codec_in: NDArray[np.intp], codec_out: NDArray[np.intp]) -> MixPlan:
        """`codec_in[row]` and `codec_out[row]` are g711 codecs of sources and of listeners."""
        to = np.flatnonzero(self._one >= 0)
        return MixPlan(to, self._one[to], self._several, codec_in=codec_in, codec_out=codec_out)


class MixPlan:
    """Compiled when the relation changes, rendered every tick. Rows `to` hear one source each, rows `by`."""

    def __init__(
        self,
        to: Index,
        by: Index,
        mixed: Mapping[int, Sequence[int]],
        *,
        codec_in: NDArray[np.intp],
        codec_out: NDArray[np.intp],
    ) -> None:
        same = codec_in[by] == codec_out[to]
        self._copy_to, self._copy_from = to[same], by[same]
        self._other_to, self._other_from = to[~same], by[~same]
        self._other_base = (codec_in[self._other_from] << 8)[:, None]
        voices = sorted({row for by in mixed.values() for row in by})
        place = {row: n for n, row in enumerate(voices)}
        width = max((len(by) for by in mixed.values()), default=0)
        self._mixed_to = np.array(list(mixed), np.intp)
        self._voices = np.array(voices, np.intp)
        self._voice_base = (codec_in[self._voices] << 8)[:, None]
        self._out_base = (codec_out[self._mixed_to] << 16)[:, None]
        # Column k holds every listener's k-th source; a row of zeros stands where there are fewer.
        self._column = np.full((width, len(mixed)), len(voices), np.intp)
        for n, by_rows in enumerate(mixed.values()):
            self._column[: len(by_rows), n] = [place[row] for row in by_rows]
        self._linear = np.zeros((len(voices) + 1, FRAME), np.int32)

    def render(self, frames: g711.Octets, out: g711.Octets) -> None:
        """Write what each listener hears into its row of `out`; other rows stay as they are."""
        if len(self._copy_to):
            out[self._copy_to] = frames[self._copy_from]
        if len(self._other_to):
            out[self._other_to] = g711.TRANSCODE_FLAT[self._other_base + frames[self._other_from]]
        if len(self._mixed_to):
            self._linear[:-1] = g711.DECODE_FLAT[self._voice_base + frames[self._voices]]
            total = self._linear[self._column[0]]
            for column in self._column[1:]:
                total += self._linear[column]
            np.clip(total, -32768, 32767, out=total)
            total &= 0xFFFF
            out[self._mixed_to] = g711.ENCODE_FLAT[self._out_base + total]
