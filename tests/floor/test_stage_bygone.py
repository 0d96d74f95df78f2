"""Callers and agents of queues, programmes and desks that the centre no longer has, by a reload or after a restart."""

from __future__ import annotations

import pytest

from marhaba.floor.reload import adopt_centre
from tests.floor.stage import Stage
from tests.floor.stage_centre import CENTRE, parse_centre_of
from tests.floor.test_stage_callbacks import asked
from tests.floor.test_stage_calls import talking

TO_PETITE = CENTRE.replace('queue = "accueil"', 'queue = "petite"').replace(
    'overflow_to = "accueil"', 'overflow_to = "petite"'
)


def test_who_waits_in_a_queue_that_is_gone_after_a_restart_keeps_his_place_in_another() -> None:
    stage = Stage()
    stage.carrier.dial("0539000001")
    stage.run(5.0)
    since = stage.call.since
    stage.centre = parse_centre_of(without(TO_PETITE, "queues.accueil"))
    stage.restart()
    assert (stage.call.queue, stage.call.since) == ("petite", since)
    assert stage.one("call.overflowed").data == {"to": "petite", "reason": "gone"}
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(5.0)
    assert stage.call.stage == "talking"


def test_a_callback_of_a_queue_that_is_gone_after_a_restart_keeps_its_place_in_another() -> None:
    stage = Stage()
    callback = asked(stage)
    since = stage.floor.state.calls[callback].since
    stage.centre = parse_centre_of(without(TO_PETITE, "queues.accueil"))
    stage.restart()
    call = stage.floor.state.calls[callback]
    assert (call.queue, call.since) == ("petite", since)
    assert stage.floor.state.routing.queue_of(callback) == "petite"


def test_a_ring_for_a_queue_that_is_gone_ends_in_another_queue() -> None:
    stage = Stage(logged_in=("amal",))
    stage.phones["amal"].auto = None
    stage.carrier.dial("0539000001")
    stage.run(5.0)
    stage.centre = parse_centre_of(without(TO_PETITE, "queues.accueil"))
    stage.restart()
    stage.press(stage.call, "2")
    stage.run(20.0)
    assert (stage.one("call.missed").agent_id, stage.call.queue) == ("amal", "petite")


@pytest.mark.parametrize("answers", [True, False])
def test_a_colleague_who_is_gone_after_a_restart_is_let_go_of_when_he_had_been_handed_a_caller(
    answers: bool,
) -> None:
    """He was being rung for advice; the adviser's seat stayed ringing for ever."""
    stage = Stage(logged_in=("amal", "brahim"))
    talking(stage)
    (other,) = {"amal", "brahim"} - {stage.call.agent}
    stage.phones[other].auto = None
    assert stage.ask("consult", agent=stage.call.agent, to=other).ok
    stage.run(3.0)
    stage.centre = parse_centre_of(without(CENTRE, f"agents.{other}"))
    stage.restart()
    stage.run(1.0)
    stage.phones[stage.call.agent].hang_up()  # the caller goes to whom he was asking
    stage.run(1.0)
    assert (stage.call.agent, stage.call.stage) == (other, "ringing")
    if answers:
        stage.phones[other].answer()
        stage.run(2.0)
        assert stage.both_hear(stage.call.caller_leg, stage.call.agent_leg)
    else:
        stage.run(40.0)
        assert stage.one("call.missed").agent_id == other
    stage.carrier.hang_up()
    stage.run(60.0)
    assert stage.floor.state.calls == {}
    assert stage.floor.state.legs == {}
    assert stage.floor.state.seats[other].state.name == "LOGGED_OUT"


@pytest.mark.parametrize("seconds", [0.5, 5.0])
def test_a_caller_whose_programme_is_gone_after_a_restart_is_served(seconds: float) -> None:
    """His greeting begins again, or his place is kept; recorded if he was told so."""
    stage = Stage(
        CENTRE.replace('queue = "accueil"\nrecording = "none"', 'queue = "accueil"\nrecording = "announce"')
    )
    stage.carrier.dial("0539000001")
    stage.run(seconds)
    stage.centre = parse_centre_of(without(CENTRE, "programmes.direct"))
    stage.restart()
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(8.0)
    assert stage.call.stage == "talking"
    assert stage.call.consent is True
    assert stage.call.recording != ""


def test_a_reload_keeps_the_queue_that_a_programme_of_a_caller_leads_to() -> None:
    stage = Stage()
    stage.carrier.dial("0539000000")
    stage.run(0.5)
    centre = parse_centre_of(without(without(TO_PETITE, "programmes.banque"), "queues.accueil"))
    stage.turn(lambda: adopt_centre(stage.floor, centre, path="x"))
    stage.centre = stage.floor.centre
    stage.run(1.0)
    stage.press(stage.call, "1")
    stage.run(5.0)
    assert (stage.call.stage, stage.call.queue) == ("queued", "accueil")


def test_an_agent_whom_the_centre_no_longer_has_after_a_restart_finishes_his_call() -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    stage.centre = parse_centre_of(without(CENTRE, "agents.amal"))
    stage.restart()
    assert stage.state_of("amal") == "talking"
    stage.run(20.0)
    stage.carrier.hang_up()
    stage.run(60.0)
    assert (stage.state_of("amal"), stage.floor.seat("amal").code) == ("logged_out", "removed")
    assert stage.one("call.released").data["talk_s"] > 20.0


@pytest.mark.parametrize("restarts", [False, True])
def test_the_open_line_of_an_agent_whom_the_centre_no_longer_has_is_closed(restarts: bool) -> None:
    stage = Stage()
    line = stage.phones["fixe"].dial("*10", caller="105")
    stage.run(1.0)
    centre = parse_centre_of(without(CENTRE, "agents.fixe"))
    if restarts:
        stage.centre = centre
        stage.restart()
    else:
        stage.turn(lambda: adopt_centre(stage.floor, centre, path="x"))
    stage.run(1.0)
    assert stage.state_of("fixe") == "logged_out"
    assert line not in stage.phones["fixe"].legs
    assert stage.floor.state.legs == {}


def without(text: str, section: str) -> str:
    """centre.toml without one section."""
    begin = text.index(f"[{section}]")
    return text[:begin] + text[text.index("\n[", begin) + 1 :]
