"""Erlang B, C and A against published numbers, 50-digit arithmetic and each other."""

from __future__ import annotations

import math

import numpy as np
import pytest

from marhaba.kernel.errors import BadInput, LimitReached
from marhaba.planning.erlang import erlang_a, erlang_b, erlang_c
from marhaba.planning.inputs import AGENTS_MAX
from marhaba.planning.performance import Performance
from tests.planning import exact

DIGITS = 1e-10
TRUTH_B = [
    (5, 10, 0.0183845703366481),
    (3, 5, 0.110054347826087),
    (12, 20, 0.00979563942006408),
    (90, 100, 0.0269573804643592),
    (950, 1000, 0.00364929368894241),
    (84.064, 100, 0.0099996829),  # the classic table: 84.1 erlangs at 1 %
]
TRUTH_C = [
    # rate, handle, agents, threshold: waiting, level
    (100 / 30, 3, 14, 1 / 3, 0.17413193359505, 0.888350019179467),
    (1, 5, 8, 1 / 3, 0.167266506661757, 0.863053767036097),
    (100, 1, 110, 0.1, 0.237007500285053, 0.912809813241694),
    (1000, 1, 1030, 0.05, 0.248908785843602, 0.944460942752366),
]
TRUTH_A = [
    # rate, handle, patience, agents, threshold: waiting, abandonment, mean wait, of offered, of answered
    (48, 1, 2, 50, 1 / 6, 0.46777406855379, 0.0309122491621932, 0.0618244983243864, 0.832576472082809, 0.859134243893828),
    (10 / 3, 3, 5, 11, 1 / 3, 0.459774841828409, 0.0699452960631566, 0.349726480315783, 0.656873203664659, 0.70627372872173),
    (100, 1, 1, 100, 0.1, 0.513298798279149, 0.0398609968091471, 0.0398609968091471, 0.813654534930008, 0.847434103005888),
    (100, 1, 2, 100, 0.1, 0.596703138019573, 0.0330301525282882, 0.0660603050565763, 0.701109560392152, 0.725058348225964),
    (120, 1, 1, 100, 0.1, 0.972136260109479, 0.167692955688167, 0.167692955688167, 0.183052701087364, 0.219934100448129),
    (1, 5, 2, 5, 1 / 3, 0.466431797977169, 0.212543101506864, 0.425086203013728, 0.598274959409591, 0.759755817181156),
    (1000, 1, 2, 1000, 0.05, 0.589260087355552, 0.010450542896224, 0.0209010857924479, 0.837739774975718, 0.846587069460503),
]  # fmt: skip
HARD_A = [
    # rate, handle, patience, agents, threshold
    (12000, 1, 2, 10_000, 0.01),
    (10_100, 1, 1, 10_000, 0.001),
    (9_900, 1, 5, 10_000, 0.02),
    (5, 1, 1, 1, 0.5),
    (0.01, 1, 100, 1, 1.0),
    (30, 1, 1e-3, 20, 0.001),
    (3, 1, 1e-3, 2, 0.01),
    (3, 1, 300, 2, 200.0),
    (50, 1, 0.02, 40, 0.5),
    (20, 1, 3, 40, 0.5),
]


@pytest.mark.parametrize(("load", "lines", "blocking"), TRUTH_B)
def test_blocking_as_in_the_tables(load: float, lines: int, blocking: float) -> None:
    assert erlang_b(load, lines) == pytest.approx(blocking, rel=3e-9 if load == 84.064 else 1e-13)


@pytest.mark.parametrize(
    ("load", "lines"),
    [(1e-6, 1), (1e-3, 5), (1e6, 3), (0.5, 1), (3, 3), (9_900, 10_000), (10_500, 10_000), (8_000, 10_000),
     (1_000, 10), (19_900, 20_000), (40, 60)],
)  # fmt: skip
def test_blocking_at_fifty_digits(load: float, lines: int) -> None:
    assert erlang_b(load, lines) == pytest.approx(float(exact.erlang_b(load, lines)), rel=DIGITS, abs=0)


def test_blocking_where_no_formula_is_needed() -> None:
    assert erlang_b([0, 0, 7], [0, 3, 0]).tolist() == [1.0, 0.0, 1.0]
    assert erlang_b(100, 10_000) == 0.0  # 10 to the -15703: nothing a float can say


