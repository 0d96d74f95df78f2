"""`marhaba phone NAME`: make (or replace) a SIP phone's password. It is shown once and never stored readable."""

from __future__ import annotations

import argparse

from marhaba.centre.secrets import add_phone
from marhaba.cli.house import add_house, config_path, existing_centre
from marhaba.cli.words import reader_language, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_house(parser)
    parser.add_argument("name")


def run(arguments: argparse.Namespace) -> int:
    path = config_path(arguments)
    password = add_phone(path.with_name("phones.toml"), arguments.name, existing_centre(path).realm)
    print(say("phone.password", reader_language()).format(name=arguments.name, password=password))
    return 0
