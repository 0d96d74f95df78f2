"""`marhaba top`: the floor live in a terminal. Pushed by the floor, redrawn when something changed."""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from marhaba.cli.house import add_house, floor_socket
from marhaba.cli.words import decimal, keys, reader_language, say
from marhaba.control.client import ControlClient
from marhaba.kernel.errors import Refused

STATE_STYLE = {
    "talking": "bold cyan",
    "ringing": "yellow",
    "wrapup": "blue",
    "ready": "green",
    "paused": "magenta",
    "logged_out": "dim",
}
"""In the order the agents are shown."""
WIDE = 125
"""Columns from which whole words and bars fit."""
NARROW = 70
"""Below this some figures give way to the names of the queues."""
AGENT_COLUMNS = 37
"""What a name, a state and a time take."""
BAR_COLUMNS = 12
CALLS_SHOWN_MIN = 5
RETRY_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_house(parser)
    parser.add_argument("--once", action="store_true")


def run(arguments: argparse.Namespace) -> int:
    return asyncio.run(watch(floor_socket(arguments), once=arguments.once))


async def watch(path: Path, *, once: bool = False, footer: str = "") -> int:
    """Show the board of the floor behind `path` until interrupted; comes back when the floor restarts."""
    language, console = reader_language(), Console()
    if once:
        client = ControlClient(path)
        try:
            await client.connect()
        except OSError:
            raise Refused(
                say("floor.absent", language).format(path=path.parent.parent), code="no-floor"
            ) from None
        console.print(Board((await client.ask("board")).data, language, footer))
        await client.close()
        return 0
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            try:
                await _follow(path, live, language, footer)
            except (OSError, ConnectionError):
                live.update(Text(say("floor.gone", language), style="yellow"), refresh=True)
                await asyncio.sleep(RETRY_S)


async def _follow(path: Path, live: Live, language: str, footer: str) -> None:
    client = ControlClient(path)
    await client.connect()
    try:
        reply = await client.ask("subscribe")
        live.update(Board(reply.data, language, footer, whole=True), refresh=True)
        while True:
            push = await client.next_push()
            if push.board is not None:
                live.update(Board(push.board, language, footer, whole=True), refresh=True)
    finally:
        await client.close()


class Board:
    """The floor's board, drawn for the width it gets; with `whole`, for the height of the screen too.

    What wants a decision comes first: alarms, then the queues, because that is where callers wait.
    """

    def __init__(
        self, board: dict[str, Any], language: str, footer: str = "", *, whole: bool = False
    ) -> None:
        self._board, self._language, self._footer, self._whole = board, language, footer, whole

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        board, language, width = self._board, self._language, options.max_width
        above = [
            self._head(width),
            *self._alarms(),
            _queues(board["queues"], language, width),
            _agents(board["agents"], language, width),
        ]
        below = [self._lines(), *([Text(self._footer, style="dim")] if self._footer else [])]
        shown = len(board["calls"])
        if self._whole:
            taken = sum(len(console.render_lines(part, options)) for part in (*above, *below)) + 3
            shown = max(CALLS_SHOWN_MIN, console.height - taken)
        yield Group(*above, _calls(board["calls"], language, shown), *below)

    def _head(self, width: int) -> RenderableType:
        board, language = self._board, self._language
        states = Counter(row["state"] for row in board["agents"])
        figures = [
            (say("top.waiting", language), sum(row["waiting"] for row in board["queues"])),
            (say("top.talking", language), sum(row["talking"] for row in board["queues"])),
            *((say(f"top.sum.{state}", language), states[state]) for state in ("ready", "wrapup", "paused")),
            (say("top.callbacks", language), board["callbacks"]),
        ]
        line = Text(f"{board['name']}  ", style="bold")
        for name, count in figures:
            line.append(f"{name.lower()} ", style="dim")
            line.append(f"{count}   ", style="bold" if count else "dim")
        table = Table.grid(expand=True)
        table.add_column(ratio=1, overflow="fold")
        table.add_column(justify="right", no_wrap=True)
        clock_now = datetime.fromtimestamp(board["at"], ZoneInfo(board["timezone"]))
        table.add_row(line, Text(f"{clock_now:%H:%M:%S}", style="bold"))
        return table

    def _alarms(self) -> list[Text]:
        return [
            Text(f"▲ {alarm_text(name, detail, self._language)}", style="bold red")
            for name, detail in self._board["alarms"].items()
        ]

    def _lines(self) -> Text:
        """What carries the calls: operators and audio workers."""
        board, language = self._board, self._language
        line = Text(style="dim")
        for name, up in board["trunks"].items():
            line.append(f"{say('top.trunk', language)} {name} ")
            line.append("✓" if up else "✗", style="green" if up else "bold red").append("   ")
        for worker in board["workers"]:
            line.append(f"{worker['worker']} ")
            line.append("✓ " if worker["up"] else "✗ ", style="green" if worker["up"] else "bold red")
            if "tick_late_ms_p99" in worker:
                late = decimal(worker["tick_late_ms_p99"], 1, language)
                line.append(say("top.worker", language).format(legs=worker["legs"], late=late))
            line.append("   ")
        if not board["alarms"]:
            line.append(f"{say('top.alarms', language)} ").append(say("top.none", language), style="green")
        return line


