"""What journeys need beside the phones: SIPp's callers and agents, tied to a running centre, always stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from marhaba.cli.load_register import Account, register
from marhaba.cli.sipp import Sipp, SippCounts, scenario, start_sipp, wait_listening, write_tone

CALLERS_AT = ("127.0.0.2", 5081)
AGENTS_AT = ("127.0.0.3", 5082)
CALLERS_HZ, AGENTS_HZ = 400, 600


@contextlib.contextmanager
def sipp_agents(
    folder: Path,
    server: tuple[str, int],
    accounts: Sequence[Account],
    *,
    realm: str,
    local: tuple[str, int] = AGENTS_AT,
    ring_ms: int = 50,
    audio: bool = True,
    media_port: int = 6100,
) -> Iterator[Sipp]:
    """SIPp answers for every account until the end of the block. Its logs are in `folder`/agents."""
    place = folder / "agents"
    place.mkdir(exist_ok=True)
    write_tone(place, hz=AGENTS_HZ)
    register(accounts, server=server, local=local, realm=realm)
    name = "agent_audio" if audio else "agent"
    agents = start_sipp(scenario(name), folder=place, local=local, pause_ms=ring_ms, media_port=media_port)
    try:
        wait_listening(local)
        yield agents
    finally:
        agents.stop()


def sipp_calls(
    folder: Path,
    server: tuple[str, int],
    dialled: str,
    *,
    calls: int,
    rate: float = 10.0,
    talk_ms: int = 1000,
    name: str = "caller",
    local: tuple[str, int] = CALLERS_AT,
    media_port: int = 6200,
    seconds: float = 60.0,
) -> SippCounts:
    """Place `calls` calls by the scenario `name` and return SIPp's counts; its logs are in `folder`/callers."""
    place = folder / "callers"
    place.mkdir(exist_ok=True)
    write_tone(place, hz=CALLERS_HZ)
    callers = start_sipp(
        scenario(name),
        folder=place,
        local=local,
        remote=server,
        calls=calls,
        rate=rate,
        pause_ms=talk_ms,
        media_port=media_port,
        keys={"dialled": dialled},
    )
    try:
        return callers.wait(seconds)
    finally:
        callers.stop()
