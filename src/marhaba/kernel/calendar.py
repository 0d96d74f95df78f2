"""When a programme is open: weekly hours on the wall clock of one time zone, holidays, and days with hours
of their own.

Hours are what the clock on the wall says, so a zone that changes its offset (Africa/Casablanca around
Ramadan, Europe/* twice a year) needs no rule here. Where the wall clock jumps over an opening or closing
time, it happens at the jump; where it says an hour twice, opening means the first and closing the second.
All questions take `now` in epoch seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marhaba.kernel.errors import BadInput
from marhaba.kernel.holidays import COUNTRIES, public_holidays

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN = 24 * 60
SEARCH_DAYS = 400
"""How far ahead an opening or closing is looked for: a year and its longest closure. Beyond it: never."""
PERIODS_MAX = 8
"""Periods of one day; more would be a slip of the pen."""
_PERIOD = re.compile(r"([0-2][0-9]):([0-5][0-9])-([0-2][0-9]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Period:
    """Minutes after the local midnight that begins its day; `closes` may be in the next day."""

    opens: int
    closes: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """Opening hours. `special` wins over `countries`, which win over `week`; no periods means closed."""

    zone: ZoneInfo
    week: tuple[tuple[Period, ...], ...]  # seven, from Monday
    countries: tuple[str, ...] = ()  # whose public holidays are closed
    special: Mapping[date, tuple[Period, ...]] = field(default_factory=dict)

    @property
    def timezone(self) -> str:
        return self.zone.key

    def open_at(self, now: float) -> bool:
        return any(opens <= now < closes for opens, closes in self._spells(now, days=2))

    def closes_at(self, now: float) -> float | None:
        """When the present opening ends; None when closed now, or when no end is in sight."""
        in_sight = now + (SEARCH_DAYS - 1) * 86_400
        spells = self._spells(now, days=SEARCH_DAYS)
        closes = next((closes for opens, closes in spells if opens <= now < closes), in_sight)
        return closes if closes < in_sight else None

    def next_opening(self, now: float) -> float | None:
        """The next change from closed to open after `now`; None when none is in sight."""
        return next((opens for opens, _ in self._spells(now, days=SEARCH_DAYS) if opens > now), None)

    def holiday(self, day: date) -> str:
        """The name of the public holiday observed that day; "" when there is none."""
        names = (public_holidays(country, day.year).get(day, "") for country in self.countries)
        return "" if day in self.special else next(filter(None, names), "")

    def periods(self, day: date) -> tuple[Period, ...]:
        """The hours of one local day."""
        if day in self.special:
            return self.special[day]
        return () if self.holiday(day) else self.week[day.weekday()]

    def _spells(self, now: float, *, days: int) -> Iterator[tuple[float, float]]:
        """Open spells in epoch seconds, in order, adjoining ones joined, from the day before `now` on."""
        first = datetime.fromtimestamp(now, self.zone).date() - timedelta(1)
        spell: tuple[float, float] | None = None
        for ahead in range(days + 1):
            for opens, closes in self._day(first + timedelta(ahead)):
                if spell is not None and opens <= spell[1]:
                    spell = (spell[0], max(spell[1], closes))
                    continue
                if spell is not None:
                    yield spell
                spell = (opens, closes)
        if spell is not None:
            yield spell

    def _day(self, day: date) -> list[tuple[float, float]]:
        midnight = datetime.combine(day, time())
        found = []
        for period in self.periods(day):
            opens = _instant(midnight + timedelta(minutes=period.opens), self.zone, fold=0)
            closes = _instant(midnight + timedelta(minutes=period.closes), self.zone, fold=1)
            if closes > opens:  # not swallowed by a jump of the clock
                found.append((opens, closes))
        return found


def build_calendar(
    *,
    timezone: str,
    hours: Mapping[str, Sequence[str]],
    holidays: Sequence[object] = (),
) -> Calendar:
    """A calendar from its written form; raises `BadInput` saying what cannot be meant.

    hours: {"mon": ["08:30-12:30", "14:00-18:30"], ...}; "22:00-06:00" ends the next day, "00:00-24:00" is
    all day. special: "morocco" | "france" | "spain" (public holidays), a date (closed), or {date = ...,
    hours = [...]}.
    """
    for name in hours:
        if name not in WEEKDAYS:
            raise BadInput(f"{name!r} is no weekday: {', '.join(WEEKDAYS)}", code="weekday")
    countries, days = [], {}
    for entry in holidays:
        if isinstance(entry, Mapping):
            days[_date(entry.get("date"))] = parse_periods(entry.get("hours", ()))
        elif entry in COUNTRIES:
            countries.append(str(entry))
        else:
            days[_date(entry)] = ()
    week = tuple(parse_periods(hours.get(name, ())) for name in WEEKDAYS)
    return Calendar(_zone(timezone), week, tuple(countries), days)


def always(timezone: str) -> Calendar:
    """Open around the clock."""
    return build_calendar(timezone=timezone, hours=dict.fromkeys(WEEKDAYS, ("00:00-24:00",)))


def parse_periods(texts: Sequence[str]) -> tuple[Period, ...]:
    """Periods of one day, in order; raises `BadInput` when they overlap or cannot be read."""
    if isinstance(texts, str) or len(texts) > PERIODS_MAX:
        raise BadInput(f"hours are a list of at most {PERIODS_MAX} periods", code="hours")
    periods = sorted((_period(text) for text in texts), key=lambda period: period.opens)
    for before, after in pairwise(periods):
        if after.opens < before.closes:
            raise BadInput(f"hours overlap: {', '.join(texts)}", code="hours")
    return tuple(periods)


def _period(text: str) -> Period:
    found = _PERIOD.fullmatch(text)
    if found is None:
        raise BadInput(f'{text!r}: hours are written "08:30-18:30"', code="hours")
    first_h, first_m, last_h, last_m = (int(part) for part in found.groups())
    opens, closes = 60 * first_h + first_m, 60 * last_h + last_m
    if opens >= DAY_MIN or closes > DAY_MIN or opens == closes:
        raise BadInput(f"{text!r}: from 00:00 to 24:00, and not empty", code="hours")
    return Period(opens, closes if closes > opens else closes + DAY_MIN)


def _date(given: object) -> date:
    if isinstance(given, date) and not isinstance(given, datetime):
        return given
    if isinstance(given, str):
        try:
            return date.fromisoformat(given)
        except ValueError:
            pass
    known = ", ".join(COUNTRIES)
    raise BadInput(
        f"{given!r} is neither a date (2026-03-20) nor a list of holidays ({known})", code="holiday"
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as why:
        raise BadInput(f"{name!r} is no time zone such as Africa/Casablanca", code="timezone") from why


def _instant(wall: datetime, zone: ZoneInfo, *, fold: int) -> float:
    """The epoch second at which the wall clock shows `wall`, or jumps over it."""
    at = wall.replace(tzinfo=zone, fold=fold).timestamp()
    if datetime.fromtimestamp(at, zone).replace(tzinfo=None) == wall:
        return at
    # A time that is skipped has two readings, one on each side of the jump (PEP 495): the jump lies between.
    early = int(wall.replace(tzinfo=zone, fold=1).timestamp())
    late = int(wall.replace(tzinfo=zone, fold=0).timestamp())
    before = datetime.fromtimestamp(early, zone).utcoffset()
    while late - early > 1:
        middle = (early + late) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return float(late)
