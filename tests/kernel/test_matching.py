"""What the simulator asks of the tables directly; the floor's verbs are proved through `routing`."""

from __future__ import annotations

from math import inf

import numpy as np

from marhaba.kernel import matching, rows
from marhaba.kernel.eligibility import Eligibility
from marhaba.kernel.rules import Channel, QueueRules


class Tables:
    """Two agents who can do anything, and room for six contacts."""

    def __init__(self, *queues: QueueRules) -> None:
        self.fit = Eligibility(queues)
        group = self.fit.group_of({}, None)
        for _ in range(2):
            self.fit.agents.append(rows.Agent(group=group, load_max=2))
            self.fit.spots.extend(rows.Spot() for _ in range(rows.CHANNELS))
        for _ in range(6):
            self.fit.contacts.append(rows.Contact())
            self.fit.tables.for_one.append(0)
            self.fit.tables.timer_ats.extend([0.0] * rows.TIMERS_PER_CONTACT)
            self.fit.tables.timer_tags.extend([0] * rows.TIMERS_PER_CONTACT)

    @property
    def t(self) -> rows.Tables:
        return self.fit.tables

    def enqueue(
        self,
        now: float,
        contact: int,
        queue: str,
        *,
        priority: int = 0,
        knows: int = rows.NONE,
        knows_s: float = 0.0,
    ) -> None:
        class_ = self.fit.class_of(queue, "")
        matching.enqueue(self.t, now, contact, class_, priority, contact, now, knows, now + knows_s)

    def set_state(self, now: float, agent: int, state: int) -> None:
        matching.set_state(self.t, now, agent, state)


def phone(name: str, *, no_staff: bool = False, at_close: bool = False) -> QueueRules:
    return QueueRules(name, language_level=0, overflow_no_staff=no_staff, overflow_at_close=at_close)


def test_a_decision_carried_out_takes_the_contact_out_and_the_agent_up() -> None:
    tables = Tables(phone("q"), QueueRules("chat", language_level=0, channel=Channel.TEXT))
    tables.set_state(0.0, 0, rows.READY)
    tables.enqueue(1.0, 0, "chat")
    assert matching.decide(tables.t, 1.0) == (0, 0)
    matching.assign(tables.t, 1.0, 0, 0)
    assert (tables.t.agents[0].state, tables.t.agents[0].load) == (rows.READY, 1)
    tables.set_state(1.0, 1, rows.READY)
    tables.enqueue(2.0, 1, "q")
    assert matching.decide(tables.t, 2.0) == (1, 1)
    matching.assign(tables.t, 2.0, 1, 1)
    assert (tables.t.agents[1].state, tables.t.agents[1].load) == (rows.RINGING, 0)
    assert matching.decide(tables.t, 2.0) == (rows.NONE, rows.NONE)
    assert tables.t.totals[0].contacts == 0


def test_leaving_twice_is_no_error() -> None:
    tables = Tables(phone("q"))
    tables.enqueue(0.0, 0, "q")
    tables.enqueue(0.0, 1, "q")
    matching.leave(tables.t, 0)
    matching.leave(tables.t, 0)
    assert tables.t.totals[0].contacts == tables.t.queues[0].waiting == 1


def test_who_waits_in_vain_is_told_in_order_of_precedence() -> None:
    tables = Tables(phone("patient"), phone("hasty", no_staff=True), phone("day", at_close=True))
    tables.set_state(0.0, 0, rows.PAUSED)
    tables.enqueue(0.0, 0, "patient")
    tables.enqueue(1.0, 1, "hasty", knows=0, knows_s=60.0)
    tables.enqueue(2.0, 2, "hasty")
    tables.enqueue(3.0, 3, "day")
    tables.enqueue(4.0, 4, "day", priority=1, knows=0, knows_s=60.0)
    tables.enqueue(5.0, 5, "day", knows=0, knows_s=60.0)
    assert matching.stranded(tables.t, 10.0) == rows.NONE
    tables.t.queues[2].closes_at = 20.0
    told = []
    while (contact := matching.stranded(tables.t, 20.0)) >= 0:
        told.append(contact)
        matching.leave(tables.t, contact)
    assert told == [4, 3, 5]
    tables.set_state(21.0, 0, rows.LOGGED_OUT)
    while (contact := matching.stranded(tables.t, 21.0)) >= 0:
        told.append(contact)
        matching.leave(tables.t, contact)
    assert told == [4, 3, 5, 1, 2]


def test_those_who_wait_in_vain_go_together_whatever_queue_they_are_in() -> None:
    tables = Tables(phone("a", no_staff=True), phone("b", no_staff=True))
    tables.enqueue(3.0, 0, "b")
    tables.enqueue(2.0, 1, "a")
    tables.enqueue(1.0, 2, "b")
    assert matching.stranded(tables.t, 5.0) == 2


def test_the_levels_of_all_groups_stand_in_one_matrix_however_many_there_are() -> None:
    fit = Eligibility([QueueRules("q", skills={"vip": 3}, language_level=0)])
    class_ = fit.class_of("q", "")
    groups = [
        fit.group_of({"vip": number % 11, f"other-{number}": 1}, None, ["q"] * (number % 2))
        for number in range(300)
    ]
    assert groups == list(range(300))
    expected = [number % 11 if number % 11 >= 3 else rows.NONE for number in range(300)]
    assert fit.levels[class_, :300].tolist() == expected
    assert np.asarray(fit.tables.levels)[class_, :300].tolist() == expected
    assert fit.own[class_, :300].tolist() == [number % 2 for number in range(300)]


def test_a_contact_who_comes_and_goes_leaves_no_timers_behind() -> None:
    tables = Tables(QueueRules("q", language_level=0, overflow_wait_s=1000.0))
    tables.enqueue(0.0, 5, "q")
    for second in range(100):
        tables.enqueue(float(second), 0, "q", knows=0, knows_s=10.0)
        tables.enqueue(float(second), 1, "q")
        matching.leave(tables.t, 0)
        matching.leave(tables.t, 1)
    assert tables.t.totals[0].timers <= len(tables.t.timer_ats)
    assert matching.next_time(tables.t) == 1000.0
    matching.leave(tables.t, 5)
    tables.enqueue(100.0, 0, "q")
    assert matching.next_time(tables.t) == 1100.0
    matching.leave(tables.t, 0)
    assert (matching.next_time(tables.t), tables.t.totals[0].timers) == (inf, 0)
