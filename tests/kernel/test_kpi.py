"""Every figure against the number worked by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marhaba.kernel import kpi
from marhaba.kernel.errors import BadInput
from marhaba.kernel.kpi import FORMULAS, SERVICE_LEVELS, AgentTime, Handling, Minutes, Waits

WORKED_ANSWERED = [20.0] * 860 + [20.1] * 140  # the threshold itself is in time
WORKED_ABANDONED = [5.0] * 10 + [5.1] * 5 + [20.0] * 5 + [20.1] * 40
WORKED = Waits(np.array(WORKED_ANSWERED), np.array(WORKED_ABANDONED), threshold_s=20.0, short_s=5.0)
"""1,000 answered, 860 of them within 20 s; 60 abandoned, 20 within 20 s, 10 within 5 s."""
NOBODY = Waits(np.array([]), np.array([]))


@pytest.mark.parametrize(
    ("letter", "percent"),
    [("F1", 83.0), ("F2", 86.0), ("F3", 81.1), ("F4", 82.7), ("F5", 82.1), ("F6", 81.9)],
)
def test_one_day_has_six_service_levels(letter: str, percent: float) -> None:
    share = kpi.service_level(
        letter,
        answered_wait_s=WORKED_ANSWERED,
        abandoned_wait_s=WORKED_ABANDONED,
        threshold_s=20.0,
        short_s=5.0,
    )
    assert share is not None
    assert round(100 * share, 1) == percent
    assert SERVICE_LEVELS[letter](WORKED) == share


def test_the_service_levels_of_the_worked_day_as_fractions() -> None:
    shares = [formula(WORKED) for formula in SERVICE_LEVELS.values()]
    assert shares == [880 / 1060, 860 / 1000, 860 / 1060, 860 / 1040, 870 / 1060, 860 / 1050]


def test_a_letter_that_is_no_service_level_is_refused() -> None:
    with pytest.raises(BadInput) as refusal:
        kpi.service_level("F7", answered_wait_s=[], abandoned_wait_s=[], threshold_s=20, short_s=5)
    assert refusal.value.code == "formula"


def test_spain_counts_less_than_three_minutes_and_abandons_as_unattended() -> None:
    waits = Waits(np.array([10.0, 179.999, 180.0, 400.0]), np.array([1.0]))
    assert kpi.SPAIN(waits) == 2 / 5
    assert kpi.SPAIN_TARGET == 0.95


def test_abandonment_with_and_without_those_who_hung_up_at_once() -> None:
    assert kpi.ABANDONMENT(WORKED) == 60 / 1060
    assert kpi.ABANDONMENT_LONG(WORKED) == 50 / 1050


def test_mean_waits_of_answered_and_abandoned_stay_apart() -> None:
    waits = Waits(np.array([10.0, 20.0, 60.0]), np.array([4.0, 8.0]))
    assert kpi.ASA(waits) == 30.0
    assert kpi.ABANDON_TIME(waits) == 6.0


def test_handling_time_is_talk_hold_and_wrap_up_for_each_call_handled() -> None:
    calls = Handling(np.array([100.0, 200.0]), np.array([0.0, 30.0]), np.array([10.0, 20.0]))
    assert kpi.AHT(calls) == 180.0


HOUR = AgentTime(
    talk_s=1800,
    hold_s=120,
    wrap_s=480,
    ring_s=60,
    available_s=540,
    pause_s=600,
    login_s=3600,
    paid_s=4000,
    scheduled_s=4800,
    away_s=1200,
)


def test_occupancy_leaves_pauses_out_and_counts_ringing_as_work() -> None:
    assert kpi.OCCUPANCY(HOUR) == 2460 / 3000
    assert kpi.OCCUPANCY(replace(HOUR, pause_s=0, login_s=3000)) == 2460 / 3000


def test_utilisation_shrinkage_and_conformance() -> None:
    assert kpi.UTILISATION(HOUR) == 2400 / 4000
    assert kpi.SHRINKAGE(HOUR) == 1200 / 4800
    assert kpi.CONFORMANCE(HOUR) == 3600 / 4800


def test_staff_are_grossed_up_by_division_not_by_a_factor() -> None:
    assert kpi.staff_to_schedule(70.0, shrinkage=0.3) == pytest.approx(100.0)
    assert kpi.staff_to_schedule(70.0, shrinkage=0.0) == 70.0
    with pytest.raises(AssertionError):
        kpi.staff_to_schedule(70.0, shrinkage=1.0)


def test_adherence_asks_when_and_conformance_only_how_much() -> None:
    planned = np.array([0] * 30 + [1] * 60 + [2] * 15 + [1] * 45)
    late = np.concatenate([np.zeros(30, np.int64), planned])[: len(planned)]  # half an hour late all day
    assert kpi.ADHERENCE(Minutes(planned, planned)) == 1.0
    assert kpi.ADHERENCE(Minutes(planned, late)) == (30 + 15 + 15) / 120
    assert kpi.ADHERENCE(Minutes(planned, np.zeros_like(planned))) == 0.0


def test_nothing_over_nothing_is_no_figure() -> None:
    calls = Handling(np.array([]), np.array([]), np.array([]))
    minutes = Minutes(np.zeros(5, np.int64), np.ones(5, np.int64))
    empty = {"AHT": calls, "ADH": minutes}
    for letter, formula in FORMULAS.items():
        kind = AgentTime() if letter in ("OCC", "UTL", "SHR", "CNF") else NOBODY
        assert formula(empty.get(letter, kind)) is None, letter


def test_every_formula_has_its_letter_name_definition_and_unit() -> None:
    assert list(FORMULAS) == [
        *("F1", "F2", "F3", "F4", "F5", "F6", "ES", "A1", "A2", "ASA", "AAT"),
        *("AHT", "OCC", "UTL", "SHR", "ADH", "CNF"),
    ]
    for letter, formula in FORMULAS.items():
        assert formula.letter == letter
        assert formula.name
        assert formula.definition
        assert formula.unit == ("s" if letter in ("ASA", "AAT", "AHT") else "share")
    assert len({formula.definition for formula in FORMULAS.values()}) == len(FORMULAS)


seconds = st.lists(st.integers(0, 200).map(float), max_size=30)


@given(seconds, seconds, st.integers(6, 60), st.integers(0, 5))
def test_formulas_count_what_their_definition_says(
    answered: list[float], abandoned: list[float], threshold: int, short: int
) -> None:
    waits = Waits(np.array(answered), np.array(abandoned), threshold, short)
    a, b = len(answered), len(abandoned)
    a_t = sum(w <= threshold for w in answered)
    b_t, b_s = (sum(w <= limit for w in abandoned) for limit in (threshold, short))
    expected = {
        "F1": (a_t + b_t, a + b),
        "F2": (a_t, a),
        "F3": (a_t, a + b),
        "F4": (a_t, a + b - b_t),
        "F5": (a_t + b_s, a + b),
        "F6": (a_t, a + b - b_s),
        "A1": (b, a + b),
        "A2": (b - b_s, a + b - b_s),
        "ES": (sum(w < 180 for w in answered), a + b),
    }
    for letter, (part, whole) in expected.items():
        assert FORMULAS[letter](waits) == (part / whole if whole else None), letter


@given(seconds, seconds)
def test_strict_is_the_lowest_and_no_share_leaves_its_range(
    answered: list[float], abandoned: list[float]
) -> None:
    waits = Waits(np.array(answered), np.array(abandoned))
    strict = SERVICE_LEVELS["F3"](waits)
    for formula in SERVICE_LEVELS.values():
        share = formula(waits)
        if share is not None and strict is not None:
            assert strict <= share <= 1
