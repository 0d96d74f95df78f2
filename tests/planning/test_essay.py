"""docs/design/erlang.md says what the formulas say."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from marhaba.planning.erlang import erlang_a, erlang_c
from marhaba.planning.patience import Deterministic, Hyperexponential, general_patience
from marhaba.planning.staffing import agents_for_service_level

PAGE = (Path(__file__).parents[2] / "docs" / "design" / "erlang.md").read_text("utf-8")


def percent(share: np.ndarray, digits: int = 1) -> str:
    return f"{100 * float(share):.{digits}f} %"


def test_the_worked_number() -> None:
    c = erlang_c(48 / 60, 60, 50, threshold=10)
    a = erlang_a(48 / 60, 60, 120, 50, threshold=10)
    rows = [
        ("probability of waiting", percent(c.waiting), percent(a.waiting)),
        ("mean wait", f"{c.wait_mean:.2f} s", f"{a.wait_mean:.2f} s"),
        ("abandoned", "–", percent(a.abandonment, 2)),
        ("answered within 10 s, of all (F3)", percent(c.service_level("F3")), percent(a.service_level("F3"))),
        ("answered within 10 s, of the answered (F2)", percent(c.service_level("F2")), percent(a.service_level("F2"))),
        ("occupancy", percent(c.occupancy), percent(a.occupancy)),
    ]  # fmt: skip
    assert [row for row in rows if f"| {' | '.join(row)} |" not in PAGE] == []


def test_the_agents_of_the_page() -> None:
    n = agents_for_service_level(1000 / 1800, 300, [math.inf, 180], target=0.8, threshold=20)
    assert (
        f'"80 % in 20 s" Erlang C asks for {n[0]} agents, and Erlang A, with a patience of 180 s, for {n[1]}.'
        in PAGE
    )


def test_the_two_laws_of_the_page() -> None:
    mixed = general_patience(100, 1, Hyperexponential((0.5, 0.5), (0.5, 3.5)), 100).wait_mean
    same = general_patience(100, 1, Deterministic(2), 100).wait_mean
    assert f"the mean wait is {mixed:.3f} handling times" in PAGE
    assert f"{same:.2f} if all leave after exactly two" in PAGE
    assert round(float(same / mixed)) == 25
