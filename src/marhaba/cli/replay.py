"""`marhaba replay`: every decision of the journal is decided again by the kernel, and must be the same; then, what if?

A what-if is answered for a day whose decisions are reproduced, and for no other.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from math import inf
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from marhaba.cli.calls_period import midnight, moment
from marhaba.cli.house import add_house, house_centre
from marhaba.cli.replay_options import add_change, is_wanted
from marhaba.cli.words import reader_language, say
from marhaba.journal.events import Event
from marhaba.journal.journal import Journal, JournalDamaged
from marhaba.journal.period import CALL_S_MAX
from marhaba.kernel.errors import BadInput
from marhaba.replay.day import Recorder
from marhaba.replay.exact import Difference, Offer, Replay, Verdict

JOURNAL = "journal.sqlite"
STOPPED = 130
"""Exit status of a simulation that was ended by hand: what is there is shown."""
PATIENT_PRESSES = 2
PROGRESS_EVENTS = 20_000
"""Some half a second's worth."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("journal", type=Path, nargs="?", default=None, metavar="JOURNAL")
    add_house(parser)
    parser.add_argument("--day", default="")
    parser.add_argument("--json", action="store_true")
    add_change(parser)


def run(arguments: argparse.Namespace) -> int:
    language = reader_language()
    path = journal_path(arguments, language)
    began = time.perf_counter()
    recorder = Recorder() if is_wanted(arguments) else None
    try:
        with closing(Journal(path, read_only=True)) as journal:
            zone = zone_of(journal)
            named = arguments.day
            if recorder is not None and not named and journal.last_at:
                named = f"{datetime.fromtimestamp(journal.last_at, zone):%Y-%m-%d}"
            begin, end = day_of(named, zone, language)
            if broken := journal.verify():
                raise JournalDamaged(broken)
            verdict = decide_again(journal, begin=begin, end=end, recorder=recorder)
    except JournalDamaged as error:
        raise BadInput(
            say("replay.damaged", language).format(path=path, why=error), code="damaged"
        ) from error
    if not arguments.json:
        show(verdict, path, zone, language)
    told: dict[str, Any] = {"replay": verdict, "took_s": round(time.perf_counter() - began, 3)}
    status = 1 if verdict.difference is not None else 0
    if recorder is not None and status == 0:
        from marhaba.cli import replay_whatif

        told["what_if"], status = replay_whatif.tell(arguments, recorder, verdict, (begin, end), zone)
    if arguments.json:
        print(msgspec.json.encode(told).decode())
    return status


def journal_path(arguments: argparse.Namespace, language: str) -> Path:
    """The file that is named, or the one in the folder that is named, or that of the centre."""
    path = arguments.journal
    if path is None:
        path = house_centre(arguments).data_folder / JOURNAL
    elif path.is_dir():
        inside = (path / JOURNAL, path / "data" / JOURNAL)
        path = next((each for each in inside if each.exists()), inside[0])
    if not path.exists():
        raise BadInput(say("calls.no-journal", language).format(path=path), code="no-journal")
    return Path(path)


def zone_of(journal: Journal) -> ZoneInfo:
    """The centre's, as the journal's last start tells it; UTC where no start has told it."""
    zone = "UTC"
    for event in journal.read(kinds=("centre.loaded",)):
        zone = event.data.get("timezone", zone)
    return ZoneInfo(zone)


def day_of(text: str, zone: ZoneInfo, language: str) -> tuple[float, float]:
    """[begin, end) of the day, in seconds since the epoch; all time when none is named."""
    if not text:
        return 0.0, inf
    begin = midnight(moment(text, datetime.now(zone), language))
    return begin.timestamp(), midnight(begin + timedelta(days=1, hours=2)).timestamp()


def decide_again(journal: Journal, *, begin: float, end: float, recorder: Recorder | None = None) -> Verdict:
    """As `replay.exact.replay`, and whoever waits at a terminal sees how far it is. `recorder` hears it all, and a day
    more, in which the last calls end.
    """
    made, over = Replay(begin=begin, end=end), False
    for event in _watched(journal):
        over = over or not made.see(event)
        if over and (recorder is None or made.verdict.difference or event.at >= end + CALL_S_MAX):
            break
        if recorder is not None:
            recorder.see(event)
    if not over:
        made.moment_ends()
    if recorder is not None:
        recorder.close()
    return made.verdict


def _watched(journal: Journal) -> Iterator[Event]:
    watched = sys.stderr.isatty()
    for event in journal.read():
        yield event
        if watched and event.seq % PROGRESS_EVENTS == 0:
            print(f"\r{event.seq}/{journal.last_seq}\r", end="", file=sys.stderr, flush=True)


def show(verdict: Verdict, path: Path, zone: ZoneInfo, language: str) -> None:
    print(
        say("replay.read", language).format(
            path=path,
            events=verdict.events,
            begin=_moment(verdict.first_at, zone),
            end=_moment(verdict.last_at, zone),
            lives=verdict.lives,
            loads=verdict.loads,
        )
    )
    if verdict.difference is None:
        key = "replay.same" if verdict.decisions else "replay.no-decision"
        print("✓ " + say(key, language).format(equal=verdict.equal, decisions=verdict.decisions))
    else:
        _show_difference(verdict, verdict.difference, zone, language)


def _show_difference(verdict: Verdict, found: Difference, zone: ZoneInfo, language: str) -> None:
    print(
        "✗ "
        + say("replay.differs", language).format(
            equal=verdict.equal, seq=found.seq, at=_moment(found.at, zone, timespec="milliseconds")
        )
    )
    for key, offer in (("replay.recorded", found.recorded), ("replay.decided", found.decided)):
        print("  " + say(key, language).format(offer=_offer(offer, language)))


def _offer(offer: Offer | None, language: str) -> str:
    if offer is None:
        return say("replay.nobody", language)
    return say("replay.offer", language).format(call=offer.contact, agent=offer.agent, queue=offer.queue)


def _moment(at: float, zone: ZoneInfo, *, timespec: str = "seconds") -> str:
    return datetime.fromtimestamp(at, zone).isoformat(" ", timespec=timespec) if at else "–"
