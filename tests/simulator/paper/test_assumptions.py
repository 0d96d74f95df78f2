"""What a model assumes is told as it is simulated: every way to come, every law, what happens next."""

from __future__ import annotations

from pathlib import Path

import pytest

from marhaba.report.words import seconds
from marhaba.simulator.laws import Constant, Exponential, Gamma, Law, LogNormal, Never
from marhaba.simulator.paper.assumptions import agents_assumed, law_words, types_assumed
from tests.simulator.paper.models import SMALL, changed, paper

MINUTE = seconds(60.0, "en")
ARRIVALS, HANDLE = "arrivals = { per_hour = 30 }", 'handle = "3 min"'


def told(text: str, folder: Path = Path()) -> tuple[str, ...]:
    """The row of the first type."""
    return types_assumed(paper(text, folder), "en").rows[0]


@pytest.mark.parametrize(
    ("law", "words"),
    [
        (Never(), "without limit"),
        (Constant(60.0), f"always {MINUTE}"),
        (Exponential(60.0), f"exponential, mean {MINUTE}"),
        (LogNormal(60.0, 60.0), f"lognormal, mean {MINUTE}, standard deviation {MINUTE}"),
        (Gamma(60.0, 2.0), f"Gamma, mean {MINUTE}"),
    ],
)
def test_a_law_is_told_with_its_mean(law: Law, words: str) -> None:
    assert law_words(law, "en") == words


@pytest.mark.parametrize(
    ("arrivals", "words"),
    [
        ("per_hour = 30", "60"),  # two hours
        ("per_interval = [1, 2, 3, 4]", "10"),
        ("per_hour = 30, busyness = 25", "60 · standard deviation from day to day 20 %"),
        ("dialled = { ratio = 1.5 }", "1.5 numbers for each ready agent"),
        ('csv = "calls.csv"', "2 recorded"),
    ],
)
def test_who_comes_is_told_for_the_whole_day(arrivals: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text("at\n08:30\n08:31\n", "utf-8")
    assert told(changed(ARRIVALS, f"arrivals = {{ {arrivals} }}"), tmp_path)[2] == words


def test_what_happens_next_is_told_in_order() -> None:
    more = """
balk = 0.1
callback = { after_s = "1 min", accepted = 0.5 }
returns = [{ after = "abandoned", share = 0.4, delay = "1 min" }, { after = "answered", share = 0.2 }]
"""
    row = told(changed(HANDLE, HANDLE + more))
    assert row[3].endswith(" · 10 % → 0 s")
    assert row[6].split(" · ") == [
        f"40 % of the abandoned → appels ({MINUTE})",
        "20 % of the answered → appels",
        f"50 % take a callback after {MINUTE}",
    ]
    assert told(SMALL)[6] == "–"


def test_agents_in_shifts_are_told_by_how_many_are_there_on_average() -> None:
    shifts = 'shifts = [{ hours = "08:00-09:00", count = 2 }]'
    assert agents_assumed(paper(changed("count = 3", shifts)), "en").rows == (
        ("equipe", "fr 8, reseau 4", "2 in shifts", "1.0"),
    )
    uneven = agents_assumed(paper(changed("count = 3", "count = [1, 2, 3, 4]")), "en").rows[0]
    assert uneven[2:] == ("1 – 4", "2.5")
