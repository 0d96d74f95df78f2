"""Forms made of what the reader asks for: the same keys, the same limits, and its own words where something is wrong.

Values are not judged here. They go into the draft's text as they were typed, the reader reads it, and what it finds at a key is
shown at that key's field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from django import forms
from django.forms import BoundField
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _

from marhaba.files.problems import Problem
from marhaba.files.sections import Asked, duration, shown_duration, shown_path
from marhaba.files.toml_edits import TABLE, Change, value_at
from marhaba.files.toml_lines import Path
from marhaba.kernel.rules import LANGUAGE
from marhaba.web.live.words import language_name
from marhaba.web.setup import grids
from marhaba.web.setup.grids import Column, Grid, GridField
from marhaba.web.setup.kinds import VALUES, Entry, Kind

WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")
NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}([.,][0-9]{1,9})?")
TEXT_MAX = 20_000
"""Characters of one field: the longest list of numbers or days, many times over."""


class TableForm(forms.Form):
    """The keys of one table."""

    def __init__(
        self,
        *args: Any,
        kind: Kind,
        place: Path,
        data_of: Mapping[str, Any],
        asked: Mapping[Path, Asked],
        editable: Callable[[tuple[str, ...]], bool],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.place, self.file = kind, place, data_of
        self.entries = {_name(entry): entry for entry in kind.entries()}
        self.asked = asked
        for name, entry in self.entries.items():
            path = (*place, *entry.path) if entry.key else place
            field = _field(entry, asked.get(path, Asked("")), value_at(data_of, path), data_of, place)
            field.label, field.help_text, field.required = (
                str(entry.label),
                _hint(entry, asked.get(path)),
                False,
            )
            field.disabled = not editable(tuple(map(str, path)))
            self.fields[name] = field
            self.initial[name] = field.initial

    def groups(self) -> Iterator[tuple[str | Promise, list[BoundField]]]:
        for group in self.kind.groups:
            yield group.title, [self[_name(entry)] for entry in group.entries]

    def changes(self) -> list[Change]:
        """What the person changed, as the file would say it."""
        found = []
        for name, entry in self.entries.items():
            field = self.fields[name]
            if field.disabled:
                continue
            path = (*self.place, *entry.path) if entry.key else self.place
            was = value_at(self.file, path)
            asked = self.asked.get(path, Asked(""))
            now = _written(field, entry, asked, self.cleaned_data.get(name))
            if not _alike(was, now, asked):
                found.append(Change(tuple(map(str, path)), was, now))
        return found

    def blame(self, problems: Sequence[Problem]) -> list[Problem]:
        """Put each problem at its field. Returns those of other places."""
        others = []
        for problem in problems:
            name = self._field_of(problem.where)
            if name is None:
                others.append(problem)
            else:
                self.add_error(name, said(problem))
        return others

    def _field_of(self, where: str) -> str | None:
        best: tuple[int, str | None] = (-1, None)
        for name, entry in self.entries.items():
            path = shown_path((*self.place, *entry.path) if entry.key else self.place)
            if (where == path or where.startswith((f"{path}.", f"{path}["))) and len(path) > best[0]:
                best = (len(path), name)
        return best[1]


def said(problem: Problem, *, place: bool = False) -> str:
    """In the reader's language; with its place, where no field shows it."""
    language = get_language() or "fr"
    text = problem.render(language)
    return text if place else problem.render_expected(language)


def _name(entry: Entry) -> str:
    return entry.key or "table"


def _hint(entry: Entry, asked: Asked | None) -> str:
    hint = str(entry.hint)
    if asked is not None and asked.low is not None and asked.high is not None and asked.kind != "levels":
        words: Callable[[float], str] = shown_duration if asked.kind == "duration" else lambda v: f"{v:g}"
        bounds = gettext("De %(low)s à %(high)s.") % {"low": words(asked.low), "high": words(asked.high)}
        hint = f"{hint} {bounds}".strip()
    return hint


# -- fields -------------------------------------------------------------------------------------------------


