"""What is set up: an overview, the things of a kind, and one of them with its fields."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from marhaba.files.problems import Problem
from marhaba.files.sections import NAME, shown_path
from marhaba.files.toml_edits import Change, value_at
from marhaba.files.toml_lines import Path
from marhaba.kernel.errors import Refused
from marhaba.web.people.access import allows
from marhaba.web.setup import file, pictures
from marhaba.web.setup.domain.differences import differences
from marhaba.web.setup.editing import Editing, editing
from marhaba.web.setup.forms import TableForm, said, table_of
from marhaba.web.setup.kinds import KINDS, Kind
from marhaba.web.setup.models import Version

REFUSALS = {
    "stale": gettext_lazy(
        "Vous avez enregistré autre chose dans une autre fenêtre. Relisez, puis enregistrez de nouveau."
    ),
    "forbidden": gettext_lazy("Ce changement n’est pas de votre ressort."),
}
RECENT = 5


@allows("setup.see")
@require_safe
@editing
def overview(request: HttpRequest, edit: Editing) -> HttpResponse:
    kinds = [
        {"kind": kind, "names": _names(edit, kind) if kind.named else None}
        for kind in KINDS.values()
        if edit.rights.sees(edit.data, kind.name)
    ]
    shown = {
        "edit": edit,
        "kinds": [each for each in kinds if each["names"] is not None],
        "single": [each["kind"] for each in kinds if each["names"] is None],
        "recent": Version.objects.select_related("author").defer("text")[:RECENT]
        if edit.rights.programmes is None
        else [],
    }
    return render(request, "setup/overview.html", shown)


@allows("setup.see")
@require_http_methods(["GET", "POST"])
@editing
def table(request: HttpRequest, edit: Editing, kind: str) -> HttpResponse:
    """All things of a kind; of a kind that is one table, its fields."""
    found = _kind(edit, kind)
    if not found.named:
        return _fields(request, edit, found, found.path, "")
    rows = [
        {"name": name, "title": _title(edit, found, name), "facts": _facts(edit, found, name)}
        for name in _names(edit, found)
    ]
    return render(request, "setup/table.html", {"edit": edit, "kind": found, "rows": rows})


@allows("setup.see")
@require_http_methods(["GET", "POST"])
@editing
def element(request: HttpRequest, edit: Editing, kind: str, name: str) -> HttpResponse:
    found = _kind(edit, kind)
    if name not in _names(edit, found):
        raise Http404(name)
    return _fields(request, edit, found, (kind, name), name)


@allows("setup.manage")
@require_http_methods(["GET", "POST"])
@editing
def new(request: HttpRequest, edit: Editing, kind: str) -> HttpResponse:
    found = _kind(edit, kind)
    if not found.named or not edit.rights.manages:
        raise Http404(kind)
    name, error = request.POST.get("name", "").strip(), ""
    if request.method == "POST":
        if not NAME.fullmatch(name):
            error = Problem(0, kind, name, "name").render_expected(get_language() or "fr")
        elif name in _names(edit, found):
            error = _("Ce nom est déjà pris.")
        else:
            return _fields(request, edit, found, (kind, name), name, new=True)
    shown = {"edit": edit, "kind": found, "name": name, "error": error}
    return render(request, "setup/new.html", shown, status=422 if error else 200)


@allows("setup.manage")
@require_POST
@editing
def delete(request: HttpRequest, edit: Editing, kind: str, name: str) -> HttpResponse:
    found = _kind(edit, kind)
    if name not in _names(edit, found):
        raise Http404(name)
    text = edit.with_changes([Change((kind, name), None, None)])
    try:
        edit.save(text, base=request.POST.get("base", ""), serial=request.POST.get("serial", ""))
    except Refused as refusal:
        messages.error(request, REFUSALS.get(refusal.code, str(refusal)))
        return redirect("setup_element", kind, name)
    return redirect("setup_table", kind)


def _fields(
    request: HttpRequest, edit: Editing, kind: Kind, place: Path, name: str, *, new: bool = False
) -> HttpResponse:
    """The fields of one table: shown, or what was entered put into the draft."""
    base = edit.draft.text
    if new:  # the reader says what a new one needs
        base = edit.with_changes([table_of(place)])
    examined = file.examine(base)
    sent = request.POST if request.method == "POST" and (not new or "base" in request.POST) else None
    form = TableForm(
        sent,
        kind=kind,
        place=place,
        data_of=_data(base),
        asked=examined.asked,
        editable=edit.may_change,
    )
    refused = ""
    if sent is not None and form.is_valid():
        changed = ([table_of(place)] if new else []) + form.changes()
        text = edit.with_changes(changed)
        others = form.blame([p for p in file.examine(text).problems if _fresh(p, edit, place)])
        if form.is_valid():
            try:
                edit.save(text, base=sent.get("base", ""), serial=sent.get("serial", ""))
            except Refused as refusal:
                refused = str(REFUSALS.get(refusal.code, refusal))
            else:
                _tell_others(request, others)
                return _next(kind, name)
    shown = {
        "edit": edit,
        "kind": kind,
        "name": name,
        "title": _title(edit, kind, name) if name else kind.title,
        "form": form,
        "new": new,
        "refused": refused,
        "path": shown_path(place),
        "changed": _changed(edit, kind, name),
        "may_delete": bool(name) and edit.rights.manages and not new,
        "may_edit": any(not field.disabled for field in form.fields.values()),
        **pictures.beside(kind, place, _data(base), edit.examined.centre),
    }
    wrong = bool(refused) or bool(sent is not None and form.errors)
    return render(request, "setup/element.html", shown, status=422 if wrong else 200)


def _fresh(problem: Problem, edit: Editing, place: Path) -> bool:
    """Whether it is about this table, or was not there before."""
    where = shown_path(place)
    mine = not where or problem.where == where or problem.where.startswith((f"{where}.", f"{where}["))
    known = {(each.where, each.expected) for each in edit.examined.problems}
    return mine or (problem.where, problem.expected) not in known


def _tell_others(request: HttpRequest, problems: list[Problem]) -> None:
    for problem in problems:
        messages.warning(request, said(problem, place=True))


def _next(kind: Kind, name: str) -> HttpResponse:
    return redirect("setup_element", kind.name, name) if name else redirect("setup_table", kind.name)


def _changed(edit: Editing, kind: Kind, name: str) -> list[Any]:
    """What the draft changes here."""
    found = differences(edit.draft.base.text, edit.draft.text) if edit.draft.kept else []
    return [subject for subject in found if subject.kind is kind and subject.name == name]


def _kind(edit: Editing, kind: str) -> Kind:
    found = KINDS.get(kind)
    if found is None or not edit.rights.sees(edit.data, kind):
        raise Http404(kind)
    return found


def _names(edit: Editing, kind: Kind) -> list[str]:
    table = edit.data.get(kind.name)
    names = list(table) if isinstance(table, Mapping) else []
    return [name for name in names if edit.rights.sees(edit.data, kind.name, name)]


def _title(edit: Editing, kind: Kind, name: str) -> str:
    """What people call it: an agent's name, a programme's client."""
    key = {"agents": "name", "programmes": "client"}.get(kind.name, "")
    found = value_at(edit.data, (kind.name, name, key)) if key else None
    return found if isinstance(found, str) and found else name


def _facts(edit: Editing, kind: Kind, name: str) -> list[str]:
    table = value_at(edit.data, (kind.name, name))
    return pictures.facts(kind, table if isinstance(table, Mapping) else {})


def _data(text: str) -> Mapping[str, Any]:
    return tomllib.loads(text)
