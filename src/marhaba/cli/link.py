"""`marhaba link`: a link that lets somebody into the pages once, to choose a password."""

from __future__ import annotations

import argparse
import sys

from marhaba.cli.house import add_house, config_path, house_centre
from marhaba.cli.pages import open_pages
from marhaba.cli.words import reader_language, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_house(parser)
    parser.add_argument("--user", default="")


def run(arguments: argparse.Namespace) -> int:
    open_pages(house_centre(arguments), config_path(arguments))
    from marhaba.web.people.domain.invitations import invite_first, invite_known
    from marhaba.web.serving import welcome_address

    token = invite_known(arguments.user) if arguments.user else invite_first()
    if not token:
        print(say("link.has-administrator", reader_language()), file=sys.stderr)
        return 1
    print(welcome_address(token))
    return 0
