"""Records are a replay of the journal: they add up, whatever legal day is replayed, and in whatever portions."""

import copy

from hypothesis import given
from hypothesis import strategies as st

from marhaba.journal.events import Event
from marhaba.journal.records import Records
from tests.journal.days import answered_call, days, event, offered, queued


def test_the_record_of_an_answered_call() -> None:
    records = Records()
    records.apply_all(answered_call())
    call = records.calls["c1"]
    assert (call.outcome, call.ended_by, call.language, call.consent) == ("answered", "caller", "fr", True)
    assert (call.wait_s, call.talk_s, call.missed, call.agents, call.queues) == (8.0, 50.0, 1, ["a2"], ["fr"])
    assert (call.recordings, call.disposition, call.note, call.mos, call.lost) == (
        ["/r.wav"],
        "sale",
        "ok",
        3.9,
        3,
    )
    assert len(call.visits) == 1
    assert records.reconcile() == []


def test_an_overflow_is_two_visits_and_each_is_counted_in_its_queue() -> None:
    records = Records()
    records.apply_all(
        [
            offered(0, "c"),
            queued(0, "c"),
            event(30, "call.dequeued", call="c", queue="fr", outcome="overflowed", wait_s=30.0),
            event(30, "call.overflowed", call="c", queue="fr", to="es", reason="wait"),
            queued(30, "c", "es", "overflow"),
            event(50, "call.dequeued", call="c", queue="es", outcome="abandoned", wait_s=20.0),
            event(50, "call.ended", call="c", outcome="abandoned", by="caller", reason="bye", code=200),
        ]
    )
    figures = {f.queue: f for f in records.figures()}
    assert (figures["fr"].offered, figures["fr"].outcomes["overflowed"]) == (1, 1)
    assert (figures["es"].offered, figures["es"].abandoned_wait_s) == (1, (20.0,))
    assert records.calls["c"].visits[0].overflow_to == "es"
    assert records.reconcile() == []


def test_a_callback_is_a_call_of_its_own_and_its_caller_did_not_abandon() -> None:
    records = Records()
    records.apply_all(
        [
            offered(0, "c"),
            queued(0, "c"),
            event(
                40,
                "callback.asked",
                call="c",
                queue="fr",
                callback="k",
                number="+33123456789",
                language="fr",
                rank=1,
            ),
            event(40, "call.dequeued", call="c", queue="fr", outcome="callback", wait_s=40.0),
            queued(40, "k"),
            event(41, "call.ended", call="c", outcome="callback", by="floor", reason="callback", code=200),
        ]
    )
    assert records.calls["k"].callback
    assert [f.outcomes["callback"] for f in records.figures()] == [1]
    assert [f.waiting for f in records.figures()] == [1]
    assert records.reconcile() == []


def test_agent_time_adds_up_to_login_time() -> None:
    records = Records()
    states = [
        (0, "paused", "login"),
        (5, "ready", ""),
        (20, "ringing", ""),
        (24, "talking", ""),
        (90, "wrapup", ""),
    ]
    for at, state, code in [*states, (105, "paused", "lunch"), (405, "ready", ""), (500, "logged_out", "")]:
        records.apply(event(at, "agent.state", agent="a1", state=state, code=code))
    time = records.agents["a1"]
    assert time.in_states(600) == {"paused": 305, "ready": 110, "ringing": 4, "talking": 66, "wrapup": 15}
    assert time.login_s(600) == 500
    assert time.pauses == {"login": 5, "lunch": 300}
    assert records.reconcile() == []


def test_what_does_not_add_up_is_named() -> None:
    records = Records()
    records.apply_all(e for e in answered_call() if e.kind not in ("call.dequeued", "call.released"))
    assert records.reconcile() == ["call c1: ended while in fr", "call c1: ended while a2 talks"]
    records = Records()
    records.apply_all(e for e in answered_call() if e.kind != "call.connected")
    assert records.reconcile() == ["call c1: answered by nobody"]


def test_filters_find_calls() -> None:
    records = Records()
    records.apply_all(answered_call("c1") + answered_call("c2", at=1000.0) + [offered(2000.0, "c3")])
    assert [c.call for c in records.find(queue="fr")] == ["c1", "c2"]
    assert [c.call for c in records.find(agent="a2", begin=500.0)] == ["c2"]
    assert [c.call for c in records.find(outcome="answered", end=500.0)] == ["c1"]
    assert [c.call for c in records.find(number="+33123456789")] == ["c1", "c2", "c3"]
    assert list(records.find(programme="other")) == []


def test_events_of_unknown_calls_change_nothing() -> None:
    records = Records()
    for e in answered_call():
        if e.kind != "call.offered":
            records.apply(e)
    assert records.calls == {}


@given(days(), st.integers(0, 60))
def test_every_legal_day_adds_up_and_can_be_applied_in_portions(day: list[Event], cut: int) -> None:
    whole, first = Records(), Records()
    whole.apply_all(day)
    first.apply_all(day[:cut])
    second = copy.deepcopy(first)
    second.apply_all(day[cut:])
    assert whole.reconcile() == []
    assert second.calls == whole.calls
    assert second.figures() == whole.figures()
