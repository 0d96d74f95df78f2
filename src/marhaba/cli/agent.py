"""`marhaba agent AGENT ACTION [VALUE]`: what an agent does at his desk, from the command line."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any

from marhaba.cli.house import add_house, floor_socket
from marhaba.cli.words import keys, reader_language, say
from marhaba.floor.control import ControlClient
from marhaba.kernel.errors import Refused

VALUES = {
    "login": "phone",
    "pause": "code",
    "wrap_extend": "seconds",
    "disposition": "disposition",
    "transfer": "to",
    "consult": "to",
    "keys": "digits",
}
PLAIN = (
    "logout",
    "ready",
    "wrap_done",
    "hang_up",
    "hold",
    "resume",
    "join",
    "complete",
    "back",
    "record_pause",
    "record_resume",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_house(parser)
    parser.add_argument("agent")
    parser.add_argument("action", choices=sorted([*VALUES, *PLAIN]))
    parser.add_argument("value", nargs="?", default="")
    parser.add_argument("--sub", default="", help="sub-disposition")
    parser.add_argument("--note", default="")


def run(arguments: argparse.Namespace) -> int:
    args: dict[str, Any] = {"agent": arguments.agent}
    if arguments.value and (name := VALUES.get(arguments.action)) is not None:
        args[name] = float(arguments.value) if name == "seconds" else arguments.value
    if arguments.action == "disposition":
        args |= {"sub": arguments.sub, "note": arguments.note}
    return asyncio.run(ask(arguments, arguments.action, args))


async def ask(arguments: argparse.Namespace, do: str, args: dict[str, Any]) -> int:
    """Send one request to the running floor and print its answer in the reader's language."""
    language, path = reader_language(), floor_socket(arguments)
    client = ControlClient(path)
    try:
        await client.connect()
    except OSError:
        raise Refused(
            say("floor.absent", language).format(path=path.parent.parent), code="no-floor"
        ) from None
    reply = await client.ask(do, **args)
    await client.close()
    if reply.ok:
        print(say("agent.done", language))
        return 0
    key = f"refusal.{reply.code}"
    print(say(key, language) if key in keys() else reply.message, file=sys.stderr)
    return 1
