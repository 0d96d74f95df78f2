"""Links that let somebody in once, to choose a password. The first of all makes the administrator."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from marhaba.kernel.errors import Refused
from marhaba.web.people import audit
from marhaba.web.people.enums import Role
from marhaba.web.people.models import Grant, Invitation, User

HOURS_FIRST, DAYS = 24, 7
"""The first link is printed on a terminal, and soon used; an agent's goes by mail or on paper."""


def invite_first() -> str:
    """The token of a link that makes the administrator, in place of any before; "" when there already is one."""
    with transaction.atomic():
        if Grant.objects.filter(role=Role.ADMINISTRATOR, programme="", user__is_active=True).exists():
            return ""
        Invitation.objects.filter(user=None).delete()
        return _make(None, timedelta(hours=HOURS_FIRST))


def invite(user: User, *, by: User | None) -> str:
    """The token of a new link for somebody who is known but has no password, or has lost it."""
    with transaction.atomic():
        Invitation.objects.filter(user=user).delete()
        audit.note(by, "people.invite", user.username)
        return _make(user, timedelta(days=DAYS))


def invite_known(username: str) -> str:
    """The same, for whoever has the machine: he is in the record as nobody. Raises `Refused` for a name that is unknown."""
    user = User.objects.filter(username__iexact=username).first()
    if user is None:
        raise Refused(f"nobody is called {username!r} here", code="no-such-user", about={"user": username})
    return invite(user, by=None)


def find(token: str) -> Invitation:
    """Raises `Refused` for a link that is unknown, used, or too old."""
    invitation = Invitation.objects.select_related("user").filter(digest=_digest(token)).first()
    if invitation is None or invitation.used_at is not None or invitation.until < timezone.now():
        raise Refused("this link is not valid, or no longer", code="invitation")
    return invitation


def accept(token: str, *, password: str, username: str = "", name: str = "") -> User:
    """Use the link up and let its person in. Raises `Refused` as `find` does."""
    with transaction.atomic():
        invitation = find(token)
        if not Invitation.objects.filter(pk=invitation.pk, used_at=None).update(used_at=timezone.now()):
            raise Refused("this link is not valid, or no longer", code="invitation")
        user = invitation.user
        if user is None:
            user = User(username=username, name=name)
        user.set_password(password)
        user.save()
        if invitation.user is None:
            Grant.objects.create(user=user, role=Role.ADMINISTRATOR)
        audit.note(user, "people.accept", user.username, first=invitation.user is None)
    return user


def _make(user: User | None, lasts: timedelta) -> str:
    token, now = secrets.token_urlsafe(32), timezone.now()
    Invitation.objects.create(digest=_digest(token), user=user, made_at=now, until=now + lasts)
    return token


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
