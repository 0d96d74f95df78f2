"""`marhaba simulate FILE.toml`: a centre that exists only on paper, under the routing that answers the phone."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from marhaba.cli.words import decimal, reader_language, say

if TYPE_CHECKING:
    from marhaba.simulator.figures import Plan
    from marhaba.simulator.paper.paper import Paper
    from marhaba.simulator.simulate import Stop

REPLICATIONS = 100
"""When nothing says how many: a day of a small centre takes a second or two."""
REPLICATIONS_MAX = 1_000_000
PATIENT_S = 2.0
"""Who waits longer wants to know how far it is."""
LINE_EVERY_S = 10.0
"""Where nobody looks on, one line so often is enough."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from marhaba.cli.options import number, whole

    parser.add_argument("model", type=Path, metavar="FILE")
    parser.add_argument("--replications", type=whole(1), default=None)
    parser.add_argument("--precision", type=number(0.00001), default=None)
    parser.add_argument("--seconds", type=number(0.001), default=None)
    parser.add_argument("--seed", type=whole(), default=1)
    parser.add_argument("--workers", type=whole(1), default=None)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--html", type=Path, default=None)
    parser.add_argument("--csv", type=Path, default=None)
    parser.add_argument("--parquet", type=Path, default=None)


def run(arguments: argparse.Namespace) -> int:
    language = reader_language()
    from marhaba.simulator.paper.reading import read_paper

    paper = read_paper(arguments.model)
    for warning in paper.warnings:
        print(say("simulate.warning", language).format(text=warning.render(language)), file=sys.stderr)
    with _ctrl_c() as stopped:
        plans = simulate_plans(paper, arguments, stopped, language)
    if not plans:
        print(say("simulate.nothing", language), file=sys.stderr)
        return 130
    _report(plans, paper, arguments, language)
    if stopped.is_set():
        done = [str(len(plan.result.runs)) for plan in plans]
        print(say("simulate.stopped", language).format(done=", ".join(done)), file=sys.stderr)
        return 130
    return 0


def simulate_plans(
    paper: Paper, arguments: argparse.Namespace, stopped: threading.Event, language: str
) -> list[Plan]:
    """The model, then its variants for the same callers, each as often; fewer, if it is stopped."""
    from marhaba.simulator.figures import Plan
    from marhaba.simulator.simulate import MaxReplications, simulate

    asked = [(paper.name, paper.data, paper.promises)]
    asked += [(each.name, each.data, each.promises) for each in paper.variants]
    plans: list[Plan] = []
    with Progress(len(asked), language) as progress:
        for name, data, promises in asked:
            stop = (
                MaxReplications(len(plans[0].result.runs)) if plans else stop_of(paper, arguments, len(asked))
            )
            result = simulate(
                data,
                stop,
                seed=arguments.seed,
                workers=arguments.workers,
                progress=progress.note,
                stopped=stopped,
            )
            if not result.runs:
                break
            plans.append(Plan(name, result, promises))
            progress.next()
    return plans


def stop_of(paper: Paper, arguments: argparse.Namespace, plans: int) -> Stop:
    """Whichever of the options is met first. All `plans` share the seconds."""
    from marhaba.simulator.figures import ServiceLevelWithin
    from marhaba.simulator.simulate import FirstOf, MaxReplications, MaxRuntime

    stops: list[Stop] = []
    if arguments.precision is not None:
        stops.append(ServiceLevelWithin(arguments.precision, paper.promises, paper.data))
    if arguments.seconds is not None:
        stops.append(MaxRuntime(arguments.seconds / plans))
    most = arguments.replications or (REPLICATIONS_MAX if stops else REPLICATIONS)
    stops.append(MaxReplications(most))
    return stops[0] if len(stops) == 1 else FirstOf(tuple(stops))


def _report(plans: Sequence[Plan], paper: Paper, arguments: argparse.Namespace, language: str) -> None:
    from marhaba.cli import simulate_output

    if arguments.json:
        print(json.dumps(simulate_output.as_object(plans, paper, language), ensure_ascii=False))
    else:
        simulate_output.show(plans, paper, language)
    if arguments.html is not None:
        simulate_output.write_pages(plans, paper, arguments.html, language)
    for folder, ending in ((arguments.csv, "csv"), (arguments.parquet, "parquet")):
        if folder is not None:
            simulate_output.write_frames(plans, folder, ending)


class Progress:
    """Says on standard error how far it is, once it takes longer than one likes to wait without a word."""

    def __init__(self, parts: int, language: str) -> None:
        self.parts, self.language = parts, language
        self._done = 0
        self._began = self._told = 0.0
        self._terminal = sys.stderr.isatty()
        self._shown = False
        self._first = threading.Timer(PATIENT_S, self._compiling)
        self._first.daemon = True

    def __enter__(self) -> Progress:
        self._first.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._first.cancel()
        if self._shown and self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def next(self) -> None:
        self._done += 1

    def note(self, share: float) -> None:
        """`share` of the part that is running."""
        now = time.perf_counter()
        if not self._began:
            self._first.cancel()
            self._began = self._told = now
        if now - self._began < PATIENT_S or now - self._told < (0.1 if self._terminal else LINE_EVERY_S):
            return
        self._told = now
        whole = (self._done + share) / self.parts
        left_s = (now - self._began) * (1.0 - whole) / max(whole, 1e-6)
        text = say("simulate.progress", self.language).format(
            share=f"{whole:.0%}", left=decimal(left_s, 0, self.language)
        )
        self._tell(text)

    def _compiling(self) -> None:
        self._tell(say("simulate.compiling", self.language))

    def _tell(self, text: str) -> None:
        self._shown = True
        print(
            f"\r\x1b[K{text}" if self._terminal else text, end="" if self._terminal else "\n", file=sys.stderr
        )
        sys.stderr.flush()


@contextlib.contextmanager
def _ctrl_c() -> Iterator[threading.Event]:
    """The first Ctrl-C ends the simulation and keeps what is finished; a second one ends the command."""
    stopped = threading.Event()

    def stop(number: int, frame: object) -> None:
        stopped.set()
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)
