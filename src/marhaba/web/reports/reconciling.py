"""Whether a day adds up: the rows against a replay of the journal, what came against what went, states against logins.

A difference is named and never corrected. Every figure of a report is counted from the rows that are examined here.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import date
from typing import Final

from django.utils.translation import gettext

from marhaba.journal.errors import JournalError
from marhaba.journal.journal import Journal
from marhaba.journal.period import CALL_S_MAX
from marhaba.journal.records import INTERVAL_S, CallRecord, Records
from marhaba.kernel.conservation import TOLERANCE_S, Counts, reconcile_intervals
from marhaba.web.records.domain.projection import record_of
from marhaba.web.records.models import Call, Position, Span, Visit
from marhaba.web.records.queries import day_begin
from marhaba.web.records.story import journal_path
from marhaba.web.reports.figures import last_moment, zone

SHOWN_MAX: Final = 100
"""Of differences; where there are more, they have one cause."""


@dataclass(frozen=True, slots=True)
class QueueDay:
    """A queue's day: what was there and came, and how it went. `wrong`: in which quarters that differs."""

    queue: str
    counts: Counts
    wrong: int


@dataclass(frozen=True, slots=True)
class AgentDay:
    agent: str
    login_s: float
    states_s: float

    @property
    def adds_up(self) -> bool:
        return abs(self.login_s - self.states_s) <= TOLERANCE_S


@dataclass(frozen=True, slots=True)
class Reconciled:
    calls: int
    stays: int
    events: int  # of the journal, in that day
    queues: list[QueueDay]
    agents: list[AgentDay]
    differences: list[str]
    digest: str  # of the day's last event: whoever keeps it can show that nothing before it was changed


def reconcile(day: date) -> Reconciled:
    begin = day_begin(day, zone())
    day_end = day_begin(date.fromordinal(day.toordinal() + 1), zone())
    end = min(day_end, last_moment() + 1.0)
    differences: list[str] = []
    queues = [_queue(queue, visits, begin, end, differences) for queue, visits in _visits(begin, end).items()]
    agents = _agents(begin, end)
    differences += [
        gettext("{agent} : états {states:.3f} s, connexion {login:.3f} s").format(
            agent=each.agent, states=each.states_s, login=each.login_s
        )
        for each in agents
        if not each.adds_up
    ]
    position, rows = _rows(begin, day_end)
    events, digest = _against_the_journal(rows, position, begin, day_end, differences)
    stays = Visit.objects.filter(since__gte=begin, since__lt=end).count()
    return Reconciled(len(rows), stays, events, queues, agents, differences[:SHOWN_MAX], digest)


def _rows(begin: float, end: float) -> tuple[int, dict[str, CallRecord]]:
    """The day's calls, and up to which event of the journal they tell it."""
    while True:
        position = Position.objects.get_or_create(pk=1)[0].seq
        found = Call.objects.filter(offered_at__gte=begin, offered_at__lt=end).prefetch_related(
            "visits", "parts"
        )
        rows = {row.call: record_of(row) for row in found}
        if Position.objects.get(pk=1).seq == position:
            return position, rows


def _visits(begin: float, end: float) -> Mapping[str, list[Visit]]:
    """Stays that touch the day, by queue."""
    found = Visit.objects.filter(since__gte=begin - CALL_S_MAX, since__lt=end).order_by("queue", "since")
    touching: dict[str, list[Visit]] = defaultdict(list)
    for visit in found:
        if not visit.outcome or visit.since + visit.wait_s >= begin:
            touching[visit.queue].append(visit)
    return touching


def _queue(queue: str, visits: Iterable[Visit], begin: float, end: float, differences: list[str]) -> QueueDay:
    """By quarters of an hour: who waits at the end of one waits at the beginning of the next."""
    number = max(1, math.ceil((end - begin) / INTERVAL_S))
    quarters = [dict.fromkeys((each.name for each in fields(Counts)), 0) for _ in range(number)]
    for visit in visits:
        first = int((visit.since - begin) // INTERVAL_S)
        last = int((visit.since + visit.wait_s - begin) // INTERVAL_S) if visit.outcome else number
        if 0 <= first < number:
            quarters[first]["offered"] += 1
        if visit.outcome and 0 <= last < number:
            quarters[last][visit.outcome] += 1
        for place in range(max(first, -1), min(last, number)):
            if place >= 0:
                quarters[place]["waiting_after"] += 1
            if place + 1 < number:
                quarters[place + 1]["waiting_before"] += 1
    counts = [Counts(**quarter) for quarter in quarters]
    wrong = reconcile_intervals(queue, counts)
    differences += [f"{each.where}: {each.identity}: {each.left:g} ≠ {each.right:g}" for each in wrong]
    names = [each.name for each in fields(Counts) if not each.name.startswith("waiting")]
    whole = {name: sum(getattr(count, name) for count in counts) for name in names}
    whole |= {"waiting_before": counts[0].waiting_before, "waiting_after": counts[-1].waiting_after}
    return QueueDay(queue, Counts(**whole), len(wrong))


def _agents(begin: float, end: float) -> list[AgentDay]:
    """A login lasts from its first state to its last; within it the states touch each other."""
    logins: dict[tuple[str, float], list[tuple[float, float]]] = defaultdict(list)
    for span in Span.objects.filter(begin__lt=end).exclude(end__lte=begin):
        logins[span.agent, span.login].append(
            (max(span.begin, begin), min(end if span.end is None else span.end, end))
        )
    days: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for (agent, login), spans in logins.items():
        days[agent][0] += max(until for _since, until in spans) - max(login, begin)
        days[agent][1] += sum(until - since for since, until in spans)
    return [AgentDay(agent, login_s, states_s) for agent, (login_s, states_s) in sorted(days.items())]


def _against_the_journal(
    rows: Mapping[str, CallRecord], position: int, begin: float, end: float, differences: list[str]
) -> tuple[int, str]:
    """Replays what the rows tell; how many events the day has, and the hash of its last one."""
    path = journal_path()
    try:
        if path is None:
            raise JournalError("", code="no-journal")
        with closing(Journal(path, read_only=True)) as journal:
            first, last = journal.seq_at(begin), journal.seq_at(end)
            if broken := journal.verify(first, last):
                differences.append(gettext("Le journal n’est pas entier : {what}").format(what=broken))
            records, until = Records(), min(position, journal.seq_at(end + CALL_S_MAX))
            for event in journal.read(after_seq=journal.seq_at(begin - CALL_S_MAX)):
                if event.seq > until:
                    break
                records.apply(event)
            differences += records.reconcile()
            replayed = {each.call: each for each in records.calls.values() if begin <= each.offered_at < end}
            differences += [
                gettext("Appel {call} : les lignes et le journal diffèrent").format(call=call)
                for call in sorted(replayed.keys() | rows.keys())
                if replayed.get(call) != rows.get(call)
            ]
            return last - first, journal.digest(last)
    except JournalError:
        differences.append(gettext("Le journal ne peut pas être lu."))
        return 0, ""
