"""`marhaba doctor`: what would keep a call from being taken, and what to do about it, in the reader's language.

Each check returns a `Finding`; the texts are in `words.toml` under `doctor.<check>.<verdict>`.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import os
import resource
import shutil
import socket
import sqlite3
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from marhaba.centre import Centre, CentreError, load_centre
from marhaba.cli.house import add_house, config_path
from marhaba.cli.words import reader_language, say
from marhaba.control.client import ControlClient
from marhaba.media.library import PromptLibrary

Verdict = Literal["good", "warn", "bad"]
MARK = {"good": "[green]✓[/]", "warn": "[yellow]![/]", "bad": "[red]✗[/]"}
DISK_GIB_MIN = 2.0
"""Below this a day of recordings (200 calls at once write 11 GB in 10 hours) may fill the disk."""
PROBE_S = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    verdict: Verdict
    about: dict[str, Any] = field(default_factory=dict)
    case: str = ""  # which text, when a verdict has several

    def text(self, language: str) -> str:
        return say(f"doctor.{self.check}.{self.case or self.verdict}", language).format(**self.about)

    def as_json(self, language: str) -> dict[str, Any]:
        return {
            "check": self.check,
            "verdict": self.verdict,
            "case": self.case,
            "about": {n: v if isinstance(v, int | float) else str(v) for n, v in self.about.items()},
            "text": self.text(language),
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_house(parser)
    parser.add_argument("--json", action="store_true")


def run(arguments: argparse.Namespace) -> int:
    language = reader_language()
    findings = list(examine(config_path(arguments)))
    status = 1 if any(f.verdict == "bad" for f in findings) else 0
    if arguments.json:
        for finding in findings:
            print(json.dumps(finding.as_json(language), ensure_ascii=False))
        return status
    table = Table(box=None, show_header=False, padding=(0, 1))
    for finding in findings:
        table.add_row(MARK[finding.verdict], Text(finding.text(language)))
    Console().print(table)
    return status


def examine(path: Path) -> Iterator[Finding]:
    """All checks, the ones that need a configuration only when it can be read."""
    yield _sqlite()
    yield _files()
    yield _clock()
    if not path.exists():
        yield Finding("config", "warn", {"path": path}, "absent")
        return
    try:
        centre = load_centre(path)
    except CentreError as wrong:
        yield Finding("config", "bad", {"path": path, "problems": str(wrong)})
        return
    yield Finding("config", "good", {"path": path})
    board = _board(centre)
    for check in (_disk, _secrets, _address, _calendars, _prompts):
        yield from check(centre)
    yield from _ports(centre, running=board is not None)
    yield from _trunks(centre, board)


def _sqlite() -> Finding:
    version = sqlite3.sqlite_version_info
    # https://sqlite.org/wal.html#walresetbug: fixed in 3.51.3; our single writer does not meet it.
    verdict: Verdict = "good" if version >= (3, 51, 3) else "warn"
    return Finding("sqlite", verdict, {"version": sqlite3.sqlite_version})


def _files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    verdict: Verdict = "good" if hard >= 4_096 else "bad"
    return Finding("files", verdict, {"soft": soft, "hard": hard})


def _clock() -> Finding:
    """Is the system clock kept by somebody? Records, opening hours and digests of nonces hang on it."""
    kept = (
        Path("/run/systemd/timesync/synchronized").exists()
        or Path("/run/chrony").exists()
        or Path("/var/lib/ntp").exists()
    )
    sane = time.time() > 1_760_000_000  # this software is younger than that
    if not sane:
        return Finding("clock", "bad", {"now": time.strftime("%Y-%m-%d %H:%M")})
    return Finding("clock", "good" if kept else "warn", {"now": time.strftime("%Y-%m-%d %H:%M")})


def _disk(centre: Centre) -> Iterator[Finding]:
    folder = centre.recordings_folder
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 2**30
    verdict: Verdict = "good" if free >= DISK_GIB_MIN else "bad"
    yield Finding("disk", verdict, {"free": f"{free:.1f}", "path": folder})
    if not os.access(folder, os.W_OK):
        yield Finding("disk", "bad", {"free": f"{free:.1f}", "path": folder}, "closed")


def _secrets(centre: Centre) -> Iterator[Finding]:
    path = centre.phones_file
    if not path.exists():
        yield Finding("secrets", "warn", {"path": path}, "absent")
    elif stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding("secrets", "bad", {"path": path})
    else:
        yield Finding("secrets", "good", {"path": path})


def _address(centre: Centre) -> Iterator[Finding]:
    """The address written into SDP must be one that callers can reach: the first wall for a small shop."""
    try:
        host = ipaddress.ip_address(centre.sip.advertised_host)
    except ValueError:
        yield Finding("address", "bad", {"host": centre.sip.advertised_host}, "name")
        return
    if host.is_loopback:
        yield Finding("address", "warn", {"host": host}, "loopback")
    elif str(host) in _own_addresses():
        case = "private" if host.is_private else "good"
        yield Finding("address", "warn" if host.is_private else "good", {"host": host}, case)
    else:
        yield Finding("address", "warn", {"host": host, "own": ", ".join(sorted(_own_addresses()))}, "nat")


def _own_addresses() -> set[str]:
    """Addresses of this machine; the socket trick finds the one used towards the world without sending anything."""
    found = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            found.add(probe.getsockname()[0])
        except OSError:
            pass  # no route at all: only the loopback is left
    return {str(address) for address in found}


def _calendars(centre: Centre) -> Iterator[Finding]:
    now = time.time()
    for programme in centre.programmes.values():
        if programme.calendar.open_at(now):
            yield Finding("hours", "good", {"programme": programme.name})
        else:
            opening = programme.calendar.next_opening(now)
            when = "?" if opening is None else _wall(opening, programme.calendar.zone)
            yield Finding("hours", "warn", {"programme": programme.name, "opening": when})


def _prompts(centre: Centre) -> Iterator[Finding]:
    """What is found nowhere is left out while callers listen, so it must be looked for before."""
    library = PromptLibrary(centre.prompts_folder)
    for programme in centre.programmes.values():
        library.paths([*programme.greeting, *programme.closed_prompts], programme.default_language)
    for queue in centre.queues.values():
        library.paths(queue.comfort, centre.language)
        library.music(queue.music)
    names = sorted({name for _, name in library.missing})
    yield Finding("prompts", "warn" if names else "good", {"names": ", ".join(names)})


def _wall(at: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M")


def _ports(centre: Centre, *, running: bool) -> Iterator[Finding]:
    if running:
        yield Finding("ports", "good", {"port": centre.sip.udp_port}, "running")
        return
    probes: list[tuple[str, int, int]] = [("UDP", socket.SOCK_DGRAM, centre.sip.udp_port)]
    if centre.sip.tcp_port:
        probes.append(("TCP", socket.SOCK_STREAM, centre.sip.tcp_port))
    probes.append(("UDP", socket.SOCK_DGRAM, centre.media.first_port))
    for name, kind, port in probes:
        try:
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind((centre.sip.host, port))
        except OSError as why:
            yield Finding("ports", "bad", {"port": port, "transport": name, "why": why.strerror})
        else:
            yield Finding("ports", "good", {"port": port, "transport": name})


def _trunks(centre: Centre, board: dict[str, Any] | None) -> Iterator[Finding]:
    if not centre.trunks:
        yield Finding("trunk", "warn", {}, "none")
    for trunk in centre.trunks.values():
        if board is not None:
            up = board["trunks"].get(trunk.name)
            verdict: Verdict = "warn" if up is None else "good" if up else "bad"
            why = board["alarms"].get(f"trunk:{trunk.name}", "")
            case = "unknown" if up is None else ""
            yield Finding("trunk", verdict, {"name": trunk.name, "host": trunk.host, "why": why}, case)
        else:
            yield _probe_trunk(trunk.name, trunk.host, trunk.port)


def _probe_trunk(name: str, host: str, port: int) -> Finding:
    """OPTIONS over UDP, once: any answer means that the carrier sees us."""
    about = {"name": name, "host": host, "why": ""}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(PROBE_S)
        try:
            probe.connect((socket.gethostbyname(host), port))
            own, own_port = probe.getsockname()[:2]
            probe.send(
                (
                    f"OPTIONS sip:{host}:{port} SIP/2.0\r\n"
                    f"Via: SIP/2.0/UDP {own}:{own_port};branch=z9hG4bKdoctor{os.getpid()};rport\r\n"
                    f"Max-Forwards: 70\r\nFrom: <sip:doctor@{own}>;tag=d{os.getpid()}\r\nTo: <sip:{host}>\r\n"
                    f"Call-ID: doctor-{os.getpid()}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
                ).encode()
            )
            answer = probe.recv(2048)
        except OSError as why:
            return Finding("trunk", "bad", about | {"why": str(why)})
    return Finding("trunk", "good", about | {"why": answer.split(b"\r\n", 1)[0].decode("ascii", "replace")})


def _board(centre: Centre) -> dict[str, Any] | None:
    """The running floor's board, or None when none runs."""

    async def ask() -> dict[str, Any]:
        client = ControlClient(centre.data_folder / "run" / "floor.sock")
        await client.connect()
        reply = await client.ask("board")
        await client.close()
        return dict(reply.data)

    try:
        return asyncio.run(ask())
    except OSError:
        return None
