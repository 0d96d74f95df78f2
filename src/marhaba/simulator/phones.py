"""Software phones over real SIP and RTP: the callers and agents of the demo, the journeys and `marhaba call`.

A `Phone` is one SIP account (or a caller without one) with an endpoint of our own stack, a UDP port, and any
number of calls. To its endpoint the centre is a trunk: the phone registers there, answers its challenges, and
believes INVITEs that come from it. Everything a hand does at a phone is a method of `PhoneCall`.

    async with Ticker() as ticker, Phone(settings, ticker, random.Random(1)) as phone:
        call = await phone.call("0539000000", say=murmur(rng, 20))
        await call.wait_answered(10)
        call.press("2")
        await call.wait_ended(60)
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from marhaba.kernel.errors import MarhabaError
from marhaba.simulator.phone_audio import AudioStatistics, PhoneAudio, Samples, Ticker
from marhaba.sip.asyncio.driver import SipDriver
from marhaba.sip.endpoint import Endpoint
from marhaba.sip.errors import SipError
from marhaba.sip.events import (
    EndpointSettings,
    Flow,
    IncomingCall,
    LegAnswered,
    LegEnded,
    LegEstablished,
    LegRinging,
    OfferAnswered,
    Party,
    Reoffered,
    SipEvent,
    Trunk,
    TrunkState,
)
from marhaba.sip.sdp import Direction, Negotiated, accept_answer, answer, make_offer, parse_sdp

CENTRE = "centre"
"""The trunk a phone knows: its centre."""
REGISTER_S = 300
LEAVE_S_MAX = 2.0
"""How long a phone that is switched off waits for its calls to end."""
LAST_ACK_S = 0.2
"""The BYE of a call just answered waits for its ACK (RFC 3261 section 15), though the call is over for us."""
HISTORY_MAX = 200
"""Ended calls a phone remembers; a demo runs for days."""


class CallState(StrEnum):
    CALLING = "calling"
    RINGING = "ringing"
    TALKING = "talking"
    ENDED = "ended"


class Reaction(StrEnum):
    """What the person at the phone does when it rings."""

    ANSWER = "answer"
    REJECT = "reject"  # 603
    BUSY = "busy"  # 486
    IGNORE = "ignore"


class CallError(MarhabaError):
    """A call did not become what was waited for; `code` says why, `status` is SIP's answer if there was one."""

    code = "call-failed"

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answering:
    """How a phone takes calls. Times are drawn evenly; `say` gives what is spoken once connected."""

    ring_s: tuple[float, float] = (0.5, 2.0)
    reaction: Callable[[random.Random], Reaction] = lambda _rng: Reaction.ANSWER
    talk_s: tuple[float, float] = (0.0, 0.0)  # hang up after; 0: the other side ends the call
    say: Callable[[random.Random], Samples] | None = None


@dataclass(frozen=True, slots=True)
class PhoneSettings:
    """`password` empty: a caller without an account, known to the centre by its address."""

    user: str
    server: tuple[str, int]
    password: str = field(default="", repr=False)
    host: str = "127.0.0.1"
    port: int = 0  # 0: any
    name: str = ""
    realm: str = ""  # "": the realm the centre's own address names
    register: bool = True  # only with a password
    keep_heard: bool = True


