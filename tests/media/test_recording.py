"""Recordings: each side on its channel, every tick in its place, whatever else happens."""

from pathlib import Path

import numpy as np
import pytest

from marhaba.media.engine import EngineSettings
from marhaba.media.protocol import (
    PCMA,
    PCMU,
    Digit,
    Hear,
    MessageEnded,
    PauseRecord,
    Record,
    RecordEnded,
    RecordMessage,
    RecordSides,
    StopRecord,
    Trouble,
)
from marhaba.media.testing import Phone, Studio
from marhaba.media.tones import tone_level_db
from marhaba.media.wav import read_channels
from tests.media.test_bridge import tone
from tests.media.test_keys import press

LEVEL = pytest.approx(-12.0, abs=0.3)


def talking(studio: Studio, codec: int = PCMA) -> tuple[Phone, Phone]:
    caller = studio.open("caller", Phone())
    agent = studio.open("agent", Phone(payload_type=codec))
    studio.talk("caller", "agent")
    caller.speak(tone(400))
    agent.speak(tone(600))
    studio.step(10)
    return caller, agent


def stop(studio: Studio, recording: str = "r") -> RecordEnded:
    studio.tell(StopRecord(recording))
    studio.step_until(lambda: bool(studio.of(RecordEnded)))
    (ended,) = studio.of(RecordEnded)
    return ended


@pytest.mark.parametrize("codec", [PCMA, PCMU])
def test_the_caller_is_left_and_the_agent_right(studio: Studio, tmp_path: Path, codec: int) -> None:
    talking(studio, codec)
    path = str(tmp_path / "r.wav")
    studio.tell(Record("r", path, "caller", ["agent"]))
    studio.step(150)
    assert stop(studio) == RecordEnded("r", path, 3.0)
    (left, right), rate = read_channels(path)
    assert (rate, len(left), len(right)) == (8000, 24_000, 24_000)
    assert (tone_level_db(left, 400), tone_level_db(right, 600)) == (LEVEL, LEVEL)
    assert max(tone_level_db(left, 600), tone_level_db(right, 400)) < -60


@pytest.mark.parametrize("ticks", [1, 49, 50, 51, 99, 100, 101, 123])
def test_a_recording_lasts_exactly_its_ticks(studio: Studio, tmp_path: Path, ticks: int) -> None:
    talking(studio)
    studio.step(7)
    for n in range(3):
        studio.tell(Record(f"r{n}", str(tmp_path / f"{n}.wav"), "caller", ["agent"]))
    studio.step(ticks)
    for n in range(3):
        studio.tell(StopRecord(f"r{n}"))
    studio.step_until(lambda: len(studio.of(RecordEnded)) == 3)
    for n in range(3):
        channels, _ = read_channels(tmp_path / f"{n}.wav")
        assert [len(channel) for channel in channels] == [160 * ticks] * 2
        assert np.abs(channels[0].reshape(-1, 160)).max(axis=1).min() > 7000  # no hole


def test_the_right_channel_holds_the_sum_of_the_agents_side(studio: Studio, tmp_path: Path) -> None:
    talking(studio)
    studio.open("expert", Phone()).speak(tone(1000))
    studio.step(10)
    studio.tell(Record("r", str(tmp_path / "r.wav"), "caller", ["agent", "expert"]))
    studio.step(50)
    stop(studio)
    (left, right), _ = read_channels(tmp_path / "r.wav")
    assert [tone_level_db(right, hz) for hz in (600, 1000)] == [LEVEL, LEVEL]
    assert tone_level_db(left, 400) == LEVEL


def test_a_pause_is_silence_on_both_channels_and_keeps_the_time(studio: Studio, tmp_path: Path) -> None:
    talking(studio)
    studio.tell(Record("r", str(tmp_path / "r.wav"), "caller", ["agent"], paused=True))
    studio.step(40)
    studio.tell(PauseRecord("r", False))
    studio.step(60)
    studio.tell(PauseRecord("r", True))
    studio.step(75)
    studio.tell(PauseRecord("r", False))
    studio.step(25)
    assert stop(studio).seconds == 4.0
    channels, _ = read_channels(tmp_path / "r.wav")
    for channel in channels:
        heard = np.abs(channel.reshape(-1, 160)).max(axis=1) > 7000
        assert heard.tolist() == [False] * 40 + [True] * 60 + [False] * 75 + [True] * 25
        assert set(np.abs(channel.reshape(-1, 160)[100:175]).ravel().tolist()) == {8}


def test_channels_follow_a_transfer(studio: Studio, tmp_path: Path) -> None:
    talking(studio)
    second = studio.open("second", Phone())
    second.speak(tone(1000))
    studio.tell(Record("r", str(tmp_path / "r.wav"), "caller", ["agent"]))
    studio.step(50)
    studio.tell(Hear("caller", ["second"]), RecordSides("r", "caller", ["second"]))
    studio.shut("agent")
    studio.step(50)
    stop(studio)
    (left, right), _ = read_channels(tmp_path / "r.wav")
    assert tone_level_db(left, 400) == LEVEL
    assert (tone_level_db(right[:8000], 600), tone_level_db(right[8000:], 1000)) == (LEVEL, LEVEL)
    assert tone_level_db(right[8000:], 600) < -60


