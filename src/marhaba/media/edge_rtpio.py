"""Browser lines through rtp.io: rtpproxy inside this process, driven over its command socket.

    U line 0.0.0.0 0 o && M4:1 A FINGERPRINT && M5:1 A UFRAG PWD [&& M5:1 C CANDIDATE]...   -> our inside port
    L line HOST PORT o i && M4:1 S && M5:1 S     -> outside port && setup fingerprint && ufrag pwd c:CANDIDATE
    L line HOST PORT o i                          aims the inside anew; ports and keys stay
    D line o i

Its player (P) can lock itself up for good when a session is deleted meanwhile, so prompts are the media workers' work.
"""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass
from typing import Any, Final

from marhaba.kernel.errors import MarhabaError
from marhaba.media.browser_sdp import Offer, OwnSide

REPLY_BYTES_MAX: Final = 16_384
REPLY_S: Final = 2.0
"""A reply takes a tenth of a millisecond; an engine that owes one so long hangs, and a fresh process is better."""
LOOPBACK: Final = "127.0.0.1"
DTLS, ICE = "M4:1", "M5:1"
"""Modules by number: rtpproxy's own numbers of dtls_gw and ice_lite, each on RTP (1)."""
NOWHERE = (LOOPBACK, 9)
"""Where an unaimed line's sound goes: the discard port."""


class EngineHangs(MarhabaError):
    code = "engine-hangs"


class EngineRefused(MarhabaError):
    code = "engine-refused"


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    host: str  # the address of the sockets that browsers reach; "0.0.0.0": all
    advertised_host: str  # what browsers are told
    port_first: int
    ports: int
    lines_max: int = 200


class RtpIo:
    """Needs rtp.io, which has wheels for Linux alone."""

    def __init__(self, settings: EdgeSettings) -> None:
        from rtp.io import rtpproxy  # noqa: PLC0415 -- a 24 MB library

        self._settings = settings
        bridged = not ipaddress.ip_address(settings.host).is_loopback
        addresses = f"{settings.host}/{LOOPBACK}" if bridged else settings.host
        self._sides = "IE" if bridged else ""  # our side is the internal one, the browser's the external
        self._inside = LOOPBACK if bridged else settings.host
        self._engine: Any = rtpproxy(
            debug_level="err",
            port_min=settings.port_first,
            port_max=settings.port_first + settings.ports - 1,
            modules=("dtls_gw", "ice_lite"),
            extra_args=("-F", "-l", addresses),
        )
        self._socket = self._engine.rtpp_sock
        self._socket.setblocking(False)
        self._turn = asyncio.Lock()

    async def open(self, line: str, offer: Offer) -> tuple[OwnSide, tuple[str, int]]:
        """Our side for the browser, and where the worker finds the line."""
        candidates = "".join(f" && {ICE} C {each}" for each in offer.candidates)
        inside = await self._ask(
            f"U{self._sides} {line} 0.0.0.0 0 o && {DTLS} A sha-256 {offer.fingerprint}"
            f" && {ICE} A {offer.ufrag} {offer.password}{candidates}"
        )
        host, port = NOWHERE
        said = await self._ask(f"L{self._sides} {line} {host} {port} o i && {DTLS} S && {ICE} S")
        where, handshake, ice = (part.strip() for part in said.split("&&"))
        setup, _algorithm, fingerprint = handshake.split()
        ufrag, password = ice.split()[:2]
        own = OwnSide(
            self._settings.advertised_host, int(where.split()[0]), setup, fingerprint, ufrag, password
        )
        return own, (self._inside, int(inside.split()[0]))

    async def aim(self, line: str, host: str, port: int) -> None:
        if (await self._ask(f"L{self._sides} {line} {host} {port} o i")).split()[0] == "0":
            raise EngineRefused(f"{line} is over")

    async def close(self, line: str) -> None:
        await self._ask(f"D {line} o i")

    async def look(self) -> None:
        """Raises `EngineHangs`."""
        await self._ask("V")

    async def _ask(self, command: str) -> str:
        loop = asyncio.get_running_loop()
        async with self._turn:
            try:
                async with asyncio.timeout(REPLY_S):
                    await loop.sock_sendall(self._socket, command.encode() + b"\n")
                    reply = (await loop.sock_recv(self._socket, REPLY_BYTES_MAX)).decode().strip()
            except TimeoutError as late:
                raise EngineHangs(command.split(" ", 1)[0]) from late
        if reply.startswith("E"):
            raise EngineRefused(f"{command.split(' ', 1)[0]}: {reply}")
        return reply
