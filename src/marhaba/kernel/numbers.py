"""Numbers people dial: what is a dialled string, its international form, where it may go, and what it may
cost.

A route is chosen from a table by the longest prefix. What no route opens is closed: foreign countries need
a route, and premium ranges one that names them, whatever wider route there is. Nothing dialled is ever
pasted into an address.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

DIALLED_CHARS_MAX = 32
"""E.164 has 15 digits; prefixes, star codes and a margin."""
E164_DIGITS = (8, 15)
"""The shortest numbers a subscriber abroad has, and the longest allowed (E.164 section 6.1)."""
HOUR_S = 3_600.0
_DIALLED = re.compile(rf"[0-9+*#]{{1,{DIALLED_CHARS_MAX}}}")
_E164 = re.compile(rf"[1-9][0-9]{{{E164_DIGITS[0] - 1},{E164_DIGITS[1] - 1}}}")
_SEPARATORS = str.maketrans("", "", " .-()/\u00a0\u202f")


@dataclass(frozen=True, slots=True)
class Country:
    """How the numbers of a country are written."""

    code: str
    prefix: str  # country calling code
    trunk: str  # dialled before a national number, dropped from abroad
    national: re.Pattern[str]  # significant number
    premium: tuple[str, ...]  # E.164 prefixes billed above the ordinary


COUNTRIES = {
    # ANRT, plan national de numérotation: 05 fixed, 06 and 07 mobile, 08 services of which 089 at a premium.
    "MA": Country("MA", "212", "0", re.compile(r"[5-8][0-9]{8}"), ("+21289",)),
    # ARCEP, décision 2019-0954: 081, 082 and 089 are billed above a call; 080 is not.
    "FR": Country("FR", "33", "0", re.compile(r"[1-9][0-9]{8}"), ("+3381", "+3382", "+3389")),
    # CNMC, plan nacional de numeración: no trunk prefix; 803, 806, 807, 905 and 907 at a premium, 901 and 902 shared.
    "ES": Country(
        "ES",
        "34",
        "",
        re.compile(r"[5-9][0-9]{8}"),
        ("+34803", "+34806", "+34807", "+34901", "+34902", "+34905", "+34907"),
    ),
}
SHARED = ("+870", "+878", "+881", "+882", "+883", "+888", "+979")
"""Satellite, networks without a country and international premium (ITU-T E.164, list of assigned country
codes).
"""
PREMIUM = (*(prefix for country in COUNTRIES.values() for prefix in country.premium), *SHARED)


def is_dialled(text: str) -> bool:
    """Whether a text is something a telephone can dial: digits, plus, star and hash, at most 32."""
    return _DIALLED.fullmatch(text) is not None


def normalise(text: str, *, country: str) -> str | None:
    """E.164 with its plus, or None for what is no telephone number. `country`, where it was dialled: a key
    of COUNTRIES.

    "+33 (0)1 23 45 67 89", written with a trunk zero that is never dialled from abroad, is read as it is
    meant.
    """
    text = text.translate(_SEPARATORS)
    if text.startswith("+"):
        return _international(text[1:])
    if text.startswith("00"):
        return _international(text[2:])
    plan = COUNTRIES[country]
    if not text.startswith(plan.trunk):
        return None
    return _national(text.removeprefix(plan.trunk), plan)


def _international(digits: str) -> str | None:
    if not _E164.fullmatch(digits):
        return None
    for plan in COUNTRIES.values():
        if digits.startswith(plan.prefix):
            return _national(digits.removeprefix(plan.prefix).removeprefix(plan.trunk), plan)
    return f"+{digits}"


def _national(significant: str, plan: Country) -> str | None:
    return f"+{plan.prefix}{significant}" if plan.national.fullmatch(significant) else None


@dataclass(frozen=True, slots=True)
class Route:
    """Numbers that begin with `prefix` (E.164) go over `trunks`, tried in order; without trunks they are
    closed.
    """

    prefix: str
    trunks: tuple[str, ...]
    per_minute: float = 0.0  # in the centre's currency
    concurrent_max: int = 0  # 0: no cap of its own


class Dialling:
    """The table. What it does not open is closed."""

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._routes = {route.prefix: route for route in routes}

    def route(self, number: str) -> Route | None:
        """The route of an E.164 number, or None when it may not be dialled."""
        for length in range(len(number), 0, -1):
            route = self._routes.get(number[:length])
            if route is not None:
                return route if route.trunks and not _premium_beyond(number, route.prefix) else None
        return None


def _premium_beyond(number: str, prefix: str) -> bool:
    """A premium range is opened by a route that names it, or a part of it; never by a wider one."""
    return any(number.startswith(range_) and not prefix.startswith(range_) for range_ in PREMIUM)


@dataclass(slots=True)
class Spend:
    """What is being spent: calls at once, and money in the last hour, calls in progress included.

    Counters only; `now` in seconds. A started minute counts in full, as the dearest of carriers bill it.
    """

    concurrent_max: int
    hourly_max: float
    _running: dict[str, tuple[float, Route]] = field(default_factory=dict)
    _ended: deque[tuple[float, float]] = field(default_factory=deque)

    def refusal(self, now: float, route: Route) -> str:
        """Why no further call may start over `route`: "calls", "route" (its own cap), "money"; "": it may."""
        if len(self._running) >= self.concurrent_max:
            return "calls"
        on_route = sum(running.prefix == route.prefix for _, running in self._running.values())
        if 0 < route.concurrent_max <= on_route:
            return "route"
        # The first minute is spent with the answer, so it must fit too.
        return "money" if self.last_hour(now) + route.per_minute > self.hourly_max else ""

    def start(self, now: float, call: str, route: Route) -> None:
        """A call begins to cost."""
        assert call not in self._running, "a call is paid for once"
        self._running[call] = (now, route)

    def end(self, now: float, call: str) -> float:
        """What the call cost. One that never began, or has ended, costs nothing."""
        if call not in self._running:
            return 0.0
        cost = _cost(now, *self._running.pop(call))
        self._ended.append((now, cost))
        return cost

    def last_hour(self, now: float) -> float:
        """Money gone in the hour up to `now`: calls ended in it, and those in progress up to now."""
        while self._ended and self._ended[0][0] <= now - HOUR_S:
            self._ended.popleft()
        running = (_cost(now, began, route) for began, route in self._running.values())
        return math.fsum((*(cost for _, cost in self._ended), *running))

    @property
    def concurrent(self) -> int:
        return len(self._running)


def _cost(now: float, began: float, route: Route) -> float:
    return max(1, math.ceil((now - began) / 60)) * route.per_minute
