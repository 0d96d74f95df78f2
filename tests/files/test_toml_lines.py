"""Every key of a TOML text is found at the line it stands on."""

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marhaba.files.toml_lines import Path, line_of, toml_lines

TEXT = """\
# a comment with [brackets] and key = value
title = "x"   # [not.a.table]
"quoted key" = 1
'literal.key' = 2
dotted . name = 3
[queues.support]
relax = [
    # first
    { after = "30 s", levels = { "fr" = 1 } },

    { after = "60 s" },
]
multi = \"\"\"
[not.a.table]
key = 1 \\\"""
still ""text\"\"\"\"\"
after_multi = '''
x = 1'''
date = 1979-05-27 07:32:00
last = 1
[[routes]]
prefix = "+212"
[[routes]]
prefix = "+34"
[routes.deep]
x = 1
[[routes.inner]]
y = 1
[a."b.c"]
z = { p.q = 1, r = [1, [2,
  3]] }
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("quoted key",), 3),
        (("literal.key",), 4),
        (("dotted", "name"), 5),
        (("dotted",), 5),
        (("queues",), 6),
        (("queues", "support"), 6),
        (("queues", "support", "relax"), 7),
        (("queues", "support", "relax", 0), 9),
        (("queues", "support", "relax", 0, "levels", "fr"), 9),
        (("queues", "support", "relax", 1, "after"), 11),
        (("queues", "support", "multi"), 13),
        (("queues", "support", "after_multi"), 17),
        (("queues", "support", "date"), 19),
        (("queues", "support", "last"), 20),
        (("routes", 0), 21),
        (("routes", 0, "prefix"), 22),
        (("routes", 1, "prefix"), 24),
        (("routes", 1, "deep", "x"), 26),
        (("routes", 1, "inner", 0, "y"), 28),
        (("a", "b.c"), 29),
        (("a", "b.c", "z", "p", "q"), 30),
        (("a", "b.c", "z", "r", 1, 1), 31),
    ],
)
def test_each_key_is_found_at_its_line(path: Path, line: int) -> None:
    assert toml_lines(TEXT)[path] == line


def test_the_index_holds_every_place_of_the_document_and_no_other() -> None:
    assert set(toml_lines(TEXT)) == set(_paths(tomllib.loads(TEXT)))


def test_windows_line_ends_count_once() -> None:
    assert toml_lines(TEXT.replace("\n", "\r\n")) == toml_lines(TEXT)


def test_a_missing_key_is_named_by_what_is_around_it() -> None:
    lines = toml_lines(TEXT)
    assert line_of(lines, ("queues", "support", "ring_s")) == 6
    assert line_of(lines, ("routes", 1, "trunks")) == 23
    assert line_of(lines, ("nowhere", "at", "all")) == 1


def _paths(value: Any, path: Path = ()) -> list[Path]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += _paths(item, (*path, key))
    return found


KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=6)
VALUES = st.recursive(
    st.integers(-5, 5) | st.booleans() | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(k)} = {_inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",\n # ] }\n ".join(_inline(v) for v in value) + "]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.dictionaries(KEYS, VALUES, max_size=3))
def test_any_document_is_indexed_completely_and_at_rising_lines(
    pairs: dict[str, Any], table: dict[str, Any]
) -> None:
    written = [f"{_quoted(key)} = {_inline(value)}" for key, value in pairs.items()]
    written += ["[[zz-table]]", *(f"{_quoted(key)} = {_inline(value)}" for key, value in table.items())]
    text = "\n".join(written)
    if "zz-table" in pairs:
        return
    document = tomllib.loads(text)
    lines = toml_lines(text)
    assert set(lines) == set(_paths(document))
    rows = text.split("\n")
    for path, line in lines.items():
        if isinstance(path[-1], str):
            assert _quoted(path[-1]) in rows[line - 1] or path[-1] == "zz-table"
