"""The floor cut into parts: each is drawn when its data changes, and only then goes to the browsers.

A part's id is CONTAINER/NAME.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
from django.template.loader import get_template
from django.utils import translation


class Watcher(Protocol):
    """Who follows the floor: the same for all who see the same."""

    @property
    def language(self) -> str: ...

    def rows(self, board: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """His parts by id, as data."""

    def template(self, container: str) -> str: ...


class Change(msgspec.Struct):
    """Parts to put in place of those with their ids, or behind the others; and parts to take away."""

    parts: dict[str, str]
    gone: list[str]
    at: float  # the floor's wall clock, in seconds


@dataclass
class Variant:
    """What one watcher has."""

    watcher: Watcher
    html: dict[str, str] = field(default_factory=dict)
    _data: dict[str, dict[str, Any]] = field(default_factory=dict)

    def update(self, board: dict[str, Any] | None) -> Change:
        """Draw what changed. None: the floor is gone; the last figures stay, marked as old."""
        rows = (
            dict(self.watcher.rows(board))
            if board is not None
            else self._data | {"link/state": {"up": False}}
        )
        changed: dict[str, str] = {}
        with translation.override(self.watcher.language):
            for name, data in rows.items():
                if self._data.get(name) != data:
                    changed[name] = draw(name, data, self.watcher)
        gone = [name for name in self._data if name not in rows]
        self._data = rows
        self.html = {name: changed.get(name) or self.html[name] for name in rows}
        return Change(changed, gone, board["at"] if board is not None else 0.0)


def draw(name: str, data: dict[str, Any], watcher: Watcher) -> str:
    template = get_template(watcher.template(name.partition("/")[0]))
    html: str = template.render({"id": name, "viewer": watcher, **data})
    return html.strip()
