"""`marhaba calls` over a journal: what it shows is what happened, and every figure opens down to its calls."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marhaba.cli.calls_period import Wanted, moment
from marhaba.cli.main import main
from marhaba.files.queue_rules import ServiceLevel
from marhaba.journal import figures
from marhaba.journal.events import Event
from marhaba.journal.export import BOM, COLUMNS, harmless, write_csv
from marhaba.journal.journal import Journal
from marhaba.journal.period import records_of
from marhaba.journal.records import CallRecord, QueueVisit, Records
from marhaba.kernel.errors import BadInput

ZONE = ZoneInfo("Africa/Casablanca")
NOON = datetime.now(ZONE).replace(hour=0, minute=0, second=0, microsecond=0).timestamp() + 60.0
"""A minute past today's midnight: never in the future."""


def call_events(
    n: int,
    at: float,
    *,
    queue: str = "support",
    wait_s: float = 4.0,
    talk_s: float = 60.0,
    outcome: str = "answered",
) -> Iterator[Event]:
    """A caller who waits, and is answered by Brahim or hangs up."""
    call, caller = f"call{n:04d}", f"06{n:08d}"
    yield Event(
        at,
        "call.offered",
        call,
        data={"programme": "assistance", "number": "0539000001", "caller": caller, "leg": f"l{n}"},
    )
    yield Event(at, "call.language", call, data={"language": "fr", "how": "menu"})
    yield Event(
        at, "call.queued", call, "", queue, {"why": "first", "rank": n, "since": at, "language": "fr"}
    )
    until = at + wait_s
    yield Event(until, "call.dequeued", call, "brahim", queue, {"outcome": outcome, "wait_s": wait_s})
    if outcome == "answered":
        yield Event(until, "call.connected", call, "brahim", queue, {"leg": f"a{n}", "wait_s": wait_s})
        yield Event(until, "agent.state", call, "brahim", "", {"state": "talking"})
        until += talk_s
        yield Event(
            until, "call.released", call, "brahim", queue, {"why": "caller", "talk_s": talk_s, "hold_s": 0.0}
        )
        yield Event(until, "agent.state", call, "brahim", "", {"state": "wrapup"})
    ended = {"outcome": outcome, "by": "caller", "reason": "bye", "code": 200}
    yield Event(until, "call.ended", call, "", queue, ended)
    if outcome == "answered":
        yield Event(until + 15, "agent.state", "", "brahim", "", {"state": "ready"})


def day() -> list[Event]:
    """Yesterday's call, then four of today: 4 s, 30 s, abandoned after 50 s, and one from another queue."""
    events = [
        Event(NOON - 40_000, "agent.state", "", "brahim", "", {"state": "paused", "code": "login"}),
        Event(NOON - 40_000, "agent.state", "", "brahim", "", {"state": "ready"}),
        *call_events(1, NOON - 30_000),
        *call_events(2, NOON),
        *call_events(3, NOON + 100, wait_s=30.0),
        *call_events(4, NOON + 300, wait_s=50.0, outcome="abandoned"),
        *call_events(5, NOON + 400, queue="accueil-fr"),
    ]
    return sorted(events, key=lambda event: event.at)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MARHABA_LANGUAGE", "en")
    sample = Path(__file__).parents[2] / "src" / "marhaba" / "centre" / "sample.toml"
    path = tmp_path / "centre.toml"
    path.write_text(sample.read_text("utf-8"), "utf-8")
    (tmp_path / "data").mkdir()
    with closing(Journal(tmp_path / "data" / "journal.sqlite", spool_bytes=4096)) as journal:
        journal.append(day())
    return path


UNTIL = ("--until", datetime.fromtimestamp(NOON + 3600, ZONE).isoformat())


def said(capsys: pytest.CaptureFixture[str], config: Path, *arguments: str, status: int = 0) -> str:
    if "--until" not in arguments and "--day" not in arguments and "--call" not in arguments:
        arguments += UNTIL
    assert main(["calls", "--config", str(config), *arguments]) == status
    captured = capsys.readouterr()
    return captured.out + captured.err


def csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_todays_calls_are_listed_and_yesterdays_are_not(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    text = said(capsys, config)
    assert "4 calls shown of 4" in text
    assert "0600000002" in text
    assert "0600000001" not in text
    assert text.index("0600000002") < text.index("0600000005")
    assert "0600000002" not in said(capsys, config, "--limit", "2")


@pytest.mark.parametrize(
    ("arguments", "calls"),
    [
        (("--queue", "support"), ["2", "3", "4"]),
        (("--agent", "brahim"), ["2", "3", "5"]),
        (("--outcome", "abandoned"), ["4"]),
        (("--number", "00000003"), ["3"]),
        (("--waited-over", "29"), ["3", "4"]),
        (("--language", "es"), []),
        (("--programme", "assistance", "--queue", "accueil-fr"), ["5"]),
        (("--figure", "in-time"), ["2", "5"]),
        (("--figure", "in-time", "--threshold", "30"), ["2", "3", "5"]),
        (("--figure", "abandoned"), ["4"]),
        (("--figure", "offered", "--queue", "support"), ["2", "3", "4"]),
        (("--since", datetime.fromtimestamp(NOON + 200, ZONE).isoformat()), ["4", "5"]),
        (("--day", "yesterday"), ["1"]),
    ],
)
def test_filters_and_figures_choose_their_calls(
    capsys: pytest.CaptureFixture[str], config: Path, arguments: tuple[str, ...], calls: list[str]
) -> None:
    rows = csv_rows(said(capsys, config, *arguments, "--csv", "-"))
    assert [row["call"][-1] for row in rows] == calls


def test_figures_carry_their_letters_and_their_definitions(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    text = said(capsys, config, "--figures")
    support = next(line for line in text.splitlines() if "support" in line)
    assert [cell.strip() for cell in support.split("│")[1:-1]] == [
        "support", "3", "2", "1", "33.3 % F4/20 s", "33.3 %", "17.0 s", "75.0 s",
    ]  # fmt: skip
    assert "F4: answered within T / (answered + abandoned after T)" in text
    strict = said(capsys, config, "--figures", "--formula", "F2", "--threshold", "30")
    assert "100.0 % F2/30 s" in strict


@pytest.mark.parametrize("by", figures.BY)
def test_whatever_the_lines_the_total_is_the_same(
    capsys: pytest.CaptureFixture[str], config: Path, by: str
) -> None:
    total = said(capsys, config, "--figures", "--by", by).split("Total")[1]
    assert [cell.strip() for cell in total.split("│")[1:4]] == ["4", "3", "1"]


def test_agents_time_begins_with_the_period(capsys: pytest.CaptureFixture[str], config: Path) -> None:
    brahim = next(line for line in said(capsys, config, "--agents").splitlines() if "brahim" in line)
    cells = [cell.strip() for cell in brahim.split("│")[1:-1]]
    assert cells[3:5] == ["3:00", "0:45"]  # talking, wrap-up
    # Since midnight, a minute before the first call of the day.
    assert cells[6:8] == ["8:59", "3"]


def test_one_call_is_told_from_its_arrival_on(capsys: pytest.CaptureFixture[str], config: Path) -> None:
    text = said(capsys, config, "--call", "call0003")
    assert "+30.0 s" in text
    assert "talks with" in text
    assert "brahim" in text
    assert said(capsys, config, "--call", "call", status=2).startswith("5 calls begin with")
    assert "No call whose identifier" in said(capsys, config, "--call", "x", status=2)


def test_json_has_one_object_a_line(capsys: pytest.CaptureFixture[str], config: Path) -> None:
    lines = [json.loads(line) for line in said(capsys, config, "--json").splitlines()]
    assert [line["wait_s"] for line in lines] == [4.0, 30.0, 50.0, 4.0]
    assert lines[1]["parts"][0]["wrap_s"] == pytest.approx(15.0)
    assert lines[2]["visits"][0]["outcome"] == "abandoned"


def test_a_csv_file_begins_as_spreadsheets_like_it(
    capsys: pytest.CaptureFixture[str], config: Path, tmp_path: Path
) -> None:
    path = tmp_path / "calls.csv"
    said(capsys, config, "--csv", str(path), "--separator", ";")
    text = path.read_text("utf-8")
    assert text.startswith(BOM + "call;offered_at;")
    assert len(text.splitlines()) == 5


def test_what_adds_up_is_said_and_what_does_not_is_named(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    assert "Everything adds up: 4 calls" in said(capsys, config, "--reconcile")
    with closing(sqlite3.connect(config.parent / "data" / "journal.sqlite")) as db, db:
        db.execute("UPDATE events SET data = replace(data, '30.0', '3.0') WHERE call_id = 'call0003'")
    assert "the journal is not whole: event" in said(capsys, config, "--reconcile", status=1)
    with closing(sqlite3.connect(config.parent / "data" / "journal.sqlite")) as db, db:
        db.execute("DELETE FROM events WHERE call_id = 'call0002' AND kind = 'call.released'")
    assert "brahim talks" in said(capsys, config, "--reconcile", status=1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--since", "soon"), "“soon” is no moment"),
        (("--since", "2026-02-30"), "“2026-02-30” is no moment"),
        (("--since", "2026-05-02", "--until", "2026-05-01"), "ends"),
    ],
)
def test_moments_that_cannot_be_meant(
    capsys: pytest.CaptureFixture[str], config: Path, arguments: tuple[str, ...], told: str
) -> None:
    assert told in said(capsys, config, *arguments, status=2)


def test_a_centre_that_never_ran_has_no_journal(capsys: pytest.CaptureFixture[str], config: Path) -> None:
    (config.parent / "data" / "journal.sqlite").unlink()
    assert "There is no journal at" in said(capsys, config, status=2)


def test_a_name_nobody_knows_is_said_and_finds_nothing(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    text = said(capsys, config, "--queue", "nope")
    assert "does not know “nope”" in text
    assert "No call matches." in text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=ZONE)),
        ("2026-03-01T08:05", datetime(2026, 3, 1, 8, 5, tzinfo=ZONE)),
        ("8:05", datetime(2026, 3, 10, 8, 5, tzinfo=ZONE)),
        ("today", datetime(2026, 3, 10, tzinfo=ZONE)),
        ("Hier", datetime(2026, 3, 9, tzinfo=ZONE)),
        ("أمس", datetime(2026, 3, 9, tzinfo=ZONE)),
        ("90m", datetime(2026, 3, 10, 15, tzinfo=ZONE) - timedelta(minutes=90)),
        ("2d", datetime(2026, 3, 8, 15, tzinfo=ZONE)),
    ],
)
def test_moments_as_people_write_them(text: str, meant: datetime) -> None:
    assert moment(text, datetime(2026, 3, 10, 15, tzinfo=ZONE), "fr") == meant


