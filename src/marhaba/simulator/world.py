"""What one replication works on: arrays of records, all made beforehand, none of them growing.

The kernel's tables are here as arrays (`tables`), beside what only the simulator knows: when contacts come, how long
they are patient and are helped, when agents are there, and what is counted.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from marhaba.kernel import rows as kernel_rows
from marhaba.kernel.rows import Tables

Rows = Any
"""An array of records; to the compiler each of its rows has the fields of its dtype."""
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]

# what is counted, by type and period of arrival
OFFERED: Final = 0
ANSWERED: Final = 1
IN_TIME: Final = 2
WAITED: Final = 3
ABANDONED: Final = 4
SHORT: Final = 5  # abandoned within the threshold below which nobody counts it
ABANDONED_IN_TIME: Final = 6
BLOCKED: Final = 7
SENT_ON: Final = 8
CALLBACKS: Final = 9
NOT_REACHED: Final = 10
RETURNS: Final = 11
MISSED: Final = 12
WAIT_ANSWERED: Final = 13
WAIT_ABANDONED: Final = 14
TALK: Final = 15
DIALLED: Final = 16  # numbers, reached or not
EXPIRED: Final = 17  # sent away after the wait their queue allows
STRANDED: Final = 18  # sent away because nobody who could answer was there any more, or the queue closed
SOJOURN: Final = 19  # of answered contacts: waiting and talking, over all visits that add up
CONSULTS: Final = 20
MEASURES: Final = 21
WAIT_BINS: Final = 128
WAIT_BIN_FIRST: Final = 0.1
WAIT_BIN_STEP: Final = 1.12
"""Waits are counted in bins that grow by an eighth: none, below 0.1 s, ... up to two days."""

# what is drawn, each from a stream of its own
P_ARRIVAL: Final = 0
P_BUSYNESS: Final = 1
P_BALK: Final = 2
P_PATIENCE: Final = 3
P_TALK: Final = 4
P_WRAP: Final = 5
P_FOLLOW: Final = 6
P_DELAY: Final = 7
P_CALLBACK: Final = 8
P_REACH: Final = 9
P_DIAL: Final = 10
P_RING: Final = 11
P_MISSED: Final = 12
P_CONSULT: Final = 13
P_CONSULT_S: Final = 14
P_PICKS_UP: Final = 15
PURPOSES: Final = 16

# how a contact's visit ended, for what follows it
AFTER_ANSWER: Final = 0
AFTER_ABANDON: Final = 1
AFTER_BLOCK: Final = 2

CONTACT_IDLE: Final = 0
CONTACT_WAITS: Final = 1
CONTACT_RINGS: Final = 2
CONTACT_TALKS: Final = 3
CONTACT_AWAY: Final = 4  # will come back

CLOCK = np.dtype(
    [
        ("now", "f8"),
        ("period", "i8"),
        ("events", "i8"),
        ("deadlines", "i8"),
        ("free", "i8"),
        ("status", "i8"),
        ("ranks", "i8"),
        ("change", "i8"),
        ("live", "i8"),
        ("departed", "i8"),  # somebody has gone home since it was last asked who waits in vain
        ("freed", "i8"),  # an agent is done, which sets the dialers going
        ("lines", "i8"),
        ("lines_max", "i8"),  # 0: no limit
        ("lines_since", "f8"),
        ("nobody", "i8"),  # the group of agents who may take nothing: those who are only finishing
        ("done", "i8"),
        ("handled", "i8"),
        ("tracing", "i8"),
        ("traced", "i8"),
    ],
    align=True,
)
TYPE = np.dtype(
    [
        ("class_", "i8"),
        ("patience", "i8"),
        ("wrap", "i8"),
        ("balk", "f8"),
        ("target_s", "f8"),
        ("short_s", "f8"),
        ("busyness", "f8"),
        ("factor", "f8"),
        ("arrivals", "i8"),
        ("walk_period", "i8"),
        ("walk_at", "f8"),
        ("recorded", "i8"),
        ("recorded_end", "i8"),
        ("follows", "i8"),
        ("follows_end", "i8"),
        ("callback_after_s", "f8"),
        ("callback_p", "f8"),
        ("callback_reach", "f8"),
        ("callback_dial", "i8"),
        ("consult_p", "f8"),
        ("consult_with", "i8"),
        ("consult_s", "i8"),
    ],
    align=True,
)
FOLLOW = np.dtype(
    [
        ("after", "i8"),
        ("chance", "f8"),
        ("to", "i8"),
        ("delay", "i8"),
        ("attempts_max", "i8"),
        ("knows_s", "f8"),
        ("same_patience", "i8"),
        ("adds_up", "i8"),
    ],
    align=True,
)
UNIT = np.dtype(
    [
        ("first", "i8"),
        ("end", "i8"),  # behind the last
        ("here", "i8"),
        ("leaving", "i8"),
        ("away", "i8"),
        ("busy", "i8"),
        ("since", "f8"),
        ("ring", "i8"),
        ("missed_p", "f8"),
        ("missed_pause_s", "f8"),
        ("factor", "f8"),
        ("number", "i8"),
        ("of", "i8"),
        ("group", "i8"),
        ("finishing", "i8"),  # 1: all who are still there are only finishing
        (
            "lasts_s",
            "f8",
        ),  # of the break that begins when the contact in hand is done; 0: until the plan says
        ("planned", "i8"),  # how many are to be there
        ("again_s", "f8"),  # a break that was to begin in the one before
    ],
    align=True,
)
WORKER = np.dtype(
    [("unit", "i8"), ("rings", "i8"), ("missed", "i8"), ("contact", "i8"), ("next", "i8")], align=True
)
CHANGE = np.dtype(
    [("at", "f8"), ("unit", "i8"), ("count", "i8"), ("away", "i8"), ("lasts_s", "f8")], align=True
)
ENTRY = np.dtype([("priority", "i8"), ("to", "i8"), ("phones", "i8"), ("lets_in", "i8")], align=True)
DIALER = np.dtype(
    [
        ("type", "i8"),
        ("ratio", "f8"),
        ("ready_least", "i8"),
        ("free_least", "i8"),
        ("from_s", "f8"),
        ("until_s", "f8"),
        ("dial", "i8"),
        ("number", "i8"),  # dialled so far
        ("dialling", "i8"),  # now
    ],
    align=True,
)
CALLER = np.dtype(
    [
        ("type", "i8"),
        ("stage", "i8"),
        ("deadline", "i8"),
        ("gives_up_at", "f8"),
        ("origin", "i8"),
        ("serial", "i8"),
        ("attempts", "i8"),
        ("arrived_at", "f8"),
        ("period", "i8"),
        ("queued_at", "f8"),
        ("hops", "i8"),
        ("entry", "i8"),
        ("rank", "i8"),
        ("agent", "i8"),
        ("ringing", "i8"),
        ("knows", "i8"),
        ("knows_s", "f8"),
        ("callback", "i8"),
        ("patience", "f8"),
        ("handle", "f8"),
        ("waited", "f8"),  # in visits before this one that add up with it
        ("talked", "f8"),
        ("consulted", "i8"),  # the second agent; NONE: nobody; below: was to be asked once
        ("line", "i8"),
    ],
    align=True,
)
RECORDED = np.dtype([("at", "f8"), ("patience", "f8"), ("handle", "f8")], align=True)
TRACE = np.dtype(
    [("at", "f8"), ("contact", "i8"), ("type", "i8"), ("agent", "i8"), ("wait_s", "f8")], align=True
)


class World(NamedTuple):
    t: Tables
    clock: Rows  # one
    types: Rows
    rates: Floats  # types x periods: arrivals a second
    factors: Floats  # types x (periods + 1): of the handle time, by period of arrival
    patience_factors: Floats  # the same of the patience
    keys: Keys  # types x purposes
    agent_keys: Keys  # purposes
    laws: Rows
    law_values: Floats
    talks: Ints  # types x agents of the model: the law of the handle time
    follows: Rows
    units: Rows
    workers: Rows  # by agent
    changes: Rows  # of staff, by time
    entries: Rows  # by class: what a contact that enters the queue by it gets
    callers: Rows  # by contact slot
    free: Ints
    dialers: Rows
    dial_reach: Floats  # dialers x (periods + 1): share of numbers that are answered
    dial_counts: Ints  # dialers x agents of the model: 1 where they count among the free
    recorded: Rows
    period_ends: Floats
    event_ats: Floats
    event_tags: Ints
    deadline_ats: Floats
    deadline_of: Ints
    counts: (
        Floats  # types x (periods + 1) x MEASURES; the last is after the last period's end, here and below
    )
    talk_by: Floats  # types x agents of the model: seconds
    lines_area: Floats  # periods + 1
    waits: Ints  # types x 2 (answered, abandoned) x WAIT_BINS
    queue_since: Floats
    queue_area: Floats  # queues x (periods + 1): seconds waited in the period, by all together
    queue_most: Ints  # queues x (periods + 1)
    busy_area: Floats  # units x (periods + 1)
    staff_area: Floats
    at_end: Ints  # periods x (queues + units): waiting and busy at the period's end
    trace: Rows


def dtype_of(row: Any) -> np.dtype[np.void]:
    """The record with the fields of one of the kernel's rows."""
    return np.dtype([(f.name, "f8" if f.type == "float" else "i8") for f in fields(row)], align=True)


