"""Offer and answer about one audio stream (RFC 3264)."""

import pytest

from marhaba.sip.errors import BadSdp
from marhaba.sip.sdp import SDP_BYTES_MAX, Direction, accept_answer, answer, make_offer, parse_sdp

HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"


def answered(text: str, **options: object) -> tuple[str, object]:
    body, negotiated = answer(
        parse_sdp(text.encode()), host="10.0.0.1", port=4000, session_id=5, version=2, **options
    )  # type: ignore[arg-type]
    return body.decode(), negotiated


def test_our_offer_is_answered_by_ourselves() -> None:
    offer = make_offer(host="10.0.0.1", port=4000, session_id=1, version=1)
    body, theirs = answer(parse_sdp(offer), host="10.0.0.2", port=5000, session_id=2, version=1)
    ours = accept_answer(body)
    assert (theirs.remote_host, theirs.remote_port, theirs.codec, theirs.dtmf_payload) == (
        "10.0.0.1",
        4000,
        8,
        101,
    )
    assert (ours.remote_host, ours.remote_port, ours.codec, ours.dtmf_payload) == ("10.0.0.2", 5000, 8, 101)
    assert parse_sdp(body).version == 1


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_the_direction_is_mirrored(theirs: str, ours: str) -> None:
    body, negotiated = answered(HEAD + f"m=audio 9000 RTP/AVP 0\r\na={theirs}\r\n")
    assert f"a={ours}" in body
    assert negotiated.direction == ours  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("theirs", "wish", "ours"),
    [
        ("sendrecv", "sendonly", "sendonly"),
        ("sendonly", "sendonly", "inactive"),
        ("sendonly", "recvonly", "recvonly"),
        ("sendrecv", "inactive", "inactive"),
    ],
)
def test_our_own_hold_narrows_it(theirs: str, wish: Direction, ours: str) -> None:
    body, _ = answered(HEAD + f"m=audio 9000 RTP/AVP 0\r\na={theirs}\r\n", direction=wish)
    assert f"a={ours}" in body


def test_the_first_codec_in_common_wins_and_other_media_are_refused_in_place() -> None:
    text = HEAD + (
        "m=video 3000 RTP/AVP 31\r\nm=audio 9000 RTP/AVP 18 0 8 96\r\na=rtpmap:96 telephone-event/8000\r\na=ptime:30\r\n"
    )
    body, negotiated = answered(text)
    assert "m=video 0 RTP/AVP 31" in body
    assert body.index("m=video") < body.index("m=audio 4000 RTP/AVP 0 96")
    assert (negotiated.codec, negotiated.dtmf_payload, negotiated.ptime) == (0, 96, 30)  # type: ignore[attr-defined]


def test_a_stream_with_its_own_address_and_ipv6() -> None:
    text = "v=0\no=- 1 1 IN IP6 ::1\ns=-\nt=0 0\nm=audio 9 RTP/AVP 8\nc=IN IP6 2001:db8::1\n"
    _, negotiated = answered(text)
    assert negotiated.remote_host == "2001:db8::1"  # type: ignore[attr-defined]
    assert b"IN IP6 ::9" in make_offer(host="::9", port=1, session_id=1, version=1, dtmf_payload=0)


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "m=audio 0 RTP/AVP 0\r\n",
        HEAD + "m=audio 9 RTP/SAVP 0\r\n",
        HEAD + "m=audio 9 RTP/AVP 18\r\n",
        HEAD + "m=audio 9 RTP/AVP 0\r\na=rtpmap:0 OPUS/48000\r\n",
        HEAD.replace("c=IN IP4 192.0.2.1\r\n", "") + "m=audio 9 RTP/AVP 0\r\n",
        HEAD,
    ],
)
def test_nothing_in_common_is_refused(text: str) -> None:
    sdp = parse_sdp(text.encode())
    with pytest.raises(BadSdp):
        answer(sdp, host="h", port=1, session_id=1, version=1)
    with pytest.raises(BadSdp):
        accept_answer(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * (SDP_BYTES_MAX + 1),
        HEAD + "a=fmtp\0\r\n",
        "o=- 1 1 IN IP4 h\r\n",
        "v=0\r\ns=-\r\n",
        "v=0\r\no=bad\r\n",
        "v=0\r\nnonsense\r\n",
        HEAD + "m=audio 99999 RTP/AVP 0\r\n",
        HEAD + "m=audio 9 RTP/AVP\r\n",
        HEAD + "m=audio\r\n",
        HEAD + "m=audio 9 RTP/AVP 0\r\na=rtpmap:4294967296 X/8000\r\n",
        HEAD + "m=audio 9 RTP/AVP 0\r\nc=IN IP5 h\r\n",
        HEAD + "m=audio 9 RTP/AVP 0\r\nc=IN IP4 224.0.0.1\r\n",
        HEAD + "m=audio 9 RTP/AVP 0\r\nc=IN IP4 a_b\r\n",
        HEAD + "m=audio 9 RTP/AVP 0\r\n" * 17,
    ],
)
def test_what_is_no_description_is_refused(text: str) -> None:
    with pytest.raises(BadSdp):
        parse_sdp(text.encode())


def test_a_host_name_is_taken_as_it_is() -> None:
    audio = parse_sdp(
        (HEAD.replace("192.0.2.1", "phone.example.com") + "m=audio 9 RTP/AVP 0\r\n").encode()
    ).audio()
    assert audio is not None
    assert audio.host == "phone.example.com"
