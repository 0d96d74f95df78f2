"""Boards as the floor pushes them."""

from __future__ import annotations

from typing import Any

AT = 1_790_000_000.0


def queue(name: str, **about: Any) -> dict[str, Any]:
    return {
        "queue": name,
        "waiting": 0,
        "longest_s": 0.0,
        "since": 0.0,
        "programmes": ["banque"],
        "ready": 1,
        "staffed": 2,
        "talking": 1,
        "offered": 10,
        "answered": 8,
        "abandoned": 1,
        "service_level": 0.8,
        "formula": "F4",
        "target": 0.8,
        "threshold_s": 20.0,
        **about,
    }


def agent(agent_id: str, **about: Any) -> dict[str, Any]:
    return {
        "agent": agent_id,
        "name": agent_id.title(),
        "state": "ready",
        "code": "",
        "for_s": 10.0,
        "since": AT - 10.0,
        "queues": None,
        "skills": {},
        "queue": "",
        "call": "",
        "held": False,
        "until": 0.0,
        "after_call": "",
        "line": "",
        "edge": "",
        **about,
    }


def call(name: str, **about: Any) -> dict[str, Any]:
    return {
        "call": name,
        "stage": "queued",
        "number": "0539000000",
        "caller": "0600000001",
        "language": "fr",
        "queue": "accueil",
        "agent": "",
        "for_s": 5.0,
        "since": AT - 5.0,
        "programme": "banque",
        "recording": False,
        "held": False,
        "held_by": "",
        "waited_s": 0.0,
        "callback": False,
        "rings": [],
        "consults": "",
        "asked_rings": False,
        "joined": False,
        "recording_paused": False,
        "supervised": [],
        **about,
    }


def board(**about: Any) -> dict[str, Any]:
    return {
        "at": AT,
        "name": "Voyage",
        "timezone": "Africa/Casablanca",
        "queues": [queue("accueil"), queue("vente", programmes=["hotel"])],
        "agents": [agent("amal"), agent("brahim", queues=["vente"])],
        "calls": [call("c1"), call("c2", programme="hotel", queue="vente")],
        "pause_codes": {"lunch": "Déjeuner"},
        "dispositions": {"sale": "Vente"},
        "callbacks": 0,
        "alarms": {},
        "trunks": {"carrier": True},
        "workers": [{"worker": "media-0", "up": True, "ports_free": 100}],
        **about,
    }
