"""Who answers whom, case by case. `test_routing_machine` compares with the definition; here the cases have names."""

from __future__ import annotations

import pytest

from marhaba.kernel import eligibility
from marhaba.kernel import routing as routing_module
from marhaba.kernel.errors import BadInput, LimitReached, Refused
from marhaba.kernel.routing import Admission, AgentState, Decision, Overflow, QueueRules, RelaxStep, Strategy

from .small_house import OUT, PAUSED, READY, carry_out, first, house, seat


def test_the_longest_idle_agent_takes_a_new_contact() -> None:
    routing = house()
    for agent, since in (("late", 30.0), ("early", 10.0), ("middle", 20.0)):
        seat(routing, agent, at=since)
    routing.enqueue(40.0, "c", "q")
    assert routing.decide(40.0) == Decision("c", "early", "q", "", 0, 0)


def test_who_became_ready_first_wins_at_the_same_instant() -> None:
    routing = house()
    for agent in ("zoe", "amal", "karim"):
        seat(routing, agent)
    for contact in ("c1", "c2", "c3"):
        routing.enqueue(1.0, contact, "q")
    assert carry_out(routing, 1.0) == [("c1", "zoe"), ("c2", "amal"), ("c3", "karim")]


def test_the_best_skilled_agent_takes_a_contact_and_idleness_settles_ties() -> None:
    rules = QueueRules("q", skills={"billing": 3, "vip": 1}, strategy=Strategy.BEST_SKILL)
    routing = house(rules)
    seat(routing, "good", at=0.0, billing=5, vip=2, lang_fr=3)
    seat(routing, "best", at=2.0, billing=5, vip=1, lang_fr=9)
    seat(routing, "same", at=1.0, billing=9, vip=4, lang_fr=2)
    seat(routing, "unfit", at=0.0, billing=2, vip=10, lang_fr=10)
    routing.enqueue(5.0, "c", "q", language="fr")
    assert routing.decide(5.0) == Decision("c", "same", "q", "fr", 0, 15)
    routing.agent_state(6.0, "same", PAUSED)
    assert routing.decide(6.0) == Decision("c", "best", "q", "fr", 0, 15)


def test_best_skill_still_ranks_by_what_the_queue_asked_before_relaxation() -> None:
    rules = QueueRules(
        "q",
        skills={"billing": 8},
        language_level=0,
        strategy=Strategy.BEST_SKILL,
        relax=(RelaxStep(10, {"billing": 0}),),
    )
    routing = house(rules)
    seat(routing, "none")
    seat(routing, "some", at=5.0, billing=4)
    routing.enqueue(0.0, "c", "q")
    assert routing.decide(9.9) is None
    assert routing.decide(10.0) == Decision("c", "some", "q", "", 1, 4)


def test_an_agent_who_becomes_ready_takes_the_best_contact_of_all_his_queues() -> None:
    routing = house(
        QueueRules("low", language_level=0),
        QueueRules("high", language_level=0, priority=5),
        QueueRules("other", language_level=0, priority=9),
    )
    routing.set_agent("a", {}, ["low", "high"])
    for contact, queue in (("c1", "low"), ("c2", "high"), ("c3", "other"), ("c4", "high")):
        routing.enqueue(0.0, contact, queue)
    for expected in ("c2", "c4", "c1"):
        routing.agent_state(1.0, "a", READY)
        assert carry_out(routing, 1.0) == [(expected, "a")]
    routing.agent_state(1.0, "a", READY)
    assert routing.decide(1.0) is None


def test_of_two_contacts_with_one_rank_in_two_queues_the_first_enqueued_goes_first() -> None:
    routing = house(QueueRules("north"), QueueRules("south"))
    for contact, queue in (("s1", "south"), ("n1", "north"), ("n2", "north"), ("s2", "south")):
        routing.enqueue(0.0, contact, queue, rank=7)
    for expected in ("s1", "n1", "n2", "s2"):
        seat(routing, "a")
        assert carry_out(routing, 0.0) == [(expected, "a")]


