"""What strangers, phones and carriers may ask, and what each request is answered with."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest

from marhaba.sip.digest import authorize
from marhaba.sip.endpoint import Endpoint
from marhaba.sip.endpoint_core import ALLOW
from marhaba.sip.endpoint_session import MIN_SE
from marhaba.sip.events import (
    EndpointSettings,
    Flow,
    IncomingCall,
    LegEnded,
    LegEstablished,
    Party,
    Registered,
    Send,
    Trunk,
    TrunkState,
    User,
)
from marhaba.sip.message import Request, Response
from tests.sip.pairs import ANSWER, OFFER, Wire, answer_to, tokens
from tests.sip.wires import AGENT, CARRIER, SDP, SETTINGS, STRANGER, carrier_wire, established, only


def _status(wire: Wire, text: str) -> int:
    return only(wire.say(text)).status


def _authorized(wire: Wire, method: str, *, cseq: int = 2, **more: Any) -> str:
    """The same request again with the agent's credentials."""
    challenge = only(wire.say(wire.request(method, **more)))
    assert challenge.status == 401
    uri = more.get("uri", "sip:0539000000@192.0.2.1")
    value = authorize(
        challenge.headers.get_all("WWW-Authenticate"),
        method=method,
        uri=uri,
        user="agent7",
        password="secret",
        cnonce="c",
    )
    more["lines"] = f"Authorization: {value}\n" + more.get("lines", "")
    return wire.request(method, cseq=cseq, **more)


# -- who is believed ------------------------------------------------------------------------------------------------

METHODS = {
    "INVITE": 401,
    "REGISTER": 401,
    "MESSAGE": 401,
    "SUBSCRIBE": 401,
    "PUBLISH": 401,
    "REFER": 401,
    "NOTIFY": 401,
    "INFO": 401,
    "PHISH": 401,
    "OPTIONS": 200,
    "BYE": 481,
    "CANCEL": 481,
    "UPDATE": 481,
    "PRACK": 481,
}


@pytest.mark.parametrize(("method", "status"), METHODS.items())
def test_a_stranger_gets_nowhere(method: str, status: int) -> None:
    wire = carrier_wire(STRANGER)
    answer = only(wire.say(wire.request(method)))
    assert answer.status == status
    assert bool(answer.headers.get_all("WWW-Authenticate")) == (status == 401)
    assert wire.events == []
    assert wire.endpoint.statistics()["server_transactions"] == 0


@pytest.mark.parametrize("method", METHODS)
def test_a_stranger_who_claims_a_dialog_gets_481(method: str) -> None:
    wire = carrier_wire(STRANGER)
    text = wire.request(method, to_tag="guess")
    assert _status(wire, text) == (401 if method == "REGISTER" else 481)
    assert wire.events == []


def test_a_strangers_ack_is_never_answered() -> None:
    wire = carrier_wire(STRANGER)
    assert wire.say(wire.request("ACK")) == []
    assert wire.say(wire.request("ACK", to_tag="guess")) == []


METHODS_OF_AGENTS = {
    "MESSAGE": 405,
    "SUBSCRIBE": 405,
    "PUBLISH": 405,
    "REFER": 403,
    "NOTIFY": 481,
    "INFO": 481,
}


@pytest.mark.parametrize(("method", "status"), [*METHODS_OF_AGENTS.items(), ("PHISH", 501)])
def test_what_we_do_not_serve_is_refused_after_authentication(method: str, status: int) -> None:
    wire = carrier_wire(STRANGER)
    answer = only(wire.say(_authorized(wire, method)))
    assert answer.status == status
    assert (f"Allow: {answer.headers.get('Allow')}" == ALLOW) == (status in (405, 501))


def test_an_agents_call_names_the_agent_whatever_its_from_says() -> None:
    wire = carrier_wire(STRANGER)
    wire.say(_authorized(wire, "INVITE", body=SDP))
    (call,) = wire.events
    assert isinstance(call, IncomingCall)
    assert (call.user, call.trunk, call.caller) == ("agent7", "", Party("agent7", "Wire"))


