"""The spool: what is set aside survives a crash, a torn end, and an earlier use of the same room."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marhaba.journal.errors import JournalFull
from marhaba.journal.events import Event
from marhaba.journal.spool import Spool

SIZE = 64 << 10


def events(first: int, count: int = 1) -> list[Event]:
    return [Event(float(n), "call.offered", f"c{n}", seq=n) for n in range(first, first + count)]


def seqs(spool: Spool) -> list[int]:
    return [event.seq for event in spool.read()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.spool"


def test_what_is_set_aside_is_found_again(path: Path) -> None:
    spool = Spool(path, size=SIZE)
    spool.append(events(1, 2))
    spool.append(events(3))
    spool.close()
    again = Spool(path, size=SIZE)
    assert list(again.read()) == events(1, 3)
    assert again.last_seq == 3
    again.append(events(4))
    again.close()
    assert seqs(Spool(path, read_only=True)) == [1, 2, 3, 4]


def test_its_room_is_taken_from_the_disk_at_once(path: Path) -> None:
    Spool(path, size=SIZE).close()
    status = path.stat()
    assert status.st_size == SIZE
    assert status.st_blocks * 512 >= SIZE


def test_what_reached_the_database_is_forgotten(path: Path) -> None:
    spool = Spool(path, size=SIZE)
    spool.append(events(1, 3))
    spool.clear()
    assert (seqs(spool), spool.last_seq) == ([], 0)
    spool.close()
    assert seqs(Spool(path, read_only=True)) == []


def test_records_of_an_earlier_use_never_come_back(path: Path) -> None:
    """The second use overwrites the first record with one of the same length; the second still lies behind it."""
    spool = Spool(path, size=SIZE)
    spool.append(events(1))
    spool.append(events(2))
    spool.clear()
    spool.append(events(7))
    spool.close()
    assert seqs(Spool(path, read_only=True)) == [7]


def test_more_than_its_room_is_taken_as_long_as_the_disk_has_some(path: Path) -> None:
    spool = Spool(path, size=4096)
    for number in range(1, 200):
        spool.append(events(number))
    spool.close()
    assert seqs(Spool(path, read_only=True)) == list(range(1, 200))


def test_a_reader_without_a_spool_finds_nothing_and_makes_none(path: Path) -> None:
    assert seqs(Spool(path, read_only=True)) == []
    assert not path.exists()


def test_a_foreign_file_is_begun_anew(path: Path) -> None:
    path.write_bytes(b"something else entirely, and longer than a header")
    spool = Spool(path, size=SIZE)
    assert seqs(spool) == []
    spool.append(events(1))
    spool.close()
    assert seqs(Spool(path, read_only=True)) == [1]


def test_a_disk_that_refuses_is_told_and_nothing_half_written_counts(path: Path) -> None:
    spool = Spool(path, size=SIZE)
    spool.append(events(1))
    os.close(spool._file)  # what a pulled disk looks like
    with pytest.raises(JournalFull):
        spool.append(events(2))
    assert seqs(spool) == [1]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(st.integers(1, 4), min_size=1, max_size=6),
    cut=st.floats(0, 1),
    rest=st.sampled_from(["gone", "zeros", "noise"]),
)
def test_a_torn_end_leaves_the_whole_records_before_it(
    tmp_path: Path, batches: list[int], cut: float, rest: str
) -> None:
    path = tmp_path / "torn.spool"
    path.unlink(missing_ok=True)
    spool = Spool(path, size=0)
    ends, first = [spool._end], 1
    for count in batches:
        spool.append(events(first, count))
        ends.append(spool._end)
        first += count
    spool.close()
    blob = path.read_bytes()[: ends[-1]]
    at = int(cut * len(blob))
    tail = {"gone": b"", "zeros": bytes(len(blob) - at), "noise": b"\xa5" * (len(blob) - at)}[rest]
    path.write_bytes(blob[:at] + tail)
    whole = sum(batches[: sum(end <= at for end in ends) - 1]) if at >= ends[0] else 0
    found = seqs(Spool(path, read_only=True))
    assert found == list(range(1, whole + 1))
