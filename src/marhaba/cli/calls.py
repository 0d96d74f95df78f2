"""`marhaba calls`: the calls of the journal, figures and the calls behind them, agents' time, and whether it adds up.

It reads the journal beside a running floor, or without one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console

from marhaba.centre import Centre
from marhaba.cli import calls_show
from marhaba.cli.calls_period import Wanted, period
from marhaba.cli.house import add_house, house_centre
from marhaba.cli.options import number, whole
from marhaba.cli.words import reader_language, say
from marhaba.files.queue_rules import ServiceLevel
from marhaba.journal import figures
from marhaba.journal.export import BOM, write_csv, write_json
from marhaba.journal.journal import Journal
from marhaba.journal.period import records_of
from marhaba.journal.records import CallRecord, Records
from marhaba.kernel import kpi
from marhaba.kernel.errors import BadInput

LIMIT = 50
"""The table shows the last so many calls; CSV and JSON hold all."""
PIPE_COLUMNS = 160
"""Width of a table that goes into a file or a pipe."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    language = reader_language()
    add_house(parser)
    when = parser.add_argument_group(say("calls.group.when", language))
    for name in ("day", "since", "until"):
        when.add_argument(f"--{name}", default="")
    which = parser.add_argument_group(say("calls.group.which", language))
    for name in ("queue", "agent", "programme", "number", "outcome", "language"):
        which.add_argument(f"--{name}", default="")
    which.add_argument("--waited-over", type=number(), default=-1.0, metavar="SECONDS")
    which.add_argument("--figure", choices=figures.FIGURES)
    what = parser.add_argument_group(say("calls.group.what", language))
    what.add_argument("--limit", type=whole(1), default=LIMIT)
    what.add_argument("--csv", default="", metavar="FILE")
    what.add_argument("--separator", default=",")
    what.add_argument("--json", action="store_true")
    what.add_argument("--figures", action="store_true")
    what.add_argument("--by", choices=figures.BY, default="queue")
    what.add_argument("--formula", choices=sorted(kpi.SERVICE_LEVELS))
    what.add_argument("--threshold", type=number(), metavar="SECONDS")
    what.add_argument("--agents", action="store_true")
    what.add_argument("--call", default="", metavar="ID")
    what.add_argument("--reconcile", action="store_true")


def run(arguments: argparse.Namespace) -> int:
    language = reader_language()
    centre = house_centre(arguments)
    zone = ZoneInfo(centre.timezone)
    with closing(open_journal(centre, language)) as journal:
        if arguments.call:
            return one_call(journal, arguments.call, zone=zone, language=language)
        begin, end = (moment.timestamp() for moment in period(arguments, zone, language))
        records = records_of(journal, begin=begin, end=end)
        wanted = wanted_calls(arguments, centre, begin, end, language)
        if arguments.reconcile:
            return reconcile(journal, records, wanted, zone=zone, language=language)
    rules = rules_of(centre, arguments)
    if arguments.figures:
        show_figures(records, wanted, arguments, rules, zone=zone, language=language)
    elif arguments.agents:
        times = [t for t in records.agents.values() if not wanted.agent or t.agent == wanted.agent]
        console().print(calls_show.agents_table(times, now=records.last_at, language=language))
    else:
        show_calls(chosen(records, wanted, arguments, rules), arguments, zone=zone, language=language)
    return 0


def open_journal(centre: Centre, language: str) -> Journal:
    path = centre.data_folder / "journal.sqlite"
    if not path.exists():
        raise BadInput(say("calls.no-journal", language).format(path=path), code="no-journal")
    return Journal(path, read_only=True)


def wanted_calls(
    arguments: argparse.Namespace, centre: Centre, begin: float, end: float, language: str
) -> Wanted:
    """The filters. A name the centre does not know may be of a former centre.toml: it is only said."""
    for name, known in (("queue", centre.queues), ("agent", centre.agents), ("programme", centre.programmes)):
        value = getattr(arguments, name)
        if value and value not in known:
            text = say("calls.unknown-name", language).format(name=value, known=", ".join(known))
            print(text, file=sys.stderr)
    return Wanted(
        begin=begin,
        end=end,
        queue=arguments.queue,
        agent=arguments.agent,
        programme=arguments.programme,
        number=arguments.number,
        outcome=arguments.outcome,
        language=arguments.language,
        waited_over_s=arguments.waited_over,
    )


