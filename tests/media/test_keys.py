"""Key presses through the whole engine, in both directions."""

import numpy as np
import pytest

from marhaba.media import g711
from marhaba.media.dtmf import DIGIT_TICKS, DIGITS, DigitReceiver, DigitSender, KeyUp
from marhaba.media.protocol import Digit, Play, PlayEnded, SendDigits, Trouble
from marhaba.media.testing import Phone, Studio
from marhaba.media.tones import DTMF_HZ, tone_level_db
from tests.media.conftest import Maker
from tests.media.test_bridge import tone, tones_heard


def press(studio: Studio, phone: Phone, digits: str, *, payload_type: int = 101, lose: int = 0) -> None:
    """As a telephone does: event packets in place of audio, their timestamp that of the key going down."""
    sender = DigitSender()
    sender.push(digits)
    sound, phone.sound = phone.sound, iter(())
    n = 0
    while sender.busy:
        packet = sender.event(phone.timestamp)
        if packet is not None:
            now, phone.timestamp = phone.timestamp, packet.timestamp
            data = phone.packet(packet.payload, payload_type=payload_type, marker=packet.marker)
            phone.timestamp = now
            n += 1
            if not lose or n % lose:
                phone.send(data)
        studio.step()
    phone.sound = sound


@pytest.mark.parametrize("payload_type", [101, 96])
@pytest.mark.parametrize("lose", [0, 2, 3])
def test_every_key_is_told_once_with_its_length(studio: Studio, payload_type: int, lose: int) -> None:
    a = studio.open("a", Phone(), dtmf_payload=payload_type)
    press(studio, a, DIGITS, payload_type=payload_type, lose=lose)
    studio.step(10)
    digits = studio.of(Digit)
    assert "".join(event.digit for event in digits) == DIGITS
    assert all(80 <= event.ms <= 100 for event in digits)


def test_keys_do_not_reach_the_other_side_and_count_as_no_loss(studio: Studio) -> None:
    a, b = studio.open("a", Phone()), studio.open("b", Phone())
    studio.talk("a", "b")
    a.speak(tone(400))
    studio.step(10)
    press(studio, a, "159")
    studio.step(10)
    assert {packet.payload_type for packet in b.received} == {8}
    stats = studio.engine.stats()["a"]
    assert (stats.lost, stats.malformed) == (0, 0)


def test_a_key_pressed_at_once_stops_a_prompt_that_allows_it(studio: Studio, make: Maker) -> None:
    a = studio.open("a", Phone())
    path = make("p.wav", np.tile(tone(400), 10))
    studio.tell(Play("a", "menu", [path], until_digit=True))
    studio.step_until(lambda: tone_level_db(a.heard()[-160:], 400) > -20)
    press(studio, a, "2")
    told = [event for event in studio.events if isinstance(event, Digit | PlayEnded)]
    assert told == [PlayEnded("a", "menu", "digit"), Digit("a", "2", 100)]
    studio.events.clear()
    studio.tell(Play("a", "notice", [path]))
    press(studio, a, "3")
    assert studio.of(PlayEnded) == []


def test_digits_are_sent_as_events_with_audio_between_them(studio: Studio) -> None:
    a, b = studio.open("a", Phone(), dtmf_payload=96), studio.open("b", Phone())
    studio.talk("a", "b")
    b.speak(tone(600))
    studio.step(10)
    studio.forget()
    studio.tell(SendDigits("a", "19#"))
    studio.step(3 * DIGIT_TICKS + 10)
    receiver = DigitReceiver()
    said = [
        key
        for tick, packet in enumerate(a.received)
        if packet.payload_type == 96
        for key in receiver.receive(packet.timestamp, packet.payload, tick=tick)
    ]
    assert [key for key in said if isinstance(key, KeyUp)] == [KeyUp(digit, 100) for digit in "19#"]
    sequence = [packet.sequence for packet in a.received]
    assert sequence == [(sequence[0] + n) & 0xFFFF for n in range(len(sequence))]
    events = [packet for packet in a.received if packet.payload_type == 96]
    assert [packet.marker for packet in events].count(True) == 3
    # An event carries the time of its first packet; audio goes on by the clock.
    begin = a.received[0].timestamp
    audio = [(n, packet) for n, packet in enumerate(a.received) if packet.payload_type == 8]
    assert all((packet.timestamp - begin) & 0xFFFFFFFF == 160 * n for n, packet in audio)
    assert tones_heard(a, among=[400]) == set()


def test_a_far_side_without_events_is_sent_tones(studio: Studio) -> None:
    a = studio.open("a", Phone(), dtmf_payload=0)
    studio.step(5)
    studio.forget()
    studio.tell(SendDigits("a", "5"))
    studio.step(DIGIT_TICKS)
    sound = a.heard()[:800]
    assert {hz for pair in DTMF_HZ.values() for hz in pair if tone_level_db(sound, hz) > -30} == {770, 1336}
    assert {packet.payload_type for packet in a.received} == {8}
    assert np.abs(a.heard()[800:]).max() <= g711.DECODE[g711.A_LAW][0xD5]


def test_digits_that_are_no_keys_are_refused_whole(studio: Studio) -> None:
    a = studio.open("a", Phone())
    studio.tell(SendDigits("a", "12x"))
    studio.step(10)
    assert [(trouble.about, trouble.code) for trouble in studio.of(Trouble)] == [("a", "limit")]
    assert {packet.payload_type for packet in a.received} == {8}
