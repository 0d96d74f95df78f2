"""A board in parts: what changed is drawn, and each sees his own."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marhaba.web.board.parts import Viewer
from marhaba.web.live.parts import Change, Variant
from tests.web.board.boards import AT, agent, board, call, queue

LEADER = Viewer("fr", acts=True)


def apply(shown: dict[str, str], change: Change) -> dict[str, str]:
    """What the browser does."""
    left = {name: html for name, html in shown.items() if name not in change.gone}
    return left | change.parts


def parts(viewer: Viewer, shown: dict[str, Any] | None = None) -> dict[str, str]:
    variant = Variant(viewer)
    variant.update(shown or board())
    return variant.html


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


BOARDS = st.builds(
    board,
    queues=st.lists(
        st.builds(queue, st.sampled_from(["accueil", "vente"]), waiting=st.integers(0, 2)),
        unique_by=lambda row: str(row["queue"]),
    ),
    agents=st.lists(
        st.builds(agent, st.sampled_from("abc"), state=st.sampled_from(["ready", "talking", "logged_out"])),
        unique_by=lambda row: str(row["agent"]),
    ),
    calls=st.lists(
        st.builds(call, st.sampled_from("xyz"), stage=st.sampled_from(["queued", "talking"])),
        unique_by=lambda row: str(row["call"]),
    ),
    alarms=st.dictionaries(st.sampled_from(["trunk:carrier", "journal"]), st.just("")),
)


@settings(deadline=None)  # the first one reads the templates
@given(
    st.lists(st.none() | BOARDS, min_size=1, max_size=6), st.sampled_from([LEADER, Viewer("ar", wall=True)])
)
def test_changes_applied_to_what_was_shown_are_what_is_shown(
    boards: list[dict[str, Any] | None], viewer: Viewer
) -> None:
    variant, shown = Variant(viewer), dict[str, str]()
    for each in boards:
        shown = apply(shown, variant.update(each))
        assert shown == variant.html
        assert each is None or shown == parts(viewer, each)


def test_nothing_is_drawn_when_only_time_has_passed() -> None:
    variant = Variant(LEADER)
    first = variant.update(board(queues=[queue("accueil", waiting=1, longest_s=5.0, since=AT - 5.0)]))
    later = board(
        at=AT + 2.0,
        queues=[queue("accueil", waiting=1, longest_s=7.0, since=AT - 5.0)],
        agents=[agent("amal", for_s=12.0), agent("brahim", queues=["vente"], for_s=12.0)],
    )
    assert len(first.parts) == 9
    assert variant.update(later) == Change({}, [], AT + 2.0)


def test_a_queue_turns_red_when_its_first_caller_waits_longer_than_was_promised() -> None:
    variant = Variant(LEADER)
    variant.update(board(queues=[queue("accueil", waiting=1, longest_s=20.0, since=AT)]))
    change = variant.update(board(queues=[queue("accueil", waiting=1, longest_s=20.5, since=AT)]))
    assert list(change.parts) == ["queues/accueil"]
    assert 'class="late"' in change.parts["queues/accueil"]


def test_a_level_names_its_formula_and_its_seconds() -> None:
    row = parts(LEADER)["queues/accueil"]
    assert text(row).endswith("80,0 % F4/20 s")
    assert "missed" in parts(LEADER, board(queues=[queue("accueil", service_level=0.79)]))["queues/accueil"]
    assert text(
        parts(LEADER, board(queues=[queue("accueil", service_level=None)]))["queues/accueil"]
    ).endswith("– F4/20 s")


def test_a_client_sees_the_queues_and_calls_of_his_programme_and_no_agent() -> None:
    client = Viewer("fr", programmes=frozenset({"hotel"}), agents=False)
    shown = parts(client, board(calls=[call("c2", programme="hotel", agent="amal"), call("c1")]))
    assert list(shown) == ["link/state", "head/figures", "queues/vente", "calls/c2"]
    assert "amal" not in "".join(shown.values())


def test_a_team_leader_of_a_programme_sees_who_may_serve_it() -> None:
    others = [agent("chaimae", queues=["accueil"]), agent("amal"), agent("brahim", queues=["vente"])]
    shown = parts(Viewer("fr", programmes=frozenset({"hotel"}), acts=True), board(agents=others))
    assert [name for name in shown if name.startswith("agents/")] == ["agents/amal", "agents/brahim"]


def test_the_head_counts_what_its_reader_sees() -> None:
    queues = [
        queue("accueil", waiting=2, since=AT - 9.0),
        queue("vente", programmes=["hotel"], waiting=3, since=AT - 4.0),
    ]
    everything = text(parts(LEADER, board(queues=queues, callbacks=7))["head/figures"])
    assert everything == (
        "En attente 5 Attente la plus longue En ligne 2 Prêts 2 En traitement 0 En pause 0 Offerts 20 Abandonnés 2 "
        "Rappels à faire 7"
    )
    hotel = Viewer("fr", programmes=frozenset({"hotel"}), agents=False)
    mine = parts(hotel, board(queues=queues, callbacks=7))["head/figures"]
    assert text(mine) == "En attente 3 Attente la plus longue En ligne 1 Offerts 10 Abandonnés 1"
    assert f'data-since="{AT - 4.0:.0f}"' in mine


@pytest.mark.parametrize(
    ("state", "viewer", "offered"),
    [
        ("ready", LEADER, ["Pause : Déjeuner", "Déconnecter"]),
        ("paused", LEADER, ["Mettre prêt", "Déconnecter"]),
        ("logged_out", LEADER, []),
        ("talking", LEADER, ["Pause : Déjeuner", "Déconnecter"]),
        ("ready", Viewer("fr"), []),
        (
            "talking",
            Viewer("fr", acts=True, listens=True),
            ["Pause : Déjeuner", "Écouter", "Souffler", "Entrer dans l’appel", "Déconnecter"],
        ),
    ],
)
def test_what_can_be_done_with_an_agent(state: str, viewer: Viewer, offered: list[str]) -> None:
    shown = parts(viewer, board(agents=[agent("amal", state=state, call="c1")]))["agents/amal"]
    assert re.findall(r"<button[^>]*>([^<]*)</button>", shown) == offered


def test_an_alarm_is_told_in_words() -> None:
    alarms = {"trunk:carrier": "", "late:media-0": "13", "strange:x": "why"}
    shown = parts(LEADER, board(alarms=alarms))
    assert [text(html) for name, html in shown.items() if name.startswith("alarms/")] == [
        "L’opérateur carrier ne répond pas",
        "Le son de media-0 a des trous : la machine est trop chargée 13",
        "strange:x why",
    ]


def test_when_the_floor_is_gone_the_last_figures_stay_and_say_so() -> None:
    variant = Variant(LEADER)
    variant.update(board())
    before = dict(variant.html)
    change = variant.update(None)
    assert list(change.parts) == ["link/state"]
    assert text(change.parts["link/state"]) == "Le plateau ne répond pas ; ces chiffres datent."
    assert variant.html == before | change.parts


def test_whatever_a_caller_or_a_file_says_is_text() -> None:
    evil = '"><script>x</script>\u202e'
    shown = parts(
        LEADER, board(calls=[call("c1", caller=evil)], agents=[agent("amal", name=evil)], alarms={evil: evil})
    )
    assert "<script>" not in "".join(shown.values())
    assert "<bdi>&quot;&gt;&lt;script&gt;" in shown["calls/c1"]


def test_a_wall_shows_queues_and_no_names() -> None:
    shown = parts(Viewer("fr", wall=True))
    assert list(shown) == ["link/state", "head/figures", "queues/accueil", "queues/vente"]
