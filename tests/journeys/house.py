"""A small bilingual centre that runs for a whole file of journeys, and phones of our own beside it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path

from marhaba.cli.bench_centre import CentrePlan, RunningCentre, running_centre
from marhaba.journal.journal import Journal
from marhaba.journal.records import Records
from marhaba.media.tones import make_tone
from marhaba.replay.exact import Verdict, replay
from marhaba.simulator.phone_audio import Samples, Ticker
from marhaba.simulator.phones import Answering, Phone, PhoneSettings

REALM = "bench"
CALLER_HZ, SPANISH_HZ, FRENCH_HZ = 400.0, 600.0, 900.0

TEXT = """\
name = "Voyage"
country = "MA"
timezone = "Africa/Casablanca"
language = "fr"
realm = "bench"
data_folder = "data"
recordings_folder = "recordings"
[sip]
udp = "127.0.0.1:{port}"
tcp = "127.0.0.1:{port}"
advertised_host = "127.0.0.1"
[media]
host = "127.0.0.1"
first_port = {media}
ports_per_worker = 400
[limits]
calls_max = {calls_max}
[trunks.carrier]
host = "127.0.0.2"
hosts = ["127.0.0.2"]
keep_alive_s = 0
[programmes.banque]
numbers = ["0539000000"]
calendar = "always"
languages = ["fr", "es"]
menu_digits = {{ 1 = "fr", 2 = "es" }}
greeting = ["welcome"]
queue = "francais"
queues_by_language = {{ es = "espagnol" }}
recording = "announce"
[programmes.direct]
numbers = ["0539000001"]
calendar = "always"
languages = ["fr"]
menu = false
greeting = []
queue = "francais"
recording = "announce"
[queues.francais]
language_level = 5
wrap_s = 0
[queues.espagnol]
language_level = 5
wrap_s = 0
[agents.agent0000]
phone = "agent0000"
skills = {{ fr = 9 }}
ready_on_start = true
[agents.agent0001]
phone = "agent0001"
skills = {{ es = 9 }}
ready_on_start = true
[agents.agent0002]
phone = "agent0002"
skills = {{ en = 9 }}
"""


@contextlib.contextmanager
def open_house(
    folder: Path, *, port: int, media: int, calls_max: int = 100, text: str = TEXT
) -> Iterator[RunningCentre]:
    plan = CentrePlan(agents=3, port=port, first_media_port=media)
    filled = text.format(port=port, media=media, calls_max=calls_max)
    with running_centre(folder, plan, text=filled) as house:
        yield house
    decided_again(house)


class Phones:
    """Phones that come and go with one test; each at an address of its own."""

    def __init__(self, house: RunningCentre, ticker: Ticker, stack: contextlib.AsyncExitStack) -> None:
        self._house, self._ticker, self._stack = house, ticker, stack
        self._rng = random.Random(7)

    async def agent(self, number: int, hz: float, *, by_hand: bool = False) -> Phone:
        """A registered phone that answers at once and speaks a tone; `by_hand`: it rings until the test answers."""
        account = self._house.accounts[number]
        settings = PhoneSettings(
            account.user, self._house.server, account.password, host=f"127.0.0.{20 + number}", realm=REALM
        )
        answering = Answering(ring_s=(0.1, 0.2), say=lambda _: tone(hz))
        phone = await self._stack.enter_async_context(
            Phone(settings, self._ticker, self._rng, answering=None if by_hand else answering)
        )
        await phone.wait_registered()
        return phone

    async def caller(self, host: str = "127.0.0.2") -> Phone:
        settings = PhoneSettings("0661000001", self._house.server, host=host, register=False)
        return await self._stack.enter_async_context(Phone(settings, self._ticker, self._rng))


@contextlib.asynccontextmanager
async def phones_at(house: RunningCentre) -> AsyncIterator[Phones]:
    async with contextlib.AsyncExitStack() as stack:
        ticker = await stack.enter_async_context(Ticker())
        yield Phones(house, ticker, stack)


def tone(hz: float) -> Samples:
    """Two minutes of it: longer than any journey."""
    return make_tone(hz, seconds=120.0)


def records_of(house: RunningCentre) -> Records:
    with closing(Journal(house.folder / "data" / "journal.sqlite", read_only=True)) as journal:
        records = Records()
        records.apply_all(journal.read())
    return records


def decided_again(house: RunningCentre) -> Verdict:
    """Whatever happened: every decision of the journal is that of the kernel."""
    with closing(Journal(house.folder / "data" / "journal.sqlite", read_only=True)) as journal:
        verdict = replay(journal.read())
    assert verdict.difference is None
    return verdict


async def until(condition: Callable[[], bool], *, seconds: float = 10.0, what: str = "") -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
    assert condition(), what


def ask(data: bytes, server: tuple[str, int], *, host: str, seconds: float = 2.0) -> bytes:
    """One datagram from `host`; the first answer that is final, or b""."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.bind((host, 0))
        sock.settimeout(seconds)
        sock.sendto(data.replace(b"{port}", str(sock.getsockname()[1]).encode()), server)
        with contextlib.suppress(TimeoutError):
            while True:
                answer = sock.recv(65535)
                if not answer.startswith(b"SIP/2.0 1"):
                    return answer
    return b""
