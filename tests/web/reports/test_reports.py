"""Figures on a page are those of the journal, and each opens exactly the calls that it counts."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, datetime
from pathlib import Path
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as examples

from marhaba.files.queue_rules import ServiceLevel
from marhaba.journal.events import Event
from marhaba.journal.figures import Stays, rows
from marhaba.journal.journal import Journal
from marhaba.journal.records import Records
from marhaba.web.records.domain.projection import follow, tell
from marhaba.web.records.models import Call, Name, Part, Span, Visit
from marhaba.web.records.queries import Scope
from marhaba.web.reports import figures, ley, reconciling
from marhaba.web.reports.figures import Wanted
from marhaba.web.reports.reconciling import reconcile
from tests.journal.days import abandoned_call, answered_call, days, event
from tests.web.conftest import Entering

pytestmark = pytest.mark.django_db
ZONE = ZoneInfo(settings.TIME_ZONE)
DAY = datetime(2026, 11, 23, tzinfo=ZONE).timestamp()
TODAY = {"begin": "2026-11-23", "end": "2026-11-23"}


@pytest.fixture
def day(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """Three answered calls in banque, two lost ones in hotel, and an agent's morning."""
    monkeypatch.setattr(reconciling, "journal_path", lambda: journal.path)
    events = [
        *answered_call("c1", DAY + 36_000),
        *abandoned_call("h1", DAY + 36_100, caller="0612345678"),
        *answered_call("c2", DAY + 37_000),
        *abandoned_call("h2", DAY + 40_000, caller="0612345679", wait=200.0),
        *answered_call("c3", DAY + 41_000),
    ]
    states = [
        ("paused", 0),
        ("ready", 60),
        ("talking", 1_010),
        ("wrapup", 1_070),
        ("ready", 1_100),
        ("logged_out", 3_600),
    ]
    for state, after in states:
        code = "login" if state == "paused" else ""
        events.append(event(DAY + 35_000 + after, "agent.state", agent="a2", state=state, code=code))
    journal.append(sorted(events, key=lambda each: each.at))
    while follow(journal):
        pass
    return journal


def told(client: Client, **asked: str) -> str:
    response = client.get("/reports/", TODAY | asked)
    assert response.status_code == 200
    return response.content.decode()


def lines(html: str) -> dict[str, list[tuple[str, str]]]:
    """By the name of each line: (count, address) of its figures."""
    found = {}
    for line in re.findall(r'<tr><th scope="row"><bdi>(.*?)</bdi></th>(.*?)</tr>', html):
        cells = re.findall(r'<td class="number">(?:<a href="([^"]*)">)?(\d+)', line[1])
        found[line[0]] = [(count, address.replace("&amp;", "&")) for address, count in cells]
    return found


@pytest.mark.parametrize("by", ["queue", "agent", "programme", "language", "day", "15m", "30m", "1h"])
def test_every_number_opens_exactly_the_calls_it_counts(day: Journal, enter: Entering, by: str) -> None:
    client = enter("supervisor")
    found = lines(told(client, by=by))
    assert found["Total"][:3] == [(n, found["Total"][at][1]) for at, n in enumerate(("5", "3", "2"))]
    opened = 0
    for name, cells in found.items():
        for count, address in cells:
            if address:
                listed = client.get(address).content.decode()
                assert len(re.findall(r'href="/calls/(\w+)/"', listed)) == int(count), (name, address)
                opened += 1
    assert opened >= 5


def test_the_lines_are_those_of_the_journal(day: Journal) -> None:
    records = Records()
    records.apply_all(day.read())
    visits = [(call, visit) for call in records.calls.values() for visit in call.visits]
    wanted = Wanted(DAY, DAY + 86_400, "queue")
    stays = figures.stays_of(wanted, Scope())
    mine = [
        (row.name, row.outcomes, row.aht(), row.level()) for row in figures.report(wanted, Scope(), stays)[0]
    ]
    rules = dict.fromkeys(("fr", "es"), ServiceLevel())
    theirs = rows(Stays.of(visits), by="queue", rules=rules, zone=ZONE)[0]
    assert mine == [(row.name, row.outcomes, row.aht(), row.level()) for row in theirs]


def test_a_formula_and_a_threshold_can_be_asked_for(day: Journal, enter: Entering) -> None:
    client = enter("planner")
    assert "F4/20 s" in told(client)
    changed = told(client, formula="F2", threshold="5")
    assert "F2/5 s" in changed
    assert "0,0 % <small>" in changed  # all waited eight seconds
    assert "Les formules sont F1 à F6" in told(client, formula="F9")


