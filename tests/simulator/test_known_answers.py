"""Models whose answers are known exactly, simulated with a seed that stays: about a million calls each within 4.5
standard errors, and among the long tests twenty million within three.

The exact values are those of Erlang B, C and A, of Baccelli & Hebuterne with Zeltyn & Mandelbaum (M/M/n+G), of the
embedded chain (M/D/n), of the non-preemptive priority queue and of the N-model's Markov chain, computed with 60 digits.
Time is in units of the mean handle time, one unit being a second here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest

from marhaba.kernel.rules import Strategy
from marhaba.simulator.laws import Constant, Exponential, Gamma, Law, Never, Uniform, hyperexponential
from marhaba.simulator.model import Model, ModelData, PerInterval, Steady
from marhaba.simulator.result import Estimate, Result
from marhaba.simulator.simulate import MaxReplications, simulate

WARM_S = 40.0


@dataclass(frozen=True)
class Effort:
    times: int  # the calls of the short version
    sigmas: float

    def near(self, estimate: Estimate, exact: float) -> None:
        assert abs(estimate.mean - exact) < self.sigmas * estimate.se, f"{estimate} is not {exact}"


SHORT = pytest.param(Effort(1, 4.5), id="short")
LONG = pytest.param(Effort(20, 3.0), id="20-million", marks=[pytest.mark.long, pytest.mark.timeout(900)])


@pytest.fixture(params=[SHORT, LONG])
def effort(request: pytest.FixtureRequest) -> Effort:
    made: Effort = request.param
    return made


def one_queue(
    rate: float,
    agents: int,
    *,
    calls: float,
    patience: Law,
    handle: Law | None = None,
    target_s: float = 0.1,
    **rules: Any,
) -> ModelData:
    length = WARM_S + calls / rate
    model = Model(hours=length / 3600.0, interval_s=WARM_S, warm_up_s=WARM_S)
    model.add_queue("q", language_level=0, **rules)
    model.add_contact_type(
        "c",
        queue="q",
        arrivals=Steady(rate * 3600.0),
        patience=patience,
        handle=handle or Exponential(1.0),
        target_s=target_s,
    )
    model.add_agents("a", skills={}, count=agents)
    return model.data()


def run(data: ModelData, replications: int = 40) -> Result:
    return simulate(data, MaxReplications(replications), seed=20261123)


ERLANG_A = [
    # rate, handle rate 1, patience rate, agents, target, P(wait), P(abandon), E[W], in time of offered
    (48.0, 0.5, 50, 1 / 6, 0.46777406855379, 0.0309122491621932, 0.0618244983243864, 0.832576472082809),
    (100.0, 1.0, 100, 0.1, 0.513298798279149, 0.0398609968091471, 0.0398609968091471, 0.813654534930008),
    (100.0, 0.5, 100, 0.1, 0.596703138019573, 0.0330301525282882, 0.0660603050565763, 0.701109560392152),
    (120.0, 1.0, 100, 0.1, 0.972136260109479, 0.167692955688167, 0.167692955688167, 0.183052701087364),
]


@pytest.mark.parametrize(
    ("rate", "leave", "agents", "target", "waiting", "abandoned", "wait", "in_time"), ERLANG_A
)
def test_erlang_a(
    effort: Effort,
    rate: float,
    leave: float,
    agents: int,
    target: float,
    waiting: float,
    abandoned: float,
    wait: float,
    in_time: float,
) -> None:
    result = run(
        one_queue(rate, agents, calls=20_000 * effort.times, patience=Exponential(1 / leave), target_s=target)
    )
    effort.near(result.measure("waiting"), waiting)
    effort.near(result.measure("abandonment"), abandoned)
    effort.near(result.measure("wait_s"), wait)
    effort.near(result.measure("service_level"), in_time)


def test_erlang_c(effort: Effort) -> None:
    """100 calls, 110 agents, nobody gives up."""
    result = run(one_queue(100.0, 110, calls=20_000 * effort.times, patience=Never()))
    effort.near(result.measure("waiting"), 0.237007500285053)
    effort.near(result.measure("service_level"), 0.912809813241694)
    assert result.measure("abandonment").mean == 0.0


PATIENCE = [
    (Constant(2.0), 0.942732691315, 0.0046902123946, 0.947422903709, 0.104169432631),
    (Uniform(0.0, 4.0), 0.672446589993, 0.026826737606, 0.103944717474, 0.581897743635),
    (Gamma(2.0, 2.0), 0.754306389869, 0.0201223916745, 0.159676319907, 0.445798874815),
    (
        hyperexponential([0.5, 0.5], [0.5, 3.5]),
        0.501187074487,
        0.0408529511781,
        0.0371817381212,
        0.826540764903,
    ),
]


@pytest.mark.parametrize(("patience", "waiting", "abandoned", "wait", "in_time"), PATIENCE)
def test_the_shape_of_patience_decides(
    effort: Effort, patience: Law, waiting: float, abandoned: float, wait: float, in_time: float
) -> None:
    """The same mean patience, and the wait differs by 25 times."""
    result = run(one_queue(100.0, 100, calls=30_000 * effort.times, patience=patience))
    effort.near(result.measure("waiting"), waiting)
    effort.near(result.measure("abandonment"), abandoned)
    effort.near(result.measure("wait_s"), wait)
    effort.near(result.measure("service_level"), in_time)


def test_a_queue_of_limited_size_refuses(effort: Effort) -> None:
    """M/M/100/110: ten places to wait."""
    result = run(one_queue(100.0, 100, calls=30_000 * effort.times, patience=Never(), overflow_size=10))
    effort.near(result.measure("blocking"), 0.0430849502906)
    sums = {name: result.measure(name).mean for name in ("waited", "answered", "wait_answered_s")}
    assert sums["waited"] / sums["answered"] == pytest.approx(0.450248434317, abs=0.004)
    effort.near(result.measure("asa_s"), 0.0247636638874)


@pytest.mark.parametrize(
    ("rate", "agents", "wait", "waiting"),
    [(9.0, 10, 0.3445820503, 0.6468612839), (95.0, 100, 0.0534460391, 0.4751148520)],
)
def test_a_constant_handle_time(
    effort: Effort, rate: float, agents: int, wait: float, waiting: float
) -> None:
    result = run(one_queue(rate, agents, calls=30_000 * effort.times, patience=Never(), handle=Constant(1.0)))
    effort.near(result.measure("wait_s"), wait)
    effort.near(result.measure("waiting"), waiting)


def test_two_priorities(effort: Effort) -> None:
    model = Model(hours=(WARM_S + 400.0 * effort.times) / 3600.0, interval_s=WARM_S, warm_up_s=WARM_S)
    for name, rate, priority in (("first", 30.0, 1), ("second", 60.0, 0)):
        model.add_queue(name, language_level=0, priority=priority)
        model.add_contact_type(
            name, queue=name, arrivals=Steady(rate * 3600.0), patience=Never(), handle=Exponential(1.0)
        )
    model.add_agents("a", skills={}, count=100)
    result = run(model.data())
    effort.near(result.measure("waiting"), 0.216940480906)
    effort.near(result.measure("wait_s", "first"), 0.00309914972723)
    effort.near(result.measure("wait_s", "second"), 0.0309914972723)


N_MODEL = [
    # agents and rates of both; who pool 2 serves first (priorities); P(wait) 1 and 2, P(abandon) 1 and 2
    ((5, 5), (6.0, 4.0), (0, 1), (0.5404234477, 0.7478392949, 0.1015960506, 0.1404838520)),
    ((5, 5), (6.0, 4.0), (1, 0), (0.4531815785, 0.7716932715, 0.0415323133, 0.2648081398)),
    ((20, 10), (22.0, 8.0), (0, 1), (0.5399699253, 0.7587624907, 0.0575272279, 0.0927946705)),
    ((20, 10), (22.0, 8.0), (1, 0), (0.4050065702, 0.8010529961, 0.0194772595, 0.2441648159)),
    # the longer line; of lines as long, the first
    ((5, 5), (6.0, 4.0), None, (0.5107676984, 0.7600644281, 0.0669940396, 0.2035443543)),
    ((20, 10), (22.0, 8.0), None, (0.4986546366, 0.7790065618, 0.0352092767, 0.1675061895)),
]
BUSY = {
    (0, 1): [4.3044487346, 4.5240395534],
    (1, 0): [4.1246986532, 4.5668749078],
    None: [4.2382157802, 4.5456425649],
}


@pytest.mark.parametrize(("agents", "rates", "priorities", "exact"), N_MODEL)
def test_the_n_model(
    effort: Effort,
    agents: tuple[int, int],
    rates: tuple[float, float],
    priorities: tuple[int, int] | None,
    exact: tuple[float, float, float, float],
) -> None:
    """Pool 1 serves type 1 only, pool 2 both; type 1 tries pool 1 first."""
    length = 30_000.0 / sum(rates) * effort.times
    model = Model(hours=length / 3600.0, interval_s=length, longest_queue=priorities is None)
    weights = (1.0, 1.0) if priorities else (1.0001, 1.0)
    for name, rate, priority, weight in zip(
        ("one", "two"), rates, priorities or (0, 0), weights, strict=True
    ):
        model.add_queue(
            name,
            language_level=0,
            priority=priority,
            weight=weight,
            skills={name: 1},
            strategy=Strategy.BEST_SKILL,
        )
        model.add_contact_type(
            name,
            queue=name,
            arrivals=Steady(rate * 3600.0),
            patience=Exponential(2.0),
            handle=Exponential(1.0),
        )
    model.add_agents("specialists", skills={"one": 2}, count=agents[0])
    model.add_agents("both", skills={"one": 1, "two": 1}, count=agents[1])
    result = run(model.data())
    effort.near(result.measure("waiting", "one"), exact[0])
    effort.near(result.measure("waiting", "two"), exact[1])
    effort.near(result.measure("abandonment", "one"), exact[2])
    effort.near(result.measure("abandonment", "two"), exact[3])
    if agents == (5, 5):
        busy = result.agents().group_by("agents", maintain_order=True).first()["busy"].to_list()
        assert busy == pytest.approx(BUSY[priorities], rel=0.01)


def test_when_patience_equals_the_handle_time_the_house_is_poisson_whatever_the_staffing(
    effort: Effort,
) -> None:
    """Feldman, Mandelbaum, Massey & Whitt 2008: theta = mu, so that N(t) has the mean of the infinite-server queue."""
    steps, length = 24, 1.0
    rates = [60.0 + 40.0 * (number % 8) / 7 for number in range(steps)]
    model = Model(hours=steps * length / 3600.0, interval_s=length)
    model.add_queue("q", language_level=0)
    model.add_contact_type(
        "c",
        queue="q",
        arrivals=PerInterval([rate * length for rate in rates]),
        patience=Exponential(1.0),
        handle=Exponential(1.0),
    )
    model.add_agents("a", skills={}, count=[30 + 25 * (number % 3) for number in range(steps)])
    result = run(model.data(), replications=3_000 if effort.times == 1 else 12_000)
    mean = 0.0
    for number, rate in enumerate(rates):
        decay = math.exp(-length)
        mean = mean * decay + rate * (1 - decay)
        there = [int(each.at_end[number].sum()) for each in result.runs]
        average = sum(there) / len(there)
        variance = sum((value - average) ** 2 for value in there) / (len(there) - 1)
        assert abs(average - mean) < effort.sigmas * (mean / len(there)) ** 0.5
        assert abs(variance / mean - 1.0) < effort.sigmas * (2 / len(there)) ** 0.5
