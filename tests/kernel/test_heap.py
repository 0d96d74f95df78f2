"""A heap says who is first, a chain who is next: both against a plain sorted list."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from marhaba.kernel import heap

entries = st.tuples(st.sampled_from([0.0, 1.0, 2.5, 2.5, 7.0]), st.integers(0, 5))


@given(st.lists(st.none() | entries, max_size=40))
def test_a_heap_gives_back_the_earliest_first_and_equal_times_by_tag(
    story: list[tuple[float, int] | None],
) -> None:
    ats, tags, count = [0.0] * len(story), [0] * len(story), 0
    naive: list[tuple[float, int]] = []
    for entry in story:
        if entry is not None:
            count = heap.push(ats, tags, count, *entry)
            naive.append(entry)
        elif naive:
            assert (ats[0], tags[0]) == min(naive)
            naive.remove(min(naive))
            count = heap.pop(ats, tags, count)
        assert count == len(naive)
    left = []
    while count:
        left.append((ats[0], tags[0]))
        count = heap.pop(ats, tags, count)
    assert left == sorted(naive)


@dataclass
class Row:
    next: int = -1
    prev: int = -1


@dataclass
class Ends:
    first: int = -1
    last: int = -1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 5)), max_size=40))
def test_a_chain_holds_the_rows_in_the_order_they_were_put(story: list[tuple[int, int]]) -> None:
    ends, rows, naive = Ends(), [Row() for _ in range(6)], list[int]()
    for number, ahead in story:
        if number in naive:
            heap.unlink(ends, rows, number)
            naive.remove(number)
        else:
            ahead = ahead if ahead in naive else -1
            heap.link(ends, rows, number, ahead)
            naive.insert(naive.index(ahead) + 1 if ahead >= 0 else 0, number)
        forwards, backwards, one, other = [], [], ends.first, ends.last
        for _ in naive:
            forwards.append(one)
            backwards.append(other)
            one, other = rows[one].next, rows[other].prev
        assert (one, other) == (-1, -1)
        assert forwards == backwards[::-1] == naive
