"""Only the far side is heard: strangers, garbage and late packets change nothing audible."""

import random
import socket

import numpy as np
import pytest

from marhaba.media import rtp
from marhaba.media.protocol import AimLeg, CloseLeg, Digit, OpenLeg, PortsFree, Trouble
from marhaba.media.testing import LOOPBACK, Phone, Studio
from marhaba.media.wire import REST_S
from tests.media.test_bridge import tone, tones_heard


@pytest.fixture
def talking(studio: Studio) -> tuple[Phone, Phone]:
    a, b = studio.open("a", Phone()), studio.open("b", Phone())
    studio.talk("a", "b")
    a.speak(tone(400))
    b.speak(tone(600))
    studio.step(10)
    studio.forget()
    return a, b


def test_packets_from_a_third_address_are_counted_and_dropped(
    studio: Studio, talking: tuple[Phone, Phone]
) -> None:
    a, b = talking
    stranger = Phone(ssrc=a.ssrc, sequence=a.sequence, timestamp=a.timestamp)
    stranger.target = a.target
    stranger.speak(tone(1000))
    for _ in range(50):
        stranger.step()
        studio.step()
    stranger.listen()
    assert tones_heard(b, among=[400, 600, 1000]) == {400}
    assert stranger.received == []
    assert studio.engine.stats()["a"].foreign == 50
    assert studio.engine.stats()["a"].received == 60
    stranger.close()


def test_where_the_kernel_has_no_filter_the_worker_drops_strangers_itself(
    studio: Studio, talking: tuple[Phone, Phone]
) -> None:
    a, b = talking
    detach = 27  # SO_DETACH_FILTER
    studio.engine.legs["a"].pair.media.setsockopt(socket.SOL_SOCKET, detach, 0)
    stranger = Phone(ssrc=a.ssrc, sequence=a.sequence, timestamp=a.timestamp)
    stranger.target = a.target
    stranger.speak(tone(1000))
    for _ in range(50):
        stranger.step()
        studio.step()
    assert tones_heard(b, among=[400, 600, 1000]) == {400}
    assert studio.engine.stats()["a"].foreign == 50
    stranger.close()


def test_a_flood_from_a_stranger_pushes_out_none_of_the_calls_packets(
    studio: Studio, talking: tuple[Phone, Phone]
) -> None:
    a, b = talking
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for _ in range(20):
            for _ in range(500):
                stranger.sendto(b"\x80\x08" + bytes(170), a.target)
            studio.step()
    assert studio.engine.stats()["a"].received == 30
    assert studio.engine.stats()["a"].foreign == 10_000
    assert tones_heard(b, among=[400]) == {400}


def garbage(seed: int, a: Phone) -> list[bytes]:
    """200 packets from the right address: noise, and headers that are nearly right."""
    rng = random.Random(seed)
    made = []
    for n in range(200):
        noise = rng.randbytes(rng.randrange(300))
        made.append(
            [
                noise,
                b"\x80" + noise,
                b"\x80\x08" + noise,
                b"\xbf\x88" + noise,
                rtp.build(rtp.Packet(8, False, rng.getrandbits(16), rng.getrandbits(32), a.ssrc, b"")),
                rtp.build(rtp.Packet(96, False, n, n, a.ssrc, noise)),
                rtp.build(rtp.Packet(8, False, rng.getrandbits(16), n, rng.getrandbits(32), noise[:160])),
                b"",
            ][n % 8]
        )
    return made


@pytest.mark.parametrize("seed", range(5))
def test_two_hundred_garbage_packets_change_nothing_audible(
    studio: Studio, talking: tuple[Phone, Phone], seed: int
) -> None:
    a, b = talking
    packets = iter(garbage(seed, a))
    for _ in range(50):
        for _ in range(4):
            a.send(next(packets))
        studio.step()
    assert tones_heard(b, among=[400, 600]) == {400}
    assert len(b.received) == 50
    assert studio.of(Digit) == []
    assert studio.engine.stats()["a"].malformed > 50


