"""The document around charts: whole in itself, and what people wrote stays text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from marhaba.report.page import document, figure, legend, panels_of, table, tiles

NASTY = '<script>alert("x")</script> & co'


class Nesting(HTMLParser):
    """Every element is closed, in order."""

    void = frozenset(("meta", "br", "hr", "input"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page(language: str) -> str:
    parts = [
        *panels_of([figure(NASTY, "<svg></svg>", data=table((NASTY,), [], left=1), language=language)]),
        tiles([(NASTY, NASTY, NASTY, NASTY)]),
        legend((("first", NASTY),)),
        table((NASTY, "n"), [(NASTY, "1"), ("b", "2")], left=1),
    ]
    return document(NASTY, parts, language)


@pytest.mark.parametrize(("language", "direction"), [("fr", "ltr"), ("ar", "rtl")])
def test_it_is_one_well_nested_document_that_fetches_nothing(language: str, direction: str) -> None:
    text = page(language)
    reader = Nesting()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    assert "script" not in reader.seen
    assert reader.texts.count(NASTY) == 9  # title, caption, data, tile but its value (3), legend, head, cell
    assert f'<html lang="{language}" dir="{direction}">' in text
    assert "default-src 'none'" in text
    assert not re.search(r"https?:|@import|url\(|<link|<img", text)


def test_numbers_and_texts_stand_on_their_sides() -> None:
    cells = re.findall(r'<t[hd] class="(text|number)"[^>]*>(.*?)</t', table(("a", "b"), [("c", "1")], left=1))
    assert cells == [("text", "a"), ("number", "b"), ("text", "c"), ("number", "1")]


def test_every_colour_of_a_chart_is_in_the_style() -> None:
    style = page("en").partition("<style>")[2].partition("</style>")[0]
    for name in (
        "ink",
        "first",
        "second",
        "band-first",
        "band-second",
        "window",
        "assumed",
        "grid",
        "axis",
        "fill-first",
    ):
        assert re.search(rf"\.{name}\b", style), name


def test_the_head_of_a_row_and_of_a_column_say_so() -> None:
    made = table(("a", "n"), [("b", "1"), ("c", "2")], left=1, rules={1})
    assert re.findall(r'<th class="\w+" scope="(\w+)">(\w)', made) == [
        ("col", "a"),
        ("col", "n"),
        ("row", "b"),
        ("row", "c"),
    ]
    assert made.count('<tr class="rule">') == 1


def test_light_and_dark_are_chosen_without_a_script() -> None:
    text = page("es")
    assert re.findall(r'<input type="radio" name="theme" id="(theme-\w+)"( checked)?>', text) == [
        ("theme-auto", " checked"),
        ("theme-light", ""),
        ("theme-dark", ""),
    ]
    for theme in ("light", "dark"):
        assert f":root:has(#theme-{theme}:checked)" in text


def test_pages_in_other_languages_are_one_step_away() -> None:
    text = document("t", [], "es", others={"es": "es.html", "ar": "ar.html"})
    assert re.findall(r'<a href="([^"]+)" lang="(\w+)"', text) == [("ar.html", "ar")]
    assert '<span lang="es" aria-current="page">español</span>' in text
    assert "<nav" not in document("t", [], "es")
