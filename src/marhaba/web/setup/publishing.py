"""From a draft to the floor, and back: the preview, publishing, versions, undoing, export and import."""

from __future__ import annotations

import difflib
import time
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from marhaba.centre import CentreError
from marhaba.centre.loading import FILE_BYTES_MAX
from marhaba.files.problems import Problem
from marhaba.files.toml_edits import Conflict
from marhaba.kernel.errors import Refused
from marhaba.web.people import audit
from marhaba.web.people.access import allows
from marhaba.web.setup import file
from marhaba.web.setup.domain import drafts, versions
from marhaba.web.setup.domain.differences import differences, told
from marhaba.web.setup.domain.effects import effects
from marhaba.web.setup.editing import Editing, editing
from marhaba.web.setup.forms import said
from marhaba.web.setup.models import How, Version

PAGE = 50
REFUSALS = {
    "moved": _("Quelqu’un a publié entre-temps. Reprenez vos changements par-dessus, relisez, puis publiez."),
    "stale": _("Ce brouillon a changé dans une autre fenêtre. Relisez, puis publiez."),
    "not-written": _("Le fichier du centre ne peut pas être écrit : {why}."),
    "has-draft": _("Vous avez un brouillon : publiez-le ou abandonnez-le d’abord."),
    "first-version": _("C’est la première version : il n’y a rien avant elle."),
}


@allows("setup.see")
@require_safe
@editing
def review(request: HttpRequest, edit: Editing) -> HttpResponse:
    return _review(request, edit)


def _review(request: HttpRequest, edit: Editing, *, status: int = 200, **more: Any) -> HttpResponse:
    """What the draft changes, what that does, and what is wrong with it."""
    problems, found = [], []
    if edit.draft.kept:
        problems = [said(problem, place=True) for problem in edit.examined.problems]
        if edit.examined.centre is not None:
            try:
                found = effects(file.centre_of(edit.newest.text), edit.examined.centre, at=time.time())
            except CentreError:
                found = []  # what is in force cannot be read any more: any change is for the better
    shown = {
        "edit": edit,
        "subjects": differences(edit.draft.base.text, edit.draft.text) if edit.draft.kept else [],
        "problems": problems,
        "effects": found,
        "text": _diff(edit.draft.base.text, edit.draft.text) if edit.rights.programmes is None else [],
        **more,
    }
    return render(request, "setup/review.html", shown, status=status)


@allows("setup.see")
@require_POST
@editing
def publish(request: HttpRequest, edit: Editing) -> HttpResponse:
    if not edit.draft.kept:
        return redirect("setup_review")
    if request.POST.get("serial") != str(edit.draft.serial):
        return _review(request, edit, status=409, refused=REFUSALS["stale"])
    try:
        done = versions.publish(edit.draft, note=request.POST.get("note", "").strip()[:200])
    except CentreError:
        return _review(request, edit, status=422)  # which names every problem
    except Refused as refusal:
        said = str(REFUSALS.get(refusal.code, refusal)).format(**refusal.about)
        return _review(request, edit, status=409, refused=said, note=request.POST.get("note", ""))
    text = (
        gettext("Version %(number)s publiée : le plateau l’applique, les appels en cours continuent.")
        if done.taken
        else gettext("Version %(number)s publiée. Le plateau ne répond pas : il la lira en démarrant.")
    )
    messages.success(request, text % {"number": done.version.number})
    return redirect("setup")


@allows("setup.see")
@require_POST
@editing
def renew(request: HttpRequest, edit: Editing) -> HttpResponse:
    """Put the draft on top of what others published; where both changed one place, say so and ask whose word counts."""
    keep = request.POST.get("keep", "")
    try:
        drafts.renew(edit.user, keep=keep if keep in ("mine", "theirs") else "")
    except Conflict as conflict:
        return _review(request, edit, status=409, mine=told(conflict.mine), theirs=told(conflict.theirs))
    return redirect("setup_review")


@allows("setup.see")
@require_POST
@editing
def discard(request: HttpRequest, edit: Editing) -> HttpResponse:
    drafts.discard(edit.user)
    messages.success(request, gettext("Brouillon abandonné : rien n’a changé."))
    return redirect("setup")


@allows("setup.see")
@require_safe
@editing
def history(request: HttpRequest, edit: Editing) -> HttpResponse:
    page = Paginator(_versions(edit).defer("text"), PAGE).get_page(request.GET.get("page"))
    return render(request, "setup/versions.html", {"edit": edit, "page": page})


