"""Timers as data: a heap that the driver asks for its next moment. Nothing here reads a clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable

COMPACT_ABOVE = 1_024
"""Cancelled timers stay in the heap until they surface; past this size, and when they are the majority, they go."""

Fire = Callable[[float], None]


class Timer:
    """One pending call of `fire(now)`. A timer that fired or was cancelled has no `fire` any more."""

    __slots__ = ("_timers", "at", "fire")

    def __init__(self, timers: Timers, at: float, fire: Fire) -> None:
        self._timers, self.at, self.fire = timers, at, fire

    def cancel(self) -> None:
        if self.fire is not _fired:
            self.fire = _fired
            self._timers.live -= 1


class Timers:
    """The pending timers of one endpoint. Ties go by the order in which they were set."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0
        self.live = 0  # set, neither fired nor cancelled

    def set(self, at: float, fire: Fire) -> Timer:
        timer = Timer(self, at, fire)
        self._count += 1
        self.live += 1
        heapq.heappush(self._heap, (at, self._count, timer))
        if len(self._heap) > COMPACT_ABOVE and len(self._heap) > 2 * self.live:
            self._heap = [entry for entry in self._heap if entry[2].fire is not _fired]
            heapq.heapify(self._heap)
        return timer

    def next(self) -> float | None:
        """When the earliest timer is due, or None."""
        heap = self._heap
        while heap and heap[0][2].fire is _fired:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def run(self, now: float) -> None:
        """Fire what is due. A timer set meanwhile for a moment already past fires in the same run."""
        while (at := self.next()) is not None and at <= now:
            timer = heapq.heappop(self._heap)[2]
            fire, timer.fire = timer.fire, _fired
            self.live -= 1
            fire(now)


def _fired(now: float) -> None:
    """Marks a timer that is over."""
