"""What rehearsals found: each scene is the shortest that showed it."""

from __future__ import annotations

from pathlib import Path

from marhaba.floor import dispatch
from marhaba.floor.floor import Worker
from marhaba.floor.process import FloorProcess, Held
from marhaba.media import protocol as media
from tests.floor.centre_texts import centre_text
from tests.floor.stage import CENTRE, HOUSE, Stage
from tests.floor.test_stage_callbacks import asked
from tests.floor.test_stage_calls import greeted, talking


def test_who_waits_gets_the_agent_whose_ring_ended_with_its_caller() -> None:
    stage = Stage(logged_in=("amal",))
    stage.phones["amal"].auto = None
    first = stage.carrier.dial("0539000001")
    stage.run(1.0)
    stage.carrier.dial("0539000001", caller="0661000002")
    stage.run(1.0)
    stage.carrier.hang_up(first)
    stage.run(0.1)
    assert (stage.call.caller, stage.call.stage, stage.call.agent) == ("0661000002", "ringing", "amal")


def test_an_open_line_on_another_audio_worker_is_rung_beside() -> None:
    """Legs hear each other on one worker only: joined from another, caller and agent would be silent."""
    stage = Stage()
    line = stage.phones["fixe"].dial("*10", caller="105")
    stage.run(1.0)
    stage.ask("ready", agent="fixe")
    dispatch.worker_up(stage.floor, Worker("media-1", HOUSE, list(range(30_000, 30_400, 2))))
    stage.carrier.dial("0539000001")
    stage.run(5.0)
    assert stage.call.stage == "talking"
    assert stage.call.agent_leg not in stage.phones["fixe"].legs
    assert stage.floor.seat("fixe").leg != stage.call.agent_leg
    assert line in stage.phones["fixe"].legs
    assert stage.both_hear(stage.call.caller_leg, stage.call.agent_leg)


def test_a_supervisor_who_dials_in_stands_on_the_worker_of_the_call() -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    dispatch.worker_up(stage.floor, Worker("media-1", HOUSE, list(range(30_000, 30_400, 2))))
    stage.phones["laila"].dial("*90101", caller="104")
    stage.run(1.0)
    (leg,) = stage.call.supervisors
    assert stage.floor.side_by_side(leg, stage.call.caller_leg)


def test_audio_that_died_long_after_its_leg_was_opened_is_not_opened_again() -> None:
    """The power was cut and the wall clock set back: the worker seems older than the death of the floor."""
    stage = Stage(logged_in=("amal",))
    talking(stage)
    stage.run(60.0)
    stage.floor.emit("audit", who="laila", did="nothing", what="the last event before the end")
    stage.turn(lambda: None)
    stage.restart(0.0, audio_lost=True, uptime_s=30.0)
    assert stage.floor.state.calls == {}
    assert stage.open == {}


def test_an_agents_leg_that_came_back_without_its_caller_is_hung_up() -> None:
    """The agent's leg was opened shortly before the end and seems untold; the caller's was not, and is gone."""
    stage = Stage()
    stage.carrier.dial("0539000001")
    stage.run(20.0)
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(4.0)
    assert stage.call.stage == "talking"
    stage.restart(0.0, audio_lost=True, uptime_s=30.0)
    stage.run(5.0)
    assert stage.open == {}
    assert stage.phones["amal"].legs == []


def test_the_end_of_a_prompt_of_an_earlier_floor_ends_none_of_this_one() -> None:
    """The worker keeps it for the next floor, which plays the same prompt again: the caller is queued once."""
    told = CENTRE.replace(
        'recording = "none"\nclosed = "message"', 'recording = "announce"\nclosed = "message"'
    )
    stage = Stage(told)
    stage.carrier.dial("0539000001")
    stage.run(0.5)
    stage.restart(2.0)
    stage.run(10.0)
    assert stage.kinds().count("call.queued") == 1


def test_a_recording_that_was_never_begun_is_begun_and_a_pause_that_was_never_told_is_told() -> None:
    stage = Stage(logged_in=("amal",))
    greeted(stage, "0539000000")
    stage.press(stage.call, "1")
    stage.run(6.0)
    stage.ask("record_pause", agent="amal")
    recording = stage.call.recording
    stage.recording.clear()
    stage.restart()
    stage.run(1.0)
    assert list(stage.recording) == [recording]
    assert stage.commands[-1] == media.PauseRecord(recording, paused=True)


def test_a_recording_of_a_call_that_is_over_is_stopped() -> None:
    stage = Stage()
    stage.recording["over.1234"] = media.Record("over.1234", "/over.wav", "leg", [])
    stage.restart(recordings=["over.1234"])
    assert stage.recording == {}


def test_a_callback_whose_time_came_while_nobody_was_here_is_tried() -> None:
    stage = Stage()
    callback = asked(stage)
    stage.carrier.code = 486
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(10.0)
    assert stage.floor.state.calls[callback].retry_at > stage.now
    stage.carrier.code, stage.carrier.auto = 0, 1.0
    stage.restart(700.0)
    stage.run(10.0)
    assert stage.floor.state.calls[callback].stage == "talking"


def test_a_customer_is_not_transferred_before_he_has_answered() -> None:
    stage = Stage()
    callback = asked(stage)
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(4.0)
    assert stage.floor.state.calls[callback].stage == "dialling"
    stage.phones["amal"].refer("sip:accueil@192.0.2.1")
    stage.run(1.0)
    assert stage.floor.state.calls[callback].stage == "dialling"
    assert "call.transferred" not in stage.kinds()


def test_a_ring_that_did_not_survive_goes_to_the_next_agent_once() -> None:
    """Routed in the middle of the recovery, the call was put back into the queue while the next phone rang."""
    stage = Stage(logged_in=("amal", "brahim"))
    for agent in ("amal", "brahim"):
        stage.phones[agent].auto = None
    stage.carrier.dial("0539000001")
    stage.run(12.0)
    assert (stage.call.stage, stage.call.agent) == ("ringing", "amal")
    stage.open.pop(stage.call.agent_leg)
    stage.restart()
    assert (stage.call.stage, stage.call.agent) == ("ringing", "brahim")
    assert stage.floor.state.routing.queue_of(stage.call.id) == ""


def test_what_was_meant_for_a_dead_audio_worker_does_not_reach_the_next(tmp_path: Path) -> None:
    """Its commit took longer than the worker lived: the next one would open a leg nobody ever closes."""
    (tmp_path / "centre.toml").write_text(centre_text("top", ""), "utf-8")
    process = FloorProcess(tmp_path / "centre.toml")
    kept = ("media-1", media.CloseLeg("y"))
    process._held.append(Held([], [("media-0", media.OpenLeg("x", 20_000)), kept]))
    process._media_lost("media-0")
    assert process._held[0].media == [kept]
