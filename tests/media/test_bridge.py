"""What arrives in the packets: tones of known frequency at their level, where they belong and nowhere else."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from marhaba.media import g711
from marhaba.media.protocol import (
    PCMA,
    PCMU,
    Hear,
    LegClosed,
    OpenLeg,
    Play,
    PlayEnded,
    Record,
    RecordEnded,
    SendDigits,
    StopRecord,
    Trouble,
)
from marhaba.media.testing import LOOPBACK, Phone, Studio
from marhaba.media.tones import tone_level_db
from marhaba.media.wire import REST_S

LEVEL = -12.0
NOTHING = -50.0  # what quantising leaves at harmonics stays below


def tone(hz: int) -> NDArray[np.int16]:
    """A second that can be looped without a click."""
    return np.rint(np.sin(2 * np.pi * hz * np.arange(8000) / 8000) * 32768 * 10 ** (LEVEL / 20)).astype(
        np.int16
    )


def tones_heard(phone: Phone, *, among: list[int]) -> set[int]:
    """Which of these arrived at the level they were sent with; anything between that and nothing is an error."""
    levels = {hz: tone_level_db(phone.heard(), hz) for hz in among}
    assert all(level < NOTHING or level == pytest.approx(LEVEL, abs=0.3) for level in levels.values()), levels
    return {hz for hz, level in levels.items() if level > NOTHING}


@pytest.mark.parametrize("one", [PCMA, PCMU])
@pytest.mark.parametrize("other", [PCMA, PCMU])
def test_each_side_hears_the_other_in_its_own_codec(studio: Studio, one: int, other: int) -> None:
    a, b = studio.open("a", Phone(payload_type=one)), studio.open("b", Phone(payload_type=other))
    studio.talk("a", "b")
    a.speak(tone(400))
    b.speak(tone(600))
    studio.step(10)
    studio.forget()
    studio.step(50)
    for phone, hz in ((a, 600), (b, 400)):
        assert tones_heard(phone, among=[400, 600]) == {hz}
        assert {packet.payload_type for packet in phone.received} == {phone.payload_type}
        assert len(phone.received) == 50


def test_octets_of_one_codec_are_passed_on_unchanged(studio: Studio) -> None:
    a, b = studio.open("a", Phone()), studio.open("b", Phone())
    studio.talk("a", "b")
    noise = np.random.default_rng(3).integers(-8000, 8000, 8000).astype(np.int16)
    a.speak(noise)
    studio.step(60)
    sent = np.concatenate([noise] * 2)[: 8000 + 160]
    heard = b.heard().tolist()
    first = g711.decode(g711.encode(sent, g711.A_LAW), g711.A_LAW).tolist()
    start = next(n for n in range(0, 800, 160) if heard[n : n + 160] == first[:160])
    assert heard[start : start + 8000] == first[:8000]


def test_outgoing_packets_follow_one_another_by_one_and_by_160(studio: Studio) -> None:
    a = studio.open("a", Phone())
    studio.step(300)
    sequence = [packet.sequence for packet in a.received]
    timestamps = [packet.timestamp for packet in a.received]
    assert len(sequence) == 300
    assert {(y - x) & 0xFFFF for x, y in itertools.pairwise(sequence)} == {1}
    assert {(y - x) & 0xFFFFFFFF for x, y in itertools.pairwise(timestamps)} == {160}
    assert [n for n, packet in enumerate(a.received) if packet.marker] == [0]
    assert len({packet.ssrc for packet in a.received}) == 1


def test_a_three_way_call_gives_each_the_other_two(studio: Studio) -> None:
    voices = {"a": 400, "b": 600, "c": 1000}
    phones = {leg: studio.open(leg, Phone(payload_type=PCMU if leg == "b" else PCMA)) for leg in voices}
    for leg, hz in voices.items():
        studio.tell(Hear(leg, [other for other in voices if other != leg]))
        phones[leg].speak(tone(hz))
    studio.step(10)
    studio.forget()
    studio.step(50)
    for leg, phone in phones.items():
        assert tones_heard(phone, among=[400, 600, 1000]) == set(voices.values()) - {voices[leg]}


@pytest.mark.parametrize(
    ("mode", "caller_hears", "agent_hears"),
    [("listen", {600}, {400}), ("whisper", {600}, {400, 1000}), ("barge", {600, 1000}, {400, 1000})],
)
def test_a_supervisor_is_heard_by_those_the_mode_says(
    studio: Studio, mode: str, caller_hears: set[int], agent_hears: set[int]
) -> None:
    caller, agent, supervisor = (studio.open(leg, Phone()) for leg in ("caller", "agent", "supervisor"))
    for phone, hz in ((caller, 400), (agent, 600), (supervisor, 1000)):
        phone.speak(tone(hz))
    whisper = ["supervisor"] if mode in ("whisper", "barge") else []
    barge = ["supervisor"] if mode == "barge" else []
    studio.tell(
        Hear("caller", ["agent", *barge]),
        Hear("agent", ["caller", *whisper]),
        Hear("supervisor", ["caller", "agent"]),
    )
    studio.step(10)
    studio.forget()
    studio.step(50)
    assert tones_heard(caller, among=[400, 600, 1000]) == caller_hears
    assert tones_heard(agent, among=[400, 600, 1000]) == agent_hears
    assert tones_heard(supervisor, among=[400, 600, 1000]) == {400, 600}


def test_a_changed_relation_is_heard_from_the_next_tick_on(studio: Studio) -> None:
    a, b, c = (studio.open(leg, Phone()) for leg in "abc")
    b.speak(tone(400))
    c.speak(tone(600))
    studio.tell(Hear("a", ["b"]))
    studio.step(20)
    studio.tell(Hear("a", ["c"]))
    studio.step(1)
    studio.forget()
    studio.step(50)
    assert tones_heard(a, among=[400, 600]) == {600}
    studio.tell(Hear("a", []))
    studio.step(1)
    studio.forget()
    studio.step(50)
    assert tones_heard(a, among=[400, 600]) == set()
    assert len(a.received) == 50  # silence is sent, so that the line is known to be alive


def test_who_leaves_is_no_longer_heard_and_the_others_talk_on(studio: Studio) -> None:
    a, b, c = (studio.open(leg, Phone()) for leg in "abc")
    for leg in "abc":
        studio.tell(Hear(leg, [other for other in "abc" if other != leg]))
    b.speak(tone(400))
    c.speak(tone(600))
    studio.step(10)
    studio.shut("b")
    studio.step(2)
    studio.forget()
    studio.step(50)
    assert tones_heard(a, among=[400, 600]) == {600}
    assert [state.hears for state in studio.engine.held()] == [["c"], ["a"]]


def test_nothing_is_sent_while_the_far_side_holds_us_and_the_timeline_goes_on(studio: Studio) -> None:
    a = studio.open("a", Phone())
    studio.step(10)
    last = a.received[-1]
    studio.aim("a", a, sends=False)
    studio.forget()
    studio.step(30)
    assert a.received == []
    studio.aim("a", a)
    studio.step(1)
    resumed = a.received[0]
    assert resumed.marker
    assert resumed.sequence == (last.sequence + 1) & 0xFFFF
    assert (resumed.timestamp - last.timestamp) & 0xFFFFFFFF == 31 * 160


def test_a_leg_follows_its_far_side_to_another_address_and_codec(studio: Studio) -> None:
    a, b = studio.open("a", Phone()), studio.open("b", Phone())
    studio.talk("a", "b")
    b.speak(tone(400))
    studio.step(10)
    moved = Phone(payload_type=PCMU, ssrc=77)
    moved.target = a.target
    studio.aim("a", moved, codec=PCMU)
    studio.phones["a"] = moved
    moved.speak(tone(600))
    studio.step(10)
    a.listen()
    a.forget()
    studio.forget()
    studio.step(50)
    a.listen()
    assert a.received == []
    assert tones_heard(moved, among=[400, 600]) == {400}
    assert tones_heard(b, among=[400, 600]) == {600}
    a.close()


def test_closing_a_leg_tells_the_figures_of_its_life(studio: Studio) -> None:
    a = studio.open("a", Phone(delay=lambda n: None if n % 10 == 5 else 0))
    a.speak(tone(400))
    studio.step(200)
    studio.shut("a")
    (closed,) = studio.of(LegClosed)
    assert (closed.leg, closed.stats.received, closed.stats.sent) == ("a", 180, 200)
    assert (closed.stats.lost, closed.stats.late, closed.stats.malformed) == (20, 0, 0)
    assert 1.0 < closed.stats.mos < 3.5  # a tenth of it was missing


@pytest.mark.parametrize(
    ("command", "about", "code"),
    [
        (OpenLeg("x", 1), "x", "port-not-lent"),
        (OpenLeg("x", 0, codec=18), "x", "limit"),
        (OpenLeg("a", 0), "a", "limit"),
        (Hear("x", []), "x", "no-such-leg"),
        (Hear("a", ["x"]), "x", "no-such-leg"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(
    studio: Studio, command: OpenLeg | Hear, about: str, code: str
) -> None:
    studio.open("a", Phone())
    before = studio.engine.held()
    studio.tell(command)
    assert [(trouble.about, trouble.code) for trouble in studio.of(Trouble)] == [(about, code)]
    assert studio.engine.held() == before


@pytest.mark.parametrize("host", ["0.0.0.0", "239.1.2.3", "::1", "phone.example", ""])
def test_an_address_nothing_can_be_sent_to_leaves_the_leg_without_a_far_side(
    studio: Studio, host: str
) -> None:
    studio.tell(OpenLeg("a", studio.engine.wire.free[0], host, 5000))
    studio.step(3)
    assert studio.engine.stats()["a"].sent == 0
    assert studio.engine.held()[0].remote_host == ""


def test_a_leg_opened_without_a_far_side_talks_once_it_is_aimed(studio: Studio) -> None:
    phone = Phone()
    port = studio.engine.wire.free[0]
    phone.target = (LOOPBACK, port)
    studio.phones["a"] = phone
    studio.tell(OpenLeg("a", port))
    phone.speak(tone(400))
    studio.step(5)
    assert phone.received == []
    assert studio.engine.stats()["a"].received == 0
    studio.aim("a", phone)
    studio.step(5)
    assert len(phone.received) == 5
    assert studio.engine.stats()["a"].received == 5


def test_after_many_calls_nothing_is_left_of_them(studio: Studio, tmp_path: Path) -> None:
    pairs = len(studio.engine.wire.free)
    for n in range(40):
        legs = [f"a{n}", f"b{n}"]
        for leg in legs:
            studio.open(leg, Phone()).speak(tone(400))
        studio.talk(*legs)
        studio.tell(Record(f"r{n}", str(tmp_path / f"{n}.wav"), legs[0], [legs[1]]))
        studio.tell(Play(legs[0], "x", [str(tmp_path / "none.wav")]), SendDigits(legs[1], "1"))
        studio.step(3)
        studio.tell(StopRecord(f"r{n}"))
        for leg in legs:
            studio.shut(leg)
        studio.now += REST_S
        studio.step(50)
    studio.step(600)
    studio.step_until(lambda: len(studio.of(RecordEnded)) == 40)
    engine = studio.engine
    assert len(studio.of(LegClosed)) == 80
    assert len(studio.of(PlayEnded)) == 40
    assert len(engine.wire.free) == pairs
    assert (engine.held(), engine.recordings(), engine.stats()) == ([], [], {})
    kept = (engine._playing, engine._dialling, engine._pressed, engine._report_due)
    assert [len(names) for names in kept] == [0, 0, 0, 0]
    assert (len(engine._rows_free), engine._high) == (pairs, 0)
