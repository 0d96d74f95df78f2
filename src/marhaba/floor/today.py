"""Today's service level by queue, kept as events pass; the records compute the same figures from the whole journal."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from marhaba.centre import Centre
from marhaba.journal.events import Event
from marhaba.kernel import kpi


@dataclass(slots=True)
class Level:
    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    share: float | None = None


@dataclass(slots=True)
class _Visits:
    answered: list[float] = field(default_factory=list)
    abandoned: list[float] = field(default_factory=list)
    open: int = 0


class Today:
    """Counters since the centre's last midnight."""

    def __init__(self, centre: Centre) -> None:
        self.centre = centre
        self._visits: dict[str, _Visits] = defaultdict(_Visits)

    def midnight(self, wall: float) -> float:
        """When today began, in the centre's time zone."""
        now = datetime.fromtimestamp(wall, ZoneInfo(self.centre.timezone))
        return now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()

    def see(self, event: Event) -> None:
        if event.kind == "call.queued" and event.data["why"] in ("first", "transfer", "overflow"):
            self._visits[event.queue_id].open += 1
        elif event.kind == "call.dequeued":
            visits = self._visits[event.queue_id]
            if event.data["outcome"] == "answered":
                visits.answered.append(event.data["wait_s"])
            elif event.data["outcome"] == "abandoned":
                visits.abandoned.append(event.data["wait_s"])

    def clear(self) -> None:
        """At midnight."""
        self._visits.clear()

    def level(self, queue: str) -> Level:
        visits = self._visits[queue]
        rule = self.centre.queues[queue].service_level
        share = kpi.service_level(
            rule.formula,
            answered_wait_s=visits.answered,
            abandoned_wait_s=visits.abandoned,
            threshold_s=rule.threshold_s,
            short_s=rule.short_s,
        )
        return Level(visits.open, len(visits.answered), len(visits.abandoned), share)
