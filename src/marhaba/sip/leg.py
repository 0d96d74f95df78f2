"""A leg: one call between us and one party, from its INVITE to its end. Data only; the verbs are in `endpoint_*`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from marhaba.sip.dialog import Dialog
from marhaba.sip.events import Flow
from marhaba.sip.outgoing import Outgoing
from marhaba.sip.timers import Timer
from marhaba.sip.transaction import Client, Server

LegState = Literal["incoming", "answered", "calling", "up", "over"]
"""incoming -[answer]-> answered -[ACK]-> up; calling -[2xx]-> up; any of them -> over, once."""


@dataclass(slots=True)
class Unacked:
    """A 2xx of ours to an INVITE or re-INVITE, sent again until its ACK comes (RFC 3261 13.3.1.4)."""

    cseq: int
    data: bytes
    flow: Flow
    interval: float
    ours: bool  # it carried our offer: the answer comes in the ACK
    resend: Timer | None = None
    expiry: Timer | None = None


@dataclass(slots=True)
class Reliable:
    """A reliable provisional of ours, sent again until its PRACK comes (RFC 3262 section 3)."""

    rseq: int
    data: bytes
    interval: float
    ours: bool  # it carried our offer
    resend: Timer | None = None
    expiry: Timer | None = None


@dataclass(slots=True)
class Session:
    """The session timer, RFC 4028. `interval_s` 0: none was agreed."""

    interval_s: int = 0
    refresher: bool = False  # we are it
    timer: Timer | None = None


@dataclass(slots=True)
class Refer:
    """A REFER of theirs: its transaction until accepted, then the subscription it implies (RFC 3515)."""

    handle: str
    server: Server | None
    event: str  # value of Event in the NOTIFYs
    quiet: bool = False  # Refer-Sub: false, RFC 4488


@dataclass(slots=True)
class Leg:
    id: str
    role: Literal["in", "out"]
    state: LegState
    flow: Flow
    call_id: str
    local_tag: str
    trunk: str = ""
    user: str = ""
    dialog: Dialog | None = None
    early: dict[str, Dialog] = field(default_factory=dict)  # by remote tag; ours is the INVITE
    strays: dict[str, bytes] = field(default_factory=dict)  # ACKs to 2xx of forks that lost the race, by tag

    server: Server | None = None  # of their initial INVITE
    invite: Outgoing | None = None  # our initial INVITE as last sent
    invite_bytes: bytes = b""  # the same, exactly as sent
    client: Client | None = None  # its transaction
    tries: int = 0  # repetitions of our INVITE with credentials or another session interval
    cancelled: bool = False  # we want no answer any more; the CANCEL may still wait for a provisional
    cancel_sent: bool = False
    elsewhere: bool = False  # somebody else has answered: the far side is told so
    limit: Timer | None = None  # end of ringing, either role
    nudge: Timer | None = None  # the 100 that is due, then the provisional to be repeated
    told: tuple[int, bytes] = (0, b"")  # last LegRinging

    ack: bytes = b""  # our last ACK to a 2xx
    ack_cseq: int = 0
    unacked: Unacked | None = None
    bye_waits: bool = False  # hung up before the ACK came: RFC 3261 15 forbids the BYE until then

    offer_in_invite: bool = True  # their INVITE carried the offer
    local_sdp: bytes = b""  # our latest session description
    silence_s: float = 0  # how long our INVITE waits for any answer; 0: 64*T1
    remote_sdp: bytes = b""  # theirs
    session: Session = field(default_factory=Session)
    peer_timer: bool = False  # supports RFC 4028
    peer_update: bool = False  # allows UPDATE

    asking: Client | None = None  # our re-INVITE or UPDATE under way
    wanted: bytes = b""  # offer to be made when nothing is under way
    retry: Timer | None = None  # after a 491
    asked: Server | None = None  # their re-INVITE or UPDATE under way

    reliably: bool = False  # provisionals must be reliable: the far side requires it
    reliable: Reliable | None = None
    rseq: int = 0  # of ours
    peer_rseq: dict[str, int] = field(default_factory=dict)  # last reliable provisional seen, by remote tag
    held_back: tuple[int, bytes] | None = None  # what waits for the PRACK: status and body
    refers: dict[str, Refer] = field(default_factory=dict)
    refer_count: int = 0  # of theirs
    refers_sent: int = 0

    @property
    def alive(self) -> bool:
        return self.state != "over"
