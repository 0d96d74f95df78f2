"""What may be asked of the floor over its local socket: a closed list, each with its arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marhaba.floor import agents, board, dispatch, legs, lines, recordings, supervision, talking
from marhaba.floor.floor import Floor
from marhaba.floor.state import Call, Leg, Stage
from marhaba.kernel.errors import MarhabaError, Refused
from marhaba.kernel.messages import Ask, Reply
from marhaba.kernel.routing import AgentState
from marhaba.media.protocol import SendDigits

TEXT_MAX = 4_000
"""Longest text argument: a note. Everything else is far shorter."""


def act(floor: Floor, ask: Ask) -> Reply:
    """Carry out one request. A refusal is a reply, never an exception."""
    verb = ACTIONS.get(ask.do)
    if verb is None:
        return Reply(ok=False, code="unknown-action", message=f"unknown action {ask.do!r}")
    try:
        _check(ask.args)
        return Reply(ok=True, data=verb(floor, **ask.args))
    except MarhabaError as refusal:
        return Reply(ok=False, code=refusal.code, message=str(refusal))
    except TypeError as wrong:
        return Reply(ok=False, code="bad-arguments", message=str(wrong).partition(") ")[2] or str(wrong))


def _check(args: dict[str, Any]) -> None:
    for name, value in args.items():
        if isinstance(value, str) and len(value) > TEXT_MAX:
            raise Refused(f"{name} is too long", code="too-long")
        if not isinstance(value, str | int | float | bool):
            raise Refused(f"{name} must be a text, a number or a truth", code="bad-arguments")


def _call_of_agent(floor: Floor, agent: str) -> Call:
    call = floor.state.calls.get(floor.seat(agent).call)
    if call is None or call.stage is not Stage.TALKING or call.agent != agent:
        raise Refused(f"{agent} is on no call", code="no-call")
    return call


def _login(floor: Floor, agent: str, phone: str = "") -> None:
    agents.log_in(floor, agent, phone=phone)


def _logout(floor: Floor, agent: str) -> None:
    agents.log_out(floor, agent)


def _ready(floor: Floor, agent: str) -> None:
    agents.ready(floor, agent)


def _pause(floor: Floor, agent: str, code: str) -> None:
    agents.pause(floor, agent, code)


def _wrap_done(floor: Floor, agent: str) -> None:
    agents.wrap_up_done(floor, agent)


def _wrap_extend(floor: Floor, agent: str, seconds: float) -> None:
    agents.extend_wrap_up(floor, agent, float(seconds))


def _disposition(
    floor: Floor, agent: str, disposition: str, sub: str = "", note: str = "", call: str = ""
) -> None:
    agents.disposition(floor, agent, disposition, sub=sub, note=note, call=call)


def _hang_up(floor: Floor, agent: str) -> None:
    """His own part, whatever it is in the call: the agent's, one who was asked, or one who dialled."""
    legs.hang_up(floor, _own_leg(floor, agent).id, reason="agent")


def _own_leg(floor: Floor, agent: str) -> Leg:
    call = floor.seat(agent).call
    for leg in floor.state.legs.values():
        if leg.agent == agent and leg.call == call and call in floor.state.calls and not leg.ended:
            return leg
    raise Refused(f"{agent} is on no call", code="no-call")


def _ringing_line(floor: Floor, agent: str) -> tuple[Call, Leg]:
    leg = floor.state.legs.get(floor.seat(agent).leg)
    call = floor.state.calls.get(leg.call) if leg is not None else None
    if leg is None or call is None or floor.seat(agent).state is not AgentState.RINGING:
        raise Refused(f"nothing rings on the line of {agent}", code="nothing-rings")
    return call, leg


def _answer(floor: Floor, agent: str) -> None:
    """What a click on "answer" does; phones answer by themselves."""
    call, leg = _ringing_line(floor, agent)
    lines.picked_up(floor, leg)
    dispatch.picked_up(floor, call, leg)


def _decline(floor: Floor, agent: str) -> None:
    _call, leg = _ringing_line(floor, agent)
    legs.hang_up(floor, leg.id, reason="declined")


def _line(floor: Floor, agent: str, edge: str, host: str, port: int, dtmf_payload: int) -> None:
    lines.open_line(floor, agent, edge=edge, host=host, port=port, dtmf_payload=dtmf_payload)


