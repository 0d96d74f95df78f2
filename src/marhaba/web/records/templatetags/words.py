"""The house's words for what the journal says."""

from __future__ import annotations

from django import template
from django.utils.functional import Promise

from marhaba.web.live.words import language_name
from marhaba.web.records.words import COURSE, WHY, ended_by_name, outcome_name

register = template.Library()
register.filter("outcome", outcome_name)
register.filter("ended_by", ended_by_name)
register.filter("language", language_name)


@register.filter
def why(reason: str) -> Promise | str:
    return WHY.get(reason, reason)


@register.filter
def course(kind: str) -> Promise | str:
    return COURSE[kind]
