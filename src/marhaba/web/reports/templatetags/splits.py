"""An agent's time as a bar."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django import template

from marhaba.web.reports.figures import AgentRow
from marhaba.web.reports.tables import STATES

register = template.Library()


@dataclass(frozen=True, slots=True)
class Bar:
    """In percent of the longest login on the page."""

    state: str
    x: float
    width: float


@register.filter
def split(row: AgentRow, longest: float) -> Iterator[Bar]:
    x = 0.0
    for state in STATES:
        width = 100.0 * row.states.get(state, 0.0) / (longest or 1.0)
        yield Bar(state, x, width)
        x += width


@register.filter
def seconds_in(states: Mapping[str, float], state: str) -> float:
    return states.get(state, 0.0)
