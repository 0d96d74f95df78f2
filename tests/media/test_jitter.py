"""The jitter buffer under networks that are known exactly: what is heard, and how late."""

import random
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from marhaba.media import g711
from marhaba.media.reception import FEW
from marhaba.media.testing import Phone, Studio

SPEECH = np.random.default_rng(5).integers(-9000, 9000, 8000 * 20).astype(np.int16)
"""Noise: every 20 ms of it is unlike any other, and none is silent."""


@pytest.fixture(params=["alone", "in-a-crowd"])
def studio(request: pytest.FixtureRequest) -> Iterator[Studio]:
    """Few packets a tick are taken one by one, many at once: both must hear the same."""
    made = Studio()
    if request.param == "in-a-crowd":
        for n in range(FEW + 2):
            made.open(f"crowd-{n}", Phone(ssrc=n)).speak(np.zeros(160, np.int16))
    yield made
    made.close()


def frames_of(samples: NDArray[np.int16]) -> NDArray[np.uint8]:
    return g711.encode(samples, g711.A_LAW).reshape(-1, 160)


SPOKEN = {frame.tobytes(): n for n, frame in enumerate(frames_of(SPEECH))}


def listen(studio: Studio, phone: Phone, ticks: int) -> list[int | None]:
    """Which frame of SPEECH the other side heard in each tick; None for anything else."""
    studio.open("a", phone)
    other = studio.open("b", Phone())
    studio.talk("a", "b")
    phone.speak(SPEECH, loop=False)
    studio.step(ticks)
    return [SPOKEN.get(packet.payload) for packet in other.received]


def delays(heard: list[int | None]) -> list[int]:
    """Ticks from the mouth to the wire, of the frames that were heard."""
    return [tick - frame for tick, frame in enumerate(heard) if frame is not None]


def once_each(heard: list[int | None]) -> bool:
    frames = [frame for frame in heard if frame is not None]
    return frames == sorted(set(frames))


def test_a_perfect_line_is_heard_whole_after_40_ms(studio: Studio) -> None:
    heard = listen(studio, Phone(), 200)
    assert heard == [None, None, *range(198)]


@pytest.mark.parametrize("octets", [80, 240, 320, 480])
def test_packets_of_other_lengths_are_heard_whole(studio: Studio, octets: int) -> None:
    heard = listen(studio, Phone(frame=octets), 200)
    start = heard.index(0)
    assert heard[start:] == list(range(200 - start))
    assert start <= 5


def test_sequence_numbers_and_timestamps_may_wrap(studio: Studio) -> None:
    heard = listen(studio, Phone(sequence=65_500, timestamp=(1 << 32) - 4000), 200)
    assert heard == [None, None, *range(198)]
    stats = studio.engine.stats()["a"]
    assert (stats.received, stats.lost, stats.late, stats.jitter_ms) == (200, 0, 0, 0.0)


@pytest.mark.parametrize("seed", range(8))
def test_jitter_of_60_ms_is_absorbed_after_the_first_packets(studio: Studio, seed: int) -> None:
    rng = random.Random(seed)
    phone = Phone(delay=lambda n: rng.randrange(4))
    heard = listen(studio, phone, 600)
    assert once_each(heard)
    settled = heard[100:]
    assert settled.count(None) <= 5
    assert max(delays(heard)[100:]) <= 8
    phone.hush()
    studio.step(4)  # the last packets arrive
    stats = studio.engine.stats()["a"]
    assert stats.lost == 0
    assert 10 < stats.jitter_ms < 40


@pytest.mark.parametrize("seed", range(4))
def test_reordering_loses_nothing_once_the_buffer_knows_of_it(studio: Studio, seed: int) -> None:
    rng = random.Random(seed)
    heard = listen(studio, Phone(delay=lambda n: 1 if rng.random() < 0.1 else 0), 600)
    assert once_each(heard)
    assert heard[2:].count(None) == 0
    assert studio.engine.stats()["a"].lost == 0


