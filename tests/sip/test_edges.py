"""What a far side may do at the edges of a call: forks, strange routes, challenges, replacements, lost streams."""

from __future__ import annotations

import pytest

from marhaba.sip.endpoint import Endpoint
from marhaba.sip.events import (
    EndpointSettings,
    Flow,
    IncomingCall,
    LegAnswered,
    LegEnded,
    LegRinging,
    OfferAnswered,
    Reoffered,
    Send,
    Trunk,
)
from marhaba.sip.message import Request, Response
from tests.sip.pairs import ANSWER, CALLER, OFFER, OTHER, Wire, answer_to, tokens
from tests.sip.wires import CARRIER, SDP, arrived, asked, called, carrier_wire, dialled, established, only

CONTACT = "Contact: <sip:wire@203.0.113.5:5070>\n"
TEXT = OTHER.decode().replace("\r\n", "\n")
CHALLENGE = 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'


# -- replacing a call ---------------------------------------------------------------------------------------------


def replacing(wire: Wire, value: str, *, more: str = "") -> int:
    said = wire.say(
        wire.request("INVITE", call_id="new", from_tag="nt", lines=f"Replaces: {value}\n{more}", body=SDP)
    )
    return only(said).status if said else 0


def test_a_call_takes_the_place_of_another() -> None:
    wire, leg, tag = established()
    assert replacing(wire, f"wire;to-tag={tag};from-tag=ft") == 0
    assert wire.of(IncomingCall)[-1].replaces == leg


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("wire;to-tag=nobody;from-tag=ft", 481),
        ("other;to-tag={tag};from-tag=ft", 481),
        ("wire;to-tag={tag};from-tag=other", 481),
        ("wire;to-tag={tag};from-tag=ft;early-only", 486),
        ("wire", 481),
    ],
)
def test_a_call_that_is_not_there_cannot_be_replaced(value: str, status: int) -> None:
    wire, _, tag = established()
    assert replacing(wire, value.format(tag=tag)) == status
    assert len(wire.of(IncomingCall)) == 1


def test_only_one_call_can_be_replaced() -> None:
    wire, _, tag = established()
    one = f"wire;to-tag={tag};from-tag=ft"
    assert replacing(wire, one, more=f"Replaces: {one}\n") == 400


def test_a_call_that_is_over_or_only_rings_is_not_replaced() -> None:
    wire, leg, tag = established()
    wire.endpoint.hang_up(wire.now, leg)
    wire.heard()
    assert replacing(wire, f"wire;to-tag={tag};from-tag=ft") == 603
    ringing = carrier_wire()
    leg = arrived(ringing)
    ringing.endpoint.ring(ringing.now, leg)
    tag = only(ringing.heard()).to.tag
    assert replacing(ringing, f"wire;to-tag={tag};from-tag=ft") == 481


# -- forks and strange answers ------------------------------------------------------------------------------------


def test_a_second_fork_that_answers_is_acknowledged_and_ended_each_time_it_says_so() -> None:
    wire, invite, _ = called()
    second = answer_to(invite, 200, to_tag="fork", lines=CONTACT, body=ANSWER)
    ack, bye = wire.say(second)
    assert isinstance(ack, Request)
    assert isinstance(bye, Request)
    assert (ack.method, bye.method, bye.to.tag) == ("ACK", "BYE", "fork")
    assert [it.to_bytes() for it in wire.say(second)] == [ack.to_bytes()]
    assert wire.of(LegEnded) == []
    for number in range(40):
        wire.say(answer_to(invite, 200, to_tag=f"f{number}", lines=CONTACT, body=ANSWER))
    assert wire.endpoint.statistics()["unwanted_answers"] == 16, "not without end"


def test_an_answer_whose_route_cannot_be_read_is_a_call_all_the_same() -> None:
    broken = f"{CONTACT}Record-Route: <sip:\n"
    wire, _, ack = called("Record-Route: <sip:\n")
    assert ack.method == "ACK"
    assert [it.leg for it in wire.of(LegAnswered)] == ["out"]
    wire = carrier_wire()
    invite = dialled(wire)
    assert wire.say(answer_to(invite, 180, to_tag="e", lines=broken)) == []
    wire.say(answer_to(invite, 180, to_tag="early", lines=CONTACT))
    assert asked(wire.say(answer_to(invite, 200, to_tag="early", lines=broken, body=ANSWER))).method == "ACK"
    assert [it.leg for it in wire.of(LegAnswered)] == ["out"]


