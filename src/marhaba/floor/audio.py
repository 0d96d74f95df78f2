"""Who hears whom: computed from the state of the call, never patched by hand.

Every change of a call (answer, hold, consultation, three-way, listening) ends in `sync`, which compares what each leg
should hear with what the worker was last told. An empty set means music for the caller and silence for the others.
"""

from __future__ import annotations

from marhaba.floor.floor import Floor
from marhaba.floor.state import Call, Stage
from marhaba.media.protocol import Hear, RecordSides


def hearing(call: Call) -> dict[str, tuple[str, ...]]:
    """For each leg of a call, the legs it hears.

    A supervisor who listens is heard by nobody; who whispers, by the agent; who barges, by all.
    """
    talking = call.stage is Stage.TALKING
    caller = call.caller_leg
    agent = call.agent_leg if talking or call.stage is Stage.DIALLING else ""
    consulted = "" if call.asked_rings else call.consult_leg
    ears: dict[str, list[str]] = {leg: [] for leg in (caller, agent, consulted) if leg}
    pairs: list[tuple[str, str]] = []
    if talking and not call.held_at and not (call.consult_leg and not call.joined):
        pairs.append((caller, agent))
    if consulted and agent:
        pairs.append((agent, consulted))
        if call.joined:
            pairs.append((caller, consulted))
    if call.stage is Stage.INTERNAL:
        pairs.append((caller, consulted))
    for one, other in pairs:
        if one and other:
            ears[one].append(other)
            ears[other].append(one)
    for supervisor, mode in call.supervisors.items():
        ears[supervisor] = [leg for leg in (caller, agent, consulted if call.joined else "") if leg]
        if mode in ("whisper", "barge") and agent:
            ears[agent].append(supervisor)
        if mode == "barge" and caller and not call.held_at:
            ears[caller].append(supervisor)
    return {leg: tuple(sources) for leg, sources in ears.items()}


def sync(floor: Floor, call: Call) -> None:
    """Tell the worker what changed in who hears whom, and which voices the recording holds."""
    volatile = floor.volatile_of(call.id)
    wanted = hearing(call)
    for leg, sources in wanted.items():
        if volatile.hears.get(leg) != sources:
            floor.media(leg, Hear(leg=leg, sources=list(sources)))
    before = volatile.hears
    volatile.hears = wanted
    if call.recording and before.get(call.caller_leg) != wanted.get(call.caller_leg):
        right = [leg for leg in wanted.get(call.caller_leg, ()) if leg]
        floor.media(call.caller_leg, RecordSides(recording=call.recording, left=call.caller_leg, right=right))
