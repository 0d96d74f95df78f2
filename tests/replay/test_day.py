"""What a recorder makes of small stories: who came, what became of him, who was there."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import pytest

from marhaba.floor.loaded import Loaded, LoadedAgent, LoadedQueue, ServiceLevel, told
from marhaba.journal.events import Event
from marhaba.kernel.errors import BadInput
from marhaba.kernel.rules import QueueRules
from marhaba.replay.day import Contact, Presence, Recorder
from marhaba.replay.plan import INTERVAL_S, day_from

T = 1_764_000_000.0


def queue(name: str) -> LoadedQueue:
    return LoadedQueue(QueueRules(name), 20.0, 15.0, 0.0, False, 30.0, ServiceLevel())


LOADED = Loaded(
    "UTC",
    {name: queue(name) for name in ("accueil", "sav")},
    {"amal": LoadedAgent({"fr": 9}, None), "driss": LoadedAgent({"fr": 3}, ("sav",))},
)


def loaded(at: float = 0.0, what: Loaded = LOADED) -> Event:
    return Event(T + at, "centre.loaded", data=told(what))


def state(at: float, agent: str, word: str, call: str = "") -> Event:
    return Event(T + at, "agent.state", call, agent, data={"state": word, "code": ""})


def queued(at: float, call: str, name: str, *, why: str = "first", since: float | None = None) -> Event:
    data = {"language": "fr", "priority": 0, "rank": 1, "since": T + (at if since is None else since)}
    return Event(T + at, "call.queued", call, "", name, data | {"why": why})


def dequeued(at: float, call: str, outcome: str, agent: str = "") -> Event:
    return Event(T + at, "call.dequeued", call, agent, "", {"outcome": outcome, "wait_s": 0.0})


def rings(at: float, call: str, agent: str, *, why: str = "queue") -> list[Event]:
    ring = Event(T + at, "call.ringing", call, agent, "", {"leg": "l", "why": why})
    return [ring, state(at, agent, "ringing", call)]


def heard(events: Sequence[Event]) -> Recorder:
    recorder = Recorder()
    for event in events:
        recorder.see(event)
    recorder.close()
    return recorder


def times(presence: Presence) -> tuple[float, float, list[tuple[float, float]]]:
    return presence.begin - T, presence.end - T, [(a - T, b - T) for a, b in presence.away]


def test_an_answered_call_has_its_wait_its_ring_and_the_agents_whole_time() -> None:
    recorder = heard(
        [
            loaded(),
            state(0, "amal", "ready"),
            queued(10, "c1", "accueil"),
            *rings(12, "c1", "amal"),
            state(15, "amal", "talking", "c1"),
            dequeued(15, "c1", "answered", "amal"),
            state(75, "amal", "wrapup", "c1"),
            state(90, "amal", "ready"),
            state(100, "amal", "logged_out"),
        ]
    )
    [contact] = recorder.contacts
    assert contact == Contact(
        "c1", "accueil", "fr", 0, T + 10, "answered", 5.0, agent="amal", ring_s=3.0, handle_s=75.0,
        patience_s=contact.patience_s, ring_since=T + 12,
    )  # fmt: skip
    assert contact.seen_s == 5.0
    [presence] = recorder.presences
    assert times(presence) == (0.0, 100.0, [])
    assert (presence.busy_s, presence.skills, presence.queues) == (78.0, {"fr": 9}, None)


def test_a_missed_ring_is_part_of_the_ringing_and_who_gives_up_is_seen_to() -> None:
    recorder = heard(
        [
            loaded(),
            state(0, "amal", "ready"),
            queued(10, "c1", "accueil"),
            *rings(10, "c1", "amal"),
            queued(30, "c1", "accueil", why="missed", since=10),
            state(30, "amal", "ready"),
            *rings(30, "c1", "amal"),
            dequeued(36, "c1", "abandoned"),
            state(36, "amal", "ready"),
        ]
    )
    [contact] = recorder.contacts
    assert (contact.outcome, contact.wait_s, contact.ring_s) == ("abandoned", 26.0, 26.0)
    assert math.isnan(contact.handle_s)


def test_phones_that_ring_together_count_once() -> None:
    recorder = heard(
        [
            loaded(),
            state(0, "amal", "ready"),
            state(0, "driss", "ready"),
            queued(10, "c1", "sav"),
            *rings(10, "c1", "amal"),
            *rings(14, "c1", "driss"),
            state(18, "driss", "talking", "c1"),
            dequeued(18, "c1", "answered", "driss"),
            state(18, "amal", "ready"),
            state(48, "driss", "ready"),
        ]
    )
    [contact] = recorder.contacts
    assert (contact.ring_s, contact.handle_s, contact.ringing) == (8.0, 30.0, 0)
    assert [presence.busy_s for presence in recorder.presences] == [8.0, 34.0]


def test_sent_on_is_the_same_caller_and_handed_on_is_another() -> None:
    recorder = heard(
        [
            loaded(),
            state(0, "amal", "ready"),
            queued(0, "c1", "accueil"),
            dequeued(40, "c1", "overflowed"),
            queued(40, "c1", "sav", why="overflow"),
            *rings(50, "c1", "amal"),
            state(52, "amal", "talking", "c1"),
            dequeued(52, "c1", "answered", "amal"),
            queued(80, "c1", "accueil", why="transfer"),
            state(80, "amal", "wrapup", "c1"),
            state(95, "amal", "ready"),
            dequeued(99, "c1", "abandoned"),
        ]
    )
    first, second = recorder.contacts
    assert (first.queue, first.outcome, first.wait_s, first.handle_s) == ("accueil", "answered", 52.0, 43.0)
    assert (second.queue, second.outcome, second.at, second.wait_s) == ("accueil", "abandoned", T + 80, 19.0)


def test_a_callback_waits_in_the_callers_stead_until_an_agent_dials() -> None:
    asked = {"callback": "b1", "number": "06", "language": "fr", "priority": 0, "rank": 1, "since": T}
    recorder = heard(
        [
            loaded(),
            state(0, "amal", "ready"),
            queued(0, "c1", "accueil"),
            Event(T + 35, "callback.asked", "c1", "", "accueil", asked),
            dequeued(35, "c1", "callback"),
            queued(35, "b1", "accueil", since=0),
            *rings(100, "b1", "amal"),
            state(103, "amal", "talking", "b1"),
            state(140, "amal", "ready"),
            *rings(740, "b1", "amal"),
            state(742, "amal", "talking", "b1"),
            dequeued(760, "b1", "answered", "amal"),
            state(800, "amal", "ready"),
        ]
    )
    [contact] = recorder.contacts
    assert (contact.callback, contact.outcome, contact.seen_s) == (True, "answered", 35.0)
    assert (contact.wait_s, contact.handle_s) == (103.0, 37.0 + 58.0)


def test_pauses_and_calls_no_queue_gave_are_time_away() -> None:
    recorder = heard(
        [
            loaded(),
            state(0, "amal", "paused"),
            state(5, "amal", "ready"),
            *rings(10, "c9", "amal", why="transfer"),
            state(12, "amal", "talking", "c9"),
            state(50, "amal", "ready"),
            state(60, "amal", "paused"),
            state(90, "amal", "paused"),
            state(120, "amal", "ready"),
        ]
    )
    [presence] = recorder.presences
    assert times(presence) == (0.0, math.inf, [(0.0, 5.0), (10.0, 50.0), (60.0, 90.0), (90.0, 120.0)])
    assert presence.busy_s == 0.0


def test_who_learns_something_is_somebody_else_from_then_on() -> None:
    recorder = heard(
        [
            loaded(),
            state(0, "amal", "ready"),
            Event(T + 50, "agent.skills", "", "amal", "", {"skills": {"fr": 9, "es": 5}}),
            loaded(60),  # as it was: the day's change is gone
            state(80, "amal", "logged_out"),
        ]
    )
    assert [(times(p)[:2], p.skills) for p in recorder.presences] == [
        ((0.0, 50.0), {"fr": 9}),
        ((50.0, 60.0), {"fr": 9, "es": 5}),
        ((60.0, 80.0), {"fr": 9}),
    ]
    assert recorder.loads == [T, T + 60]


def test_a_call_cut_off_by_the_journals_end_teaches_no_handle_time() -> None:
    recorder = heard(
        [
            loaded(),
            state(0, "amal", "ready"),
            queued(1, "c1", "accueil"),
            *rings(1, "c1", "amal"),
            state(3, "amal", "talking", "c1"),
            dequeued(3, "c1", "answered", "amal"),
            queued(9, "c2", "accueil"),
        ]
    )
    first, second = recorder.contacts
    assert (first.outcome, second.outcome) == ("answered", "")
    assert (first.ring_s, math.isnan(first.handle_s)) == (2.0, True)


def test_a_day_is_cut_at_half_hours_and_leaves_out_who_still_waits_or_found_a_queue_closed() -> None:
    contacts = [
        Contact("c0", "accueil", "fr", 0, T - 86_400.0, "answered", 1.0, handle_s=60.0),
        Contact("c1", "accueil", "fr", 0, T + 4_000.0, "answered", 5.0, handle_s=60.0),
        Contact("c2", "accueil", "fr", 2, T + 4_100.0, "abandoned", 5.0),
        Contact("c3", "accueil", "fr", 0, T + 4_200.0),
        Contact("c4", "gone", "fr", 0, T + 4_300.0, "abandoned", 5.0),
        Contact("c5", "accueil", "fr", 0, T + 4_400.0, "closed", 0.0),
        Contact("c6", "accueil", "fr", 0, T + 4_500.0, "closed", 9.0),
    ]
    presence = Presence("amal", {}, None, T + 3_700.0, T + 9_000.0)
    day = day_from(contacts, [presence], LOADED, [T + 5.0], span=(T, T + 86_400.0), learn_from=T - 90_000.0)
    assert (day.begin - T, day.end - T, day.intervals) == (2 * INTERVAL_S, 5 * INTERVAL_S, 3)
    assert [contact.call for contact in day.contacts] == ["c1", "c2", "c6"]
    assert [contact.call for contact in day.before] == ["c0"]
    assert (day.unfinished, day.loads, day.kinds) == (1, 1, [("accueil", 0, "fr"), ("accueil", 2, "fr")])


def test_an_empty_day_and_one_without_an_answered_call_are_refused() -> None:
    left = Contact("c1", "accueil", "fr", 0, T + 1.0, "abandoned", 5.0)
    for contacts, what, code in (
        ([], LOADED, "empty-day"),
        ([left], None, "empty-day"),
        ([left], LOADED, "nothing-answered"),
    ):
        with pytest.raises(BadInput) as refused:
            day_from(contacts, [], what, [], span=(T, T + 100.0), learn_from=T)
        assert refused.value.code == code


def test_the_rules_are_read_as_they_were_told() -> None:
    assert msgspec.convert(told(LOADED), Loaded) == LOADED
