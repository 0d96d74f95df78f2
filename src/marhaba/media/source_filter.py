"""Packets from anyone but the far side end in the kernel: a classic BPF program on each socket (Linux,
socket(7)).

A flood at one port then costs us no processor time and cannot push the call's own packets out of the queue.
The kernel counts what the filter drops, in the same number as datagrams that found the queue full.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
from typing import Final

_ATTACH: Final = 26  # SO_ATTACH_FILTER
_MEMINFO: Final = 55  # SO_MEMINFO
_MEMINFO_DROPS: Final = 8  # ninth of its 32-bit numbers
_LOAD_WORD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_LOAD_HALF: Final = 0x28  # BPF_LD | BPF_H | BPF_ABS
_JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_IP_SOURCE: Final = (-0x100000 & 0xFFFFFFFF) + 12  # SKF_NET_OFF: counted from the IPv4 header
_UDP_SOURCE: Final = 0  # the filter of a UDP socket starts at the UDP header
_ALL: Final = 0xFFFFFFFF

_Step = tuple[int, int, int, int]  # struct sock_filter: code, jump if true, jump if false, k


def admit(sock: socket.socket, host: str, port: int) -> bool:
    """Let in only what comes from `host` (nothing at all when empty), and from `port` unless 0.

    False: this system has no such filters, and the caller compares addresses itself (it does anyway).
    """
    if sys.platform != "linux":
        return False
    steps: list[_Step] = []
    if host:
        tests = [(_LOAD_WORD, _IP_SOURCE, int.from_bytes(socket.inet_aton(host), "big"))]
        if port:
            tests.append((_LOAD_HALF, _UDP_SOURCE, port))
        for n, (load, offset, value) in enumerate(tests):
            to_drop = 2 * (len(tests) - n) - 1
            steps += [(load, 0, 0, offset), (_JUMP_EQUAL, 0, to_drop, value)]
        steps.append((_RETURN, 0, 0, _ALL))
    steps.append((_RETURN, 0, 0, 0))
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    try:
        sock.setsockopt(socket.SOL_SOCKET, _ATTACH, struct.pack("@HP", len(steps), ctypes.addressof(program)))
    except OSError:
        return False
    return True


def dropped(sock: socket.socket) -> int:
    """Datagrams the kernel threw away at this socket since it was opened: filtered, or met a full queue."""
    try:
        info = sock.getsockopt(socket.SOL_SOCKET, _MEMINFO, 36)
    except OSError:
        return 0
    return int(struct.unpack("=9I", info)[_MEMINFO_DROPS]) if len(info) == 36 else 0
