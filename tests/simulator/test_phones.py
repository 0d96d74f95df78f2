"""Two software phones call each other over real SIP and RTP on loopback."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from marhaba.media.tones import make_tone
from marhaba.simulator.phone_audio import Ticker
from marhaba.simulator.phones import CENTRE, Answering, CallError, CallState, Phone, PhoneSettings, Reaction
from marhaba.sip.events import Flow, Party
from tests.simulator.small_centre import SmallCentre

ONE_HOST, OTHER_HOST = "127.0.0.32", "127.0.0.33"
ONE_PORT, OTHER_PORT = 15532, 15533
AT_ONCE = (0.0, 0.0)
CENTRE_HOST, PHONE_HOST = "127.0.0.37", "127.0.0.38"
BAD_OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.32\r\ns=-\r\nc=IN IP4 127.0.0.32\r\nt=0 0\r\nm=video 4000 RTP/AVP 96\r\n"
)


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


def raw_invite(caller: Phone, sdp: bytes) -> None:
    """An INVITE with any body, from the caller's own endpoint; its leg is "raw"."""
    caller.endpoint.invite(
        caller.driver.now,
        leg="raw",
        target=f"sip:desk@{OTHER_HOST}:{OTHER_PORT}",
        flow=Flow("udp", ONE_HOST, ONE_PORT, OTHER_HOST, OTHER_PORT),
        caller=Party("0600000001"),
        sdp=sdp,
        trunk=CENTRE,
    )
    caller.driver.turn()


def test_a_call_is_answered_once_and_by_the_side_that_was_called() -> None:
    async def test() -> None:
        async with two() as (caller, callee):
            call = await caller.call("desk")
            ringing = await callee.wait_call()
            assert not call.answer()
            assert not call.hold(), "nobody talks yet"
            assert ringing.answer()
            await call.wait_answered(5)
            call.hang_up()
            await ringing.wait_ended(5)
            assert not ringing.answer()
            assert not ringing.hang_up()

    run(test)


def test_whoever_waits_for_a_call_in_vain_is_told() -> None:
    async def test() -> None:
        async with two() as (_, callee):
            with pytest.raises(CallError, match=r"no call came within 0\.1 s"):
                await callee.wait_call(0.1)

    run(test)


def test_a_phone_tells_of_its_calls_as_they_ring_connect_and_end() -> None:
    async def test() -> None:
        async with two(Answering(ring_s=AT_ONCE)) as (caller, callee):
            told: list[tuple[str, str]] = []
            callee.on_call = lambda call: told.append(("rings", call.number))
            callee.on_answer = lambda call: told.append(("talks", call.number))
            callee.on_end = lambda call: told.append(("over", call.number))
            caller.on_answer = lambda call: told.append(("never", call.number))
            call = await caller.call("desk")
            await call.wait_answered(5)
            call.hang_up()
            async with asyncio.timeout(5):
                while not callee.history:
                    await asyncio.sleep(0.02)
            assert told == [("rings", "0600000001"), ("talks", "0600000001"), ("over", "0600000001")]
            assert [past.ended_by for past in callee.history] == ["remote"]

    run(test)


def test_an_offer_without_audio_we_can_speak_is_refused() -> None:
    async def test() -> None:
        async with two(Answering(ring_s=AT_ONCE)) as (caller, callee):
            raw_invite(caller, BAD_OFFER)
            async with asyncio.timeout(5):
                while not callee.history:
                    await asyncio.sleep(0.02)
            [call] = callee.history
            assert (call.status, call.answered_at) == (488, -1.0)

    run(test)


def test_a_call_without_an_offer_is_answered_with_ours() -> None:
    async def test() -> None:
        async with two(Answering(ring_s=AT_ONCE)) as (caller, callee):
            mine = await caller._new_call("desk", incoming=False, leg="raw")
            raw_invite(caller, b"")
            call = await callee.wait_call()
            assert call.offer == b""
            await mine.wait_answered(5)
            assert mine.audio._remote == (OTHER_HOST, call.audio.port)

    run(test)


def test_a_caller_who_hangs_up_at_once_leaves_no_call_behind() -> None:
    async def test() -> None:
        async with two(Answering(ring_s=AT_ONCE)) as (caller, callee):
            call = await caller.call("desk")
            call.hang_up()
            await call.wait_ended(5)
            async with asyncio.timeout(5):
                while not callee.history:
                    await asyncio.sleep(0.02)
            assert (callee.calls, callee.history[0].state) == ({}, CallState.ENDED)

    run(test)


@pytest.mark.parametrize("target", ["0600000009", "sip:0600000009@192.0.2.1"])
def test_a_transfer_asks_the_centre_to_send_the_other_side_on(target: str) -> None:
    async def test() -> None:
        settings = PhoneSettings(user="0600000001", server=("", 0), host=PHONE_HOST)
        async with (
            SmallCentre("hold", host=CENTRE_HOST, callers_host=PHONE_HOST) as centre,
            Ticker() as ticker,
            Phone(replace(settings, server=centre.server), ticker, random.Random(1)) as phone,
        ):
            call = await phone.call("0539000000")
            await call.wait_answered(5)
            assert call.transfer(target)
            await centre.wait_until(lambda: centre.referred)
            assert centre.referred[0].target == "0600000009"

    run(test)


def test_a_phone_registers_with_its_password_and_not_with_another() -> None:
    async def test() -> None:
        async with (
            SmallCentre("hold", host=CENTRE_HOST, callers_host=PHONE_HOST, agents={"101": "right"}) as centre,
            Ticker() as ticker,
        ):
            good = PhoneSettings(user="101", password="right", server=centre.server, host=PHONE_HOST)
            async with Phone(good, ticker, random.Random(1)) as phone:
                await phone.wait_registered(5)
                assert (phone.registered, centre.registered) == (True, ["101"])
            async with Phone(replace(good, password="wrong"), ticker, random.Random(2)) as phone:
                with pytest.raises(CallError) as refused:
                    await phone.wait_registered(1)
                assert refused.value.status in (401, 403)
            assert "right" not in repr(good)

    run(test)


def test_an_answer_without_audio_we_can_speak_ends_the_call() -> None:
    async def test() -> None:
        async with two() as (caller, callee):
            call = await caller.call("desk")
            ringing = await callee.wait_call()
            callee.endpoint.answer(callee.driver.now, ringing.leg, BAD_OFFER)
            callee.driver.turn()
            await call.wait_ended(5)
            await ringing.wait_ended(5)
            assert (call.ended_by, ringing.ended_by) == ("local", "remote")

    run(test)


def test_a_change_without_audio_we_can_speak_is_refused_and_the_call_goes_on() -> None:
    async def test() -> None:
        async with two(Answering(ring_s=AT_ONCE)) as (caller, callee):
            call = await caller.call("desk")
            await call.wait_answered(5)
            [far] = callee.calls.values()
            callee.endpoint.reoffer(callee.driver.now, far.leg, BAD_OFFER)
            callee.driver.turn()
            async with asyncio.timeout(5):
                while far.offers_answered != 1:
                    await asyncio.sleep(0.02)
            assert (far.status, call.state) == (488, CallState.TALKING)
            call.audio.say(make_tone(440, seconds=5, level=-12))
            await far.audio.wait_heard(440, level_db=-14)

    run(test)
