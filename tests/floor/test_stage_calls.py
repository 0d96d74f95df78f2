"""Whole calls on the stage: a caller arrives, waits, talks and leaves."""

from __future__ import annotations

import pytest

from tests.floor.stage import Stage


def greeted(stage: Stage, number: str = "0539000001") -> None:
    stage.carrier.dial(number)
    stage.run(0.5)


def test_a_caller_is_greeted_chooses_a_language_and_reaches_an_agent_who_speaks_it() -> None:
    stage = Stage(logged_in=("amal", "brahim", "chaimae"))
    greeted(stage, "0539000000")
    assert stage.call.stage == "greeting"
    stage.run(2.0)  # the greeting is over, the menu plays
    stage.press(stage.call, "2")
    stage.run(0.5)
    assert (stage.call.language, stage.call.queue) == ("es", "")
    stage.run(1.0)  # the notice of recording
    assert (stage.call.queue, stage.call.agent) == ("espagnol", "chaimae")
    stage.run(2.5)
    call = stage.call
    assert call.stage == "talking"
    assert stage.both_hear(call.caller_leg, call.agent_leg)
    assert list(stage.recording) == [call.recording]
    stage.run(30.0)
    stage.carrier.hang_up()
    stage.run(1.0)
    record = next(iter(stage.records.calls.values()))
    assert (record.outcome, record.ended_by, record.agents, record.consent) == (
        "answered",
        "caller",
        ["chaimae"],
        True,
    )
    assert record.talk_s == pytest.approx(30.0, abs=1.0)
    assert stage.one("recording.ended").call_id == record.call
    stage.settled()


def talking(stage: Stage, number: str = "0539000001") -> None:
    """A caller and an agent who talk."""
    greeted(stage, number)
    stage.run(3.0)
    assert stage.call.stage == "talking"


def test_silence_in_the_menu_asks_again_and_then_takes_the_first_language() -> None:
    stage = Stage(logged_in=("amal",))
    greeted(stage, "0539000000")
    stage.run(60.0)
    assert stage.one("call.language").data == {"language": "fr", "how": "default"}
    plays = [c.tag.partition("/")[2] for c in stage.commands if type(c).__name__ == "Play"]
    assert plays.count("menu") >= 2
    stage.carrier.hang_up()
    stage.settled()


def test_a_wrong_key_asks_again_at_once() -> None:
    stage = Stage(logged_in=("amal",))
    greeted(stage, "0539000000")
    stage.run(2.0)
    stage.press(stage.call, "9")
    assert stage.playing[stage.call.caller_leg][0].endswith("/menu")
    stage.press(stage.call, "1")
    assert stage.call.language == "fr"
    stage.carrier.hang_up()
    stage.settled()
    assert stage.outcome() == "abandoned_ivr"


@pytest.mark.parametrize(("key", "given", "recorded"), [("1", True, 1), ("2", False, 0), ("", False, 0)])
def test_who_is_asked_is_recorded_only_after_a_yes(key: str, given: bool, recorded: int) -> None:
    stage = Stage(logged_in=("amal",))
    greeted(stage, "0539000002")
    stage.run(0.2)
    if key:
        stage.press(stage.call, key)
    stage.run(20.0)
    assert stage.one("call.consent").data == {"given": given, "how": "key"}
    assert len(stage.recording) == recorded
    stage.carrier.hang_up()
    stage.settled()


@pytest.mark.parametrize(
    ("after_s", "outcome"), [(0.3, "abandoned_ivr"), (3.0, "abandoned_ivr"), (30.0, "abandoned")]
)
def test_a_caller_may_leave_at_any_moment(after_s: float, outcome: str) -> None:
    stage = Stage()  # nobody is logged in
    greeted(stage, "0539000000")
    if after_s > 10:
        stage.run(2.0)
        stage.press(stage.call, "1")
    stage.run(after_s)
    stage.carrier.hang_up()
    stage.settled()
    assert stage.outcome() == outcome


def test_a_caller_who_leaves_while_it_rings_costs_the_agent_nothing() -> None:
    stage = Stage(logged_in=("amal",))
    stage.phones["amal"].auto = None
    greeted(stage)
    stage.run(1.0)
    since = stage.floor.seat("amal").idle_since
    assert stage.state_of("amal") == "ringing"
    stage.carrier.hang_up()
    stage.run(1.0)
    assert stage.state_of("amal") == "ready"
    assert stage.floor.seat("amal").idle_since == since
    assert stage.phones["amal"].legs == []
    stage.settled()


