"""Reports as tables: for the page, for CSV and for spreadsheets, from the same lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import xlsxwriter
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marhaba.journal.export import BOM, harmless
from marhaba.journal.figures import Row
from marhaba.kernel import kpi
from marhaba.web.reports.figures import AgentRow

COUNTS: Final[dict[str, Promise]] = {
    "offered": _("Offerts"),
    "answered": _("Traités"),
    "abandoned": _("Abandonnés"),
    "overflowed": _("Débordés"),
    "callback": _("À rappeler"),
    "voicemail": _("Messagerie"),
    "closed": _("Fermé"),
    "failed": _("Échecs"),
    "waiting": _("En attente"),
}
ALWAYS: Final = ("offered", "answered", "abandoned")
STATES: Final[dict[str, Promise]] = {
    "ready": _("Prêt"),
    "ringing": _("Sonne"),
    "talking": _("En ligne"),
    "wrapup": _("Traitement"),
    "paused": _("Pause"),
}
DEFINITIONS: Final[dict[str, Promise]] = {
    "F1": _("(traités en T + abandonnés en T) / (traités + abandonnés)"),
    "F2": _("traités en T / traités"),
    "F3": _("traités en T / (traités + abandonnés)"),
    "F4": _("traités en T / (traités + abandonnés après T)"),
    "F5": _("(traités en T + abandonnés en S) / (traités + abandonnés)"),
    "F6": _("traités en T / (traités + abandonnés après S)"),
    "ES": _("traités par une personne en moins de 180 s / (traités + abandonnés) (Ley 10/2025)"),
    "A1": _("abandonnés / (traités + abandonnés)"),
    "A2": _("abandonnés après S / (traités + abandonnés après S)"),
    "ASA": _("attente moyenne des appels traités, sonnerie du conseiller comprise"),
    "AAT": _("attente moyenne des appels abandonnés"),
    "AHT": _("(conversation + attente en ligne + traitement) / appels traités"),
    "OCC": _("(en ligne + sonnerie + traitement) / (les mêmes + prêt) ; les pauses ne comptent pas"),
}


@dataclass(frozen=True, slots=True)
class Letter:
    """One figure of the whole, with its definition. A share is given in percent."""

    letter: str
    definition: Promise
    value: float | None
    unit: str


def shown_counts(total: Row) -> list[str]:
    """The columns that say something."""
    return [name for name in COUNTS if name in ALWAYS or total.count(name)]


def letters(total: Row) -> list[Letter]:
    """Every figure of the period, so that nobody has to wonder which one a report shows."""
    formulas = [
        *kpi.SERVICE_LEVELS.values(),
        kpi.SPAIN,
        kpi.ABANDONMENT,
        kpi.ABANDONMENT_LONG,
        kpi.ASA,
        kpi.ABANDON_TIME,
    ]
    found = [
        Letter(each.letter, DEFINITIONS[each.letter], _percent(total.value(each), each.unit), each.unit)
        for each in formulas
    ]
    return [*found, Letter("AHT", DEFINITIONS["AHT"], total.aht(), "s")]


def report_cells(name: str, names: Sequence[str], found: Sequence[Row]) -> list[list[Any]]:
    """Heads and lines with numbers as numbers: counts, shares from 0 to 1, seconds."""
    heads = [
        name,
        *(str(COUNTS[each]) for each in names),
        "SL",
        "SL letter",
        "T (s)",
        "A1",
        "ASA (s)",
        "AAT (s)",
        "AHT (s)",
    ]
    lines = []
    for row in found:
        rule = row.rule
        about = (row.level(), rule.formula if rule else "", rule.threshold_s if rule else None)
        shares = (row.value(kpi.ABANDONMENT), row.value(kpi.ASA), row.value(kpi.ABANDON_TIME), row.aht())
        lines.append(
            [row.name, *(row.count(each) for each in names), *map(_rounded, about), *map(_rounded, shares)]
        )
    return [heads, *lines]


def agent_cells(name: str, found: Sequence[AgentRow]) -> list[list[Any]]:
    codes = sorted({code for row in found for code in row.pauses})
    heads = [name, *(f"{STATES[each]} (s)" for each in STATES), "Login (s)", "Calls", "OCC", "AHT (s)"]
    heads += [f"{STATES['paused']} {code} (s)" for code in codes]
    return [heads] + [
        [
            row.agent,
            *(_rounded(row.states.get(each, 0.0)) for each in STATES),
            _rounded(row.login_s),
            row.calls,
            _rounded(row.occupancy),
            _rounded(row.aht_s),
            *(_rounded(row.pauses.get(code, 0.0)) for code in codes),
        ]
        for row in found
    ]


def as_csv(cells: Sequence[Sequence[Any]], separator: str) -> str:
    out = io.StringIO()
    out.write(BOM)
    writer = csv.writer(out, delimiter=separator)
    writer.writerows([["" if cell is None else harmless(cell) for cell in line] for line in cells])
    return out.getvalue()


def as_xlsx(title: str, cells: Sequence[Sequence[Any]]) -> bytes:
    """One sheet: heads that stay, a filter, texts that are never formulas."""
    out = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "nan_inf_to_errors": True,
    }
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet(title[:31])
        head = book.add_format({"bold": True, "bottom": 1})
        for y, line in enumerate(cells):
            sheet.write_row(y, 0, line, head if y == 0 else None)
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, max(len(cells) - 1, 1), len(cells[0]) - 1)
        sheet.autofit()
    return out.getvalue()


def _percent(value: float | None, unit: str) -> float | None:
    return value if value is None or unit != "share" else 100.0 * value


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