def test_a_priority_of_its_own_overrules_the_queues() -> None:
    routing = house()
    routing.enqueue(0.0, "plain", "q")
    routing.enqueue(0.0, "urgent", "q", priority=3)
    routing.enqueue(0.0, "lowly", "q", priority=-1)
    assert [routing.position(contact) for contact in ("urgent", "plain", "lowly")] == [1, 2, 3]


def test_a_contact_nobody_can_take_does_not_hold_up_those_behind_it() -> None:
    routing = house(QueueRules("q", language_level=1))
    seat(routing, "a", lang_fr=5)
    routing.enqueue(0.0, "spanish", "q", language="es")
    routing.enqueue(1.0, "french", "q", language="fr")
    assert carry_out(routing, 1.0) == [("french", "a")]
    assert routing.position("spanish") == 1


def test_requirements_relax_with_waiting_step_by_step() -> None:
    relax = (RelaxStep(30, {"language": 3}), RelaxStep(60, {"billing": 0, "language": 1}))
    routing = house(QueueRules("q", skills={"billing": 5}, language_level=6, relax=relax))
    seat(routing, "fluent", lang_es=3, billing=5)
    seat(routing, "beginner", lang_es=1)
    routing.enqueue(100.0, "c1", "q", language="es")
    routing.enqueue(100.0, "c2", "q", language="es")
    assert routing.decide(129.9) is None
    assert routing.next_time(100.0) == 130.0
    assert routing.decide(130.0) == Decision("c1", "fluent", "q", "es", 1, 8)
    assert routing.next_time(130.0) == 160.0
    assert carry_out(routing, 160.0) == [("c1", "fluent"), ("c2", "beginner")]
    assert routing.next_time(160.0) is None


def test_deciding_changes_nothing_even_ahead_of_time() -> None:
    routing = house(QueueRules("q", skills={"vip": 5}, language_level=0, relax=(RelaxStep(30, {"vip": 0}),)))
    seat(routing, "a")
    routing.enqueue(0.0, "c", "q")
    assert routing.decide(50.0) == routing.decide(50.0) == Decision("c", "a", "q", "", 1, 0)
    assert routing.decide(10.0) is None
    assert routing.next_time(10.0) == 30.0


def test_a_missed_ring_keeps_the_callers_place_and_costs_the_agent_his_turn() -> None:
    routing = house()
    seat(routing, "first", at=0.0)
    seat(routing, "second", at=1.0)
    routing.enqueue(2.0, "c1", "q", rank=1)
    routing.assign(2.0, "c1", "first")
    routing.agent_state(3.0, "second", PAUSED)
    routing.enqueue(10.0, "c2", "q", rank=2)
    routing.agent_state(22.0, "first", READY)
    routing.agent_state(22.0, "second", READY, idle_since=1.0)
    assert routing.enqueue(22.0, "c1", "q", queued_at=2.0, rank=1) == Admission(True)
    assert routing.longest_wait(22.0, "q") == 20.0
    assert carry_out(routing, 22.0) == [("c1", "second"), ("c2", "first")]


def test_an_agent_whose_ring_ended_through_no_fault_of_his_keeps_his_turn() -> None:
    routing = house()
    seat(routing, "waiting-long", at=0.0)
    seat(routing, "other", at=5.0)
    routing.enqueue(6.0, "c1", "q")
    assert carry_out(routing, 6.0) == [("c1", "waiting-long")]
    routing.agent_state(9.0, "waiting-long", READY, idle_since=0.0)
    routing.enqueue(9.0, "c2", "q")
    assert first(routing, 9.0) == ("c2", "waiting-long")


def test_ready_said_twice_costs_no_turn() -> None:
    routing = house()
    seat(routing, "a", at=0.0)
    seat(routing, "b", at=1.0)
    routing.agent_state(2.0, "a", READY)
    routing.enqueue(3.0, "c", "q")
    assert first(routing, 3.0) == ("c", "a")