def test_a_lost_packet_is_concealed_by_the_fading_last_one_and_costs_no_delay(studio: Studio) -> None:
    phone = Phone(delay=lambda n: None if n in (50, 60, 61, 62) else 0)
    heard = listen(studio, phone, 200)
    assert heard == [None, None, *(n if n not in (50, 60, 61, 62) else None for n in range(198))]
    other = studio.phones["b"].received
    for lost, before, share in ((50, 49, 0.5), (60, 59, 0.5), (61, 59, 0.25), (62, 59, 0.0)):
        concealed = g711.decode(np.frombuffer(other[lost + 2].payload, np.uint8), g711.A_LAW).astype(float)
        last = g711.decode(np.frombuffer(other[before + 2].payload, np.uint8), g711.A_LAW).astype(float)
        assert np.abs(concealed - share * last).max() <= max(0.05 * np.abs(last).max() * share, 16)
    stats = studio.engine.stats()["a"]
    assert (stats.received, stats.lost) == (196, 4)


@pytest.mark.parametrize("seed", range(4))
def test_five_percent_of_loss_costs_exactly_what_was_lost(studio: Studio, seed: int) -> None:
    rng = random.Random(seed)
    lost: set[int] = set()

    def delay(n: int) -> int | None:
        if rng.random() < 0.05:
            lost.add(n)
            return None
        return 0

    heard = listen(studio, Phone(delay=delay), 500)
    frames = [frame for frame in heard if frame is not None]
    assert frames == [n for n in range(frames[-1] + 1) if n not in lost]
    assert set(delays(heard)) == {2, 1}  # the missing frame took the place of a pause to leave out


def test_duplicates_are_heard_once(studio: Studio) -> None:
    phone = Phone()
    twice = phone.send
    phone.send = lambda data: (twice(data), twice(data))  # type: ignore[method-assign,assignment,func-returns-value]
    heard = listen(studio, phone, 100)
    assert heard == [None, None, *range(98)]
    stats = studio.engine.stats()["a"]
    assert (stats.received, stats.lost) == (100, 0)


def test_one_late_packet_makes_the_buffer_wait_for_it_and_nothing_is_lost(studio: Studio) -> None:
    heard = listen(studio, Phone(delay=lambda n: max(0, 6 - (n - 50)) if n >= 50 else 0), 100)
    frames = [frame for frame in heard if frame is not None]
    assert frames == list(range(frames[-1] + 1))  # none is missing: the gap was heard as a pause
    assert delays(heard)[-1] > 2


def test_the_delay_a_stall_brought_goes_away_in_the_pauses_of_speech(studio: Studio) -> None:
    speech = SPEECH.copy().reshape(-1, 160)
    speech[np.arange(len(speech)) % 50 >= 40] = 0  # 0.8 s of speech, 0.2 s of pause
    phone = Phone(delay=lambda n: max(0, 8 - (n - 100)) if 100 <= n < 108 else 0)
    studio.open("a", phone)
    other = studio.open("b", Phone())
    studio.talk("a", "b")
    phone.speak(speech.reshape(-1), loop=False)
    studio.step(900)
    heard = [SPOKEN.get(packet.payload) for packet in other.received]
    by_tick = {tick: tick - frame for tick, frame in enumerate(heard) if frame is not None}
    after_stall = max(delay for tick, delay in by_tick.items() if 110 < tick < 150)
    at_end = [delay for tick, delay in by_tick.items() if tick > 850]
    assert after_stall >= 6
    assert set(at_end) == {1}
    assert once_each(heard)
    spoken = {n for n in range(800) if n % 50 < 40}
    assert spoken <= set(heard)  # what was left out was silence alone


def test_a_stall_longer_than_people_bear_is_not_played_later(studio: Studio) -> None:
    heard = listen(studio, Phone(delay=lambda n: max(0, 40 - (n - 100)) if 100 <= n < 140 else 0), 300)
    assert max(delays(heard)) <= 14
    assert once_each(heard)
    assert heard[-50:].count(None) == 0


