"""The source and what the compiler made of it: the same day; seconds to the twelfth digit, all else exactly."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marhaba.kernel.rules import Channel, Strategy
from marhaba.simulator import agenda, building, chance
from marhaba.simulator.compiled import compiled, entry
from marhaba.simulator.laws import (
    Constant,
    Empirical,
    Exponential,
    Gamma,
    Law,
    LogNormal,
    Never,
    PhaseType,
    Triangular,
    Uniform,
    Weibull,
    compile_laws,
    draw,
    hyperexponential,
)
from marhaba.simulator.model import Model, ModelData, PerInterval, Recorded, Shift, Steady
from marhaba.simulator.world import World
from tests.simulator.interpreted import interpreted, run, run_compiled
from tests.simulator.test_simulate import models

SECONDS = ("counts", "talk_by", "lines_area", "queue_area", "busy_area", "staff_area")
NUMBERS = ("waits", "queue_most", "at_end")


def same(one: World, other: World) -> None:
    for name in SECONDS:
        assert np.allclose(getattr(one, name), getattr(other, name), rtol=1e-12, atol=1e-8), name
    for name in NUMBERS:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    traced = int(one.clock[0]["traced"])
    for column in ("contact", "type", "agent"):
        assert np.array_equal(one.trace[column][:traced], other.trace[column][:traced])


@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(models(), st.integers(0, 2**31), st.sampled_from([0, 4_000]))
def test_the_source_and_the_machine_code_say_the_same(data: ModelData, seed: int, trace: int) -> None:
    (status, interpreted_), (also, compiled_) = (
        how(data, seed=seed, trace=trace) for how in (run, run_compiled)
    )
    assert status == also == agenda.FINISHED
    same(interpreted_, compiled_)


def busy_centre() -> ModelData:
    """What the drawn centres lack: text, all phones of a small team, recorded callers, who leaves while his phone rings."""
    model = Model(hours=2, interval_s=900.0, warm_up_s=900.0)
    model.add_queue("chat", language_level=0, skills={"chat": 1}, channel=Channel.TEXT)
    model.add_queue("team", language_level=0, skills={"team": 1}, strategy=Strategy.RING_ALL, ring_all_max=3)
    model.add_contact_type("chat", queue="chat", arrivals=Steady(120.0), handle=Exponential(150.0))
    model.add_contact_type(
        "team",
        queue="team",
        arrivals=PerInterval([50.0, 20.0] * 4),
        handle=Exponential(60.0),
        patience=Exponential(20.0),
        wrap=Constant(5.0),
        handle_by={"slow": Exponential(90.0)},
    )
    at = [60.0 * number for number in range(60)]
    model.add_contact_type(
        "known",
        queue="team",
        arrivals=Recorded(at, patience=[30.0] * 60, handle=[20.0] * 60),
        handle=Exponential(1.0),
    )
    model.add_agents("writers", skills={"chat": 2}, count=[2, 3] * 4, text=3)
    model.add_agents(
        "team",
        skills={"team": 2},
        count=[4, 1, 5, 0, 4, 2, 3, 4],
        ring=Uniform(2.0, 25.0),
        missed=0.3,
        missed_pause_s=200.0,
    )
    shift = Shift(0.0, 3_000.0, ((1_000.0, 1_200.0), (1_210.0, 1_300.0)), slides=True)
    model.add_agents("slow", skills={"team": 1}, shifts=[shift], ring=Constant(20.0), missed=0.5)
    return model.data()


@pytest.mark.parametrize("seed", range(4))
def test_they_say_the_same_of_a_busy_centre(seed: int) -> None:
    (status, one), (also, other) = (how(busy_centre(), seed=seed, trace=2_000) for how in (run, run_compiled))
    assert status == also == agenda.FINISHED
    same(one, other)
    assert (one.counts.sum(axis=(1, 2)) > 0.0).all()


@pytest.mark.parametrize(
    ("room", "status"),
    [
        ({"contacts": 8}, agenda.CONTACTS_FULL),
        ({"events": 12}, agenda.EVENTS_FULL),
        ({"trace": 30}, agenda.TRACE_FULL),
    ],
)
def test_a_room_that_is_too_small_is_said_to_be(room: dict[str, Any], status: int) -> None:
    (one, world), (other, _) = (how(busy_centre(), seed=1, **room) for how in (run, run_compiled))
    assert one == other == status
    assert world.clock[0]["now"] < 7_200.0


def test_streams_are_the_same() -> None:
    template = building.template(busy_centre(), contacts=8)
    one, other = building.fresh(template.world), building.fresh(template.world)
    building.set_streams(template, one, seed=3, replication=4)
    with np.errstate(over="ignore"):
        interpreted("marhaba.simulator.building").set_keys(
            other.keys, other.agent_keys, template.streams, template.busy, 3, 4, building._AGENT_STREAM
        )
    assert np.array_equal(one.keys, other.keys)
    assert np.array_equal(one.agent_keys, other.agent_keys)
    assert len(set(one.keys.ravel().tolist())) == one.keys.size


LAWS: list[Law] = [
    Constant(3.0),
    Exponential(60.0),
    Uniform(1.0, 5.0),
    Triangular(1.0, 2.0, 9.0),
    Triangular(1.0, 1.0, 9.0),
    LogNormal(80.0, 60.0),
    Gamma(70.0, 0.5),
    Gamma(70.0, 3.0),
    Weibull(60.0, 1.5),
    Empirical((10.0, 200.0, 30.0)),
    hyperexponential([0.3, 0.7], [10.0, 100.0]),
    PhaseType((0.5, 0.3), ((0.0, 0.1), (0.05, 0.0)), (0.02, 0.1)),
    Never(),
]


@entry
def _draw_many(laws, values, law, key, drawn):  # type: ignore[no-untyped-def]
    for n in range(len(drawn)):
        drawn[n] = draw(laws, values, law, key, n)


def test_every_law_draws_the_same_and_has_the_mean_it_says() -> None:
    rows, values = compile_laws(LAWS)
    key, count = np.uint64(12_345), 3_000
    source = interpreted("marhaba.simulator.laws").draw
    for number, law in enumerate(LAWS):
        drawn = np.zeros(count)
        _draw_many(rows, values, number, key, drawn)
        with np.errstate(over="ignore"):
            again = [source(rows.view(np.recarray), values, number, key, n) for n in range(300)]
        assert np.allclose(drawn[:300], again, rtol=1e-12)
        if law.mean < np.inf:
            error = float(drawn.std()) / count**0.5
            assert abs(drawn.mean() - law.mean) <= 4 * error
        else:
            assert np.isinf(drawn).all()


@compiled
def _normal(u):  # type: ignore[no-untyped-def]
    return chance.normal(u)


@pytest.mark.parametrize("u", [1e-300, 1e-14, 1e-4, 0.08, 0.3, 0.5, 0.8, 0.95, 1 - 1e-9, 1 - 1e-15])
def test_the_normal_quantile_is_exact_in_its_tails_too(u: float) -> None:
    assert interpreted("marhaba.simulator.chance").normal(u) == pytest.approx(
        NormalDist().inv_cdf(u), rel=1e-13
    )
    assert _normal(u) == pytest.approx(NormalDist().inv_cdf(u), rel=1e-13)
