"""The page of a simulation: whole in itself, in four languages, with a table behind every chart."""

from __future__ import annotations

import dataclasses
import re
from html import escape
from html.parser import HTMLParser

import pytest

from marhaba.report.words import say
from marhaba.simulator.figures import Plan, figure
from marhaba.simulator.paper import sheets
from marhaba.simulator.paper.page import page
from marhaba.simulator.paper.paper import Paper
from marhaba.simulator.simulate import MaxReplications, simulate
from tests.simulator.paper.models import VARIANTS, changed, paper

MODEL = changed("lines = 5\n", "", changed('name = "Essai"', 'name = "<b>Essai</b> & co"', VARIANTS))


def simulated(model: Paper, days: int = 8) -> list[Plan]:
    asked = [(model.name, model.data, model.promises)]
    asked += [(each.name, each.data, each.promises) for each in model.variants]
    return [Plan(name, simulate(data, MaxReplications(days)), promises) for name, data, promises in asked]


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    return simulated(paper(MODEL))


class Outline(HTMLParser):
    """Elements closed in order; what stands in which."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.titles = 0
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag == "title" and "svg" in self.open:
            self.titles += 1
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", ["fr", "es", "ar", "en"])
def test_it_is_one_page_in_each_language(plans: list[Plan], language: str) -> None:
    text = page(paper(MODEL), plans, language)
    outline = Outline(text)
    assert "script" not in outline.seen
    assert not re.search(r"https?:|@import|url\(|<link|<img", text)
    assert f'lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in text
    assert "<b>Essai" not in text
    assert text.count("&lt;b&gt;Essai&lt;/b&gt; &amp; co") >= 2
    assert "nan" not in text
    # Every chart has a title for who does not see it, and all but those beside a table have one of their own behind.
    charts = outline.seen.count("svg")
    assert outline.titles == charts
    assert outline.seen.count("details") == charts - 3


def test_what_was_said_to_a_person_is_what_was_simulated(plans: list[Plan]) -> None:
    text = page(paper(MODEL), plans, "en")
    level = figure(plans[0], "service_level")
    assert f"<bdi>{100 * level.mean:.1f} % <small>± {100 * level.half:.1f}</small></bdi>" in text
    assert sheets.promise(plans[0], "appels", "en") in text
    assert "8 simulated days, 08:00 to 10:00" in text
    assert "exponential, mean 2\u00a0min" in text


def test_a_single_plan_has_no_comparison() -> None:
    model = paper()
    text = page(model, simulated(model), "en")
    assert "Variants" not in text
    assert "Waiting times" in text


def test_warnings_stand_on_top() -> None:
    model = paper(
        changed(
            "{ per_hour = 30 }",
            "{ per_hour = 70 }",
            changed('patience = { law = "exponential", mean_s = "2 min" }', ""),
        )
    )
    text = page(model, simulated(model, 3), "en")
    assert '<p class="warning">line 14, types.appels: ' in text


def test_a_day_without_contacts_is_a_page_too() -> None:
    model = paper(changed("{ per_hour = 30 }", "{ per_hour = 0 }"))
    text = page(model, simulated(model, 3), "fr")
    Outline(text)
    assert "nan" not in text


def test_days_that_were_stopped_are_said_to_be() -> None:
    model = paper()
    [plan] = simulated(model, 3)
    stopped = dataclasses.replace(plan, result=dataclasses.replace(plan.result, complete=False))
    said = escape(say("page.stopped", "en"))
    assert said in page(model, [stopped], "en")
    assert said not in page(model, [plan], "en")


def test_types_that_are_promised_different_things_have_no_common_target() -> None:
    more = """
[types.support]
queue = "support"
arrivals = { per_hour = 5 }
handle = "3 min"
"""
    other = (
        changed("language_level = 0", "language_level = 0\nservice_level = { target = 0.5 }", MODEL) + more
    )
    same, apart = paper(MODEL + more), paper(other)
    target = f"{escape(say('target', 'en'))}</"
    assert page(same, simulated(same, 3), "en").count(target) > page(apart, simulated(apart, 3), "en").count(
        target
    )
