"""From a field to the draft, and from the draft to the file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from marhaba.kernel.errors import Refused
from marhaba.kernel.messages import Ask, Reply
from marhaba.web.live.hub import HUB
from marhaba.web.people.models import AuditEntry, User
from marhaba.web.setup import file
from marhaba.web.setup.models import Draft, How, Version
from tests.web.board.floor import ShownFloor, floor_thread
from tests.web.conftest import Entering
from tests.web.setup.conftest import TEXT

pytestmark = pytest.mark.django_db


@pytest.fixture
def floor(centre: Path) -> Iterator[ShownFloor]:
    with floor_thread(centre.parent / "floor.sock") as thread:
        HUB._path = centre.parent / "floor.sock"
        yield thread.floor
        HUB._path = None


def fields(client: Client, place: str) -> dict[str, Any]:
    """What a browser would send of the page's form, unchanged."""
    page = client.get(f"/setup/{place}")
    form = page.context["form"]
    sent: dict[str, Any] = {}
    for bound in form:
        grid = getattr(bound.field, "grid", None)
        if grid is not None:
            for number, row in enumerate(bound.initial):
                sent |= {f"{bound.html_name}-{number}-{name}": text for name, text in row.items()}
        elif (
            bound.field.widget.input_type == "checkbox"
            if hasattr(bound.field.widget, "input_type")
            else False
        ):
            if bound.widget_type == "checkbox" and bound.initial:
                sent[bound.html_name] = "on"
            elif bound.widget_type != "checkbox":
                sent[bound.html_name] = bound.initial
        else:
            sent[bound.html_name] = bound.initial if bound.initial is not None else ""
    draft = page.context["edit"].draft
    return sent | {"base": draft.base_id, "serial": draft.serial}


def change(client: Client, place: str, **values: Any) -> Any:
    return client.post(f"/setup/{place}", fields(client, place) | values)


def publish(client: Client, note: str = "") -> Any:
    serial = client.get("/setup/review").context["edit"].draft.serial
    return client.post("/setup/publish", {"serial": serial, "note": note})


PLACES = (
    "queues/accueil queues/nuit agents/amal agents/brahim calendars/bureau calendars/nuit programmes/banque programmes/hotel "
    "trunks/demo house sip media web limits dialling star_codes pause_codes dispositions"
)


@pytest.mark.parametrize("place", PLACES.split())
def test_a_form_that_is_sent_back_as_it_came_changes_nothing(
    enter: Entering, centre: Path, place: str
) -> None:
    client = enter("administrator")
    answer = change(client, place)
    assert answer.status_code == 302, answer.context["form"].errors
    assert Draft.objects.count() == 0


def test_a_field_changes_its_line_of_the_draft_and_the_file_is_as_it_was(
    enter: Entering, centre: Path
) -> None:
    client = enter("administrator")
    assert change(client, "queues/accueil", ring_s="30 s").status_code == 302
    assert Draft.objects.get().text == TEXT.replace('ring_s = "20 s"', 'ring_s = "30 s"')
    assert centre.read_text("utf-8") == TEXT


def test_publishing_writes_the_file_and_has_the_floor_read_it(
    enter: Entering, centre: Path, floor: ShownFloor
) -> None:
    client = enter("administrator")
    centre.chmod(0o640)
    change(client, "queues/accueil", ring_s="30 s")
    assert publish(client, "plus de temps").status_code == 302
    assert centre.read_text("utf-8") == TEXT.replace('ring_s = "20 s"', 'ring_s = "30 s"')
    assert centre.stat().st_mode & 0o777 == 0o640
    assert floor.asked == [Ask("reload")]
    newest = Version.objects.first()
    assert newest is not None
    assert (newest.number, newest.how, newest.note) == (2, How.PUBLISHED, "plus de temps")
    assert newest.author == User.objects.get()
    assert Draft.objects.count() == 0
    entry = AuditEntry.objects.get()
    assert (entry.did, entry.what, entry.data["note"]) == ("setup.publish", "2", "plus de temps")
    assert [path.name for path in centre.parent.iterdir() if path.name.startswith(".")] == []


def test_what_the_floor_refuses_leaves_the_file_as_it_was(
    enter: Entering, centre: Path, floor: ShownFloor
) -> None:
    floor.reply = Reply(ok=False, code="bad-centre", message="ligne 3 : non")
    client = enter("administrator")
    change(client, "queues/accueil", ring_s="30 s")
    answer = publish(client)
    assert answer.status_code == 409
    assert "ligne 3 : non" in answer.content.decode()
    assert centre.read_text("utf-8") == TEXT
    assert (Version.objects.count(), Draft.objects.count(), AuditEntry.objects.count()) == (1, 1, 0)


def test_without_a_floor_the_file_is_written_and_the_page_says_so(enter: Entering, centre: Path) -> None:
    client = enter("administrator")
    change(client, "queues/accueil", ring_s="30 s")
    publish(client)
    assert 'ring_s = "30 s"' in centre.read_text("utf-8")
    assert "Le plateau ne répond pas" in client.get("/setup/").content.decode()


