"""[queues.NAME] and [programmes.NAME]: who is looked for, how long, and what callers are told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from marhaba.centre.calendars import ALWAYS
from marhaba.centre.checks import forms
from marhaba.centre.model import Limits, Programme, Queue
from marhaba.files.queue_rules import DAY, PRIORITY, read_rules, read_service_level
from marhaba.files.sections import Section
from marhaba.kernel.calendar import Calendar
from marhaba.kernel.rules import Strategy

PROMPT = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
LANGUAGE_CODE = re.compile(r"[a-z]{2,3}")  # ISO 639
NUMBER = re.compile(r"\+?[0-9]{2,15}")
KEY = re.compile(r"[0-9*#]")
HOUR = 3_600.0

STRATEGIES = [strategy.value for strategy in Strategy]


def read_queues(
    top: Section, calendars: Mapping[str, Calendar], languages: list[str], limits: Limits
) -> dict[str, Queue]:
    names = list(top.section("queues").data)
    queues = {}
    for name, section in top.named("queues"):
        calendar = section.choice("calendar", calendars, ALWAYS, what="calendar")
        queues[name] = Queue(
            name=name,
            rules=read_rules(
                section,
                name,
                names,
                languages=languages,
                queue_max=limits.queue_max,
                strategies=STRATEGIES,
            ),
            calendar=calendars.get(calendar, calendars[ALWAYS]),
            last_agent_s=section.seconds("last_agent_s", 0.0, low=0, high=HOUR),
            ring_s=section.seconds("ring_s", 20.0, low=5, high=120),
            wrap_s=section.seconds("wrap_s", 15.0, low=0, high=HOUR),
            auto_answer=section.truth("auto_answer", default=False),
            missed_pause_after=section.integer("missed_pause_after", 2, low=1, high=100),
            music=section.matching("music", PROMPT, "prompt", "music"),
            announce_position=section.truth("announce_position", default=True),
            announce_wait=section.truth("announce_wait", default=True),
            announce_every_s=section.seconds("announce_every_s", 45.0, low=15, high=HOUR),
            comfort=section.texts("comfort", pattern=PROMPT, expected="prompt"),
            comfort_every_s=section.seconds("comfort_every_s", 30.0, low=10, high=HOUR),
            callback=section.truth("callback", default=False),
            callback_key=section.matching("callback_key", KEY, "phone_key", "2"),
            callback_after_s=section.seconds("callback_after_s", 30.0, low=0, high=HOUR),
            max_wait_s=section.seconds("max_wait_s", 0.0, low=0, high=DAY),
            service_level=read_service_level(section.section("service_level")),
        )
        section.close()
    return queues


def read_programmes(
    top: Section, calendars: Mapping[str, Calendar], queues: list[str], languages: list[str], country: str
) -> dict[str, Programme]:
    programmes = {}
    for name, section in top.named("programmes"):
        spoken = _spoken(section, languages)
        numbers = section.texts("numbers", pattern=NUMBER, expected="phone_number", empty=False)
        calendar = section.choice("calendar", calendars, what="calendar")
        programmes[name] = Programme(
            name=name,
            client=section.text("client", name),
            numbers=numbers,
            calendar=calendars.get(calendar, calendars[ALWAYS]),
            languages=spoken,
            default_language=section.choice("default_language", spoken, spoken[0], what="language"),
            language_by_number=_language_by_number(section, numbers, spoken, country),
            menu=section.truth("menu", default=len(spoken) > 1),
            menu_digits=_menu_digits(section, spoken),
            menu_timeout_s=section.seconds("menu_timeout_s", 5.0, low=1, high=60),
            menu_tries=section.integer("menu_tries", 2, low=1, high=10),
            greeting=section.texts("greeting", ["welcome"], pattern=PROMPT, expected="prompt"),
            queue=section.choice("queue", queues, what="queue"),
            queues_by_language=_queues_by_language(section, queues, spoken),
            recording=_recording(section),
            closed=_closed(section),
            closed_prompts=section.texts("closed_prompts", ["closed"], pattern=PROMPT, expected="prompt"),
            priority=section.integer("priority", 0, low=PRIORITY[0], high=PRIORITY[1]),
        )
        section.close()
    return programmes


def _spoken(section: Section, languages: list[str]) -> tuple[str, ...]:
    spoken = section.texts(
        "languages", languages[:1], pattern=LANGUAGE_CODE, expected="language_code", empty=False
    )
    for position, language in enumerate(spoken):
        if language not in languages:
            section.unknown(("languages", position), language, languages, "language")
    return spoken or (languages[0],)


def _language_by_number(
    section: Section, numbers: Sequence[str], spoken: Sequence[str], country: str
) -> dict[str, str]:
    """A number of its own for each language saves the caller the menu."""
    table = section.section("language_by_number")
    found = {}
    for number in table.data:
        language = table.choice(number, spoken, what="language")
        if number in numbers:
            found.update(dict.fromkeys(forms(number, country), language))
        else:
            table.unknown(number, number, numbers, "listed_number")
    return found


def _menu_digits(section: Section, spoken: Sequence[str]) -> dict[str, str]:
    """Keys in the order they are offered. Without a table: 1, 2, ... in the order of the languages."""
    if not section.has("menu_digits"):
        return {str(key): language for key, language in enumerate(spoken, 1)}
    table = section.section("menu_digits")
    digits = {}
    for key in table.data:
        if not re.fullmatch("[0-9]", key):
            table.wrong(key, key, "digit")
        digits[key] = table.choice(key, spoken, what="language")
    return digits


def _queues_by_language(section: Section, queues: list[str], spoken: Sequence[str]) -> dict[str, str]:
    table = section.section("queues_by_language")
    found = {}
    for language in table.data:
        if language not in spoken:
            table.unknown(language, language, spoken, "language")
        found[language] = table.choice(language, queues, what="queue")
    return found


def _recording(section: Section) -> Literal["none", "announce", "ask"]:
    policy = section.choice("recording", ["none", "announce", "ask"], "none")
    return "announce" if policy == "announce" else "ask" if policy == "ask" else "none"


def _closed(section: Section) -> Literal["voicemail", "message"]:
    return (
        "voicemail"
        if section.choice("closed", ["voicemail", "message"], "message") == "voicemail"
        else "message"
    )
