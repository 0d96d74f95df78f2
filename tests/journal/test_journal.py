"""The journal: what is appended is numbered, chained, on disk, and readable beside the writer."""

import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marhaba.journal.events import Event
from marhaba.journal.journal import InlineWriter, Journal, JournalBusy, JournalDamaged, JournalError


def event(number: int, kind: str = "call.offered", /, **data: Any) -> Event:
    return Event(float(number), kind, f"c{number}", "a1", "support", data)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def test_events_are_numbered_from_one_and_read_back_as_they_were(path: Path) -> None:
    journal = Journal(path)
    first = journal.append(
        [event(1, number="0539", held=None), event(2, levels={"fr": 1}, list=[1.5, "é", True])]
    )
    second = journal.append([event(3)])
    assert [e.seq for e in first + second] == [1, 2, 3]
    assert list(journal.read()) == first + second
    assert (journal.last_seq, journal.last_at) == (3, 3.0)
    journal.close()


def test_a_reopened_journal_goes_on_where_it_ended(path: Path) -> None:
    journal = Journal(path)
    kept = journal.append([event(1), event(2)])
    journal.close()
    journal = Journal(path)
    assert (journal.last_seq, journal.last_at) == (2, 2.0)
    kept += journal.append([event(3)])
    assert list(journal.read()) == kept
    assert journal.verify() == ""
    journal.close()


def test_nothing_appended_changes_nothing(path: Path) -> None:
    journal = Journal(path)
    assert journal.append([]) == []
    assert (journal.last_seq, journal.last_at, list(journal.read())) == (0, 0.0, [])
    journal.close()


def test_reading_begins_after_a_number_and_keeps_to_the_kinds_asked_for(path: Path) -> None:
    journal = Journal(path)
    journal.append([event(n, "call.offered" if n % 2 else "call.ended") for n in range(1, 8)])
    assert [e.seq for e in journal.read(after_seq=4)] == [5, 6, 7]
    assert [e.seq for e in journal.read(kinds={"call.ended"})] == [2, 4, 6]
    assert [e.seq for e in journal.read(5, kinds={"call.ended", "audit"})] == [6]
    journal.close()


def test_reading_goes_on_beyond_one_page(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marhaba.journal.journal.READ_ROWS", 3)
    journal = Journal(path)
    journal.append([event(n) for n in range(1, 11)])
    assert [e.seq for e in journal.read()] == list(range(1, 11))
    assert journal.verify() == ""
    journal.close()


def test_a_moment_is_found_by_its_time(path: Path) -> None:
    journal = Journal(path)
    journal.append([event(n) for n in (10, 20, 20, 30)])
    assert [journal.seq_at(at) for at in (5, 10, 15, 20, 25, 99)] == [0, 0, 1, 1, 3, 4]
    journal.close()


def test_every_commit_is_synced_and_only_we_checkpoint(path: Path) -> None:
    journal = Journal(path)
    settings_ = [
        journal._db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "wal_autocheckpoint")
    ]
    assert settings_ == ["wal", 2, 0]  # 2: FULL
    journal.close()


def test_the_journal_and_its_spool_are_its_owner_s_alone(path: Path) -> None:
    journal = Journal(path)
    journal.append([event(1)])
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert {mode & 0o077 for mode in modes.values()} == {0}
    assert {"journal.sqlite", "journal.sqlite-wal", "journal.spool"} <= set(modes)
    journal.close()


def test_a_reader_sees_what_is_committed_while_the_writer_goes_on(path: Path) -> None:
    journal = Journal(path)
    journal.append([event(1)])
    reader = Journal(path, read_only=True)
    assert [e.seq for e in reader.read()] == [1]
    journal.append([event(2)])
    assert [e.seq for e in reader.read()] == [1, 2]
    journal.checkpoint()
    journal.append([event(3)])
    assert [e.seq for e in reader.read(1)] == [2, 3]
    reader.close()
    journal.close()


def test_a_reader_needs_no_writer_and_changes_nothing(path: Path) -> None:
    journal = Journal(path)
    journal.append([event(1)])
    journal.close()
    before = path.read_bytes()
    reader = Journal(path, read_only=True)
    assert [e.seq for e in reader.read()] == [1]
    with pytest.raises(JournalError):
        reader.append([event(2)])
    reader.close()
    assert path.read_bytes() == before


