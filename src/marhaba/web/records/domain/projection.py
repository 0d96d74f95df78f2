"""From the journal's events to rows, a portion at a time. What an event means stands in `journal.records` alone.

A portion and the position after it are one transaction: after a crash at any point the next portion begins where the
rows end. Rows that tell another journal, or were written by another format, are thrown away and told anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.db import models, transaction

from marhaba.journal.events import Event
from marhaba.journal.figures import handled_s
from marhaba.journal.journal import Journal
from marhaba.journal.records import AgentPart, AgentTime, CallRecord, QueueVisit, Records
from marhaba.web.records.models import Call, Name, Part, Position, Span, Visit

FORMAT: Final = 3
"""Changes with what the rows hold; those of another format are written anew."""
PORTION: Final = 2_000
NUMBER_DIGITS: Final = 15
_AT_ONCE: Final = 500
_CALL: Final = (
    "programme", "number", "caller", "name", "trunk", "language", "consent", "offered_at", "answered_at", "ended_at",
    "outcome", "ended_by", "reason", "callback", "internal", "missed", "recordings", "voicemail", "disposition", "sub",
    "note", "mos", "lost",
)  # fmt: skip
_SUMS: Final = ("wait_s", "talk_s", "hold_s", "wrap_s")
_VISIT: Final = ("queue", "since", "outcome", "wait_s", "agent", "overflow_to", "overflow_reason")
_PLACE: Final = ("call", "position")
_PART: Final = ("agent", "queue", "connected_at", "released_at", "talk_s", "hold_s", "wrap_s", "why")


def follow(journal: Journal, *, portion: int = PORTION) -> int:
    """Tell the next portion of the journal; how many events it had."""
    position = Position.objects.filter(pk=1).first() or Position(pk=1)
    if position.format != FORMAT or journal.digest(position.seq) != position.digest:
        position = _begin_anew()
    events = journal.page(position.seq, portion)
    if events:
        position.seq, position.digest = events[-1].seq, journal.digest(events[-1].seq)
        with transaction.atomic():
            tell(events)
            position.save()
    return len(events)


def tell(events: Sequence[Event]) -> None:
    """Bring the rows from before the first of these events to after the last."""
    records = Records()
    changing = sorted({event.agent_id for event in events if event.kind == "agent.state"})
    records.agents = _times(changing)
    named = {call for event in events for call in (event.call_id, event.data.get("call", ""))}
    kept = {row.call: row for row in _calls(sorted(named | {time.call for time in records.agents.values()}))}
    records.calls = {call: record_of(row) for call, row in kept.items()}
    first: dict[str, int] = {call: row.first_seq for call, row in kept.items()}
    last: dict[str, int] = {}
    spans = []
    for event in events:
        touched = list(_touches(event, records))
        if event.kind == "agent.state" and (span := _ended(records.agents.get(event.agent_id), event.at)):
            spans.append(span)
        records.apply(event)
        for call in touched:
            if call in records.calls:
                last[call] = event.seq
                first.setdefault(call, event.seq)
    written = [records.calls[call] for call in last]
    _write_calls(written, first, last)
    _write_names(written)
    Span.objects.filter(agent__in=changing, end=None).delete()
    spans += [span for agent in changing if (span := _lasting(records.agents[agent]))]
    Span.objects.bulk_create(spans, batch_size=_AT_ONCE)


def record_of(row: Call) -> CallRecord:
    """The record that a row tells. Its visits and parts are read if they were not fetched."""
    return CallRecord(
        call=row.call,
        **{name: getattr(row, name) for name in _CALL},
        visits=[QueueVisit(**_values(each, _VISIT)) for each in _in_order(row.visits)],
        parts=[AgentPart(**_values(each, _PART)) for each in _in_order(row.parts)],
    )


def number_key(number: str) -> str:
    """A number's digits backwards: +212 539-123 456 and 0539123456 begin alike."""
    return "".join(filter(str.isdecimal, number))[::-1][:NUMBER_DIGITS]


