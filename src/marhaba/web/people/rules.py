"""Who may do what: one row an action, one predicate for all. A programme narrows it to those who have it there."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import AnonymousUser

from marhaba.web.people.enums import Role
from marhaba.web.people.models import User

PUBLIC: Final = "public"
EVERYBODY: Final = frozenset(Role)
_LEADS: Final = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})

ACTIONS: Final[dict[str, frozenset[Role]]] = {
    "own.account": EVERYBODY,
    "board.see": frozenset({Role.SUPERVISOR, Role.PLANNER, Role.QUALITY, Role.CLIENT, Role.ADMINISTRATOR}),
    "board.agents": frozenset({Role.SUPERVISOR, Role.PLANNER, Role.QUALITY, Role.ADMINISTRATOR}),
    "board.act": _LEADS,
    "desk.use": frozenset({Role.AGENT, Role.SUPERVISOR, Role.ADMINISTRATOR}),
    "desk.choose": frozenset({Role.ADMINISTRATOR}),
    "calls.open": EVERYBODY - {Role.TRAINER},  # an agent his own
    "calls.see": frozenset({Role.SUPERVISOR, Role.PLANNER, Role.QUALITY, Role.CLIENT, Role.ADMINISTRATOR}),
    "calls.agents": frozenset({Role.SUPERVISOR, Role.PLANNER, Role.QUALITY, Role.ADMINISTRATOR}),
    "calls.listen": frozenset({Role.SUPERVISOR, Role.QUALITY, Role.ADMINISTRATOR}),
    "reports.see": frozenset({Role.SUPERVISOR, Role.PLANNER, Role.QUALITY, Role.CLIENT, Role.ADMINISTRATOR}),
    "reports.reconcile": frozenset({Role.SUPERVISOR, Role.PLANNER, Role.ADMINISTRATOR}),
    "setup.see": _LEADS,
    "setup.adjust": _LEADS,
    "setup.manage": frozenset({Role.ADMINISTRATOR}),
    "people.see": _LEADS,
    "people.manage": frozenset({Role.ADMINISTRATOR}),
    "audit.read": frozenset({Role.ADMINISTRATOR}),
}


def may(user: User | AnonymousUser, action: str, programme: str = "") -> bool:
    """Whether somebody may do it in that programme; without one: whether anywhere at all."""
    if not isinstance(user, User) or not user.is_active:
        return False
    allowed = ACTIONS[action]
    return any(
        grant.role in allowed and (not programme or grant.programme in ("", programme))
        for grant in user.grants.all()
    )


def programmes_of(user: User, action: str) -> frozenset[str] | None:
    """In which programmes; None: in all."""
    mine = {grant.programme for grant in user.grants.all() if grant.role in ACTIONS[action]}
    return None if "" in mine else frozenset(mine)
