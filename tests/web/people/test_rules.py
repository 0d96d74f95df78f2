"""Who may do what, written out: a change of the rules changes this table, or fails."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from marhaba.web.people import rules
from marhaba.web.people.enums import Role
from tests.web.conftest import make_user

pytestmark = pytest.mark.django_db
TABLE = {
    #                agent supervisor planner quality trainer client administrator
    "own.account":   "x     x          x       x       x       x      x",
    "board.see":     "-     x          x       x       -       x      x",
    "board.agents":  "-     x          x       x       -       -      x",
    "board.act":     "-     x          -       -       -       -      x",
    "desk.use":      "x     x          -       -       -       -      x",
    "desk.choose":   "-     -          -       -       -       -      x",
    "calls.open":    "x     x          x       x       -       x      x",
    "calls.see":     "-     x          x       x       -       x      x",
    "calls.agents":  "-     x          x       x       -       -      x",
    "calls.listen":  "-     x          -       x       -       -      x",
    "reports.see":   "-     x          x       x       -       x      x",
    "reports.reconcile": "-  x         x       -       -       -      x",
    "setup.see":     "-     x          -       -       -       -      x",
    "setup.adjust":  "-     x          -       -       -       -      x",
    "setup.manage":  "-     -          -       -       -       -      x",
    "people.see":    "-     x          -       -       -       -      x",
    "people.manage": "-     -          -       -       -       -      x",
    "audit.read":    "-     -          -       -       -       -      x",
}  # fmt: skip
ROLES = ("agent", "supervisor", "planner", "quality", "trainer", "client", "administrator")


def test_every_action_and_every_role_is_in_the_table() -> None:
    assert TABLE.keys() == rules.ACTIONS.keys()
    assert {role.value for role in Role} == set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_what_the_table_says(role: str) -> None:
    user = make_user("somebody", role)
    for action, row in TABLE.items():
        assert rules.may(user, action) is (row.split()[ROLES.index(role)] == "x"), action


def test_nobody_may_anything_without_a_role_an_account_or_the_right_to_enter() -> None:
    inactive = make_user("inactive", "administrator", is_active=False)
    for who in (AnonymousUser(), make_user("nobody"), inactive):
        assert [action for action in TABLE if rules.may(who, action)] == []


def test_a_role_in_one_programme_is_none_in_another() -> None:
    leader = make_user("leader", "supervisor", programme="banque")
    assert rules.may(leader, "board.act", "banque")
    assert not rules.may(leader, "board.act", "hotel")
    assert rules.may(leader, "board.act")
    assert rules.programmes_of(leader, "board.act") == {"banque"}
    assert rules.programmes_of(leader, "people.manage") == frozenset()
    assert rules.programmes_of(make_user("boss", "administrator"), "board.act") is None
