"""Agents whose phone is the browser: rung, asked, away and back, and never heard before they have answered."""

from __future__ import annotations

import msgspec
import pytest

from marhaba.floor import agents, dispatch, lines
from marhaba.floor.floor import Worker
from marhaba.floor.state import Leg
from marhaba.kernel.messages import Reply
from marhaba.media import protocol as media
from tests.floor.stage import HOUSE, Stage
from tests.floor.stage_centre import CENTRE

AUTO = CENTRE.replace("[queues.accueil]\n", "[queues.accueil]\nauto_answer = true\n")


def browser(stage: Stage, agent: str, *, edge: str = "", port: int = 45_000, ready: bool = True) -> Leg:
    edge = edge or f"{agent}1"
    reply = stage.ask("line", agent=agent, edge=edge, host="127.0.0.1", port=port, dtmf_payload=126)
    assert reply.ok, reply
    if ready:
        assert stage.ask("ready", agent=agent).ok
    return stage.floor.state.legs[stage.floor.seat(agent).leg]


def refused(reply: Reply) -> str:
    assert not reply.ok
    return reply.code


def ringing(stage: Stage, agent: str = "amal") -> None:
    stage.carrier.dial("0539000001")
    stage.run(1.0)
    assert stage.state_of(agent) == "ringing"


def in_call(stage: Stage, agent: str = "amal") -> None:
    ringing(stage, agent)
    assert stage.ask("answer", agent=agent).ok
    assert stage.call.stage == "talking"


def test_opening_a_line_logs_in_and_aims_the_edge() -> None:
    stage = Stage()
    line = browser(stage, "amal", ready=False)
    assert (stage.state_of("amal"), stage.floor.seat("amal").code) == ("paused", "login")
    assert stage.browsers == {"amal1": line.port}
    opened = next(command for command in stage.commands if isinstance(command, media.OpenLeg))
    assert (opened.remote_host, opened.remote_port, opened.dtmf_payload) == ("127.0.0.1", 45_000, 126)
    assert opened.silent_s == 3.0
    stage.settled()


def test_a_call_rings_in_the_browser_and_a_click_answers_it() -> None:
    stage = Stage()
    line = browser(stage, "amal")
    ringing(stage)
    call = stage.call
    assert line.id in stage.playing  # the ring
    assert stage.hears.get(call.caller_leg, []) == []
    assert stage.ask("answer", agent="amal").ok
    assert line.id not in stage.playing
    assert stage.both_hear(call.caller_leg, line.id)
    assert refused(stage.ask("answer", agent="amal")) == "nothing-rings"
    assert stage.ask("hang_up", agent="amal").ok
    stage.run(1.0)
    assert stage.state_of("amal") == "wrapup"
    assert stage.one("call.ended").data["by"] == "agent"
    assert stage.floor.state.legs[line.id].role == "nailed"
    stage.run(10.0)
    in_call(stage)
    stage.carrier.hang_up()
    stage.run(11.0)
    assert stage.state_of("amal") == "ready"
    stage.settled()


def test_a_queue_that_answers_by_itself_joins_at_once() -> None:
    stage = Stage(AUTO)
    line = browser(stage, "amal")
    stage.carrier.dial("0539000001")
    stage.run(1.0)
    assert stage.both_hear(stage.call.caller_leg, line.id)
    stage.carrier.hang_up()
    stage.settled()


def test_declined_and_unanswered_rings_go_on_to_the_next() -> None:
    stage = Stage()
    browser(stage, "amal")
    ringing(stage)
    assert stage.ask("decline", agent="amal").ok
    assert stage.one("call.missed").data["reason"] == "declined"
    stage.run(0.1)
    assert stage.state_of("amal") == "ringing"  # he is the only one, and has one more try
    stage.run(21.0)
    assert len(stage.of("call.missed")) == 2
    assert (stage.state_of("amal"), stage.floor.seat("amal").code) == ("paused", "missed")
    assert stage.call.stage == "queued"
    stage.carrier.hang_up()
    stage.settled()


