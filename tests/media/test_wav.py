"""Recordings survive a crash; files from outside are read with suspicion."""

from __future__ import annotations

import errno
import os
import resource
import signal
import struct
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marhaba.kernel.errors import LimitReached
from marhaba.media import wav
from marhaba.media.g711 import A_LAW, decode
from marhaba.media.wav import BadWav, RepairReport, WavWriter, read_alaw, read_channels, repair, repair_folder

SILENCE = 0xD5


def pcm16_file(path: Path, samples: np.ndarray, rate: int = 8000, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def raw_wav(
    data: bytes, *, code: int = 6, channels: int = 1, rate: int = 8000, bits: int = 8, said: int | None = None
) -> bytes:
    frame_bytes = channels * bits // 8
    return (
        struct.pack(
            "<4sI4s4sIHHIIHH",
            b"RIFF",
            36 + len(data),
            b"WAVE",
            b"fmt ",
            16,
            code,
            channels,
            rate,
            0,
            frame_bytes,
            bits,
        )
        + struct.pack("<4sI", b"data", len(data) if said is None else said)
        + data
    )


def sine(hz: float, rate: int, seconds: float, level: float = 8000) -> np.ndarray:
    return np.rint(level * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


def as_samples(alaw: np.ndarray) -> np.ndarray:
    return decode(alaw, A_LAW).astype(np.float64)


# Writing


def test_a_closed_recording_is_a_whole_wav_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, channels=2)
    writer.append(bytes(range(100)))
    writer.append(bytes(range(100, 200)))
    assert writer.seconds == 100 / 8000
    writer.close()
    expected = struct.pack("<4sI4s", b"RIFF", 50 + 200, b"WAVE")
    expected += struct.pack("<4sIHHIIHHH", b"fmt ", 18, 6, 2, 8000, 16000, 2, 8, 0)
    expected += struct.pack("<4sII4sI", b"fact", 4, 100, b"data", 200)
    assert path.read_bytes() == expected + bytes(range(200))


def test_another_program_reads_the_same_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, channels=2)
    octets = np.arange(16000, dtype=np.uint32).astype(np.uint8)
    writer.append(octets.tobytes())
    writer.close()
    said = subprocess.run(["soxi", str(path)], capture_output=True, text=True, check=True).stdout
    assert "8-bit A-law" in said
    assert "Channels       : 2" in said
    assert "= 8000 samples" in said
    decoded = subprocess.run(
        ["sox", str(path), "-t", "raw", "-e", "signed", "-b", "16", "-"], capture_output=True, check=True
    )
    expected = decode(octets, A_LAW)
    assert np.array_equal(np.frombuffer(decoded.stdout, "<i2"), expected)


def test_an_odd_number_of_bytes_is_padded_and_not_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, channels=1)
    writer.append(b"\x01\x02\x03")
    writer.close()
    raw = path.read_bytes()
    assert len(raw) == 58 + 4
    assert struct.unpack_from("<I", raw, 4) == (54,)
    assert struct.unpack_from("<I", raw, 54) == (3,)
    assert read_alaw(path).tolist() == [1, 2, 3]


def test_an_existing_recording_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        WavWriter(path, channels=1)
    assert path.read_bytes() == b"precious"


def test_strangers_cannot_read_a_recording(tmp_path: Path) -> None:
    WavWriter(tmp_path / "a.wav", channels=1).close()
    assert (tmp_path / "a.wav").stat().st_mode & 0o007 == 0


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    writer = WavWriter(tmp_path / "a.wav", channels=1)
    writer.close()
    writer.close()
    assert writer.closed


def test_appending_reaches_the_file_without_a_sync_at_half_a_second(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, channels=2)
    writer.append(bytes(7999))
    assert path.stat().st_size == 58
    writer.append(b"\0")
    assert path.stat().st_size == 58 + 8000
    writer.close()


def test_a_full_disk_raises_and_no_frame_is_lost_or_doubled_once_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, channels=2)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    sound = bytes(i % 251 for i in range(16000))
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (58 + 4001, hard))
        writer.append(sound[:2000])
        with pytest.raises(OSError) as refused:  # noqa: PT011 -- the number is checked below
            writer.append(sound[2000:12000])
        assert refused.value.errno == errno.EFBIG
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert path.stat().st_size == 58 + 4001  # a frame was cut in two
    writer.append(sound[12000:])
    writer.close()
    assert path.read_bytes()[58:] == sound


