"""Many datagrams in one system call: Linux's sendmmsg(2) and recvmmsg(2) over numpy buffers.

The load generator shares the machine with the centre it measures, so a packet must cost it as little as
possible: Python touches a batch, never a packet. Nothing here allocates after construction.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

BATCH = 512  # messages a call: 20 ms of 400 legs spread over five slots fits four times
DATAGRAM_BYTES_MAX = 256  # a 20 ms G.711 packet is 172 bytes; longer ones arrive cut, which is counted

_LIBC = ctypes.CDLL(None, use_errno=True)
_MSG_DONTWAIT = 0x40
_SO_MEMINFO = 55
_SK_MEMINFO_DROPS = 8

# struct mmsghdr and struct iovec of the 64-bit Linux ABI
_MMSGHDR = np.dtype(
    {
        "names": ["name", "namelen", "iov", "iovlen", "control", "controllen", "flags", "length"],
        "formats": ["<u8", "<u4", "<u8", "<u8", "<u8", "<u8", "<i4", "<u4"],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 56],
        "itemsize": 64,
    }
)
_IOVEC = np.dtype([("base", "<u8"), ("length", "<u8")])
SOCKADDR = np.dtype([("family", "<u2"), ("port", ">u2"), ("address", ">u4"), ("zero", "<u8")])


def sockaddr(host: str, port: int) -> NDArray[Any]:
    """One IPv4 `struct sockaddr_in`."""
    address = int.from_bytes(socket.inet_aton(host), "big")
    return np.array((socket.AF_INET, port, address, 0), dtype=SOCKADDR)


def open_udp(host: str, port: int, *, receive_bytes: int = 4 << 20) -> socket.socket:
    """A bound, non-blocking UDP socket whose buffer holds a fifth of a second of 25,000 packets a second."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, receive_bytes)
    sock.bind((host, port))
    return sock


def kernel_drops(sock: socket.socket) -> int:
    """Datagrams the kernel threw away because this socket's reader was too slow."""
    info = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
    drops: int = struct.unpack("=9I", info)[_SK_MEMINFO_DROPS]
    return drops


class BatchReceiver:
    """`receive(sock)` fills `data[:n]`, `lengths[:n]` and `sources[:n]` and returns n."""

    def __init__(self) -> None:
        self.data = np.zeros((BATCH, DATAGRAM_BYTES_MAX), dtype=np.uint8)
        self.sources = np.zeros(BATCH, dtype=SOCKADDR)
        self._iovecs = np.zeros(BATCH, dtype=_IOVEC)
        self._iovecs["base"] = self.data.ctypes.data + np.arange(BATCH) * DATAGRAM_BYTES_MAX
        self._iovecs["length"] = DATAGRAM_BYTES_MAX
        self._headers = np.zeros(BATCH, dtype=_MMSGHDR)
        self._headers["name"] = self.sources.ctypes.data + np.arange(BATCH) * SOCKADDR.itemsize
        self._headers["iov"] = self._iovecs.ctypes.data + np.arange(BATCH) * _IOVEC.itemsize
        self._headers["iovlen"] = 1
        self._address = ctypes.c_void_p(self._headers.ctypes.data)
        self.lengths = self._headers["length"]

    def receive(self, sock: socket.socket) -> int:
        self._headers["namelen"] = SOCKADDR.itemsize
        count: int = _LIBC.recvmmsg(sock.fileno(), self._address, BATCH, _MSG_DONTWAIT, None)
        if count >= 0:
            return count
        error = ctypes.get_errno()
        if error in (11, 111, 4):  # EAGAIN; ECONNREFUSED from an earlier send; EINTR
            return 0
        raise OSError(error, os.strerror(error))


class BatchSender:
    """Row r of `data` goes to row r of `targets`; `send(sock, rows)` sends those rows."""

    def __init__(self, rows: int, row_bytes: int) -> None:
        self.data = np.zeros((rows, row_bytes), dtype=np.uint8)
        self.targets = np.zeros(rows, dtype=SOCKADDR)
        self._iovecs = np.zeros(rows, dtype=_IOVEC)
        self._iovecs["base"] = self.data.ctypes.data + np.arange(rows) * row_bytes
        self._iovecs["length"] = row_bytes
        self._headers = np.zeros(rows, dtype=_MMSGHDR)
        self._headers["name"] = self.targets.ctypes.data + np.arange(rows) * SOCKADDR.itemsize
        self._headers["namelen"] = SOCKADDR.itemsize
        self._headers["iov"] = self._iovecs.ctypes.data + np.arange(rows) * _IOVEC.itemsize
        self._headers["iovlen"] = 1

    def send(self, sock: socket.socket, rows: NDArray[np.intp]) -> int:
        """Returns how many left; the rest met a full send buffer."""
        picked = self._headers[rows]
        done = 0
        while done < len(rows):
            address = ctypes.c_void_p(picked.ctypes.data + done * _MMSGHDR.itemsize)
            sent: int = _LIBC.sendmmsg(sock.fileno(), address, len(rows) - done, _MSG_DONTWAIT)
            if sent < 0:
                error = ctypes.get_errno()
                if (
                    error == 111
                ):  # ECONNREFUSED told about an earlier datagram: nothing of this batch was lost
                    continue
                if error in (11, 105):  # EAGAIN, ENOBUFS
                    break
                raise OSError(error, os.strerror(error))
            done += sent
        return done
