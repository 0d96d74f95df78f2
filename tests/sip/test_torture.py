"""RFC 4475 and RFC 5118 against the parser and the framer: the RFC's verdict, whole and at every byte split."""

import pytest

from marhaba.sip.errors import BadMessage, FramingError
from marhaba.sip.message import Request, Response, parse
from marhaba.sip.stream import StreamFramer
from tests.sip.torture_messages import (
    DROPPED_RESPONSES,
    FRAMING,
    IPV6_VALID,
    REFUSED_400,
    REFUSED_505,
    VALID,
    rfc4475,
    rfc5118,
)

Outcome = tuple[str, ...]


def outcome(data: bytes) -> Outcome:
    try:
        message = parse(data)
    except BadMessage as bad:
        return ("bad", str(bad.status))
    return ("good", message.to_bytes().hex())


@pytest.mark.parametrize("name", VALID)
def test_a_valid_message_is_parsed(name: str) -> None:
    message = parse(rfc4475(name))
    assert message.call_id
    assert message.cseq_method


@pytest.mark.parametrize("name", VALID)
def test_a_valid_message_written_again_means_the_same(name: str) -> None:
    first = parse(rfc4475(name))
    second = parse(first.to_bytes())
    assert second.to_bytes() == first.to_bytes()
    assert (second.via, second.from_, second.to, second.cseq) == (
        first.via,
        first.from_,
        first.to,
        first.cseq,
    )
    assert second.body == first.body


@pytest.mark.parametrize("name", REFUSED_400)
def test_an_invalid_request_deserves_400_and_can_be_answered(name: str) -> None:
    with pytest.raises(BadMessage) as caught:
        parse(rfc4475(name))
    assert caught.value.status == 400
    assert isinstance(caught.value.partial, Request)


@pytest.mark.parametrize("name", REFUSED_505)
def test_an_unknown_version_deserves_505(name: str) -> None:
    with pytest.raises(BadMessage) as caught:
        parse(rfc4475(name))
    assert caught.value.status == 505


@pytest.mark.parametrize("name", DROPPED_RESPONSES)
def test_an_invalid_response_is_nothing_to_answer(name: str) -> None:
    with pytest.raises(BadMessage) as caught:
        parse(rfc4475(name))
    assert not isinstance(caught.value.partial, Request)


def test_the_unreferenced_message_of_the_archive_raises_only_what_is_declared() -> None:
    with pytest.raises(BadMessage):
        parse(rfc4475("test"))


@pytest.mark.parametrize("name", IPV6_VALID)
def test_a_valid_ipv6_message_is_parsed(name: str) -> None:
    assert parse(rfc5118(name)).call_id


def test_an_undelimited_ipv6_request_uri_deserves_400() -> None:
    with pytest.raises(BadMessage) as caught:
        parse(rfc5118("ipv6-bad"))
    assert caught.value.status == 400


def test_the_details_that_each_valid_message_is_about() -> None:
    wsinv = parse(rfc4475("wsinv"))
    assert isinstance(wsinv, Request)
    assert wsinv.max_forwards == 68
    assert [via.host for via in wsinv.vias] == ["192.0.2.2", "spindle.example.com", "192.168.255.111"]
    assert wsinv.from_.display == 'J Rosenberg \\"'
    assert wsinv.cseq == 9
    semiuri = parse(rfc4475("semiuri"))
    assert isinstance(semiuri, Request)
    assert semiuri.uri.user == "user;par=u%40example.net"
    esc02 = parse(rfc4475("esc02"))
    assert isinstance(esc02, Request)
    assert esc02.method == "RE%47IST%45R"
    assert parse(rfc4475("dblreq")).body == b""
    unreason = parse(rfc4475("unreason"))
    assert isinstance(unreason, Response)
    assert unreason.reason.startswith("= 2**3 * 5**2 но сто девяносто девять")
    noreason = parse(rfc4475("noreason"))
    assert isinstance(noreason, Response)
    assert (noreason.status, noreason.reason) == (100, "")
    assert parse(rfc4475("cparam01")).contacts[0].params == (("unknownparam", None),)
    assert parse(rfc4475("cparam02")).contacts[0].uri.params == (("unknownparam", None),)
    assert parse(rfc4475("regescrt")).contacts[0].uri.headers == "Route=%3Csip:sip.example.com%3E"
    null = parse(rfc4475("escnull")).contacts
    assert len({str(contact.uri) for contact in null}) == 2
    ambiguous, exact = parse(rfc5118("port-ambiguous")), parse(rfc5118("port-unambiguous"))
    assert isinstance(ambiguous, Request)
    assert isinstance(exact, Request)
    assert (ambiguous.uri.host, ambiguous.uri.port) == ("2001:db8::10:5070", 0)
    assert (exact.uri.host, exact.uri.port) == ("2001:db8::10", 5070)


@pytest.mark.parametrize("name", [n for n in VALID + REFUSED_400 + REFUSED_505 if n not in FRAMING])
def test_a_stream_split_at_any_byte_gives_the_same_verdict(name: str) -> None:
    data = rfc4475(name)
    if b"content-length" not in data.lower() and b"\r\nl:" not in data.lower():
        with pytest.raises(FramingError):  # 18.3: on a stream the length must be said
            StreamFramer().feed(data)
        return
    whole = StreamFramer().feed(data)
    expected = outcome(data)
    assert outcome(whole[0]) == expected
    for cut in range(1, len(data)):
        framer = StreamFramer()
        messages = framer.feed(data[:cut]) + framer.feed(data[cut:])
        assert messages == whole


@pytest.mark.parametrize("name", IPV6_VALID)
def test_an_ipv6_message_split_at_any_byte_gives_the_same_verdict(name: str) -> None:
    data = rfc5118(name)
    for cut in range(1, len(data)):
        framer = StreamFramer()
        messages = framer.feed(data[:cut]) + framer.feed(data[cut:])
        assert [outcome(m) for m in messages] == [outcome(data)]


@pytest.mark.parametrize("name", ["ncl", "mcl01"])
def test_a_stream_without_a_trustworthy_length_is_given_up(name: str) -> None:
    with pytest.raises(FramingError):
        StreamFramer().feed(rfc4475(name))


def test_a_stream_waits_for_the_length_it_was_promised() -> None:
    framer = StreamFramer()
    assert framer.feed(rfc4475("clerr")) == []
    assert framer.partial
