"""The reference pages say what the readers do: no key, default, limit or code may drift from the code."""

from __future__ import annotations

import json
import re
import textwrap
import tomllib
from copy import deepcopy
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from marhaba.centre import CentreError, Problem, diff, load_centre, parse_centre
from marhaba.files.sections import duration, shown_path
from marhaba.floor.codes import _table
from marhaba.floor.supervision import MODE_KEYS

DOCS = Path(__file__).parents[2] / "docs" / "reference"
TableOf = dict[str, Any]
SMALLEST: TableOf = {
    "name": "Essai",
    "country": "MA",
    "timezone": "Africa/Casablanca",
    "sip": {"advertised_host": "192.0.2.1"},
    "web": {},
    "calendars": {"bureau": {"holidays": [{"date": "2026-12-24"}]}},
    "programmes": {"banque": {"numbers": ["0539000000"], "calendar": "always", "queue": "accueil"}},
    "queues": {
        "accueil": {"relax": [{"after_s": 60, "levels": {"language": 0}}]},
        "autre": {},
    },
    "agents": {"amal": {"phone": "101", "skills": {"fr": 8}}},
    "trunks": {"maroc": {"host": "192.0.2.9"}},
    "dialling": {"routes": [{"prefix": "+212", "trunks": ["maroc"]}]},
}
PLACES: dict[str, tuple[str | int, ...]] = {
    "The house: top of the file": (),
    "`[sip]`: signalling": ("sip",),
    "`[media]`: audio": ("media",),
    "`[web]`: the pages": ("web",),
    "`[limits]`": ("limits",),
    "`[calendars.NAME]`: opening hours": ("calendars", "bureau"),
    "`[calendars.NAME.hours]`": ("calendars", "bureau", "hours"),
    "A day with hours of its own, in `holidays`": ("calendars", "bureau", "holidays", 0),
    "`[programmes.NAME]`: what a client buys": ("programmes", "banque"),
    "`[queues.NAME]`": ("queues", "accueil"),
    "A step of `relax`": ("queues", "accueil", "relax", 0),
    "`service_level` of a queue": ("queues", "accueil", "service_level"),
    "`[agents.NAME]`": ("agents", "amal"),
    "`[trunks.NAME]`: carriers": ("trunks", "maroc"),
    "`[dialling]`: what may be dialled outside": ("dialling",),
    "`[[dialling.routes]]`": ("dialling", "routes", 0),
    "`[star_codes]`": ("star_codes",),
}
RANGE = re.compile(r"(whole number|number|duration), (\S+(?: (?:s|min|h))?) to (\S+(?: (?:s|min|h))?)")


class Row(NamedTuple):
    heading: str
    key: str
    type: str
    default: str

    @property
    def path(self) -> tuple[str | int, ...]:
        return (*PLACES[self.heading], self.key)


