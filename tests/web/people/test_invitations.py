"""Links that let somebody in once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marhaba.kernel.errors import Refused
from marhaba.web.people.domain import invitations
from marhaba.web.people.models import AuditEntry, Grant, Invitation, User
from tests.web.conftest import browser, make_user

pytestmark = pytest.mark.django_db
PASSWORD = "trois chevaux dans la cour"


def opened(token: str) -> int:
    return browser().get(f"/welcome/{token}").status_code


def test_the_first_link_makes_the_administrator_and_is_over() -> None:
    token = invitations.invite_first()
    answer = browser().post(f"/welcome/{token}", {"name": "Salma", "username": "salma", "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    salma = User.objects.get()
    assert salma.check_password(PASSWORD)
    assert list(Grant.objects.values_list("user", "role", "programme")) == [(salma.pk, "administrator", "")]
    assert opened(token) == 410
    assert invitations.invite_first() == ""
    assert AuditEntry.objects.get().did == "people.accept"


def test_a_new_first_link_replaces_the_one_before() -> None:
    first, second = invitations.invite_first(), invitations.invite_first()
    assert (opened(first), opened(second)) == (410, 200)


def test_a_link_is_over_after_its_time() -> None:
    token = invitations.invite_first()
    Invitation.objects.update(until=Invitation.objects.get().made_at + timedelta(seconds=-1))
    assert opened(token) == 410
    with pytest.raises(Refused):
        invitations.accept(token, password=PASSWORD, username="x", name="X")


def test_who_reads_the_database_cannot_use_a_link() -> None:
    token = invitations.invite_first()
    kept = Invitation.objects.get()
    assert token not in str(vars(kept))
    assert opened(kept.digest) == 410


def test_a_known_person_chooses_a_password_and_nothing_else() -> None:
    boss, amal = make_user("boss", "administrator"), make_user("amal", "agent")
    token = invitations.invite(amal, by=boss)
    answer = browser().post(f"/welcome/{token}", {"password": PASSWORD, "username": "boss", "name": "Boss"})
    assert answer.status_code == 302
    amal.refresh_from_db()
    assert (amal.username, amal.check_password(PASSWORD)) == ("amal", True)
    assert [(entry.who, entry.did, entry.what) for entry in AuditEntry.objects.all()] == [
        ("boss", "people.invite", "amal"),
        ("amal", "people.accept", "amal"),
    ]


@pytest.mark.parametrize("password", ["short", "1234567890", "password123", "salma salma"])
def test_a_weak_password_is_refused_where_it_is_typed(password: str) -> None:
    token = invitations.invite_first()
    answer = browser().post(
        f"/welcome/{token}", {"name": "Salma Salma", "username": "salma", "password": password}
    )
    assert (answer.status_code, User.objects.count()) == (200, 0)
    assert 'id="id_password_error"' in answer.content.decode()
    assert opened(token) == 200


def test_a_link_for_a_name_nobody_has_is_refused() -> None:
    with pytest.raises(Refused):
        invitations.invite_known("nobody")
    make_user("amal", "agent")
    assert opened(invitations.invite_known("AMAL")) == 200
