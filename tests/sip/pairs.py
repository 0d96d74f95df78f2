"""Two endpoints on a small network under one virtual clock, and a peer that speaks bytes."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from marhaba.sip.endpoint import Endpoint
from marhaba.sip.events import EndpointSettings, Flow, IncomingCall, LegEnded, Party, Send, SipEvent, Trunk
from marhaba.sip.message import Request, Response, parse

OFFER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
ANSWER = OFFER.replace(b"192.0.2.1", b"192.0.2.2")
OTHER = OFFER.replace(b"4000", b"4002")
CALLER = Party("+212539000000", "Amina")
DELAY_S = 0.01

Fate = Callable[[bytes], list[float]]
"""What happens to one message: the delays of its copies; an empty list is a loss."""
E = TypeVar("E")


def tokens(name: str) -> Callable[[], str]:
    counter: Iterator[int] = itertools.count()
    return lambda: f"{name}{next(counter):08x}"


def settings(host: str, peer: str, **more: Any) -> EndpointSettings:
    return EndpointSettings(
        advertised_host=host,
        trunks=(Trunk("carrier", peer, hosts=(peer,), keep_alive_s=0),),
        **more,
    )


class Side:
    """One endpoint and everything it said."""

    def __init__(self, name: str, host: str, peer: str, **more: Any) -> None:
        self.host, self.name = host, name
        self.settings = settings(host, peer, **more)
        self.endpoint = Endpoint(self.settings, tokens(name))
        self.flow = Flow("udp", host, 5060, peer, 5060)
        self.events: list[SipEvent] = []
        self.sent: list[tuple[float, bytes]] = []

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def one(self, kind: type[E]) -> E:
        (found,) = self.of(kind)
        return found

    def ends(self, leg: str) -> list[LegEnded]:
        return [event for event in self.of(LegEnded) if event.leg == leg]

    def starts(self, word: str) -> list[float]:
        """When messages whose first line begins so were sent."""
        return [at for at, data in self.sent if data.startswith(word.encode())]

    def restarted(self) -> None:
        """The process died: a new endpoint that knows nothing."""
        self.endpoint = Endpoint(self.settings, tokens(f"{self.name}again"))


class Pair:
    """`house` is the endpoint under test, `peer` a second one at the far end; each is the other's carrier."""

    def __init__(self, *, house: dict[str, Any] | None = None, peer: dict[str, Any] | None = None) -> None:
        self.now = 0.0
        self.house = Side("house", "192.0.2.1", "192.0.2.2", **(house or {}))
        self.peer = Side("peer", "192.0.2.2", "192.0.2.1", **(peer or {}))
        self.fate: Fate = lambda data: [DELAY_S]
        self._wire: list[tuple[float, int, Side, bytes]] = []
        self._count = itertools.count()

    def other(self, side: Side) -> Side:
        return self.peer if side is self.house else self.house

    def pump(self) -> None:
        """Drain both endpoints; what they send is given to the wire."""
        for side in (self.house, self.peer):
            side.events += side.endpoint.take_events()
            for send in side.endpoint.take_sends():
                assert isinstance(send, Send)
                side.sent.append((self.now, send.data))
                for delay in self.fate(send.data):
                    entry = (self.now + delay, next(self._count), self.other(side), send.data)
                    heapq.heappush(self._wire, entry)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        self.pump()
        while True:
            wakes = [at for side in (self.house, self.peer) if (at := side.endpoint.next_wake()) is not None]
            moments = [*wakes, *[entry[0] for entry in self._wire[:1]]]
            at = min(moments, default=until)
            if not moments or at > until:
                break
            self.now = max(self.now, at)
            while self._wire and self._wire[0][0] <= self.now:
                _, _, side, data = heapq.heappop(self._wire)
                side.endpoint.receive(self.now, data, side.flow)
            for side in (self.house, self.peer):
                side.endpoint.wake(self.now)
            self.pump()
        self.now = until

    # -- the usual moves --------------------------------------------------------------------------------------

    def dial(self, leg: str = "out", **more: Any) -> bytes:
        """The house calls the peer."""
        return self._dial(self.house, leg, **more)

    def dial_in(self, leg: str = "far", **more: Any) -> bytes:
        """The peer calls the house."""
        return self._dial(self.peer, leg, **more)

    def _dial(self, side: Side, leg: str, **more: Any) -> bytes:
        asked: dict[str, Any] = {
            "target": f"sip:0539000001@{self.other(side).host}",
            "flow": side.flow,
            "caller": CALLER,
            "sdp": OFFER,
            "trunk": "carrier",
        }
        data = side.endpoint.invite(self.now, leg=leg, **{**asked, **more})
        self.run(0.1)
        return data

    def up(self, side: Side | None = None) -> tuple[str, str]:
        """A call that is established: the leg at the house, the leg at the peer. `side` dials (the house)."""
        side = side or self.house
        self._dial(side, "out")
        other = self.other(side)
        leg = other.of(IncomingCall)[-1].leg
        assert other.endpoint.answer(self.now, leg, ANSWER)
        self.run(0.1)
        return ("out", leg) if side is self.house else (leg, "out")

    def nothing_left(self) -> bool:
        return all(
            side.endpoint.statistics()[name] == 0
            for side in (self.house, self.peer)
            for name in ("legs", "dialogs", "client_transactions", "server_transactions", "timers")
        )


