"""What goes in comes out, and what does not is named."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marhaba.kernel.conservation import (
    CALLS,
    CONTINUITY,
    LOGIN,
    NOT_NEGATIVE,
    TALK,
    Counts,
    Difference,
    reconcile,
    reconcile_agent,
    reconcile_intervals,
    reconcile_talk,
)

MORNING = Counts(
    offered=100,
    answered=70,
    abandoned=8,
    overflowed=5,
    callback=4,
    voicemail=3,
    closed=2,
    failed=1,
    waiting_before=3,
    waiting_after=10,
)
OUTCOMES = ("answered", "abandoned", "overflowed", "callback", "voicemail", "closed", "failed")


def test_a_morning_that_adds_up_has_no_difference() -> None:
    assert reconcile({"accueil": MORNING, "empty": Counts()}) == []


@pytest.mark.parametrize("outcome", [*OUTCOMES, "waiting_after"])
def test_a_call_counted_twice_is_named(outcome: str) -> None:
    twice = replace(MORNING, **{outcome: getattr(MORNING, outcome) + 1})
    assert reconcile({"accueil": MORNING, "support": twice}) == [Difference("support", CALLS, 103, 104)]


@pytest.mark.parametrize("source", ["offered", "waiting_before"])
def test_a_call_that_vanished_is_named(source: str) -> None:
    more = replace(MORNING, **{source: getattr(MORNING, source) + 1})
    assert reconcile({"accueil": more}) == [Difference("accueil", CALLS, 104, 103)]


def test_a_negative_count_is_named_even_when_the_sum_is_right() -> None:
    odd = replace(MORNING, answered=79, abandoned=-1)
    assert reconcile({"accueil": odd}) == [Difference("accueil", f"{NOT_NEGATIVE}: abandoned", -1, 0)]


def test_who_waits_at_the_end_of_an_interval_waits_in_the_next() -> None:
    quiet = Counts(answered=10, waiting_before=10)
    assert reconcile_intervals("accueil", [MORNING, quiet]) == []
    lost = Counts(answered=9, waiting_before=9)
    assert reconcile_intervals("accueil", [MORNING, lost]) == [Difference("accueil 1", CONTINUITY, 10, 9)]
    wrong = reconcile_intervals("accueil", [replace(MORNING, failed=2)])
    assert wrong == [Difference("accueil 0", CALLS, 103, 104)]
    assert reconcile_intervals("accueil", []) == []


def test_the_states_of_an_agent_fill_his_login() -> None:
    states = {"ready": 100.0, "talking": 250.004, "wrapup": 30.0}
    assert reconcile_agent("amina", states_s=states, login_s=380.0) == []
    assert reconcile_agent("amina", states_s=states, login_s=400.0) == [
        Difference("amina", LOGIN, 380.004, 400.0)
    ]
    assert reconcile_agent("amina", states_s={"ready": -1.0, "paused": 1.0}, login_s=0.0) == [
        Difference("amina", f"{NOT_NEGATIVE}: ready", -1.0, 0)
    ]


def test_the_talk_of_a_call_belongs_to_its_legs() -> None:
    assert reconcile_talk("c1", legs_s=[60.0, 40.0], talk_s=100.0) == []
    assert reconcile_talk("c1", legs_s=[100.0, 40.0], talk_s=100.0) == [Difference("c1", TALK, 140.0, 100.0)]


@given(st.lists(st.sampled_from([*OUTCOMES, "waiting"]), max_size=60), st.integers(0, 60))
def test_visits_that_each_end_once_always_add_up(ends: list[str], cut: int) -> None:
    """Two intervals; the visits still waiting at the cut end in the second, or wait on."""
    first, second = ends[:cut], ends[cut:]
    waiting = first.count("waiting")
    one = Counts(
        offered=len(first),
        waiting_after=waiting,
        **{outcome: first.count(outcome) for outcome in OUTCOMES},
    )
    two = Counts(
        offered=len(second),
        waiting_before=waiting,
        waiting_after=waiting + second.count("waiting"),
        **{outcome: second.count(outcome) for outcome in OUTCOMES},
    )
    assert reconcile_intervals("q", [one, two]) == []
    assert len(reconcile_intervals("q", [replace(one, answered=one.answered + 1), two])) == 1
