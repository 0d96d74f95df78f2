"""`marhaba bench media`: one worker under full load, told what to do over its own socket, heard over real
UDP.

First 200 two-party calls, all recorded; then 50 conferences of three in a fresh worker. The load comes from
a process of its own that sends a tone from each side and checks that the right one comes back. At last the
lateness of a worker's ticks in a whole centre whose floor takes ten calls a second.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from marhaba.cli.bench_floor import under_full_floor
from marhaba.cli.load import end_audio
from marhaba.cli.load_audio import AudioFigures
from marhaba.media.client import MediaClient
from marhaba.media.framing import event_reader
from marhaba.media.protocol import (
    AnyEvent,
    AskStats,
    Hear,
    OpenLeg,
    PortsFree,
    Record,
    StopRecord,
    Welcome,
    WorkerStats,
)
from marhaba.media.worker import WorkerSettings, run_worker

CALLS: Final = 200
CONFERENCES: Final = 50
SECONDS: Final = 20.0
SETTLE_S: Final = 2.0
"""Between the first packet and the first reading: the jitter buffers have found their depth."""
HOST: Final = "127.0.0.1"
LOAD_PORTS: Final = (58_000, 58_010)
WORKER_PORT: Final = 40_000
SPARE_PAIRS: Final = 100  # other programs may hold some of the ports
STARTED_S_MAX: Final = 20.0

Group = Sequence[str]
"""Legs that hear each other; the first is recorded on the left."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one load cost and lost. `core_share` 1.0 is one core."""

    core_share: float
    lost_packets: int
    late_ticks: int
    heard_share_min: float
    stats: WorkerStats
    load: AudioFigures


def bench_media() -> dict[str, Any]:
    calls = asyncio.run(_run([(f"c{n}", f"a{n}") for n in range(CALLS)], recorded=True))
    mixes = asyncio.run(_run([(f"c{n}", f"a{n}", f"s{n}") for n in range(CONFERENCES)], recorded=False))
    figures = {
        "calls": CALLS,
        "lost_packets": calls.lost_packets,
        "late_ticks": calls.late_ticks,
        "core_share": round(calls.core_share, 3),
        "heard_share_min": round(calls.heard_share_min, 4),
        "alone_tick_late_ms_p50": calls.stats.tick_late_ms_p50,
        "alone_tick_late_ms_p99": calls.stats.tick_late_ms_p99,
        "alone_tick_late_ms_max": calls.stats.tick_late_ms_max,
        "rss_mib": calls.stats.rss_mib,
        "load_late_ms_p99": round(calls.load.late_slot_ms_p99, 2),
        "mix_core_share": round(mixes.core_share, 3),
        "mix_lost_packets": mixes.lost_packets,
        "mix_late_ticks": mixes.late_ticks,
        **under_full_floor(),
    }
    targets: dict[str, list[Any]] = {
        "calls": [">=", 200],
        "lost_packets": ["<=", 0],
        "late_ticks": ["<=", 0],
        "core_share": ["<=", 0.60],
        "heard_share_min": [">=", 0.95],
        "mix_core_share": ["<=", 0.25],
    }
    return {"figures": figures, "targets": targets}


async def _run(groups: Sequence[Group], *, recorded: bool) -> Run:
    with tempfile.TemporaryDirectory(prefix="marhaba-bench-") as folder:
        settings = WorkerSettings(
            name="bench",
            socket=Path(folder) / "media.sock",
            host=HOST,
            port_first=WORKER_PORT,
            port_pairs=sum(map(len, groups)) + SPARE_PAIRS,
        )
        process = multiprocessing.get_context("spawn").Process(target=run_worker, args=(settings,))
        process.start()
        try:
            return await _measure(groups, settings.socket, folder if recorded else "")
        finally:
            process.terminate()
            process.join()


async def _measure(groups: Sequence[Group], path: Path, folder: str) -> Run:
    floor = _Floor(path)
    ports = await floor.ports(sum(map(len, groups)))
    ports_of = {leg: ports.pop() for group in groups for leg in group}
    recordings = _set_up(floor, groups, ports_of, folder)
    await floor.stats()  # all of it is done
    load, commands = _start_load()
    commands.sendall("".join(_load_lines(groups, ports_of)).encode())
    await asyncio.sleep(SETTLE_S)
    before, begin = await floor.stats(), asyncio.get_running_loop().time()
    commands.sendall("".join(f"judge {leg}\n" for leg in ports_of).encode())
    await asyncio.sleep(SECONDS)
    after, end = await floor.stats(), asyncio.get_running_loop().time()
    for recording in recordings:
        floor.client.send(StopRecord(recording))
    await floor.client.close()
    figures = await asyncio.to_thread(end_audio, load, commands)
    lost_here = sum(leg.lost + leg.late for leg in after.per_leg.values())
    return Run(
        core_share=(after.cpu_s - before.cpu_s) / (end - begin),
        lost_packets=lost_here + max(0, figures.lost - figures.dropped_here),
        late_ticks=after.late_ticks,
        heard_share_min=min(figures.heard_share.values()),
        stats=after,
        load=figures,
    )


def _set_up(floor: _Floor, groups: Sequence[Group], ports_of: dict[str, int], folder: str) -> list[str]:
    recordings = []
    for group in groups:
        for leg in group:
            floor.client.send(OpenLeg(leg, ports_of[leg], HOST, LOAD_PORTS[_side(leg)]))
        for leg in group:
            floor.client.send(Hear(leg, [other for other in group if other != leg]))
        if folder:
            name = group[0]
            floor.client.send(Record(name, f"{folder}/{name}.wav", name, list(group[1:])))
            recordings.append(name)
    return recordings


def _load_lines(groups: Sequence[Group], ports_of: dict[str, int]) -> list[str]:
    return [f"open {leg} {_side(leg)} {HOST} {ports_of[leg]}\n" for group in groups for leg in group]


def _side(leg: str) -> int:
    return 0 if leg.startswith("c") else 1


def _start_load() -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "marhaba.cli.load_audio", str(theirs.fileno()), HOST, HOST]
    command += [str(port) for port in LOAD_PORTS]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()])  # noqa: S603 -- our own module
    theirs.close()
    assert ours.recv(16) == b"ready\n"
    return process, ours


class _Floor:
    """As much of a floor as a bench needs."""

    def __init__(self, path: Path) -> None:
        self._events: asyncio.Queue[AnyEvent | None] = asyncio.Queue()  # None: the worker is gone
        self.client = MediaClient(
            path, reader=event_reader, on_event=self._events.put_nowait, on_lost=self._lost
        )
        self.client.start()

    async def ports(self, count: int) -> list[int]:
        ports: list[int] = []
        async with asyncio.timeout(STARTED_S_MAX):
            while len(ports) < count:
                event = await self._next()
                if isinstance(event, Welcome):
                    ports += event.ports_free
                elif isinstance(event, PortsFree):
                    ports += event.ports
        return ports

    async def stats(self) -> WorkerStats:
        self.client.send(AskStats(legs=True))
        while True:
            event = await self._next()
            if isinstance(event, WorkerStats):
                return event

    async def _next(self) -> AnyEvent:
        event = await self._events.get()
        if event is None:
            raise ConnectionError("the media worker died")
        return event

    def _lost(self) -> None:
        self._events.put_nowait(None)
