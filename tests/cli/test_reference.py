"""The page of commands lists what the commands take: every option with its default and its choices, and no other."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from marhaba.cli.main import COMMANDS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "commands.md").read_text("utf-8")
Listed = dict[str, tuple[str, str]]


def listed(command: str) -> Listed:
    """Option -> (default, meaning), as the page says."""
    section = PAGE.partition(f"## `marhaba {command}`\n")[2].partition("\n## ")[0]
    found = {}
    for line in re.findall(r"^\| `.*$", section, re.MULTILINE):
        option, default, meaning = (cell.strip() for cell in line[1:-1].split("|"))
        found[option.strip("`")] = (default, meaning)
    return found


def taken(command: str) -> Iterator[tuple[str, str, set[str]]]:
    """Option, default and choices, as the command's parser says."""
    parser = argparse.ArgumentParser(add_help=False)
    importlib.import_module(COMMANDS[command]).add_arguments(parser)
    for action in parser._actions:
        name = action.option_strings[-1] if action.option_strings else action.dest.upper()
        if action.required:
            default = "*required*"
        elif action.nargs == 0:
            default = "off"
        else:
            nothing = action.default in (None, "", [], -1)
            default = "none" if nothing else f"`{action.default}`"
        yield name, default, set(action.choices or ())


def test_every_command_has_its_section_in_the_order_of_the_help() -> None:
    assert re.findall(r"^## `marhaba (.*)`$", PAGE, re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_options_and_defaults_are_those_of_the_command(command: str) -> None:
    assert {option: default for option, (default, _) in listed(command).items()} == {
        option: default for option, default, _ in taken(command)
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_choices_are_those_of_the_command(command: str) -> None:
    page = listed(command)
    for option, _, choices in taken(command):
        if choices:
            assert set(re.findall(r"`([^`]+)`", page[option][1])) == choices, option
