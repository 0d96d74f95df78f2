"""A media worker: one process, one event loop, a tick every 20 ms, and one local socket for the floor.

The floor may die and come back: the worker goes on bridging, keeps what must not be lost (`_kept`) and hands
it over after the next `Welcome`. It never waits for the floor either: what a slow floor does not take is
queued up to a limit, figures are dropped first, and a floor that still does not read is disconnected, since
a new `Welcome` says all.

The garbage collector never runs during a tick: it is switched off and called by hand in the idle part of a
tick, when what is left until the next one is more than its last run took.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Final, cast

from marhaba.media.engine import Engine, EngineSettings
from marhaba.media.framing import BadFrame, command_reader, frame
from marhaba.media.lateness import Lateness
from marhaba.media.protocol import AnyCommand, AnyEvent, AskStats, LegClosed, PortsFree, Welcome, WorkerStats
from marhaba.media.rtp import TICK_S

log = logging.getLogger(__name__)

PAIRS_AT_ONCE: Final = 64
"""Opened before the first `Welcome`: enough for the first seconds; a pair takes some 0.05 ms."""
PAIRS_A_TICK: Final = 8
CATCH_UP_TICKS: Final = 10
"""200 ms are made up for, packet by packet; after more, what was said meanwhile is of no use to anyone."""
QUEUED_MAX: Final = 10_000
"""Events waiting for a floor: minutes of a busy centre."""
CLOSED_MAX: Final = 1_000
"""Legs remembered for the next floor, far more than close within the second in which one dies."""
BUFFERED_BYTES_MAX: Final = 1 << 20
"""Handed to the loop and not yet taken by the floor; beyond it events wait in our queue."""
SWITCH_S: Final = 0.0005
"""The tick waits for the recordings' thread to let go of the interpreter no longer than this (the default is
5 ms).
"""
COLLECT_EVERY_TICKS: Final = (50, 500, 3000)
"""Each generation of the collector: 1 s, 10 s, 1 minute."""
COLLECT_MARGIN_S: Final = 0.004
COMMANDS_AT_ONCE: Final = 8
COMMAND_MARGIN_S: Final = 0.002
"""Commands beyond those few are carried out until 2 ms before the next tick: a burst must not make it late."""
FAILED_TICKS_MAX: Final = 50
"""A second of ticks that all failed: a fresh process is better than this one."""
FILES_SPARE: Final = 256
"""Descriptors beside the ports: recordings being written beyond it fail with their cause."""
NICE: Final = -10


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    name: str  # "media-0"
    socket: Path  # the local socket the floor connects to
    host: str = "127.0.0.1"  # the address written into SDP
    bind_host: str = ""  # the address of the sockets; empty: `host`
    port_first: int = 16_384
    port_pairs: int = 1000
    recordings_max: int = 500
    messages_max: int = 100
    silent_s: float = 20.0


class FloorLink(asyncio.Protocol):
    """The connection of the one floor. Commands go to the worker as they come."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._reader = command_reader()
        self._transport: asyncio.Transport | None = None
        self._queue: deque[AnyEvent] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit from it
        self._transport = transport
        transport.set_write_buffer_limits(high=BUFFERED_BYTES_MAX)
        if not self._worker.floor_came(self):
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._worker.floor_went(self, self._queue)

    def data_received(self, data: bytes) -> None:
        try:
            self._worker.obey(self._reader.feed(data))
        except BadFrame as error:
            log.warning("floor disconnected: %s", error)
            self.drop()

    def send(self, event: AnyEvent) -> None:
        self._queue.append(event)
        self.flush()
        if len(self._queue) <= QUEUED_MAX:
            return
        for queued in self._queue:
            if isinstance(queued, WorkerStats):
                self._queue.remove(queued)
                return
        log.warning("floor disconnected: it left %d events unread", len(self._queue))
        self.drop()

    def flush(self) -> None:
        """Hand over what the loop will take; called by the tick as well, which is when room is noticed."""
        if self._transport is None or not self._queue:
            return
        room = BUFFERED_BYTES_MAX - self._transport.get_write_buffer_size()
        parts = []
        while self._queue and room > 0:
            parts.append(frame(self._queue.popleft()))
            room -= len(parts[-1])
        if parts:
            self._transport.write(b"".join(parts))

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()