def test_wrong_credentials_and_no_credentials_look_the_same() -> None:
    wire = carrier_wire(STRANGER)
    text = _authorized(wire, "INVITE").replace('response="', 'response="0')
    assert _status(wire, text) == 401


def test_the_same_401_is_given_to_the_same_request_without_keeping_it() -> None:
    wire = carrier_wire(STRANGER)
    text = wire.request("INVITE")
    tags = {only(wire.say(text)).to.tag for _ in range(3)}
    assert len(tags) == 1
    assert tags != {""}
    assert wire.endpoint.statistics()["timers"] == 0


def test_a_phone_registers_and_its_binding_runs_out() -> None:
    wire = carrier_wire(STRANGER)
    uri = "sip:192.0.2.1"
    text = _authorized(wire, "REGISTER", uri=uri, lines="Expires: 600\n")
    text = text.replace("To: <sip:0539000000@", "To: <sip:agent7@")
    answer = only(wire.say(text))
    assert answer.status == 200
    assert answer.headers.get("Contact") == "<sip:wire@198.51.100.9:5070>;expires=600"
    assert [binding.flow for binding in wire.endpoint.bindings("agent7")] == [wire.flow]
    assert only(wire.say(text)).headers.get("Contact") == answer.headers.get("Contact")  # a repetition
    assert wire.events == [Registered("agent7", "sip:wire@198.51.100.9:5070", 600, wire.flow)]
    wire.wait(601)
    assert wire.events[1:] == [Registered("agent7", "sip:wire@198.51.100.9:5070", 0, wire.flow)]
    assert wire.endpoint.bindings("agent7") == []
    assert wire.endpoint.next_wake() is None


def test_a_phone_at_the_address_of_a_carrier_stays_a_phone() -> None:
    wire = carrier_wire(CARRIER)
    uri = "sip:192.0.2.1"
    text = _authorized(wire, "REGISTER", uri=uri).replace("To: <sip:0539000000@", "To: <sip:agent7@")
    assert _status(wire, text) == 200
    assert _status(wire, wire.request("INVITE", call_id="second")) == 401
    other = Wire(wire.endpoint, CARRIER, 5099)
    assert other.say(other.request("INVITE", call_id="third", body=SDP)) == []
    assert other.events[-1].trunk == "carrier"  # type: ignore[union-attr]
    # After a restart the bindings come from a dump.
    again = Wire(Endpoint(SETTINGS, tokens("again")), CARRIER)
    again.endpoint.registrar.load(wire.endpoint.registrar.dump())
    assert _status(again, again.request("INVITE")) == 401
    # And once the phone has gone, its place is the carrier's again.
    again.wait(4_000)
    again.events.clear()
    again.say(again.request("INVITE", call_id="fourth", body=SDP))
    assert again.events[-1].trunk == "carrier"  # type: ignore[union-attr]


def test_a_phone_at_the_address_of_a_carrier_may_show_credentials_at_once() -> None:
    wire = carrier_wire(CARRIER)
    stranger = Wire(wire.endpoint, CARRIER)
    first = only(stranger.say(stranger.request("REGISTER", uri="sip:192.0.2.1")))
    value = authorize(
        first.headers.get_all("WWW-Authenticate"),
        method="INVITE",
        uri="sip:0539000000@192.0.2.1",
        user="agent7",
        password="secret",
        cnonce="c",
    )
    wire.say(wire.request("INVITE", lines=f"Authorization: {value}\n", body=SDP))
    assert wire.events[0].user == "agent7"  # type: ignore[union-attr]


# -- who calls and what is dialled ------------------------------------------------------------------------------------


def _incoming(lines: str = "", *, uri: str = "sip:0539000000@192.0.2.1", host: str = CARRIER) -> IncomingCall:
    wire = carrier_wire(host)
    wire.say(wire.request("INVITE", uri=uri, lines=lines, body=SDP))
    (call,) = wire.events
    assert isinstance(call, IncomingCall)
    return call


@pytest.mark.parametrize("host", [CARRIER, "203.0.113.6"])
def test_a_carrier_is_known_by_its_addresses(host: str) -> None:
    call = _incoming(host=host)
    assert (call.trunk, call.caller, call.dialled) == ("carrier", Party("wire", "Wire"), "0539000000")


