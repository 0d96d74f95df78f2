"""Spain's Ley 10/2025: 95 % of a year's calls attended by a person in less than three minutes, and what shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q, Sum

from marhaba.kernel.kpi import SPAIN_ATTENDED_S, SPAIN_TARGET
from marhaba.web.records.models import Visit
from marhaba.web.records.queries import Scope, day_begin
from marhaba.web.reports.figures import zone


@dataclass(frozen=True, slots=True)
class Month:
    """One month, or the year: stays of callers in queues that ended with a person or with hanging up."""

    first: date
    answered: int
    in_time: int
    abandoned: int
    waited_s: float  # of the answered, together

    @property
    def offered(self) -> int:
        return self.answered + self.abandoned

    @property
    def share(self) -> float | None:
        """Formula ES of kernel.kpi."""
        return self.in_time / self.offered if self.offered else None

    @property
    def asa_s(self) -> float | None:
        return self.waited_s / self.answered if self.answered else None

    @property
    def kept(self) -> bool | None:
        return None if self.share is None else self.share >= SPAIN_TARGET


def year(number: int, scope: Scope, *, programme: str = "") -> tuple[list[Month], Month]:
    """Its months that have begun, and the whole."""
    months = [_month(date(number, each, 1), scope, programme) for each in range(1, 13)]
    known = [month for month in months if month.offered]
    whole = Month(
        date(number, 1, 1),
        sum(month.answered for month in known),
        sum(month.in_time for month in known),
        sum(month.abandoned for month in known),
        sum(month.waited_s for month in known),
    )
    return known, whole


def _month(first: date, scope: Scope, programme: str) -> Month:
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    found = Visit.objects.filter(since__gte=day_begin(first, zone()), since__lt=day_begin(following, zone()))
    if programme:
        found = found.filter(programme=programme)
    if scope.programmes is not None:
        found = found.filter(programme__in=scope.programmes)
    answered = Q(outcome="answered")
    counted = found.aggregate(
        answered=Count("pk", filter=answered),
        in_time=Count("pk", filter=answered & Q(wait_s__lt=SPAIN_ATTENDED_S)),
        abandoned=Count("pk", filter=Q(outcome="abandoned")),
        waited_s=Sum("wait_s", filter=answered, default=0.0),
    )
    return Month(first, **counted)
