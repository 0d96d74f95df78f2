"""[agents.NAME]: like agents of one site, by their number in each interval or by their shifts."""

from __future__ import annotations

from collections.abc import Sequence

from marhaba.files.queue_rules import DAY
from marhaba.files.sections import NAME, Section
from marhaba.kernel.rules import LEVEL_MAX, language_skill
from marhaba.simulator.model import AGENTS_MAX, Agents, Shift
from marhaba.simulator.paper.paper import Hours
from marhaba.simulator.paper.reading_laws import read_law
from marhaba.simulator.paper.reading_spans import Intervals
from marhaba.simulator.paper.reading_types import FACTOR_MAX

TEXT_MAX = 50
"""Text contacts at once: more is nobody's attention."""
BREAKS_MAX = 20


class Teams:
    """Reads the agents of one file."""

    def __init__(self, intervals: Intervals, *, languages: Sequence[str], queues: Sequence[str]) -> None:
        self.intervals = intervals
        self.languages, self.queues = languages, queues

    def read(self, name: str, section: Section) -> Agents:
        levels = section.levels("skills", low=1, high=LEVEL_MAX)
        shifts = self._shifts(section)
        if section.has("count") == section.has("shifts"):
            section.wrong("count", section.raw("count"), "model_count")
        counts = self.intervals.values(section, "count", 0, low=0, high=AGENTS_MAX, whole=True)
        missed = section.number("missed", 0.0, low=0.0, high=0.99)
        made = Agents(
            name,
            {
                (language_skill(skill) if skill in self.languages else skill): level
                for skill, level in levels.items()
            },
            count=() if shifts else tuple(int(count) for count in counts),
            shifts=tuple(shifts),
            queues=self._queues(section, "queues"),
            own=self._queues(section, "own") or (),
            site=section.text("site", ""),
            ring=read_law(section, "ring"),
            missed=missed,
            missed_pause_s=section.seconds("missed_pause_s", 0.0, low=0, high=DAY),
            handle_factor=section.number("handle_factor", 1.0, low=0.01, high=FACTOR_MAX),
            text=section.integer("text", 0, low=0, high=TEXT_MAX),
        )
        section.close()
        return made

    def _queues(self, section: Section, key: str) -> tuple[str, ...] | None:
        if not section.has(key):
            return None
        named = section.texts(key, pattern=NAME, expected="name")
        for position, queue in enumerate(named):
            if queue not in self.queues:
                section.unknown((key, position), queue, self.queues, "queue")
        return named

    def _shifts(self, section: Section) -> list[Shift]:
        found: list[Shift] = []
        for table in section.listed("shifts"):
            hours = table.text("hours")
            count = table.integer("count", 1, low=0, high=AGENTS_MAX)
            breaks = self._breaks(table)
            slides = table.truth("slides", default=False)
            for day in self._days(table):
                span = self.intervals.hours.span(hours, day)
                if span is None:
                    if hours:
                        table.wrong("hours", hours, "model_hours_within", **_about(self.intervals.hours))
                    break
                found += [Shift(*span, self._within(table, breaks, span, day), slides)] * count
            table.close()
        return found

    def _days(self, table: Section) -> list[int]:
        """1 is the first; without it, every day."""
        last = self.intervals.hours.days
        if not table.has("days"):
            return list(range(1, last + 1))
        value = table.raw("days")
        good = isinstance(value, list) and all(type(day) is int and 1 <= day <= last for day in value)
        if not good:
            table.wrong("days", value, "model_days", last=last)
            return []
        return sorted(set(value))

    def _breaks(self, table: Section) -> list[str]:
        value = table.raw("breaks")
        items = [value] if isinstance(value, str) else value or []
        if (
            not isinstance(items, list)
            or len(items) > BREAKS_MAX
            or not all(isinstance(i, str) for i in items)
        ):
            table.wrong("breaks", value, "hours")
            return []
        return items

    def _within(
        self, table: Section, breaks: Sequence[str], shift: tuple[float, float], day: int
    ) -> tuple[tuple[float, float], ...]:
        """In order and within the shift."""
        found: list[tuple[float, float]] = []
        hours = self.intervals.hours
        for position, text in enumerate(breaks):
            span = hours.span(text, day)
            least = found[-1][1] if found else shift[0]
            if span is None or not least <= span[0] <= span[1] <= shift[1]:
                about = {"begin": hours.clock(least), "end": hours.clock(shift[1])}
                table.wrong(("breaks", position), text, "model_break", **about)
            else:
                found.append(span)
        return tuple(found)


def _about(hours: Hours) -> dict[str, str]:
    return {"begin": hours.clock(0.0), "end": hours.clock(hours.length_s)}
