"""`marhaba bench calllog`: a log under its own column names, its months and its refusals."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from marhaba.cli.main import main
from tests.replay.made_log import made_log

COLUMNS = ("received=entree", "ended=transfert,fin")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five weeks whose columns have other names; every fourth call is transferred, and goes on for an hour after."""
    frame = made_log(date(2026, 2, 2), 30)[1]
    fourth = pl.int_range(pl.len()) % 4 == 0
    frame = frame.rename({"received": "entree", "ended": "fin"}).with_columns(
        transfert=pl.when(fourth & pl.col("answered").is_not_null()).then(pl.col("fin")),
        fin=pl.when(fourth & pl.col("answered").is_not_null())
        .then(pl.col("fin").dt.offset_by("1h"))
        .otherwise(pl.col("fin")),
    )
    path = tmp_path_factory.mktemp("log") / "log.parquet"
    frame.write_parquet(path)
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["bench", "calllog", *arguments])
    told = capsys.readouterr()
    return status, told.out, told.err


def test_the_figures_of_each_question_by_month_and_type(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", str(log), "--columns", *COLUMNS, "--from", "2026-03-01", "--json")
    status, out, _ = run(capsys, *arguments)
    report = json.loads(out)
    figures = report["figures"]
    assert status == (0 if report["ok"] else 1)
    assert report["targets"].keys() <= figures.keys()
    assert figures["learnt.2026-03.days"] == figures["learnt.days"] == 3
    assert figures["learnt.calls"] == figures["learnt.type.aide.calls"] + figures["learnt.type.ventes.calls"]
    assert abs(figures["recorded.service_level_bias"]) < 0.02
    assert figures["no-breaks.service_level_bias"] > 0.1
    assert 0 < figures["learnt.noise.service_level_mae"] < figures["no-breaks.half_hours.service_level_mae"]


def test_people_read_a_table_and_the_targets(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "--data", str(log), "--columns", *COLUMNS, "--from", "2026-03-03")
    lines = out.splitlines()
    assert [line for line in lines if line and " " not in line] == [
        "recorded",
        "learnt",
        "planned",
        "no-breaks",
        "erlang-a",
    ]
    assert lines[1].split()[:4] == ["days", "calls", "SL", "real"]
    assert lines[2].split()[:2] == ["2026-03", "1"]
    assert sum("(target" in line for line in lines) == 8


def test_what_is_wrong_is_named(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARHABA_LANGUAGE", "en")
    for arguments, told in (
        ((), "calllog needs a file: --data FILE"),
        (("--data", str(tmp_path / "none.csv")), f"{tmp_path / 'none.csv'}: "),
        (("--data", str(log)), "The log of calls has no column received: it needs type, agent, received"),
        (
            ("--data", str(log), "--columns", "came=entree"),
            "“came=entree” is not NAME=COLUMN; the names: type, agent,",
        ),
        (("--data", str(log), "--columns", "received"), "“received” is not NAME=COLUMN"),
        (
            ("--data", str(log), "--columns", "received=type", "ended=fin"),
            "does not hold instants, but String",
        ),
        (
            ("--data", str(log), "--columns", *COLUMNS),
            "runs from 2026-02-02 to 2026-03-03: it takes a whole month",
        ),
        (("--data", str(log), "--columns", *COLUMNS, "--from", "2027-01-01"), "it takes a whole month"),
        (("--data", str(log), "--columns", *COLUMNS, "--from", "2026-02-02"), "Not one answered call before"),
    ):
        status, _, err = run(capsys, *arguments)
        assert (status, told in err) == (2, True), (arguments, err)
    broken = tmp_path / "log.parquet"
    broken.write_bytes(b"no parquet")
    assert "is neither a parquet file nor a readable CSV" in run(capsys, "--data", str(broken))[2]
    with pytest.raises(SystemExit):
        run(capsys, "--data", str(log), "--from", "April")
    assert "“April” is no day: 2026-04-01" in capsys.readouterr().err


def test_a_csv_reads_as_well(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.csv"
    pl.read_parquet(log).filter(pl.col("entree").dt.day() < 4).write_csv(path)
    status, out, _ = run(capsys, "--data", str(path), "--columns", *COLUMNS, "--from", "2026-03-03", "--json")
    assert status in (0, 1)
    assert json.loads(out)["figures"]["learnt.days"] == 1
