"""`marhaba demo`: the sample centre "Tanger", alive at once: simulated callers and agents over real SIP and RTP.

The demo is three processes beside the terminal: the centre (`marhaba serve`), the people (`simulator.crowd`), and
the board. A real phone can dial in beside the simulated ones.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from marhaba.centre import Centre, load_centre
from marhaba.centre.secrets import add_phone
from marhaba.cli.house import DEMO_FOLDER
from marhaba.cli.options import number, whole
from marhaba.cli.top import watch
from marhaba.cli.words import reader_language, say
from marhaba.floor.floor_lock import FloorLock
from marhaba.kernel.errors import Refused

LOG_LINES = 8
START_S = 15.0
"""A warm machine needs three seconds; a cold one reads 200 MB of packages first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, default=DEMO_FOLDER)
    parser.add_argument("--calls-per-minute", type=number(), default=12.0)
    parser.add_argument("--seed", type=whole(), default=2009)
    parser.add_argument("--no-board", action="store_true")
    parser.add_argument("--minutes", type=number(), default=0.0)


def run(arguments: argparse.Namespace) -> int:
    language = reader_language()
    config = prepare(arguments.folder)
    centre = load_centre(config)
    with FloorLock(centre.data_folder):
        pass  # nobody else has it open
    base = [sys.executable, "-m", "marhaba"]
    log = (arguments.folder / "demo.log").open("ab")
    house = subprocess.Popen(  # noqa: S603 -- our own command
        [*base, "serve", "--config", str(config)], stdout=log, stderr=log, start_new_session=True
    )
    people: subprocess.Popen[bytes] | None = None
    for name in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal closes the centre too
        signal.signal(name, signal.default_int_handler)
    try:
        _wait_ready(centre, house, arguments.folder / "demo.log")
        people = subprocess.Popen(  # noqa: S603 -- our own command
            [
                sys.executable,
                "-m",
                "marhaba.simulator.crowd",
                str(arguments.folder / "crowd.json"),
                str(arguments.calls_per_minute),
                str(arguments.seed),
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        _say_where(centre, language)
        pages = pages_of(centre, config, language)
        print(pages, flush=True)
        _stay(centre, arguments, footer=f"{tip(centre, language)}\n{pages}")
    except KeyboardInterrupt:
        pass
    finally:
        for process in (people, house):
            if process is not None:
                process.send_signal(signal.SIGTERM)
        for process in (people, house):
            if process is not None:
                process.wait(20)
        log.close()
    print(say("demo.bye", language).format(folder=arguments.folder))
    return 0


def prepare(folder: Path) -> Path:
    """Write the demo's centre.toml once; passwords of its phones are made on this machine, never shipped."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = folder / "centre.toml"
    if not config.exists():
        with resources.as_file(resources.files("marhaba.centre").joinpath("sample.toml")) as sample:
            shutil.copyfile(sample, config)
    from marhaba.simulator.crowd import write_crowd

    crowd = folder / "crowd.json"
    if not crowd.exists():
        centre = load_centre(config)
        secrets = config.with_name("phones.toml")
        passwords = {
            a.phone: add_phone(secrets, a.phone, centre.realm) for a in centre.agents.values() if a.phone
        }
        centre = load_centre(config)
        write_crowd(
            crowd,
            server=(centre.sip.advertised_host, centre.sip.udp_port),
            agents={
                a.phone: (passwords[a.phone], sorted(_languages(a.skills)))
                for a in centre.agents.values()
                if a.phone
            },
            numbers={n: list(p.menu_digits) for p in centre.programmes.values() for n in p.numbers[:1]},
        )
    return config


def _languages(skills: Mapping[str, int]) -> list[str]:
    return [name.removeprefix("lang:") for name in skills if name.startswith("lang:")]


def _wait_ready(centre: Centre, house: subprocess.Popen[bytes], log: Path) -> None:
    path = centre.data_folder / "run" / "floor.sock"
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if house.poll() is not None:
            raise _no_start(log)
        if _answers(path):
            return
        time.sleep(0.05)
    raise _no_start(log)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False  # none yet, or one that a crash left behind
    return True


def _no_start(log: Path) -> Refused:
    tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-LOG_LINES:])
    return Refused(say("demo.no-start", reader_language()).format(log=log, tail=tail), code="no-start")


def _say_where(centre: Centre, language: str) -> None:
    number = next(iter(centre.numbers))
    print(say("demo.opens", language))
    print(
        say("demo.address", language).format(
            number=number, host=centre.sip.advertised_host, port=centre.sip.udp_port
        )
    )
    print(tip(centre, language), flush=True)


def pages_of(centre: Centre, config: Path, language: str) -> str:
    """Where the pages are; and until somebody has used it, the link that makes the administrator."""
    if centre.web is None:
        return ""
    made = subprocess.run(  # noqa: S603 -- our own command
        [sys.executable, "-m", "marhaba", "link", "--config", str(config)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode == 0:
        return say("web.first", language).format(link=made.stdout.strip())
    return say("web.address", language).format(address=centre.web.address)


def tip(centre: Centre, language: str) -> str:
    """What to type in another terminal: this very command, with `call`."""
    command = sys.argv[0] if Path(sys.argv[0]).name == "marhaba" else "marhaba"
    number = next(iter(centre.numbers))
    return say("demo.try", language).format(command=f"{command} call --to {number} --press 2@6s")


def _stay(centre: Centre, arguments: argparse.Namespace, *, footer: str) -> None:
    seconds = arguments.minutes * 60 or None
    if arguments.no_board or not sys.stdout.isatty():
        time.sleep(seconds if seconds is not None else 10**9)
        return

    floor = centre.data_folder / "run" / "floor.sock"

    async def board() -> None:
        await asyncio.wait_for(watch(floor, footer=footer), seconds)

    try:
        asyncio.run(board())
    except TimeoutError:
        pass