def test_a_caller_who_leaves_while_it_rings_leaves_the_line_open() -> None:
    stage = Stage()
    line = browser(stage, "amal")
    ringing(stage)
    stage.carrier.hang_up()
    stage.run(1.0)
    assert (stage.state_of("amal"), stage.floor.state.legs[line.id].role) == ("ready", "nailed")
    assert line.id not in stage.playing
    stage.settled()


def test_a_reload_has_the_caller_hear_music_and_takes_him_up_again() -> None:
    stage = Stage()
    line = browser(stage, "amal")
    in_call(stage)
    assert stage.ask("line_away", agent="amal", edge="amal1").ok
    call = stage.call
    assert (call.held_by, stage.hears[call.caller_leg]) == ("line", [])
    stage.run(4.0)
    assert browser(stage, "amal", edge="amal2", port=45_010, ready=False).id == line.id
    assert call.held_at == 0.0
    assert stage.both_hear(call.caller_leg, line.id)
    assert stage.browsers == {"amal2": line.port}
    assert stage.ask("line_away", agent="amal", edge="amal1").ok  # the page before says good-bye late
    assert stage.both_hear(call.caller_leg, line.id)
    stage.carrier.hang_up()
    stage.settled()


def test_a_hold_of_his_own_survives_the_reload() -> None:
    stage = Stage()
    browser(stage, "amal")
    in_call(stage)
    assert stage.ask("hold", agent="amal").ok
    assert stage.ask("line_away", agent="amal", edge="amal1").ok
    browser(stage, "amal", edge="amal2", ready=False)
    assert (stage.call.held_by, stage.hears[stage.call.caller_leg]) == ("agent", [])
    stage.carrier.hang_up()
    stage.settled()


def test_who_stays_away_loses_the_caller_to_the_head_of_the_queue() -> None:
    stage = Stage(logged_in=("brahim",))
    assert stage.ask("pause", agent="brahim", code="lunch").ok
    line = browser(stage, "amal")
    in_call(stage)
    rank = stage.call.rank
    stage.media(media.LegSilent(line.id, 3.0))  # no good-bye: the battery is empty
    stage.run(lines.AWAY_S - 1)
    assert stage.call.stage == "talking"
    stage.run(2.0)
    assert (stage.call.stage, stage.call.rank) == ("queued", rank)
    assert stage.floor.state.legs.get(line.id) is None
    assert stage.browsers == {}
    stage.run(10.0)
    assert stage.state_of("amal") == "paused"
    assert stage.ask("ready", agent="brahim").ok
    stage.run(3.0)
    assert (stage.call.stage, stage.call.agent) == ("talking", "brahim")
    stage.carrier.hang_up()
    stage.settled()


def test_one_who_is_away_is_not_rung_and_keeps_his_turn() -> None:
    stage = Stage()
    browser(stage, "amal")
    turn = stage.floor.seat("amal").idle_since
    stage.run(5.0)
    assert stage.ask("line_away", agent="amal", edge="amal1").ok
    assert (stage.state_of("amal"), stage.floor.seat("amal").code) == ("paused", "line-lost")
    stage.carrier.dial("0539000001")
    stage.run(1.0)
    assert stage.call.stage == "queued"
    browser(stage, "amal", edge="amal2", ready=False)
    assert stage.floor.seat("amal").idle_since == turn
    stage.run(0.1)
    assert stage.state_of("amal") == "ringing"
    stage.carrier.hang_up()
    stage.settled()


def test_a_ring_ends_when_the_browser_goes() -> None:
    stage = Stage()
    browser(stage, "amal")
    ringing(stage)
    assert stage.ask("line_away", agent="amal", edge="amal1").ok
    assert (stage.state_of("amal"), stage.call.stage) == ("paused", "queued")
    stage.carrier.hang_up()
    stage.settled()


