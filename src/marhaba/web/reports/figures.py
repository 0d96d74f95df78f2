"""Figures of a period from the rows of the calls: the same functions, and so the same numbers, as `marhaba calls --figures`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings
from django.db.models import F, Max, Min, Q
from django.urls import reverse

from marhaba.centre import CentreError, load_centre
from marhaba.files.queue_rules import ServiceLevel
from marhaba.journal.figures import MINUTES, NOBODY, Row, Stays, rows
from marhaba.kernel import kpi
from marhaba.web.records.models import Part, Span, Visit
from marhaba.web.records.queries import Scope

COLUMNS: Final = ("queue", "since", "outcome", "agent", "programme", "language", "wait_s", "handled_s")
LINKED: Final = {"queue": "queue", "agent": "agent", "programme": "programme", "language": "language"}
BUCKETS_S: Final = (0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0)
"""Where the bars of the profile of waits begin; the last has no end."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A report: [begin, end) in seconds since the epoch, what its lines are, and what narrows it."""

    begin: float
    end: float
    by: str
    programme: str = ""
    queue: str = ""
    language: str = ""
    formula: str = ""  # "": each queue's own
    threshold_s: float | None = None

    @property
    def days(self) -> float:
        return (self.end - self.begin) / 86_400


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One agent's period. Seconds; `states` add up to `login_s`."""

    agent: str
    login_s: float
    states: Mapping[str, float]
    pauses: Mapping[str, float]
    calls: int
    aht_s: float | None

    @property
    def occupancy(self) -> float | None:
        busy = sum(self.states.get(state, 0.0) for state in ("ringing", "talking", "wrapup"))
        return kpi.OCCUPANCY(kpi.AgentTime(talk_s=busy, available_s=self.states.get("ready", 0.0)))


def zone() -> ZoneInfo:
    return ZoneInfo(settings.TIME_ZONE)


def stays_of(wanted: Wanted, scope: Scope) -> Stays:
    found = Visit.objects.filter(since__gte=wanted.begin, since__lt=wanted.end)
    narrow = {"programme": wanted.programme, "queue": wanted.queue, "language": wanted.language}
    found = found.filter(**{name: value for name, value in narrow.items() if value})
    if scope.programmes is not None:
        found = found.filter(programme__in=scope.programmes)
    return Stays.of_rows(list(found.values_list(*COLUMNS)))


def report(wanted: Wanted, scope: Scope, stays: Stays) -> tuple[list[Row], Row]:
    found, total = rows(stays, by=wanted.by, rules=rules_for(wanted, stays), zone=zone())
    return [replace(row, name="") if row.name == NOBODY else row for row in found], total


def steps(wanted: Wanted, stays: Stays) -> tuple[str, list[Row]]:
    """The course of the period: by the half hour within two days, by the day beyond."""
    by = "30m" if wanted.days <= 2 else "day"
    return by, rows(stays, by=by, rules=rules_for(wanted, stays), zone=zone())[0]


def rules_for(wanted: Wanted, stays: Stays) -> dict[str, ServiceLevel]:
    """What was promised for each queue, unless something else is asked."""
    own = rules_now()
    chosen = {queue: own.get(queue, ServiceLevel()) for queue in set(stays.queue)}
    if wanted.formula:
        chosen = {queue: replace(rule, formula=wanted.formula) for queue, rule in chosen.items()}
    if wanted.threshold_s is not None:
        threshold = wanted.threshold_s
        chosen = {queue: replace(rule, threshold_s=threshold) for queue, rule in chosen.items()}
    return chosen


def rules_now() -> Mapping[str, ServiceLevel]:
    """Each queue's own, as the centre's file has it."""
    config: Path | None = settings.ENVIRONMENT.config
    if config is None or not config.is_file():
        return {}
    about = config.stat()
    return _rules(config, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=1)
def _rules(config: Path, changed_ns: int, size: int) -> Mapping[str, ServiceLevel]:
    try:
        return {name: queue.service_level for name, queue in load_centre(config).queues.items()}
    except CentreError:
        return {}


def profile(stays: Stays, outcome: str) -> list[int]:
    """How many waited how long before it ended so, by BUCKETS_S."""
    waits = stays.wait_s[[each == outcome for each in stays.outcome]] if len(stays) else stays.wait_s
    return [int(count) for count in np.histogram(waits, [*BUCKETS_S, np.inf])[0]]


