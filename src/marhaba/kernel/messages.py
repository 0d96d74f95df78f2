"""What goes over the floor's local socket: one JSON object a line, each way.

A client sends `Ask`; the floor answers with `Reply`, in order. After `subscribe`, `Push` lines come between replies:
every journal event as it is committed, and the board whenever it changed.
"""

from __future__ import annotations

from typing import Any

import msgspec

LINE_BYTES_MAX = 1 << 20
"""A board of 2,000 agents is a third of this."""


class Ask(msgspec.Struct, frozen=True):
    do: str  # a name of floor.actions.ACTIONS, e.g. "ready"
    args: dict[str, Any] = msgspec.field(default_factory=dict)


class Reply(msgspec.Struct, frozen=True):
    ok: bool
    code: str = ""  # stable code of the refusal
    message: str = ""
    data: Any = None


class Push(msgspec.Struct, frozen=True, omit_defaults=True):
    event: dict[str, Any] | None = None
    board: dict[str, Any] | None = None