def test_a_folder_that_cannot_be_written_is_said(centre: Path) -> None:
    centre.unlink()
    centre.parent.rmdir()
    with pytest.raises(Refused) as told:
        file.write(TEXT)
    assert (told.value.code, told.value.about) == ("not-written", {"why": "No such file or directory"})


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(enter: Entering, centre: Path) -> None:
    client = enter("administrator", language="es")
    answer = change(client, "queues/accueil", ring_s="bientôt", priority="mille", overflow_size="7.5")
    assert answer.status_code == 422
    assert Draft.objects.count() == 0
    errors = answer.context["form"].errors
    assert errors["ring_s"] == ['una duración de 5 s a 2 min, como "20 s" o "2 min"']
    assert errors["priority"] == ["un número entero de -100 a 100"]
    assert sorted(errors) == ["overflow_size", "priority", "ring_s"]
    page = answer.content.decode()
    assert 'value="bientôt"' in page
    assert 'value="mille"' in page


def test_what_breaks_elsewhere_is_kept_in_the_draft_and_holds_up_publishing(
    enter: Entering, centre: Path, floor: ShownFloor
) -> None:
    client = enter("administrator")
    draft = {"base": 1, "serial": 0}
    client.get("/setup/")
    assert client.post("/setup/queues/nuit/delete", draft).status_code == 302
    page = client.get("/setup/review").content.decode()
    assert "programmes.hotel.queue" in page
    assert publish(client).status_code == 422
    assert (centre.read_text("utf-8"), floor.asked) == (TEXT, [])
    change(client, "programmes/hotel", queue="accueil")
    assert publish(client).status_code == 302
    assert "nuit" not in tomllib.loads(centre.read_text("utf-8"))["queues"]


def test_a_new_queue_is_asked_for_a_name_and_then_for_its_keys(enter: Entering, centre: Path) -> None:
    client = enter("administrator")
    client.get("/setup/")
    assert client.post("/setup/new/queues", {"name": "à éviter"}).status_code == 422
    assert client.post("/setup/new/queues", {"name": "nuit"}).status_code == 422
    assert client.post("/setup/new/queues", {"name": "vip"}).status_code == 200
    sent = {
        "name": "vip",
        "base": 1,
        "serial": 0,
        "skills-0-key": "or",
        "skills-0-value": "4",
        "ring_s": "10 s",
    }
    answer = client.post("/setup/new/queues", sent)
    assert answer.status_code == 302, answer.context["form"].errors
    vip = tomllib.loads(Draft.objects.get().text)["queues"]["vip"]
    assert (vip["skills"], vip["ring_s"]) == ({"or": 4}, "10 s")


def test_a_new_programme_without_a_number_is_not_kept(enter: Entering, centre: Path) -> None:
    client = enter("administrator")
    client.get("/setup/")
    answer = client.post("/setup/new/programmes", {"name": "mairie", "base": 1, "serial": 0})
    assert answer.status_code == 422
    assert sorted(answer.context["form"].errors) == ["calendar", "numbers", "queue"]
    assert Draft.objects.count() == 0


def test_hours_and_holidays_are_typed_as_people_say_them(enter: Entering, centre: Path) -> None:
    client = enter("administrator")
    values = {
        "hours.wed": "09:00-12:00, 14:00-18:00",
        "holidays": "morocco\n2027-03-11\n2026-12-24 08:30-15:00",
    }
    assert change(client, "calendars/bureau", **values).status_code == 302
    bureau = tomllib.loads(Draft.objects.get().text)["calendars"]["bureau"]
    assert bureau["hours"]["wed"] == ["09:00-12:00", "14:00-18:00"]
    assert bureau["holidays"] == ["morocco", "2027-03-11", {"date": "2026-12-24", "hours": ["08:30-15:00"]}]
    wrong = change(client, "calendars/bureau", **{"hours.thu": "9h-12h", "holidays": "demain"})
    assert sorted(wrong.context["form"].errors) == ["holidays", "hours.thu"]


def test_a_draft_that_is_changed_back_is_none(enter: Entering, centre: Path) -> None:
    client = enter("administrator")
    change(client, "queues/accueil", ring_s="30 s")
    change(client, "queues/accueil", ring_s="20 s")
    assert Draft.objects.count() == 0


def test_two_windows_of_one_person_do_not_overwrite_each_other(enter: Entering, centre: Path) -> None:
    client = enter("administrator")
    old = fields(client, "queues/accueil")
    change(client, "queues/accueil", ring_s="30 s")
    answer = client.post("/setup/queues/accueil", old | {"ring_s": "40 s"})
    assert answer.status_code == 422
    assert "autre fenêtre" in answer.content.decode()
    assert 'value="40 s"' in answer.content.decode()
    assert 'ring_s = "30 s"' in Draft.objects.get().text


