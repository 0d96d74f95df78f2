"""Whole calls against the running programs, heard in the received packets; and the floor killed under them."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from marhaba.cli.bench_centre import RunningCentre
from marhaba.cli.processes import command_of
from marhaba.media.tones import tone_level_db
from marhaba.media.wav import read_channels
from tests.journeys.house import (
    CALLER_HZ,
    FRENCH_HZ,
    SPANISH_HZ,
    ask,
    open_house,
    phones_at,
    records_of,
    tone,
    until,
)

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCentre]:
    with open_house(tmp_path_factory.mktemp("house"), port=16060, media=36000) as running:
        yield running


def test_spanish_is_chosen_by_key_and_both_hear_each_other(house: RunningCentre) -> None:
    async def journey() -> None:
        async with phones_at(house) as phones:
            await phones.agent(0, FRENCH_HZ)
            spanish = await phones.agent(1, SPANISH_HZ)
            caller = await phones.caller()
            call = await caller.call("0539000000", say=tone(CALLER_HZ))
            await call.wait_answered(5)
            await until(lambda: call.audio.statistics().received > 100)  # two seconds of greeting
            call.press("2")
            taken = await spanish.wait_call(15)
            await call.audio.wait_heard(SPANISH_HZ, seconds=10)
            await taken.audio.wait_heard(CALLER_HZ, seconds=10)
            assert call.audio.heard_level_db(FRENCH_HZ) < -40
            await asyncio.sleep(2.0)
            call.hang_up()
            await taken.wait_ended(5)
            assert call.audio.statistics().lost == taken.audio.statistics().lost == 0

    asyncio.run(journey())
    record = list(records_of(house).calls.values())[-1]
    assert (record.outcome, record.language, record.agents) == ("answered", "es", ["agent0001"])
    (path,) = record.recordings
    wait_for(lambda: bool(records_with_recording_ended(house, path)))
    (left, right), _ = read_channels(path)
    assert tone_level_db(left[8000:16000], CALLER_HZ) > -20
    assert tone_level_db(left[8000:16000], SPANISH_HZ) < -40
    assert tone_level_db(right[8000:16000], SPANISH_HZ) > -20
    assert tone_level_db(right[8000:16000], CALLER_HZ) < -40


def records_with_recording_ended(house: RunningCentre, path: str) -> list[str]:
    from contextlib import closing

    from marhaba.journal.journal import Journal

    with closing(Journal(house.folder / "data" / "journal.sqlite", read_only=True)) as journal:
        return [e.data["path"] for e in journal.read(kinds=("recording.ended",)) if e.data["path"] == path]


def wait_for(condition, seconds: float = 10.0) -> None:  # type: ignore[no-untyped-def]
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_hold_is_music_and_a_transfer_by_the_phones_key_changes_the_voice(house: RunningCentre) -> None:
    async def journey() -> None:
        async with phones_at(house) as phones:
            french = await phones.agent(0, FRENCH_HZ)
            spanish = await phones.agent(1, SPANISH_HZ)
            caller = await phones.caller()
            call = await caller.call("0539000001", say=tone(CALLER_HZ))
            taken = await french.wait_call(15)
            await call.audio.wait_heard(FRENCH_HZ, seconds=10)
            assert taken.hold()
            await until(lambda: call.audio.heard_level_db(FRENCH_HZ) < -40)
            await until(lambda: level(call.audio.heard(last_s=0.5)) > -45, what="music")
            assert taken.resume()
            await call.audio.wait_heard(FRENCH_HZ, seconds=10)
            assert taken.transfer("agent0001")
            second = await spanish.wait_call(10)
            await call.audio.wait_heard(SPANISH_HZ, seconds=10)
            await second.audio.wait_heard(CALLER_HZ, seconds=10)
            await taken.wait_ended(5)
            second.hang_up()
            await call.wait_ended(5)

    asyncio.run(journey())
    record = list(records_of(house).calls.values())[-1]
    assert record.agents == ["agent0000", "agent0001"]
    assert record.ended_by == "agent"
    assert records_of(house).reconcile() == []


def level(samples) -> float:  # type: ignore[no-untyped-def]
    from marhaba.media.tones import level_db

    return level_db(samples)


def role(house: RunningCentre, name: str) -> int:
    (pid,) = (p for p in house.cost().cpu_s_of if name in command_of(p)[-4:] or f"{name}" in command_of(p))
    return pid


def test_the_floor_is_killed_and_nobody_who_talks_notices(house: RunningCentre) -> None:
    async def journey() -> None:
        async with phones_at(house) as phones:
            french = await phones.agent(0, FRENCH_HZ)
            caller = await phones.caller()
            talks = await caller.call("0539000001", say=tone(CALLER_HZ))
            taken = await french.wait_call(15)
            await talks.audio.wait_heard(FRENCH_HZ, seconds=10)
            first = await caller.call("0539000001")
            await first.wait_answered(5)
            second = await caller.call("0539000001")
            await second.wait_answered(5)
            before = talks.audio.statistics()
            os.kill(role(house, "floor"), signal.SIGKILL)
            heard: list[float] = []
            for _ in range(10):  # through the gap and beyond
                await asyncio.sleep(0.3)
                heard.append(talks.audio.heard_level_db(FRENCH_HZ, last_s=0.2))
                heard.append(taken.audio.heard_level_db(CALLER_HZ, last_s=0.2))
            assert min(heard) > -20
            after = talks.audio.statistics()
            assert after.lost == before.lost
            assert after.received - before.received > 100
            talks.hang_up()
            await taken.wait_ended(10)
            third = await french.wait_call(15)  # the first who waited
            await first.audio.wait_heard(FRENCH_HZ, seconds=10)
            assert second.audio.heard_level_db(FRENCH_HZ) < -25  # music at most
            third.hang_up()
            await first.wait_ended(10)
            fourth = await french.wait_call(15)
            await second.audio.wait_heard(FRENCH_HZ, seconds=10)
            second.hang_up()
            await fourth.wait_ended(10)

    count = len(records_of(house).calls)
    asyncio.run(journey())
    records = records_of(house)
    new = list(records.calls.values())[count:]
    assert [(record.outcome, len(record.visits), len(record.parts)) for record in new] == [
        ("answered", 1, 1)
    ] * 3
    assert records.reconcile() == []


def test_a_media_worker_is_killed_and_the_next_call_works(house: RunningCentre) -> None:
    async def journey() -> None:
        async with phones_at(house) as phones:
            french = await phones.agent(0, FRENCH_HZ)
            caller = await phones.caller()
            call = await caller.call("0539000001", say=tone(CALLER_HZ))
            taken = await french.wait_call(15)
            await call.audio.wait_heard(FRENCH_HZ, seconds=10)
            await asyncio.sleep(3.5)  # two whole seconds are on the disk, and part of the last
            os.kill(role(house, "media"), signal.SIGKILL)
            await call.wait_ended(10)
            await taken.wait_ended(10)
            async with asyncio.timeout(20):
                while True:  # the worker opens its ports and the floor meets it again
                    again = await caller.call("0539000001", say=tone(CALLER_HZ))
                    await until(lambda again=again: bool(again.answered_at >= 0 or again.ended_at >= 0))
                    if again.answered_at >= 0:
                        break
                    await asyncio.sleep(0.2)
            second = await french.wait_call(15)
            await again.audio.wait_heard(FRENCH_HZ, seconds=10)
            again.hang_up()
            await second.wait_ended(10)

    asyncio.run(journey())
    records = records_of(house)
    cut = next(r for r in records.calls.values() if r.reason == "media")
    (path,) = cut.recordings
    wait_for(lambda: len(read_channels(path)[0][0]) >= 2 * 8000)
    (left, right), _ = read_channels(path)
    assert tone_level_db(left[4000:12000], CALLER_HZ) > -20
    assert tone_level_db(right[4000:12000], FRENCH_HZ) > -20
    assert Path(path).stat().st_mode & 0o077 == 0
    assert records.reconcile() == []


def test_every_answered_second_was_somebodys(house: RunningCentre) -> None:
    """OPTIONS is answered to the end, and the whole day adds up."""
    options = (
        b"OPTIONS sip:127.0.0.1:16060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9:{port};branch=z9hG4bKlast;rport\r\n"
        b"From: <sip:a@127.0.0.9>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: last\r\nCSeq: 1 OPTIONS\r\n"
        b"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    assert ask(options, house.server, host="127.0.0.9").startswith(b"SIP/2.0 200")
    assert records_of(house).reconcile() == []
