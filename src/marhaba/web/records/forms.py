"""What somebody asks of the calls, all of it in the address: a search can be kept and sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marhaba.web.live.words import language_name
from marhaba.web.records.queries import Asked
from marhaba.web.records.words import OUTCOMES

DAYS: Final = 7
"""What a list shows when nothing was asked."""
_KEPT: Final = ("by", "disposition", "wait_min", "wait_max")


class MomentInput(forms.DateInput):
    """A day; a day and a time where the address says one."""

    input_type = "date"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        if "T" in str(value or ""):
            context["widget"]["type"] = "datetime-local"
            context["widget"]["attrs"]["step"] = 1
        return context


class MomentField(forms.CharField):
    """A moment in the centre's time; `end`: a day lasts until its end."""

    widget = MomentInput

    def __init__(self, *, end: bool = False, **about: Any) -> None:
        super().__init__(required=False, max_length=19, **about)
        self.end = end

    def clean(self, value: Any) -> float | None:
        text = str(super().clean(value))
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text)
            moment = found.replace(tzinfo=ZoneInfo(settings.TIME_ZONE))
            if self.end and "T" not in text:
                moment += timedelta(days=1)
            return moment.timestamp()
        except (ValueError, OverflowError) as wrong:
            raise forms.ValidationError(_("Une date s’écrit 2026-11-24.")) from wrong


class ChosenField(forms.CharField):
    """One of some names, or any other that the address says: a queue may be gone, its calls are not."""

    def __init__(self, every: Promise | str, **about: Any) -> None:
        super().__init__(required=False, max_length=128, widget=forms.Select(), **about)
        self.every = every

    def offer(self, names: list[tuple[str, Promise | str]], asked: str) -> None:
        known = {name for name, _label in names}
        more = [(asked, asked)] if asked and asked not in known else []
        self.widget.choices = [("", self.every), *names, *more]


class CallsForm(forms.Form):
    begin = MomentField(label=_("Du"))
    end = MomentField(label=_("Au"), end=True)
    number = forms.CharField(
        label=_("Appelant"),
        required=False,
        max_length=40,
        widget=forms.TextInput({"type": "search"}),
    )
    programme = ChosenField(_("Tous"), label=_("Programme"))
    queue = ChosenField(_("Toutes"), label=_("File d’attente"))
    agent = ChosenField(_("Tous"), label=_("Conseiller"))
    outcome = ChosenField(_("Toutes"), label=_("Issue"))
    language = ChosenField(_("Toutes"), label=_("Langue"))
    sound = forms.BooleanField(label=_("Enregistré"), required=False)
    # What links of reports and boards add.
    by = forms.ChoiceField(
        required=False,
        choices=[(each, each) for each in ("calls", "stays", "parts")],
        widget=forms.HiddenInput,
    )
    disposition = forms.CharField(required=False, max_length=128, widget=forms.HiddenInput)
    wait_min = forms.FloatField(required=False, min_value=0, widget=forms.HiddenInput)
    wait_max = forms.FloatField(required=False, min_value=0, widget=forms.HiddenInput)

    def __init__(self, data: dict[str, str], *, names: dict[str, list[str]], agents: dict[str, str]) -> None:
        super().__init__(_with_days(data), label_suffix="")
        offered: dict[str, list[tuple[str, Promise | str]]] = {
            "programme": [(name, name) for name in names["programmes"]],
            "queue": [(name, name) for name in names["queues"]],
            "agent": sorted(
                ((name, agents.get(name) or name) for name in names["agents"]), key=lambda row: row[1]
            ),
            "outcome": list(OUTCOMES.items()),
            "language": [(code, language_name(code).capitalize()) for code, _name in settings.LANGUAGES],
        }
        for name, choices in offered.items():
            field = self.fields[name]
            assert isinstance(field, ChosenField)
            field.offer(choices, self.data.get(name, ""))
        for name in ("programme", "queue", "agent"):
            if not offered[name] and not self.data.get(name):
                del self.fields[name]

    def asked(self) -> Asked:
        """Call when it is valid."""
        said = {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}
        return Asked(**said)


def _with_days(data: dict[str, str]) -> dict[str, str]:
    """A number is looked for in all calls; without anything, the last days."""
    if any(data.get(name) for name in ("begin", "end", "number")):
        return data
    today = timezone.localdate()
    return data | {"begin": f"{today - timedelta(days=DAYS - 1)}", "end": f"{today}"}