def test_a_ringing_without_tag_and_with_nonsense_for_a_body_rings() -> None:
    wire = carrier_wire()
    invite = dialled(wire)
    text = answer_to(invite, 180).replace(b";tag=wt", b"")
    wire.say(text.replace(b"Content-Length: 0", b"Content-Type: image/png\r\nContent-Length: 1") + b"x")
    assert wire.of(LegRinging) == [LegRinging("out", 180, b"")]


def test_a_call_given_up_before_anything_was_heard_is_cancelled_then_and_its_refusal_tells_nothing_more() -> (
    None
):
    wire = carrier_wire()
    invite = dialled(wire)
    wire.endpoint.hang_up(wire.now, "out")
    assert wire.heard() == []
    assert asked(wire.say(answer_to(invite, 180))).method == "CANCEL"
    assert [it.method for it in wire.say(answer_to(invite, 487)) if isinstance(it, Request)] == ["ACK"]
    assert len(wire.of(LegEnded)) == 1


def test_a_bye_before_the_answer_is_no_bye() -> None:
    wire = carrier_wire()
    invite = dialled(wire)
    wire.say(answer_to(invite, 180, to_tag="e", lines=CONTACT))
    said = wire.say(
        wire.request("BYE", to_tag=invite.from_.tag, from_tag="e", call_id=invite.call_id, cseq=9)
    )
    assert only(said).status == 481
    assert wire.of(LegEnded) == []


def test_a_cancel_that_belongs_to_nothing_anymore_is_answered() -> None:
    wire, leg, tag = established()
    wire.say(wire.request("INVITE", to_tag=tag, cseq=2, body=TEXT, branch="z9hG4bKre"))
    assert wire.of(Reoffered)
    wire.endpoint.hang_up(wire.now, leg)
    wire.heard()
    wire.say(wire.request("OPTIONS", branch="z9hG4bKopt"))
    assert only(wire.say(wire.request("CANCEL", branch="z9hG4bKopt"))).status in (200, 481)


# -- routes -------------------------------------------------------------------------------------------------------

SEEN = "9.9.9.9"  # the addresses of documentation count as private


@pytest.mark.parametrize(
    ("lines", "host", "port", "uri", "routes"),
    [
        ("", SEEN, 5070, "sip:wire@9.9.9.9:5070", []),
        ("Record-Route: <sip:9.9.9.7;lr>\n", "9.9.9.7", 5060, "sip:wire@9.9.9.9:5070", ["<sip:9.9.9.7;lr>"]),
        ("Record-Route: <sip:9.9.9.7>\n", "9.9.9.7", 5060, "sip:9.9.9.7", ["<sip:wire@9.9.9.9:5070>"]),
        ("Record-Route: <sip:proxy.example;lr>\n", SEEN, 5070, "sip:wire@9.9.9.9:5070", ["<sip:proxy.example;lr>"]),
        ("Record-Route: <sip:10.0.0.7;lr>\n", SEEN, 5070, "sip:wire@9.9.9.9:5070", ["<sip:10.0.0.7;lr>"]),
        ("Record-Route: <sip:[2001:db8::1];lr>\n", SEEN, 5070, "sip:wire@9.9.9.9:5070", ["<sip:[2001:db8::1];lr>"]),
        ("Record-Route: <sip:224.0.0.1;lr>\n", SEEN, 5070, "sip:wire@9.9.9.9:5070", ["<sip:224.0.0.1;lr>"]),
        ("Record-Route: <sip:0.0.0.0;lr>\n", SEEN, 5070, "sip:wire@9.9.9.9:5070", ["<sip:0.0.0.0;lr>"]),
    ],
)  # fmt: skip
def test_requests_of_a_call_go_where_its_route_says_when_that_can_be_believed(
    lines: str, host: str, port: int, uri: str, routes: list[str]
) -> None:
    wire = carrier_wire(SEEN)
    invite = dialled(wire)
    wire.endpoint.receive(
        wire.now,
        answer_to(invite, 200, lines=f"Contact: <sip:wire@{SEEN}:5070>\n{lines}", body=ANSWER),
        wire.flow,
    )
    (send,) = wire.endpoint.take_sends()
    assert isinstance(send, Send)
    assert (send.flow.remote_host, send.flow.remote_port) == (host, port)
    wire.endpoint.hang_up(wire.now, "out")
    bye = asked(wire.heard())
    assert (str(bye.uri), bye.headers.get_all("Route")) == (uri, routes)


# -- challenges ---------------------------------------------------------------------------------------------------