@dataclass(slots=True, eq=False)
class PhoneCall:
    """One call at one phone. Times are the loop's, in seconds; -1: not yet."""

    phone: Phone
    leg: str
    number: str  # dialled, or the caller's
    incoming: bool
    audio: PhoneAudio
    state: CallState = CallState.CALLING
    status: int = 0  # SIP's last answer: 180, 200, 486 ...
    reason: str = ""  # of the end: "bye", "busy", "cancel" ...
    ended_by: str = ""
    began_at: float = -1.0
    rang_at: float = -1.0
    answered_at: float = -1.0
    ended_at: float = -1.0
    offer: bytes = b""  # the far side's, of an incoming call
    session: int = 0
    version: int = 1
    direction: Direction = "sendrecv"
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    offers_answered: int = 0

    async def wait_ringing(self, seconds: float) -> None:
        await self._wait(lambda: self.state != CallState.CALLING, seconds, "ring")

    async def wait_answered(self, seconds: float) -> None:
        """Raises `CallError` when the call ends instead, or is still unanswered after `seconds`."""
        await self._wait(lambda: self.state in (CallState.TALKING, CallState.ENDED), seconds, "be answered")
        if self.answered_at < 0:
            raise CallError(f"the call ended unanswered: {self.status} {self.reason}", status=self.status)

    async def wait_ended(self, seconds: float) -> None:
        await self._wait(lambda: self.state == CallState.ENDED, seconds, "end")

    def answer(self) -> bool:
        """Take an incoming call. False when it is gone already."""
        if self.state == CallState.ENDED or not self.incoming:
            return False
        endpoint, now = self.phone.endpoint, self.phone.driver.now
        if not self.offer:
            return self._turn(endpoint.answer(now, self.leg, self.sdp("sendrecv")))
        try:
            body, negotiated = answer(
                parse_sdp(self.offer),
                host=self.phone.settings.host,
                port=self.audio.port,
                session_id=self.session,
                version=self.version,
            )
        except SipError:
            return self._turn(endpoint.reject(now, self.leg, 488))
        self.aim(negotiated)
        return self._turn(endpoint.answer(now, self.leg, body))

    def reject(self, status: int = 486) -> bool:
        return self._turn(self.phone.endpoint.reject(self.phone.driver.now, self.leg, status))

    def hang_up(self) -> bool:
        """CANCEL, BYE or a refusal, whichever the state of the call needs."""
        return self._turn(self.phone.endpoint.hang_up(self.phone.driver.now, self.leg))

    def press(self, digits: str) -> bool:
        return self.audio.press(digits)

    def hold(self) -> bool:
        """Put the far side on hold: a re-INVITE with a=sendonly (RFC 3264 section 8.4)."""
        return self._reoffer("sendonly")

    def resume(self) -> bool:
        return self._reoffer("sendrecv")

    def transfer(self, target: str) -> bool:
        """Blind transfer: REFER the far side to `target`, a number or a SIP URI (RFC 3515)."""
        host, port = self.phone.settings.server
        uri = target if target.startswith(("sip:", "sips:")) else f"sip:{target}@{host}:{port}"
        return self._turn(self.phone.endpoint.refer(self.phone.driver.now, self.leg, uri))

    def statistics(self) -> AudioStatistics:
        return self.audio.statistics()

    def sdp(self, direction: Direction) -> bytes:
        return make_offer(
            host=self.phone.settings.host,
            port=self.audio.port,
            session_id=self.session,
            version=self.version,
            direction=direction,
        )

    def aim(self, negotiated: Negotiated) -> None:
        self.direction = negotiated.direction
        self.audio.aim(
            negotiated.remote_host,
            negotiated.remote_port,
            payload=negotiated.codec,
            dtmf_payload=negotiated.dtmf_payload,
            direction=negotiated.direction,
        )

    def _reoffer(self, direction: Direction) -> bool:
        if self.state != CallState.TALKING:
            return False
        self.version += 1
        return self._turn(self.phone.endpoint.reoffer(self.phone.driver.now, self.leg, self.sdp(direction)))

    def _turn(self, done: bool) -> bool:
        self.phone.driver.turn()
        return done

    async def _wait(self, true: Callable[[], bool], seconds: float, what: str) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not true():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise CallError(f"the call did not {what} within {seconds:g} s ({self.state})") from None


