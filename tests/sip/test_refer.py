"""Transfers and keys, both ways: REFER with its NOTIFYs (RFC 3515, 3891, 4488), digits in INFO."""

from __future__ import annotations

import pytest

from marhaba.sip.events import IncomingCall, InfoDigit, LegEnded, Referred
from marhaba.sip.message import Request
from tests.sip.pairs import ANSWER, OFFER, Pair, Wire, answer_to
from tests.sip.wires import asked, dialled, established, only

TO_CARRIER = "Refer-To: <sip:0522000000@192.0.2.1>\n"


def refers(wire: Wire, tag: str, lines: str, *, cseq: int = 2) -> int:
    """They REFER within the call: the status of our answer, or 0 while the floor has not said."""
    said = wire.say(wire.request("REFER", to_tag=tag, cseq=cseq, lines=lines))
    return only(said).status if said else 0


def test_a_transfer_is_accepted_and_told_to_its_end() -> None:
    wire, leg, tag = established()
    assert refers(wire, tag, TO_CARRIER) == 0
    (event,) = wire.of(Referred)
    assert (event.leg, event.target, event.replaces) == (leg, "0522000000", "")
    assert wire.endpoint.accept_refer(wire.now, event.refer)
    accepted, trying = wire.heard()
    assert not isinstance(accepted, Request)
    assert accepted.status == 202
    assert isinstance(trying, Request)
    assert trying.method == "NOTIFY"
    assert trying.headers.get("Event") == "refer"
    assert trying.headers.get("Subscription-State") == "active;expires=60"
    assert trying.body == b"SIP/2.0 100 Trying\r\n"
    wire.say(answer_to(trying, 200))
    assert wire.endpoint.notify_refer(wire.now, event.refer, 180)
    wire.say(answer_to(asked(wire.heard()), 200))
    assert wire.endpoint.notify_refer(wire.now, event.refer, 200)
    last = asked(wire.heard())
    assert last.headers.get("Subscription-State") == "terminated;reason=noresource"
    assert last.body.startswith(b"SIP/2.0 200")
    assert not wire.endpoint.notify_refer(wire.now, event.refer, 200), "it is over"
    assert not wire.endpoint.accept_refer(wire.now, event.refer)


def test_a_transfer_is_refused() -> None:
    wire, _, tag = established()
    refers(wire, tag, TO_CARRIER)
    (event,) = wire.of(Referred)
    assert wire.endpoint.refuse_refer(wire.now, event.refer, 603)
    assert only(wire.heard()).status == 603
    assert not wire.endpoint.refuse_refer(wire.now, event.refer, 603)
    assert not wire.endpoint.accept_refer(wire.now, event.refer)


def test_the_second_transfer_of_a_call_names_itself_in_its_notifies() -> None:
    wire, _, tag = established()
    refers(wire, tag, TO_CARRIER)
    refers(wire, tag, TO_CARRIER, cseq=3)
    second = wire.of(Referred)[1]
    wire.endpoint.accept_refer(wire.now, second.refer)
    _, notify = wire.heard()
    assert notify.headers.get("Event") == "refer;id=3"


def test_a_phone_may_want_no_notifies() -> None:
    wire, _, tag = established()
    refers(wire, tag, TO_CARRIER + "Refer-Sub: false\n")
    (event,) = wire.of(Referred)
    wire.endpoint.accept_refer(wire.now, event.refer)
    answer = only(wire.heard())
    assert answer.status == 202
    assert answer.headers.get("Refer-Sub") == "false"
    assert wire.endpoint.notify_refer(wire.now, event.refer, 200)
    assert wire.heard() == []


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "Refer-To: <mailto:a@b.example>\n",
        "Refer-To: <sip:\n",
        TO_CARRIER + TO_CARRIER,
    ],
)
def test_a_transfer_to_nowhere_is_refused(lines: str) -> None:
    wire, _, tag = established()
    assert refers(wire, tag, lines) == 400
    assert wire.of(Referred) == []


def test_too_many_transfers_at_once_are_put_off() -> None:
    wire, _, tag = established()
    said = [refers(wire, tag, TO_CARRIER, cseq=cseq) for cseq in range(2, 7)]
    assert said == [0, 0, 0, 0, 503]
    assert len(wire.of(Referred)) == 4


def test_a_transfer_of_a_call_that_only_rings_is_refused() -> None:
    wire, leg, _ = established()
    arrived_tag = ring(wire)
    said = wire.say(
        wire.request("REFER", call_id="second", from_tag="ft2", to_tag=arrived_tag, cseq=2, lines=TO_CARRIER)
    )
    assert only(said).status == 500
    assert leg


