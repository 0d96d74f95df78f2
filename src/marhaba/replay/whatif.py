"""What would have been: the recorded day simulated as it was, then otherwise, caller by caller.

First the day as it was. What was recorded is one day; it should lie among the simulated ones. Then the change, with the same
callers, each with his patience and his handle time, so that the difference is known much better than either day.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from threading import Event
from typing import Final

from marhaba.files.queue_rules import ServiceLevel
from marhaba.kernel.errors import BadInput
from marhaba.replay.change import Change, Tail, changed
from marhaba.replay.figures import ALL, FIGURES, Days, Spread, recorded, simulated, spread
from marhaba.replay.plan import Day, model_of
from marhaba.simulator.model import ModelData
from marhaba.simulator.simulate import MaxReplications, simulate

OUTSIDE: Final = 0.05
Progress = Callable[[str, float], None]
"""Told which run ("day", "before", "after") and a share of it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How it is to be simulated. `redraw`: for a change, callers who come at the day's rates, not those who came."""

    replications: int = 200
    seed: int = 1
    tail: Tail = "constant"
    redraw: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A figure of the recorded day among those of the simulated ones."""

    queue: str  # ALL: of all
    figure: str
    recorded: float
    simulated: Spread

    @property
    def within(self) -> bool:
        return self.simulated.low <= self.recorded <= self.simulated.high


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure without and with the change; `difference` is of each simulated day with itself."""

    queue: str
    figure: str
    before: Spread
    after: Spread
    difference: Spread


@dataclass(frozen=True, slots=True)
class WhatIf:
    """`complete`: as many days as were asked for were simulated; `before` is `as_was` unless callers are drawn anew."""

    day: Day
    asked: Asked
    change: Change
    recorded: Days
    as_was: Days
    before: Days
    after: Days | None
    complete: bool
    levels: Mapping[str, ServiceLevel]

    @property
    def lines(self) -> list[Line]:
        """Those that are about somebody."""
        found = [
            Line(
                queue,
                figure,
                float(self.recorded.figure(figure, queue)[0]),
                spread(self.as_was.figure(figure, queue)),
            )
            for queue, figure in _each(self.recorded.queues)
        ]
        return [
            line
            for line in found
            if not math.isnan(line.recorded)
            and (line.figure != "away" or line.recorded or line.simulated.high)
        ]

    @property
    def believable(self) -> bool:
        """No more figures of the recorded day are outside their band than chance would put there."""
        lines = self.lines
        return sum(not line.within for line in lines) <= outside_by_chance(len(lines))

    @property
    def differences(self) -> list[Difference]:
        if self.after is None:
            return []
        found = []
        for queue, figure in _each(self.recorded.queues):
            after = self.after.figure(figure, queue)
            before = self.before.figure(figure, queue)[: len(after)]
            line = Difference(queue, figure, spread(before), spread(after), spread(after - before))
            if figure != "away" or line.before.high or line.after.high:
                found.append(line)
        return found


def outside_by_chance(count: int) -> int:
    """Of so many figures, each outside with a chance of OUTSIDE: nineteen times in twenty no more than these are."""
    reached = 0.0
    for outside in range(count + 1):
        reached += math.comb(count, outside) * OUTSIDE**outside * (1.0 - OUTSIDE) ** (count - outside)
        if reached >= 1.0 - OUTSIDE:
            return outside
    return count


def what_if(
    day: Day,
    change: Change,
    asked: Asked,
    *,
    progress: Progress | None = None,
    stopped: Event | None = None,
) -> WhatIf:
    """`stopped`: no further day is begun; as many of the changed days as there are of the others are simulated all the
    same, unless it is set again. Raises `BadInput` when not one day was finished.
    """
    stopped = stopped or Event()
    redraw = asked.redraw or change.volume != 1.0
    usual = {name: queue.service_level for name, queue in day.loaded.queues.items()}
    levels = {name: queue.service_level for name, queue in changed(day.loaded.queues, change.rules).items()}

    def days(name: str, model: ModelData, promised: Mapping[str, ServiceLevel], count: int) -> Days:
        told = None if progress is None else lambda share: progress(name, share)
        result = simulate(model, MaxReplications(count), asked.seed, progress=told, stopped=stopped)
        if not result.runs:
            raise BadInput("stopped before one day was simulated", code="stopped")
        return simulated(day, result.runs, dict(promised))

    nothing = Change()
    as_was = before = days("day", model_of(day, nothing, tail=asked.tail), usual, asked.replications)
    count = len(as_was.busy)
    after = None
    if not change.nothing or asked.redraw:
        stopped.clear()
        if redraw:
            before = days("before", model_of(day, nothing, tail=asked.tail, redraw=True), usual, count)
            stopped.clear()
        if not change.nothing:
            model = model_of(day, change, tail=asked.tail, redraw=redraw)
            after = days("after", model, levels, len(before.busy))
    last = after or before
    return WhatIf(
        day=day,
        asked=replace(asked, redraw=redraw),
        change=change,
        recorded=recorded(day),
        as_was=as_was,
        before=before,
        after=after,
        complete=len(last.busy) == asked.replications,
        levels=levels,
    )


def _each(queues: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for queue in (*queues, ALL) if len(queues) > 1 else queues:
        for figure in FIGURES:
            yield queue, figure
    yield ALL, "occupancy"
