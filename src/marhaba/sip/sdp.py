"""Session descriptions for one audio stream (RFC 8866), and offer/answer about it (RFC 3264).

Only what a call centre's audio needs is read; other media are answered with port 0, unknown lines are passed over.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Literal

import msgspec

from marhaba.sip.errors import BadSdp

SDP_BYTES_MAX = 16_384
MEDIA_MAX = 16
FORMATS_MAX = 64
PCMU, PCMA = 0, 8
CODECS = (PCMA, PCMU)
DTMF_PAYLOAD = 101

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")
MIRROR: dict[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
_NAMES = {PCMU: "PCMU", PCMA: "PCMA"}
_MEDIA = re.compile(r"([A-Za-z0-9\-]+) ([0-9]{1,5})(?:/[0-9]{1,5})? ([A-Za-z0-9/\-]+) ?(.*)")
_RTPMAP = re.compile(r"([0-9]{1,3}) ([A-Za-z0-9\-_.+]+)/([0-9]{1,6})(?:/.*)?")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?")


class Media(msgspec.Struct, frozen=True):
    """One m= line with what belongs to it."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    host: str = ""
    names: tuple[tuple[int, str, int], ...] = ()  # payload type, name, clock rate
    direction: Direction = "sendrecv"
    ptime: int = 20


class Sdp(msgspec.Struct, frozen=True):
    media: tuple[Media, ...]
    version: int = 0

    def audio(self) -> Media | None:
        """The first audio stream in plain RTP that is not switched off."""
        for media in self.media:
            if media.kind == "audio" and media.protocol in ("RTP/AVP", "RTP/AVPF") and media.port:
                return media
        return None


class Negotiated(msgspec.Struct, frozen=True):
    """What both sides agreed on, seen from ours."""

    remote_host: str
    remote_port: int
    codec: int
    dtmf_payload: int  # 0: none
    direction: Direction
    ptime: int = 20


def parse_sdp(body: bytes) -> Sdp:
    """Raises BadSdp."""
    if not body or len(body) > SDP_BYTES_MAX or b"\0" in body:
        raise BadSdp("empty, too long or binary")
    lines = body.decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n").split("\n")
    if lines[0].rstrip() != "v=0":
        raise BadSdp("v=0 must come first")
    session: list[str] = []
    blocks: list[list[str]] = []
    for line in lines[1:]:
        if len(line) < 2 or line[1] != "=":
            raise BadSdp("a line is not type=value")
        if line.startswith("m="):
            blocks.append([line])
        else:
            (blocks[-1] if blocks else session).append(line)
    if len(blocks) > MEDIA_MAX:
        raise BadSdp("too many media")
    host = _host(session)
    direction = _direction(session, "sendrecv")
    return Sdp(tuple(_media(block, host, direction) for block in blocks), _version(session))


def _version(session: list[str]) -> int:
    for line in session:
        if line.startswith("o="):
            parts = line[2:].split(" ")
            if len(parts) == 6 and re.fullmatch(r"[0-9]{1,20}", parts[2]):
                return int(parts[2])
            raise BadSdp("bad o= line")
    raise BadSdp("no o= line")


def _host(lines: list[str]) -> str:
    for line in lines:
        if line.startswith("c="):
            parts = line[2:].split(" ")
            if len(parts) != 3 or parts[0] != "IN" or parts[1] not in ("IP4", "IP6"):
                raise BadSdp("bad c= line")
            host = parts[2].split("/")[0]
            try:
                address = ipaddress.ip_address(host)
            except ValueError:
                if not _HOST.fullmatch(host):
                    raise BadSdp("bad address") from None
                return host
            if address.is_multicast:
                raise BadSdp("multicast audio")
            return host
    return ""


def _direction(lines: list[str], default: Direction) -> Direction:
    for line in lines:
        for direction in DIRECTIONS:
            if line == f"a={direction}":
                return direction
    return default


