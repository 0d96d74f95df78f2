"""The sockets of a worker: pairs of RTP and RTCP ports opened beforehand, drained and written in batches.

A leg's socket takes packets from its far side's address alone; all else is counted as foreign and dropped
before anything parses it. Where the system can, the kernel does the dropping (`source_filter`); what it let
through is compared here again.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from marhaba.media import rtp
from marhaba.media.reception import ROW_BYTES, Reception
from marhaba.media.source_filter import admit, dropped

Address = tuple[str, int]

PACKETS_A_TICK_MIN: Final = 2048
"""Read in one tick beside two a leg: 4 ms of reading, so that a flood delays packets and never the tick."""
FLUSH_MAX: Final = 1024
"""More than a default socket buffer holds of the smallest datagrams."""
RTCP_BYTES: Final = 1500
REST_S: Final = 5.0
"""How long a closed port rests, so that its last call's late packets do not reach the next (queues hold 2
s).
"""


@dataclass(slots=True, eq=False)
class Pair:
    """One RTP port and the RTCP port above it. `row` is the leg that holds it, -1 for none."""

    port: int
    media: socket.socket
    control: socket.socket
    row: int = -1
    remote: Address = ("", 0)
    said: Address = ("", 0)  # the far side's address by its SDP
    learns_port: bool = False  # the far side's port is taken from its first packet
    control_remote: Address = ("", 0)
    control_muxed: bool = False
    foreign: int = 0  # counted here
    dropped_before: int = 0  # the kernel's count when the leg took the port


ControlSink = Callable[[int, bytes], None]
"""Leg and RTCP compound."""


class Wire:
    """Sockets bound to `host`; legs are the rows of `Reception`."""

    def __init__(self, host: str, rows: int) -> None:
        self._host = host
        self._pairs: dict[int, Pair] = {}
        self._media: dict[int, Pair] = {}  # by descriptor, held by a leg
        self._control: dict[int, Pair] = {}
        self._epoll = select.epoll()
        self._rows = np.zeros((max(rows, 1), ROW_BYTES), np.uint8)
        self._views = [row.data for row in self._rows]
        self._free: dict[int, None] = {}  # in the order they became free
        self._resting: deque[tuple[float, int]] = deque()
        self.learnt: list[Pair] = []  # far sides' ports were learnt since this was last emptied

    # -- ports -------------------------------------------------------------------------------------------

    @property
    def free(self) -> list[int]:
        return list(self._free)

    def open_pair(self, port: int) -> bool:
        """False: another program holds one of the two ports."""
        media, control = (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) for _ in range(2)
        )
        try:
            media.bind((self._host, port))
            control.bind((self._host, port + 1))
        except OSError:
            media.close()
            control.close()
            return False
        admit(media, "", 0)
        admit(control, "", 0)
        self._pairs[port] = Pair(port, media, control)
        self._free[port] = None
        return True

    def take(self, port: int, row: int) -> Pair | None:
        """Give a free port to a leg; None when it is not free."""
        if port not in self._free:
            return None
        del self._free[port]
        pair = self._pairs[port]
        for sock in (pair.media, pair.control):
            _flush(sock)
            self._epoll.register(sock.fileno(), select.EPOLLIN)
        pair.row, pair.foreign, pair.dropped_before = row, 0, dropped(pair.media) + dropped(pair.control)
        self._media[pair.media.fileno()] = pair
        self._control[pair.control.fileno()] = pair
        pair.said = pair.remote = pair.control_remote = ("", 0)
        pair.learns_port = pair.control_muxed = False
        return pair

    def aim(self, pair: Pair, remote: Address, *, learns_port: bool) -> None:
        if learns_port and remote == pair.said and not pair.learns_port:
            return  # a re-INVITE that says the same port again: the one learnt stays
        same_host = remote[0] == pair.remote[0]
        same = remote == pair.remote and not learns_port and not pair.learns_port
        pair.said = pair.remote = remote
        pair.learns_port = learns_port
        pair.control_remote = (remote[0], remote[1] + 1) if remote[1] else ("", 0)
        pair.control_muxed = False
        if not same:
            admit(pair.media, remote[0] if remote[1] or learns_port else "", 0 if learns_port else remote[1])
        if not same_host:
            admit(pair.control, remote[0], 0)

    def foreign(self, pair: Pair) -> int:
        """Packets from a third address since the leg took the port."""
        return pair.foreign + dropped(pair.media) + dropped(pair.control) - pair.dropped_before

    def give_back(self, pair: Pair, *, now: float) -> None:
        for sock, held in ((pair.media, self._media), (pair.control, self._control)):
            self._epoll.unregister(sock.fileno())
            del held[sock.fileno()]
            admit(sock, "", 0)
        pair.row, pair.remote = -1, ("", 0)
        self._resting.append((now + REST_S, pair.port))

    def rested(self, now: float) -> list[int]:
        """Ports free again."""
        ports = []
        while self._resting and self._resting[0][0] <= now:
            ports.append(self._resting.popleft()[1])
        self._free.update(dict.fromkeys(ports))
        return ports

    def close(self) -> None:
        for pair in self._pairs.values():
            pair.media.close()
            pair.control.close()
        self._epoll.close()

    # -- packets -----------------------------------------------------------------------------------------

    def drain(self, reception: Reception, on_control: ControlSink, *, tick: int) -> None:
        """Read what has arrived, at most one packet a leg in each pass, which is what `Reception` takes."""
        left = PACKETS_A_TICK_MIN + 2 * len(self._media)
        while left > 0:
            ready = self._epoll.poll(0, max(2 * len(self._media), 1))
            if not ready:
                return
            left -= len(ready)
            legs, lengths = self._read(ready, on_control)
            if legs:
                reception.accept(
                    np.array(legs, np.intp), np.array(lengths, np.int64), self._rows[: len(legs)], tick=tick
                )

    def _read(self, ready: list[tuple[int, int]], on_control: ControlSink) -> tuple[list[int], list[int]]:
        legs: list[int] = []
        lengths: list[int] = []
        media, views = self._media, self._views
        at = 0
        for descriptor, _ in ready:
            pair = media.get(descriptor)
            if pair is None:
                self._read_control(self._control[descriptor], on_control)
                continue
            view = views[at]
            try:
                size, address = pair.media.recvfrom_into(view)
            except OSError:  # a datagram with a bad checksum woke us, or ICMP told of an earlier packet
                continue
            if address != pair.remote and not self._learn(pair, address, view[:size]):
                pair.foreign += 1
            elif size >= 8 and 192 <= view[1] <= 223:
                pair.control_muxed = True
                on_control(pair.row, bytes(view[:size]))
            else:
                legs.append(pair.row)
                lengths.append(size)
                at += 1
        return legs, lengths

    def _learn(self, pair: Pair, address: Address, data: memoryview) -> bool:
        """Whether this packet, the first from the right host, tells the far side's port."""
        if not pair.learns_port or address[0] != pair.remote[0] or rtp.parse(bytes(data)) is None:
            return False
        pair.remote, pair.learns_port = address, False
        self.learnt.append(pair)
        pair.control_remote = (address[0], address[1] + 1)
        admit(pair.media, *address)
        return True

    def _read_control(self, pair: Pair, on_control: ControlSink) -> None:
        try:
            data, address = pair.control.recvfrom(RTCP_BYTES + 1)
        except OSError:
            return
        if address[0] != pair.remote[0]:
            pair.foreign += 1
            return
        if address != pair.control_remote:
            pair.control_remote = address  # behind NAT its RTCP port is as unknown as its RTP port
        on_control(pair.row, data)

    def send_control(self, pair: Pair, data: bytes) -> None:
        sock = pair.media if pair.control_muxed else pair.control
        remote = pair.remote if pair.control_muxed else pair.control_remote
        if remote[1]:
            try:
                sock.sendto(data, remote)
            except OSError:
                return  # lost, as any datagram may be; the next report comes in 5 s


def _flush(sock: socket.socket) -> None:
    for _ in range(FLUSH_MAX):
        try:
            sock.recv(1)
        except OSError:
            return