def test_a_turn_can_be_given_back_to_an_agent_who_is_ready_already() -> None:
    routing = house()
    seat(routing, "a", at=0.0)
    seat(routing, "b", at=1.0)
    routing.agent_state(2.0, "b", READY, idle_since=-1.0)
    routing.enqueue(3.0, "c", "q")
    assert first(routing, 3.0) == ("c", "b")


@pytest.mark.parametrize("state", [state for state in AgentState if state is not READY])
def test_only_a_ready_agent_is_chosen_or_assigned(state: AgentState) -> None:
    routing = house()
    seat(routing, "a")
    routing.agent_state(1.0, "a", state)
    routing.enqueue(2.0, "c", "q")
    assert routing.decide(2.0) is None
    with pytest.raises(Refused) as refusal:
        routing.assign(2.0, "c", "a")
    assert refusal.value.code == "agent-not-ready"
    assert routing.queue_of("c") == "q"


def test_a_removed_agent_is_gone_and_his_slot_serves_another() -> None:
    routing = house(agents_max=1)
    seat(routing, "a")
    with pytest.raises(LimitReached):
        routing.set_agent("b", {})
    routing.remove_agent("a")
    routing.remove_agent("a")
    assert routing.staffed("q") == 0
    seat(routing, "b")
    routing.enqueue(0.0, "c", "q")
    assert first(routing, 0.0) == ("c", "b")


def test_an_agent_of_whom_only_the_state_is_known_serves_nobody() -> None:
    routing = house()
    routing.agent_state(0.0, "stranger", READY)
    routing.enqueue(0.0, "c", "q")
    assert routing.decide(0.0) is None
    routing.set_agent("stranger", {})
    assert first(routing, 0.0) == ("c", "stranger")


def test_a_full_queue_sends_new_contacts_on_but_takes_returning_ones_back() -> None:
    routing = house(QueueRules("q", overflow_size=1, overflow_to="next"))
    assert routing.enqueue(0.0, "c1", "q") == Admission(True)
    assert routing.enqueue(1.0, "c2", "q") == Admission(False, "size", "next")
    assert routing.enqueue(2.0, "c0", "q", queued_at=-5.0, rank=0) == Admission(True)
    assert routing.waiting("q") == 2


def test_a_floor_without_room_refuses_like_a_full_queue() -> None:
    routing = house(contacts_max=1)
    routing.enqueue(0.0, "c1", "q")
    assert routing.enqueue(0.0, "c2", "q") == Admission(False, "size", "")


def test_a_contact_nobody_logged_in_could_ever_take_is_sent_on() -> None:
    relax = (RelaxStep(10, {"language": 0}),)
    routing = house(
        QueueRules("q", language_level=5, overflow_no_staff=True, overflow_to="next", relax=relax)
    )
    assert routing.enqueue(0.0, "c", "q", language="es") == Admission(False, "no-staff", "next")
    seat(routing, "a")
    routing.agent_state(0.0, "a", PAUSED)
    assert routing.enqueue(0.0, "c", "q", language="es") == Admission(True)
    assert routing.overflows(5.0) == []
    routing.agent_state(6.0, "a", OUT)
    assert routing.overflows(6.0) == [Overflow("c", "q", "next", "no-staff")]
    routing.agent_state(7.0, "a", READY)
    assert routing.overflows(7.0) == []


def test_an_unknown_queue_takes_nobody() -> None:
    routing = house()
    assert routing.enqueue(0.0, "c", "nowhere") == Admission(False, "unknown-queue", "")
    assert (routing.waiting("nowhere"), routing.staffed("nowhere"), routing.ready("nowhere")) == (0, 0, 0)
    assert (routing.queue_of("c"), routing.position("c"), routing.longest_wait(5.0, "nowhere")) == (
        "",
        0,
        0.0,
    )


