"""Prompts and music as they are heard: from their first 20 ms to their last, and by whom."""

import os
from pathlib import Path

import numpy as np
import pytest

from marhaba.media import g711
from marhaba.media.clips import PROMPTS_MAX
from marhaba.media.protocol import PCMA, PCMU, Hear, Music, Play, PlayEnded, StopPlay
from marhaba.media.testing import Phone, Studio
from marhaba.media.tones import tone_level_db
from tests.media.conftest import Maker
from tests.media.test_bridge import tone, tones_heard


def ended(studio: Studio) -> list[tuple[str, str]]:
    return [(event.tag, event.why) for event in studio.of(PlayEnded)]


@pytest.mark.parametrize("codec", [PCMA, PCMU])
def test_prompts_are_heard_one_after_the_other_and_then_ended(
    studio: Studio, make: Maker, codec: int
) -> None:
    first, second = tone(400)[:1600], tone(600)[:2400]
    a = studio.open("a", Phone(payload_type=codec))
    studio.tell(Play("a", "hello", [make("1.wav", first), make("2.wav", second)]))
    studio.step_until(lambda: bool(ended(studio)))
    assert ended(studio) == [("hello", "done")]
    table = a.codec
    # The files went through A-law; a mu-law leg hears that transcoded.
    expected = g711.encode(np.concatenate([first, second]), g711.A_LAW)
    if table == g711.MU_LAW:
        expected = g711.transcode(expected, g711.A_LAW)
    heard = np.frombuffer(b"".join(packet.payload for packet in a.received), np.uint8)
    start = next(
        n for n in range(0, len(heard), 160) if heard[n] != g711.SILENCE[table] or heard[n + 1] != heard[n]
    )
    assert heard[start : start + 4000].tolist() == expected.tolist()
    assert set(heard[start + 4000 :].tolist()) <= {g711.SILENCE[table]}


def test_a_prompt_is_heard_instead_of_the_others_who_are_heard_again_after_it(
    studio: Studio, make: Maker
) -> None:
    a, b = studio.open("a", Phone()), studio.open("b", Phone())
    studio.talk("a", "b")
    a.speak(tone(400))
    b.speak(tone(600))
    path = make("p.wav", np.tile(tone(1000), 2))
    studio.tell(Play("a", "x", [path]))
    studio.step_until(lambda: tone_level_db(a.heard()[-160:], 1000) > -20)
    studio.forget()
    studio.step(50)
    assert tones_heard(a, among=[400, 600, 1000]) == {1000}
    assert tones_heard(b, among=[400, 600, 1000]) == {400}
    studio.step_until(lambda: bool(ended(studio)))
    studio.forget()
    studio.step(50)
    assert tones_heard(a, among=[400, 600, 1000]) == {600}


def test_a_prompt_stops_when_told_and_when_another_begins_and_each_is_ended_once(
    studio: Studio, make: Maker
) -> None:
    a = studio.open("a", Phone())
    path = make("p.wav", np.tile(tone(1000), 2))
    studio.tell(Play("a", "one", [path]))
    studio.step_until(lambda: tone_level_db(a.heard()[-160:], 1000) > -20)
    studio.tell(Play("a", "two", [path]))
    studio.step(5)
    studio.tell(StopPlay("a"), StopPlay("a"))
    assert ended(studio) == [("one", "stopped"), ("two", "stopped")]
    studio.step(1)
    studio.forget()
    studio.step(20)
    assert np.abs(a.heard()).max() <= 8
    studio.tell(Play("a", "three", [path]))
    studio.shut("a")
    assert ended(studio) == [("three", "stopped")]


