"""`marhaba top`: the floor live in a terminal. Pushed by the floor, redrawn when something changed."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from marhaba.cli.house import add_house, floor_socket
from marhaba.cli.words import reader_language, say
from marhaba.floor.control import ControlClient
from marhaba.kernel.errors import Refused

STATE_STYLE = {
    "ready": "green",
    "ringing": "yellow",
    "talking": "bold cyan",
    "wrapup": "blue",
    "paused": "magenta",
    "logged_out": "dim",
}
CALLS_SHOWN = 12
RETRY_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_house(parser)
    parser.add_argument("--once", action="store_true")


def run(arguments: argparse.Namespace) -> int:
    return asyncio.run(watch(floor_socket(arguments), once=arguments.once))


async def watch(path: Path, *, once: bool = False) -> int:
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
        console.print(draw((await client.ask("board")).data, language))
        await client.close()
        return 0
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            try:
                await _follow(path, live, language)
            except (OSError, ConnectionError):
                live.update(Text(say("floor.gone", language), style="yellow"), refresh=True)
                await asyncio.sleep(RETRY_S)


async def _follow(path: Path, live: Live, language: str) -> None:
    client = ControlClient(path)
    await client.connect()
    try:
        reply = await client.ask("subscribe")
        live.update(draw(reply.data, language), refresh=True)
        while True:
            push = await client.next_push()
            if push.board is not None:
                live.update(draw(push.board, language), refresh=True)
    finally:
        await client.close()


def draw(board: dict[str, Any], language: str) -> RenderableType:
    """The board as tables: queues first, because that is where callers wait."""
    return Group(
        Text(f"Marhaba · {board['name']}", style="bold"),
        _queues(board["queues"], language),
        _agents(board["agents"], language),
        _calls(board["calls"], language),
        _alarms(board["alarms"], language),
    )


def _queues(rows: list[dict[str, Any]], language: str) -> Table:
    table = Table(title=say("top.queues", language), title_justify="left", expand=True)
    heads = ("queue", "waiting", "longest", "ready", "talking", "offered", "answered", "abandoned", "level")
    for head in heads:
        table.add_column(say(f"top.{head}", language), justify="left" if head == "queue" else "right")
    for row in rows:
        level = row["service_level"]
        late = row["longest_s"] > row["threshold_s"]
        table.add_row(
            row["queue"],
            Text(str(row["waiting"]), style="bold red" if late else ""),
            Text(clock(row["longest_s"]) if row["waiting"] else "–", style="red" if late else ""),
            str(row["ready"]),
            str(row["talking"]),
            str(row["offered"]),
            str(row["answered"]),
            str(row["abandoned"]),
            "–" if level is None else f"{100 * level:.1f} % {row['formula']}/{row['threshold_s']:g} s",
        )
    return table


def _agents(rows: list[dict[str, Any]], language: str) -> Table:
    """Three agents a line: a small centre fits one screen."""
    table = Table(title=say("top.agents", language), title_justify="left", expand=True, show_header=False)
    for _ in range(3):
        table.add_column(ratio=1, no_wrap=True)
    cells = [_agent_cell(row, language) for row in rows if row["state"] != "logged_out"]
    for start in range(0, len(cells), 3):
        table.add_row(*cells[start : start + 3])
    return table


def _agent_cell(row: dict[str, Any], language: str) -> Text:
    cell = Text()
    cell.append("● ", style=STATE_STYLE[row["state"]])
    cell.append(f"{row['name']} ", style="bold")
    cell.append(say(f"state.{row['state']}", language), style=STATE_STYLE[row["state"]])
    if row["code"]:
        cell.append(f" ({row['code']})", style="dim")
    cell.append(f" {clock(row['for_s'])}")
    if row["queue"] and row["call"]:
        cell.append(f" {row['queue']}", style="dim")
    return cell


def _calls(rows: list[dict[str, Any]], language: str) -> Table:
    table = Table(title=f"{say('top.calls', language)} ({len(rows)})", title_justify="left", expand=True)
    for head in ("stage", "caller", "number", "language", "queue", "agent", "time"):
        table.add_column(head if head == "" else "", justify="right" if head == "time" else "left")
    table.show_header = False
    for row in sorted(rows, key=lambda r: -r["for_s"])[:CALLS_SHOWN]:
        table.add_row(
            say(f"stage.{row['stage']}", language),
            row["caller"],
            row["number"],
            row["language"],
            row["queue"],
            row["agent"] + (" ●" if row["recording"] else ""),
            clock(row["for_s"]),
        )
    return table


def _alarms(alarms: dict[str, str], language: str) -> Text:
    line = Text(f"{say('top.alarms', language)}: ", style="bold")
    if not alarms:
        return line.append(say("top.none", language), style="green")
    return line.append("; ".join(f"{name} ({detail})" for name, detail in alarms.items()), style="bold red")


def clock(seconds: float) -> str:
    """m:ss, or h:mm:ss."""
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}"