def test_contacts_overflow_after_the_wait_the_queue_allows() -> None:
    routing = house(QueueRules("q", overflow_wait_s=60, overflow_to="next"))
    routing.enqueue(0.0, "c1", "q")
    routing.enqueue(10.0, "c2", "q", priority=1)
    assert routing.next_time(10.0) == 60.0
    assert routing.overflows(59.9) == []
    assert routing.overflows(60.0) == [Overflow("c1", "q", "next", "wait")]
    assert routing.next_time(60.0) == 70.0
    assert [due.contact for due in routing.overflows(70.0)] == ["c2", "c1"]
    routing.leave("c1")
    assert [due.contact for due in routing.overflows(70.0)] == ["c2"]
    assert routing.next_time(70.0) is None


def test_reloading_keeps_every_waiting_contacts_place_and_time() -> None:
    routing = house(
        QueueRules("q", skills={"vip": 5}, language_level=0), QueueRules("gone", language_level=0)
    )
    for number, queue in enumerate(["q", "gone", "q"]):
        routing.enqueue(float(number), f"c{number}", queue)
    routing.set_agent("a", {"vip": 1}, ["q", "new"])
    routing.agent_state(5.0, "a", READY)
    assert routing.decide(5.0) is None
    routing.configure([QueueRules("q", skills={"vip": 1}, language_level=0), QueueRules("new")])
    assert first(routing, 5.0) == ("c0", "a")
    assert [routing.position(f"c{number}") for number in range(3)] == [1, 1, 2]
    assert routing.longest_wait(5.0, "q") == 5.0
    assert routing.queue_of("c1") == "gone"
    routing.leave("c1")
    routing.configure([QueueRules("q")])
    assert routing.enqueue(6.0, "c3", "gone") == Admission(False, "unknown-queue", "")


def test_reloading_with_many_classes_in_use_starts_again_from_few() -> None:
    routing = house(QueueRules("q"))
    for number in range(300):
        routing.enqueue(0.0, f"c{number}", "q", language=f"l{number}")
    seat(routing, "a", lang_l299=1)
    assert first(routing, 0.0) == ("c299", "a")
    for number in range(299):
        routing.leave(f"c{number}")
    routing.configure([QueueRules("q")])
    assert first(routing, 0.0) == ("c299", "a")


def test_a_language_ignored_before_a_reload_counts_after_it() -> None:
    routing = house(QueueRules("q", language_level=0))
    seat(routing, "a")
    routing.enqueue(0.0, "c", "q", language="es")
    assert first(routing, 0.0) == ("c", "a")
    routing.configure([QueueRules("q", language_level=1)])
    assert routing.decide(0.0) is None


def test_staff_and_ready_count_who_could_take_a_contact_that_waited_long() -> None:
    routing = house(QueueRules("q", skills={"vip": 5}, relax=(RelaxStep(60, {"vip": 2}),)))
    seat(routing, "novice", vip=1)
    seat(routing, "able", vip=2)
    seat(routing, "expert", vip=9)
    assert routing.working("q") == 2
    routing.agent_state(1.0, "expert", PAUSED)
    assert (routing.staffed("q"), routing.ready("q"), routing.working("q")) == (2, 1, 1)
    routing.set_agent("novice", {"vip": 3})
    assert (routing.staffed("q"), routing.ready("q")) == (3, 2)
    routing.agent_state(2.0, "expert", OUT)
    assert (routing.staffed("q"), routing.ready("q")) == (2, 2)
    routing.agent_state(3.0, "able", AgentState.TALKING)
    assert (routing.staffed("q"), routing.ready("q"), routing.working("q")) == (2, 1, 2)
    assert routing.working("nowhere") == 0


def test_a_contact_waits_in_one_place_only() -> None:
    routing = house()
    routing.enqueue(0.0, "c", "q")
    with pytest.raises(AssertionError):
        routing.enqueue(0.0, "c", "q")
    routing.leave("c")
    routing.leave("c")
    assert routing.waiting("q") == 0


def test_assigning_a_contact_whose_queue_is_gone_still_makes_the_agent_ring() -> None:
    routing = house()
    seat(routing, "a")
    routing.assign(0.0, "unknown", "a")
    routing.enqueue(0.0, "c", "q")
    assert routing.decide(0.0) is None