@pytest.mark.parametrize(("rate", "handle", "agents", "threshold", "waiting", "in_time"), TRUTH_C)
def test_erlang_c_as_known(
    rate: float, handle: float, agents: int, threshold: float, waiting: float, in_time: float
) -> None:
    found = erlang_c(rate, handle, agents, threshold=threshold)
    assert found.waiting == pytest.approx(waiting, rel=1e-13)
    assert found.service_level() == pytest.approx(in_time, rel=1e-13)


def test_erlang_c_of_the_example_of_garnett_mandelbaum_and_reiman() -> None:
    found = erlang_c(48, 1, 50, threshold=1 / 6)
    assert found.waiting == pytest.approx(0.694455611196834, rel=1e-13)
    assert found.asa == pytest.approx(0.347227805598417, rel=1e-13)
    assert found.queue_length == pytest.approx(16.6669, abs=5e-5)


@pytest.mark.parametrize(
    ("rate", "agents"), [(0.99, 1), (0.001, 1), (9_950, 10_000), (9_999, 10_000), (2_000, 2_500), (0.5, 3)]
)
def test_erlang_c_at_fifty_digits(rate: float, agents: int) -> None:
    found = erlang_c(rate * 2, 0.5, agents, threshold=0.001)
    for name, value in exact.erlang_c(rate * 2, 0.5, agents, 0.001).items():
        assert getattr(found, name) == pytest.approx(float(value), rel=DIGITS, abs=0), name


@pytest.mark.parametrize(
    (
        "rate",
        "handle",
        "patience",
        "agents",
        "threshold",
        "waiting",
        "abandonment",
        "wait",
        "offered",
        "answered",
    ),
    TRUTH_A,
)
def test_erlang_a_as_known(
    rate: float, handle: float, patience: float, agents: int, threshold: float,
    waiting: float, abandonment: float, wait: float, offered: float, answered: float,
) -> None:  # fmt: skip
    found = erlang_a(rate, handle, patience, agents, threshold=threshold)
    known = (waiting, abandonment, wait, offered, answered)
    ours = (
        found.waiting, found.abandonment, found.wait_mean, found.service_level("F3"), found.service_level("F2")
    )  # fmt: skip
    assert ours == pytest.approx(known, rel=5e-14)


def test_the_published_example_with_abandonment() -> None:
    found = erlang_a(48 / 60, 60, 120, 50, threshold=10)
    assert found.abandonment == pytest.approx(0.031, abs=1e-4)
    assert found.wait_mean == pytest.approx(3.7, abs=0.02)
    assert found.queue_length == pytest.approx(2.96758, abs=5e-6)
    assert found.occupancy == pytest.approx(0.930324, abs=5e-7)


@pytest.mark.parametrize(("rate", "handle", "patience", "agents", "threshold"), HARD_A)
def test_erlang_a_at_fifty_digits(
    rate: float, handle: float, patience: float, agents: int, threshold: float
) -> None:
    found = erlang_a(rate, handle, patience, agents, threshold=threshold)
    known = exact.birth_death(rate, handle, patience, agents)
    if agents < 1_000:  # mpmath's incomplete gamma takes seconds above
        known |= exact.in_time(rate, handle, patience, agents, threshold)
    for name, value in known.items():
        assert getattr(found, name) == pytest.approx(float(value), rel=DIGITS, abs=0), name


def test_the_answered_and_the_abandoned_waits_add_up() -> None:
    """With equal means of patience and of handling, who leaves has waited as in an hourglass: E[W | left] by parts."""
    grid = np.array([0.25, 0.5, 1, 2])
    found = erlang_a(100, 1, 2, 100, threshold=grid)
    beyond = erlang_a(100, 1, 2, 100, threshold=np.linspace(0, 12, 4001)).waiting_beyond
    wait = float(np.sum((beyond[1:] + beyond[:-1]) / 2) * 12 / 4000)  # E[W] is the integral of P(W > t)
    assert found.wait_mean == pytest.approx(wait, rel=1e-4)
    shares = found.answered_in_time + found.abandoned_in_time + found.waiting_beyond
    assert shares == pytest.approx(1.0, abs=1e-13)


def test_the_answered_wait_is_the_integral_of_who_is_not_yet_answered() -> None:
    grid = np.linspace(0, 6, 6001)
    found = erlang_a(100, 1, 2, 100, threshold=grid)
    later = 1 - found.answered_in_time / (1 - found.abandonment)
    asa = float(np.sum((later[1:] + later[:-1]) / 2) * 6 / 6000)
    assert found.asa[0] == pytest.approx(asa, rel=1e-5)


