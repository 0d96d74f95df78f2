"""Reliable provisional responses (RFC 3262), ours and theirs."""

from __future__ import annotations

import pytest

from marhaba.sip.events import LegAnswered, LegEnded, LegRinging
from marhaba.sip.message import Request, Response
from tests.sip.pairs import ANSWER, OFFER, OTHER, Wire, answer_to
from tests.sip.wires import arrived, asked, carrier_wire, dialled, only

REQUIRED = "Require: 100rel\n"
CONTACT = "Contact: <sip:wire@203.0.113.5:5070>\n"
OFFER_TEXT = OFFER.decode().replace("\r\n", "\n")


def ringing(*, sdp: bytes = b"", body: str = OFFER_TEXT) -> tuple[Wire, str, Response]:
    """A call that requires 100rel and rings: wire, leg, our reliable 180."""
    wire = carrier_wire()
    leg = arrived(wire, lines=REQUIRED, body=body)
    assert wire.endpoint.ring(wire.now, leg, sdp=sdp)
    return wire, leg, only(wire.heard())


def rack(response: Response, *, rseq: int = 0, cseq: int = 1, method: str = "INVITE") -> str:
    return f"RAck: {int(response.headers.get('RSeq')) + rseq} {cseq} {method}\n"


def pracks(
    wire: Wire, response: Response, lines: str, *, cseq: int = 2, body: str = ""
) -> list[Request | Response]:
    return wire.say(wire.request("PRACK", to_tag=response.to.tag, cseq=cseq, lines=lines, body=body))


def test_ringing_is_repeated_until_it_is_acknowledged() -> None:
    wire, _, first = ringing()
    assert (first.status, first.headers.get("Require")) == (180, "100rel")
    again = wire.wait(4)
    assert [it.status for it in again if isinstance(it, Response)] == [180, 180, 180]
    assert only(pracks(wire, first, rack(first))).status == 200
    assert [it for it in wire.wait(20) if isinstance(it, Response) and it.status == 180] == []


def test_a_call_whose_ringing_is_never_acknowledged_ends() -> None:
    wire, leg, _ = ringing()
    said = wire.wait(33)
    last = said[-1]
    assert isinstance(last, Response)
    assert last.status == 504
    assert wire.of(LegEnded) == [LegEnded(leg, "timeout", 504, "no-prack")]


@pytest.mark.parametrize("wrong", [{"rseq": 1}, {"cseq": 9}, {"method": "UPDATE"}])
def test_an_acknowledgement_of_something_else_is_refused(wrong: dict[str, int]) -> None:
    wire, _, first = ringing()
    assert only(pracks(wire, first, rack(first, **wrong))).status == 481  # type: ignore[arg-type]


@pytest.mark.parametrize("lines", ["", "RAck: x\n", "RAck: 1 INVITE\n"])
def test_an_acknowledgement_of_nothing_is_refused(lines: str) -> None:
    wire, _, first = ringing()
    assert only(pracks(wire, first, lines)).status == 481


def test_an_acknowledgement_that_comes_twice_is_answered_once_and_then_refused() -> None:
    wire, _, first = ringing()
    pracks(wire, first, rack(first))
    assert only(pracks(wire, first, rack(first), cseq=3)).status == 481


@pytest.mark.parametrize("sdp", [b"", ANSWER])
def test_the_answer_waits_for_the_acknowledgement(sdp: bytes) -> None:
    wire, leg, first = ringing(sdp=sdp)
    assert wire.endpoint.answer(wire.now, leg, ANSWER)
    assert wire.heard() == []
    said = pracks(wire, first, rack(first))
    assert [it.status for it in said if isinstance(it, Response)] == [200, 200]
    assert said[1].body == ANSWER


def test_a_second_ringing_waits_for_the_first_and_counts_up() -> None:
    wire, leg, first = ringing()
    assert wire.endpoint.ring(wire.now, leg, sdp=ANSWER)
    assert wire.heard() == []
    said = pracks(wire, first, rack(first))
    assert [it.status for it in said if isinstance(it, Response)] == [200, 183]
    assert int(said[1].headers.get("RSeq")) == int(first.headers.get("RSeq")) + 1


