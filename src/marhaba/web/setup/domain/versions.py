"""Published versions of the centre's file: each with who, when and why. The floor takes them, and calls go on."""

from __future__ import annotations

from dataclasses import dataclass

from asgiref.sync import async_to_sync
from django.db import transaction
from django.utils import timezone

from marhaba.files.toml_edits import merged
from marhaba.kernel.errors import Refused
from marhaba.kernel.messages import Reply
from marhaba.web.live.hub import HUB
from marhaba.web.people import audit
from marhaba.web.people.models import User
from marhaba.web.setup import file
from marhaba.web.setup.models import Draft, How, Version


@dataclass(frozen=True, slots=True)
class Published:
    version: Version
    taken: bool  # by the floor; False: it does not run, and reads the file when it starts


def latest() -> Version:
    """The file as it is. Who changed it outside the pages is not known; that it was changed, and how, is kept."""
    text = file.current()
    digest = file.digest_of(text)
    newest = Version.objects.select_related("author").first()
    if newest is not None and newest.digest == digest:
        return newest
    with file.alone(), transaction.atomic():
        newest = Version.objects.first()
        text = file.current()
        if newest is not None and newest.digest == file.digest_of(text):
            return newest
        return _keep(text, None, How.FOUND, "")


def publish(draft: Draft, *, note: str) -> Published:
    """Write the file and have the floor read it. Raises `Refused` (moved, not-written, floor-refused) and `CentreError`."""
    newest = latest()
    with file.alone(), transaction.atomic():
        if draft.base_id != newest.number or file.digest_of(file.current()) != newest.digest:
            raise Refused("somebody has published since", code="moved")
        file.centre_of(draft.text)
        version = _keep(draft.text, draft.owner, How(draft.how), note)
        audit.note(
            draft.owner, "setup.publish", str(version.number), note=note, digest=version.digest, how=draft.how
        )
        Draft.objects.filter(owner=draft.owner).delete()
        file.write(draft.text)
        try:
            reply: Reply | None = async_to_sync(HUB.ask)("reload")
        except ConnectionError:
            reply = None
        if reply is not None and not reply.ok:
            file.write(newest.text)
            raise Refused(reply.message, code="floor-refused")
    return Published(version, reply is not None)


def undone(version: Version) -> str:
    """The present text without what this version changed. Raises `Conflict` where it was changed again since, and `Refused`
    for the first version, before which there was nothing.
    """
    before = previous(version)
    if before is None:
        raise Refused("the first version", code="first-version")
    return merged(version.text, before.text, latest().text)


def previous(version: Version) -> Version | None:
    return Version.objects.filter(number__lt=version.number).first()


def _keep(text: str, author: User | None, how: How, note: str) -> Version:
    newest = Version.objects.first()
    return Version.objects.create(
        number=newest.number + 1 if newest is not None else 1,
        at=timezone.now(),
        author=author,
        how=how,
        note=note,
        digest=file.digest_of(text),
        text=text,
    )
