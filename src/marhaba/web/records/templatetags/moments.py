"""Seconds since the epoch and durations, as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import number_format

register = template.Library()


@register.filter
def moment(at: float) -> datetime | None:
    """For the filter `date`; nothing for a moment that never came."""
    return datetime.fromtimestamp(at, timezone.get_current_timezone()) if at else None


@register.filter
def clock(seconds: float) -> str:
    """1:05 or 2:03:04."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def percent(share: float) -> str:
    """0.814 as 81,4 %."""
    return f"{number_format(100 * share, 1)} %"


@register.filter
def named(key: str, names: Mapping[str, str]) -> str:
    """The name behind an identifier; itself where there is none."""
    return names.get(key) or key
