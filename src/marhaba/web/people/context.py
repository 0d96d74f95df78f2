"""What every page shows around its own part."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_info

from marhaba.web.people import rules

_PLACES = (
    ("desk", "desk.use"),
    ("board", "board.see"),
    ("calls", "calls.open"),
    ("reports", "reports.see"),
    ("setup", "setup.see"),
    ("people", "people.see"),
    ("audit", "audit.read"),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    return {
        "centre": settings.ENVIRONMENT.name,
        "languages": [get_language_info(code) for code, _ in settings.LANGUAGES],
        "theme": getattr(user, "theme", "auto"),
        "places": [place for place, action in _PLACES if user is not None and rules.may(user, action)],
    }
