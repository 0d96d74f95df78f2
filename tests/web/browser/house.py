"""A whole small centre, with callers that are heard: the desk needs all of it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from marhaba.simulator.phone_audio import Ticker
from marhaba.simulator.phones import Phone, PhoneCall, PhoneSettings
from tests.web.browser.centre import Pages, free_port, wait_open

T = TypeVar("T")
TEXT = """\
name = "Postes"
country = "MA"
timezone = "Africa/Casablanca"
data_folder = "data"
[sip]
udp = "127.0.0.1:{sip}"
tcp = "off"
advertised_host = "127.0.0.1"
[media]
first_port = 42000
ports_per_worker = 100
[web]
listen = "127.0.0.1:{web}"
[programmes.accueil]
numbers = ["0539000000"]
calendar = "always"
languages = ["fr"]
menu = false
greeting = []
queue = "accueil"
recording = "announce"
[queues.accueil]
wrap_s = "60 s"
[agents.amal]
name = "Amal Bennis"
skills = {{ fr = 9 }}
[agents.brahim]
name = "Brahim Ouazzani"
skills = {{ fr = 9 }}
[agents.laila]
name = "Laila Haddad"
skills = {{ fr = 9 }}
supervisor = true
[trunks.street]
host = "127.0.0.2"
hosts = ["127.0.0.2"]
keep_alive_s = 0
[pause_codes]
break = "Pause café"
[dispositions]
resolved = "Résolu"
other = "Autre"
"""
CALLER_HZ = 440.0
START_S = 60.0


@dataclass
class Caller:
    """Somebody on the phone who hums."""

    call: PhoneCall
    loop: asyncio.AbstractEventLoop

    def level(self, hz: float, seconds: float = 0.4) -> float:
        return self.call.audio.heard_level_db(hz, last_s=seconds)

    def hang_up(self) -> None:
        self.loop.call_soon_threadsafe(self.call.hang_up)

    @property
    def over(self) -> bool:
        return self.call.ended_at >= 0


class Street:
    """Phones outside, in a loop of their own beside the browser's."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self._stack: list[Any] = []
        self.run(self._open())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    async def _open(self) -> None:
        ticker = await Ticker().__aenter__()
        settings = PhoneSettings(
            user="0661000001", password="", server=self.server, host="127.0.0.2", register=False
        )
        self.phone = await Phone(settings, ticker, random.Random(1)).__aenter__()
        self._stack = [self.phone, ticker]

    def call(self, number: str) -> Caller:
        async def dial() -> PhoneCall:
            call = await self.phone.call(number)
            await call.wait_answered(10.0)
            seconds = np.arange(8_000) / 8_000
            call.audio.say((8_000 * np.sin(2 * np.pi * CALLER_HZ * seconds)).astype(np.int16), loop=True)
            return call

        return Caller(self.run(dial()), self.loop)

    def close(self) -> None:
        async def end() -> None:
            for each in self._stack:
                await each.__aexit__(None, None, None)

        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@dataclass
class House:
    pages: Pages
    street: Street

    def kill(self, role: str) -> None:
        """kill -9; `marhaba serve` starts another one."""
        wanted = ["--config", str(self.pages.config), "--role", role]
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(FileNotFoundError, ProcessLookupError):
                if entry.read_bytes().decode().rstrip("\0").split("\0")[-4:] == wanted:
                    os.kill(int(entry.parent.name), signal.SIGKILL)
                    return
        raise AssertionError(f"no {role}")


@contextmanager
def open_house(folder: Path) -> Iterator[House]:
    sip, web = free_port(), free_port()
    config = folder / "centre.toml"
    config.write_text(TEXT.format(sip=sip, web=web), "utf-8")
    command = [sys.executable, "-m", "marhaba", "serve", "--config", str(config)]
    with ExitStack() as stack:
        serve = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        stack.callback(serve.terminate)
        assert serve.stdout is not None
        first = next(line.strip() for line in serve.stdout if "/welcome/" in line)
        wait_open(web)
        street = Street(("127.0.0.1", sip))
        stack.callback(street.close)
        yield House(Pages(config, f"http://localhost:{web}", first), street)
