"""Patience from censored waits: by hand, against a known law, and what it does where nobody knows more."""

from __future__ import annotations

import math

import numpy as np
import pytest

from marhaba.kernel.errors import BadInput
from marhaba.planning.survival import kaplan_meier


def test_six_callers_by_hand() -> None:
    """10 left, 20 answered, 30 left, 30 answered, 40 left, 50 answered: 5/6, then 3/4 of it, then 1/2 of that."""
    law = kaplan_meier([30, 10, 20, 30, 40, 50], [True, True, False, False, True, False], at_risk_least=1)
    assert law.times_s.tolist() == [10, 30, 40]
    assert law.staying.tolist() == pytest.approx([5 / 6, 5 / 8, 5 / 16])
    assert law.end_s == 50
    assert law.tail_rate == pytest.approx(math.log((5 / 6) / (5 / 16)) / 25)
    assert law.staying_at([0, 9.9, 10, 35, 60]).tolist() == pytest.approx(
        [1, 1, 5 / 6, 5 / 8, 5 / 16 * math.exp(-10 * law.tail_rate)]
    )


def test_a_known_law_comes_back_through_the_censoring() -> None:
    rng = np.random.default_rng(5)
    patience, offered = rng.exponential(200, 40_000), rng.exponential(60, 40_000)
    law = kaplan_meier(np.minimum(patience, offered), patience <= offered)
    for wait_s in (10, 60, 200, 300):
        assert float(law.staying_at(wait_s)) == pytest.approx(math.exp(-wait_s / 200), abs=0.015)
    assert law.values(4_000).mean() == pytest.approx(200, rel=0.05)


def test_the_patient_count_although_nobody_saw_them_leave() -> None:
    """The mean wait of those who left would say 46 s."""
    rng = np.random.default_rng(6)
    patience, offered = rng.exponential(200, 40_000), rng.exponential(60, 40_000)
    left = patience <= offered
    assert patience[left].mean() < 50
    law = kaplan_meier(np.minimum(patience, offered), left)
    assert np.median(law.values(1_000)) == pytest.approx(200 * math.log(2), rel=0.05)


def test_values_are_equally_likely_and_give_the_steps_back() -> None:
    law = kaplan_meier([1.0] * 50 + [9.0] * 50, [True] * 50 + [False] * 50)
    values = law.values(10)
    assert values[:5].tolist() == [1.0] * 5
    assert np.isinf(values[5:]).all()  # nobody left in the second half, so nobody is known to


def test_the_tail_goes_on_at_the_rate_before() -> None:
    waits = np.arange(1.0, 1001.0)
    law = kaplan_meier(waits, np.ones(1000, bool))
    assert law.end_s == 951
    assert law.staying_at(951 + 100) / law.staying_at(951) == pytest.approx(math.exp(-100 * law.tail_rate))
    assert law.values(1000)[-1] > 951
    assert (np.diff(law.values(1000)) > 0).all()


def test_everybody_who_stayed_and_everybody_who_left() -> None:
    assert kaplan_meier([5.0, 6.0], [False, False]).values(3).tolist() == [math.inf] * 3
    gone = kaplan_meier([5.0, 6.0], [True, True], at_risk_least=1)
    assert gone.staying.tolist() == [0.5, 0]
    assert gone.values(4).tolist() == [5, 5, 6, 6]
    assert kaplan_meier([0.0], [True], at_risk_least=1).values(2).tolist() == [0, 0]


def test_what_is_no_list_of_callers_is_refused() -> None:
    for waits, left in (([], []), ([1.0], [True, False]), ([[1.0]], [[True]])):
        with pytest.raises(BadInput, match="no list of callers"):
            kaplan_meier(waits, left)
    with pytest.raises(BadInput, match="wait must not be negative"):
        kaplan_meier([-1.0], [True])
