"""The desk cut into parts: the agent's own state, the contact he has, and whom he could hand it to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from marhaba.web.live.words import language_name, state_name

CLAIMED: Final = ("ringing", "talking", "wrapup")


@dataclass(frozen=True, slots=True)
class Desk:
    """One agent's desk."""

    language: str
    agent: str

    def template(self, container: str) -> str:
        return f"desk/{container}.html"

    def rows(self, board: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        agents = {row["agent"]: row for row in board["agents"]}
        me = agents.get(self.agent)
        yield "link/state", {"up": True}
        if me is None:
            yield "me/state", {"state": "", "codes": {}}
            return
        calls = {row["call"]: row for row in board["calls"]}
        call = calls.get(me["call"])
        yield "me/state", _me(me, board["pause_codes"])
        names = {agent: row["name"] for agent, row in agents.items()}
        if call is not None and me["state"] in CLAIMED[:2]:
            yield "contact/now", _contact(call, self.agent, names)
        if me["call"] and me["state"] in CLAIMED:
            yield f"paper/{me['call']}", {"call": me["call"], "dispositions": board["dispositions"]}
        yield (
            "targets/all",
            {"queues": [row["queue"] for row in board["queues"]], "agents": _ready(board, self.agent)},
        )


def _me(me: dict[str, Any], codes: dict[str, str]) -> dict[str, Any]:
    return {
        "state": me["state"],
        "state_name": state_name(me["state"]),
        "code": me["code"],
        "code_name": codes.get(me["code"], ""),
        "since": me["since"],
        "until": me["until"],
        "wish": me["after_call"],
        "line": me["line"],
        "edge": me["edge"],
        "codes": codes,
    }


def _contact(call: dict[str, Any], agent: str, names: dict[str, str]) -> dict[str, Any]:
    """Who it is and what can be done. `part`: what the agent is in this call."""
    internal = call["stage"] == "internal"
    if call["consults"] == agent:
        part = "asked" if not call["asked_rings"] else "asked-rings"
    elif agent in call["rings"]:
        part = "rings"
    else:
        part = "dialled" if internal else "speaks"
    return {
        "part": part,
        "dialling": call["stage"] == "dialling",
        "other": call["number"] if part == "dialled" else call["caller"],
        "name": names.get(call["agent"], "") if part.startswith("asked") else "",
        "number": call["number"],
        "programme": call["programme"],
        "queue": call["queue"],
        "language": language_name(call["language"]),
        "callback": call["callback"],
        "waited_s": call["waited_s"],
        "since": call["since"],
        "held": call["held"],
        "held_by": call["held_by"],
        "recording": call["recording"],
        "recording_paused": call["recording_paused"],
        "consults": "" if part != "speaks" else names.get(call["consults"], call["consults"]),
        "asked_rings": call["asked_rings"],
        "joined": call["joined"],
        "supervised": bool(call["supervised"]),
    }


def _ready(board: dict[str, Any], me: str) -> list[dict[str, str]]:
    return [
        {"agent": row["agent"], "name": row["name"]}
        for row in board["agents"]
        if row["state"] == "ready" and row["agent"] != me
    ]
