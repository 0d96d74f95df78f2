"""Rows are what a replay of the journal says, in whatever portions it was told and wherever that was cut short."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marhaba.journal.events import Event
from marhaba.journal.journal import Journal
from marhaba.journal.records import AgentTime, Records
from marhaba.web.records.domain import projection
from marhaba.web.records.domain.projection import follow, number_key, record_of
from marhaba.web.records.models import Call, Part, Position, Span, Visit
from tests.journal.days import answered_call, days, event, offered, queued

pytestmark = pytest.mark.django_db


def told(journal: Journal) -> None:
    while follow(journal):
        pass


def replayed(events: Sequence[Event]) -> Records:
    records = Records()
    records.apply_all(events)
    return records


def agents_of_rows(now: float) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for span in Span.objects.all():
        states = found.setdefault(span.agent, {})
        states[span.state] = (
            states.get(span.state, 0.0) + (now if span.end is None else span.end) - span.begin
        )
    return found


def in_states(times: dict[str, AgentTime], now: float) -> dict[str, dict[str, float]]:
    said = {name: {s: t for s, t in time.in_states(now).items() if t > 0} for name, time in times.items()}
    return {name: states for name, states in said.items() if states}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=days(), portions=st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=12))
def test_any_portions_and_any_crash_give_what_replaying_all_gives(
    day: list[Event], portions: list[tuple[int, bool]]
) -> None:
    Position.objects.all().delete()
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal.sqlite")
        journal.append(day)
        for portion, crash in portions:
            if crash:
                with suppress(OSError), mock.patch.object(Position, "save", side_effect=OSError):
                    follow(journal, portion=portion)
            follow(journal, portion=portion)
        told(journal)
        journal.close()
    whole, now = replayed(day), 20_000.0
    assert {row.call: record_of(row) for row in Call.objects.all()} == whole.calls
    for row in Call.objects.all():
        record = whole.calls[row.call]
        assert (row.wait_s, row.talk_s) == (record.wait_s, record.talk_s)
    rows = agents_of_rows(now)
    assert rows == {
        name: {state: pytest.approx(seconds) for state, seconds in states.items()}
        for name, states in in_states(whole.agents, now).items()
    }


def test_another_journal_of_the_same_length_is_told_anew(tmp_path: Path) -> None:
    for name, call in (("one", "c1"), ("two", "c2")):
        journal = Journal(tmp_path / f"{name}.sqlite")
        journal.append(answered_call(call))
        told(journal)
        journal.close()
    assert [row.call for row in Call.objects.all()] == ["c2"]
    assert (Visit.objects.count(), Part.objects.count()) == (1, 1)


def test_rows_of_another_format_are_written_anew(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append(answered_call())
    told(journal)
    Call.objects.update(programme="as it was written before")
    monkeypatch.setattr(projection, "FORMAT", 999)
    told(journal)
    assert [row.programme for row in Call.objects.all()] == ["banque"]
    assert Position.objects.get().format == 999


def test_a_call_says_where_the_journal_tells_it(journal: Journal) -> None:
    asked = {"callback": "k", "number": "+33123456789", "language": "fr", "rank": 1}
    journal.append(
        [
            event(0, "leg.opened", call="c", leg="l", role="caller"),
            offered(0, "c"),
            queued(0, "c"),
            event(40, "callback.asked", call="c", queue="fr", **asked),
            event(41, "call.ended", call="c", outcome="callback", by="floor", reason="callback", code=200),
            queued(50, "k"),
        ]
    )
    for _ in range(6):
        follow(journal, portion=1)
    seqs = {row.call: (row.first_seq, row.last_seq) for row in Call.objects.all()}
    assert seqs == {"c": (2, 5), "k": (4, 6)}
    assert [e.kind for e in journal.of_call("k", 4, 6)] == ["callback.asked", "call.queued"]


def test_a_text_with_a_nul_is_kept_readable(journal: Journal) -> None:
    named = event(0, "call.offered", call="c", programme="p", number="1", caller="2", name="Ev\x00e")
    journal.append([named])
    told(journal)
    assert Call.objects.get().name == "Ev\ufffde"


def test_a_number_is_found_however_it_is_written() -> None:
    assert number_key("+212 539-12.34.56") == "654321935212"
    assert number_key("sip:anonymous") == ""
    assert len(number_key("9" * 400)) == 15
