import pytest

from marhaba.media.lateness import Lateness


def test_percentiles_are_within_a_bin_and_the_maximum_is_exact() -> None:
    lateness = Lateness()
    for n in range(1000):
        lateness.add(n / 100)  # 0 to 9.99 ms
    assert lateness.percentile(0.50) == pytest.approx(5.0, abs=0.11)
    assert lateness.percentile(0.99) == pytest.approx(9.9, abs=0.11)
    assert lateness.max_ms == 9.99
    assert lateness.late == 0


def test_only_what_begins_more_than_20_ms_late_counts_as_late() -> None:
    lateness = Lateness()
    for ms in (-0.4, 0.0, 20.0, 20.1, 5000.0):
        lateness.add(ms)
    assert lateness.late == 2
    assert lateness.max_ms == 5000.0


def test_before_the_first_tick_nothing_is_late() -> None:
    assert Lateness().percentile(0.99) == 0.0
