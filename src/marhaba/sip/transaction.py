"""Transactions: the machines of RFC 3261 section 17 as corrected by RFC 6026, as four tables.

A row reads `(state, event): (next state, what to do)`. What may be done:

    tell     hand the response (or the silence) to whoever started the transaction
    send     send the last message again (a request of ours, or our last response)
    ack      acknowledge a refused INVITE (17.1.1.3), hop by hop
    arm      start or go on with the sending-again timer: A, E or G, doubling (E and G not beyond T2)
    slow     send again every T2 from now on (timer E once something has been heard)
    expire   give up after 64*T1 (timers B, F, H)
    linger   stay to absorb what is sent twice (D, I, J, K, L, M), then end
    stop     cancel every timer of the transaction

Sending again, and lingering after it, is for UDP alone: over a stream the lingering timers that only wait for
what a network might repeat are zero (17.1.1.2, 17.1.2.2, 17.2.1, 17.2.2). Lingering in `accepted` is for every
transport (RFC 6026 7.1): there the far side itself repeats its 2xx until our ACK reaches it.

The ACK to a 2xx belongs to no transaction (13.2.2.4); a 2xx that the server sends again is the dialog's work
(13.3.1.4). So a server in `accepted` only keeps a repeated INVITE from looking like a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from marhaba.sip.events import Flow
from marhaba.sip.message import Request, Response
from marhaba.sip.timers import Fire, Timer, Timers

State = Literal["calling", "trying", "proceeding", "completed", "confirmed", "accepted", "terminated"]
Event = Literal["1xx", "2xx", "refusal", "final", "request", "ack", "again", "silence", "lingered", "broken"]
Action = Literal["tell", "send", "ack", "arm", "slow", "expire", "linger", "stop"]
Table = Mapping[tuple[State, Event], tuple[State, tuple[Action, ...]]]
Silence = Literal["silence", "broken"]
"""What a client hears instead of a response: nothing for 64*T1, or that its stream broke."""

INVITE_CLIENT: Table = {
    ("calling", "again"): ("calling", ("send", "arm")),
    ("calling", "1xx"): ("proceeding", ("stop", "tell")),
    ("calling", "2xx"): ("accepted", ("stop", "linger", "tell")),
    ("calling", "refusal"): ("completed", ("stop", "ack", "linger", "tell")),
    ("calling", "silence"): ("terminated", ("stop", "tell")),
    ("calling", "broken"): ("terminated", ("stop", "tell")),
    ("proceeding", "1xx"): ("proceeding", ("tell",)),
    ("proceeding", "2xx"): ("accepted", ("stop", "linger", "tell")),
    ("proceeding", "refusal"): ("completed", ("stop", "ack", "linger", "tell")),
    ("proceeding", "silence"): ("terminated", ("stop", "tell")),  # after a CANCEL nobody reacts to, 9.1
    ("proceeding", "broken"): ("terminated", ("stop", "tell")),
    ("accepted", "2xx"): ("accepted", ("tell",)),
    ("accepted", "lingered"): ("terminated", ("stop",)),
    ("completed", "refusal"): ("completed", ("ack",)),
    ("completed", "lingered"): ("terminated", ("stop",)),
}

CLIENT: Table = {
    ("trying", "again"): ("trying", ("send", "arm")),
    ("trying", "1xx"): ("proceeding", ("slow", "tell")),
    ("trying", "final"): ("completed", ("stop", "linger", "tell")),
    ("trying", "silence"): ("terminated", ("stop", "tell")),
    ("trying", "broken"): ("terminated", ("stop", "tell")),
    ("proceeding", "again"): ("proceeding", ("send", "slow")),
    ("proceeding", "1xx"): ("proceeding", ("tell",)),
    ("proceeding", "final"): ("completed", ("stop", "linger", "tell")),
    ("proceeding", "silence"): ("terminated", ("stop", "tell")),
    ("proceeding", "broken"): ("terminated", ("stop", "tell")),
    ("completed", "lingered"): ("terminated", ("stop",)),
}

INVITE_SERVER: Table = {
    ("proceeding", "request"): ("proceeding", ("send",)),
    ("proceeding", "1xx"): ("proceeding", ("send",)),
    ("proceeding", "2xx"): ("accepted", ("send", "linger")),
    ("proceeding", "refusal"): ("completed", ("send", "arm", "expire")),
    ("completed", "request"): ("completed", ("send",)),
    ("completed", "again"): ("completed", ("send", "arm")),
    ("completed", "ack"): ("confirmed", ("stop", "linger")),
    ("completed", "silence"): ("terminated", ("stop",)),
    ("confirmed", "lingered"): ("terminated", ("stop",)),
    ("accepted", "lingered"): ("terminated", ("stop",)),
}

SERVER: Table = {
    ("trying", "1xx"): ("proceeding", ("send",)),
    ("trying", "final"): ("completed", ("send", "linger")),
    ("proceeding", "request"): ("proceeding", ("send",)),
    ("proceeding", "1xx"): ("proceeding", ("send",)),
    ("proceeding", "final"): ("completed", ("send", "linger")),
    ("completed", "request"): ("completed", ("send",)),
    ("completed", "lingered"): ("terminated", ("stop",)),
}

Tell = Callable[[float, "Response | Silence", Flow], None]
"""What a client transaction calls: the time, the response (or silence), and where it came from."""
ServerKey = tuple[str, ...]
ClientKey = tuple[str, str]
MAGIC_COOKIE = "z9hG4bK"


class Client:
    """A request of ours, until nothing more can come of it. `tell` hears each response once, or the silence."""

    __slots__ = (
        "ack",
        "data",
        "expiry",
        "flow",
        "interval",
        "invite",
        "key",
        "resend",
        "state",
        "table",
        "tell",
    )

    def __init__(
        self,
        key: ClientKey,
        data: bytes,
        flow: Flow,
        tell: Tell,
        ack: Callable[[Response], bytes] | None,
    ) -> None:
        self.key, self.data, self.flow, self.tell, self.ack = key, data, flow, tell, ack
        self.invite = ack is not None
        self.table = INVITE_CLIENT if self.invite else CLIENT
        self.state: State = "calling" if self.invite else "trying"
        self.interval = 0.0
        self.resend: Timer | None = None
        self.expiry: Timer | None = None


class Server:
    """A request of theirs: remembers what was answered, so that a repeated request gets the same answer."""

    __slots__ = (
        "data",
        "expiry",
        "flow",
        "head",
        "interval",
        "invite",
        "key",
        "request",
        "resend",
        "state",
        "table",
    )

    def __init__(self, key: ServerKey, request: Request, flow: Flow) -> None:
        self.key, self.request, self.flow = key, request, flow
        self.invite = request.method == "INVITE"
        self.table = INVITE_SERVER if self.invite else SERVER
        self.state: State = "proceeding" if self.invite else "trying"
        self.head = ""  # what its answers begin with
        self.data = b""
        self.interval = 0.0
        self.resend: Timer | None = None
        self.expiry: Timer | None = None

    @property
    def answered(self) -> bool:
        """Whether a final response has been given."""
        return self.state not in ("proceeding", "trying")


class Transactions:
    """All transactions of an endpoint: matches what arrives, sends again what was lost, forgets what is over."""

    def __init__(
        self, timers: Timers, send: Callable[[bytes, Flow], None], *, t1: float, t2: float, t4: float
    ) -> None:
        self._timers, self._send = timers, send
        self.t1, self.t2, self.t4 = t1, t2, t4
        self.clients: dict[ClientKey, Client] = {}
        self.servers: dict[ServerKey, Server] = {}
        self.repeats = 0  # messages we sent again
        self.absorbed = 0  # repeated requests that met their transaction

    def __len__(self) -> int:
        return len(self.clients) + len(self.servers)

    # -- client side ------------------------------------------------------------------------------------------

    def request(
        self,
        now: float,
        *,
        branch: str,
        method: str,
        data: bytes,
        flow: Flow,
        tell: Tell,
        ack: Callable[[Response], bytes] | None = None,
        silence_s: float = 0,
    ) -> Client:
        """Send a request and look after it. An INVITE brings `ack`, which builds the ACK to a refusal.

        `silence_s`: give up after so long without any answer, instead of 64*T1.
        """
        client = Client((branch, method), data, flow, tell, ack)
        assert client.key not in self.clients, "a branch is used once"
        self.clients[client.key] = client
        self._send(data, flow)
        self._arm(now, client)
        self.expire(now, client, after_s=silence_s)
        return client

    def take_up(self, *, branch: str, flow: Flow, tell: Tell, ack: Callable[[Response], bytes]) -> Client:
        """After a restart: an INVITE sent before it, which is not sent again, so that what comes of it is heard."""
        client = Client((branch, "INVITE"), b"", flow, tell, ack)
        client.state = "proceeding"
        self.clients[client.key] = client
        return client

    def response(self, now: float, branch: str, method: str, response: Response, source: Flow) -> bool:
        """Give a response to the request it answers. False: there is none."""
        client = self.clients.get((branch, method))
        if client is None:
            return False
        status = response.status
        if status < 200:
            event: Event = "1xx"
        elif not client.invite:
            event = "final"
        else:
            event = "2xx" if status < 300 else "refusal"
        self._step(now, client, event, response, source)
        return True

    def broken(self, now: float, flow: Flow) -> None:
        """A stream ended: what waits for an answer on it will not get one (18.4)."""
        for client in [client for client in self.clients.values() if same_stream(client.flow, flow)]:
            self._step(now, client, "broken", "broken")

    def expire(self, now: float, it: Client | Server, *, after_s: float = 0) -> None:
        """Give up on `it` 64*T1 (or `after_s`) from now, whatever it was waiting for."""
        if it.expiry is not None:
            it.expiry.cancel()
        it.expiry = self._timers.set(now + (after_s or 64 * self.t1), self._later(it, "silence"))

    # -- server side ------------------------------------------------------------------------------------------

    def repeated(self, now: float, request: Request) -> bool:
        """Whether this request (or the ACK to a refusal) belongs to a transaction, which then dealt with it."""
        server = self.servers.get(server_key(request, request.method))
        if server is None:
            return False
        if request.method == "ACK":
            if server.state == "accepted":
                return False  # RFC 6026 7.1: the dialog's business
        else:
            self.absorbed += 1
        self._step(now, server, "ack" if request.method == "ACK" else "request")
        return True

    def accept(self, request: Request, flow: Flow) -> Server:
        """Open the transaction of a new request; the answers will go to `flow`."""
        server = Server(server_key(request, request.method), request, flow)
        self.servers[server.key] = server
        return server

    def find_invite(self, cancel: Request) -> Server | None:
        """The INVITE that a CANCEL means (9.2)."""
        server = self.servers.get(server_key(cancel, "INVITE"))
        return server if server is not None and server.invite else None

    def respond(self, now: float, server: Server, status: int, data: bytes) -> None:
        """Send a response through its transaction. After a final one nothing more is sent."""
        if server.answered:
            return
        server.data = data
        if status < 200:
            event: Event = "1xx"
        elif not server.invite:
            event = "final"
        else:
            event = "2xx" if status < 300 else "refusal"
        self._step(now, server, event)

    def settle(self, now: float, server: Server) -> None:
        """After a restart: an INVITE answered before it, whose repetitions must still be known as such."""
        server.state = "accepted"
        self._linger(now, server)

    def forget(self, server: Server) -> None:
        """Their request can be answered no more: its stream is gone."""
        _stop(server)
        self.servers.pop(server.key, None)

    # -- the machine ------------------------------------------------------------------------------------------

    def _step(
        self,
        now: float,
        it: Client | Server,
        event: Event,
        heard: Response | Silence = "silence",
        source: Flow | None = None,
    ) -> None:
        row = it.table.get((it.state, event))
        if row is None:
            return  # what the tables do not name is ignored, as section 17 has it
        it.state = row[0]
        tells = False
        for action in row[1]:
            if action == "tell":
                tells = True
            elif action == "send":
                self._send_again(it, event)
            elif action == "arm":
                self._arm(now, it)
            elif action == "slow":
                self._arm(now, it, slow=True)
            elif action == "stop":
                _stop(it)
            elif action == "linger":
                self._linger(now, it)
            elif action == "expire":
                self.expire(now, it)
            else:
                assert action == "ack"
                assert isinstance(it, Client)
                assert it.ack is not None
                assert not isinstance(heard, str)
                self._send(it.ack(heard), it.flow)
        if it.state == "terminated":
            self._forget(it)
        if tells:  # last: whoever hears it may start the next transaction
            assert isinstance(it, Client)
            it.tell(now, heard, source or it.flow)

    def _send_again(self, it: Client | Server, event: Event) -> None:
        if it.data:
            self._send(it.data, it.flow)
            if event in ("again", "request"):
                self.repeats += 1

    def _arm(self, now: float, it: Client | Server, *, slow: bool = False) -> None:
        if it.flow.transport != "udp":
            return
        if slow:
            it.interval = self.t2
        elif not it.interval:
            it.interval = self.t1
        else:
            it.interval *= 2
            if not (it.invite and isinstance(it, Client)):  # timer A alone doubles without a ceiling
                it.interval = min(it.interval, self.t2)
        if it.resend is not None:
            it.resend.cancel()
        it.resend = self._timers.set(now + it.interval, self._later(it, "again"))

    def _linger(self, now: float, it: Client | Server) -> None:
        if it.state == "accepted":
            wait = 64 * self.t1  # timers L and M
        elif it.flow.transport != "udp":
            it.state = "terminated"
            return
        elif it.state == "confirmed" or (not it.invite and isinstance(it, Client)):
            wait = self.t4  # timers I and K
        else:
            wait = 64 * self.t1  # timers D (32 s at least with the usual T1) and J
        it.expiry = self._timers.set(now + wait, self._later(it, "lingered"))

    def _later(self, it: Client | Server, event: Event) -> Fire:
        def fire(now: float) -> None:
            self._step(now, it, event)

        return fire

    def _forget(self, it: Client | Server) -> None:
        if isinstance(it, Client):
            self.clients.pop(it.key, None)
        else:
            self.servers.pop(it.key, None)


def server_key(request: Request, method: str) -> ServerKey:
    """What tells one request from another (17.2.3); `method` is the one meant: INVITE for its ACK and CANCEL."""
    via = request.via
    if method == "ACK":
        method = "INVITE"
    branch = via.branch
    if branch.startswith(MAGIC_COOKIE) and len(branch) > len(MAGIC_COOKIE):
        return (branch, via.host, str(via.port), method)
    # RFC 2543: no usable branch. The To tag is left out: the ACK carries the one that our answer brought.
    return (str(via), str(request.uri), request.from_.tag, request.call_id, str(request.cseq), method)


def same_stream(flow: Flow, stream: Flow) -> bool:
    """Whether what was sent on `flow` went over `stream`; a flow without a number let the driver open one."""
    if flow.connection:
        return flow.connection == stream.connection and flow.transport == stream.transport
    return (flow.transport, flow.remote_host, flow.remote_port) == (
        stream.transport,
        stream.remote_host,
        stream.remote_port,
    )


def _stop(it: Client | Server) -> None:
    if it.resend is not None:
        it.resend.cancel()
    if it.expiry is not None:
        it.expiry.cancel()
