"""`marhaba call`: its arguments, its words, and a whole call to a phone that answers."""

from __future__ import annotations

import argparse
import asyncio
import random
from pathlib import Path

import pytest

from marhaba.cli.call import Press, add_arguments, parse_press, parse_server, place
from marhaba.cli.words import say
from marhaba.kernel.errors import BadInput
from marhaba.media.tones import make_tone, tone_level_db
from marhaba.media.wav import WavWriter, read_channels
from marhaba.simulator.phone_audio import Ticker
from marhaba.simulator.phones import Answering, Phone, PhoneSettings, Reaction

CENTRE = ("127.0.0.35", 15535)
CALLER_HOST = "127.0.0.36"


def arguments(*more: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    server = f"{CENTRE[0]}:{CENTRE[1]}"
    return parser.parse_args(["--to", "0539000000", "--server", server, "--local", CALLER_HOST, *more])


def answering_phone(ticker: Ticker, answering: Answering) -> Phone:
    settings = PhoneSettings(user="desk", server=(CALLER_HOST, 5060), host=CENTRE[0], port=CENTRE[1])
    return Phone(settings, ticker, random.Random(2), answering=answering)


def call(answering: Answering, *more: str) -> tuple[int, Phone]:
    async def both() -> tuple[int, Phone]:
        async with asyncio.timeout(30), Ticker() as ticker, answering_phone(ticker, answering) as desk:
            status = await place(arguments(*more))
            for alive in list(desk.calls.values()):
                await alive.wait_ended(5)
        return status, desk

    return asyncio.run(both())


def test_a_call_that_is_heard_succeeds_and_leaves_its_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, heard = tmp_path / "bonjour.wav", tmp_path / "heard.wav"
    writer = WavWriter(said, channels=1)
    writer.close()
    said.unlink()
    writer = WavWriter(said, channels=1, codec="pcm16")
    writer.append(make_tone(440, seconds=2, level=-12).tobytes())
    writer.close()
    answering = Answering(ring_s=(0, 0), say=lambda _: make_tone(500, seconds=9, level=-12))
    status, desk = call(
        answering, "--say", str(said), "--save", str(heard), "--press", "2@0.3s", "--seconds", "1.2"
    )
    assert status == 0
    (channel,), rate = read_channels(heard)
    assert rate == 8000
    assert tone_level_db(channel[2000:8000], 500) == pytest.approx(-12, abs=1)
    (taken,) = desk.history
    assert taken.audio.digits == "2"
    assert tone_level_db(taken.audio.heard()[-4000:], 440) == pytest.approx(-12, abs=1)
    told = capsys.readouterr().out
    assert "Décroché après" in told
    assert "Touche 2" in told
    assert "0 perdus" in told


def test_a_silent_line_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    status, _ = call(Answering(ring_s=(0, 0)), "--seconds", "0.5")
    assert status == 1
    assert say("call.silence", "fr") in capsys.readouterr().out


def test_a_busy_line_is_a_failure_with_its_status(capsys: pytest.CaptureFixture[str]) -> None:
    status, _ = call(Answering(reaction=lambda _: Reaction.BUSY))
    assert status == 1
    assert "486" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "press"),
    [("2@4s", Press("2", 4.0)), ("*11@0.5", Press("*11", 0.5)), ("#", Press("#", 1.0))],
)
def test_keys_and_their_time_are_read(text: str, press: Press) -> None:
    assert parse_press(text) == press


@pytest.mark.parametrize("text", ["", "x", "2@", "2@s", "@4s", "2@-1", "٢@4s"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="2@4s"):
        parse_press(text)


def test_server_has_a_port_or_the_usual_one() -> None:
    assert parse_server("10.0.0.1") == ("10.0.0.1", 5060)
    assert parse_server("sip.example.com:5070") == ("sip.example.com", 5070)
    for text in ("host:", "host:0", "host:70000", "host:x", ":5060"):
        with pytest.raises(BadInput, match="5060"):
            parse_server(text)
