"""Public holidays that a rule can compute: fixed dates, and dates counted from Easter.

Morocco's religious holidays follow the sighting of the moon and are announced days before: a centre enters
them by date (1 Chaoual and the day after, 10 Dou al-Hijja and the day after, 1 Moharram, 12 and 13 Rabii
I). Regional and local days (Alsace, the autonomous communities, a town's patron) are entered by date too.

Sources: Morocco, decree 2-05-426 as amended (Amazigh new year since 2024, Unity Day since 2025); France,
Code du travail L3133-1; Spain, Estatuto de los Trabajadores art. 37.2 and Real Decreto 2001/1983 art. 45.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

_FIXED: dict[str, dict[tuple[int, int], str]] = {
    "morocco": {
        (1, 1): "Nouvel an",
        (1, 11): "Manifeste de l'indépendance",
        (1, 14): "Nouvel an amazigh",
        (5, 1): "Fête du travail",
        (7, 30): "Fête du trône",
        (8, 14): "Oued Ed-Dahab",
        (8, 20): "Révolution du roi et du peuple",
        (8, 21): "Fête de la jeunesse",
        (10, 31): "Aïd Al Wahda",
        (11, 6): "Marche verte",
        (11, 18): "Fête de l'indépendance",
    },
    "france": {
        (1, 1): "Jour de l'an",
        (5, 1): "Fête du travail",
        (5, 8): "Victoire 1945",
        (7, 14): "Fête nationale",
        (8, 15): "Assomption",
        (11, 1): "Toussaint",
        (11, 11): "Armistice 1918",
        (12, 25): "Noël",
    },
    "spain": {
        (1, 1): "Año Nuevo",
        (1, 6): "Epifanía del Señor",
        (5, 1): "Fiesta del Trabajo",
        (8, 15): "Asunción de la Virgen",
        (10, 12): "Fiesta Nacional de España",
        (11, 1): "Todos los Santos",
        (12, 6): "Día de la Constitución",
        (12, 8): "Inmaculada Concepción",
        (12, 25): "Natividad del Señor",
    },
}
_FROM_EASTER: dict[str, dict[int, str]] = {
    "morocco": {},
    "france": {1: "Lundi de Pâques", 39: "Ascension", 50: "Lundi de Pentecôte"},
    "spain": {-2: "Viernes Santo"},
}
COUNTRIES = tuple(_FIXED)


@lru_cache(maxsize=64)
def public_holidays(country: str, year: int) -> dict[date, str]:
    """The computable holidays of "morocco", "france" or "spain" in a year, with their names."""
    found = {date(year, month, day): name for (month, day), name in _FIXED[country].items()}
    sunday = easter(year)
    found |= {sunday + timedelta(days): name for days, name in _FROM_EASTER[country].items()}
    return dict(sorted(found.items()))


def easter(year: int) -> date:
    """Gregorian Easter Sunday (the anonymous algorithm; Meeus, Astronomical Algorithms, ch. 8)."""
    a = year % 19
    b, c = divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)
