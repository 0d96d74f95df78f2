"""The `marhaba` command: one table of commands, each in its own module, imported when it is called."""

from __future__ import annotations

import importlib
import sys

from marhaba import __version__
from marhaba.cli.options import Parser, speak
from marhaba.cli.words import reader_language, refusal, say, why
from marhaba.files.zones import use_newest_zones
from marhaba.kernel.errors import MarhabaError

COMMANDS = {
    "demo": "marhaba.cli.demo",
    "serve": "marhaba.cli.serve",
    "top": "marhaba.cli.top",
    "calls": "marhaba.cli.calls",
    "call": "marhaba.cli.call",
    "agent": "marhaba.cli.agent",
    "phone": "marhaba.cli.phone",
    "check": "marhaba.cli.check",
    "link": "marhaba.cli.link",
    "audit": "marhaba.cli.audit",
    "doctor": "marhaba.cli.doctor",
    "simulate": "marhaba.cli.simulate",
    "replay": "marhaba.cli.replay",
    "rehearse": "marhaba.cli.rehearse",
    "bench": "marhaba.cli.bench",
}
"""Each module has `add_arguments(parser)` and `run(arguments) -> int`, the exit status."""


def main(argv: list[str] | None = None) -> int:
    """Entry point of the console script."""
    use_newest_zones()
    argv = sys.argv[1:] if argv is None else argv
    language = reader_language()
    speak(language)
    parser = Parser(prog="marhaba", description=say("about", language))
    parser.add_argument(
        "--version", action="version", version=f"marhaba {__version__}", help=say("option.version", language)
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        command = commands.add_parser(
            name, help=say(f"help.{name}", language), description=say(f"help.{name}", language)
        )
        # Only the chosen command is imported: `marhaba serve` must be up within seconds.
        if argv and argv[0] == name:
            importlib.import_module(COMMANDS[name]).add_arguments(command)
            command.describe(name, language)
    arguments = parser.parse_args(argv)
    try:
        return int(importlib.import_module(COMMANDS[arguments.command]).run(arguments))
    except MarhabaError as error:
        print(refusal(error, language), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
    except OSError as error:
        if error.filename is None:
            raise  # not a file that somebody named
        print(f"{error.filename}: {why(error, language)}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
