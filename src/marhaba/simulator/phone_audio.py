"""A software phone's ears and mouth: G.711 over plain RTP, one packet in 20 ms, all phones on one clock.

Every phone of a fleet speaks in the same tick, because thirty timers of 20 ms would drift apart and cost more
than what they do. What a phone hears is put back in order by its RTP timestamps: a lost packet is silence of
its length, so that times measured in what was heard are true.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marhaba.media import g711, rtp
from marhaba.media.dtmf import DigitReceiver, DigitSender, KeyDown
from marhaba.media.tones import LEVEL_DB_MIN, tone_level_db

Samples = NDArray[np.int16]

LATE_TICKS_MAX = 10
"""A clock that fell further behind starts again at now: a phone that caught up would flood the far side."""
HEARD_S_MAX = 600
"""Ten minutes of sound are 10 MB; a phone left on the table must not fill the memory."""
JUMP_S_MAX = 2.0
"""A longer hole in the timestamps is a new stream (a transfer, another prompt), not lost packets."""
PORT_TRIES = 50
_SEQUENCE_SPAN = 1 << 16


@dataclass(frozen=True, slots=True)
class AudioStatistics:
    """Of one call, as the phone saw it; `lost` counts holes in the sequence numbers, jitter by RFC 3550 A.8."""

    sent: int
    received: int
    lost: int
    foreign: int  # from another address than the one signalled
    jitter_ms: float
    gap_ms_max: float  # the longest wait between two packets


class Ticker:
    """The one 20 ms clock. Use as an async context manager; functions added are called every tick."""

    def __init__(self) -> None:
        self.ticks = 0
        self.restarts = 0
        self._work: list[Callable[[int], None]] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Ticker:
        self._task = asyncio.get_running_loop().create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()

    def add(self, work: Callable[[int], None]) -> None:
        self._work.append(work)

    def remove(self, work: Callable[[int], None]) -> None:
        if work in self._work:
            self._work.remove(work)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            for work in tuple(self._work):
                work(self.ticks)
            self.ticks += 1
            due += rtp.TICK_S
            now = loop.time()
            if now - due > LATE_TICKS_MAX * rtp.TICK_S:
                self.restarts += 1
                due = now
            await asyncio.sleep(max(0.0, due - now))


class PhoneAudio(asyncio.DatagramProtocol):
    """One RTP stream each way. `open` it, `aim` it when the far side is known, `close` it at the end."""

    def __init__(self, ticker: Ticker, rng: random.Random, *, keep_heard: bool = True) -> None:
        self.digits = ""  # keys the far side pressed
        self.codec = g711.A_LAW
        self.speaking = False  # packets leave
        self.listening = True
        self.keep_heard = keep_heard
        self.port = 0
        self.closed = False
        self._ticker = ticker
        self._transport: asyncio.DatagramTransport | None = None
        self._remote = ("", 0)
        self._dtmf_payload = 101
        self._ssrc = rng.getrandbits(32)
        self._sequence = rng.getrandbits(15)
        self._timestamp = rng.getrandbits(31)
        self._sound: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)
        self._at = 0
        self._loop_sound = False
        self._said = asyncio.Event()
        self._sender = DigitSender()
        self._receiver = DigitReceiver()
        self._heard: list[Samples] = []
        self._heard_samples = 0
        self._reception = _Reception()
        self._sent = 0
        self._foreign = 0

    async def open(self, host: str) -> None:
        """Bind an even port for RTP (RFC 3550 section 11); the odd one above is RTCP's and is left alone."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=_even_port(host))
        self.port = self._transport.get_extra_info("sockname")[1]
        self._ticker.add(self._tick)

    def aim(self, host: str, port: int, *, payload: int, dtmf_payload: int, direction: str) -> None:
        """`payload` 0 or 8 as negotiated; `direction` seen from this phone ("sendrecv", "sendonly", ...)."""
        self._remote = (host, port)
        self.codec = g711.CODEC_OF_PAYLOAD[payload]
        self._dtmf_payload = dtmf_payload
        self.speaking = direction in ("sendrecv", "sendonly") and port > 0
        self.listening = direction in ("sendrecv", "recvonly")

    def say(self, samples: Samples, *, loop: bool = False) -> None:
        """Speak these 8 kHz samples from the next tick on; what was being said ends. Empty: silence."""
        rest = -len(samples) % rtp.FRAME
        padded = np.concatenate([samples, np.zeros(rest, dtype=np.int16)])
        self._sound = g711.encode(padded, self.codec)
        self._at, self._loop_sound = 0, loop
        self._said.clear()
        if len(samples) == 0:
            self._said.set()

    async def wait_said(self) -> None:
        """Until what `say` was given is over (never, for a loop)."""
        await self._said.wait()

    def press(self, digits: str) -> bool:
        """Send keys as telephone events; in-band tones where the far side knows no events."""
        return self._sender.push(digits)

    def heard(self, *, last_s: float = 0.0) -> Samples:
        """What arrived so far, or its last seconds."""
        if not self._heard:
            return np.zeros(0, dtype=np.int16)
        self._heard = [np.concatenate(self._heard)]
        return self._heard[0][-round(last_s * rtp.RATE) :] if last_s else self._heard[0]

    def heard_level_db(self, hz: float, *, last_s: float = 0.5) -> float:
        """Level of a tone in the last `last_s` seconds heard, by `tone_level_db`."""
        heard = self.heard(last_s=last_s)
        return tone_level_db(heard, hz) if len(heard) >= rtp.FRAME else LEVEL_DB_MIN

    async def wait_heard(self, hz: float, *, level_db: float = -20.0, seconds: float = 5.0) -> float:
        """Until a tone arrives at `level_db` or more; returns its level. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while (level := self.heard_level_db(hz, last_s=0.2)) < level_db:  # noqa: ASYNC110 -- sound comes in ticks
                await asyncio.sleep(rtp.TICK_S)
        return level

    def statistics(self) -> AudioStatistics:
        reception = self._reception
        return AudioStatistics(
            sent=self._sent,
            received=reception.received,
            lost=reception.lost,
            foreign=self._foreign,
            jitter_ms=reception.jitter / rtp.RATE * 1000,
            gap_ms_max=reception.gap_s_max * 1000,
        )

    def close(self) -> None:
        self.closed = True
        self.speaking = False
        self._ticker.remove(self._tick)
        self._said.set()
        if self._transport is not None:
            self._transport.close()

    # -- out --------------------------------------------------------------------------------------------------

    def _tick(self, tick: int) -> None:
        self.digits += "".join(key.digit for key in self._receiver.tick(tick) if isinstance(key, KeyDown))
        if not self.speaking or self._transport is None:
            return
        payload_type, marker, timestamp = g711.PAYLOAD_OF_CODEC[self.codec], False, self._timestamp
        if self._sender.busy and self._dtmf_payload:
            event = self._sender.event(self._timestamp)
            if event is not None:
                payload_type, marker, timestamp = self._dtmf_payload, event.marker, event.timestamp
                payload = event.payload
            else:
                payload = self._frame()
        elif self._sender.busy:
            tone = self._sender.tone(self.codec)
            payload = self._frame() if tone is None else tone.tobytes()
        else:
            payload = self._frame()
        packet = rtp.Packet(payload_type, marker, self._sequence, timestamp, self._ssrc, payload)
        self._transport.sendto(rtp.build(packet), self._remote)
        self._sent += 1
        self._sequence = (self._sequence + 1) % _SEQUENCE_SPAN
        self._timestamp = (self._timestamp + rtp.FRAME) & 0xFFFFFFFF

    def _frame(self) -> bytes:
        if self._at >= len(self._sound):
            if not self._loop_sound or len(self._sound) == 0:
                self._said.set()
                return bytes([g711.SILENCE[self.codec]]) * rtp.FRAME
            self._at = 0
        frame = self._sound[self._at : self._at + rtp.FRAME].tobytes()
        self._at += rtp.FRAME
        return frame

    # -- in ---------------------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[:2] != self._remote:
            self._foreign += 1
            return
        packet = rtp.parse(data)
        if packet is None or rtp.looks_like_rtcp(data):
            return
        gap = self._reception.count(packet, asyncio.get_running_loop().time())
        if self._dtmf_payload and packet.payload_type == self._dtmf_payload:
            keys = self._receiver.receive(packet.timestamp, packet.payload, tick=self._ticker.ticks)
            self.digits += "".join(key.digit for key in keys if isinstance(key, KeyDown))
        elif self.listening and packet.payload_type in g711.CODEC_OF_PAYLOAD:
            self._hear(packet, gap)

    def error_received(self, exc: Exception) -> None:
        """The far side closed its port while a packet was on its way: usual at the end of a call."""

    def _hear(self, packet: rtp.Packet, gap: int) -> None:
        if not self.keep_heard or gap < 0 or self._heard_samples > HEARD_S_MAX * rtp.RATE:
            return
        if gap:
            self._heard.append(np.zeros(gap, dtype=np.int16))
        octets = np.frombuffer(packet.payload, dtype=np.uint8)
        self._heard.append(g711.decode(octets, g711.CODEC_OF_PAYLOAD[packet.payload_type]))
        self._heard_samples += gap + len(octets)


class _Reception:
    """Counts of what came in, over all streams (SSRCs) a call brings."""

    def __init__(self) -> None:
        self.received = 0
        self.jitter = 0.0  # in samples
        self.gap_s_max = 0.0
        self._lost_before = 0  # in streams that ended
        self._ssrc = -1
        self._base = self._highest = 0  # extended sequence numbers
        self._stream_received = 0
        self._next_timestamp = 0
        self._transit = 0.0
        self._arrived = 0.0

    @property
    def lost(self) -> int:
        expected = self._highest - self._base + 1 if self._stream_received else 0
        return self._lost_before + max(0, expected - self._stream_received)

    def count(self, packet: rtp.Packet, now: float) -> int:
        """Samples missing before this packet; -1 when its turn is over."""
        if self.received:
            self.gap_s_max = max(self.gap_s_max, now - self._arrived)
        self.received += 1
        self._arrived = now
        transit = now * rtp.RATE - packet.timestamp
        if packet.ssrc != self._ssrc:
            self._lost_before = self.lost
            self._ssrc, self._stream_received = packet.ssrc, 0
            self._base = self._highest = packet.sequence
            self._next_timestamp, self._transit = packet.timestamp, transit
        self._stream_received += 1
        step = (packet.sequence - self._highest + _SEQUENCE_SPAN // 2) % _SEQUENCE_SPAN - _SEQUENCE_SPAN // 2
        self._highest += max(step, 0)
        if len(packet.payload) == rtp.FRAME:  # the timestamp of an event stands still while a key is held
            self.jitter += (abs(transit - self._transit) - self.jitter) / 16
            self._transit = transit
        gap = (packet.timestamp - self._next_timestamp + (1 << 31)) % (1 << 32) - (1 << 31)
        if gap < 0 and gap > -JUMP_S_MAX * rtp.RATE:
            return -1
        self._next_timestamp = (packet.timestamp + len(packet.payload)) & 0xFFFFFFFF
        return gap if 0 <= gap < JUMP_S_MAX * rtp.RATE else 0


def murmur(rng: random.Random, seconds: float, *, pitch_hz: float = 0.0) -> Samples:
    """Something like speech: a buzz with three formants, in syllables of 0.1 to 0.3 s and phrases with pauses."""
    pitch = pitch_hz or rng.uniform(95, 220)
    total = round(seconds * rtp.RATE)
    when = np.arange(total) / rtp.RATE
    buzz = sum(
        (np.sin(2 * np.pi * pitch * harmonic * when) / harmonic * (1 + 2 * (harmonic in (3, 4, 9, 14))))
        for harmonic in range(1, 16)
    )
    loudness = np.zeros(total)
    at = 0
    while at < total:
        if rng.random() < 0.12:
            at += round(rng.uniform(0.3, 0.9) * rtp.RATE)
            continue
        length = min(round(rng.uniform(0.1, 0.3) * rtp.RATE), total - at)
        if length > 0:
            loudness[at : at + length] = np.hanning(length) * rng.uniform(0.5, 1.0)
        at += length
    peak = float(np.max(np.abs(buzz))) if total else 1.0
    return np.rint(buzz / peak * loudness * 9000).astype(np.int16)


def _even_port(host: str) -> socket.socket:
    for _ in range(PORT_TRIES):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind((host, 0))
        if sock.getsockname()[1] % 2 == 0:
            return sock
        sock.close()
    raise OSError(f"no even UDP port free at {host}")
