"""A browser's offer is a stranger's text: what is taken from it cannot become a command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marhaba.kernel.errors import BadInput
from marhaba.media.browser_sdp import Offer, OwnSide, read_offer, write_answer

PRINT = ":".join(f"{n:02X}" for n in range(32))
CHROMIUM = f"""\
v=0
o=- 3123232817535203368 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 40395 UDP/TLS/RTP/SAVPF 8 126
c=IN IP4 192.0.2.2
a=candidate:3494448480 1 udp 2122194687 192.0.2.2 40395 typ host generation 0 network-id 1
a=candidate:3610993104 1 udp 2122265343 fd00::2 45250 typ host generation 0 network-id 2
a=candidate:2928078840 1 tcp 1518214911 192.0.2.2 9 typ host tcptype active generation 0
a=candidate:1 1 udp 1 0c1c2.local 9 typ host
a=ice-ufrag:6HRG
a=ice-pwd:MKvz+gC4W7/0pWQdFjDDD1GU
a=fingerprint:sha-256 {PRINT}
a=setup:actpass
a=mid:0
a=rtcp-mux
a=rtpmap:8 PCMA/8000
a=rtpmap:126 telephone-event/8000
""".replace("\n", "\r\n")
OWN = OwnSide("192.0.2.9", 44_010, "passive", PRINT, "t5ic", "FvjFuhu2hee/+ofkZF7MEoMM")


def test_a_browsers_offer_is_read() -> None:
    assert read_offer(CHROMIUM) == Offer(
        fingerprint=PRINT,
        ufrag="6HRG",
        password="MKvz+gC4W7/0pWQdFjDDD1GU",
        mid="0",
        dtmf_payload=126,
        candidates=("3494448480 1 udp 2122194687 192.0.2.2 40395 typ host",),
    )


def test_the_answer_is_ice_lite_passive_and_alaw() -> None:
    lines = write_answer(read_offer(CHROMIUM), OWN).split("\r\n")
    assert "m=audio 44010 UDP/TLS/RTP/SAVPF 8 126" in lines
    assert {"a=ice-lite", "a=rtcp-mux", "a=setup:passive", "a=ice-ufrag:t5ic", "a=mid:0"} <= set(lines)
    assert "a=candidate:1 1 udp 2130706431 192.0.2.9 44010 typ host" in lines
    without = read_offer(CHROMIUM.replace("a=rtpmap:126 telephone-event/8000\r\n", ""))
    assert "m=audio 44010 UDP/TLS/RTP/SAVPF 8" in write_answer(without, OWN).split("\r\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=ice-ufrag:6HRG", "a=ice-ufrag:6HRG && D x"),
        ("a=ice-pwd:MKvz+gC4W7/0pWQdFjDDD1GU", "a=ice-pwd:x"),
        ("a=fingerprint:sha-256 00", "a=fingerprint:sha-256 ZZ"),
        ("a=fingerprint:sha-256", "a=fingerprint:sha-1"),
        ("a=mid:0", "a=mid:" + "0" * 17),
        ("SAVPF 8 126", "SAVPF 111 126"),
        ("m=audio", "m=video 9 UDP/TLS/RTP/SAVPF 8\r\nm=audio"),
        ("v=0", "v=0" + " " * 20_000),
    ],
)
def test_what_is_no_offer_of_ours_is_refused(old: str, new: str) -> None:
    assert old in CHROMIUM
    with pytest.raises(BadInput) as refused:
        read_offer(CHROMIUM.replace(old, new, 1))
    assert refused.value.code == "bad-offer"


@given(st.text(alphabet=st.sampled_from(" &MD41:\r\n;a=0fx"), min_size=1, max_size=40), st.sampled_from(
    ["6HRG", "MKvz+gC4W7/0pWQdFjDDD1GU", "3494448480", "2122194687", "192.0.2.2 40395", "typ host", PRINT[:5]]
))  # fmt: skip
def test_nothing_that_separates_commands_comes_through(what: str, place: str) -> None:
    try:
        offer = read_offer(CHROMIUM.replace(place, place + what))
    except BadInput:
        return
    taken = [offer.fingerprint, offer.ufrag, offer.password, offer.mid, *offer.candidates]
    assert not any(mark in text for text in taken for mark in ("&", "\r", "\n", ";"))
    assert all(" " not in text for text in taken[:4])
