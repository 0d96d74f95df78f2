"""`marhaba simulate`: tables, one JSON object, files; stopped by days, precision, time, or Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest

from marhaba.cli import simulate, simulate_output
from marhaba.cli.main import main
from marhaba.simulator.paper import sheets
from marhaba.simulator.paper.reading import parse_paper, read_paper
from marhaba.simulator.result import Estimate
from tests.simulator.paper.models import SMALL, VARIANTS, changed

PLANS = changed(
    "lines = 5\n",
    "",
    changed('types.appels.handle = { law = "uniform", low_s = 60, high_s = 120 }\n', "", VARIANTS),
)
"""The model, one with an agent more, one whose callers never give up."""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MARHABA_LANGUAGE", "en")
    path = tmp_path / "model.toml"
    path.write_text(PLANS, "utf-8")
    return path


def asked(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, object]:
    assert main(["simulate", *map(str, arguments), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_the_tables_say_what_was_promised_and_what_is_kept(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", str(model), "--replications", "20"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Essai: 20 days, ")
    assert lines[0].endswith(", seed 1")
    words = [line.split() for line in lines]
    [level] = [row for row in words if row[:1] == ["appels"]]
    assert level[-6:] == ["F4", "80", "%", "/", "20", "s"] or level[-1] in ("✓", "✗")
    assert [row[0] for row in words if row and row[0] in ("plus", "moins", "difference")] == [
        "plus",
        "difference",
        "moins",
        "difference",
    ]
    assert lines[-1] == "Means a day; ±: half-width of the 95 % confidence interval."


def test_the_object_holds_each_plan_and_its_difference(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = asked(capsys, model, "--replications", 40)
    assert (found["name"], found["replications"], found["complete"]) == ("Essai", 40, True)
    variants = found["variants"]
    assert isinstance(variants, dict)
    plus = variants["plus"]
    gain = plus["difference"]["all"]["service_level"]
    assert gain["mean"] == pytest.approx(
        plus["all"]["service_level"]["mean"] - found["all"]["service_level"]["mean"]  # type: ignore[index]
    )
    # The same callers: the difference is known better than either plan.
    assert gain["half"] < found["all"]["service_level"]["half"]  # type: ignore[index]
    assert gain["mean"] - gain["half"] > 0.0  # an agent more


def test_the_same_seed_gives_the_same_days_on_any_number_of_threads(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def figures(*more: str) -> object:
        return asked(capsys, model, "--replications", "6", *more)["types"]

    assert figures("--workers", "1") == figures("--workers", "3")
    assert figures() != figures("--seed", "2")


def test_a_single_day_has_no_interval(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, model, "--replications", 1)
    assert found["all"]["offered"]["half"] is None  # type: ignore[index]


def test_it_runs_until_the_service_level_is_known_well_enough(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = asked(capsys, model, "--precision", "0.02")
    halves = [found["all"]["service_level"]["half"]]  # type: ignore[index]
    assert halves[0] <= 0.02
    days = found["replications"]
    assert isinstance(days, int)
    earlier = asked(capsys, model, "--replications", days - 1)
    assert earlier["all"]["service_level"]["half"] > 0.02  # type: ignore[index]


def test_seconds_are_shared_by_the_plans(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of a plan's share would not do, nor would all three's."""
    found = asked(capsys, model, "--seconds", "15")
    assert 5.0 <= found["elapsed_s"] < 14.0


def test_frames_are_written_with_the_plan_of_each_row(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert (
        main(["simulate", str(model), "--replications", "3", "--csv", str(folder), "--parquet", str(folder)])
        == 0
    )
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{name}.{ending}" for name in simulate_output.FRAMES for ending in ("csv", "parquet")
    )
    summary = pl.read_parquet(folder / "summary.parquet")
    assert summary["plan"].unique(maintain_order=True).to_list() == ["Essai", "plus", "moins"]
    assert pl.read_csv(folder / "by_interval.csv").height == 3 * 4


def test_a_file_in_the_place_of_the_folder_is_refused(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", str(model), "--replications", "2", "--csv", str(model)]) == 2
    assert capsys.readouterr().err.splitlines() == [f"{model} is no folder."]


def test_mistakes_are_named_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARHABA_LANGUAGE", "fr")
    path = tmp_path / "model.toml"
    path.write_text(changed("count = 3", "count = -3"), "utf-8")
    assert main(["simulate", str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "ligne 23, agents.equipe.count : trouvé -3 ; attendu : un nombre entier de 0 à 20000"
    ]


def test_a_load_that_nobody_carries_is_a_warning(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = changed(
        "{ per_hour = 30 }",
        "{ per_hour = 70 }",
        changed('patience = { law = "exponential", mean_s = "2 min" }', ""),
    )
    model.write_text(text, "utf-8")
    expected = (
        "a patience, or more agents: appels brings 3.5 erlangs to 3.0 agents, the wait grows without end"
    )
    assert main(["simulate", str(model), "--replications", "2"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"Warning: line 14, types.appels: found nothing; expected: {expected}"
    ]


def test_ctrl_c_reports_the_days_that_are_finished(model: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "marhaba", "simulate", str(model), "--replications", "900000", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "MARHABA_LANGUAGE": "en"},
        text=True,
    )
    # It says how far it is after two seconds, and again every ten: then days have been finished.
    assert child.stderr is not None
    for line in child.stderr:
        if "%" in line:
            break
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    found = json.loads(out)
    assert found["complete"] is False
    assert 0 < found["replications"] < 900_000
    assert err.splitlines()[-1].startswith("Stopped: the figures rest on the days that were finished")


def test_stopped_before_the_first_day_is_over_there_is_no_plan(model: Path) -> None:
    parser = argparse.ArgumentParser()
    simulate.add_arguments(parser)
    stopped = threading.Event()
    stopped.set()
    assert simulate.simulate_plans(read_paper(model), parser.parse_args([str(model)]), stopped, "en") == []


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (Estimate(0.1234, 0.0123), "12.3 ± 1.2 %"),
        (Estimate(0.5, float("inf")), "50.0 ± ? %"),
        (Estimate(float("nan"), float("inf")), "–"),
        (Estimate(0.0, 0.0), "0"),
    ],
)
def test_a_share_and_its_interval(made: Estimate, told: str) -> None:
    assert sheets.told("service_level", made, "en") == told


def test_differences_have_a_sign() -> None:
    assert sheets.told("asa_s", Estimate(-3.21, 0.5), "fr", sign=True) == "−3,2 ± 0,5 s"
    assert sheets.told("offered", Estimate(3.21, 0.5), "en", sign=True) == "+3.2 ± 0.5"
    assert sheets.told("offered", Estimate(-0.01, 0.5), "en", sign=True) == "0.0 ± 0.5"


def test_the_small_model_is_itself_without_warning() -> None:
    assert parse_paper(SMALL, folder=Path()).warnings == ()


def test_a_page_is_written_in_the_readers_language(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    assert main(["simulate", str(model), "--replications", "3", "--html", str(path)]) == 0
    assert '<html lang="en" dir="ltr">' in path.read_text("utf-8")


def test_a_folder_gets_a_page_in_each_language(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    assert main(["simulate", str(model), "--replications", "3", "--html", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["ar.html", "en.html", "es.html", "fr.html"]
    assert '<a href="fr.html"' in (folder / "ar.html").read_text("utf-8")
