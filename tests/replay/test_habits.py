"""What is learnt from a log is what the log was made of."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from marhaba.kernel.errors import BadInput
from marhaba.replay.calllog import CallLog, read
from marhaba.replay.habits import VALUES, Habits, at_level_of, learn, longest_idle_share
from marhaba.simulator.laws import Constant, Empirical, Never
from tests.replay.made_log import HANDLE_S, PATIENCE_S, RING_S, WRAP_S, made_log, staff
from tests.replay.test_calllog import at, frame


@pytest.fixture(scope="module")
def log() -> CallLog:
    return read(made_log(date(2026, 2, 2), 20)[1])


@pytest.fixture(scope="module")
def habits(log: CallLog) -> Habits:
    return learn(log)


def test_ring_wrap_up_and_turn(habits: Habits) -> None:
    """Written in whole seconds: what is cut off one instant is cut off the other, on average."""
    assert habits.ring_s == RING_S
    assert habits.turn_s == WRAP_S + RING_S
    assert habits.wrap.mean == pytest.approx(WRAP_S, abs=0.1)


def test_patience_behind_the_answers(habits: Habits) -> None:
    for name in ("ventes", "aide", "a type never seen"):
        law = habits.patience_of(name)
        assert isinstance(law, Empirical)
        assert np.mean(np.array(law.values) > 60) == pytest.approx(math.exp(-60 / PATIENCE_S), abs=0.02)
        assert np.median(law.values) == pytest.approx(PATIENCE_S * math.log(2), rel=0.15)


def test_handling_by_type_agent_and_day(habits: Habits, log: CallLog) -> None:
    for name in HANDLE_S:
        calls = log.calls.filter((pl.col("type") == name) & pl.col("answered").is_not_null())
        law = habits.handle_of(name)
        assert isinstance(law, Empirical)
        assert len(law.values) == VALUES
        assert law.mean == pytest.approx((calls["ended"] - calls["answered"]).mean(), rel=1e-3)
    slow = {worker.name for worker in staff(0) if worker.pace > 1}
    paces = habits.pace
    assert max(pace for name, pace in paces.items() if name not in slow) < 1.0
    assert min(paces[name] for name in slow) == pytest.approx(1.33, abs=0.05)


def test_hours_of_the_day() -> None:
    """Whoever calls before ten is helped half as long again; 400 calls in each hour, 400 in both are enough."""
    received = [at(f"02 {hour:02}:{i // 60:02}:{i % 60:02}") for hour in (9, 10) for i in range(400)]
    lasts = [timedelta(seconds=90 if each.hour == 9 else 60) for each in received]
    made = pl.DataFrame(
        {
            "type": "aide",
            "agent": "ana",
            "received": received,
            "answered": received,
            "ended": [each + s for each, s in zip(received, lasts, strict=True)],
        }
    )
    hours = learn(read(made)).hours
    assert hours[9:12] == pytest.approx((1.2, 0.8, 1.0))


def test_the_level_of_the_last_days(habits: Habits, log: CallLog) -> None:
    assert at_level_of(habits, log).level == pytest.approx(1.0, abs=0.01)
    last = log.only(log.days()[-3:])
    longer = last.calls.with_columns(ended=pl.col("answered") + 1.1 * (pl.col("ended") - pl.col("answered")))
    ratio = at_level_of(habits, CallLog(longer, {})).level / at_level_of(habits, last).level
    assert ratio == pytest.approx(1.1)
    assert at_level_of(habits, log.only([])).level == 1.0


def test_the_longest_idle_is_recognized_and_a_lottery_is_not(log: CallLog) -> None:
    assert longest_idle_share(log) > 0.9
    assert learn(log).break_rules.overtaken == 8
    rng = np.random.default_rng(1)
    shuffled = log.calls.with_columns(agent=pl.Series(rng.permutation(log.calls["agent"].to_numpy())))
    drawn = CallLog(shuffled.filter(pl.col("agent").is_not_null()), {})
    assert longest_idle_share(drawn) < 0.7
    assert learn(drawn).break_rules.overtaken == 0


def test_a_quiet_log_tells_no_wrap_up_and_no_end_of_patience() -> None:
    habits = learn(read(frame(("aide", "ana", "02 09:00:00", "02 09:00:03", "02 09:05:00"))))
    assert habits.patience_of("aide") == Never()
    assert habits.wrap == Constant(0.0)
    assert (habits.ring_s, habits.turn_s) == (3.0, 5.0)
    assert habits.longest_idle == 0.5


def test_a_log_without_answers_teaches_nothing() -> None:
    with pytest.raises(BadInput, match="a log without an answered call"):
        learn(read(frame(("aide", None, "02 09:00:00", None, "02 09:05:00"))))
