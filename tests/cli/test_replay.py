"""`marhaba replay` over journals that a floor wrote, that somebody has been at, and that are none."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from marhaba.cli.main import main
from marhaba.cli.words import LANGUAGES, say
from marhaba.journal.journal import Journal
from tests.replay.journals import events_of, rehearsed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A centre's folder with a day in its journal."""
    made = tmp_path_factory.mktemp("centre")
    rehearsed(4, made, faults=(), minutes=8)
    return made


def told(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    status = main(["replay", *map(str, argv)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARHABA_LANGUAGE", "en")


@pytest.mark.usefixtures("english")
def test_a_day_is_found_in_its_folder_and_reproduced(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "data" / "journal.sqlite"
    offers = sum(e.kind == "call.ringing" and e.data["why"] == "queue" for e in events_of(path))
    assert offers > 5
    for named in (folder, folder / "data", path):
        status, out, err = told(capsys, named)
        assert (status, err) == (0, "")
        assert f"{len(events_of(path))} events" in out
        assert f"✓ {offers} of {offers} decisions reproduced exactly" in out


@pytest.mark.usefixtures("english")
def test_a_day_without_decisions_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = told(capsys, folder, "--day", "1999-01-01")
    assert status == 0
    assert "✓ no decision at all: 0 of 0" in out


def rewritten(folder: Path, path: Path, *, agent: str) -> tuple[Path, int]:
    """The same day, whole and chained, in which the last call had been given to somebody else."""
    events = events_of(folder / "data" / "journal.sqlite")
    rings = [e for e in events if e.kind == "call.ringing" and e.data["why"] == "queue"]
    chosen = next(e for e in reversed(rings) if e.agent_id != agent)
    journal = Journal(path)
    journal.append(
        [
            type(e)(e.at, e.kind, e.call_id, agent if e is chosen else e.agent_id, e.queue_id, e.data)
            for e in events
        ]
    )
    journal.close()
    return path, chosen.seq


@pytest.mark.usefixtures("english")
def test_a_difference_is_named_with_both_decisions(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, seq = rewritten(folder, tmp_path / "journal.sqlite", agent="driss")
    status, out, _ = told(capsys, path)
    assert status == 1
    assert f"then a difference at event {seq}," in out
    assert "the journal: call" in out
    assert "to driss" in out
    assert "the kernel: call" in out
    status, out, _ = told(capsys, path, "--json")
    found = json.loads(out)["replay"]
    assert status == 1
    assert found["difference"]["seq"] == seq
    assert found["difference"]["recorded"]["agent"] == "driss"
    assert found["equal"] == found["decisions"] - 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_no_journal_is_refused_in_each_language(
    language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARHABA_LANGUAGE", language)
    (tmp_path / "text.sqlite").write_text("no journal" * 100)
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE events (seq)")
    other.close()
    for name in ("text.sqlite", "other.sqlite"):
        status, out, err = told(capsys, tmp_path / name)
        assert (status, out) == (2, "")
        assert err.startswith(say("replay.damaged", language).format(path=tmp_path / name, why="")[:-2])
    status, _, err = told(capsys, tmp_path / "none.sqlite")
    assert (status, err) == (
        2,
        say("calls.no-journal", language).format(path=tmp_path / "none.sqlite") + "\n",
    )


@pytest.mark.usefixtures("english")
def test_a_torn_journal_is_refused_by_the_event(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes((folder / "data" / "journal.sqlite").read_bytes())
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM events WHERE seq = 7")
    db.close()
    status, _, err = told(capsys, path)
    assert status == 2
    assert "event 7 is missing" in err
    path.write_bytes(path.read_bytes()[:20_000])
    status, _, err = told(capsys, path)
    assert status == 2
    assert "is damaged" in err


@pytest.mark.usefixtures("english")
def test_an_empty_journal_holds_no_decision(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Journal(tmp_path / "journal.sqlite").close()
    status, out, _ = told(capsys, tmp_path)
    assert status == 0
    assert "0 events, from – to –" in out
