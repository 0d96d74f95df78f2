"""The numbers in docs/design/simulator.md, computed again."""

from __future__ import annotations

import re
from pathlib import Path

from marhaba.simulator.laws import Constant, Exponential, LogNormal
from marhaba.simulator.model import Model, ModelData, PerInterval
from marhaba.simulator.result import Estimate
from marhaba.simulator.simulate import MaxReplications, simulate

PAGE = Path(__file__).parents[2] / "docs" / "design" / "simulator.md"


def centre(agents: int) -> ModelData:
    model = Model(hours=10, interval_s=1800)
    model.add_queue("accueil", skills={"accueil": 1}, language_level=0)
    model.add_contact_type(
        "appels",
        queue="accueil",
        arrivals=PerInterval([40.0] * 20, busyness=20.0),
        patience=Exponential(120),
        handle=LogNormal(240, 180),
        wrap=Constant(20),
    )
    model.add_agents("conseillers", skills={"accueil": 5}, count=agents)
    return model.data()


def said(made: Estimate) -> str:
    return f"{made.mean:.3f} ± {made.half:.3f}"


def test_one_agent_more_is_known_four_times_better_than_either_day() -> None:
    seven, eight = (simulate(centre(agents), MaxReplications(200), seed=1) for agents in (7, 8))
    difference = eight.compare(seven, "service_level")
    page = PAGE.read_text(encoding="utf-8")
    found = re.search(
        r"200 days say ([\d.]+ ± [\d.]+) with 7 agents and ([\d.]+ ± [\d.]+) with 8; .*?, ([\d.]+ ± [\d.]+)\.",
        page.replace("\n", " "),
    )
    assert found is not None
    assert found.groups() == (
        said(seven.measure("service_level")),
        said(eight.measure("service_level")),
        said(difference),
    )
    assert difference.half * 4 < min(result.measure("service_level").half for result in (seven, eight))
