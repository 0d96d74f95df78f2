import pytest
from hypothesis import given
from hypothesis import strategies as st

from marhaba.media.framing import BadFrame, command_reader, event_reader, frame
from marhaba.media.protocol import FRAME_BYTES_MAX, Digit, Hear, LegStats, OpenLeg, Play, WorkerStats

MESSAGES = [OpenLeg("a", 4000), Hear("a", ["b", "c"]), Play("a", "t", ["/x/é.wav"], until_digit=True)]


@given(st.lists(st.integers(1, 60)))
def test_messages_come_out_whole_however_the_stream_is_cut(cuts: list[int]) -> None:
    stream = b"".join(map(frame, MESSAGES))
    reader, found, at = command_reader(), [], 0
    for size in [*cuts, len(stream)]:
        found += list(reader.feed(stream[at : at + size]))
        at += size
    assert found == MESSAGES


@pytest.mark.parametrize(
    "data",
    [
        (FRAME_BYTES_MAX + 1).to_bytes(4, "big"),
        b"\0\0\0\1\xc1",  # not MessagePack
        frame(Digit("a", "1", 80)),  # an event is no command
        b"\0\0\0\2\x81\xa0",
    ],
)
def test_a_stream_of_something_else_is_refused_after_the_last_whole_message(data: bytes) -> None:
    messages = command_reader().feed(frame(MESSAGES[0]) + data)
    assert next(messages) == MESSAGES[0]
    with pytest.raises(BadFrame):
        next(messages)


def test_figures_of_2000_legs_fit_a_frame() -> None:
    legs = {f"leg-{n:032}": LegStats(received=1 << 40, jitter_ms=123.456, mos=4.1) for n in range(2000)}
    stats = WorkerStats(2000, 1000, 0.1, 0.2, 0.3, 4, 5.6, 7.8, legs)
    data = frame(stats)
    assert list(event_reader().feed(data)) == [stats]
