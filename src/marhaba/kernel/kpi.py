"""The figures of a call centre, each with its letter, its name and its definition in words.

The same day gives six different service levels (83.0, 86.0, 81.1, 82.7, 82.1 and 81.9 %, see
docs/design/kpi.md), so a figure is never shown without its letter. "Within" a time includes that time; a
share runs from 0 to 1; a figure whose denominator is empty is None, never 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from marhaba.kernel.errors import BadInput

Array = npt.NDArray[np.float64]
Seconds = Array | Sequence[float]
"""One number a call."""
SPAIN_ATTENDED_S = 180.0
"""Ley 10/2025: attended by a person in less than three minutes ..."""
SPAIN_TARGET = 0.95
"""... for this share of a year's calls."""
_Data = TypeVar("_Data")


@dataclass(frozen=True, slots=True)
class Formula(Generic[_Data]):
    """A named formula; calling it computes it."""

    letter: str
    name: str
    definition: str
    unit: Literal["share", "s"]
    function: Callable[[_Data], float | None]

    def __call__(self, data: _Data) -> float | None:
        return self.function(data)


@dataclass(frozen=True, slots=True)
class Waits:
    """The calls of a queue and a time: how long each waited, and what the contract calls in time and short."""

    answered_s: Array
    abandoned_s: Array
    threshold_s: float = 20.0
    short_s: float = 5.0

    @property
    def offered(self) -> int:
        """Answered or abandoned; calls that overflowed or were called back are another queue's, or another day's."""
        return len(self.answered_s) + len(self.abandoned_s)

    @property
    def answered_in_time(self) -> int:
        return int(np.count_nonzero(self.answered_s <= self.threshold_s))

    def abandoned_within(self, seconds: float) -> int:
        return int(np.count_nonzero(self.abandoned_s <= seconds))


@dataclass(frozen=True, slots=True)
class Handling:
    """The calls handled: seconds of talk, hold and wrap-up, one row a call."""

    talk_s: Array
    hold_s: Array
    wrap_s: Array


@dataclass(frozen=True, slots=True)
class AgentTime:
    """Seconds of an agent or a team: what was done while logged in, and what was planned and paid for."""

    talk_s: float = 0.0
    hold_s: float = 0.0
    wrap_s: float = 0.0
    ring_s: float = 0.0
    available_s: float = 0.0
    pause_s: float = 0.0
    login_s: float = 0.0
    paid_s: float = 0.0
    scheduled_s: float = 0.0
    away_s: float = 0.0  # paid, but no customer could be served: breaks, training, meetings, absence

    @property
    def handling_s(self) -> float:
        return self.talk_s + self.hold_s + self.wrap_s

    @property
    def busy_s(self) -> float:
        return self.handling_s + self.ring_s


@dataclass(frozen=True, slots=True)
class Minutes:
    """Activity codes, one a minute of the same span; 0: not scheduled, not logged in."""

    scheduled: npt.NDArray[np.int64]
    actual: npt.NDArray[np.int64]


def service_level(
    letter: str, *, answered_wait_s: Seconds, abandoned_wait_s: Seconds, threshold_s: float, short_s: float
) -> float | None:
    """The contract's service level by formula `letter`. Raises `BadInput` for a letter that is none."""
    if letter not in SERVICE_LEVELS:
        raise BadInput(f"{letter!r} is no service level: {', '.join(SERVICE_LEVELS)}", code="formula")
    answered, abandoned = np.asarray(answered_wait_s, np.float64), np.asarray(abandoned_wait_s, np.float64)
    return SERVICE_LEVELS[letter](Waits(answered, abandoned, threshold_s, short_s))


def staff_to_schedule(needed: float, *, shrinkage: float) -> float:
    """How many to schedule so that `needed` are there: needed / (1 - shrinkage)."""
    assert 0 <= shrinkage < 1, "a share of the scheduled time"
    return needed / (1 - shrinkage)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _mean(values: Array) -> float | None:
    return float(values.mean()) if len(values) else None


def _f1(waits: Waits) -> float | None:
    return _share(waits.answered_in_time + waits.abandoned_within(waits.threshold_s), waits.offered)


def _f2(waits: Waits) -> float | None:
    return _share(waits.answered_in_time, len(waits.answered_s))


def _f3(waits: Waits) -> float | None:
    return _share(waits.answered_in_time, waits.offered)


def _f4(waits: Waits) -> float | None:
    return _share(waits.answered_in_time, waits.offered - waits.abandoned_within(waits.threshold_s))


def _f5(waits: Waits) -> float | None:
    return _share(waits.answered_in_time + waits.abandoned_within(waits.short_s), waits.offered)


def _f6(waits: Waits) -> float | None:
    return _share(waits.answered_in_time, waits.offered - waits.abandoned_within(waits.short_s))


