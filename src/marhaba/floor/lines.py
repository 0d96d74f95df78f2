"""Lines from browsers: a leg that stays open from call to call, whose far side is the edge instead of a phone.

A call rings on it and joins it; when it is hung up it is free again. A browser that is away (a reload, another network) has
the caller hear music, and takes him up again when it is back; after `AWAY_S` the line is over, and the caller goes to
the head of his queue.
"""

from __future__ import annotations

from typing import Any

from marhaba.floor import agents, audio, legs, speech, talking
from marhaba.floor.floor import Floor
from marhaba.floor.legs import LINE_LOST
from marhaba.floor.state import Leg, Seat, Stage
from marhaba.kernel.errors import Refused
from marhaba.kernel.routing import AgentState
from marhaba.media.edge_protocol import AimLine, CloseLine
from marhaba.media.protocol import Hear, StopPlay
from marhaba.sip.events import Party

AWAY_S = 30.0
"""A reload takes two seconds, a laptop that changes its network ten; nobody likes to wait longer for one who may not come."""


def open_line(floor: Floor, agent_id: str, *, edge: str, host: str, port: int, dtmf_payload: int) -> None:
    """The browser of `agent_id` speaks at the edge's `host` and `port`; one who was not logged in is.

    A line that was open is aimed there: the browser is back, or another window takes over.
    """
    if floor.seat(agent_id).state is AgentState.LOGGED_OUT:
        agents.log_in(floor, agent_id, how="browser")
    seat = floor.seat(agent_id)
    leg = floor.state.legs.get(seat.leg)
    if leg is not None and not leg.edge:
        raise Refused("the agent's phone keeps a line open", code="phone-line-open")
    if leg is None or leg.ended:
        _open(floor, agent_id, near="", edge=edge, host=host, port=port, dtmf_payload=dtmf_payload)
        _is_back(floor, seat)
        return
    if leg.edge != edge:
        floor.edge(CloseLine(leg.edge))
    leg.edge, leg.remote_host, leg.remote_port, leg.dtmf_payload = edge, host, port, dtmf_payload
    leg.held = False
    _remember(floor, leg)
    legs.aim(floor, leg)
    _aim_edge(floor, leg)
    floor.cancel("away", leg.id)
    call = floor.state.calls.get(leg.call)
    if call is not None and leg.id == call.agent_leg and call.held_by == "line":
        talking.resume(floor, call, by="line")
    _is_back(floor, seat)


def _open(
    floor: Floor, agent_id: str, *, near: str, edge: str, host: str, port: int, dtmf_payload: int
) -> Leg:
    lent = floor.lend_port(near=near)
    if lent is None:
        raise Refused("no port", code="no-port")
    worker, own = lent
    leg = Leg(floor.token(), "", "nailed", agent_id, worker.name, own, edge=edge)
    leg.remote_host, leg.remote_port, leg.dtmf_payload = host, port, dtmf_payload
    legs.opened(floor, leg)
    _aim_edge(floor, leg)
    return floor.state.legs[leg.id]


def _aim_edge(floor: Floor, leg: Leg) -> None:
    floor.edge(AimLine(leg.edge, floor.edge_finds_workers_at, leg.port))


def _remember(floor: Floor, leg: Leg) -> None:
    floor.emit(
        "leg.dialog",
        call=leg.call,
        agent=leg.agent,
        leg=leg.id,
        edge=leg.edge,
        remote_host=leg.remote_host,
        remote_port=leg.remote_port,
        dtmf_payload=leg.dtmf_payload,
        held=leg.held,
    )


def _is_back(floor: Floor, seat: Seat) -> None:
    if seat.state is AgentState.PAUSED and seat.code == LINE_LOST:
        agents.set_state(floor, seat.id, AgentState.READY, keep_turn=True)


def away(floor: Floor, agent_id: str, *, edge: str) -> None:
    """The browser says that it leaves, or nothing comes from it any more. `edge`: the line it means, perhaps an older one."""
    leg = floor.state.legs.get(floor.seat(agent_id).leg)
    if leg is not None and leg.edge and leg.edge == edge:
        lost(floor, leg)


def lost(floor: Floor, leg: Leg) -> None:
    if leg.held or leg.ended:
        return
    leg.held = True
    _remember(floor, leg)
    legs.aim(floor, leg)
    floor.after(AWAY_S, "away", leg.id)
    call, seat = floor.state.calls.get(leg.call), floor.seat(leg.agent)
    if seat.state is AgentState.READY:
        agents.set_state(floor, leg.agent, AgentState.PAUSED, code=LINE_LOST)
    elif call is not None and seat.state is AgentState.RINGING:
        legs.hang_up(floor, leg.id, reason=LINE_LOST)
    elif call is not None and leg.id == call.agent_leg:
        talking.hold(floor, call, by="line")


def away_too_long(floor: Floor, leg_id: str) -> None:
    legs.close(floor, leg_id, reason=LINE_LOST)


def taken_up(floor: Floor, leg: Leg) -> None:
    """After a restart of the floor."""
    if leg.held:
        floor.after(AWAY_S, "away", leg.id)


