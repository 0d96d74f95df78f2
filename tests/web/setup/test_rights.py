"""An administrator manages the centre; a supervisor adjusts what is his alone."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from marhaba.web.setup.models import Draft
from marhaba.web.setup.rights import Rights
from tests.web.conftest import Entering
from tests.web.setup.conftest import TEXT
from tests.web.setup.test_editing import change, fields

DATA = tomllib.loads(TEXT)
BANK = Rights(manages=False, programmes=frozenset({"banque"}))
FLOOR = Rights(manages=False, programmes=None)
BOSS = Rights(manages=True, programmes=None)


@pytest.mark.parametrize(
    ("path", "boss", "floor", "bank"),
    [
        (("queues", "accueil", "ring_s"), True, False, False),
        (("agents", "amal", "skills", "fr"), True, True, True),
        (("agents", "brahim", "skills", "fr"), True, True, False),  # serves every queue he can
        (("agents", "amal", "supervisor"), True, False, False),
        (("agents", "nobody", "skills", "fr"), True, False, False),
        (("calendars", "bureau", "hours", "mon"), True, True, True),
        (("calendars", "nuit", "hours", "mon"), True, True, False),
        (("calendars", "bureau"), True, False, False),
        (("name",), True, False, False),
    ],
)
def test_who_may_change_what(path: tuple[str, ...], boss: bool, floor: bool, bank: bool) -> None:
    assert [rights.changes(DATA, path) for rights in (BOSS, FLOOR, BANK)] == [boss, floor, bank]


def test_who_leads_one_programme_sees_what_it_uses() -> None:
    seen = {
        kind: [name for name in DATA[kind] if BANK.sees(DATA, kind, name)]
        for kind in ("programmes", "queues", "calendars", "agents")
    }
    assert seen == {
        "programmes": ["banque"],
        "queues": ["accueil"],
        "calendars": ["bureau"],
        "agents": ["amal", "brahim"],
    }
    assert not BANK.sees(DATA, "trunks")
    assert FLOOR.sees(DATA, "trunks")


@pytest.mark.django_db
def test_the_pages_hold_to_it(enter: Entering, centre: Path) -> None:
    leader = enter("supervisor", programme="banque")
    assert leader.get("/setup/queues/nuit").status_code == 404
    assert leader.get("/setup/trunks").status_code == 404
    assert leader.get("/setup/programmes/hotel").status_code == 404
    for place in ("versions/1", "versions/1/export"):
        assert leader.get(f"/setup/{place}").status_code == 404
    assert "hotel" not in leader.get("/setup/").content.decode()
    assert leader.get("/setup/new/queues").status_code == 403
    assert change(leader, "queues/accueil", ring_s="30 s").status_code == 302  # its fields are closed
    assert Draft.objects.count() == 0
    assert change(leader, "agents/amal", **{"skills-0-value": "10"}).status_code == 302
    assert tomllib.loads(Draft.objects.get().text)["agents"]["amal"]["skills"]["fr"] == 10


@pytest.mark.django_db
def test_an_administrator_of_one_programme_is_its_supervisor_here(enter: Entering, centre: Path) -> None:
    leader = enter("administrator", programme="banque")
    assert leader.get("/setup/new/queues").status_code == 404
    assert leader.get("/setup/import").status_code == 404
    form = fields(leader, "agents/amal")
    assert leader.post("/setup/agents/amal/delete", form).status_code == 302
    assert Draft.objects.count() == 0