def _spain(waits: Waits) -> float | None:
    return _share(int(np.count_nonzero(waits.answered_s < SPAIN_ATTENDED_S)), waits.offered)


def _abandonment(waits: Waits) -> float | None:
    return _share(len(waits.abandoned_s), waits.offered)


def _abandonment_long(waits: Waits) -> float | None:
    short = waits.abandoned_within(waits.short_s)
    return _share(len(waits.abandoned_s) - short, waits.offered - short)


def _asa(waits: Waits) -> float | None:
    return _mean(waits.answered_s)


def _abandon_time(waits: Waits) -> float | None:
    return _mean(waits.abandoned_s)


def _aht(calls: Handling) -> float | None:
    return _mean(calls.talk_s + calls.hold_s + calls.wrap_s)


def _occupancy(time: AgentTime) -> float | None:
    return _share(time.busy_s, time.busy_s + time.available_s)


def _utilisation(time: AgentTime) -> float | None:
    return _share(time.handling_s, time.paid_s)


def _shrinkage(time: AgentTime) -> float | None:
    return _share(time.away_s, time.scheduled_s)


def _conformance(time: AgentTime) -> float | None:
    return _share(time.login_s, time.scheduled_s)


def _adherence(minutes: Minutes) -> float | None:
    planned = minutes.scheduled != 0
    kept = np.count_nonzero(planned & (minutes.scheduled == minutes.actual))
    return _share(int(kept), int(np.count_nonzero(planned)))


SERVICE_LEVELS: dict[str, Formula[Waits]] = {
    letter: Formula(letter, name, definition, "share", function)
    for letter, name, definition, function in (
        (
            "F1",
            "Service level, abandons in time count as served",
            "(answered within T + abandoned within T) / (answered + abandoned)",
            _f1,
        ),
        ("F2", "Service level of answered calls", "answered within T / answered", _f2),
        ("F3", "Service level, strict", "answered within T / (answered + abandoned)", _f3),
        (
            "F4",
            "Service level, abandons in time left out",
            "answered within T / (answered + abandoned after T)",
            _f4,
        ),
        (
            "F5",
            "Service level, short abandons count as served",
            "(answered within T + abandoned within S) / (answered + abandoned)",
            _f5,
        ),
        (
            "F6",
            "Service level, short abandons left out",
            "answered within T / (answered + abandoned after S)",
            _f6,
        ),
    )
}
SPAIN = Formula(
    "ES",
    "Attended in less than three minutes (Ley 10/2025)",
    "answered by a person in less than 180 s / (answered + abandoned); a menu or a machine is not a person",
    "share",
    _spain,
)
ABANDONMENT = Formula("A1", "Abandonment", "abandoned / (answered + abandoned)", "share", _abandonment)
ABANDONMENT_LONG = Formula(
    "A2",
    "Abandonment, short abandons left out",
    "abandoned after S / (answered + abandoned after S)",
    "share",
    _abandonment_long,
)
ASA = Formula(
    "ASA",
    "Average speed of answer",
    "mean wait of the answered calls, from entering the queue to the agent's answer (his ringing included)",
    "s",
    _asa,
)
ABANDON_TIME = Formula(
    "AAT",
    "Average time to abandon",
    "mean wait of the abandoned calls, from entering the queue to hanging up",
    "s",
    _abandon_time,
)
AHT = Formula("AHT", "Average handling time", "(talk + hold + wrap-up) / calls handled", "s", _aht)
OCCUPANCY = Formula(
    "OCC",
    "Occupancy",
    "(talk + hold + wrap-up + ringing) / (the same + available); pauses count nowhere",
    "share",
    _occupancy,
)
UTILISATION = Formula("UTL", "Utilisation", "(talk + hold + wrap-up) / paid time", "share", _utilisation)
SHRINKAGE = Formula(
    "SHR", "Shrinkage", "paid time in which no customer could be served / scheduled time", "share", _shrinkage
)
ADHERENCE = Formula(
    "ADH",
    "Adherence",
    "minutes in the scheduled activity at the scheduled time / scheduled minutes",
    "share",
    _adherence,
)
CONFORMANCE = Formula(
    "CNF",
    "Conformance",
    "time worked / time scheduled, whenever it was worked; may exceed 1",
    "share",
    _conformance,
)
FORMULAS: dict[str, Formula[Any]] = SERVICE_LEVELS | {
    formula.letter: formula
    for formula in (
        SPAIN,
        ABANDONMENT,
        ABANDONMENT_LONG,
        ASA,
        ABANDON_TIME,
        AHT,
        OCCUPANCY,
        UTILISATION,
        SHRINKAGE,
        ADHERENCE,
        CONFORMANCE,
    )
}
"""Every figure by its letter, in the order reports show them."""
