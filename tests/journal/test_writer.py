"""The writer's thread: group commit, order, and what happens while the database cannot be written."""

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from marhaba.journal.events import Event
from marhaba.journal.journal import Journal, JournalWriter

GUARD_S = 20.0


def events(*numbers: int) -> list[Event]:
    return [Event(float(n), "call.offered", f"c{n}") for n in numbers]


class Loop:
    """The floor's loop, as far as the writer knows it: calls made in this thread, one after the other."""

    def __init__(self) -> None:
        self.calls: queue.SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]]] = queue.SimpleQueue()
        self.told: list[int] = []
        self.troubles: list[str] = []

    def call_soon(self, function: Callable[..., object], *args: object) -> None:
        self.calls.put((function, args))

    def done(self, numbered: list[Event]) -> None:
        self.told += [event.seq for event in numbered]

    def trouble(self, text: str) -> None:
        self.troubles.append(text)

    def run(self) -> None:
        while not self.calls.empty():
            function, args = self.calls.get()
            function(*args)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + GUARD_S
        while not condition():
            assert time.monotonic() < until, (self.told, self.troubles)
            self.run()
            time.sleep(0.002)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def writer(path: Path, loop: Loop) -> Iterator[JournalWriter]:
    writer = JournalWriter(Journal(path), call_soon=loop.call_soon, on_trouble=loop.trouble)
    yield writer
    writer.close()


