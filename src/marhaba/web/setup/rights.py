"""Who may change what of the centre, and who sees what.

An administrator of the whole centre manages all of it. Whoever else leads in some programmes sees what these use, and adjusts
what nobody else uses: the hours of a calendar, the skills of an agent. A supervisor of all programmes adjusts all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from marhaba.web.people import rules
from marhaba.web.people.models import User

ADJUSTED = {"agents": ("skills",), "calendars": ("hours", "holidays")}
"""What a supervisor may change of a thing that is there."""


@dataclass(frozen=True, slots=True)
class Rights:
    manages: bool
    programmes: frozenset[str] | None  # where he leads; None: everywhere

    def sees(self, data: Mapping[str, Any], kind: str, name: str = "") -> bool:
        if self.manages or self.programmes is None:
            return True
        if kind not in ("programmes", "queues", "agents", "calendars"):
            return kind in ("pause_codes", "dispositions", "scripts")
        return not name or name in _used(data, kind, self.programmes)

    def changes(self, data: Mapping[str, Any], path: tuple[str, ...]) -> bool:
        """Whether he may change that place of the file."""
        if self.manages:
            return True
        if len(path) < 3 or path[0] not in ADJUSTED or path[2] not in ADJUSTED[path[0]]:
            return False
        if path[1] not in _table(data, path[0]):
            return False
        return self.programmes is None or self.sole(data, path[0], path[1])

    def sole(self, data: Mapping[str, Any], kind: str, name: str) -> bool:
        """Whether this thing serves his programmes and no other."""
        if self.programmes is None:
            return True
        others = frozenset(_table(data, "programmes")) - self.programmes
        return name in _used(data, kind, self.programmes) and name not in _used(data, kind, others)

    def adjusts(self, data: Mapping[str, Any], kind: str, name: str) -> bool:
        """Whether there is anything of this thing that he may change."""
        return any(self.changes(data, (kind, name, key)) for key in ADJUSTED.get(kind, ()))


def rights_of(user: User) -> Rights:
    manages = rules.programmes_of(user, "setup.manage") is None
    return Rights(manages, None if manages else rules.programmes_of(user, "setup.adjust"))


def _used(data: Mapping[str, Any], kind: str, programmes: Iterable[str]) -> frozenset[str]:
    """Names of this kind that these programmes lead to."""
    mine = [_table(data, "programmes", name) for name in programmes]
    if kind == "programmes":
        return frozenset(programmes)
    queues = _reached(data, mine)
    if kind == "queues":
        return queues
    if kind == "calendars":
        used = [*mine, *(_table(data, "queues", name) for name in queues)]
        return frozenset(str(row["calendar"]) for row in used if "calendar" in row)
    return frozenset(
        name
        for name in _table(data, "agents")
        if _names(_table(data, "agents", name).get("queues"), queues) & queues
    )


def _reached(data: Mapping[str, Any], programmes: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    found: set[str] = set()
    ahead = [
        name for row in programmes for name in (row.get("queue"), *_table(row, "queues_by_language").values())
    ]
    while ahead:
        name = ahead.pop()
        if isinstance(name, str) and name not in found:
            found.add(name)
            ahead.append(_table(data, "queues", name).get("overflow_to"))
    return frozenset(found)


def _names(value: Any, every: frozenset[str]) -> frozenset[str]:
    """The queues an agent is for; none said: all of them."""
    if value is None:
        return every
    return frozenset([value] if isinstance(value, str) else map(str, value))


def _table(data: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    found: Any = data
    for part in path:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
