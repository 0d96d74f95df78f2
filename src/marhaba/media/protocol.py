"""What the floor and a media worker say to each other, over one local stream socket.

Every message is one msgspec struct, MessagePack, preceded by its length as four big-endian bytes. The floor
sends commands and never waits: the worker opened its ports beforehand and lends them (`PortsFree`), so that
the floor can write an SDP answer without a round trip. Order is kept by the socket. What goes wrong comes back as
an event. When a floor connects, the worker first sends `Welcome` with every leg it holds: that is how a restarted
floor finds the calls that went on talking.

A *leg* is one RTP stream with one far side. What a leg hears is a set of other legs (`Hear`): a two-party call is
a hears b and b hears a; a whisper is the agent hearing the supervisor while the caller does not. There is no other
notion of a conference.
"""

from __future__ import annotations

from typing import Literal

import msgspec

PCMU = 0
PCMA = 8
FRAME_BYTES_MAX = 1 << 20  # a snapshot of 2,000 legs stays below half of this


class Command(msgspec.Struct, frozen=True, tag=True):
    """From the floor to the worker."""


class OpenLeg(Command, frozen=True):
    """Use lent `port` for `leg`. Without a remote (port 0) it receives nothing until `AimLeg`."""

    leg: str
    port: int
    remote_host: str = ""
    remote_port: int = 0
    codec: int = PCMA  # PCMU or PCMA: the payload type sent
    dtmf_payload: int = 101  # 0: the far side has no telephone-event
    latch_host_only: bool = (
        False  # True: the far side may sit behind NAT, its port is learnt from its first packet
    )
    sends: bool = True  # False while the far side holds us (a=sendonly or inactive)
    silent_s: float = 0.0  # without a packet before `LegSilent`; 0: the worker's own


class AimLeg(Command, frozen=True):
    """The far side's address, codec or direction, first known or changed (answer, re-INVITE, UPDATE)."""

    leg: str
    remote_host: str
    remote_port: int
    codec: int = PCMA
    dtmf_payload: int = 101
    latch_host_only: bool = False
    sends: bool = True
    silent_s: float = 0.0


class CloseLeg(Command, frozen=True):
    leg: str


class Play(Command, frozen=True):
    """Play prompts one after the other to one leg, instead of what it hears; `PlayEnded` says how it ended.

    `prompts` are absolute paths of WAV files (8 kHz mono, 16-bit or G.711). `until_digit` stops it on a key press.
    """

    leg: str
    tag: str
    prompts: list[str]
    until_digit: bool = False


class Music(Command, frozen=True):
    """Music on hold, looped, whenever no prompt plays and `Hear` is empty. An empty path ends it."""

    leg: str
    path: str


class StopPlay(Command, frozen=True):
    leg: str


class Hear(Command, frozen=True):
    """`leg` hears the sum of `sources` from now on (replaces what it heard; empty: music or silence).

    Itself among others is left out; itself alone is its echo.
    """

    leg: str
    sources: list[str]


class SendDigits(Command, frozen=True):
    leg: str
    digits: str


class Record(Command, frozen=True):
    """Record `left` (the caller) on channel 1 and the sum of `right` on channel 2 into `path` (stereo A-law WAV).

    `paused` starts it silent (consent not given yet). Channels follow the legs across transfers through `RecordSides`.
    """

    recording: str
    path: str
    left: str
    right: list[str]
    paused: bool = False


class RecordSides(Command, frozen=True):
    recording: str
    left: str
    right: list[str]


class PauseRecord(Command, frozen=True):
    """While paused, both channels receive silence, so that the time line stays true."""

    recording: str
    paused: bool


class StopRecord(Command, frozen=True):
    recording: str


class RecordMessage(Command, frozen=True):
    """Voicemail: record one leg alone (mono A-law WAV) until `#`, silence, length or close; then `MessageEnded`."""

    recording: str
    path: str
    leg: str
    seconds_max: float = 120.0
    silence_s_max: float = 5.0


class AskStats(Command, frozen=True):
    """`WorkerStats` follows; with `legs`, the figures of every leg too, which take longer than a tick in a full house."""

    legs: bool = False


class Event(msgspec.Struct, frozen=True, tag=True):
    """From the worker to the floor."""


class LegStats(msgspec.Struct, frozen=True):
    """Measured over a leg's life; jitter in ms (RFC 3550 section 6.4.1), loss as shares 0..1, MOS by G.107."""

    received: int = 0
    sent: int = 0
    lost: int = 0
    late: int = 0  # arrived after their turn
    foreign: int = 0  # from a third address, dropped
    malformed: int = 0
    jitter_ms: float = 0.0
    remote_loss: float = 0.0  # as the far side's RTCP reports
    remote_jitter_ms: float = 0.0
    round_trip_ms: float = 0.0
    mos: float = 0.0


class LegState(msgspec.Struct, frozen=True):
    leg: str
    port: int
    remote_host: str
    remote_port: int
    codec: int
    hears: list[str]
    recording: str = ""


class Welcome(Event, frozen=True):
    """First message on every connection."""

    worker: str
    host: str  # the address to write into SDP
    ports_free: list[int]
    legs: list[LegState]
    recordings: list[str]
    uptime_s: float = 0.0  # how long this process has run: whether it is the one a dead floor spoke to
    closed: list[str] = []  # legs it held once, the last thousand


class PortsFree(Event, frozen=True):
    ports: list[int]


class PlayEnded(Event, frozen=True):
    leg: str
    tag: str
    why: Literal["done", "digit", "stopped", "missing"]  # missing: a file could not be read


class Digit(Event, frozen=True):
    leg: str
    digit: str  # one of 0-9 * # A-D
    ms: int  # how long the key was held


class LegSilent(Event, frozen=True):
    """No packet for `seconds` from a far side that should be sending (RTP timeout); said once per silence."""

    leg: str
    seconds: float


class LegClosed(Event, frozen=True):
    leg: str
    stats: LegStats


class RecordEnded(Event, frozen=True):
    recording: str
    path: str
    seconds: float
    error: str = ""


class MessageEnded(Event, frozen=True):
    recording: str
    path: str
    seconds: float
    why: Literal["key", "silence", "length", "closed", "error"]


class WorkerStats(Event, frozen=True):
    legs: int
    recordings: int
    tick_late_ms_p50: float
    tick_late_ms_p99: float
    tick_late_ms_max: float
    late_ticks: int  # ticks that began more than 20 ms after their time
    cpu_s: float
    rss_mib: float
    per_leg: dict[str, LegStats]


class Trouble(Event, frozen=True):
    """A command that could not be carried out; the floor journals it and goes on."""

    about: str  # a leg or a recording
    code: Literal["no-such-leg", "port-not-lent", "no-such-recording", "disk", "limit"]
    detail: str


AnyCommand = (
    OpenLeg
    | AimLeg
    | CloseLeg
    | Play
    | Music
    | StopPlay
    | Hear
    | SendDigits
    | Record
    | RecordSides
    | PauseRecord
    | StopRecord
    | RecordMessage
    | AskStats
)
AnyEvent = (
    Welcome
    | PortsFree
    | PlayEnded
    | Digit
    | LegSilent
    | LegClosed
    | RecordEnded
    | MessageEnded
    | WorkerStats
    | Trouble
)