def test_equal_means_make_a_poisson_house() -> None:
    n = np.arange(1, 400)
    tail = [
        math.fsum(math.exp(k * math.log(150) - 150 - math.lgamma(k + 1)) for k in range(m, 700)) for m in n
    ]
    assert erlang_a(50, 3, 3, n).waiting == pytest.approx(np.array(tail), rel=1e-11, abs=0)


def test_a_queue_that_cannot_hold() -> None:
    found = erlang_c([10, 12], 1, 10, threshold=1)
    for name, value in {
        "waiting": 1, "wait_mean": np.inf, "asa": np.inf, "queue_length": np.inf, "occupancy": 1, "abandonment": 0,
        "answered_in_time": 0, "abandoned_in_time": 0, "waiting_beyond": 1,
    }.items():  # fmt: skip
        assert getattr(found, name).tolist() == [value, value], name


def test_half_hours_without_calls_or_agents() -> None:
    found = erlang_a([0, 0, 6, 6], 2, [4, np.inf, 4, np.inf], [3, 0, 0, 0], threshold=4)
    assert found.waiting.tolist() == [0, 0, 1, 1]
    assert found.wait_mean.tolist() == [0, 0, 4, np.inf]
    assert found.abandonment.tolist() == [0, 0, 1, 0]
    assert found.queue_length.tolist() == [0, 0, 24, np.inf]
    assert found.service_level("F3").tolist() == [1, 1, 0, 0]
    assert found.service_level("F2").tolist() == [1, 1, 0, 0]
    assert found.abandoned_in_time == pytest.approx([0, 0, 1 - math.exp(-1), 0])
    assert found.waiting_beyond == pytest.approx([0, 0, math.exp(-1), 1])


def test_arrays_broadcast_and_keep_their_shape() -> None:
    found = erlang_a(np.full((3, 1), 100.0), 1, 2, [90, 100], threshold=0.1)
    for name in Performance.__dataclass_fields__:
        assert getattr(found, name).shape == (3, 2), name
    assert found.waiting[2, 1] == pytest.approx(erlang_a(100, 1, 2, 100).waiting, rel=1e-13)
    assert erlang_a(100, 1, 2, 100).waiting.shape == ()


def test_more_queues_than_fit_the_cache_are_the_same_queues() -> None:
    rates = np.linspace(80, 120, 1500)
    found = erlang_a(rates, 1, 2, 100, threshold=0.1)
    few = erlang_a(rates[1490:], 1, 2, 100, threshold=0.1)
    assert found.asa[1490:] == pytest.approx(few.asa, rel=1e-13)


def test_the_four_letters_of_one_queue() -> None:
    found = erlang_a(100, 1, 2, 100, threshold=0.1)
    answered, gone, left = found.answered_in_time, found.abandoned_in_time, found.abandonment
    assert found.service_level("F1") == answered + gone
    assert found.service_level("F2") == answered / (1 - left)
    assert found.service_level("F3") == answered
    assert found.service_level("F4") == answered / (1 - gone)
    with pytest.raises(BadInput, match="'F5': planning knows the levels F1, F2, F3 and F4"):
        found.service_level("F5")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 1, 2, 3), r"arrival rate must not be negative: -1\."),
        ((math.inf, 1, 2, 3), r"arrival rate must be finite: inf"),
        ((1, 0, 2, 3), r"handle time must be above 0: 0\."),
        ((1, math.inf, 2, 3), r"handle time must be finite: inf"),
        ((1, 1, [2, math.nan], 3), r"patience is no number: \[ 2\. nan\]"),
        ((1, 1, "short", 3), r"patience: 'short' is no number"),
        ((1, 1, 1e10, 3), r"patience and handle time differ by more than a factor of 1e\+09"),
        ((1, 1, 2, 3.5), r"agents must be whole: 3\.5"),
        (([1, 2], 1, 2, [3, 4, 5]), r"shapes that do not fit together: \(2,\), \(\), \(\), \(3,\), \(\)"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        erlang_a(*arguments)


def test_more_agents_than_any_centre_has() -> None:
    with pytest.raises(LimitReached, match="agents: 100001, and 100000 at most"):
        erlang_c(1, 1, AGENTS_MAX + 1)
