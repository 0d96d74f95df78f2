"""Calls as lists show them: by calls, by stays in queues, or by agents' parts, newest first, a page at a time.

A page is found by the key of its neighbour, never by counting rows that are skipped, so the thousandth costs what the
first does. Which of the three a list goes by decides what a time and an outcome are about; the figures of a report
count the same rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from itertools import islice
from typing import Any, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from django.db.models import Model, Q, QuerySet

from marhaba.web.people import rules
from marhaba.web.people.models import User
from marhaba.web.records.domain.projection import number_key
from marhaba.web.records.models import Call, Name, Part, Visit

By: TypeAlias = Literal["calls", "stays", "parts"]
Key: TypeAlias = tuple[float, str]
PAGE: Final = 50
COUNT_MAX: Final = 10_000
"""Beyond this a list says that there are more; counting a million rows is what a page has no time for."""
SUFFIX_DIGITS: Final = 9
"""How much of a number has to agree: +212 539… and 0539… are one."""
_ROWS: Final[dict[By, tuple[type[Call] | type[Visit] | type[Part], str, str, str]]] = {
    "calls": (Call, "offered_at", "call", ""),
    "stays": (Visit, "since", "id", "call__"),
    "parts": (Part, "connected_at", "id", "call__"),
}
"""What is listed, its moment, its key, and how the call is reached from it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose calls somebody may see. `programmes` None: all; `agent`: his own alone."""

    programmes: frozenset[str] | None = None
    agent: str = ""
    names: bool = True  # of agents


@dataclass(frozen=True, slots=True)
class Asked:
    """A search. Moments in seconds since the epoch, `end` excluded; empty is all."""

    by: By = "calls"
    begin: float | None = None
    end: float | None = None
    programme: str = ""
    queue: str = ""
    agent: str = ""
    outcome: str = ""
    language: str = ""
    number: str = ""
    disposition: str = ""
    wait_min: float | None = None
    wait_max: float | None = None
    sound: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list: the call, and the stay or the part it is there for."""

    call: Call
    at: float
    stay: Visit | None = None
    part: Part | None = None

    @property
    def outcome(self) -> str:
        return self.stay.outcome if self.stay is not None else self.call.outcome

    @property
    def wait_s(self) -> float:
        return self.stay.wait_s if self.stay is not None else self.call.wait_s

    @property
    def talk_s(self) -> float:
        return self.part.talk_s if self.part is not None else self.call.talk_s

    @property
    def queues(self) -> list[str]:
        return list(
            dict.fromkeys(each.queue for each in sorted(self.call.visits.all(), key=lambda v: v.position))
        )

    @property
    def agents(self) -> list[str]:
        return list(
            dict.fromkeys(each.agent for each in sorted(self.call.parts.all(), key=lambda p: p.position))
        )


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[Row]
    newer: str = ""
    older: str = ""


def scope_of(user: User) -> Scope:
    if rules.may(user, "calls.see"):
        return Scope(rules.programmes_of(user, "calls.see"), names=rules.may(user, "calls.agents"))
    return Scope(agent=user.agent_id) if user.agent_id else Scope(programmes=frozenset())


def page(asked: Asked, scope: Scope, *, after: str = "", before: str = "", size: int = PAGE) -> Page:
    """`after`: what is older than that key; `before`: what is newer. Keys that are none begin at the newest."""
    kind, moment, name, call = _ROWS[_by(asked, scope)]
    found = _found(asked, scope)
    older, newer = _read_key(after, kind), _read_key(before, kind)
    if newer is not None:
        found = found.filter(_beyond(moment, name, newer, "gt")).order_by(moment, name)
    else:
        if older is not None:
            found = found.filter(_beyond(moment, name, older, "lt"))
        found = found.order_by(f"-{moment}", f"-{name}")
    if call:
        found = found.select_related("call")
    found = found.prefetch_related(f"{call}visits", f"{call}parts")
    rows = list(islice(found[: size + 1], size + 1))
    more = len(rows) > size
    rows = rows[:size][::-1] if newer is not None else rows[:size]
    keys = [f"{getattr(row, moment)!r}~{row.pk}" for row in (rows[0], rows[-1])] if rows else ["", ""]
    return Page(
        [_row(row, getattr(row, moment)) for row in rows],
        newer=keys[0] if (more if newer is not None else older is not None) else "",
        older=keys[1] if (newer is not None or more) else "",
    )