def _field(entry: Entry, asked: Asked, value: Any, data: Mapping[str, Any], place: Path) -> forms.Field:
    if entry.look in LOOKS:
        grid = LOOKS[entry.look](data, place)
        return GridField(grid, initial=grid.read(value))
    if entry.look == "queues":
        choices = [(name, name) for name in _table(data, "queues")]
        return forms.MultipleChoiceField(
            choices=choices, widget=forms.CheckboxSelectMultiple(), initial=_items(value)
        )
    if entry.look in ("lines", "holidays"):
        items = map(_holiday, value or []) if entry.look == "holidays" else _items(value)
        return forms.CharField(
            widget=forms.Textarea({"rows": 4, "dir": "ltr"}), initial="\n".join(items), max_length=TEXT_MAX
        )
    if entry.look == "periods":
        attributes = {"placeholder": gettext("fermé"), "dir": "ltr"}
        return forms.CharField(
            initial=", ".join(map(str, value or [])), widget=forms.TextInput(attributes), max_length=TEXT_MAX
        )
    if asked.kind == "truth":
        return forms.BooleanField(initial=asked.default if value is None else value is True)
    if asked.choices is not None:
        return _choice(asked, value)
    figures = {"inputmode": "decimal"} if asked.kind in ("integer", "number") else {}
    return forms.CharField(
        initial=", ".join(_items(value)) if isinstance(value, list) else "" if value is None else str(value),
        max_length=TEXT_MAX,
        widget=forms.TextInput({"placeholder": shown_default(asked), "dir": "auto"} | figures),
    )


def _choice(asked: Asked, value: Any) -> forms.ChoiceField:
    names = list(asked.choices or ())
    if isinstance(value, str) and value and value not in names:
        names.append(value)
    choices = [
        (name, str(VALUES.get(name, language_name(name) if len(name) == 2 else name))) for name in names
    ]
    if asked.default is not None:
        usual = dict(choices).get(asked.default, asked.default)
        choices.insert(0, ("", gettext("Par défaut (%(value)s)") % {"value": usual} if usual else "–"))
    elif value is None:
        choices.insert(0, ("", gettext("Choisir")))
    return forms.ChoiceField(choices=choices, initial="" if value is None else value)


def shown_default(asked: Asked) -> str:
    """What counts when nothing is entered."""
    if asked.default is None or asked.default in ((), ""):
        return ""
    if asked.kind == "duration":
        return shown_duration(asked.default)
    return ", ".join(asked.default) if isinstance(asked.default, tuple) else str(asked.default)


def _items(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(item) for item in value]


def _holiday(entry: Any) -> str:
    if isinstance(entry, Mapping):
        return f"{entry.get('date', '')} {', '.join(map(str, entry.get('hours', [])))}".strip()
    return str(entry)


# -- back to the file ---------------------------------------------------------------------------------------


def _written(field: forms.Field, entry: Entry, asked: Asked, value: Any) -> Any:
    """As the file says it; None: it says nothing. What cannot be meant goes there as it was typed."""
    if isinstance(field, GridField):
        return field.grid.write(value or [])
    if isinstance(value, bool):
        return value
    if isinstance(value, list):
        return value or None
    text = str(value or "").strip()
    if entry.look == "holidays":
        return [_holiday_of(line) for line in _lines(text)] or None
    if entry.look == "periods":
        return _split(text) or None
    if asked.kind == "list":
        items = _split(text)
        return items if items or asked.default not in ((), None) else None
    if not text:
        return None
    if asked.kind == "integer":
        return whole(text)
    if asked.kind == "number":
        return number(text)
    if asked.kind == "duration":
        return number(text) if NUMBER.fullmatch(text) else text
    return text


def whole(text: str) -> Any:
    return int(text) if WHOLE.fullmatch(text) else text


def number(text: str) -> Any:
    if not NUMBER.fullmatch(text):
        return text
    return int(text) if WHOLE.fullmatch(text) else float(text.replace(",", "."))


def _alike(was: Any, now: Any, asked: Asked) -> bool:
    """Whether nothing would be otherwise: `true` that was not said, a list of one."""
    if asked.kind == "truth" and was is None:
        return bool(now == asked.default)
    if asked.kind == "list" and isinstance(was, str):
        return bool([was] == now)
    if asked.kind == "list" and was is None:
        return not now
    if asked.kind == "duration" and was is not None and now is not None:
        return duration(was) is not None and bool(duration(was) == duration(now))
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        return list(was.items()) == list(now.items())
    if not was and not now and not isinstance(was, bool | int | float):
        return True
    return type(was) is type(now) and bool(was == now)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _split(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,;\n،]", text) if part.strip()]


def _holiday_of(line: str) -> Any:
    day, _space, hours = line.partition(" ")
    return {"date": day, "hours": _split(hours)} if hours else day


# -- small tables -------------------------------------------------------------------------------------------


