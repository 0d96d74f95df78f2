"""The routing bench keeps the floor as full as it says."""

from marhaba.cli.bench_routing import EVENTS, WAITING, bench_routing


def test_the_bench_measures_a_full_floor_that_decides() -> None:
    report = bench_routing()
    figures = report["figures"]
    assert report["targets"].keys() <= figures.keys()
    assert WAITING - 5 <= figures["waiting_mean"] <= WAITING
    assert EVENTS / 10 < figures["decisions"] < EVENTS
    assert 0 < figures["decision_ms_p50"] <= figures["decision_ms_p99"] <= figures["decision_ms_max"]
