"""What agents do: log in, get ready, pause, wrap up, say how it went. One verb each, from a phone or the socket."""

from __future__ import annotations

from typing import Any

from marhaba.centre import Agent
from marhaba.floor import legs, talking
from marhaba.floor.floor import Floor
from marhaba.floor.state import Call, Seat
from marhaba.kernel.errors import Refused
from marhaba.kernel.routing import AgentState

WRAP_UP_S_MAX = 3600.0
"""An extended wrap-up ends within the hour: an agent forgotten in it is a seat lost."""


def log_in(floor: Floor, agent_id: str, *, phone: str = "", how: str = "socket") -> None:
    """`how`: key, socket, start, or browser: then he needs no phone."""
    agent = _known(floor, agent_id)
    phone = "" if how == "browser" else phone or agent.phone
    for seat in floor.state.seats.values():
        if phone and seat.id != agent_id and seat.phone == phone and seat.state is not AgentState.LOGGED_OUT:
            raise Refused(f"phone {phone} is taken by {seat.id}", code="phone-taken")
    if floor.seat(agent_id).state is not AgentState.LOGGED_OUT:
        raise Refused(f"{agent_id} is already logged in", code="already-logged-in")
    floor.emit("agent.logged_in", agent=agent_id, phone=phone, how=how)
    floor.emit("agent.state", agent=agent_id, state="paused", code="login")


def log_out(floor: Floor, agent_id: str) -> None:
    seat = floor.seat(agent_id)
    _logged_in(floor, agent_id)
    if seat.state in (AgentState.RINGING, AgentState.TALKING):
        floor.emit("agent.after_call", agent=agent_id, after_call="logout")
        return
    floor.cancel("wrapup", agent_id)
    _leave(floor, agent_id)


def ready(floor: Floor, agent_id: str) -> None:
    seat = _logged_in(floor, agent_id)
    if seat.state in (AgentState.RINGING, AgentState.TALKING):
        floor.emit("agent.after_call", agent=agent_id, after_call="")
        return
    if seat.state is not AgentState.READY:
        floor.cancel("wrapup", agent_id)
        set_state(floor, agent_id, AgentState.READY)


def pause(floor: Floor, agent_id: str, code: str) -> None:
    """Pause now, or after the call in progress."""
    seat = _logged_in(floor, agent_id)
    if code not in floor.centre.pause_codes:
        raise Refused(f"unknown pause code {code!r}", code="unknown-pause-code")
    if seat.state in (AgentState.TALKING, AgentState.WRAPUP):
        floor.emit("agent.after_call", agent=agent_id, after_call=f"pause:{code}")
        return
    if seat.state is AgentState.RINGING:
        raise Refused("a call is ringing", code="ringing")
    set_state(floor, agent_id, AgentState.PAUSED, code=code)


def wrap_up(floor: Floor, agent_id: str, call_id: str, seconds: float) -> None:
    """After a call: time for notes, then whatever the agent asked for, else ready."""
    if seconds <= 0:
        end_wrap_up(floor, agent_id)
        return
    seat = floor.seat(agent_id)
    floor.emit(
        "agent.state",
        call=call_id,
        agent=agent_id,
        state="wrapup",
        until=floor.now + seconds,
        after_call=seat.after_call,
    )
    floor.after(seconds, "wrapup", agent_id)


def extend_wrap_up(floor: Floor, agent_id: str, seconds: float) -> None:
    seat = _logged_in(floor, agent_id)
    if seat.state is not AgentState.WRAPUP:
        raise Refused("not in wrap-up", code="not-in-wrap-up")
    until = min(floor.now + WRAP_UP_S_MAX, seat.until + seconds)
    wrap_up(floor, agent_id, seat.call, until - floor.now)


def wrap_up_done(floor: Floor, agent_id: str) -> None:
    if _logged_in(floor, agent_id).state is not AgentState.WRAPUP:
        raise Refused("not in wrap-up", code="not-in-wrap-up")
    end_wrap_up(floor, agent_id)


def end_wrap_up(floor: Floor, agent_id: str) -> None:
    floor.cancel("wrapup", agent_id)
    wish = floor.seat(agent_id).after_call
    if wish == "logout":
        _leave(floor, agent_id)
    elif wish.startswith("pause:"):
        set_state(floor, agent_id, AgentState.PAUSED, code=wish.removeprefix("pause:"))
    else:
        set_state(floor, agent_id, AgentState.READY)


def disposition(
    floor: Floor, agent_id: str, code: str, *, sub: str = "", note: str = "", call: str = ""
) -> None:
    """How the call went; for the call in progress or just over."""
    seat = _logged_in(floor, agent_id)
    if code not in floor.centre.dispositions:
        raise Refused(f"unknown disposition {code!r}", code="unknown-disposition")
    call = call or seat.call
    if not call:
        raise Refused("no call to describe", code="no-call")
    floor.emit("agent.disposition", call=call, agent=agent_id, disposition=code, sub=sub, note=note)


def unreachable(floor: Floor, agent_id: str, *, tried: str = "") -> None:
    """His phone is not registered, or no port is left for it: no use in asking again and again.

    `tried`: the call the kernel gave him, for which he was not even rung.
    """
    floor.count("agent_unreachable")
    set_state(floor, agent_id, AgentState.PAUSED, code="unreachable", tried=tried)


def transfer_missed(floor: Floor, call: Call) -> None:
    """A blind transfer to an agent who did not answer: the caller goes to the head of the queue he came from."""
    talking.return_to_queue(floor, call)


def set_state(
    floor: Floor,
    agent_id: str,
    state: AgentState,
    *,
    code: str = "",
    keep_turn: bool = False,
    tried: str = "",
) -> None:
    gone = agent_id not in floor.centre.agents  # perhaps while a call kept him
    if gone:
        state, code = AgentState.LOGGED_OUT, "removed"
    if state in (AgentState.READY, AgentState.LOGGED_OUT):
        floor.reroute = True  # not now: whoever makes him ready may be in the middle of something
    extra: dict[str, Any] = {"idle_since": floor.seat(agent_id).idle_since} if keep_turn else {}
    if tried:
        extra["tried"] = tried
    floor.emit("agent.state", agent=agent_id, state=state.name.lower(), code=code, **extra)
    if gone:
        legs.close(floor, floor.seat(agent_id).leg, reason="logout")


def remove(floor: Floor, agent_id: str) -> None:
    """The centre no longer has him. One who is rung, talks or wraps up does that to its end: then `set_state` sees to
    it.
    """
    if floor.seat(agent_id).state in (AgentState.READY, AgentState.PAUSED):
        set_state(floor, agent_id, AgentState.LOGGED_OUT)


def _leave(floor: Floor, agent_id: str) -> None:
    """Logged out: who waits where nobody is left to answer is sent on, before this turn ends."""
    set_state(floor, agent_id, AgentState.LOGGED_OUT)
    legs.close(floor, floor.seat(agent_id).leg, reason="logout")


def _known(floor: Floor, agent_id: str) -> Agent:
    agent = floor.centre.agents.get(agent_id)
    if agent is None:
        raise Refused(f"no agent {agent_id!r}", code="unknown-agent")
    return agent


def _logged_in(floor: Floor, agent_id: str) -> Seat:
    _known(floor, agent_id)
    seat = floor.seat(agent_id)
    if seat.state is AgentState.LOGGED_OUT:
        raise Refused(f"{agent_id} is not logged in", code="not-logged-in")
    return seat
