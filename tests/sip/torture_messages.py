"""The messages of RFC 4475 and RFC 5118 with the RFC's own verdicts."""

import re
from pathlib import Path

HERE = Path(__file__).parent / "torture"

VALID = """wsinv intmeth esc01 escnull esc02 lwsdisp longreq dblreq semiuri transports mpart01 unreason noreason badbranch
unkscm novelsc unksm2 bext01 invut regaut01 bcast zeromf cparam01 cparam02 regescrt sdp01 inv2543""".split()
REFUSED_400 = """badinv01 clerr ncl scalar02 quotbal ltgtruri lwsruri lwsstart trws escruri baddate regbadct badaspec baddn
mismatch01 mismatch02 insuf multi01 mcl01""".split()
REFUSED_505 = ["badvers"]
DROPPED_RESPONSES = ["scalarlg", "bigcode"]
IPV6_VALID = """ipv6-good port-ambiguous port-unambiguous via-received-param-with-delim via-received-param-no-delim
ipv6-in-sdp mult-ip-in-header mult-ip-in-sdp ipv4-mapped-ipv6 ipv6-bug-abnf-3-colons ipv6-correct-abnf-2-colons""".split()
FRAMING = ["clerr", "ncl", "mcl01", "baddn", "dblreq"]
"""Messages whose end cannot be found, or elsewhere than meant: on a stream they cost the connection, or wait."""


def rfc4475(name: str) -> bytes:
    return (HERE / "rfc4475" / f"{name}.dat").read_bytes()


def rfc5118(name: str) -> bytes:
    """The archive has bare LF: CRLF is put back, the missing blank line added, the length counted anew."""
    data = (HERE / "rfc5118" / f"{name}.dat").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    head, _, body = data.partition(b"\r\n\r\n")
    head = head.rstrip(b"\r\n")
    head = re.sub(rb"(?i)(content-length[ \t]*:[ \t]*)[0-9]+", rb"\g<1>%d" % len(body), head)
    return head + b"\r\n\r\n" + body
