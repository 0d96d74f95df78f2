"""The floor is killed under its calls and comes back: nothing is lost, nothing is counted twice."""

from __future__ import annotations

import pytest

from tests.floor.stage import START, Stage
from tests.floor.test_stage_callbacks import asked
from tests.floor.test_stage_calls import greeted, talking
from tests.floor.test_stage_transfers import consulting


def test_who_talks_goes_on_talking() -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage, "0539000001")
    call, hears = stage.call, dict(stage.hears)
    stage.restart()
    assert stage.hears == hears
    assert (stage.call.id, stage.call.stage) == (call.id, "talking")
    stage.run(60.0)
    stage.carrier.hang_up()
    stage.settled()
    record = stage.records.calls[call.id]
    assert (record.outcome, len(record.parts), len(record.visits)) == ("answered", 1, 1)
    assert stage.state_of("amal") == "ready"


@pytest.mark.parametrize("who", ["caller", "agent"])
def test_a_hang_up_in_the_gap_ends_the_call_when_the_floor_is_back(who: str) -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    (stage.carrier if who == "caller" else stage.phones["amal"]).hang_up()
    stage.restart(gap_s=2.0)
    stage.run(5.0)  # the BYE is repeated
    assert stage.carrier.legs == stage.phones["amal"].legs == []
    stage.settled()
    assert len(stage.of("call.ended")) == 1


def test_waiting_callers_keep_their_order() -> None:
    stage = Stage()
    for n in (1, 2, 3):
        stage.carrier.dial("0539000001", caller=f"066100000{n}")
        stage.run(2.0)
    stage.restart()
    stage.run(1.0)
    ranks = [(call.caller, call.rank) for call in stage.floor.state.calls.values()]
    assert ranks == sorted(ranks, key=lambda entry: entry[1])
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(3.0)
    (talks,) = (call for call in stage.floor.state.calls.values() if call.stage == "talking")
    assert talks.caller == "0661000001"
    assert stage.one("call.connected").data["wait_s"] > 6.0
    for leg in list(stage.carrier.legs):
        stage.carrier.hang_up(leg)
    stage.settled()


@pytest.mark.parametrize("gap_s", [0.0, 0.3, 3.0])
def test_a_phone_that_rings_goes_on_ringing_and_may_be_answered(gap_s: float) -> None:
    stage = Stage(logged_in=("amal",))
    stage.phones["amal"].auto = None
    greeted(stage)
    stage.run(1.0)
    stage.restart(gap_s)
    stage.run(0.5)
    stage.phones["amal"].answer()
    stage.run(1.0)
    assert stage.call.stage == "talking"
    assert stage.both_hear(stage.call.caller_leg, stage.call.agent_leg)
    assert len(stage.of("call.ringing")) == 1
    stage.carrier.hang_up()
    stage.settled()


def test_a_phone_answered_in_the_gap_is_connected() -> None:
    stage = Stage(logged_in=("amal",))
    stage.phones["amal"].auto = None
    greeted(stage)
    stage.run(1.0)
    stage.later(0.2, stage.phones["amal"].answer)
    stage.restart(1.0)
    stage.run(5.0)
    assert stage.call.stage == "talking"
    stage.carrier.hang_up()
    stage.settled()


def test_a_ring_ends_at_its_time_all_the_same() -> None:
    stage = Stage(logged_in=("amal",))
    stage.phones["amal"].auto = None
    greeted(stage)
    stage.run(1.0)
    stage.restart(1.0)
    stage.run(17.0)
    assert stage.of("call.missed") == []
    stage.run(2.0)
    assert len(stage.of("call.missed")) == 1
    stage.carrier.hang_up()
    stage.settled()


def test_the_greeting_begins_again() -> None:
    stage = Stage(logged_in=("chaimae",))
    greeted(stage, "0539000000")
    stage.run(2.0)
    stage.restart()
    stage.run(2.5)
    stage.press(stage.call, "2")
    stage.run(4.0)
    assert stage.call.agent == "chaimae"
    stage.carrier.hang_up()
    stage.settled()


def test_wrap_up_goes_on_to_its_end() -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    stage.carrier.hang_up()
    stage.run(4.0)
    stage.restart(1.0)
    assert stage.state_of("amal") == "wrapup"
    stage.run(5.5)
    assert stage.state_of("amal") == "ready"
    stage.settled()


