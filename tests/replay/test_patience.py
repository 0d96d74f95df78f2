"""Kaplan and Meier's estimator: by hand, against a law that is known, and as a law of the simulator."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marhaba.replay.patience import POINTS, kaplan_meier
from marhaba.simulator.laws import Empirical, Never

PAGE = (Path(__file__).parents[2] / "docs" / "design" / "replay.md").read_text("utf-8")
WAITS = [4.0, 10.0, 12.0, 20.0, 20.0, 31.0, 45.0, 60.0]
LEFT = [False, True, False, True, False, True, False, False]
"""The page's eight callers: three gave up."""


def test_the_worked_number_of_the_page() -> None:
    curve = kaplan_meier(WAITS, LEFT)
    assert curve.at.tolist() == [10.0, 20.0, 31.0]
    assert curve.staying == pytest.approx([6 / 7, 6 / 7 * 4 / 5, 6 / 7 * 4 / 5 * 2 / 3])
    # Greenwood, on the scale of log(-log): by hand for the last.
    variance = 1 / (7 * 6) + 1 / (5 * 4) + 1 / (3 * 2)
    last = float(curve.staying[-1])
    width = 1.959964 * math.sqrt(variance) / abs(math.log(last))
    assert curve.low[-1] == pytest.approx(last ** math.exp(width), rel=1e-5)
    assert curve.high[-1] == pytest.approx(last ** math.exp(-width), rel=1e-5)
    assert (curve.median_s, curve.callers, curve.abandoned) == (31.0, 8, 3)
    said = [
        f"{share:.3f}" for share in (*curve.staying, curve.low[-1], curve.high[-1])
    ]  # as the page says them
    paragraph = PAGE.partition("A worked number")[2].partition("\n\n#")[0]
    assert said == re.findall(r"\d\.\d{3}", paragraph)
    assert f"one in {1 / curve.hazard:.0f} s" in paragraph


def test_who_is_answered_as_another_gives_up_was_still_there() -> None:
    together = kaplan_meier([20.0, 20.0], [True, False])
    assert together.staying.tolist() == [0.5]
    assert kaplan_meier([20.0, 19.9], [True, False]).staying.tolist() == [0.0]


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=40))
def test_it_is_the_product_over_moments(callers: list[tuple[int, bool]]) -> None:
    curve = kaplan_meier([float(wait) for wait, _ in callers], [left for _, left in callers])
    staying = 1.0
    for at in sorted({wait for wait, left in callers if left}):
        there = sum(wait >= at for wait, _ in callers)
        leave = sum(wait == at and left for wait, left in callers)
        staying *= 1 - leave / there
        assert curve.staying_at(at) == pytest.approx(staying, abs=1e-12)
    assert np.all(curve.low <= curve.staying + 1e-12)
    assert np.all(curve.staying <= curve.high + 1e-12)
    assert curve.left == pytest.approx(staying, abs=1e-12)


def test_a_known_law_is_found_although_most_are_answered_first() -> None:
    """5,000 callers patient for 120 s on the mean; three in four are answered before. Counting only those who left, or
    taking waits for patience, would say a quarter of it.
    """
    rng = np.random.default_rng(5)
    patience, answer = rng.exponential(120.0, 5_000), rng.exponential(40.0, 5_000)
    curve = kaplan_meier(np.minimum(patience, answer).tolist(), (patience < answer).tolist())
    assert 0.2 < curve.abandoned / curve.callers < 0.3
    assert patience[patience < answer].mean() < 35.0
    inside = 0
    for at in (10.0, 30.0, 60.0, 90.0, 120.0):
        place = int(np.searchsorted(curve.at, at)) - 1
        inside += curve.low[place] <= math.exp(-at / 120.0) <= curve.high[place]
    assert inside >= 4
    assert curve.median_s == pytest.approx(120.0 * math.log(2.0), rel=0.1)
    assert 1.0 / curve.hazard == pytest.approx(120.0, rel=0.06)


def test_the_law_is_the_curve_and_beyond_it_what_was_assumed() -> None:
    curve = kaplan_meier(WAITS, LEFT)
    for tail in ("constant", "never"):
        law = curve.law(tail)
        assert isinstance(law, Empirical)
        values = np.array(law.values)
        assert len(values) == POINTS
        for at, staying in zip(curve.at, curve.staying, strict=True):
            assert (values > at).mean() == pytest.approx(staying, abs=1 / POINTS)
        beyond = values[values > 31.0]
        assert np.all(beyond > 60.0)  # nobody was seen to leave before that
        if tail == "never":
            assert np.all(np.isinf(beyond))
        else:
            assert beyond.mean() - 60.0 == pytest.approx(1.0 / curve.hazard, rel=0.01)


def test_where_nobody_gave_up_nobody_ever_does() -> None:
    curve = kaplan_meier([3.0, 40.0], [False, False])
    assert isinstance(curve.law(), Never)
    assert (curve.left, curve.median_s) == (1.0, math.inf)
    assert isinstance(kaplan_meier([], []).law(), Never)


def test_where_the_last_one_gave_up_nothing_is_left_to_assume() -> None:
    law = kaplan_meier([3.0, 40.0], [False, True]).law()
    assert isinstance(law, Empirical)
    assert set(law.values) == {40.0}
