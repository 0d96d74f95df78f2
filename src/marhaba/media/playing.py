"""What a leg hears from files: prompts one after the other, and music while nobody talks to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from marhaba.media import g711
from marhaba.media.clips import Clip
from marhaba.media.jitter import Index

WAIT_TICKS_MAX: Final = 250
"""5 s: a prompt the disk has not given by then counts as missing."""


@dataclass(slots=True)
class Playing:
    """One `Play`: it starts when all its clips are ready, so that a sentence has no holes."""

    tag: str
    clips: list[Clip]
    until_digit: bool
    _clip: int = 0
    _at: int = 0
    _waited: int = 0

    @property
    def missing(self) -> bool:
        return self._waited > WAIT_TICKS_MAX or any(clip.missing for clip in self.clips)

    @property
    def ready(self) -> bool:
        if self._at or self._clip or all(clip.ready for clip in self.clips):
            return True
        self._waited += 1
        return False

    def next_frame(self, codec: int) -> g711.Octets | None:
        """The next 20 ms; None after the last."""
        while self._clip < len(self.clips):
            frames = self.clips[self._clip].frames
            if self._at < frames.shape[1]:
                self._at += 1
                frame: g711.Octets = frames[codec, self._at - 1]
                return frame
            self._clip += 1
            self._at = 0
        return None


class MusicPlan:
    """The legs that hear music, grouped by piece; each has its own place in it, kept while a prompt
    interrupts.
    """

    def __init__(self, legs_max: int) -> None:
        self.place = np.zeros(legs_max, np.int64)
        self._groups: list[tuple[g711.Octets, Index, NDArray[np.intp]]] = []

    def compile(self, music: Mapping[int, Clip], codec: NDArray[np.intp]) -> None:
        by_piece: dict[int, tuple[Clip, list[int]]] = {}
        for row, clip in music.items():
            if clip.ready and not clip.missing:
                by_piece.setdefault(id(clip), (clip, []))[1].append(row)
        self._groups = []
        for clip, rows in by_piece.values():
            legs = np.array(rows, np.intp)
            self._groups.append((clip.frames, legs, codec[legs]))

    def render(self, out: g711.Octets) -> None:
        for frames, legs, codec in self._groups:
            out[legs] = frames[codec, self.place[legs] % frames.shape[1]]
            self.place[legs] += 1
