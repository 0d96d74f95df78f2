"""Is the answer right? A world in which it is known: the same callers really do meet one agent more.

The world is fifteen lines, and not the simulator: one line, first come first served, agents all alike. From what its
journal would hold (nobody's patience who was answered) the what-if is asked for one agent more; the world is then run
again with him, and with every caller as patient as he really was.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marhaba.replay.change import Change
from marhaba.replay.day import Contact, Presence
from marhaba.replay.figures import recorded
from marhaba.replay.plan import Day, day_from
from marhaba.replay.whatif import Asked, what_if
from tests.replay.test_day import LOADED, T

HOURS, AGENTS, PER_HOUR, PATIENCE_S, HANDLE_S = 5.0, 4, 66.0, 120.0, 240.0
SKILLS = {"lang:fr": 9}


@dataclass(frozen=True)
class Caller:
    at: float
    patience_s: float
    handle_s: float


def callers(seed: int) -> list[Caller]:
    rng = np.random.default_rng(seed)
    count = int(rng.poisson(PER_HOUR * HOURS))
    at = np.sort(rng.uniform(1.0, HOURS * 3_600.0, count))
    handle = rng.lognormal(math.log(HANDLE_S) - 0.18, 0.6, count)
    patience = rng.exponential(PATIENCE_S, count)
    return [Caller(*map(float, each)) for each in zip(at, patience, handle, strict=True)]


def day_with(agents: int, people: Sequence[Caller]) -> Day:
    free, contacts, busy = [0.0] * agents, [], 0.0
    for number, caller in enumerate(people):
        contact = Contact(f"c{number}", "accueil", "fr", 0, T + caller.at)
        wait = max(0.0, free[0] - caller.at)
        if wait > caller.patience_s:
            contact.outcome, contact.wait_s = "abandoned", caller.patience_s
        else:
            contact.outcome, contact.wait_s, contact.handle_s = "answered", wait, caller.handle_s
            heapq.heapreplace(free, caller.at + wait + caller.handle_s)
            busy += caller.handle_s
        contacts.append(contact)
    there = [
        Presence(f"a{n}", SKILLS, None, T, T + 9.0 * 3_600.0, busy_s=busy / agents) for n in range(agents)
    ]
    return day_from(contacts, there, LOADED, [], span=(T, T + 86_400.0), learn_from=T)


def test_what_one_agent_more_does_is_foretold() -> None:
    """Forty days: on the mean without bias, each within its band as often as the band says, and sharper than the mean."""
    told: dict[str, list[tuple[float, float, bool, bool]]] = {"level": [], "abandonment": [], "asa": []}
    for seed in range(40):
        people = callers(seed)
        day = day_with(AGENTS, people)
        found = what_if(day, Change(more=1, skills=SKILLS), Asked(replications=60, seed=seed))
        really = recorded(day_with(AGENTS + 1, people))
        lines = {line.figure: line for line in found.differences}
        was = {line.figure: line for line in found.lines}
        for figure, kept in told.items():
            truth = float(really.figure(figure)[0] - found.recorded.figure(figure)[0])
            line = lines[figure]
            inside = line.after.low <= float(really.figure(figure)[0]) <= line.after.high
            kept.append((line.difference.mean, truth, inside, was[figure].within))
    for figure, kept in told.items():
        foretold, truth = np.array([row[0] for row in kept]), np.array([row[1] for row in kept])
        error = foretold - truth
        bias, se = error.mean(), error.std(ddof=1) / math.sqrt(len(kept))
        assert abs(bias) < 3.0 * se + 0.03 * abs(truth.mean()), figure
        assert sum(row[2] for row in kept) >= 34, figure  # of 40 in a band of 95 %
        assert sum(row[3] for row in kept) >= 36, figure
        assert np.abs(error).mean() < 0.7 * np.abs(truth - truth.mean()).mean() + 0.02 * abs(truth.mean()), (
            figure
        )
