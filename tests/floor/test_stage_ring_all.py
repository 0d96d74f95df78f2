"""A queue that rings all its agents: who answers first has the caller, nobody else loses anything by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from marhaba.floor import agents, checkpoint
from marhaba.floor.floor import PORTS_KEPT_BACK
from marhaba.journal.records import Records
from marhaba.kernel.routing import Routing
from marhaba.replay.exact import replay
from marhaba.sip.events import LegAnswered
from tests.floor.stage import Stage, seen
from tests.floor.stage_centre import CENTRE

TEAM = ("amal", "brahim", "chaimae")
RING_ALL = CENTRE.replace("[queues.accueil]\n", '[queues.accueil]\nstrategy = "ring-all"\n')
DIRECT, CALLBACK_KEY = "0539000001", "2"


def ringing(*agents: str, text: str = RING_ALL, number: str = DIRECT, auto: float | None = None) -> Stage:
    """A caller for whom the phones of `agents` ring; nobody answers unless told so."""
    stage = Stage(text, logged_in=agents)
    for agent in agents:
        stage.phones[agent].auto = auto
    stage.carrier.dial(number)
    stage.run(0.5)
    return stage


def states(stage: Stage, *agents: str) -> list[str]:
    return [stage.state_of(agent) for agent in agents]


def over(stage: Stage) -> None:
    """Everybody hangs up; the journal can be decided again, and adds up."""
    for side in stage.sides.values():
        for leg in list(side.legs):
            side.hang_up(leg)
    stage.settled()
    verdict = replay(stage.events)
    assert verdict.difference is None, verdict.difference
    records = Records()
    records.apply_all(stage.events)
    assert records.reconcile() == []


def test_all_phones_ring_at_once_and_the_first_who_answers_has_the_caller() -> None:
    stage = ringing(*TEAM)
    assert states(stage, *TEAM) == ["ringing"] * 3
    assert len({event.at for event in stage.of("call.ringing")}) == 1
    idle = {agent: stage.floor.seat(agent).idle_since for agent in TEAM}
    stage.run(2.0)
    stage.phones["brahim"].answer()
    stage.run(0.5)
    assert (stage.call.stage, stage.call.agent) == ("talking", "brahim")
    assert stage.both_hear(stage.call.caller_leg, stage.call.agent_leg)
    assert states(stage, *TEAM) == ["ready", "talking", "ready"]
    for agent in ("amal", "chaimae"):  # they have missed nothing, and keep their turn
        seat = stage.floor.seat(agent)
        assert (seat.missed_in_row, seat.idle_since) == (0, idle[agent])
        (ended,) = stage.phones[agent].ended.values()
        assert (ended.code, ended.reason) == (487, "elsewhere")
    spared = stage.of("call.spared")
    assert sorted(event.agent_id for event in spared) == ["amal", "chaimae"]
    assert {event.data["why"] for event in spared} == {"elsewhere"}
    assert spared[0].data["ring_s"] == pytest.approx(2.5, abs=0.1)
    stage.run(20.0)
    stage.carrier.hang_up()
    over(stage)
    (record,) = stage.records.calls.values()
    assert (len(record.visits), record.agents, record.missed) == (1, ["brahim"], 0)


def test_the_phones_that_ring_have_a_limit_and_the_longest_idle_are_among_them() -> None:
    stage = ringing(*TEAM, text=RING_ALL.replace('"ring-all"\n', '"ring-all"\nring_all_max = 2\n'))
    assert states(stage, *TEAM) == ["ringing", "ringing", "ready"]
    stage.carrier.dial(DIRECT, caller="0661000002")
    stage.run(0.5)
    assert states(stage, *TEAM) == ["ringing"] * 3  # who rings for one does not ring for another
    assert len({stage.floor.seat(agent).call for agent in TEAM}) == 2
    over(stage)


def test_two_who_answer_at_once_one_has_the_caller_and_the_other_is_ready_again() -> None:
    """Phones that answer by themselves: all of them do."""
    stage = ringing(*TEAM, auto=1.0)
    stage.run(2.0)
    assert stage.call.stage == "talking"
    assert sorted(states(stage, *TEAM)) == ["ready", "ready", "talking"]
    lost = [stage.phones[agent] for agent in TEAM if agent != stage.call.agent]
    for phone in lost:
        assert phone.legs == []
        assert [ended.reason for ended in phone.ended.values()] == ["bye"]  # answered, acknowledged, ended
    over(stage)
    assert len(stage.of("call.connected")) == 1


def test_an_answer_that_crosses_the_cancel_is_ended_and_costs_nothing() -> None:
    stage = ringing(*TEAM)
    stage.phones["amal"].answer()
    stage.later(0.005, stage.phones["brahim"].answer)
    stage.run(1.0)
    assert stage.call.agent == "amal"
    assert states(stage, "brahim", "chaimae") == ["ready", "ready"]
    assert stage.phones["brahim"].legs == []
    assert stage.floor.seat("brahim").missed_in_row == 0
    assert stage.floor.endpoint.statistics()["unwanted_answers"] == 1
    assert not [e for e in stage.phones["brahim"].events if isinstance(e, LegAnswered)]
    over(stage)


def test_one_who_declines_is_out_and_the_others_ring_on() -> None:
    stage = ringing(*TEAM)
    for agent in ("amal", "chaimae"):  # the first who was rung, and another
        leg = stage.phones[agent].legs[-1]
        stage.phones[agent].endpoint.reject(stage.sip_now, leg, 486)
        stage.run(0.1)
    assert states(stage, *TEAM) == ["ready", "ringing", "ready"]
    assert (stage.call.stage, stage.call.agent, stage.call.beside) == ("ringing", "brahim", {})
    assert [event.data["code"] for event in stage.of("call.missed")] == [486, 486]
    stage.run(5.0)
    assert states(stage, "amal", "chaimae") == ["ready", "ready"]  # not rung for the same ring again
    stage.phones["brahim"].answer()
    stage.run(0.5)
    assert stage.call.agent == "brahim"
    over(stage)


def test_when_nobody_answers_the_caller_keeps_his_place_and_all_ring_again() -> None:
    stage = ringing(*TEAM)
    rank = stage.call.rank
    stage.run(20.5)
    assert len(stage.of("call.missed")) == 3
    assert (stage.call.stage, stage.call.rank) == ("ringing", rank)
    assert states(stage, *TEAM) == ["ringing"] * 3
    stage.run(20.5)
    assert states(stage, *TEAM) == ["paused"] * 3  # twice in a row
    assert stage.call.stage == "queued"
    over(stage)
    (record,) = stage.records.calls.values()
    assert (len(record.visits), record.missed) == (1, 6)


def test_a_caller_who_gives_up_stops_all_phones_and_costs_nobody_his_turn() -> None:
    stage = ringing(*TEAM)
    idle = [stage.floor.seat(agent).idle_since for agent in TEAM]
    stage.run(3.0)
    stage.carrier.hang_up()
    stage.run(1.0)
    assert states(stage, *TEAM) == ["ready"] * 3
    assert [stage.floor.seat(agent).idle_since for agent in TEAM] == idle
    assert all(stage.phones[agent].legs == [] for agent in TEAM)
    assert {event.data["why"] for event in stage.of("call.spared")} == {"abandoned"}
    assert [e.reason for agent in TEAM for e in stage.phones[agent].ended.values()] == ["cancel"] * 3
    over(stage)
    assert stage.outcome() == "abandoned"


@pytest.mark.parametrize("gap_s", [0.0, 0.6, 3.0])
@pytest.mark.parametrize("who", TEAM)
def test_they_ring_on_after_a_crash(gap_s: float, who: str) -> None:
    stage = ringing(*TEAM)
    stage.run(1.0)
    stage.restart(gap_s)
    stage.run(1.0)
    assert states(stage, *TEAM) == ["ringing"] * 3
    assert len(stage.of("call.ringing")) == 3
    stage.phones[who].answer()
    stage.run(0.5)
    assert (stage.call.stage, stage.call.agent) == ("talking", who)
    assert states(stage, *(agent for agent in TEAM if agent != who)) == ["ready", "ready"]
    over(stage)


def test_two_answer_while_no_floor_runs() -> None:
    stage = ringing(*TEAM)
    for agent in ("amal", "chaimae"):
        stage.later(0.2, stage.phones[agent].answer)
    stage.restart(1.0)
    stage.run(5.0)
    assert stage.call.stage == "talking"
    assert sorted(states(stage, *TEAM)) == ["ready", "ready", "talking"]
    assert sum(len(stage.phones[agent].legs) for agent in TEAM) == 1
    over(stage)


def test_their_ring_ends_at_its_time_after_a_crash_too() -> None:
    stage = ringing(*TEAM)
    stage.restart(1.0)
    stage.run(18.0)
    assert stage.of("call.missed") == []
    stage.run(1.5)
    assert len(stage.of("call.missed")) == 3
    over(stage)


def test_a_power_cut_while_they_ring_ends_the_call_and_frees_everybody() -> None:
    stage = ringing(*TEAM)
    stage.restart(2.0, audio_lost=True)
    stage.run(2.0)
    assert set(states(stage, *TEAM)) == {"ready"}
    over(stage)
    assert stage.one("call.ended").data["by"] == "crash"


def test_a_checkpoint_in_the_midst_of_it_leads_to_the_same_state(tmp_path: Path) -> None:
    stage = ringing(*TEAM)
    checkpoint.write(tmp_path / "state.json", checkpoint.encode(stage.floor.state, seq=1))
    state, _ = checkpoint.restore(tmp_path / "state.json", Routing([]), last_seq=1)
    assert seen(state) == seen(stage.floor.state)
    assert state.calls[stage.call.id].ringing == stage.call.ringing
    assert [state.routing.ready("accueil")] == [0]
    over(stage)


def test_an_agent_who_wished_to_go_goes_when_another_was_quicker() -> None:
    stage = ringing(*TEAM)
    assert stage.ask("logout", agent="amal").ok
    stage.phones["brahim"].answer()
    stage.run(0.5)
    assert states(stage, *TEAM) == ["logged_out", "talking", "ready"]
    over(stage)


def test_who_is_spared_takes_the_next_caller() -> None:
    stage = ringing("amal", "brahim")
    stage.carrier.dial(DIRECT, caller="0661000002")
    stage.run(1.0)
    first, second = stage.floor.state.calls.values()
    assert second.stage == "queued"
    stage.phones["amal"].answer()
    stage.run(0.5)
    assert (first.agent, second.agent, second.stage) == ("amal", "brahim", "ringing")
    over(stage)


def test_an_agent_whose_phone_is_gone_is_paused_and_the_others_ring() -> None:
    stage = Stage(RING_ALL, logged_in=TEAM)
    for agent in TEAM:
        stage.phones[agent].auto = None
    for phone in ("101", "103"):  # of the first, and of the last
        stage.floor.endpoint.registrar._users.pop(phone)
    stage.carrier.dial(DIRECT)
    stage.run(0.5)
    assert states(stage, *TEAM) == ["paused", "ringing", "paused"]
    over(stage)


def test_without_ports_to_spare_one_phone_rings_and_nobody_is_paused() -> None:
    stage = Stage(RING_ALL, logged_in=TEAM)
    for agent in TEAM:
        stage.phones[agent].auto = None
    free = stage.floor.workers["media-0"].free
    taken = free[: len(free) - PORTS_KEPT_BACK - 2]
    del free[: len(taken)]
    stage.carrier.dial(DIRECT)
    stage.run(0.5)
    assert states(stage, *TEAM) == ["ringing", "ready", "ready"]
    free.extend(taken)
    over(stage)


def test_without_ports_to_spare_each_of_two_callers_has_one_phone() -> None:
    """Decided again, the second caller is no difference from the first one's second phone."""
    stage = Stage(RING_ALL)
    for caller in ("0661000001", "0661000002"):
        stage.carrier.dial(DIRECT, caller=caller)
    stage.run(1.0)
    free = stage.floor.workers["media-0"].free
    taken = free[: len(free) - PORTS_KEPT_BACK]
    del free[: len(taken)]
    for agent in ("amal", "brahim"):
        stage.phones[agent].auto = None
        stage.ask("login", agent=agent)
    stage.turn(lambda: [agents.ready(stage.floor, agent) for agent in ("amal", "brahim")])
    first, second = stage.floor.state.calls.values()
    assert [list(call.ringing.values()) for call in (first, second)] == [["amal"], ["brahim"]]
    free.extend(taken)
    over(stage)


