"""Hand-overs on the stage: transfers, consultations, three-way calls, supervision, internal calls, star codes."""

from __future__ import annotations

import pytest

from marhaba.sip.events import IncomingCall
from tests.floor.stage import Stage
from tests.floor.test_stage_calls import talking


def test_a_blind_transfer_to_a_colleague_by_the_phones_own_key() -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    stage.ask("login", agent="brahim")
    stage.ask("ready", agent="brahim")
    stage.phones["amal"].refer("sip:102@192.0.2.1")
    stage.run(4.0)
    call = stage.call
    assert (call.agent, call.stage) == ("brahim", "talking")
    assert stage.both_hear(call.caller_leg, call.agent_leg)
    assert stage.phones["amal"].legs == []
    assert stage.state_of("amal") == "wrapup"
    stage.carrier.hang_up()
    stage.settled()
    record = next(iter(stage.records.calls.values()))
    assert record.agents == ["amal", "brahim"]


def test_a_blind_transfer_nobody_takes_returns_the_caller_to_the_queue() -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    stage.ask("login", agent="brahim")
    stage.ask("ready", agent="brahim")
    stage.phones["brahim"].auto = None
    stage.phones["amal"].refer("sip:102@192.0.2.1")
    stage.run(40.0)
    assert stage.one("call.missed").agent_id == "brahim"
    assert stage.call.stage == "talking"
    assert stage.call.agent == "amal"  # his wrap-up was over, and he was the one who was free
    stage.carrier.hang_up()
    stage.settled()


def test_a_caller_who_leaves_during_a_blind_transfer_stops_the_ringing() -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    stage.ask("login", agent="brahim")
    stage.ask("ready", agent="brahim")
    stage.phones["brahim"].auto = None
    stage.phones["amal"].refer("sip:102@192.0.2.1")
    stage.run(2.0)
    stage.carrier.hang_up()
    stage.run(1.0)
    assert stage.phones["brahim"].legs == []
    assert stage.state_of("brahim") == "ready"
    stage.settled()


@pytest.mark.parametrize("how", ["hang up", "complete"])
def test_who_is_handed_over_while_the_colleague_still_rings_is_answered_by_him(how: str) -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    stage.ask("login", agent="brahim")
    stage.ask("ready", agent="brahim")
    stage.phones["brahim"].auto = None
    assert stage.ask("consult", agent="amal", to="brahim").ok
    stage.run(3.0)
    if how == "hang up":
        stage.phones["amal"].hang_up()
    else:
        assert stage.ask("complete", agent="amal").ok
    stage.run(2.0)
    assert (stage.call.stage, stage.call.agent, stage.state_of("brahim")) == ("ringing", "brahim", "ringing")
    assert stage.one("call.transferred").data == {"kind": "blind", "to": "brahim"}
    stage.phones["brahim"].answer()
    stage.run(2.0)
    call = stage.call
    assert (call.agent, call.stage, stage.state_of("brahim")) == ("brahim", "talking", "talking")
    assert stage.both_hear(call.caller_leg, call.agent_leg)
    stage.carrier.hang_up()
    stage.settled()


def test_who_is_handed_over_while_the_colleague_rings_in_vain_goes_back_to_his_queue() -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    stage.ask("login", agent="brahim")
    stage.ask("ready", agent="brahim")
    stage.phones["brahim"].auto = None
    assert stage.ask("consult", agent="amal", to="brahim").ok
    stage.run(3.0)
    stage.phones["amal"].hang_up()
    stage.run(50.0)
    assert stage.one("call.missed").agent_id == "brahim"
    assert (stage.call.stage, stage.call.agent) == ("talking", "amal")
    stage.carrier.hang_up()
    stage.settled()


@pytest.mark.parametrize("answers", [True, False])
def test_who_is_handed_over_while_an_outside_number_rings_is_on_hold_until_it_answers(
    answers: bool,
) -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    stage.carrier.auto = None
    assert stage.ask("consult", agent="amal", to="0522000000").ok
    stage.run(2.0)
    stage.phones["amal"].hang_up()
    stage.run(2.0)
    call = stage.call
    assert (call.stage, call.agent, bool(call.held_at)) == ("talking", "", True)
    if answers:
        stage.carrier.answer()
        stage.run(1.0)
        assert stage.both_hear(call.caller_leg, call.agent_leg)
        assert call.held_at == 0.0
        stage.carrier.hang_up()
    else:
        stage.run(40.0)
        assert (stage.call.stage, stage.call.agent) == ("talking", "amal")  # from his queue, to whom is free
        stage.carrier.hang_up(stage.carrier.legs[0])
    stage.settled()


