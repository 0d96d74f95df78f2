"""The numbers in docs/design/call-logs.md, computed again."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from marhaba.planning.survival import kaplan_meier
from marhaba.replay.accuracy import table
from marhaba.replay.calllog import read
from marhaba.replay.presence import BreakRules, infer
from marhaba.replay.trial import Given, Trial
from tests.replay.made_log import made_log
from tests.replay.test_presence import DAY, frame, row

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "design" / "call-logs.md").read_text("utf-8").split())


def said(pattern: str) -> list[float]:
    found = re.search(pattern, PAGE)
    assert found is not None, pattern
    return [float(group) for group in found.groups()]


def test_six_callers() -> None:
    waits, left = np.array([10.0, 20, 30, 30, 40, 50]), np.array([True, False, True, False, True, False])
    law = kaplan_meier(waits, left, at_risk_least=1)
    assert said(r"3/4 of 5/6 = ([\d.]+); at 40 s two, and one leaves: ([\d.]+)\.") == pytest.approx(
        law.staying[1:], abs=5e-4
    )
    median = law.times_s[np.searchsorted(-law.staying, -0.5)]
    told = said(r"The mean wait of those who left is ([\d.]+) s, and the median patience is (\d+) s")
    assert told == [round(float(waits[left].mean()), 1), median]


def test_a_break_by_hand() -> None:
    log = read(
        frame(
            row("ana", "00:00", "00:01", "02:00"),
            row("bob", "05:00", "06:30", "07:00"),
            row("ana", "12:00", "12:01", "14:00"),
        )
    )
    ana, _ = infer(log.day(DAY), BreakRules(turn_s=5.0))
    (found,) = ana.breaks
    away, idle = said(r"a break of (\d+) s\. After it she was idle for (\d+) s")
    assert found.lasts_s == away
    assert away + idle == 10 * 60 + 1


def test_the_breaks_of_the_made_centre() -> None:
    agents, hours = said(r"Of twelve days of (\d+) agents, (\d+) hours")
    truth, made = made_log(date(2026, 2, 2), 12)
    log = read(made)
    there = found = 0.0
    for day, workers in truth.items():
        people = {person.agent: person for person in infer(log.day(day))}
        for worker in workers:
            person = people[worker.name]
            there += sum(b - a for a, b in worker.taken if person.from_s < a and b < person.until_s)
            found += person.away_s
    assert agents == len(workers)
    assert hours == round(there / 3600)
    assert said(r"between first and last call, (\d+) are found") == [round(found / 3600)]


def test_how_wrong_the_level_is_without_breaks() -> None:
    log = read(made_log(date(2026, 2, 2), 35)[1])
    scores = list(Trial(log, log.days()).scores(Given.NO_BREAKS, first=date(2026, 3, 1)))
    bias = table(scores).to_dicts()[-1]["service_level_bias"]
    assert said(r"service level is (\d+) points too high") == [round(100 * bias)]