def _media(block: list[str], host: str, direction: Direction) -> Media:
    match = _MEDIA.fullmatch(block[0][2:].rstrip())
    if match is None or int(match[2]) > 65_535:
        raise BadSdp("bad m= line")
    formats = tuple(match[4].split())
    if len(formats) > FORMATS_MAX or not formats:
        raise BadSdp("no formats, or too many")
    names: list[tuple[int, str, int]] = []
    ptime = 20
    for line in block[1:]:
        if line.startswith("a=rtpmap:"):
            found = _RTPMAP.fullmatch(line[9:].rstrip())
            if found is None or int(found[1]) > 127:
                raise BadSdp("bad rtpmap")
            names.append((int(found[1]), found[2].lower(), int(found[3])))
        elif line.startswith("a=ptime:") and re.fullmatch(r"[0-9]{1,3}", line[8:].strip()):
            ptime = int(line[8:]) or 20
    own = _host(block[1:])
    return Media(
        match[1],
        int(match[2]),
        match[3],
        formats,
        own or host,
        tuple(names),
        _direction(block[1:], direction),
        ptime,
    )


def make_offer(
    *,
    host: str,
    port: int,
    session_id: int,
    version: int,
    codecs: tuple[int, ...] = CODECS,
    direction: Direction = "sendrecv",
    dtmf_payload: int = DTMF_PAYLOAD,
) -> bytes:
    """Our offer: G.711 both ways and telephone-event."""
    head = _head(host, session_id, version)
    return "\r\n".join([*head, *_audio(port, codecs, dtmf_payload, direction), ""]).encode()


def answer(
    offer: Sdp,
    *,
    host: str,
    port: int,
    session_id: int,
    version: int,
    codecs: tuple[int, ...] = CODECS,
    direction: Direction = "sendrecv",
) -> tuple[bytes, Negotiated]:
    """Answer an offer: the first of its codecs that is ours, its telephone-event, its direction mirrored.

    Raises BadSdp when there is no audio stream or codec to share.
    """
    audio = offer.audio()
    if audio is None or not audio.host:
        raise BadSdp("no audio stream")
    ours = MIRROR[audio.direction]
    if direction != "sendrecv":
        ours = _narrow(ours, direction)
    negotiated = _agree(audio, codecs, ours)
    lines = _head(host, session_id, version)
    for media in offer.media:
        if media is audio:
            lines += _audio(port, (negotiated.codec,), negotiated.dtmf_payload, ours)
        else:  # RFC 3264 section 6: refused streams keep their place
            lines.append(f"m={media.kind} 0 {media.protocol} {media.formats[0]}")
    return "\r\n".join([*lines, ""]).encode(), negotiated


def accept_answer(body: bytes, codecs: tuple[int, ...] = CODECS) -> Negotiated:
    """Read the answer to our own offer. Raises BadSdp."""
    audio = parse_sdp(body).audio()
    if audio is None or not audio.host:
        raise BadSdp("the answer refuses audio")
    return _agree(audio, codecs, MIRROR[audio.direction])


def _narrow(one: Direction, other: Direction) -> Direction:
    send = "send" in one and "send" in other
    receive = "recv" in one and "recv" in other
    return "sendonly" if send else "recvonly" if receive else "inactive"


def _agree(audio: Media, codecs: tuple[int, ...], direction: Direction) -> Negotiated:
    names = {payload: (name, rate) for payload, name, rate in audio.names}
    codec = next(
        (
            int(f)
            for f in audio.formats
            if f in ("0", "8")
            and int(f) in codecs
            and names.get(int(f), (_NAMES[int(f)].lower(), 8000)) == (_NAMES[int(f)].lower(), 8000)
        ),
        None,
    )
    if codec is None:
        raise BadSdp("no codec in common")
    dtmf = next(
        (
            p
            for p, (name, rate) in names.items()
            if name == "telephone-event" and rate == 8000 and str(p) in audio.formats
        ),
        0,
    )
    return Negotiated(audio.host, audio.port, codec, dtmf, direction, audio.ptime)


def _head(host: str, session_id: int, version: int) -> list[str]:
    family = "IP6" if ":" in host else "IP4"
    return [
        "v=0",
        f"o=marhaba {session_id} {version} IN {family} {host}",
        "s=-",
        f"c=IN {family} {host}",
        "t=0 0",
    ]


def _audio(port: int, codecs: tuple[int, ...], dtmf_payload: int, direction: Direction) -> list[str]:
    formats = [str(c) for c in codecs] + ([str(dtmf_payload)] if dtmf_payload else [])
    lines = [f"m=audio {port} RTP/AVP {' '.join(formats)}"]
    lines += [f"a=rtpmap:{c} {_NAMES[c]}/8000" for c in codecs]
    if dtmf_payload:
        lines += [f"a=rtpmap:{dtmf_payload} telephone-event/8000", f"a=fmtp:{dtmf_payload} 0-15"]
    return [*lines, "a=ptime:20", f"a={direction}"]
