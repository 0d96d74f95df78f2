"""What all parts of the endpoint share: its tables, its way out, and how answers and requests are written."""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Sequence

from marhaba.sip.dialog import Dialog, addressed, next_cseq, next_hop
from marhaba.sip.digest import Authenticator, BadDigest, authorize
from marhaba.sip.events import EndpointSettings, Flow, Registered, Send, SipEvent, Trunk
from marhaba.sip.leg import Leg
from marhaba.sip.message import Request, Response
from marhaba.sip.outgoing import (
    Outgoing,
    again,
    answer,
    answer_flow,
    answer_head,
    bracketed,
    may_be_answered,
)
from marhaba.sip.registrar import Registrar
from marhaba.sip.timers import Timers
from marhaba.sip.transaction import MAGIC_COOKIE, Server, Transactions
from marhaba.sip.trunk import TrunkBoard

ALLOW = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, INFO, REFER, NOTIFY, REGISTER"
SUPPORTED = "Supported: 100rel, timer, replaces"
EXTENSIONS = frozenset({"100rel", "timer", "replaces"})
"""Option tags a request may require of us."""
ACCEPT = "Accept: application/sdp"
OVERLOAD_RETRY_AFTER_S = 5
"""What somebody refused for load is told: a flood passes or the house frees lines within seconds."""
CHALLENGES_MAX = 2
"""Credentials are tried once, and once more when only the nonce had grown old."""
ADDRESSES_KEPT = 4_096
"""Source addresses whose answerability is remembered; a flood with forged ones costs a parse each, no memory."""


class Core:
    """State of one endpoint. The functions of the `endpoint_*` modules take it as their first argument."""

    def __init__(self, settings: EndpointSettings, token: Callable[[], str]) -> None:
        self.settings = settings
        self.token = token
        self.timers = Timers()
        self.transactions = Transactions(
            self.timers, self.send, t1=settings.t1_s, t2=settings.t2_s, t4=settings.t4_s
        )
        self.legs: dict[str, Leg] = {}  # alive, by id
        self.dialogs: dict[str, Leg] = {}  # by local tag; a leg stays until nothing more is expected of it
        self.invites: dict[tuple[str, str, int], Leg] = {}  # Call-ID, From tag, CSeq of INVITEs received
        self.sends: list[Send] = []
        self.events: list[SipEvent] = []
        self.counts: Counter[str] = Counter()
        self.registrar = Registrar(settings)
        self.board = TrunkBoard(settings, token)
        self.authenticator = Authenticator(
            settings.realm,
            token,
            nonce_age_s=settings.nonce_age_s,
            users={user.name: user for user in settings.users},
        )
        self.server_line = f"Server: {settings.server_name}"
        self.agent_line = f"User-Agent: {settings.server_name}"
        self._secret = hashlib.sha256("".join(token() for _ in range(4)).encode()).digest()
        self.phones = Phones(self.registrar)
        self.tick_known = False  # whether `tick_at` is what registrar and trunks wait for
        self.tick_at: float | None = None
        self._learned: dict[str, str] = {}  # address behind the host name of a trunk, by trunk
        self._answerable: dict[str, bool] = {}

    # -- out --------------------------------------------------------------------------------------------------

    def send(self, data: bytes, flow: Flow) -> None:
        self.sends.append(Send(data, flow))

    def branch(self) -> str:
        return MAGIC_COOKIE + self.token()

    def chance(self) -> float:
        """A number in [0, 1) out of the token source, for timers that must not beat together."""
        return zlib.crc32(self.token().encode()) / 2**32

    def answerable(self, flow: Flow) -> bool:
        """Whether anybody may be sent anything there. Remembered by address: it is asked for every request."""
        found = self._answerable.get(flow.remote_host)
        if found is None:
            found = may_be_answered(flow)
            if flow.remote_port and len(self._answerable) < ADDRESSES_KEPT:
                self._answerable[flow.remote_host] = found
        return found and flow.remote_port > 0

    # -- who we are -------------------------------------------------------------------------------------------

    def sent_by(self, flow: Flow) -> str:
        settings = self.settings
        port = {"udp": settings.udp_port, "tcp": settings.tcp_port, "tls": settings.tls_port}[flow.transport]
        return f"{bracketed(settings.advertised_host)}:{port or flow.local_port}"

    def contact(self, flow: Flow) -> str:
        transport = "" if flow.transport == "udp" else f";transport={flow.transport}"
        return f"Contact: <sip:marhaba@{self.sent_by(flow)}{transport}>"

    # -- answers ----------------------------------------------------------------------------------------------

    def reply(
        self,
        request: Request,
        source: Flow,
        status: int,
        *,
        reason: str = "",
        lines: Sequence[str] = (),
        to_tag: str = "",
    ) -> None:
        """Answer without keeping anything: a repeated request gets the same answer again (8.2.7)."""
        self.counts[f"answered_{status}"] += 1
        head = answer_head(request, source, to_tag=to_tag or self._stateless_tag(request))
        data = answer(head, status, reason=reason, lines=(*lines, self.server_line))
        self.send(data, answer_flow(request, source))

    def accept(self, request: Request, source: Flow, *, to_tag: str = "") -> Server:
        """Open a server transaction. Within a dialog the To has its tag already."""
        server = self.transactions.accept(request, answer_flow(request, source))
        server.head = answer_head(request, source, to_tag=to_tag)
        return server

    def respond(
        self,
        now: float,
        server: Server,
        status: int,
        *,
        reason: str = "",
        lines: Sequence[str] = (),
        body: bytes = b"",
    ) -> bytes:
        data = answer(server.head, status, reason=reason, lines=(*lines, self.server_line), body=body)
        self.transactions.respond(now, server, status, data)
        return data

    def _stateless_tag(self, request: Request) -> str:
        text = f"{request.headers.get('Via')}|{request.call_id}|{request.headers.get('CSeq')}"
        raw = text.encode("utf-8", "surrogateescape")
        return hashlib.blake2b(raw, digest_size=8, key=self._secret).hexdigest()

    # -- requests ---------------------------------------------------------------------------------------------

    def within(
        self,
        leg: Leg,
        dialog: Dialog,
        method: str,
        *,
        lines: Sequence[str] = (),
        body: bytes = b"",
        content_type: str = "application/sdp",
        cseq: int = 0,
    ) -> Outgoing:
        """A request inside a dialog, 12.2.1.1. An ACK brings the number of its INVITE."""
        uri, routes = addressed(dialog)
        flow = leg.flow
        return Outgoing(
            method=method,
            uri=uri,
            transport=flow.transport.upper(),
            sent_by=self.sent_by(flow),
            branch=self.branch(),
            from_=dialog.local,
            to=dialog.remote,
            call_id=dialog.call_id,
            cseq=cseq or next_cseq(dialog),
            routes=routes,
            lines=(*lines, self.agent_line),
            body=body,
            content_type=content_type,
        )

    def hop(self, leg: Leg, dialog: Dialog) -> Flow:
        """Where requests of a dialog go: phones the way they came, carriers to the address they name."""
        return next_hop(dialog, leg.flow) if leg.trunk else leg.flow

    def authorised(
        self, leg: Leg, sent: Outgoing, response: Response, source: Flow, *, tries: int, cseq: int
    ) -> Outgoing | None:
        """Our request again, with the trunk's credentials; None when it must not or cannot be.

        Credentials leave only towards their own trunk: the challenge must come from one of the trunk's addresses
        and, where the trunk names one, for its realm (`authorize` refuses others).
        """
        trunk = self.trunk_named(leg.trunk)
        if trunk is None or not trunk.user or tries >= CHALLENGES_MAX:
            return None
        if not self.is_at(trunk, source):
            self.counts["foreign_challenges"] += 1
            return None
        proxy = response.status == 407
        challenges = response.headers.get_all("Proxy-Authenticate" if proxy else "WWW-Authenticate")
        name = "Proxy-Authorization" if proxy else "Authorization"
        try:
            value = authorize(
                challenges,
                method=sent.method,
                uri=sent.uri,
                user=trunk.user,
                password=trunk.password,
                cnonce=self.token(),
                realm=trunk.realm,
                body=sent.body,
            )
        except BadDigest:
            self.counts["foreign_challenges"] += 1
            return None
        return again(sent, cseq=cseq, add=(f"{name}: {value}",), drop=(name,))

    def trunk_of(self, source: Flow) -> str:
        """The trunk a request comes from by its address, or "". A phone registered from there stays a phone."""
        trunk = self.board.by_address(source.remote_host)
        return trunk.name if trunk is not None and not self.phones.at(self.settings, source) else ""

    def learn(self, name: str, sent_to: Flow, source: Flow) -> None:
        """An answer to what was sent to a trunk's own host name shows the address behind the name."""
        trunk = self.trunk_named(name)
        if trunk is not None and sent_to.remote_host == trunk.host and not self.answerable(sent_to):
            self._learned[name] = source.remote_host

    def is_at(self, trunk: Trunk, source: Flow) -> bool:
        """Whether `source` is an address of this trunk; what was learnt serves credentials, never incoming calls."""
        return self._learned.get(trunk.name) == source.remote_host or source.remote_host in (
            trunk.host,
            *trunk.hosts,
        )

    def trunk_named(self, name: str) -> Trunk | None:
        return next((trunk for trunk in self.settings.trunks if trunk.name == name), None) if name else None