@pytest.mark.parametrize(
    ("lines", "caller"),
    [
        ('P-Asserted-Identity: "Amina" <sip:+212600000001@c>\n', Party("+212600000001", "Amina")),
        ("P-Asserted-Identity: <tel:+212600000001;ext=5>\n", Party("+212600000001")),
        ("P-Asserted-Identity: <sip:+212600000001@c>\nPrivacy: id\n", Party("anonymous")),
        ("P-Asserted-Identity: <urn:x>\n", Party("wire", "Wire")),
        ("P-Asserted-Identity: <broken\n", Party("wire", "Wire")),
        ("Privacy: id\n", Party("wire", "Wire")),
    ],
)
def test_a_carrier_says_who_calls(lines: str, caller: Party) -> None:
    assert _incoming(lines).caller == caller


def test_a_phone_cannot_say_who_calls() -> None:
    wire = carrier_wire(STRANGER)
    wire.say(_authorized(wire, "INVITE", lines="P-Asserted-Identity: <sip:boss@c>\n", body=SDP))
    assert wire.events[0].caller == Party("agent7", "Wire")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("uri", "dialled"),
    [
        ("sip:+212539000000;npdi=yes@192.0.2.1", "+212539000000"),
        ("tel:+212539000000;phone-context=x", "+212539000000"),
        ("sip:%2B212539@192.0.2.1", "+212539"),
        ("sips:10%00%0D%0A@192.0.2.1", "10"),
        ("sip:192.0.2.1", ""),
    ],
)
def test_what_was_dialled_is_read_from_the_request_uri(uri: str, dialled: str) -> None:
    assert _incoming(uri=uri).dialled == dialled


@pytest.mark.parametrize(
    ("octets", "name"),
    [(b"Beno\xeet", "Benoît"), ("Benoît أمينة".encode(), "Benoît أمينة"), (b"\x93Caf\xe9\x94", "Café")],
)
def test_a_name_that_is_no_utf_8_is_latin_1_and_can_be_written_down(octets: bytes, name: str) -> None:
    wire = carrier_wire()
    text = wire.request("INVITE", body=SDP).replace("\n", "\r\n").encode()
    wire.say(text.replace(b'"Wire"', b'"' + octets + b'"'))
    (call,) = wire.of(IncomingCall)
    assert call.caller == Party("wire", name)
    assert msgspec.json.decode(msgspec.json.encode(call), type=IncomingCall) == call


def test_a_caller_without_a_number_is_anonymous() -> None:
    wire = carrier_wire()
    text = wire.request("INVITE", body=SDP)
    wire.say(text.replace("<sip:wire@198.51.100.9>", "<sip:anonymous@anonymous.invalid>"))
    assert wire.events[0].caller == Party("anonymous")  # type: ignore[union-attr]


# -- what is not understood --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "body", "kind", "status", "header"),
    [
        ("Require: nothingSupportsThis, 100rel\n", SDP, "application/sdp", 420, "nothingsupportsthis"),
        ("Accept: text/nobodyKnowsThis\n", SDP, "application/sdp", 406, ""),
        ("", "x", "text/plain", 415, ""),
        ("Content-Encoding: gzip\n", SDP, "application/sdp", 415, ""),
        ("", "--b\nContent-Type: text/plain\n\nx\n--b--\n", "multipart/mixed;boundary=b", 415, ""),
        ("", "never closed", 'multipart/mixed; boundary="', 415, ""),
        ("Supported: timer\nSession-Expires: 60\n", SDP, "application/sdp", 422, ""),
        ("Replaces: a;to-tag=b;from-tag=c\n", SDP, "application/sdp", 481, ""),
        (
            "Replaces: a;to-tag=b;from-tag=c\nReplaces: a;to-tag=b;from-tag=c\n",
            SDP,
            "application/sdp",
            400,
            "",
        ),
        ("Record-Route: <broken\n", SDP, "application/sdp", 400, ""),
    ],
)
def test_an_invite_is_refused_for_what_it_wants(
    lines: str, body: str, kind: str, status: int, header: str
) -> None:
    wire = carrier_wire()
    answer = only(wire.say(wire.request("INVITE", lines=lines, body=body, content_type=kind)))
    assert answer.status == status
    assert answer.headers.get("Unsupported") == header
    assert bool(answer.headers.get("Accept")) == (status in (406, 415))
    assert answer.headers.get(MIN_SE) == ("90" if status == 422 else "")
    assert wire.events == []
    assert wire.endpoint.statistics()["legs"] == 0


