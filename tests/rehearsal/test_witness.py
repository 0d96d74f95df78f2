"""The checks from outside fail, too, when what they look at is doctored."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from marhaba.floor.floor import Floor
from marhaba.floor.state import Served
from marhaba.journal.events import Event
from marhaba.journal.journal import Journal
from marhaba.kernel.calendar import Calendar
from marhaba.kernel.routing import AgentState
from marhaba.media.protocol import Record
from marhaba.rehearsal.audio import Recording
from marhaba.rehearsal.centre import HOUSE
from marhaba.rehearsal.plan import draw_plan
from marhaba.rehearsal.witness import passed_over
from marhaba.rehearsal.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two minutes of a quiet day, in which somebody talks and is recorded."""
    plan = dataclasses.replace(
        draw_plan(4, faults=frozenset(), seconds=600, calls_per_hour=400),
        attendance=0.9,
        board=False,
        mischief_s=1e6,
    )
    world = World(plan, tmp_path)
    while not talks(world):
        world.step(0.5)
    yield world
    world.house.bury()


def talks(world: World) -> bool:
    floor = world.floor
    calm = floor is not None and floor.now - floor.state.at > 2.0
    return floor is not None and calm and any(call.recording for call in floor.state.calls.values())


def floor_of(world: World) -> Floor:
    assert world.floor is not None
    return world.floor


def recorded(world: World) -> Recording:
    (recording,) = (r for worker in world.workers for r in worker.recordings.values())
    return recording


def deafen(world: World) -> None:
    for worker in world.workers:
        for leg in worker.legs.values():
            leg.hears = []


def forget_recordings(world: World) -> None:
    for worker in world.workers:
        worker.recordings.clear()


def pause_by_itself(world: World) -> None:
    for worker in world.workers:
        for recording in worker.recordings.values():
            recording.paused = True


def record_somebody_else(world: World) -> None:
    recorded(world).right = [recorded(world).left]


def lose_a_counter(world: World) -> None:
    floor = floor_of(world)
    floor.counters["seen"] = 2
    world.witness.look(floor)
    floor.counters["seen"] = 1


def stand_in_no_line(world: World) -> None:
    floor = floor_of(world)
    call = next(iter(floor.state.calls.values()))
    call.stage, call.visit_open = type(call.stage)("queued"), True


def idle_beside(world: World) -> None:
    floor = floor_of(world)
    stand_in_no_line(world)
    call = next(iter(floor.state.calls.values()))
    call.queue, call.since = "accueil", floor.now
    floor.state.seats["amal"].state = AgentState.READY
    world.witness._idle[call.id, "amal"] = floor.now - 1.5


def wait_in_vain(world: World) -> None:
    stand_in_no_line(world)
    floor = floor_of(world)
    next(iter(floor.state.calls.values())).queue = "petite"
    for seat in floor.state.seats.values():
        seat.state = AgentState.LOGGED_OUT


def wait_after_closing(world: World) -> None:
    stand_in_no_line(world)
    floor = floor_of(world)
    call = next(iter(floor.state.calls.values()))
    queue = floor.centre.queues["accueil"]
    rules = dataclasses.replace(queue.rules, overflow_at_close=True)
    shut = dataclasses.replace(queue, rules=rules, calendar=Calendar(queue.calendar.zone, ((),) * 7))
    floor.centre = dataclasses.replace(floor.centre, queues={**floor.centre.queues, "accueil": shut})
    call.queue = "accueil"
    world.witness._closed[call.id] = floor.now - 1.5


def on_two_calls(world: World) -> None:
    floor = floor_of(world)
    call = next(call for call in floor.state.calls.values() if call.agent)
    floor.state.calls["twin"] = dataclasses.replace(
        call, id="twin", caller_leg="t", agent_leg="u", consult_leg=""
    )


def ring_besides(world: World) -> None:
    call = next(call for call in floor_of(world).state.calls.values() if call.agent)
    call.beside["v"] = call.agent


LOOKS: dict[str, tuple[str, Callable[[World], None]]] = {
    "nobody hears anybody": ("audio", deafen),
    "nothing is recorded": ("I11", forget_recordings),
    "a pause that nobody made": ("I11", pause_by_itself),
    "another voice is recorded": ("I11", record_somebody_else),
    "a counter that fell": ("I15", lose_a_counter),
    "a caller in no line": ("I2", stand_in_no_line),
    "a caller beside an idle agent": ("I5", idle_beside),
    "a caller who waits in vain": ("I5", wait_in_vain),
    "a caller who waits after closing time": ("I5", wait_after_closing),
    "an agent on two calls": ("I3", on_two_calls),
    "an agent who rings for his own call": ("I3", ring_besides),
}