def _begin_anew() -> Position:
    with transaction.atomic():
        for kind in (Name, Span, Part, Visit, Call):
            kind.objects.all()._raw_delete(kind.objects.db)  # noqa: SLF001 -- row by row takes minutes
        position, _ = Position.objects.update_or_create(
            pk=1, defaults={"seq": 0, "digest": "", "format": FORMAT}
        )
    return position


def _touches(event: Event, records: Records) -> Iterable[str]:
    """The calls whose record an event changes."""
    if event.call_id:
        yield event.call_id
    if event.kind == "callback.asked":
        yield event.data["callback"]
    if event.kind == "agent.state" and (time := records.agents.get(event.agent_id)) and time.call:
        yield time.call


def _calls(named: Sequence[str]) -> Iterable[Call]:
    for at in range(0, len(named), _AT_ONCE):
        yield from Call.objects.filter(pk__in=named[at : at + _AT_ONCE]).prefetch_related("visits", "parts")


def _times(agents: Sequence[str]) -> dict[str, AgentTime]:
    lasting = Span.objects.filter(agent__in=agents, end=None)
    return {
        span.agent: AgentTime(
            span.agent, span.state, span.begin, span.code, span.call, logged_in_at=span.login
        )
        for span in lasting
    }


def _ended(time: AgentTime | None, at: float) -> Span | None:
    """The state that ends now; none that took no time."""
    span = _lasting(time) if time is not None else None
    if span is None or at <= span.begin:
        return None
    span.end = at
    return span


def _lasting(time: AgentTime) -> Span | None:
    if time.state == "logged_out":
        return None
    return Span(
        agent=time.agent,
        state=time.state,
        code=time.code,
        call=time.call,
        login=time.logged_in_at,
        begin=time.since,
    )


def _write_calls(records: Sequence[CallRecord], first: dict[str, int], last: dict[str, int]) -> None:
    rows = [
        Call(
            call=each.call,
            caller_key=number_key(each.caller),
            first_seq=first[each.call],
            last_seq=last[each.call],
            **_values(each, (*_CALL, *_SUMS)),
        )
        for each in records
    ]
    _write(Call.objects, rows, ["call"], [*_CALL, *_SUMS, "caller_key", "last_seq"])
    visits = [
        Visit(
            call_id=each.call,
            position=at,
            programme=each.programme,
            language=each.language,
            handled_s=handled_s((each, visit)),
            **_values(visit, _VISIT),
        )
        for each in records
        for at, visit in enumerate(each.visits)
    ]
    _write(Visit.objects, visits, _PLACE, [*_VISIT, "programme", "language", "handled_s"])
    parts = [(each.call, at, part) for each in records for at, part in enumerate(each.parts)]
    _write(
        Part.objects, [Part(call_id=c, position=at, **_values(p, _PART)) for c, at, p in parts], _PLACE, _PART
    )


def _write_names(records: Sequence[CallRecord]) -> None:
    found = {("queue", each.programme, queue) for each in records for queue in each.queues}
    found |= {("agent", each.programme, agent) for each in records for agent in each.agents}
    rows = [Name(kind=kind, programme=programme, name=name) for kind, programme, name in sorted(found)]
    Name.objects.bulk_create(rows, ignore_conflicts=True)


def _write(
    rows: models.Manager[Any], new: Sequence[Any], unique: Sequence[str], changing: Sequence[str]
) -> None:
    rows.bulk_create(
        new, batch_size=_AT_ONCE, update_conflicts=True, unique_fields=unique, update_fields=changing
    )


def _values(found: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: _storable(getattr(found, name)) for name in names}


def _storable(value: Any) -> Any:
    """PostgreSQL keeps no NUL in a text."""
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value


def _in_order(rows: Any) -> list[Any]:
    return sorted(rows.all(), key=lambda each: each.position)
