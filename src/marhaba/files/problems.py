"""What may be wrong with a file that people write: every problem at once, each with its line, what was found and
expected.

The texts are in `words.toml` in French, Spanish, Arabic and English.
"""

from __future__ import annotations

import functools
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from marhaba.kernel.errors import BadInput

LANGUAGES = ("fr", "es", "ar", "en")
FOUND_SHOWN_MAX = 60
"""Characters of a wrong value that are quoted: enough to recognise it."""
PROBLEMS_SHOWN_MAX = 20
"""More than a screenful of problems helps nobody; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong. `expected` names a text of `words.toml`; `about` fills its gaps."""

    line: int  # 0: the file as a whole
    where: str  # "queues.support.ring_s", or the name of another file
    found: str  # as it stands in the file; "" when nothing is there
    expected: str
    about: Mapping[str, Any] = field(default_factory=dict)

    def render_expected(self, language: str) -> str:
        """What should stand there, and what was perhaps meant."""
        expected = _words(f"expected.{self.expected}", language).format(**self.about)
        if hint := self.about.get("hint"):
            expected += " " + _words("hint", language).format(hint=hint)
        return expected

    def render(self, language: str) -> str:
        return _words("problem" if self.line else "problem-file", language).format(
            line=self.line,
            where=self.where,
            found=_clipped(self.found) if self.found else _words("nothing", language),
            expected=self.render_expected(language),
        )


class FileError(BadInput):
    """A file cannot be used, and nothing of it has taken effect."""

    code = "bad-file"

    def __init__(self, problems: Sequence[Problem], *, language: str = "") -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line)
        super().__init__(self.render(language or reader_language()))

    def render(self, language: str) -> str:
        """One line a problem, in the reader's language."""
        shown = [problem.render(language) for problem in self.problems[:PROBLEMS_SHOWN_MAX]]
        if (more := len(self.problems) - len(shown)) > 0:
            shown.append(_words("more", language).format(count=more))
        return "\n".join(shown)


def reader_language() -> str:
    """From MARHABA_LANGUAGE, LC_ALL, LC_MESSAGES or LANG; French when none of ours is named."""
    for name in ("MARHABA_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        language = os.environ.get(name, "")[:2].lower()
        if language in LANGUAGES:
            return language
    return "fr"


def words() -> dict[str, dict[str, str]]:
    """The whole table of texts."""
    return _table()


def say(key: str, language: str) -> str:
    return _words(key, language)


def _words(key: str, language: str) -> str:
    return _table()[key][language]


def _clipped(text: str) -> str:
    return text if len(text) <= FOUND_SHOWN_MAX else text[: FOUND_SHOWN_MAX - 1] + "…"


@functools.cache
def _table() -> dict[str, dict[str, str]]:
    text = resources.files("marhaba.files").joinpath("words.toml").read_text("utf-8")
    return tomllib.loads(text)
