"""Reserves, weights, last agents, ring-all, occupancy, text and closing time, case by case."""

from __future__ import annotations

import pytest

from marhaba.kernel.errors import BadInput, Refused
from marhaba.kernel.routing import (
    Admission,
    AgentState,
    Channel,
    Decision,
    Overflow,
    QueueRules,
    RelaxStep,
    Routing,
    Strategy,
    Work,
)

from .small_house import OUT, PAUSED, READY, carry_out, first, house, seat


def chat(name: str = "chat", **rules: object) -> QueueRules:
    return QueueRules(name, language_level=0, channel=Channel.TEXT, **rules)  # type: ignore[arg-type]


def phone(name: str = "q", **rules: object) -> QueueRules:
    return QueueRules(name, language_level=0, **rules)  # type: ignore[arg-type]


# How long a wait is


def test_of_two_queues_the_one_goes_first_that_has_used_up_more_of_its_target() -> None:
    """The worked number of docs/design/routing.md: targets of 20 s and 60 s."""
    routing = house(phone("sav", weight=1 / 20), phone("info", weight=1 / 60))
    routing.enqueue(100.0, "i", "info")
    routing.enqueue(136.0, "s", "sav")
    seat(routing, "a", at=100.0)
    assert first(routing, 150.0) == ("i", "a")  # 50 s of 60 s against 14 s of 20 s
    assert first(routing, 153.9) == ("i", "a")  # 0.898 against 0.895
    assert first(routing, 154.1) == ("s", "a")  # 0.902 against 0.905
    assert first(routing, 160.0) == ("s", "a")  # 1.0 against 1.2


def test_a_priority_goes_before_any_weight() -> None:
    routing = house(phone("heavy", weight=100.0), phone("light", priority=1))
    routing.enqueue(0.0, "h", "heavy")
    routing.enqueue(50.0, "l", "light")
    seat(routing, "a")
    assert first(routing, 60.0) == ("l", "a")


def test_waits_of_equal_urgency_are_settled_by_who_came_first() -> None:
    routing = house(phone("double", weight=2.0), phone("single"))
    routing.enqueue(50.0, "d", "double")
    routing.enqueue(0.0, "s", "single")
    seat(routing, "a")
    assert first(routing, 100.0) == ("s", "a")


def test_who_returns_stands_by_his_wait_and_not_by_his_rank() -> None:
    routing = house()
    routing.enqueue(10.0, "later", "q", rank=1)
    routing.enqueue(10.0, "earlier", "q", rank=2, queued_at=5.0)
    assert [routing.position(contact) for contact in ("earlier", "later")] == [1, 2]


def test_an_agent_takes_his_own_queue_first_and_helps_the_others_after() -> None:
    routing = house(phone("savings"), phone("checking"), phone("urgent", priority=1))
    routing.enqueue(0.0, "c", "checking")
    routing.enqueue(30.0, "s", "savings")
    routing.set_agent("a", {}, None, ["savings"])
    routing.agent_state(0.0, "a", READY)
    assert first(routing, 40.0) == ("s", "a")
    routing.enqueue(45.0, "u", "urgent")
    assert first(routing, 50.0) == ("u", "a")  # his own queue does not go before a priority
    seat(routing, "b")
    assert carry_out(routing, 60.0) == [("u", "a"), ("c", "b")]  # busy, he goes before nobody
    routing.enqueue(20.0, "d", "checking")
    routing.agent_state(90.0, "a", READY)
    assert carry_out(routing, 90.0) == [("s", "a")]
    routing.agent_state(95.0, "a", READY)
    assert carry_out(routing, 95.0) == [("d", "a")]


def test_a_queue_is_nobodys_own_to_whom_it_is_closed() -> None:
    routing = house(phone("vip", skills={"vip": 3}), phone("q"))
    routing.enqueue(0.0, "q", "q")
    routing.enqueue(5.0, "v", "vip")
    routing.set_agent("novice", {"vip": 1}, None, ["vip"])
    seat(routing, "expert", vip=5)
    routing.agent_state(9.0, "novice", READY)
    assert first(routing, 10.0) == ("q", "expert")