def test_an_open_line_has_the_caller_at_once() -> None:
    stage = Stage(RING_ALL, logged_in=("amal",))
    stage.phones["amal"].auto = None
    stage.phones["fixe"].dial("*10", caller="105")
    stage.run(1.0)
    stage.ask("ready", agent="fixe")
    stage.carrier.dial(DIRECT)
    stage.run(0.5)
    assert (stage.call.stage, stage.call.agent) == ("talking", "fixe")
    assert stage.state_of("amal") == "ready"
    stage.carrier.hang_up()
    over(stage)


def test_a_callback_rings_them_all_and_then_the_customer() -> None:
    stage = Stage(RING_ALL)
    stage.carrier.dial(DIRECT)
    stage.run(40.0)
    stage.press(stage.call, CALLBACK_KEY)
    stage.run(5.0)
    stage.carrier.code = 486  # the customer is busy at first
    for agent in ("amal", "brahim"):
        stage.phones[agent].auto = None if agent == "brahim" else 1.0
        stage.ask("login", agent=agent)
        stage.ask("ready", agent=agent)
    stage.run(5.0)
    assert len(stage.of("callback.missed")) == 1
    stage.phones["amal"].auto, stage.carrier.code, stage.carrier.auto = None, 0, 1.0
    stage.run(600.0)
    assert states(stage, "amal", "brahim") == ["ringing", "ringing"]
    stage.restart(0.5)
    stage.run(1.0)
    stage.phones["brahim"].answer()
    stage.run(3.0)
    assert (stage.call.stage, stage.call.agent) == ("talking", "brahim")
    assert stage.state_of("amal") == "ready"
    over(stage)
    assert stage.one("callback.ended").data["outcome"] == "reached"


