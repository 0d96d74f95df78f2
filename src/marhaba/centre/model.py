"""A centre as data: what centre.toml describes, validated. Durations in seconds, folders absolute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal

from marhaba.centre.secrets import Secrets
from marhaba.files.queue_rules import ServiceLevel
from marhaba.kernel.calendar import Calendar
from marhaba.kernel.numbers import Dialling, Route
from marhaba.kernel.rules import QueueRules
from marhaba.sip.events import EndpointSettings, Trunk, User


class QueueChoice(Enum):
    """Between queues with callers of the same priority, the one whose ... goes first."""

    LONGEST_WAIT = "longest-wait"  # head has waited longest, times the queue's weight
    SERVICE_TARGET = "service-target"  # head has used up most of his queue's target, times the weight
    LONGEST_QUEUE = "longest-queue"  # line is the longest, times the weight


@dataclass(frozen=True, slots=True)
class SipSettings:
    host: str  # address to listen on
    udp_port: int
    tcp_port: int  # 0: no TCP
    tls_port: int  # 0: no TLS
    advertised_host: str  # what others are told: the address in Via, Contact and SDP
    certificate: Path | None = None
    key: Path | None = None
    session_expires_s: int = 1800


@dataclass(frozen=True, slots=True)
class MediaSettings:
    host: str
    workers: int
    first_port: int
    ports_per_worker: int  # pairs: RTP and RTCP
    rtp_timeout_s: float


@dataclass(frozen=True, slots=True)
class Programme:
    """What a client buys: numbers, hours, languages, words, a queue."""

    name: str
    client: str
    numbers: tuple[str, ...]  # as listed; `Centre.numbers` knows their other forms
    calendar: Calendar
    languages: tuple[str, ...]
    default_language: str
    language_by_number: Mapping[str, str]  # in every form of the number
    menu: bool
    menu_digits: Mapping[str, str]
    menu_timeout_s: float
    menu_tries: int
    greeting: tuple[str, ...]
    queue: str
    queues_by_language: Mapping[str, str]
    recording: Literal["none", "announce", "ask"]
    closed: Literal["voicemail", "message"]
    closed_prompts: tuple[str, ...]
    priority: int


@dataclass(frozen=True, slots=True)
class Queue:
    name: str
    rules: QueueRules
    calendar: Calendar  # when it is closed it takes nobody
    last_agent_s: float  # how long a caller waits for the agent who served him last; 0: not at all
    ring_s: float
    wrap_s: float  # 0: ready at once
    auto_answer: bool
    missed_pause_after: int  # rings missed in a row before the agent is paused with code "missed"
    music: str
    announce_position: bool
    announce_wait: bool
    announce_every_s: float
    comfort: tuple[str, ...]
    comfort_every_s: float
    callback: bool
    callback_key: str
    callback_after_s: float
    max_wait_s: float  # 0: no limit of its own
    service_level: ServiceLevel


@dataclass(frozen=True, slots=True)
class Agent:
    id: str
    name: str
    phone: str  # SIP user; "": the browser alone
    skills: Mapping[str, int]  # languages as "lang:fr"
    queues: tuple[str, ...] | None  # None: every queue whose skills fit
    own: tuple[str, ...]  # whose callers go first for him
    language: str  # what he is told in; "": the centre's
    supervisor: bool
    mode: Literal["ring", "nailed"]
    ready_on_start: bool


@dataclass(frozen=True, slots=True)
class Spending:
    """What outside calls may cost at most; a stolen password must stay cheap."""

    concurrent_max: int = 10
    hourly_max: float = 20.0  # in the centre's currency


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The pages of the centre: where they are served, and where browsers find them."""

    host: str
    port: int
    address: str  # https://centre.example, no slash behind
    database: str = field(default="", repr=False)  # a URL; "": SQLite in the data folder
    first_port: int = 44_000  # of browsers' audio
    ports: int = 2_000


@dataclass(frozen=True, slots=True)
class Limits:
    calls_max: int = 500
    queue_max: int = 500


@dataclass(frozen=True, slots=True)
class StarCodes:
    """What agents dial on their phones. Codes that end in "+" here take digits behind them."""

    login: str = "*10"
    ready: str = "*11"
    pause: str = "*12"  # + number of the pause code, as listed
    wrap_done: str = "*13"
    disposition: str = "*14"  # + number of the disposition, as listed
    logout: str = "*15"
    record_pause: str = "*16"
    listen: str = "*90"  # + phone of the agent
    whisper: str = "*91"
    barge: str = "*92"


@dataclass(frozen=True, slots=True)
class Centre:
    name: str
    country: str
    timezone: str
    language: str
    realm: str
    sip: SipSettings
    media: MediaSettings
    web: WebSettings | None  # None: no pages
    data_folder: Path
    recordings_folder: Path
    prompts_folder: Path
    phones_file: Path = field(compare=False)
    numbers: Mapping[str, str]  # dialled, in every form -> programme; listed forms first
    programmes: Mapping[str, Programme]
    queues: Mapping[str, Queue]
    queue_choice: QueueChoice
    agents: Mapping[str, Agent]
    trunks: Mapping[str, Trunk]
    pause_codes: Mapping[str, str]  # code -> what it is called
    dispositions: Mapping[str, str]
    routes: tuple[Route, ...]
    dialling: Dialling = field(compare=False)  # the same routes, ready to ask
    spending: Spending
    limits: Limits
    star_codes: StarCodes
    secrets: Secrets = field(repr=False, compare=False)
    digest: str = field(compare=False)  # of the file's text

    def endpoint_settings(self) -> EndpointSettings:
        """What the SIP endpoint must know of the centre."""
        return EndpointSettings(
            realm=self.realm,
            advertised_host=self.sip.advertised_host,
            udp_port=self.sip.udp_port,
            tcp_port=self.sip.tcp_port,
            tls_port=self.sip.tls_port,
            users=tuple(User(name, dict(ha1)) for name, ha1 in self.secrets.phones.items()),
            trunks=tuple(self.trunks.values()),
            session_expires_s=self.sip.session_expires_s,
            legs_max=self.limits.calls_max * LEGS_PER_CALL,
        )


LEGS_PER_CALL = 4
"""Caller, agent, a consulted colleague and a supervisor."""
