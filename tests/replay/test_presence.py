"""Breaks and skills from the calls alone: by hand, and from days whose truth is known."""

from __future__ import annotations

from datetime import date

import pytest

from marhaba.kernel.errors import BadInput
from marhaba.replay.calllog import CallLog, Day, read
from marhaba.replay.presence import Break, BreakRules, Presence, infer, with_breaks_of
from tests.replay.made_log import made_log
from tests.replay.test_calllog import frame

DAY = date(2026, 3, 2)
Row = tuple[str | None, str | None, str | None, str | None, str | None]


def row(agent: str | None, received: str, answered: str | None, ended: str, name: str = "aide") -> Row:
    """On the day, minutes and seconds after nine."""
    return (name, agent, *(None if each is None else f"02 09:{each}" for each in (received, answered, ended)))


def day_of(*rows: Row) -> Day:
    return read(frame(*rows)).day(DAY)


def ana(day: Day, rules: BreakRules | None = None) -> Presence:
    return next(each for each in infer(day, rules) if each.agent == "ana")


TWO = (row("ana", "00:00", "00:01", "02:00"), row("ana", "12:00", "12:01", "14:00"))


def test_a_gap_with_nobody_in_the_queue_is_no_break() -> None:
    assert ana(day_of(*TWO)).breaks == ()


def test_a_caller_who_stood_in_the_queue_meanwhile_makes_it_one() -> None:
    """He stood there until 06:29: the break is from the end of the call, 02:00, until then."""
    (found,) = ana(day_of(*TWO, row("bob", "05:00", "06:30", "07:00"))).breaks
    assert found.lasts_s == 6 * 60 + 29 - 120
    assert 9 * 3600 + 1 <= found.from_s <= 9 * 3600 + 120


def test_who_hung_up_stood_there_as_well() -> None:
    (found,) = ana(day_of(*TWO, row(None, "05:00", None, "05:40"))).breaks
    assert found.lasts_s == 5 * 60 + 39 - 120


@pytest.mark.parametrize(
    "other",
    [
        row("bob", "05:00", "06:30", "07:00", name="ventes"),  # she answers no such calls
        row("bob", "05:00", "05:07", "07:00"),  # not long enough
        row("bob", "00:30", "02:05", "03:00"),  # not long enough since she was free
    ],
)
def test_others_do_not(other: Row) -> None:
    assert ana(day_of(*TWO, other)).breaks == ()


def test_a_short_gap_is_wrap_up_whoever_waits() -> None:
    day = day_of(row("ana", "00:00", "00:01", "02:00"), row("ana", "01:00", "02:20", "03:00"))
    assert ana(day).breaks == ()
    assert len(ana(day, BreakRules(turn_s=4.0)).breaks) == 1


def test_who_waited_for_the_call_after_the_break_was_passed_over_until_then() -> None:
    day = day_of(row("ana", "00:00", "00:01", "02:00"), row("ana", "01:00", "10:00", "11:00"))
    (found,) = ana(day).breaks
    assert found.lasts_s == 10 * 60 - 1 - 120


def test_three_callers_given_to_agents_free_later_make_a_break_until_the_first_of_them_was_free() -> None:
    others = [
        row(name, f"0{minute}:00", f"0{minute}:01", f"0{minute}:30")
        for name in ("bob", "eve")
        for minute in (3, 5, 7)
    ]
    (found,) = ana(day_of(*TWO, *others), BreakRules(overtaken=3)).breaks
    # bob and eve were free again at 03:30 twice and 05:30 twice; the third from the end is 03:30
    assert found.lasts_s == 3 * 60 + 30 - 120
    assert ana(day_of(*TWO, *others), BreakRules(overtaken=5)).breaks == ()
    assert ana(day_of(*TWO, *others), BreakRules(overtaken=0)).breaks == ()


def test_without_a_look_at_the_queue_every_long_gap_is_a_break() -> None:
    assert ana(day_of(*TWO), BreakRules(silent_s=300.0)).breaks[0].lasts_s == 10 * 60 + 1
    assert ana(day_of(*TWO), BreakRules(silent_s=900.0)).breaks == ()


def test_the_day_begins_with_the_first_answer_and_ends_within_the_last_call() -> None:
    person = ana(day_of(*TWO))
    assert person.from_s == 9 * 3600
    assert 9 * 3600 + 721 <= person.until_s <= 9 * 3600 + 840
    assert person == ana(day_of(*TWO))
    assert person.skills == {"aide"}


@pytest.fixture(scope="module")
def log() -> CallLog:
    return read(made_log(date(2026, 2, 2), 12)[1])


def test_the_skills_and_most_of_the_breaks_of_known_days_are_found(log: CallLog) -> None:
    truth, _ = made_log(date(2026, 2, 2), 12)
    found_s = true_s = 0.0
    for date_, workers in truth.items():
        people = {each.agent: each for each in infer(log.day(date_))}
        assert people.keys() == {worker.name for worker in workers}
        for worker in workers:
            person = people[worker.name]
            assert person.skills == worker.skills
            seen = [(a, b) for a, b in worker.taken if person.from_s < a < b < person.until_s]
            true_s += sum(b - a for a, b in seen)
            found_s += person.away_s
    assert found_s == pytest.approx(true_s, rel=0.08)


def test_breaks_of_other_days_are_stretched_to_the_day() -> None:
    past = [Presence("x", frozenset(), 0.0, 10_000.0, (Break(1_000.0, 500.0),))] * 3
    past.append(Presence("y", frozenset(), 0.0, 300.0))  # too short to be a day
    people = [
        Presence("ana", frozenset({"aide"}), 1_000.0, 21_000.0, (Break(9_000.0, 9.0),)),
        Presence("bob", frozenset({"aide"}), 1_000.0, 1_400.0),
    ]
    ana, bob = with_breaks_of(past, people, seed=1)
    assert ana.breaks == (Break(3_000.0, 1_000.0),)
    assert bob.breaks == ()
    with pytest.raises(BadInput, match="no earlier day to take breaks from"):
        with_breaks_of(past[3:], people, seed=1)


@pytest.mark.parametrize(
    "wrong", [{"turn_s": 0.0}, {"gap_turns": -1.0}, {"overtaken": -1}, {"silent_s": 0.0}], ids=str
)
def test_rules_that_cannot_be_meant_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="rules of breaks"):
        BreakRules(**wrong)  # type: ignore[arg-type]
