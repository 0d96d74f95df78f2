"""The record of privileged acts: each entry's digest covers the one before, so that nothing is changed or left out unseen.

    digest = SHA-256 over (the digest before, number, at, who, did, what, data), as JSON with sorted keys

Whoever can write the database could make the chain anew from an entry on; so the last digest is what an auditor keeps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from marhaba.web.people.models import AuditEntry, User

FIRST = "0" * 64
_LOCK = 0x6D617268  # PostgreSQL's advisory lock of this chain: "marh"


@dataclass(frozen=True, slots=True)
class Broken:
    number: int
    why: str  # missing | changed


def note(who: User | None, did: str, what: str = "", **data: Any) -> AuditEntry:
    """Write an entry, in the same transaction as the act: both stand, or neither does."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        last = AuditEntry.objects.order_by("-number").first()
        entry = AuditEntry(
            number=last.number + 1 if last else 1,
            at=timezone.now(),
            who=who.username if who is not None else "",
            did=did,
            what=what,
            data=data,
            before=last.digest if last else FIRST,
        )
        entry.digest = digest_of(entry)
        entry.save(force_insert=True)
    return entry


def digest_of(entry: AuditEntry) -> str:
    said = {
        "before": entry.before,
        "number": entry.number,
        "at": entry.at.isoformat(),
        "who": entry.who,
        "did": entry.did,
        "what": entry.what,
        "data": entry.data,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def verify(entries: Iterable[AuditEntry]) -> Iterator[Broken]:
    """Where the chain is broken, from its beginning on."""
    number, before = 0, FIRST
    for entry in entries:
        if entry.number != number + 1 or entry.before != before:
            yield Broken(entry.number, "missing")
        elif entry.digest != digest_of(entry):
            yield Broken(entry.number, "changed")
        number, before = entry.number, entry.digest