def test_music_and_prompts_are_not_recorded_and_a_silent_side_is_silence(
    studio: Studio, tmp_path: Path
) -> None:
    caller, agent = talking(studio)
    agent.hush()
    studio.step(10)
    studio.tell(Record("r", str(tmp_path / "r.wav"), "caller", ["agent"]))
    studio.step(50)
    stop(studio)
    (left, right), _ = read_channels(tmp_path / "r.wav")
    assert np.abs(right).max() == 8
    assert tone_level_db(left, 400) == LEVEL
    assert caller.received != []


def test_a_second_of_sound_is_in_the_file_before_the_recording_ends(studio: Studio, tmp_path: Path) -> None:
    talking(studio)
    path = tmp_path / "r.wav"
    studio.tell(Record("r", str(path), "caller", ["agent"]))
    studio.step(120)
    studio.step_until(lambda: path.exists() and path.stat().st_size >= 16_000)
    channels, _ = read_channels(path)  # as a restart would find it
    assert tone_level_db(channels[0], 400) == LEVEL


def test_a_disk_that_refuses_is_told_once_and_the_call_goes_on(studio: Studio, tmp_path: Path) -> None:
    talking(studio)
    path = str(tmp_path / "no" / "such" / "folder" / "r.wav")
    studio.tell(Record("r", path, "caller", ["agent"]))
    studio.step_until(lambda: bool(studio.of(Trouble)))
    studio.step(100)
    ended = stop(studio)
    assert [(trouble.about, trouble.code) for trouble in studio.of(Trouble)] == [("r", "disk")]
    assert (ended.seconds, "No such file" in ended.error) == (0.0, True)
    assert studio.engine.stats()["caller"].lost == 0


def test_a_folder_that_comes_late_gets_the_whole_time_line(studio: Studio, tmp_path: Path) -> None:
    talking(studio)
    path = tmp_path / "late" / "r.wav"
    studio.tell(Record("r", str(path), "caller", ["agent"]))
    studio.step(110)
    studio.step_until(lambda: studio.engine._writer._taken_bytes >= 32_000)
    path.parent.mkdir()
    studio.step(200)
    ended = stop(studio)
    channels, _ = read_channels(path)
    assert len(channels[0]) == round(ended.seconds * 8000)
    assert len(channels[0]) >= 200 * 160
    assert tone_level_db(channels[0][-8000:], 400) == LEVEL
    assert np.abs(channels[0][:160]).max() == 8  # what the disk did not take is silence


def test_recordings_have_a_limit_and_a_name_is_recorded_once(tmp_path: Path) -> None:
    studio = Studio(settings=EngineSettings(legs_max=24, recordings_max=2))
    talking(studio)
    for n in (0, 0, 1, 2):
        studio.tell(Record(f"r{n}", str(tmp_path / f"{n}.wav"), "caller", ["agent"]))
    assert [(trouble.about, trouble.code) for trouble in studio.of(Trouble)] == [
        ("r0", "limit"),
        ("r2", "limit"),
    ]
    studio.tell(StopRecord("r9"), PauseRecord("r9", True), RecordSides("r9", "a", []))
    assert [trouble.code for trouble in studio.of(Trouble)[2:]] == ["no-such-recording"] * 3
    studio.close()
    assert {event.recording for event in studio.of(RecordEnded)} == {"r0", "r1"}


def leave_message(studio: Studio, tmp_path: Path, **limits: float) -> Phone:
    phone = studio.open("a", Phone(payload_type=PCMU))
    phone.speak(tone(400))
    studio.step(10)
    studio.tell(RecordMessage("m", str(tmp_path / "m.wav"), "a", **limits))
    return phone


def message(studio: Studio) -> MessageEnded:
    studio.step_until(lambda: bool(studio.of(MessageEnded)))
    (ended,) = studio.of(MessageEnded)
    return ended


def test_a_message_ends_with_the_hash_key_which_is_no_part_of_it(studio: Studio, tmp_path: Path) -> None:
    phone = leave_message(studio, tmp_path)
    studio.step(80)
    press(studio, phone, "#")
    ended = message(studio)
    (sound,), _ = read_channels(tmp_path / "m.wav")
    assert (ended.recording, ended.why, len(sound)) == ("m", "key", round(ended.seconds * 8000))
    assert 1.6 <= ended.seconds <= 1.7
    assert tone_level_db(sound, 400) == LEVEL
    assert [event.digit for event in studio.of(Digit)] == ["#"]


def test_a_message_ends_by_length_by_silence_and_with_the_leg(studio: Studio, tmp_path: Path) -> None:
    leave_message(studio, tmp_path, seconds_max=1.5)
    assert (message(studio).why, message(studio).seconds) == ("length", 1.5)
    studio.events.clear()
    studio.tell(RecordMessage("m2", str(tmp_path / "m2.wav"), "a", silence_s_max=1.0))
    studio.step(50)
    studio.phones["a"].hush()
    ended = message(studio)
    assert ended.why == "silence"
    assert 2.0 <= ended.seconds <= 2.1
    studio.events.clear()
    studio.tell(RecordMessage("m3", str(tmp_path / "m3.wav"), "a"))
    studio.step(30)
    studio.shut("a")
    ended = message(studio)
    assert (ended.why, ended.seconds) == ("closed", 0.6)


def test_a_message_the_disk_refuses_ends_as_an_error(studio: Studio, tmp_path: Path) -> None:
    leave_message(studio, tmp_path / "nowhere", seconds_max=0.5)
    assert message(studio).why == "error"
