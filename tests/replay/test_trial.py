"""A log's days come back from its own past, and from nothing else."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from marhaba.kernel.errors import BadInput
from marhaba.replay.accuracy import table
from marhaba.replay.calllog import CallLog, read
from marhaba.replay.presence import Break, Presence
from marhaba.replay.trial import Given, Trial, agents_there, busy_days
from tests.replay.made_log import made_log

FIRST, REPORT = date(2026, 2, 2), date(2026, 3, 1)


@pytest.fixture(scope="module")
def log() -> CallLog:
    """Four weeks to learn from, and eight days to report on."""
    return read(made_log(FIRST, 35)[1])


def whole(log: CallLog, given: Given) -> dict[str, float]:
    *_, row = table(list(Trial(log, log.days()).scores(given, first=REPORT))).iter_rows(named=True)
    assert row["days"] == 8
    return row


def test_the_waits_of_known_days_come_back(log: CallLog) -> None:
    """8 days of 2,200 calls, service level about 0.79, ASA 11 s, abandonment 5.4 %."""
    recorded, learnt, planned, no_breaks = (
        whole(log, given) for given in (Given.RECORDED, Given.LEARNT, Given.PLANNED, Given.NO_BREAKS)
    )
    assert abs(recorded["service_level_bias"]) < 0.01
    assert recorded["service_level_mae"] < 0.015
    assert abs(recorded["asa_s_bias"]) < 0.7
    assert recorded["abandonment_mae"] < 0.004
    assert abs(learnt["service_level_bias"]) < 0.03  # eight real days are one draw each
    assert learnt["service_level_mae"] < 0.04
    assert abs(planned["service_level_bias"]) < 0.04
    assert no_breaks["service_level_bias"] > 0.1  # what the inference is for


def test_erlang_knows_one_group_of_like_agents(log: CallLog) -> None:
    """These agents nearly are one, so with the inferred presence it comes near."""
    assert abs(whole(log, Given.ERLANG_A)["service_level_bias"]) < 0.03


@pytest.mark.parametrize("given", [Given.LEARNT, Given.PLANNED])
def test_nothing_is_learnt_from_the_days_to_come(log: CallLog, given: Given) -> None:
    day = date(2026, 3, 2)
    cut = log.between(None, date(2026, 3, 3))
    (full,), (early,) = (
        list(Trial(each, each.days(), runs=1).scores(given, first=day, until=day)) for each in (log, cut)
    )
    np.testing.assert_array_equal(full.simulated, early.simulated)


def test_a_month_without_a_past_is_refused(log: CallLog) -> None:
    with pytest.raises(BadInput, match="a log without an answered call"):
        list(Trial(log, log.days()).scores(Given.LEARNT, first=FIRST))


def test_days_with_half_of_the_usual_calls_are_no_such_days(log: CallLog) -> None:
    holiday = date(2026, 2, 10)
    few = log.calls.filter((pl.col("day") != holiday) | (pl.int_range(pl.len()) % 3 == 0))
    assert busy_days(CallLog(few, {})) == [day for day in log.days() if day != holiday]


def test_agents_there_on_average() -> None:
    people = [
        Presence("ana", frozenset(), 900.0, 5_400.0, (Break(1_800.0, 900.0),)),
        Presence("bob", frozenset(), 0.0, 1_800.0),
    ]
    assert agents_there(people, np.array([1_800.0, 3_600.0, 7_200.0])).tolist() == [1.5, 0.5, 0.5]