def test_a_transfer_to_a_queue_waits_there_anew() -> None:
    stage = Stage(logged_in=("amal", "chaimae"))
    talking(stage)
    assert stage.call.agent == "amal"
    assert stage.ask("transfer", agent="amal", to="espagnol").ok
    stage.run(1.0)
    assert (stage.call.queue, stage.call.stage) == (
        "espagnol",
        "queued",
    )  # the caller's language is not spoken there
    stage.carrier.hang_up()
    stage.settled()
    visits = next(iter(stage.records.calls.values())).visits
    assert [(visit.queue, visit.outcome) for visit in visits] == [
        ("accueil", "answered"),
        ("espagnol", "abandoned"),
    ]


@pytest.mark.parametrize("target", ["0033123456789", "0890000000", "12", "chaimae", "", "../etc"])
def test_a_transfer_that_may_not_be_leaves_the_call_as_it_was(target: str) -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    assert not stage.ask("transfer", agent="amal", to=target).ok
    stage.run(1.0)
    assert stage.call.stage == "talking"
    assert stage.both_hear(stage.call.caller_leg, stage.call.agent_leg)
    stage.carrier.hang_up()
    stage.settled()


def consulting(stage: Stage, target: str = "brahim") -> None:
    talking(stage)
    if target == "brahim":
        stage.ask("login", agent="brahim")
        stage.ask("ready", agent="brahim")
    assert stage.ask("consult", agent="amal", to=target).ok
    stage.run(3.0)


def test_a_consultation_the_caller_does_not_hear() -> None:
    stage = Stage(logged_in=("amal",))
    consulting(stage)
    call = stage.call
    assert stage.both_hear(call.agent_leg, call.consult_leg)
    assert stage.hears[call.caller_leg] == []
    assert stage.ask("back", agent="amal").ok
    stage.run(1.0)
    assert stage.both_hear(call.caller_leg, call.agent_leg)
    assert stage.state_of("brahim") == "ready"
    stage.carrier.hang_up()
    stage.settled()


def test_a_consultation_that_becomes_a_transfer() -> None:
    stage = Stage(logged_in=("amal",))
    consulting(stage)
    assert stage.ask("complete", agent="amal").ok
    stage.run(1.0)
    call = stage.call
    assert call.agent == "brahim"
    assert stage.both_hear(call.caller_leg, call.agent_leg)
    assert stage.state_of("amal") == "wrapup"
    stage.phones["brahim"].hang_up()
    stage.settled()


def test_an_agent_who_hangs_up_on_a_consultation_hands_the_caller_over() -> None:
    stage = Stage(logged_in=("amal",))
    consulting(stage)
    stage.phones["amal"].hang_up()
    stage.run(1.0)
    assert stage.call.agent == "brahim"
    assert stage.both_hear(stage.call.caller_leg, stage.call.agent_leg)
    stage.carrier.hang_up()
    stage.settled()


def test_three_hear_each_other_and_two_go_on() -> None:
    stage = Stage(logged_in=("amal",))
    consulting(stage)
    assert stage.ask("join", agent="amal").ok
    call = stage.call
    for one, other in (
        (call.caller_leg, call.agent_leg),
        (call.agent_leg, call.consult_leg),
        (call.caller_leg, call.consult_leg),
    ):
        assert stage.both_hear(one, other)
    stage.phones["brahim"].hang_up()
    stage.run(1.0)
    assert stage.both_hear(call.caller_leg, call.agent_leg)
    stage.carrier.hang_up()
    stage.settled()


@pytest.mark.parametrize("who", ["caller", "colleague", "colleague-before"])
def test_anybody_may_leave_a_consultation(who: str) -> None:
    stage = Stage(logged_in=("amal",))
    if who == "colleague-before":
        stage.phones["brahim"].code = 486
    consulting(stage)
    if who == "caller":
        stage.carrier.hang_up()
    elif who == "colleague":
        stage.phones["brahim"].hang_up()
    stage.run(1.0)
    if who == "caller":
        assert stage.phones["brahim"].legs == stage.phones["amal"].legs == []
    else:
        assert stage.both_hear(stage.call.caller_leg, stage.call.agent_leg)
        stage.carrier.hang_up()
    stage.settled()
    assert stage.state_of("brahim") == "ready"


def test_a_colleague_who_does_not_answer_a_consultation_is_left_alone() -> None:
    stage = Stage(logged_in=("amal",))
    stage.phones["brahim"].auto = None
    consulting(stage)
    stage.run(40.0)
    assert stage.phones["brahim"].legs == []
    assert stage.both_hear(stage.call.caller_leg, stage.call.agent_leg)
    stage.carrier.hang_up()
    stage.settled()


def test_an_outside_number_is_consulted_over_the_trunk() -> None:
    stage = Stage(logged_in=("amal",))
    stage.carrier.auto = 2.0
    consulting(stage, "0537000000")
    call = stage.call
    assert stage.both_hear(call.agent_leg, call.consult_leg)
    stage.ask("complete", agent="amal")
    stage.run(1.0)
    assert stage.both_hear(stage.call.caller_leg, stage.call.agent_leg)
    assert stage.call.agent == ""
    stage.carrier.hang_up(stage.carrier.legs[0])
    stage.settled()


