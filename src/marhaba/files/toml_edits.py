"""Changing a TOML text that people keep: what is not changed stays as they wrote it, comments and order included.

A file is seen as its leaves: a path and a value each. Two files differ by `Change`s, and a change can be made in another file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import tomlkit
from tomlkit.container import Container, OutOfOrderTableProxy
from tomlkit.items import AoT, Comment, InlineTable, Null, Table

from marhaba.files.toml_lines import Path

Keys = tuple[str, ...]
TABLE: Final = object()
"""Stands for a table as such: it may be there and empty."""
ORDERED: Final = ("pause_codes", "dispositions", "menu_digits", "sub", "fields")
"""Tables whose order means something (keys are dialled by their place): one value each, compared with its order."""


@dataclass(frozen=True, slots=True)
class Change:
    """One leaf is otherwise. None: it is not there; TABLE: a table as such."""

    path: Keys
    was: Any
    now: Any


class Conflict(Exception):
    """Two people changed the same place."""

    def __init__(self, mine: Sequence[Change], theirs: Sequence[Change]) -> None:
        super().__init__(", ".join(".".join(change.path) for change in mine))
        self.mine = tuple(mine)
        self.theirs = tuple(theirs)


def changes(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """From one file's data to another's, in their order: what is gone, what is new, what is otherwise."""
    old, new = leaves(was), leaves(now)
    found = [Change(path, old[path], new.get(path)) for path in old if not _same(old[path], new.get(path))]
    gone = {change.path for change in found if change.was is TABLE and len(change.path) > 1}
    found = [c for c in found if not any(c.path[:length] in gone for length in range(1, len(c.path)))]
    return found + [Change(path, None, value) for path, value in new.items() if path not in old]


def leaves(data: Mapping[str, Any], path: Keys = ()) -> dict[Keys, Any]:
    found: dict[Keys, Any] = {}
    for key, value in data.items():
        where = (*path, key)
        if isinstance(value, Mapping) and key not in ORDERED:
            found[where] = TABLE
            found |= leaves(value, where)
        else:
            found[where] = value
    return found


def edited(text: str, changed: Iterable[Change]) -> str:
    """The text with these changes made. Tables that are gone take what stood in them along."""
    document, changed = tomlkit.parse(text), list(changed)
    filled = {c.path[:length] for c in changed if c.now is not None for length in range(1, len(c.path))}
    for change in changed:
        if change.now is None:
            _take_away(document, change.path)
        elif change.now is not TABLE or change.path not in filled or change.was is not None:
            _put(document, change.path, change.now)
    return tomlkit.dumps(document)


def merged(base: str, mine: str, theirs: str, *, keep: str = "") -> str:
    """What I changed since `base`, made in what somebody else made of it. Raises `Conflict` where both changed one place.

    `keep`: then "mine" or "theirs" wins there.
    """
    told = tomllib.loads(base)
    ours, others = changes(told, tomllib.loads(mine)), changes(told, tomllib.loads(theirs))
    agreed = {change.path: change.now for change in others}
    ours = [c for c in ours if c.path not in agreed or not _same(agreed[c.path], c.now)]
    disputed = [change for change in ours if any(_touch(change, other) for other in others)]
    if disputed and not keep:
        raise Conflict(disputed, [other for other in others if any(_touch(c, other) for c in disputed)])
    return edited(theirs, [c for c in ours if keep != "theirs" or c not in disputed])


def value_at(data: Mapping[str, Any], path: Path) -> Any:
    """What stands there; None: nothing."""
    found: Any = data
    for part in path:
        in_list = isinstance(found, list) and isinstance(part, int) and part < len(found)
        if in_list or (isinstance(found, Mapping) and part in found):
            found = found[part]
        else:
            return None
    return found


def _same(was: Any, now: Any) -> bool:
    if isinstance(was, Mapping) and isinstance(now, Mapping):  # an ordered table
        return list(was.items()) == list(now.items())
    return type(was) is type(now) and bool(was == now)


def _touch(mine: Change, other: Change) -> bool:
    """Whether one's place lies in the other's; a new table in which both put something is no quarrel."""
    if mine.now is TABLE and other.now is TABLE:
        return False
    short = min(len(mine.path), len(other.path))
    if mine.path[:short] != other.path[:short]:
        return False
    if len(mine.path) == len(other.path):
        return True
    outer = mine if len(mine.path) == short else other
    return outer.now is None


def _put(document: Any, path: Keys, value: Any) -> None:
    table = document
    for depth, part in enumerate(path[:-1]):
        if part not in table:
            _append(table, part, _fresh(path[: depth + 1]))
        if isinstance(table[part], InlineTable):  # no comments in it: it is written anew
            data = table[part].unwrap()
            _set(data, path[depth + 1 :], value)
            table[part] = tomlkit.value(_written(data))
            return
        table = table[part]
    last = path[-1]
    if value is TABLE:
        if not isinstance(table.get(last), Mapping):
            table.pop(last, None)
            _append(table, last, tomlkit.table() if len(path) <= 2 else tomlkit.value("{}"))
    elif isinstance(value, Mapping) and isinstance(table.get(last), Table):
        _refill(table[last], value)
    elif isinstance(value, Mapping) and len(path) == 1:
        _append(table, last, tomlkit.table())
        _refill(table[last], value)
    elif len(path) > 1 and _is_tables(value) and isinstance(table.get(last), AoT):
        routes = tomlkit.aot()
        for row in value:
            routes.append(tomlkit.item(row))
        table[last] = routes
    elif last in table:
        table[last] = tomlkit.value(_written(value))
    else:
        _append(table, last, tomlkit.value(_written(value)))


def _fresh(path: Keys) -> Any:
    """[queues.support]; what stands deeper is written on one line."""
    return tomlkit.table(is_super_table=len(path) == 1) if len(path) <= 2 else tomlkit.value("{}")


def _append(table: Any, key: str, item: Any) -> None:
    """Behind the last key, and before comments and empty lines that belong to what follows."""
    if isinstance(table, OutOfOrderTableProxy):
        table[key] = item
        return
    trailing: list[Any] = []
    body = _last_body(table)
    while body and (body[-1][0] is None):
        trailing.insert(0, body.pop())
    if isinstance(item, Table):
        item.trivia.indent = "\n"
    table.append(key, item)
    _last_body(table).extend(trailing)


def _last_body(table: Any) -> list[Any]:
    """Where the text of a table ends: in the last of the tables below it."""
    body: list[Any] = table.body if isinstance(table, Container) else table.value.body
    there = [entry for entry in body if not isinstance(entry[1], Null)]  # what was taken away leaves a Null
    if there and there[-1][0] is not None:
        last = there[-1][1]
        if isinstance(last, Table):
            return _last_body(last)
        if isinstance(last, AoT) and len(last):
            return _last_body(last[-1])
    return body


def _set(data: Any, path: Keys, value: Any) -> None:
    for part in path[:-1]:
        data = data.setdefault(part, {})
    data.setdefault(path[-1], {}) if value is TABLE else data.update({path[-1]: value})


def _refill(table: Any, value: Mapping[str, Any]) -> None:
    """The same table in the new order; comments between its keys go to its end."""
    for key in list(table):
        del table[key]
    for key, inner in value.items():
        _append(table, key, tomlkit.value(_written(inner)))


def _written(value: Any) -> str:
    """As a person would write it."""
    if isinstance(value, Mapping):
        rows = (f"{tomlkit.key(str(key)).as_string()} = {_written(inner)}" for key, inner in value.items())
        return "{ " + ", ".join(rows) + " }" if value else "{}"
    if isinstance(value, list):
        if _is_tables(value):
            return "[\n" + "".join(f"    {_written(row)},\n" for row in value) + "]"
        return "[" + ", ".join(map(_written, value)) + "]"
    return str(tomlkit.item(value).as_string())


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(row, Mapping) for row in value)


def _take_away(document: Any, path: Keys) -> None:
    table = document
    for depth, part in enumerate(path[:-1]):
        if part not in table:
            return  # went with the table around it
        if isinstance(table[part], InlineTable):
            data = table[part].unwrap()
            inner = value_at(data, path[depth + 1 : -1])
            if isinstance(inner, dict):
                inner.pop(path[-1], None)
            table[part] = tomlkit.value(_written(data))
            return
        table = table[part]
    if path[-1] in table:
        _keep_trailing(table, path[-1])


def _keep_trailing(table: Any, key: str) -> None:
    """Take a key away, but not the comments behind it, which are about what follows."""
    gone = table[key]
    trailing: list[Any] = []
    if isinstance(gone, Table):
        body = _last_body(gone)
        while body and body[-1][0] is None:
            trailing.insert(0, body.pop())
    del table[key]
    if any(isinstance(item, Comment) for _key, item in trailing) and not isinstance(
        table, OutOfOrderTableProxy
    ):
        _last_body(table).extend(trailing)
