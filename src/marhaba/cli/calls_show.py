"""Calls, figures, agents' time and one call's line, drawn for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from marhaba.cli.top import clock
from marhaba.cli.words import decimal, keys, say
from marhaba.journal.events import Event
from marhaba.journal.figures import Row
from marhaba.journal.records import AgentTime, CallRecord
from marhaba.kernel import kpi

STATES = ("ready", "ringing", "talking", "wrapup", "paused")
UNTOLD = frozenset({"leg.dialog", "leg.moved", "agent.after_call"})
"""For the machine alone."""
_STYLE = {"answered": "green", "abandoned": "red", "failed": "bold red", "refused": "red", "": "cyan"}


def calls_table(calls: Sequence[CallRecord], *, zone: ZoneInfo, language: str) -> Table:
    heads = ("when", "caller", "programme", "queue", "language", "agent", "waited", "talked", "outcome", "id")
    table = _table(language, heads, right=("waited", "talked"))
    for call in calls:
        table.add_row(
            f"{datetime.fromtimestamp(call.offered_at, zone):%d/%m %H:%M:%S}",
            call.caller,
            call.programme,
            " → ".join(call.queues),
            call.language,
            ", ".join(call.agents),
            clock(call.wait_s) if call.visits else "–",
            clock(call.talk_s) + (" ●" if call.recordings else "") if call.parts else "–",
            outcome(call, language),
            call.call[:8],
        )
    return table


def outcome(call: CallRecord, language: str) -> Text:
    name = "internal" if call.internal and call.outcome == "answered" else call.outcome or "running"
    return Text(say(f"outcome.{name}", language), style=_STYLE.get(call.outcome, ""))


def figures_table(rows: Sequence[Row], total: Row, *, language: str) -> Table:
    outcomes = ("offered", "answered", "abandoned", "overflowed", "callback", "voicemail", "closed", "failed")
    shown = [name for name in (*outcomes, "waiting") if name in outcomes[:3] or total.count(name)]
    table = Table(title_justify="left", show_footer=True)
    table.add_column("", footer=say("calls.total", language), overflow="fold")
    for name in shown:
        head = say(f"top.{name}" if name in outcomes[:3] else f"outcome.{name}", language)
        table.add_column(head, str(total.count(name)), justify="right", overflow="fold")
    ends = (
        _level(total, language),
        _formula(total, kpi.ABANDONMENT, language),
        _formula(total, kpi.ASA, language),
        _aht(total, language),
    )
    for head, foot in zip((say("top.level", language), "A1", "ASA", "AHT"), ends, strict=True):
        table.add_column(head, foot, justify="right", overflow="fold")
    for row in rows:
        table.add_row(
            row.name,
            *(str(row.count(name)) for name in shown),
            _level(row, language),
            _formula(row, kpi.ABANDONMENT, language),
            _formula(row, kpi.ASA, language),
            _aht(row, language),
        )
    return table


def legend(rows: Sequence[Row], language: str) -> str:
    """The definition of each letter shown; T is the threshold, S a short abandon."""
    letters = sorted({row.rule.formula for row in rows if row.rule is not None})
    return "\n".join(
        f"{letter}: {say(f'formula.{letter}', language)}" for letter in (*letters, "A1", "ASA", "AHT")
    )


def _level(row: Row, language: str) -> str:
    level = row.level()
    if level is None or row.rule is None:
        return "–"
    return f"{decimal(100 * level, 1, language)} % {row.rule.formula}/{row.rule.threshold_s:g} s"


def _formula(row: Row, formula: kpi.Formula[kpi.Waits], language: str) -> str:
    value = row.value(formula)
    if value is None:
        return "–"
    share = formula.unit == "share"
    return decimal(100 * value if share else value, 1, language) + (" %" if share else " s")


def _aht(row: Row, language: str) -> str:
    value = row.aht()
    return "–" if value is None else decimal(value, 1, language) + " s"


def agents_table(times: Sequence[AgentTime], *, now: float, language: str) -> Table:
    table = Table(title_justify="left")
    table.add_column(say("calls.agent", language))
    for state in STATES:
        table.add_column(say(f"state.{state}", language), justify="right")
    for head in ("login", "calls", "occupancy"):
        table.add_column(say(f"calls.{head}", language), justify="right")
    for time in times:
        states = time.in_states(now)
        busy = sum(states.get(state, 0.0) for state in ("ringing", "talking", "wrapup"))
        share = kpi.OCCUPANCY(kpi.AgentTime(talk_s=busy, available_s=states.get("ready", 0.0)))
        table.add_row(
            time.agent,
            *(clock(states.get(state, 0.0)) for state in STATES),
            clock(time.login_s(now)),
            str(time.calls),
            "–" if share is None else f"{100 * share:.0f} %",
        )
        for code, seconds in sorted(time.pauses.items()):
            if seconds < 1:
                continue  # between logging in and being ready
            table.add_row(Text(f"  {code}", style="dim"), "", "", "", "", Text(clock(seconds), style="dim"))
    return table


def line(call: CallRecord, events: Sequence[Event], *, zone: ZoneInfo, language: str) -> RenderableType:
    """One call told from its events, seconds since its arrival in front."""
    told = Table(box=None, show_header=False, pad_edge=False)
    told.add_column(justify="right", style="dim")
    told.add_column()
    told.add_column(overflow="fold")
    for event in events:
        if event.kind in UNTOLD:
            continue
        told.add_row(
            f"{event.at - call.offered_at:+.1f} s",
            say(key, language) if (key := f"event.{event.kind}") in keys() else event.kind,
            _details(event, language),
        )
    told.title = f"{call.call}  {datetime.fromtimestamp(call.offered_at, zone).isoformat(timespec='seconds')}"
    told.title_justify = "left"
    return told


_SHOWN = (
    "state", "caller", "number", "trunk", "language", "position", "to", "target", "why", "how", "code", "reason", "by",
    "outcome", "wait_s", "talk_s", "hold_s", "ring_s", "given", "role", "mode", "disposition", "sub", "note",
    "mos", "lost", "jitter_ms", "path", "seconds", "attempt", "error",
)  # fmt: skip
"""Of an event's data: what a person asks for."""


def _details(event: Event, language: str) -> str:
    words = [event.agent_id, event.queue_id]
    for name in _SHOWN:
        value = event.data.get(name)
        if value in (None, ""):
            continue
        if (key := f"{name}.{value}") in keys():  # an outcome, a state
            words.append(say(key, language))
        else:
            words.append(f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}")
    return "  ".join(word for word in words if word)


def _table(language: str, heads: Sequence[str], *, right: Sequence[str]) -> Table:
    table = Table(title_justify="left")
    for head in heads:
        justify = "right" if head in right else "left"
        table.add_column(say(f"calls.{head}", language), justify=justify, overflow="fold")  # type: ignore[arg-type]
    return table
