"""A centre as a file describes it: what can be simulated, what it promises, and the plans it is compared with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from marhaba.files.problems import Problem
from marhaba.files.queue_rules import ServiceLevel
from marhaba.simulator.model import ModelData

DAY_S = 86_400.0
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])|24:00")
_SPAN = re.compile(r"([0-9:]{4,5}) ?- ?([0-9:]{4,5})")


@dataclass(frozen=True, slots=True)
class Hours:
    """From when to when the model lasts, in seconds after the first midnight; the end may lie beyond the next one."""

    begins_s: float
    ends_s: float

    @property
    def length_s(self) -> float:
        return self.ends_s - self.begins_s

    @property
    def days(self) -> int:
        """More than one only where the days follow on each other without a gap."""
        return max(1, round(self.length_s / DAY_S))

    def since_begin(self, text: str, day: int = 1) -> float | None:
        """Seconds from the beginning to a time of that day; None: it is none, or lies outside."""
        at = time_of_day(text)
        if at is None:
            return None
        since = at + (day - 1) * DAY_S - self.begins_s
        if since < 0.0:
            since += DAY_S
        return since if since <= self.length_s else None

    def span(self, text: str, day: int = 1) -> tuple[float, float] | None:
        """The same of "10:00-12:00"; None: not a span within the hours. One that ends before it begins ends the next day."""
        found = _SPAN.fullmatch(text)
        if found is None:
            return None
        begin, end = self.since_begin(found[1], day), self.since_begin(found[2], day)
        if begin is None or end is None:
            return None
        if end <= begin:
            end += DAY_S
        return (begin, end) if end <= self.length_s else None

    def clock(self, since_s: float) -> str:
        """The time of day so many seconds after the beginning."""
        minutes = round((self.begins_s + since_s) / 60.0)
        if since_s == self.length_s and minutes % 1440 == 0:
            return "24:00"
        return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


@dataclass(frozen=True, slots=True)
class Variant:
    """Another plan for the same callers."""

    name: str
    data: ModelData
    promises: Mapping[str, ServiceLevel]


@dataclass(frozen=True, slots=True)
class Paper:
    """`promises`: the service level of each contact type. `warnings`: what can be run, but is hardly meant."""

    name: str
    hours: Hours
    data: ModelData
    promises: Mapping[str, ServiceLevel]
    variants: tuple[Variant, ...] = ()
    warnings: tuple[Problem, ...] = ()


def time_of_day(text: str) -> float | None:
    """Seconds after midnight of "08:30"; "24:00" is the end of the day."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    return DAY_S if found[1] is None else int(found[1]) * 3600.0 + int(found[2]) * 60.0


def hours_of(text: str, days: int = 1) -> Hours | None:
    """Of "08:00-20:00"; one that ends before it begins ends the next day. Several days only of "00:00-24:00"."""
    found = _SPAN.fullmatch(text)
    begin, end = (time_of_day(found[1]), time_of_day(found[2])) if found else (None, None)
    if begin is None or end is None or begin >= DAY_S:
        return None
    end = end if end > begin else end + DAY_S
    if days > 1 and end - begin != DAY_S:
        return None
    return Hours(begin, end + (days - 1) * DAY_S)
