"""What a queue asks of an agent, how that softens while the contact waits, and when the contact goes
elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import inf

from marhaba.kernel.errors import BadInput

LEVEL_MAX = 10
"""Levels run from 1 (can) to 10 (teaches it); 0 means the skill is absent, or not required."""
LANGUAGE = "language"
"""In a relaxation step: the contact's own language, whichever that is."""
RELAX_STEPS_MAX = 16
"""Nobody can foresee what more steps would do, and every step is a class of waiting contacts."""
KEEPS_MAX = 8
"""Each is counted anew with every decision of the queue."""
RING_ALL_MAX = 10
"""Phones that ring at once for one caller: beyond it a team is not small, and every ring but one is a waste."""


class Strategy(Enum):
    LONGEST_IDLE = "longest-idle"  # among those who meet the requirement
    BEST_SKILL = "best-skill"  # highest sum of levels in the queue's skills, then longest idle
    LEAST_OCCUPIED = "least-occupied"  # smallest share of the time since login spent busy, then longest idle
    RING_ALL = "ring-all"  # all of them at once, up to `ring_all_max`; who answers first has it
    RANDOM = "random"  # any of them, all alike


class Channel(Enum):
    VOICE = "voice"  # one at a time
    TEXT = "text"  # as many as the agent may hold at once, and none while he is on the phone


@dataclass(frozen=True, slots=True)
class RelaxStep:
    """From this wait on, the minimum level of these skills; 0: no longer required."""

    after_s: float
    levels: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class QueueRules:
    """The rules of one queue. Raises `BadInput` for a level or a step that cannot be meant.

    `overflow_to` may be empty: the contact is then handed back to whoever runs the queue, with the reason.

    `weight`: between queues whose contacts have the same priority, the one goes first whose wait times its weight is
    greatest. All alike (the default): who has waited longest. 1 / target: who has used up most of the target.

    `keep`: by queue, how many agents ready for that queue are not given to this one: so an outbound or a less urgent
    queue never takes the last agents from the other.
    """

    name: str
    skills: Mapping[str, int] = field(default_factory=dict)
    language_level: int = 1  # minimum level of "lang:<the contact's language>"; 0: the language is ignored
    priority: int = 0
    strategy: Strategy = Strategy.LONGEST_IDLE
    ring_all_max: int = 5
    channel: Channel = Channel.VOICE
    weight: float = 1.0
    keep: Mapping[str, int] = field(default_factory=dict)
    relax: tuple[RelaxStep, ...] = ()
    overflow_wait_s: float = 0.0
    overflow_size: int = 0
    overflow_no_staff: bool = False
    overflow_at_close: bool = False  # who still waits when the queue closes is sent on; else he is served
    overflow_to: str = ""

    def __post_init__(self) -> None:
        if LANGUAGE in self.skills:
            raise BadInput(
                f"queue {self.name}: {LANGUAGE!r} is no skill of its own, see language_level", code="skill"
            )
        for skill, level in (*self.skills.items(), (LANGUAGE, self.language_level)):
            check_level(skill, level)
        if not 0.0 < self.weight < inf:
            raise BadInput(f"queue {self.name}: weight {self.weight} is not above 0", code="weight")
        if self.channel is Channel.TEXT and self.strategy is Strategy.RING_ALL:
            raise BadInput(f"queue {self.name}: only a telephone rings, see ring-all", code="ring-all")
        if not 1 <= self.ring_all_max <= RING_ALL_MAX:
            raise BadInput(
                f"queue {self.name}: {self.ring_all_max} phones, 1 to {RING_ALL_MAX}", code="ring-all"
            )
        if (
            len(self.keep) > KEEPS_MAX
            or any(agents < 0 for agents in self.keep.values())
            or self.name in self.keep
        ):
            raise BadInput(
                f"queue {self.name}: keeps agents for at most {KEEPS_MAX} other queues", code="keep"
            )
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
