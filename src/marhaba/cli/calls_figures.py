"""Figures over stays in queues, each with the calls it counts. Formulas and letters: kernel.kpi."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from marhaba.files.queue_rules import ServiceLevel
from marhaba.journal.records import OUTCOMES, AgentPart, CallRecord, QueueVisit
from marhaba.kernel import kpi

Stay = tuple[CallRecord, QueueVisit]
MINUTES = {"15m": 15, "30m": 30, "1h": 60}
BY = ("queue", "agent", "programme", "language", "day", *MINUTES)
FIGURES = ("offered", *OUTCOMES, "waiting", "in-time")
"""Names for `--figure`: what can be opened down to its calls."""


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


@dataclass(slots=True)
class Row:
    """One line of figures. `rule` is None where stays of queues with different rules meet."""

    name: str
    rule: ServiceLevel | None
    stays: list[Stay] = field(default_factory=list)

    def count(self, figure: str) -> int:
        return sum(counts(figure, stay, self.rule or ServiceLevel()) for stay in self.stays)

    def level(self) -> float | None:
        return kpi.SERVICE_LEVELS[self.rule.formula](self._waits()) if self.rule is not None else None

    def value(self, formula: kpi.Formula[kpi.Waits]) -> float | None:
        return formula(self._waits())

    def aht(self) -> float | None:
        """Over the agents' parts that followed these stays, each once."""
        parts = list({id(part): part for stay in self.stays if (part := part_of(stay))}.values())
        columns = [
            np.array([getattr(part, name) for part in parts]) for name in ("talk_s", "hold_s", "wrap_s")
        ]
        return kpi.AHT(kpi.Handling(*columns)) if parts else None

    def _waits(self) -> kpi.Waits:
        rule = self.rule or ServiceLevel()
        answered, abandoned = (
            np.array([visit.wait_s for _, visit in self.stays if visit.outcome == outcome], np.float64)
            for outcome in ("answered", "abandoned")
        )
        return kpi.Waits(answered, abandoned, rule.threshold_s, rule.short_s)


def part_of(stay: Stay) -> AgentPart | None:
    """The agent's part that an answered stay led to."""
    call, visit = stay
    if visit.outcome != "answered":
        return None
    after = (part for part in call.parts if part.queue == visit.queue and part.connected_at >= visit.since)
    return next(after, None)


def rows(
    stays: Sequence[Stay], *, by: str, rules: Mapping[str, ServiceLevel], zone: ZoneInfo
) -> tuple[list[Row], Row]:
    """Lines in order of their names, and the total."""
    key = _key(by, zone)
    groups: dict[str, list[Stay]] = {}
    for stay in stays:
        groups.setdefault(key(stay), []).append(stay)
    found = [Row(name, _common(group, rules), group) for name, group in sorted(groups.items())]
    return found, Row("", _common(stays, rules), list(stays))


def _common(stays: Sequence[Stay], rules: Mapping[str, ServiceLevel]) -> ServiceLevel | None:
    found = {rules.get(visit.queue) for _, visit in stays}
    return found.pop() if len(found) == 1 else None


def _key(by: str, zone: ZoneInfo) -> Callable[[Stay], str]:
    if by == "queue":
        return lambda stay: stay[1].queue
    if by == "agent":
        return lambda stay: stay[1].agent or (part.agent if (part := part_of(stay)) else "–")
    if by in ("programme", "language"):
        return lambda stay: str(getattr(stay[0], by)) or "–"
    if by == "day":
        return lambda stay: f"{datetime.fromtimestamp(stay[1].since, zone):%Y-%m-%d}"
    seconds = MINUTES[by] * 60
    # Intervals are cut by the wall clock's quarter hours, which every zone's offset keeps.
    return lambda stay: f"{datetime.fromtimestamp(stay[1].since // seconds * seconds, zone):%Y-%m-%d %H:%M}"
