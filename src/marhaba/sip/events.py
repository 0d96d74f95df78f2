"""What the SIP endpoint tells the floor, and the nouns both use. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import msgspec

Transport = Literal["udp", "tcp", "tls"]


class Flow(msgspec.Struct, frozen=True):
    """One path to a peer: the transport, our listening address, the peer's address, and the stream if any."""

    transport: Transport
    local_host: str
    local_port: int
    remote_host: str
    remote_port: int
    connection: int = (
        0  # number of the stream, given by the driver; 0 for UDP, or for a stream not opened yet
    )


class Send(msgspec.Struct, frozen=True):
    """One whole SIP message for the driver to send. A stream that is not open yet is opened by the driver."""

    data: bytes
    flow: Flow


class Party(msgspec.Struct, frozen=True):
    """Who an INVITE says it comes from. Both fields are already cleaned of control characters."""

    number: str  # user part, e.g. "+212539000000", "anonymous"
    name: str = ""


class IncomingCall(msgspec.Struct, frozen=True):
    """A new INVITE, past authentication or from a trunk's address. Answer with ring/answer/reject."""

    leg: str
    dialled: str  # user part of the Request-URI
    caller: Party
    sdp: bytes  # the offer; empty: the far side wants ours in the answer
    trunk: str  # name of the trunk it came by, or ""
    user: str  # authenticated registered user, or ""
    flow: Flow
    call_id: str
    replaces: str = ""  # leg named by a valid Replaces header (attended transfer)


class LegRinging(msgspec.Struct, frozen=True):
    leg: str
    code: int
    sdp: bytes


class LegAnswered(msgspec.Struct, frozen=True):
    """Our INVITE got its 2xx (already acknowledged). `sdp` is the answer."""

    leg: str
    sdp: bytes


class LegEstablished(msgspec.Struct, frozen=True):
    """The ACK to our 2xx arrived; `sdp` is non-empty when the offer was ours."""

    leg: str
    sdp: bytes


class LegEnded(msgspec.Struct, frozen=True):
    """The leg is over, whoever ended it. Said exactly once a leg."""

    leg: str
    by: Literal["remote", "local", "timeout", "error"]
    code: int  # final status for a leg never established (e.g. 486, 487, 408, 503), else 200
    reason: str  # e.g. "bye", "cancel", "elsewhere", "busy", "declined", "no-answer", "session-expired", "transport", "no-ack"


class Reoffered(msgspec.Struct, frozen=True):
    """A re-INVITE or UPDATE with an offer in an established leg. Answer with accept_offer or refuse_offer."""

    leg: str
    sdp: bytes


class OfferAnswered(msgspec.Struct, frozen=True):
    """Our own re-INVITE was answered (code 200, sdp) or refused (code >= 300)."""

    leg: str
    code: int
    sdp: bytes


class Referred(msgspec.Struct, frozen=True):
    """The far side (an agent's phone) asks for a transfer. Answer with accept_refer or refuse_refer, then notify_refer."""

    leg: str
    refer: str  # handle for accept_refer/notify_refer
    target: str  # user part it should be transferred to
    replaces: str  # leg named by the Replaces of an attended transfer, or ""


class InfoDigit(msgspec.Struct, frozen=True):
    """A key pressed, signalled by SIP INFO (application/dtmf-relay)."""

    leg: str
    digit: str


class Registered(msgspec.Struct, frozen=True):
    """A phone's binding appeared, was refreshed, or went (expires == 0)."""

    user: str
    contact: str
    expires: int
    flow: Flow


class TrunkState(msgspec.Struct, frozen=True):
    trunk: str
    up: bool
    code: int  # last status from the carrier, 408 for silence
    detail: str


SipEvent = (
    IncomingCall
    | LegRinging
    | LegAnswered
    | LegEstablished
    | LegEnded
    | Reoffered
    | OfferAnswered
    | Referred
    | InfoDigit
    | Registered
    | TrunkState
)


@dataclass(frozen=True, slots=True)
class User:
    """A phone that may register and call. `ha1` maps "SHA-256"/"MD5" to H(user:realm:password)."""

    name: str
    ha1: dict[str, str]


@dataclass(frozen=True, slots=True)
class Trunk:
    """A carrier. Authenticated by address (`hosts` whose INVITEs are trusted), and/or by registering to it."""

    name: str
    host: str
    port: int = 5060
    transport: Transport = "udp"
    hosts: tuple[str, ...] = ()  # addresses (IPs) inbound INVITEs are accepted from
    user: str = ""  # credentials for our requests; leave only towards this trunk's host and `realm`
    password: str = field(default="", repr=False)
    realm: str = ""  # "" accepts the first realm the trunk's own address challenges with
    register: bool = False
    register_s: int = 300
    keep_alive_s: int = 30  # OPTIONS; 0: none


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Everything the endpoint must be told. Times in seconds."""

    realm: str = "marhaba"
    server_name: str = "Marhaba"
    advertised_host: str = "127.0.0.1"  # in Contact and Via
    udp_port: int = 5060
    tcp_port: int = 5060
    tls_port: int = 0
    users: tuple[User, ...] = ()
    trunks: tuple[Trunk, ...] = ()
    nonce_age_s: int = 300
    session_expires_s: int = 1800
    session_min_s: int = 90
    register_expires_s: tuple[int, int] = (60, 3600)
    t1_s: float = 0.5  # RFC 3261 timers
    t2_s: float = 4.0
    t4_s: float = 5.0
    transactions_max: int = 40_000  # three of a call stay for 32 s: 400 calls a second
    legs_max: int = 4_000
