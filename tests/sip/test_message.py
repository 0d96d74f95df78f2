"""Parsing beyond the torture messages: limits, what Python's own parsing would get wrong, mutation."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marhaba.sip.errors import BadMessage, BadSdp, FramingError
from marhaba.sip.message import (
    HEADERS_MAX,
    MESSAGE_BYTES_MAX,
    STAR,
    Headers,
    Request,
    Response,
    canonical,
    parse,
    reason_phrase,
    response_to,
)
from marhaba.sip.sdp import parse_sdp
from marhaba.sip.stream import HEAD_BYTES_MAX, StreamFramer
from marhaba.sip.uri import URI_CHARS_MAX, parse_name_addr, parse_name_addrs, parse_params, parse_uri
from tests.sip.torture_messages import IPV6_VALID, REFUSED_400, VALID, rfc4475, rfc5118

SEEDS = [rfc4475(name) for name in VALID + REFUSED_400] + [rfc5118(name) for name in IPV6_VALID]

PLAIN = (
    b"OPTIONS sip:a@example.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:b@h>;tag=1\r\n"
    b"To: <sip:a@example.com>\r\nCall-ID: c1\r\nCSeq: 1 OPTIONS\r\n%s\r\n"
)


def refused(data: bytes) -> BadMessage:
    with pytest.raises(BadMessage) as caught:
        parse(data)
    return caught.value


@pytest.mark.parametrize(
    "cseq",
    ["1_000 OPTIONS", " +5 OPTIONS x", "-5 OPTIONS", "٣٤ OPTIONS", "² OPTIONS", "9" * 5000 + " OPTIONS"],
)
def test_only_ascii_digits_in_range_are_a_number(cseq: str) -> None:
    data = (PLAIN % b"").replace(b"CSeq: 1 OPTIONS", f"CSeq: {cseq}".encode())
    assert refused(data).status == 400


@pytest.mark.parametrize("length", ["1_0", "+0", "0x0", "٠", "", "9" * 5000])
def test_a_content_length_is_ascii_digits(length: str) -> None:
    data = PLAIN % f"Content-Length: {length}\r\n".encode()
    if not length:
        assert parse(data).body == b""
    else:
        assert refused(data).status == 400


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_only_crlf_ends_a_header(separator: str) -> None:
    message = parse(PLAIN % f"Subject: a{separator}Contact: <sip:evil@h>\r\n".encode())
    assert message.contacts == []


@pytest.mark.parametrize("bare", [b"\n", b"\r"])
def test_a_bare_line_end_smuggles_nothing(bare: bytes) -> None:
    assert refused(PLAIN % (b"Subject: a" + bare + b"Contact: <sip:evil@h>\r\n")).status == 400


def test_a_space_before_the_colon_is_the_same_header() -> None:
    assert parse(PLAIN % b"X-Internal : v\r\n").headers.get("X-Internal") == "v"


def test_header_names_fold_ascii_case_only() -> None:
    assert refused(PLAIN % "\u212aey: v\r\n".encode()).status == 400


def test_limits_hold() -> None:
    assert refused(b"x" * (MESSAGE_BYTES_MAX + 1)).status == 513
    assert refused(PLAIN % (b"Accept: a\r\n" * HEADERS_MAX)).status == 400
    with pytest.raises(BadMessage):
        parse_uri("sip:" + "a" * URI_CHARS_MAX)
    with pytest.raises(FramingError):
        StreamFramer().feed(b"x" * (HEAD_BYTES_MAX + 1))
    with pytest.raises(FramingError):
        StreamFramer().feed(b"x" * HEAD_BYTES_MAX + b"\r\n\r\n")


@pytest.mark.parametrize(
    "header",
    [
        b"Max-Forwards: 256",
        b"Max-Forwards: x",
        b"Contact: <sip:a@h",
        b"Contact: , <sip:a@h>",
        b"Contact: <sip:a@h>;=1",
    ],
)
def test_a_field_that_routing_hangs_on_is_read_at_once(header: bytes) -> None:
    assert refused(PLAIN % (header + b"\r\n")).status == 400


def test_a_call_id_with_a_space_is_refused() -> None:
    assert refused((PLAIN % b"").replace(b"Call-ID: c1", b"Call-ID: c 1")).status == 400


def test_a_continuation_without_a_header_is_refused() -> None:
    assert (
        refused(b"OPTIONS sip:a@h SIP/2.0\r\n folded\r\n" + (PLAIN % b"").partition(b"\r\n")[2]).status == 400
    )


def test_a_message_without_a_via_cannot_be_answered() -> None:
    bad = refused((PLAIN % b"").replace(b"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n", b""))
    assert bad.partial is None


def test_a_response_copies_what_the_rfc_asks_and_tags_the_to() -> None:
    request = parse(PLAIN % b"Record-Route: <sip:p;lr>\r\n")
    assert isinstance(request, Request)
    response = parse(
        response_to(request, 200, to_tag="t", headers=[("m", "<sip:x@h>")], body=b"hi").to_bytes()
    )
    assert isinstance(response, Response)
    assert (response.status, response.reason, response.to.tag, response.body) == (200, "OK", "t", b"hi")
    assert response.via == request.via
    assert "Record-Route" not in response.headers
    assert response.contacts[0].uri.user == "x"
    again = response_to(Request("OPTIONS", request.uri, response.headers), 599, to_tag="other")
    assert again.to.tag == "t"
    assert again.reason == reason_phrase(599) == "Unknown"


def test_headers_are_an_ordered_multi_map() -> None:
    headers = Headers([("Via", "1"), ("To", "2"), ("Via", "3")])
    headers.set("v", "9")
    headers.add("t", "8")
    assert list(headers) == [("Via", "9"), ("To", "2"), ("To", "8")]
    headers.set("X-new", "1")
    headers.remove("To")
    assert headers.get_all("Via") == ["9"]
    assert headers.get("No", "d") == "d"
    assert "X-New" in headers
    assert len(headers) == 2
    assert canonical("www-authenticate") == "WWW-Authenticate"


def test_typed_views() -> None:
    message = parse(
        PLAIN % b"Contact: *\r\nExpires: 60\r\nRoute: <sip:a;lr>, <sip:b;lr>\r\nRecord-Route: <sip:c>\r\n"
    )
    assert message.contacts == [STAR]
    assert message.expires == 60
    assert [r.uri.host for r in message.routes] == ["a", "b"]
    assert [r.uri.host for r in message.record_routes] == ["c"]
    assert message.max_forwards is None
    via = parse((PLAIN % b"").replace(b"UDP h;branch=z9hG4bK1", b"UDP [::1]:5062;received=[::2];rport=7")).via
    assert (via.host, via.port, via.received, via.rport, via.branch) == ("::1", 5062, "::2", "7", "")
    assert str(via) == "SIP/2.0/UDP [::1]:5062;received=[::2];rport=7"
    assert via.rport == "7"
    assert parse(PLAIN % b"").via.rport is None


@pytest.mark.parametrize(
    "text",
    [
        "sip:",
        "sip:@h",
        "sip:a@h:99999",
        "sip:a b@h",
        "sip:a@h;;x",
        "sip:a..b@h..c",
        "nocolon",
        "1x:y",
        "tel:+1 2",
        "tel:+1<2",
        "tel:+1é",
        "sip:a@h;x=\x01",
        "sip:h%",
    ],
)
def test_a_bad_uri_is_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        parse_uri(text)


@pytest.mark.parametrize(
    "text",
    [
        "sip:h",
        "sips:a:pw@h:5061;transport=tcp;lr?Subject=x",
        "sip:+212539000000@[2001:db8::1]:5060;user=phone",
        "tel:+33123456789",
        "sip:*12@h",
    ],
)
def test_a_uri_written_again_is_the_same(text: str) -> None:
    assert str(parse_uri(text)) == text


def test_uri_and_name_addr_parts() -> None:
    uri = parse_uri("sip:a%20b@h;transport=tcp;lr")
    assert (uri.user, uri.user_decoded, uri.param("transport"), uri.param("lr"), uri.param("x")) == (
        "a%20b",
        "a b",
        "tcp",
        "",
        None,
    )
    one, two = parse_name_addrs('"A, \\"B\\" <c>" <sip:a@h;x=1,2>;tag=9, sip:b@h;tag=8')
    assert (one.display, one.tag, two.tag, two.param("none")) == ('A, "B" <c>', "9", "8", None)
    assert parse_name_addr(str(one)) == one
    assert parse_params("  ") == ()
    assert parse_params(" ; a = b ; c ") == (("a", "b"), ("c", None))


@pytest.mark.parametrize(
    "text", ['"open <sip:a@h>', "<sip:a@h", 'a"b <sip:a@h>', "sip:a@h?x=y", "<sip:a@h>;;"]
)
def test_a_bad_name_addr_is_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        parse_name_addr(text)


def test_keep_alives_between_messages_are_counted_and_passed_over() -> None:
    framer = StreamFramer()
    data = PLAIN % b"Content-Length: 0\r\n"
    assert framer.feed(b"\r\n\r\n" + data + b"\r\n" + data) == [data, data]
    assert framer.pongs == 1
    assert framer.feed(b"\r\n") == []
    assert framer.feed(b"\r\n") == []
    assert framer.pongs == 2
    with pytest.raises(FramingError):
        framer.feed(PLAIN % b"Content-Length: 99999\r\n")


def test_hostile_texts_cost_no_time() -> None:
    began = time.perf_counter()
    for text in (
        "a" * 4000 + '"',
        ";" * 4000,
        '"' + "\\" * 4000,
        "<" * 4000,
        "a " * 2000,
        "sip:" + "%" * 4000,
    ):
        with pytest.raises(BadMessage):
            parse_name_addr(text)
        with pytest.raises(BadMessage):
            parse_uri(text)
    assert time.perf_counter() - began < 5.0


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        kind = draw(st.integers(0, 3))
        if kind == 0 and data:
            data[at] = draw(st.integers(0, 255))
        elif kind == 1:
            data[at:at] = draw(st.binary(max_size=8))
        elif kind == 2:
            del data[at : at + draw(st.integers(1, 40))]
        else:
            data[at:at] = data[at : at + 60]
    return bytes(data)


@given(mutated())
def test_whatever_is_changed_only_declared_errors_escape(data: bytes) -> None:
    try:
        message = parse(data)
    except BadMessage as bad:
        if bad.partial is not None:
            assert bad.partial.via is not None
    else:
        parse(message.to_bytes())
        try:
            parse_sdp(message.body)
        except BadSdp:
            pass
    framer = StreamFramer()
    try:
        framer.feed(data)
    except FramingError:
        pass


@given(st.binary(max_size=300))
def test_noise_raises_only_what_is_declared(data: bytes) -> None:
    for read, error in ((parse, BadMessage), (parse_sdp, BadSdp)):
        try:
            read(data)  # type: ignore[operator]
        except error:
            pass


@pytest.mark.parametrize(
    "line", ["Call-ID: caf\xe9", "Call-ID: a\x01", "Contact: <sip:a@h;x=\xe9>", "Contact: tel:1\xe9"]
)
def test_what_calls_and_places_are_known_by_is_ascii(line: str) -> None:
    """Their texts are kept and written down for other programs to read."""
    lines = {"Call-ID": "Call-ID: 1", "Contact": "Contact: <sip:a@h>"} | {line.partition(":")[0]: line}
    data = (
        "OPTIONS sip:a@b.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
        f"To: <sip:a@b>\r\nCSeq: 1 OPTIONS\r\n{lines['Call-ID']}\r\n{lines['Contact']}\r\n\r\n"
    )
    for encoding in ("latin-1", "utf-8"):
        with pytest.raises(BadMessage) as refused:
            parse(data.encode(encoding))
        assert refused.value.status == 400


@pytest.mark.parametrize("bare", ["\r", "\n"])
@pytest.mark.parametrize(
    "line", ["Subject: a{}Via: SIP/2.0/UDP evil", "Subject: a\r\n b{}Via: SIP/2.0/UDP evil"]
)
def test_a_bare_line_end_is_refused_in_a_folded_line_too_and_never_repeated(bare: str, line: str) -> None:
    data = (
        "OPTIONS sip:a@b.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
        f"To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n{line.format(bare)}\r\n\r\n"
    ).encode()
    with pytest.raises(BadMessage) as refused:
        parse(data)
    assert refused.value.status == 400
    assert refused.value.partial is not None
    assert b"evil" not in refused.value.partial.to_bytes()
