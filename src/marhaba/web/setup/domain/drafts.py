"""A draft: what somebody is about to change, his alone until he publishes it."""

from __future__ import annotations

from django.db import transaction

from marhaba.files.toml_edits import merged
from marhaba.kernel.errors import Refused
from marhaba.web.people.models import User
from marhaba.web.setup import file
from marhaba.web.setup.domain.versions import latest
from marhaba.web.setup.models import Draft, How, Version


def draft_of(user: User) -> Draft:
    """His draft; one that is not saved yet and changes nothing, when he has none."""
    found = Draft.objects.select_related("base__author").filter(owner=user).first()
    if found is not None:
        return found
    base = latest()
    return Draft(owner=user, base=base, text=base.text)


def save(user: User, text: str, *, base: int, serial: int, how: str = "") -> Draft:
    """Keep it. `base` and `serial`: of the draft that the page showed. Raises `Refused` when another window has saved since."""
    with file.alone(), transaction.atomic():
        draft = Draft.objects.filter(owner=user).first()
        if (draft.serial if draft is not None else 0) != serial:
            raise Refused("saved in another window", code="stale")
        if draft is None:
            draft = Draft(owner=user, base=Version.objects.get(number=base))
        draft.text, draft.serial = text, serial + 1
        if how:
            draft.how = how
        if text == draft.base.text:  # nothing is left to change
            Draft.objects.filter(owner=user).delete()
            draft.serial = 0
        else:
            draft.save()
    return draft


def discard(user: User) -> None:
    Draft.objects.filter(owner=user).delete()


def renew(user: User, *, keep: str = "") -> Draft:
    """Put his changes on top of what was published meanwhile. Raises `Conflict`, unless `keep` says whose word counts."""
    draft = draft_of(user)
    newest = latest()
    if not draft.kept or draft.base_id == newest.number:
        return draft
    text = merged(draft.base.text, draft.text, newest.text, keep=keep)
    draft.base, draft.text, draft.serial = newest, text, draft.serial + 1
    if text == newest.text:
        discard(user)
    else:
        draft.save()
    return draft


def begin(user: User, text: str, how: How) -> Draft:
    """A draft that somebody did not type: an import, an undoing. Raises `Refused` when he has one already."""
    draft = draft_of(user)
    if draft.kept:
        raise Refused("there is a draft already", code="has-draft")
    return save(user, text, base=draft.base_id, serial=0, how=how)
