"""An endpoint that dies and is followed by one that knows only the snapshots: no call is lost, none is doubled."""

from __future__ import annotations

import msgspec
import pytest

from marhaba.sip.endpoint import Endpoint
from marhaba.sip.endpoint_recovery import VERSION, BadSnapshot
from marhaba.sip.events import (
    EndpointSettings,
    IncomingCall,
    LegAnswered,
    LegEnded,
    LegEstablished,
    LegRinging,
    Trunk,
)
from marhaba.sip.message import Request, Response
from tests.sip.pairs import ANSWER, OTHER, Pair, Wire, answer_to, tokens
from tests.sip.wires import (
    CARRIER,
    SDP,
    SETTINGS,
    arrived,
    asked,
    called,
    carrier_wire,
    dialled,
    established,
    only,
)

CONTACT = "Contact: <sip:wire@203.0.113.5:5070>\n"


def reborn(wire: Wire, *legs: str) -> Wire:
    """The same far side before a new endpoint that adopted these legs."""
    shots = [wire.endpoint.snapshot(leg) for leg in legs]
    again = Wire(Endpoint(SETTINGS, tokens("again")), wire.flow.remote_host, wire.flow.remote_port)
    again.now = wire.now + 1.0
    again._count = wire._count
    for leg, shot in zip(legs, shots, strict=True):
        assert again.endpoint.adopt(again.now, shot) == leg
    return again


def test_a_call_that_is_up_goes_on_and_its_numbers_never_repeat() -> None:
    wire, leg, tag = established()
    wire.endpoint.send_info_digit(wire.now, leg, "1")
    before = asked(wire.heard())
    again = reborn(wire, leg)
    assert again.heard() == []
    again.endpoint.reoffer(again.now, leg, OTHER)
    reinvite = asked(again.heard())
    assert reinvite.cseq > before.cseq + 900
    assert (reinvite.call_id, reinvite.from_.tag, reinvite.to.tag) == (before.call_id, tag, before.to.tag)
    again.say(answer_to(reinvite, 200, body=ANSWER, lines=CONTACT))
    said = again.say(again.request("BYE", to_tag=tag, cseq=2))
    assert only(said).status == 200
    assert [it.by for it in again.of(LegEnded)] == ["remote"]


def test_two_restarts_from_one_snapshot_count_differently() -> None:
    wire, leg, _ = established()
    shot = wire.endpoint.snapshot(leg)
    numbers = []
    for now in (10.0, 75.0):
        endpoint = Endpoint(SETTINGS, tokens("x"))
        endpoint.adopt(now, shot)
        endpoint.hang_up(now, leg)
        again = Wire(endpoint)
        numbers.append(asked(again.heard()).cseq)
    assert numbers[1] - numbers[0] == 65


def test_an_answer_nobody_acknowledged_is_repeated_after_the_restart() -> None:
    wire = carrier_wire()
    leg = arrived(wire)
    wire.endpoint.answer(wire.now, leg, ANSWER)
    first = only(wire.heard())
    again = reborn(wire, leg)
    second = only(again.heard())
    assert second.to_bytes() == first.to_bytes()
    assert [it.status for it in again.wait(2) if isinstance(it, Response)] == [200, 200]
    again.say(again.request("ACK", to_tag=first.to.tag))
    assert again.of(LegEstablished)
    assert again.wait(3) == []


def test_a_call_that_rings_is_neither_lost_nor_doubled_when_its_invite_comes_again() -> None:
    wire = carrier_wire()
    invite = wire.request("INVITE", body=SDP, branch="z9hG4bKone")
    wire.say(invite)
    leg = wire.of(IncomingCall)[0].leg
    wire.endpoint.ring(wire.now, leg)
    tag = only(wire.heard()).to.tag
    again = reborn(wire, leg)
    again.say(invite)
    assert again.of(IncomingCall) == []
    again.endpoint.ring(again.now, leg)
    assert {it.status for it in again.heard() if isinstance(it, Response)} <= {100, 180}
    again.endpoint.answer(again.now, leg, ANSWER)
    answer = only(again.heard())
    assert (answer.status, answer.to.tag) == (200, tag)


def test_a_call_that_rang_unanswered_before_the_restart_is_not_kept_for_ever() -> None:
    wire = carrier_wire()
    leg = arrived(wire)
    again = reborn(wire, leg)
    said = again.wait(400)
    assert [it.status for it in said if isinstance(it, Response)][-1] == 487
    assert [it.reason for it in again.of(LegEnded)] == ["expired"]


