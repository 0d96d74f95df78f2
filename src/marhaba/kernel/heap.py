"""Orders kept in place, over arrays and rows only (see `matching`).

A binary heap stands in two parallel arrays: when, and what. Equal times are settled by the smaller `tag`, so that the
order never depends on how the heap came about. A chain runs through the rows of a table, each naming the next and the
previous one.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from typing import Protocol

Floats = MutableSequence[float]
Ints = MutableSequence[int]


def push(ats: Floats, tags: Ints, count: int, at: float, tag: int) -> int:
    """Put an entry in; there must be room at `count`. Returns the new count."""
    hole = count
    while hole > 0:
        above = (hole - 1) >> 1
        if ats[above] < at or (ats[above] == at and tags[above] <= tag):
            break
        ats[hole], tags[hole] = ats[above], tags[above]
        hole = above
    ats[hole], tags[hole] = at, tag
    return count + 1


def pop(ats: Floats, tags: Ints, count: int) -> int:
    """Take the first entry, which stands at index 0, out. Returns the new count."""
    count -= 1
    if count > 0:
        replace(ats, tags, count, ats[count], tags[count])
    return count


def replace(ats: Floats, tags: Ints, count: int, at: float, tag: int) -> None:
    """Put an entry in the place of the first.

    The hole goes down to the end, always to the smaller side, and the entry up from there: it mostly belongs near the
    end, so that asking on the way down would be asking in vain (Wegener 1993, bottom-up heapsort).
    """
    hole, below = 0, 1
    while below + 1 < count:
        other = below + 1
        earlier = (ats[other] < ats[below]) | ((ats[other] == ats[below]) & (tags[other] < tags[below]))
        below += int(earlier)
        ats[hole], tags[hole] = ats[below], tags[below]
        hole, below = below, 2 * below + 1
    if below < count:
        ats[hole], tags[hole] = ats[below], tags[below]
        hole = below
    push(ats, tags, hole, at, tag)


class Link(Protocol):
    next: int  # -1: none
    prev: int


class Chain(Protocol):
    first: int  # -1: nobody
    last: int


def link(chain: Chain, rows: Sequence[Link], number: int, ahead: int) -> None:
    """Put a row into the chain behind the row `ahead`; -1: in front."""
    behind = chain.first if ahead < 0 else rows[ahead].next
    rows[number].prev = ahead
    rows[number].next = behind
    if ahead < 0:
        chain.first = number
    else:
        rows[ahead].next = number
    if behind < 0:
        chain.last = number
    else:
        rows[behind].prev = number


def unlink(chain: Chain, rows: Sequence[Link], number: int) -> None:
    """Take a row out of the chain."""
    ahead, behind = rows[number].prev, rows[number].next
    if ahead < 0:
        chain.first = behind
    else:
        rows[ahead].next = behind
    if behind < 0:
        chain.last = ahead
    else:
        rows[behind].prev = ahead
