"""Names, passwords, and who guesses them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client

from tests.web.conftest import browser, make_user

pytestmark = pytest.mark.django_db
PASSWORD = "trois chevaux dans la cour"
TRIES = 5


@pytest.fixture(autouse=True)
def nobody_has_tried() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def enters(client: Client, password: str) -> bool:
    answer = client.post("/accounts/login/", {"login": "amal", "password": password})
    return answer.status_code == 302 and answer["Location"] == "/"


def amal() -> None:
    user = make_user("amal", "agent")
    user.set_password(PASSWORD)
    user.save()


def test_the_right_password_opens() -> None:
    amal()
    assert not enters(browser(), "trois chevaux")
    assert enters(browser(), PASSWORD)


def test_who_guesses_is_locked_out_even_with_the_right_password() -> None:
    amal()
    assert [enters(browser(), f"guess number {number}") for number in range(TRIES)] == [False] * TRIES
    assert not enters(browser(), PASSWORD)


def test_whoever_may_not_enter_does_not() -> None:
    user = make_user("amal", "agent", is_active=False)
    user.set_password(PASSWORD)
    user.save()
    assert not enters(browser(), PASSWORD)


def test_nobody_signs_up() -> None:
    answer = browser().post("/accounts/signup/", {"username": "eve", "password1": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/accounts/signup/")
