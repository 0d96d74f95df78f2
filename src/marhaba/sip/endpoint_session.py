"""Session timers (RFC 4028): what the two sides agree on, so that a call whose far side died ends by itself."""

from __future__ import annotations

from marhaba.sip.endpoint_core import Core, number_of, tokens_of
from marhaba.sip.leg import Leg
from marhaba.sip.message import Request, Response, canonical

MIN_SE = canonical("Min-SE")  # as the parser spells it
EXPIRY_MARGIN_S = 32
"""The BYE goes out this long (or a third of the interval, if less) before the session would expire, section 10."""
INTERVAL_S_MAX = 86_400
"""Larger intervals are taken for this one: a day-long call is a dead one."""


def offer_lines(core: Core, *, interval_s: int = 0, min_s: int = 0) -> tuple[str, ...]:
    """What an initial INVITE of ours asks for."""
    settings = core.settings
    return (
        f"Session-Expires: {max(interval_s, settings.session_expires_s)}",
        f"Min-SE: {max(min_s, settings.session_min_s)}",
    )


def refresh_lines(core: Core, leg: Leg) -> tuple[str, ...]:
    """What a re-INVITE or UPDATE of ours carries: the roles stay as they are."""
    if not leg.session.interval_s:
        return ()
    role = "uac" if leg.session.refresher else "uas"
    return (
        f"Session-Expires: {leg.session.interval_s};refresher={role}",
        f"Min-SE: {core.settings.session_min_s}",
    )


def too_small(core: Core, request: Request) -> bool:
    """Whether a request deserves 422: an interval below our minimum from somebody who can raise it."""
    asked = number_of(request.headers.get("Session-Expires"))
    return asked is not None and asked < core.settings.session_min_s and speaks(request)


def speaks(message: Request | Response) -> bool:
    return "timer" in tokens_of(message, "Supported") or "timer" in tokens_of(message, "Require")


def agree_as_uas(core: Core, leg: Leg, request: Request) -> tuple[str, ...]:
    """Settle on an interval for a request of theirs; returns the header lines of our 2xx (section 9)."""
    session = leg.session
    if not speaks(request):
        session.interval_s = 0
        return ()
    text = request.headers.get("Session-Expires")
    ours = core.settings.session_expires_s
    least = max(core.settings.session_min_s, number_of(request.headers.get(MIN_SE)) or 0)
    asked = number_of(text)
    session.interval_s = min(max(min(asked or ours, ours), least), INTERVAL_S_MAX)
    session.refresher = "refresher=uas" in text.replace(" ", "").lower()
    if session.refresher:
        return (f"Session-Expires: {session.interval_s};refresher=uas",)
    return (f"Session-Expires: {session.interval_s};refresher=uac", "Require: timer")


def agree_as_uac(core: Core, leg: Leg, response: Response) -> None:
    """Take what the 2xx to our request settled (section 7.2): without Session-Expires there is no timer."""
    text = response.headers.get("Session-Expires")
    interval = number_of(text)
    if interval is None:
        leg.session.interval_s = 0
        return
    leg.session.interval_s = min(max(interval, core.settings.session_min_s), INTERVAL_S_MAX)
    leg.session.refresher = "refresher=uas" not in text.replace(" ", "").lower()


def life(interval: int) -> float:
    """How long after a refresh the session is given up."""
    return interval - min(EXPIRY_MARGIN_S, interval / 3)
