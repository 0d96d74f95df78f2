"""The document around charts: whole in itself, and what people wrote stays text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from marhaba.report.page import document, figure, legend, panels_of, table

NASTY = '<script>alert("x")</script> & co'


class Nesting(HTMLParser):
    """Every element is closed, in order."""

    void = frozenset(("meta", "br", "hr"))

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
        *panels_of([figure(NASTY, "<svg></svg>")]),
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
    assert reader.texts.count(NASTY) == 5  # title, caption, legend, head, cell
    assert f'<html lang="{language}" dir="{direction}">' in text
    assert "default-src 'none'" in text
    assert not re.search(r"https?:|@import|url\(|<link|<img", text)


def test_numbers_and_texts_stand_on_their_sides() -> None:
    cells = re.findall(r'<t[hd] class="(text|number)">(.*?)</t', table(("a", "b"), [("c", "1")], left=1))
    assert cells == [("text", "a"), ("number", "b"), ("text", "c"), ("number", "1")]


def test_every_colour_of_a_chart_is_in_the_style() -> None:
    style = page("en").partition("<style>")[2].partition("</style>")[0]
    for name in ("ink", "first", "second", "band-first", "band-second", "window", "assumed", "grid", "axis"):
        assert re.search(rf"\.{name}\b", style), name
