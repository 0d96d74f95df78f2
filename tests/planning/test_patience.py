"""M/M/n+G: the printed values, Erlang A as a special case, and each law against its own definition."""

from __future__ import annotations

import numpy as np
import pytest

from marhaba.kernel.errors import BadInput
from marhaba.planning.erlang import erlang_a, erlang_c
from marhaba.planning.patience import (
    Deterministic,
    Exponential,
    Gamma,
    Hyperexponential,
    Law,
    LogNormal,
    Uniform,
    general_patience,
)
from marhaba.planning.performance import Performance

H2 = Hyperexponential((0.5, 0.5), (0.5, 3.5))
TRUTH = [
    # law of mean 2: waiting, abandonment, mean wait, level of offered; 100 agents, load 100, threshold 0.1
    (Exponential(2), 0.596703138019573, 0.0330301525282882, 0.0660603050565763, 0.701109560392152),
    (Deterministic(2), 0.942732691315, 0.0046902123946, 0.947422903709, 0.104169432631),
    (Uniform(0, 4), 0.672446589993, 0.026826737606, 0.103944717474, 0.581897743635),
    (Gamma(2, 2), 0.754306389869, 0.0201223916745, 0.159676319907, 0.445798874815),
    (H2, 0.501187074487, 0.0408529511781, 0.0371817381212, 0.826540764903),
]
LAWS: list[Law] = [
    Exponential(2), Deterministic(1.325), Uniform(0.5, 4), Gamma(2, 3), Gamma(2, 0.6), H2, LogNormal(2, 1.5),
]  # fmt: skip


@pytest.mark.parametrize(("law", "waiting", "abandonment", "wait", "level"), TRUTH)
def test_the_same_mean_patience_waits_twenty_five_times_as_long(
    law: Law, waiting: float, abandonment: float, wait: float, level: float
) -> None:
    found = general_patience(100, 1, law, 100, threshold=0.1)
    ours = (found.waiting, found.abandonment, found.wait_mean, found.service_level())
    assert ours == pytest.approx((waiting, abandonment, wait, level), rel=3e-12, abs=1e-12)


def test_exponential_patience_is_erlang_a() -> None:
    rates, agents = [[120], [100], [40.0], [300]], [100, 37, 1]
    known = erlang_a(rates, 1.5, 2, agents, threshold=0.3)
    for law in (Exponential(2), Gamma(2, 1), Hyperexponential((1, 3), (2, 2))):
        found = general_patience(rates, 1.5, law, agents, threshold=0.3)
        for name in Performance.__dataclass_fields__:
            assert getattr(found, name) == pytest.approx(getattr(known, name), rel=1e-10, abs=1e-300), name


def test_patience_beyond_every_wait_is_erlang_c() -> None:
    known = erlang_c(8, 1, 10, threshold=0.2)
    found = general_patience(8, 1, Deterministic(30), 10, threshold=0.2)
    for name in ("waiting", "wait_mean", "asa", "queue_length", "answered_in_time", "waiting_beyond"):
        assert getattr(found, name) == pytest.approx(getattr(known, name), rel=1e-11), name


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_a_law_is_whole(law: Law) -> None:
    """H(x) is the integral of who is still there, and the others have left."""
    x = np.linspace(0, 12, 24_001)
    staying = law.staying(x)
    assert np.abs(staying + law.left(x) - 1).max() < 1e-14
    assert staying[0] == 1
    summed = np.concatenate([[0], np.cumsum((staying[1:] + staying[:-1]) / 2)]) * (x[1] - x[0])
    assert np.abs(law.stayed(x) - summed).max() < 3e-4


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_figures_of_any_law_are_of_one_queue(law: Law) -> None:
    grid = np.linspace(0, 14, 281)
    for rate in (70, 140):
        found = general_patience(rate, 1, law, 100, threshold=grid)
        parts = found.answered_in_time + found.abandoned_in_time + found.waiting_beyond
        assert np.abs(parts - 1).max() < 1e-11
        beyond = found.waiting_beyond
        area = (beyond[1:] + beyond[:-1]).sum() / 2 * (grid[1] - grid[0])
        assert found.wait_mean[0] == pytest.approx(area, abs=6e-3)  # E[W] is the integral of P(W > t)
        assert found.answered_in_time[-1] == pytest.approx(1 - found.abandonment[0], rel=1e-6)
        assert found.queue_length == pytest.approx(rate * found.wait_mean, rel=1e-13)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Exponential(0), "mean patience must be above 0"),
        (lambda: Deterministic(-1), "mean patience must be above 0"),
        (lambda: Uniform(-1, 2), "the low end of patience must not be negative"),
        (lambda: Uniform(2, 2), "the width of patience must be above 0"),
        (lambda: Gamma(0, 1), "mean patience must be above 0"),
        (lambda: Gamma(2, -1), "the shape of patience must be above 0"),
        (lambda: Hyperexponential((0, 1), (1, 2)), "the weights of patience must be above 0"),
        (lambda: Hyperexponential((1, 1), (1, -2)), "the means of patience must be above 0"),
        (lambda: Hyperexponential((1, 1), (1, 2, 3)), "shapes that do not fit together"),
        (lambda: LogNormal(0, 1), "mean patience must be above 0"),
        (lambda: LogNormal(1, 0), "the deviation of patience must be above 0"),
        (lambda: general_patience(1, 1, Exponential(1), 0), "agents must be 1 at least"),
    ],
)
def test_what_is_no_law_is_refused(make: object, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        make()  # type: ignore[operator]
