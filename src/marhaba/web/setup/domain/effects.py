"""What a change does to whom, beyond what it says: who answers where, when it is open, and what waits for a restart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import formats
from django.utils.translation import gettext

from marhaba.centre.loading import diff, takes_effect_at_once
from marhaba.centre.model import Agent, Centre, Queue
from marhaba.kernel.calendar import DAY_MIN, Calendar, Period
from marhaba.web.live.words import language_name

DAYS = 28
"""How far ahead hours are compared: the next month's rota."""
DAYS_SHOWN = 10
NAMES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Effect:
    text: str
    grave: bool = False  # somebody will be turned away, or nobody is left


def effects(was: Centre, now: Centre, *, at: float) -> list[Effect]:
    """Of putting `now` in the place of `was` at that moment (epoch seconds)."""
    return [*_who(was, now), *_hours(was, now, at), *_restart(was, now)]


# -- who answers --------------------------------------------------------------------------------------------


def _who(was: Centre, now: Centre) -> Iterator[Effect]:
    for queue, language in served(now):
        after = able(now, now.queues[queue], language)
        before = able(was, was.queues[queue], language) if queue in was.queues else {}
        where = _where(queue, language)
        gained = [now.agents[name].name for name in after if name not in before]
        lost = [(now.agents.get(name) or was.agents[name]).name for name in before if name not in after]
        if lost:
            yield Effect(_said(gettext("%(who)s : ne répondra plus à %(where)s"), lost, where))
        if gained:
            yield Effect(_said(gettext("%(who)s : répondra à %(where)s"), gained, where))
        if before and not after:
            yield Effect(gettext("Plus personne ne répond à %(where)s") % {"where": where}, grave=True)
        elif not before and not after and queue not in was.queues:
            yield Effect(gettext("Personne ne répond à %(where)s") % {"where": where}, grave=True)


def _said(text: str, who: list[str], where: str) -> str:
    names = ", ".join(who[:NAMES_SHOWN])
    if (more := len(who) - NAMES_SHOWN) > 0:
        names += f" (+{more})"
    return text % {"who": names, "where": where}


def served(centre: Centre) -> list[tuple[str, str]]:
    """Queues with the languages in which callers come to them."""
    found: dict[tuple[str, str], None] = {}
    for programme in centre.programmes.values():
        for language in programme.languages:
            found[programme.queues_by_language.get(language, programme.queue), language] = None
    return list(found)


def able(centre: Centre, queue: Queue, language: str, *, step: int | None = None) -> dict[str, Agent]:
    """Who can be given such a caller after so many steps of relaxation; after all of them, when none is said."""
    required = queue.rules.required(language, len(queue.rules.relax) if step is None else step)
    return {
        name: agent
        for name, agent in centre.agents.items()
        if (agent.queues is None or queue.name in agent.queues)
        and all(agent.skills.get(skill, 0) >= level for skill, level in required.items())
    }


def _where(queue: str, language: str) -> str:
    return gettext("%(queue)s en %(language)s") % {"queue": queue, "language": language_name(language)}


# -- hours --------------------------------------------------------------------------------------------------


def _hours(was: Centre, now: Centre, at: float) -> Iterator[Effect]:
    for name, programme in now.programmes.items():
        if name in was.programmes:
            yield from _calendar(was.programmes[name].calendar, programme.calendar, programme.client, at)
    for name, queue in now.queues.items():
        if name in was.queues:
            yield from _calendar(was.queues[name].calendar, queue.calendar, name, at)


def _calendar(was: Calendar, now: Calendar, whose: str, at: float) -> Iterator[Effect]:
    if was == now:
        return
    if was.open_at(at) and not now.open_at(at):
        yield Effect(gettext("%(whose)s : fermé dès la publication") % {"whose": whose}, grave=True)
    elif now.open_at(at) and not was.open_at(at):
        yield Effect(gettext("%(whose)s : ouvert dès la publication") % {"whose": whose})
    today = datetime.fromtimestamp(at, now.zone).date()
    days = [today + timedelta(ahead) for ahead in range(DAYS)]
    other = [day for day in days if was.periods(day) != now.periods(day)]
    for day in other[:DAYS_SHOWN]:
        about = {
            "whose": whose,
            "day": day_name(day),
            "was": periods_text(was.periods(day)),
            "now": periods_text(now.periods(day)),
        }
        yield Effect(gettext("%(whose)s, %(day)s : %(was)s → %(now)s") % about)
    if (more := len(other) - DAYS_SHOWN) > 0:
        text = gettext("%(whose)s : d’autres jours encore dans les quatre semaines (%(count)s)")
        yield Effect(text % {"whose": whose, "count": more})


def day_name(day: date) -> str:
    return formats.date_format(day, "l j F")


def periods_text(periods: tuple[Period, ...]) -> str:
    return ", ".join(f"{clock(p.opens)}–{clock(p.closes)}" for p in periods) or gettext("fermé")


def clock(minutes: int) -> str:
    minutes = minutes if minutes <= DAY_MIN else minutes - DAY_MIN
    return f"{minutes // 60:02}:{minutes % 60:02}"


# -- restart ------------------------------------------------------------------------------------------------


def _restart(was: Centre, now: Centre) -> Iterator[Effect]:
    late = [line for line in diff(was, now) if not takes_effect_at_once(line)]
    if late:
        text = gettext("Prend effet après un redémarrage du centre : %(keys)s")
        yield Effect(text % {"keys": ", ".join(line.partition(":")[0] for line in late)}, grave=True)
