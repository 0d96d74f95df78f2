"""The board's pages and acts: for whom, and what the floor is asked."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.http import StreamingHttpResponse

from marhaba.kernel.messages import Ask, Reply
from marhaba.web.live import hub as hub_module
from marhaba.web.live.hub import HUB
from marhaba.web.people.models import AuditEntry
from tests.web.board.boards import agent, board
from tests.web.board.floor import ShownFloor, floor_thread
from tests.web.conftest import Entering, browser

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shown() -> Iterator[None]:
    HUB.tell(board())
    yield
    HUB.tell(None)


@pytest.fixture
def floor() -> Iterator[ShownFloor]:
    """A floor behind the pages."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "floor.sock"
        with floor_thread(path) as thread:
            HUB._path = path
            yield thread.floor
            HUB._path = None


def test_the_page_shows_the_board_before_any_script_runs(enter: Entering) -> None:
    page = enter("supervisor").get("/board").content.decode()
    assert re.findall(r'id="((?:queues|agents|calls|lines)/[^"]*)"', page) == [
        "queues/accueil",
        "queues/vente",
        "agents/amal",
        "agents/brahim",
        "calls/c1",
        "calls/c2",
        "lines/trunk-carrier",
        "lines/media-0",
    ]


def test_a_client_finds_his_programme_and_no_agents(enter: Entering) -> None:
    page = enter("client", programme="hotel").get("/board").content.decode()
    assert re.findall(r'id="((?:queues|agents|calls|lines)/[^"]*)"', page) == ["queues/vente", "calls/c2"]
    assert 'data-parts="agents"' not in page


def test_the_wall_shows_queues_alone(enter: Entering) -> None:
    page = enter("planner", language="es").get("/board/wall").content.decode()
    assert re.findall(r'id="((?:queues|agents|calls)/[^"]*)"', page) == ["queues/accueil", "queues/vente"]


def test_the_stream_begins_with_a_snapshot_that_nobody_keeps(enter: Entering) -> None:
    answer = enter("quality").get("/board/stream")
    assert isinstance(answer, StreamingHttpResponse)
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("text/event-stream", "no-store")


def test_when_the_process_has_no_room_the_browser_is_sent_away(
    enter: Entering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "READERS_MAX", 0)
    answer = enter("quality").get("/board/stream")
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")


@pytest.mark.parametrize(
    ("do", "sent", "asked"),
    [
        ("ready", {}, Ask("ready", {"agent": "amal"})),
        ("pause", {"code": "lunch"}, Ask("pause", {"agent": "amal", "code": "lunch"})),
        ("logout", {}, Ask("logout", {"agent": "amal"})),
        ("listen", {}, Ask("supervise", {"supervisor": "laila", "agent": "amal", "mode": "listen"})),
        ("whisper", {}, Ask("supervise", {"supervisor": "laila", "agent": "amal", "mode": "whisper"})),
        ("barge", {}, Ask("supervise", {"supervisor": "laila", "agent": "amal", "mode": "barge"})),
    ],
)
def test_an_act_is_asked_of_the_floor_and_stands_in_the_record(
    enter: Entering, floor: ShownFloor, do: str, sent: dict[str, str], asked: Ask
) -> None:
    answer = enter("supervisor", agent_id="laila").post(f"/board/agents/amal/{do}", sent)
    assert (answer.status_code, floor.asked) == (204, [asked])
    entry = AuditEntry.objects.get()
    assert (entry.who, entry.did, entry.what, entry.data) == ("supervisor-", f"board.{do}", "amal", sent)


def test_what_the_floor_refuses_is_said_in_the_readers_language_and_not_recorded(
    enter: Entering, floor: ShownFloor
) -> None:
    floor.reply = Reply(ok=False, code="ringing", message="a call is ringing")
    answer = enter("supervisor").post("/board/agents/amal/pause", {"code": "lunch"})
    assert answer.status_code == 409
    assert answer.content.decode() == "Un appel sonne chez lui : attendez un instant."
    assert AuditEntry.objects.count() == 0


def test_without_a_floor_an_act_says_so(enter: Entering) -> None:
    answer = enter("supervisor").post("/board/agents/amal/ready")
    assert (answer.status_code, AuditEntry.objects.count()) == (503, 0)
    assert answer.content.decode() == "Le plateau ne répond pas. Réessayez dans un instant."


def test_nobody_touches_an_agent_of_another_client(enter: Entering, floor: ShownFloor) -> None:
    HUB.tell(board(agents=[agent("amal", queues=["accueil"]), agent("brahim", queues=["vente"])]))
    leader = enter("supervisor", programme="hotel")
    assert leader.post("/board/agents/amal/logout").status_code == 404
    assert leader.post("/board/agents/brahim/logout").status_code == 204
    assert floor.asked == [Ask("logout", {"agent": "brahim"})]


def test_who_leads_one_programme_and_looks_at_all_acts_in_his_own(enter: Entering, floor: ShownFloor) -> None:
    HUB.tell(board(agents=[agent("amal", queues=["accueil"]), agent("brahim", queues=["vente"])]))
    leader = enter("supervisor", programme="hotel")
    from tests.web.conftest import Grant, User

    Grant.objects.create(user=User.objects.get(), role="planner")
    assert "agents/amal" in leader.get("/board").content.decode()
    assert leader.post("/board/agents/amal/logout").status_code == 404
    assert floor.asked == []


@pytest.mark.parametrize("path", ["/board/agents/nobody/ready", "/board/agents/amal/dance"])
def test_an_act_that_does_not_exist_is_not_found(enter: Entering, floor: ShownFloor, path: str) -> None:
    assert enter("supervisor").post(path).status_code == 404
    assert floor.asked == []


def test_an_act_is_no_link(enter: Entering) -> None:
    assert enter("supervisor").get("/board/agents/amal/ready").status_code == 405


def test_a_stranger_is_asked_who_he_is(db: object) -> None:
    answer = browser().get("/board")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/board")
    htmx = browser().get("/board/stream", headers={"HX-Request": "true"})
    assert (htmx.status_code, htmx["HX-Redirect"]) == (401, "/accounts/login/")


def test_an_agent_has_no_board_and_may_not_act(enter: Entering) -> None:
    client = enter("agent")
    assert [client.get(f"/board{rest}").status_code for rest in ("", "/wall", "/stream")] == [403, 403, 403]
    assert client.post("/board/agents/amal/ready").status_code == 403