def test_between_queues_the_longer_line_may_go_first() -> None:
    routing = house(phone("long"), phone("early"))
    routing.configure([phone("long"), phone("early")], longest_queue=True)
    routing.enqueue(0.0, "e", "early")
    for name in ("first", "second", "third"):
        routing.enqueue(50.0, name, "long")
    seat(routing, "a")
    assert first(routing, 60.0) == ("first", "a")
    routing.configure([phone("long"), phone("early", weight=4.0)], longest_queue=True)
    assert first(routing, 60.0) == ("e", "a")  # one by four is more than three
    routing.configure([phone("long"), phone("early")])
    assert first(routing, 60.0) == ("e", "a")


def test_a_queue_that_draws_lots_gives_every_agent_the_same() -> None:
    routing = house(phone(strategy=Strategy.RANDOM))
    agents = [f"a{number}" for number in range(7)]
    for agent in agents:
        seat(routing, agent)
    given = dict.fromkeys(agents, 0)
    for call in range(7_000):
        now = call * 1.37
        routing.enqueue(now, "c", "q")
        [(_, agent)] = carry_out(routing, now)
        given[agent] += 1
        routing.agent_state(now, agent, READY)
    chi_square = sum((count - 1_000) ** 2 / 1_000 for count in given.values())
    assert chi_square < 22.5  # 6 degrees of freedom: one in a thousand


# Who is kept back


def test_the_last_agents_are_kept_for_the_queue_that_needs_them() -> None:
    """The worked number of docs/design/routing.md: five ready, two kept, so three are given."""
    routing = house(phone("sav"), phone("sortant", keep={"sav": 2}))
    for number in range(5):
        seat(routing, f"a{number}", at=float(number))
    for number in range(9):
        routing.enqueue(10.0, f"c{number}", "sortant")
    assert carry_out(routing, 10.0) == [("c0", "a0"), ("c1", "a1"), ("c2", "a2")]
    routing.enqueue(11.0, "s", "sav")
    assert carry_out(routing, 11.0) == [("s", "a3")]
    routing.agent_state(20.0, "a0", READY)
    assert routing.decide(20.0) is None
    routing.agent_state(21.0, "a1", READY)
    assert carry_out(routing, 21.0) == [("c3", "a4")]


def test_who_could_not_serve_the_other_queue_is_not_kept_for_it() -> None:
    routing = house(phone("sav", skills={"repair": 3}), phone("sortant", keep={"sav": 2}))
    seat(routing, "expert", repair=5)
    seat(routing, "seller", at=1.0)
    routing.enqueue(2.0, "c", "sortant")
    assert carry_out(routing, 2.0) == [("c", "seller")]


def test_an_agent_who_comes_sets_another_free_for_the_queue_that_keeps() -> None:
    routing = house(phone("sav"), phone("sortant", keep={"sav": 1}))
    seat(routing, "both")
    routing.enqueue(1.0, "c", "sortant")
    assert routing.decide(1.0) is None
    seat(routing, "sav-only", at=2.0, queues=["sav"])
    assert first(routing, 2.0) == ("c", "both")


def test_queues_may_keep_agents_for_one_another_and_a_keep_of_none_keeps_nobody() -> None:
    routing = house(phone("a", keep={"b": 1}), phone("b", keep={"a": 1}), phone("c", keep={"a": 0}))
    seat(routing, "one")
    for queue in ("a", "b"):
        routing.enqueue(0.0, f"of-{queue}", queue)
    assert routing.decide(0.0) is None
    routing.enqueue(0.0, "of-c", "c")
    assert first(routing, 0.0) == ("of-c", "one")


