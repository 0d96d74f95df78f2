"""What a seed decides: the house, its people, and which faults of the menu are served to it."""

from __future__ import annotations

import random
from dataclasses import dataclass

from marhaba.rehearsal.centre import Variant, draw_variant

FAULTS = {
    "loss": "datagrams are lost",
    "duplication": "datagrams arrive twice",
    "reordering": "datagrams overtake each other",
    "delay": "the network is slow",
    "damage": "torn copies of datagrams arrive",
    "pieces": "streams arrive in pieces",
    "cut": "streams break, or are closed on one side",
    "kill": "the floor is killed at any moment",
    "kill-before": "the floor dies before a commit",
    "kill-after": "the floor dies after a commit, before its effects",
    "kill-effects": "the floor dies in the midst of its effects",
    "kill-torn": "the floor dies over the last record of the spool",
    "kill-file": "the floor dies while it writes its checkpoint",
    "power": "the power is cut",
    "worker": "an audio worker dies",
    "stop": "the floor is stopped in order, its calls kept or ended",
    "stall": "the floor does not get to run for a while",
    "locked": "somebody else holds the journal locked",
    "full": "the disk is full",
    "spool": "the disk is full and the spool too",
    "slow": "the disk is slow",
    "clock": "the wall clock is stepped, forwards and back",
    "refusals": "carriers and phones refuse: 503, 486, 603",
    "silence": "carriers and phones do not answer at all",
    "glare": "both sides ask to change a call at once",
    "crossing": "an answer and a CANCEL cross",
    "phones": "phones die, come back and register anew",
    "carriers": "carriers go away for a while",
    "double": "two clicks at once",
    "reload": "the configuration is reloaded or taken by a restart, also a wrong one",
    "lines": "network lines go dead without a word",
    "browser": "an agent's browser reloads, changes windows, goes without a word; the edge dies",
}
"""The fault menu: name, and what it does to the house."""
LATER = ("browser",)
"""Drawn apart, so that a seed is still the day it was."""
SHARE = 0.3
"""How likely a fault is in a seed: few enough at once to tell them apart, enough for them to meet."""
HOUR_S = 3_600.0
DAY_S = 600.0
"""How long people come and faults are served, unless told otherwise; then everybody is let go home."""


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    variant: Variant
    faults: frozenset[str]
    asked: frozenset[str] | None  # the same, when somebody asked for just these
    seconds: float
    calls_per_hour: float
    mischief_s: float  # between two things that somebody does beside calling
    attendance: float  # share of the agents who come to work
    tcp_phones: bool
    board: bool  # somebody looks at the board: twice a second, which costs as much as all the rest

    def gap_s(self, rng: random.Random) -> float:
        """How long a dead floor stays away. SIP repeats itself for 32 s."""
        return rng.choice([0.05, 0.4, 1.0, 3.0, 3.0, 8.0, 40.0])

    def stream(self, name: str) -> random.Random:
        """A random stream of its own for everyone: what one draws never moves another."""
        return random.Random(f"{self.seed}/{name}")  # noqa: S311 -- a rehearsal, no secret


def replay_command(plan: Plan) -> str:
    """The one command that plays it again."""
    command = f"marhaba rehearse --seed {plan.seed}"
    if plan.asked is not None:
        command += f" --faults {','.join(sorted(plan.asked)) or 'none'}"
    return command + (f" --hours {plan.seconds / HOUR_S:g}" if plan.seconds != DAY_S else "")


def draw_plan(
    seed: int,
    *,
    faults: frozenset[str] | None = None,
    seconds: float = DAY_S,
    calls_per_hour: float = 0.0,
) -> Plan:
    """`faults`: exactly these; None: the seed chooses. `calls_per_hour` 0: the seed chooses."""
    rng = random.Random(f"{seed}/plan")  # noqa: S311 -- a rehearsal, no secret
    chances = {fault: rng.random() for fault in FAULTS if fault not in LATER}
    for fault in LATER:
        chances[fault] = random.Random(f"{seed}/{fault}/plan").random()  # noqa: S311
    drawn = frozenset(fault for fault, chance in chances.items() if chance < SHARE)
    drawn_calls = rng.choice([60.0, 120.0, 240.0, 400.0])
    return Plan(
        seed=seed,
        variant=draw_variant(rng),
        faults=drawn if faults is None else faults,
        asked=faults,
        seconds=seconds,
        calls_per_hour=calls_per_hour or drawn_calls,
        mischief_s=rng.choice([4.0, 10.0, 30.0]),
        attendance=rng.choice([0.0, 0.3, 0.6, 0.9]),
        tcp_phones=rng.random() < 0.5,
        board=rng.random() < 0.2,
    )
