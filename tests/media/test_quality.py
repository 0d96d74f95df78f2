import pytest

from marhaba.media.quality import mos, mouth_to_ear_ms, rating


def test_the_worked_numbers_of_the_essay() -> None:
    assert rating(loss=0.0, delay_ms=100) == pytest.approx(90.8)
    assert mos(loss=0.0, delay_ms=100) == pytest.approx(4.36, abs=0.005)
    assert rating(loss=0.02, delay_ms=100) == pytest.approx(60.64, abs=0.005)
    assert mos(loss=0.02, delay_ms=100) == pytest.approx(3.13, abs=0.005)


def test_quality_falls_with_loss_and_with_delay_and_stays_on_its_scale() -> None:
    by_loss = [mos(loss=share, delay_ms=50) for share in (0, 0.01, 0.05, 0.2, 1.0)]
    by_delay = [mos(loss=0, delay_ms=ms) for ms in (0, 100, 177, 300, 2000)]
    for series in (by_loss, by_delay):
        assert series == sorted(series, reverse=True)
        assert len(set(series)) == len(series)
    assert 1.0 <= by_loss[-1] < by_loss[0] <= 4.5


def test_mouth_to_ear_is_the_frame_half_the_way_round_and_the_buffer() -> None:
    assert mouth_to_ear_ms(round_trip_ms=80, buffered_ms=30) == 90