def ring(wire: Wire) -> str:
    """A second call of theirs that rings: our tag."""
    wire.say(
        wire.request("INVITE", call_id="second", from_tag="ft2", body=OFFER.decode().replace("\r\n", "\n"))
    )
    wire.endpoint.ring(wire.now, arrived_last(wire))
    return only(wire.heard()).to.tag


def arrived_last(wire: Wire) -> str:
    return wire.of(IncomingCall)[-1].leg


def test_a_transfer_asked_by_whom_we_still_call_is_refused() -> None:
    pair = Pair()
    pair.dial("out")
    pair.peer.endpoint.ring(pair.now, pair.peer.one(IncomingCall).leg)
    pair.run(0.1)
    response = next(data for _, data in pair.peer.sent if data.startswith(b"SIP/2.0 180"))
    fields = dict(line.split(b": ", 1) for line in response.split(b"\r\n")[1:] if b": " in line)
    refer = (
        b"REFER sip:marhaba@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKearly\r\nFrom: %s\r\n"
        b"To: %s\r\nCall-ID: %s\r\nCSeq: 5 REFER\r\nMax-Forwards: 70\r\nRefer-To: <sip:1@192.0.2.1>\r\n"
        b"Content-Length: 0\r\n\r\n" % (fields[b"To"], fields[b"From"], fields[b"Call-ID"])
    )
    pair.house.endpoint.receive(pair.now, refer, pair.house.flow)
    pair.run(0)
    assert pair.house.sent[-1][1].startswith(b"SIP/2.0 481")
    assert pair.house.of(Referred) == []


def attended(wire: Wire, tag: str, call_id: str, to_tag: str, from_tag: str) -> int:
    replaces = f"{call_id}%3Bto-tag%3D{to_tag}%3Bfrom-tag%3D{from_tag}"
    return refers(wire, tag, f"Refer-To: <sip:brahim@192.0.2.1?Replaces={replaces}>\n")


def second_call(wire: Wire) -> tuple[str, str]:
    """Another call of the same phone, up: its leg and our tag."""
    tag = ring(wire)
    leg = arrived_last(wire)
    wire.endpoint.answer(wire.now, leg, ANSWER)
    wire.heard()
    wire.say(wire.request("ACK", call_id="second", from_tag="ft2", to_tag=tag))
    return leg, tag


@pytest.mark.parametrize("turned", [False, True])
def test_an_attended_transfer_names_the_other_call_whichever_way_round(turned: bool) -> None:
    wire, _, tag = established()
    other, other_tag = second_call(wire)
    tags = ("ft2", other_tag) if turned else (other_tag, "ft2")
    assert attended(wire, tag, "second", *tags) == 0
    (event,) = wire.of(Referred)
    assert (event.target, event.replaces) == ("brahim", other)


@pytest.mark.parametrize("wrong", ["call", "to", "from", "over"])
def test_an_attended_transfer_to_a_call_that_is_not_is_refused(wrong: str) -> None:
    wire, _, tag = established()
    other, other_tag = second_call(wire)
    if wrong == "over":
        wire.endpoint.hang_up(wire.now, other)
        wire.heard()
    call_id = "third" if wrong == "call" else "second"
    to_tag = "nobody" if wrong == "to" else other_tag
    from_tag = "somebody" if wrong == "from" else "ft2"
    assert attended(wire, tag, call_id, to_tag, from_tag) == 481
    assert wire.of(Referred) == []


def test_an_attended_transfer_may_name_a_call_of_ours_that_rings() -> None:
    """The phone asks a colleague whose phone still rings: early dialogs count."""
    wire, _, tag = established()
    invite = dialled(wire)
    wire.say(answer_to(invite, 180, to_tag="rings", lines="Contact: <sip:x@203.0.113.5:5070>\n"))
    assert attended(wire, tag, invite.call_id, invite.from_.tag, "rings") == 0
    assert wire.of(Referred)[0].replaces == "out"


def test_when_the_call_ends_a_transfer_nobody_answered_is_answered() -> None:
    wire, leg, tag = established()
    refers(wire, tag, TO_CARRIER)
    wire.endpoint.hang_up(wire.now, leg)
    said = wire.heard()
    assert sorted(it.status for it in said if not isinstance(it, Request)) == [487]
    assert [it.method for it in said if isinstance(it, Request)] == ["BYE"]


def test_when_the_call_ends_an_accepted_transfer_is_forgotten() -> None:
    wire, leg, tag = established()
    refers(wire, tag, TO_CARRIER)
    (event,) = wire.of(Referred)
    wire.endpoint.accept_refer(wire.now, event.refer)
    wire.heard()
    wire.endpoint.hang_up(wire.now, leg)
    assert [it.method for it in wire.heard() if isinstance(it, Request)] == ["BYE"]
    assert not wire.endpoint.notify_refer(wire.now, event.refer, 200)