def test_a_colleague_is_asked_in_the_browser_and_heard_only_when_he_answers() -> None:
    stage = Stage()
    amal, brahim = browser(stage, "amal"), browser(stage, "brahim", port=45_100, ready=False)
    in_call(stage)
    assert stage.ask("ready", agent="brahim").ok
    assert stage.ask("consult", agent="amal", to="brahim").ok
    assert stage.state_of("brahim") == "ringing"
    assert stage.hears.get(amal.id, []) == []
    assert stage.ask("answer", agent="brahim").ok
    assert stage.both_hear(amal.id, brahim.id)
    assert stage.ask("join", agent="amal").ok
    assert stage.both_hear(stage.call.caller_leg, brahim.id)
    assert stage.ask("complete", agent="amal").ok
    assert (stage.call.agent, stage.state_of("amal")) == ("brahim", "wrapup")
    assert stage.hears[amal.id] == []
    assert stage.both_hear(stage.call.caller_leg, brahim.id)
    assert stage.ask("hang_up", agent="brahim").ok
    stage.settled()


def test_handing_over_while_it_rings_leaves_it_ringing_for_the_caller() -> None:
    stage = Stage()
    _amal, brahim = browser(stage, "amal"), browser(stage, "brahim", port=45_100, ready=False)
    in_call(stage)
    assert stage.ask("ready", agent="brahim").ok
    assert stage.ask("consult", agent="amal", to="brahim").ok
    assert stage.ask("hang_up", agent="amal").ok
    assert (stage.call.stage, stage.call.agent) == ("ringing", "brahim")
    assert stage.hears.get(stage.call.caller_leg, []) == []
    assert stage.ask("answer", agent="brahim").ok
    assert stage.both_hear(stage.call.caller_leg, brahim.id)
    stage.carrier.hang_up()
    stage.settled()


def test_a_consulted_colleague_declines_or_does_not_answer() -> None:
    stage = Stage()
    browser(stage, "amal")
    browser(stage, "brahim", port=45_100, ready=False)
    in_call(stage)
    assert stage.ask("ready", agent="brahim").ok
    assert stage.ask("consult", agent="amal", to="brahim").ok
    assert stage.ask("decline", agent="brahim").ok
    assert (stage.call.consult_leg, stage.call.held_at) == ("", 0.0)
    stage.run(0.1)
    assert stage.state_of("brahim") == "ready"
    assert stage.ask("consult", agent="amal", to="brahim").ok
    stage.run(31.0)
    assert stage.call.consult_leg == ""
    assert stage.ask("consult", agent="amal", to="brahim").ok
    assert stage.ask("back", agent="amal").ok
    assert stage.both_hear(stage.call.caller_leg, stage.call.agent_leg)
    stage.carrier.hang_up()
    stage.settled()


def test_a_supervisor_listens_whispers_and_leaves_on_his_line() -> None:
    stage = Stage()
    amal, laila = browser(stage, "amal"), browser(stage, "laila", port=45_100, ready=False)
    in_call(stage)
    assert stage.ask("supervise", supervisor="laila", agent="amal", mode="whisper").ok
    assert laila.id in stage.hears[amal.id]
    assert laila.id not in stage.hears[stage.call.caller_leg]
    assert stage.ask("supervise_end", supervisor="laila").ok
    assert laila.id not in stage.hears[amal.id]
    assert stage.floor.state.legs[laila.id].role == "nailed"
    assert stage.ask("supervise", supervisor="laila", agent="amal", mode="listen").ok
    stage.carrier.hang_up()
    stage.settled()
    assert stage.floor.state.legs[laila.id].role == "nailed"


