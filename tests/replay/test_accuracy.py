"""Real and simulated days side by side: counted by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from marhaba.replay.accuracy import (
    INTERVALS,
    DayScore,
    half_hours,
    noise,
    real_counts,
    score,
    table,
)
from marhaba.replay.calllog import read
from marhaba.replay.day_model import model_of
from marhaba.replay.habits import learn
from marhaba.replay.presence import infer
from marhaba.simulator.simulate import MaxReplications, simulate
from tests.replay.test_calllog import frame
from tests.replay.test_presence import row


def day_score(
    day: date, real: list[float], *simulated: list[float], types: tuple[str, ...] = ("aide",)
) -> DayScore:
    """Each (offered, answered, in time, abandoned, waited s), all in the half-hour at nine."""

    def cube(counts: list[float]) -> np.ndarray:
        made = np.zeros((len(types), INTERVALS, 5))
        made[0, 18] = counts
        return made

    return DayScore(day, types, cube(real), np.array([cube(run) for run in simulated]))


QUIET = day_score(date(2026, 3, 2), [100, 90, 80, 10, 900], [100, 96, 90, 4, 960], [100, 94, 90, 6, 940])
BUSY = day_score(
    date(2026, 4, 2), [300, 200, 30, 100, 20_000], [300, 210, 60, 90, 21_000], [300, 210, 60, 90, 21_000]
)


def test_calls_are_counted_by_type_and_half_hour_of_reception() -> None:
    day = read(
        frame(
            row("ana", "00:00", "00:20", "02:00"),
            row("ana", "10:00", "10:21", "12:00"),
            row(None, "31:00", None, "32:00"),
            row("ana", "29:00", "31:00", "33:00", name="ventes"),
        )
    ).day(date(2026, 3, 2))
    counts = real_counts(day)
    assert counts.shape == (2, 48, 5)
    assert counts[0, 18].tolist() == [2, 2, 1, 0, 41]
    assert counts[0, 19].tolist() == [1, 0, 0, 1, 0]
    assert counts[1, 18].tolist() == [1, 1, 0, 0, 120]
    assert counts.sum() == 4 + 3 + 1 + 1 + 161
    assert real_counts(day, target_s=21)[0, 18, 2] == 2


def test_a_row_a_month_and_one_for_all() -> None:
    rows = table([QUIET, BUSY])
    assert rows["month"].to_list() == ["2026-03", "2026-04", ""]
    assert rows["calls"].to_list() == [100, 300, 400]
    march, april, whole = rows.iter_rows(named=True)
    assert (march["service_level_real"], march["service_level_simulated"]) == (0.8, 0.9)
    assert (march["asa_s_real"], march["asa_s_simulated"]) == (10, 10)
    assert march["abandonment_bias"] == pytest.approx(-0.05)
    assert april["service_level_mae"] == pytest.approx(0.1)
    assert whole["service_level_real"] == pytest.approx(110 / 400)
    assert whole["service_level_simulated"] == pytest.approx(150 / 400)
    assert whole["abandonment_mae"] == pytest.approx((0.05 + 10 / 300) / 2)
    assert whole["abandonment_rmse"] == pytest.approx(np.sqrt((0.05**2 + (10 / 300) ** 2) / 2))
    assert whole["asa_s_bias"] == pytest.approx((950 + 21_000) / (95 + 210) - 20_900 / 290)


def test_days_that_go_together_correlate() -> None:
    rising = [
        day_score(date(2026, 3, 2 + n), [100, 90, 50 + n, 10, 9], [100, 90, 40 + 2 * n, 10, 9])
        for n in range(4)
    ]
    (month, _) = table(rising).iter_rows(named=True)
    assert month["service_level_r"] == pytest.approx(1.0)
    assert np.isnan(month["abandonment_r"])  # always the same


def test_one_type_on_the_days_it_had_calls() -> None:
    other = day_score(date(2026, 3, 3), [50, 50, 50, 0, 50], [50, 50, 50, 0, 50], types=("ventes",))
    assert table([QUIET, other], contact_type="ventes")["calls"].to_list() == [50, 50]


def test_half_hours_with_enough_calls_weigh_by_their_calls() -> None:
    assert half_hours([QUIET, BUSY])["service_level"] == pytest.approx(0.1)
    assert half_hours([QUIET, BUSY])["abandonment"] == pytest.approx((100 * 0.05 + 300 / 30) / 400)
    assert half_hours([QUIET, BUSY], calls_least=101)["abandonment"] == pytest.approx(1 / 30)


def test_noise_is_one_run_against_the_others() -> None:
    assert noise([QUIET])["abandonment"] == pytest.approx(0.02)
    assert noise([BUSY])["abandonment"] == 0


def test_a_simulated_day_is_counted_as_a_real_one() -> None:
    """One agent, no chance: the second caller waits for the first one's end, the turn and the ring, in truth and on paper."""
    log = read(
        frame(
            row("ana", "00:00", "00:01", "05:01"),
            row("ana", "01:00", "05:02", "06:00"),
            row("ana", "40:00", "40:01", "41:00"),
        )
    )
    day = log.day(date(2026, 3, 2))
    model = model_of(day, infer(day), learn(log), recorded_handle=True)
    made = score(day, [simulate(model, MaxReplications(2), seed=1, workers=1)])
    assert made.types == ("aide",)
    np.testing.assert_array_equal(made.real, made.expected)
    assert made.real.sum(axis=(0, 1)).tolist() == [3, 3, 2, 0, 244]