def test_of_two_people_the_second_is_told_and_both_changes_stand(
    enter: Entering, centre: Path, floor: ShownFloor
) -> None:
    salma, driss = enter("administrator"), enter("administrator", "planner")
    change(salma, "queues/accueil", ring_s="30 s")
    change(driss, "queues/nuit", wrap_s="1 min")
    publish(salma)
    answer = publish(driss)
    assert answer.status_code == 409
    assert "La version 2 a été publiée" in answer.content.decode()
    assert driss.post("/setup/renew").status_code == 302
    assert publish(driss).status_code == 302
    queues = tomllib.loads(centre.read_text("utf-8"))["queues"]
    assert (queues["accueil"]["ring_s"], queues["nuit"]["wrap_s"]) == ("30 s", "1 min")


@pytest.mark.parametrize(("keep", "stands"), [("mine", "40 s"), ("theirs", "30 s")])
def test_where_two_people_changed_one_thing_they_are_asked(
    enter: Entering, centre: Path, floor: ShownFloor, keep: str, stands: str
) -> None:
    salma, driss = enter("administrator"), enter("administrator", "planner")
    change(salma, "queues/accueil", ring_s="30 s")
    change(driss, "queues/accueil", ring_s="40 s")
    publish(salma)
    answer = driss.post("/setup/renew")
    assert answer.status_code == 409
    shown = re.findall(r"<ins><bdi>(.*?)</bdi>", answer.content.decode())
    assert shown[:2] == ["40 s", "30 s"]
    assert driss.post("/setup/renew", {"keep": keep}).status_code == 302
    publish(driss)
    assert tomllib.loads(centre.read_text("utf-8"))["queues"]["accueil"]["ring_s"] == stands


def test_a_file_changed_by_hand_is_a_version_of_nobody(enter: Entering, centre: Path) -> None:
    client = enter("administrator")
    change(client, "queues/accueil", ring_s="30 s")
    centre.write_text(TEXT.replace("language_level = 5", "language_level = 6"), "utf-8")
    assert publish(client).status_code == 409
    newest = Version.objects.first()
    assert newest is not None
    assert (newest.number, newest.how, newest.author) == (2, How.FOUND, None)
    client.post("/setup/renew")
    publish(client)
    text = centre.read_text("utf-8")
    assert 'ring_s = "30 s"' in text
    assert "language_level = 6" in text


def test_a_published_version_is_undone_and_what_came_after_stays(
    enter: Entering, centre: Path, floor: ShownFloor
) -> None:
    client = enter("administrator")
    change(client, "queues/accueil", ring_s="30 s")
    publish(client)
    change(client, "queues/nuit", wrap_s="1 min")
    publish(client)
    assert client.post("/setup/versions/2/undo").status_code == 302
    publish(client, "trop long")
    assert centre.read_text("utf-8") == TEXT.replace(
        "skills = { hotel = 3 }\n", 'skills = { hotel = 3 }\nwrap_s = "1 min"\n'
    )
    newest = Version.objects.first()
    assert newest is not None
    assert newest.how == How.UNDONE


def test_undoing_what_was_changed_again_is_refused_with_what_it_would_overwrite(
    enter: Entering, centre: Path, floor: ShownFloor
) -> None:
    client = enter("administrator")
    for ring in ("30 s", "40 s"):
        change(client, "queues/accueil", ring_s=ring)
        publish(client)
    answer = client.post("/setup/versions/2/undo")
    assert answer.status_code == 409
    assert "40 s" in answer.content.decode()
    assert client.post("/setup/versions/1/undo", {"all": "1"}).status_code == 302
    publish(client)
    assert centre.read_text("utf-8") == TEXT


def test_a_file_is_looked_at_before_it_is_taken_in(enter: Entering, centre: Path, floor: ShownFloor) -> None:
    client = enter("administrator")
    wrong = client.post("/setup/import", {"text": TEXT.replace('"20 s"', '"jamais"')})
    assert wrong.status_code == 422
    assert re.search(r"ligne \d+, queues\.accueil\.ring_s", wrong.content.decode())
    syntax = client.post("/setup/import", {"text": TEXT + "\n[oops"})
    assert syntax.status_code == 422
    good = TEXT.replace('"20 s"', '"25 s"')
    looked = client.post("/setup/import", {"text": good})
    assert looked.status_code == 200
    assert "25 s" in looked.content.decode()
    assert Draft.objects.count() == 0
    assert client.post("/setup/import", {"text": good, "take": "1"}).status_code == 302
    publish(client)
    assert centre.read_text("utf-8") == good


def test_what_is_exported_is_the_file(enter: Entering, centre: Path) -> None:
    client = enter("administrator")
    client.get("/setup/")
    answer = client.get("/setup/versions/1/export")
    assert answer.content.decode() == TEXT
    assert answer["Content-Disposition"] == 'attachment; filename="centre-1.toml"'


def test_pages_without_a_readable_file_say_so(enter: Entering, centre: Path) -> None:
    client = enter("administrator")
    centre.write_text("name = ", "utf-8")
    assert client.get("/setup/").status_code == 503
    centre.unlink()
    assert client.get("/setup/").status_code == 503