def agents_of(wanted: Wanted, scope: Scope) -> list[AgentRow]:
    """Every agent who was there, or had a part of a call that began in the period."""
    spans: dict[str, list[tuple[str, str, float]]] = {}
    now = last_moment()
    for agent, state, code, begin, end in Span.objects.filter(
        Q(end__gt=wanted.begin) | Q(end=None), begin__lt=wanted.end
    ).values_list("agent", "state", "code", "begin", "end"):
        lasted = min(now if end is None else end, wanted.end) - max(begin, wanted.begin)
        spans.setdefault(agent, []).append((state, code, max(0.0, lasted)))
    parts = Part.objects.filter(connected_at__gte=wanted.begin, connected_at__lt=wanted.end).exclude(agent="")
    if scope.programmes is not None:
        parts = parts.filter(call__programme__in=scope.programmes)
    if wanted.programme:
        parts = parts.filter(call__programme=wanted.programme)
    if wanted.queue:
        parts = parts.filter(queue=wanted.queue)
    handled: dict[str, list[float]] = {}
    for agent, seconds in parts.values_list("agent", F("talk_s") + F("hold_s") + F("wrap_s")):
        handled.setdefault(agent, []).append(seconds)
    narrowed = bool(wanted.programme or wanted.queue or scope.programmes is not None)
    return [
        _agent(agent, spans.get(agent, []), handled.get(agent, []))
        for agent in sorted(handled if narrowed else handled.keys() | spans.keys())
    ]


def last_moment() -> float:
    """What the rows know of: a state that lasts is counted until then."""
    ends = Span.objects.aggregate(a=Max("begin"), b=Max("end"))
    call = Visit.objects.aggregate(a=Max("since"))["a"]
    return max((each for each in (ends["a"], ends["b"], call) if each is not None), default=0.0)


def first_moment() -> float | None:
    found: float | None = Visit.objects.aggregate(a=Min("since"))["a"]
    return found


def address(wanted: Wanted, row: Row | None, figure: str) -> str:
    """The calls that a figure counts."""
    begin, end = wanted.begin, wanted.end
    narrow = {"programme": wanted.programme, "queue": wanted.queue, "language": wanted.language}
    asked = {"by": "stays"} | {name: value for name, value in narrow.items() if value}
    if row is not None and wanted.by in LINKED:
        asked[LINKED[wanted.by]] = row.name
    elif row is not None:
        begin, end = interval(wanted.by, row.name)
    asked |= {"begin": begin_text(begin), "end": end_text(end)}
    if figure == "in-time":
        asked |= {"outcome": "answered", "wait_max": f"{row.rule.threshold_s:g}" if row and row.rule else ""}
    elif figure != "offered":
        asked["outcome"] = "running" if figure == "waiting" else figure
    return f"{reverse('calls')}?{urlencode(asked)}"


def interval(by: str, name: str) -> tuple[float, float]:
    """The moments a line of a day or an interval stands for."""
    begin = datetime.fromisoformat(name).replace(tzinfo=zone())
    if by != "day":
        return begin.timestamp(), begin.timestamp() + MINUTES[by] * 60
    following = datetime.fromtimestamp(begin.timestamp() + 26 * 3_600, zone())
    return begin.timestamp(), following.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def begin_text(at: float) -> str:
    """As addresses and fields have it: a day, with a time unless it is midnight."""
    when = datetime.fromtimestamp(at, zone())
    return f"{when:%Y-%m-%d}" if when.time() == time() else f"{when:%Y-%m-%dT%H:%M:%S}"


def end_text(at: float) -> str:
    """The last day that belongs to it; a moment where that is within a day."""
    when = datetime.fromtimestamp(at, zone())
    return f"{when - timedelta(hours=12):%Y-%m-%d}" if when.time() == time() else f"{when:%Y-%m-%dT%H:%M:%S}"


def _agent(agent: str, spans: list[tuple[str, str, float]], handled: list[float]) -> AgentRow:
    states: dict[str, float] = {}
    pauses: dict[str, float] = {}
    for state, code, seconds in spans:
        states[state] = states.get(state, 0.0) + seconds
        if state == "paused":
            pauses[code] = pauses.get(code, 0.0) + seconds
    aht = sum(handled) / len(handled) if handled else None
    return AgentRow(agent, sum(states.values()), states, pauses, len(handled), aht)
