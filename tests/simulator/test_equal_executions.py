"""One source, two executions: interpreted over lists of rows, compiled over arrays of records, the same decisions.

A story is drawn as a table of numbers and played by one function, `play`, once with the kernel as the floor runs it and
once with its compiled twin. What either decides, sends on or answers is written down; at the end the tables are compared
field by field.
"""

from __future__ import annotations

from dataclasses import astuple
from types import FunctionType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marhaba.kernel import matching, rows
from marhaba.kernel.eligibility import Eligibility
from marhaba.kernel.rules import Channel, QueueRules, RelaxStep, Strategy
from marhaba.simulator.compiled import entry, twin
from marhaba.simulator.packed import pack, type_of
from marhaba.simulator.world import tables_as_arrays

kernel: Any = matching  # what `play` calls; its compiled twin sees the compiled kernel
AGENTS, CONTACTS, SAID_MAX = 7, 12, 4_000
TIME, STATE, COMES, LEAVES, DECIDES, LOAD, STRANDED, TURN, OVERDUE, BEST, CLOSES, CHANGES = range(12)


def play(t, story, said):  # type: ignore[no-untyped-def]
    """Rows of `story`: (verb, a, b, c, seconds). Returns how many numbers were said."""
    now, count = 100.0, 0
    for i in range(len(story)):
        verb, a, b, c = int(story[i, 0]), int(story[i, 1]), int(story[i, 2]), int(story[i, 3])
        seconds = story[i, 4]
        if verb == TIME:
            now += seconds
        elif verb == STATE:
            kernel.set_state(t, now, a, b)
        elif verb == COMES:
            if t.contacts[a].place == 0:
                said[count] = kernel.refused(t, now, b)
                count += 1
                kernel.enqueue(t, now, a, b, c % 3, i, now - seconds, c % 9 - 2, now + 7.0)
        elif verb == LEAVES:
            kernel.leave(t, a)
        elif verb == LOAD:
            kernel.set_load(t, now, a, b % 3)
        elif verb == TURN:
            kernel.set_turn(t, a, now - seconds)
        elif verb == CLOSES:
            t.queues[b % len(t.queues)].closes_at = now + seconds
        elif verb == CHANGES:
            kernel.set_agent(t, now, a, b % (len(t.lanes) // 2), c % 3)
        elif verb == BEST:
            said[count] = kernel.best_agent(t, now, b)
            said[count + 1] = kernel.ready_for(t, b)
            count += 2
        elif verb == STRANDED:
            contact = kernel.stranded(t, now)
            said[count] = contact
            count += 1
            if contact >= 0:
                kernel.leave(t, contact)
        else:
            contact = kernel.advance(t, now)
            while contact >= 0:
                said[count] = 1000 + contact
                count += 1
                if verb == OVERDUE:
                    kernel.leave(t, contact)
                contact = kernel.advance(t, now)
            contact, agent = kernel.decide(t, now)
            while contact >= 0:
                said[count] = contact
                said[count + 1] = agent
                count += 2
                kernel.assign(t, now, contact, agent)
                contact, agent = kernel.decide(t, now)
            if kernel.next_time(t) < now + 1e9:
                said[count] = int(kernel.next_time(t) * 1000)
                count += 1
    return count


compiled_play = entry(
    FunctionType(play.__code__, {**globals(), "kernel": twin("marhaba.kernel.matching")}, "play")
)
LEVELS = st.integers(0, 4)


@st.composite
def houses(draw: st.DrawFn) -> Eligibility:
    names = ("north", "south", "west")
    queues = [
        QueueRules(
            name,
            skills=draw(st.dictionaries(st.sampled_from(["fr", "vip"]), st.integers(1, 4), max_size=2)),
            language_level=0,
            strategy=strategy,
            channel=Channel.VOICE
            if strategy is Strategy.RING_ALL
            else draw(st.sampled_from([Channel.VOICE, Channel.VOICE, Channel.TEXT])),
            weight=draw(st.sampled_from([1.0, 1.0, 0.5, 3.0])),
            keep=draw(
                st.dictionaries(
                    st.sampled_from([n for n in names if n != name]), st.integers(1, 2), max_size=1
                )
            ),
            relax=draw(st.sampled_from([(), (RelaxStep(5.0, {}), RelaxStep(20.0, {}))])),
            overflow_wait_s=draw(st.sampled_from([0.0, 15.0])),
            overflow_size=draw(st.sampled_from([0, 3])),
            overflow_no_staff=draw(st.booleans()),
            overflow_at_close=draw(st.booleans()),
        )
        for name, strategy in zip(names, draw(st.tuples(*[st.sampled_from(Strategy)] * 3)), strict=True)
    ]
    fit = Eligibility(queues, longest_queue=draw(st.booleans()))
    for name in names:
        fit.class_of(name, "")
    skills = draw(
        st.lists(st.dictionaries(st.sampled_from(["fr", "vip"]), LEVELS), min_size=AGENTS, max_size=AGENTS)
    )
    for known in skills:
        own = draw(st.sampled_from([(), ("north",), ("south", "west")]))
        fit.agents.append(rows.Agent(group=fit.group_of(known, None, own), load_max=draw(st.integers(0, 2))))
        fit.spots.extend(rows.Spot() for _ in range(rows.CHANNELS))
    for _ in range(CONTACTS):
        fit.contacts.append(rows.Contact())
        fit.tables.for_one.append(0)
        fit.tables.timer_ats.extend([0.0] * rows.TIMERS_PER_CONTACT)
        fit.tables.timer_tags.extend([0] * rows.TIMERS_PER_CONTACT)
    return fit


def stories(fit: Eligibility) -> st.SearchStrategy[list[tuple[int, int, int, int, float]]]:
    verbs = [STATE, STATE, STATE, COMES, COMES, COMES, DECIDES, DECIDES, *range(12)]
    classes, groups = len(fit.classes), len(fit.lanes) // rows.CHANNELS
    return st.lists(
        st.sampled_from(verbs).flatmap(
            lambda verb: st.tuples(
                st.just(verb),
                st.integers(0, (CONTACTS if verb in (COMES, LEAVES) else AGENTS) - 1),
                st.sampled_from([2, 2, 2, 0, 1, 4, 5])
                if verb == STATE
                else st.integers(0, max(groups if verb == CHANGES else classes, 1) - 1),
                st.integers(0, 8),
                st.sampled_from([0.0, 1.0, 3.5, 10.0, 40.0]),
            )
        ),
        min_size=10,
        max_size=120,
    )


def first_classes(fit: Eligibility) -> list[int]:
    return [fit.class_of(name, "") for name in fit.rules]


def run_both(fit: Eligibility, story: list[tuple[int, int, int, int, float]]) -> list[int]:
    """What was said, by both alike."""
    firsts = first_classes(fit)
    table = np.array([(v, a, firsts[b % 3] if v == COMES else b, c, s) for v, a, b, c, s in story])
    arrays = tables_as_arrays(fit.tables, fit.levels, fit.own, contacts=CONTACTS)
    heard, said = np.zeros(SAID_MAX, np.int64), np.zeros(SAID_MAX, np.int64)
    many = compiled_play(pack(arrays, type_of("Tables", arrays)), table, heard)
    count = play(fit.tables, table, said)
    assert count == many
    assert heard[:many].tolist() == said[:count].tolist()
    for name in ("totals", "agents", "spots", "lanes", "queues", "classes", "contacts", "keeps"):
        listed = [astuple(row) for row in getattr(fit.tables, name)]
        recorded = [row.item() for row in getattr(arrays, name)]
        assert recorded[: len(listed)] == listed, name
    return said[:count].tolist()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_both_executions_decide_alike(data: st.DataObject) -> None:
    fit = data.draw(houses())
    run_both(fit, data.draw(stories(fit)))


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_both_executions_decide_alike_in_thousands_of_stories(data: st.DataObject) -> None:
    fit = data.draw(houses())
    run_both(fit, data.draw(stories(fit)))


def test_a_story_in_which_everything_happens() -> None:
    """So that the comparison above is known to compare something."""
    fit = Eligibility([QueueRules("q", language_level=0, overflow_wait_s=30.0)])
    fit.class_of("q", "")
    for _ in range(2):
        fit.agents.append(rows.Agent(group=fit.group_of({}, None)))
        fit.spots.extend(rows.Spot() for _ in range(rows.CHANNELS))
    for _ in range(CONTACTS):
        fit.contacts.append(rows.Contact())
        fit.tables.for_one.append(0)
        fit.tables.timer_ats.extend([0.0] * rows.TIMERS_PER_CONTACT)
        fit.tables.timer_tags.extend([0] * rows.TIMERS_PER_CONTACT)
    story = [(STATE, 1, 2, 0, 0.0), (STATE, 0, 2, 0, 0.0), (COMES, 5, 0, 1, 0.0), (COMES, 6, 0, 1, 0.0)]
    story += [(COMES, 7, 0, 1, 0.0), (DECIDES, 0, 0, 0, 0.0), (TIME, 0, 0, 0, 31.0), (OVERDUE, 0, 0, 0, 0.0)]
    assert run_both(fit, story) == [0, 0, 0, 5, 1, 6, 0, 130_000, 1007]
