"""The kernel's rules of a queue, as a table of a file says them: whom it asks for, and when it sends callers on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marhaba.files.sections import Section
from marhaba.kernel.kpi import SERVICE_LEVELS
from marhaba.kernel.rules import (
    KEEPS_MAX,
    LANGUAGE,
    LEVEL_MAX,
    RELAX_STEPS_MAX,
    RING_ALL_MAX,
    QueueRules,
    RelaxStep,
    Strategy,
)

HOUR, DAY = 3_600.0, 86_400.0
PRIORITY = (-100, 100)
WEIGHT = (0.001, 1_000.0)
KEEP_MAX = 20_000
"""As many agents as any floor or model has."""


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """The contract's promise: `formula` is a letter of kernel.kpi."""

    formula: str = "F4"
    threshold_s: float = 20.0
    target: float = 0.8  # share of the callers it promises this for
    short_s: float = 5.0  # who hangs up sooner has not waited


def read_rules(
    section: Section,
    name: str,
    names: Sequence[str],
    *,
    languages: Sequence[str],
    queue_max: int,
    strategies: Sequence[str],
) -> QueueRules:
    """Of the queue `name`, one of `names`, where `languages` are spoken."""
    skills = section.levels("skills", low=1, high=LEVEL_MAX)
    for skill in skills.keys() & {LANGUAGE, *languages}:
        section.wrong(("skills", skill), skill, "language_skill")
        del skills[skill]
    language_level = section.integer("language_level", 1, low=0, high=LEVEL_MAX)
    return QueueRules(
        name=name,
        skills=skills,
        language_level=language_level,
        priority=section.integer("priority", 0, low=PRIORITY[0], high=PRIORITY[1]),
        weight=section.number("weight", 1.0, low=WEIGHT[0], high=WEIGHT[1]),
        strategy=Strategy(section.choice("strategy", strategies, Strategy.LONGEST_IDLE.value)),
        ring_all_max=section.integer("ring_all_max", 5, low=1, high=RING_ALL_MAX),
        keep=_keep(section, [other for other in names if other != name]),
        relax=_relax(section, skills, language_level),
        overflow_wait_s=section.seconds("overflow_wait_s", 0.0, low=0, high=DAY),
        overflow_size=section.integer("overflow_size", queue_max, low=1, high=queue_max),
        overflow_no_staff=section.truth("overflow_no_staff", default=False),
        overflow_at_close=section.truth("overflow_at_close", default=False),
        overflow_to=section.choice("overflow_to", [n for n in names if n != name], "", what="queue"),
    )


def _keep(section: Section, others: Sequence[str]) -> dict[str, int]:
    """By queue, how many agents ready for it are not given to this one."""
    table = section.section("keep")
    found = {}
    for other in table.data:
        agents = table.integer(other, low=0, high=KEEP_MAX)
        if other in others:
            found[other] = agents
        else:
            table.unknown(other, other, others, "queue")
    if len(found) > KEEPS_MAX:
        section.wrong("keep", len(found), "keep_count", count=KEEPS_MAX)
        return {}
    return found


def _relax(section: Section, skills: Mapping[str, int], language_level: int) -> tuple[RelaxStep, ...]:
    """Steps that come later and later, and only ever ask for less."""
    steps: list[RelaxStep] = []
    now = {**skills, LANGUAGE: language_level}
    for position, step in enumerate(section.listed("relax")):
        after_s = step.seconds("after_s", low=1, high=DAY)
        if steps and after_s <= steps[-1].after_s:
            step.wrong("after_s", step.raw("after_s"), "later_step", after=f"{steps[-1].after_s:g}")
            continue
        levels = step.levels("levels", low=0, high=LEVEL_MAX)
        if not levels:
            step.wrong("levels", step.raw("levels"), "relax_levels")
        for skill, level in list(levels.items()):
            if skill not in now:
                step.unknown(("levels", skill), skill, now, "relaxed_skill")
                del levels[skill]
            elif level > now[skill]:
                step.wrong(("levels", skill), level, "lower_level", level=now[skill])
                del levels[skill]
        now.update(levels)
        step.close()
        if position >= RELAX_STEPS_MAX:
            step.wrong((), None, "relax_count", count=RELAX_STEPS_MAX)
            break
        steps.append(RelaxStep(after_s, levels))
    return tuple(steps)


def read_service_level(section: Section) -> ServiceLevel:
    level = ServiceLevel(
        formula=section.choice("formula", SERVICE_LEVELS, "F4", what="formula"),
        threshold_s=section.seconds("threshold_s", 20.0, low=1, high=HOUR),
        target=section.number("target", 0.8, low=0.01, high=1.0),
        short_s=section.seconds("short_s", 5.0, low=0, high=HOUR),
    )
    section.close()
    return level
