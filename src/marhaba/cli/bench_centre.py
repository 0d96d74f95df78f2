"""The centre that benches and journeys measure: its configuration text and its start-up command, in one place."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marhaba.cli.load_register import Account
from marhaba.cli.load_sip import read, request
from marhaba.cli.load_wire import Wire
from marhaba.cli.processes import Cost, command_of, cost_of_tree
from marhaba.control.client import ControlClient
from marhaba.kernel.errors import MarhabaError
from marhaba.sip.digest import ha1

DIALLED = "0539000000"
REALM = "bench"
CALLERS_HOST = "127.0.0.2"
"""Callers are the carrier "bench", known by this address; agents register from another one."""
START_S_MAX = 20.0
STOP_S_MAX = 12.0


class CentreStartError(MarhabaError):
    """The centre ended or stayed silent instead of answering."""

    code = "no-start"


@dataclass(frozen=True, slots=True)
class CentrePlan:
    """What a bench varies. Agents are ready as soon as their phones register."""

    agents: int = 200
    port: int = 15060
    first_media_port: int = 30000
    workers: int = 1
    port_pairs: int = (
        2000  # a closed leg's port rests for 5 s: fast short calls need more than they hold at once
    )
    recording: str = "none"
    calls_max: int = 2000
    extra: str = ""  # more TOML, at the end


@dataclass(slots=True)
class RunningCentre:
    process: subprocess.Popen[bytes]
    folder: Path
    plan: CentrePlan
    accounts: list[Account]
    start_s: float  # from the command to the first answered OPTIONS

    @property
    def server(self) -> tuple[str, int]:
        return ("127.0.0.1", self.plan.port)

    def cost(self) -> Cost:
        """CPU and memory of the supervisor, the floor and the media workers."""
        return cost_of_tree(self.process.pid)

    def cpu_by_role(self) -> dict[str, float]:
        """CPU seconds of the floor, of all media workers, and of the supervisor."""
        found: dict[str, float] = {}
        for process, cpu_s in self.cost().cpu_s_of.items():
            words = command_of(process)
            role = words[words.index("--role") + 1] if "--role" in words else "supervisor"
            found[role] = found.get(role, 0.0) + cpu_s
        return found

    def worker_figures(self) -> list[dict[str, Any]]:
        """What each media worker last told the floor (at most 5 s ago): media.protocol.WorkerStats by name."""

        async def ask() -> list[dict[str, Any]]:
            client = ControlClient(self.folder / "data" / "run" / "floor.sock")
            await client.connect()
            try:
                return list((await client.ask("board")).data["workers"])
            finally:
                await client.close()

        return asyncio.run(ask())

    def log(self) -> str:
        return (self.folder / "centre.log").read_text(errors="replace")


def centre_text(plan: CentrePlan) -> str:
    """The centre.toml of a bench: one number, one queue, agents who can all take every call."""
    agents = "\n".join(
        f'[agents.a{n:04d}]\nname = "Agent {n}"\nphone = "agent{n:04d}"\nskills = {{ fr = 5 }}\n'
        f'mode = "ring"\nready_on_start = true\n'
        for n in range(plan.agents)
    )
    return f"""
name = "Bench"
country = "MA"
timezone = "Africa/Casablanca"
language = "fr"
realm = "{REALM}"
data_folder = "data"
recordings_folder = "recordings"

[sip]
udp = "127.0.0.1:{plan.port}"
tcp = "127.0.0.1:{plan.port}"
advertised_host = "127.0.0.1"

[media]
workers = {plan.workers}
host = "127.0.0.1"
first_port = {plan.first_media_port}
ports_per_worker = {plan.port_pairs}

[limits]
calls_max = {plan.calls_max}
queue_max = {plan.calls_max}

[calendars.always]
timezone = "Africa/Casablanca"
hours = {{ mon = ["00:00-24:00"], tue = ["00:00-24:00"], wed = ["00:00-24:00"], thu = ["00:00-24:00"], \
fri = ["00:00-24:00"], sat = ["00:00-24:00"], sun = ["00:00-24:00"] }}

[trunks.bench]
host = "{CALLERS_HOST}"
port = 5071
hosts = ["{CALLERS_HOST}"]
keep_alive_s = 0

[queues.bench]
ring_s = 20
wrap_s = 0
announce_position = false
announce_wait = false

[programmes.bench]
client = "Bench"
numbers = ["{DIALLED}"]
calendar = "always"
languages = ["fr"]
default_language = "fr"
menu = false
greeting = []
queue = "bench"
recording = "{plan.recording}"

{agents}
{plan.extra}
"""


def write_centre(folder: Path, plan: CentrePlan, *, text: str = "") -> list[Account]:
    """centre.toml (`text`, or the bench's) and phones.toml; the phones' passwords exist only for this run."""
    (folder / "centre.toml").write_text(text or centre_text(plan))
    accounts = [Account(f"agent{n:04d}", secrets.token_hex(12)) for n in range(plan.agents)]
    lines = [
        f'[phones.{account.user}]\nsha256 = "{ha1(account.user, REALM, account.password)}"\n'
        f'md5 = "{ha1(account.user, REALM, account.password, "MD5")}"\n'
        for account in accounts
    ]
    path = folder / "phones.toml"
    path.touch(mode=0o600)
    path.write_text("\n".join(lines))
    return accounts


@contextlib.contextmanager
def running_centre(folder: Path, plan: CentrePlan, *, text: str = "") -> Iterator[RunningCentre]:
    """Start the centre in `folder`, wait until it answers, and stop it (with all its processes) at the end."""
    accounts = write_centre(folder, plan, text=text)
    command = [sys.executable, "-m", "marhaba", "serve", "--config", str(folder / "centre.toml")]
    began = time.monotonic()
    with (folder / "centre.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)  # noqa: S603 -- our own module
    centre = RunningCentre(process, folder, plan, accounts, start_s=0.0)
    try:
        wait_answers(centre)
        centre.start_s = time.monotonic() - began
        yield centre
    finally:
        _stop(process)


def wait_answers(centre: RunningCentre) -> None:
    """Until OPTIONS is answered (it is, without a password: RFC 3261 section 11)."""
    heard: list[int] = []
    wire = Wire(
        centre.server,
        receive=lambda data, _sock, _ns: heard.append(fields.status if (fields := read(data)) else 0),
    )
    sock = wire.open(CALLERS_HOST, 0)
    host, port = sock.getsockname()
    until = time.monotonic() + START_S_MAX

    def ask() -> None:
        uri = f"sip:{centre.server[0]}:{centre.server[1]}"
        data = request(
            "OPTIONS", uri, via=f"{host}:{port};branch=z9hG4bK{secrets.token_hex(8)};rport",
            from_=f"<sip:bench@{host}>;tag={secrets.token_hex(4)}", to=f"<{uri}>", call_id=secrets.token_hex(8), cseq=1,
        )  # fmt: skip
        wire.send(sock, data)
        wire.later(0.05, ask)

    ask()
    try:
        wire.run(lambda: not any(heard) and centre.process.poll() is None and time.monotonic() < until)
    finally:
        wire.close()
    if not any(heard):
        raise CentreStartError(f"the centre did not answer within {START_S_MAX:g} s:\n{centre.log()[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
