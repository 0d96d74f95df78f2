"""kill -9, a power cut's torn log, a full disk: what was acknowledged is there, once, in order."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from marhaba.journal.events import Event
from marhaba.journal.journal import Journal, JournalError, JournalFull

GUARD_S = 30.0
SPOOL = 1 << 20


class Child:
    """The process that writes."""

    def __init__(
        self,
        path: Path,
        *,
        spool_bytes: int = SPOOL,
        file_max: int = 0,
        pause_s: float = 0.0,
        out: Path | None = None,
    ) -> None:
        self.path = path
        self.lines: list[str] = []
        self.out = (out or path.parent) / "out.txt"
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.journal.journal_child",
                    str(path),
                    str(spool_bytes),
                    str(file_max),
                    str(pause_s),
                ],
                stdout=out,
                cwd=Path(__file__).parents[2],
                env=os.environ | {"PYTHONPATH": "src"},
            )

    def wait_until(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + GUARD_S
        while not condition():
            assert self.process.poll() is None, "the writer died"
            assert time.monotonic() < until, self.troubles()
            time.sleep(0.005)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(GUARD_S)

    def kept(self) -> dict[int, str]:
        """What it was told is kept: number and call. A line torn by the kill was not said."""
        pairs = [
            pair.split(":")
            for line in self.out.read_text().split("\n")[:-1]
            if line.startswith("kept ")
            for pair in line.split()[1:]
        ]
        return {int(seq): call for seq, call in pairs}

    def troubles(self) -> list[str]:
        return [line for line in self.out.read_text().split("\n")[:-1] if line.startswith("trouble ")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@contextlib.contextmanager
def writing(path: Path, *, spool_bytes: int = SPOOL, file_max: int = 0) -> Iterator[Child]:
    child = Child(path, spool_bytes=spool_bytes, file_max=file_max)
    try:
        yield child
    finally:
        child.kill()


def assert_holds(path: Path, acknowledged: dict[int, str]) -> list[Event]:
    """Everything acknowledged is there, numbered without a gap, each call once; the chain holds."""
    journal = Journal(path, spool_bytes=SPOOL)
    found = list(journal.read())
    assert journal.verify() == ""
    journal.close()
    assert [e.seq for e in found] == list(range(1, len(found) + 1))
    calls = [e.call_id for e in found]
    assert len(set(calls)) == len(calls)
    assert {seq: calls[seq - 1] for seq in acknowledged} == acknowledged
    return found


def test_nothing_acknowledged_is_lost_by_kill_9(path: Path) -> None:
    acknowledged: dict[int, str] = {}
    for more in (1, 40, 200):
        with writing(path) as child:
            child.wait_until(lambda child=child, more=more: len(child.kept()) >= more)  # type: ignore[misc]
            child.kill()
            said = child.kept()
        assert not said.keys() & acknowledged.keys()
        acknowledged |= said
        assert_holds(path, acknowledged)
    assert len(acknowledged) >= 241


def test_nothing_acknowledged_is_lost_by_kill_9_while_the_database_is_locked(path: Path) -> None:
    with writing(path) as child:
        child.wait_until(lambda: len(child.kept()) >= 10)
        lock = sqlite3.connect(path, isolation_level=None, timeout=10)
        lock.execute("BEGIN IMMEDIATE")
        child.wait_until(lambda: bool(child.troubles()))
        before = len(child.kept())
        child.wait_until(lambda: len(child.kept()) >= before + 100)
        child.kill()
        acknowledged = child.kept()
    held = lock.execute("SELECT count(*) FROM events").fetchone()[0]
    lock.execute("ROLLBACK")
    lock.close()
    assert held < len(acknowledged)
    assert_holds(path, acknowledged)
    with writing(path) as child:  # the next life takes the spool over and goes on
        child.wait_until(lambda: len(child.kept()) >= 10)
        child.kill()
        acknowledged |= child.kept()
    assert_holds(path, acknowledged)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.33, 0.5, 0.77, 0.999])
@pytest.mark.parametrize("rest", ["gone", "zeros"])
def test_a_log_torn_by_a_power_cut_leaves_a_whole_beginning(path: Path, share: float, rest: str) -> None:
    """A disk that lied about its sync: the journal then holds a prefix, never a mixture."""
    journal = Journal(path, spool_bytes=SPOOL)
    for number in range(1, 60):
        journal.append([Event(float(number), "audit", f"c{number}", data={"text": "x" * 200})])
        if number == 20:
            journal.checkpoint()
    torn = path.with_name("torn") / path.name
    torn.parent.mkdir()
    shutil.copyfile(path, torn)
    wal = path.with_name(path.name + "-wal").read_bytes()
    keep = int(len(wal) * share)
    tail = b"" if rest == "gone" else bytes(len(wal) - keep)
    torn.with_name(path.name + "-wal").write_bytes(wal[:keep] + tail)
    journal.close()
    assert len(assert_holds(torn, {})) <= 59
    after = Journal(torn, spool_bytes=SPOOL)
    assert after.append([Event(99.0, "audit")])[0].seq == after.last_seq
    assert after.verify() == ""
    after.close()


def test_a_file_that_may_not_grow_sends_events_to_the_spool(path: Path) -> None:
    """RLIMIT_FSIZE refuses like a full disk does, for whoever is not root too."""
    file_max = 300_000
    with writing(path, spool_bytes=200_000, file_max=file_max) as child:
        child.wait_until(lambda: bool(child.troubles()))
        before = len(child.kept())
        child.wait_until(lambda: len(child.kept()) >= before + 20)
        child.kill()
        acknowledged = child.kept()
        assert child.troubles()[0].startswith("trouble journal-full: ")
    assert path.with_name("journal.sqlite-wal").stat().st_size <= file_max
    assert_holds(path, acknowledged)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and shutil.which("mount") is not None
    if (
        not mounted
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m", "none", folder], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("a small disk needs the right to mount one")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_on_a_full_disk_calls_go_on_and_everything_follows_when_there_is_room(small_disk: Path) -> None:
    path = small_disk / "journal.sqlite"
    ballast = small_disk / "ballast"
    child = Child(path, spool_bytes=512 << 10, pause_s=0.02, out=small_disk.parent)
    try:
        child.wait_until(lambda: len(child.kept()) >= 10)
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        child.wait_until(lambda: bool(child.troubles()))
        assert child.troubles()[0].startswith("trouble journal-full: ")
        before = len(child.kept())
        child.wait_until(lambda: len(child.kept()) >= before + 50)  # out of the spool's own room
        ballast.unlink()
        child.wait_until(lambda: child.troubles()[-1] == "trouble over")
    finally:
        child.kill()
        ballast.unlink(missing_ok=True)
        for name in ("journal.sqlite", "journal.sqlite-wal", "journal.spool"):
            shutil.copyfile(small_disk / name, small_disk.parent / name)
    assert_holds(small_disk.parent / "journal.sqlite", child.kept())


def test_a_start_on_a_full_disk_says_so(small_disk: Path) -> None:
    with contextlib.suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with pytest.raises(JournalError) as caught:
        Journal(small_disk / "journal.sqlite")
    assert isinstance(caught.value, JournalFull)
