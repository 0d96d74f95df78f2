"""Somebody at the floor's local socket: an agent's desk, a supervisor's, or the board on the wall."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from marhaba.kernel.messages import Ask, Push, Reply
from marhaba.rehearsal.network import OUTSIDE, Network

RECONNECT_S = 1.0
Answered = Callable[[str, dict[str, Any], Reply], None]


class Desk(asyncio.Protocol):
    """Stays connected; what is asked while nobody listens is asked in vain."""

    def __init__(self, network: Network, path: str, on_reply: Answered, *, subscribes: bool = False) -> None:
        self._network, self._path, self._on_reply = network, path, on_reply
        self._subscribes = subscribes
        self._transport: Any = None
        self._asked: deque[tuple[str, dict[str, Any]]] = deque()
        self._held = b""
        self.pushed = 0
        self._connect()

    def _connect(self) -> None:
        self._network.connect(OUTSIDE, lambda: self, self._path)

    def connection_made(self, transport: Any) -> None:
        self._transport, self._held = transport, b""
        self._asked.clear()
        if self._subscribes:
            self.ask("subscribe")

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._network.agenda.after(RECONNECT_S, self._connect)

    def ask(self, do: str, **args: Any) -> bool:
        if self._transport is None:
            return False
        self._asked.append((do, args))
        self._transport.write(msgspec.json.encode(Ask(do, args)) + b"\n")
        return True

    def data_received(self, data: bytes) -> None:
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            if line.startswith(b'{"ok"'):
                do, args = self._asked.popleft()
                self._on_reply(do, args, msgspec.json.decode(line, type=Reply))
            else:
                msgspec.json.decode(line, type=Push)
                self.pushed += 1
