"""Opening hours are what the wall clock says, wherever the wall clock goes."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from marhaba.kernel.calendar import (
    PERIODS_MAX,
    SEARCH_DAYS,
    WEEKDAYS,
    Calendar,
    Period,
    always,
    build_calendar,
    parse_periods,
)
from marhaba.kernel.errors import BadInput

OFFICE = {day: ["08:30-12:30", "14:00-18:30"] for day in WEEKDAYS[:5]} | {"sat": ["09:00-13:00"]}
DAY_S = 86_400


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def at(text: str, zone: str = "Africa/Casablanca", fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def daily(period: str, zone: str, holidays: Sequence[object] = ()) -> Calendar:
    return build_calendar(timezone=zone, hours=dict.fromkeys(WEEKDAYS, (period,)), holidays=holidays)


@pytest.fixture
def office() -> Calendar:
    return build_calendar(timezone="Africa/Casablanca", hours=OFFICE)


def test_a_day_opens_and_closes_to_the_second(office: Calendar) -> None:
    monday = "2026-06-15"
    opening, noon = at(f"{monday}T08:30"), at(f"{monday}T12:30")
    assert [office.open_at(opening + s) for s in (-1, 0)] == [False, True]
    assert [office.open_at(noon + s) for s in (-1, 0)] == [True, False]
    assert office.closes_at(opening) == noon
    assert office.closes_at(noon) is None
    assert office.next_opening(noon) == at(f"{monday}T14:00")
    assert office.next_opening(opening) == at(f"{monday}T14:00")
    assert office.next_opening(at("2026-06-20T13:00")) == at("2026-06-22T08:30")
    assert office.timezone == "Africa/Casablanca"


@pytest.mark.parametrize(
    ("day", "utc_opening"),
    [
        ("2026-02-13", "07:30"),  # UTC+1 until the Sunday before Ramadan
        ("2026-02-16", "08:30"),  # UTC during Ramadan
        ("2026-03-20", "08:30"),
        ("2026-03-23", "07:30"),  # UTC+1 from the Sunday after it
        ("2026-09-18", "07:30"),
        ("2026-09-21", "08:30"),  # UTC ever since
        ("2027-02-05", "08:30"),
        ("2027-03-15", "08:30"),
    ],
)
def test_moroccan_hours_follow_the_clock(office: Calendar, day: str, utc_opening: str) -> None:
    opening = utc(f"{day}T{utc_opening}")
    assert office.open_at(opening)
    assert not office.open_at(opening - 1)
    assert office.next_opening(opening - 3600) == opening


def test_a_night_in_which_morocco_changes_its_clock_has_another_length() -> None:
    night = daily("20:00-08:00", "Africa/Casablanca")
    changed = {"2026-02-14": 13, "2026-03-21": 11, "2026-09-19": 13}
    usual = dict.fromkeys(["2026-02-13", "2026-03-22", "2027-02-06", "2027-03-13"], 12)
    for evening, hours in (changed | usual).items():
        opening = at(f"{evening}T20:00")
        assert night.closes_at(opening) == opening + hours * 3600


def test_a_period_may_end_the_next_day() -> None:
    night = build_calendar(timezone="Europe/Madrid", hours={"fri": ["22:00-06:00"]})
    zone = "Europe/Madrid"
    assert night.open_at(at("2026-06-20T05:59:59", zone))  # Saturday morning
    assert not night.open_at(at("2026-06-20T06:00", zone))
    assert not night.open_at(at("2026-06-19T05:00", zone))
    assert night.closes_at(at("2026-06-19T23:00", zone)) == at("2026-06-20T06:00", zone)


def test_a_night_shift_ends_as_planned_on_a_holiday_that_follows() -> None:
    night = daily("22:00-06:00", "Europe/Paris", ["france"])
    assert night.open_at(at("2026-07-14T05:00", "Europe/Paris"))
    assert not night.open_at(at("2026-07-14T23:00", "Europe/Paris"))
    assert not night.open_at(at("2026-07-15T05:00", "Europe/Paris"))


def test_opening_in_the_hour_that_is_skipped_happens_at_the_jump() -> None:
    zone = "Europe/Paris"  # 2026-03-29: 02:00 becomes 03:00
    early = daily("02:30-10:00", zone)
    assert early.next_opening(at("2026-03-29T01:00", zone)) == at("2026-03-29T03:00", zone)
    late = daily("01:00-02:30", zone)
    assert late.closes_at(at("2026-03-29T01:30", zone)) == at("2026-03-29T03:00", zone)
    swallowed = daily("02:10-02:50", zone)
    assert swallowed.next_opening(at("2026-03-29T01:00", zone)) == at("2026-03-30T02:10", zone)


def test_an_hour_that_comes_twice_opens_the_first_and_closes_the_second_time() -> None:
    zone = "Europe/Paris"  # 2026-10-25: 03:00 becomes 02:00
    short = daily("02:15-02:45", zone)
    opening = at("2026-10-25T02:15", zone, fold=0)
    assert short.next_opening(at("2026-10-25T01:00", zone)) == opening
    assert short.closes_at(opening) == at("2026-10-25T02:45", zone, fold=1) == opening + 90 * 60


def test_public_holidays_are_closed_and_named() -> None:
    calendar = build_calendar(timezone="Europe/Paris", hours=OFFICE, holidays=["france", "spain"])
    assert not calendar.open_at(at("2026-04-06T10:00", "Europe/Paris"))
    assert calendar.holiday(date(2026, 4, 6)) == "Lundi de Pâques"
    assert calendar.holiday(date(2026, 10, 12)) == "Fiesta Nacional de España"
    assert calendar.holiday(date(2026, 4, 7)) == ""
    assert calendar.open_at(at("2026-04-07T10:00", "Europe/Paris"))


def test_a_date_of_its_own_wins_over_the_holiday_and_the_week() -> None:
    special = [
        "morocco",
        "2026-03-20",  # Aïd al-Fitr, entered by date
        {"date": "2026-11-18", "hours": ["10:00-16:00"]},
        {"date": date(2026, 6, 14), "hours": ["09:00-12:00"]},  # a Sunday
        date(2026, 6, 16),
        {"date": "2026-06-17"},
    ]
    calendar = build_calendar(timezone="Africa/Casablanca", hours=OFFICE, holidays=special)
    for moment, is_open in (
        ("2026-03-20T10:00", False),
        ("2026-03-19T10:00", True),
        ("2026-11-18T10:00", True),
        ("2026-11-18T09:59", False),
        ("2026-11-06T10:00", False),
        ("2026-06-14T10:00", True),
        ("2026-06-16T10:00", False),
        ("2026-06-17T10:00", False),
    ):
        assert calendar.open_at(at(moment)) is is_open, moment
    assert calendar.holiday(date(2026, 11, 18)) == ""
    assert calendar.holiday(date(2026, 11, 6)) == "Marche verte"


def test_around_the_clock_never_closes_and_never_opens_again() -> None:
    calendar = always("Africa/Casablanca")
    now = utc("2026-03-22T01:30:00")
    assert calendar.open_at(now)
    assert calendar.closes_at(now) is None
    assert calendar.next_opening(now) is None


def test_a_calendar_without_hours_never_opens() -> None:
    calendar = build_calendar(timezone="Europe/Paris", hours={})
    assert calendar.next_opening(0.0) is None
    assert not calendar.open_at(0.0)


def test_the_last_opening_known_still_ends() -> None:
    once = build_calendar(
        timezone="Europe/Paris", hours={}, holidays=[{"date": "2026-05-02", "hours": ["09:00-10:00"]}]
    )
    now = at("2026-05-02T09:30", "Europe/Paris")
    assert once.closes_at(now) == at("2026-05-02T10:00", "Europe/Paris")
    assert once.next_opening(now) is None
    assert once.next_opening(now - SEARCH_DAYS * 2 * DAY_S) is None


def test_adjoining_periods_are_one_opening() -> None:
    calendar = build_calendar(
        timezone="Europe/Madrid", hours={"mon": ["12:00-24:00", "09:00-12:00"], "tue": ["00:00-02:00"]}
    )
    assert calendar.closes_at(at("2026-06-15T09:00", "Europe/Madrid")) == at(
        "2026-06-16T02:00", "Europe/Madrid"
    )


def test_periods_are_read_in_order_and_past_midnight() -> None:
    assert parse_periods(["14:00-18:00", "08:00-12:00"]) == (Period(480, 720), Period(840, 1080))
    assert parse_periods(["22:00-06:00"]) == (Period(1320, 1800),)
    assert parse_periods(["00:00-24:00"]) == (Period(0, 1440),)
    assert parse_periods(["24:00-24:00"][:0]) == ()


@pytest.mark.parametrize(
    "periods",
    [
        ["8:30-12:00"],
        ["08:30-12:00\n"],
        ["٠٨:30-12:00"],
        ["08:30 - 12:00"],
        ["24:00-02:00"],
        ["08:00-25:00"],
        ["08:00-24:01"],
        ["09:00-09:00"],
        ["08:00-12:00", "11:59-13:00"],
        ["22:00-06:00", "23:00-24:00"],
        "08:00-12:00",
        [f"{hour:02}:00-{hour:02}:30" for hour in range(PERIODS_MAX + 1)],
    ],
)
def test_hours_that_cannot_be_meant_are_refused(periods: Any) -> None:
    with pytest.raises(BadInput) as refusal:
        parse_periods(periods)
    assert refusal.value.code == "hours"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"timezone": "Africa/Tanger"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": "Africa"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"hours": {"monday": ["08:00-12:00"]}}, "weekday"),
        ({"holidays": ["portugal"]}, "holiday"),
        ({"holidays": ["2026-02-30"]}, "holiday"),
        ({"holidays": [{"hours": ["08:00-12:00"]}]}, "holiday"),
        ({"holidays": [datetime(2026, 1, 1, tzinfo=UTC)]}, "holiday"),
        ({"holidays": [{"date": "2026-01-02", "hours": ["noon"]}]}, "hours"),
    ],
)
def test_a_calendar_that_cannot_be_meant_says_why(change: dict[str, Any], code: str) -> None:
    with pytest.raises(BadInput) as refusal:
        build_calendar(**({"timezone": "Africa/Casablanca", "hours": OFFICE} | change))
    assert refusal.value.code == code


ZONES = ("Africa/Casablanca", "Europe/Paris", "Europe/Madrid", "Atlantic/Canary", "UTC")


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    def period(opens: int, length: int) -> Period:
        return Period(15 * opens, 15 * (opens + length))

    day = st.builds(period, st.integers(0, 95), st.integers(1, 96)).map(lambda one: (one,)) | st.just(())
    special = st.dictionaries(st.dates(date(2026, 2, 10), date(2026, 4, 1)), day, max_size=4)
    week = tuple(draw(st.lists(day, min_size=7, max_size=7)))
    return Calendar(ZoneInfo(draw(st.sampled_from(ZONES))), week, ("morocco",), draw(special))


@given(calendars(), st.integers(int(utc("2026-02-10T00:00")), int(utc("2026-04-01T00:00"))))
def test_the_three_questions_agree_with_each_other(calendar: Calendar, now: int) -> None:
    closes, opens = calendar.closes_at(now), calendar.next_opening(now)
    if calendar.open_at(now) and closes is not None:
        assert closes > now
        assert calendar.open_at(closes - 1)
        assert not calendar.open_at(closes)
    elif not calendar.open_at(now):
        assert closes is None
    if opens is not None:
        assert opens > now
        assert calendar.open_at(opens)
        assert not calendar.open_at(opens - 1)
        first = now if closes is None else closes
        for quarter in range(int(first), int(min(opens, first + 3 * DAY_S)), 900):
            assert not calendar.open_at(quarter)


@given(calendars(), st.integers(int(utc("2026-02-10T00:00")) // 900, int(utc("2026-04-01T00:00")) // 900))
def test_open_means_the_wall_clock_is_within_the_hours(calendar: Calendar, quarter: int) -> None:
    now = 900 * quarter
    wall = datetime.fromtimestamp(now, calendar.zone)
    nearby = {(wall + timedelta(hours=hours)).utcoffset() for hours in (-3, 0, 3)}
    assume(len(nearby) == 1)  # near a jump the rules are the ones tested above
    minute = 60 * wall.hour + wall.minute
    today, yesterday = wall.date(), wall.date() - timedelta(1)
    inside = any(p.opens <= minute < p.closes for p in calendar.periods(today)) or any(
        p.opens <= minute + 1440 < p.closes for p in calendar.periods(yesterday)
    )
    assert calendar.open_at(now) is inside
