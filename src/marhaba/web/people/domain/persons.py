"""Making and changing people: each is in the record."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from marhaba.kernel.errors import Refused
from marhaba.web.people import audit
from marhaba.web.people.enums import Role
from marhaba.web.people.models import Grant, User


def save_person(user: User, *, roles: Sequence[str], programmes: Sequence[str], by: User) -> User:
    """Keep the person, with these roles in these programmes (none: in all). Raises `Refused` when nobody would be
    administrator any more.
    """
    with transaction.atomic():
        new = user.pk is None
        if new:
            user.set_unusable_password()
        user.save()
        wanted = {(role, programme) for role in roles for programme in programmes or [""]}
        before = {(grant.role, grant.programme) for grant in user.grants.all()}
        for role, programme in before - wanted:
            Grant.objects.filter(user=user, role=role, programme=programme).delete()
        Grant.objects.bulk_create(
            Grant(user=user, role=role, programme=programme) for role, programme in sorted(wanted - before)
        )
        administrators = Grant.objects.filter(role=Role.ADMINISTRATOR, programme="", user__is_active=True)
        if not administrators.exists():
            raise Refused("somebody must be administrator", code="last-administrator")
        audit.note(
            by,
            "people.add" if new else "people.change",
            user.username,
            given=sorted(map(list, wanted - before)),
            taken=sorted(map(list, before - wanted)),
            active=user.is_active,
        )
    return user
