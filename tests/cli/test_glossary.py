"""One word for one thing: what the commands say is what the glossary says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from marhaba.cli.words import LANGUAGES, keys

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
USED = {
    "agent": ("top.agents",),
    "alarm": ("top.alarms",),
    "call": ("top.calls",),
    "queue": ("top.queue", "top.queues"),
    "waiting": ("top.waiting", "stage.queued"),
    "longest wait": ("top.longest",),
    "offered": ("top.offered",),
    "answered": ("top.answered",),
    "abandoned": ("top.abandoned",),
    "service level": ("top.level",),
    "logged out": ("state.logged_out",),
    "ready": ("state.ready", "top.ready"),
    "ringing": ("state.ringing", "stage.ringing"),
    "talking": ("state.talking", "stage.talking", "top.talking"),
    "wrap-up": ("state.wrapup", "refusal.not-in-wrap-up"),
    "pause": ("state.paused",),
    "pause code": ("refusal.unknown-pause-code",),
    "disposition": ("refusal.unknown-disposition",),
    "greeting": ("stage.greeting",),
    "message": ("stage.message",),
    "callback": ("stage.dialling",),
    "internal call": ("stage.internal",),
    "dialling table": ("refusal.not-dialled",),
    "call centre": ("about",),
    "floor": ("help.top", "demo.opens"),
    "journal": ("help.calls",),
}
"""Glossary word -> texts of the commands that use it."""


def rows() -> dict[str, dict[str, str]]:
    found = {}
    for line in re.findall(r"^\| .*$", GLOSSARY.read_text("utf-8"), re.MULTILINE):
        english, french, spanish, arabic, _ = (cell.strip() for cell in line[1:-1].split("|"))
        if english != "English":
            word = english.split(", ")[0]
            assert word not in found, "one row for each word"
            found[word] = {"fr": french, "es": spanish, "ar": arabic, "en": english}
    return found


ROWS = rows()


def test_every_word_has_its_four_languages() -> None:
    assert len(ROWS) >= 60
    assert [english for english, row in ROWS.items() if not all(row.values())] == []


def test_no_language_has_one_word_for_two_things() -> None:
    for language in LANGUAGES:
        words = [row[language].casefold() for row in ROWS.values()]
        assert sorted(words) == sorted(set(words)), language


@pytest.mark.parametrize(
    ("english", "key"), [(english, key) for english, used in USED.items() for key in used]
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_commands_use_the_words_of_the_glossary(english: str, key: str, language: str) -> None:
    said = keys()[key][language].casefold()
    stems = [_stem(form, language) for form in ROWS[english][language].split(", ")]
    assert any(stem in said for stem in stems), (said, stems)


def _stem(form: str, language: str) -> str:
    """A word without what inflects it: plurals, genders and articles differ between a title and a sentence."""
    word = form.casefold().removeprefix("ال")
    if language == "ar":
        return word[: max(3, len(word) - 1)]
    return word[: max(4, len(word) - 2)]
