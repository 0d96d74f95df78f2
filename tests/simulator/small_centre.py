"""A centre of a hundred lines for software phones: our own SIP endpoint, and one way of treating callers."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Sequence
from itertools import count
from types import TracebackType
from typing import Literal

from marhaba.simulator.phone_audio import PhoneAudio, Ticker
from marhaba.sip.asyncio.driver import SipDriver
from marhaba.sip.digest import ha1
from marhaba.sip.endpoint import Endpoint
from marhaba.sip.events import (
    EndpointSettings,
    IncomingCall,
    LegAnswered,
    LegEnded,
    Referred,
    Registered,
    SipEvent,
    Trunk,
    User,
)
from marhaba.sip.sdp import answer, parse_sdp

REALM = "small"
Treatment = Literal["hold", "connect", "refuse", "send-away"]


class SmallCentre:
    """`hold`: answer and listen; `connect`: ring the next registered agent, audio from phone to phone; `refuse`: 486;
    `send-away`: answer, then hang up.
    """

    def __init__(
        self, treatment: Treatment, *, host: str, callers_host: str, agents: dict[str, str] | None = None
    ) -> None:
        self.treatment = treatment
        self.host, self.callers_host, self.agents = host, callers_host, agents or {}
        self.incoming: list[IncomingCall] = []
        self.referred: list[Referred] = []
        self.registered: list[str] = []
        self.ended: list[LegEnded] = []
        self.audio: dict[str, PhoneAudio] = {}
        self.changed = asyncio.Event()
        self._ticker = Ticker()
        self._other: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
            self.port: int = probe.getsockname()[1]

    @property
    def server(self) -> tuple[str, int]:
        return self.host, self.port

    async def __aenter__(self) -> SmallCentre:
        names = count(1)
        settings = EndpointSettings(
            realm=REALM,
            advertised_host=self.host,
            udp_port=self.port,
            tcp_port=0,
            users=tuple(
                User(name, {"SHA-256": ha1(name, REALM, password)}) for name, password in self.agents.items()
            ),
            trunks=(Trunk("street", self.callers_host, hosts=(self.callers_host,), keep_alive_s=0),),
        )
        self.endpoint = Endpoint(settings, lambda: f"small{next(names)}")
        self.driver = SipDriver(self.endpoint, udp=self.server, on_events=self._on_events)
        await self._ticker.__aenter__()
        await self.driver.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in list(self._tasks):
            await task
        for audio in self.audio.values():
            audio.close()
        await self.driver.__aexit__(None, None, None)
        await self._ticker.__aexit__()

    async def wait_until(self, true: object, seconds: float = 10.0) -> None:
        """Until `true()` holds, asked after every event and every twenty milliseconds."""
        assert callable(true)
        async with asyncio.timeout(seconds):
            while not true():
                self.changed.clear()
                try:
                    async with asyncio.timeout(0.02):
                        await self.changed.wait()
                except TimeoutError:
                    pass  # what is waited for may be sound

    def _on_events(self, events: Sequence[SipEvent]) -> None:
        for event in events:
            match event:
                case IncomingCall():
                    self.incoming.append(event)
                    self._treat(event)
                case LegAnswered(leg=leg, sdp=sdp) if leg in self._other:
                    self.endpoint.answer(self.driver.now, self._other[leg], sdp)
                case LegEnded(leg=leg):
                    self.ended.append(event)
                    self.endpoint.hang_up(self.driver.now, self._other.pop(leg, ""))
                case Registered(user=user):
                    self.registered.append(user)
                case Referred(refer=refer):
                    self.referred.append(event)
                    self.endpoint.accept_refer(self.driver.now, refer)
        self.changed.set()

    def _treat(self, call: IncomingCall) -> None:
        if self.treatment == "refuse":
            self.endpoint.reject(self.driver.now, call.leg, 486)
        elif self.treatment == "connect":
            self._ring_agent(call)
        else:
            task = asyncio.get_running_loop().create_task(self._listen(call))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _ring_agent(self, call: IncomingCall) -> None:
        agent = sorted(self.agents)[len(self.incoming) % len(self.agents)]
        [binding] = self.endpoint.bindings(agent)
        leg = f"{call.leg}-agent"
        self._other |= {leg: call.leg, call.leg: leg}
        self.endpoint.ring(self.driver.now, call.leg)
        self.endpoint.invite(
            self.driver.now,
            leg=leg,
            target=binding.contact,
            flow=binding.flow,
            caller=call.caller,
            sdp=call.sdp,
        )

    async def _listen(self, call: IncomingCall) -> None:
        audio = self.audio[call.leg] = PhoneAudio(self._ticker, random.Random(call.leg))
        await audio.open(self.host)
        body, negotiated = answer(
            parse_sdp(call.sdp), host=self.host, port=audio.port, session_id=1, version=1
        )
        audio.aim(
            negotiated.remote_host,
            negotiated.remote_port,
            payload=negotiated.codec,
            dtmf_payload=negotiated.dtmf_payload,
            direction=negotiated.direction,
        )
        self.endpoint.answer(self.driver.now, call.leg, body)
        self.driver.turn()
        if self.treatment == "send-away":
            await self.wait_until(
                lambda: audio.statistics().received > 5 or call.leg in {end.leg for end in self.ended}
            )
            self.endpoint.hang_up(self.driver.now, call.leg)
            self.driver.turn()
