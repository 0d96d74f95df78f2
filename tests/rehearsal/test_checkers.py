"""A check that cannot fail is no check: every checker is shown a log that breaks what it holds, and one that does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from marhaba.journal.events import Event
from marhaba.rehearsal import invariants as i


def told(*lines: tuple[Any, ...], at: float = 1_000.0) -> list[Event]:
    """(kind, call, agent, queue, data) each, a second apart unless the data says when."""
    return [
        Event(
            at=data.pop("at", at + number),
            kind=kind,
            call_id=call,
            agent_id=agent,
            queue_id=queue,
            data=data,
            seq=number,
        )
        for number, (kind, call, agent, queue, data) in enumerate(
            ((*line[:4], dict(line[4])) for line in lines), 1
        )
    ]


def wrong(checker: i.Checker, events: Sequence[Event]) -> list[str]:
    return [text for event in events for text in checker.see(event)] + list(checker.over())


OFFERED = ("call.offered", "c", "", "", {"programme": "p", "number": "1", "caller": "2"})
ENDED = ("call.ended", "c", "", "", {"outcome": "answered", "by": "caller", "reason": "", "code": 200})
QUEUED = (
    "call.queued",
    "c",
    "",
    "q",
    {"why": "first", "language": "fr", "priority": 0, "rank": 1, "since": 0.0},
)
DEQUEUED = ("call.dequeued", "c", "a", "q", {"outcome": "answered", "wait_s": 1.0})
RINGING = ("call.ringing", "c", "a", "q", {"leg": "l", "why": "queue"})
CONNECTED = ("call.connected", "c", "a", "q", {"leg": "l", "wait_s": 1.0})
RELEASED = ("call.released", "c", "a", "q", {"why": "caller", "talk_s": 1.0, "hold_s": 0.0})
GIVEN = ("call.consent", "c", "", "", {"given": True, "how": "announce"})
STARTED = ("recording.started", "c", "a", "", {"recording": "r", "path": "/r"})
OPENED = ("leg.opened", "c", "a", "", {"leg": "l", "role": "agent"})
CLOSED = ("leg.closed", "c", "a", "", {"leg": "l", "role": "agent"})
OUTSIDE = ("leg.opened", "c", "", "", {"leg": "o", "role": "consult", "route": "+212", "per_minute": 2.0})
LOADED = (
    "centre.loaded",
    "",
    "",
    "",
    {"queues": {"q": {"rules": {"strategy": "random", "ring_all_max": 5}}}},
)
RING_ALL = (*LOADED[:4], {"queues": {"q": {"rules": {"strategy": "ring-all", "ring_all_max": 2}}}})
SPARED = ("call.spared", "c", "b", "q", {"leg": "m", "why": "elsewhere", "ring_s": 1.0})
DIALLING = ("callback.dialling", "c", "a", "", {"callback": "c", "attempt": 1, "leg": "o"})
MISSED = (
    "callback.missed",
    "c",
    "a",
    "",
    {"callback": "c", "attempt": 1, "code": 480, "reason": "", "retry_at": 0.0},
)


def state(name: str, **more: Any) -> tuple[Any, ...]:
    return ("agent.state", "", "a", "", {"state": name, **more})


def other(line: tuple[Any, ...], call: str = "d", agent: str | None = None, **more: Any) -> tuple[Any, ...]:
    return (line[0], call, line[2] if agent is None else agent, line[3], line[4] | more)


A_DAY = [
    state("paused"), state("ready"), OFFERED, GIVEN, QUEUED, OPENED, RINGING, state("ringing"), state("talking"),
    CONNECTED, DEQUEUED, STARTED, other(RELEASED, "c", at=1_012.0, talk_s=2.0), state("ready", at=1_012.0),
    other(ENDED, "c", at=1_013.0), other(CLOSED, "c", at=1_014.0),
]  # fmt: skip

A_TEAMS_DAY = [
    RING_ALL, state("paused"), state("ready"), other(state("paused"), "", "b"), other(state("ready"), "", "b"),
    OFFERED, GIVEN, QUEUED, OPENED, other(OPENED, "c", "b", leg="m"),
    other(RINGING, "c", at=1_020.0), state("ringing", at=1_020.0),
    other(RINGING, "c", "b", leg="m", at=1_020.0), other(state("ringing"), "", "b", at=1_020.0),
    other(SPARED, "c", at=1_021.0), other(state("ready"), "", "b", at=1_021.0), state("talking", at=1_021.0),
    other(CONNECTED, "c", at=1_021.0), other(DEQUEUED, "c", at=1_021.0), other(STARTED, "c", at=1_021.0),
    other(RELEASED, "c", at=1_023.0, talk_s=2.0), state("ready", at=1_023.0), other(ENDED, "c", at=1_024.0),
    other(CLOSED, "c", at=1_025.0), other(CLOSED, "c", "b", leg="m", at=1_025.0),
]  # fmt: skip

BROKEN: dict[str, tuple[i.Checker, list[tuple[Any, ...]], str]] = {
    "a call that never ends": (i.OneEnd(), [OFFERED], "never ended"),
    "a call that ends twice": (i.OneEnd(), [OFFERED, ENDED, ENDED], "was not open"),
    "a call that begins twice": (i.OneEnd(), [OFFERED, ENDED, OFFERED, ENDED], "begins twice"),
    "a call that goes on after its end": (i.OneEnd(), [OFFERED, ENDED, GIVEN], "which is over"),
    "a call queued twice": (i.OnePlace(), [QUEUED, QUEUED, DEQUEUED], "is queued"),
    "a call that waits and ends": (i.OnePlace(), [QUEUED, ENDED], "while it waits"),
    "two agents rung for one call": (i.OnePlace(), [RINGING, other(RINGING, "c", "b")], "a second agent"),
    "two agents rung by a queue that rings one": (
        i.OnePlace(), [LOADED, RINGING, other(RINGING, "c", "b", leg="m", at=1_002.0)], "a second agent",
    ),
    "more phones than the queue may ring": (
        i.OnePlace(), [RING_ALL, *(other(RINGING, "c", leg=leg, at=1_002.0) for leg in "lmn")], "a second agent",
    ),
    "phones of one queue that ring one after the other": (
        i.OnePlace(), [RING_ALL, RINGING, other(RINGING, "c", "b", leg="m")], "a second agent",
    ),
    "a phone that rings on when another was answered": (
        i.OnePlace(), [RING_ALL, *(other(RINGING, "c", leg=leg, at=1_002.0) for leg in "lm"), CONNECTED],
        "while other phones ring",
    ),
    "a call connected twice": (i.OnePlace(), [CONNECTED, CONNECTED, RELEASED], "connected twice"),
    "the last message while one waits": (
        i.OnePlace(), [QUEUED, ("call.message", "c", "", "", {"why": "closed"}), DEQUEUED], "last message",
    ),
    "an agent on two calls": (i.OneCall(), [CONNECTED, other(CONNECTED), other(RELEASED)], "while on c"),
    "an agent who is never released": (i.OneCall(), [CONNECTED], "still on c"),
    "a ring for one who pauses": (i.RingsReady(), [state("paused"), RINGING], "rung while paused"),
    "a ring for one who is being rung": (i.RingsReady(), [state("ready"), state("ringing"), RINGING], "rung while ringing"),
    "a consultation that rings one in wrap-up": (
        i.RingsReady(), [state("wrapup"), state("ringing"), state("ready")], "rings while wrapup",
    ),
    "an agent left talking": (i.RingsReady(), [state("ready"), state("talking")], "left talking"),
    "the second before the first": (i.FirstCome(), [QUEUED, other(QUEUED, rank=2), other(RINGING)], "came first"),
    "a ring for one who does not wait": (i.FirstCome(), [RINGING], "does not wait"),
    "more leave than came": (i.Accounts(), [OFFERED, QUEUED, DEQUEUED, DEQUEUED], "more left than came"),
    "a visit without an end": (i.Accounts(), [OFFERED, QUEUED, ENDED], "ended while in q"),
    "time that runs back": (i.AgentTime(), [state("ready", at=5.0), state("paused", at=4.0)], "before its predecessor"),
    "a negative wait": (i.AgentTime(), [other(DEQUEUED, "c", wait_s=-0.1)], "wait_s is -0.1"),
    "more work than login": (
        i.AgentTime(), [state("ready"), other(RELEASED, "c", talk_s=99.0), state("ready")], "of work in",
    ),
    "a customer dialled before his agent answers": (
        i.Callbacks(), [RINGING, DIALLING], "before an agent has answered",
    ),
    "a fourth attempt": (i.Callbacks(), [other(DIALLING, "c", attempt=4)], "attempt 4"),
    "an attempt too soon": (
        i.Callbacks(), [DIALLING, MISSED, other(DIALLING, "c", attempt=2)], "tried again after",
    ),
    "a customer dialled without intent": (i.Callbacks(), [other(OUTSIDE, "c", role="caller")], "without an intent"),
    "a leg opened twice": (i.Legs(), [OPENED, OPENED, CLOSED], "opened twice"),
    "a leg never closed": (i.Legs(), [OPENED], "never closed"),
    "a leg closed twice": (i.Legs(), [OPENED, CLOSED, CLOSED], "was not open"),
    "a recording without consent": (i.Recorded({"p": "ask"}), [OFFERED, STARTED], "without consent"),
    "a recording nobody asked for": (i.Recorded({"p": "none"}), [OFFERED, GIVEN, STARTED], "without consent"),
    "a recording that is missing": (
        i.Recorded({"p": "announce"}), [OFFERED, GIVEN, CONNECTED, ENDED], "should have been recorded",
    ),
    "two recordings": (i.Recorded({"p": "announce"}), [OFFERED, GIVEN, STARTED, STARTED], "recorded twice"),
    "a pause of nothing": (
        i.Recorded({"p": "ask"}), [("recording.paused", "c", "a", "", {"recording": "r"})], "changes nothing",
    ),
    "listening that nobody noted": (
        i.Audited(), [("supervision.started", "c", "s", "", {"leg": "l", "mode": "listen", "target": "a"})], "audit",
    ),
    "an event that is missing": (i.Appended(), [], "follows event"),
    "too many outside calls": (i.Money(1, 100.0), [OUTSIDE, other(OUTSIDE, leg="n")], "outside calls at once"),
    "too much money": (i.Money(9, 3.0), [OUTSIDE, other(OUTSIDE, leg="n")], "spent within an hour"),
    "an outside call that costs for ever": (i.Money(9, 9.0), [OUTSIDE], "still costs"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_checker_fails_on_a_doctored_log(name: str) -> None:
    checker, lines, said = BROKEN[name]
    events = told(*lines) or [Event(1.0, "audit", seq=1), Event(2.0, "audit", seq=3)]
    assert any(said in text for text in wrong(checker, events)), wrong(checker, events)


@pytest.mark.parametrize("day", [A_DAY, A_TEAMS_DAY])
def test_no_checker_fails_on_an_honest_day(day: list[tuple[Any, ...]]) -> None:
    for checker in i.checkers({"p": "announce"}, concurrent_max=1, hourly_max=1.0):
        assert wrong(checker, told(*day)) == [], checker.name


def test_a_phone_that_rings_for_advice_may_ring_on_for_the_caller() -> None:
    moved = ("leg.moved", "c", "a", "", {"leg": "l", "role": "agent"})
    events = told(state("ready"), state("ringing"), moved, RINGING, state("talking"), state("ready"))
    assert wrong(i.RingsReady(), events) == []


def test_every_checker_is_shown_to_fail() -> None:
    every = {type(checker) for checker in i.checkers({}, concurrent_max=1, hourly_max=1.0)}
    assert every == {type(checker) for checker, _, _ in BROKEN.values()}


def test_money_is_counted_by_the_started_minute() -> None:
    money = i.Money(9, 100.0)
    wrong(money, told(OUTSIDE, other(CLOSED, "c", leg="o", at=1_061.0)))
    assert money.total == 1 * 2.0
