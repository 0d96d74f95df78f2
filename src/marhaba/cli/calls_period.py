"""Which calls are meant: moments as people write them, and the filters."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from marhaba.cli.words import say
from marhaba.journal.records import CallRecord, QueueVisit, Records
from marhaba.kernel.errors import BadInput

_AGO = re.compile(r"([0-9]{1,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_DAYS = {
    "today": 0,
    "aujourd'hui": 0,
    "hoy": 0,
    "اليوم": 0,
    "yesterday": 1,
    "hier": 1,
    "ayer": 1,
    "أمس": 1,
}


def moment(text: str, now: datetime, language: str) -> datetime:
    """`2026-11-23`, `2026-11-23T10:30`, `10:30`, `2h` (ago), `today`, `hier`, in the zone of `now`."""
    text = text.strip()
    if text.lower() in _DAYS:
        return midnight(now - timedelta(days=_DAYS[text.lower()]))
    if match := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}", text):
        text = f"{now.date()}T{text.zfill(5)}"
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(say("calls.bad-time", language).format(text=text), code="time") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=now.tzinfo)


def period(arguments: argparse.Namespace, zone: ZoneInfo, language: str) -> tuple[datetime, datetime]:
    """[begin, end): a day, or from --since until --until; today when nothing is said."""
    now = datetime.now(zone)
    if arguments.day:
        begin = midnight(moment(arguments.day, now, language))
        return begin, midnight(begin + timedelta(days=1, hours=2))
    begin = moment(arguments.since or "today", now, language)
    end = moment(arguments.until, now, language) if arguments.until else now + timedelta(seconds=1)
    if begin >= end:
        raise BadInput(say("calls.empty-time", language).format(begin=begin, end=end), code="time")
    return begin, end


def midnight(when: datetime) -> datetime:
    return when.replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; an empty field asks for nothing. Times in seconds since the epoch."""

    begin: float
    end: float
    queue: str = ""
    agent: str = ""
    programme: str = ""
    number: str = ""
    outcome: str = ""
    language: str = ""
    waited_over_s: float = -1.0

    def calls(self, records: Records) -> Iterator[CallRecord]:
        """Calls that arrived in the period, in order."""
        for call in records.calls.values():
            if self.begin <= call.offered_at < self.end and self._fits(call):
                yield call

    def visits(self, records: Records) -> Iterator[tuple[CallRecord, QueueVisit]]:
        """Stays in queues that began in the period, with their calls."""
        for call in records.calls.values():
            if not self._fits(call):
                continue
            for visit in call.visits:
                in_queue = not self.queue or visit.queue == self.queue
                if in_queue and self.begin <= visit.since < self.end:
                    yield call, visit

    def _fits(self, call: CallRecord) -> bool:
        return (
            (not self.queue or self.queue in call.queues)
            and (not self.agent or self.agent in call.agents)
            and (not self.programme or call.programme == self.programme)
            and (not self.number or self.number in call.caller or self.number in call.number)
            and (not self.outcome or call.outcome == self.outcome)
            and (not self.language or call.language == self.language)
            and call.wait_s > self.waited_over_s
        )
