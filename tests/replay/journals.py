"""Journals to replay: written by the floor itself, in rehearsals, on virtual time."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from marhaba.journal.events import Event
from marhaba.journal.journal import Journal
from marhaba.rehearsal.plan import FAULTS, draw_plan
from marhaba.rehearsal.world import World


def rehearsed(
    seed: int,
    folder: Path,
    *,
    faults: Collection[str] | None = None,
    minutes: float = 3.0,
    mischief_s: float | None = None,
) -> Path:
    """The journal of a seed's day; `faults`: None for those that the seed draws; `mischief_s`: between random acts of desks."""
    chosen = None if faults is None else frozenset(faults)
    assert chosen is None or chosen <= FAULTS.keys()
    folder.mkdir(parents=True, exist_ok=True)
    plan = draw_plan(seed, faults=chosen, seconds=minutes * 60)
    world = World(plan if mischief_s is None else replace(plan, mischief_s=mischief_s), folder)
    with _quiet():
        try:
            world.run()
        finally:
            world.house.bury()
    return folder / "data" / "journal.sqlite"


def events_of(path: Path) -> list[Event]:
    with closing(Journal(path, read_only=True)) as journal:
        return list(journal.read())


def doctored(path: Path, change: str, *values: object) -> None:
    """Somebody has been at the file."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(change, values)


@contextmanager
def _quiet() -> Iterator[None]:
    """What a floor logs in trouble is not the test's news."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
