"""Mutated messages, by thousands: only declared errors leave the parsers, and the endpoint never raises."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marhaba.sip.digest import BadDigest, authorize, parse_challenge, parse_credentials
from marhaba.sip.errors import BadMessage, BadSdp, FramingError
from marhaba.sip.events import InfoDigit, LegEnded, Referred, Reoffered
from marhaba.sip.message import parse
from marhaba.sip.sdp import accept_answer, answer, parse_sdp
from marhaba.sip.stream import StreamFramer
from marhaba.sip.uri import parse_name_addrs, parse_uri
from tests.fuzz.worlds import SOURCES, seeds, throw

WORDS = (
    b"\r\n", b"\r\n\r\n", b"\n", b"\0", b"\xff", b"\xc3", b";", b",", b"<", b">", b'"', b"%", b"%00", b":", b"@", b" ",
    b"[", b"]", b"0", b"-1", b"4294967296", b"99999999999", b"9" * 5_000, b"tag=", b"branch=z9hG4bK", b";lr", b"sip:",
    b"tel:", b"*", b"SIP/2.0 200 OK", b"INVITE", b"ACK", b"BYE", b"CANCEL", b"PRACK", b"Require: 100rel\r\n",
    b"Replaces: a;b\r\n", b"Record-Route: x\r\n", b"Contact: *\r\n", b"Expires: x\r\n", b"\xe2\x80\xae",
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A seed with up to four wounds: something cut out, put in, doubled, or a piece of another seed."""
    data = draw(st.sampled_from(seeds()))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 40)))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            data = data[:at] + data[end:]
        elif kind == 1:
            data = data[:at] + draw(st.sampled_from(WORDS) | st.binary(max_size=8)) + data[end:]
        elif kind == 2:
            data = data[:end] + data[at:]
        else:
            other = draw(st.sampled_from(seeds()))
            start = draw(st.integers(0, len(other)))
            data = data[:at] + other[start : start + draw(st.integers(1, 200))] + data[end:]
    return data


def test_every_seed_is_thrown_from_everywhere() -> None:
    for source in range(len(SOURCES)):
        throw([(data, source) for data in seeds()])


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(mutated(), st.integers(0, len(SOURCES) - 1)), min_size=1, max_size=6))
def test_the_endpoint_never_raises_on_any_datagram(datagrams: list[tuple[bytes, int]]) -> None:
    throw(datagrams)


@settings(deadline=None, max_examples=500)
@given(mutated() | st.binary(max_size=200))
def test_a_message_is_read_or_refused_and_what_was_read_can_be_read_again(data: bytes) -> None:
    try:
        message = parse(data)
    except BadMessage as bad:
        assert 400 <= bad.status <= 599
        return
    again = parse(message.to_bytes())
    assert (again.call_id, again.cseq, again.body) == (message.call_id, message.cseq, message.body)


@settings(deadline=None, max_examples=300)
@given(st.lists(mutated(), min_size=1, max_size=3), st.integers(1, 700))
def test_a_stream_gives_the_same_messages_however_it_is_cut(messages: list[bytes], step: int) -> None:
    data = b"".join(messages)

    def framed(step: int) -> tuple[list[bytes], bool]:
        framer, found = StreamFramer(), list[bytes]()
        try:
            for start in range(0, len(data), step):
                found += framer.feed(data[start : start + step])
        except FramingError:
            return found, False
        return found, True

    whole, ok = framed(len(data) or 1)
    cut, cut_ok = framed(step)
    assert cut_ok is ok
    # All at once, the messages before a broken one are lost with the stream.
    assert cut == whole if ok else cut[: len(whole)] == whole


@settings(deadline=None, max_examples=300)
@given(mutated().map(lambda data: data[data.find(b"v=0") :]) | st.binary(max_size=100))
def test_a_description_is_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(BadSdp):
        answer(parse_sdp(body), host="192.0.2.1", port=4000, session_id=1, version=1)
    with contextlib.suppress(BadSdp):
        accept_answer(body)


@settings(deadline=None, max_examples=500)
@given(st.text(max_size=80) | mutated().map(lambda data: data.decode("utf-8", "surrogateescape")[:200]))
def test_an_address_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(BadMessage):
        assert parse_uri(str(parse_uri(text))) == parse_uri(text)
    with contextlib.suppress(BadMessage):
        parse_name_addrs(text)


DIGEST = (
    'Digest realm="r", nonce="n", qop="auth", algorithm=MD5, uri="sip:a", username="u", response="'
    + "0" * 32
    + '"'
)


@settings(deadline=None, max_examples=500)
@given(st.text(max_size=60), st.integers(0, len(DIGEST)), st.integers(0, len(DIGEST)))
def test_a_digest_header_is_read_or_refused(text: str, start: int, end: int) -> None:
    value = DIGEST[:start] + text + DIGEST[end:]
    for read in (parse_challenge, parse_credentials):
        with contextlib.suppress(BadDigest):
            read(value)
    with contextlib.suppress(BadDigest):
        authorize([value], method="INVITE", uri="sip:a", user="u", password="p", cnonce="c", realm="")


@pytest.mark.parametrize(
    ("method", "event"),
    [("INVITE", Reoffered), ("REFER", Referred), ("INFO", InfoDigit), ("BYE", LegEnded)],
)
def test_what_is_thrown_reaches_into_the_call(method: str, event: type) -> None:
    """Without this the tests above could pass on messages that are all dropped."""
    data = next(it for it in seeds() if b"Call-ID: wire\r\n" in it and it.startswith(method.encode()))
    assert [type(it) for it in throw([(data, 0)])] == [event]
