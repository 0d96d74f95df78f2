"""Calls are found by whoever may see them, told from the journal, and heard in pieces."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import Client
from django.utils import translation

from marhaba.journal.events import Event
from marhaba.journal.journal import Journal
from marhaba.journal.records import CallRecord, Records
from marhaba.web.people.models import AuditEntry
from marhaba.web.records import sounds, story
from marhaba.web.records.domain.projection import follow, record_of
from marhaba.web.records.models import Call
from marhaba.web.records.queries import Asked, Scope, call_for, count, page
from marhaba.web.records.words import STORY, sentence
from tests.journal.days import abandoned_call, answered_call, event, offered, queued
from tests.web.conftest import Entering

pytestmark = pytest.mark.django_db
DAY = 1_795_430_000.0  # 2026-11-23, a Monday
ZONE = ZoneInfo(settings.TIME_ZONE)
ALL = Scope()


@pytest.fixture
def day(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """Two answered calls in the programme banque, three lost ones in hotel."""
    monkeypatch.setattr(story, "journal_path", lambda: journal.path)
    journal.append(
        [
            *answered_call("c1", DAY),
            *abandoned_call("h1", DAY + 100, caller="+212 612-34.56.78"),
            *abandoned_call("h2", DAY + 200, caller="0612345678", wait=90.0),
            *answered_call("c2", DAY + 300),
            *abandoned_call("h3", DAY + 400, caller="anonymous"),
            offered(DAY + 500, "c3"),
        ]
    )
    while follow(journal):
        pass
    return journal


def found(asked: Asked, scope: Scope = ALL) -> list[str]:
    rows = page(asked, scope).rows
    assert count(asked, scope) == len(rows)
    return [row.call.call for row in rows]


def test_calls_are_found_by_everything_that_can_be_asked(day: Journal) -> None:
    assert found(Asked()) == ["c3", "h3", "c2", "h2", "h1", "c1"]
    assert found(Asked(begin=DAY + 100, end=DAY + 300)) == ["h2", "h1"]
    assert found(Asked(programme="banque")) == ["c3", "c2", "c1"]
    assert found(Asked(outcome="abandoned")) == ["h3", "h2", "h1"]
    assert found(Asked(outcome="running")) == ["c3"]
    assert found(Asked(language="fr")) == ["c2", "c1"]
    assert found(Asked(disposition="sale")) == ["c2", "c1"]
    assert found(Asked(sound=True)) == ["c2", "c1"]
    assert found(Asked(agent="a2")) == ["c2", "c1"]
    assert found(Asked(agent="a2", queue="es")) == []
    assert found(Asked(agent="a1")) == []
    assert found(Asked(wait_min=60.0)) == ["h2"]


@pytest.mark.parametrize(
    "number", ["+212612345678", "0612345678", "06 12 34 56 78", "345678", "00212612345678"]
)
def test_a_number_is_found_however_it_was_written(day: Journal, number: str) -> None:
    assert found(Asked(number=number)) == ["h2", "h1"]


@pytest.mark.parametrize("number", ["0612345679", "nobody", "anonymous"])
def test_another_number_is_not(day: Journal, number: str) -> None:
    assert found(Asked(number=number)) == []


def test_a_queue_lists_its_stays_with_their_own_wait_and_outcome(journal: Journal) -> None:
    journal.append(
        [
            offered(DAY, "c"),
            queued(DAY, "c"),
            event(DAY + 30, "call.dequeued", call="c", queue="fr", outcome="overflowed", wait_s=30.0),
            queued(DAY + 30, "c", "es", "overflow"),
            event(DAY + 50, "call.dequeued", call="c", queue="es", outcome="abandoned", wait_s=20.0),
            event(DAY + 50, "call.ended", call="c", outcome="abandoned", by="caller", reason="bye", code=200),
        ]
    )
    follow(journal)
    french, spanish = (page(Asked(queue=queue), ALL).rows[0] for queue in ("fr", "es"))
    assert (french.outcome, french.wait_s, french.at) == ("overflowed", 30.0, DAY)
    assert (spanish.outcome, spanish.wait_s, spanish.at) == ("abandoned", 20.0, DAY + 30)
    assert french.queues == ["fr", "es"]
    assert found(Asked(by="stays", wait_max=20.0)) == ["c"]
    assert found(Asked(queue="fr", outcome="abandoned")) == []


@pytest.mark.parametrize("asked", [Asked(), Asked(by="stays"), Asked(agent="a2")])
def test_pages_forward_and_back_show_every_row_once(journal: Journal, asked: Asked) -> None:
    for number in range(25):
        journal.append(answered_call(f"c{number:02}", DAY + number // 3))  # three at a moment
    while follow(journal):
        pass
    forward, keys = [], [""]
    while True:
        shown = page(asked, ALL, after=keys[-1], size=4)
        forward.append([row.call.call for row in shown.rows])
        if not shown.older:
            break
        keys.append(shown.older)
    assert sorted(call for calls in forward for call in calls) == [f"c{number:02}" for number in range(25)]
    back = [forward[-1]]
    while shown.newer:
        shown = page(asked, ALL, before=shown.newer, size=4)
        back.append([row.call.call for row in shown.rows])
    assert back == forward[::-1]


@pytest.mark.parametrize("key", ["x", "1~", "9~'; DROP TABLE", "1e9~c1", "~", "12~c1~", "1.5~\u0661"])
@pytest.mark.parametrize("asked", [Asked(), Asked(queue="es")])
def test_a_key_that_is_none_begins_at_the_newest(day: Journal, asked: Asked, key: str) -> None:
    assert page(asked, ALL, after=key) == page(asked, ALL)


def test_programmes_narrow_what_is_found(day: Journal) -> None:
    mine = Scope(programmes=frozenset({"hotel"}))
    assert found(Asked(), mine) == ["h3", "h2", "h1"]
    assert found(Asked(queue="fr"), mine) == []
    assert call_for(mine, "c1") is None
    assert call_for(mine, "h1") is not None
    assert found(Asked(), Scope(programmes=frozenset())) == []


def test_an_agent_finds_his_own_calls_and_nobody_elses(day: Journal) -> None:
    assert found(Asked(), Scope(agent="a2")) == ["c2", "c1"]
    assert found(Asked(agent="a2"), Scope(agent="a1")) == []
    assert call_for(Scope(agent="a1"), "c1") is None
    assert call_for(Scope(agent="a2"), "c1") is not None


def days_asked(**about: str) -> dict[str, str]:
    return {"begin": "2026-11-23", "end": "2026-11-23", **about}


def calls_of(client: Client, **about: str) -> list[str]:
    html = client.get("/calls/", days_asked(**about)).content.decode()
    return re.findall(r'href="/calls/(\w+)/"', html)


def test_the_list_is_for_whom_it_is_for(day: Journal, enter: Entering) -> None:
    assert calls_of(enter("supervisor")) == ["c3", "h3", "c2", "h2", "h1", "c1"]
    assert calls_of(enter("client", programme="hotel")) == ["h3", "h2", "h1"]
    assert calls_of(enter("agent", agent_id="a2")) == ["c2", "c1"]
    assert calls_of(enter("agent", programme="hotel")) == []


def test_a_client_sees_no_agents_and_no_story(day: Journal, enter: Entering) -> None:
    client = enter("client", programme="banque")
    listed = client.get("/calls/", days_asked()).content.decode()
    told = client.get("/calls/c1/").content.decode()
    for html in (listed, told):
        assert "a2" not in re.sub(r"<[^>]*>", " ", html)
    assert "story" not in told
    assert "<audio" not in told


def test_a_search_that_makes_no_sense_says_so_at_its_field(enter: Entering) -> None:
    html = enter("supervisor").get("/calls/", {"begin": "gestern"}).content.decode()
    assert "Une date s’écrit" in html
    assert 'value="gestern"' in html


def test_a_time_in_the_address_is_understood_and_shown(day: Journal, enter: Entering) -> None:
    client = enter("supervisor")
    begin, end = (f"{datetime.fromtimestamp(DAY + at, ZONE):%Y-%m-%dT%H:%M}" for at in (100, 160))
    html = client.get("/calls/", {"begin": begin, "end": end}).content.decode()
    assert 'type="datetime-local"' in html
    assert re.findall(r'href="/calls/(\w+)/"', html) == ["h1"]


def test_a_name_of_old_calls_can_still_be_asked_for(day: Journal, enter: Entering) -> None:
    html = enter("supervisor").get("/calls/", days_asked(queue="gone")).content.decode()
    assert '<option value="gone" selected>' in html
    assert "Aucun appel" in html


def test_a_call_is_told_from_its_arrival_to_its_end(day: Journal, enter: Entering) -> None:
    html = enter("supervisor").get("/calls/c1/").content.decode()
    told = re.findall(r'<span class="after">\+([\d,]+) s</span> <span>(.*?)</span></li>', html)
    assert told[0] == ("0,0", "Arrive de +33123456789 au 0539000000")
    assert ("8,0", "a1 ne décroche pas, après 5 s") in told
    assert ("10,0", "En ligne avec a2") in told
    assert told[-1] == ("80,0", "a2 note le résultat : sale")


@pytest.mark.parametrize("language", ["fr", "es", "ar", "en"])
def test_every_event_has_a_sentence_in_every_language_whatever_it_holds(language: str) -> None:
    with translation.override(language):
        for kind in STORY:
            assert sentence(Event(0.0, kind, agent_id="a"), {})
            told = sentence(Event(0.0, kind, agent_id="a", data={"number": "{x}", "why": "first"}), {})
            assert "{" not in told.replace("{x}", "")


def test_a_story_without_its_journal_is_left_out(
    day: Journal, enter: Entering, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = enter("supervisor")
    for path in (None, Path("/nowhere/journal.sqlite")):
        monkeypatch.setattr(story, "journal_path", lambda path=path: path)
        response = client.get("/calls/c1/")
        assert response.status_code == 200
        assert "story" not in response.content.decode()


def test_the_picture_of_a_call_is_as_long_as_the_call(day: Journal) -> None:
    record = record_of(Call.objects.get(pk="c1"))
    drawn = story.picture(record, {"a2": "Amal"}, now=0.0)
    assert [lane.name for lane in drawn.lanes] == ["Appelant", "Amal"]
    caller = drawn.lanes[0].bars
    assert [(bar.kind, bar.length) for bar in caller] == [("welcome", 2.0), ("wait", 8.0), ("talk", 60.0)]
    assert sum(bar.width for bar in caller) == pytest.approx(story.WIDE)
    running = CallRecord("r", "p", "1", "2", DAY)
    assert [bar.length for bar in story.picture(running, {}, now=DAY + 60).lanes[0].bars] == [60.0]


def test_an_export_holds_every_call_once_and_no_formula(journal: Journal, enter: Entering) -> None:
    names = [f"c{number:04}" for number in range(40)]
    for number, name in enumerate(names):
        journal.append(answered_call(name, DAY + number))
    journal.append(
        [event(DAY + 99, "call.offered", call="f", programme="p", number="1", caller='=HYPERLINK("x")')]
    )
    while follow(journal):
        pass
    rows = exported(enter("supervisor"))
    assert [row["call"] for row in rows] == ["f", *names[::-1]]
    assert rows[0]["caller"] == '\'=HYPERLINK("x")'
    assert AuditEntry.objects.get(did="calls.export").who == "supervisor-"


def test_a_clients_export_names_no_agent(day: Journal, enter: Entering) -> None:
    rows = exported(enter("client", programme="banque"))
    assert {row["call"] for row in rows} == {"c1", "c2", "c3"}
    assert not {"agents", "note", "recordings"} & set(rows[0])


def body(response: HttpResponseBase) -> bytes:
    if isinstance(response, StreamingHttpResponse):

        async def collect() -> bytes:
            return b"".join([part async for part in response])

        return async_to_sync(collect)()
    assert isinstance(response, HttpResponse)
    return response.content


def exported(client: Client) -> list[dict[str, str]]:
    response = client.get("/calls/export.csv", days_asked())
    assert isinstance(response, StreamingHttpResponse)
    text = body(response).decode()
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))


@pytest.fixture
def recorded(day: Journal, tmp_path: Path) -> bytes:
    """The sound of c1."""
    sound = bytes(range(256)) * 10
    (tmp_path / "c1.wav").write_bytes(sound)
    Call.objects.filter(pk="c1").update(recordings=[str(tmp_path / "c1.wav")])
    return sound


@pytest.mark.parametrize(
    ("asked", "status", "begin", "end"),
    [
        ("bytes=0-99", 206, 0, 100),
        ("bytes=100-", 206, 100, 2560),
        ("bytes=-10", 206, 2550, 2560),
        ("bytes=2000-9999", 206, 2000, 2560),
        ("bytes=2560-", 416, 0, 0),
        ("bytes=9-3", 416, 0, 0),
        ("bytes=-", 200, 0, 2560),
        ("furlongs=1-2", 200, 0, 2560),
    ],
)
def test_a_player_gets_the_piece_it_asks_for(
    recorded: bytes, enter: Entering, asked: str, status: int, begin: int, end: int
) -> None:
    response = enter("quality").get("/calls/c1/sounds/0", headers={"Range": asked})
    assert response.status_code == status
    assert body(response) == recorded[begin:end]
    if status == 206:
        assert response.headers["Content-Range"] == f"bytes {begin}-{end - 1}/2560"


def test_a_long_recording_comes_in_pieces(
    recorded: bytes, enter: Entering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sounds, "PIECE_BYTES", 1_000)
    client = enter("quality")
    whole = client.get("/calls/c1/sounds/0")
    assert body(whole) == recorded
    piece = client.get("/calls/c1/sounds/0", headers={"Range": "bytes=0-"})
    assert piece.headers["Content-Range"] == "bytes 0-999/2560"


def test_who_listened_is_in_the_audit_once_a_listening(recorded: bytes, enter: Entering) -> None:
    client = enter("supervisor", programme="banque")
    for asked in ("bytes=0-", "bytes=100-", "bytes=200-"):
        client.get("/calls/c1/sounds/0", headers={"Range": asked})
    entry = AuditEntry.objects.get(did="calls.listen")
    assert (entry.what, entry.data) == ("c1", {"recording": "c1.wav"})


def test_a_recording_of_another_programme_or_that_is_gone_is_not_found(
    recorded: bytes, enter: Entering
) -> None:
    assert enter("supervisor", programme="hotel").get("/calls/c1/sounds/0").status_code == 404
    client = enter("supervisor")
    for place in ("c1/sounds/1", "c2/sounds/0", "nothing/sounds/0"):
        assert client.get(f"/calls/{place}").status_code == 404
    assert "Ce fichier n’est plus là" in client.get("/calls/c2/").content.decode()


def test_rows_and_a_replay_say_the_same_of_every_call(day: Journal) -> None:
    records = Records()
    records.apply_all(day.read())
    assert {row.call: record_of(row) for row in Call.objects.all()} == records.calls


def test_pages_ask_the_database_as_often_for_many_calls_as_for_one(
    journal: Journal, enter: Entering, django_assert_num_queries: Any
) -> None:
    client = enter("supervisor")
    journal.append(answered_call("c0", DAY))
    follow(journal)
    with django_assert_num_queries(8):
        client.get("/calls/", days_asked())
    for number in range(60):
        journal.append(answered_call(f"d{number}", DAY + number))
    while follow(journal):
        pass
    with django_assert_num_queries(8):
        client.get("/calls/", days_asked())
