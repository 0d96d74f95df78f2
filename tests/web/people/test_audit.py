"""The record of privileged acts: nothing is changed or left out unseen."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from marhaba.web.people import audit
from marhaba.web.people.models import AuditEntry
from marhaba.web.people.queries import audit_chain, audit_summary
from tests.web.conftest import Entering, make_user


def chain(count: int) -> list[AuditEntry]:
    """Entries as they are written, without a database."""
    entries: list[AuditEntry] = []
    for number in range(1, count + 1):
        entry = AuditEntry(
            number=number,
            at=audit.timezone.now(),
            who="salma",
            did="people.add",
            what=f"person {number}",
            data={"given": [number]},
            before=entries[-1].digest if entries else audit.FIRST,
        )
        entry.digest = audit.digest_of(entry)
        entries.append(entry)
    return entries


def broken(entries: list[AuditEntry]) -> list[tuple[int, str]]:
    return [(each.number, each.why) for each in audit.verify(entries)]


def test_a_chain_as_it_was_written_is_whole() -> None:
    assert broken(chain(5)) == []
    assert broken([]) == []


CHANGES: dict[str, Any] = {
    "who": "amal",
    "did": "people.change",
    "what": "",
    "data": {},
    "at": audit.timezone.now(),
}


@given(st.integers(1, 6), st.sampled_from(sorted(CHANGES)))
def test_an_entry_that_was_changed_is_named(number: int, field: str) -> None:
    entries = chain(6)
    setattr(entries[number - 1], field, CHANGES[field])
    assert broken(entries) == [(number, "changed")]


@given(st.integers(1, 6), st.sampled_from(sorted(CHANGES)))
def test_a_change_with_a_new_digest_breaks_what_follows(number: int, field: str) -> None:
    entries = chain(7)
    setattr(entries[number - 1], field, CHANGES[field])
    entries[number - 1].digest = audit.digest_of(entries[number - 1])
    assert broken(entries) == [(number + 1, "missing")]


@given(st.integers(1, 5))
def test_an_entry_that_was_taken_away_is_missed(number: int) -> None:
    entries = chain(6)
    del entries[number - 1]
    assert broken(entries) == [(number + 1, "missing")]


@given(st.integers(1, 5))
def test_entries_that_changed_places_are_found(number: int) -> None:
    entries = chain(6)
    entries[number - 1], entries[number] = entries[number], entries[number - 1]
    assert (number + 1, "missing") in broken(entries)


@pytest.mark.django_db
def test_what_is_noted_is_a_chain() -> None:
    salma = make_user("salma", "administrator")
    for number in range(3):
        audit.note(salma, "people.add", f"person {number}", given=[["agent", ""]])
    assert list(audit.verify(audit_chain())) == []
    entries, last, known = audit_summary(AuditEntry.objects.get(number=2).digest)
    assert (entries, last, known) == (3, AuditEntry.objects.get(number=3).digest, True)
    AuditEntry.objects.filter(number=2).update(what="somebody else")
    assert [(each.number, each.why) for each in audit.verify(audit_chain())] == [(2, "changed")]


@pytest.mark.django_db
def test_an_act_that_fails_leaves_no_entry() -> None:
    with transaction.atomic():
        audit.note(None, "people.add", "somebody")
        transaction.set_rollback(True)
    assert AuditEntry.objects.count() == 0


@pytest.mark.django_db
def test_the_page_says_what_is_broken(enter: Entering) -> None:
    client = enter("administrator")
    audit.note(None, "people.add", "somebody")
    assert "La chaîne est entière" in client.get("/audit?verify=1").content.decode()
    AuditEntry.objects.update(what="somebody else")
    page = client.get("/audit?verify=1").content.decode()
    assert "La chaîne est rompue" in page
    assert "1 · changed" in page
