"""The board cut into parts, and who sees which.

A part's id is CONTAINER/NAME. Times are moments, not durations: the browser counts, so a waiting caller changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from marhaba.web.live.words import alarm_text, stage_name, state_name

SHOWN_STATES = ("ready", "wrapup", "paused")


@dataclass(frozen=True, slots=True)
class Viewer:
    """What makes two people see the same. `programmes` None: all."""

    language: str
    programmes: frozenset[str] | None = None
    agents: bool = True
    acts: bool = False  # may set an agent ready, paused or logged out
    listens: bool = False  # has a phone of his own to listen with
    wall: bool = False

    def rows(self, board: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        return rows_of(board, self)

    def template(self, container: str) -> str:
        return f"{'wall' if self.wall and container in ('queues', 'head') else 'board'}/{container}.html"

    def sees(self, programme: str) -> bool:
        return self.programmes is None or programme in self.programmes


def rows_of(board: dict[str, Any], viewer: Viewer) -> Iterator[tuple[str, dict[str, Any]]]:
    queues = [queue for queue in board["queues"] if _sees_queue(viewer, queue)]
    mine = {queue["queue"] for queue in queues}
    agents = [agent for agent in board["agents"] if _sees_agent(viewer, agent, mine)]
    calls = [call for call in board["calls"] if viewer.sees(call["programme"])]
    yield "link/state", {"up": True}
    yield from _alarms(board)
    yield "head/figures", _head(board, queues, agents, viewer)
    for queue in queues:
        yield f"queues/{queue['queue']}", _queue(queue)
    if viewer.wall:
        return
    codes = {"codes": board["pause_codes"]} if viewer.acts else {}
    if viewer.agents:
        for agent in agents:
            yield f"agents/{agent['agent']}", _agent(agent) | codes
    for call in calls:
        yield f"calls/{call['call']}", _call(call, viewer)
    if viewer.programmes is None and viewer.agents:
        for name, up in board["trunks"].items():
            yield f"lines/trunk-{name}", {"kind": "trunk", "name": name, "up": up}
        for worker in board["workers"]:
            yield (
                f"lines/{worker['worker']}",
                {"kind": "worker", "name": worker["worker"], "up": worker["up"]},
            )


def _sees_queue(viewer: Viewer, queue: dict[str, Any]) -> bool:
    return viewer.programmes is None or any(viewer.sees(name) for name in queue["programmes"])


def _sees_agent(viewer: Viewer, agent: dict[str, Any], queues: set[str]) -> bool:
    """Who serves any of the viewer's queues; who is named for none serves all."""
    return viewer.programmes is None or agent["queues"] is None or not queues.isdisjoint(agent["queues"])


def _alarms(board: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, detail in board["alarms"].items():
        yield f"alarms/{name}", {"alarm": name, "text": alarm_text(name), "detail": detail}


def _head(
    board: dict[str, Any], queues: list[dict[str, Any]], agents: list[dict[str, Any]], viewer: Viewer
) -> dict[str, Any]:
    states = Counter(agent["state"] for agent in agents)
    oldest = [queue["since"] for queue in queues if queue["since"]]
    offered, abandoned = (sum(queue[name] for queue in queues) for name in ("offered", "abandoned"))
    figures = {
        "waiting": sum(queue["waiting"] for queue in queues),
        "since": min(oldest, default=0.0),
        "talking": sum(queue["talking"] for queue in queues),
        "offered": offered,
        "abandoned": abandoned,
    }
    if viewer.agents:
        figures |= {state: states[state] for state in SHOWN_STATES}
    if viewer.programmes is None:
        figures["callbacks"] = board["callbacks"]
    return figures


def _queue(queue: dict[str, Any]) -> dict[str, Any]:
    share, target = queue["service_level"], queue["target"]
    return {
        "queue": queue["queue"],
        "waiting": queue["waiting"],
        "since": queue["since"],
        "late": queue["longest_s"] > queue["threshold_s"],
        **{name: queue[name] for name in ("ready", "staffed", "talking", "offered", "answered", "abandoned")},
        "level": None if share is None else round(100.0 * share, 1),
        "target": round(100.0 * target, 1),
        "missed": share is not None and share < target,
        "formula": queue["formula"],
        "threshold_s": queue["threshold_s"],
    }


def _agent(agent: dict[str, Any]) -> dict[str, Any]:
    state = agent["state"]
    return {
        "agent": agent["agent"],
        "name": agent["name"],
        "state": state,
        "state_name": state_name(state),
        "code": agent["code"],
        "since": agent["since"],
        "queue": agent["queue"],
        "held": agent["held"],
        "on_call": bool(agent["call"]) and state == "talking",
    }


def _call(call: dict[str, Any], viewer: Viewer) -> dict[str, Any]:
    return {
        "call": call["call"],
        "stage": stage_name(call["stage"]),
        "caller": call["caller"],
        "number": call["number"],
        "language": call["language"],
        "queue": call["queue"],
        "agent": call["agent"] if viewer.agents else "",
        "since": call["since"],
        "recording": call["recording"],
        "held": call["held"],
    }