def paid(**more: str) -> Wire:
    """A carrier that knows us by name and password."""
    trunk = Trunk("carrier", CARRIER, keep_alive_s=0, **({"user": "me", "password": "pw"} | more))  # type: ignore[arg-type]
    return carrier_wire(settings=EndpointSettings(advertised_host="192.0.2.1", trunks=(trunk,)))


def challenged(wire: Wire, request: Request, challenge: str = CHALLENGE, status: int = 401) -> list[Request]:
    """What we send after a challenge, our ACK left aside."""
    name = "Proxy-Authenticate" if status == 407 else "WWW-Authenticate"
    said = wire.say(answer_to(request, status, lines=f"{name}: {challenge}\n"))
    return [it for it in said if isinstance(it, Request) and it.method != "ACK"]


def up(wire: Wire) -> None:
    invite = dialled(wire)
    wire.say(answer_to(invite, 200, lines=CONTACT, body=ANSWER))


def test_a_bye_that_is_challenged_shows_credentials_and_ends() -> None:
    wire = paid()
    up(wire)
    wire.endpoint.hang_up(wire.now, "out")
    bye = asked(wire.heard())
    (again,) = challenged(wire, bye)
    assert (again.method, again.cseq) == ("BYE", bye.cseq + 1)
    assert again.headers.get("Authorization").startswith('Digest username="me"')
    wire.say(answer_to(again, 200))
    wire.wait(40)
    assert wire.endpoint.statistics()["dialogs"] == 0


def test_an_offer_that_is_challenged_shows_credentials_and_is_answered() -> None:
    wire = paid()
    up(wire)
    wire.endpoint.reoffer(wire.now, "out", OTHER)
    (again,) = challenged(wire, asked(wire.heard()), status=407)
    assert again.headers.get("Proxy-Authorization")
    wire.say(answer_to(again, 100))
    wire.say(answer_to(again, 200, lines=CONTACT, body=ANSWER))
    assert [it.code for it in wire.of(OfferAnswered)] == [200]


def test_the_same_challenge_again_is_the_end_of_it() -> None:
    wire = paid()
    invite = dialled(wire)
    for _ in range(2):
        (invite,) = challenged(wire, invite)
    assert challenged(wire, invite) == []
    assert [it.code for it in wire.of(LegEnded)] == [401]


@pytest.mark.parametrize(
    ("more", "challenge"),
    [
        ({"realm": "ours"}, CHALLENGE),
        ({"user": ""}, CHALLENGE),
        ({}, 'Digest realm="r", nonce="n", algorithm=SHA-512'),
        ({}, "Basic realm=r"),
    ],
)
def test_credentials_are_not_shown_to_whom_they_do_not_belong(more: dict[str, str], challenge: str) -> None:
    wire = paid(**more)
    assert challenged(wire, dialled(wire), challenge) == []
    assert [it.code for it in wire.of(LegEnded)] == [401]


def test_credentials_are_not_shown_to_a_stranger_who_answers_in_the_carriers_place() -> None:
    wire = paid()
    invite = dialled(wire)
    wire.flow = Flow("udp", "192.0.2.1", 5060, "198.51.100.66", 5060)
    assert challenged(wire, invite) == []
    assert wire.endpoint.statistics()["foreign_challenges"] == 1


# -- offers -------------------------------------------------------------------------------------------------------


def test_there_is_nothing_to_refuse_when_nothing_was_offered() -> None:
    wire, leg, _ = established()
    assert not wire.endpoint.refuse_offer(wire.now, leg)


def test_a_refresh_by_offer_that_crosses_theirs_is_tried_again() -> None:
    wire, _, _ = called("Session-Expires: 200;refresher=uac\n")
    refresh = asked(wire.wait(101)[:1])
    wire.say(answer_to(refresh, 491))
    again = asked(wire.wait(34)[:1])
    assert again.method == "INVITE"
    wire.say(answer_to(again, 500))
    assert wire.of(OfferAnswered) == []
    wire.wait(31)
    assert wire.of(LegEnded) == []
    wire.wait(5)
    assert [it.reason for it in wire.of(LegEnded)] == ["session-expired"]


# -- streams ------------------------------------------------------------------------------------------------------


def streamed() -> Wire:
    wire = carrier_wire()
    wire.flow = Flow("tcp", "192.0.2.1", 5060, CARRIER, 40_000, 7)
    return wire