def sections(page: str) -> dict[str, str]:
    """The text under each heading of the second level."""
    parts = re.split(r"^## (.*)$", (DOCS / page).read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows() -> list[Row]:
    found = []
    for heading, text in sections("centre.md").items():
        for line in re.findall(r"^\| `.*$", text, re.MULTILINE):
            key, type_, default, _ = (cell.strip() for cell in line[1:-1].split("|"))
            found.append(Row(heading, key.strip("`"), type_, default))
    return found


ROWS = rows()


def toml(data: TableOf) -> str:
    return "".join(f"{key} = {inline(value)}\n" for key, value in data.items())


def inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(inline(inner) for inner in value) + "]"
    return json.dumps(value)


def written(path: tuple[str | int, ...], value: Any) -> str:
    """The smallest centre with this value at this place; None: without it."""
    data = deepcopy(SMALLEST)
    table: Any = data
    for part in path[:-1]:
        table = table[part] if isinstance(part, int) else table.setdefault(part, {})
    table.pop(path[-1], None)
    if value is not None:
        table[path[-1]] = value
    return toml(data)


def problems(text: str) -> list[Problem]:
    try:
        parse_centre(text, folder=Path("/centre"))
    except CentreError as wrong:
        return wrong.problems
    return []


def wrong_at(row: Row, value: Any) -> bool:
    where = shown_path(row.path)
    found = problems(written(row.path, value))
    return any(problem.where == where or problem.where.startswith(f"{where}[") for problem in found)


def named(rows: list[Row]) -> Any:
    return pytest.mark.parametrize("row", rows, ids=[shown_path(row.path) for row in rows])


def test_the_centre_the_rows_are_tried_in_is_right() -> None:
    assert problems(toml(SMALLEST)) == []
    assert {row.heading for row in ROWS} == PLACES.keys()


@pytest.mark.parametrize("heading", PLACES)
def test_every_key_the_reader_knows_is_listed_and_no_other(heading: str) -> None:
    [problem] = [p for p in problems(written((*PLACES[heading], "no-such-key"), 1)) if p.expected == "key"]
    known = problem.about["keys"].split(", ")
    assert sorted(row.key for row in ROWS if row.heading == heading) == known


@named([row for row in ROWS if re.fullmatch("`[^`]+`", row.default) and row.default != "`queue_max`"])
def test_a_default_is_what_the_reader_takes_for_what_is_left_out(row: Row) -> None:
    value = tomllib.loads(f"value = {row.default.strip('`')}")["value"]
    folder = Path("/centre")
    without, with_it = (parse_centre(written(row.path, given), folder=folder) for given in (None, value))
    assert diff(without, with_it) == []


@named([row for row in ROWS if row.default == "*required*"])
def test_what_is_required_is_asked_for(row: Row) -> None:
    assert wrong_at(row, None)


@named([row for row in ROWS if RANGE.fullmatch(row.type) and "`" not in row.type])
def test_limits_are_those_of_the_reader(row: Row) -> None:
    found = RANGE.fullmatch(row.type)
    assert found is not None
    low, high = (duration(bound) if found[1] == "duration" else float(bound) for bound in found.groups()[1:])
    assert low is not None
    assert high is not None
    step = 1 if found[1] == "whole number" else 0.001
    as_read = int if found[1] == "whole number" else float
    assert not wrong_at(row, as_read(low))
    assert not wrong_at(row, as_read(high))
    assert wrong_at(row, as_read(low - step))
    assert wrong_at(row, as_read(high + step))


@named([row for row in ROWS if row.type.startswith("one of")])
def test_choices_are_those_of_the_reader(row: Row) -> None:
    choices = re.findall(r"`(.*?)`", row.type)
    assert [choice for choice in choices if wrong_at(row, choice)] == []
    [problem] = [p for p in problems(written(row.path, "no-such-choice")) if p.where == shown_path(row.path)]
    assert problem.about["choices"].split(", ") == choices


@named([row for row in ROWS if row.type == "true or false"])
def test_a_truth_is_true_or_false(row: Row) -> None:
    assert [value for value in (True, False) if wrong_at(row, value)] == []
    assert wrong_at(row, "true")


def test_the_phones_file_is_written_as_shown(tmp_path: Path) -> None:
    example = "\n".join(
        line.strip()
        for line in sections("centre.md")["phones.toml, beside it"].splitlines()
        if line[:4] == "    "
    )
    example = example.replace('sha256 = "..."', f'sha256 = "{"a" * 64}"').replace('"..."', f'"{"b" * 32}"')
    trunk = {"host": "192.0.2.9", "user": "me"}
    data = SMALLEST | {"realm": "tanger.marhaba", "trunks": SMALLEST["trunks"] | {"carrier": trunk}}
    (tmp_path / "centre.toml").write_text(toml(data))
    (tmp_path / "phones.toml").write_text(example)
    (tmp_path / "phones.toml").chmod(0o600)
    centre = load_centre(tmp_path / "centre.toml")
    assert centre.secrets.phones == {"101": {"SHA-256": "a" * 64, "MD5": "b" * 32}}
    assert centre.trunks["carrier"].password == "b" * 32


def cells(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line[1:-1].split("|")]
        for line in re.findall(r"^\| `.*$", text, re.MULTILINE)
    ]


def test_the_star_codes_are_those_the_floor_obeys() -> None:
    page = (DOCS / "star-codes.md").read_text("utf-8").partition("## While supervising")[0]
    listed = {code.partition("`")[2].partition("`")[0]: heard for code, _, heard in cells(page)}
    centre = parse_centre(toml(SMALLEST), folder=Path("/centre"))
    assert set(listed) == set(asdict(centre.star_codes).values())
    catalogue = tomllib.loads(
        resources.files("marhaba.media").joinpath("prompts/catalogue.toml").read_text("utf-8")
    )
    floor: Any = SimpleNamespace(centre=centre)
    incoming: Any = SimpleNamespace(leg="leg-1")
    obeyed = _table(floor, centre.agents["amal"], incoming)
    confirmed = {
        code: f"“{catalogue[prompt]['en']}”" if prompt else "the call" for code, (_, prompt) in obeyed.items()
    }
    assert listed == confirmed


def test_the_keys_of_a_supervisor_are_those_the_floor_obeys() -> None:
    listed = {key.strip("`"): mode for key, mode in cells(sections("star-codes.md")["While supervising"])}
    assert listed == MODE_KEYS


def test_the_least_that_is_a_centre_is_one() -> None:
    page = (DOCS.parent / "design" / "centre.md").read_text("utf-8")
    example = "    name =" + page.partition("    name =")[2].partition("Everything else")[0]
    centre = parse_centre(textwrap.dedent(example), folder=Path("/centre"))
    assert (list(centre.programmes), list(centre.queues), list(centre.agents)) == (
        ["mairie"],
        ["accueil"],
        ["amal"],
    )
