"""Carriers: registering to them, asking whether they are there, and knowing who they are.

The board makes requests as data and hears their answers; the endpoint sends them. A carrier without keep-alive and
registration counts as up: nobody ever asks it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from marhaba.sip.digest import BadDigest, authorize
from marhaba.sip.events import EndpointSettings, Flow, Trunk, TrunkState
from marhaba.sip.message import Headers, Request, Response
from marhaba.sip.outgoing import bracketed, escaped_user
from marhaba.sip.uri import Uri, parse_uri

FAILURES_DOWN = 2
"""One lost OPTIONS is weather; two in a row are an outage."""
RETRY_FIRST_S = 5.0
RETRY_MAX_S = 300.0
"""A carrier that refuses is asked again after 5 s, then ever more rarely, every five minutes at last."""
REFRESH_SHARE = 0.8
"""A registration is renewed before it ends: after four fifths of what was granted."""
REFRESH_S_MIN = 10.0
"""A carrier that grants nothing, or next to nothing, is not asked in a circle."""
NOBODY = "marhaba"
"""How we call ourselves towards a carrier without an account."""
_DIGITS = re.compile(r"[0-9]{1,7}")


@dataclass(slots=True)
class _Line:
    """What is known of one carrier."""

    trunk: Trunk
    call_id: str
    tag: str
    cseq: int = 0
    failures: int = 0
    up: bool | None = None  # None: not known yet
    registered: bool = False
    register_at: float | None = None
    options_at: float | None = None
    retry_s: float = RETRY_FIRST_S
    challenged: bool = False  # credentials were shown in this try
    longer_s: int = 0  # what the carrier said is the shortest registration it takes (423)
    waiting: set[str] = field(default_factory=set)  # methods sent and not answered


class TrunkBoard:
    """All carriers. `events` is drained by the owner."""

    def __init__(self, settings: EndpointSettings, token: Callable[[], str]) -> None:
        self._settings = settings
        self._token = token
        self._lines: dict[str, _Line] = {}
        self.events: list[TrunkState] = []
        self.reconfigure(0.0, settings)

    def reconfigure(self, now: float, settings: EndpointSettings) -> None:
        """New carriers are asked at once; an unchanged one keeps its state."""
        self._settings = settings
        kept = {name: line for name, line in self._lines.items() if line.trunk in settings.trunks}
        self._lines = {}
        for trunk in settings.trunks:
            line = kept.get(trunk.name)
            if line is None:
                line = _Line(trunk, f"{self._token()}@{settings.advertised_host}", self._token())
                line.register_at = now if trunk.register else None
                line.options_at = now if trunk.keep_alive_s else None
                if not trunk.register and not trunk.keep_alive_s:
                    line.up = True
            self._lines[trunk.name] = line

    # -- what the endpoint asks -------------------------------------------------------------------------------

    def due(self, now: float) -> list[tuple[str, Request, Flow]]:
        """Requests to send now."""
        found: list[tuple[str, Request, Flow]] = []
        for name, line in self._lines.items():
            if line.register_at is not None and line.register_at <= now and "REGISTER" not in line.waiting:
                line.register_at, line.challenged = None, False
                found.append((name, self._request(line, "REGISTER"), self.flow(line.trunk)))
            if line.options_at is not None and line.options_at <= now and "OPTIONS" not in line.waiting:
                line.options_at = None
                found.append((name, self._request(line, "OPTIONS"), self.flow(line.trunk)))
        return found

    def next_due(self) -> float | None:
        moments = [m for line in self._lines.values() for m in (line.register_at, line.options_at)]
        return min((m for m in moments if m is not None), default=None)

    def response(
        self, now: float, name: str, request: Request, response: Response | None, *, theirs: bool = True
    ) -> list[Request]:
        """The answer to a request of ours, or None for silence; requests to send in consequence (credentials).

        `theirs`: it came from an address of the carrier, and may be shown credentials.
        """
        line = self._lines.get(name)
        if line is None or line.call_id != request.call_id:
            return []  # asked before the carrier was changed or taken away
        if response is not None and response.status < 200:
            return []
        line.waiting.discard(request.method)
        if request.method == "REGISTER":
            return self._registered(now, line, response, theirs=theirs)
        line.options_at = now + line.trunk.keep_alive_s
        self._heard(line, response)
        return []

    def _registered(
        self, now: float, line: _Line, response: Response | None, *, theirs: bool
    ) -> list[Request]:
        if response is None:
            self._refused(now, line, 408, "")
        elif response.status < 300:
            line.registered = True
            line.retry_s = RETRY_FIRST_S
            granted = _granted(response, self._contact(line.trunk), _wanted_s(line))
            line.register_at = now + max(REFRESH_SHARE * granted, REFRESH_S_MIN)
            self._say(line, up=True, code=response.status, detail="")
        elif (retry := self._again(line, response, theirs=theirs)) is not None:
            return [retry]
        else:
            self._refused(now, line, response.status, response.headers.get("Retry-After"))
        return []

    def _again(self, line: _Line, response: Response, *, theirs: bool) -> Request | None:
        """Our REGISTER once more, when the refusal says how it would be taken: credentials, or a longer time."""
        if response.status in (401, 407) and theirs and not line.challenged:
            credentials = self._credentials(line.trunk, response)
            if credentials is not None:
                line.challenged = True
                return self._request(line, "REGISTER", credentials)
        if response.status == 423:
            least = response.headers.get("Min-Expires")
            if _DIGITS.fullmatch(least) and int(least) > _wanted_s(line):
                line.longer_s = int(least)
                line.challenged = False
                return self._request(line, "REGISTER")
        return None

    def _refused(self, now: float, line: _Line, status: int, retry_after: str) -> None:
        line.registered = False
        asked = _DIGITS.match(retry_after)
        line.register_at = now + max(float(asked[0]) if asked else 0.0, line.retry_s)
        line.retry_s = min(2 * line.retry_s, RETRY_MAX_S)
        self._say(line, up=False, code=status, detail="registration")

    def _heard(self, line: _Line, response: Response | None) -> None:
        """Any answer to OPTIONS means that somebody is there, but for 503: he says that he is not."""
        alive = response is not None and response.status != 503
        line.failures = 0 if alive else line.failures + 1
        if line.trunk.register and not line.registered:
            return
        if alive or line.failures >= FAILURES_DOWN:
            code = response.status if response is not None else 408
            self._say(line, up=alive, code=code, detail="" if alive else "no answer")

    def _say(self, line: _Line, *, up: bool, code: int, detail: str) -> None:
        if line.up is not up:
            line.up = up
            self.events.append(TrunkState(line.trunk.name, up, code, detail))

    # -- who they are -----------------------------------------------------------------------------------------

    def is_up(self, name: str) -> bool:
        """Whether calls may be tried: a carrier not heard of yet is given the benefit of the doubt."""
        line = self._lines.get(name)
        return line is not None and line.up is not False

    def pick(self, names: Sequence[str]) -> str:
        """The first of these carriers that is up; "" when none is."""
        return next((name for name in names if self.is_up(name)), "")

    def by_address(self, address: str) -> Trunk | None:
        """The carrier whose calls come from this address."""
        for line in self._lines.values():
            trunk = line.trunk
            if address in trunk.hosts or (address == trunk.host and _is_address(address)):
                return trunk
        return None

    def flow(self, trunk: Trunk) -> Flow:
        settings = self._settings
        ports = {"udp": settings.udp_port, "tcp": settings.tcp_port, "tls": settings.tls_port}
        return Flow(trunk.transport, settings.advertised_host, ports[trunk.transport], trunk.host, trunk.port)

    def _credentials(self, trunk: Trunk, response: Response) -> tuple[str, str] | None:
        """Header and value that answer this carrier's challenge; None when the realm is not his or cannot be met."""
        if not trunk.user:
            return None
        proxy = response.status == 407
        values = response.headers.get_all("Proxy-Authenticate" if proxy else "WWW-Authenticate")
        try:
            value = authorize(
                values,
                method="REGISTER",
                uri=f"sip:{bracketed(trunk.host)}",
                user=trunk.user,
                password=trunk.password,
                cnonce=self._token(),
                nc=1,
                realm=trunk.realm,
            )
        except BadDigest:
            return None
        return ("Proxy-Authorization" if proxy else "Authorization"), value

    def _us(self, trunk: Trunk) -> str:
        return f"{bracketed(self._settings.advertised_host)}:{self.flow(trunk).local_port}"

    def _contact(self, trunk: Trunk) -> Uri:
        return parse_uri(f"sip:{_user(trunk)}@{self._us(trunk)};transport={trunk.transport}")

    def _request(self, line: _Line, method: str, credentials: tuple[str, str] | None = None) -> Request:
        trunk = line.trunk
        line.cseq += 1
        line.waiting.add(method)
        us = self._us(trunk)
        user = _user(trunk)
        at = bracketed(trunk.host)
        headers = Headers(
            [
                ("Via", f"SIP/2.0/{trunk.transport.upper()} {us};branch=z9hG4bK{self._token()};rport"),
                ("Max-Forwards", "70"),
                ("From", f"<sip:{user}@{at}>;tag={line.tag}"),
                ("To", f"<sip:{user}@{at}>" if method == "REGISTER" else f"<sip:{at}>"),
                ("Call-ID", line.call_id),
                ("CSeq", f"{line.cseq} {method}"),
                ("Contact", f"<{self._contact(trunk)}>"),
            ]
        )
        if method == "REGISTER":
            headers.add("Expires", str(_wanted_s(line)))
        if credentials is not None:
            headers.add(*credentials)
        return Request(method, Uri("sip", host=trunk.host), headers)


def _user(trunk: Trunk) -> str:
    """Our account in a URI; some carriers call accounts `name@domain`."""
    return escaped_user(trunk.user or NOBODY)


def _wanted_s(line: _Line) -> int:
    return max(line.trunk.register_s, line.longer_s)


def _granted(response: Response, ours: Uri, asked: int) -> int:
    """How long the carrier keeps us: the expires of our own Contact among all it lists (10.2.4), Expires, our wish."""
    texts = [
        contact.param("expires") or ""
        for contact in response.contacts
        if (contact.uri.user, contact.uri.host, contact.uri.port) == (ours.user, ours.host, ours.port)
    ]
    for text in (*texts, response.headers.get("Expires")):
        if _DIGITS.fullmatch(text):
            return int(text)
    return asked


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
