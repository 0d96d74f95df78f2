"""What no single table of the file can see: contacts that nobody can serve, and a load that nobody can carry."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from marhaba.files.problems import Problem
from marhaba.files.sections import Section, nearest
from marhaba.files.toml_lines import line_of
from marhaba.kernel.rules import Channel, QueueRules
from marhaba.simulator.model import Agents, ContactType, Dialled, ModelData, PerInterval, Recorded

SETS_MAX = 10
"""Types up to which every set of them is looked at; beyond, each alone and all together."""


@dataclass(frozen=True, slots=True)
class Load:
    """`erlangs` offered on average by `types`, and how many `agents` can serve any of them, on average."""

    types: tuple[str, ...]
    erlangs: float
    agents: float


def check_service(top: Section, data: ModelData) -> None:
    """Notes skills that nobody has, and types that nobody can serve."""
    known = {skill for agents in data.agents for skill in agents.skills}
    asked: set[str] = set()
    for queue in data.queues:
        strangers = {skill for skill in queue.required("", len(queue.relax)) if skill not in known}
        for skill in sorted(strangers):
            near = nearest(skill, known)
            about = {"hint": near} if near else {}
            top.wrong(("queues", queue.name, "skills", skill), skill, "known_skill", **about)
        if strangers:
            asked.add(queue.name)
    for each in data.types:
        if each.queue not in asked and not capable(data, each):
            rules = _rules(data)[each.queue]
            needs = [
                f"{skill} {level}" for skill, level in rules.required(each.language, len(rules.relax)).items()
            ]
            top.wrong(
                ("types", each.name, "queue"), each.queue, "model_nobody", needs=", ".join(needs) or "–"
            )


def capable(data: ModelData, each: ContactType) -> list[Agents]:
    """Who can serve contacts of the type in the end: in its queue, or in one it is sent on to."""
    found: list[Agents] = []
    for rules in _ways(data, each.queue):
        needs = rules.required(each.language, len(rules.relax))
        for agents in data.agents:
            allowed = agents.queues is None or rules.name in agents.queues
            fit = all(agents.skills.get(skill, 0) >= level for skill, level in needs.items())
            if allowed and fit and agents not in found and there(data, agents) > 0.0:
                found.append(agents)
    return found


def there(data: ModelData, agents: Agents) -> float:
    """How many of them are there, on average over the hours."""
    seconds = sum(count * length for count, length in zip(agents.count, data.lengths, strict=False))
    for shift in agents.shifts:
        seconds += shift.end_s - shift.start_s - sum(end - begin for begin, end in shift.breaks)
    return seconds / data.horizon_s


def unstable(data: ModelData) -> Load | None:
    """The heaviest set of types whose callers never give up, if they bring more than those who can serve them carry."""
    rules = _rules(data)
    endless = [each for each in data.types if each.patience.mean == math.inf and not _ends(rules[each.queue])]
    worst: Load | None = None
    for types in _sets(endless):
        able = [agents for agents in data.agents if any(agents in capable(data, each) for each in types)]
        texts = any(rules[each.queue].channel is Channel.TEXT for each in types)
        seats = sum(
            there(data, each) * (max(each.text, 1) if texts else 1) / each.handle_factor for each in able
        )
        erlangs = sum(offered(data, each) for each in types)
        if erlangs >= seats and (worst is None or erlangs - seats > worst.erlangs - worst.agents):
            worst = Load(tuple(each.name for each in types), erlangs, seats)
    return worst


def offered(data: ModelData, each: ContactType) -> float:
    """Erlangs on average over the hours; who comes back or is transferred is not counted."""
    lasts = each.handle.mean + (each.wrap.mean if each.wrap is not None else 0.0)
    arrivals = each.arrivals
    if isinstance(arrivals, Dialled):
        return 0.0  # never more than agents are ready for
    if isinstance(arrivals, Recorded):
        return len(arrivals.at) * lasts / data.horizon_s
    if isinstance(arrivals, PerInterval):
        factors = each.handle_factor or (1.0,) * len(arrivals.counts)
        expected = sum(count * factor for count, factor in zip(arrivals.counts, factors, strict=True))
        return expected * lasts / data.horizon_s
    return arrivals.per_hour / 3600.0 * lasts


def unstable_warning(top: Section, load: Load) -> Problem:
    path = ("types", load.types[0], "patience")
    about = {"erlangs": f"{load.erlangs:.1f}", "agents": f"{load.agents:.1f}", "types": ", ".join(load.types)}
    where = f"{top.gathering.file}: " if top.gathering.file else ""
    return Problem(
        line_of(top.gathering.lines, path), f"{where}types.{load.types[0]}", "", "model_unstable", about
    )


def _sets(types: Sequence[ContactType]) -> Iterator[tuple[ContactType, ...]]:
    if len(types) > SETS_MAX:
        yield from ((each,) for each in types)
        yield tuple(types)
        return
    for size in range(1, len(types) + 1):
        yield from combinations(types, size)


def _rules(data: ModelData) -> dict[str, QueueRules]:
    return {rules.name: rules for rules in data.queues}


def _ends(rules: QueueRules) -> bool:
    """Does the queue itself send away who has waited, so that it cannot grow without end?"""
    return bool(rules.overflow_wait_s or rules.overflow_size)


def _ways(data: ModelData, queue: str) -> list[QueueRules]:
    """The queue and those it sends on to."""
    found: list[QueueRules] = []
    while queue and queue not in [rules.name for rules in found]:
        rules = _rules(data)[queue]
        found.append(rules)
        sends = rules.overflow_wait_s or rules.overflow_size or rules.overflow_no_staff
        queue = rules.overflow_to if sends else ""
    return found
