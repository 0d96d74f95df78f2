"""What somebody asks of a report, all of it in the address."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marhaba.kernel import kpi
from marhaba.web.live.words import language_name
from marhaba.web.records.forms import ChosenField, MomentField
from marhaba.web.reports.figures import Wanted

DAYS_MAX: Final = 366
BY: Final[dict[str, Promise]] = {
    "queue": _("File d’attente"),
    "agent": _("Conseiller"),
    "programme": _("Programme"),
    "language": _("Langue"),
    "day": _("Jour"),
    "15m": _("Quart d’heure"),
    "30m": _("Demi-heure"),
    "1h": _("Heure"),
}


class ReportForm(forms.Form):
    begin = MomentField(label=_("Du"))
    end = MomentField(label=_("Au"), end=True)
    by = forms.ChoiceField(label=_("Une ligne par"), required=False)
    programme = ChosenField(_("Tous"), label=_("Programme"))
    queue = ChosenField(_("Toutes"), label=_("File d’attente"))
    language = ChosenField(_("Toutes"), label=_("Langue"))
    formula = ChosenField(_("Du contrat"), label=_("Formule"))
    threshold = forms.FloatField(
        label=_("Seuil T (s)"),
        required=False,
        min_value=0,
        max_value=3_600,
        widget=forms.NumberInput({"step": "any"}),
    )

    def __init__(self, data: dict[str, str], *, names: dict[str, list[str]], agents: bool) -> None:
        today = f"{timezone.localdate()}"
        super().__init__(
            {"begin": today, "end": today} | {k: v for k, v in data.items() if v}, label_suffix=""
        )
        by = self.fields["by"]
        assert isinstance(by, forms.ChoiceField)
        by.choices = [(name, label) for name, label in BY.items() if agents or name != "agent"]
        offered: dict[str, list[tuple[str, Promise | str]]] = {
            "programme": [(name, name) for name in names["programmes"]],
            "queue": [(name, name) for name in names["queues"]],
            "language": [(code, language_name(code).capitalize()) for code, _name in settings.LANGUAGES],
            "formula": [(letter, letter) for letter in kpi.SERVICE_LEVELS],
        }
        for name, choices in offered.items():
            field = self.fields[name]
            assert isinstance(field, ChosenField)
            field.offer(choices, "" if name == "formula" else self.data.get(name, ""))

    def clean_formula(self) -> str:
        letter = str(self.cleaned_data["formula"])
        if letter and letter not in kpi.SERVICE_LEVELS:
            raise forms.ValidationError(_("Les formules sont F1 à F6."))
        return letter

    def clean(self) -> dict[str, object]:
        data = super().clean() or {}
        begin, end = data.get("begin"), data.get("end")
        if begin is not None and end is not None and not 0 < end - begin <= DAYS_MAX * 86_400:
            self.add_error("end", _("La période va d’un moment à un an."))
        return data

    def wanted(self) -> Wanted:
        """Call when it is valid."""
        said = self.cleaned_data
        return Wanted(
            said["begin"],
            said["end"],
            said["by"] or "queue",
            programme=said["programme"],
            queue=said["queue"],
            language=said["language"],
            formula=said["formula"],
            threshold_s=said["threshold"],
        )


def periods() -> list[tuple[Promise, str, str]]:
    """Those asked for most: what they are called, from and to."""
    today = timezone.localdate()
    first = today.replace(day=1)
    last_month = (first - timedelta(days=1)).replace(day=1)
    monday = today - timedelta(days=today.weekday())
    spans: list[tuple[Promise, date, date]] = [
        (_("Aujourd’hui"), today, today),
        (_("Hier"), today - timedelta(days=1), today - timedelta(days=1)),
        (_("Cette semaine"), monday, today),
        (_("Semaine dernière"), monday - timedelta(days=7), monday - timedelta(days=1)),
        (_("Ce mois"), first, today),
        (_("Mois dernier"), last_month, first - timedelta(days=1)),
    ]
    return [(name, f"{begin}", f"{end}") for name, begin, end in spans]
