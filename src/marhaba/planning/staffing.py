"""How many agents: the smallest number that keeps what was promised, for thousands of half-hours at once.

Every promise is kept better by more agents, so the answer is found by asking: a first guess from the square-root law
(the normal approximation of the two Erlang integrals), then the exact formula at the guess and one below, and further
only where the guess was wrong. What is returned was always computed exactly, never approximated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import erfcx

from marhaba.kernel.errors import LimitReached
from marhaba.planning import inputs
from marhaba.planning.erlang import THRESHOLD_MAX, check_leaving, erlang_b, figures, finished
from marhaba.planning.inputs import AGENTS_MAX, Array, Numbers
from marhaba.planning.performance import Letter, level

Agents = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]
_SQRT2: Final = np.sqrt(2.0)


def agents_for_service_level(
    arrival_rate: Numbers,
    handle_time: Numbers,
    patience: Numbers = np.inf,
    *,
    target: Numbers,
    threshold: Numbers,
    letter: Letter = "F3",
    occupancy_max: Numbers = 1.0,
    abandonment_max: Numbers = 1.0,
) -> Agents:
    """The fewest agents who reach the service level `target` and keep both limits; 0 where nobody calls.

    `target`: a share, of callers answered within `threshold` by the letter's definition (`Performance.service_level`;
    F3: of all offered, F2: of the answered). `patience`: the mean, by Erlang A; infinite: Erlang C. All times in one
    unit; arguments broadcast. Raises BadInput, and LimitReached where more than AGENTS_MAX agents would be needed.
    """
    rate, handle, patience_, aim, within, occupied, leave = inputs.together(
        inputs.not_negative("arrival rate", arrival_rate),
        inputs.positive("handle time", handle_time),
        inputs.positive("patience", patience, endless=True),
        inputs.share("target", target),
        inputs.not_negative("threshold", threshold),
        inputs.share_max("occupancy_max", occupancy_max),
        inputs.share_max("abandonment_max", abandonment_max),
    )
    leaving = handle / patience_
    check_leaving(leaving)
    within = np.minimum(within / handle, THRESHOLD_MAX)
    parts = (rate * handle, leaving, within, aim, occupied, leave)
    load, leaving, within, aim, occupied, leave = (part.ravel() for part in parts)
    wanted = _Wanted(load, leaving, within, aim, occupied, leave, letter)
    return _fewest(wanted.kept, wanted.guess()).reshape(rate.shape)


def lines_for_blocking(offered_load: Numbers, *, blocking_max: Numbers) -> Agents:
    """The fewest lines that refuse no more than this share of calls (Erlang B); 0 where nobody calls.

    Raises BadInput, and LimitReached where more than AGENTS_MAX lines would be needed.
    """
    load, most = inputs.together(
        inputs.not_negative("offered load", offered_load), inputs.share("blocking_max", blocking_max)
    )
    load, most = load.ravel(), most.ravel()

    def kept(lines: Array, rows: Rows) -> npt.NDArray[np.bool_]:
        return np.asarray((erlang_b(load[rows], lines) <= most[rows]) | (load[rows] == 0))

    return _fewest(kept, np.ceil(load * (1 - most))).reshape(np.broadcast(offered_load, blocking_max).shape)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was promised in each half-hour; times in handling times."""

    load: Array
    leaving: Array
    threshold: Array
    target: Array
    occupancy_max: Array
    abandonment_max: Array
    letter: Letter

    def kept(self, agents: Array, rows: Rows) -> npt.NDArray[np.bool_]:
        """By the exact formula."""
        load = self.load[rows]
        found = figures(load, agents, self.leaving[rows], self.threshold[rows])
        exact = finished(found, agents, load, np.ones_like(load))
        kept = exact.service_level(self.letter) >= self.target[rows]
        kept &= agents > 0  # by F1 a centre without agents has a good level if all hang up at once
        kept &= exact.occupancy <= self.occupancy_max[rows]
        kept &= exact.abandonment <= self.abandonment_max[rows]
        return np.asarray(kept | (load == 0))

    def guess(self) -> Array:
        """By halving the agents between none and far too many, as the normal approximation sees it."""
        load = np.maximum(self.load, 1e-12)
        low, high = np.where(self.leaving > 0, 0.0, load), load + 8 * np.sqrt(load) + 4
        with np.errstate(over="ignore", invalid="ignore"):  # far overload: not kept, whatever the digits
            while (high - low).max(initial=0.0) > 0.1:
                middle = (low + high) / 2
                kept = self._nearly_kept(load, middle)
                low, high = np.where(kept, low, middle), np.where(kept, middle, high)
        return np.where(self.load > 0, np.minimum(np.ceil(high), AGENTS_MAX), 0.0)

    def _nearly_kept(self, load: Array, agents: Array) -> npt.NDArray[np.bool_]:
        """`kept`, where callers arriving and leaving are a normal crowd (Garnett, Mandelbaum and Reiman 2002)."""
        spare, spread = agents - load, np.sqrt(2 * load * np.maximum(self.leaving, 1e-9))
        beta = (spare - 0.5) / np.sqrt(load)
        idle = np.sqrt(np.pi * load / 2) * erfcx(-beta / _SQRT2)
        t = self.threshold
        at_t = np.exp(-t * (spare + load * self.leaving * t / 2))
        wait = np.sqrt(np.pi) / spread * erfcx(spare / spread)
        late = np.sqrt(np.pi) / spread * at_t * erfcx(spare / spread + t * spread / 2)
        all_ = idle + load * wait
        early = (idle - 1 + at_t + agents * (wait - late)) / all_
        gone = 1 - np.exp(-self.leaving * t) * load * late / all_ - early
        abandonment = (1 - spare * wait) / all_
        kept = level(self.letter, early, gone, abandonment) >= self.target
        kept &= load * (1 - abandonment) <= self.occupancy_max * agents
        return np.asarray(kept & (abandonment <= self.abandonment_max))


def _fewest(kept: Callable[[Array, Rows], npt.NDArray[np.bool_]], guess: Array) -> Agents:
    """The first number from which on `kept` holds, in each row: steps of 1, 2, 4, ... from the guess, then halving."""
    low, high, at = np.full(len(guess), -1.0), np.full(len(guess), np.inf), guess.copy()
    rows, step = np.arange(len(guess)), 1
    while len(rows):
        asked = at[rows]
        enough = kept(asked, rows)
        high[rows[enough]], low[rows[~enough]] = asked[enough], asked[~enough]
        if (low == AGENTS_MAX).any():
            raise LimitReached(f"more than {AGENTS_MAX} agents would be needed", code="agents-max")
        between = np.where(low < 0, np.maximum(high - step, 0), np.floor((low + high) / 2))
        at = np.where(np.isinf(high), np.minimum(low + step, AGENTS_MAX), between)
        rows = np.flatnonzero(high - low > 1)
        step *= 2
    return high.astype(np.int64)
