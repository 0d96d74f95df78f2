"""The people of the demo: agents at registered phones, and callers who come, choose a language, wait and talk.

    python -m marhaba.simulator.crowd crowd.json 12 2009      # calls a minute, seed

Arrivals are a Poisson stream, patience and talk are drawn; nobody here knows what the centre decides, and it
cannot tell them from real telephones. Callers and agents share this process only so that a caller knows, as a
person hears, whether an agent answered or music still plays.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from marhaba.simulator.phone_audio import Samples, Ticker, murmur
from marhaba.simulator.phones import Answering, CallError, Phone, PhoneCall, PhoneSettings, Reaction
from marhaba.sip.events import Party

CALLERS_HOST, AGENTS_HOST = "127.0.0.2", "127.0.0.3"
"""On one machine callers and agents come from different addresses: the callers' is the demo's carrier."""
VOICES = 8
"""Murmurs made once and shared: thirty seconds of one take 20 ms to make."""
VOICE_S = 30.0
ANSWER_S_MAX = 120.0
"""A centre that has not answered by then does not take calls."""
REGISTER_S_MAX = 20.0
CALLERS_MAX = 60  # at once; a demo centre with 12 agents is deep in overload there


@dataclass(frozen=True, slots=True)
class Habits:
    """What people do, in seconds. The defaults make a demo in which everything is soon seen."""

    patience_s_mean: float = 120.0  # exponential; about one caller in ten leaves when the wait is short
    talk_log_s: tuple[float, float] = (3.3, 0.6)  # log-normal: median 27 s, mean 32 s
    key_s: tuple[float, float] = (3.0, 9.0)  # after the answer, while or after the menu speaks
    ring_s: tuple[float, float] = (1.0, 4.0)
    ignored_share: float = (
        0.04  # of calls an agent does not take: the ring-no-answer of the floor must be seen
    )


class Crowd(msgspec.Struct, frozen=True):
    """crowd.json, readable by its owner alone: it holds the agents' passwords."""

    server: tuple[str, int]
    agents: dict[str, tuple[str, list[str]]]  # phone -> password, languages
    numbers: dict[str, list[str]]  # number -> keys of its menu; empty: no menu


def write_crowd(
    path: Path,
    *,
    server: tuple[str, int],
    agents: Mapping[str, tuple[str, Sequence[str]]],
    numbers: Mapping[str, Sequence[str]],
) -> None:
    crowd = Crowd(
        server=server,
        agents={phone: (password, list(languages)) for phone, (password, languages) in agents.items()},
        numbers={number: list(keys) for number, keys in numbers.items()},
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)  # an older file keeps the mode it was made with
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(crowd)))


def read_crowd(path: Path) -> Crowd:
    return msgspec.json.decode(path.read_bytes(), type=Crowd)