def test_dialling_from_the_desk() -> None:
    stage = Stage()
    amal, brahim = browser(stage, "amal", ready=False), browser(stage, "brahim", port=45_100)
    assert stage.ask("dial", agent="amal", to="brahim").ok
    assert stage.hears.get(amal.id, []) == []
    assert stage.ask("answer", agent="brahim").ok
    assert stage.both_hear(amal.id, brahim.id)
    assert refused(stage.ask("dial", agent="amal", to="+212661000001")) == "on-a-call"
    assert stage.ask("hang_up", agent="brahim").ok
    stage.run(1.0)
    assert (stage.state_of("amal"), stage.floor.seat("amal").code) == ("paused", "login")
    assert stage.state_of("brahim") == "ready"
    assert refused(stage.ask("dial", agent="amal", to="+33140000000")) == "not-dialled"
    assert (stage.state_of("amal"), stage.floor.state.calls) == ("paused", {})
    assert stage.ask("dial", agent="amal", to="+212661000001").ok
    stage.run(0.5)
    stage.carrier.answer()
    stage.run(1.0)
    assert stage.both_hear(amal.id, stage.call.consult_leg)
    assert stage.ask("hang_up", agent="amal").ok
    stage.run(1.0)
    assert stage.state_of("amal") == "paused"
    assert stage.carrier.legs == []
    stage.settled()


def test_logging_out_closes_the_line() -> None:
    stage = Stage()
    browser(stage, "amal")
    in_call(stage)
    assert stage.ask("logout", agent="amal").ok
    assert stage.call.stage == "talking"
    stage.carrier.hang_up()
    stage.run(11.0)
    assert (stage.state_of("amal"), stage.browsers) == ("logged_out", {})
    stage.settled()


def test_a_line_needs_a_port_and_no_phone_line() -> None:
    stage = Stage()
    stage.phones["fixe"].dial(stage.centre.star_codes.login, caller="105")
    stage.run(2.0)
    args = {"agent": "fixe", "edge": "f1", "host": "127.0.0.1", "port": 45_000, "dtmf_payload": 0}
    assert refused(stage.ask("line", **args)) == "phone-line-open"
    stage.floor.workers["media-0"].free.clear()
    assert refused(stage.ask("line", **args | {"agent": "amal"})) == "no-port"
    assert refused(stage.ask("dial", agent="amal", to="102")) == "no-line"


@pytest.mark.parametrize("away", [False, True])
def test_the_floor_restarts_in_mid_call(away: bool) -> None:
    stage = Stage()
    line = browser(stage, "amal")
    in_call(stage)
    if away:
        assert stage.ask("line_away", agent="amal", edge="amal1").ok
    stage.restart()
    stage.turn(lambda: lines.edge_met(stage.floor, frozenset(stage.browsers)))
    if away:
        browser(stage, "amal", edge="amal2", ready=False)
    assert stage.both_hear(stage.call.caller_leg, line.id)
    assert stage.ask("hang_up", agent="amal").ok
    stage.settled()


def test_a_floor_that_dies_over_a_logout_closes_the_line_when_it_is_back() -> None:
    stage = Stage()
    line = browser(stage, "amal")
    stage.dead = True  # the logout is written, and nobody is told
    stage.floor.now = stage.now
    agents.log_out(stage.floor, "amal")
    turn = stage.floor.take_turn()
    stage.events += [
        msgspec.structs.replace(event, seq=len(stage.events) + n) for n, event in enumerate(turn.events, 1)
    ]
    stage.dead = False
    stage.restart()
    stage.turn(lambda: lines.edge_met(stage.floor, frozenset(stage.browsers)))
    assert line.id not in stage.open
    stage.settled()


def test_a_restart_while_it_rings_rings_on() -> None:
    stage = Stage()
    line = browser(stage, "amal")
    ringing(stage)
    stage.restart()
    assert stage.call.stage == "ringing"
    assert stage.ask("answer", agent="amal").ok
    assert stage.both_hear(stage.call.caller_leg, line.id)
    stage.carrier.hang_up()
    stage.settled()


def test_away_through_a_restart_still_ends() -> None:
    stage = Stage()
    browser(stage, "amal")
    in_call(stage)
    assert stage.ask("line_away", agent="amal", edge="amal1").ok
    stage.restart()
    stage.run(lines.AWAY_S + 1)
    assert stage.call.stage == "queued"
    stage.carrier.hang_up()
    stage.settled()


