"""Callers who come back: the agent who served a caller last is preferred, and waited for."""

from __future__ import annotations

from typing import Any

from marhaba.centre import Queue
from marhaba.floor.floor import Floor
from marhaba.floor.state import Call
from marhaba.kernel.numbers import normalise

RETURNS_S = 7 * 86_400.0
"""Who comes back later than in a week has forgotten whom he spoke with."""


def known_to(floor: Floor, call: Call, queue: Queue) -> tuple[str, float]:
    """The agent whom the caller knows, and how long he waits for nobody else; ("", 0): none, or the queue asks nobody."""
    served = floor.state.served.get(_key(floor, call)) if queue.last_agent_s else None
    if served is None or served.at < floor.now - RETURNS_S:
        return "", 0.0
    return served.agent, queue.last_agent_s


def told(knows: str, knows_s: float) -> dict[str, Any]:
    """What `call.queued` says of it."""
    return {"knows": knows, "knows_s": knows_s} if knows else {}


def served(floor: Floor, call: Call) -> dict[str, str]:
    """What `call.connected` says: whom to remember. Nobody where the queue never asks."""
    queue = floor.centre.queues.get(call.queue)
    key = _key(floor, call) if queue is not None and queue.last_agent_s else ""
    return {"served": key} if key else {}


def _key(floor: Floor, call: Call) -> str:
    """The programme and the caller's number, in one form however a carrier writes it; "": withheld. Another client's
    callers are others, though their phone is the same.
    """
    number = normalise(call.caller, country=floor.centre.country)
    return f"{call.programme} {number}" if number else ""