@dataclass
class Street:
    """Everybody outside: the agents' phones, and one line over which all callers come."""

    crowd: Crowd
    rng: random.Random
    calls_per_minute: float
    habits: Habits = Habits()
    connected: set[str] = field(default_factory=set)  # callers' numbers an agent answered
    placed: int = 0
    refused: int = 0
    sent_away: int = 0  # the centre hung up before an agent came: closed, a callback, voicemail
    abandoned: int = 0
    talked: int = 0
    _voices: list[Samples] = field(default_factory=list)

    async def run(self, stop: asyncio.Event, *, ready: asyncio.Event | None = None) -> None:
        """Agents log in, callers come, until `stop`."""
        self._voices = [murmur(self.rng, VOICE_S) for _ in range(VOICES)]
        async with contextlib.AsyncExitStack() as stack:
            ticker = await stack.enter_async_context(Ticker())
            phones = [
                await stack.enter_async_context(self._agent(user, password, ticker))
                for user, (password, _) in self.crowd.agents.items()
            ]
            line = await stack.enter_async_context(
                Phone(self._settings("crowd", "", CALLERS_HOST), ticker, self._stream("callers"))
            )
            await asyncio.gather(*(phone.wait_registered(REGISTER_S_MAX) for phone in phones))
            if ready is not None:
                ready.set()
            async with asyncio.TaskGroup() as group:
                await self._arrivals(line, group, stop)
                for call in list(line.calls.values()):
                    call.hang_up()

    def statistics(self) -> dict[str, int]:
        return {
            "placed": self.placed,
            "refused": self.refused,
            "sent_away": self.sent_away,
            "abandoned": self.abandoned,
            "talked": self.talked,
        }

    def _settings(self, user: str, password: str, host: str) -> PhoneSettings:
        loopback = self.crowd.server[0].startswith("127.")
        return PhoneSettings(
            user=user,
            password=password,
            server=self.crowd.server,
            host=host if loopback else self.crowd.server[0],
            keep_heard=False,
        )

    def _stream(self, name: str) -> random.Random:
        """A random stream of its own for everyone: what one draws never moves another (by name, from the seed)."""
        return random.Random(f"{self.rng.random()}/{name}")  # noqa: S311 -- play, not secrets

    def _agent(self, user: str, password: str, ticker: Ticker) -> Phone:
        answering = Answering(
            ring_s=self.habits.ring_s, reaction=self._reaction, say=lambda rng: rng.choice(self._voices)
        )
        phone = Phone(
            self._settings(user, password, AGENTS_HOST), ticker, self._stream(user), answering=answering
        )
        phone.on_answer = self._agent_answered
        return phone

    def _reaction(self, rng: random.Random) -> Reaction:
        return Reaction.IGNORE if rng.random() < self.habits.ignored_share else Reaction.ANSWER

    def _agent_answered(self, call: PhoneCall) -> None:
        self.connected.add(_tail(call.number))

    async def _arrivals(self, line: Phone, group: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        draws = self._stream("arrivals")
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), draws.expovariate(self.calls_per_minute / 60))
            if not stop.is_set() and len(line.calls) < CALLERS_MAX:
                self.placed += 1
                group.create_task(self._caller(line, self._stream(f"caller {self.placed}")))

    async def _caller(self, line: Phone, rng: random.Random) -> None:
        """One caller's life: dial, choose, wait or leave, talk, hang up."""
        number = rng.choice(sorted(self.crowd.numbers))
        own = f"06{rng.randrange(10**8):08d}"
        call = await line.call(number, caller=Party(own))
        try:
            await call.wait_answered(ANSWER_S_MAX)
        except CallError:
            if call.ended_by == "local":  # the street closes
                self.abandoned += 1
            else:
                self.refused += 1
            call.hang_up()
            return
        call.audio.say(rng.choice(self._voices), loop=True)
        habits, keys = self.habits, self.crowd.numbers[number]
        if keys and not await _ended(call, rng.uniform(*habits.key_s)):
            call.press(rng.choice(keys))
        patience = rng.expovariate(1 / habits.patience_s_mean) + habits.key_s[1]
        while _tail(own) not in self.connected and patience > 0 and not await _ended(call, 0.25):
            patience -= 0.25
        if _tail(own) in self.connected:
            await _ended(call, rng.lognormvariate(*habits.talk_log_s))
            self.talked += 1
        elif call.ended_by == "remote":
            self.sent_away += 1
        else:
            self.abandoned += 1
        self.connected.discard(_tail(own))
        call.hang_up()


async def _ended(call: PhoneCall, seconds: float) -> bool:
    """Wait `seconds`; True when the other side ended the call meanwhile."""
    with contextlib.suppress(CallError):
        await call.wait_ended(seconds)
    return call.ended_at >= 0


def _tail(number: str) -> str:
    """What stays of a number however a centre writes it."""
    return number[-9:]


async def live(crowd: Crowd, *, calls_per_minute: float, seed: int) -> dict[str, int]:
    """Until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    street = Street(crowd, random.Random(seed), calls_per_minute)  # noqa: S311 -- play, not secrets
    await street.run(stop)
    return street.statistics()


def main(arguments: Sequence[str]) -> int:
    path, calls_per_minute, seed = arguments
    done: dict[str, Any] = asyncio.run(
        live(read_crowd(Path(path)), calls_per_minute=float(calls_per_minute), seed=int(seed))
    )
    json.dump(done, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
