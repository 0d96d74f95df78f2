"""From a model to the arrays a replication runs on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from marhaba.kernel import rows
from marhaba.kernel.eligibility import Eligibility
from marhaba.simulator import world as w_
from marhaba.simulator.chance import key_of, stream_name
from marhaba.simulator.compiled import entry
from marhaba.simulator.laws import Constant, Law, compile_laws
from marhaba.simulator.model import Agents, Dialled, ModelData, PerInterval, Recorded, Shift, Steady
from marhaba.simulator.packed import Pack, type_of
from marhaba.simulator.world import World

CONTACTS_FIRST = 1024
CONTACTS_MAX = rows.SLOTS
EVENTS_PER_CONTACT = 4
_AFTER = {"answered": w_.AFTER_ANSWER, "abandoned": w_.AFTER_ABANDON, "blocked": w_.AFTER_BLOCK}
_AGENT_STREAM = stream_name("agents")


@dataclass(frozen=True, slots=True)
class Template:
    """A world before anything has happened; `streams`: a number for each contact type's name, `busy`: for the name of
    the busyness that it has or shares.
    """

    world: World
    type: Pack
    streams: npt.NDArray[np.int64]
    busy: npt.NDArray[np.int64]


def template(data: ModelData, *, contacts: int, trace: int = 0) -> Template:
    """With room for so many contacts at a time."""
    fit = Eligibility(data.queues, longest_queue=data.longest_queue)
    units = _add_agents(data, fit)
    classes = {each.name: fit.class_of(each.queue, each.language) for each in data.types}
    entries = _entries(data, fit)
    for name, at in data.closes.items():
        fit.tables.queues[fit.queue_at[name]].closes_at = at
    laws: list[Law] = [Constant(0.0)]
    rows_of_types, talks = _types(data, classes, laws)
    unit_rows = _units(data, units, laws, fit)
    dialers, dial_reach, dial_counts = _dialers(data, laws)
    follows = _follows(data, rows_of_types, laws)
    recorded = _recorded(data, rows_of_types)
    law_rows, law_values = compile_laws(laws)
    types, periods, queues = len(data.types), len(data.interval_ends), len(data.queues)
    agents = len(fit.agents)
    workers = np.zeros(max(agents, 1), w_.WORKER)
    for number, row in enumerate(unit_rows):
        workers["unit"][row["first"] : row["end"]] = number
    clock = _clock(data, fit, contacts, trace)
    made = World(
        t=w_.tables_as_arrays(fit.tables, fit.levels, fit.own, contacts=contacts),
        clock=clock,
        types=rows_of_types,
        rates=_rates(data),
        factors=_factors(data, "handle_factor"),
        patience_factors=_factors(data, "patience_factor"),
        keys=np.zeros((types, w_.PURPOSES), np.uint64),
        agent_keys=np.zeros(w_.PURPOSES, np.uint64),
        laws=law_rows,
        law_values=law_values,
        talks=talks,
        follows=follows,
        units=unit_rows,
        workers=workers,
        changes=_changes(data, units),
        entries=entries,
        callers=np.zeros(contacts, w_.CALLER),
        free=np.arange(contacts, dtype=np.int64)[::-1].copy(),
        dialers=dialers,
        dial_reach=dial_reach,
        dial_counts=dial_counts,
        recorded=recorded,
        period_ends=np.array(data.interval_ends),
        event_ats=np.zeros(contacts * EVENTS_PER_CONTACT + 2 * types + agents + 64),
        event_tags=np.zeros(contacts * EVENTS_PER_CONTACT + 2 * types + agents + 64, np.int64),
        deadline_ats=np.zeros(contacts),
        deadline_of=np.zeros(contacts, np.int64),
        counts=np.zeros((types, periods + 1, w_.MEASURES)),
        talk_by=np.zeros((types, len(data.agents))),
        lines_area=np.zeros(periods + 1),
        waits=np.zeros((types, 2, w_.WAIT_BINS), np.int64),
        queue_since=np.zeros(queues),
        queue_area=np.zeros((queues, periods + 1)),
        queue_most=np.zeros((queues, periods + 1), np.int64),
        busy_area=np.zeros((len(unit_rows), periods + 1)),
        staff_area=np.zeros((len(unit_rows), periods + 1)),
        at_end=np.zeros((periods, queues + len(unit_rows)), np.int64),
        trace=np.zeros(max(trace, 1), w_.TRACE),
    )
    streams = np.array([stream_name(each.name) for each in data.types], np.int64)
    shared = [getattr(each.arrivals, "shared", "") for each in data.types]
    busy = [
        stream_name(f"busyness {name}") if name else own for name, own in zip(shared, streams, strict=True)
    ]
    return Template(made, type_of("World", made), streams, np.array(busy, np.int64))


def fresh(world: World) -> World:
    """A copy of its own of everything that a run changes."""
    constant = {
        "rates",
        "factors",
        "patience_factors",
        "laws",
        "law_values",
        "talks",
        "follows",
        "changes",
        "entries",
        "dial_reach",
        "dial_counts",
        "recorded",
        "period_ends",
    }
    parts: dict[str, Any] = {
        name: np.array(part)
        for name, part in world.t._asdict().items()
        if name not in ("levels", "own", "keeps")
    }
    tables = world.t._replace(**parts)
    return world._replace(
        t=tables,
        **{
            name: part.copy()
            for name, part in world._asdict().items()
            if name != "t" and name not in constant
        },
    )


@entry
def set_keys(
    keys: w_.Keys,
    agent_keys: w_.Keys,
    streams: w_.Ints,
    busy: w_.Ints,
    seed: int,
    replication: int,
    agent_stream: int,
) -> None:
    """The streams of one replication: by type's name and purpose, so that a type more changes no other's draws."""
    for number in range(keys.shape[0]):
        for purpose in range(keys.shape[1]):
            keys[number, purpose] = key_of(seed, replication, streams[number] * 64 + purpose)
        keys[number, w_.P_BUSYNESS] = key_of(seed, replication, busy[number] * 64 + w_.P_BUSYNESS)
    for purpose in range(keys.shape[1]):
        agent_keys[purpose] = key_of(seed, replication, agent_stream * 64 + purpose)


def set_streams(template: Template, world: World, *, seed: int, replication: int) -> None:
    set_keys(world.keys, world.agent_keys, template.streams, template.busy, seed, replication, _AGENT_STREAM)


@dataclass(frozen=True, slots=True)
class Unit:
    """Agents who come and go by one plan: all of `Agents` with counts, or one shift."""

    of: Agents
    number: int  # of its `Agents` in the model
    first: int
    size: int
    shift: Shift | None


def units_of(data: ModelData) -> list[Unit]:
    units: list[Unit] = []
    first = 0
    for number, agents in enumerate(data.agents):
        plans: list[tuple[int, Shift | None]] = [(1, shift) for shift in agents.shifts]
        if not agents.shifts:
            plans = [(max(agents.count, default=0), None)]
        for size, shift in plans:
            units.append(Unit(agents, number, first, size, shift))
            first += size
    return units


def _add_agents(data: ModelData, fit: Eligibility) -> list[Unit]:
    units = units_of(data)
    for unit in units:
        group = fit.group_of(unit.of.skills, unit.of.queues, unit.of.own)
        for _ in range(unit.size):
            fit.agents.append(rows.Agent(group=group, load_max=unit.of.text))
            fit.spots.extend(rows.Spot() for _ in range(rows.CHANNELS))
    return units


def _entries(data: ModelData, fit: Eligibility) -> npt.NDArray[np.void]:
    """By class. Making the class of an overflow may make further classes, so until there are no more."""
    names = {queue.name: queue for queue in data.queues}
    asked: list[tuple[int, str, str]] = [
        (fit.class_of(each.queue, each.language), each.queue, each.language) for each in data.types
    ]
    found: dict[int, tuple[int, int, int, int]] = {}
    while asked:
        class_, queue, language = asked.pop()
        if class_ in found:
            continue
        rules, to = names[queue], -1
        if rules.overflow_to:
            to = fit.class_of(rules.overflow_to, language)
            asked.append((to, rules.overflow_to, language))
        found[class_] = (rules.priority, to, rules.ring_all_max, int(queue in data.waits_unstaffed))
    entries = np.zeros(len(fit.classes), w_.ENTRY)
    for class_, row in found.items():
        entries[class_] = row
    return entries


def _law(laws: list[Law], law: Law | None) -> int:
    if law is None:
        return -1
    laws.append(law)
    return len(laws) - 1


def _types(
    data: ModelData, classes: dict[str, int], laws: list[Law]
) -> tuple[npt.NDArray[np.void], npt.NDArray[np.int64]]:
    made = np.zeros(len(data.types), w_.TYPE)
    talks = np.zeros((len(data.types), len(data.agents)), np.int64)
    place = {agents.name: number for number, agents in enumerate(data.agents)}
    for row, talk, each in zip(made, talks, data.types, strict=True):
        talk[:] = _law(laws, each.handle)
        for name, law in each.handle_by.items():
            talk[place[name]] = _law(laws, law)
        row["class_"], row["patience"] = classes[each.name], _law(laws, each.patience)
        row["wrap"], row["balk"] = _law(laws, each.wrap), each.balk
        row["target_s"], row["short_s"] = each.target_s, each.short_s
        row["busyness"] = each.arrivals.busyness if isinstance(each.arrivals, PerInterval | Steady) else 0.0
        offer = each.callback
        row["callback_after_s"] = math.inf if offer is None else offer.after_s
        if offer is not None:
            row["callback_p"], row["callback_reach"] = offer.accepted, offer.reached
            row["callback_dial"] = max(_law(laws, offer.dial), 0)
        if each.consult is not None:
            row["consult_p"], row["consult_with"] = each.consult.share, place[each.consult.agents]
            row["consult_s"] = _law(laws, each.consult.lasts)
    return made, talks


def _units(data: ModelData, units: list[Unit], laws: list[Law], fit: Eligibility) -> npt.NDArray[np.void]:
    made = np.zeros(len(units), w_.UNIT)
    ring_of = {agents.name: _law(laws, agents.ring) for agents in data.agents}
    for number, (row, unit) in enumerate(zip(made, units, strict=True)):
        row["first"], row["end"] = unit.first, unit.first + unit.size
        row["number"], row["of"] = number, unit.number
        row["ring"], row["missed_p"] = ring_of[unit.of.name], unit.of.missed
        row["missed_pause_s"], row["factor"] = unit.of.missed_pause_s, unit.of.handle_factor
        row["group"] = fit.group_of(unit.of.skills, unit.of.queues, unit.of.own)
    return made


def _changes(data: ModelData, units: list[Unit]) -> npt.NDArray[np.void]:
    """When how many are there: only where the number changes. A break is a pause, the end of a shift is not."""
    found: list[tuple[float, int, int, int, float]] = []
    for number, unit in enumerate(units):
        if unit.shift is None:
            before = 0
            for at, count in zip((0.0, *data.interval_ends), (*unit.of.count, before), strict=False):
                if count != before and at < data.horizon_s:
                    found.append((at, number, count, rows.LOGGED_OUT, 0.0))
                before = count
        else:
            shift = unit.shift
            found.append((shift.start_s, number, 1, rows.PAUSED, 0.0))
            for begins, ends in shift.breaks:
                if shift.slides:
                    found.append((begins, number, 0, rows.PAUSED, ends - begins))
                else:
                    found += [(begins, number, 0, rows.PAUSED, 0.0), (ends, number, 1, rows.PAUSED, 0.0)]
            found.append((shift.end_s, number, 0, rows.LOGGED_OUT, 0.0))
    for queue in data.queues:
        if queue.overflow_at_close and queue.name in data.closes:
            found.append((data.closes[queue.name], -1, 0, 0, 0.0))
    return np.array(sorted(found, key=lambda change: change[0]), w_.CHANGE)


def _follows(data: ModelData, types: npt.NDArray[np.void], laws: list[Law]) -> npt.NDArray[np.void]:
    number_of = {each.name: number for number, each in enumerate(data.types)}
    found: list[tuple[int, float, int, int, int, float, int, int]] = []
    for number, each in enumerate(data.types):
        types[number]["follows"] = len(found)
        for row in data.returns:
            if row.contact_type == each.name:
                knows = -1.0 if row.same_agent_s is None else row.same_agent_s
                delay = _law(laws, row.delay)
                kept = (int(row.same_patience), int(row.adds_up))
                found.append(
                    (_AFTER[row.after], row.chance, number_of[row.to], delay, row.attempts_max, knows, *kept)
                )
        types[number]["follows_end"] = len(found)
    return np.array(found or [(0, 0.0, 0, 0, 0, 0.0, 0, 0)], w_.FOLLOW)


def _dialers(
    data: ModelData, laws: list[Law]
) -> tuple[npt.NDArray[np.void], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """A row for each type that is dialled; one that dials nothing when there is none, so that arrays have a shape."""
    rows_ = [
        (number, each.arrivals)
        for number, each in enumerate(data.types)
        if isinstance(each.arrivals, Dialled)
    ]
    made = np.zeros(max(len(rows_), 1), w_.DIALER)
    made["type"] = -1
    reach = np.zeros((len(made), len(data.interval_ends) + 1))
    counts = np.zeros((len(made), len(data.agents)), np.int64)
    for row, share, counted, (number, rule) in zip(made, reach, counts, rows_, strict=False):
        row["type"], row["ratio"], row["dial"] = number, rule.ratio, max(_law(laws, rule.dial), 0)
        row["ready_least"], row["free_least"] = rule.ready_least, rule.free_least
        row["from_s"], row["until_s"] = rule.from_s, min(rule.until_s, data.horizon_s)
        share[:-1] = rule.reached
        counted[:] = [not rule.agents or agents.name in rule.agents for agents in data.agents]
    return made, reach, counts


def _recorded(data: ModelData, types: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """All recorded contacts, type by type. A type without any has its end at 0."""
    found: list[tuple[float, float, float]] = [(0.0, 0.0, 0.0)]
    for number, each in enumerate(data.types):
        if isinstance(each.arrivals, Recorded):
            types[number]["recorded"] = len(found)
            arrivals = each.arrivals
            unknown: Sequence[float] = (math.nan,) * len(arrivals.at)
            found += zip(arrivals.at, arrivals.patience or unknown, arrivals.handle or unknown, strict=True)
            types[number]["recorded_end"] = len(found)
    return np.array(found, w_.RECORDED)


def _rates(data: ModelData) -> npt.NDArray[np.float64]:
    """Arrivals a second."""
    made = np.zeros((len(data.types), len(data.interval_ends)))
    lengths = np.array(data.lengths)
    for row, each in zip(made, data.types, strict=True):
        if isinstance(each.arrivals, PerInterval):
            row[:] = np.array(each.arrivals.counts) / lengths
        elif isinstance(each.arrivals, Steady):
            row[:] = each.arrivals.per_hour / 3600.0
    return made


def _factors(data: ModelData, name: str) -> npt.NDArray[np.float64]:
    made = np.ones((len(data.types), len(data.interval_ends) + 1))
    for row, each in zip(made, data.types, strict=True):
        if factors := getattr(each, name):
            row[:-1], row[-1] = factors, factors[-1]
    return made


def _clock(data: ModelData, fit: Eligibility, contacts: int, trace: int) -> npt.NDArray[np.void]:
    clock = np.zeros(1, w_.CLOCK)
    clock["free"], clock["tracing"] = contacts, int(trace > 0)
    clock["lines_max"], clock["nobody"] = data.lines, fit.group_of({}, ())
    return clock
