"""A checkpoint of the state, so that a start replays minutes of journal and not months.

The file says up to which event it holds; the journal stays the truth: a missing, torn or older checkpoint only means
a longer replay.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from marhaba.floor.state import Call, FloorState, Leg, Seat, Stage
from marhaba.kernel.routing import AgentState, Routing, Work

FORMAT = 2


class Checkpoint(msgspec.Struct, frozen=True):
    """Everything of a `FloorState` but the routing tables, which follow from it."""

    format: int
    seq: int
    at: float
    rank_next: int
    calls: dict[str, Call]
    legs: dict[str, Leg]
    seats: dict[str, Seat]
    alarms: dict[str, str]
    trunks: dict[str, bool]
    running: bool
    work: dict[str, Work]  # what the least occupied of the agents is found by


def encode(state: FloorState, *, seq: int) -> bytes:
    """`seq` is the last event that made `state`."""
    return msgspec.json.encode(
        Checkpoint(
            FORMAT,
            seq,
            state.at,
            state.rank_next,
            state.calls,
            state.legs,
            state.seats,
            state.alarms,
            state.trunks,
            state.running,
            {agent: state.routing.work_of(agent) for agent in state.seats},
        )
    )


def write(path: Path, blob: bytes, *, sync: bool = True) -> None:
    """Atomically: a crash leaves the old file or the new one; with `sync`, so does a power cut."""
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(blob)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    fresh.replace(path)


def restore(path: Path, routing: Routing, *, last_seq: int) -> tuple[FloorState, int]:
    """The state at the checkpoint and the event it holds up to; an empty state and 0 when there is none to use."""
    empty = FloorState(routing=routing)
    try:
        held = msgspec.json.decode(path.read_bytes(), type=Checkpoint)
    except (FileNotFoundError, msgspec.DecodeError):
        return empty, 0
    if held.format != FORMAT or held.seq > last_seq:
        return empty, 0
    state = FloorState(
        routing=routing,
        calls=held.calls,
        legs=held.legs,
        seats=held.seats,
        alarms=held.alarms,
        trunks=held.trunks,
        rank_next=held.rank_next,
        at=held.at,
        running=held.running,
    )
    _fill_routing(state)
    for agent, work in held.work.items():
        routing.set_work(agent, work)
    return state, held.seq


def _fill_routing(state: FloorState) -> None:
    routing = state.routing
    for seat in state.seats.values():
        # A ringing agent is made so by `assign` below; what `assign` needs is an agent who was ready.
        before = AgentState.READY if seat.state is AgentState.RINGING else seat.state
        routing.agent_state(seat.since, seat.id, before, idle_since=seat.idle_since or None)
    waiting = [c for c in state.calls.values() if c.visit_open and c.retry_at <= state.at]
    for call in sorted(waiting, key=lambda c: c.rank):
        routing.enqueue(
            state.at,
            call.id,
            call.queue,
            language=call.language,
            priority=call.priority,
            queued_at=call.since,
            rank=call.rank,
        )
        if call.stage is not Stage.QUEUED and call.agent:
            routing.assign(state.at, call.id, call.agent)
    for seat in state.seats.values():
        if seat.state is AgentState.RINGING:
            routing.agent_state(seat.since, seat.id, seat.state)
