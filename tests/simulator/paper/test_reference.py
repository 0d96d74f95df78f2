"""The page on models says what the reader does: no key, default or limit may drift from it."""

from __future__ import annotations

import json
import re
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from marhaba.files.problems import Problem
from marhaba.files.sections import duration, shown_path
from marhaba.simulator.paper.reading import read_paper
from marhaba.simulator.paper.reading_laws import LAWS
from tests.simulator.paper.models import paper, problems

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "simulation.md").read_text("utf-8")
MODEL: dict[str, Any] = {
    "name": "–",
    "hours": "00:00-24:00",
    "queues": {"un": {"relax": [{"after_s": 60, "levels": {"language": 0}}]}, "deux": {}},
    "types": {
        "a": {
            "queue": "un",
            "language": "fr",
            "arrivals": {"per_hour": 0},
            "handle": 60,
            "patience": 60,
            "callback": {},
            "consult": {"share": 0.5, "agents": "team", "lasts": 30},
            "returns": [{"after": "answered", "share": 0.5}],
        },
        "b": {"queue": "un", "arrivals": {"dialled": {}}, "handle": 60, "patience": 60},
    },
    "agents": {
        "team": {"skills": {"fr": 5}, "count": 1},
        "others": {"shifts": [{"hours": "08:00-16:00"}]},
    },
    "variants": {"v": {}},
}
PLACES: dict[str, tuple[str | int, ...]] = {
    "The house: top of the file": (),
    "`[queues.NAME]`": ("queues", "un"),
    "A step of `relax`": ("queues", "un", "relax", 0),
    "`service_level` of a queue": ("queues", "un", "service_level"),
    "`[types.NAME]`: who calls": ("types", "a"),
    "`arrivals` of a type": ("types", "a", "arrivals"),
    "`dialled` of `arrivals`": ("types", "b", "arrivals", "dialled"),
    "`callback` of a type": ("types", "a", "callback"),
    "`consult` of a type": ("types", "a", "consult"),
    "An entry of `returns`": ("types", "a", "returns", 0),
    "`[agents.NAME]`: who answers": ("agents", "team"),
    "A shift": ("agents", "others", "shifts", 0),
    "`[variants.NAME]`: other plans": ("variants", "v"),
}
RANGE = re.compile(
    r"(whole number|number|duration|by interval), (\S+(?: (?:s|min|h))?) to (\S+(?: (?:s|min|h))?)"
)
SLOW = {"days", "interval_s"}
"""Their ends make models of a year."""


class Row(NamedTuple):
    heading: str
    key: str
    type: str
    default: str

    @property
    def path(self) -> tuple[str | int, ...]:
        return (*PLACES[self.heading], self.key)


def sections() -> dict[str, str]:
    parts = re.split(r"^## (.*)$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows() -> list[Row]:
    found = []
    for heading, text in sections().items():
        for line in re.findall(r"^\| `.*$", text, re.MULTILINE) if heading in PLACES else []:
            key, type_, default, _ = (cell.strip() for cell in line[1:-1].split("|"))
            found.append(Row(heading, key.strip("`"), type_, default))
    return found


ROWS = rows()


def written(path: tuple[str | int, ...], value: Any) -> str:
    """The model with this value at this place; None: without it."""
    data = deepcopy(MODEL)
    table: Any = data
    for part in path[:-1]:
        table = table[part] if isinstance(part, int) else table.setdefault(part, {})
    table.pop(path[-1], None)
    if path[-1] == "per_interval":
        table.pop("per_hour", None)
    if value is not None:
        table[path[-1]] = value
    return "".join(f"{key} = {inline(each)}\n" for key, each in data.items())


def inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(inline(inner) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def wrong_at(row: Row, value: Any) -> list[Problem]:
    where = shown_path(row.path)
    found = problems(written(row.path, value))
    return [each for each in found if each.where == where or each.where.startswith(f"{where}[")]


def named(rows: list[Row]) -> Any:
    return pytest.mark.parametrize("row", rows, ids=[shown_path(row.path) for row in rows])


def test_the_model_the_rows_are_tried_in_is_right() -> None:
    assert problems(written(("name",), "–")) == []
    assert {row.heading for row in ROWS} == PLACES.keys()


@pytest.mark.parametrize("heading", PLACES)
def test_every_key_the_reader_knows_is_listed_and_no_other(heading: str) -> None:
    found = problems(written((*PLACES[heading], "no-such-key"), 1))
    [problem] = [each for each in found if each.expected == "key"]
    known = problem.about["keys"].split(", ")
    assert sorted(row.key for row in ROWS if row.heading == heading) == known


@named([row for row in ROWS if re.fullmatch("`[^`]+`", row.default)])
def test_a_default_is_what_the_reader_takes_for_what_is_left_out(row: Row) -> None:
    value = tomllib.loads(f"value = {row.default.strip('`')}")["value"]
    if row.path[-1] == "shifts":  # an empty list is no plan
        return
    without, with_it = (paper(written(row.path, given)) for given in (None, value))
    assert without == with_it


@named([row for row in ROWS if row.default == "*required*"])
def test_what_is_required_is_asked_for(row: Row) -> None:
    assert wrong_at(row, None)


@named([row for row in ROWS if RANGE.fullmatch(row.type) and row.key not in SLOW])
def test_limits_are_those_of_the_reader(row: Row) -> None:
    found = RANGE.fullmatch(row.type)
    assert found is not None
    kind, low, high = found.groups()
    read = duration if kind == "duration" else json.loads
    ends = read(low), read(high)
    assert ends[0] is not None
    assert ends[1] is not None
    step = 1 if kind == "whole number" or row.key == "count" else 0.001
    for good in ends:
        assert [
            each.expected
            for each in wrong_at(row, good)
            if each.expected in ("integer", "number", "duration")
        ] == []
    for bad in (ends[0] - step, ends[1] + step):
        assert wrong_at(row, bad)


@named([row for row in ROWS if row.type.startswith("one of ")])
def test_choices_are_those_of_the_reader(row: Row) -> None:
    choices = re.findall("`([^`]+)`", row.type)
    assert [choice for choice in choices if wrong_at(row, choice)] == []
    [problem] = wrong_at(row, "no such choice")
    assert problem.about["choices"].split(", ") == choices


def test_every_law_is_listed_with_its_keys() -> None:
    listed = dict(re.findall(r"^\| `([a-z-]+)` \| ([^|]*)\|", sections()["Laws"], re.MULTILINE))
    assert list(listed) == list(LAWS)
    for law, keys in listed.items():
        text = written(("types", "a", "patience"), {"law": law, "no-such-key": 1})
        [problem] = [each for each in problems(text) if each.expected == "key"]
        assert sorted(["law", *re.findall("`([^`]+)`", keys)]) == problem.about["keys"].split(", ")


def test_the_example_is_right_and_warns_of_nothing() -> None:
    example = read_paper(ROOT / "examples" / "tanger.toml")
    assert example.warnings == ()
    assert len(example.variants) == 3
