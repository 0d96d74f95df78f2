"""What the commands say, in the reader's language: French source, Spanish, Arabic, English.

`words.toml` beside this file holds the texts; a test demands that every key exists in all four.
"""

from __future__ import annotations

import errno
import functools
import os
import tomllib
from importlib import resources

from marhaba.kernel.errors import MarhabaError
from marhaba.report.words import decimal as decimal

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


def refusal(error: MarhabaError, language: str) -> str:
    """A declared error in the reader's language where its code has a text; else its own message."""
    key = f"refusal.{error.code}"
    return say(key, language).format(**error.about) if key in _table() else str(error)


def why(error: OSError, language: str) -> str:
    """What the system refused, in the reader's language."""
    key = f"errno.{errno.errorcode.get(error.errno or 0, '')}"
    return say(key, language) if key in _table() else error.strerror or str(error)


@functools.cache
def _table() -> dict[str, dict[str, str]]:
    text = resources.files("marhaba.cli").joinpath("words.toml").read_text("utf-8")
    return tomllib.loads(text)


def keys() -> dict[str, dict[str, str]]:
    """The whole table, for the test of completeness."""
    return _table()
