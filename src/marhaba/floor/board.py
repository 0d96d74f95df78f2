"""The live board as data: queues, agents, calls, alarms. Every figure names its formula."""

from __future__ import annotations

from typing import Any

import msgspec

from marhaba.floor import lines
from marhaba.floor.floor import Floor, Worker
from marhaba.floor.state import Call, Stage
from marhaba.kernel.routing import AgentState


def board(floor: Floor) -> dict[str, Any]:
    now = floor.now
    return {
        "at": floor.wall,
        "name": floor.centre.name,
        "timezone": floor.centre.timezone,
        "queues": [_queue(floor, name, now) for name in floor.centre.queues],
        "agents": [_agent(floor, agent, now) for agent in floor.centre.agents],
        "calls": [
            _call(floor, call, now)
            for call in floor.state.calls.values()
            if call.caller_leg or call.agent_leg
        ],
        "pause_codes": dict(floor.centre.pause_codes),
        "dispositions": dict(floor.centre.dispositions),
        "callbacks": sum(c.callback and not c.agent for c in floor.state.calls.values()),
        "alarms": dict(floor.state.alarms),
        "trunks": dict(floor.state.trunks),
        "workers": [_worker(worker) for worker in floor.workers.values()],
    }


def _worker(worker: Worker) -> dict[str, Any]:
    figures = msgspec.structs.asdict(worker.stats) if worker.stats is not None else {}
    figures.pop("per_leg", None)
    return {"worker": worker.name, "up": worker.connected, "ports_free": len(worker.free), **figures}


def _queue(floor: Floor, name: str, now: float) -> dict[str, Any]:
    routing = floor.state.routing
    queue = floor.centre.queues[name]
    level = floor.today.level(name)
    return {
        "queue": name,
        "waiting": routing.waiting(name),
        "longest_s": round(routing.longest_wait(now, name), 1),
        "since": _wall(floor, now - routing.longest_wait(now, name)) if routing.waiting(name) else 0.0,
        "programmes": [
            programme.name
            for programme in floor.centre.programmes.values()
            if name in (programme.queue, *programme.queues_by_language.values())
        ],
        "ready": routing.ready(name),
        "staffed": routing.staffed(name),
        "talking": sum(c.stage is Stage.TALKING and c.queue == name for c in floor.state.calls.values()),
        "offered": level.offered,
        "answered": level.answered,
        "abandoned": level.abandoned,
        "service_level": level.share,
        "formula": queue.service_level.formula,
        "target": queue.service_level.target,
        "threshold_s": queue.service_level.threshold_s,
    }


def _agent(floor: Floor, agent_id: str, now: float) -> dict[str, Any]:
    agent, seat = floor.centre.agents[agent_id], floor.seat(agent_id)
    call = floor.state.calls.get(seat.call)
    return {
        "agent": agent_id,
        "name": agent.name,
        "state": seat.state.name.lower(),
        "code": seat.code,
        "for_s": round(now - seat.since, 1) if seat.since else 0.0,
        "since": _wall(floor, seat.since) if seat.since else 0.0,
        "queues": None if agent.queues is None else list(agent.queues),
        "skills": dict(agent.skills),
        "queue": call.queue if call is not None and seat.state is not AgentState.LOGGED_OUT else "",
        "call": seat.call,
        "held": bool(call is not None and call.held_at),
        "until": _wall(floor, seat.until) if seat.until else 0.0,
        "after_call": seat.after_call,
        **lines.state_of(floor, seat),
    }


def _wall(floor: Floor, at: float) -> float:
    """By the clock on the wall, for readers with a clock of their own."""
    return round(at + floor.wall_offset, 1)


def _call(floor: Floor, call: Call, now: float) -> dict[str, Any]:
    began = call.connected_at if call.stage is Stage.TALKING else call.since or call.offered_at
    return {
        "call": call.id,
        "stage": str(call.stage),
        "number": call.number,
        "caller": call.caller,
        "language": call.language,
        "queue": call.queue,
        "agent": call.agent,
        "for_s": round(now - began, 1),
        "since": _wall(floor, began),
        "programme": call.programme,
        "recording": bool(call.recording),
        "held": bool(call.held_at),
        "held_by": call.held_by if call.held_at else "",
        "waited_s": round(call.connected_at - call.since, 1) if call.connected_at and call.since else 0.0,
        "callback": call.callback,
        "rings": list(call.ringing.values()),
        "consults": call.consult_target,
        "asked_rings": call.asked_rings or _rings_outside(floor, call),
        "joined": call.joined,
        "recording_paused": call.recording_paused,
        "supervised": [mode for mode in call.supervisors.values() if mode != "listen"],
    }


def _rings_outside(floor: Floor, call: Call) -> bool:
    leg = floor.state.legs.get(call.consult_leg)
    return leg is not None and not leg.remote_port
