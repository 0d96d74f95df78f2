"""Callbacks that keep their place, and what outside calls may cost."""

from __future__ import annotations

import pytest

from marhaba.floor.reload import adopt_centre
from marhaba.journal.events import Event
from tests.floor.stage import Stage
from tests.floor.stage_centre import CENTRE, parse_centre_of
from tests.floor.test_stage_calls import greeted, talking


def asked(stage: Stage, caller: str = "0661000001") -> str:
    """A caller waits half a minute, presses 2 and is told good-bye. Returns the callback."""
    stage.carrier.dial("0539000001", caller=caller)
    stage.run(31.0)
    call = next(c for c in stage.floor.state.calls.values() if c.caller == caller)
    stage.press(call, "2")
    stage.run(8.0)
    return str(stage.of("callback.asked")[-1].data["callback"])


def test_the_agent_is_rung_first_then_the_customer_in_the_callers_place() -> None:
    stage = Stage()
    callback = asked(stage)
    assert stage.carrier.legs == []
    since = stage.call.since
    stage.carrier.dial("0539000001", caller="0661000002")  # waits behind him
    stage.run(1.0)
    stage.carrier.auto = 3.0
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(2.5)
    call = stage.floor.state.calls[callback]
    assert (call.stage, call.agent, call.since) == ("dialling", "amal", since)
    stage.run(4.0)
    assert call.stage == "talking"
    assert stage.both_hear(call.caller_leg, call.agent_leg)
    assert stage.one("callback.ended").data["outcome"] == "reached"
    for leg in list(stage.carrier.legs):
        stage.carrier.hang_up(leg)
    stage.settled()
    outcomes = {record.call: record.outcome for record in stage.records.calls.values()}
    assert outcomes[callback] == "answered"
    assert sorted(outcomes.values()) == ["abandoned", "answered", "callback"]


def test_a_customer_who_is_not_there_is_called_three_times_ten_minutes_apart() -> None:
    stage = Stage()
    asked(stage)
    stage.carrier.code = 480
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(1900.0)
    times = [event.at for event in stage.of("callback.dialling")]
    assert len(times) == 3
    assert times[1] - times[0] > 600
    assert stage.one("callback.ended").data == {
        "callback": stage.one("callback.ended").call_id, "outcome": "unreachable", "attempts": 3,
    }  # fmt: skip
    assert stage.state_of("amal") == "ready"
    stage.settled()


def test_a_customer_who_lets_it_ring_is_not_rung_for_ever() -> None:
    stage = Stage()
    asked(stage)
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(60.0)
    assert stage.one("callback.missed").data["reason"] == "no-answer"
    assert stage.state_of("amal") == "ready"
    assert stage.phones["amal"].legs == []


def test_an_agent_who_leaves_while_the_customers_phone_rings_stops_it() -> None:
    stage = Stage()
    asked(stage)
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(3.0)
    assert stage.call.stage == "dialling"
    stage.phones["amal"].hang_up()
    stage.run(1.0)
    assert stage.carrier.legs == []
    assert len(stage.of("callback.missed")) == 1


@pytest.mark.parametrize("caller", ["anonymous", "0033123456789", "0890123456"])
def test_a_number_that_may_not_be_dialled_is_not_called_back(caller: str) -> None:
    stage = Stage()
    stage.carrier.dial("0539000001", caller=caller)
    stage.run(31.0)
    stage.press(stage.call, "2")
    stage.run(5.0)
    assert stage.of("callback.asked") == []
    assert stage.call.stage == "queued"
    stage.carrier.hang_up()
    stage.settled()


def test_another_key_or_a_key_too_soon_in_the_greeting_asks_for_nothing() -> None:
    stage = Stage()
    greeted(stage)
    stage.run(31.0)
    stage.press(stage.call, "5")
    stage.run(1.0)
    assert stage.of("callback.asked") == []
    stage.carrier.hang_up()
    stage.settled()


# -- what it may cost ---------------------------------------------------------------------------------------------


def dial_out(stage: Stage, agent: str) -> None:
    stage.phones[agent].dial("0537000000", caller=stage.centre.agents[agent].phone)
    stage.run(3.0)


def test_no_more_outside_calls_at_once_than_the_centre_allows() -> None:
    stage = Stage(logged_in=("amal", "brahim", "chaimae"))
    stage.carrier.auto = 1.0
    for agent in ("amal", "brahim", "chaimae"):
        dial_out(stage, agent)
    assert len(stage.carrier.legs) == 2
    assert stage.floor.counters["spend_calls"] == 1
    stage.phones["amal"].hang_up()
    stage.run(10.0)
    dial_out(stage, "chaimae")
    assert len(stage.carrier.legs) == 2


def test_the_hours_money_ends_and_comes_back() -> None:
    stage = Stage(logged_in=("amal", "brahim"))
    stage.carrier.auto = 1.0
    dial_out(stage, "amal")
    stage.run(4 * 60.0)  # five begun minutes at 1 a minute
    stage.phones["amal"].hang_up()
    stage.run(10.0)
    dial_out(stage, "amal")
    assert stage.floor.counters["spend_money"] == 1
    talking(stage)
    assert stage.ask("consult", agent=stage.call_of("direct").agent, to="0537000000").code == "spend-money"
    for leg in list(stage.carrier.legs):
        stage.carrier.hang_up(leg)
    stage.run(3600.0)
    dial_out(stage, "amal")
    assert len(stage.carrier.legs) == 1


def test_what_was_spent_survives_a_restart() -> None:
    stage = Stage(logged_in=("amal",))
    stage.carrier.auto = 1.0
    dial_out(stage, "amal")
    stage.run(4 * 60.0)
    stage.phones["amal"].hang_up()
    stage.run(10.0)
    fresh = Stage()
    for event in stage.events:
        fresh.floor.see_spending(event)
    assert fresh.floor.spend.last_hour(stage.now) == stage.floor.spend.last_hour(stage.now) == 5.0


def test_a_reload_changes_the_caps() -> None:
    stage = Stage(logged_in=("amal",))
    stage.carrier.auto = 1.0
    centre = parse_centre_of(CENTRE.replace("concurrent_max = 2", "concurrent_max = 0"))
    stage.turn(lambda: adopt_centre(stage.floor, centre, path="x"))
    dial_out(stage, "amal")
    assert stage.carrier.legs == []
    assert isinstance(stage.events[-1], Event)


def test_a_customer_is_called_over_the_next_carrier_within_one_attempt() -> None:
    stage = Stage()
    callback = asked(stage, caller="0034911234567")
    stage.carrier.auto = 1.0
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(14.0)
    call = stage.floor.state.calls[callback]
    assert call.stage == "talking"
    assert stage.both_hear(call.caller_leg, call.agent_leg)
    assert [event.data["attempt"] for event in stage.of("callback.dialling")] == [1, 1]
    assert stage.of("callback.missed") == []
    for leg in list(stage.carrier.legs):
        stage.carrier.hang_up(leg)
    stage.settled()
