"""What a change does to whom, said before it is done."""

from __future__ import annotations

import calendar
from datetime import date
from pathlib import Path

import pytest
from django.utils import translation

from marhaba.centre import parse_centre
from marhaba.web.setup.domain.differences import differences
from marhaba.web.setup.domain.effects import Effect, effects
from tests.web.setup.conftest import TEXT

MONDAY_NOON = float(calendar.timegm((2026, 11, 23, 11, 0, 0)))  # 12:00 in Casablanca
HERE = Path("/centre")


def told(*pairs: tuple[str, str]) -> list[Effect]:
    text = TEXT
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    with translation.override("fr"):
        return effects(parse_centre(TEXT, folder=HERE), parse_centre(text, folder=HERE), at=MONDAY_NOON)


def test_nothing_changed_does_nothing() -> None:
    assert told() == []


def test_a_skill_less_is_a_queue_less_and_nobody_left_is_grave() -> None:
    assert told(("fr = 9, ar = 10", "fr = 9, ar = 4")) == [
        Effect("Amal Bennis : ne répondra plus à accueil en Arabe"),
        Effect("Plus personne ne répond à accueil en Arabe", grave=True),
    ]


def test_a_queue_that_asks_for_less_gains_people() -> None:
    assert told(("skills = { fr = 8, hotel = 5 }", "skills = { fr = 8, ar = 6, hotel = 5 }")) == [
        Effect("brahim : répondra à accueil en Arabe")
    ]


def test_hours_are_told_day_by_day_and_what_closes_at_once_is_grave() -> None:
    found = told(('mon = ["08:30-12:30", "14:00-18:30"]', 'mon = ["14:00-18:30"]'))
    assert found[0] == Effect("Banque du Détroit : fermé dès la publication", grave=True)
    assert found[1].text == "Banque du Détroit, lundi 23 novembre : 08:30–12:30, 14:00–18:30 → 14:00–18:30"
    assert len(found) == 5  # four Mondays


def test_a_day_of_its_own_is_told() -> None:
    found = told(('"2027-03-10"]', '"2027-03-10", { date = "2026-12-01", hours = [] }]'))
    assert found == [Effect("Banque du Détroit, mardi 1 décembre : 08:30–18:30 → fermé")]
    assert date(2026, 12, 1).weekday() == 1


def test_what_waits_for_a_restart_says_so() -> None:
    assert told(('advertised_host = "127.0.0.1"', 'advertised_host = "127.0.0.2"')) == [
        Effect("Prend effet après un redémarrage du centre : sip.advertised_host", grave=True)
    ]


@pytest.mark.parametrize(
    ("old", "new", "subject", "rows"),
    [
        ('"20 s"', '"30 s"', "File d’attente accueil changed", ["Durée de sonnerie: 20 s → 30 s"]),
        ("fr = 9", "fr = 7", "Conseiller amal changed", ["Langues et compétences · Français: 9 → 7"]),
        ('break = "Pause"\n', "", "Motifs de pause  changed", ["Motifs de pause · break: Pause → –"]),
        ('[trunks.demo]\nhost = "127.0.0.2"\n', "", "Ligne opérateur demo gone", []),
        ('country = "MA"', 'country = "FR"', "Le centre  changed", ["Pays: MA → FR"]),
        (
            'tue = ["08:30-18:30"]',
            'tue = ["09:00-12:00", "14:00-18:00"]',
            "Calendrier bureau changed",
            ["Mardi: 08:30-18:30 → 09:00-12:00, 14:00-18:00"],
        ),
    ],
)
def test_a_difference_is_told_in_words(old: str, new: str, subject: str, rows: list[str]) -> None:
    assert old in TEXT
    with translation.override("fr"):
        (found,) = differences(TEXT, TEXT.replace(old, new, 1))
        assert f"{found.title} {found.name} {found.state}" == subject
        assert [f"{row.label}: {row.was} → {row.now}" for row in found.rows] == rows