def test_a_moment_of_nowhere_is_refused() -> None:
    with pytest.raises(BadInput):
        moment("12:99", datetime.now(ZONE), "ar")


STAYS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(
            ["", "answered", "abandoned", "overflowed", "callback", "voicemail", "closed", "failed"]
        ),
        st.floats(0, 600),
    ),
    max_size=30,
)


@given(STAYS, st.sampled_from(figures.BY))
def test_every_figure_counts_the_calls_it_shows(stays: list[tuple[str, str, float]], by: str) -> None:
    records = Records()
    for n, (queue, outcome, wait_s) in enumerate(stays):
        call = CallRecord(f"c{n}", "p", "1", "2", 1000.0 * n)
        call.visits.append(QueueVisit(queue, 1000.0 * n, outcome, wait_s))
        records.calls[call.call] = call
    rules = {"a": ServiceLevel(), "b": ServiceLevel("F3", 180.0)}
    wanted = list(Wanted(0.0, float("inf")).visits(records))
    rows, total = figures.rows(figures.Stays.of(wanted), by=by, rules=rules, zone=ZONE)
    assert total.count("offered") == len(stays) == sum(row.count("offered") for row in rows)
    accounted = sum(total.count(name) for name in (*figures.OUTCOMES, "waiting"))
    assert accounted == total.count("offered")
    for row in rows if by == "queue" else [total]:
        mine = [stay for stay in wanted if row.name in ("", stay[1].queue)]
        for figure in figures.FIGURES:
            rule = row.rule or ServiceLevel()
            assert row.count(figure) == sum(figures.counts(figure, stay, rule) for stay in mine)
    for row in rows:
        level = row.level()
        assert level is None or 0.0 <= level <= 1.0


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=40))
def test_no_cell_of_a_csv_is_a_formula(text: str) -> None:
    file = io.StringIO()
    call = CallRecord("c", "p", "1", text, 5.0, note=text)
    write_csv([call], file, zone=ZONE, separator=";")
    (row,) = csv.DictReader(io.StringIO(file.getvalue()), delimiter=";")
    assert list(row) == list(COLUMNS)
    assert not row["caller"].startswith(("=", "+", "-", "@", "\t"))
    assert row["note"].removeprefix("'") == text.removeprefix("'")
    assert harmless(-3.5) == -3.5


def test_a_period_takes_what_began_in_it_to_its_end(config: Path) -> None:
    with closing(Journal(config.parent / "data" / "journal.sqlite", read_only=True)) as journal:
        records = records_of(journal, begin=NOON + 90, end=NOON + 110)
    assert records.calls["call0003"].outcome == "answered"
    assert records.agents["brahim"].in_states(records.last_at) == pytest.approx({"ready": 20.0})
    assert records.last_at == NOON + 110