def _line_away(floor: Floor, agent: str, edge: str) -> None:
    lines.away(floor, agent, edge=edge)


def _echo(floor: Floor, agent: str) -> None:
    lines.echo(floor, agent)


def _dial(floor: Floor, agent: str, to: str) -> None:
    lines.dial(floor, agent, to)


def _hold(floor: Floor, agent: str) -> None:
    talking.hold(floor, _call_of_agent(floor, agent), by="agent")


def _resume(floor: Floor, agent: str) -> None:
    talking.resume(floor, _call_of_agent(floor, agent), by="agent")


def _transfer(floor: Floor, agent: str, to: str) -> None:
    talking.blind(floor, _call_of_agent(floor, agent), to)


def _consult(floor: Floor, agent: str, to: str) -> None:
    talking.consult(floor, _call_of_agent(floor, agent), to)


def _join(floor: Floor, agent: str) -> None:
    talking.join(floor, _call_of_agent(floor, agent))


def _complete(floor: Floor, agent: str) -> None:
    talking.complete_transfer(floor, _call_of_agent(floor, agent))


def _back(floor: Floor, agent: str) -> None:
    talking.end_consultation(floor, _call_of_agent(floor, agent))


def _keys(floor: Floor, agent: str, digits: str) -> None:
    call = _call_of_agent(floor, agent)
    if not digits or len(digits) > 64 or any(d not in "0123456789*#ABCD" for d in digits):
        raise Refused("digits are 0-9 * # A-D", code="bad-digits")
    floor.media(call.caller_leg, SendDigits(leg=call.caller_leg, digits=digits))


def _record_pause(floor: Floor, agent: str) -> None:
    recordings.pause(floor, _call_of_agent(floor, agent).id, by=agent, paused=True)


def _record_resume(floor: Floor, agent: str) -> None:
    recordings.pause(floor, _call_of_agent(floor, agent).id, by=agent, paused=False)


def _supervise(floor: Floor, supervisor: str, agent: str, mode: str) -> None:
    supervision.start(floor, supervisor, agent, mode)


def _supervise_end(floor: Floor, supervisor: str) -> None:
    supervision.stop(floor, supervisor)


def _force(floor: Floor, supervisor: str, agent: str, state: str) -> None:
    """A supervisor sets an agent ready, paused or logged out; it is audited."""
    boss = floor.centre.agents.get(supervisor)
    if boss is None or not boss.supervisor:
        raise Refused(f"{supervisor} is no supervisor", code="not-a-supervisor")
    if state == "ready":
        agents.ready(floor, agent)
    elif state == "logged_out":
        agents.log_out(floor, agent)
    elif state.startswith("paused:"):
        agents.pause(floor, agent, state.removeprefix("paused:"))
    else:
        raise Refused(f"unknown state {state!r}", code="unknown-state")
    floor.emit("audit", agent=supervisor, who=supervisor, did=f"force.{state}", what=agent)


def _board(floor: Floor) -> dict[str, Any]:
    return board.board(floor)


def _statistics(floor: Floor) -> dict[str, Any]:
    return {
        "floor": dict(floor.counters),
        "sip": floor.endpoint.statistics(),
        "calls": len(floor.state.calls),
        "legs": len(floor.state.legs),
        "ports_free": {w.name: len(w.free) for w in floor.workers.values()},
    }


ACTIONS: dict[str, Callable[..., Any]] = {
    "login": _login,
    "logout": _logout,
    "ready": _ready,
    "pause": _pause,
    "wrap_done": _wrap_done,
    "wrap_extend": _wrap_extend,
    "disposition": _disposition,
    "hang_up": _hang_up,
    "answer": _answer,
    "decline": _decline,
    "dial": _dial,
    "echo": _echo,
    "line": _line,
    "line_away": _line_away,
    "hold": _hold,
    "resume": _resume,
    "transfer": _transfer,
    "consult": _consult,
    "join": _join,
    "complete": _complete,
    "back": _back,
    "keys": _keys,
    "record_pause": _record_pause,
    "record_resume": _record_resume,
    "supervise": _supervise,
    "supervise_end": _supervise_end,
    "force": _force,
    "board": _board,
    "statistics": _statistics,
}
