"""A supervisor listens, whispers or barges in: one more leg in the call, heard as its mode says."""

from __future__ import annotations

from marhaba.floor import audio, legs, lines
from marhaba.floor.floor import Floor
from marhaba.floor.state import Call, Stage
from marhaba.kernel.errors import Refused
from marhaba.sip.events import Party

MODES = ("listen", "whisper", "barge")
MODE_KEYS = {"4": "listen", "5": "whisper", "6": "barge"}
"""Keys that change the mode while supervising, as app_queue's ChanSpy users know them."""


def start(floor: Floor, supervisor: str, target: str, mode: str, *, leg_id: str = "") -> None:
    """Join `supervisor` to the call of agent `target`; on the leg he called from, or by ringing his phone."""
    call = _call_of(floor, target)
    agent = floor.centre.agents.get(supervisor)
    if agent is None or not agent.supervisor:
        raise Refused(f"{supervisor} is no supervisor", code="not-a-supervisor")
    if mode not in MODES:
        raise Refused(f"unknown mode {mode!r}", code="unknown-mode")
    floor.emit(
        "audit", agent=supervisor, call=call.id, who=supervisor, did=f"supervision.{mode}", what=target
    )
    line = lines.free(floor, supervisor, call.caller_leg) if not leg_id else None
    if line is not None:
        leg_id = line.id
    if not leg_id:
        leg_id = floor.token()
        phone = floor.state.seats[supervisor].phone if supervisor in floor.state.seats else agent.phone
        bindings = floor.endpoint.bindings(phone or agent.phone)
        if not bindings or not legs.call_out(
            floor,
            leg_id=leg_id,
            call=call.id,
            role="supervisor",
            agent=supervisor,
            near=call.caller_leg,
            target=bindings[-1].contact,
            flow=bindings[-1].flow,
            caller=Party(number=target, name=mode),
        ):
            raise Refused("the supervisor's phone cannot be reached", code="phone-unreachable")
    else:
        floor.emit("leg.moved", call=call.id, agent=supervisor, leg=leg_id, role="supervisor")
    floor.emit("supervision.started", call=call.id, agent=supervisor, leg=leg_id, mode=mode, target=target)
    audio.sync(floor, call)


def change(floor: Floor, call: Call, leg_id: str, mode: str) -> None:
    leg = floor.state.legs[leg_id]
    floor.emit(
        "audit", agent=leg.agent, call=call.id, who=leg.agent, did=f"supervision.{mode}", what=call.agent
    )
    floor.emit("supervision.mode", call=call.id, agent=leg.agent, leg=leg_id, mode=mode)
    audio.sync(floor, call)


def key(floor: Floor, call: Call, leg_id: str, digit: str) -> None:
    if (mode := MODE_KEYS.get(digit)) is not None:
        change(floor, call, leg_id, mode)


def gone(floor: Floor, call: Call, leg_id: str) -> None:
    leg = floor.state.legs.get(leg_id)
    if leg_id in call.supervisors:
        agent = leg.agent if leg is not None else ""
        floor.emit("supervision.ended", call=call.id, agent=agent, leg=leg_id)
        audio.sync(floor, call)


def stop(floor: Floor, supervisor: str) -> None:
    for leg in list(floor.state.legs.values()):
        if leg.role == "supervisor" and leg.agent == supervisor and not leg.ended:
            legs.hang_up(floor, leg.id, reason="supervision-ended")


def _call_of(floor: Floor, agent: str) -> Call:
    call = floor.state.calls.get(floor.seat(agent).call)
    if call is None or call.stage is not Stage.TALKING:
        raise Refused(f"{agent} is on no call", code="no-call")
    return call
