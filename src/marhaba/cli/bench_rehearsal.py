"""`marhaba bench rehearsal`: how much faster than life a rehearsal runs, on one core.

The quiet day is eight hours with moderate traffic and no faults; the others are the seeds of `make test`, with the
faults they draw. All simulated hours count, those in which the last callbacks are made included.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from marhaba.rehearsal.plan import HOUR_S, draw_plan
from marhaba.rehearsal.rehearse import Outcome, rehearse

QUIET_SEED, QUIET_HOURS, QUIET_CALLS = 4, 8.0, 20.0
QUIET_MISCHIEF_S = 120.0
SEEDS = 40


def bench_rehearsal() -> dict[str, Any]:
    """{"figures": ..., "targets": ...}: the contract of `cli.bench`."""
    drawn = draw_plan(
        QUIET_SEED, faults=frozenset(), seconds=QUIET_HOURS * HOUR_S, calls_per_hour=QUIET_CALLS
    )
    quiet = rehearse(dataclasses.replace(drawn, board=False, mischief_s=QUIET_MISCHIEF_S, attendance=0.9))
    faulty = [rehearse(draw_plan(seed)) for seed in range(SEEDS)]
    figures = {
        "rehearsal_hours_per_s": _hours_per_s([quiet]),
        "faulty_hours_per_s": _hours_per_s(faulty),
        "seeds_per_minute": 60 * len(faulty) / sum(outcome.took_s for outcome in faulty),
        "calls_per_s": sum(outcome.calls for outcome in faulty) / sum(outcome.took_s for outcome in faulty),
        "findings": sum(outcome.finding is not None for outcome in (quiet, *faulty)),
    }
    return {"figures": figures, "targets": {"rehearsal_hours_per_s": [">=", 1.0], "findings": ["==", 0]}}


def _hours_per_s(outcomes: list[Outcome]) -> float:
    return sum(outcome.seconds for outcome in outcomes) / HOUR_S / sum(outcome.took_s for outcome in outcomes)
