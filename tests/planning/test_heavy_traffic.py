"""The limits of large groups."""

from __future__ import annotations

import numpy as np
import pytest

from marhaba.kernel.errors import BadInput
from marhaba.planning.erlang import erlang_a, erlang_c
from marhaba.planning.heavy_traffic import beta_for_waiting, garnett, halfin_whitt, square_root_staffing

BETA = np.array([0.5, 1, 2])


def test_the_limits_as_known() -> None:
    assert halfin_whitt(BETA) == pytest.approx([0.504538640998, 0.223361274798, 0.0268813624294], rel=1e-11)
    known = [
        [0.357176920127, 0.308537538726, 0.25794266894],
        [0.178957677138, 0.158655253931, 0.135640810117],
        [0.0243992284672, 0.0227501319482, 0.0205061047281],
    ]
    assert garnett(BETA[:, None], [0.5, 1, 2]) == pytest.approx(np.array(known), rel=1e-10)


def test_a_hundred_thousand_agents_are_nearly_the_limit() -> None:
    n = np.array([99_000.0, 99_800, 100_000])
    for beta in (0.3, 1.0):
        load = n - beta * np.sqrt(n)
        assert erlang_c(load, 1, n).waiting == pytest.approx(float(halfin_whitt(beta)), rel=5e-3)
        assert erlang_a(load, 1, 2, n).waiting == pytest.approx(float(garnett(beta, 0.5)), rel=5e-3)


def test_beta_is_found_back() -> None:
    assert beta_for_waiting(halfin_whitt(BETA)) == pytest.approx(BETA, rel=1e-12)
    wide = np.array([-3, -0.5, 0, 0.5, 4])
    assert beta_for_waiting(garnett(wide, 0.7), 0.7) == pytest.approx(wide, abs=1e-9)
    assert beta_for_waiting([0.2, 0.2], [0, 1]).tolist() == pytest.approx([1.06151628, 0.84162123])


def test_far_out_all_or_nobody_waits() -> None:
    assert garnett([-1000, 1000], 1).tolist() == [1, 0]
    assert halfin_whitt(1000) == 0


def test_square_root_staffing() -> None:
    assert square_root_staffing([100, 25, 0, 4], [1, 0.5, 2, -3]).tolist() == [110, 28, 0, 0]


def test_what_has_no_limit_is_refused() -> None:
    with pytest.raises(BadInput, match="beta must be above 0"):
        halfin_whitt(0)
    with pytest.raises(BadInput, match="leaving ratio must be above 0"):
        garnett(1, 0)
    with pytest.raises(BadInput, match="waiting must lie between 0 and 1"):
        beta_for_waiting(1)