@pytest.mark.parametrize("content", [None, b"", b"RIFF nonsense"])
def test_a_file_that_cannot_be_read_ends_the_whole_prompt_unheard(
    studio: Studio, make: Maker, tmp_path: Path, content: bytes | None
) -> None:
    a = studio.open("a", Phone())
    good, bad = make("good.wav", tone(400)), tmp_path / "bad.wav"
    if content is not None:
        bad.write_bytes(content)
    studio.tell(Play("a", "x", [good, str(bad)]))
    studio.step_until(lambda: bool(ended(studio)))
    assert ended(studio) == [("x", "missing")]
    assert np.abs(a.heard()).max() <= 8


def test_a_missing_file_that_has_come_is_played_at_the_next_asking(
    studio: Studio, make: Maker, tmp_path: Path
) -> None:
    studio.open("a", Phone())
    path = str(tmp_path / "p.wav")
    studio.tell(Play("a", "before", [path]))
    studio.step_until(lambda: bool(ended(studio)))
    make("p.wav", tone(400)[:320])
    studio.tell(Play("a", "after", [path]))
    studio.step_until(lambda: len(ended(studio)) == 2)
    assert ended(studio) == [("before", "missing"), ("after", "done")]


def test_nothing_to_play_ends_at_once_and_too_much_is_refused(studio: Studio, make: Maker) -> None:
    studio.open("a", Phone())
    studio.tell(Play("a", "none", []), Play("a", "many", [make("p.wav", tone(400))] * (PROMPTS_MAX + 1)))
    assert ended(studio) == [("none", "done"), ("many", "missing")]


def test_a_replaced_file_is_heard_from_a_later_play_on(studio: Studio, make: Maker) -> None:
    a = studio.open("a", Phone())
    path = make("p.wav", tone(400))
    studio.tell(Play("a", "1", [path]))
    studio.step_until(lambda: len(ended(studio)) == 1)
    make("p.wav", tone(600))
    os.utime(path, ns=(1, 1))
    studio.step(150)  # past the time in which nobody looks at the file
    studio.tell(Play("a", "2", [path]))
    studio.step_until(lambda: len(ended(studio)) == 2)
    studio.forget()
    studio.tell(Play("a", "3", [path]))
    studio.step(50)
    assert tones_heard(a, among=[400, 600]) == {600}


def test_music_loops_while_nobody_is_heard_and_pauses_for_a_prompt(studio: Studio, make: Maker) -> None:
    a, b = studio.open("a", Phone()), studio.open("b", Phone(payload_type=PCMU))
    music = make("music.wav", tone(400))
    for leg in "ab":
        studio.tell(Music(leg, music))
    studio.step_until(lambda: tone_level_db(a.heard()[-160:], 400) > -20)
    studio.forget()
    studio.step(200)  # four times round, without a seam
    for phone in (a, b):
        assert tones_heard(phone, among=[400]) == {400}
        frames = phone.heard().reshape(-1, 160)
        assert (np.abs(frames).max(axis=1) > 7000).all()
    studio.tell(Play("a", "x", [make("p.wav", tone(600))]))
    studio.step_until(lambda: tone_level_db(a.heard()[-160:], 600) > -20)
    studio.forget()
    studio.step(40)
    assert tones_heard(a, among=[400, 600]) == {600}
    assert tones_heard(b, among=[400, 600]) == {400}
    studio.step_until(lambda: bool(ended(studio)))
    studio.forget()
    studio.step(50)
    assert tones_heard(a, among=[400, 600]) == {400}


def test_music_gives_way_to_a_voice_and_an_empty_path_ends_it(studio: Studio, make: Maker) -> None:
    a, b = studio.open("a", Phone()), studio.open("b", Phone())
    b.speak(tone(600))
    studio.tell(Music("a", make("music.wav", tone(400))))
    studio.step_until(lambda: tone_level_db(a.heard()[-160:], 400) > -20)
    for command, expected in (
        (Hear("a", ["b"]), {600}),
        (Hear("a", []), {400}),
        (Music("a", ""), set()),
    ):
        studio.tell(command)
        studio.step(2)
        studio.forget()
        studio.step(50)
        assert tones_heard(a, among=[400, 600]) == expected
    assert b.received != []
