"""Prompts and music in memory, in both codecs, read by a thread: the tick never touches the disk.

A file that changed is used from the next `Play` on: whoever asks for a clip gets the one at hand, and the
thread looks at the file's time and size meanwhile.
"""

from __future__ import annotations

import os
import queue
import threading
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from marhaba.media import g711
from marhaba.media.rtp import FRAME
from marhaba.media.wav import BadWav, read_alaw

HELD_BYTES_MAX: Final = 256 << 20
"""4.6 hours of prompts in both codecs; the least recently asked for go first."""
CHECK_EVERY_S: Final = 2.0
"""How long a replaced file may still sound as before."""
PROMPTS_MAX: Final = 64
"""In one `Play`: a wait read out with its greeting takes ten."""

Stamp = tuple[int, int]


@dataclass(slots=True, eq=False)
class Clip:
    """A file's sound, `frames[codec, n]` its n-th 20 ms, once `ready`; no frames when it could not be read."""

    path: str
    frames: g711.Octets = field(default_factory=lambda: np.zeros((2, 0, FRAME), np.uint8))
    ready: bool = False
    stamp: Stamp = (0, 0)  # modification time in ns, size
    checked: float = 0.0

    @property
    def missing(self) -> bool:
        return self.ready and not self.frames.shape[1]


class ClipStore:
    """`find` never waits: the clip it returns may be `ready` only some ticks later."""

    def __init__(self) -> None:
        self._held: dict[str, Clip] = {}
        self._held_bytes = 0
        self._asked: queue.SimpleQueue[tuple[Clip, Stamp] | None] = queue.SimpleQueue()
        self._read: queue.SimpleQueue[tuple[Clip, g711.Octets, Stamp]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="clips", daemon=True)
        self._thread.start()

    def find(self, path: str, *, now: float) -> Clip:
        clip = self._held.pop(path, None)
        if clip is None or clip.missing:
            clip = Clip(path, checked=now)
            self._asked.put((clip, clip.stamp))
        elif clip.ready and now - clip.checked >= CHECK_EVERY_S:
            clip.checked = now
            self._asked.put((Clip(path), clip.stamp))
        self._held[path] = clip  # the dict's order is the order of use
        return clip

    def collect(self) -> bool:
        """Take over what the thread has read. True when something became ready."""
        any_ready = False
        while True:
            try:
                clip, frames, stamp = self._read.get_nowait()
            except queue.Empty:
                return any_ready
            clip.frames, clip.stamp, clip.ready = frames, stamp, True
            any_ready = True
            held = self._held.get(clip.path)
            if held is None or (held is not clip and clip.missing):
                continue  # evicted meanwhile; or a file taken away: what is held goes on sounding
            if held is not clip:
                self._held_bytes -= held.frames.nbytes
                clip.checked = held.checked
                self._held[clip.path] = clip
            self._held_bytes += frames.nbytes
            self._evict()

    def close(self) -> None:
        self._asked.put(None)
        self._thread.join()

    def _evict(self) -> None:
        for path in list(self._held):
            if self._held_bytes <= HELD_BYTES_MAX:
                return
            self._held_bytes -= self._held.pop(path).frames.nbytes

    def _work(self) -> None:
        while (asked := self._asked.get()) is not None:
            clip, stamp = asked
            frames, found = _load(clip.path, stamp)
            if frames is not None:
                self._read.put((clip, frames, found))


def _load(path: str, stamp: Stamp) -> tuple[g711.Octets | None, Stamp]:
    """Frames in both codecs; None when the file still is as `stamp` says; none at all when it cannot be
    used.
    """
    try:
        status = os.stat(path)
        found = (status.st_mtime_ns, status.st_size)
        if found == stamp:
            return None, stamp
        octets = read_alaw(path)
    except (BadWav, OSError):
        return np.zeros((2, 0, FRAME), np.uint8), (0, 0)
    padded = np.full(-(-len(octets) // FRAME) * FRAME, g711.SILENCE[g711.A_LAW], np.uint8)
    padded[: len(octets)] = octets
    both = np.stack([g711.transcode(padded, g711.A_LAW), padded])
    return both.reshape(2, -1, FRAME), found