def test_a_hang_up_that_crosses_the_agents_answer_ends_both_sides() -> None:
    stage = Stage(logged_in=("amal",))
    stage.phones["amal"].auto = None
    greeted(stage)
    stage.run(1.0)
    stage.phones["amal"].answer()
    stage.carrier.hang_up()
    stage.run(1.0)
    assert stage.phones["amal"].legs == []
    stage.settled()
    assert stage.state_of("amal") in ("ready", "wrapup")


def test_a_phone_nobody_answers_keeps_the_callers_place_and_pauses_after_the_second() -> None:
    stage = Stage(logged_in=("amal",))
    stage.phones["amal"].auto = None
    greeted(stage)
    rank = stage.call.rank
    stage.run(21.0)
    assert stage.one("call.missed").data["ring_s"] == pytest.approx(20.0, abs=0.1)
    assert (stage.call.stage, stage.call.rank) == ("ringing", rank)  # he is the only one: he is rung again
    stage.run(20.5)
    assert (stage.state_of("amal"), stage.floor.seat("amal").code) == ("paused", "missed")
    assert stage.call.stage == "queued"
    stage.phones["amal"].auto = 1.0
    assert stage.ask("ready", agent="amal").ok
    stage.run(3.0)
    assert stage.call.stage == "talking"
    assert stage.one("call.connected").data["wait_s"] == pytest.approx(44.0, abs=1.5)
    stage.carrier.hang_up()
    stage.settled()


@pytest.mark.parametrize("code", [486, 603, 480])
def test_a_phone_that_refuses_sends_the_caller_to_the_next_agent(code: int) -> None:
    stage = Stage(logged_in=("amal", "brahim"))
    stage.phones["amal"].code = code
    greeted(stage)
    stage.run(8.0)
    assert stage.call.agent == "brahim"
    assert stage.one("call.missed").data["code"] == code
    stage.carrier.hang_up()
    stage.settled()


def test_an_agent_without_a_phone_is_paused_and_said_so() -> None:
    stage = Stage(logged_in=("amal", "brahim"))
    stage.floor.endpoint.registrar._users.pop("101")
    greeted(stage)
    stage.run(4.0)
    assert stage.call.agent == "brahim"
    assert stage.floor.seat("amal").code == "unreachable"
    assert [e.data["tried"] for e in stage.of("agent.state") if "tried" in e.data] == [stage.call.id]
    stage.carrier.hang_up()
    stage.settled()


def test_wrap_up_ends_by_itself_early_or_later() -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    stage.carrier.hang_up()
    stage.run(5.0)
    assert stage.state_of("amal") == "wrapup"
    assert stage.ask("wrap_extend", agent="amal", seconds=30.0).ok
    stage.run(20.0)
    assert stage.state_of("amal") == "wrapup"
    stage.run(20.0)
    assert stage.state_of("amal") == "ready"
    talking(stage)
    stage.carrier.hang_up()
    stage.run(1.0)
    assert stage.ask("wrap_done", agent="amal").ok
    assert stage.state_of("amal") == "ready"
    assert stage.ask("wrap_done", agent="amal").code == "not-in-wrap-up"
    stage.settled()


@pytest.mark.parametrize(
    ("do", "args", "state"),
    [("pause", {"code": "lunch"}, "paused"), ("logout", {}, "logged_out"), ("ready", {}, "ready")],
)
def test_a_wish_during_a_call_comes_true_after_it(do: str, args: dict[str, str], state: str) -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    assert stage.ask(do, agent="amal", **args).ok
    assert stage.state_of("amal") == "talking"
    stage.phones["amal"].hang_up()
    stage.run(12.0)
    assert stage.state_of("amal") == state
    stage.settled()
    assert stage.one("call.ended").data["by"] == "agent"


def test_an_agent_who_holds_lets_the_caller_hear_music() -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    stage.phones["amal"].reoffer("sendonly")
    stage.run(5.0)
    call = stage.call
    assert call.held_at
    assert stage.hears[call.caller_leg] == []
    stage.phones["amal"].reoffer("sendrecv")
    stage.run(1.0)
    assert stage.both_hear(call.caller_leg, call.agent_leg)
    stage.carrier.hang_up()
    stage.settled()
    assert stage.one("call.released").data["hold_s"] == pytest.approx(5.0, abs=0.2)


