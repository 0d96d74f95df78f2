"""What rehearsals found: each scene is the shortest that showed it."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from marhaba.floor import checkpoint, dispatch
from marhaba.floor.floor import Worker
from marhaba.floor.process import FloorProcess, Held
from marhaba.floor.reload import adopt_centre
from marhaba.floor.state import FloorState, apply
from marhaba.kernel.routing import Routing
from marhaba.media import protocol as media
from marhaba.rehearsal.centre import write_centre
from marhaba.rehearsal.plan import draw_plan
from marhaba.rehearsal.world import World
from tests.centre.centre_texts import centre_text
from tests.floor.quiet_floor import quiet_floor
from tests.floor.stage import HOUSE, Stage, seen
from tests.floor.stage_centre import CENTRE, parse_centre_of
from tests.floor.test_stage_callbacks import asked
from tests.floor.test_stage_calls import greeted, talking
from tests.floor.test_stage_transfers import consulting


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
    process.floor = quiet_floor(process.centre)
    kept = ("media-1", media.CloseLeg("y"))
    process._held.append(Held([], [("media-0", media.OpenLeg("x", 20_000)), kept]))
    process._media_lost("media-0")
    assert process._held[0].media == [kept]


def test_a_checkpoint_of_a_callback_whose_customer_is_being_dialled_can_be_read(tmp_path: Path) -> None:
    """His visit goes on, but he has left the line; the floor could not start from such a checkpoint."""
    stage = Stage()
    asked(stage)
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(3.0)
    assert stage.call.stage == "dialling"
    checkpoint.write(tmp_path / "state.json", checkpoint.encode(stage.floor.state, seq=1))
    restored, _ = checkpoint.restore(tmp_path / "state.json", Routing([]), last_seq=1)
    assert seen(restored) == seen(stage.floor.state)


def test_three_who_talk_go_on_when_the_third_is_dialled_over_another_carrier() -> None:
    """Joined before he answered: the second carrier's leg was journalled as a consultation the caller does not hear."""
    stage = Stage(logged_in=("amal",))
    talking(stage)
    stage.carrier.auto = 4.0
    assert stage.ask("consult", agent="amal", to="0034911234567").ok
    assert stage.ask("join", agent="amal").ok
    stage.run(10.0)
    call = stage.call
    assert len(stage.of("call.consulting")) == 3
    assert stage.both_hear(call.caller_leg, call.agent_leg)
    stage.run(5.0)
    assert stage.both_hear(call.caller_leg, call.consult_leg)
    assert stage.both_hear(call.caller_leg, call.agent_leg)


def test_who_waits_keeps_his_place_under_rules_that_would_not_have_admitted_him() -> None:
    """A replay asked for admission again, under the rules of the day on which it was played."""
    text = CENTRE.replace("[queues.accueil]\n", "[queues.accueil]\noverflow_size = 1\n")
    stage = Stage(text.replace("overflow_size = 1\nring_s", "overflow_size = 2\nring_s"))
    for caller in ("0661000001", "0661000002"):
        stage.carrier.dial("0539000001", caller=caller)
        stage.run(1.0)
    stage.centre = parse_centre_of(text)
    stage.turn(lambda: adopt_centre(stage.floor, stage.centre, path="x"))
    replayed = FloorState(Routing([]))
    for event in stage.events:
        apply(replayed, event)
    line = [replayed.routing.position(call) for call in replayed.calls]
    assert line == [1, 2]


def test_an_agent_whose_phone_took_the_caller_off_hold_comes_back_from_a_consultation() -> None:
    stage = Stage(logged_in=("amal",))
    consulting(stage)
    stage.phones["amal"].reoffer("sendonly")
    stage.run(1.0)
    stage.phones["amal"].reoffer("sendrecv")
    stage.run(1.0)
    assert stage.kinds()[-1] == "call.resumed"
    assert stage.ask("back", agent="amal").ok
    assert stage.both_hear(stage.call.caller_leg, stage.call.agent_leg)


def test_a_phone_that_refreshes_its_session_ends_no_hold_of_the_desk() -> None:
    stage = Stage(logged_in=("amal",))
    talking(stage)
    assert stage.ask("hold", agent="amal").ok
    stage.phones["amal"].reoffer("sendrecv")
    stage.run(1.0)
    assert stage.of("call.resumed") == []
    assert stage.hears[stage.call.caller_leg] == []