@pytest.mark.parametrize(
    ("lines", "body", "kind"),
    [
        ("Accept: application/*\n", SDP, "application/sdp"),
        ("Accept: text/plain, */*;q=0.1\n", SDP, "APPLICATION/SDP; charset=x"),
        ("Session-Expires: 60\n", SDP, "application/sdp"),  # it does not speak RFC 4028: no 422
        ("Session-Expires: ninety\n", SDP, "application/sdp"),
    ],
)
def test_an_invite_is_taken_that_can_be_taken(lines: str, body: str, kind: str) -> None:
    wire = carrier_wire()
    assert wire.say(wire.request("INVITE", lines=lines, body=body, content_type=kind)) == []
    assert wire.events[0].sdp == OFFER  # type: ignore[union-attr]


def test_the_offer_is_found_among_several_parts() -> None:
    wire = carrier_wire()
    body = f"--b\nContent-Type: text/plain\n\nx\n--b\nContent-Type: application/sdp\n\n{SDP}\n--b--\n"
    assert wire.say(wire.request("INVITE", body=body, content_type='multipart/mixed;x=y;boundary="b"')) == []
    assert wire.events[0].sdp == OFFER  # type: ignore[union-attr]


def test_an_optional_body_may_be_ignored() -> None:
    wire = carrier_wire()
    lines = "Content-Disposition: session; handling=optional\n"
    assert wire.say(wire.request("INVITE", lines=lines, body="x", content_type="text/plain")) == []
    assert wire.events[0].sdp == b""  # type: ignore[union-attr]


@pytest.mark.parametrize(("uri", "status"), [("nobodyKnows:x", 416), ("soap.beep://h", 416), ("tel:+1", 200)])
def test_options_are_answered_by_their_scheme(uri: str, status: int) -> None:
    wire = carrier_wire(STRANGER)
    assert _status(wire, wire.request("OPTIONS", uri=uri)) == status


def test_options_say_what_we_do() -> None:
    wire = carrier_wire(STRANGER)
    answer = only(wire.say(wire.request("OPTIONS")))
    assert f"Allow: {answer.headers.get('Allow')}" == ALLOW
    assert answer.headers.get("Accept") == "application/sdp"
    assert answer.headers.get("Supported") == "100rel, timer, replaces"
    assert _status(wire, wire.request("OPTIONS", lines="Require: pref\n")) == 420


def test_an_unknown_scheme_is_refused_after_authentication() -> None:
    wire = carrier_wire()
    assert _status(wire, wire.request("INVITE", uri="nobodyKnows:x")) == 416


def test_the_same_invite_by_another_way_is_a_loop() -> None:
    wire = carrier_wire()
    assert wire.say(wire.request("INVITE", body=SDP)) == []
    assert _status(wire, wire.request("INVITE", body=SDP)) == 482
    assert len(wire.events) == 1


# -- bad bytes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (" SIP/2.0", " SIP/7.0", 505),
        ("CSeq: 1 OPTIONS", "CSeq: 1 INVITE", 400),
        ("CSeq: 1 OPTIONS", "CSeq: 99999999999 OPTIONS", 400),
        ("From: ", 'From: "unclosed ', 400),
        ("To: <sip:0539000000@192.0.2.1>", "To: <sip:0539000000@192.0.2.1", 400),
        ("Via: SIP/2.0/UDP ", "Via: SIP/2.0/UDP ;;,;", 400),
        ("Content-Length: 0", "Content-Length: 99", 400),
    ],
)
def test_a_request_that_is_no_sip_gets_the_status_it_deserves(old: str, new: str, status: int) -> None:
    wire = carrier_wire(STRANGER)
    text = wire.request("OPTIONS")
    assert old in text
    wire.endpoint.receive(0.0, text.replace(old, new, 1).replace("\n", "\r\n").encode(), wire.flow)
    (send,) = wire.endpoint.take_sends()
    assert send.data.startswith(b"SIP/2.0 %d " % status)  # type: ignore[union-attr]
    assert wire.endpoint.statistics()["bad_messages"] == 1


