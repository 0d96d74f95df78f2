"""What the server's side of digest must remember, bounded: counts already used, and who failed how often."""

from __future__ import annotations

NONCES_MAX = 20_000
"""Nonces whose counts are remembered: 2,000 phones that use ten each within the nonces' age."""
NONCE_WINDOW = 64
"""How far behind the highest count a late datagram may be and still be told from a replay."""
FAILURES_FREE = 5
"""Wrong passwords in a row for one user from one address before the first wait."""
BACKOFF_FIRST_S = 2.0
BACKOFF_MAX_S = 60.0
"""The wait doubles up to a minute: 1,440 guesses a day, and a phone put right is back within the minute."""
FAILURES_FORGOTTEN_S = 900.0
"""After a quiet quarter of an hour failures count from zero again."""
FAILURES_MAX = 10_000
"""(user, address) pairs whose failures are remembered; beyond it the one that failed longest ago goes."""


class Counts:
    """Which counts of which nonces were used: the highest, and a bit for each of the 64 up to it."""

    def __init__(self, age_s: float) -> None:
        self._age_ms = int(age_s * 1000)
        self._used: dict[str, tuple[int, int, int]] = {}  # nonce -> issued, highest, mask; by first use
        self._forgotten_ms = -1  # a nonce issued up to here and not in `_used` may have been used: not good

    def __len__(self) -> int:
        return len(self._used)

    def fresh(self, now: float, issued_ms: int) -> bool:
        return issued_ms >= now * 1000 - self._age_ms

    def take(self, now: float, nonce: str, issued_ms: int, count: int) -> bool:
        """Use up a count; False when it was used, or may have been."""
        known = self._used.get(nonce)
        if known is None:
            if issued_ms <= self._forgotten_ms:
                return False
            self._make_room(now)
            self._used[nonce] = (issued_ms, count, 1)
            return True
        _, highest, mask = known
        if count > highest:
            step = count - highest
            # A far jump is not shifted: the sender chooses the step, and a shift by 2**32 is half a gigabyte.
            mask = (mask << step) & ((1 << NONCE_WINDOW) - 1) if step < NONCE_WINDOW else 0
            self._used[nonce] = (issued_ms, count, mask | 1)
            return True
        bit = 1 << (highest - count) if highest - count < NONCE_WINDOW else 0
        if not bit or mask & bit:
            return False
        self._used[nonce] = (issued_ms, highest, mask | bit)
        return True

    def _make_room(self, now: float) -> None:
        """Look at the two nonces used first: two for each that comes, so that the table also shrinks."""
        for _ in range(min(2, len(self._used))):
            nonce = next(iter(self._used))
            issued_ms = self._used[nonce][0]
            expired = not self.fresh(now, issued_ms)
            if not expired and len(self._used) < NONCES_MAX:
                return
            del self._used[nonce]
            if not expired:
                self._forgotten_ms = max(self._forgotten_ms, issued_ms)


class Failures:
    """Wrong passwords in a row by (user, address), and the wait that follows the fifth."""

    def __init__(self) -> None:
        self._rows: dict[
            tuple[str, str], tuple[int, float]
        ] = {}  # -> failures, the last one's time; by last use

    def __len__(self) -> int:
        return len(self._rows)

    def waiting(self, now: float, user: str, source: str) -> bool:
        count, last = self._rows.get((user, source), (0, 0.0))
        if count < FAILURES_FREE:
            return False
        # The exponent is bounded before the power: counts grow for as long as someone guesses.
        return now < last + min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(count - FAILURES_FREE, 16))

    def add(self, now: float, user: str, source: str) -> None:
        count, last = self._rows.pop((user, source), (0, now))
        if now - last > FAILURES_FORGOTTEN_S:
            count = 0
        if len(self._rows) >= FAILURES_MAX:
            del self._rows[next(iter(self._rows))]
        self._rows[(user, source)] = (count + 1, now)

    def clear(self, user: str, source: str) -> None:
        self._rows.pop((user, source), None)
