"""`marhaba bench NAME --json`: measure, and say whether the targets are met. One JSON object on stdout."""

from __future__ import annotations

import argparse
import importlib
import json
import operator
import os
import platform
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

from marhaba.cli.words import reader_language, say

BENCHES = {
    "calllog": ("marhaba.cli.bench_calllog", "bench_calllog"),
    "floor": ("marhaba.cli.bench_floor", "bench_floor"),
    "media": ("marhaba.cli.bench_media", "bench_media"),
    "rehearsal": ("marhaba.cli.bench_rehearsal", "bench_rehearsal"),
    "routing": ("marhaba.cli.bench_routing", "bench_routing"),
    "simulator": ("marhaba.cli.bench_simulator", "bench_simulator"),
    "start": ("marhaba.cli.bench_start", "bench_start"),
}
"""Each function returns {"figures": {key: number}, "targets": {key: [comparison, number]}}; what people would rather read
than the figures may stand beside them as {"text": ...}."""
OF_A_FILE = frozenset({"calllog"})
"""Their function takes the arguments."""
COMPARE = {"<=": operator.le, ">=": operator.ge, "==": operator.eq}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", choices=sorted(BENCHES))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--data", type=Path, default=None, metavar="FILE")
    parser.add_argument("--columns", nargs="*", default=[], metavar="NAME=COLUMN")
    parser.add_argument("--from", dest="first", type=_day, default=None, metavar="DAY")


def run(arguments: argparse.Namespace) -> int:
    module, function = BENCHES[arguments.name]
    given = (arguments,) if arguments.name in OF_A_FILE else ()
    result: dict[str, Any] = getattr(importlib.import_module(module), function)(*given)
    report = judge(arguments.name, result)
    if arguments.json:
        print(json.dumps(report))
    else:
        print(result.get("text", ""), end="")
        for key, value in report["figures"].items():
            if "text" in result and key not in report["targets"]:
                continue
            target = report["targets"].get(key)
            print(
                f"{key:32} {value:>12.4g} {'' if target is None else f'(target {target[0]} {target[1]:g})'}"
            )
    return 0 if report["ok"] else 1


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(say("bench.bad-day", reader_language()).format(text=text)) from None


def judge(name: str, result: dict[str, Any]) -> dict[str, Any]:
    """The bench contract: figures against targets, with the commit and the machine they were taken on."""
    figures, targets = result["figures"], result["targets"]
    ok = all(key in figures and COMPARE[how](figures[key], bound) for key, (how, bound) in targets.items())
    return {
        "bench": name,
        "commit": _commit(),
        "machine": f"{platform.machine()} {os.cpu_count()} cores, Python {platform.python_version()}",
        "figures": figures,
        "targets": targets,
        "ok": ok,
    }


def _commit() -> str:
    """The checkout's commit, or "" for an installed wheel."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parent,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
