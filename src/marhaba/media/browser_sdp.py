"""What a browser offers for its audio line, and the answer to it (RFC 8829; ICE-lite, RFC 8445; DTLS-SRTP, RFC 5763).

An offer is a stranger's text that becomes part of commands: what is taken out of it is matched letter by letter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from marhaba.kernel.errors import BadInput
from marhaba.media.protocol import PCMA

OFFER_CHARS_MAX = 20_000
"""A browser's offer of one audio line has some 2,000."""
CANDIDATES_MAX = 20
_FINGERPRINT = re.compile(r"sha-256 ((?:[0-9A-F]{2}:){31}[0-9A-F]{2})", re.IGNORECASE)
_ICE_CHARS = re.compile(r"[A-Za-z0-9+/]{4,256}")
_MID = re.compile(r"[A-Za-z0-9_.-]{1,16}")
_CANDIDATE = re.compile(
    r"(?P<foundation>[A-Za-z0-9+/]{1,32}) 1 udp (?P<priority>\d{1,10}) (?P<host>\d{1,3}(?:\.\d{1,3}){3}) (?P<port>\d{1,5})"
    r" typ (?P<kind>host|srflx|prflx|relay)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Offer:
    fingerprint: str  # of the browser's certificate, SHA-256
    ufrag: str
    password: str
    mid: str
    dtmf_payload: int
    candidates: tuple[str, ...]  # IPv4 over UDP alone; RFC 8839 section 5.1 without extensions


@dataclass(frozen=True, slots=True)
class OwnSide:
    """What the edge opened for it."""

    host: str  # where the browser finds it
    port: int
    setup: str  # passive: the browser begins the handshake
    fingerprint: str
    ufrag: str
    password: str


def read_offer(text: str) -> Offer:
    """Raises `BadInput` for what is no offer of an audio line that we can answer."""
    if len(text) > OFFER_CHARS_MAX:
        raise BadInput("the offer is too long", code="bad-offer")
    if len(re.findall(r"(?m)^m=", text)) != 1 or not re.search(
        r"(?m)^m=audio \d+ UDP/TLS/RTP/SAVPF [\d ]*\b8\b", text
    ):
        raise BadInput("one audio line with PCMA is wanted", code="bad-offer")
    payload = re.search(r"(?m)^a=rtpmap:(\d{1,3}) telephone-event/8000", text)
    return Offer(
        fingerprint=_field(text, "fingerprint", _FINGERPRINT).split(" ", 1)[1].upper(),
        ufrag=_field(text, "ice-ufrag", _ICE_CHARS),
        password=_field(text, "ice-pwd", _ICE_CHARS),
        mid=_field(text, "mid", _MID),
        dtmf_payload=int(payload[1]) if payload else 0,
        candidates=tuple(_candidates(text)),
    )


def _field(text: str, name: str, pattern: re.Pattern[str]) -> str:
    found = re.search(rf"(?m)^a={name}:([^\r\n]*?)\s*$", text)
    if found is None or not pattern.fullmatch(found[1]):
        raise BadInput(f"no usable a={name}", code="bad-offer")
    return found[1]


def _candidates(text: str) -> list[str]:
    found = [
        _CANDIDATE.match(line) for line in re.findall(r"(?m)^a=candidate:([^\r\n]*)", text)[:CANDIDATES_MAX]
    ]
    return [
        f"{each['foundation']} 1 udp {each['priority']} {each['host']} {each['port']} typ {each['kind'].lower()}"
        for each in found
        if each is not None
    ]


def write_answer(offer: Offer, own: OwnSide) -> str:
    digits = (
        [f"a=rtpmap:{offer.dtmf_payload} telephone-event/8000", f"a=fmtp:{offer.dtmf_payload} 0-15"]
        if offer.dtmf_payload
        else []
    )
    payloads = f"{PCMA} {offer.dtmf_payload}" if offer.dtmf_payload else str(PCMA)
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {own.host}",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        f"a=group:BUNDLE {offer.mid}",
        f"m=audio {own.port} UDP/TLS/RTP/SAVPF {payloads}",
        f"c=IN IP4 {own.host}",
        f"a=mid:{offer.mid}",
        "a=rtcp-mux",
        f"a=setup:{own.setup}",
        f"a=fingerprint:sha-256 {own.fingerprint}",
        f"a=ice-ufrag:{own.ufrag}",
        f"a=ice-pwd:{own.password}",
        f"a=candidate:1 1 udp 2130706431 {own.host} {own.port} typ host",
        "a=end-of-candidates",
        f"a=rtpmap:{PCMA} PCMA/8000",
        *digits,
        "a=ptime:20",
        "a=sendrecv",
    ]
    return "\r\n".join(lines) + "\r\n"
