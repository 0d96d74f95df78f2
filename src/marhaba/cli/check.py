"""`marhaba check [--reload]`: is centre.toml right, and does the running centre take it?"""

from __future__ import annotations

import argparse
import asyncio
import sys

from marhaba.cli.house import add_house, config_path, existing_centre
from marhaba.cli.words import reader_language, say
from marhaba.control.client import ControlClient


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_house(parser)
    parser.add_argument("--reload", action="store_true")


def run(arguments: argparse.Namespace) -> int:
    path, language = config_path(arguments), reader_language()
    centre = existing_centre(path)
    print(
        say("check.good", language).format(
            path=path,
            programmes=len(centre.programmes),
            queues=len(centre.queues),
            agents=len(centre.agents),
        )
    )
    if not arguments.reload:
        return 0
    client = ControlClient(centre.data_folder / "run" / "floor.sock")

    async def reload() -> int:
        await client.connect()
        reply = await client.ask("reload")
        await client.close()
        if not reply.ok:
            print(reply.message, file=sys.stderr)
            return 1
        print(say("check.reloaded", language))
        for change in reply.data or []:
            print(f"  {change}")
        return 0

    try:
        return asyncio.run(reload())
    except OSError:
        print(say("floor.absent", language).format(path=centre.data_folder), file=sys.stderr)
        return 1
