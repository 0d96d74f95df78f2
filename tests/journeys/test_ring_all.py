"""A team whose phones all ring at once, over real sockets: one has the caller, the others are told so."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from marhaba.cli.bench_centre import RunningCentre
from marhaba.simulator.phones import CallState, PhoneCall
from tests.journeys.house import CALLER_HZ, TEXT, open_house, phones_at, records_of, tone, until
from tests.journeys.test_day import role

pytestmark = pytest.mark.journey

DIRECT = "0539000001"
VOICES = (600.0, 900.0, 1300.0)
TEAM = TEXT.replace("[queues.francais]\n", '[queues.francais]\nstrategy = "ring-all"\n')
for skills in ("es", "en"):  # all of them speak French, and come to work
    TEAM = TEAM.replace(f"skills = {{{{ {skills} = 9 }}}}", f"skills = {{{{ fr = 9, {skills} = 9 }}}}")
TEAM = TEAM.replace('phone = "agent0002"', 'phone = "agent0002"\nready_on_start = true')


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCentre]:
    with open_house(tmp_path_factory.mktemp("team"), port=16095, media=35000, text=TEAM) as running:
        yield running


def test_the_first_who_answers_has_the_caller_and_the_others_hear_that_they_missed_nothing(
    house: RunningCentre,
) -> None:
    async def journey() -> None:
        async with phones_at(house) as phones:
            team = [await phones.agent(number, hz, by_hand=True) for number, hz in enumerate(VOICES)]
            caller = await phones.caller()
            for winner in (1, 0, 2):  # whoever it is, the others ring for the next one again
                call = await caller.call(DIRECT, say=tone(CALLER_HZ))
                rings = [await phone.wait_call(15) for phone in team]
                await asyncio.sleep(0.3)
                rings[winner].audio.say(tone(VOICES[winner]))
                assert rings[winner].answer()
                await call.audio.wait_heard(VOICES[winner], seconds=10)
                await rings[winner].audio.wait_heard(CALLER_HZ, seconds=10)
                for number, ring in enumerate(rings):
                    if number != winner:
                        await ring.wait_ended(5)
                        assert (ring.status, ring.reason) == (487, "elsewhere")
                        assert call.audio.heard_level_db(VOICES[number]) < -40
                call.hang_up()
                await rings[winner].wait_ended(5)

    asyncio.run(journey())
    new = list(records_of(house).calls.values())[-3:]
    assert [record.agents for record in new] == [["agent0001"], ["agent0000"], ["agent0002"]]
    assert [(record.outcome, len(record.visits), record.missed) for record in new] == [("answered", 1, 0)] * 3
    assert records_of(house).reconcile() == []


def test_phones_that_answer_at_the_same_time_leave_the_caller_with_one(house: RunningCentre) -> None:
    async def journey() -> None:
        async with phones_at(house) as phones:
            team = [await phones.agent(number, hz, by_hand=True) for number, hz in enumerate(VOICES)]
            caller = await phones.caller()
            call = await caller.call(DIRECT, say=tone(CALLER_HZ))
            rings = [await phone.wait_call(15) for phone in team]
            for ring, hz in zip(rings, VOICES, strict=True):
                ring.audio.say(tone(hz))
                assert ring.answer()  # three answers on their way before the house has read the first
            await until(lambda: sum(ring.state is CallState.ENDED for ring in rings) == 2)
            (talks,) = (number for number, ring in enumerate(rings) if ring.state is CallState.TALKING)
            await call.audio.wait_heard(VOICES[talks], seconds=10)
            await asyncio.sleep(1.0)
            others = [hz for number, hz in enumerate(VOICES) if number != talks]
            assert max(call.audio.heard_level_db(hz) for hz in others) < -40
            assert {ring.reason for ring in rings if ring.state is CallState.ENDED} == {"bye"}
            call.hang_up()
            await rings[talks].wait_ended(5)

    asyncio.run(journey())
    record = list(records_of(house).calls.values())[-1]
    assert (record.outcome, len(record.agents), record.missed) == ("answered", 1, 0)


def test_a_caller_who_gives_up_silences_them_all(house: RunningCentre) -> None:
    async def journey() -> None:
        async with phones_at(house) as phones:
            team = [await phones.agent(number, hz, by_hand=True) for number, hz in enumerate(VOICES)]
            caller = await phones.caller()
            call = await caller.call(DIRECT)
            rings = [await phone.wait_call(15) for phone in team]
            call.hang_up()
            for ring in rings:
                await ring.wait_ended(5)
                assert (ring.status, ring.reason) == (487, "cancel")

    asyncio.run(journey())
    record = list(records_of(house).calls.values())[-1]
    assert (record.outcome, record.missed) == ("abandoned", 0)


def test_the_floor_is_killed_while_they_ring_and_one_of_them_answers(house: RunningCentre) -> None:
    async def journey() -> None:
        async with phones_at(house) as phones:
            team = [await phones.agent(number, hz, by_hand=True) for number, hz in enumerate(VOICES)]
            caller = await phones.caller()
            call = await caller.call(DIRECT, say=tone(CALLER_HZ))
            rings: list[PhoneCall] = [await phone.wait_call(15) for phone in team]
            os.kill(role(house, "floor"), signal.SIGKILL)
            await asyncio.sleep(2.0)
            assert [ring.state for ring in rings] == [CallState.RINGING] * 3
            rings[2].audio.say(tone(VOICES[2]))
            assert rings[2].answer()
            await call.audio.wait_heard(VOICES[2], seconds=15)
            for ring in rings[:2]:
                await ring.wait_ended(10)
                assert ring.reason == "elsewhere"
            call.hang_up()
            await rings[2].wait_ended(10)

    asyncio.run(journey())
    record = list(records_of(house).calls.values())[-1]
    assert (record.outcome, record.agents, len(record.visits)) == ("answered", ["agent0002"], 1)
    assert records_of(house).reconcile() == []