@pytest.mark.parametrize("seed", range(5))
def test_broken_rtcp_changes_nothing(studio: Studio, talking: tuple[Phone, Phone], seed: int) -> None:
    a, b = talking
    rng = random.Random(seed)
    for _ in range(200):
        data = bytes((0x80 | rng.randrange(64), rng.randrange(192, 224))) + rng.randbytes(rng.randrange(100))
        a.control.sendto(data, (LOOPBACK, a.target[1] + 1))
        a.send(data)
    studio.step(50)
    assert tones_heard(b, among=[400]) == {400}
    assert studio.engine.stats()["a"].received == 60


def test_the_far_sides_port_is_learnt_once_from_its_first_packet(studio: Studio) -> None:
    said, real = Phone(), Phone()
    leg = studio.open("a", said, latch_host_only=True)
    other = studio.open("b", Phone())
    studio.talk("a", "b")
    other.speak(tone(600))
    real.target = leg.target
    studio.phones["real"] = real
    studio.step(5)
    assert real.received == []  # nothing came from there yet
    real.speak(tone(400))
    studio.step(10)
    studio.forget()
    said.speak(tone(1000))
    studio.step(50)
    assert tones_heard(real, among=[400, 600]) == {600}
    assert tones_heard(other, among=[400, 1000]) == {400}  # the latch does not open a second time
    assert said.received == []
    assert studio.engine.held()[0].remote_port == real.port


def test_a_learnt_port_stays_when_said_again_and_is_learnt_anew_when_another_is_said(studio: Studio) -> None:
    said, real, moved = Phone(), Phone(), Phone()
    leg = studio.open("a", said, latch_host_only=True)
    for name, phone in (("real", real), ("moved", moved)):
        phone.target = leg.target
        studio.phones[name] = phone
    real.speak(tone(400))
    studio.step(2)
    assert studio.engine.held()[0].remote_port == real.port
    studio.tell(AimLeg("a", LOOPBACK, said.port, latch_host_only=True))
    studio.step(2)
    assert studio.engine.held()[0].remote_port == real.port
    real.hush()
    studio.tell(AimLeg("a", LOOPBACK, said.port + 100, latch_host_only=True))
    moved.speak(tone(400))
    studio.step(2)
    assert studio.engine.held()[0].remote_port == moved.port


def test_garbage_does_not_set_the_latch(studio: Studio) -> None:
    said, real = Phone(), Phone()
    leg = studio.open("a", said, latch_host_only=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"hello", leg.target)
        studio.step()
    real.target = leg.target
    studio.phones["real"] = real
    real.speak(tone(400))
    studio.step(2)
    assert studio.engine.held()[0].remote_port == real.port


def test_a_new_leg_does_not_hear_what_came_for_the_last_one(studio: Studio) -> None:
    port = studio.engine.wire.free[0]
    late = studio.open("a", Phone())
    late.speak(tone(400))
    studio.step(5)
    studio.phones.pop("a")
    studio.tell(CloseLeg("a"))
    late.step()
    late.step()
    assert port not in studio.engine.wire.free
    studio.step(round(REST_S / 0.02) + 60)
    assert port in studio.engine.wire.free
    assert [event.ports for event in studio.of(PortsFree)] == [[port]]
    late.step()
    studio.tell(OpenLeg("b", port, LOOPBACK, late.port))
    studio.step()
    assert studio.engine.stats()["b"].received == 0
    late.close()


def test_a_port_is_lent_to_one_leg_only(studio: Studio) -> None:
    port = studio.engine.wire.free[0]
    studio.tell(OpenLeg("a", port), OpenLeg("b", port))
    assert [trouble.about for trouble in studio.of(Trouble)] == ["b"]
    assert np.array_equal([state.leg for state in studio.engine.held()], ["a"])
