"""Sums are exact: compared octet by octet with decoding, adding, clipping and encoding one listener after the other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from marhaba.media import g711
from marhaba.media.mixing import Hearing, MixPlan

LEGS = 7


def plan(sources: dict[int, list[int]], codec: np.ndarray) -> MixPlan:
    hearing = Hearing(len(codec))
    for listener, rows in sources.items():
        hearing.set(listener, rows)
    return hearing.plan(codec_in=codec, codec_out=codec)


@given(
    sources=st.dictionaries(
        st.integers(0, LEGS - 1),
        st.lists(st.integers(0, LEGS - 1), min_size=1, max_size=LEGS, unique=True),
    ),
    codecs=st.lists(st.sampled_from([g711.MU_LAW, g711.A_LAW]), min_size=LEGS, max_size=LEGS),
    seed=st.integers(0, 1 << 30),
)
def test_everyone_hears_exactly_the_sum_of_his_sources(
    sources: dict[int, list[int]], codecs: list[int], seed: int
) -> None:
    codec = np.array(codecs, np.intp)
    frames = np.random.default_rng(seed).integers(0, 256, (LEGS, 160), dtype=np.uint8)
    out = np.full((LEGS, 160), 7, np.uint8)
    plan(sources, codec).render(frames, out)
    for leg in range(LEGS):
        assert out[leg].tolist() == expected(leg, sources.get(leg, []), frames, codecs)


def expected(leg: int, sources: list[int], frames: np.ndarray, codecs: list[int]) -> list[int]:
    if not sources:
        return [7] * 160  # untouched
    if len(sources) == 1 and codecs[sources[0]] == codecs[leg]:
        return frames[sources[0]].tolist()
    total = sum(g711.decode(frames[source], codecs[source]).astype(np.int64) for source in sources)
    return g711.encode(total, codecs[leg]).tolist()


def test_who_hears_somebody_else_now_hears_nobody_from_before() -> None:
    codec = np.full(3, g711.A_LAW, np.intp)
    hearing = Hearing(3)
    for sources in ([1, 2], [1], [], [2]):
        hearing.set(0, sources)
    frames = np.arange(3, dtype=np.uint8)[:, None].repeat(160, axis=1)
    out = np.full((3, 160), 7, np.uint8)
    hearing.plan(codec_in=codec, codec_out=codec).render(frames, out)
    assert out[:, 0].tolist() == [2, 7, 7]


def test_a_voice_is_taken_out_of_a_sum_without_a_trace() -> None:
    codec = np.full(3, g711.A_LAW, np.intp)
    frames = np.full((3, 160), g711.SILENCE[g711.A_LAW], np.uint8)
    frames[0] = np.random.default_rng(1).integers(0, 256, 160)
    out = np.zeros((3, 160), np.uint8)
    everyone = {leg: [other for other in range(3) if other != leg] for leg in range(3)}
    plan(everyone, codec).render(frames, out)
    assert (np.abs(g711.decode(out[0], g711.A_LAW)) <= 16).all()  # two silences of 8 each, nothing of himself
