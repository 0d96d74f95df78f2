"""A phone's audio over real loopback sockets: tones arrive at their level, keys arrive once, losses are silence."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest

from marhaba.media import g711, rtp
from marhaba.media.tones import LEVEL_DB_MIN, level_db, make_tone, tone_level_db
from marhaba.simulator.phone_audio import JUMP_S_MAX, PhoneAudio, Ticker, murmur

HOST = "127.0.0.31"


@asynccontextmanager
async def two(*, payload: int = 8, dtmf_payload: int = 101) -> AsyncIterator[tuple[PhoneAudio, PhoneAudio]]:
    async with Ticker() as ticker:
        one, other = PhoneAudio(ticker, random.Random(1)), PhoneAudio(ticker, random.Random(2))
        await one.open(HOST)
        await other.open(HOST)
        for side, far in ((one, other), (other, one)):
            side.aim(HOST, far.port, payload=payload, dtmf_payload=dtmf_payload, direction="sendrecv")
        try:
            yield one, other
        finally:
            one.close()
            other.close()
            await asyncio.sleep(0)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def guarded() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(guarded())


@pytest.mark.parametrize("payload", [0, 8])
def test_each_side_hears_the_others_tone_at_its_level(payload: int) -> None:
    async def test() -> None:
        async with two(payload=payload) as (one, other):
            one.say(make_tone(440, seconds=3, level=-12))
            other.say(make_tone(700, seconds=3, level=-20))
            assert await other.wait_heard(440, level_db=-13) == pytest.approx(-12, abs=0.5)
            assert await one.wait_heard(700, level_db=-21) == pytest.approx(-20, abs=0.5)
            assert other.heard_level_db(700, last_s=0.2) < -40, "nobody hears himself"
            lost = (one.statistics().lost, other.statistics().lost)
            assert lost == (0, 0)

    run(test)


def test_ports_are_even_so_that_rtcp_has_the_odd_one() -> None:
    async def test() -> None:
        async with two() as (one, other):
            assert (one.port % 2, other.port % 2) == (0, 0)

    run(test)


@pytest.mark.parametrize("dtmf_payload", [101, 96])
def test_keys_arrive_once_and_in_order(dtmf_payload: int) -> None:
    async def test() -> None:
        async with two(dtmf_payload=dtmf_payload) as (one, other):
            assert one.press("2#")
            assert not one.press("x")
            async with asyncio.timeout(5):
                while other.digits != "2#":
                    await asyncio.sleep(0.02)

    run(test)


def test_keys_are_tones_where_the_far_side_knows_no_events() -> None:
    async def test() -> None:
        async with two(dtmf_payload=0) as (one, other):
            one.press("5")
            await other.wait_heard(770, level_db=-25)  # ITU-T Q.23: 770 and 1336 Hz
            assert tone_level_db(other.heard(), 1336) > -40

    run(test)


def test_what_was_said_is_over_when_its_last_packet_left() -> None:
    async def test() -> None:
        async with two() as (one, other):
            one.say(make_tone(440, seconds=0.2))
            await one.wait_said()
            before = one.statistics().sent
            await asyncio.sleep(0.1)
            assert one.statistics().sent > before, "silence is sent on"
            assert level_db(other.heard(last_s=0.04)) < -60

    run(test)


def _packet(audio: PhoneAudio, sequence: int, timestamp: int, *, ssrc: int = 7, level: int = 1000) -> None:
    payload = g711.encode(np.full(rtp.FRAME, level), g711.A_LAW).tobytes()
    data = rtp.build(rtp.Packet(8, False, sequence, timestamp, ssrc, payload))
    audio.datagram_received(data, ("10.0.0.1", 4000))


def _aimed() -> PhoneAudio:
    audio = PhoneAudio(Ticker(), random.Random(1))
    audio.aim("10.0.0.1", 4000, payload=8, dtmf_payload=101, direction="sendrecv")
    return audio


def test_a_lost_packet_is_silence_of_its_length_and_counted() -> None:
    async def test() -> None:
        audio = _aimed()
        for number in (0, 1, 3):
            _packet(audio, number, number * rtp.FRAME)
        heard = audio.heard()
        assert len(heard) == 4 * rtp.FRAME
        assert not heard[2 * rtp.FRAME : 3 * rtp.FRAME].any()
        assert (audio.statistics().lost, audio.statistics().received) == (1, 3)

    run(test)


def test_a_new_stream_and_a_jump_in_time_are_not_losses() -> None:
    async def test() -> None:
        audio = _aimed()
        _packet(audio, 65535, 0)
        _packet(audio, 0, rtp.FRAME)  # the sequence number wraps
        _packet(audio, 9000, 1 << 30, ssrc=8)
        _packet(audio, 9001, (1 << 30) + round((JUMP_S_MAX + 1) * rtp.RATE), ssrc=8)
        assert audio.statistics().lost == 0
        assert len(audio.heard()) == 4 * rtp.FRAME

    run(test)


def test_packets_from_a_third_address_are_counted_and_not_heard() -> None:
    async def test() -> None:
        audio = _aimed()
        audio.datagram_received(b"\x80\x08" + bytes(170), ("10.6.6.6", 4000))
        assert (audio.statistics().foreign, len(audio.heard())) == (1, 0)

    run(test)


def test_a_clock_that_fell_behind_does_not_flood() -> None:
    async def test() -> None:
        async with Ticker() as ticker:
            await asyncio.sleep(0.05)
            before, restarts = ticker.ticks, ticker.restarts
            loop = asyncio.get_running_loop()
            until = loop.time() + 1.0
            while loop.time() < until:  # the whole process is busy for a second: 50 ticks missed
                pass
            await asyncio.sleep(0.05)
            assert ticker.restarts == restarts + 1
            assert ticker.ticks - before < 15

    run(test)


def test_murmur_is_loud_in_syllables_and_silent_between_and_the_same_for_a_seed() -> None:
    voice = murmur(random.Random(5), 10.0)
    assert len(voice) == 80_000
    blocks = np.abs(voice.reshape(-1, 800)).max(axis=1)
    assert (blocks > 3000).mean() > 0.3
    assert (blocks < 100).mean() > 0.05
    assert np.array_equal(voice, murmur(random.Random(5), 10.0))


def test_a_failure_in_a_tick_comes_out_where_the_clock_is_stopped() -> None:
    def fail(_: int) -> None:
        raise ValueError("no such sound")

    async def test() -> None:
        async with Ticker() as ticker:
            ticker.add(fail)
            await asyncio.sleep(0.1)

    with pytest.raises(ValueError, match="no such sound"):
        run(test)


def test_a_loop_never_ends_and_silence_is_said_at_once() -> None:
    async def test() -> None:
        async with two() as (one, other):
            one.say(make_tone(440, seconds=0.1), loop=True)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(one.wait_said(), 0.5)
            assert await other.wait_heard(440, level_db=-30) > -30
            one.say(make_tone(440, seconds=0.0))
            await asyncio.wait_for(one.wait_said(), 0.1)

    run(test)


def test_a_phone_on_hold_that_may_only_send_hears_nothing() -> None:
    async def test() -> None:
        audio = _aimed()
        audio.aim("10.0.0.1", 4000, payload=8, dtmf_payload=101, direction="sendonly")
        _packet(audio, 0, 0)
        assert (audio.statistics().received, len(audio.heard())) == (1, 0)
        assert (audio.heard_level_db(440), audio.speaking) == (LEVEL_DB_MIN, True)

    run(test)


def test_what_is_no_rtp_is_neither_heard_nor_counted() -> None:
    async def test() -> None:
        audio = _aimed()
        for data in (b"", b"\x80", b"\x80\xc8" + bytes(26), b"hello, this is no RTP packet at all"):
            audio.datagram_received(data, ("10.0.0.1", 4000))
        assert (audio.statistics().received, audio.statistics().foreign) == (0, 0)

    run(test)


def test_a_packet_that_comes_after_its_turn_is_not_heard() -> None:
    async def test() -> None:
        audio = _aimed()
        for number in (0, 2, 1):
            _packet(audio, number, number * rtp.FRAME)
        assert len(audio.heard()) == 3 * rtp.FRAME
        assert not audio.heard()[rtp.FRAME : 2 * rtp.FRAME].any(), "its place was filled with silence"
        assert audio.statistics().lost == 0

    run(test)


def test_a_phone_that_keeps_nothing_still_counts() -> None:
    async def test() -> None:
        audio = PhoneAudio(Ticker(), random.Random(1), keep_heard=False)
        audio.aim("10.0.0.1", 4000, payload=8, dtmf_payload=101, direction="sendrecv")
        _packet(audio, 0, 0)
        assert (audio.statistics().received, len(audio.heard())) == (1, 0)

    run(test)