class Phones:
    """Which addresses registered phones send from: near a carrier of the same address they are still phones."""

    def __init__(self, registrar: Registrar) -> None:
        self._registrar = registrar
        self._places: dict[tuple[str, str], tuple[str, str, int]] = {}  # by user and contact
        self._here: Counter[tuple[str, str, int]] = Counter()
        self.stale = False  # bindings were loaded from elsewhere

    def note(self, event: Registered) -> None:
        before = self._places.pop((event.user, event.contact), None)
        if before is not None:
            self._here[before] -= 1
            if not self._here[before]:
                del self._here[before]
        if event.expires:
            place = _place(event.flow)
            self._places[(event.user, event.contact)] = place
            self._here[place] += 1

    def at(self, settings: EndpointSettings, source: Flow) -> bool:
        if self.stale:
            self.stale = False
            for user in settings.users:
                for binding in self._registrar.bindings(user.name):
                    self.note(Registered(user.name, str(binding.contact), 1, binding.flow))
        return _place(source) in self._here


def _place(flow: Flow) -> tuple[str, str, int]:
    return flow.transport, flow.remote_host, flow.remote_port


def tokens_of(message: Request | Response, name: str) -> list[str]:
    """A comma-separated header field of tokens, in lower case."""
    return [
        token.strip().lower()
        for text in message.headers.get_all(name)
        for token in text.split(",")
        if token.strip()
    ]


def number_of(text: str, *, limit: int = 2**31 - 1) -> int | None:
    """An ASCII decimal at the front of a header value, its parameters left aside; None when there is none."""
    digits = text.partition(";")[0].strip(" \t")
    if not 0 < len(digits) <= 10 or not digits.isascii() or not digits.isdigit():
        return None
    value = int(digits)
    return value if value <= limit else None


def record_route_lines(request: Request) -> list[str]:
    return [f"Record-Route: {value}" for value in request.headers.get_all("Record-Route")]
