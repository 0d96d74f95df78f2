"""The pages of a small centre in a process of their own, as people get them."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

TEXT = """\
name = "Voyage"
country = "MA"
timezone = "Africa/Casablanca"
data_folder = "data"
[sip]
udp = "127.0.0.1:5060"
[web]
listen = "127.0.0.1:{port}"
[programmes.accueil]
numbers = ["0539000000"]
calendar = "always"
languages = ["fr"]
queue = "accueil"
[queues.accueil]
skills = {{ informatique = 3 }}
relax = [{{ after_s = "40 s", levels = {{ language = 0 }} }}]
[agents.amal]
name = "Amal Bennis"
skills = {{ fr = 9, ar = 10, informatique = 4 }}
[calendars.bureau]
hours = {{ mon = ["08:30-12:30", "14:00-18:30"], tue = ["08:30-18:30"], fri = ["22:00-06:00"] }}
holidays = ["morocco", {{ date = "2027-03-10", hours = ["09:00-12:00"] }}]
[pause_codes]
lunch = "Déjeuner"
"""
START_S = 60.0


@dataclass(frozen=True, slots=True)
class Pages:
    config: Path
    address: str
    first: str  # the link that makes the administrator

    def link(self, user: str) -> str:
        """A link for somebody who has lost his password."""
        return marhaba("link", "--config", str(self.config), "--user", user).strip()

    def audit(self) -> str:
        return marhaba("audit", "--config", str(self.config))


def marhaba(*words: str) -> str:
    command = [sys.executable, "-m", "marhaba", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=START_S).stdout


@contextmanager
def running_pages(folder: Path) -> Iterator[Pages]:
    port = free_port()
    config = folder / "centre.toml"
    config.write_text(TEXT.format(port=port), "utf-8")
    command = [sys.executable, "-m", "marhaba", "serve", "--config", str(config), "--role", "web"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as web:
        try:
            assert web.stdout is not None
            assert web.stdout.readline() != ""
            first = web.stdout.readline().strip()
            wait_open(port)
            yield Pages(config, f"http://localhost:{port}", first)
        finally:
            web.terminate()
    assert web.returncode == -signal.SIGTERM


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_open(port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("the pages do not open")