def rules_of(centre: Centre, arguments: argparse.Namespace) -> dict[str, ServiceLevel]:
    """Each queue's own service level, unless one is asked for."""
    return {
        name: ServiceLevel(
            arguments.formula or queue.service_level.formula,
            queue.service_level.threshold_s if arguments.threshold is None else arguments.threshold,
            queue.service_level.short_s,
        )
        for name, queue in centre.queues.items()
    }


def chosen(
    records: Records, wanted: Wanted, arguments: argparse.Namespace, rules: Mapping[str, ServiceLevel]
) -> list[CallRecord]:
    if not arguments.figure:
        return list(wanted.calls(records))
    counted = {
        stay[0].call: stay[0]
        for stay in wanted.visits(records)
        if figures.counts(arguments.figure, stay, rules.get(stay[1].queue, ServiceLevel()))
    }
    return list(counted.values())


def show_calls(
    calls: list[CallRecord], arguments: argparse.Namespace, *, zone: ZoneInfo, language: str
) -> None:
    if arguments.json:
        write_json(calls, sys.stdout, zone=zone)
    elif arguments.csv == "-":
        write_csv(calls, sys.stdout, zone=zone, separator=arguments.separator)
    elif arguments.csv:
        with Path(arguments.csv).open("w", encoding="utf-8", newline="") as file:
            file.write(BOM)
            write_csv(calls, file, zone=zone, separator=arguments.separator)
        print(say("calls.written", language).format(count=len(calls), path=arguments.csv))
    elif not calls:
        print(say("calls.none", language))
    else:
        shown = calls[-arguments.limit :] if arguments.limit > 0 else calls
        console().print(calls_show.calls_table(shown, zone=zone, language=language))
        print(say("calls.shown", language).format(shown=len(shown), count=len(calls)))


def show_figures(
    records: Records,
    wanted: Wanted,
    arguments: argparse.Namespace,
    rules: Mapping[str, ServiceLevel],
    *,
    zone: ZoneInfo,
    language: str,
) -> None:
    rows, total = figures.rows(
        figures.Stays.of(wanted.visits(records)), by=arguments.by, rules=rules, zone=zone
    )
    screen = console()
    screen.print(calls_show.figures_table(rows, total, language=language))
    screen.print(calls_show.legend([*rows, total], language), style="dim", highlight=False)


def one_call(journal: Journal, wanted: str, *, zone: ZoneInfo, language: str) -> int:
    """The call whose identifier begins so."""
    found = []
    for event in journal.read(kinds=("call.offered", "callback.asked")):
        identifier = event.data["callback"] if event.kind == "callback.asked" else event.call_id
        if identifier.startswith(wanted):
            found.append(identifier)
    if len(found) != 1:
        key = "calls.several" if found else "calls.unknown-call"
        raise BadInput(say(key, language).format(id=wanted, count=len(found)), code="call")
    (call_id,) = found
    records, events = Records(), []
    for event in journal.read():
        if call_id in (event.call_id, event.data.get("callback")):
            events.append(event)
            records.apply(event)
    screen = console()
    screen.print(calls_show.line(records.calls[call_id], events, zone=zone, language=language))
    return 0


def reconcile(journal: Journal, records: Records, wanted: Wanted, *, zone: ZoneInfo, language: str) -> int:
    """What came is what went, agents were somewhere at every moment, and the journal is whole."""
    wrong = records.reconcile()
    if broken := journal.verify():
        wrong.append(say("calls.chain", language).format(what=broken))
    if wrong:
        for difference in wrong:
            print(f"✗ {difference}")
        return 1
    stays, calls = sum(1 for _ in wanted.visits(records)), sum(1 for _ in wanted.calls(records))
    text = say("calls.adds-up", language)
    until = datetime.fromtimestamp(records.last_at, zone).isoformat(timespec="seconds")
    print(f"✓ {text.format(calls=calls, stays=stays, agents=len(records.agents), until=until)}")
    return 0


def console() -> Console:
    """As wide as the terminal; wide enough for every column where there is none."""
    return Console() if sys.stdout.isatty() else Console(width=PIPE_COLUMNS)
