"""A phone by another hand, PJSIP, as caller and as agents: keys, hold, transfer, mu-law."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from marhaba.cli.bench_centre import RunningCentre
from marhaba.media.tones import level_db, make_tone, tone_level_db
from marhaba.media.wav import WavWriter, read_channels
from tests.journeys.house import CALLER_HZ, FRENCH_HZ, SPANISH_HZ, open_house, records_of

pytestmark = pytest.mark.journey
pytest.importorskip("pjsua2")

PHONE = Path(__file__).with_name("pj_phone.py")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCentre]:
    with open_house(tmp_path_factory.mktemp("house"), port=16080, media=39000) as running:
        yield running


class PjPhone:
    """The process of one phone."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.heard_path = folder / f"heard-{options['port']}.wav"
        hz = options.pop("hz")
        if hz:
            options["say"] = str(tone_file(folder, hz))
        options["save"] = str(self.heard_path)
        self.process = subprocess.Popen(
            [sys.executable, str(PHONE), json.dumps(options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.events: list[dict[str, Any]] = []

    def wait_for(self, event: str) -> dict[str, Any]:
        """The next such event; fails when the phone ends without it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                self.events.append(json.loads(line))
                if self.events[-1]["event"] == event:
                    return self.events[-1]
        raise AssertionError(f"no {event!r} in {self.events}")

    def end(self) -> None:
        self.wait_for("end")
        self.process.communicate(timeout=10)

    def of(self, event: str) -> list[dict[str, Any]]:
        return [each for each in self.events if each["event"] == event]

    def heard(self) -> np.ndarray:
        (samples,), rate = read_channels(self.heard_path)
        assert rate == 8000
        return samples


def tone_file(folder: Path, hz: float) -> Path:
    path = folder / f"{hz:g}.wav"
    if not path.exists():
        from marhaba.media import g711

        writer = WavWriter(str(path), channels=1)
        writer.append(g711.encode(make_tone(hz, seconds=40.0), g711.A_LAW).tobytes())
        writer.close()
    return path


def loudest(samples: np.ndarray, hz: float) -> float:
    """The level of a tone in the half second where it is loudest."""
    halves: Sequence[np.ndarray] = [
        samples[at : at + 4000] for at in range(0, max(len(samples) - 4000, 1), 4000)
    ]
    return max(tone_level_db(half, hz) for half in halves)


def agent(house: RunningCentre, folder: Path, number: int, port: int, hz: float, **more: Any) -> PjPhone:
    account = house.accounts[number]
    server = f"{house.server[0]}:{house.server[1]}"
    phone = PjPhone(
        folder,
        port=port,
        host="127.0.0.1",
        user=account.user,
        password=account.password,
        server=server,
        hz=hz,
        **more,
    )
    assert phone.wait_for("registered")["status"] == 200
    return phone


def caller(house: RunningCentre, folder: Path, dialled: str, port: int, **more: Any) -> PjPhone:
    number, _, params = dialled.partition(";")
    uri = f"sip:{number}@{house.server[0]}:{house.server[1]}" + (f";{params}" if params else "")
    phone = PjPhone(folder, port=port, host="127.0.0.2", dial=uri, hz=CALLER_HZ, **more)
    phone.wait_for("ready")
    return phone


def test_a_wrong_password_is_told_so(house: RunningCentre, tmp_path: Path) -> None:
    server = f"{house.server[0]}:{house.server[1]}"
    phone = PjPhone(tmp_path, port=16081, user="agent0000", password="wrong", server=server, hz=0, seconds=2)
    assert phone.wait_for("not-registered")["status"] in (401, 403)
    phone.end()


def test_spanish_by_key_hold_and_transfer(house: RunningCentre, tmp_path: Path) -> None:
    spanish = agent(
        house,
        tmp_path,
        1,
        16082,
        SPANISH_HZ,
        seconds=20,
        hold_s=[2.0, 5.0],
        transfer=["sip:agent0000@127.0.0.1:16080", 7.0],
    )
    french = agent(house, tmp_path, 0, 16083, FRENCH_HZ, seconds=20)
    call = caller(house, tmp_path, "0539000000", 16084, press=[["2", 4.0]], seconds=18)
    spanish.wait_for("incoming")
    french.wait_for("incoming")
    for phone in (call, spanish, french):
        phone.end()
    heard = call.heard()
    assert loudest(heard, SPANISH_HZ) > -20
    assert loudest(heard, FRENCH_HZ) > -20
    assert loudest(spanish.heard(), CALLER_HZ) > -20
    assert loudest(french.heard(), CALLER_HZ) > -20
    assert level_db(heard[8000:24000]) > -40  # the greeting
    assert [each["lost"] for each in call.of("rtp")] in ([], [0])
    record = list(records_of(house).calls.values())[-1]
    assert (record.language, record.agents) == ("es", ["agent0001", "agent0000"])
    assert record.parts[0].hold_s == pytest.approx(3.0, abs=0.7)
    assert records_of(house).reconcile() == []


def test_mu_law_speaks_with_a_law(house: RunningCentre, tmp_path: Path) -> None:
    french = agent(house, tmp_path, 0, 16085, FRENCH_HZ, seconds=12)
    call = caller(house, tmp_path, "0539000001", 16086, seconds=7, codec="PCMU")
    french.wait_for("incoming")
    call.end()
    french.end()
    assert loudest(call.heard(), FRENCH_HZ) > -20
    assert loudest(french.heard(), CALLER_HZ) > -20


def test_a_call_over_tcp_from_end_to_end(house: RunningCentre, tmp_path: Path) -> None:
    french = agent(house, tmp_path, 0, 16085, FRENCH_HZ, seconds=14, transport="tcp")
    call = caller(house, tmp_path, "0539000001;transport=tcp", 16086, seconds=10, transport="tcp")
    french.wait_for("incoming")
    for phone in (call, french):
        phone.end()
    assert loudest(call.heard(), FRENCH_HZ) > -20
    assert loudest(french.heard(), CALLER_HZ) > -20
    assert records_of(house).reconcile() == []
