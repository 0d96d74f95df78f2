"""`marhaba call --to NUMBER`: a test caller that speaks a WAV, presses keys and saves what it hears.

    marhaba call --to 0539000000 --say bonjour.wav --save heard.wav --press 2@4s --seconds 20

The exit status is 0 when the call was answered and sound was heard, 1 when not, 2 for a command that cannot be
carried out (no such file, no such key).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from marhaba.cli import words
from marhaba.cli.options import number
from marhaba.cli.words import reader_language, why
from marhaba.kernel.errors import BadInput
from marhaba.media import g711
from marhaba.media.dtmf import DIGITS
from marhaba.media.rtp import RATE
from marhaba.media.tones import level_db
from marhaba.media.wav import BadWav, WavWriter, read_alaw
from marhaba.simulator.phone_audio import Samples, Ticker, murmur
from marhaba.simulator.phones import CallError, Phone, PhoneCall, PhoneSettings

ANSWER_S_MAX = 60.0
"""Carriers end unanswered calls after one to three minutes; a centre's greeting comes within seconds."""
TEST_CALLER_HOST = "127.0.0.2"
"""Test callers on this machine come from here, where a centre may expect them as a carrier; see sample.toml."""
HEARD_DB_MIN = -60.0
"""Louder than the noise of an idle line, quieter than any speech."""
PRESS_S_BETWEEN = 0.5
_PRESS = re.compile(r"([0-9*#A-D]+)(?:@([0-9]+(?:\.[0-9]+)?) ?s?)?")


@dataclass(frozen=True, slots=True)
class Press:
    digits: str
    at_s: float  # after the answer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", required=True, metavar="NUMBER")
    parser.add_argument("--from", dest="from_", default="0600000001", metavar="NUMBER")
    parser.add_argument("--server", default="127.0.0.1:5060", metavar="HOST:PORT")
    parser.add_argument("--say", type=Path, metavar="WAV")
    parser.add_argument("--murmur", action="store_true")
    parser.add_argument("--save", type=Path, metavar="WAV")
    parser.add_argument("--press", action="append", default=[], metavar="KEYS@SECONDS")
    parser.add_argument("--seconds", type=number(), default=20.0)
    parser.add_argument("--user", default="")
    parser.add_argument("--password-file", type=Path)
    parser.add_argument("--local", default="", metavar="HOST")


def run(arguments: argparse.Namespace) -> int:
    return asyncio.run(place(arguments))


async def place(arguments: argparse.Namespace) -> int:
    """Place the call and tell its story; returns the exit status."""
    tell = partial(_tell, reader_language())
    server = parse_server(arguments.server)
    presses = sorted((parse_press(text) for text in arguments.press), key=lambda press: press.at_s)
    say = _speech(arguments)
    settings = PhoneSettings(
        user=arguments.user or arguments.from_,
        password=_password(arguments),
        server=server,
        host=arguments.local or local_host(server[0]),
        register=False,
    )
    rng = random.Random()  # noqa: S311 -- sequence numbers of RTP
    tell("calling", number=arguments.to, host=server[0], port=server[1])
    async with Ticker() as ticker, Phone(settings, ticker, rng) as phone:
        call = await phone.call(arguments.to)
        try:
            await _wait_answer(call, tell)
        except CallError:
            tell("unanswered", status=call.status, reason=call.reason)
            return 1
        call.audio.say(say, loop=arguments.murmur)
        await _talk(call, presses, arguments.seconds, tell)
        if call.ended_at < 0:
            tell("hang-up")
            call.hang_up()
            with contextlib.suppress(CallError):
                await call.wait_ended(5.0)
        else:
            tell("ended", by=call.ended_by, reason=call.reason)
    return _report(call, arguments.save, tell)


def parse_server(text: str) -> tuple[str, int]:
    """HOST or HOST:PORT."""
    host, _, port = text.rpartition(":") if ":" in text else (text, "", "5060")
    if not host or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise BadInput(words.say("call.bad-server", reader_language()).format(text=text))
    return host, int(port)


def parse_press(text: str) -> Press:
    """KEYS or KEYS@SECONDS."""
    found = _PRESS.fullmatch(text)
    if found is None:
        raise BadInput(words.say("call.bad-press", reader_language()).format(text=text, keys=DIGITS))
    return Press(found[1], float(found[2] or 1.0))


def local_host(server: str) -> str:
    """The address this machine reaches the server from; on loopback, the test callers' own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((server, 9))
        except OSError as error:
            language = reader_language()
            told = words.say("call.no-server", language).format(text=server, why=why(error, language))
            raise BadInput(told) from None
        address: str = probe.getsockname()[0]
    if not address.startswith("127."):
        return address
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((TEST_CALLER_HOST, 0))
        except OSError:
            return address  # systems other than Linux have 127.0.0.1 alone
    return TEST_CALLER_HOST


def _password(arguments: argparse.Namespace) -> str:
    if arguments.password_file is None:
        return ""
    password: str = arguments.password_file.read_text("utf-8").strip()
    return password


def _speech(arguments: argparse.Namespace) -> Samples:
    if arguments.murmur:
        return murmur(random.Random(), 30.0)  # noqa: S311 -- a voice, not a secret
    if arguments.say is None:
        return np.zeros(0, dtype=np.int16)
    try:
        return g711.decode(read_alaw(arguments.say), g711.A_LAW)
    except BadWav as error:
        raise BadInput(words.say("call.bad-wav", reader_language()).format(why=error)) from None


async def _wait_answer(call: PhoneCall, tell: partial[None]) -> None:
    with contextlib.suppress(CallError):
        await call.wait_ringing(ANSWER_S_MAX)
    if call.answered_at < 0 and call.ended_at < 0:
        tell("ringing", status=call.status)
    await call.wait_answered(ANSWER_S_MAX)
    tell("answered", ms=round((call.answered_at - call.began_at) * 1000))


async def _talk(call: PhoneCall, presses: list[Press], seconds: float, tell: partial[None]) -> None:
    """Press the keys at their times, until the far side hangs up or `seconds` have passed."""
    loop = asyncio.get_running_loop()
    for until, press in _appointments(presses, seconds):
        with contextlib.suppress(CallError):
            await call.wait_ended(max(0.0, call.answered_at + until - loop.time()))
        if call.ended_at >= 0:
            return
        if press is not None:
            tell("pressed", keys=press.digits)
            call.press(press.digits)


def _appointments(presses: list[Press], seconds: float) -> Iterator[tuple[float, Press | None]]:
    for press in presses:
        if not seconds or press.at_s < seconds:
            yield press.at_s, press
    yield (seconds or float(10**9)), None


def _report(call: PhoneCall, save: Path | None, tell: partial[None]) -> int:
    heard = call.audio.heard()
    if save is not None:
        save.unlink(missing_ok=True)
        writer = WavWriter(save, channels=1, codec="pcm16")
        writer.append(heard.tobytes())
        writer.close()
        tell("saved", path=save, seconds=len(heard) / RATE)
    statistics = call.statistics()
    tell(
        "statistics",
        sent=statistics.sent,
        received=statistics.received,
        lost=statistics.lost,
        jitter=statistics.jitter_ms,
        gap=statistics.gap_ms_max,
    )
    level = level_db(heard)
    if level < HEARD_DB_MIN:
        tell("silence")
        return 1
    tell("heard", level=level)
    return 0


def _tell(language: str, key: str, **values: object) -> None:
    print(words.say(f"call.{key}", language).format(**values), flush=True)
