"""Recordings: calls as stereo A-law (caller left, agent's side right), messages as mono; written by a
thread.

Every tick adds 20 ms to every running recording, whatever happens, so a recording's time line is the call's.
Once a second a recording's second is handed to the writer thread, a few recordings each tick; the thread
writes at once, and when nothing waits to be written it makes the files durable, the one waiting longest
first. A slow disk so costs durability first and never a tick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from marhaba.media import g711
from marhaba.media.disk import Take, Writer
from marhaba.media.mixing import Hearing, MixPlan
from marhaba.media.rtp import FRAME, TICK_S

CHUNK_TICKS: Final = 50
"""One second: what a dying worker may lose."""
MESSAGE_S_MAX: Final = 600.0
"""A message longer than ten minutes is an open line."""
MESSAGE_QUIET: Final = 120
"""Mean level below which a frame of a message holds no speech: -49 dBFS; quiet speech has ten times that."""

MessageEnd = Literal["key", "silence", "length", "closed", "error"]


@dataclass(slots=True)
class Recording:
    name: str
    row: int
    take: Take
    left: str
    right: list[str]
    paused: bool
    begin: int = 0  # where in its second the current chunk began


class Recorder:
    """All calls being recorded. `leg_rows` everywhere: a leg's name to its row in the frames."""

    def __init__(self, recordings_max: int, writer: Writer) -> None:
        self.running: dict[str, Recording] = {}
        self._writer = writer
        self._free = list(range(recordings_max))[::-1]
        self._codec_out = np.full(2 * recordings_max, g711.A_LAW, np.intp)
        self._silence = g711.SILENCE[g711.A_LAW]
        self._out = np.full((2 * recordings_max, FRAME), self._silence, np.uint8)
        self._chunks = np.zeros((recordings_max, CHUNK_TICKS, FRAME, 2), np.uint8)
        self._rows = np.zeros(0, np.intp)
        self._plan = self._empty_plan()
        self._due: list[list[Recording]] = [[] for _ in range(CHUNK_TICKS)]

    @property
    def full(self) -> bool:
        return not self._free

    def start(
        self, name: str, path: str, *, left: str, right: Sequence[str], paused: bool, tick: int
    ) -> Recording:
        row = self._free.pop()
        recording = Recording(name, row, self._writer.open(name, path, channels=2), left, list(right), paused)
        recording.begin = (tick + row) % CHUNK_TICKS
        self.running[name] = recording
        self._due[-1 - row % CHUNK_TICKS].append(recording)
        return recording

    def stop(self, name: str, *, tick: int) -> None:
        """Everything up to the tick before `tick` is in the file when its `Ended` comes out of the writer."""
        recording = self.running.pop(name)
        self._flush(recording, (tick + recording.row) % CHUNK_TICKS)
        self._writer.close_take(recording.take)
        self._due[-1 - recording.row % CHUNK_TICKS].remove(recording)
        self._free.append(recording.row)

    def compile(self, leg_rows: Callable[[], Mapping[str, int]], codec_in: NDArray[np.intp]) -> None:
        """Which legs each recording takes. Nothing to do while nobody is recorded."""
        if not self.running and not len(self._rows):
            return
        row_of = leg_rows()
        self._rows = np.array([recording.row for recording in self.running.values()], np.intp)
        self._out[:] = self._silence  # rows without a source are never written again
        hearing = Hearing(len(self._out))
        for recording in self.running.values():
            if recording.paused:
                continue
            for side, legs in enumerate(([recording.left], recording.right)):
                hearing.set(2 * recording.row + side, [row_of[leg] for leg in legs if leg in row_of])
        self._plan = hearing.plan(codec_in=codec_in, codec_out=self._codec_out)

    def tick(self, frames: g711.Octets, tick: int) -> None:
        """Add 20 ms to every recording, and hand over those whose second is full."""
        rows = self._rows
        if not len(rows):
            return
        self._plan.render(frames, self._out)
        place = (tick + rows) % CHUNK_TICKS
        self._chunks[rows, place, :, 0] = self._out[2 * rows]
        self._chunks[rows, place, :, 1] = self._out[2 * rows + 1]
        for recording in self._due[tick % CHUNK_TICKS]:
            self._flush(recording, CHUNK_TICKS)

    def _flush(self, recording: Recording, end: int) -> None:
        # `end` 0 means that the second was handed over by the tick before.
        if end > recording.begin:
            self._writer.append(recording.take, self._chunks[recording.row, recording.begin : end].tobytes())
        recording.begin = 0

    def _empty_plan(self) -> MixPlan:
        return Hearing(0).plan(codec_in=self._codec_out, codec_out=self._codec_out)


@dataclass(slots=True)
class Message:
    """Voicemail: one leg alone, until a key, silence, length or the leg's end."""

    name: str
    take: Take
    leg: str
    ticks_max: int
    silent_ticks_max: int
    ticks: int = 0
    silent_ticks: int = 0
    why: MessageEnd = "closed"
    buffer: bytearray = field(default_factory=bytearray)

    def add(self, frame: g711.Octets, codec: int) -> MessageEnd | None:
        """Add 20 ms; says when it is enough."""
        self.ticks += 1
        self.buffer += (frame if codec == g711.A_LAW else g711.transcode(frame, codec)).tobytes()
        speech = g711.LOUDNESS[codec][frame].mean() >= MESSAGE_QUIET
        self.silent_ticks = 0 if speech else self.silent_ticks + 1
        if self.ticks >= self.ticks_max:
            return "length"
        if self.silent_ticks >= self.silent_ticks_max:
            return "silence"
        return None


class Messages:
    """All messages being left."""

    def __init__(self, messages_max: int, writer: Writer) -> None:
        self.running: dict[str, Message] = {}
        self._ended: dict[str, MessageEnd] = {}
        self._messages_max = messages_max
        self._writer = writer

    @property
    def full(self) -> bool:
        return len(self.running) >= self._messages_max

    def start(self, name: str, path: str, *, leg: str, seconds_max: float, silence_s_max: float) -> None:
        self.running[name] = Message(
            name,
            self._writer.open(name, path, channels=1),
            leg,
            ticks_max=_ticks(seconds_max),
            silent_ticks_max=_ticks(silence_s_max),
        )

    def stop(self, name: str, why: MessageEnd) -> None:
        message = self.running.pop(name)
        self._writer.append(message.take, bytes(message.buffer))
        self._ended[name] = why
        self._writer.close_take(message.take)

    def tick(self, frames: g711.Octets, leg_rows: Mapping[str, int], codec: NDArray[np.intp]) -> None:
        for message in list(self.running.values()):
            row = leg_rows[message.leg]
            why = message.add(frames[row], int(codec[row]))
            if why is not None:
                self.stop(message.name, why)
            elif message.ticks % CHUNK_TICKS == 0:
                self._writer.append(message.take, bytes(message.buffer))
                message.buffer.clear()

    def on_leg(self, leg: str, why: MessageEnd) -> None:
        """End what is being recorded of `leg`."""
        for message in list(self.running.values()):
            if message.leg == leg:
                self.stop(message.name, why)

    def ended(self, name: str) -> MessageEnd | None:
        """Why a message whose file is complete had ended; None when `name` was a call's recording."""
        return self._ended.pop(name, None)


def _ticks(seconds: float) -> int:
    return max(1, round(min(seconds, MESSAGE_S_MAX) / TICK_S))