def count(asked: Asked, scope: Scope) -> int:
    """How many, up to COUNT_MAX + 1."""
    return _found(asked, scope).order_by()[: COUNT_MAX + 1].count()


def call_for(scope: Scope, call: str) -> Call | None:
    """One call, if it may be seen."""
    return _found(Asked(by="calls"), replace(scope, agent="")).filter(pk=call, **_own(scope)).first()


def names(scope: Scope) -> dict[str, list[str]]:
    """What a search can choose: programmes, queues, agents."""
    found = Name.objects.all()
    if scope.programmes is not None:
        found = found.filter(programme__in=scope.programmes)
    rows = list(found.values_list("kind", "programme", "name"))
    return {
        "programmes": sorted({programme for _kind, programme, _name in rows} - {""}),
        "queues": sorted({name for kind, _programme, name in rows if kind == "queue"} - {""}),
        "agents": sorted({name for kind, _programme, name in rows if kind == "agent"} - {""})
        if scope.names
        else [],
    }


def day_begin(day: date, zone: ZoneInfo) -> float:
    return datetime.combine(day, time(), zone).timestamp()


def _found(asked: Asked, scope: Scope) -> QuerySet[Any]:
    by = _by(asked, scope)
    kind, moment, _name, call = _ROWS[by]
    found = kind._default_manager.all()  # noqa: SLF001 -- documented
    wanted: dict[str, Any] = {
        f"{moment}__gte": asked.begin,
        f"{moment}__lt": asked.end,
        f"{call}programme": asked.programme or None,
        f"{call}language": asked.language or None,
        f"{call}disposition": asked.disposition or None,
    }
    if by == "stays":
        wanted |= {
            "agent": asked.agent or None,
            "queue": asked.queue or None,
            "wait_s__gte": asked.wait_min,
            "wait_s__lte": asked.wait_max,
        }
    else:
        wanted |= {f"{call}wait_s__gte": asked.wait_min, f"{call}wait_s__lte": asked.wait_max}
    if by == "parts":
        wanted |= {"agent": scope.agent or asked.agent or None, "queue": asked.queue or None}
    if asked.outcome:
        where = "outcome" if by == "stays" else f"{call}outcome"
        wanted[where] = "" if asked.outcome == "running" else asked.outcome
    if scope.programmes is not None:
        wanted[f"{call}programme__in"] = scope.programmes
    found = found.filter(**{name: value for name, value in wanted.items() if value is not None})
    if asked.number:
        found = found.filter(_number(f"{call}caller_key", asked.number))
    if asked.sound:
        found = found.exclude(**{f"{call}recordings": []})
    return found


def _by(asked: Asked, scope: Scope) -> By:
    """An agent's calls are his parts of them, a queue's calls its stays, unless stays were asked for."""
    if scope.agent or (asked.agent and asked.by != "stays"):
        return "parts"
    return "stays" if asked.queue else asked.by


def _own(scope: Scope) -> dict[str, str]:
    return {"parts__agent": scope.agent} if scope.agent else {}


def _number(column: str, number: str) -> Q:
    """Numbers that end alike, by as many digits as were given, at most SUFFIX_DIGITS. No digits: none."""
    key = number_key(number)[:SUFFIX_DIGITS]
    return (
        Q(**{f"{column}__gte": key, f"{column}__lt": f"{key}:"}) if key else Q(pk__in=[])
    )  # ":" follows "9"


def _beyond(moment: str, name: str, key: Key, side: str) -> Q:
    at, pk = key
    return Q(**{f"{moment}__{side}e": at}) & (Q(**{f"{moment}__{side}": at}) | Q(**{f"{name}__{side}": pk}))


def _read_key(text: str, kind: type[Model]) -> Key | None:
    pk = r"[\w.@-]{1,128}" if kind is Call else r"\d{1,18}"
    found = re.fullmatch(rf"(\d{{1,12}}(?:\.\d{{1,9}})?)~({pk})", text, re.ASCII)
    return (float(found[1]), found[2]) if found else None


def _row(found: Any, at: float) -> Row:
    if isinstance(found, Call):
        return Row(found, at)
    return Row(found.call, at, *((found, None) if isinstance(found, Visit) else (None, found)))
