"""[variants.NAME]: the model with some keys changed. A key replaces the same key of the model whole; `without` takes keys
away; what is not named stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from marhaba.files.sections import Gathering, Section
from marhaba.files.toml_lines import Path

SECTIONS = ("queues", "types", "agents")
"""What a variant may change: never the hours, else there would be nothing to compare."""
VARIANTS_MAX = 50


def merged(top: Section, name: str, variant: Section, *, settings: tuple[str, ...] = ()) -> Section:
    """The whole document as this variant has it, with its lines. `settings`: keys of the top it may change too.

    What is wrong with the variant itself is noted at once; the rest is found by reading what is returned.
    """
    data = {key: deepcopy(value) for key, value in top.data.items() if key != "variants"}
    lines = {path: line for path, line in top.gathering.lines.items() if path[:1] != ("variants",)}
    before = variant.path
    for path in _without(variant, data):
        _drop(lines, path)
    for key in settings:
        if variant.has(key):
            data[key] = variant.raw(key)
            _drop(lines, (key,))
    for key in SECTIONS:
        for each, table in variant.section(key).data.items():
            known = data.setdefault(key, {}).get(each)
            if isinstance(table, dict) and isinstance(known, dict):
                known.update(table)
                for inner in table:
                    _drop(lines, (key, each, inner))
            else:
                data[key][each] = table
    variant.close()
    for path, line in top.gathering.lines.items():
        if path[: len(before)] == before:
            lines[path[len(before) :]] = line
    return Section(Gathering(lines, file=f"variants.{name}"), data)


def _without(variant: Section, data: dict[str, Any]) -> list[Path]:
    """Takes the named keys out of `data`: "types.calls.callback"."""
    value = variant.raw("without")
    items = [value] if isinstance(value, str) else value or []
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        variant.wrong("without", value, "list")
        return []
    paths: list[Path] = []
    for position, item in enumerate(items):
        *way, last = item.split(".")
        table: Any = data if way and way[0] in SECTIONS else {}
        for part in way:
            table = table.get(part) if isinstance(table, Mapping) else None
        if isinstance(table, dict) and last in table:
            del table[last]
            paths.append((*way, last))
        else:
            variant.wrong(("without", position), item, "model_without")
    return paths


def _drop(lines: dict[Path, int], path: Path) -> None:
    for known in [known for known in lines if known[: len(path)] == path]:
        del lines[known]
