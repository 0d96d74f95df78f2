"""What every page of the set-up begins with: the draft of whoever looks, read, and what he may do with it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from marhaba.centre.reading import Examined
from marhaba.files.toml_edits import Change, changes, edited
from marhaba.kernel.errors import Refused
from marhaba.web.people.models import User
from marhaba.web.setup import file
from marhaba.web.setup.domain import drafts, versions
from marhaba.web.setup.domain.differences import paths_touched
from marhaba.web.setup.models import Draft, Version
from marhaba.web.setup.rights import Rights, rights_of

P = ParamSpec("P")


@dataclass
class Editing:
    user: User
    draft: Draft
    newest: Version
    rights: Rights

    @cached_property
    def data(self) -> Mapping[str, Any]:
        return tomllib.loads(self.draft.text)

    @cached_property
    def examined(self) -> Examined:
        return file.examine(self.draft.text)

    @cached_property
    def published(self) -> Mapping[str, Any]:
        return tomllib.loads(self.newest.text)

    @property
    def changed(self) -> int:
        """How many places he has changed."""
        return len(changes(tomllib.loads(self.draft.base.text), self.data)) if self.draft.kept else 0

    @property
    def behind(self) -> bool:
        """Whether somebody has published since he began."""
        return self.draft.base_id != self.newest.number

    def may_change(self, path: tuple[str, ...]) -> bool:
        return self.rights.changes(self.published, path)

    def forbidden(self, text: str) -> list[tuple[str, ...]]:
        """Places that this text would change, and that he may not."""
        return [path for path in paths_touched(self.draft.text, text) if not self.may_change(path)]

    def with_changes(self, changed: list[Change]) -> str:
        return edited(self.draft.text, changed)

    def save(self, text: str, *, base: str, serial: str) -> None:
        """Raises `Refused`: not his to change, or saved elsewhere meanwhile."""
        if self.forbidden(text):
            raise Refused("not his to change", code="forbidden")
        self.draft = drafts.save(
            self.user, text, base=_number(base, self.draft.base_id), serial=_number(serial, -1)
        )


def editing(
    view: Callable[Concatenate[HttpRequest, Editing, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Hand the view what its person edits; a page that says so where there is no file to edit."""

    @wraps(view)
    def begin(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        user = cast(User, request.user)
        try:
            newest = versions.latest()
            tomllib.loads(newest.text)
            edit = Editing(user, drafts.draft_of(user), newest, rights_of(user))
        except (Refused, tomllib.TOMLDecodeError) as refusal:
            return render(request, "setup/none.html", {"why": str(refusal)}, status=503)
        return view(request, edit, *args, **kwargs)

    return begin


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default
