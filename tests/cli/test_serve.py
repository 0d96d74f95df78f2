"""A centre that cannot open says why, at once, and leaves nothing running."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

CENTRE = """\
name = "Voyage"
country = "MA"
timezone = "Africa/Casablanca"
language = "fr"
data_folder = "data"
recordings_folder = "recordings"
[sip]
udp = "127.0.0.1:{port}"
advertised_host = "127.0.0.1"
[media]
host = "127.0.0.1"
first_port = {media}
ports_per_worker = 4
[programmes.accueil]
numbers = ["0539000000"]
calendar = "always"
languages = ["fr"]
queue = "accueil"
[queues.accueil]
"""


def centre(folder: Path, port: int, media: int) -> Path:
    path = folder / "centre.toml"
    path.write_text(CENTRE.format(port=port, media=media))
    return path


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: that of a local socket has 108 characters at most."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def serve(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "marhaba", "serve", "--config", str(path)]
    environment = os.environ | {"MARHABA_LANGUAGE": "es"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_taken_port_is_named_and_nothing_stays(folder: Path) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind(("127.0.0.1", 15811))
        process = serve(centre(folder, 15811, 47600))
        _, told = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "El centro no puede escuchar en 127.0.0.1:15811 (UDP)" in told
    assert "Traceback" not in told
    assert "se reinicia" not in told


@pytest.mark.parametrize("text", ['name = "x"', "name = ["])
def test_a_wrong_file_is_refused_before_anything_starts(folder: Path, text: str) -> None:
    path = folder / "centre.toml"
    path.write_text(text)
    process = serve(path)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "se esperaba" in told
    assert not (folder / "data").exists()


def test_a_second_centre_in_the_same_folder_is_refused_and_the_first_goes_on(folder: Path) -> None:
    path = centre(folder, 15812, 47620)
    first = serve(path)
    try:
        ready = folder / "data" / "run" / "floor.sock"
        deadline = time.monotonic() + 30
        while not ready.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        _, told = serve(path).communicate(timeout=30)
        assert "Ya hay un centro en marcha" in told
        with closing(socket.socket(socket.AF_UNIX)) as floor:
            floor.connect(str(ready))
        assert first.poll() is None
    finally:
        first.send_signal(signal.SIGTERM)
        _, told = first.communicate(timeout=20)
    assert first.returncode == 0, told
    assert "Traceback" not in told
