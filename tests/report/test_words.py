"""What reports say is complete in the four languages, and asks for the same values in each."""

from __future__ import annotations

import string

import pytest

from marhaba.report.words import decimal, keys, seconds, thousands


@pytest.mark.parametrize("key", sorted(keys()))
def test_every_text_exists_in_the_four_languages_with_the_same_places(key: str) -> None:
    texts = keys()[key]
    assert set(texts) == {"fr", "es", "ar", "en"}
    places = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in texts.values()]
    assert all(text.strip() for text in texts.values())
    assert places == [places[0]] * 4


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0 s"),
        (12.34, "12,3 s"),
        (60, "1 min"),
        (90, "1 min 30 s"),
        (7200, "2 h"),
        (3661, "1 h 1 min 1 s"),
    ],
)
def test_durations_are_said_as_people_say_them(value: float, told: str) -> None:
    assert seconds(value, "fr").replace("\u00a0", " ") == told


def test_numbers() -> None:
    assert decimal(1.25, 1, "en") == "1.2"
    assert decimal(1.25, 2, "fr") == "1,25"
    assert thousands(1234567.4) == "1\u202f234\u202f567"
