"""Plain calls between two endpoints: who dials, who answers, who ends it, and what is lost on the way."""

from __future__ import annotations

from typing import Any

import pytest

from marhaba.sip.events import (
    IncomingCall,
    LegAnswered,
    LegEnded,
    LegEstablished,
    LegRinging,
    Party,
    SipEvent,
)
from marhaba.sip.message import Request, parse
from tests.sip.pairs import ANSWER, CALLER, DELAY_S, OFFER, Pair, Side


def _kinds(events: list[SipEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


# -- a call from beginning to end -----------------------------------------------------------------------------------


def test_a_call_rings_is_answered_and_ended_by_the_caller() -> None:
    pair = Pair()
    pair.dial()
    incoming = pair.peer.one(IncomingCall)
    assert (incoming.dialled, incoming.caller, incoming.sdp) == ("0539000001", CALLER, OFFER)
    assert (incoming.trunk, incoming.user, incoming.replaces) == ("carrier", "", "")
    assert pair.peer.endpoint.ring(pair.now, incoming.leg)
    pair.run(1.0)
    assert pair.peer.endpoint.answer(pair.now, incoming.leg, ANSWER)
    pair.run(1.0)
    assert pair.house.endpoint.hang_up(pair.now, "out")
    pair.run(1.0)
    assert pair.house.events == [
        LegRinging("out", 180, b""),
        LegAnswered("out", ANSWER),
        LegEnded("out", "local", 200, "bye"),
    ]
    assert pair.peer.events[1:] == [
        LegEstablished(incoming.leg, b""),
        LegEnded(incoming.leg, "remote", 200, "bye"),
    ]
    pair.run(40.0)
    assert pair.nothing_left()


def test_a_call_is_ended_by_the_one_who_was_called() -> None:
    pair = Pair()
    house, peer = pair.up()
    assert pair.peer.endpoint.hang_up(pair.now, peer)
    pair.run(40.0)
    assert pair.house.ends(house) == [LegEnded(house, "remote", 200, "bye")]
    assert pair.peer.ends(peer) == [LegEnded(peer, "local", 200, "bye")]
    assert pair.nothing_left()


def test_both_hang_up_at_once_and_each_bye_is_answered_200() -> None:
    pair = Pair()
    house, peer = pair.up()
    pair.house.endpoint.hang_up(pair.now, house)
    pair.peer.endpoint.hang_up(pair.now, peer)
    pair.run(40.0)
    assert pair.house.ends(house) == [LegEnded(house, "local", 200, "bye")]
    assert pair.peer.ends(peer) == [LegEnded(peer, "local", 200, "bye")]
    finals = [
        data for _, data in [*pair.house.sent, *pair.peer.sent] if b"CSeq" in data and b"BYE\r\n" in data
    ]
    assert sum(data.startswith(b"SIP/2.0 200") for data in finals) == 2
    assert pair.nothing_left()


def test_early_media_is_handed_on_with_its_description() -> None:
    pair = Pair()
    pair.dial()
    leg = pair.peer.one(IncomingCall).leg
    pair.peer.endpoint.ring(pair.now, leg, sdp=ANSWER)
    pair.run(0.1)
    assert pair.house.one(LegRinging) == LegRinging("out", 183, ANSWER)


def test_the_far_side_may_ask_for_our_offer_and_answers_it_in_its_ack() -> None:
    pair = Pair()
    pair.dial_in(sdp=b"")
    leg = pair.house.one(IncomingCall).leg
    assert pair.house.one(IncomingCall).sdp == b""
    pair.house.endpoint.answer(pair.now, leg, OFFER)
    pair.run(0.02)
    ack = pair.peer.sent[-1][1]
    assert ack.startswith(b"ACK ")
    # The endpoint at the far end cannot answer in an ACK by itself: do it for it.
    pair = Pair()
    pair.dial_in(sdp=b"")
    leg = pair.house.one(IncomingCall).leg
    pair.fate = lambda data: [] if data.startswith(b"ACK") else [DELAY_S]
    pair.house.endpoint.answer(pair.now, leg, OFFER)
    pair.run(0.1)
    ack = next(data for _, data in pair.peer.sent if data.startswith(b"ACK"))
    kind = b"Content-Type: application/sdp\r\nContent-Length: %d" % len(ANSWER)
    pair.house.endpoint.receive(pair.now, ack.replace(b"Content-Length: 0", kind) + ANSWER, pair.house.flow)
    assert pair.house.endpoint.take_events() == [LegEstablished(leg, ANSWER)]


# -- no answer ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (302, "redirected"),
        (403, "forbidden"),
        (404, "not-found"),
        (408, "no-answer"),
        (480, "no-answer"),
        (486, "busy"),
        (488, "refused"),
        (503, "unavailable"),
        (600, "busy"),
        (603, "declined"),
    ],
)
def test_a_refusal_ends_both_legs_with_its_code(code: int, reason: str) -> None:
    pair = Pair()
    pair.dial()
    leg = pair.peer.one(IncomingCall).leg
    assert pair.peer.endpoint.reject(pair.now, leg, code, "Because", retry_after_s=7)
    pair.run(40.0)
    assert pair.house.events == [LegEnded("out", "remote", code, reason)]
    assert pair.peer.ends(leg) == [LegEnded(leg, "local", code, reason)]
    refusal = next(data for _, data in pair.peer.sent if data.startswith(b"SIP/2.0 %d Because" % code))
    assert b"\r\nRetry-After: 7\r\n" in refusal
    assert pair.nothing_left()