def test_an_agent_who_is_kept_for_another_queue_may_be_idle_beside_a_caller(world: World) -> None:
    floor = floor_of(world)
    idle_beside(world)
    idle = [seat for seat in floor.state.seats.values() if seat.state is AgentState.READY]
    call = next(iter(floor.state.calls.values()))
    queue = floor.centre.queues["accueil"]
    for kept, spared in ((0, False), (1, len(idle) == 1), (9, True)):
        rules = dataclasses.replace(queue.rules, keep={"espagnol": kept})
        queues = {**floor.centre.queues, "accueil": dataclasses.replace(queue, rules=rules)}
        floor.centre = dataclasses.replace(floor.centre, queues=queues)
        assert passed_over(floor, call, "amal", idle) is spared


@pytest.mark.parametrize("name", LOOKS)
def test_the_witness_sees_what_is_doctored(world: World, name: str) -> None:
    floor = floor_of(world)
    world.witness.look(floor)
    world.witness.listen(floor)
    assert world.findings == []
    invariant, doctor = LOOKS[name]
    doctor(world)
    world.witness.look(floor)
    world.witness.listen(floor)
    assert invariant in {finding.invariant for finding in world.findings}


def test_a_state_that_is_no_replay_is_found(world: World) -> None:
    floor = floor_of(world)
    world.witness.compare_with_replay(floor)
    assert world.findings == []
    next(iter(floor.state.calls.values())).priority += 1
    world.witness.compare_with_replay(floor)
    assert [finding.invariant for finding in world.findings] == ["I10"]


def test_agents_whom_routing_sees_otherwise_are_found(world: World) -> None:
    floor = floor_of(world)
    call = next(iter(floor.state.calls.values()))
    call.queue = "accueil"
    world.witness.events.clear()
    floor.state.routing.agent_state(floor.now, "stranger", AgentState.READY)
    floor.state.routing.set_agent("stranger", {"lang:fr": 9})
    world.witness.compare_with_replay(floor)
    assert {finding.invariant for finding in world.findings} == {"I10"}
    assert any("staff differ from a checkpoint" in finding.text for finding in world.findings)


def test_callers_and_lots_that_are_remembered_otherwise_are_found(world: World) -> None:
    floor = floor_of(world)
    floor.state.served["direct +212660000001"] = Served("amal", 1.0)
    floor.state.routing.set_agent("stranger", {})
    world.witness.compare_with_replay(floor)
    said = [finding.text for finding in world.findings]
    assert any(text.startswith("served differ from a replay") for text in said)
    assert any(text.startswith("lots differ from a replay") for text in said)


def test_what_is_left_over_is_found(world: World) -> None:
    world.witness.nothing_left(floor_of(world))
    assert world.findings[0].invariant == "I12"
    assert "'calls':" in world.findings[0].text


def test_an_event_that_was_kept_and_is_gone_is_found(world: World, tmp_path: Path) -> None:
    journal = Journal(world.folder / "data" / "journal.sqlite", read_only=True)
    world.witness.journal_opened(journal)
    assert world.findings == []
    world.witness.events.append(Event(at=0.0, kind="audit", seq=len(world.witness.events) + 1))
    world.witness.journal_opened(journal)
    journal.close()
    assert [finding.invariant for finding in world.findings] == ["I14"]


def test_an_invite_without_an_intent_is_found(world: World) -> None:
    invite = b"INVITE sip:101@192.0.2.101 SIP/2.0\r\nCall-ID: never-written\r\n\r\n"
    world.network.send(invite, (HOUSE, 5060), ("192.0.2.101", 5060))
    assert [finding.invariant for finding in world.findings] == ["I9"]


def test_calls_are_tallied_against_the_carriers(world: World) -> None:
    witness = world.witness
    witness.judge_tally()
    assert world.findings == []
    answered = [line.own for line in world.callers() if line.answered_at >= 0]
    witness.calls["0669999999"] = ["a call nobody dialled"]
    witness.calls[answered[0]] += ["the same call once more"]
    del witness.calls[answered[1]]
    tally = witness.tally()
    assert (tally.unexpected, tally.duplicated, tally.lost) == (["0669999999"], [answered[0]], [answered[1]])
    witness.judge_tally()
    assert {finding.invariant for finding in world.findings} == {"I1"}


def test_a_call_that_was_over_before_its_caller_heard_an_answer_may_come_again(world: World) -> None:
    """The floor dies between the commit of its end and the answer: the caller repeats his INVITE to the next one."""
    witness, line = world.witness, next(line for line in world.callers() if line.answered_at >= 0)
    (call,) = witness.calls[line.own]
    heard_at, line.answered_at = line.answered_at, -1.0
    witness.kept(Event(1.0, "call.ended", call, data={"by": "floor", "outcome": "abandoned_ivr"}))
    line.answered_at = heard_at
    witness.calls[line.own].append("again")
    assert witness.tally().duplicated == []


def test_an_invite_that_rings_twice_is_found(world: World) -> None:
    line = next(line for line in world.asked() if line.station.transport == "udp")
    line.station.record.append(dataclasses.replace(line, began_at=line.began_at + 5.0))
    world.witness.judge_tally()
    assert world.findings[-1].invariant == "I9"


def test_a_command_is_a_message() -> None:
    """The worker of a rehearsal obeys the real protocol."""
    assert msgspec.structs.asdict(Record("r", "/r", "l", []))["left"] == "l"
