"""What callers and agents of one group live through in the long run: the answer of every queueing formula."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from marhaba.kernel.errors import BadInput
from marhaba.planning.inputs import Array

Letter = Literal["F1", "F2", "F3", "F4"]
"""The letters of the service levels in `kernel/kpi.py`; F5 and F6 ask for a second threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Long-run figures, arrays of one shape. Shares run from 0 to 1; times have the unit of the handling time.

    A queue that cannot hold (no abandonment, load >= agents) has infinite waits and lengths, and serves nobody in time.
    """

    agents: Array
    offered_load: Array
    """Erlangs: arrival rate times handling time."""
    waiting: Array
    """The probability of waiting, P(W > 0)."""
    wait_mean: Array
    """The mean time in the queue, of all callers however it ended."""
    asa: Array
    """The average speed of answer: the mean wait of the answered."""
    abandonment: Array
    """The share of callers who leave unserved (kpi: A1)."""
    occupancy: Array
    queue_length: Array
    """The mean number of callers in the queue."""
    answered_in_time: Array
    """Answered within the threshold, as a share of all callers."""
    abandoned_in_time: Array
    """Abandoned within the threshold, as a share of all callers."""
    waiting_beyond: Array
    """Neither answered nor gone at the threshold, P(W > threshold)."""

    def service_level(self, letter: Letter = "F3") -> Array:
        """The level by the letters of `marhaba.kernel.kpi`, since the same queue has several.

        F1: (answered in time + abandoned in time) / all. F2: answered in time / answered ("of answered"). F3: answered
        in time / all ("of offered"). F4: answered in time / (answered + abandoned after the threshold).
        """
        return level(letter, self.answered_in_time, self.abandoned_in_time, self.abandonment)


def level(letter: Letter, answered_in_time: Array, abandoned_in_time: Array, abandonment: Array) -> Array:
    """The service level from three shares of all callers. Raises BadInput for a letter that is none."""
    if letter == "F1":
        return answered_in_time + abandoned_in_time
    if letter == "F2":
        return _ratio(answered_in_time, 1 - abandonment)
    if letter == "F3":
        return answered_in_time
    if letter == "F4":
        return _ratio(answered_in_time, 1 - abandoned_in_time)
    raise BadInput(f"{letter!r}: planning knows the levels F1, F2, F3 and F4", code="formula")


def _ratio(part: Array, of: Array) -> Array:
    """Where nobody is counted at all, nobody was in time."""
    return np.divide(part, of, out=np.zeros_like(part), where=of > 0)
