"""What would be otherwise: somebody more or fewer, another rule, other handle times, another volume."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal

from marhaba.files.problems import FileError
from marhaba.files.queue_rules import DAY, HOUR, read_rules, read_service_level
from marhaba.files.sections import Gathering, Section
from marhaba.floor.loaded import LoadedQueue
from marhaba.kernel.errors import BadInput
from marhaba.kernel.rows import SLOTS
from marhaba.kernel.rules import QueueRules, Strategy

Tail = Literal["constant", "never"]
TAILS: Final[tuple[Tail, ...]] = ("constant", "never")
"""What is assumed of callers beyond the longest wait that was seen: they go on giving up, or nobody does."""


@dataclass(frozen=True, slots=True)
class Change:
    """Against the recorded day. `begin` and `end` (seconds since the epoch) are of `more` and `without`."""

    more: int = 0
    skills: Mapping[str, int] = field(default_factory=dict)  # of those who come
    queues: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()
    begin: float = 0.0
    end: float = float("inf")
    rules: tuple[str, ...] = ()  # "QUEUE.KEY=VALUE", in the words of centre.toml
    handle_factor: float = 1.0
    volume: float = 1.0

    @property
    def nothing(self) -> bool:
        return self == replace(
            Change(), skills=self.skills, queues=self.queues, begin=self.begin, end=self.end
        )


def changed(queues: Mapping[str, LoadedQueue], rules: Sequence[str]) -> dict[str, LoadedQueue]:
    """The queues under other rules. Raises `BadInput` for what names no queue, `FileError` for what centre.toml refuses."""
    tables: dict[str, dict[str, Any]] = {}
    for rule in rules:
        name, keys, value = _parsed(rule, queues)
        if name not in tables:
            tables[name] = _table(queues[name])
        table = tables[name]
        for key in keys[:-1]:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                raise BadInput(f"{rule}: {key} is no table", code="bad-rule", about={"rule": rule})
        table[keys[-1]] = value
    gathering = Gathering({}, file="--rule")
    made = {**queues}
    for name, table in tables.items():
        made[name] = _read(Section(gathering, table, ("queues", name)), name, queues)
    if gathering.problems:
        raise FileError(gathering.problems)
    return made


def _parsed(rule: str, queues: Mapping[str, LoadedQueue]) -> tuple[str, list[str], Any]:
    """(queue, path of keys, value). A value that is no TOML is a text: strategy=random."""
    path, equals, text = rule.partition("=")
    name = next((n for n in sorted(queues, key=len, reverse=True) if path.strip().startswith(f"{n}.")), "")
    if not equals or "." not in path:
        raise BadInput(f"{rule} is no QUEUE.KEY=VALUE", code="bad-rule", about={"rule": rule})
    if not name:
        queue = path.partition(".")[0].strip()
        raise BadInput(
            f"no queue {queue}", code="no-queue", about={"queue": queue, "queues": ", ".join(queues)}
        )
    keys = [key.strip() for key in path.strip().removeprefix(f"{name}.").split(".")]
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    return name, keys, value


def _table(queue: LoadedQueue) -> dict[str, Any]:
    """A queue in the words of centre.toml; a rule that is as it always is needs no word."""
    usual = QueueRules(queue.rules.name)
    table = {
        each.name: _plain(getattr(queue.rules, each.name))
        for each in fields(QueueRules)
        if each.name != "name" and getattr(queue.rules, each.name) != getattr(usual, each.name)
    }
    level = queue.service_level
    promise = {each.name: getattr(level, each.name) for each in fields(level)}
    own = {name: getattr(queue, name) for name in ("max_wait_s", "callback", "callback_after_s")}
    return {**table, **own, "service_level": promise}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return [{"after_s": step.after_s, "levels": dict(step.levels)} for step in value]
    return value if isinstance(value, bool | int | float | str) else value.value


def _read(section: Section, name: str, queues: Mapping[str, LoadedQueue]) -> LoadedQueue:
    before = queues[name]
    rules = read_rules(
        section,
        name,
        list(queues),
        languages=(),
        queue_max=SLOTS,
        strategies=[strategy.value for strategy in Strategy],
    )
    made = replace(
        before,
        rules=rules,
        max_wait_s=section.seconds("max_wait_s", 0.0, low=0, high=DAY),
        callback=section.truth("callback", default=False),
        callback_after_s=section.seconds("callback_after_s", 0.0, low=0, high=HOUR),
        service_level=read_service_level(section.section("service_level")),
    )
    section.close()
    return made
