"""The people of the demo, before a centre small enough to see what they do."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from marhaba.simulator.crowd import AGENTS_HOST, CALLERS_HOST, Crowd, Habits, Street, read_crowd, write_crowd
from tests.simulator.small_centre import SmallCentre, Treatment

HOST = "127.0.0.36"
NUMBER = "0539000000"
AGENTS = {"101": ("word-101", ["fr"]), "102": ("word-102", ["es"])}
QUICK = Habits(
    patience_s_mean=300.0, talk_log_s=(-2.0, 0.1), key_s=(0.1, 0.2), ring_s=(0.0, 0.05), ignored_share=0.0
)


def small_centre(treatment: Treatment) -> SmallCentre:
    agents = {phone: password for phone, (password, _) in AGENTS.items()}
    return SmallCentre(treatment, host=HOST, callers_host=CALLERS_HOST, agents=agents)


def street(
    centre: SmallCentre,
    *,
    habits: Habits = QUICK,
    keys: list[str] | None = None,
    seed: int = 1,
    agents: bool = True,
) -> Street:
    crowd = Crowd(server=centre.server, agents=AGENTS if agents else {}, numbers={NUMBER: keys or []})
    return Street(crowd, random.Random(seed), 1200.0, habits)


async def live(centre: SmallCentre, people: Street, until: Callable[[], object]) -> dict[str, int]:
    """The street runs until a condition holds; then everybody hangs up."""
    stop, ready = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(people.run(stop, ready=ready))
        await centre.wait_until(ready.is_set)
        await centre.wait_until(until)
        stop.set()
        await running
    return people.statistics()


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def guarded() -> None:
        async with asyncio.timeout(40):
            await test()

    asyncio.run(guarded())


def test_agents_log_in_and_talk_with_the_callers_they_are_given() -> None:
    async def test() -> None:
        async with small_centre("connect") as centre:
            people = street(centre)
            done = await live(centre, people, lambda: people.talked >= 3)
            assert set(centre.registered) == set(AGENTS)
            assert {call.flow.remote_host for call in centre.incoming} == {CALLERS_HOST}
            assert {call.dialled for call in centre.incoming} == {NUMBER}
            assert done["placed"] == sum(count for name, count in done.items() if name != "placed")
            assert (done["refused"], done["talked"] >= 3) == (0, True)

    run(test)


def test_agents_answer_from_an_address_of_their_own() -> None:
    async def test() -> None:
        async with small_centre("connect") as centre:
            people = street(centre)
            await live(centre, people, lambda: people.connected)
            hosts = {
                binding.flow.remote_host for name in AGENTS for binding in centre.endpoint.bindings(name)
            }
            assert hosts == {AGENTS_HOST}

    run(test)


def test_a_caller_presses_a_key_of_the_menu() -> None:
    async def test() -> None:
        async with small_centre("hold") as centre:
            people = street(centre, keys=["1", "2"])
            await live(
                centre, people, lambda: {audio.digits for audio in centre.audio.values()} >= {"1", "2"}
            )
            assert all(audio.digits in ("", "1", "2") for audio in centre.audio.values()), "one key each"

    run(test)


def test_callers_without_patience_leave_while_they_wait() -> None:
    hasty = Habits(patience_s_mean=0.2, key_s=(0.0, 0.1))

    async def test() -> None:
        async with small_centre("hold") as centre:
            people = street(centre, habits=hasty)
            done = await live(centre, people, lambda: people.abandoned >= 3)
            assert (done["talked"], done["refused"], done["sent_away"]) == (0, 0, 0)

    run(test)


def test_a_caller_who_is_sent_away_has_not_abandoned() -> None:
    async def test() -> None:
        async with small_centre("send-away") as centre:
            people = street(centre)
            done = await live(centre, people, lambda: people.sent_away >= 3)
            assert (done["talked"], done["refused"]) == (0, 0)

    run(test)


def test_a_refused_call_is_counted_and_over() -> None:
    async def test() -> None:
        async with small_centre("refuse") as centre:
            people = street(centre)
            done = await live(centre, people, lambda: people.refused >= 3)
            assert done["placed"] == done["refused"] == len(centre.incoming)

    run(test)


def test_an_agent_who_does_not_answer_leaves_the_caller_waiting() -> None:
    away = Habits(patience_s_mean=0.3, key_s=(0.0, 0.1), ignored_share=1.0)

    async def test() -> None:
        async with small_centre("connect") as centre:
            people = street(centre, habits=away)
            await live(centre, people, lambda: len(centre.incoming) >= 3)
            assert people.talked == 0

    run(test)


def test_the_same_seed_brings_the_same_callers() -> None:
    async def numbers(seed: int) -> list[str]:
        async with small_centre("refuse") as centre:
            await live(centre, street(centre, seed=seed, agents=False), lambda: len(centre.incoming) >= 5)
            return [call.caller.number for call in centre.incoming][:5]

    async def test() -> None:
        first, again, other = await numbers(7), await numbers(7), await numbers(8)
        assert first == again
        assert set(first).isdisjoint(other)
        assert all(number.startswith("06") and len(number) == 10 for number in first)

    run(test)


def test_passwords_are_written_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "crowd.json"
    path.write_text("{}")
    path.chmod(0o644)
    write_crowd(path, server=(HOST, 5060), agents=AGENTS, numbers={NUMBER: ["1"], "0539000001": []})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_crowd(path) == Crowd(
        server=(HOST, 5060), agents=AGENTS, numbers={NUMBER: ["1"], "0539000001": []}
    )


@pytest.mark.journey
def test_the_programme_runs_until_it_is_told_to_end_and_says_what_happened(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_centre("refuse") as centre:
            path = tmp_path / "crowd.json"
            write_crowd(path, server=centre.server, agents=AGENTS, numbers={NUMBER: []})
            programme = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "marhaba.simulator.crowd",
                str(path),
                "1200",
                "5",
                stdout=asyncio.subprocess.PIPE,
            )
            await centre.wait_until(lambda: len(centre.incoming) >= 2, 20)
            programme.send_signal(signal.SIGTERM)
            out, _ = await programme.communicate()
            assert programme.returncode == 0
            assert json.loads(out)["refused"] >= 2

    run(test)