def test_an_agent_kept_for_the_phone_may_take_another_text_when_he_has_one_already() -> None:
    routing = house(phone(), chat(keep={"q": 1}))
    seat(routing, "a")
    routing.set_capacity("a", 3)
    routing.enqueue(0.0, "t1", "chat")
    routing.enqueue(0.0, "t2", "chat")
    assert routing.decide(0.0) is None
    routing.text_load(1.0, "a", 1)
    assert carry_out(routing, 1.0) == [("t1", "a"), ("t2", "a")]


def test_agents_kept_for_text_are_those_who_can_write() -> None:
    routing = house(phone(keep={"chat": 1}), chat())
    seat(routing, "writes")
    routing.set_capacity("writes", 1)
    seat(routing, "speaks", at=1.0)
    routing.enqueue(2.0, "c1", "q")
    routing.enqueue(2.0, "c2", "q")
    assert carry_out(routing, 2.0) == [("c1", "speaks")]


def test_a_queue_cannot_keep_agents_for_one_that_is_not_there() -> None:
    with pytest.raises(BadInput) as refusal:
        house(phone("a", keep={"nowhere": 1}))
    assert refusal.value.code == "keep"
    routing = house(phone("old", keep={"gone": 1}), phone("gone"))
    routing.enqueue(0.0, "c", "old")
    routing.configure([phone("new")])
    seat(routing, "a")
    assert first(routing, 0.0) == ("c", "a")


# Whom the caller knows


def test_a_caller_waits_for_the_agent_he_knows_and_then_for_anybody() -> None:
    routing = house()
    seat(routing, "knows-him")
    routing.agent_state(0.0, "knows-him", AgentState.TALKING)
    seat(routing, "stranger")
    routing.enqueue(10.0, "c", "q", knows="knows-him", knows_s=20.0)
    assert routing.decide(29.9) is None
    assert routing.next_time(29.9) == 30.0
    assert first(routing, 30.0) == ("c", "stranger")
    assert routing.next_time(30.0) is None


def test_the_agent_the_caller_knows_takes_him_as_soon_as_he_is_ready() -> None:
    routing = house()
    seat(routing, "knows-him")
    routing.agent_state(0.0, "knows-him", AgentState.WRAPUP)
    seat(routing, "stranger")
    routing.enqueue(10.0, "first", "q", knows="knows-him", knows_s=20.0)
    routing.enqueue(11.0, "second", "q")
    assert carry_out(routing, 11.0) == [("second", "stranger")]
    routing.agent_state(12.0, "stranger", READY)
    assert routing.decide(12.0) is None
    routing.agent_state(13.0, "knows-him", READY)
    assert first(routing, 13.0) == ("first", "knows-him")


def test_whom_a_contact_knows_can_be_asked() -> None:
    routing = house()
    seat(routing, "knows-him")
    routing.agent_state(0.0, "knows-him", AgentState.TALKING)
    routing.enqueue(10.0, "c", "q", knows="knows-him", knows_s=20.0)
    routing.enqueue(10.0, "nobody", "q")
    assert routing.known_to("c") == ("knows-him", True)
    assert routing.known_to("nobody") == routing.known_to("gone") == ("", False)
    assert routing.decide(30.0) is None  # the time is over
    assert routing.known_to("c") == ("knows-him", False)


def test_without_a_wait_the_agent_the_caller_knows_is_only_preferred() -> None:
    routing = house()
    seat(routing, "longest-idle")
    seat(routing, "knows-him", at=1.0)
    routing.enqueue(2.0, "c1", "q", knows="knows-him")
    routing.enqueue(2.0, "c2", "q", knows="knows-him")
    assert carry_out(routing, 2.0) == [("c1", "knows-him"), ("c2", "longest-idle")]


def test_a_caller_who_comes_first_does_not_lose_his_agent_to_one_who_knows_him() -> None:
    routing = house()
    seat(routing, "knows-him")
    routing.enqueue(0.0, "came-first", "q")
    routing.enqueue(1.0, "knows", "q", knows="knows-him", knows_s=60.0)
    assert first(routing, 1.0) == ("came-first", "knows-him")


