"""What fuzzing throws and at what: seeds from the RFCs and from calls of our own, and an endpoint in the middle of its day."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from marhaba.sip.errors import BadMessage
from marhaba.sip.events import Flow, IncomingCall, LegEnded, Referred, Reoffered, Send, SipEvent
from marhaba.sip.message import Request, parse
from tests.sip.pairs import ANSWER, OTHER, Pair, Wire, answer_to
from tests.sip.wires import CARRIER, STRANGER, dialled, established

TORTURE = Path(__file__).parent.parent / "sip" / "torture"
SOURCES = (
    Flow("udp", "192.0.2.1", 5060, CARRIER, 5060),
    Flow("udp", "192.0.2.1", 5060, STRANGER, 5070),
    Flow("tcp", "192.0.2.1", 5060, CARRIER, 40_000, 7),
    Flow("tls", "192.0.2.1", 5061, "2001:db8::9", 40_001, 8),
)
"""A carrier and a stranger by datagrams, a carrier and a stranger on streams."""
ASK = (
    b"OPTIONS sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.5:5060;branch=z9hG4bKstillhere\r\n"
    b"From: <sip:a@203.0.113.5>;tag=1\r\nTo: <sip:192.0.2.1>\r\nCall-ID: still\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


PROGRESS = "Contact: <sip:wire@203.0.113.5:5070>\nRequire: 100rel\nRSeq: 1\n"


@cache
def seeds() -> tuple[bytes, ...]:
    """Messages of RFC 4475 and RFC 5118, of a call of ours with all that may happen in one, and within a call."""
    found = [path.read_bytes() for path in sorted(TORTURE.glob("*/*.dat"))]
    return (*found, *_of_our_own(), *_within_a_call())


def _of_our_own() -> list[bytes]:
    pair = Pair()
    leg, far = pair.up()
    pair.house.endpoint.reoffer(pair.now, leg, OTHER)
    pair.run(0.1)
    pair.peer.endpoint.accept_offer(pair.now, far, ANSWER)
    pair.run(0.1)
    pair.house.endpoint.refer(pair.now, leg, "sip:0539000002@192.0.2.1")
    pair.house.endpoint.send_info_digit(pair.now, leg, "5")
    pair.run(0.1)
    pair.peer.endpoint.accept_refer(pair.now, pair.peer.one(Referred).refer)
    pair.house.endpoint.hang_up(pair.now, leg)
    pair.run(0.1)
    pair.dial("second")
    pair.house.endpoint.hang_up(pair.now, "second")
    pair.run(1)
    return [data for side in (pair.house, pair.peer) for _, data in side.sent]


def _within_a_call() -> list[bytes]:
    """Messages that fit the calls of `_day`: its tags and numbers are always the same."""
    wire, tag, ours = _day()
    early = {"to_tag": ours.from_.tag, "from_tag": "wt", "call_id": ours.call_id}
    texts = [
        wire.request("UPDATE", lines="Supported: timer\n", **early),
        wire.request("INFO", cseq=2, body="Signal=5\n", content_type="application/dtmf-relay", **early),
        wire.request("INVITE", cseq=2, body=OTHER.decode().replace("\r\n", "\n"), **early),
        wire.request("BYE", cseq=2, **early),
        wire.request("CANCEL", branch="z9hG4bKw3", call_id="ringing", from_tag="ft2"),
        answer_to(ours, 183, lines=PROGRESS.replace("RSeq: 1", "RSeq: 2")).decode().replace("\r\n", "\n"),
        answer_to(ours, 200, lines=PROGRESS, body=ANSWER).decode().replace("\r\n", "\n"),
        wire.request("REFER", to_tag=tag, cseq=2, lines="Refer-To: <sip:2@192.0.2.1>\n"),
        wire.request("INVITE", to_tag=tag, cseq=2, body=OTHER.decode().replace("\r\n", "\n")),
        wire.request("UPDATE", to_tag=tag, cseq=2, lines="Session-Expires: 90;refresher=uas\nMin-SE: 90\n"),
        wire.request(
            "REFER", to_tag=tag, cseq=2, lines="Refer-To: <sip:2@192.0.2.1?Replaces=w%3Bto-tag%3D1>\n"
        ),
        wire.request("PRACK", to_tag=tag, cseq=2, lines="RAck: 1 1 INVITE\n"),
        wire.request("NOTIFY", to_tag=tag, cseq=2, lines="Event: refer\nSubscription-State: active\n"),
        wire.request("INFO", to_tag=tag, cseq=2, body="Signal=5\n", content_type="application/dtmf-relay"),
        wire.request("BYE", to_tag=tag, cseq=2),
        wire.request("CANCEL", branch="z9hG4bKw1"),
        wire.request(
            "REGISTER", lines='Authorization: Digest username="agent7", realm="marhaba", nonce="n"\n'
        ),
        wire.request("INVITE", call_id="new", lines="Supported: 100rel, timer\nRequire: 100rel\n"),
        wire.request("INVITE", call_id="new", lines=f"Replaces: wire;to-tag={tag};from-tag=ft\n"),
    ]
    return [text.replace("\n", "\r\n").encode() for text in texts]


def _day() -> tuple[Wire, str, Request]:
    """A call that is up (its tag of ours), one that rings, and one that we make (our INVITE) and that has progressed."""
    wire, _, tag = established()
    wire.endpoint.ring(wire.now, arrived_again(wire))
    wire.heard()
    ours = dialled(wire)
    wire.say(answer_to(ours, 183, lines=PROGRESS, body=ANSWER))
    return wire, tag, ours


def throw(datagrams: list[tuple[bytes, int]]) -> list[SipEvent]:
    """Give datagrams to an endpoint with a call that is up, one that rings and one that we make. Nothing may raise.

    The floor does what it would: rings and answers calls, accepts offers and transfers. In the end the endpoint still
    answers, whatever it was told, and every leg that it ended it ended once. Returns what it told the floor.
    """
    wire, _, _ = _day()
    endpoint, now = wire.endpoint, wire.now
    told: list[SipEvent] = []
    for data, source in datagrams:
        now += 0.3
        endpoint.receive(now, data, SOURCES[source % len(SOURCES)])
        for event in endpoint.take_events():
            if isinstance(event, IncomingCall):
                endpoint.ring(now, event.leg, sdp=ANSWER)
                endpoint.answer(now, event.leg, ANSWER)
                endpoint.snapshot(event.leg)
            elif isinstance(event, Reoffered):
                endpoint.accept_offer(now, event.leg, ANSWER)
            elif isinstance(event, Referred):
                endpoint.accept_refer(now, event.refer)
                endpoint.notify_refer(now, event.refer, 200)
            assert msgspec.json.encode(event), "the floor must be able to write it down"
            told.append(event)
        endpoint.wake(now)
        _readable(endpoint.take_sends())
    ended = [event.leg for event in told if isinstance(event, LegEnded)]
    assert len(ended) == len(set(ended))
    endpoint.receive(now, ASK, SOURCES[0])
    assert any(
        isinstance(send, Send) and send.data.startswith(b"SIP/2.0 200 OK\r\n")
        for send in endpoint.take_sends()
    )
    return told


def arrived_again(wire: Wire) -> str:
    """A second call of the same far side, whose To tag and Call-ID differ from the first one's."""
    wire.say(
        wire.request("INVITE", call_id="ringing", from_tag="ft2", body=ANSWER.decode().replace("\r\n", "\n"))
    )
    return wire.of(IncomingCall)[-1].leg


def _readable(sends: list[Send]) -> None:
    """What we say ourselves can be read by a parser as strict as ours, but where it echoes a header of theirs."""
    for send in sends:
        data = send.data
        try:
            message = parse(data)
        except BadMessage:
            assert data.startswith(b"SIP/2.0 "), data  # a response repeats what it answers, right or wrong
            continue
        assert message.to_bytes()
        assert isinstance(message, Request) or 100 <= message.status <= 699
