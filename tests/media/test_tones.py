"""A tone that was made is found again: its frequency, its level, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marhaba.media.tones import DTMF_HZ, LEVEL_DB_MIN, level_db, make_digit, make_tone, tone_level_db
from marhaba.media.wav import read_channels


@pytest.mark.parametrize("level", [0.0, -3.0, -12.0, -30.0, -60.0])
@pytest.mark.parametrize("hz", [300.0, 425.0, 1000.0, 1004.5, 3400.0])
def test_a_tone_has_the_level_it_was_made_with(hz: float, level: float) -> None:
    assert tone_level_db(make_tone(hz, seconds=1.0, level=level), hz) == pytest.approx(level, abs=0.1)


def test_a_full_scale_sine_has_a_level_of_3_db_below_a_square_wave() -> None:
    square = np.tile(np.array([32767, -32767], dtype=np.int16), 4000)
    assert level_db(square) == pytest.approx(0.0, abs=0.01)
    assert level_db(make_tone(1000, seconds=2.0, level=0.0)) == pytest.approx(-3.01, abs=0.05)


def test_a_tone_is_told_from_its_neighbour() -> None:
    sound = make_tone(440, seconds=1.0, level=-10)
    assert tone_level_db(sound, 450) < -55
    assert tone_level_db(sound, 880) < -90


def test_two_tones_are_measured_apart() -> None:
    sound = make_tone(440, seconds=1.0, level=-10) + make_tone(660, seconds=1.0, level=-25)
    assert tone_level_db(sound, 440) == pytest.approx(-10, abs=0.1)
    assert tone_level_db(sound, 660) == pytest.approx(-25, abs=0.1)


def test_noise_holds_no_tone() -> None:
    noise = np.random.default_rng(7).normal(0, 3000, 8000)
    assert level_db(noise) == pytest.approx(-20.8, abs=0.2)
    assert max(tone_level_db(noise, hz) for hz in range(300, 3400, 50)) < -40


@pytest.mark.parametrize("samples", [[], [0], [0] * 160])
def test_silence_has_the_lowest_level(samples: list[int]) -> None:
    assert tone_level_db(samples, 440) == LEVEL_DB_MIN
    assert level_db(samples) == LEVEL_DB_MIN


def test_a_tone_starts_and_ends_without_a_click() -> None:
    sound = make_tone(1000, seconds=0.5, level=0.0).astype(np.int64)
    edge = np.concatenate([[0], sound[:10]]), np.concatenate([sound[-10:], [0]])
    assert max(np.max(np.abs(np.diff(part))) for part in edge) < 6000  # the middle steps by up to 23,000
    assert len(make_tone(1000, seconds=0.0)) == 0
    assert len(make_tone(1000, seconds=1 / 8000)) == 1


def test_too_loud_a_sum_is_clipped_and_does_not_wrap() -> None:
    sound = make_tone(500, 700, seconds=0.2, level=0.0)
    assert sound.max() == 32767
    assert np.max(np.abs(np.diff(sound.astype(np.int64)))) < 40000


@pytest.mark.parametrize("key", sorted(DTMF_HZ))
def test_a_key_is_its_two_tones_and_no_other(key: str) -> None:
    sound = make_digit(key, seconds=0.2)
    heard = {hz for pair in DTMF_HZ.values() for hz in pair if tone_level_db(sound, hz) > -20}
    assert heard == set(DTMF_HZ[key])


def test_keys_are_where_the_recommendation_puts_them() -> None:
    assert (DTMF_HZ["1"], DTMF_HZ["5"], DTMF_HZ["#"]) == ((697, 1209), (770, 1336), (941, 1477))


def test_another_program_makes_a_tone_we_measure_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    subprocess.run(
        ["sox", "-n", "-r", "8000", "-b", "16", str(path), "synth", "1", "sine", "1000", "gain", "-10"],
        check=True,
        capture_output=True,
    )
    (sound,), _ = read_channels(path)
    assert tone_level_db(sound, 1000) == pytest.approx(-10, abs=0.1)


@given(st.floats(200, 3800), st.floats(-50, 0), st.sampled_from([8000, 16000, 48000]))
def test_any_tone_at_any_rate_is_found(hz: float, level: float, rate: int) -> None:
    sound = make_tone(hz, seconds=0.5, level=level, rate=rate)
    assert tone_level_db(sound, hz, rate) == pytest.approx(level, abs=0.2)
