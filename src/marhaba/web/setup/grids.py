"""Fields that are small tables: levels by skill, steps of a queue, routes, codes in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

Rows = list[dict[str, str]]
ROWS_MAX = 500
"""Rows that a page may send: as many codes or routes as anybody could mean."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    label: Any
    choices: tuple[tuple[str, str], ...] = ()
    fixed: bool = False  # shown and sent along, not entered
    number: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """`read`: from the file's value to rows; `write`: back, None for nothing; `spare`: empty rows to fill."""

    columns: tuple[Column, ...]
    read: Callable[[Any], Rows]
    write: Callable[[Rows], Any]
    spare: int = 0
    names: Mapping[str, str] | None = None  # what fixed cells are called


class GridWidget(forms.Widget):
    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.grid = grid

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        filled = [row for row in value or [] if any(row.values())]
        rows = [*filled, *({} for _ in range(self.grid.spare))]
        cells = [
            [
                {
                    "name": f"{name}-{number}-{column.name}",
                    "column": column,
                    "value": row.get(column.name, ""),
                    "label": self._label(row.get(column.name, "")),
                    "whose": self._whose(row),
                }
                for column in self.grid.columns
            ]
            for number, row in enumerate(rows)
        ]
        shown = {"columns": self.grid.columns, "rows": cells, "name": name, "attrs": attrs or {}}
        return SafeString(render_to_string("setup/grid.html", shown))

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Rows:
        rows: Rows = []
        for number in range(ROWS_MAX):
            row = {c.name: str(data.get(f"{name}-{number}-{c.name}", "")).strip() for c in self.grid.columns}
            if not any(f"{name}-{number}-{c.name}" in data for c in self.grid.columns):
                break
            rows.append(row)
        return rows

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return not any(key.startswith(f"{name}-0-") for key in data)

    def id_for_label(self, id_: str, index: str | int | None = None) -> str:
        return ""  # a table is a group of fields, each with a label of its own

    def _label(self, value: str) -> str:
        return (self.grid.names or {}).get(value, value)

    def _whose(self, row: Mapping[str, str]) -> str:
        first = self.grid.columns[0]
        return self._label(row.get(first.name, ""))


class GridField(forms.Field):
    widget = GridWidget

    def __init__(self, grid: Grid, **about: Any) -> None:
        super().__init__(widget=GridWidget(grid), required=False, **about)
        self.grid = grid


def by_key(
    keys: Sequence[str],
    *,
    key: Column,
    value: Column,
    cast: Callable[[str], Any],
    names: Mapping[str, str] | None = None,
    spare: int = 0,
) -> Grid:
    """A table with a row for each known key, and room for others."""

    def read(table: Any) -> Rows:
        found = table if isinstance(table, Mapping) else {}
        known = [*keys, *(each for each in found if each not in keys)]
        return [{"key": each, "value": _text(found.get(each))} for each in known]

    def write(rows: Rows) -> Any:
        return {row["key"]: cast(row["value"]) for row in rows if row["key"] and row["value"]} or None

    return Grid((key, value), read, write, spare, names)


def listed(columns: tuple[Column, ...], *, casts: Mapping[str, Callable[[str], Any]], spare: int = 2) -> Grid:
    """A list of tables; a row without its first cell is left out."""

    def read(tables: Any) -> Rows:
        found = tables if isinstance(tables, list) else []
        return [
            {c.name: _text(row.get(c.name)) for c in columns} for row in found if isinstance(row, Mapping)
        ]

    def write(rows: Rows) -> Any:
        return [
            {c.name: casts.get(c.name, str)(row[c.name]) for c in columns if row[c.name]}
            for row in rows
            if any(row.values())
        ] or None

    return Grid(columns, read, write, spare)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value)