@pytest.mark.parametrize("drift", [1.002, 0.998])
def test_a_clock_that_runs_fast_or_slow_is_followed(studio: Studio, drift: float) -> None:
    phone = Phone()
    studio.open("a", phone)
    other = studio.open("b", Phone())
    studio.talk("a", "b")
    pauses = SPEECH.reshape(-1, 160).copy()
    pauses[::10] = 0
    phone.speak(pauses.reshape(-1), loop=False)
    step, done = phone.step, 0
    phone.step = lambda: None  # type: ignore[method-assign]
    waits = []
    for tick in range(900):
        while done < tick * drift:
            step()
            done += 1
        studio.step()
        heard = SPOKEN.get(other.received[-1].payload)
        if heard is not None:
            waits.append(done - heard)
    assert min(waits[100:]) >= 1
    assert max(waits[100:]) <= 5
    assert studio.engine.stats()["a"].late <= 3


@pytest.mark.parametrize("gap", [5, 40, 200])
def test_silence_suppression_is_silence_and_speech_after_it_is_whole(studio: Studio, gap: int) -> None:
    heard = listen(studio, Phone(delay=lambda n: None if 100 <= n < 100 + gap else 0), 400)
    assert heard[:102] == [None, None, *range(100)]
    assert heard[101 + gap :] == list(
        range(100 + gap, 399)
    )  # the silence was a pause in which to grow shallower


@pytest.mark.parametrize(
    "change",
    [
        {"ssrc": 1},
        {"ssrc": 1, "sequence": 30_000, "timestamp": 1 << 31},
        {"sequence": 30_000, "timestamp": 800_000},
        {"timestamp": 8_000_000},
        {"timestamp": -8_000_000},
        {"timestamp": -8_000},
        {"timestamp": 77},
    ],
    ids=str,
)
@pytest.mark.parametrize("pause", [0, 25])
def test_a_stream_that_starts_anew_is_heard_again_at_once(
    studio: Studio, change: dict[str, int], pause: int
) -> None:
    phone = Phone()
    studio.open("a", phone)
    other = studio.open("b", Phone())
    studio.talk("a", "b")
    phone.speak(SPEECH, loop=False)
    studio.step(100)
    for name, by in change.items():
        setattr(phone, name, (getattr(phone, name) + by) & (0xFFFF if name == "sequence" else 0xFFFFFFFF))
    phone.speak(SPEECH[160 * 300 :], loop=False)
    phone.delay = lambda n: 0
    step = phone.step
    phone.step = lambda: None  # type: ignore[method-assign]
    studio.step(pause)
    phone.step = step  # type: ignore[method-assign]
    other.forget()
    studio.step(100)
    heard = [packet.payload for packet in other.received]
    if change != {"timestamp": 77}:  # cut off the frame's grid until the next pause: other frames, same sound
        frames = [SPOKEN.get(payload) for payload in heard]
        new = [frame for frame in frames if frame is not None and frame >= 300]
        assert new[0] <= 308
        assert new == list(range(new[0], new[-1] + 1))
        assert new[-1] >= 394
    sound = np.concatenate([g711.decode(np.frombuffer(p, np.uint8), g711.A_LAW) for p in heard[20:]])
    assert np.abs(sound.reshape(-1, 160)).max(axis=1).min() > 4000  # no silent frame


def test_a_single_packet_of_a_stranger_source_does_not_take_the_stream_over(studio: Studio) -> None:
    phone = Phone()
    studio.open("a", phone)
    other = studio.open("b", Phone())
    studio.talk("a", "b")
    phone.speak(SPEECH, loop=False)
    for tick in range(100):
        if tick % 10 == 5:
            ours, phone.ssrc = phone.ssrc, tick
            phone.send(phone.packet(b"\x2a" * 160))
            phone.sequence, phone.ssrc = phone.sequence - 1, ours
        studio.step()
    assert [SPOKEN.get(packet.payload) for packet in other.received] == [None, None, *range(98)]