def _table(data: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    found = value_at(data, path)
    return found if isinstance(found, Mapping) else {}


def skills_of(data: Mapping[str, Any]) -> list[str]:
    """Skills that somebody has or a queue asks for, languages first."""
    spoken = _items(data.get("languages")) or ["fr", "es", "ar", "en"]
    found = dict.fromkeys(spoken)
    for kind in ("agents", "queues"):
        for name in _table(data, kind):
            found |= dict.fromkeys(_table(data, kind, name, "skills"))
    return list(found)


def _levels(data: Mapping[str, Any], place: Path) -> Grid:
    spoken = _items(data.get("languages")) or ["fr", "es", "ar", "en"]
    known = [skill for skill in skills_of(data) if place[0] == "agents" or skill not in spoken]
    return grids.by_key(
        known,
        key=Column("key", _("Compétence")),
        value=Column("value", _("Niveau"), number=True),
        cast=whole,
        names={code: language_name(code) for code in known if code in spoken},
        spare=2,
    )


def _steps(data: Mapping[str, Any], place: Path) -> Grid:
    skills = [LANGUAGE, *_table(data, *map(str, place), "skills")]
    columns = (
        Column("after_s", _("À partir de")),
        *(Column(s, gettext_lazy("Langue") if s == LANGUAGE else s, number=True) for s in skills),
    )

    def read(steps: Any) -> grids.Rows:
        return [
            {"after_s": str(step.get("after_s", ""))}
            | {skill: str(level) for skill, level in (step.get("levels") or {}).items()}
            for step in steps or []
        ]

    def write(rows: grids.Rows) -> Any:
        return [
            {
                "after_s": number(row["after_s"]),
                "levels": {skill: whole(row[skill]) for skill in skills if row[skill]},
            }
            for row in rows
            if any(row.values())
        ] or None

    return Grid(columns, read, write, 2)


def _keep(data: Mapping[str, Any], place: Path) -> Grid:
    others = [name for name in _table(data, "queues") if name != place[-1]]
    return grids.by_key(
        others,
        key=Column("key", _("File d’attente"), fixed=True),
        value=Column("value", _("Conseillers"), number=True),
        cast=whole,
    )


def _queues_by_language(data: Mapping[str, Any], place: Path) -> Grid:
    spoken = _items(value_at(data, (*place, "languages"))) or _items(data.get("languages")) or ["fr"]
    queues = tuple((name, name) for name in _table(data, "queues"))
    return grids.by_key(
        spoken,
        key=Column("key", _("Langue"), fixed=True),
        value=Column("value", _("File d’attente"), (("", "–"), *queues)),
        cast=str,
        names={code: language_name(code) for code in spoken},
    )


def _numbers(data: Mapping[str, Any], place: Path) -> Grid:
    spoken = _items(value_at(data, (*place, "languages"))) or _items(data.get("languages")) or ["fr"]
    return grids.by_key(
        _items(value_at(data, (*place, "numbers"))),
        key=Column("key", _("Numéro"), fixed=True),
        value=Column("value", _("Langue"), (("", "–"), *((code, language_name(code)) for code in spoken))),
        cast=str,
    )


def _menu(data: Mapping[str, Any], place: Path) -> Grid:
    spoken = _items(value_at(data, (*place, "languages"))) or _items(data.get("languages")) or ["fr"]
    choices = (("", "–"), *((code, language_name(code)) for code in spoken))
    return grids.by_key(
        [],
        key=Column("key", _("Touche")),
        value=Column("value", _("Langue"), choices),
        cast=str,
        spare=max(2, len(spoken)),
    )


def _routes(data: Mapping[str, Any], place: Path) -> Grid:
    columns = (
        Column("prefix", _("Préfixe")),
        Column("trunks", _("Lignes opérateur")),
        Column("per_minute", _("Prix par minute"), number=True),
        Column("concurrent_max", _("Appels à la fois"), number=True),
    )
    return grids.listed(columns, casts={"trunks": _split, "per_minute": number, "concurrent_max": whole})


def _codes(data: Mapping[str, Any], place: Path) -> Grid:
    return grids.by_key(
        [], key=Column("key", _("Code")), value=Column("value", _("Libellé")), cast=str, spare=3
    )


LOOKS: Final[dict[str, Callable[[Mapping[str, Any], Path], Grid]]] = {
    "levels": _levels,
    "steps": _steps,
    "keep": _keep,
    "queues_by_language": _queues_by_language,
    "numbers": _numbers,
    "menu": _menu,
    "routes": _routes,
    "codes": _codes,
}
"""Looks that are small tables."""


def table_of(place: Path) -> Change:
    """A table of that name, still empty."""
    return Change(tuple(map(str, place)), None, TABLE)
