"""A media worker without sound: it lends ports, plays prompts in their time, notices keys, and says what the real
one says, over the real protocol.

What it remembers beside that is the rehearsal's own witness: who heard whom, and what was recorded.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from marhaba.media import protocol as media
from marhaba.media.framing import command_reader, frame
from marhaba.rehearsal.network import OUTSIDE, Network

PROMPT_S = 1.5
REST_S = 0.5
"""A closed port comes back after this."""
SILENT_S = 20.0
CLOSED_MAX = 1_000


@dataclass(slots=True)
class WorkerLeg:
    port: int
    remote: tuple[str, int] = ("", 0)
    sends: bool = True
    silent_s: float = 0.0
    hears: list[str] = field(default_factory=list)
    playing: media.Play | None = None
    play: int = 0
    silent: bool = False  # the far side's network is gone


@dataclass(slots=True)
class Recording:
    """What the file of a recording would hold."""

    left: str
    right: list[str]
    path: str
    began_at: float
    paused: bool = False
    spans: list[tuple[float, bool]] = field(default_factory=list)  # (since when, paused)


class SimulatedWorker(asyncio.Protocol):
    """One worker, through its deaths. `reachable(address)` says whether whoever sends audio from there is alive."""

    def __init__(
        self,
        network: Network,
        name: str,
        path: str,
        *,
        ports: int,
        first: int,
        reachable: Callable[[tuple[str, int]], bool],
    ) -> None:
        self.name, self.host, self.path = name, "192.0.2.1", path
        self.network, self.agenda = network, network.agenda
        self.all_ports = list(range(first, first + 2 * ports, 2))
        self.troubles: dict[str, int] = {}
        self.alive = False
        self.on_heard: Callable[[tuple[str, int], bool], None] = lambda address, person: None
        self._reachable = reachable
        self._numbers = itertools.count(1)
        self._listener: Any = None
        self.start()

    # -- life -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """A fresh process: all ports, no legs."""
        self.alive = True
        self.born_at = self.agenda.now
        self.life = next(self._numbers)
        self.free = list(self.all_ports)
        self.legs: dict[str, WorkerLeg] = {}
        self.recordings: dict[str, Recording] = {}
        self.messages: dict[str, media.RecordMessage] = {}
        self._closed: deque[str] = deque(maxlen=CLOSED_MAX)
        self._kept: list[media.AnyEvent] = []
        self._transport: Any = None
        self._listener = self.network.listen(OUTSIDE, lambda: self, self.path)

    def revive(self) -> None:
        if not self.alive:
            self.start()

    def die(self) -> None:
        self.alive = False
        self._listener.close()
        self.life = next(self._numbers)
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        self.legs.clear()
        self.recordings.clear()
        self.messages.clear()

    # -- the floor --------------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self._transport, self._reader = transport, command_reader()
        self._say(
            media.Welcome(
                self.name,
                self.host,
                list(self.free),
                [
                    media.LegState(
                        name, leg.port, *leg.remote, media.PCMA, list(leg.hears), self._recorded(name)
                    )
                    for name, leg in self.legs.items()
                ],
                [*self.recordings, *self.messages],
                uptime_s=self.agenda.now - self.born_at,
                closed=list(self._closed),
            )
        )
        kept, self._kept = self._kept, []
        for event in kept:
            self._say(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        for command in self._reader.feed(data):
            self._obey(command)

    def _say(self, event: media.AnyEvent) -> None:
        if self._transport is not None:
            self._transport.write(frame(event))
        elif not isinstance(event, media.Welcome | media.WorkerStats | media.PortsFree):
            self._kept.append(event)

    def _recorded(self, leg: str) -> str:
        return next((name for name, recording in self.recordings.items() if recording.left == leg), "")

    def _obey(self, command: media.AnyCommand) -> None:
        match command:
            case media.OpenLeg():
                self._open(command)
            case media.AimLeg():
                if (leg := self._leg(command.leg)) is not None:
                    self._aim(leg, command)
            case media.CloseLeg():
                self._close(command.leg)
            case media.Hear():
                self._hear(command)
            case media.Play():
                self._play(command)
            case media.StopPlay():
                if (leg := self._leg(command.leg)) is not None:
                    self._end_play(command.leg, leg, "stopped")
            case media.AskStats():
                self._say(media.WorkerStats(len(self.legs), len(self.recordings), 0, 0, 0, 0, 0, 0, {}))
            case media.Music() | media.SendDigits():
                self._leg(command.leg)
            case _:
                self._record(command)

    def _leg(self, name: str) -> WorkerLeg | None:
        leg = self.legs.get(name)
        if leg is None:
            self._trouble(name, "no-such-leg")
        return leg

    def _trouble(self, about: str, code: Any) -> None:
        self.troubles[code] = self.troubles.get(code, 0) + 1
        self._say(media.Trouble(about, code, ""))

    # -- legs -------------------------------------------------------------------------------------------------

    def _open(self, command: media.OpenLeg) -> None:
        leg = self.legs.get(command.leg)
        if leg is None:
            if command.port not in self.free:
                self._trouble(command.leg, "port-not-lent")
                return
            self.free.remove(command.port)
            leg = self.legs[command.leg] = WorkerLeg(command.port)
        self._aim(leg, command)

    def _aim(self, leg: WorkerLeg, command: media.OpenLeg | media.AimLeg) -> None:
        leg.remote, leg.sends = (command.remote_host, command.remote_port), command.sends
        leg.silent_s = command.silent_s or SILENT_S
        leg.silent = False

    def _close(self, name: str) -> None:
        leg = self._leg(name)
        if leg is None:
            return
        self._end_play(name, leg, "stopped")
        self._message_over(name, "closed")
        del self.legs[name]
        for other in self.legs.values():
            if name in other.hears:
                other.hears.remove(name)
        self._closed.append(name)
        self._say(media.LegClosed(name, media.LegStats(received=1, sent=1, mos=4.3)))
        self.agenda.after(REST_S, self._rested, leg.port, self.life)

    def _rested(self, port: int, life: int) -> None:
        if life == self.life:
            self.free.append(port)
            self._say(media.PortsFree([port]))

    def _hear(self, command: media.Hear) -> None:
        if (leg := self._leg(command.leg)) is not None:
            leg.hears = [name for name in command.sources if self._leg(name) is not None]
            self.on_heard(leg.remote, bool(leg.hears))

    # -- prompts and keys -------------------------------------------------------------------------------------

    def _play(self, command: media.Play) -> None:
        leg = self._leg(command.leg)
        if leg is None:
            return
        self._end_play(command.leg, leg, "stopped")
        leg.playing, leg.play = command, next(self._numbers)
        self.agenda.after(PROMPT_S * len(command.prompts), self._played, command.leg, leg.play)

    def _played(self, name: str, number: int) -> None:
        leg = self.legs.get(name)
        if leg is not None and leg.play == number:
            self._end_play(name, leg, "done")

    def _end_play(self, name: str, leg: WorkerLeg, why: Any) -> None:
        if leg.playing is not None:
            tag, leg.playing, leg.play = leg.playing.tag, None, 0
            self._say(media.PlayEnded(name, tag, why))

    def press(self, port: int, key: str) -> None:
        """A key arrives at this RTP port."""
        for name, leg in self.legs.items():
            if leg.port == port:
                if leg.playing is not None and leg.playing.until_digit:
                    self._end_play(name, leg, "digit")
                if key == "#":
                    self._message_over(name, "key")
                self._say(media.Digit(name, key, 100))
                return

    def listen(self) -> None:
        """Notice who has stopped sending; called once a second or so."""
        for name, leg in self.legs.items():
            if leg.sends and leg.remote[1] and not leg.silent and not self._reachable(leg.remote):
                leg.silent = True
                self.agenda.after(leg.silent_s, self._silent, name, self.life)

    def _silent(self, name: str, life: int) -> None:
        leg = self.legs.get(name)
        if life == self.life and leg is not None and leg.silent:
            self._say(media.LegSilent(name, leg.silent_s))

    # -- recordings -------------------------------------------------------------------------------------------

    def _record(self, command: media.AnyCommand) -> None:
        match command:
            case media.Record():
                if command.recording in self.recordings:
                    self._trouble(command.recording, "limit")
                    return
                now = self.agenda.now
                self.recordings[command.recording] = Recording(
                    command.left, command.right, command.path, now, command.paused, [(now, command.paused)]
                )
            case media.RecordSides() | media.PauseRecord():
                recording = self.recordings.get(command.recording)
                if recording is None:
                    self._trouble(command.recording, "no-such-recording")
                elif isinstance(command, media.RecordSides):
                    recording.left, recording.right = command.left, command.right
                else:
                    recording.paused = command.paused
                    recording.spans.append((self.agenda.now, command.paused))
            case media.StopRecord():
                recording = self.recordings.pop(command.recording, None)
                if recording is None:
                    self._trouble(command.recording, "no-such-recording")
                else:
                    seconds = self.agenda.now - recording.began_at
                    self._say(media.RecordEnded(command.recording, recording.path, seconds))
            case media.RecordMessage():
                if self._leg(command.leg) is not None:
                    self.messages[command.recording] = command
                    self.agenda.after(command.seconds_max, self._too_long, command, self.life)

    def _too_long(self, command: media.RecordMessage, life: int) -> None:
        if life == self.life and self.messages.get(command.recording) is command:
            self._message_over(command.leg, "length")

    def _message_over(self, leg: str, why: Any) -> None:
        for name, message in list(self.messages.items()):
            if message.leg == leg:
                del self.messages[name]
                self._say(media.MessageEnded(name, message.path, 4.0, why))
