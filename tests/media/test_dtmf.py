"""Telephone events: one key press is told once, whatever the network does to its packets."""

import numpy as np
import pytest

from marhaba.media import g711
from marhaba.media.dtmf import DIGITS, QUEUE_MAX, DigitReceiver, DigitSender, KeyDown, KeyUp
from marhaba.media.tones import DTMF_HZ, tone_level_db


def event(number: int, duration: int, *, end: bool = False) -> bytes:
    return bytes((number, 0x8A if end else 0x0A)) + duration.to_bytes(2, "big")


def receive(packets: list[tuple[int, bytes]]) -> list[KeyDown | KeyUp]:
    receiver = DigitReceiver()
    return [
        said
        for tick, (timestamp, payload) in enumerate(packets)
        for said in receiver.receive(timestamp, payload, tick=tick)
    ]


PRESS = [(500, event(5, 160)), (500, event(5, 320)), *[(500, event(5, 480, end=True))] * 3]


def test_a_key_press_goes_down_once_and_up_once_with_its_length() -> None:
    assert receive(PRESS) == [KeyDown("5"), KeyUp("5", 60)]


def test_one_packet_of_a_press_is_enough() -> None:
    for n in range(2, 5):
        assert receive(PRESS[n : n + 1]) == [KeyDown("5"), KeyUp("5", 60)]


def test_a_late_copy_does_not_press_the_key_again() -> None:
    next_press = [(1500, event(6, 160)), (1500, event(6, 800, end=True))]
    assert receive([*PRESS, *next_press, PRESS[-1], PRESS[0]]) == [
        KeyDown("5"),
        KeyUp("5", 60),
        KeyDown("6"),
        KeyUp("6", 100),
    ]


def test_the_same_key_twice_is_two_presses() -> None:
    again = [(timestamp + 1600, payload) for timestamp, payload in PRESS]
    assert receive(PRESS + again) == [KeyDown("5"), KeyUp("5", 60)] * 2


def test_timestamps_may_wrap_between_two_keys() -> None:
    early = [(0xFFFFFF00, payload) for _, payload in PRESS]
    assert receive(early + PRESS) == [KeyDown("5"), KeyUp("5", 60)] * 2


def test_a_press_whose_end_was_lost_ends_by_itself() -> None:
    receiver = DigitReceiver()
    assert receiver.receive(500, event(11, 400), tick=10) == [KeyDown("#")]
    assert [receiver.tick(tick) for tick in range(11, 18)] == [[]] * 7
    assert receiver.tick(18) == [KeyUp("#", 50)]
    assert receiver.tick(30) == []


def test_a_new_key_ends_one_whose_end_was_lost() -> None:
    assert receive([PRESS[0], (2000, event(15, 160))]) == [KeyDown("5"), KeyUp("5", 20), KeyDown("D")]


@pytest.mark.parametrize("payload", [b"", b"\x05\x8a\x01", event(16, 160), event(255, 160, end=True)])
def test_what_is_no_key_is_not_heard(payload: bytes) -> None:
    assert receive([(500, payload)]) == []


def test_a_digit_is_five_packets_of_tone_of_which_the_last_comes_three_times() -> None:
    sender = DigitSender()
    assert sender.push("7")
    sent = [sender.event(1000 + 160 * n) for n in range(11)]
    packets = [packet for packet in sent if packet is not None]
    assert sent[: len(packets)] == packets
    assert [packet.timestamp for packet in packets] == [1000] * 7
    assert [packet.marker for packet in packets] == [True] + [False] * 6
    durations = [int.from_bytes(packet.payload[2:], "big") for packet in packets]
    assert durations == [160, 320, 480, 640, 800, 800, 800]
    assert [packet.payload[1] >> 7 for packet in packets] == [0, 0, 0, 0, 1, 1, 1]
    assert {packet.payload[0] for packet in packets} == {7}
    assert not sender.busy


def test_what_is_sent_is_received_for_every_key() -> None:
    sender, receiver, said = DigitSender(), DigitReceiver(), []
    assert sender.push(DIGITS)
    for tick in range(16 * 11):
        packet = sender.event(5000 + 160 * tick)
        if packet is not None:
            said += receiver.receive(packet.timestamp, packet.payload, tick=tick)
    assert [key for key in said if isinstance(key, KeyUp)] == [KeyUp(digit, 100) for digit in DIGITS]


def test_nothing_is_dialled_when_one_character_is_no_key_or_there_are_too_many() -> None:
    sender = DigitSender()
    assert not sender.push("12E")
    assert not sender.push("1" * (QUEUE_MAX + 1))
    assert not sender.busy


@pytest.mark.parametrize("codec", [g711.MU_LAW, g711.A_LAW])
def test_a_tone_is_the_two_frequencies_of_its_key_and_no_other(codec: int) -> None:
    for digit in DIGITS:
        sender = DigitSender()
        sender.push(digit)
        frames = [sender.tone(codec) for _ in range(11)]
        sound = np.concatenate([g711.decode(frame, codec) for frame in frames if frame is not None])
        assert len(sound) == 800
        levels = {hz: tone_level_db(sound, hz) for pair in DTMF_HZ.values() for hz in pair}
        for hz, level in levels.items():
            assert (level > -20) == (hz in DTMF_HZ[digit])