def edge_met(floor: Floor, known: frozenset[str]) -> None:
    """The edge says which lines it has: those of a new process are none."""
    ours = {leg.edge: leg for leg in floor.state.legs.values() if leg.edge and not leg.ended}
    for name in known - ours.keys():
        floor.edge(CloseLine(name))
    for name, leg in ours.items():
        if name in known:
            _aim_edge(floor, leg)  # a floor that died may not have told it
        else:
            lost(floor, leg)


def free(floor: Floor, agent_id: str, near: str) -> Leg | None:
    """The agent's line, on the worker that holds leg `near`; None: he has none, or it is in use, or nobody is there."""
    leg = floor.state.legs.get(floor.seat(agent_id).leg)
    if leg is None or leg.role != "nailed" or leg.held or leg.ended:
        return None
    if floor.side_by_side(leg.id, near):
        return leg
    if not leg.edge:
        return None  # a phone's line stands where it stands
    try:
        moved = _open(
            floor,
            agent_id,
            near=near,
            edge=leg.edge,
            host=leg.remote_host,
            port=leg.remote_port,
            dtmf_payload=leg.dtmf_payload,
        )
    except Refused:
        return None
    legs.forget(floor, leg.id, reason="moved")
    return moved


def rings_by_hand(floor: Floor, leg: Leg, queue: str) -> bool:
    """Whether he is asked before he is joined. A phone's open line is joined at once: it has no key to press."""
    found = floor.centre.queues.get(queue)
    return bool(leg.edge) and not (found is not None and found.auto_answer)


def ring(floor: Floor, leg: Leg, call: str, role: str) -> None:
    floor.emit("leg.moved", call=call, agent=leg.agent, leg=leg.id, role=role)
    speech.tell_agent(floor, leg.id, ["ring"], floor.centre.language)


def picked_up(floor: Floor, leg: Leg) -> None:
    floor.media(leg, StopPlay(leg=leg.id))


def put_down(floor: Floor, leg: Leg, *, spoke: bool) -> None:
    """The call is over for this line: it waits for the next."""
    floor.emit("leg.moved", agent=leg.agent, leg=leg.id, role="nailed")
    floor.media(leg, StopPlay(leg=leg.id))
    floor.media(leg, Hear(leg=leg.id, sources=[]))  # the others may talk on
    if spoke:
        speech.tell_agent(floor, leg.id, ["beep-end"], floor.centre.language)


def dial(floor: Floor, agent_id: str, to: str) -> None:
    """From the desk: a colleague, or an outside number that the dialling table opens."""
    seat = floor.seat(agent_id)
    if seat.state not in (AgentState.READY, AgentState.PAUSED, AgentState.WRAPUP):
        raise Refused(f"{agent_id} is on a call", code="on-a-call")
    leg = free(floor, agent_id, "")
    if leg is None:
        raise Refused(f"{agent_id} has no line", code="no-line")
    wish = f"pause:{seat.code}" if seat.state is AgentState.PAUSED else seat.after_call
    call_id, me = floor.token(), floor.centre.agents[agent_id]
    floor.cancel("wrapup", agent_id)
    floor.emit(
        "call.offered",
        call=call_id,
        agent=agent_id,
        programme="",
        number=to,
        caller=me.phone or agent_id,
        trunk="",
        leg=leg.id,
        stage=str(Stage.INTERNAL),
    )
    floor.emit("leg.moved", call=call_id, agent=agent_id, leg=leg.id, role="caller")
    floor.emit("agent.state", call=call_id, agent=agent_id, state="talking", after_call=wish)
    call = floor.state.calls[call_id]
    party = Party(number=me.phone or agent_id, name=me.name)
    try:
        asked = talking.ring_target(floor, call, to, near=leg.id, party=party)
    except Refused:
        legs.hang_up(floor, leg.id, reason="refused")
        raise
    floor.emit("call.consulting", call=call.id, **asked)
    speech.tell_agent(floor, leg.id, ["ringback"], floor.centre.language)
    audio.sync(floor, call)


ECHO_S = 6.0
"""Long enough to say one's name and wonder at one's voice."""


def echo(floor: Floor, agent_id: str) -> None:
    """A test of the line: for a while he hears himself, through the audio worker."""
    leg = free(floor, agent_id, "")
    if leg is None:
        raise Refused(f"{agent_id} has no line", code="no-line")
    if floor.seat(agent_id).state is not AgentState.PAUSED:
        raise Refused(f"{agent_id} may be rung", code="not-paused")
    floor.media(leg, Hear(leg=leg.id, sources=[leg.id]))
    floor.after(ECHO_S, "echo", leg.id)


def echo_over(floor: Floor, leg_id: str) -> None:
    leg = floor.state.legs.get(leg_id)
    if leg is not None and leg.role == "nailed":
        floor.media(leg, Hear(leg=leg_id, sources=[]))


def state_of(floor: Floor, seat: Seat) -> dict[str, Any]:
    """For the board: "" no line, open, away."""
    leg = floor.state.legs.get(seat.leg)
    if leg is None or leg.ended:
        return {"line": "", "edge": ""}
    return {"line": "away" if leg.held else "open", "edge": leg.edge}
