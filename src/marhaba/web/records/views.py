"""Calls: found, listed, told, heard."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from marhaba.journal.export import BOM, COLUMNS, harmless, row
from marhaba.web.desk.models import Note
from marhaba.web.live.hub import HUB
from marhaba.web.people import audit, rules
from marhaba.web.people.access import allows
from marhaba.web.people.models import User
from marhaba.web.records import queries, sounds
from marhaba.web.records.domain.projection import record_of
from marhaba.web.records.forms import CallsForm
from marhaba.web.records.queries import COUNT_MAX, Asked, Scope, scope_of
from marhaba.web.records.story import picture, story

CSV_ROWS: Final = 1_000
"""Fetched at once while a file is written."""
SEPARATORS: Final = {"fr": ";", "es": ";"}
"""What spreadsheets of that language expect."""


@allows("calls.open")
@require_safe
def calls(request: HttpRequest) -> HttpResponse:
    scope = scope_of(_me(request))
    form = _form(request, scope)
    shown: dict[str, Any] = {"form": form, "agents": agent_names() if scope.names else None}
    if form.is_valid():
        asked = form.asked()
        after, before = request.GET.get("after", ""), request.GET.get("before", "")
        number = queries.count(asked, scope)
        shown |= {"page": queries.page(asked, scope, after=after, before=before), "count": number}
        shown |= {"more": number > COUNT_MAX, "count_max": COUNT_MAX, "asked": asked}
    shown["exports"] = rules.may(_me(request), "calls.see")
    return render(request, "records/calls.html", shown)


@allows("calls.open")
@require_safe
def call(request: HttpRequest, name: str) -> HttpResponse:
    scope = scope_of(_me(request))
    found = queries.call_for(scope, name)
    if found is None:
        raise Http404
    record = record_of(found)
    names = agent_names() if scope.names else dict.fromkeys(record.agents, gettext("Conseiller"))
    hears = rules.may(_me(request), "calls.listen", found.programme)
    heard = [(at, sounds.found(path) is not None) for at, path in enumerate(sounds.sounds_of(found))]
    shown = {
        "call": found,
        "record": record,
        "agents": names,
        "names": scope.names,
        "picture": picture(record, names),
        "story": story(found, names) if scope.names else None,
        "notes": Note.objects.filter(call_id=name).order_by("saved_at") if scope.names else (),
        "sounds": heard if hears else [],
        "silent": bool(heard) and not hears,
    }
    return render(request, "records/call.html", shown)


@allows("calls.listen")
@require_safe
def sound(request: HttpRequest, name: str, at: int) -> HttpResponseBase:
    """A recording. That somebody listened is in the audit."""
    user = _me(request)
    found = queries.call_for(Scope(rules.programmes_of(user, "calls.listen")), name)
    paths = sounds.sounds_of(found) if found is not None else []
    file = sounds.found(paths[at]) if at < len(paths) else None
    if file is None:
        raise Http404
    if sounds.starts(request):
        audit.note(user, "calls.listen", name, recording=file.name)
    return sounds.piece(request, file)


@allows("calls.see")
@require_safe
async def export(request: HttpRequest) -> HttpResponseBase:
    """The calls of a list as CSV, each once, however many there are."""
    user = await request.auser()
    assert isinstance(user, User)
    scope = await sync_to_async(scope_of)(user)
    form = await sync_to_async(_form)(request, scope)
    if not form.is_valid():
        return HttpResponse(status=400)
    asked = form.asked()
    await sync_to_async(audit.note)(user, "calls.export", "", asked=request.GET.urlencode())
    separator = SEPARATORS.get(request.LANGUAGE_CODE, ",")
    name = f"marhaba-{timezone.localdate()}.csv"
    return StreamingHttpResponse(
        _lines(asked, scope, separator),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _lines(asked: Asked, scope: Scope, separator: str) -> AsyncIterator[str]:
    zone = ZoneInfo(settings.TIME_ZONE)
    columns = [
        name for name in COLUMNS if scope.names or name not in ("agents", "note", "recordings", "voicemail")
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, delimiter=separator, extrasaction="ignore")
    out.write(BOM)
    writer.writeheader()
    older, seen = "", ""
    while True:
        page = await sync_to_async(queries.page)(asked, scope, after=older, size=CSV_ROWS)
        for each in page.rows:
            if each.call.call != seen:
                line = row(record_of(each.call), zone)
                writer.writerow({name: harmless(value) for name, value in line.items()})
            seen = each.call.call
        yield out.getvalue()
        out.seek(0)
        out.truncate()
        older = page.older
        if not older:
            return


def agent_names() -> dict[str, str]:
    """Who is who on the floor now."""
    return {each["agent"]: each["name"] for each in (HUB.board or {}).get("agents", ())}


def _form(request: HttpRequest, scope: Scope) -> CallsForm:
    return CallsForm(request.GET.dict(), names=queries.names(scope), agents=agent_names())


def _me(request: HttpRequest) -> User:
    return cast(User, request.user)
