"""What a queue asks of an agent, how that softens while the contact waits, and when the contact goes
elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from marhaba.kernel.errors import BadInput

LEVEL_MAX = 10
"""Levels run from 1 (can) to 10 (teaches it); 0 means the skill is absent, or not required."""
LANGUAGE = "language"
"""In a relaxation step: the contact's own language, whichever that is."""
RELAX_STEPS_MAX = 16
"""Nobody can foresee what more steps would do, and every step is a class of waiting contacts."""


class Strategy(Enum):
    LONGEST_IDLE = "longest-idle"  # among those who meet the requirement
    BEST_SKILL = "best-skill"  # highest sum of levels in the queue's skills, then longest idle


@dataclass(frozen=True, slots=True)
class RelaxStep:
    """From this wait on, the minimum level of these skills; 0: no longer required."""

    after_s: float
    levels: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class QueueRules:
    """The rules of one queue. Raises `BadInput` for a level or a step that cannot be meant.

    `overflow_to` may be empty: the contact is then handed back to whoever runs the queue, with the reason.
    """

    name: str
    skills: Mapping[str, int] = field(default_factory=dict)
    language_level: int = 1  # minimum level of "lang:<the contact's language>"; 0: the language is ignored
    priority: int = 0
    strategy: Strategy = Strategy.LONGEST_IDLE
    relax: tuple[RelaxStep, ...] = ()
    overflow_wait_s: float = 0.0
    overflow_size: int = 0
    overflow_no_staff: bool = False
    overflow_to: str = ""

    def __post_init__(self) -> None:
        if LANGUAGE in self.skills:
            raise BadInput(
                f"queue {self.name}: {LANGUAGE!r} is no skill of its own, see language_level", code="skill"
            )
        for skill, level in (*self.skills.items(), (LANGUAGE, self.language_level)):
            check_level(skill, level)
        if len(self.relax) > RELAX_STEPS_MAX:
            raise BadInput(f"queue {self.name}: more than {RELAX_STEPS_MAX} relaxation steps", code="relax")
        after, levels = 0.0, {**self.skills, LANGUAGE: self.language_level}
        for step in self.relax:
            if step.after_s <= after:
                raise BadInput(f"queue {self.name}: relaxation steps must come later and later", code="relax")
            after = step.after_s
            for skill, level in step.levels.items():
                check_level(skill, level)
                # Relaxing only ever widens the circle: staffing questions may then ask the last step alone.
                if level > levels.get(skill, 0):
                    raise BadInput(f"queue {self.name}: a relaxation step raises {skill}", code="relax")
                levels[skill] = level

    def step_at(self, queued_at: float, now: float) -> int:
        """How many relaxation steps a contact queued then has behind it now."""
        step = 0
        while step < len(self.relax) and queued_at + self.relax[step].after_s <= now:
            step += 1
        return step

    def next_step_at(self, queued_at: float, step: int) -> float | None:
        """When the contact, having `step` steps behind it, takes the next one."""
        return queued_at + self.relax[step].after_s if step < len(self.relax) else None

    def required(self, language: str, step: int) -> dict[str, int]:
        """Minimum level by skill after `step` relaxation steps; skills no longer required are left out."""
        levels, spoken = dict(self.skills), self.language_level
        for relaxed in self.relax[:step]:
            levels.update(relaxed.levels)
            spoken = levels.pop(LANGUAGE, spoken)
        if language:
            skill = language_skill(language)
            levels[skill] = max(levels.get(skill, 0), spoken)
        return {skill: level for skill, level in levels.items() if level}


def language_skill(language: str) -> str:
    return f"lang:{language}"


def check_level(skill: str, level: int) -> None:
    if not 0 <= level <= LEVEL_MAX:
        raise BadInput(f"level {level} of {skill}: levels run from 0 to {LEVEL_MAX}", code="level")