def test_a_caller_who_gives_up_while_it_rings_cancels() -> None:
    pair = Pair()
    pair.dial()
    leg = pair.peer.one(IncomingCall).leg
    pair.peer.endpoint.ring(pair.now, leg)
    pair.run(0.1)
    pair.house.endpoint.hang_up(pair.now, "out")
    assert pair.house.endpoint.take_events() == [LegEnded("out", "local", 487, "cancel")]
    pair.run(40.0)
    assert pair.peer.ends(leg) == [LegEnded(leg, "remote", 487, "cancel")]
    assert pair.house.of(LegEnded) == []
    assert pair.nothing_left()


REASON = b'\r\nReason: SIP;cause=200;text="Call completed elsewhere"\r\n'


def test_a_phone_is_told_that_another_one_was_quicker() -> None:
    pair = Pair()
    pair.dial()
    leg = pair.peer.one(IncomingCall).leg
    pair.peer.endpoint.ring(pair.now, leg)
    pair.run(0.1)
    pair.house.endpoint.hang_up(pair.now, "out", reason="elsewhere", elsewhere=True)
    assert pair.house.endpoint.take_events() == [LegEnded("out", "local", 487, "elsewhere")]
    pair.run(40.0)
    (cancel,) = {data for _, data in pair.house.sent if data.startswith(b"CANCEL")}
    assert REASON in cancel
    assert pair.peer.ends(leg) == [LegEnded(leg, "remote", 487, "elsewhere")]
    assert pair.nothing_left()


def test_a_phone_whose_answer_crosses_that_is_told_so_with_the_bye() -> None:
    pair = Pair()
    pair.dial()
    leg = pair.peer.one(IncomingCall).leg
    pair.peer.endpoint.ring(pair.now, leg)
    pair.run(0.1)
    pair.peer.endpoint.answer(pair.now, leg, ANSWER)
    pair.house.endpoint.hang_up(pair.now, "out", elsewhere=True)
    pair.run(60.0)
    (bye,) = {data for _, data in pair.house.sent if data.startswith(b"BYE")}
    assert REASON in bye
    assert pair.peer.of(LegEstablished) == [LegEstablished(leg, b"")]
    assert pair.peer.ends(leg) == [LegEnded(leg, "remote", 200, "bye")]
    assert pair.nothing_left()


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (b"Reason: SIP;cause=200;text=x", "elsewhere"),
        (b'Reason: Q.850;cause=26\r\nReason: sip ; text="a" ; cause = 200', "elsewhere"),
        (b"Reason: SIP;cause=2000", "cancel"),
        (b"Reason: SIP;cause=487", "cancel"),
        (b"Reason: Q.850;cause=200", "cancel"),
    ],
)
def test_why_a_call_is_cancelled_is_read(reason: bytes, told: str) -> None:
    pair = Pair()
    pair.dial()
    leg = pair.peer.one(IncomingCall).leg
    pair.peer.endpoint.ring(pair.now, leg)
    pair.run(0.1)
    pair.house.endpoint.hang_up(pair.now, "out")
    (sent,) = pair.house.endpoint.take_sends()
    data = sent.data.replace(b"\r\nMax-Forwards", b"\r\n" + reason + b"\r\nMax-Forwards")
    pair.peer.endpoint.receive(pair.now, data, pair.peer.flow)
    pair.run(40.0)
    assert pair.peer.ends(leg) == [LegEnded(leg, "remote", 487, told)]