def test_every_letter_is_shown_with_its_formula(day: Journal, enter: Entering) -> None:
    html = told(enter("quality"))
    letters = re.findall(r'<tr><th scope="row"><bdi>(\w+)</bdi></th><td class="number">([^<]*)</td>', html)
    values = {letter: value.split()[0].replace(",", ".") for letter, value in letters}
    assert list(values) == ["F1", "F2", "F3", "F4", "F5", "F6", "ES", "A1", "A2", "ASA", "AAT", "AHT"]
    assert (values["F2"], values["F3"], values["A1"], values["ES"]) == ("100.0", "60.0", "40.0", "60.0")
    assert (values["ASA"], values["AAT"], values["AHT"]) == ("8.0", "115.0", "60.0")


def test_a_client_sees_his_programmes_and_no_agents(day: Journal, enter: Entering) -> None:
    client = enter("client", programme="hotel")
    assert lines(told(client))["Total"][0][0] == "2"
    assert lines(told(client, programme="banque")).get("Total", [("0", "")])[0][0] == "0"
    assert '<p class="error">' in told(client, by="agent")
    assert client.get("/reports/agents").status_code == 403
    assert client.get("/reports/reconciliation").status_code == 403


@pytest.mark.parametrize(
    "asked", [{"begin": "x"}, {"begin": "2026-11-24", "end": "2026-11-23"}, {"begin": "2020-01-01"}]
)
def test_a_period_that_cannot_be_is_said_at_its_field(enter: Entering, asked: dict[str, str]) -> None:
    client = enter("supervisor")
    assert '<p class="error">' in told(client, **asked)
    assert client.get("/reports/figures.csv", TODAY | asked).status_code == 400


def test_a_day_without_calls_says_so(enter: Entering) -> None:
    assert "Aucun appel dans cette période" in told(enter("supervisor"))


def test_files_hold_the_same_lines(day: Journal, enter: Entering) -> None:
    client = enter("supervisor")
    text = (
        client.get("/reports/figures.csv", TODAY | {"by": "programme"})
        .content.decode()
        .removeprefix("\ufeff")
    )
    found = list(csv.reader(io.StringIO(text), delimiter=";"))
    assert found[0][:4] == ["Programme", "Offerts", "Traités", "Abandonnés"]
    assert [line[:4] for line in found[1:]] == [
        ["banque", "3", "3", "0"],
        ["hotel", "2", "0", "2"],
        ["Total", "5", "3", "2"],
    ]
    book = client.get("/reports/figures.xlsx", TODAY | {"by": "programme"}).content
    with ZipFile(io.BytesIO(book)) as sheets:
        assert b"banque" in sheets.read("xl/sharedStrings.xml")
        assert b"<f>" not in sheets.read("xl/worksheets/sheet1.xml")
    assert client.get("/reports/figures.exe", TODAY).status_code == 404


def test_no_name_becomes_a_formula(journal: Journal, enter: Entering) -> None:
    journal.append(abandoned_call("h", DAY, caller="1", programme="=1+1"))
    follow(journal)
    client = enter("supervisor")
    text = client.get("/reports/figures.csv", TODAY | {"by": "programme"}).content.decode()
    assert "\r\n'=1+1;" in text
    book = client.get("/reports/figures.xlsx", TODAY | {"by": "programme"}).content
    with ZipFile(io.BytesIO(book)) as sheets:
        assert b"<f>" not in sheets.read("xl/worksheets/sheet1.xml")


def test_agents_have_their_time_cut_at_the_period_and_it_adds_up(day: Journal, enter: Entering) -> None:
    wanted = Wanted(DAY + 36_000, DAY + 38_000, "agent")
    (row,) = figures.agents_of(wanted, Scope())
    assert row.states == {"ready": 10.0 + 1_900.0, "talking": 60.0, "wrapup": 30.0}
    assert (row.login_s, row.calls, row.aht_s) == (2_000.0, 2, 60.0)
    assert row.occupancy == pytest.approx(90 / 2_000)
    html = enter("supervisor").get("/reports/agents", TODAY).content.decode()
    assert "login" in html
    assert ">1:00:00<" in html  # of the login
    cells = enter("quality").get("/reports/agents.csv", TODAY).content.decode().splitlines()
    assert cells[1].split(";")[:2] == ["a2", "3450.0"]


