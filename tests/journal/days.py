"""Days as the floor would write them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from marhaba.journal.events import Event

STATES = ("paused", "ready", "ringing", "talking", "wrapup", "logged_out")


def event(at: float, kind: str, *, call: str = "", agent: str = "", queue: str = "", **data: Any) -> Event:
    return Event(at, kind, call, agent, queue, data)


def offered(at: float, call: str) -> Event:
    return event(
        at, "call.offered", call=call, programme="banque", number="0539000000", caller="+33123456789"
    )


def queued(at: float, call: str, queue: str = "fr", why: str = "first") -> Event:
    return event(
        at, "call.queued", call=call, queue=queue, why=why, since=at, rank=1, priority=0, language="fr"
    )


def answered_call(call: str = "c1", at: float = 0.0, *, sound: str = "/r.wav") -> list[Event]:
    return [
        offered(at, call),
        event(at, "call.answered", call=call),
        event(at + 1, "call.language", call=call, language="fr", how="menu"),
        event(at + 2, "call.consent", call=call, given=True, how="announce"),
        queued(at + 2, call),
        event(at + 3, "call.ringing", call=call, agent="a1", queue="fr", leg="l", why="queue"),
        event(
            at + 8, "call.missed", call=call, agent="a1", queue="fr", leg="l", code=408, reason="x", ring_s=5
        ),
        queued(at + 8, call, why="missed"),
        event(at + 10, "call.connected", call=call, agent="a2", queue="fr", leg="m", wait_s=8),
        event(at + 10, "call.dequeued", call=call, agent="a2", queue="fr", outcome="answered", wait_s=8.0),
        event(at + 10, "recording.started", call=call, recording="r", path=sound),
        event(at + 70, "call.released", call=call, agent="a2", why="caller", talk_s=50.0, hold_s=10.0),
        event(at + 70, "call.ended", call=call, outcome="answered", by="caller", reason="bye", code=200),
        event(at + 71, "leg.closed", call=call, leg="l", lost=2, mos=4.1),
        event(at + 71, "leg.closed", call=call, leg="m", lost=1, mos=3.9),
        event(at + 80, "agent.disposition", call=call, agent="a2", disposition="sale", note="ok"),
    ]


def abandoned_call(
    call: str, at: float, *, caller: str, programme: str = "hotel", wait: float = 30.0
) -> list[Event]:
    said = {"programme": programme, "number": "0539111111", "caller": caller}
    return [
        event(at, "call.offered", call=call, **said),
        queued(at, call, "es"),
        event(at + wait, "call.dequeued", call=call, queue="es", outcome="abandoned", wait_s=wait),
        event(at + wait, "call.ended", call=call, outcome="abandoned", by="caller", reason="bye", code=200),
    ]


@st.composite
def logins(draw: st.DrawFn, agent: str) -> list[Event]:
    """One agent's states, some of them about a call."""
    at, events = draw(st.floats(0, 1_000)), []
    for state in draw(st.lists(st.sampled_from(STATES), max_size=8)):
        call = draw(st.sampled_from(["c0", "c1", "unknown"])) if state in ("talking", "wrapup") else ""
        events.append(
            event(
                at,
                "agent.state",
                call=call,
                agent=agent,
                state=state,
                code=draw(st.sampled_from(["", "lunch"])),
            )
        )
        at += draw(st.floats(0, 2_000))
    return events


@st.composite
def days(draw: st.DrawFn) -> list[Event]:
    """Legal days: calls that wait, overflow, are answered, held back or given up, interleaved in time."""
    events: list[Event] = []
    for number in range(draw(st.integers(0, 6))):
        call, at = f"c{number}", draw(st.floats(0, 5_000))
        events += [offered(at, call), queued(at, call)]
        since, queue = at, "fr"
        for _ in range(draw(st.integers(0, 2))):
            at += draw(st.floats(0, 100))
            to = "es" if queue == "fr" else "fr"
            events.append(
                event(at, "call.dequeued", call=call, queue=queue, outcome="overflowed", wait_s=at - since)
            )
            events += [queued(at, call, to, "overflow")]
            since, queue = at, to
        at += draw(st.floats(0, 100))
        ending = draw(st.sampled_from(["answered", "abandoned", "voicemail", "failed", "waiting"]))
        if ending == "waiting":
            continue
        agent = draw(st.sampled_from(["a1", "a2"]))
        if ending == "answered":
            events.append(event(at, "call.connected", call=call, agent=agent, queue=queue, leg="l", wait_s=0))
        events.append(
            event(at, "call.dequeued", call=call, queue=queue, agent=agent, outcome=ending, wait_s=at - since)
        )
        if ending == "answered":
            talk = draw(st.floats(0, 500))
            at += talk
            events.append(
                event(at, "call.released", call=call, agent=agent, why="x", talk_s=talk, hold_s=0.0)
            )
        events.append(event(at, "call.ended", call=call, outcome=ending, by="caller", reason="bye", code=200))
    for agent in ("a1", "a2"):
        events += draw(logins(agent))
    return sorted(events, key=lambda e: e.at)