def test_a_phone_that_forgot_its_transfer_is_told_no_more() -> None:
    wire, _, tag = established()
    refers(wire, tag, TO_CARRIER)
    (event,) = wire.of(Referred)
    wire.endpoint.accept_refer(wire.now, event.refer)
    _, notify = wire.heard()
    assert isinstance(notify, Request)
    wire.say(answer_to(notify, 481))
    assert not wire.endpoint.notify_refer(wire.now, event.refer, 200)
    assert wire.of(LegEnded) == []


def test_our_own_transfer_is_sent_and_its_notifies_are_answered() -> None:
    wire, leg, tag = established()
    assert wire.endpoint.refer(wire.now, leg, "sip:0522000000@192.0.2.1")
    refer = asked(wire.heard())
    assert refer.method == "REFER"
    assert refer.headers.get("Refer-To") == "<sip:0522000000@192.0.2.1>"
    assert refer.headers.get("Referred-By") == "<sip:0539000000@192.0.2.1>"
    wire.say(answer_to(refer, 202))
    for cseq, event, status in ((2, "refer", 200), (3, "Refer;id=2", 200), (4, "presence", 481)):
        lines = f"Event: {event}\nSubscription-State: active\n"
        assert only(wire.say(wire.request("NOTIFY", to_tag=tag, cseq=cseq, lines=lines))).status == status


def test_a_notify_nobody_asked_for_is_refused() -> None:
    wire, _, tag = established()
    lines = "Event: refer\nSubscription-State: active\n"
    assert only(wire.say(wire.request("NOTIFY", to_tag=tag, cseq=2, lines=lines))).status == 481


def test_transfers_and_keys_wait_for_the_call_to_be_up() -> None:
    wire, _, _ = established()
    ring(wire)
    leg = arrived_last(wire)
    assert not wire.endpoint.refer(wire.now, leg, "sip:1@192.0.2.1")
    assert not wire.endpoint.send_info_digit(wire.now, leg, "5")
    assert wire.heard() == []


# -- keys ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "body", "digit"),
    [
        ("application/dtmf-relay", "Signal=5\nDuration=160\n", "5"),
        ("application/dtmf-relay; charset=utf-8", "signal = d\nDuration=160\n", "D"),
        ("Application/DTMF", "#", "#"),
        ("application/dtmf", " a\n", "A"),
    ],
)
def test_a_key_is_read(kind: str, body: str, digit: str) -> None:
    wire, leg, tag = established()
    said = wire.say(wire.request("INFO", to_tag=tag, cseq=2, body=body, content_type=kind))
    assert only(said).status == 200
    assert wire.of(InfoDigit) == [InfoDigit(leg, digit)]


@pytest.mark.parametrize(
    ("kind", "body", "lines", "status"),
    [
        ("application/dtmf-relay", "Signal=x\n", "", 400),
        ("application/dtmf", "55", "", 400),
        ("application/xml", "<a/>", "", 415),
        ("application/dtmf", "5", "Info-Package: dtmf\n", 469),
        ("", "", "", 200),
    ],
)
def test_what_is_no_key_is_answered_and_not_pressed(kind: str, body: str, lines: str, status: int) -> None:
    wire, _, tag = established()
    said = wire.say(wire.request("INFO", to_tag=tag, cseq=2, body=body, content_type=kind, lines=lines))
    assert only(said).status == status
    assert wire.of(InfoDigit) == []


@pytest.mark.parametrize(("status", "ended"), [(200, False), (415, False), (481, True), (408, True)])
def test_a_key_of_ours_shows_when_the_far_side_has_lost_the_call(status: int, ended: bool) -> None:
    wire, leg, _ = established()
    assert wire.endpoint.send_info_digit(wire.now, leg, "#")
    info = asked(wire.heard())
    assert info.body == b"Signal=#\r\nDuration=160\r\n"
    said = wire.say(answer_to(info, status))
    assert [it.reason for it in wire.of(LegEnded)] == (["lost"] if ended else [])
    assert [it.method for it in said if isinstance(it, Request)] == (["BYE"] if ended else [])


def test_a_key_nobody_answers_ends_nothing() -> None:
    """INFO may be dropped by a network element that does not know it: silence is no proof."""
    wire, leg, _ = established()
    wire.endpoint.send_info_digit(wire.now, leg, "1")
    wire.wait(40)
    assert wire.of(LegEnded) == []