_OK = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx%s\r\nFrom: <sip:a@b>\r\nTo: <sip:a@b>\r\n"
    b"Call-ID: c\r\nCSeq: 1 %s\r\n\r\n"
)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\0\0\0\0",
        b"\xff\xfe garbage",
        b"SIP/2.0 4294967301 better not\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\n\r\n",
        b"ACK sip:a@b SIP/7.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n\r\n",
        _OK % (b"", b"INVITE"),
        _OK % (b", SIP/2.0/UDP i", b"OPTIONS"),
    ],
)
def test_what_cannot_or_must_not_be_answered_is_dropped(data: bytes) -> None:
    wire = carrier_wire(STRANGER)
    assert wire.say(data) == []
    assert wire.events == []


@pytest.mark.parametrize("host", ["255.255.255.255", "224.0.0.1", "0.0.0.0", "ff02::1", "a.name", ""])
def test_nothing_is_ever_sent_to_everybody(host: str) -> None:
    wire = Wire(Endpoint(SETTINGS, tokens("t")), host)
    for text in ("OPTIONS", "INVITE", "BYE"):
        assert wire.say(wire.request(text, via="SIP/2.0/UDP 198.51.100.9;branch=z9hG4bKx")) == []
    assert wire.say(wire.request("OPTIONS").replace("CSeq: 1 OPTIONS", "CSeq: 1 BYE")) == []
    nowhere = Wire(wire.endpoint, STRANGER, 0)
    assert nowhere.say(nowhere.request("OPTIONS")) == []
    assert wire.endpoint.statistics()["unanswerable"] == 4


# -- where answers go -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("via", "port", "expected"),
    [
        (
            "SIP/2.0/UDP 10.0.0.5:5062;branch=z9hG4bKx",
            5062,
            "10.0.0.5:5062;branch=z9hG4bKx;received=198.51.100.9",
        ),
        (
            "SIP/2.0/UDP 10.0.0.5:5062;rport;branch=z9hG4bKx",
            5070,
            "10.0.0.5:5062;branch=z9hG4bKx;received=198.51.100.9;rport=5070",
        ),
        ("SIP/2.0/UDP 198.51.100.9;branch=z9hG4bKx", 5060, "198.51.100.9;branch=z9hG4bKx"),
        (
            "SIP/2.0/UDP h;maddr=203.0.113.99;received=1.2.3.4;branch=z9hG4bKx",
            5060,
            "h;maddr=203.0.113.99;branch=z9hG4bKx;received=198.51.100.9",
        ),
    ],
)
def test_answers_over_udp_go_where_the_request_came_from(via: str, port: int, expected: str) -> None:
    wire = carrier_wire(STRANGER)
    more = ", SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKdeeper"
    wire.endpoint.receive(
        0.0, wire.request("OPTIONS", via=via + more).replace("\n", "\r\n").encode(), wire.flow
    )
    (send,) = wire.endpoint.take_sends()
    assert (send.flow.remote_host, send.flow.remote_port) == (STRANGER, port)
    line = send.data.split(b"\r\n")[1].decode()  # type: ignore[union-attr]
    assert line == f"Via: SIP/2.0/UDP {expected}{more}"


def test_answers_over_a_stream_go_back_on_it() -> None:
    wire = carrier_wire(STRANGER)
    wire.flow = Flow("tcp", "192.0.2.1", 5060, STRANGER, 40_000, connection=3)
    wire.endpoint.receive(0.0, wire.request("OPTIONS").replace("\n", "\r\n").encode(), wire.flow)
    (send,) = wire.endpoint.take_sends()
    assert send.flow == wire.flow


