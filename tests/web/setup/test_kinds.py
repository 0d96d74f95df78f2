"""Every key that the reader knows has its field, with the reader's limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from marhaba.centre.reading import examine_centre
from marhaba.files.toml_edits import edited
from marhaba.web.setup.forms import LOOKS, TableForm, table_of
from marhaba.web.setup.kinds import KINDS, Kind
from tests.web.setup.conftest import TEXT


def asked_of(kind: Kind) -> set[str]:
    place = (kind.name, "x") if kind.named else kind.path
    text = edited(TEXT, [table_of(place)]) if place else TEXT
    asked = examine_centre(text, folder=Path("/centre"), secrets=None).asked
    own = {path[len(place) :] for path in asked if path[: len(place)] == place}
    if not kind.named and not place:
        own = {path for path in own if len(path) == 1 and path[0] not in KINDS}
    tables = {path[:-1] for path in own if len(path) > 1}
    return {".".join(map(str, path)) for path in own if path and path not in tables}


@pytest.mark.parametrize(
    "kind", [k for k in KINDS.values() if k.groups[0].entries[0].key], ids=lambda k: k.name
)
def test_every_key_has_its_field_and_every_field_its_key(kind: Kind) -> None:
    named = {entry.key for entry in kind.entries()}
    assert asked_of(kind) == named


def test_looks_are_those_that_forms_know() -> None:
    looks = {entry.look for kind in KINDS.values() for entry in kind.entries()}
    assert looks - LOOKS.keys() == {"", "lines", "queues", "periods", "holidays"}
    assert LOOKS.keys() - looks == set()


def test_a_field_says_the_limits_of_the_reader() -> None:
    asked = examine_centre(TEXT, folder=Path("/centre"), secrets=None).asked
    form = TableForm(
        kind=KINDS["queues"],
        place=("queues", "accueil"),
        data_of={},
        asked=asked,
        editable=lambda path: True,
    )
    assert str(form.fields["ring_s"].help_text) == "De 5 s à 2 min."
    assert form.fields["wrap_s"].widget.attrs["placeholder"] == "15 s"
