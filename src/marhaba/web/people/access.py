"""No page without a rule: a view says what it is for, and whoever may not is refused before it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin

from marhaba.web.people import rules

_View = TypeVar("_View", bound=Callable[..., Any])
OTHERS: dict[str, str] = {
    "allauth.": "own.account",
    "django.views.i18n.": rules.PUBLIC,
    "django.views.static.": rules.PUBLIC,
}
"""Views of libraries, by where they stand. What they let a stranger do is in STRANGERS."""
STRANGERS = frozenset(
    {
        "account_login",
        "account_logout",
        "mfa_authenticate",
        "mfa_login_webauthn",
        "account_signup",
        "account_inactive",
    }
)


def allows(action: str) -> Callable[[_View], _View]:
    """Mark a view: it is for people who may do that (`rules.ACTIONS`), or "public"."""
    if action != rules.PUBLIC and action not in rules.ACTIONS:
        raise ImproperlyConfigured(f"no action {action}")

    def mark(view: _View) -> _View:
        view.action = action  # type: ignore[attr-defined]
        return view

    return mark


def action_of(view: Any, name: str | None) -> str:
    """What a route asks for. Raises `ImproperlyConfigured` for a view that does not say."""
    if hasattr(view, "action"):
        return str(view.action)
    where = getattr(view, "view_class", view).__module__
    for prefix, action in OTHERS.items():
        if where.startswith(prefix):
            return rules.PUBLIC if name in STRANGERS else action
    raise ImproperlyConfigured(f"the view {view} says not who may see it")


class RequireAccess(MiddlewareMixin):
    """Before the view runs: a stranger is asked who he is, whoever may not is refused."""

    def process_view(
        self, request: HttpRequest, view: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        match = request.resolver_match
        action = action_of(view, match.url_name if match is not None else None)
        if request.user.is_authenticated:
            prefetch_related_objects([request.user], "grants")  # every rule of this request asks for them
        if action == rules.PUBLIC or rules.may(request.user, action):
            return None
        if not request.user.is_authenticated:
            if request.headers.get("HX-Request"):  # a part of a page cannot become the login page
                return HttpResponse(status=401, headers={"HX-Redirect": str(reverse("account_login"))})
            return redirect_to_login(request.get_full_path())
        raise PermissionDenied(action)
