"""What two versions of the file differ in, in words."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils.translation import gettext

from marhaba.files.toml_edits import TABLE, Change, changes, leaves
from marhaba.web.live.words import language_name
from marhaba.web.setup.kinds import KINDS, VALUES, Entry, Kind


@dataclass(slots=True)
class Row:
    label: str
    was: str
    now: str


@dataclass(slots=True)
class Subject:
    """One thing that is otherwise: a queue, an agent, the house."""

    kind: Kind | None  # None: a table that the pages do not know
    title: str
    name: str
    state: Literal["new", "gone", "changed"]
    rows: list[Row] = field(default_factory=list)


def differences(was: str, now: str) -> list[Subject]:
    return told(changes(tomllib.loads(was), tomllib.loads(now)))


def told(changed: Iterable[Change]) -> list[Subject]:
    """In the order of the file, one subject a table."""
    found: dict[tuple[str, str], Subject] = {}
    for change in changed:
        kind, name, rest = _place(change.path)
        if kind is not None and kind.named and not name:
            continue  # the first or the last of its kind, which is told by itself
        subject = found.get((kind.name if kind else "", name))
        if subject is None:
            title = str(kind.one or kind.title) if kind else name
            subject = found[kind.name if kind else "", name] = Subject(kind, title, name, "changed")
        if not rest and kind is not None and kind.named:
            subject.state = "gone" if change.now is None else "new"
        for label, before, after in _rows(kind, rest, change):
            subject.rows.append(Row(label, before, after))
    return [subject for subject in found.values() if subject.rows or subject.state != "changed"]


def _place(path: tuple[str, ...]) -> tuple[Kind | None, str, tuple[str, ...]]:
    """Kind, name and what is left of the path."""
    kind = KINDS.get(path[0])
    if kind is None:
        house = KINDS["house"]
        return (house, "", path) if entry_of(house, path) else (None, path[0], path[1:])
    if kind.named:
        return kind, path[1] if len(path) > 1 else "", path[2:]
    return kind, "", path[1:]


def _rows(kind: Kind | None, rest: tuple[str, ...], change: Change) -> Iterable[tuple[str, str, str]]:
    if change.was is TABLE and change.now is None and rest == ():
        return
    if TABLE in (change.was, change.now) and not isinstance(change.now, Mapping):
        if change.was is TABLE and change.now is None:
            yield label_of(kind, rest), "…", "–"
        return
    if isinstance(change.was, Mapping | None) and isinstance(change.now, Mapping | None):
        was, now = change.was or {}, change.now or {}
        for key in [*was, *(key for key in now if key not in was)]:
            if was.get(key) != now.get(key):
                yield f"{label_of(kind, rest)} · {key}", shown(was.get(key)), shown(now.get(key))
        if list(was) != list(now) and sorted(was) == sorted(now):
            yield gettext("Ordre"), ", ".join(was), ", ".join(now)
        return
    yield label_of(kind, rest), shown(change.was), shown(change.now)


def entry_of(kind: Kind, path: tuple[str, ...]) -> Entry | None:
    """The entry that a key belongs to: its own, or that of the table around it."""
    for length in range(len(path), -1, -1):
        for entry in kind.entries():
            if entry.path == path[:length] or (entry.key == "" and length == 0):
                return entry
    return None


def label_of(kind: Kind | None, path: tuple[str, ...]) -> str:
    entry = entry_of(kind, path) if kind is not None else None
    if entry is None:
        return ".".join(path)
    inner = path[len(entry.path) :] if entry.key else path
    return " · ".join([str(entry.label), *(language_name(part) for part in inner)])


def shown(value: Any) -> str:
    if value is None or value is TABLE:
        return "–"
    if isinstance(value, bool):
        return gettext("oui") if value else gettext("non")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} : {shown(inner)}" for key, inner in value.items()) or "–"
    if isinstance(value, list):
        return (
            " ; ".join(map(shown, value))
            if any(isinstance(v, Mapping) for v in value)
            else ", ".join(map(shown, value)) or "–"
        )
    text = str(value)
    return str(VALUES.get(text, text))


def paths_touched(was: str, now: str) -> list[tuple[str, ...]]:
    """Every leaf that is otherwise: what somebody needs the right to change."""
    before, after = tomllib.loads(was), tomllib.loads(now)
    found: list[tuple[str, ...]] = []
    for change in changes(before, after):
        found.append(change.path)
        if change.was is TABLE and change.now is None:
            found += [path for path in leaves(before) if path[: len(change.path)] == change.path]
    return found