def test_a_callback_keeps_its_place_and_its_next_attempt() -> None:
    stage = Stage()
    callback = asked(stage)
    stage.restart()
    assert stage.floor.state.routing.position(callback) == 1
    stage.carrier.code = 480
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(10.0)
    assert len(stage.of("callback.missed")) == 1
    stage.restart()
    stage.run(500.0)
    assert len(stage.of("callback.missed")) == 1
    stage.run(200.0)
    assert len(stage.of("callback.missed")) == 2


def test_a_consultation_survives() -> None:
    stage = Stage(logged_in=("amal",))
    consulting(stage)
    stage.restart()
    assert stage.ask("complete", agent="amal").ok
    stage.run(1.0)
    assert stage.both_hear(stage.call.caller_leg, stage.call.agent_leg)
    stage.carrier.hang_up()
    stage.settled()


def test_a_host_that_lost_its_power_ends_what_was_and_begins_anew() -> None:
    stage = Stage(logged_in=("amal", "brahim"))
    talking(stage)
    stage.carrier.dial("0539000001", caller="0661000002")
    stage.run(5.0)
    stage.restart(60.0, audio_lost=True)
    assert stage.floor.state.calls == {}
    assert {event.data["by"] for event in stage.of("call.ended")} == {"crash"}
    assert stage.state_of("amal") in ("wrapup", "paused", "ready")
    stage.run(20.0)
    stage.ask("ready", agent="amal")
    stage.carrier.legs.clear()
    talking(stage)
    stage.carrier.hang_up()
    stage.settled()


def test_dying_again_and_again_counts_every_call_once() -> None:
    stage = Stage(logged_in=("amal", "brahim"))
    for n in range(6):
        stage.carrier.dial("0539000001", caller=f"066100000{n}")
        stage.run(1.7)
        stage.restart(0.2)
    stage.run(30.0)
    for leg in list(stage.carrier.legs):
        stage.carrier.hang_up(leg)
    stage.settled()
    assert len(stage.records.calls) == len(stage.of("call.ended")) == 6
    assert sum(len(record.visits) for record in stage.records.calls.values()) == 6


def test_a_media_worker_that_dies_ends_its_calls_and_frees_everybody() -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    stage.carrier.dial("0539000001", caller="0661000002")
    stage.run(2.0)
    stage.lose_worker()
    assert stage.floor.state.calls == {}
    assert stage.carrier.legs == stage.phones["amal"].legs == []
    assert [event.data["outcome"] for event in stage.of("call.ended")] == ["answered", "abandoned"]
    stage.run(12.0)
    assert stage.state_of("amal") == "ready"
    talking(stage)
    stage.carrier.hang_up()
    stage.settled()


@pytest.mark.parametrize("stage_of_call", ["greeting", "ringing", "consulting", "message"])
def test_whatever_a_call_does_when_its_worker_dies(stage_of_call: str) -> None:
    stage = Stage(logged_in=("amal",), at=START + 45_000.0 if stage_of_call == "message" else START)
    if stage_of_call == "greeting":
        greeted(stage, "0539000000")
    elif stage_of_call == "ringing":
        stage.phones["amal"].auto = None
        greeted(stage)
        stage.run(1.0)
    elif stage_of_call == "consulting":
        consulting(stage)
    else:
        greeted(stage, "0539000003")
        stage.run(15.0)
    stage.lose_worker()
    stage.run(15.0)
    assert stage.floor.state.calls == {}
    stage.settled()


def test_after_a_power_cut_phones_that_still_hold_the_line_are_told() -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    phone = stage.phones["amal"]
    assert phone.legs
    assert stage.carrier.legs
    stage.restart(gap_s=5.0, audio_lost=True)
    stage.run(2.0)
    assert phone.legs == []
    assert stage.carrier.legs == []
    stage.settled()


def test_a_floor_that_dies_between_its_commit_and_the_command_opens_the_audio_then() -> None:
    """The caller has been answered and the journal knows; the worker was never told."""
    stage = Stage()
    obey = stage._obey
    stage._obey = lambda command: None  # type: ignore[method-assign]
    stage.carrier.dial("0539000001")
    stage.run(0.03)
    (leg,) = (event.data["leg"] for event in stage.of("leg.opened"))
    assert leg not in stage.open
    stage._obey = obey  # type: ignore[method-assign]
    stage.restart(gap_s=0.2)
    assert leg in stage.open
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(12.0)
    assert stage.both_hear(stage.call.caller_leg, stage.call.agent_leg)
    stage.carrier.hang_up()
    stage.settled()
    assert stage.outcome() == "answered"