def test_a_reload_that_is_asked_for_while_the_floor_starts_is_made_when_it_is_up(tmp_path: Path) -> None:
    """The file it starts with was read before."""
    world = World(draw_plan(1, faults=frozenset()), tmp_path)
    world.agenda.run(0.0002)
    assert not world.house.up
    write_centre(
        tmp_path, world.plan.variant.text.replace("missed_pause_after = 2", "missed_pause_after = 3")
    )
    world.house.signal(signal.SIGHUP)
    world.agenda.run(5.0)
    assert world.floor is not None
    assert world.floor.centre.queues["accueil"].missed_pause_after == 3
    world.house.bury()
    assert world.findings == []


def test_a_phone_that_has_refused_does_not_ring_again_after_a_restart() -> None:
    """The worker had not closed the leg yet: its INVITE was repeated to a phone that had forgotten the first."""
    stage = Stage(CENTRE.replace("missed_pause_after = 2", "missed_pause_after = 1"), logged_in=("amal",))
    stage.phones["amal"].code = 480
    stage.carrier.dial("0539000001")
    stage.run(0.035)
    leg = stage.one("call.missed").data["leg"]
    stage.open[leg] = stage.floor.state.legs[leg].port
    stage.phones["amal"].code, stage.phones["amal"].auto = 0, None
    stage.restart(10.0)
    stage.run(5.0)
    assert stage.phones["amal"].legs == []
    assert leg not in stage.open


def test_a_phone_whose_caller_left_as_the_floor_died_stops_ringing() -> None:
    """The CANCEL had not left; nobody would have stopped that phone."""
    stage = Stage(logged_in=("amal",))
    stage.phones["amal"].auto = None
    stage.carrier.dial("0539000001")
    stage.run(1.0)
    unplugged = stage.sides.pop(stage.phones["amal"].host)
    stage.carrier.hang_up()
    stage.run(0.015)
    stage.sides[unplugged.host] = unplugged
    assert stage.outcome() == "abandoned"
    assert len(unplugged.legs) == 1
    stage.restart()
    stage.run(1.0)
    assert unplugged.legs == []


def test_a_customer_is_not_called_before_an_agent_has_answered_after_a_restart() -> None:
    stage = Stage()
    asked(stage)
    stage.phones["amal"].auto = None
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(5.0)
    stage.restart()
    stage.run(5.0)
    assert stage.of("callback.dialling") == []
    stage.phones["amal"].answer()
    stage.run(1.0)
    assert stage.call.stage == "dialling"


def test_a_customer_whose_agent_did_not_outlive_the_floor_is_not_called_on() -> None:
    stage = Stage()
    asked(stage)
    stage.carrier.auto = None
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(20.0)
    assert len(stage.carrier.legs) == 1
    stage.open.pop(stage.call.agent_leg)
    stage.restart()
    stage.run(5.0)
    assert stage.carrier.legs == []
    assert stage.one("callback.missed").data["reason"] == "agent-left"
    assert stage.state_of("amal") == "ready"


NO_STAFF = CENTRE.replace("[queues.accueil]\n", "[queues.accueil]\noverflow_no_staff = true\n")


def test_who_waits_is_sent_on_when_the_last_agent_logs_out() -> None:
    """At once: it was seen only when something else made the floor look at who waits."""
    stage = Stage(NO_STAFF)
    for agent in ("amal", "brahim"):
        stage.ask("login", agent=agent)
    stage.carrier.dial("0539000001")
    stage.run(1.0)
    stage.ask("logout", agent="amal")
    assert stage.call.stage == "queued"
    stage.ask("logout", agent="brahim")
    assert stage.call.stage == "message"
    assert stage.one("call.overflowed").data["reason"] == "no-staff"


def test_who_waits_is_sent_on_when_the_clock_is_set_past_the_closing_time(tmp_path: Path) -> None:
    """At once: the floor looked when the old clock would have shown it."""
    plan = replace(draw_plan(1, faults=frozenset(), calls_per_hour=400), attendance=0.0, mischief_s=1e6)
    world = World(replace(plan, variant=replace(plan.variant, start="just before closing")), tmp_path)
    while not (waiting := in_guichet(world)):
        world.step(0.5)
    assert world.agenda.now < 100.0
    world.house.wall_shift += 121.0 - world.agenda.now
    world.people.desk.ask("hold", agent="amal")  # anything that wakes the floor
    world.step(0.6)
    assert waiting & in_guichet(world) == set()
    world.house.bury()
    assert world.findings == []


def in_guichet(world: World) -> set[str]:
    calls = world.floor.state.calls.values() if world.floor is not None else ()
    return {call.id for call in calls if (call.stage, call.queue) == ("queued", "guichet")}


