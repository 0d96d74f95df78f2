"""People as lists show them."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q, QuerySet

from marhaba.web.people.models import AuditEntry, User


def people(words: str = "") -> QuerySet[User]:
    found = User.objects.select_related("team", "invitation").prefetch_related("grants")
    for word in words.split():
        found = found.filter(
            Q(name__icontains=word) | Q(username__icontains=word) | Q(agent_id__icontains=word)
        )
    return found


def audit_chain() -> Iterator[AuditEntry]:
    """From the first entry on."""
    return AuditEntry.objects.order_by("number").iterator()


def audit_summary(digest: str = "") -> tuple[int, str, bool]:
    """How many entries, the newest one's digest, and whether this digest stands in the record."""
    last = AuditEntry.objects.order_by("-number").first()
    known = AuditEntry.objects.filter(digest=digest).exists()
    return AuditEntry.objects.count(), last.digest if last is not None else "", known


def audit_entries(words: str = "") -> QuerySet[AuditEntry]:
    found = AuditEntry.objects.order_by("-number")
    for word in words.split():
        found = found.filter(Q(who__icontains=word) | Q(did__icontains=word) | Q(what__icontains=word))
    return found
