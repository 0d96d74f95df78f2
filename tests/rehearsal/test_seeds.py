"""Seeds: hundreds in every run, tens of thousands in the long one. What fails prints the one command that replays it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

import pytest

from marhaba.rehearsal.plan import draw_plan, replay_command
from marhaba.rehearsal.rehearse import Outcome, never, rehearse

SHORT_HOURS = 0.05
"""Three minutes of trouble, then the evening: long enough for calls, short enough for hundreds of seeds."""
SEEDS = 300
LONG_SEEDS = 20_000


def play(seed: int) -> Outcome:
    return rehearse(draw_plan(seed, seconds=SHORT_HOURS * 3_600))


def play_whole_day(seed: int) -> Outcome:
    return rehearse(draw_plan(seed))


def findings(outcomes: Iterable[Outcome]) -> list[str]:
    return [
        f"{outcome.finding.invariant}: {outcome.finding.text}  replay: {replay_command(outcome.plan)}"
        for outcome in outcomes
        if outcome.finding is not None
    ]


@pytest.mark.timeout(600)
def test_hundreds_of_seeds_break_nothing_and_meet_every_situation() -> None:
    outcomes = [play(seed) for seed in range(SEEDS)]
    assert findings(outcomes) == []
    assert never(outcomes) == []


@pytest.mark.long
@pytest.mark.timeout(6 * 3_600)
def test_tens_of_thousands_of_seeds_break_nothing() -> None:
    """About 45 minutes on one core; on two, half of that."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        seeds = range(SEEDS, SEEDS + LONG_SEEDS)
        assert findings(pool.map(play_whole_day, seeds[::20], chunksize=10)) == []
        assert findings(pool.map(play, seeds, chunksize=50)) == []