def test_a_cancel_waits_until_something_was_heard() -> None:
    pair = Pair()
    pair.fate = lambda data: [1.0]
    pair.dial()
    pair.house.endpoint.hang_up(pair.now, "out")
    pair.run(0.5)
    assert pair.house.starts("CANCEL") == []
    pair.run(40.0)
    leg = pair.peer.one(IncomingCall).leg
    assert pair.house.starts("CANCEL") == pytest.approx([2.2, 2.7, 3.7])
    assert pair.peer.ends(leg) == [LegEnded(leg, "remote", 487, "cancel")]
    assert pair.nothing_left()


def test_an_answer_that_crosses_the_cancel_is_acknowledged_and_ended() -> None:
    pair = Pair()
    pair.dial()
    leg = pair.peer.one(IncomingCall).leg
    pair.peer.endpoint.ring(pair.now, leg)
    pair.run(0.1)
    pair.peer.endpoint.answer(pair.now, leg, ANSWER)
    pair.house.endpoint.hang_up(pair.now, "out")
    pair.run(60.0)
    assert pair.house.of(LegEnded) == [LegEnded("out", "local", 487, "cancel")]
    assert pair.house.of(LegAnswered) == []
    assert pair.peer.of(LegEstablished) == [LegEstablished(leg, b"")]
    assert pair.peer.ends(leg) == [LegEnded(leg, "remote", 200, "bye")]
    assert pair.house.endpoint.statistics()["unwanted_answers"] == 1
    assert pair.nothing_left()


def test_nobody_answers_within_the_ring_time() -> None:
    pair = Pair()
    pair.dial(ring_timeout_s=20)
    leg = pair.peer.one(IncomingCall).leg
    pair.peer.endpoint.ring(pair.now, leg)
    pair.run(60.0)
    assert pair.house.of(LegEnded) == [LegEnded("out", "timeout", 408, "no-answer")]
    assert pair.peer.ends(leg) == [LegEnded(leg, "remote", 487, "cancel")]
    assert pair.nothing_left()


def test_a_dead_far_side_ends_the_call_after_64_t1() -> None:
    pair = Pair()
    pair.fate = lambda data: []
    pair.dial()
    pair.run(31.0)
    assert pair.house.events == []
    pair.run(2.0)
    assert pair.house.events == [LegEnded("out", "timeout", 408, "timeout")]
    assert pair.nothing_left()


def test_an_incoming_call_nobody_decides_about_is_refused() -> None:
    pair = Pair()
    pair.fate = _Nth("CANCEL", 1_000)
    pair.dial_in()
    leg = pair.house.one(IncomingCall).leg
    pair.run(400.0)
    assert pair.house.ends(leg) == [LegEnded(leg, "timeout", 487, "expired")]
    assert pair.peer.one(LegEnded).leg == "far"
    pair.run(40.0)
    assert pair.nothing_left()


def test_the_caller_hears_trying_after_200_ms_and_his_ringing_again_each_minute() -> None:
    pair = Pair()
    pair.dial_in()
    leg = pair.house.one(IncomingCall).leg
    pair.run(0.5)
    assert pair.house.starts("SIP/2.0 100") == pytest.approx([0.21])
    pair.house.endpoint.ring(pair.now, leg)
    pair.run(130.0)
    assert pair.house.starts("SIP/2.0 180") == pytest.approx([0.6, 60.6, 120.6])
    assert len(pair.peer.of(LegRinging)) == 1