def test_an_open_line_ends_when_the_floor_dies_over_its_agents_logout() -> None:
    """The logout was committed, the line not yet hung up: it stayed open for ever."""
    stage = Stage()
    stage.phones["fixe"].dial("*10")
    stage.run(5.0)
    assert [leg.role for leg in stage.floor.state.legs.values()] == ["nailed"]
    stage.turn(lambda: stage.floor.emit("agent.state", agent="fixe", state="logged_out", code=""))
    stage.restart()
    stage.run(5.0)
    assert stage.floor.state.legs == {}
    assert stage.phones["fixe"].legs == []


def test_no_timer_is_left_of_a_closing_time_for_which_nobody_waits() -> None:
    stage = Stage(
        CENTRE.replace(
            "[queues.accueil]\n", '[queues.accueil]\ncalendar = "bureau"\noverflow_at_close = true\n'
        )
    )
    stage.carrier.dial("0539000001")
    stage.run(1.0)
    assert stage.call.stage == "queued"
    stage.carrier.hang_up()
    stage.run(60.0)
    assert stage.floor.next_timer() is None


def test_a_callback_stays_when_everybody_goes_home() -> None:
    stage = Stage(NO_STAFF)
    stage.ask("login", agent="amal")
    callback = asked(stage)
    stage.ask("logout", agent="amal")
    stage.run(60.0)
    assert stage.floor.state.calls[callback].stage == "queued"
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    assert stage.floor.state.calls[callback].stage == "ringing"


def test_an_audio_worker_that_dies_while_the_floor_starts_takes_its_calls_with_it(tmp_path: Path) -> None:
    """The floor had met it and waited for the other one: its calls were taken up, and their legs never closed."""
    plan = draw_plan(1, faults=frozenset(), calls_per_hour=400)
    plan.variant.values.update(workers=2, ports=40)
    world = World(plan, tmp_path)
    while not all(worker.legs for worker in world.workers):
        world.step(1.0)
    first, second = world.workers
    before = set(second.legs)
    first.die()
    world.house.kill("anywhere", gap_s=0.1)
    world.step(2.0)
    assert not world.house.up
    second.die()
    world.step(4.0)
    assert world.floor is not None
    assert before & world.floor.state.legs.keys() == set()
    world.house.bury()


@pytest.mark.parametrize("told", [False, True])
def test_a_recording_goes_on_after_a_restart_with_the_voices_that_the_caller_hears(told: bool) -> None:
    """Of a caller who waits again nothing was recorded; of one who holds, what his agent asks a colleague was."""
    text = CENTRE.replace(
        'recording = "none"\nclosed = "message"', 'recording = "announce"\nclosed = "message"'
    )
    stage = Stage(text, logged_in=("amal", "brahim"))
    stage.carrier.dial("0539000001")
    stage.run(8.0)
    for act, heard in (
        ({"do": "hold"}, []),
        ({"do": "resume"}, [stage.call.agent_leg]),
        ({"do": "transfer", "to": "petite"}, []),
    ):
        assert stage.ask(agent="amal", **act).ok
        recordings = list(stage.recording)
        if not told:
            stage.recording.clear()
        stage.commands.clear()
        stage.restart(recordings=recordings if told else [])
        sides = [c for c in stage.commands if isinstance(c, media.Record | media.RecordSides)]
        assert [sides[-1].recording] == recordings
        assert sides[-1].right == heard
        assert isinstance(sides[-1], media.RecordSides) is told


def test_a_line_that_was_being_told_something_is_hung_up_after_a_restart() -> None:
    """The prompt had ended, its phone had hung up, and the floor was gone: the leg stayed for ever."""
    stage = Stage(logged_in=("amal",))
    stage.phones["amal"].dial("*10", caller="101")  # he is logged in already
    stage.phones["brahim"].dial("103", caller="102")  # nobody has logged in there
    stage.run(0.5)
    stage.playing.clear()
    stage.restart()
    stage.run(7.0)
    assert stage.floor.state.legs == {}
    assert stage.floor.state.calls == {}


def test_a_colleague_who_does_not_answer_is_rung_no_longer_after_a_restart_either() -> None:
    stage = Stage(logged_in=("amal", "brahim"))
    talking(stage)
    (other,) = {"amal", "brahim"} - {stage.call.agent}
    stage.phones[other].auto = None
    assert stage.ask("consult", agent=stage.call.agent, to=other).ok
    stage.run(10.0)
    stage.restart()
    stage.run(15.0)
    assert stage.of("call.consult_ended") == []
    stage.run(10.0)
    assert stage.one("call.consult_ended").data["why"] == "no-answer"
    assert stage.both_hear(stage.call.caller_leg, stage.call.agent_leg)