def test_an_answered_call_whose_invite_comes_again_hears_its_answer() -> None:
    wire = carrier_wire()
    invite = wire.request("INVITE", body=SDP, branch="z9hG4bKone")
    wire.say(invite)
    leg = wire.of(IncomingCall)[0].leg
    wire.endpoint.answer(wire.now, leg, ANSWER)
    wire.heard()
    again = reborn(wire, leg)
    again.heard()
    again.say(invite)
    assert again.of(IncomingCall) == []


def test_our_invite_is_repeated_byte_for_byte_and_answered() -> None:
    wire = carrier_wire()
    invite = dialled(wire)
    again = reborn(wire, "out")
    second = asked(again.heard())
    assert second.to_bytes() == invite.to_bytes()
    again.say(answer_to(second, 180, lines=CONTACT))
    assert again.of(LegRinging)
    ack = asked(again.say(answer_to(second, 200, lines=CONTACT, body=ANSWER)))
    assert (ack.method, ack.cseq) == ("ACK", invite.cseq)
    assert again.of(LegAnswered) == [LegAnswered("out", ANSWER)]


def test_our_invite_of_before_the_restart_can_be_cancelled() -> None:
    wire = carrier_wire()
    dialled(wire)
    again = reborn(wire, "out")
    second = asked(again.heard())
    again.say(answer_to(second, 180, lines=CONTACT))
    again.endpoint.hang_up(again.now, "out")
    cancel = asked(again.heard())
    assert (cancel.method, cancel.via.branch) == ("CANCEL", second.via.branch)


def test_our_invite_of_before_the_restart_does_not_ring_for_ever() -> None:
    wire = carrier_wire()
    dialled(wire)
    again = reborn(wire, "out")
    second = asked(again.heard())
    again.say(answer_to(second, 180, lines=CONTACT))
    said = again.wait(400)
    assert "CANCEL" in {it.method for it in said if isinstance(it, Request)}
    assert [it.by for it in again.of(LegEnded)] == ["timeout"]


def test_a_2xx_from_before_the_restart_whose_ack_was_lost_is_acknowledged_again() -> None:
    wire, invite, ack = called()
    again = reborn(wire, "out")
    repeated = asked(again.say(answer_to(invite, 200, lines=CONTACT, body=ANSWER)))
    assert repeated.to_bytes() == ack.to_bytes()
    assert again.say(answer_to(invite, 200, lines=CONTACT, body=ANSWER, to_tag="another")) == []


def test_a_session_timer_goes_on() -> None:
    wire = carrier_wire()
    leg = arrived(wire, lines="Supported: timer\nSession-Expires: 90;refresher=uas\n")
    wire.endpoint.answer(wire.now, leg, ANSWER)
    tag = only(wire.heard()).to.tag
    wire.say(wire.request("ACK", to_tag=tag))
    again = reborn(wire, leg)
    assert next(it.method for it in again.wait(60) if isinstance(it, Request)) in ("UPDATE", "INVITE")


def test_odd_bytes_of_a_phone_survive() -> None:
    wire = carrier_wire()
    text = wire.request("INVITE", body=SDP).replace("\n", "\r\n").encode()
    wire.say(text.replace(b'"Wire"', b'"W\xe9\xff"'))
    leg = wire.of(IncomingCall)[0].leg
    wire.endpoint.answer(wire.now, leg, ANSWER)
    before = only(wire.heard())
    again = reborn(wire, leg)
    assert only(again.heard()).to_bytes() == before.to_bytes()


@pytest.mark.parametrize("broken", [b"", b"{}", b"\xff", b'{"version": 1}'])
def test_a_snapshot_that_cannot_be_read_is_refused(broken: bytes) -> None:
    with pytest.raises(BadSnapshot):
        carrier_wire().endpoint.adopt(0.0, broken)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"version": VERSION + 1}, "version"),
        ({"dialog": None}, "without its dialog"),
        ({"invite": "eA=="}, "cannot be read"),
        ({"invite": "U0lQLzIuMCAyMDAgT0sNCg0K"}, "INVITE"),
    ],
)
def test_a_snapshot_that_does_not_fit_is_refused(change: dict[str, object], told: str) -> None:
    wire, leg, _ = established()
    shot = msgspec.json.decode(wire.endpoint.snapshot(leg))
    fresh = Endpoint(SETTINGS, tokens("y"))
    with pytest.raises(BadSnapshot, match=told):
        fresh.adopt(0.0, msgspec.json.encode(shot | change))
    assert fresh.statistics()["legs"] == 0


def test_an_invite_that_is_a_response_is_no_invite() -> None:
    wire, leg, _ = established()
    wire.endpoint.hang_up(wire.now, leg)
    response = answer_to(asked(wire.heard()), 200)
    other, leg, _ = established()
    shot = msgspec.json.decode(other.endpoint.snapshot(leg), type=dict)
    shot["invite"] = msgspec.json.decode(msgspec.json.encode(response))
    with pytest.raises(BadSnapshot, match="is none"):
        Endpoint(SETTINGS, tokens("y")).adopt(0.0, msgspec.json.encode(shot))


