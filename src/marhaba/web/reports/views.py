"""Reports: what came, how it was answered, by whom, and whether it adds up. Each number opens the calls that it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, cast

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from marhaba.journal.figures import Row
from marhaba.kernel import kpi
from marhaba.kernel.kpi import SPAIN_TARGET
from marhaba.web.live.words import language_name
from marhaba.web.people import rules
from marhaba.web.people.access import allows
from marhaba.web.people.models import User
from marhaba.web.records import queries
from marhaba.web.records.queries import Scope, scope_of
from marhaba.web.records.views import SEPARATORS, agent_names
from marhaba.web.reports import charts, figures, ley, tables
from marhaba.web.reports.figures import Wanted, address
from marhaba.web.reports.forms import BY, ReportForm, periods
from marhaba.web.reports.reconciling import reconcile

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Line:
    """A row as the page shows it: its name, and each count with the address of its calls."""

    name: str
    row: Row
    counts: list[tuple[int, str]]
    level: float | None
    abandonment: float | None
    asa_s: float | None
    aht_s: float | None


@allows("reports.see")
@require_safe
def reports(request: HttpRequest) -> HttpResponse:
    scope = scope_of(_me(request))
    form = _form(request, scope)
    shown: dict[str, Any] = {"form": form, "periods": periods(), **_tabs(request, "figures")}
    if form.is_valid():
        wanted = form.wanted()
        stays = figures.stays_of(wanted, scope)
        found, total = figures.report(wanted, scope, stays)
        by, steps = figures.steps(wanted, stays)
        names = tables.shown_counts(total)
        shown |= {
            "wanted": wanted,
            "heads": [tables.COUNTS[name] for name in names],
            "first_head": BY[wanted.by],
            "lines": [_line(wanted, row, names, scope) for row in found],
            "total": _line(wanted, total, names, scope, whole=True),
            "letters": tables.letters(total),
            "course": charts.course(by, steps),
            "levels": charts.level(by, steps),
            "waits": charts.waits(figures.profile(stays, "answered"), figures.profile(stays, "abandoned")),
        }
    return render(request, "reports/reports.html", shown)


@allows("reports.see")
@require_safe
def export(request: HttpRequest, form: str) -> HttpResponse:
    """The same table as a file."""
    scope = scope_of(_me(request))
    asked = _form(request, scope)
    if not asked.is_valid():
        return HttpResponse(status=400)
    wanted = asked.wanted()
    found, total = figures.report(wanted, scope, figures.stays_of(wanted, scope))
    names = tables.shown_counts(total)
    total.name = gettext("Total")
    return _file(request, "figures", form, tables.report_cells(str(BY[wanted.by]), names, [*found, total]))


@allows("calls.agents")
@require_safe
def agents(request: HttpRequest) -> HttpResponse:
    scope = scope_of(_me(request))
    form = _form(request, scope)
    shown: dict[str, Any] = {"form": form, "periods": periods(), **_tabs(request, "agents")}
    if form.is_valid():
        found = figures.agents_of(form.wanted(), scope)
        longest = max((row.login_s for row in found), default=0.0)
        shown |= {"rows": found, "names": agent_names(), "states": tables.STATES, "longest": longest}
        shown |= {"wanted": form.wanted(), "definition": tables.DEFINITIONS["OCC"]}
    return render(request, "reports/agents.html", shown)


@allows("calls.agents")
@require_safe
def agents_export(request: HttpRequest, form: str) -> HttpResponse:
    scope = scope_of(_me(request))
    asked = _form(request, scope)
    if not asked.is_valid():
        return HttpResponse(status=400)
    found = figures.agents_of(asked.wanted(), scope)
    return _file(request, "agents", form, tables.agent_cells(str(BY["agent"]), found))


@allows("reports.reconcile")
@require_safe
def reconciliation(request: HttpRequest) -> HttpResponse:
    if rules.programmes_of(_me(request), "reports.reconcile") is not None:
        raise PermissionDenied("a day adds up as a whole")
    day = _day(request.GET.get("day", ""))
    shown = {
        "day": day,
        "found": reconcile(day),
        "agents": True,
        "here": "reconciliation",
        "names": agent_names(),
    }
    shown |= {"today": timezone.localdate()}
    return render(request, "reports/reconciliation.html", shown)


@allows("reports.see")
@require_safe
def spain(request: HttpRequest) -> HttpResponse:
    scope = scope_of(_me(request))
    this_year = timezone.localdate().year
    asked = request.GET.get("year", "")
    number = (
        int(asked)
        if asked.isascii() and asked.isdigit() and 2000 <= int(asked[:5]) <= this_year
        else this_year
    )
    programme = request.GET.get("programme", "")
    months, whole = ley.year(number, scope, programme=programme)
    first = figures.first_moment()
    since = this_year if first is None else datetime.fromtimestamp(first, figures.zone()).year
    shown = {
        "year": number,
        "years": range(this_year, since - 1, -1),
        "programme": programme,
        "programmes": queries.names(scope)["programmes"],
        "months": months,
        "whole": whole,
        "target": SPAIN_TARGET,
        "definition": tables.DEFINITIONS["ES"],
        **_tabs(request, "spain"),
    }
    return render(request, "reports/spain.html", shown)


def _line(wanted: Wanted, row: Row, names: Sequence[str], scope: Scope, *, whole: bool = False) -> Line:
    counted = None if whole else row
    linked = whole or bool(row.name)
    counts = [(row.count(name), address(wanted, counted, name) if linked else "") for name in names]
    name = gettext("Total") if whole else _name(wanted.by, row.name)
    asa, abandonment = row.value(kpi.ASA), row.value(kpi.ABANDONMENT)
    return Line(name, row, counts, row.level(), abandonment, asa, row.aht())


def _name(by: str, name: str) -> str:
    if not name:
        return "–"
    if by == "agent":
        return agent_names().get(name) or name
    if by == "language":
        return language_name(name).capitalize()
    if by == "queue" or by == "programme":
        return name
    return date_format(datetime.fromisoformat(name), "l j F Y" if by == "day" else "j N H:i")


def _file(request: HttpRequest, name: str, form: str, cells: list[list[Any]]) -> HttpResponse:
    if form == "xlsx":
        answer = HttpResponse(tables.as_xlsx(name, cells), content_type=XLSX)
    elif form == "csv":
        separator = SEPARATORS.get(request.LANGUAGE_CODE, ",")
        answer = HttpResponse(tables.as_csv(cells, separator), content_type="text/csv; charset=utf-8")
    else:
        raise Http404
    answer["Content-Disposition"] = f'attachment; filename="marhaba-{name}-{timezone.localdate()}.{form}"'
    return answer


def _tabs(request: HttpRequest, here: str) -> dict[str, object]:
    user = _me(request)
    whole = rules.programmes_of(user, "reports.reconcile") is None
    return {"here": here, "may_agents": rules.may(user, "calls.agents"), "may_reconcile": whole}


def _day(text: str) -> date:
    """What was asked for; today for anything that is no day, or has not come yet."""
    today = timezone.localdate()
    try:
        return min(date.fromisoformat(text), today)
    except ValueError:
        return today


def _form(request: HttpRequest, scope: Scope) -> ReportForm:
    return ReportForm(request.GET.dict(), names=queries.names(scope), agents=scope.names)


def _me(request: HttpRequest) -> User:
    return cast(User, request.user)
