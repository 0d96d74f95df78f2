"""One page that needs nothing else: no script, no font, no address; to keep, to print and to send.

Its policy forbids a browser to fetch anything. Light and dark follow the reader's choice, Arabic runs from right to left.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2330; --soft: #667085; --grid: #e4e7ec; --first: #2563a8;
  --second: #b4490b; --shade: #f2f4f7; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171c; --ink: #e6e8ec; --soft: #98a2b3; --grid: #2b313b;
  --first: #7db3ea; --second: #f0a06a; --shade: #1d222a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 66rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: .95rem; margin: 0 0 .25rem; }
p { margin: .4rem 0; }
.good::first-letter { color: #1a7f37; } .bad::first-letter { color: #cf222e; }
.soft { color: var(--soft); font-size: .9rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1.25rem;
  margin: 1rem 0; }
figure { margin: 0; max-width: 36rem; break-inside: avoid; }
svg { width: 100%; height: auto; display: block; }
svg text { font: 13px system-ui, sans-serif; fill: var(--soft); }
.grid { stroke: var(--grid); } .axis { stroke: var(--soft); fill: none; }
.line { fill: none; stroke-width: 2; } .thin { stroke-width: 1.5; } .thick { stroke-width: 6; }
.first { stroke: var(--first); } .second { stroke: var(--second); } .ink { stroke: var(--ink); }
.dot { stroke: none; } .dot.first { fill: var(--first); } .dot.second { fill: var(--second); } .dot.ink { fill: var(--ink); }
.assumed { stroke-dasharray: 5 4; }
.band-first { fill: var(--first); opacity: .18; } .band-second { fill: var(--second); opacity: .18; }
.window { fill: var(--shade); }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 50%; margin-inline: 0 .35em; }
.key.first { background: var(--first); } .key.second { background: var(--second); } .key.ink { background: var(--ink); }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; color: var(--soft); font-size: .9rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; margin: .5rem 0; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--grid); text-align: end; vertical-align: top; }
th { color: var(--soft); font-weight: 600; } .text { text-align: start; }
td.number { direction: ltr; text-align: end; white-space: nowrap; } [dir=rtl] td.number { text-align: start; }
@media print { body { max-width: none; padding: 0; } }
"""
"""Colours of charts are classes: `ink`, `first` and `second`, `band-first` and `band-second`, `window`, `assumed`."""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def document(title: str, parts: Sequence[str], language: str) -> str:
    """The whole page. `title` is text, `parts` are HTML, `language` one of fr, es, ar, en."""
    direction = "rtl" if language == "ar" else "ltr"
    return (
        f'<!DOCTYPE html>\n<html lang="{language}" dir="{direction}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def figure(caption: str, svg: str) -> str:
    """A chart under its name."""
    return f"<figure><h3>{escape(caption)}</h3>{svg}</figure>"


def panels_of(figures: Sequence[str]) -> list[str]:
    """Side by side, as many as the screen is wide."""
    return ['<div class="panels">', *figures, "</div>"]


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """(colour, what it is) by (colour, what it is)."""
    keys = "".join(f'<span><span class="key {key}"></span>{escape(text)}</span>' for key, text in entries)
    return f'<p class="legend">{keys}</p>'


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> str:
    """The first `left` columns are texts, the others numbers."""

    def cells(row: Sequence[str], tag: str) -> str:
        kinds = ("text" if place < left else "number" for place in range(len(row)))
        return "".join(
            f'<{tag} class="{kind}">{escape(cell)}</{tag}>' for kind, cell in zip(kinds, row, strict=True)
        )

    head = f"<tr>{cells(heads, 'th')}</tr>"
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'
