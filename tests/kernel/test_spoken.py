"""Places and waits as recorded phrases."""

import pytest

from marhaba.kernel.spoken import position, wait_between


@pytest.mark.parametrize(
    ("place", "ids"),
    [
        (1, ["position-next"]),
        (2, ["position-is", "number-2"]),
        (50, ["position-is", "number-50"]),
        (51, ["position-many"]),
    ],
)
def test_a_place_in_line(place: int, ids: list[str]) -> None:
    assert position(place) == ids


@pytest.mark.parametrize(
    ("low", "high", "ids"),
    [
        (0, 30, ["wait-less-than", "minutes-1"]),
        (30, 150, ["wait-less-than", "minutes-3"]),
        (180, 180, ["wait-about", "minutes-3"]),
        (180, 350, ["wait-between", "minutes-3", "wait-and", "minutes-6"]),
        (600, 1801, []),
    ],
)
def test_a_wait_is_rounded_outwards_to_minutes(low: float, high: float, ids: list[str]) -> None:
    assert wait_between(low, high) == ids
