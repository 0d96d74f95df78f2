"""What an agent sees of the floor: himself, his contact, and nothing of anybody else's."""

from __future__ import annotations

import re
from typing import Any

import pytest

from marhaba.web.desk.parts import Desk
from marhaba.web.live.parts import Variant
from tests.web.board.boards import agent, board, call


def parts(shown: dict[str, Any], *, language: str = "fr") -> dict[str, str]:
    variant = Variant(Desk(language, "amal"))
    variant.update(shown)
    return variant.html


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def acts(html: str) -> list[str]:
    return re.findall(r'hx-post="/desk/do/(\w+)"', html)


def on_call(**about: Any) -> dict[str, str]:
    state = about.pop("state", "talking")
    return parts(
        board(
            agents=[agent("amal", state=state, call="c1"), agent("brahim"), agent("chaimae", state="paused")],
            calls=[call("c1", stage="talking", agent="amal", **about), call("c2", caller="0699999999")],
        )
    )


def test_nothing_of_other_calls_is_there() -> None:
    shown = on_call()
    assert sorted(shown) == ["contact/now", "link/state", "me/state", "paper/c1", "targets/all"]
    assert "0699999999" not in "".join(shown.values())


def test_colleagues_who_are_ready_and_queues_can_be_named() -> None:
    assert re.findall(r'value="([^"]+)"', on_call()["targets/all"]) == ["accueil", "vente", "brahim"]


@pytest.mark.parametrize(
    ("about", "words", "may"),
    [
        ({"state": "ringing", "rings": ["amal"]}, "Appel entrant", ["answer", "decline"]),
        (
            {"state": "ringing", "consults": "amal", "asked_rings": True, "agent": "brahim"},
            "Brahim vous consulte",
            ["answer", "decline"],
        ),
        ({"consults": "amal", "agent": "brahim"}, "Brahim vous consulte", ["hang_up"]),
        ({}, "En ligne", ["hold", "hang_up"]),
        ({"held": True, "held_by": "agent"}, "En garde", ["resume", "hang_up"]),
        ({"held": True, "held_by": "line"}, "En musique", ["resume", "hang_up"]),
        ({"recording": True}, "enregistré", ["hold", "record_pause", "hang_up"]),
        (
            {"recording": True, "recording_paused": True},
            "enregistrement suspendu",
            ["hold", "record_resume", "hang_up"],
        ),
        (
            {"consults": "brahim", "asked_rings": True},
            "Brahim (sonne)",
            ["complete", "join", "back", "hang_up"],
        ),
        ({"consults": "brahim", "joined": True}, "Brahim (à trois)", ["complete", "back", "hang_up"]),
        ({"stage": "internal", "agent": "amal"}, "Vous appelez", ["hang_up"]),
        ({"stage": "dialling", "callback": True}, "le client est appelé", ["hang_up"]),
        ({"supervised": ["whisper"]}, "un superviseur vous parle", ["hold", "hang_up"]),
    ],
)
def test_each_moment_of_a_call_has_its_words_and_its_acts(
    about: dict[str, Any], words: str, may: list[str]
) -> None:
    about = {"agent": "amal"} | about
    state = about.pop("state", "talking")
    shown = parts(
        board(
            agents=[agent("amal", state=state, call="c1"), agent("brahim")],
            calls=[call("c1", **{"stage": "talking"} | about)],
        )
    )
    assert words in text(shown["contact/now"])
    assert acts(shown["contact/now"]) == may


@pytest.mark.parametrize(
    ("state", "about", "may"),
    [
        ("logged_out", {}, []),
        ("paused", {"code": "lunch"}, ["ready", "pause", "logout"]),
        ("ready", {}, ["pause", "logout"]),
        ("ringing", {}, ["logout"]),
        ("talking", {}, ["pause", "logout"]),
        ("talking", {"after_call": "logout"}, ["ready", "pause", "logout"]),
        ("wrapup", {"until": 1_790_000_030.0}, ["wrap_done", "wrap_extend", "pause", "logout"]),
    ],
)
def test_each_state_has_its_acts(state: str, about: dict[str, Any], may: list[str]) -> None:
    assert acts(parts(board(agents=[agent("amal", state=state, **about)]))["me/state"]) == may


def test_the_paper_outlives_the_call_into_wrap_up_and_is_not_drawn_again() -> None:
    variant = Variant(Desk("fr", "amal"))
    talking = board(agents=[agent("amal", state="talking", call="c1")], calls=[call("c1", agent="amal")])
    wrapping = board(agents=[agent("amal", state="wrapup", call="c1", until=1.0)], calls=[])
    variant.update(talking)
    changed = variant.update(wrapping)
    assert "paper/c1" in variant.html
    assert "paper/c1" not in changed.parts
    assert changed.gone == ["contact/now"]


def test_an_agent_whom_the_floor_no_longer_has_reads_it() -> None:
    assert "n’est plus au plateau" in text(parts(board(agents=[]))["me/state"])


def test_a_caller_who_calls_himself_a_script_is_text() -> None:
    shown = on_call(caller="<script>alert(1)</script>")["contact/now"]
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
