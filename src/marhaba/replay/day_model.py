"""A day of a call log as a model: its own callers, the agents who were there, and what was learnt before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marhaba.replay.calllog import Day
from marhaba.replay.habits import Habits
from marhaba.replay.presence import Presence
from marhaba.simulator.laws import Constant
from marhaba.simulator.model import Model, ModelData, Recorded, Shift

HOURS = 24.0
INTERVAL_S = 1800.0
TARGET_S = 20.0


def model_of(
    day: Day,
    people: Sequence[Presence],
    habits: Habits,
    *,
    recorded_handle: bool = False,
    target_s: float = TARGET_S,
) -> ModelData:
    """A queue for each type, first come, first served over all an agent can help, to the agent longest idle.

    `recorded_handle`: whoever was answered is helped for as long as he was; else, and always who abandoned, by the laws.
    """
    model = Model(hours=HOURS, interval_s=INTERVAL_S)
    hours = [
        habits.hours[int(begins // 3600)] * habits.level for begins in np.arange(0, HOURS * 3600, INTERVAL_S)
    ]
    for place, name in enumerate(day.types):
        calls = day.type == place
        model.add_queue(name, skills={name: 1}, language_level=0)
        model.add_contact_type(
            name,
            queue=name,
            arrivals=Recorded(
                day.received[calls].tolist(), handle=day.busy[calls].tolist() if recorded_handle else ()
            ),
            patience=habits.patience_of(name),
            handle=habits.handle_of(name),
            handle_factor=hours,
            wrap=habits.wrap,
            target_s=target_s,
        )
    for person in people:
        model.add_agents(
            person.agent,
            skills=dict.fromkeys(sorted(person.skills), 1),
            shifts=[shift_of(person)],
            ring=Constant(habits.ring_s) if habits.ring_s > 0 else None,
            handle_factor=habits.pace.get(person.agent, 1.0),
        )
    return model.data()


def shift_of(person: Presence) -> Shift:
    """Its breaks slide: each begins when the call in hand is done, and has its full length."""
    breaks = tuple((each.from_s, each.from_s + each.lasts_s) for each in person.breaks)
    return Shift(max(person.from_s, 0.0), person.until_s, breaks, slides=True)
