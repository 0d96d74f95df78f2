"""The engine of one media worker: commands in, events out, and a tick every 20 ms.

A tick reads what arrived, takes one frame from every leg's jitter buffer, sums who hears whom, lays prompts
and music over it, sends a packet to every leg, and adds the frames to the recordings. Everything is arrays
over all legs; Python touches a leg by name only where it plays a prompt or presses a key. The engine reads
no clock: `now` is handed in.
"""

from __future__ import annotations

import heapq
import ipaddress
import secrets
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import numpy as np

from marhaba.media import g711, protocol
from marhaba.media.clips import PROMPTS_MAX, ClipStore
from marhaba.media.disk import Ended, Writer
from marhaba.media.dtmf import KeyDown, KeyUp
from marhaba.media.jitter import ADAPT_TICKS, JitterBuffers
from marhaba.media.legs import Leg, Reports, leg_stats
from marhaba.media.mixing import SOURCES_MAX, Hearing
from marhaba.media.playing import MusicPlan, Playing
from marhaba.media.protocol import AnyCommand, AnyEvent, LegState, LegStats
from marhaba.media.reception import Reception
from marhaba.media.recording import Messages, Recorder
from marhaba.media.rtcp import INTERVAL_S
from marhaba.media.rtp import FRAME, TICK_S
from marhaba.media.sending import Sending
from marhaba.media.wire import Address, Wire

HOUSEKEEPING_TICKS: Final = 50


@dataclass(frozen=True, slots=True)
class EngineSettings:
    host: str = "127.0.0.1"  # the address the sockets are bound to
    legs_max: int = 1000
    recordings_max: int = 500
    messages_max: int = 100
    silent_s: float = 20.0  # without a packet before `LegSilent`