def test_a_stream_that_ends_ends_the_calls_that_ring_on_it_and_no_other() -> None:
    wire = streamed()
    ringing = arrived(wire)
    wire.say(wire.request("INVITE", call_id="two", body=SDP))
    talking = wire.of(IncomingCall)[-1].leg
    wire.endpoint.answer(wire.now, talking, ANSWER)
    tag = only(wire.heard()).to.tag
    wire.say(wire.request("ACK", call_id="two", to_tag=tag))
    wire.endpoint.stream_closed(wire.now, wire.flow)
    assert wire.endpoint.events == [LegEnded(ringing, "error", 503, "transport")]
    wire.heard()
    wire.endpoint.hang_up(wire.now, talking)
    (send,) = wire.endpoint.take_sends()
    assert isinstance(send, Send)
    assert send.flow.connection == 0, "on whatever stream there is"


def test_the_phone_that_comes_back_on_another_stream_goes_on_with_its_call() -> None:
    wire, leg, tag = established()
    wire.flow = Flow("tcp", "192.0.2.1", 5060, CARRIER, 40_001, 8)
    said = wire.say(wire.request("INVITE", to_tag=tag, cseq=2, body=TEXT))
    assert [it.status for it in said if isinstance(it, Response)] == [100]
    assert wire.endpoint.accept_offer(wire.now, leg, ANSWER)
    assert only(wire.heard()).status == 200


# -- words and numbers --------------------------------------------------------------------------------------------


def test_a_thousand_strange_header_names_are_read_and_not_kept() -> None:
    wire = carrier_wire()
    for page in range(12):
        lines = "".join(f"X-{page}-{n}: 1\n" for n in range(100))
        assert only(wire.say(wire.request("OPTIONS", call_id=f"o{page}", lines=lines))).status == 200


def test_a_via_with_an_impossible_port_is_refused() -> None:
    wire = carrier_wire()
    text = wire.request("OPTIONS", via=f"SIP/2.0/UDP {CARRIER}:99999;branch=z9hG4bKx")
    wire.endpoint.receive(wire.now, text.replace("\n", "\r\n").encode(), wire.flow)
    (send,) = wire.endpoint.take_sends()
    assert isinstance(send, Send)
    assert send.data.startswith(b"SIP/2.0 400 Bad Via")


def test_several_parts_without_their_boundary_hold_nothing() -> None:
    wire = carrier_wire()
    text = wire.request("INVITE", body="--x\n\nv=0\n--x--\n", content_type="multipart/mixed")
    assert only(wire.say(text)).status in (400, 415, 488)


def test_a_call_to_a_name_learns_the_address_behind_it() -> None:
    trunk = Trunk("named", "sip.carrier.example", user="me", password="pw", keep_alive_s=0)
    endpoint = Endpoint(EndpointSettings(advertised_host="192.0.2.1", trunks=(trunk,)), tokens("n"))
    flow = endpoint.trunk_flow("named")
    assert flow is not None
    endpoint.invite(
        0.0, leg="out", target="sip:1@sip.carrier.example", flow=flow, caller=CALLER, sdp=OFFER, trunk="named"
    )
    wire = Wire(endpoint, CARRIER)
    (again,) = challenged(wire, asked(wire.heard()))
    assert again.headers.get("Authorization")
    wire.say(answer_to(again, 180, lines=CONTACT))
    assert wire.of(LegRinging)


def test_a_stream_that_breaks_ends_the_call_we_were_making_on_it() -> None:
    wire = streamed()
    dialled(wire)
    wire.endpoint.stream_closed(wire.now, wire.flow)
    wire.heard()
    assert wire.of(LegEnded) == [LegEnded("out", "error", 503, "transport")]


def test_a_challenge_within_a_call_that_we_cannot_answer_refuses_what_we_asked() -> None:
    wire, leg, _ = established()
    wire.endpoint.reoffer(wire.now, leg, OTHER)
    assert challenged(wire, asked(wire.heard())) == []
    assert [it.code for it in wire.of(OfferAnswered)] == [401]


def test_an_answer_whose_contact_cannot_be_read_is_dropped_and_the_next_one_counts() -> None:
    wire = carrier_wire()
    invite = dialled(wire)
    assert wire.say(answer_to(invite, 200, lines="Contact: <sip:\n", body=ANSWER)) == []
    assert asked(wire.say(answer_to(invite, 200, lines="", body=ANSWER))).uri.host == CARRIER


def test_an_invite_whose_routes_cannot_be_read_is_refused() -> None:
    wire = carrier_wire()
    assert only(wire.say(wire.request("INVITE", body=SDP, lines="Record-Route: <sip:\n"))).status == 400


def test_a_header_field_ends_in_blanks() -> None:
    wire, _, tag = established()
    assert tag
    text = wire.request("OPTIONS", call_id="blanks").replace(";tag=ft", ";tag=ft ;x=1 \t")
    assert only(wire.say(text)).status == 200
