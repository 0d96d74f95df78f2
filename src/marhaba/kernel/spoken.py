"""Figures a caller hears, as prompt ids. Each figure with its noun is one recording ("minutes-3": "trois minutes").

So the grammar of each language (the Arabic dual and plurals, Spanish and French gender) is in the recorded phrase, not in
rules that join words; the catalogue holds the phrases, a centre's own recordings replace them one by one.
"""

from __future__ import annotations

import math

POSITION_SAID_MAX = 50
"""Beyond this a position tells a caller only that it is long."""
MINUTES_SAID_MAX = 30


def position(place: int) -> list[str]:
    """Ids that say a place in line, 1 being the next to be answered."""
    assert place >= 1
    if place == 1:
        return ["position-next"]
    if place > POSITION_SAID_MAX:
        return ["position-many"]
    return ["position-is", f"number-{place}"]


def wait_between(low_s: float, high_s: float) -> list[str]:
    """Ids that say an interval of waiting in whole minutes, rounded outwards; [] beyond half an hour."""
    low, high = math.floor(low_s / 60), max(1, math.ceil(high_s / 60))
    if high > MINUTES_SAID_MAX:
        return []
    if low == 0:
        return ["wait-less-than", f"minutes-{high}"]
    if low == high:
        return ["wait-about", f"minutes-{high}"]
    return ["wait-between", f"minutes-{low}", "wait-and", f"minutes-{high}"]