def test_a_call_answered_at_once_sends_no_trying() -> None:
    pair = Pair()
    pair.up(pair.peer)
    pair.run(1.0)
    assert pair.house.starts("SIP/2.0 100") == []


# -- losses -------------------------------------------------------------------------------------------------------


class _Nth:
    """Loses the first `count` messages that begin so."""

    def __init__(self, start: str, count: int = 1) -> None:
        self.start, self.left = start.encode(), count

    def __call__(self, data: bytes) -> list[float]:
        if self.left and data.startswith(self.start):
            self.left -= 1
            return []
        return [DELAY_S]


@pytest.mark.parametrize("lost", ["INVITE", "SIP/2.0 200", "ACK", "BYE"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_call_survives_the_loss_of_any_of_its_messages(lost: str, count: int) -> None:
    pair = Pair()
    pair.fate = _Nth(lost, count)
    pair.dial()
    pair.run(10.0)
    leg = pair.peer.one(IncomingCall).leg
    pair.peer.endpoint.answer(pair.now, leg, ANSWER)
    pair.run(10.0)
    assert pair.house.of(LegAnswered) == [LegAnswered("out", ANSWER)]
    assert pair.peer.of(LegEstablished) == [LegEstablished(leg, b"")]
    pair.house.endpoint.hang_up(pair.now, "out")
    pair.run(60.0)
    assert pair.peer.ends(leg) == [LegEnded(leg, "remote", 200, "bye")]
    assert pair.nothing_left()


def test_everything_twice_is_as_good_as_once() -> None:
    pair = Pair()
    pair.fate = lambda data: [DELAY_S, 3 * DELAY_S]
    house, _ = pair.up()
    pair.house.endpoint.hang_up(pair.now, house)
    pair.run(60.0)
    assert _kinds(pair.house.events) == ["LegAnswered", "LegEnded"]
    assert _kinds(pair.peer.events) == ["IncomingCall", "LegEstablished", "LegEnded"]
    assert pair.nothing_left()


def test_an_answer_that_is_never_acknowledged_ends_the_call() -> None:
    pair = Pair()
    pair.fate = _Nth("ACK", 1_000)
    pair.dial_in()
    leg = pair.house.one(IncomingCall).leg
    pair.house.endpoint.answer(pair.now, leg, OFFER)
    pair.run(100.0)
    # 13.3.1.4: at T1, doubling up to T2
    expected = [0.1, 0.6, 1.6, 3.6, 7.6, 11.6, 15.6, 19.6, 23.6, 27.6, 31.6]
    assert pair.house.starts("SIP/2.0 200")[:11] == pytest.approx(expected)
    assert pair.house.ends(leg) == [LegEnded(leg, "timeout", 408, "no-ack")]
    assert pair.peer.one(LegEnded) == LegEnded("far", "remote", 200, "bye")
    assert pair.nothing_left()


def test_hanging_up_before_the_ack_waits_with_the_bye() -> None:
    pair = Pair()
    pair.dial_in()
    leg = pair.house.one(IncomingCall).leg
    pair.house.endpoint.answer(pair.now, leg, OFFER)
    assert pair.house.endpoint.hang_up(pair.now, leg, reason="changed-mind")
    assert pair.house.endpoint.take_events() == [LegEnded(leg, "local", 200, "changed-mind")]
    assert len(pair.house.endpoint.sends) == 1  # the 200 alone
    pair.run(40.0)
    assert pair.house.starts("BYE") == pytest.approx([0.1 + 2 * DELAY_S])
    assert pair.peer.one(LegEnded) == LegEnded("far", "remote", 200, "bye")
    assert pair.nothing_left()


def test_hanging_up_when_the_ack_never_comes_sends_the_bye_in_the_end() -> None:
    pair = Pair()
    pair.fate = _Nth("ACK", 1_000)
    pair.dial_in()
    leg = pair.house.one(IncomingCall).leg
    pair.house.endpoint.answer(pair.now, leg, OFFER)
    pair.house.endpoint.hang_up(pair.now, leg)
    pair.run(100.0)
    assert pair.house.ends(leg) == [LegEnded(leg, "local", 200, "bye")]
    assert pair.house.starts("BYE") == pytest.approx([32.1])
    assert pair.nothing_left()


# -- verbs on legs that are not there --------------------------------------------------------------------------------


def test_verbs_for_legs_that_are_over_do_nothing() -> None:
    pair = Pair()
    house, peer = pair.up()
    pair.house.endpoint.hang_up(pair.now, house)
    pair.run(1.0)
    for side, leg in ((pair.house, house), (pair.house, "never"), (pair.peer, peer)):
        it, now = side.endpoint, pair.now
        said = [
            it.ring(now, leg),
            it.answer(now, leg, OFFER),
            it.reject(now, leg, 486),
            it.hang_up(now, leg),
            it.reoffer(now, leg, OFFER),
            it.accept_offer(now, leg, OFFER),
            it.refuse_offer(now, leg),
            it.accept_refer(now, f"{leg}/1"),
            it.refuse_refer(now, f"{leg}/1", 603),
            it.notify_refer(now, f"{leg}/1", 200),
            it.refer(now, leg, "sip:a@b"),
            it.send_info_digit(now, leg, "1"),
        ]
        assert said == [False] * 12
        assert it.snapshot(leg) == b""
        assert it.take_sends() == []


def test_verbs_that_do_not_fit_the_state_do_nothing() -> None:
    pair = Pair()
    pair.dial()
    it, leg = pair.house.endpoint, "out"
    said = [
        it.ring(pair.now, leg),
        it.answer(pair.now, leg, OFFER),
        it.reject(pair.now, leg, 486),
        it.reoffer(pair.now, leg, OFFER),
        it.refer(pair.now, leg, "sip:a@b"),
        it.send_info_digit(pair.now, leg, "1"),
        it.accept_offer(pair.now, leg, OFFER),
    ]
    assert said == [False] * 7


# -- what an INVITE of ours looks like -------------------------------------------------------------------------------


def _invite(side: Side, pair: Pair, **more: Any) -> Request:
    data = pair.dial(**more)
    message = parse(data)
    assert side.sent[0][1] == data
    assert isinstance(message, Request)
    return message


def test_the_invite_returned_is_the_invite_sent() -> None:
    pair = Pair()
    invite = _invite(pair.house, pair, headers=(("X-Queue", "accueil\r\nEvil: yes"),), call_id="given")
    assert invite.call_id == "given"
    assert invite.headers.get("X-Queue") == "accueil Evil: yes"
    assert "Evil" not in invite.headers
    assert str(invite.from_.uri) == "sip:+212539000000@192.0.2.1"
    assert invite.from_.display == "Amina"
    assert invite.body == OFFER


def test_a_hidden_caller_is_hidden_everywhere() -> None:
    pair = Pair()
    invite = _invite(pair.house, pair, caller=Party("anonymous", "Amina"))
    assert str(invite.from_.uri) == "sip:anonymous@anonymous.invalid"
    assert invite.headers.get("Privacy") == "id"
    assert b"Amina" not in invite.to_bytes()
    assert pair.peer.one(IncomingCall).caller == Party("anonymous", "")


def test_names_cannot_write_headers() -> None:
    pair = Pair()
    party = Party('1"; <sip:x@y>', 'A "quoted\\" \u202ename\r\nEvil: yes' + 200 * "x")
    invite = _invite(pair.house, pair, caller=party)
    assert "Evil" not in invite.headers
    assert invite.from_.display.startswith('A "quoted\\" name Evil: yesxxx')
    assert len(invite.from_.display) == 80
    assert invite.from_.uri.user_decoded == '1"; <sip:x@y>'


def test_a_target_keeps_its_parameters_but_neither_method_nor_headers() -> None:
    pair = Pair()
    invite = _invite(pair.house, pair, target="sip:a%20b@192.0.2.2:5070;ob;method=BYE?Subject=x")
    assert str(invite.uri) == "sip:a%20b@192.0.2.2:5070;ob"
    assert str(invite.to.uri) == "sip:a%20b@192.0.2.2:5070"
    pair = Pair()
    invite = _invite(pair.house, pair, target="tel:+212539000000")
    assert (str(invite.uri), str(invite.to.uri)) == ("tel:+212539000000", "tel:+212539000000")
    assert pair.peer.one(IncomingCall).dialled == "+212539000000"