# -- load ---------------------------------------------------------------------------------------------------------------


def test_beyond_its_calls_the_house_refuses_newcomers_and_keeps_what_it_has() -> None:
    settings = EndpointSettings(trunks=SETTINGS.trunks, legs_max=1, advertised_host="192.0.2.1")
    wire = carrier_wire(CARRIER, settings)
    wire.say(wire.request("INVITE", body=SDP))
    answer = only(wire.say(wire.request("INVITE", call_id="second", body=SDP)))
    assert (answer.status, answer.headers.get("Retry-After")) == (503, "5")
    (call,) = wire.events
    assert isinstance(call, IncomingCall)
    assert wire.endpoint.answer(0.0, call.leg, ANSWER)
    ok = only(wire.heard())
    wire.say(wire.request("ACK", to_tag=ok.to.tag))
    assert wire.events[1:] == [LegEstablished(call.leg, b"")]
    assert _status(wire, wire.request("BYE", to_tag=ok.to.tag, cseq=2)) == 200
    assert wire.events[2:] == [LegEnded(call.leg, "remote", 200, "bye")]
    assert wire.say(wire.request("INVITE", call_id="third", body=SDP)) == []


def test_beyond_its_transactions_the_house_serves_only_calls_in_progress() -> None:
    settings = EndpointSettings(trunks=SETTINGS.trunks, users=(AGENT,), transactions_max=1)
    wire = carrier_wire(CARRIER, settings)
    wire.say(wire.request("INVITE", body=SDP))
    assert _status(wire, wire.request("INVITE", call_id="second", body=SDP)) == 503
    assert _status(wire, wire.request("REGISTER", uri="sip:192.0.2.1")) == 503
    assert _status(wire, wire.request("OPTIONS")) == 200
    assert wire.endpoint.statistics()["refused_overload"] == 2
    leg = wire.events[0].leg  # type: ignore[union-attr]
    wire.endpoint.ring(0.0, leg)
    tag = only(wire.heard()).to.tag
    said = wire.say(wire.request("BYE", to_tag=tag, cseq=2))  # the caller may end an early dialog, section 15
    assert [it.status for it in said if isinstance(it, Response)] == [200, 487]
    assert wire.events[1:] == [LegEnded(leg, "remote", 487, "cancel")]


# -- third parties, old numbers -------------------------------------------------------------------------------------------


def test_a_third_party_cannot_end_a_call() -> None:
    wire, leg, tag = established()
    for more in ({"from_tag": "x"}, {"call_id": "x"}, {"to_tag": "x"}, {"from_tag": ""}):
        fields = {"to_tag": tag, **more}
        assert _status(wire, wire.request("BYE", cseq=9, **fields)) == 481
    assert wire.endpoint.snapshot(leg) != b""
    assert wire.endpoint.statistics()["strangers"] == 4


def test_a_third_party_cannot_take_back_a_call() -> None:
    wire = carrier_wire()
    wire.say(wire.request("INVITE", branch="z9hG4bKone", body=SDP))
    for more in ({"branch": "z9hG4bKtwo"}, {"from_tag": "x"}, {"call_id": "x"}, {"cseq": 2}):
        fields = {"branch": "z9hG4bKone", **more}
        assert _status(wire, wire.request("CANCEL", **fields)) == 481  # type: ignore[arg-type]
    said = wire.say(wire.request("CANCEL", branch="z9hG4bKone"))
    assert [it.status for it in said if isinstance(it, Response)] == [200, 487]
    assert len({it.to.tag for it in said}) == 1
    assert isinstance(wire.events[1], LegEnded)


def test_a_cancel_after_the_answer_changes_nothing() -> None:
    wire = carrier_wire()
    wire.say(wire.request("INVITE", branch="z9hG4bKone", body=SDP))
    leg = wire.events[0].leg  # type: ignore[union-attr]
    wire.endpoint.answer(0.0, leg, ANSWER)
    wire.heard()
    assert _status(wire, wire.request("CANCEL", branch="z9hG4bKone")) == 200
    assert len(wire.events) == 1