class Wire:
    """A far side that is bytes: says what it likes and reads the answers."""

    def __init__(self, endpoint: Endpoint, host: str = "198.51.100.9", port: int = 5070) -> None:
        self.endpoint = endpoint
        self.flow = Flow("udp", "192.0.2.1", 5060, host, port)
        self.now = 0.0
        self.events: list[SipEvent] = []
        self._count = itertools.count(1)

    def say(self, text: str | bytes) -> list[Request | Response]:
        """Send one message (LF or CRLF line ends) and read everything the endpoint sends in consequence."""
        data = text if isinstance(text, bytes) else text.replace("\r\n", "\n").replace("\n", "\r\n").encode()
        self.endpoint.receive(self.now, data, self.flow)
        return self.heard()

    def heard(self) -> list[Request | Response]:
        self.events += self.endpoint.take_events()
        return [parse(send.data) for send in self.endpoint.take_sends() if isinstance(send, Send)]

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def wait(self, seconds: float) -> list[Request | Response]:
        """Let time pass; what the endpoint sends meanwhile."""
        until, found = self.now + seconds, self.heard()
        while (at := self.endpoint.next_wake()) is not None and at <= until:
            self.now = at
            self.endpoint.wake(at)
            found += self.heard()
        self.now = until
        return found

    def request(
        self,
        method: str,
        *,
        uri: str = "sip:0539000000@192.0.2.1",
        lines: str = "",
        to_tag: str = "",
        from_tag: str = "ft",
        call_id: str = "wire",
        cseq: int = 1,
        branch: str = "",
        body: str = "",
        content_type: str = "application/sdp",
        via: str = "",
        contact: str = "Contact: <sip:wire@198.51.100.9:5070>\n",
    ) -> str:
        """The text of a plain request."""
        branch = branch or f"z9hG4bKw{next(self._count)}"
        via = via or f"SIP/2.0/UDP {self.flow.remote_host}:{self.flow.remote_port};branch={branch}"
        to = f";tag={to_tag}" if to_tag else ""
        tag = f";tag={from_tag}" if from_tag else ""
        kind = f"Content-Type: {content_type}\n" if body else ""
        return (
            f'{method} {uri} SIP/2.0\nVia: {via}\nFrom: "Wire" <sip:wire@198.51.100.9>{tag}\n'
            f"To: <sip:0539000000@192.0.2.1>{to}\nCall-ID: {call_id}\nCSeq: {cseq} {method}\nMax-Forwards: 70\n"
            f"{contact}{lines}{kind}Content-Length: {len(body.replace(chr(10), chr(13) + chr(10)))}\n\n{body}"
        )


def answer_to(
    request: Request, status: int, *, to_tag: str = "wt", lines: str = "", body: bytes = b""
) -> bytes:
    """A response of a far side that is bytes."""
    headers = request.headers
    to = headers.get("To") if request.to.tag else f"{headers.get('To')};tag={to_tag}"
    vias = "".join(f"Via: {via}\r\n" for via in headers.get_all("Via"))
    kind = "Content-Type: application/sdp\r\n" if body else ""
    head = (
        f"SIP/2.0 {status} Whatever\r\n{vias}From: {headers.get('From')}\r\nTo: {to}\r\n"
        f"Call-ID: {request.call_id}\r\nCSeq: {headers.get('CSeq')}\r\n"
    )
    more = lines.replace("\n", "\r\n")
    return f"{head}{more}{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body
