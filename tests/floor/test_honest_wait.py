"""What the floor tells its estimator, and what callers are therefore told."""

from __future__ import annotations

import pytest

from marhaba.floor import offering, waiting
from marhaba.floor.floor import Floor
from marhaba.floor.state import Call
from marhaba.kernel.routing import AgentState
from marhaba.kernel.waiting import SEEN_MIN
from tests.floor.quiet_floor import quiet_centre, quiet_floor

QUEUE = "accueil"


@pytest.fixture
def floor() -> Floor:
    """One agent is logged in, and busy."""
    floor = quiet_floor(quiet_centre())
    floor.emit("agent.state", agent="amal", state="talking")
    return floor


def caller(floor: Floor) -> Call:
    call = floor.token()
    floor.emit(
        "call.offered",
        call=call,
        programme="banque",
        number="0539000000",
        caller="0600000001",
        leg=f"leg-{call}",
    )
    floor.emit("call.language", call=call, language="fr", how="number")
    waiting.enqueue(floor, floor.state.calls[call], QUEUE, why="first")
    return floor.state.calls[call]


def told_s(floor: Floor, call: Call) -> tuple[float, float]:
    """The wait announced to the caller now; (0, 0): none."""
    waiting.announce(floor, call)
    said = [event for event in floor.turn.events if event.kind == "call.announced"][-1]
    return said.data["wait_low_s"], said.data["wait_high_s"]


def busy_hour(floor: Floor) -> None:
    """A line that never emptied, answered every 20 s."""
    for _ in range(20):
        floor.now += 20.0
        floor.waits.answered(floor.now, QUEUE, 40.0, working=1)


def test_a_quiet_hour_before_the_caller_came_does_not_silence_the_wait(floor: Floor) -> None:
    busy_hour(floor)
    floor.now += 150.0
    first, second = caller(floor), caller(floor)
    floor.now += 8.0
    low, high = told_s(floor, second)
    assert 0 < low < high < 180
    assert told_s(floor, first)[1] < high


def test_no_wait_is_announced_when_nobody_is_at_work(floor: Floor) -> None:
    busy_hour(floor)
    caller(floor)
    second = caller(floor)
    assert told_s(floor, second) != (0, 0)
    floor.emit("agent.state", agent="amal", state="paused", code="pause")
    assert told_s(floor, second) == (0, 0)


def test_calls_that_took_no_line_still_tell_how_long_the_next_will_wait(floor: Floor) -> None:
    """A line that has just formed behind calls that were answered at once."""
    for _ in range(SEEN_MIN + 5):
        floor.now += 200.0
        call = caller(floor)
        floor.emit("agent.state", agent="amal", state="ready")
        floor.emit("call.ringing", call=call.id, agent="amal", queue=QUEUE, leg="agent-leg", why="queue")
        offering.connect(floor, call, "agent-leg")
        floor.now += 100.0
        offering.release(floor, call, why="caller")
        assert floor.seat("amal").state is AgentState.WRAPUP
        floor.emit("agent.state", agent="amal", state="talking")
    first = caller(floor)
    floor.now += 8.0
    low, high = told_s(floor, first)
    assert (low, high) != (0, 0)
    assert low < 115 < high  # 100 s of talk and 15 s of wrap-up