class Engine:
    """`emit` takes every event in order and must not block."""

    def __init__(
        self, settings: EngineSettings, emit: Callable[[AnyEvent], None], *, unix_offset_s: float, rng: Random
    ) -> None:
        rows = settings.legs_max
        self.settings = settings
        self.tick_number = 0
        self.wire = Wire(settings.host, rows)
        self.legs: dict[str, Leg] = {}
        self._emit = emit
        self._rng = rng
        self._by_row: list[Leg | None] = [None] * rows
        self._rows_free = list(range(rows))
        self._high = 0
        self._now = 0.0
        self._buffers = JitterBuffers(rows)
        self._reception = Reception(rows, self._buffers, on_event=self._key_packet)
        self._sending = Sending(rows)
        self._clips = ClipStore()
        self._writer = Writer()
        self._recorder = Recorder(settings.recordings_max, self._writer)
        self._messages = Messages(settings.messages_max, self._writer)
        self._reports = Reports(
            self._reception, self._sending, secrets.token_urlsafe(12).encode(), unix_offset_s
        )
        self._report_due: defaultdict[int, list[Leg]] = defaultdict(list)
        self._silence = np.full((rows, FRAME), g711.SILENCE[g711.A_LAW], np.uint8)
        self._out = self._silence.copy()
        self._hearing = Hearing(rows)
        self._plan = self._hearing.plan(codec_in=self._buffers.codec, codec_out=self._buffers.codec)
        self._music = MusicPlan(rows)
        self._musical: dict[str, Leg] = {}
        self._playing: dict[str, Leg] = {}
        self._dialling: dict[str, Leg] = {}
        self._pressed: dict[str, Leg] = {}
        self._dirty = False
        self._verbs: dict[type, Callable[[Any], None]] = {
            protocol.OpenLeg: self._open_leg,
            protocol.AimLeg: self._aim_leg,
            protocol.CloseLeg: self._close_leg,
            protocol.Play: self._play,
            protocol.Music: self._set_music,
            protocol.StopPlay: self._stop_play,
            protocol.Hear: self._hear,
            protocol.SendDigits: self._send_digits,
            protocol.Record: self._record,
            protocol.RecordSides: self._record_sides,
            protocol.PauseRecord: self._pause_record,
            protocol.StopRecord: self._stop_record,
            protocol.RecordMessage: self._record_message,
        }

    # -- for the worker ----------------------------------------------------------------------------------

    def apply(self, command: AnyCommand, *, now: float) -> None:
        """Carry out one command (all but `AskStats`). What cannot be done comes out as `Trouble`."""
        self._now = now
        if isinstance(command, protocol.OpenLeg | protocol.AimLeg) and (
            command.codec not in g711.CODEC_OF_PAYLOAD or not 0 <= command.dtmf_payload < 128
        ):
            self._trouble(command.leg, "limit", "neither PCMA nor PCMU, or no payload type")
            return
        self._verbs[type(command)](command)

    def tick(self, now: float) -> None:
        self._now = now
        tick, count = self.tick_number, self._high
        if not self.legs and not self._recorder.running:
            self._report_due.pop(tick, None)
            self._keep_house(tick)
            self.tick_number = tick + 1
            return
        self.wire.drain(self._reception, self._take_report, tick=tick)
        frames = self._buffers.take(count, tick=tick)
        for pair in self.wire.learnt:
            self._sending.route(pair.row, pair)
        self.wire.learnt.clear()
        if self._clips.collect():
            self._dirty = True
        if self._dirty:
            self._compile()
        self._send_tick(frames, self._out[:count])
        self._recorder.tick(frames, tick)
        if self._messages.running:
            self._messages.tick(frames, self._leg_rows(), self._buffers.codec)
        self._end_lost_keys(tick)
        self._send_reports(tick)
        self._keep_house(tick)
        self.tick_number = tick + 1

    def _send_tick(self, frames: g711.Octets, out: g711.Octets) -> None:
        sending = self._sending
        if sending.to_anyone:
            out[:] = self._silence[: len(out)]
            self._plan.render(frames, out)
            self._music.render(out)
        if self._playing:
            self._play_frames(out)
        if self._dialling:
            self._dial(out)
        sending.send(out)

    def skip(self, ticks: int) -> None:
        """The worker was away for so long that these ticks cannot be made up for."""
        self._sending.skip(self._high, ticks)

    def held(self) -> list[LegState]:
        recorded = {recording.left: name for name, recording in self._recorder.running.items()}
        return [
            LegState(
                leg=leg.name,
                port=leg.pair.port,
                remote_host=leg.pair.remote[0],
                remote_port=leg.pair.remote[1],
                codec=g711.PAYLOAD_OF_CODEC[leg.codec],
                hears=list(leg.hears),
                recording=recorded.get(leg.name, ""),
            )
            for leg in self.legs.values()
        ]

    def recordings(self) -> list[str]:
        return [*self._recorder.running, *self._messages.running]

    def stats(self) -> dict[str, LegStats]:
        return {leg.name: self._stats(leg) for leg in self.legs.values()}

    def close(self, *, now: float) -> None:
        """Close every file; the sockets go last."""
        self._now = now
        for name in list(self._recorder.running):
            self._recorder.stop(name, tick=self.tick_number)
        for name in list(self._messages.running):
            self._messages.stop(name, "closed")
        for leg in self.legs.values():
            self.wire.send_control(leg.pair, self._reports.make(leg, now=now, goodbye=True))
        self._writer.close()
        self._collect_files()
        self._clips.close()
        self.wire.close()

    # -- legs --------------------------------------------------------------------------------------------

    def _open_leg(self, command: protocol.OpenLeg) -> None:
        if (leg := self.legs.get(command.leg)) is not None and leg.pair.port == command.port:
            self._aim(leg, command)
            return
        if leg is not None or not self._rows_free:
            self._trouble(command.leg, "limit", "this leg is open" if leg else "too many legs")
            return
        row = heapq.heappop(self._rows_free)
        pair = self.wire.take(command.port, row)
        if pair is None:
            heapq.heappush(self._rows_free, row)
            self._trouble(command.leg, "port-not-lent", str(command.port))
            return
        leg = Leg(command.leg, row, pair, g711.CODEC_OF_PAYLOAD[command.codec], command.dtmf_payload, True)
        self.legs[leg.name] = self._by_row[row] = leg
        self._high = max(self._high, row + 1)
        self._reception.open(row, codec=leg.codec, event_payload=leg.event_payload, tick=self.tick_number)
        self._sending.open(
            row,
            ssrc=self._rng.getrandbits(32),
            sequence=self._rng.getrandbits(15),
            timestamp=self._rng.getrandbits(32),
        )
        self._music.place[row] = 0
        self._aim(leg, command)
        self._plan_report(leg, first=True)

    def _aim_leg(self, command: protocol.AimLeg) -> None:
        if (leg := self._leg(command.leg)) is not None:
            self._aim(leg, command)

    def _aim(self, leg: Leg, command: protocol.OpenLeg | protocol.AimLeg) -> None:
        leg.codec = g711.CODEC_OF_PAYLOAD[command.codec]
        leg.event_payload = command.dtmf_payload
        if command.sends and not leg.sends:
            self._sending.mark(leg.row)
        leg.sends, leg.silent_s = command.sends, command.silent_s
        leg.silence_said = False
        self._silence[leg.row] = g711.SILENCE[leg.codec]
        self._reception.heard[leg.row] = self.tick_number
        self._reception.aim(leg.row, codec=leg.codec, event_payload=leg.event_payload)
        self._sending.aim(leg.row, leg.codec)
        remote = self._remote(command)
        self.wire.aim(leg.pair, remote, learns_port=command.latch_host_only and bool(remote[0]))
        self._sending.route(leg.row, leg.pair if leg.sends and leg.pair.remote[1] else None)
        self._dirty = True

    def _remote(self, command: protocol.OpenLeg | protocol.AimLeg) -> Address:
        """The far side's address; ("", 0) for none, for the 0.0.0.0 of an old-fashioned hold, and for
        nonsense.
        """
        try:
            host = ipaddress.IPv4Address(command.remote_host)
        except ValueError:
            if command.remote_host:
                self._trouble(command.leg, "limit", "the far side's address is not IPv4")
            return "", 0
        if host.is_unspecified or host.is_multicast or not 0 < command.remote_port < 65536:
            return "", 0
        return str(host), command.remote_port

    def _close_leg(self, command: protocol.CloseLeg) -> None:
        leg = self._leg(command.leg)
        if leg is None:
            return
        self._end_play(leg, "stopped")
        self._messages.on_leg(leg.name, "closed")
        self.wire.send_control(leg.pair, self._reports.make(leg, now=self._now, goodbye=True))
        stats = self._stats(leg)
        for names in (self.legs, self._musical, self._playing, self._dialling, self._pressed):
            names.pop(leg.name, None)
        self._hearing.set(leg.row, ())
        for other in self.legs.values():
            if leg.name in other.hears:
                other.hears.remove(leg.name)
                self._hears(other)
        self._sending.route(leg.row, None)
        self._by_row[leg.row] = None
        heapq.heappush(self._rows_free, leg.row)
        while self._high and self._by_row[self._high - 1] is None:
            self._high -= 1
        self._buffers.clear(leg.row)
        self.wire.give_back(leg.pair, now=self._now)
        self._dirty = True
        self._emit(protocol.LegClosed(leg.name, stats))

    # -- what is heard -----------------------------------------------------------------------------------

    def _play(self, command: protocol.Play) -> None:
        leg = self._leg(command.leg)
        if leg is None:
            return
        self._end_play(leg, "stopped")
        if not command.prompts or len(command.prompts) > PROMPTS_MAX:
            why: Any = "missing" if command.prompts else "done"
            self._emit(protocol.PlayEnded(leg.name, command.tag, why))
            return
        clips = [self._clips.find(path, now=self._now) for path in command.prompts]
        leg.playing = Playing(command.tag, clips, command.until_digit)
        self._playing[leg.name] = leg

    def _stop_play(self, command: protocol.StopPlay) -> None:
        if (leg := self._leg(command.leg)) is not None:
            self._end_play(leg, "stopped")

    def _end_play(self, leg: Leg, why: Any) -> None:
        if leg.playing is not None:
            tag, leg.playing = leg.playing.tag, None
            del self._playing[leg.name]
            self._emit(protocol.PlayEnded(leg.name, tag, why))

    def _set_music(self, command: protocol.Music) -> None:
        leg = self._leg(command.leg)
        if leg is not None:
            before = leg.music
            leg.music = self._clips.find(command.path, now=self._now) if command.path else None
            if before is None or leg.music is None or before.path != leg.music.path:
                self._music.place[leg.row] = 0
            if leg.music is not None:
                self._musical[leg.name] = leg
            else:
                self._musical.pop(leg.name, None)
            self._dirty = True

    def _hear(self, command: protocol.Hear) -> None:
        leg = self._leg(command.leg)
        if leg is None:
            return
        sources = list(dict.fromkeys(command.sources))
        if len(sources) > 1:  # among others nobody hears himself; alone it is a test of the line
            sources = [name for name in sources if name != leg.name]
        for name in [name for name in sources if name not in self.legs]:
            self._trouble(name, "no-such-leg", "to be heard")
            sources.remove(name)
        if len(sources) > SOURCES_MAX:
            self._trouble(leg.name, "limit", f"a leg hears {SOURCES_MAX} others at most")
            return
        leg.hears = sources
        self._hears(leg)
        self._dirty = True

    def _hears(self, leg: Leg) -> None:
        self._hearing.set(leg.row, [self.legs[name].row for name in leg.hears])

    def _send_digits(self, command: protocol.SendDigits) -> None:
        if (leg := self._leg(command.leg)) is not None:
            if leg.digits_out.push(command.digits):
                self._dialling[leg.name] = leg
            else:
                self._trouble(leg.name, "limit", "no keys, or too many of them")

    def _compile(self) -> None:
        codec = self._buffers.codec
        self._plan = self._hearing.plan(codec_in=codec, codec_out=codec)
        music = {leg.row: leg.music for leg in self._musical.values() if leg.music and not leg.hears}
        self._music.compile(music, codec)
        self._recorder.compile(self._leg_rows, codec)
        self._dirty = False

    def _play_frames(self, out: g711.Octets) -> None:
        for leg in list(self._playing.values()):
            playing = leg.playing
            assert playing is not None
            if playing.missing:
                self._end_play(leg, "missing")
            elif playing.ready:
                frame = playing.next_frame(leg.codec)
                if frame is None:
                    self._end_play(leg, "done")
                else:
                    out[leg.row] = frame

    def _dial(self, out: g711.Octets) -> None:
        for leg in list(self._dialling.values()):
            if leg.event_payload:
                event = leg.digits_out.event(int(self._sending.timestamp[leg.row]))
                if event is not None:
                    self._sending.replace(leg.row, event, payload_type=leg.event_payload)
            else:
                tone = leg.digits_out.tone(leg.codec)
                if tone is not None:
                    out[leg.row] = tone
            if not leg.digits_out.busy:
                del self._dialling[leg.name]

    # -- keys --------------------------------------------------------------------------------------------

    def _key_packet(self, row: int, timestamp: int, payload: bytes) -> None:
        leg = self._by_row[row]
        assert leg is not None
        for said in leg.digits_in.receive(timestamp, payload, tick=self.tick_number):
            self._key(leg, said)
        if leg.digits_in.pressed:
            self._pressed[leg.name] = leg

    def _key(self, leg: Leg, said: KeyDown | KeyUp) -> None:
        match said:
            case KeyDown(digit):
                if leg.playing is not None and leg.playing.until_digit:
                    self._end_play(leg, "digit")
                if digit == "#":
                    self._messages.on_leg(leg.name, "key")
            case KeyUp(digit, ms):
                self._emit(protocol.Digit(leg.name, digit, ms))

    def _end_lost_keys(self, tick: int) -> None:
        for leg in list(self._pressed.values()):
            for said in leg.digits_in.tick(tick):
                self._key(leg, said)
            if not leg.digits_in.pressed:
                del self._pressed[leg.name]

    # -- recordings --------------------------------------------------------------------------------------

    def _record(self, command: protocol.Record) -> None:
        if command.recording in self._recorder.running or self._recorder.full:
            self._trouble(command.recording, "limit", "this recording runs, or too many do")
            return
        self._recorder.start(
            command.recording,
            command.path,
            left=command.left,
            right=command.right,
            paused=command.paused,
            tick=self.tick_number,
        )
        self._dirty = True

    def _record_sides(self, command: protocol.RecordSides) -> None:
        recording = self._recorder.running.get(command.recording)
        if recording is None:
            self._trouble(command.recording, "no-such-recording", "sides")
            return
        recording.left, recording.right = command.left, list(command.right)
        self._dirty = True

    def _pause_record(self, command: protocol.PauseRecord) -> None:
        recording = self._recorder.running.get(command.recording)
        if recording is None:
            self._trouble(command.recording, "no-such-recording", "pause")
            return
        recording.paused = command.paused
        self._dirty = True

    def _stop_record(self, command: protocol.StopRecord) -> None:
        if command.recording in self._recorder.running:
            self._recorder.stop(command.recording, tick=self.tick_number)
            self._dirty = True
        elif command.recording in self._messages.running:
            self._messages.stop(command.recording, "closed")
        else:
            self._trouble(command.recording, "no-such-recording", "stop")

    def _record_message(self, command: protocol.RecordMessage) -> None:
        if self._leg(command.leg) is None:
            return
        if command.recording in self._messages.running or self._messages.full:
            self._trouble(command.recording, "limit", "this message runs, or too many do")
            return
        self._messages.start(
            command.recording,
            command.path,
            leg=command.leg,
            seconds_max=command.seconds_max,
            silence_s_max=command.silence_s_max,
        )

    def _collect_files(self) -> None:
        for result in self._writer.collect():
            if not isinstance(result, Ended):
                self._trouble(result.name, "disk", result.error)
                continue
            why = self._messages.ended(result.name)
            seconds = round(result.seconds, 3)
            if why is None:
                self._emit(protocol.RecordEnded(result.name, result.path, seconds, result.error))
            else:
                why = "error" if result.error else why
                self._emit(protocol.MessageEnded(result.name, result.path, seconds, why))

    # -- reports and housekeeping ------------------------------------------------------------------------

    def _take_report(self, row: int, data: bytes) -> None:
        leg = self._by_row[row]
        assert leg is not None
        self._reception.heard[row] = self.tick_number
        self._reports.take(leg, data, now=self._now)

    def _send_reports(self, tick: int) -> None:
        for leg in self._report_due.pop(tick, ()):
            if self.legs.get(leg.name) is leg:
                self.wire.send_control(leg.pair, self._reports.make(leg, now=self._now))
                self._plan_report(leg)

    def _plan_report(self, leg: Leg, *, first: bool = False) -> None:
        """RFC 3550 section 6.2: between half and one and a half times the interval, half of it for the
        first.
        """
        seconds = INTERVAL_S * (0.5 + self._rng.random()) * (0.5 if first else 1.0)
        self._report_due[self.tick_number + max(1, round(seconds / TICK_S))].append(leg)

    def _keep_house(self, tick: int) -> None:
        self._collect_files()
        if tick % ADAPT_TICKS == 0:
            self._buffers.adapt(self._high, self._reception.jitter[: self._high])
        if tick % HOUSEKEEPING_TICKS == 0:
            ports = self.wire.rested(self._now)
            if ports:
                self._emit(protocol.PortsFree(ports))
            self._find_silent(tick)

    def _find_silent(self, tick: int) -> None:
        for leg in self.legs.values():
            if not leg.sends or not leg.pair.remote[1]:
                self._reception.heard[leg.row] = tick
            quiet = tick - int(self._reception.heard[leg.row])
            if quiet < round((leg.silent_s or self.settings.silent_s) / TICK_S):
                leg.silence_said = False
            elif not leg.silence_said:
                leg.silence_said = True
                self._emit(protocol.LegSilent(leg.name, round(quiet * TICK_S, 2)))

    def _leg_rows(self) -> dict[str, int]:
        return {name: leg.row for name, leg in self.legs.items()}

    def _stats(self, leg: Leg) -> LegStats:
        foreign = self.wire.foreign(leg.pair)
        return leg_stats(leg, self._reception, self._buffers, self._sending, foreign)

    def _leg(self, name: str) -> Leg | None:
        leg = self.legs.get(name)
        if leg is None:
            self._trouble(name, "no-such-leg", "")
        return leg

    def _trouble(self, about: str, code: Any, detail: str) -> None:
        self._emit(protocol.Trouble(about, code, detail))
