"""What the commands say, in the reader's language: French source, Spanish, Arabic, English.

`words.toml` beside this file holds the texts; a test demands that every key exists in all four.
"""

from __future__ import annotations

import functools
import os
import tomllib
from importlib import resources

LANGUAGES = ("fr", "es", "ar", "en")


def reader_language() -> str:
    """From MARHABA_LANGUAGE, LC_ALL, LC_MESSAGES or LANG; French when none of ours is named."""
    for name in ("MARHABA_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        language = os.environ.get(name, "")[:2].lower()
        if language in LANGUAGES:
            return language
    return "fr"


def say(key: str, language: str) -> str:
    """The text of `key`; an unknown key is a programmer's error."""
    return _table()[key][language]


@functools.cache
def _table() -> dict[str, dict[str, str]]:
    text = resources.files("marhaba.cli").joinpath("words.toml").read_text("utf-8")
    return tomllib.loads(text)


def keys() -> dict[str, dict[str, str]]:
    """The whole table, for the test of completeness."""
    return _table()
