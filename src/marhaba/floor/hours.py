"""Queues that close: until when each is open, told to the kernel before it is asked who goes where."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from marhaba.floor.floor import Floor
from marhaba.kernel.calendar import Calendar


@dataclass(frozen=True, slots=True)
class Spell:
    """A calendar is open, or closed, from `begins` until `ends` (wall clock; inf: no end in sight)."""

    calendar: Calendar
    begins: float
    ends: float
    is_open: bool


def tell(floor: Floor) -> None:
    """Calendars are asked when a spell is over; the wall clock may be stepped at any time."""
    wall = floor.wall
    for name, queue in floor.centre.queues.items():
        spell = floor.hours.get(name)
        known = spell is not None and spell.calendar is queue.calendar and spell.begins <= wall < spell.ends
        if spell is None or not known:
            spell = floor.hours[name] = _spell(queue.calendar, wall)
        elif spell.is_open and spell.ends == inf:
            continue
        closes = spell.ends - floor.wall_offset if spell.is_open else floor.now
        floor.state.routing.close(name, None if closes == inf else closes)


def _spell(calendar: Calendar, wall: float) -> Spell:
    is_open = calendar.open_at(wall)
    ends = calendar.closes_at(wall) if is_open else calendar.next_opening(wall)
    return Spell(calendar, wall, inf if ends is None else ends, is_open)
