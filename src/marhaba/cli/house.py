"""Which centre a command is about: its configuration, or its data folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from marhaba.floor.centre import load_centre

DEMO_FOLDER = Path("var/demo")
"""Where `marhaba demo` keeps its centre, below the folder it is started in."""


def add_house(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=None, help="centre.toml")


def config_path(arguments: argparse.Namespace) -> Path:
    """--config, else ./centre.toml, else the demo's."""
    if arguments.config is not None:
        return Path(arguments.config)
    here = Path("centre.toml")
    return here if here.exists() else DEMO_FOLDER / "centre.toml"


def data_folder(arguments: argparse.Namespace) -> Path:
    path = config_path(arguments)
    return load_centre(path).data_folder if path.exists() else DEMO_FOLDER / "data"


def floor_socket(arguments: argparse.Namespace) -> Path:
    return data_folder(arguments) / "run" / "floor.sock"