@pytest.mark.parametrize("what", ["logs out", "is removed", "can no longer", "was never there", "unfit"])
def test_nobody_waits_for_an_agent_who_will_not_come(what: str) -> None:
    routing = house(phone(skills={"vip": 2}))
    seat(routing, "other", vip=2)
    if what != "was never there":
        seat(routing, "knows-him", vip=1 if what == "unfit" else 3)
        routing.agent_state(0.0, "knows-him", AgentState.TALKING)
    routing.enqueue(0.0, "c", "q", knows="knows-him", knows_s=60.0)
    routing.enqueue(0.0, "d", "q", knows="other", knows_s=60.0)
    match what:
        case "logs out":
            assert first(routing, 1.0) == ("d", "other")
            routing.agent_state(1.0, "knows-him", OUT)
            routing.agent_state(1.0, "knows-him", AgentState.TALKING)
        case "is removed":
            routing.remove_agent("knows-him")
            seat(routing, "in-his-place", at=5.0, vip=2)
        case "can no longer":
            routing.set_agent("knows-him", {})
    assert first(routing, 5.0) == ("c", "other")


def test_once_nobody_waits_for_him_his_hour_means_nothing() -> None:
    routing = house()
    seat(routing, "knows-him")
    routing.agent_state(0.0, "knows-him", PAUSED)
    routing.enqueue(0.0, "c", "q", knows="knows-him", knows_s=30.0)
    assert routing.next_time(1.0) == 30.0
    routing.agent_state(1.0, "knows-him", OUT)
    assert routing.next_time(1.0) is None


def test_who_waits_for_one_agent_is_not_relaxed_meanwhile_and_keeps_place_and_rules() -> None:
    relax = (RelaxStep(10, {"vip": 1}), RelaxStep(20, {"vip": 0}))
    routing = house(phone(skills={"vip": 2}, relax=relax, overflow_wait_s=50))
    seat(routing, "knows-him", vip=2)
    routing.agent_state(0.0, "knows-him", PAUSED)
    seat(routing, "novice")
    routing.enqueue(0.0, "c", "q", knows="knows-him", knows_s=30.0)
    assert (routing.position("c"), routing.waiting("q")) == (1, 1)
    assert routing.decide(29.0) is None
    assert routing.decide(30.0) == Decision("c", "novice", "q", "", 2, 0)
    assert routing.next_time(30.0) == 50.0
    assert routing.overflows(50.0) == [Overflow("c", "q", "", "wait")]


def test_a_reload_and_a_clock_that_steps_back_leave_the_wait_for_one_as_it_is() -> None:
    routing = house()
    seat(routing, "knows-him")
    routing.agent_state(0.0, "knows-him", PAUSED)
    seat(routing, "other")
    routing.enqueue(0.0, "c", "q", knows="knows-him", knows_s=30.0)
    routing.configure([phone()])
    assert routing.decide(20.0) is None
    assert routing.decide(10.0) is None
    assert first(routing, 30.0) == ("c", "other")
    assert first(routing, 25.0) == ("c", "other")


def test_an_agent_kept_for_another_queue_is_kept_from_those_who_know_him_too() -> None:
    routing = house(phone("sav"), phone("sortant", keep={"sav": 1}))
    seat(routing, "a")
    routing.enqueue(0.0, "c", "sortant", knows="a", knows_s=60.0)
    assert routing.decide(0.0) is None
    seat(routing, "b", at=1.0)
    assert first(routing, 1.0) == ("c", "a")


# Ring all, least occupied


def test_all_phones_ring_in_turn_up_to_the_most_that_ring_at_once() -> None:
    routing = house(phone(strategy=Strategy.RING_ALL, ring_all_max=3))
    for number in range(5):
        seat(routing, f"a{number}", at=float(number))
    routing.enqueue(9.0, "c", "q")
    decision = routing.decide(9.0)
    assert decision == Decision("c", "a0", "q", "", 0, 0)
    rung = [decision.agent]
    routing.assign(9.0, "c", "a0")
    while agent := routing.rings_too(9.0, decision, len(rung)):
        routing.assign(9.0, "c", agent)
        rung.append(agent)
    assert rung == ["a0", "a1", "a2"]
    assert routing.waiting("q") == 0