@pytest.mark.parametrize("cseq", [0, 1])
def test_requests_of_a_dialog_must_count_up(cseq: int) -> None:
    wire, leg, tag = established()
    assert _status(wire, wire.request("BYE", to_tag=tag, cseq=cseq)) == 500
    assert wire.endpoint.snapshot(leg) != b""


@pytest.mark.parametrize(
    ("method", "lines", "status"),
    [
        ("MESSAGE", "", 405),
        ("PHISH", "", 501),
        ("OPTIONS", "", 200),
        ("NOTIFY", "Event: refer\n", 481),
        ("PRACK", "RAck: 1 1 INVITE\n", 481),
        ("INFO", "Require: foo\n", 420),
    ],
)
def test_requests_within_a_call(method: str, lines: str, status: int) -> None:
    wire, _, tag = established()
    assert _status(wire, wire.request(method, to_tag=tag, cseq=2, lines=lines)) == status


def test_an_ack_that_does_not_fit_is_dropped() -> None:
    wire = carrier_wire()
    wire.say(wire.request("INVITE", body=SDP))
    leg = wire.events[0].leg  # type: ignore[union-attr]
    wire.endpoint.answer(0.0, leg, ANSWER)
    tag = only(wire.heard()).to.tag
    for fields in ({"cseq": 2}, {"from_tag": "x"}, {"call_id": "x"}, {"to_tag": "x"}):
        wire.say(wire.request("ACK", **{"to_tag": tag, **fields}))  # type: ignore[arg-type]
    assert len(wire.events) == 1
    wire.say(wire.request("ACK", to_tag=tag))
    wire.say(wire.request("ACK", to_tag=tag))
    assert wire.events[1:] == [LegEstablished(leg, b"")]


def test_an_invite_of_rfc_2543_is_a_call() -> None:
    wire = carrier_wire()
    old = wire.request("INVITE", via="SIP/2.0/UDP 203.0.113.5:5070", from_tag="", contact="", body=SDP)
    wire.say(old)
    wire.say(old)
    (call,) = wire.events
    wire.endpoint.answer(0.0, call.leg, ANSWER)  # type: ignore[union-attr]
    tag = only(wire.heard()).to.tag
    wire.say(wire.request("ACK", via="SIP/2.0/UDP 203.0.113.5:5070", from_tag="", to_tag=tag))
    assert wire.events[1:] == [LegEstablished(call.leg, b"")]  # type: ignore[union-attr]


def test_the_caller_may_limit_how_long_it_rings() -> None:
    wire = carrier_wire()
    wire.say(wire.request("INVITE", lines="Expires: 15\n", body=SDP))
    said = [it.status for it in wire.wait(16) if isinstance(it, Response)]
    assert said[:2] == [100, 487]
    assert wire.events[1] == LegEnded(wire.events[0].leg, "timeout", 487, "expired")  # type: ignore[union-attr]


# -- settings, statistics ---------------------------------------------------------------------------------------------------


def test_new_settings_leave_calls_alone() -> None:
    wire, leg, tag = established()
    newcomer = User("agent8", {"MD5": hashlib.md5(b"x", usedforsecurity=False).hexdigest()})
    other = Trunk("other", "203.0.113.77", keep_alive_s=0)
    wire.endpoint.reconfigure(0.0, EndpointSettings(users=(newcomer,), trunks=(other,)))
    assert wire.endpoint.trunk_flow("carrier") is None
    assert not wire.endpoint.trunk_up("carrier")
    assert wire.endpoint.trunk_up("other")
    assert wire.endpoint.trunk_flow("other") == Flow("udp", "127.0.0.1", 5060, "203.0.113.77", 5060)
    assert _status(wire, wire.request("INVITE", call_id="new")) == 401
    assert _status(wire, wire.request("BYE", to_tag=tag, cseq=2)) == 200
    assert wire.events[-1] == LegEnded(leg, "remote", 200, "bye")


