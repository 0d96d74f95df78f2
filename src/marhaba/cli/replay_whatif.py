"""`marhaba replay` with a change: the day is simulated as it was, and otherwise."""

from __future__ import annotations

import argparse
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from math import inf
from pathlib import Path
from threading import Event
from typing import Any
from zoneinfo import ZoneInfo

from marhaba.cli import replay_page, replay_show
from marhaba.cli.calls import console
from marhaba.cli.calls_period import moment
from marhaba.cli.words import reader_language, say
from marhaba.floor.loaded import LoadedAgent
from marhaba.kernel.errors import BadInput
from marhaba.kernel.rules import LEVEL_MAX, language_skill
from marhaba.replay.change import Change
from marhaba.replay.day import Recorder
from marhaba.replay.exact import Verdict
from marhaba.replay.plan import Day, day_from
from marhaba.replay.whatif import Asked, Progress, WhatIf, what_if

STOPPED = 130
"""Exit status of a simulation that was ended by hand: what is there is shown."""
PATIENT_PRESSES = 2
MORE_MAX = 1_000


def tell(
    arguments: argparse.Namespace,
    recorder: Recorder,
    verdict: Verdict,
    span: tuple[float, float],
    zone: ZoneInfo,
) -> tuple[dict[str, Any], int]:
    """Simulate, show, write the page. Returns what is told to machines, and the exit status."""
    language = reader_language()
    found, like = answer(arguments, recorder, span, zone)
    if not arguments.json:
        replay_show.show(found, like, zone=zone, language=language, screen=console())
    if arguments.html:
        text = replay_page.page(found, verdict, like, zone=zone, language=language)
        Path(arguments.html).write_text(text, "utf-8")
        if not arguments.json:
            print(say("replay.page.written", language).format(path=arguments.html))
    return replay_show.as_json(found), 0 if found.complete else STOPPED


def answer(
    arguments: argparse.Namespace, recorder: Recorder, span: tuple[float, float], zone: ZoneInfo
) -> tuple[WhatIf, str]:
    """The what-if, and whom those who come are like."""
    learn_from = datetime.fromtimestamp(span[0], zone) - timedelta(days=arguments.days - 1)
    day = day_from(
        recorder.contacts,
        recorder.presences,
        recorder.loaded,
        recorder.loads,
        span=span,
        learn_from=learn_from.timestamp(),
        seen_until=recorder.last_at,
    )
    change, like = change_of(arguments, day, zone)
    with _stopping() as stopped:
        found = what_if(day, change, asked_of(arguments), progress=_progress(), stopped=stopped)
    return found, like


@contextmanager
def _stopping() -> Iterator[Event]:
    """Ctrl-C ends the simulation and keeps what is there; the third time it ends the command."""
    stopped, pressed = Event(), 0

    def press(number: int, frame: object) -> None:
        nonlocal pressed
        pressed += 1
        if pressed > PATIENT_PRESSES:
            raise KeyboardInterrupt
        stopped.set()

    before = signal.signal(signal.SIGINT, press)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)


def _progress() -> Progress | None:
    if not sys.stderr.isatty():
        return None
    language = reader_language()

    def tell(name: str, share: float) -> None:
        text = say(f"replay.progress.{name}", language)
        print(f"\r{text} {share:4.0%}\r", end="", file=sys.stderr, flush=True)

    tell("day", 0.0)
    return tell


def asked_of(arguments: argparse.Namespace) -> Asked:
    return Asked(arguments.replications, arguments.seed, arguments.tail, arguments.redraw)


def change_of(arguments: argparse.Namespace, day: Day, zone: ZoneInfo) -> tuple[Change, str]:
    """The change, and whom those who come are like. Raises `BadInput` for what the day does not know."""
    if arguments.more > MORE_MAX:
        raise BadInput("too many", code="more-max", about={"most": MORE_MAX})
    begin, end = _span(arguments, day, zone)
    can, like = LoadedAgent({}, None), ""
    if arguments.more:
        can, like = _newcomers(arguments, day)
    change = Change(
        more=arguments.more,
        skills=can.skills,
        queues=can.queues,
        without=tuple(arguments.without),
        begin=begin,
        end=end,
        rules=tuple(arguments.rule),
        handle_factor=1.0 + arguments.aht / 100.0,
        volume=1.0 + arguments.volume / 100.0,
    )
    return change, like


def _span(arguments: argparse.Namespace, day: Day, zone: ZoneInfo) -> tuple[float, float]:
    language, noon = reader_language(), datetime.fromtimestamp((day.begin + day.end) / 2, zone)
    begin = moment(arguments.agents_from, noon, language).timestamp() if arguments.agents_from else 0.0
    end = moment(arguments.agents_to, noon, language).timestamp() if arguments.agents_to else inf
    if max(begin, day.begin) >= min(end, day.end):
        opens, closes = (f"{datetime.fromtimestamp(at, zone):%H:%M}" for at in (day.begin, day.end))
        raise BadInput("an empty time", code="outside-day", about={"opens": opens, "closes": closes})
    return begin, end


def _newcomers(arguments: argparse.Namespace, day: Day) -> tuple[LoadedAgent, str]:
    agents = day.loaded.agents
    if arguments.skills:
        return LoadedAgent(_skills(arguments.skills, day), None), ""
    like = arguments.like
    if not like:  # who answered most that day can do what was asked for
        served = Counter(contact.agent for contact in day.contacts if contact.agent in agents)
        like = served.most_common(1)[0][0] if served else next(iter(agents), "")
    if like not in agents:
        raise BadInput(
            f"no agent {like}", code="no-agent", about={"agent": like, "agents": ", ".join(agents)}
        )
    return agents[like], like


def _skills(text: str, day: Day) -> dict[str, int]:
    known = {skill for agent in day.loaded.agents.values() for skill in agent.skills}
    known |= {skill for queue in day.loaded.queues.values() for skill in queue.rules.skills}
    found = {}
    for part in text.split(","):
        name, _, level = (each.strip() for each in part.partition("="))
        if not (level.isascii() and level.isdigit() and 1 <= int(level) <= LEVEL_MAX):
            raise BadInput(f"{part} is no SKILL=LEVEL", code="bad-skill", about={"text": part.strip()})
        name = name if name in known else language_skill(name)
        if name not in known:
            names = ", ".join(sorted(known)).replace(language_skill(""), "") or "–"
            raise BadInput(
                f"no skill {name}", code="no-skill", about={"skill": part.partition("=")[0], "skills": names}
            )
        found[name] = int(level)
    return found