# -- supervision --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "agent_hears", "caller_hears"),
    [("listen", False, False), ("whisper", True, False), ("barge", True, True)],
)
def test_a_supervisor_is_heard_as_his_mode_says(mode: str, agent_hears: bool, caller_hears: bool) -> None:
    stage = Stage(logged_in=("amal", "laila"))
    talking(stage)
    assert stage.ask("supervise", supervisor="laila", agent="amal", mode=mode).ok
    stage.run(3.0)
    call = stage.call
    (leg,) = call.supervisors
    assert set(stage.hears[leg]) == {call.caller_leg, call.agent_leg}
    assert (leg in stage.hears[call.agent_leg]) is agent_hears
    assert (leg in stage.hears[call.caller_leg]) is caller_hears
    assert stage.one("audit").data["did"] == f"supervision.{mode}"
    stage.phones["laila"].hang_up()
    stage.run(1.0)
    assert stage.call.supervisors == {}
    assert stage.both_hear(call.caller_leg, call.agent_leg)
    stage.carrier.hang_up()
    stage.settled()


def test_supervision_ends_with_the_call_and_is_for_supervisors() -> None:
    stage = Stage(logged_in=("amal", "laila"))
    talking(stage)
    assert stage.ask("supervise", supervisor="amal", agent="amal", mode="listen").code == "not-a-supervisor"
    assert stage.ask("supervise", supervisor="laila", agent="brahim", mode="listen").code == "no-call"
    stage.ask("supervise", supervisor="laila", agent="amal", mode="listen")
    stage.run(3.0)
    stage.carrier.hang_up()
    stage.run(1.0)
    assert stage.phones["laila"].legs == []
    stage.settled()


def test_a_supervisor_changes_his_mode_by_key() -> None:
    from marhaba.media.protocol import Digit

    stage = Stage(logged_in=("amal",))
    talking(stage)
    stage.phones["laila"].dial("*90101", caller="104")
    stage.run(2.0)
    (leg,) = stage.call.supervisors
    assert leg not in stage.hears[stage.call.agent_leg]
    stage.media(Digit(leg, "5", 100))
    assert leg in stage.hears[stage.call.agent_leg]
    assert leg not in stage.hears[stage.call.caller_leg]
    stage.carrier.hang_up()
    stage.settled()


# -- from the phone -----------------------------------------------------------------------------------------------


def code(stage: Stage, agent: str, dialled: str) -> str:
    """Dial a star code and wait; which prompt confirmed it."""
    before = len(stage.commands)
    stage.phones[agent].dial(dialled, caller=stage.centre.agents[agent].phone)
    stage.run(3.0)
    told = [c.prompts[0] for c in stage.commands[before:] if type(c).__name__ == "Play"]
    return told[0].rpartition("/")[2].removesuffix(".wav") if told else ""


def test_a_day_at_the_phone_by_star_codes() -> None:
    stage = Stage()
    codes = stage.centre.star_codes
    assert code(stage, "amal", codes.login) == "agent-logged-in"
    assert stage.state_of("amal") == "paused"
    assert code(stage, "amal", codes.ready) == "agent-ready"
    assert stage.state_of("amal") == "ready"
    assert code(stage, "amal", f"{codes.pause}2") == "agent-paused"
    assert stage.floor.seat("amal").code == "lunch"
    assert code(stage, "amal", f"{codes.pause}9") == "code-refused"
    assert code(stage, "amal", codes.ready) == "agent-ready"
    talking(stage)
    stage.carrier.hang_up()
    stage.run(1.0)
    assert code(stage, "amal", f"{codes.disposition}1") == "agent-noted"
    assert stage.one("agent.disposition").data["disposition"] == "sale"
    assert code(stage, "amal", codes.wrap_done) in ("agent-ready", "code-refused")
    assert code(stage, "amal", codes.logout) == "agent-logged-out"
    assert stage.state_of("amal") == "logged_out"
    assert code(stage, "amal", "*77") == "code-refused"
    stage.settled()


def test_a_nailed_up_line_stays_open_from_call_to_call() -> None:
    stage = Stage()
    stage.phones["fixe"].dial(stage.centre.star_codes.login, caller="105")
    stage.run(2.0)
    assert stage.ask("ready", agent="fixe").ok
    line = stage.floor.seat("fixe").leg
    assert line
    for _ in range(2):
        stage.carrier.dial("0539000001")
        stage.run(1.0)
        assert stage.call.stage == "talking"
        assert stage.call.agent_leg == line
        stage.carrier.hang_up()
        stage.run(12.0)
        assert stage.state_of("fixe") == "ready"
    stage.settled()
    stage.phones["fixe"].hang_up()
    stage.run(1.0)
    assert (stage.state_of("fixe"), stage.floor.seat("fixe").code) == ("paused", "line-lost")
    stage.settled()


