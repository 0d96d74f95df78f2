"""`marhaba rehearse`: the real floor on virtual time, through the faults a seed chooses; what fails can be replayed."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from marhaba.cli.words import decimal, reader_language, say
from marhaba.kernel.errors import Refused
from marhaba.rehearsal.plan import DAY_S, FAULTS, HOUR_S, draw_plan, replay_command
from marhaba.rehearsal.rehearse import Outcome, never, rehearse

ENOUGH_SEEDS = 300
"""From so many seeds on, drawn freely, a situation that never occurred is a finding."""
DRAWN, ALL, NONE = "drawn", "all", "none"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from marhaba.cli.options import number, whole

    parser.add_argument("--seed", type=whole(), default=0)
    parser.add_argument("--seeds", type=whole(1), default=1)
    parser.add_argument("--faults", default=DRAWN)
    parser.add_argument("--hours", type=number(), default=0.0)
    parser.add_argument("--log", type=Path, default=None)


def run(arguments: argparse.Namespace) -> int:
    language, faults = reader_language(), faults_of(arguments.faults)
    seconds = arguments.hours * HOUR_S or DAY_S
    outcomes: list[Outcome] = []
    began = time.perf_counter()
    stopped = False
    try:
        with _log(arguments.log) as out:
            for seed in range(arguments.seed, arguments.seed + arguments.seeds):
                outcome = rehearse(draw_plan(seed, faults=faults, seconds=seconds), out=out)
                outcomes.append(outcome)
                _tell(outcome, language)
                if arguments.seeds > 1:
                    _progress(len(outcomes), arguments.seeds)
    except KeyboardInterrupt:
        stopped = True
    _sum_up(outcomes, time.perf_counter() - began, language)
    missing = never(outcomes) if len(outcomes) >= ENOUGH_SEEDS and faults is None else []
    for situation in missing:
        print(say("rehearse.never", language).format(situation=situation))
    if stopped:
        return 130
    return 1 if missing or any(outcome.finding for outcome in outcomes) else 0


def faults_of(text: str) -> frozenset[str] | None:
    """The faults an option names; None: each seed draws its own. Raises `Refused` for one that is not on the menu."""
    if text == DRAWN:
        return None
    if text in (ALL, NONE):
        return frozenset(FAULTS if text == ALL else ())
    named = frozenset(text.split(","))
    if strangers := sorted(named - FAULTS.keys()):
        raise Refused(
            f"unknown fault {strangers[0]}",
            code="unknown-fault",
            about={"fault": strangers[0], "menu": ", ".join(FAULTS)},
        )
    return named


@contextlib.contextmanager
def _log(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    with path.open("w", encoding="utf-8") as out:
        yield out


def _tell(outcome: Outcome, language: str) -> None:
    print(
        say("rehearse.seed", language).format(
            seed=outcome.plan.seed,
            digest=outcome.digest,
            calls=outcome.calls,
            lives=outcome.lives,
            minutes=decimal(outcome.seconds / 60, 1, language),
        ),
        flush=True,
    )
    if outcome.finding is not None:
        found = outcome.finding
        print(f"  {found.invariant}  {found.at:.3f} s  {found.text}")
        print(say("rehearse.replay", language).format(command=replay_command(outcome.plan)), flush=True)


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done}/{of}\r", end="", file=sys.stderr, flush=True)


def _sum_up(outcomes: list[Outcome], took_s: float, language: str) -> None:
    hours = sum(outcome.seconds for outcome in outcomes) / HOUR_S
    print(
        say("rehearse.sum", language).format(
            seeds=len(outcomes),
            failed=sum(outcome.finding is not None for outcome in outcomes),
            hours=decimal(hours, 1, language),
            speed=decimal(hours / took_s if took_s else 0.0, 2, language),
            calls=sum(outcome.calls for outcome in outcomes),
            recovered=sum(outcome.recovered for outcome in outcomes),
            situations=len(set().union(*(outcome.situations for outcome in outcomes))) if outcomes else 0,
        )
    )
