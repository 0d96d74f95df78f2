"""Real calls: half a year of a Dutch centre, simulated day by day from its own past.

The log has no licence, so it is not here: MARHABA_VANAD names its parquet file. Nothing was tuned on these months: the
constants of `replay` were chosen on February and March.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from marhaba.cli.bench_calllog import TARGETS, renamed
from marhaba.replay.accuracy import table
from marhaba.replay.calllog import CallLog, read
from marhaba.replay.trial import Given, Trial, busy_days

PATH = Path(
    os.environ.get("MARHABA_VANAD")
    or Path(__file__).parents[3] / "shared/data/vanad_2014/vanad_2014_calls_jan_sep.parquet"
)
COLUMNS = ("type=queue_name", "agent=agent_number", "received=date_received", "ended=transfer,hangup")
REPORT = date(2014, 4, 1)
Row = dict[str, float]

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not PATH.exists(), reason=f"the log of real calls is not there: {PATH} (MARHABA_VANAD names it)"
    ),
]


@pytest.fixture(scope="module")
def log() -> CallLog:
    return read(renamed(pl.read_parquet(PATH), COLUMNS))


@pytest.fixture(scope="module")
def whole(log: CallLog) -> Callable[[Given], Row]:
    """The row of all 127 days, made once."""
    trial = Trial(log, busy_days(log))
    made: dict[Given, Row] = {}

    def row(given: Given) -> Row:
        if given not in made:
            made[given] = table(list(trial.scores(given, first=REPORT))).to_dicts()[-1]
        return made[given]

    return row


def test_the_days_are_the_weekdays_without_the_odd_ones(log: CallLog) -> None:
    days = busy_days(log)
    assert (len(days), sum(day >= REPORT for day in days)) == (190, 127)
    assert {day.weekday() for day in days} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("given", [Given.RECORDED, Given.LEARNT])
def test_the_real_waits_and_abandonments_are_met(given: Given, whole: Callable[[Given], Row]) -> None:
    row = whole(given)
    told = {f"{given.value}.{key}": value for key, value in row.items() if key != "month"}
    told[f"{given.value}.service_level_bias_abs"] = abs(row["service_level_bias"])
    missed = {
        key: (told[key], limit)
        for key, (_, limit) in TARGETS.items()
        if key.startswith(f"{given.value}.") and not told[key] <= float(str(limit))
    }
    assert missed == {}


def test_a_plan_of_who_comes_when_is_nearer_than_no_breaks_and_than_erlang(
    whole: Callable[[Given], Row],
) -> None:
    """Service level, mean absolute error of a day: with everything of the day known but the calls' lengths, with the
    shifts alone, and by what people reckon with."""
    learnt, planned, erlang, naive = (
        whole(given)["service_level_mae"]
        for given in (Given.LEARNT, Given.PLANNED, Given.ERLANG_A, Given.NO_BREAKS)
    )
    assert learnt < erlang
    assert learnt < planned < 0.08
    assert planned < naive / 3
