"""The options of `marhaba replay` that ask what would have been."""

from __future__ import annotations

import argparse
import re

from marhaba.cli.options import whole
from marhaba.cli.words import reader_language, say
from marhaba.replay.change import TAILS

_PERCENT = re.compile(r"([+-]?[0-9]{1,4}(?:[.,][0-9]{1,3})?) ?%?")


def add_change(parser: argparse.ArgumentParser) -> None:
    language = reader_language()
    # "--aht -10%": a percentage with a minus is a value, as a negative number is.
    parser._negative_number_matcher = re.compile(r"^-\d+([.,]\d+)?%?$")  # noqa: SLF001
    what = parser.add_argument_group(say("replay.group.change", language))
    what.add_argument("--simulate", action="store_true")
    what.add_argument("--more", type=whole(), default=0, metavar="N")
    what.add_argument("--like", default="", metavar="AGENT")
    what.add_argument("--skills", default="", metavar="SKILL=LEVEL,...")
    what.add_argument("--without", action="append", default=[], metavar="AGENT")
    what.add_argument("--agents-from", default="", metavar="TIME")
    what.add_argument("--agents-to", default="", metavar="TIME")
    what.add_argument("--rule", action="append", default=[], metavar="QUEUE.KEY=VALUE")
    what.add_argument("--aht", type=percent, default=0.0, metavar="PERCENT")
    what.add_argument("--volume", type=percent, default=0.0, metavar="PERCENT")
    how = parser.add_argument_group(say("replay.group.how", language))
    how.add_argument("--days", type=whole(1), default=1)
    how.add_argument("--tail", choices=TAILS, default="constant")
    how.add_argument("--redraw", action="store_true")
    how.add_argument("--replications", type=whole(2), default=200)
    how.add_argument("--seed", type=whole(), default=1)
    how.add_argument("--html", default="", metavar="FILE")


def percent(text: str) -> float:
    """The type of an option that takes a change in per cent: "+20%", "-10", "2,5 %"; above -100."""
    found = _PERCENT.fullmatch(text.strip())
    if found is None or (value := float(found[1].replace(",", "."))) <= -100.0:
        raise argparse.ArgumentTypeError(say("option-percent", reader_language()).format(text=text))
    return value


def is_wanted(arguments: argparse.Namespace) -> bool:
    """Whether the day is to be simulated, and not only decided again."""
    asked = (arguments.simulate, arguments.more, arguments.without, arguments.rule, arguments.aht)
    return any((*asked, arguments.volume, arguments.redraw, arguments.html))
