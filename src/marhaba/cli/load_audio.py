"""The audio of the load generator: one process that speaks and listens for every leg of a load.

Callers send one tone and agents another, each with a whole number of periods in 20 ms, so that every packet
of a kind is the same 160 bytes. What a leg receives is counted (packets, gaps in the sequence), and one
packet in four is decoded and measured: only a packet that carries the other side's tone counts as heard. All
legs of one side share a port; the centre's own port, different for every leg, tells whose packet it is.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marhaba.cli.datagrams import (
    BATCH,
    SOCKADDR,
    BatchReceiver,
    BatchSender,
    kernel_drops,
    open_udp,
    sockaddr,
)
from marhaba.media.g711 import A_LAW, DECODE, encode
from marhaba.media.protocol import PCMA
from marhaba.media.rtp import FRAME, HEADER_BYTES, PACKET_BYTES, RATE, TICK_S

LEGS_MAX = 4096
TONE_HZ = {"caller": 400.0, "agent": 600.0}
SIDES = ("caller", "agent")
AMPLITUDE = 8000.0  # -12 dBFS, the level of loud speech
SLOTS = 5  # legs speak in five groups 4 ms apart: real phones are not in step
SLOT_S = TICK_S / SLOTS
CHECK_EVERY = 4
TONE_SHARE_OF_POWER = 0.5  # of a packet's power at the expected frequency for it to count as heard


@dataclass(frozen=True, slots=True)
class AudioFigures:
    """Over every leg. `heard_share` is, per leg, heard / checked packets after its partner began to speak."""

    sent: int
    received: int
    lost: int  # gaps in the sequence numbers of what the centre sent
    unsent: int  # met a full send buffer here: the generator's own failure
    dropped_here: int  # thrown away by this machine's kernel because the generator was late
    foreign: int  # from a port no leg knows
    late_slot_ms_p99: float  # how late this generator itself spoke
    legs: int
    heard_share: dict[str, float]  # leg -> share
    legs_lost: dict[str, int]  # leg -> packets lost, only legs that lost some


class LegTable:
    """Arrays over legs; a row is used again after its leg was closed and reported."""

    def __init__(self) -> None:
        self.sender = BatchSender(LEGS_MAX, PACKET_BYTES)
        self.side = np.zeros(LEGS_MAX, dtype=np.int8)
        self.active = np.zeros(LEGS_MAX, dtype=bool)
        self.sequence = np.zeros(LEGS_MAX, dtype=np.uint16)
        self.timestamp = np.zeros(LEGS_MAX, dtype=np.uint32)
        self.highest = np.full(LEGS_MAX, -1, dtype=np.int64)  # extended sequence number; -1: nothing came yet
        self.lowest = np.zeros(LEGS_MAX, dtype=np.int64)
        self.ssrc = np.zeros(LEGS_MAX, dtype=np.uint32)
        self.received = np.zeros(LEGS_MAX, dtype=np.int64)
        self.segment_received = np.zeros(LEGS_MAX, dtype=np.int64)
        self.lost = np.zeros(LEGS_MAX, dtype=np.int64)
        self.checked = np.zeros(LEGS_MAX, dtype=np.int64)
        self.heard = np.zeros(LEGS_MAX, dtype=np.int64)
        self.judged = np.zeros(LEGS_MAX, dtype=bool)  # the partner speaks: what is not heard now is missing
        self.leg_of_port = np.full(65536, -1, dtype=np.int32)
        self.names: list[str] = [""] * LEGS_MAX
        self.free = list(range(LEGS_MAX - 1, -1, -1))
        self.rows: dict[str, int] = {}
        when = np.arange(FRAME) / RATE
        waves = [AMPLITUDE * np.sin(2 * np.pi * TONE_HZ[side] * when) for side in SIDES]
        self.payloads = [encode(np.rint(wave).astype(np.int32), A_LAW) for wave in waves]
        self.decode = DECODE[A_LAW].astype(np.float32)
        other = [TONE_HZ["agent"], TONE_HZ["caller"]]
        self.probe = np.stack(
            [f(2 * np.pi * hz * when) for hz in other for f in (np.cos, np.sin)], axis=1
        ).astype(np.float32)

    def open(self, name: str, side: int, host: str, port: int) -> None:
        if name in self.rows or not self.free:
            return
        row = self.rows[name] = self.free.pop()
        self.names[row] = name
        self.side[row] = side
        self.sequence[row] = row
        self.timestamp[row] = row * 160
        self.highest[row] = -1
        for counts in (self.received, self.segment_received, self.lost, self.checked, self.heard):
            counts[row] = 0
        self.judged[row] = False
        packet = self.sender.data[row]
        packet[0], packet[1] = 0x80, PCMA
        packet[8:12] = np.frombuffer((0x4D000000 + row).to_bytes(4, "big"), dtype=np.uint8)
        packet[HEADER_BYTES:] = self.payloads[side]
        self.sender.targets[row] = sockaddr(host, port)
        self.leg_of_port[port] = row
        self.active[row] = True

    def close(self, name: str) -> tuple[int, int, int, int] | None:
        """Received, lost, checked, heard of a leg that ends."""
        row = self.rows.pop(name, None)
        if row is None:
            return None
        self.active[row] = False
        self._end_segment(row)
        port = int(self.sender.targets[row]["port"])
        if self.leg_of_port[port] == row:
            self.leg_of_port[port] = -1
        self.free.insert(0, row)
        return int(self.received[row]), int(self.lost[row]), int(self.checked[row]), int(self.heard[row])

    def speak(self, slot: int, sockets: list[socket.socket]) -> tuple[int, int]:
        """Send the next packet of every active leg of one slot; returns sent and unsent."""
        rows = np.nonzero(self.active[slot::SLOTS])[0] * SLOTS + slot
        if len(rows) == 0:
            return 0, 0
        data = self.sender.data
        data[rows, 2] = self.sequence[rows] >> 8
        data[rows, 3] = self.sequence[rows] & 0xFF
        data[rows, 4:8] = self.timestamp[rows].astype(">u4").view(np.uint8).reshape(-1, 4)
        self.sequence[rows] += 1
        self.timestamp[rows] += FRAME
        sent = 0
        for side, sock in enumerate(sockets):
            sent += self.sender.send(sock, rows[self.side[rows] == side])
        return sent, len(rows) - sent

    def hear(self, batch: BatchReceiver, count: int) -> int:
        """Count one batch of received packets; returns how many belonged to no leg."""
        rows = self.leg_of_port[batch.sources["port"][:count].astype(np.int64)]
        good = (rows >= 0) & (batch.lengths[:count] == PACKET_BYTES)
        good &= (batch.data[:count, 1] & 0x7F) == PCMA
        data, rows = batch.data[:count][good], rows[good]
        if len(rows) == 0:
            return count
        self._count(rows, data)
        sampled = ((data[:, 3] % CHECK_EVERY) == 0) & self.judged[rows]
        self._judge(rows[sampled], data[sampled, HEADER_BYTES:PACKET_BYTES])
        return count - int(good.sum())

    def _count(self, rows: NDArray[np.int32], data: NDArray[np.uint8]) -> None:
        sequence = (data[:, 2].astype(np.int64) << 8) | data[:, 3]
        ssrc = data[:, 8:12].copy().view(">u4").ravel()
        for at in np.nonzero((self.highest[rows] < 0) | (self.ssrc[rows] != ssrc))[0]:
            row = rows[at]
            if self.highest[row] < 0 or self.ssrc[row] != ssrc[at]:
                self._end_segment(row)
                self.ssrc[row] = ssrc[at]
                self.highest[row] = self.lowest[row] = sequence[at] + 65536
                self.segment_received[row] = 0
        delta = ((sequence - self.highest[rows] + 32768) & 0xFFFF) - 32768
        extended = self.highest[rows] + delta
        np.maximum.at(self.highest, rows, extended)
        np.minimum.at(self.lowest, rows, extended)
        np.add.at(self.received, rows, 1)
        np.add.at(self.segment_received, rows, 1)

    def _end_segment(self, row: int) -> None:
        if self.highest[row] >= 0:
            expected = self.highest[row] - self.lowest[row] + 1
            self.lost[row] += max(0, int(expected - self.segment_received[row]))
            self.highest[row] = -1

    def _judge(self, rows: NDArray[np.int32], payloads: NDArray[np.uint8]) -> None:
        if len(rows) == 0:
            return
        samples = self.decode[payloads]
        power = np.einsum("ij,ij->i", samples, samples)
        bins = (samples @ self.probe) ** 2
        side = self.side[rows]
        at_tone = np.where(side == 0, bins[:, 0] + bins[:, 1], bins[:, 2] + bins[:, 3]) * (2 / FRAME)
        np.add.at(self.checked, rows, 1)
        np.add.at(self.heard, rows[(at_tone > TONE_SHARE_OF_POWER * power) & (power > 0)], 1)


class AudioLoad:
    """Reads commands (`open NAME SIDE HOST PORT`, `judge NAME`, `close NAME`, `end`) and keeps 20 ms."""

    def __init__(self, hosts: tuple[str, str], ports: tuple[int, int]) -> None:
        self.table = LegTable()
        self.sockets = [open_udp(host, port) for host, port in zip(hosts, ports, strict=True)]
        # RTCP has somewhere to go and is not read: an unreachable port would be answered by ICMP.
        self.ignored = [
            open_udp(host, port + 1, receive_bytes=4096) for host, port in zip(hosts, ports, strict=True)
        ]
        self.batch = BatchReceiver()
        self.sent = self.unsent = self.received = self.lost = self.foreign = self.legs = 0
        self.late: list[float] = []
        self.heard_share: dict[str, float] = {}
        self.legs_lost: dict[str, int] = {}
        self._pending = b""

    def run(self, commands: socket.socket) -> AudioFigures:
        commands.setblocking(False)
        waiting = selectors.DefaultSelector()
        waiting.register(commands, selectors.EVENT_READ)
        begin, slot = time.monotonic(), 0
        going = True
        while going:
            due = begin + slot * SLOT_S
            now = time.monotonic()
            if now < due:
                if waiting.select(due - now):
                    going = self._obey(commands)
                continue
            self.late.append((now - due) * 1000)
            sent, unsent = self.table.speak(slot % SLOTS, self.sockets)
            self.sent, self.unsent = self.sent + sent, self.unsent + unsent
            self._listen()
            slot += 1
        self._listen()
        for name in list(self.table.rows):
            self._close(name)
        return self._figures()

    def _listen(self) -> None:
        for sock in self.sockets:
            while count := self.batch.receive(sock):
                self.received += count
                self.foreign += self.table.hear(self.batch, count)
                if count < BATCH:
                    break

    def _obey(self, commands: socket.socket) -> bool:
        try:
            data = commands.recv(1 << 16)
        except BlockingIOError:
            return True
        if not data:
            return False
        lines = (self._pending + data).split(b"\n")
        self._pending = lines.pop()
        for line in lines:
            words = line.decode().split(" ")
            if words[0] == "end":
                return False
            if words[0] == "open":
                self.legs += 1
                self.table.open(words[1], int(words[2]), words[3], int(words[4]))
            elif words[0] == "judge" and words[1] in self.table.rows:
                self.table.judged[self.table.rows[words[1]]] = True
            elif words[0] == "unjudge" and words[1] in self.table.rows:
                self.table.judged[self.table.rows[words[1]]] = False
            elif words[0] == "close":
                self._close(words[1])
        return True

    def _close(self, name: str) -> None:
        counts = self.table.close(name)
        if counts is None:
            return
        _received, lost, checked, heard = counts
        self.lost += lost
        if lost:
            self.legs_lost[name] = lost
        self.heard_share[name] = heard / checked if checked else 0.0

    def _figures(self) -> AudioFigures:
        return AudioFigures(
            sent=self.sent,
            received=self.received,
            lost=self.lost,
            unsent=self.unsent,
            dropped_here=sum(kernel_drops(sock) for sock in self.sockets),
            foreign=self.foreign,
            late_slot_ms_p99=float(np.percentile(self.late, 99)) if self.late else 0.0,
            legs=self.legs,
            heard_share=self.heard_share,
            legs_lost=self.legs_lost,
        )


def figures_from_json(text: str) -> AudioFigures:
    return AudioFigures(**json.loads(text))


def main(arguments: list[str]) -> int:
    """Started by the load generator: command socket's fd, caller and agent host, caller and agent port."""
    fd, caller_host, agent_host, caller_port, agent_port = arguments
    commands = socket.socket(fileno=int(fd))
    load = AudioLoad((caller_host, agent_host), (int(caller_port), int(agent_port)))
    commands.sendall(b"ready\n")
    figures = load.run(commands)
    commands.setblocking(True)
    answer: dict[str, Any] = {name: getattr(figures, name) for name in figures.__slots__}
    commands.sendall(json.dumps(answer).encode() + b"\n")
    return 0


if __name__ == "__main__":
    assert SOCKADDR.itemsize == 16
    sys.exit(main(sys.argv[1:]))
