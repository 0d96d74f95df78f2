"""The floor's board on its way to many readers, over the real socket."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from marhaba.kernel.errors import LimitReached
from marhaba.kernel.messages import Ask, Reply
from marhaba.web.board.parts import Viewer
from marhaba.web.live import hub as hub_module
from marhaba.web.live.hub import Hub, Reader
from tests.web.board.boards import agent, board
from tests.web.board.floor import ShownFloor

LEADER = Viewer("fr")
WAIT_S = 10.0


@pytest.fixture
def path() -> Iterator[Path]:
    """Short: a local socket's path has 107 characters at most."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "floor.sock"


@asynccontextmanager
async def following(path: Path) -> AsyncIterator[tuple[ShownFloor, Hub]]:
    floor, hub = ShownFloor(path), Hub(path)
    await floor.open()
    hub.start()
    try:
        await until(lambda: hub.board is not None)
        yield floor, hub
    finally:
        await hub.stop()
        await floor.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not true():
            await asyncio.sleep(0.01)


def run(test: Awaitable[None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(3 * WAIT_S):
            await test

    asyncio.run(bounded())


async def said(reader: Reader) -> tuple[str, dict[str, Any]]:
    async with asyncio.timeout(WAIT_S):
        event, _, data = (await reader.lines.get()).decode().strip().partition("\n")
    return event.removeprefix("event: "), msgspec.json.decode(data.removeprefix("data: "))


def test_a_reader_gets_a_snapshot_and_then_what_changes(path: Path) -> None:
    async def scene() -> None:
        async with following(path) as (floor, hub):
            with hub.reading(LEADER) as reader:
                event, first = await said(reader)
                assert (event, first["parts"], first["gone"]) == ("snapshot", hub.parts(LEADER), [])
                floor.show(agents=[agent("amal", state="paused")], calls=[])
                event, change = await said(reader)
                assert event == "change"
                assert sorted(change["parts"]) == ["agents/amal", "head/figures"]
                assert sorted(change["gone"]) == ["agents/brahim", "calls/c1", "calls/c2"]

    run(scene())


def test_each_sees_his_own_and_what_is_the_same_is_drawn_once(path: Path) -> None:
    async def scene() -> None:
        async with following(path) as (floor, hub):
            client = Viewer("es", programmes=frozenset({"hotel"}), agents=False)
            with hub.reading(LEADER) as one, hub.reading(LEADER) as other, hub.reading(client) as third:
                for reader in (one, other, third):
                    await said(reader)
                floor.show(agents=[])
                floor.show(queues=[])
                assert (await one.lines.get()) is (await other.lines.get())
                _, change = await said(third)
                assert change["gone"] == ["queues/vente"]

    run(scene())


def test_who_reads_too_slowly_is_marked_lost_and_nobody_waits_for_him(path: Path) -> None:
    async def scene() -> None:
        async with following(path) as (_, hub):
            with hub.reading(LEADER) as slow, hub.reading(LEADER) as quick:
                await said(quick)
                for number in range(hub_module.LINES_MAX):
                    hub.tell(board(callbacks=number + 1))
                    assert not quick.lost
                    await said(quick)
                assert slow.lost

    run(scene())


def test_when_the_floor_goes_readers_are_told_and_when_it_comes_back_they_see_it(path: Path) -> None:
    async def scene() -> None:
        async with following(path) as (floor, hub):
            with hub.reading(LEADER) as reader:
                await said(reader)
                await floor.close()
                _, change = await said(reader)
                assert list(change["parts"]) == ["link/state"]
                assert hub.board is None
                again = ShownFloor(path)
                await again.open()
                _, change = await said(reader)
                assert 'class="link up"' in change["parts"]["link/state"]
                await again.close()

    run(scene())


def test_an_act_is_asked_of_the_floor_and_its_answer_comes_back(path: Path) -> None:
    async def scene() -> None:
        async with following(path) as (floor, hub):
            floor.reply = Reply(ok=False, code="ringing", message="a call is ringing")
            assert await hub.ask("pause", agent="amal", code="lunch") == floor.reply
            assert floor.asked == [Ask("pause", {"agent": "amal", "code": "lunch"})]

    run(scene())


def test_an_act_without_a_floor_fails_at_once(path: Path) -> None:
    async def scene() -> None:
        for hub in (Hub(path), Hub(None)):
            hub.start()
            with pytest.raises(ConnectionError):
                await hub.ask("ready", agent="amal")
            await hub.stop()

    run(scene())


def test_a_process_has_room_for_so_many_streams_and_no_more(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "READERS_MAX", 1)

    async def scene() -> None:
        async with following(path) as (_, hub):
            with hub.reading(LEADER), pytest.raises(LimitReached), hub.reading(Viewer("ar")):
                pass
            with hub.reading(LEADER) as reader:
                assert (await said(reader))[0] == "snapshot"

    run(scene())
