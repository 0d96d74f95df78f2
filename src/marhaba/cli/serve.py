"""`marhaba serve`: the processes of a centre, each restarted when it dies. `--role` runs one of them alone.

The supervisor does nothing but watch: no Marhaba code runs in it that a call could break. A floor that dies is started
again at once and takes its calls up (`floor.recovery`); the media workers never notice.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from marhaba.centre import Centre
from marhaba.cli.house import existing_centre
from marhaba.cli.options import whole
from marhaba.cli.words import reader_language, say
from marhaba.floor.floor_lock import FloorLock

RESTARTS_MAX = 10
RESTART_WINDOW_S = 60.0
"""Ten deaths within a minute is no accident: the supervisor gives up and says so."""
REFUSED = 2
"""A process that ends so cannot do as it is told: a port is taken, a file is wrong."""
FIRST_S = 10.0
"""A refusal within this closes a centre that has not opened; a centre that was open tries again."""
FLOOR = "floor"
STOP_S = 10.0
"""What a process gets to end by itself before it is killed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=Path("centre.toml"))
    parser.add_argument("--role", choices=["all", "floor", "media", "edge", "web"], default="all")
    parser.add_argument("--worker", type=whole(), default=0)


def run(arguments: argparse.Namespace) -> int:
    config = arguments.config.resolve()
    os.umask(0o077)  # who called, and what was said, is for nobody else on this machine
    centre = existing_centre(config)  # a wrong file is refused here, before anything starts
    match arguments.role:
        case "floor":
            from marhaba.floor.process import serve_floor

            with FloorLock(centre.data_folder):
                serve_floor(config, started=_say_ready)
        case "media":
            from marhaba.cli.roles import serve_media

            serve_media(centre, arguments.worker)
        case "edge":
            from marhaba.cli.roles import serve_edge

            serve_edge(centre)
        case "web":
            from marhaba.cli.roles import serve_web

            serve_web(centre, config)
        case _:
            return Supervisor(config, centre).run()
    return 0


def edge_possible() -> bool:
    """Whether this machine can carry browsers' audio: rtp.io has wheels for Linux alone."""
    return importlib.util.find_spec("rtp") is not None


def _say_ready() -> None:
    print("ready", flush=True)


@dataclass
class Child:
    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    deaths: list[float] = field(default_factory=list)


class Supervisor:
    """Starts the children, restarts the dead, stops all on SIGTERM or SIGINT."""

    def __init__(self, config: Path, centre: Centre, *, on_ready: Callable[[], None] | None = None) -> None:
        base = [sys.executable, "-m", "marhaba", "serve", "--config", str(config)]
        self.children = [
            Child(f"media-{n}", [*base, "--role", "media", "--worker", str(n)])
            for n in range(centre.media.workers)
        ]
        if centre.web is not None:
            if edge_possible():
                self.children.append(Child("edge", [*base, "--role", "edge"]))
            self.children.append(Child("web", [*base, "--role", "web"]))
        self.children.append(Child(FLOOR, [*base, "--role", "floor"]))
        self.stopping = False
        self.on_ready = on_ready

    def run(self) -> int:
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)
        # Of a closed terminal it means the end, of anybody else "read centre.toml again".
        signal.signal(signal.SIGHUP, self._stop if sys.stdin.isatty() else self._reload)
        for child in self.children:
            self._start(child)
        if self.on_ready is not None:
            self.on_ready()
        try:
            while not self.stopping:
                if status := self._watch():
                    return status
                time.sleep(0.05)
        finally:
            self._end()
        return 0

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _reload(self, *_: object) -> None:
        for child in self.children:
            if child.name == FLOOR and child.process is not None and child.process.poll() is None:
                child.process.send_signal(signal.SIGHUP)

    def _start(self, child: Child) -> None:
        child.started_at = time.monotonic()
        child.process = subprocess.Popen(child.command, start_new_session=True)  # noqa: S603 -- our own module

    def _watch(self) -> int:
        """Restart what died. An exit status when that is no use: it cannot start, or dies again and again."""
        for child in self.children:
            status = child.process.poll() if child.process is not None else 0
            if status is None or self.stopping:
                continue
            now = time.monotonic()
            if status == REFUSED and not child.deaths and now - child.started_at < FIRST_S:
                return REFUSED  # it said why, and would say it again
            child.deaths = [t for t in child.deaths if now - t < RESTART_WINDOW_S] + [now]
            self._tell("serve.died", name=child.name, status=status)
            if len(child.deaths) > RESTARTS_MAX:
                self._tell("serve.gave-up", name=child.name)
                return 1
            self._start(child)
        return 0

    def _tell(self, key: str, **about: object) -> None:
        print(say(key, reader_language()).format(**about), file=sys.stderr, flush=True)

    def _end(self) -> None:
        """The floor first: it ends the calls, whose audio the workers still carry."""
        deadline = time.monotonic() + STOP_S
        for child in reversed(self.children):
            if child.process is None:
                continue
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGINT if child.name == FLOOR else signal.SIGTERM)
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