class Lock:
    """Another program that holds the database."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        self.db.execute("ROLLBACK")
        self.db.close()


def stored(path: Path) -> list[int]:
    reader = Journal(path, read_only=True)
    try:
        assert reader.verify() == ""
        return [event.seq for event in reader.read()]
    finally:
        reader.close()


def in_database(path: Path) -> int:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        count = db.execute("SELECT count(*) FROM events").fetchone()[0]
    db.close()
    return int(count)


def test_what_is_submitted_is_on_disk_before_anybody_is_told(
    path: Path, loop: Loop, writer: JournalWriter
) -> None:
    writer.submit(events(1, 2), loop.done)
    loop.wait_until(lambda: loop.told == [1, 2])
    assert stored(path) == [1, 2]


def test_callbacks_come_in_order_and_in_the_loop_s_thread(loop: Loop, writer: JournalWriter) -> None:
    threads: set[int] = set()
    order: list[int] = []

    def done(kept: list[Event]) -> None:
        threads.add(threading.get_ident())
        order.append(kept[0].seq)

    for number in range(1, 101):
        writer.submit(events(number), done)
    loop.wait_until(lambda: len(order) == 100)
    assert order == list(range(1, 101))
    assert threads == {threading.get_ident()}


def test_what_waits_together_shares_a_commit(path: Path, loop: Loop) -> None:
    """While the first commit runs, hundreds gather; they must not cost hundreds of fsyncs."""
    journal = Journal(path)
    commits: list[int] = []
    commit = journal._commit
    begun, go_on = threading.Event(), threading.Event()

    def counted(rows: Any) -> None:
        rows = list(rows)
        commits.append(len(rows))
        begun.set()
        assert go_on.wait(GUARD_S)
        commit(rows)

    journal._commit = counted  # type: ignore[method-assign]
    writer = JournalWriter(journal, call_soon=loop.call_soon, on_trouble=loop.trouble)
    writer.submit(events(1), loop.done)
    assert begun.wait(GUARD_S)
    for number in range(2, 302):
        writer.submit(events(number), loop.done)
    go_on.set()
    writer.flush()
    loop.run()
    assert commits == [1, 300]
    assert loop.told == list(range(1, 302))
    writer.close()


def test_a_callback_that_fails_does_not_silence_the_others(loop: Loop, writer: JournalWriter) -> None:
    def fails(_: list[Event]) -> None:
        raise ZeroDivisionError

    writer.submit(events(1), loop.done)
    writer.submit(events(2), fails)
    writer.submit(events(3), loop.done)
    writer.flush()
    with pytest.raises(ZeroDivisionError):
        loop.run()
    loop.wait_until(lambda: loop.told == [1, 3])


def test_while_the_database_is_locked_events_are_set_aside_and_told(
    path: Path, loop: Loop, writer: JournalWriter
) -> None:
    writer.submit(events(1), loop.done)
    loop.wait_until(lambda: loop.told == [1])
    lock = Lock(path)
    for number in range(2, 40):
        writer.submit(events(number), loop.done)
        loop.run()
    loop.wait_until(lambda: loop.told == list(range(1, 40)))
    assert len(loop.troubles) == 1
    assert loop.troubles[0].startswith("journal-busy: ")
    assert in_database(path) == 1
    assert [e.seq for e in Journal(path, read_only=True).read()] == list(range(1, 40))
    lock.release()
    loop.wait_until(lambda: loop.troubles[1:] == [""])
    writer.submit(events(40), loop.done)
    loop.wait_until(lambda: loop.told[-1] == 40)
    assert in_database(path) == 40
    assert stored(path) == list(range(1, 41))


def test_what_was_set_aside_reaches_the_database_at_the_next_start(
    path: Path, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marhaba.journal.writer.CLOSE_S", 0.5)
    writer = JournalWriter(Journal(path), call_soon=loop.call_soon, on_trouble=loop.trouble)
    lock = Lock(path)
    writer.submit(events(1, 2, 3), loop.done)
    loop.wait_until(lambda: loop.told == [1, 2, 3])
    closing = threading.Thread(target=writer.close)
    closing.start()  # gives the database its last seconds, and goes
    closing.join(GUARD_S)
    assert not closing.is_alive()
    assert in_database(path) == 0
    lock.release()
    writer = JournalWriter(Journal(path), call_soon=loop.call_soon, on_trouble=loop.trouble)
    assert in_database(path) == 3
    writer.submit(events(4), loop.done)
    writer.flush()
    writer.close()
    assert stored(path) == [1, 2, 3, 4]


def test_a_start_in_trouble_still_knows_what_was_set_aside(path: Path, loop: Loop) -> None:
    journal = Journal(path)
    journal.append(events(1))
    journal.set_aside(events(2))
    journal.close()
    lock = Lock(path)
    journal = Journal(path)
    writer = JournalWriter(journal, call_soon=loop.call_soon, on_trouble=loop.trouble)
    assert (journal.last_seq, journal.last_at, [e.seq for e in journal.read()]) == (2, 2.0, [1, 2])
    loop.run()
    assert loop.troubles[0].startswith("journal-busy: ")
    lock.release()
    loop.wait_until(lambda: loop.troubles[-1] == "")
    writer.close()
    assert stored(path) == [1, 2]


def test_a_crash_between_the_commit_and_the_clearing_counts_nothing_twice(path: Path, loop: Loop) -> None:
    journal = Journal(path)
    journal.set_aside(events(1, 2, 3))
    spool = path.with_suffix(".spool").read_bytes()
    assert journal.drain(100)
    journal.close()
    path.with_suffix(".spool").write_bytes(spool)  # as if the clearing had never reached the disk
    journal = Journal(path)
    assert [e.seq for e in journal.read()] == [1, 2, 3]
    writer = JournalWriter(journal, call_soon=loop.call_soon, on_trouble=loop.trouble)
    writer.submit(events(4), loop.done)
    writer.flush()
    writer.close()
    assert stored(path) == [1, 2, 3, 4]


def test_a_long_spool_is_moved_in_portions_and_nothing_overtakes_it(
    path: Path, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marhaba.journal.writer.GROUP_MAX", 7)
    journal = Journal(path)
    writer = JournalWriter(journal, call_soon=loop.call_soon, on_trouble=loop.trouble)
    lock = Lock(path)
    for number in range(1, 60):
        writer.submit(events(number), loop.done)
    loop.wait_until(lambda: len(loop.told) == 59)
    lock.release()
    for number in range(60, 80):
        writer.submit(events(number), loop.done)
        time.sleep(0.01)
    loop.wait_until(lambda: loop.troubles[-1] == "" and len(loop.told) == 79)
    assert loop.told == list(range(1, 80))
    assert in_database(path) == 79
    writer.close()
    assert stored(path) == list(range(1, 80))


def test_with_neither_database_nor_spool_nobody_is_told_until_one_is_back(
    path: Path, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from marhaba.journal.errors import JournalFull

    journal = Journal(path)
    writer = JournalWriter(journal, call_soon=loop.call_soon, on_trouble=loop.trouble)
    lock = Lock(path)

    def refused(_: object) -> None:
        raise JournalFull("no room to set events aside")

    append = journal.spool.append
    journal.spool.append = refused  # type: ignore[method-assign,assignment]
    writer.submit(events(1), loop.done)
    loop.wait_until(lambda: bool(loop.troubles))
    writer.submit(events(2), loop.done)
    time.sleep(0.5)
    loop.run()
    assert loop.told == []
    journal.spool.append = append  # type: ignore[method-assign]
    loop.wait_until(lambda: loop.told == [1, 2])
    lock.release()
    loop.wait_until(lambda: loop.troubles[-1] == "")
    writer.close()
    assert stored(path) == [1, 2]


def test_closing_writes_what_was_submitted(path: Path, loop: Loop) -> None:
    writer = JournalWriter(Journal(path), call_soon=loop.call_soon, on_trouble=loop.trouble)
    for number in range(1, 500):
        writer.submit(events(number), loop.done)
    writer.close()
    loop.run()
    assert loop.told == list(range(1, 500))
    assert not path.with_name("journal.sqlite-wal").exists()
    assert stored(path) == list(range(1, 500))


def test_a_busy_writer_keeps_its_log_short(path: Path, loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marhaba.journal.journal.CHECKPOINT_PAGES", 20)
    writer = JournalWriter(Journal(path), call_soon=loop.call_soon, on_trouble=loop.trouble)
    longest = 0
    for number in range(1, 200):
        writer.submit([Event(float(number), "audit", data={"text": "x" * 4000})], loop.done)
        writer.flush()
        longest = max(longest, path.with_name("journal.sqlite-wal").stat().st_size)
    writer.close()
    assert longest < 1_000_000
    assert stored(path) == list(range(1, 200))
