"""A file is changed where it was changed, and nowhere else."""

from __future__ import annotations

import tomllib
from copy import deepcopy
from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marhaba.files.toml_edits import TABLE, Change, Conflict, changes, edited, leaves, merged, value_at

SAMPLE = resources.files("marhaba.centre").joinpath("sample.toml").read_text("utf-8")
DATA = tomllib.loads(SAMPLE)


def made(change: Any) -> tuple[str, dict[str, Any]]:
    """The sample with a change made in its data: its text by edits, and what it must say."""
    data = deepcopy(DATA)
    change(data)
    return edited(SAMPLE, changes(DATA, data)), data


def lines_changed(text: str) -> list[str]:
    old, new = SAMPLE.splitlines(), text.splitlines()
    return [f"-{line}" for line in old if line not in new] + [f"+{line}" for line in new if line not in old]


def test_nothing_changed_is_the_same_text() -> None:
    assert edited(SAMPLE, []) == SAMPLE
    assert changes(DATA, DATA) == []


def test_a_value_changes_on_its_line_and_keeps_its_comment() -> None:
    text, _ = made(lambda data: data.update(country="FR"))
    assert lines_changed(text) == [
        '-country = "MA"                     # MA, FR or ES: how numbers without + are read',
        '+country = "FR"                     # MA, FR or ES: how numbers without + are read',
    ]


def test_a_new_key_stands_behind_its_table_and_before_the_next_ones_comment() -> None:
    text, data = made(lambda data: data["queues"]["support"].update(ring_s="30 s"))
    assert 'max_wait_s = "15 min"\nring_s = "30 s"\n\n# ---- people' in text
    assert tomllib.loads(text) == data


def test_a_new_table_stands_with_its_kind_and_is_written_as_people_do() -> None:
    vip = {"skills": {"vente": 3}, "relax": [{"after_s": "1 min", "levels": {"language": 0}}]}
    text, data = made(lambda data: data["queues"].update(vip=vip))
    assert tomllib.loads(text) == data
    assert (
        'max_wait_s = "15 min"\n\n[queues.vip]\nskills = { vente = 3 }\nrelax = [\n'
        '    { after_s = "1 min", levels = { language = 0 } },\n]\n\n# ---- people' in text
    )


def test_a_table_that_is_gone_takes_its_keys_along_and_leaves_the_next_ones_comment() -> None:
    text, data = made(lambda data: data["queues"].pop("support"))
    assert tomllib.loads(text) == data
    assert "# ---- people" in text
    assert "[queues.support]" not in text


def test_an_order_that_means_something_is_a_change() -> None:
    turned = dict(reversed(DATA["pause_codes"].items()))
    text, _ = made(lambda data: data.update(pause_codes=turned))
    assert list(tomllib.loads(text)["pause_codes"]) == list(turned)


def test_whole_numbers_are_no_truths() -> None:
    assert changes({"a": 1}, {"a": True}) == [Change(("a",), 1, True)]


def test_two_who_change_different_things_both_get_theirs() -> None:
    mine, _ = made(lambda data: data["queues"]["support"].update(ring_s="30 s"))
    theirs, _ = made(lambda data: data["agents"].pop("brahim"))
    both = tomllib.loads(merged(SAMPLE, mine, theirs))
    assert both["queues"]["support"]["ring_s"] == "30 s"
    assert "brahim" not in both["agents"]


def test_two_who_change_the_same_thing_are_told() -> None:
    mine, _ = made(lambda data: data["queues"]["support"].update(wrap_s="1 min"))
    theirs, _ = made(lambda data: data["queues"]["support"].update(wrap_s="2 min"))
    with pytest.raises(Conflict) as told:
        merged(SAMPLE, mine, theirs)
    assert told.value.mine == (Change(("queues", "support", "wrap_s"), "30 s", "1 min"),)
    assert told.value.theirs == (Change(("queues", "support", "wrap_s"), "30 s", "2 min"),)
    for keep, value in (("mine", "1 min"), ("theirs", "2 min")):
        text = merged(SAMPLE, mine, theirs, keep=keep)
        assert value_at(tomllib.loads(text), ("queues", "support", "wrap_s")) == value


def test_who_changes_what_another_took_away_is_told() -> None:
    mine, _ = made(lambda data: data["agents"]["brahim"]["skills"].update(fr=9))
    theirs, _ = made(lambda data: data["agents"].pop("brahim"))
    with pytest.raises(Conflict):
        merged(SAMPLE, mine, theirs)
    with pytest.raises(Conflict):
        merged(SAMPLE, theirs, mine)
    assert "brahim" not in tomllib.loads(merged(SAMPLE, mine, theirs, keep="theirs"))["agents"]


def test_two_who_say_the_same_agree() -> None:
    mine, _ = made(lambda data: data["queues"]["support"].update(wrap_s="1 min"))
    assert merged(SAMPLE, mine, mine) == mine


KEYS = st.sampled_from(["a", "b", "c-d", "été", "0539", "x.y", "skills"])
SCALARS = (
    st.integers(-(10**6), 10**6)
    | st.booleans()
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
)
LISTS = st.lists(st.text("abc ", max_size=3), max_size=3) | st.lists(
    st.dictionaries(KEYS, SCALARS, min_size=1, max_size=2), max_size=2
)
TABLES = st.recursive(
    st.dictionaries(KEYS, SCALARS | LISTS, max_size=4),
    lambda inner: st.dictionaries(KEYS, SCALARS | LISTS | inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(
    added=TABLES,
    place=st.sampled_from([(), ("queues",), ("agents", "amal"), ("calendars", "bureau", "hours")]),
)
def test_whatever_is_put_and_taken_away_again_is_what_was_meant(
    added: dict[str, Any], place: tuple[str, ...]
) -> None:
    data = deepcopy(DATA)
    table = value_at(data, place)
    table.update(added)
    there = edited(SAMPLE, changes(DATA, data))
    assert tomllib.loads(there) == data
    assert tomllib.loads(edited(there, changes(data, DATA))) == DATA


@settings(max_examples=40, deadline=None)
@given(names=st.lists(st.sampled_from(sorted(leaves(DATA))), max_size=8))
def test_whatever_is_taken_away_is_gone_and_comes_back(names: list[tuple[str, ...]]) -> None:
    data = deepcopy(DATA)
    for path in names:
        around = value_at(data, path[:-1])
        if isinstance(around, dict):
            around.pop(path[-1], None)
    less = edited(SAMPLE, changes(DATA, data))
    assert tomllib.loads(less) == data
    assert tomllib.loads(edited(less, changes(data, DATA))) == DATA


def test_a_table_may_stand_empty() -> None:
    assert leaves({"queues": {"a": {}}}) == {("queues",): TABLE, ("queues", "a"): TABLE}
    assert tomllib.loads(edited("", changes({}, {"queues": {"a": {}}}))) == {"queues": {"a": {}}}
