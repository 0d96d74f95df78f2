"""The style of pages and pictures: one set of colours for light and one for dark, and nothing from outside.

Colours of charts are classes: `ink`, `first` and `second`, `band-first` and `band-second`, `fill-first` and `fill-second`,
`window`, `assumed`. Contrast of text on paper and shade is 4.5 or more in both sets (WCAG 2.2 AA), of strokes 3 or more.
"""

from __future__ import annotations

from typing import Final

LIGHT: Final = {
    "paper": "#ffffff",
    "shade": "#f4f6f8",
    "ink": "#1b2430",
    "soft": "#566273",
    "grid": "#e1e6ec",
    "first": "#1f5fa8",
    "second": "#b4490b",
    "good": "#17713a",
    "bad": "#b3261e",
}
DARK: Final = {
    "paper": "#12161b",
    "shade": "#1b2129",
    "ink": "#e6e9ed",
    "soft": "#9daab9",
    "grid": "#2c3541",
    "first": "#7db3ea",
    "second": "#f0a06a",
    "good": "#72d08b",
    "bad": "#ff8f85",
}


def _variables(colours: dict[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


COLOURS: Final = f"""
:root {{ color-scheme: light dark; {_variables(LIGHT)} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK)} }} }}
"""
"""What the reader's system asks for."""

CHOSEN: Final = f"""
@media screen {{ :root:has(#theme-light:checked) {{ color-scheme: light; {_variables(LIGHT)} }}
  :root:has(#theme-dark:checked) {{ color-scheme: dark; {_variables(DARK)} }} }}
"""
"""What the reader chose on the page, without a script. Paper is always light."""

MARKS: Final = """
svg text { font: 13px system-ui, sans-serif; fill: var(--soft); font-variant-numeric: tabular-nums; }
.grid { stroke: var(--grid); } .axis { stroke: var(--soft); fill: none; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.thin { stroke-width: 1.5; } .thick { stroke-width: 6; }
.first { stroke: var(--first); } .second { stroke: var(--second); } .ink { stroke: var(--ink); }
.dot { stroke: none; } .dot.first { fill: var(--first); } .dot.second { fill: var(--second); } .dot.ink { fill: var(--ink); }
.assumed { stroke-dasharray: 5 4; stroke-linecap: butt; }
.band-first { fill: var(--first); opacity: .18; } .band-second { fill: var(--second); opacity: .18; }
.fill-first { fill: var(--first); } .fill-second { fill: var(--second); }
.window { fill: var(--shade); }
"""
"""Of charts, on a page and alone."""

LAYOUT: Final = """
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1.5rem clamp(.9rem, 3vw, 2.5rem) 4rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, "Noto Sans", "Noto Sans Arabic", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .35rem; text-wrap: balance; }
h2 { font-size: 1.2rem; margin: 2.75rem 0 .35rem; padding-top: .9rem; border-top: 1px solid var(--grid); }
h3 { font-size: .95rem; margin: 0 0 .35rem; }
p { margin: .4rem 0; max-width: 62rem; }
a { color: var(--first); }
:focus-visible { outline: 2px solid var(--first); outline-offset: 2px; }
.good::first-letter { color: var(--good); } .bad::first-letter { color: var(--bad); }
.soft { color: var(--soft); font-size: .9rem; }
.top { display: flex; flex-wrap: wrap; gap: .5rem 2rem; justify-content: flex-end; margin-block: 0 1rem; font-size: .85rem; }
.top nav { display: flex; gap: .9rem; } .top nav span { color: var(--soft); }
.theme { border: 0; margin: 0; padding: 0; display: flex; gap: .9rem; color: var(--soft); }
.theme legend { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.theme label { display: inline-flex; gap: .35rem; align-items: center; cursor: pointer; }
.theme input { accent-color: var(--first); margin: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: 1px; margin: 1.25rem 0;
  border: 1px solid var(--grid); border-radius: .5rem; overflow: hidden; }
.tile { display: grid; grid-row: span 3; grid-template-rows: subgrid; row-gap: 0;
  box-shadow: 0 0 0 1px var(--grid); padding: .8rem 1rem .7rem; }
.tile dt { align-self: end; color: var(--soft); font-size: .85rem; }
.tile dd { margin: 0; font-size: 1.55rem; line-height: 1.25; font-weight: 600; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
.tile dd bdi { direction: ltr; unicode-bidi: isolate; }
.tile dd small { font-size: .85rem; font-weight: 400; color: var(--soft); }
.tile dd.note { font-size: .82rem; font-weight: 400; color: var(--soft); white-space: normal; line-height: 1.4; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1.75rem 2rem;
  margin: 1rem 0; align-items: start; }
figure { margin: 0; max-width: 44rem; min-width: 0; break-inside: avoid; }
svg { width: 100%; height: auto; display: block; overflow: visible; }
details { margin-top: .25rem; font-size: .9rem; }
summary { color: var(--soft); cursor: pointer; width: fit-content; font-size: .85rem; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 50%; margin-inline: 0 .35em; }
.key.first { background: var(--first); } .key.second { background: var(--second); } .key.ink { background: var(--ink); }
.key.bar { border-radius: .15em; } .key.faint { opacity: .3; }
.key.dashed { height: 0; width: 1.4em; border-radius: 0; border-top: 2px dashed var(--soft); background: none;
  vertical-align: .25em; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; color: var(--soft); font-size: .9rem; }
.scroll { overflow-x: auto; scrollbar-width: thin; }
table { border-collapse: separate; border-spacing: 0; min-width: min(100%, 34rem);
  font-size: .9rem; font-variant-numeric: tabular-nums; margin: .5rem 0; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--grid); text-align: end; vertical-align: top; }
th { color: var(--soft); font-weight: 600; } .text { text-align: start; }
thead th { vertical-align: bottom; }
tbody th { color: var(--ink); font-weight: 500; }
tr.rule > * { border-top: 1px solid var(--grid); }
th:first-child, td:first-child { position: sticky; inset-inline-start: 0; background: var(--paper); padding-inline-start: 0; }
td.number { direction: ltr; text-align: end; white-space: nowrap; } [dir=rtl] td.number { text-align: start; }
details table { font-size: .85rem; } details .scroll { max-height: 24rem; overflow: auto; }
details thead th { position: sticky; top: 0; background: var(--paper); z-index: 1; }
.warning { border-inline-start: 3px solid var(--bad); padding: .3rem .9rem; background: var(--shade); max-width: 62rem; }
footer { margin-top: 3rem; padding-top: .8rem; border-top: 1px solid var(--grid); }
@media (max-width: 70rem) { table { font-size: .85rem; } th, td { padding-inline: .4rem; } }
@media (max-width: 34rem) { svg text { font-size: 16px; } h1 { font-size: 1.4rem; } .tiles { grid-template-columns: 1fr 1fr; }
  .tile { padding: .65rem .75rem; } .tile dd { font-size: 1.25rem; } }
@media print { :root { color-scheme: light; } body { max-width: none; padding: 0; font-size: 10pt; }
  .top, summary { display: none; }
  h2 { break-after: avoid; } .panels { grid-template-columns: 1fr 1fr; gap: 1rem; } table, .tiles { break-inside: avoid; } }
"""
PAGE: Final = COLOURS + CHOSEN + MARKS + LAYOUT
PICTURE: Final = COLOURS + MARKS
