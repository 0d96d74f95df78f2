"""Small models as people write them."""

from __future__ import annotations

from pathlib import Path

from marhaba.files.problems import FileError, Problem
from marhaba.simulator.paper.paper import Paper
from marhaba.simulator.paper.reading import parse_paper

SMALL = """
name = "Essai"
hours = "08:00-10:00"
interval_s = "30 min"
languages = ["fr", "es"]

[queues.accueil]
language_level = 5

[queues.support]
skills = { reseau = 3 }
language_level = 0

[types.appels]
queue = "accueil"
language = "fr"
arrivals = { per_hour = 30 }
patience = { law = "exponential", mean_s = "2 min" }
handle = "3 min"

[agents.equipe]
skills = { fr = 8, reseau = 4 }
count = 3
"""


VARIANTS = (
    SMALL
    + """
[variants.plus]
lines = 5
agents.equipe.count = 4
types.appels.handle = { law = "uniform", low_s = 60, high_s = 120 }

[variants.moins]
without = "types.appels.patience"
agents.renfort = { skills = { fr = 5 }, count = 1 }
"""
)


def paper(text: str = SMALL, folder: Path = Path()) -> Paper:
    return parse_paper(text, folder=folder)


def problems(text: str, folder: Path = Path()) -> list[Problem]:
    try:
        parse_paper(text, folder=folder)
    except FileError as wrong:
        return wrong.problems
    return []


def told(text: str, folder: Path = Path()) -> list[tuple[int, str, str]]:
    """(line, where, expected) of each problem."""
    return [(problem.line, problem.where, problem.expected) for problem in problems(text, folder)]


def changed(old: str, new: str, text: str = SMALL) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)
