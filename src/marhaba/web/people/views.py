"""Pages about people: who one is, who is here, and what was done."""

from __future__ import annotations

from typing import cast

from django.conf import settings
from django.contrib.auth import login
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from marhaba.kernel.errors import Refused
from marhaba.web.people import audit, queries, rules
from marhaba.web.people.access import allows
from marhaba.web.people.domain import invitations, persons
from marhaba.web.people.forms import AccountForm, PersonForm, WelcomeForm
from marhaba.web.people.models import User

PAGE = 50
FIRST_PAGES = (("board.see", "board"), ("desk.use", "desk"), ("own.account", "account"))
"""Where somebody begins: the first page that he may see."""


def _me(request: HttpRequest) -> User:
    return cast(User, request.user)


@allows("own.account")
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return redirect(next(page for action, page in FIRST_PAGES if rules.may(_me(request), action)))


@allows("own.account")
@require_safe
def elsewhere(request: HttpRequest) -> HttpResponse:
    """Pages that the account library links to, and that this house does not have."""
    return redirect("account")


@allows(rules.PUBLIC)
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def welcome(request: HttpRequest, token: str) -> HttpResponse:
    """An invitation's link."""
    try:
        invited = invitations.find(token).user
        form = WelcomeForm(request.POST or None, user=invited)
        if request.method == "POST" and form.is_valid():
            user = invitations.accept(token, **form.cleaned_data)
            login(request, user, backend="allauth.account.auth_backends.AuthenticationBackend")
            return redirect("home")
    except Refused:
        return render(request, "people/welcome_over.html", status=410)
    return render(request, "people/welcome.html", {"form": form, "invited": invited})


@allows("own.account")
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    form = AccountForm(request.POST or None, instance=_me(request))
    if request.method == "POST" and form.is_valid():
        user = form.save()
        answer = redirect("account")
        if user.language:
            answer.set_cookie("language", user.language, max_age=365 * 24 * 3600, samesite="Lax")
        return answer
    return render(request, "people/account.html", {"form": form})


@allows("people.see")
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    words = request.GET.get("q", "")
    page = Paginator(queries.people(words), PAGE).get_page(request.GET.get("page"))
    return render(request, "people/people.html", {"page": page, "words": words})


@allows("people.manage")
@require_http_methods(["GET", "POST"])
def person(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    user = get_object_or_404(queries.people(), pk=pk) if pk is not None else None
    form = PersonForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        made = form.save(commit=False)
        try:
            persons.save_person(
                made,
                roles=form.cleaned_data["roles"],
                programmes=form.cleaned_data["programmes"],
                by=_me(request),
            )
        except Refused:
            form.add_error("roles", _("Il faut au moins un administrateur."))
        else:
            return redirect("person", pk=made.pk)
    return render(request, "people/person.html", {"form": form, "person": user})


@allows("people.manage")
@require_POST
def invite(request: HttpRequest, pk: int) -> HttpResponse:
    """Shows the link once; it is kept nowhere."""
    user = get_object_or_404(User, pk=pk)
    token = invitations.invite(user, by=_me(request))
    link = request.build_absolute_uri(reverse("welcome", args=[token]))
    return render(request, "people/invited.html", {"person": user, "link": link})


@allows("audit.read")
@require_safe
def audit_log(request: HttpRequest) -> HttpResponse:
    words = request.GET.get("q", "")
    page = Paginator(queries.audit_entries(words), PAGE).get_page(request.GET.get("page"))
    broken = list(audit.verify(queries.audit_chain())) if request.GET.get("verify") else None
    return render(request, "people/audit.html", {"page": page, "words": words, "broken": broken})


@allows(rules.PUBLIC)
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """The reader's language, from any page."""
    chosen = request.POST.get("language", "")
    back = request.POST.get("next", "/")
    answer = redirect(back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/")
    if chosen in dict(settings.LANGUAGES):
        answer.set_cookie("language", chosen, max_age=365 * 24 * 3600, samesite="Lax")
        if rules.may(request.user, "own.account"):
            User.objects.filter(pk=_me(request).pk).update(language=chosen)
    return answer
