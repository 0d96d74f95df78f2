"""[calendars.NAME]: opening hours and holidays, each mistake at its own line."""

from __future__ import annotations

import zoneinfo
from datetime import date, datetime

from marhaba.files.sections import Section
from marhaba.kernel.calendar import WEEKDAYS, Calendar, always, build_calendar, parse_periods
from marhaba.kernel.errors import BadInput
from marhaba.kernel.holidays import COUNTRIES

ALWAYS = "always"
"""A calendar every centre has: open around the clock."""


def read_calendars(top: Section, timezone: str) -> dict[str, Calendar]:
    calendars = {ALWAYS: always(timezone)}
    for name, section in top.named("calendars"):
        calendars[name] = build_calendar(
            timezone=_timezone(section, timezone),
            hours=_hours(section.section("hours")),
            holidays=_holidays(section),
        )
        section.close()
    return calendars


def _timezone(section: Section, default: str) -> str:
    name = section.text("timezone", default)
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        section.unknown("timezone", name, sorted(zoneinfo.available_timezones()), "timezone")
        return default
    return name


def _hours(section: Section) -> dict[str, list[str]]:
    """{"mon": ["08:30-18:30"]}; a weekday that is not there is closed."""
    hours = {}
    for day in WEEKDAYS:
        if section.has(day) and _periods_hold(section, day):
            hours[day] = section.data[day]
    section.close()
    return hours


def _holidays(section: Section) -> list[object]:
    """Names of countries, dates that are closed, and dates with hours of their own."""
    entries = section.raw("holidays")
    if entries is None:
        return []
    if not isinstance(entries, list):
        section.wrong("holidays", entries, "list", of="holiday")
        return []
    good: list[object] = []
    for position, entry in enumerate(entries):
        if isinstance(entry, dict):
            day = Section(section.gathering, entry, (*section.path, "holidays", position))
            if not _is_date(day.raw("date")):
                day.wrong("date", entry.get("date"), "date")
                day.has("hours")
            elif not day.has("hours") or _periods_hold(day, "hours"):
                good.append(entry)
            day.close()
        elif entry in COUNTRIES or _is_date(entry):
            good.append(entry)
        else:
            section.unknown(("holidays", position), entry, COUNTRIES, "holiday")
    return good


def _periods_hold(section: Section, key: str) -> bool:
    value = section.data[key]
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        section.wrong(key, value, "hours")
        return False
    for position, text in enumerate(value):
        try:
            parse_periods([text])
        except BadInput:
            section.wrong((key, position), text, "hours")
            return False
    try:
        parse_periods(value)
    except BadInput:
        section.wrong(key, value, "hours_apart")
        return False
    return True


def _is_date(value: object) -> bool:
    if isinstance(value, str):
        try:
            date.fromisoformat(value)
        except ValueError:
            return False
        return True
    return isinstance(value, date) and not isinstance(value, datetime)