def test_our_offer_in_a_provisional_is_answered_in_the_acknowledgement() -> None:
    wire, leg, first = ringing(sdp=OFFER, body="")
    assert only(pracks(wire, first, rack(first), body=OTHER.decode().replace("\r\n", "\n"))).status == 200
    wire.endpoint.answer(wire.now, leg, b"")
    assert only(wire.heard()).status == 200


def test_a_new_offer_in_an_acknowledgement_is_refused_and_the_ringing_is_acknowledged() -> None:
    wire, leg, first = ringing(sdp=ANSWER)
    assert only(pracks(wire, first, rack(first), body=OTHER.decode().replace("\r\n", "\n"))).status == 488
    assert wire.endpoint.answer(wire.now, leg, ANSWER)
    assert only(wire.heard()).status == 200


def test_an_unreadable_body_in_an_acknowledgement_is_none() -> None:
    wire, _, first = ringing()
    text = wire.request(
        "PRACK", to_tag=first.to.tag, cseq=2, lines=rack(first), body="x", content_type="application/odd"
    )
    assert only(wire.say(text)).status == 200


def test_a_caller_who_hangs_up_meanwhile_is_let_go() -> None:
    wire, leg, _ = ringing()
    wire.endpoint.ring(wire.now, leg, sdp=ANSWER)
    wire.endpoint.hang_up(wire.now, leg)
    assert [it.status for it in wire.heard() if isinstance(it, Response)] == [480]
    assert [it for it in wire.wait(35) if isinstance(it, Response) and it.status < 200] == []


# -- theirs -------------------------------------------------------------------------------------------------------


def early(invite: Request, status: int, rseq: str, *, tag: str = "far", body: bytes = b"") -> bytes:
    return answer_to(invite, status, to_tag=tag, lines=f"{CONTACT}{REQUIRED}RSeq: {rseq}\n", body=body)


def test_their_ringing_is_acknowledged_in_order_and_once() -> None:
    wire = carrier_wire()
    invite = dialled(wire)
    prack = asked(wire.say(early(invite, 180, "7")))
    assert (prack.method, prack.headers.get("RAck")) == ("PRACK", f"7 {invite.cseq} INVITE")
    wire.say(answer_to(prack, 200))
    assert wire.say(early(invite, 180, "7")) == [], "a repetition"
    assert wire.say(early(invite, 183, "9", body=ANSWER)) == [], "one is missing between"
    second = asked(wire.say(early(invite, 183, "8", body=ANSWER)))
    assert second.headers.get("RAck") == f"8 {invite.cseq} INVITE"
    assert second.cseq == prack.cseq + 1
    assert wire.of(LegRinging) == [LegRinging("out", 180, b""), LegRinging("out", 183, ANSWER)]


@pytest.mark.parametrize("rseq", ["x", "", "4294967296"])
def test_a_reliable_answer_without_a_number_is_ignored(rseq: str) -> None:
    wire = carrier_wire()
    invite = dialled(wire)
    assert wire.say(early(invite, 180, rseq)) == []
    assert wire.of(LegRinging) == []


def test_forks_count_for_themselves() -> None:
    wire = carrier_wire()
    invite = dialled(wire)
    for tag, rseq in (("one", "7"), ("two", "99")):
        prack = asked(wire.say(early(invite, 180, rseq, tag=tag)))
        assert (prack.to.tag, prack.headers.get("RAck")) == (tag, f"{rseq} {invite.cseq} INVITE")
    many = [wire.say(early(invite, 180, "5", tag=f"t{n}")) for n in range(40)]
    assert [] in many, "a flood of forks is not followed for ever"


def test_the_early_description_serves_when_the_answer_has_none() -> None:
    wire = carrier_wire()
    invite = dialled(wire)
    wire.say(answer_to(asked(wire.say(early(invite, 183, "1", body=ANSWER))), 200))
    ack = asked(wire.say(answer_to(invite, 200, to_tag="far", lines=CONTACT)))
    assert ack.method == "ACK"
    assert wire.of(LegAnswered) == [LegAnswered("out", ANSWER)]
