"""A checkpoint of the state, so that a start replays minutes of journal and not months.

The file says up to which event it holds; the journal stays the truth: a missing, torn or older checkpoint only means
a longer replay.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from marhaba.floor.loaded import Loaded, adopt
from marhaba.floor.state import Call, FloorState, Leg, Seat, Served, Stage
from marhaba.kernel.routing import AgentState, Numbers, Routing, Work

FORMAT = 4


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
    rung: str
    loaded: Loaded | None
    numbers: Numbers  # what agents draw lots by
    served: dict[str, Served]
    knowing: dict[
        str, tuple[str, bool]
    ]  # of who waits: the agent he knows, and whether he waits for nobody else
    work: dict[str, Work]  # what the least occupied is found by; in the order of their turns


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
            state.rung,
            state.loaded,
            state.routing.numbers(),
            state.served,
            {call.id: state.routing.known_to(call.id) for call in state.calls.values() if call.knows},
            {
                agent: state.routing.work_of(agent)
                for agent in state.routing.standing()
                if agent in state.seats
            },
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
    """The state at the checkpoint and the event it holds up to; an empty state and 0 when there is none to use.

    `routing`: what goes on where no event has told what routing goes by.
    """
    empty = FloorState(routing=routing)
    try:
        held = msgspec.json.decode(path.read_bytes(), type=Checkpoint)
    except (FileNotFoundError, msgspec.DecodeError):
        return empty, 0
    if held.format != FORMAT or held.seq > last_seq:
        return empty, 0
    if held.loaded is not None:
        routing = Routing([])
        routing.set_numbers(held.numbers)
        adopt(routing, held.loaded)
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
        rung=held.rung,
        loaded=held.loaded,
        served=held.served,
    )
    _fill_routing(state, [state.seats[agent] for agent in held.work], held.knowing)
    for agent, work in held.work.items():
        routing.set_work(agent, work)
    return state, held.seq


def _fill_routing(state: FloorState, seats: list[Seat], knowing: dict[str, tuple[str, bool]]) -> None:
    """`seats`: in the order of their turns."""
    routing = state.routing
    rung = {agent for call in state.calls.values() for agent in call.ringing.values()}
    for seat in seats:
        ready = seat.state is AgentState.READY
        # Between the event that rings him and the one that says so of him, routing knows it already.
        there = AgentState.RINGING if ready and seat.id in rung else seat.state
        routing.agent_state(seat.since, seat.id, there, idle_since=seat.idle_since or None)
    # Who rings, or is dialled while his agent listens, has left the line though his visit goes on.
    waiting = [
        c for c in state.calls.values() if c.visit_open and c.stage is Stage.QUEUED and c.retry_at <= state.at
    ]
    for call in sorted(waiting, key=lambda c: c.rank):
        knows, alone = knowing.get(call.id, ("", False))
        routing.enqueue(
            state.at,
            call.id,
            call.queue,
            language=call.language,
            priority=call.priority,
            queued_at=call.since,
            rank=call.rank,
            admitted=True,
            knows=knows,
            knows_s=call.knows_s if alone else 0.0,
        )