def test_nobody_rings_too_where_nobody_is_left_or_only_one_rings() -> None:
    routing = house(phone("all", strategy=Strategy.RING_ALL), phone("one"))
    decision = Decision("c", "a", "all", "", 0, 0)
    assert routing.rings_too(0.0, decision, 1) == ""
    seat(routing, "b")
    assert routing.rings_too(0.0, decision, 1) == "b"
    assert routing.rings_too(0.0, Decision("c", "a", "all", "", 3, 0), 1) == "b"  # before a reload
    assert routing.rings_too(0.0, Decision("c", "a", "one", "", 0, 0), 1) == ""
    assert routing.rings_too(0.0, Decision("c", "a", "gone", "", 0, 0), 1) == ""


def test_the_least_occupied_agent_goes_first_and_idleness_settles_ties() -> None:
    """The worked number of docs/design/routing.md: 90 s of 120 s are more than 100 s of 200 s."""
    routing = house(phone(strategy=Strategy.LEAST_OCCUPIED))
    for agent, busy, ready in (("0.75", 90.0, 30.0), ("0.50", 100.0, 90.0), ("0.50 too", 50.0, 40.0)):
        seat(routing, agent)
        routing.set_work(agent, Work(200.0 if agent == "0.75" else 190.0, busy, ready))
    routing.enqueue(200.0, "c1", "q")
    routing.enqueue(200.0, "c2", "q")
    routing.enqueue(200.0, "c3", "q")
    assert carry_out(routing, 200.0) == [("c1", "0.50"), ("c2", "0.50 too"), ("c3", "0.75")]


def test_occupancy_counts_from_login_and_pauses_count_for_nothing() -> None:
    routing = house(phone(strategy=Strategy.LEAST_OCCUPIED))
    seat(routing, "a", at=0.0)
    routing.agent_state(10.0, "a", AgentState.TALKING)
    routing.agent_state(40.0, "a", PAUSED)
    routing.agent_state(90.0, "a", READY)
    assert routing.work_of("a") == Work(90.0, 30.0, 10.0)
    routing.agent_state(100.0, "a", OUT)
    routing.agent_state(200.0, "a", READY)
    assert routing.work_of("a") == Work(200.0, 0.0, 0.0)


# Text


def test_an_agent_takes_as_many_texts_as_he_may_hold_and_no_call_meanwhile() -> None:
    routing = house(phone(), chat())
    seat(routing, "a")
    assert routing.staffed("chat") == 0
    routing.set_capacity("a", 2)
    assert (routing.staffed("chat"), routing.working("chat"), routing.ready("chat")) == (1, 1, 1)
    for number in range(3):
        routing.enqueue(0.0, f"t{number}", "chat")
    routing.enqueue(0.0, "call", "q")
    assert carry_out(routing, 0.0) == [("t0", "a"), ("t1", "a")]
    with pytest.raises(Refused):
        routing.assign(0.0, "call", "a")
    routing.text_load(1.0, "a", 1)
    assert carry_out(routing, 1.0) == [("t2", "a")]
    routing.text_load(2.0, "a", 0)
    assert carry_out(routing, 2.0) == [("call", "a")]
    routing.enqueue(3.0, "t3", "chat")
    assert routing.decide(3.0) is None


def test_texts_go_to_who_has_fewest_in_hand() -> None:
    routing = house(chat())
    for agent in ("a", "b"):
        seat(routing, agent)
        routing.set_capacity(agent, 3)
    for number in range(5):
        routing.enqueue(1.0, f"t{number}", "chat")
    assert [agent for _, agent in carry_out(routing, 1.0)] == ["a", "b", "a", "b", "a"]


