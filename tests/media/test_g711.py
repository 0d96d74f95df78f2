"""G.711 by its own tables: every octet survives, levels are the standard's, transcoding changes a level by a step."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from marhaba.media import g711
from marhaba.media.g711 import A_LAW, MU_LAW


@pytest.mark.parametrize(
    ("codec", "octet", "level"),
    [
        (A_LAW, 0xD5, 8),  # the smallest positive value, G.711 table 1a on the 16-bit scale
        (A_LAW, 0x55, -8),
        (A_LAW, 0xAA, 32256),  # the largest
        (A_LAW, 0x2A, -32256),
        (MU_LAW, 0xFF, 0),
        (MU_LAW, 0x80, 32124),
        (MU_LAW, 0x00, -32124),
    ],
)
def test_levels_are_those_of_the_standard(codec: int, octet: int, level: int) -> None:
    assert g711.DECODE[codec][octet] == level


@pytest.mark.parametrize(("codec", "sox"), [(A_LAW, "al"), (MU_LAW, "ul")])
def test_sox_decodes_every_octet_to_the_same_level(codec: int, sox: str, tmp_path: Path) -> None:
    (tmp_path / f"all.{sox}").write_bytes(bytes(range(256)))
    command = [
        "sox",
        "-r",
        "8000",
        "-c",
        "1",
        f"all.{sox}",
        "-t",
        "raw",
        "-e",
        "signed",
        "-b",
        "16",
        "all.raw",
    ]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert np.array_equal(np.fromfile(tmp_path / "all.raw", "<i2"), g711.DECODE[codec])


@pytest.mark.parametrize("codec", [A_LAW, MU_LAW])
def test_encoding_what_was_decoded_gives_the_octet_back(codec: int) -> None:
    octets = np.arange(256, dtype=np.uint8)
    again = g711.encode(g711.decode(octets, codec), codec)
    differing = octets[again != octets].tolist()
    assert differing == ([0x7F] if codec == MU_LAW else [])  # mu-law writes zero in two ways


@pytest.mark.parametrize("codec", [A_LAW, MU_LAW])
def test_no_other_octet_is_nearer_to_a_sample_than_the_one_chosen(codec: int) -> None:
    samples = np.arange(-32768, 32768, 7)
    chosen = g711.decode(g711.encode(samples, codec), codec).astype(np.int32)
    nearest = np.abs(g711.DECODE[codec].astype(np.int32)[None, :] - samples[:, None]).min(axis=1)
    assert np.array_equal(np.abs(chosen - samples), nearest)


def test_sums_beyond_16_bits_are_clipped() -> None:
    sums = np.array([70_000, -70_000], np.int32)
    assert g711.encode(sums, A_LAW).tolist() == [0xAA, 0x2A]


@pytest.mark.parametrize("codec", [A_LAW, MU_LAW])
def test_transcoding_moves_a_level_by_less_than_a_step(codec: int) -> None:
    octets = np.arange(256, dtype=np.uint8)
    before = g711.decode(octets, codec).astype(np.int32)
    after = g711.decode(g711.transcode(octets, codec), 1 - codec).astype(np.int32)
    assert (np.abs(after - before) <= np.maximum(np.abs(before) // 32 + 8, 8)).all()


def test_silence_is_transcoded_to_what_no_ear_tells_from_silence() -> None:
    for codec in (A_LAW, MU_LAW):
        silence = np.array([g711.SILENCE[codec]], np.uint8)
        assert abs(int(g711.decode(g711.transcode(silence, codec), 1 - codec)[0])) <= 8
        assert g711.encode(np.array([0]), codec)[0] == g711.SILENCE[codec]
