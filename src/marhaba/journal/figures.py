"""Figures over stays in queues, each of which can be opened down to the stays it counts. Formulas and letters: kernel.kpi."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from marhaba.files.queue_rules import ServiceLevel
from marhaba.journal.records import OUTCOMES, AgentPart, CallRecord, QueueVisit
from marhaba.kernel import kpi

Stay: TypeAlias = tuple[CallRecord, QueueVisit]
MINUTES: Final = {"15m": 15, "30m": 30, "1h": 60}
BY: Final = ("queue", "agent", "programme", "language", "day", *MINUTES)
FIGURES: Final = ("offered", *OUTCOMES, "waiting", "in-time")
"""What can be opened down to its calls."""
NOBODY: Final = "–"


def counts(figure: str, stay: Stay, rule: ServiceLevel) -> bool:
    """Whether `figure` counts this stay."""
    visit = stay[1]
    if figure == "offered":
        return True
    if figure == "waiting":
        return not visit.outcome
    if figure == "in-time":
        return visit.outcome == "answered" and visit.wait_s <= rule.threshold_s
    return visit.outcome == figure


@dataclass(frozen=True, slots=True)
class Stays:
    """Stays in queues by column, one place a stay. Moments and durations in seconds; `handled_s`: talk, hold and wrap-up of
    the agent's part that an answered stay led to, NaN for none.
    """

    queue: list[str]
    since: list[float]
    outcome: list[str]
    agent: list[str]
    programme: list[str]
    language: list[str]
    wait_s: npt.NDArray[np.float64]
    handled_s: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.queue)

    @classmethod
    def of(cls, stays: Iterable[Stay]) -> Stays:
        return cls.of_rows([_row(*stay) for stay in stays])

    @classmethod
    def of_rows(cls, rows: Sequence[tuple[Any, ...]]) -> Stays:
        """From (queue, since, outcome, agent, programme, language, wait_s, handled_s or None)."""
        columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(8)]
        queue, since, outcome, agent, programme, language, waits, handled = columns
        wait_s, handled_s = np.array(waits, np.float64), np.array(handled, np.float64)
        return cls(queue, since, outcome, agent, programme, language, wait_s, handled_s)


@dataclass(slots=True)
class Row:
    """One line of figures. `rule` is None where stays of queues with different rules meet."""

    name: str
    rule: ServiceLevel | None
    outcomes: dict[str, int]
    answered_s: npt.NDArray[np.float64]
    abandoned_s: npt.NDArray[np.float64]
    handled_s: npt.NDArray[np.float64]

    def count(self, figure: str) -> int:
        if figure == "offered":
            return sum(self.outcomes.values())
        if figure == "waiting":
            return self.outcomes.get("", 0)
        if figure == "in-time":
            return self.waits().answered_in_time
        return self.outcomes.get(figure, 0)

    def level(self) -> float | None:
        return kpi.SERVICE_LEVELS[self.rule.formula](self.waits()) if self.rule is not None else None

    def value(self, formula: kpi.Formula[kpi.Waits]) -> float | None:
        return formula(self.waits())

    def aht(self) -> float | None:
        nothing = np.zeros_like(self.handled_s)
        return kpi.AHT(kpi.Handling(self.handled_s, nothing, nothing))

    def waits(self) -> kpi.Waits:
        rule = self.rule or ServiceLevel()
        return kpi.Waits(self.answered_s, self.abandoned_s, rule.threshold_s, rule.short_s)


def part_of(stay: Stay) -> AgentPart | None:
    """The agent's part that an answered stay led to."""
    call, visit = stay
    if visit.outcome != "answered":
        return None
    after = (part for part in call.parts if part.queue == visit.queue and part.connected_at >= visit.since)
    return next(after, None)


def handled_s(stay: Stay) -> float | None:
    """What that part took: talk, hold and wrap-up."""
    part = part_of(stay)
    return None if part is None else part.talk_s + part.hold_s + part.wrap_s


def rows(
    stays: Stays, *, by: str, rules: Mapping[str, ServiceLevel], zone: ZoneInfo
) -> tuple[list[Row], Row]:
    """Lines in order of their names, and the total. `rules` are those of queues."""
    groups: dict[str, list[int]] = defaultdict(list)
    for place, key in enumerate(_keys(stays, by, zone)):
        groups[key].append(place)
    found = [_figures(name, stays, places, rules) for name, places in sorted(groups.items())]
    return found, _figures("", stays, range(len(stays)), rules)


def _figures(name: str, stays: Stays, places: Sequence[int], rules: Mapping[str, ServiceLevel]) -> Row:
    outcomes: dict[str, list[int]] = defaultdict(list)
    for place in places:
        outcomes[stays.outcome[place]].append(place)
    answered, abandoned = (np.array(outcomes[each], np.int64) for each in ("answered", "abandoned"))
    handled = stays.handled_s[answered]
    found = {rules.get(queue) for queue in {stays.queue[place] for place in places}}
    return Row(
        name,
        found.pop() if len(found) == 1 else None,
        {outcome: len(each) for outcome, each in outcomes.items()},
        stays.wait_s[answered],
        stays.wait_s[abandoned],
        handled[~np.isnan(handled)],
    )


def _keys(stays: Stays, by: str, zone: ZoneInfo) -> list[str]:
    if by == "agent":
        return [agent or NOBODY for agent in stays.agent]
    if by in ("queue", "programme", "language"):
        return [each or NOBODY for each in getattr(stays, by)]
    if by == "day":
        seconds, text = 900, _text("%Y-%m-%d", zone)
    else:
        # Intervals are cut by the wall clock's quarter hours, which every zone's offset keeps.
        seconds, text = MINUTES[by] * 60, _text("%Y-%m-%d %H:%M", zone)
    names: dict[float, str] = {}
    return [
        names.get(begin) or names.setdefault(begin, text(begin))
        for begin in (since // seconds * seconds for since in stays.since)
    ]


def _text(form: str, zone: ZoneInfo) -> Callable[[float], str]:
    return lambda at: datetime.fromtimestamp(at, zone).strftime(form)


def _row(call: CallRecord, visit: QueueVisit) -> tuple[Any, ...]:
    part = part_of((call, visit))
    agent = visit.agent or (part.agent if part is not None else "")
    about = (call.programme, call.language, visit.wait_s, handled_s((call, visit)))
    return (visit.queue, visit.since, visit.outcome, agent, *about)
