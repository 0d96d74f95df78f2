"""The source and what the compiler made of it: the same day; seconds to the twelfth digit, all else exactly."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marhaba.simulator import agenda
from marhaba.simulator.model import ModelData
from marhaba.simulator.simulate import MaxReplications, simulate
from tests.simulator.interpreted import run
from tests.simulator.test_simulate import models

NAMES = (
    "counts",
    "waits",
    "talk_by",
    "lines_area",
    "queue_area",
    "queue_most",
    "busy_area",
    "staff_area",
    "at_end",
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(models(), st.integers(0, 2**31))
def test_the_source_and_the_machine_code_say_the_same(data: ModelData, seed: int) -> None:
    compiled = simulate(data, MaxReplications(1), seed, workers=1, trace=4_000).runs[0]
    status, world = run(data, seed=seed, trace=4_000)
    assert status == agenda.FINISHED
    for name in NAMES:
        assert np.allclose(getattr(world, name), getattr(compiled, name), rtol=1e-12, atol=1e-8), name
    for column in ("contact", "type", "agent"):
        assert np.array_equal(world.trace[column][: len(compiled.trace)], compiled.trace[column])