def test_the_agent_a_caller_had_rings_alone_and_after_him_all() -> None:
    known = 'strategy = "ring-all"\nlast_agent_s = "20 s"\n'
    stage = ringing(*TEAM, text=RING_ALL.replace('strategy = "ring-all"\n', known))
    stage.phones["brahim"].answer()
    stage.run(1.0)
    stage.carrier.hang_up()
    stage.run(12.0)
    stage.carrier.dial(DIRECT)
    stage.run(0.5)
    assert states(stage, *TEAM) == ["ready", "ringing", "ready"]
    stage.phones["brahim"].endpoint.reject(stage.sip_now, stage.phones["brahim"].legs[-1], 486)
    stage.run(0.5)
    assert states(stage, *TEAM) == ["ringing"] * 3
    over(stage)


def test_a_relaxed_requirement_rings_those_whom_it_lets_in() -> None:
    words = 'strategy = "ring-all"\nlanguage_level = 7\nrelax = [{ after_s = "10 s", levels = { language = 1 } }]\n'
    text = RING_ALL.replace('strategy = "ring-all"\n', words)
    stage = Stage(text, logged_in=("brahim", "chaimae"))
    for agent in ("brahim", "chaimae"):
        stage.phones[agent].auto = None
    stage.carrier.dial(DIRECT)
    stage.run(5.0)
    assert stage.call.stage == "queued"
    stage.run(6.0)
    assert states(stage, "brahim", "chaimae") == ["ringing", "ringing"]
    assert [event.data["step"] for event in stage.of("call.ringing")] == [1, 1]
    over(stage)


def test_a_transfer_rings_the_colleague_alone() -> None:
    stage = ringing(*TEAM)
    stage.phones["amal"].answer()
    stage.run(1.0)
    assert stage.ask("transfer", agent="amal", to="brahim").ok
    stage.run(0.5)
    assert states(stage, "brahim", "chaimae") == ["ringing", "ready"]
    over(stage)


def test_the_media_worker_dies_while_they_ring() -> None:
    stage = ringing(*TEAM)
    stage.lose_worker()
    stage.run(1.0)
    assert set(states(stage, *TEAM)) <= {"ready", "paused"}
    over(stage)
