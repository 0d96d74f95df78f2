"""What the floor takes from the machine it runs on: clocks, chance, sockets, the journal's file and thread.

They are handed in, so that a rehearsal runs the same process by a virtual clock, on a network and a disk that fail
when its seed says so. Nothing else in the floor reads a clock or draws a number.
"""

from __future__ import annotations

import gc
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from marhaba.floor import checkpoint
from marhaba.journal.journal import Journal
from marhaba.journal.writer import JournalWriter, Writer
from marhaba.sip.asyncio.driver import udp_socket

COLLECT_AFTER = (50_000, 20, 100)
"""Thresholds of the garbage collector's generations: almost everything here dies by reference count."""
TOKEN_BYTES = 8
"""64 bits: a leg's or a branch's name that nobody guesses within its life."""


class StartWriter(Protocol):
    def __call__(
        self, journal: Journal, *, call_soon: Callable[..., object], on_trouble: Callable[[str], object]
    ) -> Writer: ...


class ReplaceFile(Protocol):
    def __call__(self, path: Path, blob: bytes, *, sync: bool = True) -> None:
        """Atomically, and with `sync` also for a power cut. Raises OSError."""


def unguessable() -> str:
    return secrets.token_hex(TOKEN_BYTES)


def tame_collector() -> None:
    """What is loaded by now stays: the collector need not look at it again, and looks at the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


@dataclass(frozen=True, slots=True)
class Machine:
    """The real one by default."""

    wall: Callable[[], float] = time.time  # seconds since the epoch; may be stepped
    steady: Callable[[], float] = time.monotonic  # never runs back, means nothing across a boot
    token: Callable[[], str] = unguessable
    open_journal: Callable[[Path], Journal] = Journal
    start_writer: StartWriter = JournalWriter
    replace_file: ReplaceFile = checkpoint.write
    bind_udp: Callable[[str, int], socket.socket] = udp_socket
    settle: Callable[[], None] = tame_collector  # once everything is loaded
