"""Logs are read as they are, and what cannot be used is counted."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from marhaba.kernel.errors import BadInput
from marhaba.replay.calllog import read

SCHEMA = {
    "type": pl.String,
    "agent": pl.String,
    "received": pl.Datetime,
    "answered": pl.Datetime,
    "ended": pl.Datetime,
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-{text}")


def frame(*rows: tuple[str | None, str | None, str | None, str | None, str | None]) -> pl.DataFrame:
    made = [(*row[:2], *(None if text is None else at(text) for text in row[2:])) for row in rows]
    return pl.DataFrame(made, schema=SCHEMA, orient="row")


GOOD = frame(
    ("aide", "ana", "02 09:00:10", "02 09:00:11", "02 09:04:11"),
    ("ventes", None, "02 09:00:05", None, "02 09:01:35"),
    ("aide", "bob", "03 08:59:00", "03 09:00:00", "03 09:02:00"),
    ("aide", "ana", "02 09:02:00", "02 09:04:20", "02 09:05:00"),
)


def test_a_day_is_cut_out_in_order_of_reception() -> None:
    log = read(GOOD)
    assert log.days() == [date(2026, 3, 2), date(2026, 3, 3)]
    assert log.days(calls_least=2) == [date(2026, 3, 2)]
    day = log.day(date(2026, 3, 2))
    assert (day.types, day.agents) == (("aide", "ventes"), ("ana",))
    assert day.type.tolist() == [1, 0, 0]
    assert day.agent.tolist() == [-1, 0, 0]
    assert day.received.tolist() == [9 * 3600 + 5, 9 * 3600 + 10, 9 * 3600 + 120]
    assert day.abandoned.tolist() == [True, False, False]
    assert day.waits.tolist() == [90, 1, 140]
    np.testing.assert_array_equal(day.busy, [np.nan, 240, 40])
    assert day.calls_of(0).tolist() == [1, 2]


def test_days_are_chosen_from_one_up_to_before_another() -> None:
    log = read(GOOD)
    assert len(log.between(None, date(2026, 3, 3))) == 3
    assert len(log.between(date(2026, 3, 3), None)) == 1
    assert len(log.between(date(2026, 3, 3), date(2026, 3, 3))) == 0
    assert log.only([date(2026, 3, 3)]).days() == [date(2026, 3, 3)]
    with pytest.raises(BadInput, match="no calls on 2026-03-04"):
        log.day(date(2026, 3, 4))


def test_what_cannot_be_used_is_left_out_and_counted() -> None:
    bad = frame(
        ("aide", "ana", "02 09:00:10", "02 09:00:11", "02 09:04:11"),
        (None, "ana", "02 09:10:00", "02 09:10:01", "02 09:11:00"),
        ("aide", "ana", None, "02 09:10:01", "02 09:11:00"),
        ("aide", "ana", "02 10:00:00", "02 10:00:01", None),
        ("aide", "ana", "02 10:10:00", "02 10:09:00", "02 10:11:00"),
        ("aide", "ana", "02 10:20:00", "02 10:21:00", "02 10:20:30"),
        ("aide", None, "02 10:30:00", None, "02 10:29:00"),
    )
    log = read(pl.concat([GOOD, bad]))
    assert log.left_out == {"twice": 1, "incomplete": 2, "no end": 1, "backwards": 3}
    assert len(log) == 4


def test_the_same_instant_twice_is_two_calls_where_another_column_says_so() -> None:
    twice = pl.concat([GOOD, GOOD])
    assert len(read(twice)) == 4
    assert len(read(twice.with_row_index("id"))) == 8


def test_an_answer_without_a_known_agent_stays_and_an_abandoned_call_has_none() -> None:
    log = read(
        frame(
            ("aide", None, "02 09:00:00", "02 09:00:01", "02 09:01:00"),
            ("aide", "ana", "02 09:00:00", None, "02 09:01:00"),  # rang at ana's, who did not take it
        )
    )
    day = log.day(date(2026, 3, 2))
    assert day.agents == ()
    assert day.agent.tolist() == [-1, -1]
    assert day.abandoned.tolist() == [False, True]


def test_a_call_over_midnight_belongs_to_the_day_it_came() -> None:
    day = read(frame(("aide", "ana", "02 23:59:50", "03 00:00:10", "03 00:05:00"))).day(date(2026, 3, 2))
    assert day.waits.tolist() == [20]
    assert day.ended.tolist() == [86400 + 300]


def test_the_wall_clock_counts() -> None:
    zoned = GOOD.with_columns(pl.col(pl.Datetime).dt.replace_time_zone("Africa/Casablanca"))
    assert read(zoned).day(date(2026, 3, 2)).received.tolist() == [32405, 32410, 32520]


def test_a_wrong_column_is_named() -> None:
    with pytest.raises(BadInput, match="the log has no column ended: it needs type, agent, received"):
        read(GOOD.drop("ended"))
    with pytest.raises(BadInput, match="column answered holds String, not instants"):
        read(GOOD.with_columns(pl.col("answered").cast(pl.String)))
    with pytest.raises(BadInput, match="a log without a call that can be used"):
        read(GOOD.clear())
