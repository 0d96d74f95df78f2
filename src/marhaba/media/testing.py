"""For tests: an engine stepped by hand and phones on loopback sockets, without a clock and without waiting.

UDP over loopback is delivered before `sendto` returns, so one `Studio.step` is one exact tick: each phone
sends what its plan says, the engine ticks, each phone reads what it was sent.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from marhaba.media import g711, rtp
from marhaba.media.engine import Engine, EngineSettings
from marhaba.media.protocol import (
    PCMA,
    AimLeg,
    AnyCommand,
    AnyEvent,
    CloseLeg,
    Hear,
    OpenLeg,
)
from marhaba.media.rtp import FRAME, TICK_S

LOOPBACK: Final = "127.0.0.1"
PORT_FIRST: Final = 21_000
_WAIT_S: Final = 10.0  # a guard for what threads do; they need milliseconds

E = TypeVar("E", bound=AnyEvent)


class Phone:
    """One far side: speaks a sound in packets of `frame` octets, and keeps what it hears.

    `delay` says for each packet how many ticks later it leaves (None: never), which makes jitter, loss and
    reordering exact.
    """

    def __init__(
        self,
        *,
        payload_type: int = PCMA,
        frame: int = FRAME,
        delay: Callable[[int], int | None] = lambda n: 0,
        ssrc: int = 0x1234,
        sequence: int = 100,
        timestamp: int = 1000,
    ) -> None:
        self.payload_type = payload_type
        self.frame = frame
        self.delay = delay
        self.ssrc, self.sequence, self.timestamp = ssrc, sequence, timestamp
        self.sound: Iterator[bytes] = iter(())
        self.received: list[rtp.Packet] = []
        self.raw: list[bytes] = []
        self.target = (LOOPBACK, 0)
        self.spoken = 0
        self._later: dict[int, list[bytes]] = {}
        self._owed = 0
        self._tick = 0
        self.media, self.control = _socket_pair()

    @property
    def port(self) -> int:
        return int(self.media.getsockname()[1])

    @property
    def codec(self) -> int:
        return g711.CODEC_OF_PAYLOAD[self.payload_type]

    def speak(self, samples: NDArray[np.int16], *, loop: bool = True) -> None:
        """Say these samples from now on."""
        octets = g711.encode(samples, self.codec).tobytes()

        def cut() -> Iterator[bytes]:
            at = 0
            while loop or at + self.frame <= len(octets):
                place = at % len(octets)
                yield (octets[place:] + octets * (1 + self.frame // len(octets)))[: self.frame]
                at += self.frame

        self.sound = cut()

    def hush(self) -> None:
        self.sound = iter(())

    def packet(self, payload: bytes, *, payload_type: int | None = None, marker: bool = False) -> bytes:
        """The next packet in sequence; the time line does not move."""
        kind = self.payload_type if payload_type is None else payload_type
        built = rtp.build(
            rtp.Packet(kind, marker, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc, payload)
        )
        self.sequence += 1
        return built

    def send(self, data: bytes) -> None:
        self.media.sendto(data, self.target)

    def step(self) -> None:
        """20 ms of talking."""
        self._owed += FRAME
        while self._owed >= self.frame:
            self._owed -= self.frame
            payload = next(self.sound, None)
            if payload is not None:
                wait = self.delay(self.spoken)
                data = self.packet(payload)
                if wait is not None:
                    self._later.setdefault(self._tick + wait, []).append(data)
                self.spoken += 1
            self.timestamp += self.frame
        for data in self._later.pop(self._tick, ()):
            self.send(data)
        self._tick += 1

    def listen(self) -> None:
        while True:
            try:
                data = self.media.recv(2048)
            except BlockingIOError:
                return
            self.raw.append(data)
            packet = rtp.parse(data)
            if packet is not None:
                self.received.append(packet)

    def heard(self) -> NDArray[np.int16]:
        """All audio received since `forget`, one packet after the other."""
        sounds = [
            g711.decode(np.frombuffer(packet.payload, np.uint8), g711.CODEC_OF_PAYLOAD[packet.payload_type])
            for packet in self.received
            if packet.payload_type in g711.CODEC_OF_PAYLOAD
        ]
        return np.concatenate(sounds) if sounds else np.zeros(0, np.int16)

    def forget(self) -> None:
        self.received.clear()
        self.raw.clear()

    def close(self) -> None:
        self.media.close()
        self.control.close()


class Studio:
    """An engine with free ports, its events in `events`, and its phones by leg name."""

    def __init__(self, *, pairs: int = 24, settings: EngineSettings | None = None) -> None:
        self.now = 1000.0
        self.events: list[AnyEvent] = []
        self.phones: dict[str, Phone] = {}
        self.engine = Engine(
            settings or EngineSettings(legs_max=pairs),
            self.events.append,
            unix_offset_s=1_700_000_000.0,
            rng=Random(7),  # noqa: S311 -- a fixed seed, so that a failure comes again
        )
        port = PORT_FIRST
        while len(self.engine.wire.free) < pairs:
            self.engine.wire.open_pair(port)
            port += 2

    def tell(self, *commands: AnyCommand) -> None:
        for command in commands:
            self.engine.apply(command, now=self.now)

    def open(
        self,
        leg: str,
        phone: Phone,
        *,
        codec: int | None = None,
        dtmf_payload: int = 101,
        latch_host_only: bool = False,
    ) -> Phone:
        port = self.engine.wire.free[0]
        phone.target = (LOOPBACK, port)
        self.phones[leg] = phone
        self.tell(
            OpenLeg(
                leg,
                port,
                LOOPBACK,
                phone.port,
                codec=phone.payload_type if codec is None else codec,
                dtmf_payload=dtmf_payload,
                latch_host_only=latch_host_only,
            )
        )
        return phone

    def aim(self, leg: str, phone: Phone, *, sends: bool = True, codec: int = PCMA) -> None:
        self.tell(AimLeg(leg, LOOPBACK, phone.port, codec=codec, sends=sends))

    def talk(self, one: str, other: str) -> None:
        self.tell(Hear(one, [other]), Hear(other, [one]))

    def shut(self, leg: str) -> None:
        self.tell(CloseLeg(leg))
        self.phones.pop(leg).close()

    def step(self, ticks: int = 1) -> None:
        for _ in range(ticks):
            for phone in self.phones.values():
                phone.step()
            self.engine.tick(self.now)
            self.now += TICK_S
            for phone in self.phones.values():
                phone.listen()

    def forget(self) -> None:
        for phone in self.phones.values():
            phone.forget()
        self.events.clear()

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def step_until(self, met: Callable[[], bool]) -> None:
        """Tick until something the threads do has happened; the sound goes on meanwhile."""
        deadline = time.monotonic() + _WAIT_S
        while not met():
            if time.monotonic() > deadline:
                raise TimeoutError("nothing happened")
            self.step()
            time.sleep(0.001)

    def close(self) -> None:
        self.engine.close(now=self.now)
        for phone in self.phones.values():
            phone.close()


def _socket_pair() -> Sequence[socket.socket]:
    """An even port and the one above it."""
    for port in range(PORT_FIRST + 2000, 60_000, 2):
        pair = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) for _ in range(2)]
        try:
            for offset, sock in enumerate(pair):
                sock.bind((LOOPBACK, port + offset))
        except OSError:
            for sock in pair:
                sock.close()
        else:
            return pair
    raise OSError("no free pair of ports")