def test_a_new_edge_has_no_lines_and_browsers_come_back() -> None:
    stage = Stage()
    line = browser(stage, "amal")
    in_call(stage)
    stage.browsers.clear()
    stage.turn(lambda: lines.edge_met(stage.floor, frozenset({"stranger"})))
    assert stage.call.held_by == "line"
    browser(stage, "amal", edge="amal2", ready=False)
    assert stage.both_hear(stage.call.caller_leg, line.id)
    stage.carrier.hang_up()
    stage.settled()


def test_an_audio_worker_that_dies_takes_the_line_with_it() -> None:
    stage = Stage()
    browser(stage, "amal")
    in_call(stage)
    stage.lose_worker()
    assert stage.one("call.ended").data["reason"] == "media"
    assert stage.browsers == {}
    browser(stage, "amal", edge="amal2", ready=False)
    stage.settled()


def test_a_line_follows_the_caller_to_another_audio_worker() -> None:
    stage = Stage()
    line = browser(stage, "amal")
    second = Worker("media-1", HOUSE, list(range(30_000, 30_300, 2)))  # more ports: callers go there
    stage.turn(lambda: dispatch.worker_up(stage.floor, second))
    ringing(stage)
    moved = stage.floor.state.legs[stage.floor.seat("amal").leg]
    assert (moved.worker, moved.edge) == ("media-1", line.edge)
    assert stage.browsers == {"amal1": moved.port}
    assert stage.ask("answer", agent="amal").ok
    assert stage.both_hear(stage.call.caller_leg, moved.id)
    stage.carrier.hang_up()
    stage.run(1.0)
    assert line.id not in stage.floor.state.legs


def test_the_board_says_what_a_desk_shows() -> None:
    stage = Stage()
    browser(stage, "amal")
    ringing(stage)
    shown = stage.ask("board").data
    (amal,) = (row for row in shown["agents"] if row["agent"] == "amal")
    (call,) = shown["calls"]
    assert (amal["state"], amal["line"], amal["edge"], amal["call"]) == (
        "ringing",
        "open",
        "amal1",
        call["call"],
    )
    assert (call["rings"], call["stage"]) == (["amal"], "ringing")
    assert stage.ask("answer", agent="amal").ok
    stage.run(2.0)
    assert stage.ask("consult", agent="amal", to="+212661000009").ok
    (call,) = stage.ask("board").data["calls"]
    assert (call["consults"], call["asked_rings"], call["held_by"]) == ("+212661000009", True, "consult")
    assert stage.ask("back", agent="amal").ok
    assert stage.ask("line_away", agent="amal", edge="amal1").ok
    shown = stage.ask("board").data
    assert (shown["calls"][0]["held_by"], shown["dispositions"]["sale"]) == ("line", "Vente")
    assert {row["line"] for row in shown["agents"]} == {"", "away"}
    stage.carrier.hang_up()
    stage.settled()


def test_an_echo_is_heard_in_a_pause_alone() -> None:
    stage = Stage()
    assert refused(stage.ask("echo", agent="amal")) == "no-line"
    line = browser(stage, "amal", ready=False)
    assert stage.ask("echo", agent="amal").ok
    assert stage.hears[line.id] == [line.id]
    stage.run(lines.ECHO_S + 1)
    assert stage.hears[line.id] == []
    assert stage.ask("ready", agent="amal").ok
    assert refused(stage.ask("echo", agent="amal")) == "not-paused"


def test_keys_of_the_desk_reach_the_other_side() -> None:
    stage = Stage()
    browser(stage, "amal")
    in_call(stage)
    assert stage.ask("keys", agent="amal", digits="12#").ok
    sent = next(command for command in stage.commands if isinstance(command, media.SendDigits))
    assert (sent.leg, sent.digits) == (stage.call.caller_leg, "12#")
    stage.carrier.hang_up()
    stage.settled()