def test_a_carrier_is_asked_whether_it_is_there() -> None:
    settings = EndpointSettings(trunks=(Trunk("carrier", CARRIER, keep_alive_s=30),))
    wire = carrier_wire(CARRIER, settings)
    (options,) = wire.wait(0.1)
    assert isinstance(options, Request)
    assert options.method == "OPTIONS"
    wire.say(answer_to(options, 100))
    wire.say(answer_to(options, 200))
    assert wire.events == [TrunkState("carrier", True, 200, "")]
    said = wire.wait(150)
    assert {it.method for it in said if isinstance(it, Request)} == {"OPTIONS"}
    assert wire.events[1:] == [TrunkState("carrier", False, 408, "no answer")]
    assert not wire.endpoint.trunk_up("carrier")


def test_we_register_with_a_carrier_under_a_name_and_show_credentials_there() -> None:
    trunk = Trunk("carrier", "sip.carrier.example", user="me", password="pw", register=True, keep_alive_s=0)
    wire = carrier_wire(CARRIER, EndpointSettings(trunks=(trunk,)))
    (register,) = wire.wait(0.1)
    assert isinstance(register, Request)
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256\n'
    (again,) = wire.say(answer_to(register, 401, lines=challenge))
    assert isinstance(again, Request)
    assert again.headers.get("Authorization").startswith('Digest username="me", realm="r"')
    wire.say(answer_to(again, 200))
    assert wire.events == [TrunkState("carrier", True, 200, "")]


def test_a_challenge_to_our_registration_from_elsewhere_is_shown_nothing() -> None:
    trunk = Trunk("carrier", CARRIER, user="me", password="pw", register=True, keep_alive_s=0)
    wire = carrier_wire(STRANGER, EndpointSettings(trunks=(trunk,)))
    (register,) = wire.wait(0.1)
    assert isinstance(register, Request)
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256\n'
    assert wire.say(answer_to(register, 401, lines=challenge)) == []
    assert wire.events == [TrunkState("carrier", False, 401, "registration")]
    assert wire.endpoint.statistics()["foreign_challenges"] == 1


def test_a_phone_with_two_lines_at_one_place_keeps_the_place_while_one_is_left() -> None:
    wire = carrier_wire(CARRIER)

    def registers(contact: str, call_id: str, cseq: int) -> int:
        text = _authorized(
            wire, "REGISTER", uri="sip:192.0.2.1", call_id=call_id, contact=f"Contact: {contact}\n", cseq=cseq
        )
        return _status(wire, text.replace("To: <sip:0539000000@", "To: <sip:agent7@"))

    one, two = "<sip:one@203.0.113.5:5070>", "<sip:two@203.0.113.5:5070>"
    assert registers(one, "a", 2) == registers(two, "b", 2) == 200
    assert registers(f"{one};expires=0", "a", 4) == 200
    assert _status(wire, wire.request("INVITE", call_id="second")) == 401, "still a phone's place"
    assert registers("<sip:three@203.0.113.5:5070>;expires=0", "c", 2) == 200, (
        "what was not there goes quietly"
    )
    assert [str(it.contact) for it in wire.endpoint.bindings("agent7")] == ["sip:two@203.0.113.5:5070"]
    assert registers(f"{two};expires=0", "b", 4) == 200
    assert wire.endpoint.bindings("agent7") == []


def test_a_phones_offer_moves_it_to_where_it_is_now() -> None:
    wire = carrier_wire("198.51.100.9")
    wire.say(_authorized(wire, "INVITE", body=SDP))
    leg = wire.of(IncomingCall)[0].leg
    wire.endpoint.answer(wire.now, leg, ANSWER)
    tag = only(wire.heard()).to.tag
    wire.say(wire.request("ACK", to_tag=tag, cseq=2))
    wire.flow = Flow("udp", "192.0.2.1", 5060, "198.51.100.9", 5999)
    wire.say(wire.request("INVITE", to_tag=tag, cseq=3, body=SDP))
    wire.endpoint.accept_offer(wire.now, leg, ANSWER)
    wire.heard()
    wire.endpoint.hang_up(wire.now, leg)
    (bye,) = wire.endpoint.take_sends()
    assert isinstance(bye, Send)
    assert bye.flow.remote_port == 5999
