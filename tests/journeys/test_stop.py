"""A centre that is closed in order tells everybody, and its records end with it."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.journeys.house import CALLER_HZ, FRENCH_HZ, open_house, phones_at, records_of, tone

pytestmark = pytest.mark.journey


def test_a_centre_that_closes_ends_its_calls_and_keeps_nobody_on_a_dead_line(tmp_path: Path) -> None:
    async def journey() -> None:
        async with phones_at(house) as phones:
            french = await phones.agent(0, FRENCH_HZ)
            caller = await phones.caller()
            talks = await caller.call("0539000001", say=tone(CALLER_HZ))
            taken = await french.wait_call(15)
            await talks.audio.wait_heard(FRENCH_HZ, seconds=10)
            waits = await caller.call("0539000001")
            await waits.wait_answered(5)
            house.process.send_signal(signal.SIGTERM)
            for line in (talks, taken, waits):
                await line.wait_ended(5)
                assert line.ended_by == "remote"

    with open_house(tmp_path, port=16090, media=39000) as house:
        asyncio.run(journey())
        assert house.process.wait(15) == 0
        records = records_of(house)
    assert [call.ended_at > 0 for call in records.calls.values()] == [True, True]
    first, second = records.calls.values()
    assert first.outcome == "answered"
    assert second.outcome.startswith("abandoned")
    assert {call.reason for call in records.calls.values()} == {"stopped"}
    assert records.reconcile() == []
