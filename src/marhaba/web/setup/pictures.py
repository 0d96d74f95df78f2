"""What stands beside the fields: a week drawn, who serves a queue, the facts of a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext

from marhaba.centre.model import Centre
from marhaba.files.toml_edits import value_at
from marhaba.files.toml_lines import Path
from marhaba.kernel.calendar import DAY_MIN, WEEKDAYS, Calendar, Period, build_calendar
from marhaba.kernel.errors import BadInput
from marhaba.web.live.words import language_name
from marhaba.web.setup.domain.differences import shown
from marhaba.web.setup.domain.effects import able, clock, periods_text, served
from marhaba.web.setup.kinds import CALENDARS, Kind

HOLIDAYS_DAYS = 366
HOURS = (0, 6, 12, 18, 24)


LEFT, WIDE, TOP, STEP = 100, 672, 28, 26
"""Of the drawing of a week: a row of 24 hours for each day."""


@dataclass(frozen=True, slots=True)
class Bar:
    """An opening within one day."""

    x: float
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class Day:
    name: str
    y: int
    bars: tuple[Bar, ...]
    hours: str


@dataclass(frozen=True, slots=True)
class Hour:
    x: float
    text: str


def facts(kind: Kind, table: Mapping[str, Any]) -> list[str]:
    """What a list says of one thing, in a few words."""
    match kind.name:
        case "programmes":
            return [shown(table.get("numbers")), shown(table.get("calendar")), shown(table.get("queue"))]
        case "queues":
            skills = [language_of_levels(table.get("skills")), shown(table.get("calendar", "always"))]
            return [each for each in skills if each]
        case "agents":
            phone = table.get("phone")
            return [
                str(phone) if phone else gettext("dans un navigateur"),
                language_of_levels(table.get("skills")),
            ]
        case "calendars":
            return _days_open(table)
        case "trunks":
            return [shown(table.get("host"))]
    return []


def language_of_levels(levels: Any) -> str:
    """Skills with their levels, the best first."""
    if not isinstance(levels, Mapping):
        return ""
    known = [(name, level) for name, level in levels.items() if isinstance(level, int)]
    known.sort(key=lambda row: -row[1])
    return ", ".join(f"{language_name(name) if len(name) == 2 else name} {level}" for name, level in known)


def _days_open(table: Mapping[str, Any]) -> list[str]:
    calendar = calendar_of(table, "UTC")
    if calendar is None:
        return []
    minutes = sum(period.closes - period.opens for day in calendar.week for period in day)
    closed = len(table.get("holidays") or [])
    return [
        gettext("%(hours)s h par semaine") % {"hours": f"{minutes / 60:g}"},
        gettext("exceptions : %(count)s") % {"count": closed},
    ]


def beside(kind: Kind, place: Path, data: Mapping[str, Any], centre: Centre | None) -> dict[str, Any]:
    """More to show on the page of one thing."""
    table = value_at(data, place)
    if not isinstance(table, Mapping):
        return {}
    if centre is not None and place and place[0] in ("queues", "agents"):
        return {"serves": serves(centre, str(place[0]), str(place[1]))}
    if kind is not CALENDARS:
        return {}
    zone = data.get("timezone")
    calendar = calendar_of(table, zone if isinstance(zone, str) else "UTC")
    if calendar is None:
        return {}
    return {
        "week": week(calendar),
        "hours": [Hour(LEFT + WIDE * hour / 24, str(hour)) for hour in HOURS],
        "ahead": ahead(calendar, timezone.localdate(timezone=calendar.zone)),
    }


def serves(centre: Centre, kind: str, name: str) -> list[tuple[str, list[tuple[str, bool]]]]:
    """Of a queue by language who can answer it, of an agent by queue in which languages: at once, or when the wait has
    relaxed what is asked (True).
    """
    found: dict[str, dict[str, bool]] = {}
    for queue, language in served(centre):
        rules = centre.queues[queue]
        first, last = able(centre, rules, language, step=0), able(centre, rules, language)
        if kind == "queues" and queue == name:
            found[language_name(language)] = {agent.name: key not in first for key, agent in last.items()}
        elif kind == "agents" and name in last:
            found.setdefault(queue, {})[language_name(language)] = name not in first
    return [(title, list(each.items())) for title, each in found.items()]


def calendar_of(table: Mapping[str, Any], zone: str) -> Calendar | None:
    """None: something in it cannot be meant."""
    hours = table.get("hours", {})
    try:
        return build_calendar(
            timezone=str(table.get("timezone", zone)),
            hours=hours if isinstance(hours, Mapping) else {},
            holidays=list(table.get("holidays", [])),
        )
    except (BadInput, TypeError):
        return None


def week(calendar: Calendar) -> list[Day]:
    """Seven days with their openings; what goes on past midnight begins the next day too."""
    monday = date(2024, 1, 1)
    days = []
    for number, _key in enumerate(WEEKDAYS):
        before, own = calendar.week[number - 1], calendar.week[number]
        late = [Period(0, p.closes - DAY_MIN) for p in before if p.closes > DAY_MIN]
        here = [Period(p.opens, min(p.closes, DAY_MIN)) for p in own]
        days.append(
            Day(
                formats.date_format(monday + timedelta(number), "l"),
                TOP + STEP * number,
                tuple(_bar(period) for period in (*late, *here)),
                periods_text(own),
            )
        )
    return days


def _bar(period: Period) -> Bar:
    return Bar(
        round(LEFT + WIDE * period.opens / DAY_MIN, 1),
        round(WIDE * (period.closes - period.opens) / DAY_MIN, 1),
        f"{clock(period.opens)}–{clock(period.closes)}",
    )


def ahead(calendar: Calendar, today: date) -> list[tuple[date, str, str]]:
    """Days of the coming year that are otherwise than their weekday: the day, why, its hours."""
    found = []
    for number in range(HOLIDAYS_DAYS):
        day = today + timedelta(number)
        holiday = calendar.holiday(day)
        if holiday or day in calendar.special:
            found.append((day, holiday, periods_text(calendar.periods(day))))
    return found
