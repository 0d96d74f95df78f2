"""Runs a command beside a PostgreSQL of its own, which is gone afterwards: `python -m tests.web.postgresql pytest tests/web`.

It listens on a local socket only. `MARHABA_DATABASE` tells the command's settings where it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

OWNER = "postgres"
"""PostgreSQL refuses to run for root; Debian's package makes this user."""


def binaries() -> Path:
    """Where Debian keeps the newest one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        sys.exit("There is no PostgreSQL in /usr/lib/postgresql: install Debian's package postgresql.")
    return found[-1]


def as_owner(*command: str) -> list[str]:
    return ["runuser", "-u", OWNER, "--", *command] if os.geteuid() == 0 else list(command)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def cluster() -> Iterator[str]:
    """The URL of an empty database."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    data, tools = folder / "data", binaries()
    if os.geteuid() == 0:
        shutil.chown(folder, OWNER)
    initdb = as_owner(
        str(tools / "initdb"), "-D", str(data), "-U", "marhaba", "-A", "trust", "-E", "UTF8", "-N"
    )
    control = as_owner(str(tools / "pg_ctl"), "-D", str(data), "-w")
    settings = f"-c listen_addresses='' -c fsync=off -c unix_socket_directories={folder}"
    try:
        _run(initdb)
        _run([*control, "-o", settings, "-l", str(folder / "log"), "start"])
        try:
            yield f"postgresql://marhaba@/postgres?host={quote(str(folder))}"
        finally:
            _run([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    with cluster() as url:
        sys.exit(
            subprocess.run(sys.argv[1:], env=os.environ | {"MARHABA_DATABASE": url}, check=False).returncode
        )
