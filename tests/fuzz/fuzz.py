"""Coverage-guided fuzzing: `python -m tests.fuzz.fuzz TARGET SECONDS`, a target at a time; see `make fuzz`.

A finding ends the run with its input in a file named `crash-...`: put it into a test of its own.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["marhaba.sip"]):
    from marhaba.sip.digest import BadDigest, authorize, parse_challenge, parse_credentials
    from marhaba.sip.errors import BadMessage, BadSdp, FramingError
    from marhaba.sip.message import parse
    from marhaba.sip.sdp import accept_answer, answer, parse_sdp
    from marhaba.sip.stream import StreamFramer
    from marhaba.sip.uri import parse_name_addrs, parse_params, parse_uri
    from tests.fuzz.worlds import seeds, throw

NEXT_DATAGRAM = b"\0\0next\0\0"


def message(data: bytes) -> None:
    try:
        found = parse(data)
    except BadMessage:
        return
    again = parse(found.to_bytes())
    assert (again.call_id, again.cseq, again.body) == (found.call_id, found.cseq, found.body)


def uri(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    for read in (parse_uri, parse_name_addrs, parse_params):
        with contextlib.suppress(BadMessage):
            read(text)


def sdp(data: bytes) -> None:
    with contextlib.suppress(BadSdp):
        answer(parse_sdp(data), host="192.0.2.1", port=4000, session_id=1, version=1)
    with contextlib.suppress(BadSdp):
        accept_answer(data)


def stream(data: bytes) -> None:
    framer = StreamFramer()
    step = 1 + (data[0] if data else 0)
    with contextlib.suppress(FramingError):
        for start in range(1, len(data), step):
            framer.feed(data[start : start + step])


def digest(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    for read in (parse_challenge, parse_credentials):
        with contextlib.suppress(BadDigest):
            read(text)
    with contextlib.suppress(BadDigest):
        authorize([text], method="INVITE", uri="sip:a", user="u", password="p", cnonce="c", realm="")


def endpoint(data: bytes) -> None:
    throw([(part[1:], part[0]) for part in data.split(NEXT_DATAGRAM)[:8] if part])


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (message, uri, sdp, stream, digest, endpoint)
}
DIGESTS = (
    b'Digest realm="r", nonce="n", qop="auth,auth-int", algorithm=SHA-256, stale=true, opaque="o"',
    b'Digest realm="r", nonce="n", uri="sip:a", username="u", response="0", cnonce="c", nc=00000001, qop=auth',
)


def first_inputs(target: str) -> list[bytes]:
    if target == "digest":
        return list(DIGESTS)
    if target == "sdp":
        return [data[data.find(b"v=0") :] for data in seeds() if b"v=0" in data]
    if target == "uri":
        return [
            line.partition(b":")[2].strip()
            for data in seeds()
            for line in data.splitlines()
            if b"sip:" in line
        ]
    if target in ("stream", "endpoint"):
        return [b"\0" + data for data in seeds()]
    return list(seeds())


def main() -> None:
    target, seconds = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(first_inputs(target)):
            (Path(folder) / f"{number:04d}").write_bytes(data)
        atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-max_len=8192", folder], TARGETS[target])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
