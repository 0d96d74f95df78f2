"""From the text of a model to a `Paper`: every problem is gathered on the way, in the variants too, before anything runs."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from marhaba.files.problems import LANGUAGES, FileError, Problem
from marhaba.files.queue_rules import ServiceLevel
from marhaba.files.sections import Gathering, Section, syntax_problem
from marhaba.files.toml_lines import toml_lines
from marhaba.simulator.model import AGENTS_MAX, PERIODS_MAX, TYPES_MAX, Model, ModelData
from marhaba.simulator.paper.checks import check_service, unstable, unstable_warning
from marhaba.simulator.paper.paper import DAY_S, Hours, Paper, Variant, hours_of
from marhaba.simulator.paper.reading_agents import Teams
from marhaba.simulator.paper.reading_queues import read_queue
from marhaba.simulator.paper.reading_spans import Intervals
from marhaba.simulator.paper.reading_types import Types
from marhaba.simulator.paper.variants import VARIANTS_MAX, merged

LONGEST_WAIT, SERVICE_TARGET, LONGEST_QUEUE = QUEUE_CHOICES = (
    "longest-wait",
    "service-target",
    "longest-queue",
)
"""Which queue goes first among those of the same priority: the words of centre.toml."""
DAYS_MAX = 366
LINES_MAX = 100_000
LANGUAGE_CODE = re.compile(r"[a-z]{2,3}")  # ISO 639
SIZE_MAX = 4_000_000
"""Bytes of a model: a year of half-hours for some tens of types."""
_DAY = Hours(0.0, DAY_S)


def read_paper(path: Path) -> Paper:
    """The model in this file. Raises `FileError` with everything that is wrong with it, `OSError` if it cannot be read."""
    data = path.read_bytes()
    if len(data) > SIZE_MAX:
        raise FileError([Problem(0, str(path), str(len(data)), "file_size", {"size": SIZE_MAX})])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError([Problem(0, str(path), "", "utf8")]) from error
    return parse_paper(text, folder=path.parent, file=path.name, name=path.stem)


def parse_paper(text: str, *, folder: Path, file: str = "", name: str = "") -> Paper:
    """`folder`: where the files it names lie; `name`: what it is called unless it says so."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileError([syntax_problem(str(error), text, file)]) from error
    top = Section(Gathering(toml_lines(text)), data)
    problems, warnings = top.gathering.problems, list[Problem]()
    called = top.text("name", name or "–")
    model, promises, hours = _read(top, folder, warnings)
    variants = []
    for number, (each, section) in enumerate(top.named("variants")):
        if number >= VARIANTS_MAX:
            section.wrong((), None, "model_variants", count=VARIANTS_MAX)
            break
        whole = merged(top, each, section, settings=("lines", "queue_choice"))
        changed, changed_promises, _ = _read(whole, folder, warnings)
        seen = {_same(problem) for problem in problems}
        problems += [problem for problem in whole.gathering.problems if _same(problem) not in seen]
        if changed is not None:
            variants.append(Variant(each, changed, changed_promises))
    top.close()
    if problems or model is None:
        raise FileError(problems)
    return Paper(called, hours, model, promises, tuple(variants), tuple(warnings))


def _same(problem: Problem) -> tuple[Any, ...]:
    """The same mistake, met again in a variant."""
    return problem.line, problem.expected, problem.found