def test_a_phone_that_nobody_knows_the_password_of_is_refused() -> None:
    stage = Stage()
    from tests.floor.stage import Side

    stranger = Side(stage, "stranger", "192.0.2.66")
    stage.sides[stranger.host] = stranger
    leg = stranger.dial("0539000001")
    stage.run(2.0)
    assert stranger.ended[leg].code in (401, 403)
    assert stage.of("call.offered") == []


def test_colleagues_call_each_other() -> None:
    stage = Stage(logged_in=("amal", "brahim"))
    stage.phones["amal"].dial("102", caller="101")
    stage.run(4.0)
    call = stage.call
    assert call.stage == "internal"
    assert stage.both_hear(call.caller_leg, call.consult_leg)
    assert stage.state_of("brahim") == "talking"
    stage.phones["brahim"].hang_up()
    stage.run(1.0)
    assert stage.phones["amal"].legs == []
    assert stage.state_of("brahim") == "ready"
    stage.settled()
    record = next(iter(stage.records.calls.values()))
    assert (record.internal, record.outcome, record.visits) == (True, "answered", [])


@pytest.mark.parametrize("answered", [True, False])
def test_a_colleague_is_free_again_when_the_calling_one_hangs_up(answered: bool) -> None:
    stage = Stage(logged_in=("amal", "brahim"))
    stage.phones["brahim"].auto = 1.0 if answered else None
    stage.phones["amal"].dial("102", caller="101")
    stage.run(3.0)
    stage.phones["amal"].hang_up()
    stage.run(1.0)
    assert stage.phones["brahim"].legs == []
    assert stage.state_of("brahim") == "ready"
    stage.settled()
    assert stage.outcome() == ("answered" if answered else "failed")


def test_an_outside_call_needs_an_open_route() -> None:
    stage = Stage(logged_in=("amal",))
    stage.carrier.auto = 1.0
    stage.phones["amal"].dial("0537000000", caller="101")
    stage.run(3.0)
    assert stage.both_hear(stage.call.caller_leg, stage.call.consult_leg)
    stage.phones["amal"].hang_up()
    stage.settled()
    stage.phones["amal"].dial("0033123456789", caller="101")
    stage.run(10.0)
    assert stage.carrier.legs == []
    assert stage.floor.counters["refused_not-dialled"] == 1
    stage.settled()


# -- carriers that fail -------------------------------------------------------------------------------------------


def test_a_consulted_number_is_tried_over_the_next_carrier_when_the_first_is_silent() -> None:
    stage = Stage(logged_in=("amal",))
    stage.carrier.auto = 1.0
    talking(stage)
    assert stage.ask("consult", agent="amal", to="0034911234567").ok
    first = stage.call.consult_leg
    stage.run(7.0)
    assert stage.call.consult_leg == first
    stage.run(4.0)
    call = stage.call
    assert call.consult_leg not in ("", first)
    assert stage.floor.counters["carrier_failovers"] == 1
    assert stage.both_hear(call.agent_leg, call.consult_leg)
    assert [event.data["target"] for event in stage.of("call.consulting")] == ["0034911234567"] * 2
    stage.carrier.hang_up(stage.carrier.legs[0])
    stage.settled()


def test_an_agents_own_call_is_tried_over_the_next_carrier_and_shows_the_house_number() -> None:
    stage = Stage(logged_in=("amal",))
    stage.carrier.auto = 1.0
    stage.phones["amal"].dial("0034911234567", caller="101")
    stage.run(12.0)
    assert stage.both_hear(stage.call.caller_leg, stage.call.consult_leg)
    (incoming,) = (event for event in stage.carrier.events if isinstance(event, IncomingCall))
    assert incoming.caller.number == "+212539000000"
    stage.phones["amal"].hang_up()
    stage.settled()


def test_without_another_carrier_the_caller_is_taken_back() -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    assert stage.ask("consult", agent="amal", to="00351911234567").ok
    stage.run(9.0)
    call = stage.call
    assert call.consult_leg == ""
    assert stage.both_hear(call.caller_leg, call.agent_leg)
    stage.carrier.hang_up()
    stage.settled()


def test_a_party_that_is_busy_is_not_asked_over_another_carrier() -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    stage.carrier.code = 486
    assert stage.ask("consult", agent="amal", to="0034911234567").ok
    stage.run(12.0)
    assert stage.floor.counters["carrier_failovers"] == 1  # from the dead one
    assert stage.call.consult_leg == ""
    stage.carrier.hang_up()
    stage.settled()