def test_a_disk_that_keeps_refusing_does_not_fill_the_memory(tmp_path: Path) -> None:
    writer = WavWriter(tmp_path / "a.wav", channels=1)
    os.close(writer._fd)
    writer._fd = os.open("/dev/full", os.O_WRONLY)
    refusals = 0
    for _ in range(300):
        with pytest.raises(OSError, match="No space left"):
            writer.append(bytes(8000))
        refusals += 1
    assert refusals == 300
    assert len(writer._buffer) <= wav.PENDING_BYTES_MAX
    with pytest.raises(OSError, match="No space left"):
        writer.close()
    assert writer.closed


def test_a_recording_stops_where_a_riff_size_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wav, "DATA_BYTES_MAX", 1000)
    writer = WavWriter(tmp_path / "a.wav", channels=1)
    writer.append(bytes(1000))
    with pytest.raises(LimitReached) as refused:
        writer.append(b"\0")
    assert refused.value.code == "recording-full"
    writer.close()
    assert len(read_alaw(tmp_path / "a.wav")) == 1000


# Repairing


def test_a_killed_writer_leaves_what_it_synced_and_repair_makes_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    program = (
        "import os, sys; from marhaba.media.wav import WavWriter\n"
        "w = WavWriter(sys.argv[1], channels=2)\n"
        "w.append(bytes([1, 2]) * 3000); w.sync()\n"
        "w.append(bytes([3, 4]) * 100)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert ended.returncode == -9
    (left, right), rate = read_channels(path)  # readable even before the repair
    assert (len(left), len(right), rate) == (3000, 3000, 8000)
    assert repair(path) == RepairReport(str(path), repaired=True, seconds=3000 / 8000)
    assert struct.unpack_from("<I", path.read_bytes(), 54) == (6000,)
    assert repair(path) == RepairReport(str(path), repaired=False, seconds=3000 / 8000)


@pytest.mark.parametrize("extra", [0, 1, 2, 3])
def test_a_frame_cut_in_two_does_not_swap_the_channels(tmp_path: Path, extra: int) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, channels=2)
    writer.append(bytes([1, 2]) * 10 + bytes([1, 2, 1])[:extra])
    writer.flush()
    report = repair(path)
    assert report == RepairReport(str(path), repaired=True, seconds=(10 + extra // 2) / 8000)
    assert struct.unpack_from("<I", path.read_bytes(), 54) == (20 + extra // 2 * 2,)
    writer.close()


def test_repairing_a_recording_that_goes_on_does_not_disturb_it(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, channels=1)
    writer.append(bytes(range(101)))
    writer.flush()
    assert repair(path).repaired
    assert read_alaw(path).tolist() == list(range(101))
    writer.append(bytes(range(101, 202)))
    writer.close()
    assert read_alaw(path).tolist() == list(range(202))
    assert not repair(path).repaired


def test_sound_written_after_a_repair_is_found_by_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, channels=1)
    writer.append(bytes(101))
    writer.flush()
    assert repair(path).seconds == 101 / 8000
    writer.append(bytes(99))
    writer.flush()
    assert repair(path) == RepairReport(str(path), repaired=True, seconds=200 / 8000)
    writer.close()


def test_a_file_cut_short_after_it_was_closed_gets_its_true_size(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, channels=1)
    writer.append(bytes(1000))
    writer.close()
    os.truncate(path, 58 + 400)
    with pytest.raises(BadWav):
        read_alaw(path)
    assert repair(path) == RepairReport(str(path), repaired=True, seconds=400 / 8000)
    assert len(read_alaw(path)) == 400


def test_every_length_of_a_torn_header_is_reported_and_not_touched(tmp_path: Path) -> None:
    whole = tmp_path / "whole.wav"
    WavWriter(whole, channels=1).close()
    raw = whole.read_bytes()
    torn = tmp_path / "torn.wav"
    for length in range(58):
        torn.write_bytes(raw[:length])
        assert repair(torn) == RepairReport(str(torn), False, 0.0, "shorter than its header")
        assert torn.read_bytes() == raw[:length]


def test_a_file_that_is_not_ours_is_not_repaired(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(raw_wav(bytes(100), said=0))
    before = path.read_bytes()
    with pytest.raises(BadWav, match="not a recording of ours"):
        repair(path)
    assert path.read_bytes() == before


def test_a_folder_is_repaired_below_and_only_what_was_not_sound_is_listed(tmp_path: Path) -> None:
    day = tmp_path / "2026" / "11"
    day.mkdir(parents=True)
    sound = WavWriter(day / "sound.wav", channels=2)
    sound.close()
    cut = WavWriter(day / "cut.wav", channels=2)
    cut.append(bytes(160))
    cut.flush()
    old = WavWriter(day / "old.wav", channels=2)
    os.utime(day / "old.wav", (1000, 1000))
    (tmp_path / "empty.wav").touch()
    text = tmp_path / "text.wav"
    text.write_bytes(b"not a wav file, but longer than its header would be: 58 bytes")
    (tmp_path / "notes.txt").write_text("left alone")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert repair_folder(tmp_path, changed_since=2000) == [
        RepairReport(str(day / "cut.wav"), True, 80 / 8000),
        RepairReport(str(tmp_path / "empty.wav"), False, 0.0, "shorter than its header"),
        RepairReport(
            str(tmp_path / "text.wav"), False, 0.0, f"{tmp_path / 'text.wav'}: not a recording of ours"
        ),
    ]
    assert [r.path for r in repair_folder(tmp_path) if r.repaired] == [str(day / "old.wav")]
    cut.close()
    old.close()


# Reading


def test_alaw_at_8_khz_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(raw_wav(bytes(range(256))))
    assert np.array_equal(read_alaw(path), np.arange(256, dtype=np.uint8))


def test_sox_and_we_agree_on_alaw_from_16_bits(tmp_path: Path) -> None:
    ramp = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
    path = pcm16_file(tmp_path / "a.wav", ramp)
    ours = as_samples(read_alaw(path))
    out = tmp_path / "sox.wav"
    subprocess.run(["sox", str(path), "-e", "a-law", str(out)], check=True, capture_output=True)
    theirs = as_samples(read_alaw(out))
    assert np.max(np.abs(ours - ramp)) <= 1024  # half of the widest step, and the top is clipped at 32256
    assert np.mean((ours - ramp) ** 2) <= np.mean((theirs - ramp) ** 2)


@pytest.mark.parametrize(
    ("arguments", "noise_max"),
    [
        (["-b", "8", "-e", "unsigned"], 170),
        (["-b", "16"], 60),
        (["-b", "24"], 60),
        (["-b", "32"], 60),
        (["-b", "32", "-e", "float"], 60),
        (["-e", "a-law"], 60),
        (["-e", "mu-law"], 90),
    ],
    ids=lambda value: "".join(value) if isinstance(value, list) else "",
)
def test_every_common_encoding_is_read_at_its_level(
    tmp_path: Path, arguments: list[str], noise_max: float
) -> None:
    tone = sine(440, 8000, 1.0)
    source = pcm16_file(tmp_path / "source.wav", tone)
    path = tmp_path / "a.wav"
    subprocess.run(["sox", "-D", str(source), *arguments, str(path)], check=True, capture_output=True)
    alaw = read_alaw(path)
    assert len(alaw) == 8000
    assert rms(as_samples(alaw) - tone) < noise_max + 60


@pytest.mark.parametrize("rate", [11025, 16000, 22050, 32000, 44100, 48000, 96000])
def test_another_rate_keeps_length_level_and_pitch(tmp_path: Path, rate: int) -> None:
    path = pcm16_file(tmp_path / "a.wav", sine(1000, rate, 1.0), rate=rate)
    alaw = read_alaw(path)
    assert len(alaw) == 8000
    middle = slice(200, 7800)
    assert rms(as_samples(alaw)[middle] - sine(1000, 8000, 1.0)[middle]) < 100  # A-law's own noise


def test_what_a_telephone_cannot_carry_is_filtered_and_does_not_fold(tmp_path: Path) -> None:
    path = pcm16_file(tmp_path / "a.wav", sine(5000, 16000, 1.0, level=20000), rate=16000)
    assert rms(as_samples(read_alaw(path))[200:-200]) < 20


def test_stereo_is_mixed_by_its_mean(tmp_path: Path) -> None:
    both = np.stack([sine(500, 8000, 0.5), sine(700, 8000, 0.5)], axis=1)
    path = pcm16_file(tmp_path / "a.wav", both.reshape(-1), channels=2)
    assert rms(as_samples(read_alaw(path)) - both.mean(axis=1)) < 100


def test_channels_come_apart_with_their_rate(tmp_path: Path) -> None:
    both = np.stack([sine(500, 16000, 0.5), sine(700, 16000, 0.5)], axis=1)
    (left, right), rate = read_channels(
        pcm16_file(tmp_path / "a.wav", both.reshape(-1), rate=16000, channels=2)
    )
    assert rate == 16000
    assert np.array_equal(left, both[:, 0])
    assert np.array_equal(right, both[:, 1])


def test_extensible_and_unknown_chunks_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    guid = struct.pack("<H", 1) + bytes.fromhex("000000001000800000aa00389b71")
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 8000, 16000, 2, 16, 22, 16, 4) + guid
    body = b"WAVE" + struct.pack("<4sI3sx", b"LIST", 3, b"abc") + struct.pack("<4sI", b"fmt ", 40) + fmt
    body += struct.pack("<4sI4h", b"data", 8, 0, 1000, -1000, 0)
    path.write_bytes(struct.pack("<4sI", b"RIFF", len(body)) + body)
    (samples,), _ = read_channels(path)
    assert samples.tolist() == [0, 1000, -1000, 0]


def test_a_file_streamed_without_sizes_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(raw_wav(bytes(77), said=0xFFFFFFFF))
    assert len(read_alaw(path)) == 77


GOOD = raw_wav(bytes(100))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not a WAV file"),
        (b"RIFF", "not a WAV file"),
        (b"RIFX" + GOOD[4:], "not a WAV file"),
        (GOOD[:8] + b"AVI " + GOOD[12:], "not a WAV file"),
        (GOOD[:36], "no sound chunk"),
        (GOOD[:12] + GOOD[36:], "no format before its sound"),
        (GOOD[:-1], "says 100 bytes of sound and holds 99"),
        (raw_wav(bytes(100), said=0x7FFFFFFF), "says 2147483647 bytes of sound and holds 100"),
        (raw_wav(b""), "holds no sound"),
        (raw_wav(bytes(1), code=1, bits=16), "holds no sound"),
        (raw_wav(bytes(100), rate=0), "0 samples a second"),
        (raw_wav(bytes(100), rate=4_000_000_000), "4000000000 samples a second"),
        (raw_wav(bytes(100), channels=0), "0 channels"),
        (raw_wav(bytes(100), channels=9), "9 channels"),
        (raw_wav(bytes(100), code=17, bits=4), "format 17 with 4 bits"),
        (raw_wav(bytes(100), code=1, bits=0), "format 1 with 0 bits"),
        (raw_wav(bytes(100), code=85), "format 85 with 8 bits"),
        (GOOD[:32] + b"\x07\0" + GOOD[34:], "7 bytes a frame do not fit"),
        (GOOD[:16] + struct.pack("<I", 0xFFFFFFF0) + GOOD[20:], "a chunk of 4294967280 bytes goes beyond"),
        (b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 100, "more than 64 chunks"),
        (raw_wav(bytes(8000 * 601)), "longer than 600 s"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_lies_is_refused_with_what_was_found(tmp_path: Path, raw: bytes, said: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(raw)
    for read in (read_alaw, read_channels):
        with pytest.raises(BadWav, match=said) as refused:
            read(path)
        assert refused.value.code == "bad-wav"


def test_a_file_larger_than_any_prompt_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(GOOD)
    os.truncate(path, (128 << 20) + 1)
    with pytest.raises(BadWav, match="larger than 128 MiB"):
        read_alaw(path)


@given(st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.wav"
    raw = bytearray(raw_wav(bytes(64), code=data.draw(st.sampled_from([1, 3, 6, 7, 0xFFFE])), bits=8))
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    try:
        alaw = read_alaw(path)
    except BadWav:
        return
    assert alaw.dtype == np.uint8
    assert 0 < len(alaw) <= 600 * 8000
