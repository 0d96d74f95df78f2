"""Play a seed, and say what came of it and what never occurred."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from marhaba.rehearsal.plan import Plan
from marhaba.rehearsal.situations import SOMETIMES
from marhaba.rehearsal.world import Broken, Finding, World

MEMORY = Path("/dev/shm")  # noqa: S108 -- a folder of our own is made in it
"""A disk in memory, where there is one: a rehearsal writes a lot and keeps nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a seed."""

    plan: Plan
    digest: str
    finding: Finding | None
    seconds: float  # simulated
    took_s: float  # of the wall
    events: int
    calls: int
    lives: int
    recovered: int
    situations: Counter[str] = field(default_factory=Counter)


def rehearse(plan: Plan, *, out: TextIO | None = None) -> Outcome:
    """Play it once, in a folder that is gone afterwards. `out` takes the log, line by line."""
    folder = Path(tempfile.mkdtemp(prefix="marhaba-", dir=MEMORY if MEMORY.is_dir() else None))
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # what a floor logs in trouble is not the rehearsal's news
    began = time.perf_counter()
    try:
        world = World(plan, folder, out=out)
        try:
            world.run()
        except Broken:
            pass  # the first finding is in the world's list
        finally:
            world.house.bury()
    finally:
        logging.disable(before)
        shutil.rmtree(folder, ignore_errors=True)
    return _outcome(world, time.perf_counter() - began)


def _outcome(world: World, took_s: float) -> Outcome:
    return Outcome(
        plan=world.plan,
        digest=world.log.digest,
        finding=world.findings[0] if world.findings else None,
        seconds=world.agenda.now,
        took_s=took_s,
        events=len(world.witness.events),
        calls=sum(event.kind == "call.offered" for event in world.witness.events),
        lives=world.house.life,
        recovered=len(world.witness.recovered),
        situations=world.situations,
    )


def never(outcomes: Iterable[Outcome]) -> list[str]:
    """What these rehearsals should have met and did not."""
    met: Counter[str] = Counter()
    for outcome in outcomes:
        met.update(outcome.situations)
    return [situation for situation in SOMETIMES if not met[situation]]