def test_a_leg_that_lives_is_not_adopted_twice() -> None:
    wire, leg, _ = established()
    with pytest.raises(BadSnapshot, match="alive"):
        wire.endpoint.adopt(wire.now, wire.endpoint.snapshot(leg))


def test_what_is_over_has_no_snapshot() -> None:
    wire, leg, _ = established()
    wire.endpoint.hang_up(wire.now, leg)
    assert wire.endpoint.snapshot(leg) == b""
    assert wire.endpoint.snapshot("nobody") == b""


def test_both_ends_may_restart() -> None:
    pair = Pair()
    near, far = pair.up()
    shots = (pair.house.endpoint.snapshot(near), pair.peer.endpoint.snapshot(far))
    pair.house.restarted()
    pair.peer.restarted()
    pair.house.endpoint.adopt(pair.now, shots[0])
    pair.peer.endpoint.adopt(pair.now, shots[1])
    pair.peer.endpoint.hang_up(pair.now, far)
    pair.run(60)
    assert len(pair.house.ends(near)) == len(pair.peer.ends(far)) == 1
    assert pair.nothing_left()


def test_a_challenge_after_the_restart_is_answered_once_under_the_same_branch() -> None:
    trunk = Trunk("carrier", CARRIER, user="me", password="pw", keep_alive_s=0)
    settings = EndpointSettings(advertised_host="192.0.2.1", trunks=(trunk,))
    wire = carrier_wire(settings=settings)
    dialled(wire)
    shot = wire.endpoint.snapshot("out")
    branches = []
    for _ in range(2):
        again = carrier_wire(settings=settings)
        again.endpoint.adopt(again.now, shot)
        challenge = 'Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"\n'
        said = again.say(answer_to(asked(again.heard()), 407, lines=challenge))
        retry = next(it for it in said if isinstance(it, Request) and it.method == "INVITE")
        branches.append(retry.via.branch)
        assert retry.headers.get("Proxy-Authorization").startswith('Digest username="me"')
    assert branches[0] == branches[1]


def test_a_call_that_came_just_before_the_restart_is_answered_at_once() -> None:
    wire = carrier_wire()
    leg = arrived(wire)
    again = reborn(wire, leg)
    again.endpoint.answer(again.now, leg, ANSWER)
    assert only(again.heard()).status == 200


def test_a_call_that_cannot_be_carried_on_is_ended_after_the_restart() -> None:
    wire, leg, tag = established()
    shot = wire.endpoint.snapshot(leg)
    again = Wire(Endpoint(SETTINGS, tokens("again")), CARRIER)
    again.endpoint.farewell(5.0, shot)
    bye = asked(again.heard())
    assert (bye.method, bye.from_.tag) == ("BYE", tag)
    again.say(answer_to(bye, 200))
    again.wait(60)
    assert again.endpoint.statistics()["dialogs"] == 0


def test_a_call_that_rang_is_refused() -> None:
    wire = carrier_wire()
    leg = arrived(wire)
    again = Wire(Endpoint(SETTINGS, tokens("again")), CARRIER)
    again.endpoint.farewell(5.0, wire.endpoint.snapshot(leg))
    assert only(again.heard()).status == 480
    with pytest.raises(BadSnapshot):
        again.endpoint.farewell(5.0, b"x")


def test_whom_we_were_calling_is_not_called_again_and_rings_no_longer() -> None:
    """CANCEL alone: the INVITE once more would ring a phone that has refused it and forgotten."""
    wire = carrier_wire()
    sent = dialled(wire)
    again = Wire(Endpoint(SETTINGS, tokens("again")), CARRIER)
    again.endpoint.farewell(5.0, wire.endpoint.snapshot("out"))
    cancel = asked(again.heard())
    assert (cancel.method, cancel.via.branch, cancel.cseq) == ("CANCEL", sent.via.branch, sent.cseq)
    assert again.say(answer_to(cancel, 200)) == []
    assert asked(again.say(answer_to(sent, 487))).method == "ACK"
    again.wait(120)
    assert again.endpoint.statistics()["client_transactions"] == 0
    assert again.endpoint.statistics()["dialogs"] == 0


def test_an_answer_that_crossed_the_restart_is_acknowledged_and_ended() -> None:
    wire = carrier_wire()
    sent = dialled(wire)
    again = Wire(Endpoint(SETTINGS, tokens("again")), CARRIER)
    again.endpoint.farewell(5.0, wire.endpoint.snapshot("out"))
    again.heard()
    said = again.say(answer_to(sent, 200, body=ANSWER))
    assert [message.method for message in said if isinstance(message, Request)] == ["ACK", "BYE"]
