"""`marhaba bench calllog --data FILE`: a log's own days simulated, and how near they come, month by month.

Nothing is tuned on the months that are reported: everything is learnt from the days before (`replay.trial`).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from marhaba.cli.words import reader_language, say
from marhaba.kernel.errors import BadInput
from marhaba.replay import accuracy
from marhaba.replay.accuracy import MEASURES, DayScore
from marhaba.replay.calllog import COLUMNS, CallLog, read
from marhaba.replay.trial import Given, Trial, busy_days

TARGETS = {
    "recorded.service_level_bias_abs": ["<=", 0.02],
    "recorded.service_level_mae": ["<=", 0.02],
    "recorded.asa_s_mae": ["<=", 5.0],
    "recorded.abandonment_mae": ["<=", 0.006],
    "learnt.service_level_bias_abs": ["<=", 0.02],
    "learnt.service_level_mae": ["<=", 0.04],
    "learnt.asa_s_mae": ["<=", 12.0],
    "learnt.abandonment_mae": ["<=", 0.013],
}
TYPE_CALLS_SHARE = 0.01
"""A type with fewer calls than that is not reported by itself."""


def bench_calllog(arguments: argparse.Namespace) -> dict[str, Any]:
    """{"figures": ..., "targets": ..., "text": ...}: the contract of `cli.bench`. The targets are what a log of a large centre
    reached: a small one, or one without the instants at which agents became free, need not.
    """
    if arguments.data is None:
        raise BadInput(say("bench.no-data", reader_language()))
    log = read(renamed(_frame(arguments.data), arguments.columns))
    days = busy_days(log)
    first = arguments.first or first_day(days)
    trial = Trial(log, days)
    figures: dict[str, float] = {"runs": trial.runs}
    text = ""
    for given in Given:
        scores = list(trial.scores(given, first=first))
        if not scores:
            raise _too_short(days)
        figures |= _figures(given, scores, log)
        text += _text(given, accuracy.table(scores))
    return {"figures": figures, "targets": TARGETS, "text": text}


def renamed(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """With the columns of a call log, which may have other names here: "ended=transfer,hangup"."""
    sources = {name: [name] for name in COLUMNS}
    for text in columns:
        name, _, of = text.partition("=")
        if name not in COLUMNS or not of:
            said = say("bench.bad-columns", reader_language())
            raise BadInput(said.format(text=text, names=", ".join(COLUMNS)))
        sources[name] = of.split(",")
    for names in sources.values():
        if missing := [name for name in names if name not in frame.columns]:
            about = {
                "column": missing[0],
                "columns": ", ".join(name for of in sources.values() for name in of),
            }
            raise BadInput(f"no column {missing[0]}", code="log-column", about=about)
    return frame.with_columns(**{name: pl.coalesce(of_one) for name, of_one in sources.items()})


def first_day(days: Sequence[date]) -> date:
    """Of the first month before which there is a whole one."""
    months = sorted({day.replace(day=1) for day in days})
    if len(months) < 3:
        raise _too_short(days)
    return months[2]


def _too_short(days: Sequence[date]) -> BadInput:
    return BadInput(say("bench.too-short", reader_language()).format(begin=min(days), end=max(days)))


def _frame(path: Path) -> pl.DataFrame:
    path.open("rb").close()  # the system's own words for a file that is not there
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, try_parse_dates=True)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(say("bench.bad-file", reader_language()).format(path=path, why=error)) from None


def _figures(given: Given, scores: list[DayScore], log: CallLog) -> dict[str, float]:
    """Keys: "learnt.asa_s_mae" over all days, "learnt.2026-04.asa_s_real" of a month, "learnt.type.aide. ..." of a type."""
    made: dict[str, float] = {}
    for row in accuracy.table(scores).iter_rows(named=True):
        month = row.pop("month")
        made |= {".".join(filter(None, (given.value, month, key))): value for key, value in row.items()}
    for name in MEASURES:
        made[f"{given.value}.{name}_bias_abs"] = abs(made[f"{given.value}.{name}_bias"])
    made |= {
        f"{given.value}.half_hours.{name}_mae": value for name, value in accuracy.half_hours(scores).items()
    }
    if given is Given.ERLANG_A:  # one run, of one type
        return _known(made)
    made |= {f"{given.value}.noise.{name}_mae": value for name, value in accuracy.noise(scores).items()}
    counts = log.calls.group_by("type").len().filter(pl.col("len") >= TYPE_CALLS_SHARE * len(log))
    for kind in sorted(counts["type"].to_list()):
        rows = accuracy.table(scores, contact_type=kind).to_dicts()
        made |= (
            {f"{given.value}.type.{kind}.{key}": rows[-1][key] for key in rows[-1] if key != "month"}
            if rows
            else {}
        )
    return _known(made)


def _known(figures: dict[str, float]) -> dict[str, float]:
    """Without those that a few days cannot say."""
    return {key: value for key, value in figures.items() if not math.isnan(value)}


def _text(given: Given, rows: pl.DataFrame) -> str:
    """The table of one question. Shares in percent, their errors in points; MAE and RMSE over the days."""
    head = "".join(
        f"   {name + ' real':>8}{'sim.':>7}{'bias':>7}{'MAE':>6}{'RMSE':>6}" for name in ("SL", "ASA", "AB")
    )
    lines = [given.value, f"  {'':8}{'days':>5}{'calls':>9}{head}"]
    for row in rows.iter_rows(named=True):
        cells = ""
        for name in MEASURES:
            scale = 1.0 if name == "asa_s" else 100.0
            real, simulated, bias, mae, rmse = (
                row[f"{name}_{what}"] * scale for what in ("real", "simulated", "bias", "mae", "rmse")
            )
            cells += f"   {real:8.1f}{simulated:7.1f}{bias:+7.1f}{mae:6.1f}{rmse:6.1f}"
        lines.append(f"  {row['month'] or '=':8}{row['days']:5}{row['calls']:9}{cells}")
    return "\n".join(lines) + "\n\n"
