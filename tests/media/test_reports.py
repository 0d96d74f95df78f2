"""RTCP over its sockets, the figures made of it, and the silence of a far side."""

import pytest

from marhaba.media import rtcp
from marhaba.media.engine import EngineSettings
from marhaba.media.protocol import CloseLeg, LegSilent, OpenLeg
from marhaba.media.testing import Phone, Studio
from tests.media.test_bridge import tone


def reports(phone: Phone) -> list[rtcp.Report]:
    found = []
    while True:
        try:
            parsed = rtcp.parse(phone.control.recv(2048))
        except BlockingIOError:
            return found
        assert parsed is not None
        found += parsed


def test_reports_come_every_five_seconds_with_the_truth_in_them(studio: Studio) -> None:
    phone = studio.open("a", Phone(delay=lambda n: None if n % 4 == 3 else 0))
    phone.speak(tone(400))
    studio.step(50 * 60)
    found = reports(phone)
    assert 8 <= len(found) <= 20  # 60 s at 2.5 to 7.5 s
    assert {report.ssrc for report in found} == {phone.received[0].ssrc}
    last = found[-1]
    assert last.sender is not None
    assert last.sender.octets == 160 * last.sender.packets
    assert abs(last.sender.packets - 3000) < 400
    (block,) = last.blocks
    assert block.ssrc == phone.ssrc
    assert block.fraction_lost == pytest.approx(64, abs=2)
    assert block.lost == pytest.approx(last.sender.packets / 4, abs=2)


def test_senders_of_two_legs_do_not_report_in_step(studio: Studio) -> None:
    phones = [studio.open(leg, Phone()) for leg in "abcdef"]
    first = {}
    for tick in range(400):
        studio.step()
        for phone in phones:
            if reports(phone):
                first.setdefault(phone, tick)
    assert len(set(first.values())) >= 5


def test_loss_jitter_and_round_trip_are_taken_from_the_far_sides_report(studio: Studio) -> None:
    phone = studio.open("a", Phone())
    phone.speak(tone(400))
    studio.step(400)
    sent = reports(phone)[-1]
    assert sent.sender is not None
    heard_at = rtcp.middle(sent.sender.ntp)
    now = rtcp.middle(rtcp.ntp_time(studio.now + 1_700_000_000.0))
    since = now - heard_at - round(0.080 * 65536)  # so that 80 ms were spent on the way
    block = rtcp.ReportBlock(sent.ssrc, 26, 40, 0, 160, heard_at, since)
    data = rtcp.build(rtcp.Report(phone.ssrc, None, (block,)), cname=b"phone")
    phone.control.sendto(data, (phone.target[0], phone.target[1] + 1))
    studio.step()
    stats = studio.engine.stats()["a"]
    assert stats.remote_loss == pytest.approx(0.1, abs=0.001)
    assert stats.remote_jitter_ms == 20.0
    assert stats.round_trip_ms == pytest.approx(80, abs=0.1)


def test_reports_about_another_stream_are_not_ours(studio: Studio) -> None:
    phone = studio.open("a", Phone())
    studio.step(20)
    block = rtcp.ReportBlock(phone.received[0].ssrc ^ 1, 26, 40, 0, 160)
    phone.control.sendto(
        rtcp.build(rtcp.Report(1, None, (block,)), cname=b"x"), (phone.target[0], phone.target[1] + 1)
    )
    studio.step()
    assert studio.engine.stats()["a"].remote_loss == 0.0


def test_a_far_side_that_sends_both_on_one_port_is_answered_there(studio: Studio) -> None:
    phone = studio.open("a", Phone())
    phone.send(rtcp.build(rtcp.Report(phone.ssrc, None, ()), cname=b"phone"))
    studio.step(400)
    assert reports(phone) == []
    muxed = [rtcp.parse(data) for data in phone.raw if 192 <= data[1] <= 223]
    assert len(muxed) >= 1
    assert None not in muxed
    assert studio.engine.stats()["a"].malformed == 0


def test_closing_a_leg_says_goodbye(studio: Studio) -> None:
    phone = studio.open("a", Phone())
    studio.step(5)
    studio.phones.pop("a")
    studio.tell(CloseLeg("a"))
    data = phone.control.recv(2048)
    assert data[-8:-4] == bytes((0x81, rtcp.GOODBYE, 0, 1))
    phone.close()


def silent(studio: Studio) -> list[tuple[str, float]]:
    return [(event.leg, event.seconds) for event in studio.of(LegSilent)]


def test_a_far_side_that_stops_sending_is_told_once_a_silence() -> None:
    studio = Studio(settings=EngineSettings(legs_max=24, silent_s=3.0))
    a, b = studio.open("a", Phone()), studio.open("b", Phone())
    a.speak(tone(400))
    b.speak(tone(600))
    studio.step(200)
    assert silent(studio) == []
    a.hush()
    studio.step(400)
    assert [leg for leg, _ in silent(studio)] == ["a"]
    assert 3.0 <= silent(studio)[0][1] <= 4.0
    a.speak(tone(400))
    studio.step(100)
    a.hush()
    studio.step(400)
    assert [leg for leg, _ in silent(studio)] == ["a", "a"]
    studio.close()


def test_a_far_side_that_holds_us_or_is_not_known_yet_need_not_send() -> None:
    studio = Studio(settings=EngineSettings(legs_max=24, silent_s=1.0))
    phone = studio.open("a", Phone())
    studio.aim("a", phone, sends=False)
    studio.tell(OpenLeg("b", studio.engine.wire.free[0]))
    studio.step(300)
    assert silent(studio) == []
    studio.aim("a", phone)
    studio.step(40)
    assert silent(studio) == []  # the time starts with the end of the hold
    studio.step(120)
    assert [leg for leg, _ in silent(studio)] == ["a"]
    studio.close()
