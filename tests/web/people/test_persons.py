"""Adding and changing people."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marhaba.web.people.models import AuditEntry, Grant, User
from tests.web.conftest import Entering, browser, make_user

pytestmark = pytest.mark.django_db


def sent(**about: object) -> dict[str, object]:
    return {"name": "Amal", "username": "amal", "roles": ["agent"], "is_active": "on", **about}


def test_a_person_is_added_with_roles_and_cannot_enter_without_a_link(enter: Entering) -> None:
    answer = enter("administrator").post(
        "/people/new", sent(roles=["agent", "quality"], programmes="banque, hotel")
    )
    amal = User.objects.get(username="amal")
    assert (answer.status_code, answer["Location"]) == (302, f"/people/{amal.pk}")
    assert not amal.has_usable_password()
    grants = sorted(amal.grants.values_list("role", "programme"))
    assert grants == [("agent", "banque"), ("agent", "hotel"), ("quality", "banque"), ("quality", "hotel")]
    entry = AuditEntry.objects.get()
    assert (entry.who, entry.did, entry.what) == ("administrator-", "people.add", "amal")
    assert entry.data == {"given": [list(grant) for grant in grants], "taken": [], "active": True}


def test_roles_taken_away_are_in_the_record(enter: Entering) -> None:
    client, amal = enter("administrator"), make_user("amal", "agent", "quality")
    client.post(f"/people/{amal.pk}", sent(roles=["quality", "trainer"]))
    assert sorted(amal.grants.values_list("role", flat=True)) == ["quality", "trainer"]
    entry = AuditEntry.objects.get()
    assert entry.data == {"given": [["trainer", ""]], "taken": [["agent", ""]], "active": True}


@pytest.mark.parametrize("change", [{"roles": ["supervisor"]}, {"is_active": ""}, {"programmes": "banque"}])
def test_the_last_administrator_stays(enter: Entering, change: dict[str, object]) -> None:
    client = enter("administrator")
    boss = User.objects.get()
    answer = client.post(f"/people/{boss.pk}", sent(username=boss.username, roles=["administrator"]) | change)
    assert answer.status_code == 200
    assert "Il faut au moins un administrateur." in answer.content.decode()
    boss.refresh_from_db()
    assert boss.is_active
    assert list(Grant.objects.values_list("role", "programme")) == [("administrator", "")]
    assert AuditEntry.objects.count() == 0


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"username": ""}, "username"),
        ({"username": "a b"}, "username"),
        ({"username": "taken"}, "username"),
        ({"username": "TAKEN"}, "username"),
        ({"email": "nowhere"}, "email"),
        ({"roles": ["emperor"]}, "roles"),
        ({"agent_id": "x1"}, "agent_id"),
    ],
)
def test_what_is_wrong_is_said_where_it_is(enter: Entering, wrong: dict[str, object], field: str) -> None:
    client = enter("administrator")
    make_user("taken", "agent", agent_id="x1")
    answer = client.post("/people/new", sent() | wrong)
    assert (answer.status_code, User.objects.filter(name="Amal").count()) == (200, 0)
    assert f'id="id_{field}_error"' in answer.content.decode()


@pytest.mark.parametrize("place", ["/people", "/audit"])
def test_a_list_asks_as_often_for_one_row_as_for_three(enter: Entering, place: str) -> None:
    client = enter("administrator")
    counts = []
    for number in range(3):
        client.post("/people/new", sent(username=f"person{number}", name=f"Person {number}"))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(place)
        counts.append(len(queries))
    assert counts[0] == counts[2]


@pytest.mark.parametrize(
    "back", ["//evil.example", "/\\evil.example", "https://evil.example/", "javascript:alert(1)"]
)
def test_choosing_a_language_leads_nowhere_else(back: str) -> None:
    answer = browser().post("/language", {"language": "ar", "next": back})
    assert (answer["Location"], answer.cookies["language"].value) == ("/", "ar")


def test_a_language_that_is_none_changes_nothing(enter: Entering) -> None:
    client = enter("agent")
    assert client.post("/language", {"language": "xx", "next": "/account"})["Location"] == "/account"
    assert User.objects.get().language == ""
    client.post("/language", {"language": "es", "next": "/account"})
    assert User.objects.get().language == "es"
