"""Holidays that a rule can compute."""

from datetime import date

import pytest

from marhaba.kernel.holidays import COUNTRIES, easter, public_holidays


@pytest.mark.parametrize(
    "sunday",
    ["1818-03-22", "2000-04-23", "2008-03-23", "2011-04-24", "2026-04-05", "2027-03-28", "2038-04-25"],
)
def test_easter_falls_where_the_almanac_says(sunday: str) -> None:
    assert easter(int(sunday[:4])).isoformat() == sunday


def test_easter_is_a_sunday_in_its_range() -> None:
    for year in range(1900, 2200):
        sunday = easter(year)
        assert sunday.weekday() == 6
        assert date(year, 3, 22) <= sunday <= date(year, 4, 25)


def test_the_french_year_2026() -> None:
    assert [day.isoformat()[5:] for day in public_holidays("france", 2026)] == [
        "01-01",
        "04-06",
        "05-01",
        "05-08",
        "05-14",
        "05-25",
        "07-14",
        "08-15",
        "11-01",
        "11-11",
        "12-25",
    ]


def test_the_spanish_year_2027() -> None:
    assert [day.isoformat()[5:] for day in public_holidays("spain", 2027)] == [
        "01-01",
        "01-06",
        "03-26",
        "05-01",
        "08-15",
        "10-12",
        "11-01",
        "12-06",
        "12-08",
        "12-25",
    ]


def test_the_moroccan_civil_year_2026() -> None:
    assert [day.isoformat()[5:] for day in public_holidays("morocco", 2026)] == [
        "01-01",
        "01-11",
        "01-14",
        "05-01",
        "07-30",
        "08-14",
        "08-20",
        "08-21",
        "10-31",
        "11-06",
        "11-18",
    ]


def test_every_holiday_has_a_name() -> None:
    assert all(name for country in COUNTRIES for name in public_holidays(country, 2026).values())
