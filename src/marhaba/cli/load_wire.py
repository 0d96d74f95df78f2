"""Sockets, timers and retransmissions of the load generator: one blocking loop, no framework.

Arrival times are the kernel's (SO_TIMESTAMPNS): a delay never includes how late this process read a datagram.
"""

from __future__ import annotations

import contextlib
import heapq
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

T1_S = 0.5  # RFC 3261 section 17.1.1.1
T2_S = 4.0
_SO_TIMESTAMPNS = 35
_READS_A_TURN = 64  # datagrams read before timers get their turn


@dataclass(slots=True)
class Pending:
    """A message sent again until it is taken off the list, at most until `until`."""

    data: bytes
    sock: socket.socket
    interval_s: float
    until: float
    invite: bool
    lost: Callable[[], None] | None = None  # called when the time is over


@dataclass(slots=True)
class Wire:
    server: tuple[str, int]
    receive: Callable[[bytes, socket.socket, int], None]  # data, socket, arrival in ns since the epoch
    pending: dict[str, Pending] = field(default_factory=dict)
    retransmissions: int = 0
    late_ms: list[float] = field(default_factory=list)  # how late timers fired here
    _timers: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0
    _poll: select.epoll = field(default_factory=select.epoll)
    _sockets: dict[int, socket.socket] = field(default_factory=dict)

    def open(self, host: str, port: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        sock.bind((host, port))
        self._sockets[sock.fileno()] = sock
        self._poll.register(sock.fileno(), select.EPOLLIN)
        return sock

    def close(self) -> None:
        for sock in self._sockets.values():
            sock.close()
        self._poll.close()

    def later(self, delay_s: float, act: Callable[[], None]) -> None:
        self.at(time.monotonic() + delay_s, act)

    def at(self, when: float, act: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, act))

    def send(self, sock: socket.socket, data: bytes) -> int:
        """Send once; returns the time in ns since the epoch just before it left."""
        now = time.time_ns()
        with contextlib.suppress(BlockingIOError):  # a lost datagram: retransmission is for that
            sock.sendto(data, self.server)
        return now

    def send_until(
        self,
        key: str,
        sock: socket.socket,
        data: bytes,
        *,
        invite: bool = False,
        seconds: float = 64 * T1_S,
        lost: Callable[[], None] | None = None,
    ) -> int:
        """Send again at T1, 2*T1, ... until `settle(key)`."""
        self.pending[key] = Pending(data, sock, T1_S, time.monotonic() + seconds, invite, lost)
        self.later(T1_S, lambda: self._again(key))
        return self.send(sock, data)

    def settle(self, key: str) -> bool:
        return self.pending.pop(key, None) is not None

    def _again(self, key: str) -> None:
        waiting = self.pending.get(key)
        if waiting is None:
            return
        if time.monotonic() >= waiting.until:
            del self.pending[key]
            if waiting.lost is not None:
                waiting.lost()
            return
        self.retransmissions += 1
        self.send(waiting.sock, waiting.data)
        doubled = waiting.interval_s * 2
        waiting.interval_s = doubled if waiting.invite else min(doubled, T2_S)
        self.later(waiting.interval_s, lambda: self._again(key))

    def run(self, going: Callable[[], bool]) -> None:
        """Serve sockets and timers until `going()` is false."""
        while going():
            now = time.monotonic()
            while self._timers and self._timers[0][0] <= now:
                when, _, act = heapq.heappop(self._timers)
                self.late_ms.append((now - when) * 1000)
                act()
                now = time.monotonic()
            wait = self._timers[0][0] - now if self._timers else 0.05
            for descriptor, _ in self._poll.poll(min(max(wait, 0.0), 0.05)):
                self._drain(self._sockets[descriptor])

    def _drain(self, sock: socket.socket) -> None:
        for _ in range(_READS_A_TURN):
            try:
                data, extra, _, _ = sock.recvmsg(65535, 64)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue  # an ICMP answer to an earlier datagram; the next read is real
            seconds, nanoseconds = struct.unpack("qq", extra[0][2][:16])
            self.receive(data, sock, seconds * 1_000_000_000 + nanoseconds)
