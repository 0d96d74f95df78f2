"""`marhaba audit`: is the record of privileged acts whole?"""

from __future__ import annotations

import argparse
import sys

from marhaba.cli.house import add_house, config_path, house_centre
from marhaba.cli.pages import open_pages
from marhaba.cli.words import reader_language, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_house(parser)
    parser.add_argument("--digest", default="")


def run(arguments: argparse.Namespace) -> int:
    open_pages(house_centre(arguments), config_path(arguments))
    from marhaba.web.people.audit import verify
    from marhaba.web.people.queries import audit_chain, audit_summary

    language, count = reader_language(), 0
    for broken in verify(audit_chain()):
        count += 1
        print(say(f"audit.{broken.why}", language).format(number=broken.number), file=sys.stderr)
    entries, last, known = audit_summary(arguments.digest)
    if arguments.digest and not known:
        count += 1
        print(say("audit.unknown-digest", language), file=sys.stderr)
    if not count:
        print(say("audit.whole", language).format(entries=entries, digest=last or "-"))
    return 1 if count else 0