def records(rows: list[Any], row: Any, *, at_least: int = 1) -> Rows:
    """A list of the kernel's rows as an array of records; never empty, so that it has a shape."""
    names = [f.name for f in fields(row)]
    made = np.zeros(max(len(rows), at_least), dtype_of(row))
    for index, each in enumerate(rows):
        made[index] = tuple(getattr(each, name) for name in names)
    return made


def tables_as_arrays(
    t: Tables, levels: npt.NDArray[np.int16], own: npt.NDArray[np.int16], *, contacts: int
) -> Tables:
    """The kernel's tables for compiled code, with room for so many contacts."""
    lanes, classes = max(len(t.lanes), 1), max(len(t.classes), 1)
    groups = max(lanes // kernel_rows.CHANNELS, 1)
    blank = records([kernel_rows.Contact()], kernel_rows.Contact)
    arrays: dict[str, Any] = {
        "totals": records(list(t.totals), kernel_rows.Totals),
        "agents": records(list(t.agents), kernel_rows.Agent),
        "spots": records(list(t.spots), kernel_rows.Spot),
        "lanes": records(list(t.lanes), kernel_rows.Lane),
        "queues": records(list(t.queues), kernel_rows.Queue),
        "classes": records(list(t.classes), kernel_rows.Class),
        "contacts": np.repeat(blank, contacts),
        "levels": np.ascontiguousarray(levels[:classes, :groups]),
        "own": np.ascontiguousarray(own[:classes, :groups]),
        "keeps": records(list(t.keeps), kernel_rows.Keep),
        "open_classes": np.zeros(classes, np.int64),
        "ready_lanes": np.zeros(lanes, np.int64),
        "fresh_classes": np.zeros(classes, np.int64),
        "fresh_lanes": np.zeros(lanes, np.int64),
        "for_one": np.zeros(contacts, np.int64),
        "timer_ats": np.zeros(contacts * kernel_rows.TIMERS_PER_CONTACT),
        "timer_tags": np.zeros(contacts * kernel_rows.TIMERS_PER_CONTACT, np.int64),
    }
    return t._replace(**arrays)
