"""The wait that a share of callers stays within."""

from __future__ import annotations

import math

import numpy as np
import pytest

from marhaba.kernel.errors import BadInput
from marhaba.planning.erlang import erlang_a
from marhaba.planning.wait_percentile import wait_percentile


def test_the_ninetieth_percentile_of_erlang_c() -> None:
    assert wait_percentile(0.9, 48, 1, 50) == pytest.approx(0.968979, abs=5e-7)  # 58.1 s


def test_nobody_waits_where_fewer_than_the_rest_have_to() -> None:
    assert wait_percentile([0.2, 0.5], 48, 1, 50, [math.inf, 2]).tolist() == [0.0, 0.0]


def test_queues_without_end_calls_or_agents() -> None:
    found = wait_percentile(
        0.5, [60, 0, 3, 3, 50], 1, [50, 5, 0, 0, 50], [math.inf, 2, 2, math.inf, math.inf]
    )
    assert found.tolist() == [math.inf, 0, pytest.approx(2 * math.log(2)), math.inf, math.inf]


def test_from_light_load_to_far_overload_and_to_the_last_caller() -> None:
    share = np.array([0.1, 0.5, 0.99, 1 - 1e-9])
    case = [np.array(x)[:, None] for x in ((120, 100, 1000, 13.0), (100, 100, 100, 20), (1, 1e6, 0.01, 4))]
    wait = wait_percentile(share, case[0] / 3, 3, case[1], 3 * case[2])
    left = erlang_a(case[0] / 3, 3, 3 * case[2], case[1], threshold=wait)
    assert left.waiting_beyond[:3] == pytest.approx(np.broadcast_to(1 - share, (3, 4)), rel=1e-9)
    assert (wait[3] > 0).tolist() == [False, False, True, True]


def test_very_patient_callers_of_an_overloaded_queue_wait_as_long_as_the_digits_say() -> None:
    """The wait is 4e8 handling times, give or take 50: in differences of large numbers they would be lost."""
    wait = wait_percentile(0.9, 356_104, 1, 74_023, 2.765e8)
    assert erlang_a(356_104, 1, 2.765e8, 74_023, threshold=wait).waiting_beyond == pytest.approx(
        0.1, rel=1e-8
    )


def test_a_share_of_all_is_no_percentile() -> None:
    with pytest.raises(BadInput, match="share must lie between 0 and 1"):
        wait_percentile(1.0, 48, 1, 50)
