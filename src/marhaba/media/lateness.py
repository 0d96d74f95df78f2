"""How late ticks begin: a histogram, because percentiles of a day of ticks must cost neither memory nor
time.
"""

from __future__ import annotations

from typing import Final

import numpy as np

BIN_MS: Final = 0.1
_BINS: Final = 2000  # up to 200 ms; what is later lands in the last bin and is known by the maximum
LATE_MS: Final = 20.0


class Lateness:
    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, np.int64)
        self.max_ms = 0.0
        self.late = 0

    def add(self, ms: float) -> None:
        ms = max(ms, 0.0)
        self._counts[min(int(ms / BIN_MS), _BINS - 1)] += 1
        self.max_ms = max(self.max_ms, ms)
        if ms > LATE_MS:
            self.late += 1

    def percentile(self, share: float) -> float:
        """Upper edge of the bin that holds the share's tick, in ms; 0 before the first."""
        total = int(self._counts.sum())
        if not total:
            return 0.0
        at = int(np.searchsorted(np.cumsum(self._counts), share * total))
        return min(round((min(at, _BINS - 1) + 1) * BIN_MS, 3), self.max_ms)
