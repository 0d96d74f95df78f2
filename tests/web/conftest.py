"""People of every role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import Client

from marhaba.journal.journal import Journal
from marhaba.web.people.models import Grant, User

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
Entering = Callable[..., Client]


def make_user(username: str, *roles: str, programme: str = "", **about: object) -> User:
    user = User.objects.create(username=username, name=username.title(), **about)
    Grant.objects.bulk_create(Grant(user=user, role=role, programme=programme) for role in roles)
    return user


@pytest.fixture
def enter(db: object) -> Entering:
    """A browser of somebody who has these roles, and has signed in."""

    def sign_in(*roles: str, programme: str = "", language: str = "fr", **about: object) -> Client:
        client = browser(language)
        user = make_user("-".join((*roles, programme)) or "nobody", *roles, programme=programme, **about)
        client.force_login(user, backend=BACKEND)
        return client

    return sign_in


def browser(language: str = "fr") -> Client:
    client = Client(SERVER_NAME="localhost")
    client.cookies["language"] = language
    return client


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """One that the floor writes."""
    written = Journal(tmp_path / "journal.sqlite")
    yield written
    written.close()
