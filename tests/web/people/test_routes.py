"""Every address of the house, and who may go there. An address without a row fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from marhaba.web.people.enums import Role
from tests.web.conftest import Entering, browser

pytestmark = pytest.mark.django_db
ALL = frozenset(role.value for role in Role)
SEES = frozenset({"supervisor", "planner", "quality", "client", "administrator"})
LEADS = frozenset({"supervisor", "administrator"})
OPENS = ALL - {"trainer"}
WORKS = frozenset({"agent", "supervisor", "administrator"})
ADMINISTERS = frozenset({"administrator"})
PUBLIC = None

ROUTES: dict[str, tuple[dict[str, object], str, frozenset[str] | None]] = {
    "home": ({}, "GET", ALL),
    "welcome": ({"token": "x"}, "GET", PUBLIC),
    "language": ({}, "POST", PUBLIC),
    "account": ({}, "GET", ALL),
    "people": ({}, "GET", LEADS),
    "person_new": ({}, "GET", ADMINISTERS),
    "person": ({"pk": 999}, "GET", ADMINISTERS),
    "person_invite": ({"pk": 999}, "POST", ADMINISTERS),
    "audit": ({}, "GET", ADMINISTERS),
    "board": ({}, "GET", SEES),
    "board_wall": ({}, "GET", SEES),
    "board_stream": ({}, "GET", SEES),
    "board_act": ({"agent": "x", "do": "ready"}, "POST", LEADS),
    "desk": ({}, "GET", WORKS),
    "desk_stream": ({}, "GET", WORKS),
    "desk_act": ({"do": "ready"}, "POST", WORKS),
    "desk_note": ({}, "POST", WORKS),
    "desk_line": ({}, "POST", WORKS),
    "desk_line_away": ({"edge": "x"}, "DELETE", WORKS),
    "desk_choose": ({}, "POST", ADMINISTERS),
    "calls": ({}, "GET", OPENS),
    "calls_call": ({"name": "x"}, "GET", OPENS),
    "calls_sound": ({"name": "x", "at": 0}, "GET", frozenset({"supervisor", "quality", "administrator"})),
    "calls_export": ({}, "GET", SEES),
    "reports": ({}, "GET", SEES),
    "reports_export": ({"form": "csv"}, "GET", SEES),
    "reports_agents": ({}, "GET", SEES - {"client"}),
    "reports_agents_export": ({"form": "xlsx"}, "GET", SEES - {"client"}),
    "reports_reconciliation": ({}, "GET", frozenset({"supervisor", "planner", "administrator"})),
    "reports_spain": ({}, "GET", SEES),
    "setup": ({}, "GET", LEADS),
    "setup_review": ({}, "GET", LEADS),
    "setup_publish": ({}, "POST", LEADS),
    "setup_renew": ({}, "POST", LEADS),
    "setup_discard": ({}, "POST", LEADS),
    "setup_versions": ({}, "GET", LEADS),
    "setup_version": ({"number": 1}, "GET", LEADS),
    "setup_undo": ({"number": 1}, "POST", ADMINISTERS),
    "setup_export": ({"number": 1}, "GET", LEADS),
    "setup_import": ({}, "GET", ADMINISTERS),
    "setup_new": ({"kind": "queues"}, "GET", ADMINISTERS),
    "setup_table": ({"kind": "queues"}, "GET", LEADS),
    "setup_element": ({"kind": "queues", "name": "x"}, "GET", LEADS),
    "setup_delete": ({"kind": "queues", "name": "x"}, "POST", ADMINISTERS),
    "account_login": ({}, "GET", PUBLIC),
    "account_logout": ({}, "GET", PUBLIC),
    "account_inactive": ({}, "GET", PUBLIC),
    "account_reauthenticate": ({}, "GET", ALL),
    "account_change_password": ({}, "GET", ALL),
    "account_signup": ({}, "GET", ALL),
    "account_email": ({}, "GET", ALL),
    "mfa_authenticate": ({}, "GET", PUBLIC),
    "mfa_index": ({}, "GET", ALL),
    "mfa_reauthenticate": ({}, "GET", ALL),
    "mfa_activate_totp": ({}, "GET", ALL),
    "mfa_deactivate_totp": ({}, "GET", ALL),
    "mfa_view_recovery_codes": ({}, "GET", ALL),
    "mfa_generate_recovery_codes": ({}, "GET", ALL),
    "mfa_download_recovery_codes": ({}, "GET", ALL),
    "mfa_login_webauthn": ({}, "GET", PUBLIC),
    "mfa_list_webauthn": ({}, "GET", ALL),
    "mfa_add_webauthn": ({}, "GET", ALL),
    "mfa_reauthenticate_webauthn": ({}, "GET", ALL),
    "mfa_edit_webauthn": ({"pk": 999}, "GET", ALL),
    "mfa_remove_webauthn": ({"pk": 999}, "GET", ALL),
}
"""Name -> arguments, method, roles that are let in (None: everybody, strangers too)."""
LOGIN = "/accounts/login/"


def names(resolver: URLResolver) -> Iterator[str]:
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            yield from names(each)
        elif isinstance(each, URLPattern):
            assert each.name, f"{each.pattern} has no name"
            yield each.name


def test_every_address_has_its_row() -> None:
    assert sorted(names(get_resolver())) == sorted(ROUTES)


@pytest.mark.parametrize("role", sorted(ALL))
def test_a_role_goes_where_it_may(enter: Entering, role: str) -> None:
    client = enter(role)
    for name, (arguments, method, allowed) in ROUTES.items():
        if name == "account_logout":
            continue  # he would be a stranger from there on
        answer = client.generic(method, reverse(name, kwargs=arguments))
        refused = answer.status_code == 403
        assert refused is (allowed is not None and role not in allowed), f"{name}: {answer.status_code}"
        assert not (answer.status_code == 302 and answer["Location"].startswith(f"{LOGIN}?next")), name


@pytest.mark.parametrize("name", ROUTES)
def test_a_stranger_is_asked_who_he_is(name: str) -> None:
    arguments, method, allowed = ROUTES[name]
    place = reverse(name, kwargs=arguments)
    answer = browser().generic(method, place)
    asked = answer.status_code == 302 and answer["Location"].startswith(f"{LOGIN}?next={place}")
    assert asked is (allowed is not None)


def test_somebody_who_may_no_longer_enter_is_a_stranger(enter: Entering) -> None:
    client = enter("administrator", is_active=False)
    assert client.get("/people")["Location"] == f"{LOGIN}?next=/people"