def test_a_dead_line_is_hung_up_and_one_that_holds_is_not() -> None:
    from marhaba.media.protocol import LegSilent

    stage = Stage(logged_in=("amal",))
    talking(stage)
    stage.ask("hold", agent="amal")
    stage.media(LegSilent(stage.call.caller_leg, 20.0))
    stage.run(1.0)
    assert stage.call.stage == "talking"
    stage.ask("resume", agent="amal")
    stage.media(LegSilent(stage.call.caller_leg, 20.0))
    stage.run(1.0)
    assert stage.carrier.legs == []
    stage.settled()


def test_two_callers_and_one_agent_are_served_in_order() -> None:
    stage = Stage(logged_in=("amal",))
    first = stage.carrier.dial("0539000001", caller="0661000001")
    stage.run(0.1)
    stage.carrier.dial("0539000001", caller="0661000002")
    stage.run(3.0)
    talks, waits = stage.floor.state.calls.values()
    assert (talks.stage, waits.stage) == ("talking", "queued")
    stage.carrier.hang_up(first)
    stage.run(13.0)
    assert stage.call.caller == "0661000002"
    assert stage.call.stage == "talking"
    stage.carrier.hang_up()
    stage.settled()


def test_a_house_that_is_full_says_when_to_come_back() -> None:
    stage = Stage(logged_in=("amal",))
    limit = stage.centre.limits.calls_max
    object.__setattr__(stage.centre.limits, "calls_max", 1)
    talking(stage)
    leg = stage.carrier.dial("0539000001")
    stage.run(1.0)
    assert stage.carrier.ended[leg].code == 503
    assert limit > 1
    stage.carrier.hang_up()
    stage.settled()


def test_a_number_nobody_has_is_not_found() -> None:
    stage = Stage()
    leg = stage.carrier.dial("0539999999")
    stage.run(1.0)
    assert stage.carrier.ended[leg].code == 404
    stage.settled()


def test_the_position_and_comfort_are_said_while_one_waits() -> None:
    stage = Stage()
    greeted(stage)
    stage.run(100.0)
    assert [event.data["position"] for event in stage.of("call.announced")][:1] == [1]
    steps = {c.tag.partition("/")[2] for c in stage.commands if type(c).__name__ == "Play"}
    assert {"announce", "comfort"} <= steps
    stage.carrier.hang_up()
    stage.settled()


def test_who_waits_too_long_overflows_to_the_next_queue() -> None:
    stage = Stage(logged_in=("amal",))
    stage.phones["amal"].auto = None
    greeted(stage, "0539000000")
    stage.run(2.0)
    stage.press(stage.call, "2")
    stage.run(65.0)
    assert stage.one("call.overflowed").data == {"to": "accueil", "reason": "wait"}
    assert stage.call.queue == "accueil"
    stage.carrier.hang_up()
    stage.settled()


def test_closed_hours_take_a_message_even_from_who_hangs_up_after_it() -> None:
    stage = Stage(at=START_AT_NIGHT)
    greeted(stage, "0539000003")
    stage.run(20.0)
    assert list(stage.messages) == [stage.call.id]
    stage.run(6.0)
    stage.carrier.hang_up()
    stage.settled()
    left = stage.one("voicemail.left")
    assert left.data["seconds"] == pytest.approx(23.0, abs=1.5)
    assert stage.outcome() == "voicemail"


def test_a_message_ended_by_a_key_is_thanked_for() -> None:
    from marhaba.media.protocol import MessageEnded

    stage = Stage(at=START_AT_NIGHT)
    greeted(stage, "0539000003")
    stage.run(20.0)
    (name,) = stage.messages
    message = stage.messages.pop(name)
    stage.media(MessageEnded(name, message.path, 7.0, "key"))
    stage.run(5.0)
    assert stage.one("voicemail.left").data["seconds"] == 7.0
    assert stage.carrier.legs == []
    stage.settled()
    assert stage.outcome() == "voicemail"


def test_a_tone_is_heard_before_a_message_is_taken() -> None:
    stage = Stage(at=START_AT_NIGHT)
    greeted(stage, "0539000003")
    play = next(c for c in stage.commands if type(c).__name__ == "Play" and c.tag.endswith("/closing"))
    assert play.prompts[-1].endswith("beep.wav")
    stage.carrier.hang_up()
    stage.settled()
    assert stage.outcome() == "closed"


START_AT_NIGHT = 1_750_113_000.0  # the same day, 22:30 UTC