def _read(
    top: Section, folder: Path, warnings: list[Problem]
) -> tuple[ModelData | None, dict[str, ServiceLevel], Hours]:
    """None: it is wrong, and what is has been noted."""
    before = len(top.gathering.problems)
    hours = _hours(top)
    queue_choice = top.choice("queue_choice", QUEUE_CHOICES, LONGEST_WAIT)
    model = _model(top, hours, queue_choice)
    intervals = Intervals(hours, model.ends)
    languages = top.texts(
        "languages", LANGUAGES, pattern=LANGUAGE_CODE, expected="language_code", empty=False
    )
    names = {key: [name for name, _ in _tables(top, key)] for key in ("queues", "types", "agents")}
    queue_promises = {}
    for name, section in top.named("queues"):
        rules, promise, closes = read_queue(
            section, name, names["queues"], languages=languages, intervals=intervals
        )
        if section.truth("waits_unstaffed", default=False):
            model.waits_unstaffed.add(name)
        section.close()
        if queue_choice == SERVICE_TARGET:
            rules = replace(rules, weight=rules.weight / promise.threshold_s)
        model.queues.append(rules)
        queue_promises[name] = promise
        if closes is not None:
            model.closes[name] = closes
    teams = Teams(intervals, languages=languages, queues=names["queues"])
    for name, section in top.named("agents"):
        model.agents.append(teams.read(name, section))
    types = Types(
        intervals,
        folder,
        promises=queue_promises,
        languages=languages,
        names=names["types"],
        agents=names["agents"],
        targets=_targets(top),
    )
    for name, section in top.named("types"):
        each, returns = types.read(name, section)
        model.types.append(each)
        model.returns += returns
    _check_size(top, model)
    if len(top.gathering.problems) > before:
        return None, {}, hours
    data = model.data()
    check_service(top, data)
    if (load := unstable(data)) is not None:
        warning = unstable_warning(top, load)
        if all((each.line, each.about) != (warning.line, warning.about) for each in warnings):
            warnings.append(warning)
    return data, {each.name: queue_promises[each.queue] for each in data.types}, hours


def _hours(top: Section) -> Hours:
    days = top.integer("days", 1, low=1, high=DAYS_MAX)
    text = top.text("hours")
    hours = hours_of(text, days)
    if hours is None and text:
        top.wrong("hours", text, "model_hours" if days == 1 else "model_hours_days")
    return hours or _DAY


def _model(top: Section, hours: Hours, queue_choice: str) -> Model:
    interval_s = top.seconds("interval_s", 1800.0, low=60, high=DAY_S)
    if hours.length_s / interval_s > PERIODS_MAX:
        top.wrong("interval_s", top.raw("interval_s"), "model_intervals", count=PERIODS_MAX)
        interval_s = DAY_S
    warm_up_s = top.seconds("warm_up_s", 0.0, low=0, high=DAYS_MAX * DAY_S)
    if warm_up_s >= hours.length_s:
        top.wrong("warm_up_s", top.raw("warm_up_s"), "model_warm_up", end=hours.clock(hours.length_s))
        warm_up_s = 0.0
    return Model(
        hours=hours.length_s / 3600.0,
        interval_s=interval_s,
        warm_up_s=warm_up_s,
        lines=top.integer("lines", 0, low=0, high=LINES_MAX),
        longest_queue=queue_choice == LONGEST_QUEUE,
    )


def _tables(top: Section, key: str) -> list[tuple[str, Any]]:
    return list(top.section(key).data.items())


def _targets(top: Section) -> set[str]:
    """Types that others turn into."""
    found: set[str] = set()
    for name, table in _tables(top, "types"):
        returns = table.get("returns") if isinstance(table, dict) else None
        for item in returns if isinstance(returns, list) else []:
            if isinstance(item, dict) and isinstance(item.get("to"), str) and item["to"] != name:
                found.add(item["to"])
    return found


def _check_size(top: Section, model: Model) -> None:
    for key in ("queues", "types", "agents"):
        if not top.data.get(key):
            top.wrong(key, None, "model_empty", name=key)
    if len(model.types) > TYPES_MAX:
        top.wrong("types", len(model.types), "model_types", count=TYPES_MAX)
    people = sum(max((*each.count, len(each.shifts)), default=0) for each in model.agents)
    if people > AGENTS_MAX:
        top.wrong("agents", people, "agents_count", count=AGENTS_MAX)