def test_a_checkpoint_keeps_the_log_small(path: Path) -> None:
    journal = Journal(path)
    for number in range(1, 30):
        journal.append([event(number, text="x" * 100_000)])
        if journal.checkpoint_due >= 0.1:
            journal.checkpoint()
    wal = path.with_name("journal.sqlite-wal").stat().st_size
    assert wal < 2_000_000
    assert journal.verify() == ""
    journal.close()


def test_a_missing_journal_is_told_to_a_reader(path: Path) -> None:
    with pytest.raises(JournalError) as caught:
        Journal(path, read_only=True)
    assert caught.value.code == "no-journal"


@pytest.mark.parametrize("content", [b"no database at all" * 100, b""])
def test_a_file_that_is_no_journal_is_refused_to_a_reader(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(JournalDamaged):
        Journal(path, read_only=True)


def test_another_program_s_database_is_not_taken_for_a_journal(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE contacts (name)")
    db.close()
    with pytest.raises(JournalDamaged, match="no journal of Marhaba"):
        Journal(path)


def test_a_journal_of_a_later_marhaba_is_refused(path: Path) -> None:
    Journal(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(JournalDamaged, match="format 99"):
        Journal(path)


def test_a_second_writer_is_noticed_and_writes_nothing(path: Path) -> None:
    journal, other = Journal(path), Journal(path)
    other.append([event(1)])
    with pytest.raises(JournalDamaged, match="another process"):
        journal.append([event(2)])
    assert [e.call_id for e in other.read()] == ["c1"]
    journal.close()
    other.close()


def test_a_locked_database_is_told_and_takes_the_events_when_it_is_free(path: Path) -> None:
    journal = Journal(path)
    journal.append([event(1)])
    journal.be_patient(0.0)
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalBusy):
        journal.append([event(2)])
    assert journal.last_seq == 1
    lock.execute("ROLLBACK")
    lock.close()
    assert [e.seq for e in journal.append([event(2)])] == [2]
    assert journal.verify() == ""
    journal.close()


@pytest.mark.parametrize(
    ("tampering", "told"),
    [
        ("UPDATE events SET data = '{}' WHERE seq = 3", "event 3 was changed"),
        ("UPDATE events SET at = at + 1 WHERE seq = 2", "event 2 was changed"),
        ("UPDATE events SET agent_id = 'a2' WHERE seq = 5", "event 5 was changed"),
        ("DELETE FROM events WHERE seq = 4", "event 4 is missing"),
        ("DELETE FROM events WHERE seq = 1", "event 1 is missing"),
        ("UPDATE events SET hash = zeroblob(32) WHERE seq = 1", "event 1 was changed"),
    ],
)
def test_tampering_breaks_the_chain_where_it_happened(path: Path, tampering: str, told: str) -> None:
    journal = Journal(path)
    journal.append([event(n, amount=n) for n in range(1, 6)])
    assert journal.verify() == ""
    journal.close()
    with sqlite3.connect(path) as db:
        db.execute(tampering)
    db.close()
    reader = Journal(path, read_only=True)
    assert reader.verify() == told
    reader.close()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
EVENTS = st.builds(
    Event,
    at=st.floats(0, 4e9),
    kind=st.sampled_from(["call.offered", "audit"]),
    call_id=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6),
    data=st.dictionaries(st.text(max_size=5), JSON, max_size=3),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(EVENTS, max_size=4), max_size=5))
def test_whatever_is_appended_comes_back_equal(tmp_path: Path, turns: list[list[Event]]) -> None:
    path = tmp_path / f"{abs(hash(str(turns)))}.sqlite"
    path.unlink(missing_ok=True)
    journal = Journal(path, spool_bytes=4096)
    kept = [e for turn in turns for e in journal.append(turn)]
    assert list(journal.read()) == kept
    assert [(e.at, e.kind, e.call_id, e.data) for e in kept] == [
        (e.at, e.kind, e.call_id, e.data) for turn in turns for e in turn
    ]
    assert journal.verify() == ""
    journal.close()


def test_the_inline_writer_calls_back_before_it_returns(path: Path) -> None:
    told: list[list[int]] = []
    for writer in (InlineWriter(), InlineWriter(Journal(path))):
        writer.submit([event(1), event(2)], lambda events: told.append([e.seq for e in events]))
        writer.submit([event(3)], lambda events: told.append([e.seq for e in events]))
        writer.flush()
        writer.close()
    assert told == [[1, 2], [3], [1, 2], [3]]
