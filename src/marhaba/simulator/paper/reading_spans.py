"""Numbers of the day's intervals: one for all, a list with one each, or a table by hours: `{ "08:00-12:00" = 6 }`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marhaba.files.sections import Section
from marhaba.simulator.paper.paper import Hours


class Intervals:
    """Those of the model; `ends` in seconds from the beginning."""

    def __init__(self, hours: Hours, ends: Sequence[float]) -> None:
        self.hours, self.ends = hours, tuple(ends)
        self.begins = (0.0, *self.ends[:-1])

    def values(
        self, section: Section, key: str, default: float, *, low: float, high: float, whole: bool = False
    ) -> list[float]:
        """One number for each interval. In a table, hours that are not named have none: 0."""
        if not section.has(key):
            return [default] * len(self.ends)
        value = section.raw(key)
        if isinstance(value, dict):
            return self._by_hours(section.section(key), low=low, high=high, whole=whole)
        if isinstance(value, list):
            found = [
                self._number(section, (key, position), item, low=low, high=high, whole=whole)
                for position, item in enumerate(value)
            ]
            if len(found) != len(self.ends):
                section.wrong(key, f"{len(found)}", "model_one_each", count=len(self.ends))
                return [default] * len(self.ends)
            return found
        return [self._number(section, (key,), value, low=low, high=high, whole=whole)] * len(self.ends)

    def _by_hours(self, table: Section, *, low: float, high: float, whole: bool) -> list[float]:
        found: list[float | None] = [None] * len(self.ends)
        for text in table.data:
            number = self._number(table, (text,), table.raw(text), low=low, high=high, whole=whole)
            spans = [self.hours.span(text, day) for day in range(1, self.hours.days + 1)]
            if spans[0] is None or not self._cut(spans[0]):
                table.wrong(text, text, "model_span", **self._about())
                continue
            for span in spans:
                for place, begin in enumerate(self.begins):
                    if span is not None and span[0] <= begin < span[1]:
                        if found[place] is not None:
                            table.wrong(text, text, "model_span_once", at=self.hours.clock(begin))
                            return [0.0] * len(self.ends)
                        found[place] = number
        return [0.0 if number is None else number for number in found]

    def _cut(self, span: tuple[float, float]) -> bool:
        """Does it begin and end where intervals do?"""
        bounds = {0.0, *self.ends}
        return all(any(abs(at - bound) < 1e-6 for bound in bounds) for at in span)

    def _about(self) -> dict[str, str]:
        return {
            "begin": self.hours.clock(0.0),
            "end": self.hours.clock(self.hours.length_s),
            "minutes": f"{(self.ends[0] - self.begins[0]) / 60.0:g}",
        }

    def _number(
        self,
        section: Section,
        path: tuple[str | int, ...],
        value: Any,
        *,
        low: float,
        high: float,
        whole: bool,
    ) -> float:
        good = int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, good) or not low <= value <= high:
            expected = "integer" if whole else "number"
            section.wrong(path, value, expected, low=f"{low:g}", high=f"{high:g}")
            return low
        return float(value)