class Phone:
    """Use as an async context manager. Set `answering` (or `on_call`) before calls come in."""

    def __init__(
        self,
        settings: PhoneSettings,
        ticker: Ticker,
        rng: random.Random,
        *,
        answering: Answering | None = None,
    ) -> None:
        self.settings = settings
        self.answering = answering
        self.on_call: Callable[[PhoneCall], None] | None = None  # told of every incoming call
        self.on_answer: Callable[[PhoneCall], None] | None = None  # told when one of them is connected
        self.on_end: Callable[[PhoneCall], None] | None = None
        self.calls: dict[str, PhoneCall] = {}  # alive
        self.history: list[PhoneCall] = []
        self.registered = False
        self.register_status = 0
        self._ticker = ticker
        self._rng = rng
        self._count = 0
        self._arriving: dict[str, LegEnded | None] = {}  # calls whose audio port is being opened
        self._incoming: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self._registration = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Phone:
        host = self.settings.host
        self.port = self.settings.port or _free_port(host)
        self.endpoint = Endpoint(self._endpoint_settings(), lambda: secrets.token_hex(12))
        self.driver = SipDriver(self.endpoint, udp=(host, self.port), on_events=self._on_events)
        await self.driver.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        alive = list(self.calls.values())
        for call in alive:
            call.hang_up()
        for call in alive:
            with contextlib.suppress(CallError):
                await call.wait_ended(LEAVE_S_MAX)
        if alive:
            await asyncio.sleep(LAST_ACK_S)
        for call in alive:
            call.audio.close()
        await self.driver.__aexit__(None, None, None)

    def _endpoint_settings(self) -> EndpointSettings:
        settings = self.settings
        host, port = settings.server
        trunk = Trunk(
            name=CENTRE,
            host=host,
            port=port,
            hosts=(host,),
            user=settings.user if settings.password else "",
            password=settings.password,
            realm=settings.realm,
            register=settings.register and bool(settings.password),
            register_s=REGISTER_S,
            keep_alive_s=0,
        )
        return EndpointSettings(
            server_name="Marhaba phone",
            advertised_host=settings.host,
            udp_port=self.port,
            tcp_port=0,
            trunks=(trunk,),
        )

    async def wait_registered(self, seconds: float = 5.0) -> None:
        """Raises `CallError` with the registrar's last answer."""
        try:
            async with asyncio.timeout(seconds):
                while not self.registered:
                    self._registration.clear()
                    await self._registration.wait()
        except TimeoutError:
            status = self.register_status
            raise CallError(f"not registered after {seconds:g} s (answer: {status})", status=status) from None

    async def wait_call(self, seconds: float = 10.0) -> PhoneCall:
        """The next incoming call."""
        try:
            async with asyncio.timeout(seconds):
                return await self._incoming.get()
        except TimeoutError:
            raise CallError(f"no call came within {seconds:g} s") from None

    async def call(
        self,
        number: str,
        *,
        say: Samples | None = None,
        caller: Party | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> PhoneCall:
        """Dial a number at the centre, or a SIP URI. `caller`: another number than the phone's own, as carriers send."""
        settings = self.settings
        call = await self._new_call(number, incoming=False)
        if say is not None:
            call.audio.say(say)
        host, port = settings.server
        target = number if number.startswith(("sip:", "sips:")) else f"sip:{number}@{host}:{port}"
        self.endpoint.invite(
            self.driver.now,
            leg=call.leg,
            target=target,
            flow=Flow("udp", settings.host, self.port, host, port),
            caller=caller or Party(settings.user, settings.name),
            sdp=call.sdp("sendrecv"),
            trunk=CENTRE,
            headers=headers,
        )
        self.driver.turn()
        return call

    async def _new_call(self, number: str, *, incoming: bool, leg: str = "") -> PhoneCall:
        self._count += 1
        audio = PhoneAudio(self._ticker, self._rng, keep_heard=self.settings.keep_heard)
        await audio.open(self.settings.host)
        call = PhoneCall(self, leg or f"{self.settings.user}-{self._count}", number, incoming, audio)
        call.session = self._rng.getrandbits(31)
        call.began_at = self.driver.now
        self.calls[call.leg] = call
        return call

    # -- what the endpoint says -------------------------------------------------------------------------------

    def _on_events(self, events: Sequence[SipEvent]) -> None:
        for event in events:
            if isinstance(event, IncomingCall):
                self._arriving[event.leg] = None
                self._start(self._ring(event))
            elif isinstance(event, TrunkState):
                self.registered, self.register_status = event.up, event.code
                self._registration.set()
            else:
                call = self.calls.get(getattr(event, "leg", ""))
                if call is not None:
                    self._tell(call, event)
                    call.changed.set()
                elif isinstance(event, LegEnded) and event.leg in self._arriving:
                    self._arriving[event.leg] = event

    def _tell(self, call: PhoneCall, event: SipEvent) -> None:
        match event:
            case LegRinging(code=code, sdp=sdp):
                call.state, call.status = CallState.RINGING, code
                call.rang_at = call.rang_at if call.rang_at >= 0 else self.driver.now
                self._accept(call, sdp)
            case LegAnswered(sdp=sdp):
                self._talk(call)
                self._accept(call, sdp)
            case LegEstablished(sdp=sdp):
                self._talk(call)
                self._accept(call, sdp)
            case OfferAnswered(code=code, sdp=sdp):
                call.offers_answered += 1
                call.status = code
                self._accept(call, sdp)
            case Reoffered(sdp=sdp):
                self._reoffered(call, sdp)
            case LegEnded(by=by, code=code, reason=reason):
                self._end(call, by=by, code=code, reason=reason)

    def _talk(self, call: PhoneCall) -> None:
        call.state, call.status = CallState.TALKING, 200
        if call.answered_at < 0:
            call.answered_at = self.driver.now
            if call.incoming and self.on_answer is not None:
                self.on_answer(call)

    def _accept(self, call: PhoneCall, sdp: bytes) -> None:
        """Take the far side's answer; one we cannot use ends the call."""
        if not sdp:
            return
        try:
            call.aim(accept_answer(sdp))
        except SipError:
            asyncio.get_running_loop().call_soon(call.hang_up)

    def _reoffered(self, call: PhoneCall, sdp: bytes) -> None:
        call.version += 1
        now = self.driver.now
        try:
            body, negotiated = answer(
                parse_sdp(sdp),
                host=self.settings.host,
                port=call.audio.port,
                session_id=call.session,
                version=call.version,
            )
        except SipError:
            self.endpoint.refuse_offer(now, call.leg)
            return
        call.aim(negotiated)
        self.endpoint.accept_offer(now, call.leg, body)

    def _end(self, call: PhoneCall, *, by: str, code: int, reason: str) -> None:
        call.state, call.status, call.reason, call.ended_by = CallState.ENDED, code, reason, by
        call.ended_at = self.driver.now
        call.audio.close()
        self.calls.pop(call.leg, None)
        self.history.append(call)
        del self.history[:-HISTORY_MAX]
        if self.on_end is not None:
            self.on_end(call)

    # -- the person at the phone ------------------------------------------------------------------------------

    async def _ring(self, event: IncomingCall) -> None:
        call = await self._new_call(event.caller.number, incoming=True, leg=event.leg)
        call.offer = event.sdp
        call.state = CallState.RINGING
        gone = self._arriving.pop(event.leg)
        if gone is not None:  # cancelled within the millisecond
            self._end(call, by=gone.by, code=gone.code, reason=gone.reason)
            return
        call.rang_at = self.driver.now
        self.endpoint.ring(self.driver.now, call.leg)
        self.driver.turn()
        if self.on_call is not None:
            self.on_call(call)
        self._incoming.put_nowait(call)
        if self.answering is not None:
            await self._attend(call, self.answering)

    async def _attend(self, call: PhoneCall, answering: Answering) -> None:
        reaction = answering.reaction(self._rng)
        if reaction is Reaction.IGNORE:
            return
        if reaction is not Reaction.BUSY:
            await asyncio.sleep(self._rng.uniform(*answering.ring_s))
        if reaction is not Reaction.ANSWER:
            call.reject(486 if reaction is Reaction.BUSY else 603)
            return
        if answering.say is not None:
            call.audio.say(answering.say(self._rng), loop=True)
        if not call.answer() or answering.talk_s[1] <= 0:
            return
        await asyncio.sleep(self._rng.uniform(*answering.talk_s))
        call.hang_up()

    def _start(self, work: object) -> None:
        assert asyncio.iscoroutine(work)
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _free_port(host: str) -> int:
    """A port free now: the endpoint must know it before it is bound."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        port: int = sock.getsockname()[1]
    return port
