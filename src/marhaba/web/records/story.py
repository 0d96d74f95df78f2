"""One call told: its lines in the journal, and its time drawn."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.translation import gettext

from marhaba.journal.errors import JournalError
from marhaba.journal.journal import Journal
from marhaba.journal.records import CallRecord
from marhaba.report.charts import ticks
from marhaba.web.records.models import Call
from marhaba.web.records.words import sentence

LEFT: Final = 150.0
WIDE: Final = 600.0
TOP: Final = 26
STEP: Final = 32
NARROWEST: Final = 2.0
"""A second of an hour is still seen."""


@dataclass(frozen=True, slots=True)
class Line:
    """`after_s`: seconds since the call began."""

    after_s: float
    at: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time; `kind` is how it looks: welcome, wait, talk, wrap."""

    kind: str
    begin: float
    end: float
    x: float
    width: float

    @property
    def length(self) -> float:
        return self.end - self.begin


@dataclass(slots=True)
class Lane:
    name: str
    y: int
    bars: list[Bar] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Picture:
    """Of a call: the caller's time in the first lane, each agent's in one of his own."""

    lanes: list[Lane]
    ticks: list[tuple[float, float]]  # x, seconds
    height: int

    @property
    def kinds(self) -> list[str]:
        return list(dict.fromkeys(bar.kind for lane in self.lanes for bar in lane.bars))


def journal_path() -> Path | None:
    data: Path | None = settings.ENVIRONMENT.data
    return None if data is None else data / "journal.sqlite"


def story(call: Call, agents: Mapping[str, str]) -> list[Line] | None:
    """Its events as sentences, with the names of agents; None where the journal cannot be read."""
    path = journal_path()
    if path is None:
        return None
    try:
        journal = Journal(path, read_only=True)
    except JournalError:
        return None
    try:
        events = journal.of_call(call.call, call.first_seq, call.last_seq)
    except JournalError:
        return None
    finally:
        journal.close()
    told = ((event, sentence(event, agents)) for event in events)
    return [Line(event.at - call.offered_at, event.at, event.kind, text) for event, text in told if text]


def picture(record: CallRecord, names: Mapping[str, str], *, now: float | None = None) -> Picture:
    """`names`: of agents."""
    running = time.time() if now is None else now
    ended = record.ended_at or running
    wraps = [part.released_at + part.wrap_s for part in record.parts if part.released_at]
    begin, end = record.offered_at, max([ended, *wraps])
    scale = WIDE / max(end - begin, 1.0)

    def bar(kind: str, since: float, until: float) -> Bar:
        return Bar(
            kind, since, until, LEFT + (since - begin) * scale, max((until - since) * scale, NARROWEST)
        )

    caller = Lane(gettext("Appelant"), TOP)
    first = min(
        [visit.since for visit in record.visits] + [part.connected_at for part in record.parts] + [ended]
    )
    caller.bars.append(bar("welcome", begin, first))
    for visit in record.visits:
        lasted = visit.wait_s if visit.outcome else ended - visit.since
        caller.bars.append(bar("wait", visit.since, visit.since + lasted))
    lanes = {"": caller}
    for part in record.parts:
        lane = lanes.setdefault(
            part.agent, Lane(names.get(part.agent) or part.agent, TOP + STEP * len(lanes))
        )
        until = part.released_at or ended
        for each in (caller, lane):
            each.bars.append(bar("talk", part.connected_at, until))
        if part.wrap_s:
            lane.bars.append(bar("wrap", until, until + part.wrap_s))
    marks = [(LEFT + at * scale, at) for at in ticks(0.0, end - begin)]
    return Picture(list(lanes.values()), marks, TOP + STEP * len(lanes))