def test_an_impossible_level_is_refused_and_changes_nothing() -> None:
    routing = house()
    for level in (-1, 11):
        with pytest.raises(BadInput):
            routing.set_agent("a", {"vip": level})
    assert routing.staffed("q") == 0


def test_a_skill_too_many_is_refused_and_changes_nothing() -> None:
    routing = house()
    seat(routing, "a", vip=1)
    with pytest.raises(LimitReached) as skills:
        routing.set_agent("b", {f"skill-{number}": 1 for number in range(eligibility.SKILLS_MAX)})
    assert skills.value.code == "skills-max"
    assert routing.staffed("q") == 1
    with pytest.raises(LimitReached):
        routing.set_agent("a", {f"skill-{number}": 1 for number in range(eligibility.SKILLS_MAX + 1)})
    assert routing.staffed("q") == 1


def test_classes_that_nobody_waits_in_make_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eligibility, "CLASSES_MAX", 256)
    routing = house(QueueRules("q", language_level=1))
    for number in range(1000):
        routing.enqueue(0.0, "c", "q", language=f"l{number}")
        routing.leave("c")
    for number in range(256):
        routing.enqueue(0.0, f"c{number}", "q", language=f"l{number}")
    with pytest.raises(LimitReached) as classes:
        routing.enqueue(0.0, "c", "q", language="one-more")
    assert classes.value.code == "classes-max"
    assert (routing.waiting("q"), routing.queue_of("c")) == (256, "")
    seat(routing, "a", lang_l255=1)
    assert first(routing, 0.0) == ("c255", "a")


def test_skills_that_come_and_go_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing_module, "GROUPS_MAX", 64)
    monkeypatch.setattr(eligibility, "SKILLS_MAX", 128)
    routing = house(QueueRules("q", skills={"vip": 1}, language_level=0))
    seat(routing, "a", vip=1)
    seat(routing, "b", vip=1)
    for day in range(200):
        routing.set_agent("b", {"vip": 1, f"skill-{day}": 1, f"other-{day}": 2})
    routing.enqueue(1.0, "c1", "q")
    routing.enqueue(1.0, "c2", "q")
    assert carry_out(routing, 1.0) == [("c1", "a"), ("c2", "b")]


def test_those_sent_on_together_go_in_order_of_precedence_whatever_sends_them() -> None:
    patient = QueueRules("patient", language_level=1, overflow_no_staff=True, overflow_to="next")
    hasty = QueueRules("hasty", overflow_wait_s=5, overflow_to="next")
    routing = house(patient, hasty, QueueRules("next"))
    seat(routing, "a", lang_fr=5, lang_es=5)
    for number, (queue, language) in enumerate(
        [("patient", "fr"), ("hasty", "fr"), ("patient", "es"), ("patient", "fr")]
    ):
        routing.enqueue(0.0, f"c{number}", queue, language=language)
    routing.agent_state(5.0, "a", OUT)
    assert [(due.contact, due.reason) for due in routing.overflows(5.0)] == [
        ("c0", "no-staff"),
        ("c1", "wait"),
        ("c2", "no-staff"),
        ("c3", "no-staff"),
    ]


def test_a_reload_forgets_the_skills_nobody_has_and_keeps_the_others() -> None:
    rules = QueueRules("q", skills={"vip": 3}, language_level=0)
    routing = house(rules)
    for month in range(3):
        names = {f"skill-{month}-{number}": 1 for number in range(eligibility.SKILLS_MAX - 10)}
        routing.set_agent("a", {**names, "vip": 3 + month})
        routing.agent_state(float(month), "a", READY)
        routing.set_agent("a", {"vip": 3 + month})
        routing.configure([rules])
        routing.enqueue(float(month), f"c{month}", "q")
        assert routing.decide(float(month)) == Decision(f"c{month}", "a", "q", "", 0, 3 + month)
        routing.leave(f"c{month}")