def _queues(rows: list[dict[str, Any]], language: str, width: int) -> Table:
    wide = width >= WIDE
    table = Table(box=box.SIMPLE_HEAD, expand=True, padding=(0, int(wide)), header_style="dim", pad_edge=wide)
    heads: tuple[str, ...] = (
        "queue",
        "waiting",
        "longest",
        "ready",
        "talking",
        "offered",
        "answered",
        "abandoned",
        "level",
    )
    if width < NARROW:
        heads = ("queue", "waiting", "longest", "ready", "offered", "level")
    for head in heads:
        name = say(f"top.{head}" if wide or head == "queue" else f"top.short.{head}", language)
        left = head == "queue"
        table.add_column(
            name,
            justify="left" if left else "right",
            ratio=1 if left else None,
            no_wrap=True,
            overflow="ellipsis",
            min_width=12 if left else None,
        )
    for row in rows:
        late = row["longest_s"] > row["threshold_s"]
        cells: dict[str, str | Text] = {
            "waiting": Text(
                str(row["waiting"]), style="bold red" if late else "bold" if row["waiting"] else "dim"
            ),
            "longest": Text(
                clock(row["longest_s"]) if row["waiting"] else "–", style="bold red" if late else ""
            ),
            "level": _level(row, language, wide=wide),
        }
        table.add_row(*(cells.get(head) or str(row[head]) for head in heads))
    return table


def _level(row: dict[str, Any], language: str, *, wide: bool) -> Text:
    """The share with the letter of its formula; a bar where there is room."""
    share = row["service_level"]
    if share is None:
        return Text("–", style="dim")
    text = Text()
    if wide:
        full = round(share * BAR_COLUMNS)
        text.append("█" * full, style="green" if share >= row["target"] else "red")
        text.append("░" * (BAR_COLUMNS - full) + " ", style="dim")
    style = "" if share >= row["target"] else "bold red"
    text.append(f"{decimal(100 * share, 1 if wide else 0, language)} %", style=style)
    text.append(f" {row['formula']}/{row['threshold_s']:g} s", style="dim")
    return text


def _agents(rows: list[dict[str, Any]], language: str, width: int) -> RenderableType:
    """Who is there, the busy first; as many a line as the width takes."""
    order = list(STATE_STYLE)
    there = [row for row in rows if row["state"] != "logged_out"]
    there.sort(key=lambda row: (order.index(row["state"]), -row["for_s"]))
    away = len(rows) - len(there)
    columns = max(1, width // AGENT_COLUMNS)
    table = Table.grid(expand=True, padding=(0, 1))
    for _ in range(columns):
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    room = width // columns - 1
    cells = [_agent_cell(row, language, room) for row in there]
    for start in range(0, len(cells), columns):
        table.add_row(*cells[start : start + columns])
    title = Text(f" {say('top.agents', language)} {len(there)}", style="bold")
    if away:
        title.append(f"  {say('state.logged_out', language)} {away}", style="dim")
    return Group(title, table)


def _agent_cell(row: dict[str, Any], language: str, room: int) -> Text:
    style = STATE_STYLE[row["state"]]
    state = say(f"state.{row['state']}", language) + (f" ({row['code']})" if row["code"] else "")
    tail = f" {clock(row['for_s'])}"
    name_room = room - len(state) - len(tail) - 3
    name = row["name"] if len(row["name"]) <= name_room else row["name"][: max(1, name_room - 1)] + "…"
    cell = Text(" ")
    cell.append("● ", style=style).append(f"{name} ", style="bold").append(state, style=style).append(tail)
    if row["queue"] and row["call"] and len(cell) + len(row["queue"]) < room:
        cell.append(f" {row['queue']}", style="dim")
    return cell


def _calls(rows: list[dict[str, Any]], language: str, shown: int) -> RenderableType:
    table = Table.grid(expand=True, padding=(0, 1))
    for column in range(7):
        table.add_column(justify="right" if column == 6 else "left", no_wrap=True, overflow="ellipsis")
    for row in sorted(rows, key=lambda r: -r["for_s"])[:shown]:
        table.add_row(
            " "
            + say(f"stage.{row['stage']}", language)
            + (f" {say('top.held', language)}" if row["held"] else ""),
            row["caller"],
            row["number"],
            row["language"],
            row["queue"],
            row["agent"] + (" ●" if row["recording"] else ""),
            clock(row["for_s"]),
        )
    title = Text(f" {say('top.calls', language)} {len(rows)}", style="bold")
    if len(rows) > shown:
        title.append("  " + say("top.more", language).format(count=len(rows) - shown), style="dim")
    return Group(Text(), title, table, Text())


def alarm_text(name: str, detail: str, language: str) -> str:
    """An alarm `kind:what` in the reader's language; its own name where it has no text."""
    kind, _, what = name.partition(":")
    key = f"alarm.{kind}"
    text = say(key, language).format(what=what) if key in keys() else name
    return f"{text} ({detail})" if detail else text


def clock(seconds: float) -> str:
    """m:ss, or h:mm:ss."""
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}"
