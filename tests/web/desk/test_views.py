"""The desk's addresses: what the floor and the edge are asked, always in the name of whoever sits there."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from marhaba.kernel.messages import Ask, Reply
from marhaba.media.edge_protocol import EdgeWelcome, LineOpened, LineRefused, OpenLine
from marhaba.media.framing import edge_command_reader, frame
from marhaba.web.desk.models import Note
from marhaba.web.environment import Environment
from marhaba.web.live.hub import HUB
from marhaba.web.people.models import AuditEntry, User
from tests.web.board.boards import agent, board, call
from tests.web.board.floor import ShownFloor, floor_thread
from tests.web.conftest import Entering, make_user

pytestmark = pytest.mark.django_db
OFFER = "v=0\r\n"


@pytest.fixture(autouse=True)
def shown() -> Iterator[None]:
    HUB.tell(
        board(
            agents=[agent("amal", state="talking", call="c1"), agent("brahim")],
            calls=[call("c1", stage="talking", agent="amal")],
        )
    )
    yield
    HUB.tell(None)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        environment = settings.ENVIRONMENT
        monkeypatch.setattr(
            settings,
            "ENVIRONMENT",
            Environment(None, Path(name), "", environment.address, environment.name, environment.timezone),
        )
        yield Path(name)


@pytest.fixture
def floor(folder: Path) -> Iterator[ShownFloor]:
    path = folder / "run" / "floor.sock"
    with floor_thread(path) as thread:
        HUB._path = path
        yield thread.floor
        HUB._path = None


async def _end(server: asyncio.Server) -> None:
    """And whoever is still connected."""
    server.close()
    served = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    if served:
        await asyncio.wait(served, timeout=5)


@contextmanager
def edge(folder: Path, *, refuses: str = "") -> Iterator[list[OpenLine]]:
    """One that opens every line, or refuses it."""
    asked: list[OpenLine] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = edge_command_reader()
        writer.write(frame(EdgeWelcome([])))
        while data := await reader.read(1 << 16):
            for command in frames.feed(data):
                assert isinstance(command, OpenLine)
                asked.append(command)
                if refuses:
                    writer.write(frame(LineRefused(command.line, "limit", refuses)))
                else:
                    writer.write(frame(LineOpened(command.line, "answer", "127.0.0.1", 45_000, 126)))
        writer.close()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    path = folder / "run" / "edge.sock"
    path.parent.mkdir(exist_ok=True)
    server = asyncio.run_coroutine_threadsafe(asyncio.start_unix_server(serve, str(path)), loop).result(10)
    yield asked
    asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_a_line_is_opened_at_the_edge_and_told_to_the_floor(
    enter: Entering, floor: ShownFloor, folder: Path
) -> None:
    client = enter("agent", agent_id="amal")
    with edge(folder) as asked:
        answer = client.post("/desk/line", OFFER, content_type="application/sdp")
    (offer,) = asked
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (201, b"answer", "application/sdp")
    assert answer["Location"] == f"/desk/line/{offer.line}"
    assert offer.offer == OFFER
    told = {"agent": "amal", "edge": offer.line, "host": "127.0.0.1", "port": 45_000, "dtmf_payload": 126}
    assert floor.asked == [Ask("line", told)]
    assert client.delete(answer["Location"]).status_code == 204
    assert floor.asked[-1] == Ask("line_away", {"agent": "amal", "edge": offer.line})


def test_what_edge_or_floor_refuse_is_said(enter: Entering, floor: ShownFloor, folder: Path) -> None:
    client = enter("agent", agent_id="amal")
    with edge(folder, refuses="200"):
        answer = client.post("/desk/line", OFFER, content_type="application/sdp")
    assert (answer.status_code, answer.content.decode()) == (
        409,
        "Toutes les lignes de navigateur sont prises.",
    )
    floor.reply = Reply(ok=False, code="phone-line-open", message="the agent's phone keeps a line open")
    with edge(folder):
        answer = client.post("/desk/line", OFFER, content_type="application/sdp")
    assert answer.status_code == 409
    assert "Votre téléphone tient déjà une ligne" in answer.content.decode()


def test_without_an_edge_or_a_floor_the_browser_is_told_to_come_again(enter: Entering, folder: Path) -> None:
    client = enter("agent", agent_id="amal")
    assert client.post("/desk/line", OFFER, content_type="application/sdp").status_code == 503
    with edge(folder):
        assert client.post("/desk/line", OFFER, content_type="application/sdp").status_code == 503
    assert client.post("/desk/do/ready").status_code == 503


def test_an_offer_has_a_length(enter: Entering) -> None:
    client = enter("agent", agent_id="amal")
    assert client.post("/desk/line", "v" * 30_000, content_type="application/sdp").status_code == 413


def test_acts_are_asked_in_ones_own_name_alone(enter: Entering, floor: ShownFloor) -> None:
    client = enter("agent", agent_id="amal")
    assert client.post("/desk/do/pause", {"code": "lunch", "agent": "brahim"}).status_code == 204
    assert client.post("/desk/do/transfer", {"to": "accueil", "supervisor": "x"}).status_code == 204
    assert floor.asked == [
        Ask("pause", {"agent": "amal", "code": "lunch"}),
        Ask("transfer", {"agent": "amal", "to": "accueil"}),
    ]
    assert client.post("/desk/do/force").status_code == 404
    floor.reply = Reply(ok=False, code="nothing-rings", message="")
    refused = client.post("/desk/do/answer")
    assert (refused.status_code, refused.content.decode()[:15]) == (409, "Plus rien ne so")


def test_who_is_no_agent_asks_for_nothing(enter: Entering, floor: ShownFloor) -> None:
    client = enter("agent")
    assert client.post("/desk/do/ready").status_code == 409
    assert client.post("/desk/line", OFFER, content_type="application/sdp").status_code == 409
    assert client.post("/desk/note", {"call": "c1", "note": "x"}).status_code == 400
    assert client.get("/desk/stream").status_code == 204
    assert "Demandez à l’administrateur" in client.get("/desk/").content.decode()
    assert floor.asked == []


def test_a_note_is_kept_as_typed_and_filed_with_the_disposition(enter: Entering, floor: ShownFloor) -> None:
    client = enter("agent", agent_id="amal")
    assert client.post("/desk/note", {"call": "c1", "note": "Rappe"}).content.decode() == "Enregistré"
    client.post("/desk/note", {"call": "c1", "note": "Rappeler jeudi"})
    assert "Rappeler jeudi" in client.get("/desk/").content.decode()
    filed = {"call": "c1", "note": "Rappeler jeudi.", "disposition": "sale"}
    assert client.post("/desk/do/disposition", filed).status_code == 204
    (kept,) = Note.objects.all()
    assert (kept.agent_id, kept.text, kept.disposition) == ("amal", "Rappeler jeudi.", "sale")
    assert floor.asked[-1] == Ask("disposition", {"agent": "amal", **filed})
    assert "Rappeler" not in enter("supervisor", agent_id="brahim").get("/desk/").content.decode()


def test_the_administrator_chooses_a_free_agent_and_it_is_audited(enter: Entering) -> None:
    make_user("amal", "agent", agent_id="amal")
    client = enter("administrator")
    page = client.get("/desk/").content.decode()
    assert 'value="brahim"' in page
    assert 'value="amal"' not in page
    assert client.post("/desk/choose", {"agent": "amal"}).status_code == 422
    assert client.post("/desk/choose", {"agent": "brahim"}).status_code == 302
    assert User.objects.get(username="administrator-").agent_id == "brahim"
    assert AuditEntry.objects.get().did == "people.agent"
