"""The rows that routing works on, and the small numbers in them.

The floor keeps lists of these objects; the simulator keeps arrays of records with the same fields. So nothing here
but integers and floats; `matching` says what they mean to one another.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple, Protocol

NONE: Final = -1
LOGGED_OUT: Final = 0
PAUSED: Final = 1
READY: Final = 2
RINGING: Final = 3
TALKING: Final = 4
WRAPUP: Final = 5

VOICE: Final = 0
TEXT: Final = 1
CHANNELS: Final = 2

LONGEST_IDLE: Final = 0
BEST_SKILL: Final = 1
LEAST_OCCUPIED: Final = 2
RING_ALL: Final = 3
RANDOM: Final = 4

ADMITTED: Final = 0
FULL: Final = 1
CLOSED: Final = 2
UNSTAFFED: Final = 3

NOWHERE: Final = 0
IN_LINE: Final = 1
FOR_ONE: Final = 2  # waits for the agent it knows

RELAX: Final = 0
OVERFLOW: Final = 1
KNOWN: Final = 2  # the agent it knows has not come in time
KINDS: Final = 4
SLOTS: Final = 1 << 20
"""A timer's tag holds visit, kind and contact in one integer: contacts below a million, visits below 2**40."""

TIMERS_PER_CONTACT: Final = 4
"""It has two at a time; those of contacts that have left are swept out when the room is used up."""


@dataclass(slots=True)
class Agent:
    """`since` and `turn`: idle since when, and behind whom. `load`: text contacts in hand."""

    group: int = 0
    state: int = LOGGED_OUT
    since: float = 0.0
    turn: int = 0
    load: int = 0
    load_max: int = 0
    changed_at: float = 0.0
    busy_s: float = 0.0  # since login, up to `changed_at`
    ready_s: float = 0.0


@dataclass(slots=True)
class Spot:
    """An agent's place in his lane of one channel."""

    on: int = 0
    next: int = NONE
    prev: int = NONE


@dataclass(slots=True)
class Lane:
    first: int = NONE
    last: int = NONE
    ready: int = 0
    at: int = NONE  # in `ready_lanes`
    fresh: int = 0


@dataclass(slots=True)
class Queue:
    waiting: int = 0
    size_max: int = 0  # 0: no limit
    no_staff: int = 0  # 1: who waits is sent on when nobody who could answer is logged in
    wait_s_max: float = inf
    closes_at: float = inf
    sent_at_close: int = 0  # 1: who still waits then is sent on


@dataclass(slots=True)
class Class:
    queue: int = 0
    channel: int = VOICE
    strategy: int = LONGEST_IDLE
    weight: float = 1.0
    relaxed: int = NONE  # the class of the next relaxation step
    relaxed_s: float = inf  # the wait after which it is taken
    loosest: int = 0  # the class these contacts end in: whoever may not take that, never may
    staff: int = 0  # agents logged in who may take it
    working: int = 0  # those of them who are not paused
    keeps: int = 0  # the first of its rows in `keeps`, and how many
    keeps_count: int = 0
    first: int = NONE
    last: int = NONE
    waiting: int = 0
    at: int = NONE  # in `open_classes`
    fresh: int = 0


@dataclass(slots=True)
class Keep:
    """So many agents ready for `class_` are not given to others. `short`: there are no more than that now."""

    class_: int = 0
    agents: int = 0
    short: int = 0


@dataclass(slots=True)
class Contact:
    class_: int = 0
    priority: int = 0
    rank: int = 0
    visit: int = 0
    queued_at: float = 0.0
    place: int = NOWHERE
    next: int = NONE
    prev: int = NONE
    knows: int = NONE  # an agent preferred to all others
    knows_until: float = -inf  # and waited for until then


@dataclass(slots=True)
class Totals:
    turns: int = 0
    visits: int = 0
    classes: int = 0
    open_classes: int = 0
    ready_lanes: int = 0
    fresh_classes: int = 0
    fresh_lanes: int = 0
    for_one: int = 0
    timers: int = 0
    contacts: int = 0
    owns: int = 0  # 1: some group has queues of its own
    by_length: int = 0  # 1: between queues the longer line goes first, not the longer wait


class Levels(Protocol):
    """Classes x groups: the sum of the group's levels in what the class asks; NONE: may not take it."""

    def __getitem__(self, at: tuple[int, int]) -> int: ...


class Tables(NamedTuple):
    """Lists of the rows above, or arrays of records with the same fields."""

    totals: Sequence[Totals]  # one
    agents: Sequence[Agent]
    spots: Sequence[Spot]  # agents x channels
    lanes: Sequence[Lane]  # groups x channels
    queues: Sequence[Queue]
    classes: Sequence[Class]
    contacts: Sequence[Contact]
    levels: Levels
    own: Levels  # classes x groups: 1 where the class is of a queue of the group's own
    keeps: Sequence[Keep]
    open_classes: MutableSequence[int]  # those with somebody waiting, in no order
    ready_lanes: MutableSequence[int]  # those with somebody ready, in no order
    fresh_classes: MutableSequence[int]  # those that have changed since nothing more could be decided
    fresh_lanes: MutableSequence[int]
    for_one: MutableSequence[int]  # contacts that wait for one agent, in no order
    timer_ats: MutableSequence[float]
    timer_tags: MutableSequence[int]  # both with room for TIMERS_PER_CONTACT