@allows("setup.see")
@require_safe
@editing
def version(request: HttpRequest, edit: Editing, number: int) -> HttpResponse:
    return _version(request, edit, get_object_or_404(_versions(edit), number=number))


def _version(
    request: HttpRequest, edit: Editing, found: Version, *, status: int = 200, **more: Any
) -> HttpResponse:
    before = versions.previous(found)
    shown = {
        "edit": edit,
        "version": found,
        "before": before,
        "subjects": differences(before.text, found.text) if before is not None else [],
        "text": _diff(before.text, found.text) if before is not None else [],
        **more,
    }
    return render(request, "setup/version.html", shown, status=status)


@allows("setup.manage")
@require_POST
@editing
def undo(request: HttpRequest, edit: Editing, number: int) -> HttpResponse:
    """A draft that takes back what the version changed; `all`: that makes the file what the version says."""
    found = get_object_or_404(_versions(edit), number=number)
    try:
        text = found.text if request.POST.get("all") else versions.undone(found)
        draft = drafts.begin(edit.user, text, How.UNDONE)
    except Conflict as conflict:
        return _version(request, edit, found, status=409, theirs=told(conflict.theirs))
    except Refused as refusal:
        return _version(request, edit, found, status=409, refused=REFUSALS.get(refusal.code, str(refusal)))
    if not draft.kept:
        messages.info(request, gettext("Le fichier est déjà ainsi."))
    return redirect("setup_review")


@allows("setup.see")
@require_safe
@editing
def export(request: HttpRequest, edit: Editing, number: int) -> HttpResponse:
    """The file as it was. It holds no secrets."""
    found = get_object_or_404(_versions(edit), number=number)
    audit.note(edit.user, "setup.export", str(number))
    name = f'attachment; filename="centre-{number}.toml"'
    return HttpResponse(
        found.text, content_type="application/toml; charset=utf-8", headers={"Content-Disposition": name}
    )


@allows("setup.manage")
@require_http_methods(["GET", "POST"])
@editing
def take_in(request: HttpRequest, edit: Editing) -> HttpResponse:
    """A whole file, looked at first: its mistakes, and what it would change. Then it is a draft."""
    if not edit.rights.manages:
        raise Http404
    shown: dict[str, Any] = {"edit": edit}
    status = 200
    if request.method == "POST":
        text, problem = _sent(request)
        shown["sent"], status = text, 422
        if problem is not None:
            shown["problems"] = [problem]
        elif problems := _problems(text):
            shown["problems"] = [said(each, place=True) for each in problems]
        elif request.POST.get("take"):
            try:
                drafts.begin(edit.user, text, How.IMPORTED)
            except Refused as refusal:
                shown["refused"] = REFUSALS.get(refusal.code, str(refusal))
            else:
                return redirect("setup_review")
        else:
            status = 200
        if not shown.get("problems"):
            shown["subjects"], shown["looked"] = differences(edit.newest.text, text), True
    return render(request, "setup/import.html", shown, status=status)


def _sent(request: HttpRequest) -> tuple[str, str | None]:
    """The text of a file or of the field, with what is wrong with it as such."""
    given = request.FILES.get("file")
    if given is None:
        return request.POST.get("text", "").replace("\r\n", "\n"), None
    if (given.size or 0) > FILE_BYTES_MAX:
        return "", gettext("Ce fichier est trop grand.")
    try:
        return given.read().decode("utf-8-sig").replace("\r\n", "\n"), None
    except UnicodeDecodeError:
        return "", gettext("Ce fichier n’est pas un texte en UTF-8.")


def _problems(text: str) -> list[Problem]:
    try:
        return list(file.examine(text).problems)
    except CentreError as wrong:
        return list(wrong.problems)


def _versions(edit: Editing) -> QuerySet[Version]:
    """The whole file is for those who see the whole centre."""
    found = Version.objects.select_related("author")
    return found if edit.rights.programmes is None else found.none()


def _diff(was: str, now: str) -> list[tuple[str, str]]:
    """Lines of the file, each with what it is: same, gone, new, or a gap between."""
    kinds = {" ": "same", "-": "gone", "+": "new", "@": "gap"}
    lines = list(difflib.unified_diff(was.splitlines(), now.splitlines(), lineterm="", n=2))[2:]
    return [(kinds[line[:1] or " "], line[1:] if line[:1] != "@" else "⋯") for line in lines]
