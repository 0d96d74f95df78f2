"""`marhaba replay` with a change: what it says, in each language, and what it refuses."""

from __future__ import annotations

import html
import json
import re
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from marhaba.cli.main import main
from marhaba.cli.replay_options import percent
from marhaba.cli.words import LANGUAGES, say
from marhaba.journal.events import Event
from marhaba.journal.journal import Journal
from tests.replay.journals import events_of, rehearsed

QUICK = ("--replications", "12")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("centre")
    rehearsed(4, made, faults=(), minutes=90)
    return made


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARHABA_LANGUAGE", "en")


def told(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    status = main(["replay", *map(str, argv)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_first_the_decisions_then_the_day_then_the_change(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = told(
        capsys, folder, *QUICK, "--more", 1, "--like", "amal", "--agents-from", "03:00", "--aht", "-10%",
        "--rule", "accueil.strategy=least-occupied",
    )  # fmt: skip
    assert (status, err) == (0, "")
    parts = [
        "decisions reproduced exactly",
        "would still wait",
        "patience taken from all callers",
        "95 days in 100",
        "The recorded day is among the 12 simulated ones",
        "With 1 more agent(s), 03:00–",
        "like: amal",
        "With the rule accueil.strategy=least-occupied",
        "Handling times −10.0 %",
        "Difference: mean ± the 95 % interval",
    ]
    places = [out.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


def test_for_machines_the_same_in_one_object(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = told(capsys, folder, *QUICK, "--json", "--volume", "+20%", "--seed", 3)
    found = json.loads(out)
    assert status == 0
    assert found["replay"]["difference"] is None
    what = found["what_if"]
    assert (what["seed"], what["redraw"], what["replications"], what["complete"]) == (3, True, 12, True)
    curve = what["patience"][""]
    assert len(curve["at_s"]) == len(curve["staying"]) == len(curve["low"]) > 10
    [offered] = [line for line in what["change"] if (line["queue"], line["figure"]) == ("", "offered")]
    assert 0.05 < offered["difference"]["mean"] / offered["before"]["mean"] < 0.35
    assert {line["figure"] for line in what["calibration"]} >= {"level", "abandonment", "asa", "occupancy"}


def a_day_later(event: Event) -> Event:
    """The same, with every moment in it."""
    moments = {"since", "until", "idle_since", "retry_at"}
    data = {key: value + 86_400.0 if key in moments and value else value for key, value in event.data.items()}
    return msgspec.structs.replace(event, at=event.at + 86_400.0, data=data)


@pytest.fixture(scope="module")
def two_days(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The day, everybody goes home, and the same day again."""
    events = events_of(folder / "data" / "journal.sqlite")
    agents = sorted({event.agent_id for event in events if event.kind == "agent.state"})
    end = events[-1].at
    night = [Event(end, "agent.state", agent_id=each, data={"state": "logged_out"}) for each in agents]
    path = tmp_path_factory.mktemp("two") / "journal.sqlite"
    journal = Journal(path)
    journal.append([*events, *night, *map(a_day_later, events)])
    journal.close()
    return path


def test_of_several_days_the_last_one_is_simulated_or_the_one_that_is_named(
    folder: Path, two_days: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def found(*argv: object) -> tuple[dict[str, Any], dict[str, Any]]:
        told_ = json.loads(told(capsys, *argv, *QUICK, "--simulate", "--json")[1])
        return told_["replay"], told_["what_if"]

    alone, what = found(folder)
    both, last = found(two_days)
    assert both["decisions"] == both["equal"] == alone["decisions"] > 10
    assert (last["begin"], last["callers"]) == (what["begin"] + 86_400.0, what["callers"])
    first_day = f"{datetime.fromtimestamp(what['begin'], UTC):%Y-%m-%d}"
    _, first = found(two_days, "--day", first_day)
    assert first == what
    _, learnt = found(two_days, "--days", 2)
    assert learnt["callers"] == what["callers"]
    assert learnt["patience"][""]["callers"] == 2 * what["patience"][""]["callers"]
    whole = json.loads(told(capsys, two_days, "--json")[1])["replay"]
    assert whole["equal"] == whole["decisions"] == 2 * alone["decisions"]


def test_without_a_change_only_the_day_is_simulated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = told(capsys, folder, *QUICK, "--simulate", "--json")
    found = json.loads(out)["what_if"]
    assert (status, found["change"]) == (0, [])
    again = json.loads(told(capsys, folder, *QUICK, "--simulate", "--json")[1])["what_if"]
    assert again == found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("argv", "key", "about"),
    [
        (["--rule", "nobody.strategy=random"], "refusal.no-queue", {"queue": "nobody"}),
        (["--rule", "accueil"], "refusal.bad-rule", {"rule": "accueil"}),
        (["--without", "nobody"], "refusal.not-there", {"agent": "nobody"}),
        (["--more", "1", "--like", "nobody"], "refusal.no-agent", {"agent": "nobody"}),
        (["--more", "1", "--skills", "fr=11"], "refusal.bad-skill", {"text": "fr=11"}),
        (["--more", "1", "--skills", "chess=3"], "refusal.no-skill", {"skill": "chess"}),
        (["--more", "1001"], "refusal.more-max", {"most": 1000}),
        (["--more", "1", "--agents-from", "23:00"], "refusal.outside-day", {}),
        (["--simulate", "--day", "1999-01-01"], "refusal.empty-day", {}),
    ],
)
def test_what_the_day_does_not_know_is_refused_in_each_language(
    argv: list[str],
    key: str,
    about: dict[str, object],
    language: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MARHABA_LANGUAGE", language)
    status, _, err = told(capsys, folder, *argv)
    assert status == 2
    beginning = say(key, language).format_map(_Until(about)).partition("\0")[0]
    assert len(beginning) > 10
    assert err.startswith(beginning)


class _Until(dict[str, object]):
    """What is not known beforehand ends what is compared."""

    def __missing__(self, key: str) -> str:
        return "\0"


def test_a_rule_that_centre_toml_refuses_is_refused_with_its_key(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = told(capsys, folder, "--rule", "accueil.strategy=best")
    assert status == 2
    assert "--rule: queues.accueil.strategy" in err
    assert "best-skill" in err


@pytest.mark.parametrize(
    ("text", "value"), [("+20%", 20.0), ("-10", -10.0), ("2,5 %", 2.5), ("-99.9%", -99.9)]
)
def test_percentages_as_people_write_them(text: str, value: float) -> None:
    assert percent(text) == value


@pytest.mark.parametrize("text", ["ten", "-100%", "1e3", "%", ""])
def test_what_is_no_percentage_is_refused(
    text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["replay", f"--aht={text}"])
    assert ended.value.code == 2
    assert "a percentage is expected" in capsys.readouterr().err


# -- the page -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_whole_in_itself_and_in_the_readers_language(
    language: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MARHABA_LANGUAGE", language)
    path = tmp_path / "what-if.html"
    status, out, _ = told(capsys, folder, *QUICK, "--more", 1, "--agents-to", "03:30", "--html", path)
    assert status == 0
    assert say("replay.page.written", language).format(path=path) in out
    text = path.read_text("utf-8")
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in text
    for foreign in ("http:", "https:", "<script", "<link", "<img", "@import", "url("):
        assert foreign not in text
    for key in ("replay.page.patience", "replay.page.day", "replay.page.change", "replay.half"):
        assert html.escape(say(key, language)) in text
    charts = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    for chart in charts:
        ElementTree.fromstring(chart)
    queues = len(re.findall(r"<figure>", text))
    assert len(charts) == queues >= 1 + 3 + 2
    assert 'class="window"' in text


def test_the_pages_tables_are_those_of_the_terminal(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "what-if.html"
    _, out, _ = told(capsys, folder, *QUICK, "--aht", "-10%", "--html", path)
    text = html.unescape(path.read_text("utf-8"))
    rows = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in out.splitlines()
        if line.startswith("│")
    ]
    assert len(rows) > 20
    shown = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", text)]
    assert [row for row in rows if row not in shown] == []


def test_a_page_that_cannot_be_written_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = told(capsys, folder, *QUICK, "--html", tmp_path / "nowhere" / "page.html")
    assert status == 2
    assert "page.html" in err


def test_ctrl_c_shows_the_days_that_are_done(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def press() -> None:
        """As soon as the command takes it as a wish to stop; then until the first day is surely done."""
        while signal.getsignal(signal.SIGINT) is before:
            time.sleep(0.01)
        time.sleep(1.0)
        signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    told(capsys, folder, *QUICK, "--simulate")  # compiled from here on
    hand = threading.Thread(target=press)
    hand.start()
    status, out, _ = told(capsys, folder, "--aht", "-10%", "--replications", 200_000)
    hand.join()
    assert status == 130
    found = re.search(r"Stopped: (\d+) of 200000 days simulated", out)
    assert found is not None
    assert 0 < int(found[1]) < 200_000
    assert "Handling times −10.0 %" in out
    assert signal.getsignal(signal.SIGINT) is before
