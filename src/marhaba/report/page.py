"""One page that needs nothing else: no script, no font, no address; to keep, to print and to send.

Its policy forbids a browser to fetch anything. Light and dark follow the reader's choice, Arabic runs from right to left.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from html import escape
from typing import Final

from marhaba.report.style import PAGE
from marhaba.report.words import say

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


LANGUAGES: Final = {"fr": "français", "es": "español", "ar": "العربية", "en": "English"}
_THEMES: Final = ("auto", "light", "dark")


def document(
    title: str, parts: Sequence[str], language: str, *, others: Mapping[str, str] | None = None
) -> str:
    """The whole page. `title` is text, `parts` are HTML, `language` one of fr, es, ar, en.

    `others`: by language, the file beside this one that says the same in it.
    """
    direction = "rtl" if language == "ar" else "ltr"
    return (
        f'<!DOCTYPE html>\n<html lang="{language}" dir="{direction}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{PAGE}</style>\n</head>\n<body>\n"
        + _top(language, others or {})
        + "\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def figure(caption: str, svg: str, *, data: str = "", language: str = "") -> str:
    """A chart under its name; `data`: the table of its figures, to be opened below it."""
    behind = f"<details><summary>{escape(say('data', language))}</summary>{data}</details>" if data else ""
    return f"<figure><h3>{escape(caption)}</h3>{svg}{behind}</figure>"


def tiles(entries: Sequence[tuple[str, str, str, str]]) -> str:
    """The few figures one looks for first: (what, value, ± half, a note)."""
    made = "".join(
        f'<div class="tile"><dt>{escape(what)}</dt>'
        f"<dd><bdi>{escape(value)}{f' <small>{escape(half)}</small>' if half else ''}</bdi></dd>"
        f"{f'<dd class=note>{escape(note)}</dd>' if note else ''}</div>"
        for what, value, half, note in entries
    )
    return f'<dl class="tiles">{made}</dl>'


def panels_of(figures: Sequence[str]) -> list[str]:
    """Side by side, as many as the screen is wide."""
    return ['<div class="panels">', *figures, "</div>"]


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """(colour, what it is) by (colour, what it is)."""
    keys = "".join(f'<span><span class="key {key}"></span>{escape(text)}</span>' for key, text in entries)
    return f'<p class="legend">{keys}</p>'


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int, rules: Collection[int] = ()
) -> str:
    """The first `left` columns are texts, the first of them the row's head; the others are numbers. `rules`: rows that
    have a line above them.
    """

    def cell(text: str, place: int, *, head: bool) -> str:
        kind = "text" if place < left else "number"
        if head or (place == 0 and left):
            return f'<th class="{kind}" scope="{"col" if head else "row"}">{escape(text)}</th>'
        return f'<td class="{kind}">{escape(text)}</td>'

    head = "".join(cell(text, place, head=True) for place, text in enumerate(heads))
    body = "".join(
        ('<tr class="rule">' if number in rules else "<tr>")
        + "".join(cell(text, place, head=False) for place, text in enumerate(row))
        + "</tr>"
        for number, row in enumerate(rows)
    )
    head = f"<tr>{head}</tr>"
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'


def _top(language: str, others: Mapping[str, str]) -> str:
    """The other languages, and light or dark."""
    links = "".join(
        f'<a href="{escape(others[each])}" lang="{each}" hreflang="{each}">{name}</a>'
        if each != language
        else f'<span lang="{each}" aria-current="page">{name}</span>'
        for each, name in LANGUAGES.items()
        if each in others
    )
    nav = f'<nav aria-label="{escape(say("language", language))}">{links}</nav>' if links else ""
    choices = "".join(
        f'<label><input type="radio" name="theme" id="theme-{theme}"{" checked" if theme == "auto" else ""}>'
        f"{escape(say(f'theme.{theme}', language))}</label>"
        for theme in _THEMES
    )
    legend = f"<legend>{escape(say('theme', language))}</legend>"
    return f'<div class="top">{nav}<fieldset class="theme">{legend}{choices}</fieldset></div>'
