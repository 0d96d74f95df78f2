"""Which centre a command is about: its configuration, or its data folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from marhaba.centre import Centre, load_centre
from marhaba.cli.words import reader_language, say
from marhaba.kernel.errors import Refused

DEMO_FOLDER = Path("var/demo")
"""Where `marhaba demo` keeps its centre, below the folder it is started in."""


def add_house(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=None)


def config_path(arguments: argparse.Namespace) -> Path:
    """--config, else ./centre.toml, else the demo's."""
    if arguments.config is not None:
        return Path(arguments.config)
    here = Path("centre.toml")
    return here if here.exists() else DEMO_FOLDER / "centre.toml"


def house_centre(arguments: argparse.Namespace) -> Centre:
    """The centre the command is about; a clear refusal when there is none."""
    return existing_centre(config_path(arguments))


def existing_centre(path: Path) -> Centre:
    if not path.exists():
        raise Refused(say("serve.no-config", reader_language()).format(path=path), code="no-config")
    return load_centre(path)


def floor_socket(arguments: argparse.Namespace) -> Path:
    return house_centre(arguments).data_folder / "run" / "floor.sock"
