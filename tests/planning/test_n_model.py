"""Two groups, two classes, three rules."""

from __future__ import annotations

import pytest

from marhaba.kernel.errors import BadInput, LimitReached
from marhaba.planning.erlang import erlang_a
from marhaba.planning.n_model import Rule, n_model

TRUTH = [
    # agents, rates, rule: waiting of both classes, abandonment of both, busy agents of both groups
    ((5, 5), (6, 4), "class 2 first", .5404234477, .7478392949, .1015960506, .1404838520, 4.3044487346, 4.5240395534),
    ((5, 5), (6, 4), "class 1 first", .4531815785, .7716932715, .0415323133, .2648081398, 4.1246986532, 4.5668749078),
    ((5, 5), (6, 4), "longest queue", .5107676984, .7600644281, .0669940396, .2035443543, 4.2382157802, 4.5456425649),
    ((20, 10), (22, 8), "class 2 first", .5399699253, .7587624907, .0575272279, .0927946705, None, None),
    ((20, 10), (22, 8), "class 1 first", .4050065702, .8010529961, .0194772595, .2441648159, None, None),
    ((20, 10), (22, 8), "longest queue", .4986546366, .7790065618, .0352092767, .1675061895, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("agents", "rates", "rule", "w1", "w2", "a1", "a2", "b1", "b2"), TRUTH)
def test_the_rules_as_known(
    agents: tuple[int, int], rates: tuple[float, float], rule: Rule,
    w1: float, w2: float, a1: float, a2: float, b1: float | None, b2: float | None,
) -> None:  # fmt: skip
    found = n_model(agents, rates, (1, 1), (2, 2), rule=rule)
    assert found.waiting == pytest.approx((w1, w2), abs=6e-11)
    assert found.abandonment == pytest.approx((a1, a2), abs=6e-11)
    if b1 is not None and b2 is not None:
        assert found.busy == pytest.approx((b1, b2), abs=6e-11)
    done = (rates[0] * (1 - a1), rates[1] * (1 - a2))
    assert sum(found.busy) == pytest.approx(sum(done), abs=1e-8)  # all handling times are 1


def test_class_1_first_nearly_alone_is_erlang_a_of_both_groups() -> None:
    found = n_model((4, 6), (12, 1e-9), (0.5, 0.5), (1, 1), rule="class 1 first")
    alone = erlang_a(12, 0.5, 1, 10)
    assert found.waiting[0] == pytest.approx(float(alone.waiting), rel=1e-7)
    assert found.queue_length[0] == pytest.approx(float(alone.queue_length), rel=1e-7)
    assert sum(found.busy) == pytest.approx(float(alone.occupancy) * 10, rel=1e-7)


def test_class_2_nearly_alone_is_erlang_a_of_its_group() -> None:
    found = n_model((4, 6), (1e-9, 7), (1, 0.8), (1, 3), rule="class 2 first")
    alone = erlang_a(7, 0.8, 3, 6)
    assert found.waiting[1] == pytest.approx(float(alone.waiting), rel=1e-7)
    assert found.abandonment[1] == pytest.approx(float(alone.abandonment), rel=1e-7)


def test_what_is_no_n_model_is_refused() -> None:
    with pytest.raises(BadInput, match="'oldest' is no rule: class 1 first, class 2 first, longest queue"):
        n_model((1, 1), (1, 1), (1, 1), (1, 1), rule="oldest")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="two groups and two classes"):
        n_model((1, 1, 1), (1, 1), (1, 1), (1, 1), rule="longest queue")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="agents must be 1 at least"):
        n_model((0, 1), (1, 1), (1, 1), (1, 1), rule="longest queue")


def test_queues_longer_than_the_chain_are_refused() -> None:
    with pytest.raises(LimitReached, match="more than 80 callers wait in"):
        n_model((2, 2), (30, 30), (1, 1), (4, 4), rule="longest queue")
