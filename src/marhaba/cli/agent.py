"""`marhaba agent AGENT ACTION [VALUE]`: what an agent does at his desk, and a supervisor, from the command line."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any

from marhaba.cli.house import add_house, floor_socket
from marhaba.cli.options import number
from marhaba.cli.words import reader_language, refusal, say
from marhaba.control.client import ControlClient
from marhaba.kernel.errors import BadInput, Refused

VALUES = {
    "login": "phone",
    "pause": "code",
    "wrap_extend": "seconds",
    "disposition": "disposition",
    "transfer": "to",
    "consult": "to",
    "keys": "digits",
    "listen": "agent",
    "whisper": "agent",
    "barge": "agent",
}
"""Actions that take a value, and what the floor calls it. `login` alone goes without: the agent's own phone."""
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
    "leave",
)
ACTIONS = (*VALUES, *PLAIN)
SUPERVISED = ("listen", "whisper", "barge")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    language = reader_language()
    add_house(parser)
    parser.add_argument("agent")
    parser.add_argument("action", choices=ACTIONS, metavar="action")
    parser.add_argument("value", nargs="?", default="")
    parser.add_argument("--sub", default="")
    parser.add_argument("--note", default="")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    lines = [f"  {name:<14} {say(f'action.{name}', language)}" for name in ACTIONS]
    parser.epilog = "\n".join([f"{say('agent.actions', language)}:", *lines])


def run(arguments: argparse.Namespace) -> int:
    do, args = request(arguments)
    return asyncio.run(ask(arguments, do, args))


def request(arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """What the floor is asked: the verb and its values."""
    action, value = arguments.action, arguments.value
    if action in VALUES and action != "login" and not value:
        language = reader_language()
        what = say(f"action.{action}", language)
        raise BadInput(say("agent.needs", language).format(action=action, what=what))
    if action in SUPERVISED:
        return "supervise", {"supervisor": arguments.agent, "agent": value, "mode": action}
    if action == "leave":
        return "supervise_end", {"supervisor": arguments.agent}
    args: dict[str, Any] = {"agent": arguments.agent}
    if action == "wrap_extend":
        args["seconds"] = _seconds(value)
    elif value and action in VALUES:
        args[VALUES[action]] = value
    if action == "disposition":
        args |= {"sub": arguments.sub, "note": arguments.note}
    return action, args


def _seconds(text: str) -> float:
    try:
        return number(1.0)(text)
    except argparse.ArgumentTypeError as wrong:
        raise BadInput(str(wrong)) from None


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
    print(refusal(Refused(reply.message, code=reply.code), language), file=sys.stderr)
    return 1
