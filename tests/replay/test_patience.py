"""A day's patience: the page's number by hand, its band, and the law the simulator draws from."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from marhaba.replay.patience import POINTS, at_risk_of, patience_of
from marhaba.simulator.laws import Empirical, Never

PAGE = (Path(__file__).parents[2] / "docs" / "design" / "replay.md").read_text("utf-8")
WAITS = [4.0, 10.0, 12.0, 20.0, 20.0, 31.0, 45.0, 60.0]
LEFT = [False, True, False, True, False, True, False, False]
"""The page's eight callers: three gave up."""


def test_the_worked_number_of_the_page() -> None:
    found = patience_of(WAITS, LEFT)
    curve = found.curve
    assert curve.times_s.tolist() == [10.0, 20.0, 31.0]
    assert curve.staying == pytest.approx([6 / 7, 6 / 7 * 4 / 5, 6 / 7 * 4 / 5 * 2 / 3])
    # Greenwood, on the scale of log(-log): by hand for the last.
    variance = 1 / (7 * 6) + 1 / (5 * 4) + 1 / (3 * 2)
    last = float(curve.staying[-1])
    width = 1.959964 * math.sqrt(variance) / abs(math.log(last))
    assert found.low[-1] == pytest.approx(last ** math.exp(width), rel=1e-5)
    assert found.high[-1] == pytest.approx(last ** math.exp(-width), rel=1e-5)
    assert (found.median_s, found.callers, found.abandoned, curve.end_s) == (31.0, 8, 3, 60.0)
    said = [f"{share:.3f}" for share in (*curve.staying, found.low[-1], found.high[-1])]
    paragraphs = PAGE.partition("A worked number")[2].partition("\n#")[0]
    assert said == re.findall(r"\d\.\d{3}", paragraphs)
    assert f"one in {1 / curve.tail_rate:.0f} s" in paragraphs
    assert f"{100 * found.left:.0f} %" in paragraphs


def test_the_band_holds_a_known_law_although_most_are_answered_first() -> None:
    """In 200 days of 400 callers, patient for 120 s on the mean, answered after 40 s on the mean."""
    rng = np.random.default_rng(5)
    inside = tried = 0
    for _ in range(200):
        patience, answer = rng.exponential(120.0, 400), rng.exponential(40.0, 400)
        found = patience_of(np.minimum(patience, answer).tolist(), (patience < answer).tolist())
        for at in (10.0, 30.0, 60.0):
            place = int(np.searchsorted(found.curve.times_s, at)) - 1
            inside += found.low[place] <= math.exp(-at / 120.0) <= found.high[place]
            tried += 1
    assert 0.92 < inside / tried < 0.98


def test_the_law_is_the_curve_and_beyond_it_what_was_assumed() -> None:
    found = patience_of(WAITS, LEFT)
    for tail in ("constant", "never"):
        law = found.law(tail)
        assert isinstance(law, Empirical)
        values = np.array(law.values)
        assert len(values) == POINTS
        for at, staying in zip(found.curve.times_s, found.curve.staying, strict=True):
            assert (values > at).mean() == pytest.approx(staying, abs=1 / POINTS)
        beyond = values[values > 31.0]
        assert np.all(beyond > 60.0)  # nobody was seen to leave before that
        if tail == "never":
            assert np.all(np.isinf(beyond))
        else:
            assert beyond.mean() - 60.0 == pytest.approx(1.0 / found.curve.tail_rate, rel=0.01)


def test_where_nobody_gave_up_nobody_ever_does() -> None:
    found = patience_of([3.0, 40.0], [False, False])
    assert isinstance(found.law(), Never)
    assert (found.left, found.median_s) == (1.0, math.inf)


def test_where_the_last_one_gave_up_nothing_is_left_to_assume() -> None:
    law = patience_of([3.0, 40.0], [False, True]).law("never")
    assert isinstance(law, Empirical)
    assert set(law.values) == {40.0}


def test_how_many_must_have_come_so_far() -> None:
    assert [at_risk_of(callers) for callers in (1, 9, 25, 100, 5_000)] == [1, 1, 2, 10, 10]