def test_text_done_costs_the_turn_once() -> None:
    routing = house(phone())
    seat(routing, "a", at=0.0)
    seat(routing, "b", at=5.0)
    routing.text_load(6.0, "a", 1)
    routing.text_load(7.0, "a", 0)
    routing.agent_state(8.0, "b", READY, idle_since=8.0)
    routing.text_load(9.0, "a", 0)
    routing.enqueue(9.0, "c", "q")
    assert first(routing, 9.0) == ("c", "a")


def test_a_chat_waits_for_nobody_who_may_not_write_and_is_sent_on_where_nobody_may() -> None:
    routing = house(chat(overflow_no_staff=True, overflow_to="chat"))
    seat(routing, "a")
    assert routing.enqueue(0.0, "t", "chat") == Admission(False, "no-staff", "chat")
    routing.set_capacity("a", 1)
    assert routing.enqueue(0.0, "t", "chat", knows="a", knows_s=60.0) == Admission(True)
    routing.set_capacity("a", 0)
    assert routing.overflows(1.0) == [Overflow("t", "chat", "chat", "no-staff")]


def test_what_an_agent_had_in_hand_is_not_his_successors() -> None:
    routing = Routing([chat()], agents_max=1)
    seat(routing, "a")
    routing.set_capacity("a", 1)
    routing.text_load(0.0, "a", 1)
    routing.remove_agent("a")
    seat(routing, "b", at=1.0)
    routing.set_capacity("b", 1)
    routing.enqueue(1.0, "t", "chat")
    assert first(routing, 1.0) == ("t", "b")


# Closing time


@pytest.mark.parametrize("sent_on", [True, False])
def test_a_closed_queue_takes_nobody_and_sends_on_who_waits_if_it_says_so(sent_on: bool) -> None:
    routing = house(
        phone(overflow_at_close=sent_on, overflow_no_staff=True, overflow_to="next"), phone("next")
    )
    seat(routing, "a")
    routing.agent_state(0.0, "a", PAUSED)
    routing.close("q", 100.0)
    assert routing.enqueue(99.0, "c", "q") == Admission(True)
    assert routing.next_time(99.0) == (100.0 if sent_on else None)
    assert routing.overflows(99.9) == []
    assert routing.enqueue(100.0, "late", "q") == Admission(False, "closed", "next")
    assert routing.overflows(100.0) == ([Overflow("c", "q", "next", "closed")] if sent_on else [])
    routing.agent_state(101.0, "a", OUT)
    reason = "closed" if sent_on else "no-staff"
    assert routing.overflows(101.0) == [Overflow("c", "q", "next", reason)]


def test_the_hour_survives_a_reload_and_can_be_taken_back() -> None:
    routing = house(phone(), phone("gone"))
    routing.close("q", 100.0)
    routing.close("gone", 100.0)
    routing.close("unknown", 100.0)
    routing.configure([phone()])
    assert routing.enqueue(100.0, "c", "q") == Admission(False, "closed", "")
    routing.close("q", None)
    routing.close("unknown", None)
    assert routing.enqueue(100.0, "c", "q") == Admission(True)


# What a restart hands back


def test_numbers_come_back_with_the_holes_that_newcomers_fill() -> None:
    """Agents draw lots by their numbers: after a restart everybody has his own again."""
    routing = house(phone())
    for agent in ("a", "b", "c"):
        seat(routing, agent)
    routing.remove_agent("b")
    numbers = routing.numbers()
    assert (numbers.agents, numbers.free) == (["a", "", "c"], [1])
    again = Routing([phone()])
    again.set_numbers(numbers)
    assert again.numbers() == numbers
    again.agent_state(1.0, "d", PAUSED)
    assert again.numbers().agents == ["a", "d", "c"]


def test_who_stands_before_whom_is_the_order_of_their_turns() -> None:
    routing = house(phone())
    for at, agent in enumerate(("c", "a", "b")):
        seat(routing, agent, at=float(at))
    assert routing.standing() == ["c", "a", "b"]
    routing.agent_state(5.0, "c", PAUSED)
    routing.agent_state(6.0, "c", READY)
    assert routing.standing() == ["a", "b", "c"]
