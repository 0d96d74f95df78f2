"""What `--help` and a wrong option say, in the reader's language.

Help texts are found by the option's name: `option.<command>.<name>` in words.toml, else `option.<name>`. The sentences
that argparse makes itself go through its module's `_`; `Parser` gives it ours.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from marhaba.cli.words import keys, reader_language, say


class Parser(argparse.ArgumentParser):
    """An argument parser that speaks the reader's language."""

    def describe(self, command: str, language: str) -> None:
        """Give every option of `command` its help."""
        for action in self._actions:
            if action.dest == "help":
                continue
            own = f"option.{command}.{action.dest}"
            # argparse takes % for a place of its own.
            action.help = say(own if own in keys() else f"option.{action.dest}", language).replace("%", "%%")


def speak(language: str) -> None:
    """Have argparse say its own sentences in `language`. A sentence we do not know stays English."""
    own = {texts["en"]: texts[language] for key, texts in keys().items() if key.startswith("argparse.")}
    argparse._ = lambda text: own.get(text, text)  # type: ignore[attr-defined]


def number(least: float = 0.0) -> Callable[[str], float]:
    """The type of an option that takes a finite number, `least` or more."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value < math.inf:
            raise argparse.ArgumentTypeError(
                say("option-number", reader_language()).format(text=text, least=f"{least:g}")
            )
        return value

    return read


def whole(least: int = 0) -> Callable[[str], int]:
    """The type of an option that takes a whole number, `least` or more."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) >= least):
            raise argparse.ArgumentTypeError(
                say("option-whole", reader_language()).format(text=text, least=least)
            )
        return int(text)

    return read
