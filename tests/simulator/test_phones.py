"""Two software phones call each other over real SIP and RTP on loopback."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from marhaba.media.tones import make_tone
from marhaba.simulator.phone_audio import Ticker
from marhaba.simulator.phones import Answering, CallError, CallState, Phone, PhoneSettings, Reaction
from marhaba.sip.events import Party

ONE_HOST, OTHER_HOST = "127.0.0.32", "127.0.0.33"
ONE_PORT, OTHER_PORT = 15532, 15533
AT_ONCE = (0.0, 0.0)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def guarded() -> None:
        async with asyncio.timeout(30):
            await test()

    asyncio.run(guarded())


@asynccontextmanager
async def two(answering: Answering | None = None) -> AsyncIterator[tuple[Phone, Phone]]:
    """Each is the other's centre: it believes INVITEs from that address alone."""
    one = PhoneSettings(user="0600000001", server=(OTHER_HOST, OTHER_PORT), host=ONE_HOST, port=ONE_PORT)
    other = PhoneSettings(user="desk", server=(ONE_HOST, ONE_PORT), host=OTHER_HOST, port=OTHER_PORT)
    async with (
        Ticker() as ticker,
        Phone(one, ticker, random.Random(1)) as caller,
        Phone(other, ticker, random.Random(2), answering=answering) as callee,
    ):
        yield caller, callee


def test_a_call_is_answered_heard_both_ways_and_ended_by_the_caller() -> None:
    async def test() -> None:
        async with two() as (caller, callee):
            call = await caller.call("desk", say=make_tone(440, seconds=5, level=-12))
            ringing = await callee.wait_call()
            assert (ringing.number, ringing.state) == ("0600000001", CallState.RINGING)
            await call.wait_ringing(5)
            ringing.audio.say(make_tone(700, seconds=5, level=-12))
            assert ringing.answer()
            await call.wait_answered(5)
            assert await call.audio.wait_heard(700, level_db=-14) == pytest.approx(-12, abs=1)
            assert await ringing.audio.wait_heard(440, level_db=-14) == pytest.approx(-12, abs=1)
            assert call.hang_up()
            await ringing.wait_ended(5)
            await call.wait_ended(5)
            assert (ringing.ended_by, call.ended_by) == ("remote", "local")
            assert (call.statistics().lost, ringing.statistics().lost) == (0, 0)
            assert (caller.calls, callee.calls) == ({}, {})

    run(test)


def test_the_number_shown_is_the_one_the_caller_gives() -> None:
    async def test() -> None:
        async with two() as (caller, callee):
            await caller.call("desk", caller=Party("0612345678", "Salma"))
            assert (await callee.wait_call()).number == "0612345678"

    run(test)


@pytest.mark.parametrize(
    ("reaction", "status"), [(Reaction.BUSY, 486), (Reaction.REJECT, 603)], ids=["busy", "rejected"]
)
def test_a_refused_call_says_why(reaction: Reaction, status: int) -> None:
    async def test() -> None:
        async with two(Answering(ring_s=AT_ONCE, reaction=lambda _: reaction)) as (caller, _):
            call = await caller.call("desk")
            with pytest.raises(CallError) as refused:
                await call.wait_answered(5)
            assert refused.value.status == status

    run(test)


def test_an_unanswered_call_can_be_given_up() -> None:
    async def test() -> None:
        async with two(Answering(reaction=lambda _: Reaction.IGNORE)) as (caller, callee):
            call = await caller.call("desk")
            ringing = await callee.wait_call()
            await call.wait_ringing(5)
            with pytest.raises(CallError, match=r"within 0\.3 s"):
                await call.wait_answered(0.3)
            call.hang_up()
            await ringing.wait_ended(5)
            await call.wait_ended(5)
            assert (ringing.reason, ringing.answered_at) == ("cancel", -1.0)

    run(test)


def test_the_person_at_the_phone_answers_talks_and_hangs_up() -> None:
    async def test() -> None:
        answering = Answering(
            ring_s=AT_ONCE, talk_s=(0.4, 0.4), say=lambda _: make_tone(500, seconds=1, level=-12)
        )
        async with two(answering) as (caller, _):
            call = await caller.call("desk")
            await call.wait_answered(5)
            await call.audio.wait_heard(500)
            await call.wait_ended(5)
            assert call.ended_by == "remote"

    run(test)


def test_keys_pressed_at_one_phone_are_read_at_the_other() -> None:
    async def test() -> None:
        async with two(Answering(ring_s=AT_ONCE)) as (caller, callee):
            call = await caller.call("desk")
            await call.wait_answered(5)
            call.press("2*")
            far = next(iter(callee.calls.values()))
            async with asyncio.timeout(5):
                while far.audio.digits != "2*":
                    await asyncio.sleep(0.02)

    run(test)


def test_on_hold_the_held_side_falls_silent_and_comes_back() -> None:
    async def test() -> None:
        async with two(Answering(ring_s=AT_ONCE, say=lambda _: make_tone(500, seconds=30))) as (
            caller,
            callee,
        ):
            call = await caller.call("desk", say=make_tone(440, seconds=30))
            await call.wait_answered(5)
            await call.audio.wait_heard(500)
            far = next(iter(callee.calls.values()))
            assert call.hold()
            async with asyncio.timeout(5):
                while far.direction != "recvonly" or call.offers_answered != 1:
                    await asyncio.sleep(0.02)
            sent = far.statistics().sent
            await asyncio.sleep(0.2)
            assert far.statistics().sent == sent, "a held phone that may only listen sends nothing"
            assert call.resume()
            async with asyncio.timeout(5):
                while far.direction != "sendrecv" or call.offers_answered != 2:
                    await asyncio.sleep(0.02)
            await call.audio.wait_heard(500)
            assert far.state is CallState.TALKING

    run(test)


def test_a_phone_that_leaves_ends_its_calls() -> None:
    async def test() -> None:
        one = PhoneSettings(user="1", server=(OTHER_HOST, OTHER_PORT), host=ONE_HOST, port=ONE_PORT)
        other = PhoneSettings(user="2", server=(ONE_HOST, ONE_PORT), host=OTHER_HOST, port=OTHER_PORT)
        answering = Answering(ring_s=AT_ONCE)
        async with Ticker() as ticker, Phone(one, ticker, random.Random(1)) as caller:
            async with Phone(other, ticker, random.Random(2), answering=answering) as callee:
                call = await caller.call("desk")
                await call.wait_answered(5)
                (far,) = callee.calls.values()
            assert far.state is CallState.ENDED
            await call.wait_ended(5)
            assert call.ended_by == "remote"

    run(test)


def test_a_centre_that_is_not_there_is_told_by_its_silence() -> None:
    async def test() -> None:
        settings = PhoneSettings(user="x", password="y", server=("127.0.0.34", 15534), host=ONE_HOST)
        async with Ticker() as ticker, Phone(settings, ticker, random.Random(1)) as phone:
            with pytest.raises(CallError, match="not registered"):
                await phone.wait_registered(0.5)

    run(test)