def test_a_day_that_adds_up_says_so(day: Journal, enter: Entering) -> None:
    found = reconcile(date(2026, 11, 23))
    assert (found.calls, found.stays, found.differences) == (5, 5, [])
    assert {each.queue: (each.counts.offered, each.counts.came) for each in found.queues} == {
        "es": (2, 2),
        "fr": (3, 3),
    }
    assert [(each.agent, each.login_s, each.states_s) for each in found.agents] == [("a2", 3_600.0, 3_600.0)]
    assert found.digest == day.digest(day.last_seq)
    html = enter("supervisor").get("/reports/reconciliation", {"day": "2026-11-23"}).content.decode()
    assert "Tout s’additionne : 5 appels, 5 séjours" in html


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda: Visit.objects.filter(call="h1").delete(), "Appel h1"),
        (lambda: Call.objects.filter(pk="c2").update(outcome="abandoned"), "Appel c2"),
        (lambda: Call.objects.filter(pk="c2").delete(), "Appel c2"),
        (lambda: Part.objects.filter(call="c1").update(talk_s=1.0), "Appel c1"),
        (
            lambda: Span.objects.filter(state="talking").delete(),
            "a2 : états 3540.000 s, connexion 3600.000 s",
        ),
    ],
)
def test_rows_that_were_changed_are_named(day: Journal, spoil: object, told: str) -> None:
    assert callable(spoil)
    spoil()
    assert [told in each for each in reconcile(date(2026, 11, 23)).differences] == [True]


def test_a_journal_that_was_changed_or_is_gone_is_said(
    day: Journal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    day._db.execute("UPDATE events SET at = at + 0.001 WHERE seq = 3")
    assert "event 3 was changed" in reconcile(date(2026, 11, 23)).differences[0]
    monkeypatch.setattr(reconciling, "journal_path", lambda: tmp_path / "none.sqlite")
    assert "ne peut pas être lu" in reconcile(date(2026, 11, 23)).differences[0]


def test_who_waits_over_midnight_counts_in_both_days(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "journal_path", lambda: journal.path)
    journal.append(abandoned_call("m", DAY + 86_390, caller="1", wait=60.0))
    journal.append(answered_call("n", DAY + 90_000))
    while follow(journal):
        pass
    before, after = (
        next(q for q in reconcile(date(2026, 11, each)).queues if q.queue == "es") for each in (23, 24)
    )
    assert (before.counts.offered, before.counts.abandoned, before.counts.waiting_after) == (1, 0, 1)
    assert (after.counts.waiting_before, after.counts.offered, after.counts.abandoned) == (1, 0, 1)
    assert before.wrong == after.wrong == 0


def test_a_supervisor_of_one_programme_has_no_whole_day(day: Journal, enter: Entering) -> None:
    client = enter("supervisor", programme="hotel")
    assert client.get("/reports/reconciliation").status_code == 403
    assert "reconciliation" not in told(client)


@examples(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=days())
def test_any_legal_day_adds_up_by_quarters_and_by_agents(day: list[Event]) -> None:
    for kind in (Name, Span, Part, Visit, Call):
        kind.objects.all().delete()
    begin = datetime(2026, 11, 23, tzinfo=ZONE).timestamp()
    moved = [
        Event(e.at + begin, e.kind, e.call_id, e.agent_id, e.queue_id, e.data, n)
        for n, e in enumerate(day, 1)
    ]
    tell(moved)
    differences: list[str] = []
    for queue, visits in reconciling._visits(begin, begin + 86_400).items():
        found = reconciling._queue(queue, visits, begin, begin + 86_400, differences)
        assert found.counts.offered == len(visits)
    assert differences == []
    assert all(each.adds_up for each in reconciling._agents(begin, begin + 86_400))


def test_spains_law_counts_a_year_by_months(day: Journal, enter: Entering) -> None:
    months, whole = ley.year(2026, Scope())
    assert [(month.first.month, month.answered, month.in_time, month.abandoned) for month in months] == [
        (11, 3, 3, 2)
    ]
    assert (whole.share, whole.kept, whole.asa_s) == (0.6, False, 8.0)
    assert ley.year(2026, Scope(), programme="banque")[1].kept is True
    assert ley.year(2025, Scope())[1].share is None
    assert ley.year(2026, Scope(programmes=frozenset({"hotel"})))[1].answered == 0
    html = enter("supervisor").get("/reports/ley-10-2025", {"year": "2026"}).content.decode()
    assert "60,0 %" in html
    client = enter("client")
    for year in ("x", "99999999", "-1", "٢٠٢٦"):
        assert client.get("/reports/ley-10-2025", {"year": year}).status_code == 200


@pytest.fixture(autouse=True)
def _no_rules_but_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "rules_now", dict)
