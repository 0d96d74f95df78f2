"""Numbers people dial: what is a dialled string, its international form, where it may go, and what it may cost.

A route is chosen from a table by the longest prefix; what no route opens is closed, and premium ranges stay closed under a
wider route unless a route names them. Nothing dialled is ever pasted into an address.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

DIALLED_CHARS_MAX = 32
"""E.164 has 15 digits; prefixes, codes and a margin."""
E164_DIGITS = (8, 15)
_DIALLED = re.compile(r"[0-9+*#]{1,32}")
_DIGITS = re.compile(r"[0-9]+")
_SEPARATORS = str.maketrans("", "", " .-()\u00a0\u202f/")


@dataclass(frozen=True, slots=True)
class Country:
    """How national numbers are written. Sources: the numbering plans of ANRT, ARCEP and CNMC."""

    code: str
    prefix: str  # country calling code
    trunk: str  # dialled before a national number, dropped abroad
    national: re.Pattern[str]  # significant number
    premium: tuple[str, ...]  # E.164 prefixes billed above the ordinary


COUNTRIES = {
    "MA": Country("MA", "212", "0", re.compile(r"[5-8][0-9]{8}"), ("+21289",)),
    "FR": Country("FR", "33", "0", re.compile(r"[1-9][0-9]{8}"), ("+3381", "+3382", "+3389", "+3336")),
    "ES": Country(
        "ES",
        "34",
        "",
        re.compile(r"[6-9][0-9]{8}"),
        ("+34803", "+34806", "+34807", "+34901", "+34902", "+34905", "+34907"),
    ),
}
PREMIUM = (
    *tuple(prefix for country in COUNTRIES.values() for prefix in country.premium),
    "+979",
    "+882",
    "+883",
    "+88",
)


def is_dialled(text: str) -> bool:
    """Whether a text is something a telephone can dial: digits, plus, star and hash, at most 32."""
    return _DIALLED.fullmatch(text) is not None


def normalise(text: str, *, country: str) -> str | None:
    """E.164 with its plus, or None for what is no telephone number. `country` is "MA", "FR" or "ES"."""
    text = text.translate(_SEPARATORS)
    if text.startswith("+"):
        digits = text[1:]
    elif text.startswith("00"):
        digits = text[2:]
    else:
        plan = COUNTRIES[country]
        significant = text.removeprefix(plan.trunk) if plan.trunk and text.startswith(plan.trunk) else text
        if (plan.trunk and significant == text) or not plan.national.fullmatch(significant):
            return None
        digits = plan.prefix + significant
    low, high = E164_DIGITS
    if (
        not digits.isascii()
        or not _DIGITS.fullmatch(digits)
        or not low <= len(digits) <= high
        or digits[0] == "0"
    ):
        return None
    return f"+{digits}"


@dataclass(frozen=True, slots=True)
class Route:
    """Numbers that begin with `prefix` (E.164) may be dialled over `trunks`, tried in order."""

    prefix: str
    trunks: tuple[str, ...]
    per_minute: float = 0.0  # in the centre's currency
    concurrent_max: int = 0  # 0: no cap of its own


class Dialling:
    """The table. What it does not open is closed."""

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._routes = sorted(routes, key=lambda route: (-len(route.prefix), route.prefix))

    def route(self, number: str) -> Route | None:
        """The route of an E.164 number, or None when it may not be dialled."""
        for route in self._routes:
            if number.startswith(route.prefix):
                return None if _premium_beyond(number, route.prefix) else route
        return None


def _premium_beyond(number: str, prefix: str) -> bool:
    """A premium range is opened by a route that names it, or a part of it; never by a wider one."""
    return any(number.startswith(range_) and not prefix.startswith(range_) for range_ in PREMIUM)


@dataclass(slots=True)
class Spend:
    """What is being spent: calls at once, and money in the last hour. Counters only; `now` in seconds."""

    concurrent_max: int
    hourly_max: float
    current: int = 0
    _spent: deque[tuple[float, float]] = field(default_factory=deque)

    def may_start(self, now: float) -> bool:
        return self.current < self.concurrent_max and self.last_hour(now) < self.hourly_max

    def start(self) -> None:
        self.current += 1

    def end(self, now: float, cost: float) -> None:
        """A call ended and cost this much."""
        self.current = max(0, self.current - 1)
        self._spent.append((now, cost))

    def last_hour(self, now: float) -> float:
        while self._spent and self._spent[0][0] <= now - 3600.0:
            self._spent.popleft()
        return sum(cost for _, cost in self._spent)