@dataclass(slots=True)
class Collector:
    """Garbage collection by hand."""

    collect: Callable[[int], int] = gc.collect
    took_s: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    owed: list[bool] = field(default_factory=lambda: [False, False, False])

    def start(self) -> None:
        gc.collect()
        gc.freeze()
        gc.disable()

    def run(self, tick: int, idle_s: Callable[[], float]) -> None:
        """Collect what is due, the oldest generation first, if the idle time allows for its last duration
        twice.
        """
        for generation in (2, 1, 0):
            if tick % COLLECT_EVERY_TICKS[generation] == 0:
                self.owed[generation] = True
            if self.owed[generation] and idle_s() > 2 * self.took_s[generation] + COLLECT_MARGIN_S:
                begin = time.perf_counter()
                self.collect(generation)
                self.took_s[generation] = time.perf_counter() - begin
                self.owed[: generation + 1] = [False] * (generation + 1)
                return


class Worker:
    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.lateness = Lateness()
        self._floor: FloorLink | None = None
        self._kept: deque[AnyEvent] = deque()
        self._closed: deque[str] = deque(maxlen=CLOSED_MAX)
        self._born = time.monotonic()
        self._ports_taken = 0
        self._commands: deque[AnyCommand] = deque()
        self._collector = Collector()
        self._ticks = 0
        self._failed = 0
        self._due = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self._stopped = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        pairs = min(settings.port_pairs, _pairs_possible(settings.port_pairs))
        first = settings.port_first
        self._ports_left = deque(range(first, min(first + 2 * pairs, 65_535), 2))
        self.engine = Engine(
            EngineSettings(
                host=settings.bind_host or settings.host,
                legs_max=settings.port_pairs,
                recordings_max=settings.recordings_max,
                messages_max=settings.messages_max,
                silent_s=settings.silent_s,
            ),
            self._emit,
            unix_offset_s=time.time() - time.monotonic(),
            rng=SystemRandom(),
        )

    async def run(self) -> None:
        """Until `stop`."""
        self._open_pairs(PAIRS_AT_ONCE)
        path = self.settings.socket
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()  # of a worker that was killed
        before = os.umask(0o177)  # whoever may connect may listen to every call
        try:
            server = await self._loop.create_unix_server(lambda: FloorLink(self), str(path))
        finally:
            os.umask(before)
        self._collector.start()
        self._due = time.monotonic() + TICK_S
        self._handle = self._loop.call_later(TICK_S, self._tick)
        try:
            await self._stopped.wait()
        finally:
            self._end(server, path)
        if self._failed:
            raise SystemExit(f"{self._failed} ticks failed one after the other")

    def stop(self) -> None:
        self._stopped.set()

    # -- the floor --------------------------------------------------------------------------------------------

    def floor_came(self, link: FloorLink) -> bool:
        """One floor at a time: two would lend the same port twice."""
        if self._floor is not None:
            log.warning("a second floor was turned away")
            return False
        self._floor = link
        engine = self.engine
        link.send(
            Welcome(
                worker=self.settings.name,
                host=self.settings.host,
                ports_free=engine.wire.free,
                legs=engine.held(),
                recordings=engine.recordings(),
                uptime_s=time.monotonic() - self._born,
                closed=list(self._closed),
            )
        )
        while self._kept and self._floor is link:
            link.send(self._kept.popleft())
        return True

    def floor_went(self, link: FloorLink, unsent: deque[AnyEvent]) -> None:
        if self._floor is link:
            self._floor = None
            for event in unsent:
                self._emit(event)

    def obey(self, commands: Iterable[AnyCommand]) -> None:
        """In order; at once when the tick leaves time, and a few in any case."""
        self._commands.extend(commands)
        self._obey_some()

    def _obey_some(self) -> None:
        for _ in range(COMMANDS_AT_ONCE):
            if not self._commands:
                return
            self._obey_one(self._commands.popleft())
        while self._commands and time.monotonic() < self._due - COMMAND_MARGIN_S:
            self._obey_one(self._commands.popleft())

    def _obey_one(self, command: AnyCommand) -> None:
        if isinstance(command, AskStats):
            self._emit(self.statistics(legs=command.legs))
        else:
            self.engine.apply(command, now=time.monotonic())

    def statistics(self, *, legs: bool = True) -> WorkerStats:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return WorkerStats(
            legs=len(self.engine.legs),
            recordings=len(self.engine.recordings()),
            tick_late_ms_p50=self.lateness.percentile(0.50),
            tick_late_ms_p99=self.lateness.percentile(0.99),
            tick_late_ms_max=round(self.lateness.max_ms, 3),
            late_ticks=self.lateness.late,
            cpu_s=round(usage.ru_utime + usage.ru_stime, 3),
            rss_mib=round(_resident_bytes() / (1 << 20), 1),
            per_leg=self.engine.stats() if legs else {},
        )

    def _emit(self, event: AnyEvent) -> None:
        if isinstance(event, LegClosed):
            self._closed.append(event.leg)
        if self._floor is not None:
            self._floor.send(event)
        elif not isinstance(event, (Welcome, WorkerStats, PortsFree)):  # the next `Welcome` says these anew
            self._kept.append(event)
            if len(self._kept) > QUEUED_MAX:
                self._kept.popleft()

    # -- time -------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        now = time.monotonic()
        behind = now - self._due
        self.lateness.add(behind * 1000)
        self._due += TICK_S
        self._failed += 1
        try:
            self.engine.tick(now)
            self._failed = 0
        finally:  # an error is told by the loop; one call's error must not silence all the others
            if self._failed < FAILED_TICKS_MAX:
                self._rest_of_tick(behind)
            else:
                self.stop()

    def _rest_of_tick(self, behind: float) -> None:
        self._ticks += 1
        if behind > CATCH_UP_TICKS * TICK_S:
            missed = int(behind / TICK_S)
            self.engine.skip(missed)
            self._due += missed * TICK_S
        if self._ports_left:
            self._open_more()
        if self._floor is not None:
            self._floor.flush()
        self._obey_some()
        self._collector.run(self._ticks, lambda: self._due - time.monotonic())
        self._handle = self._loop.call_later(max(self._due - time.monotonic(), 0.0), self._tick)

    def _open_more(self) -> None:
        before = len(self.engine.wire.free)
        self._open_pairs(PAIRS_A_TICK)
        if fresh := self.engine.wire.free[before:]:
            self._emit(PortsFree(fresh))

    def _open_pairs(self, count: int) -> None:
        for _ in range(min(count, len(self._ports_left))):
            port = self._ports_left.popleft()
            if not self.engine.wire.open_pair(port):
                self._ports_taken += 1
        if self._ports_taken and not self._ports_left:
            log.warning("%d of the port pairs are taken by another program", self._ports_taken)
            self._ports_taken = 0

    def _end(self, server: asyncio.Server, path: Path) -> None:
        if self._handle is not None:
            self._handle.cancel()
        server.close()
        self.engine.close(now=time.monotonic())
        if self._floor is not None:
            self._floor.flush()
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def run_worker(settings: WorkerSettings) -> None:
    """The whole life of a worker process, until SIGTERM or SIGINT."""
    import uvloop  # noqa: PLC0415 -- optional: absent on Windows

    sys.setswitchinterval(SWITCH_S)
    with contextlib.suppress(PermissionError, OSError):
        os.nice(NICE)
    uvloop.run(_serve(settings))


async def _serve(settings: WorkerSettings) -> None:
    worker = Worker(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, worker.stop)
    await worker.run()


def _pairs_possible(wanted: int) -> int:
    """Port pairs the process may open, after asking for as many descriptors as its hard limit grants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * wanted + FILES_SPARE
    if hard != resource.RLIM_INFINITY:
        needed = min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
        soft = needed
    possible = wanted if soft == resource.RLIM_INFINITY else max((soft - FILES_SPARE) // 2, 1)
    if possible < wanted:
        log.warning("only %d of %d port pairs: the system grants %d descriptors", possible, wanted, soft)
    return possible


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except OSError:  # not Linux: the highest mark instead of the present one
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * resource.getpagesize()
