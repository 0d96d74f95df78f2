"""What reports say, in the reader's language: French source, Spanish, Arabic, English.

`words.toml` beside this file holds the texts; a test demands that every key exists in all four.
"""

from __future__ import annotations

import functools
import tomllib
from importlib import resources


def say(key: str, language: str) -> str:
    """The text of `key`; an unknown key is a programmer's error."""
    return keys()[key][language]


def decimal(value: float, places: int, language: str) -> str:
    """With the reader's decimal sign: a comma, but for English."""
    text = f"{value:.{places}f}"
    return text if language == "en" else text.replace(".", ",")


def thousands(value: float) -> str:
    """A whole number in groups of three, parted by thin spaces that do not break."""
    return f"{value:,.0f}".replace(",", "\u202f")


def seconds(value: float, language: str) -> str:
    """A duration as one says it: 12 s, 1 min 30 s, 2 h."""
    if value < 60.0 and value != round(value):
        return f"{decimal(value, 1, language)}\u00a0s"
    whole = round(value)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    parts = [
        f"{number}\u00a0{unit}" for number, unit in ((hours, "h"), (minutes, "min"), (rest, "s")) if number
    ]
    return "\u00a0".join(parts) or "0\u00a0s"


@functools.cache
def keys() -> dict[str, dict[str, str]]:
    """The whole table."""
    text = resources.files("marhaba.report").joinpath("words.toml").read_text("utf-8")
    return tomllib.loads(text)
