"""`marhaba bench NAME --json`: measure, and say whether the targets are met. One JSON object on stdout."""

from __future__ import annotations

import argparse
import importlib
import json
import operator
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

BENCHES = {
    "floor": ("marhaba.cli.bench_floor", "bench_floor"),
    "media": ("marhaba.cli.bench_media", "bench_media"),
    "rehearsal": ("marhaba.cli.bench_rehearsal", "bench_rehearsal"),
    "routing": ("marhaba.cli.bench_routing", "bench_routing"),
    "simulator": ("marhaba.cli.bench_simulator", "bench_simulator"),
    "start": ("marhaba.cli.bench_start", "bench_start"),
}
"""Each function returns {"figures": {key: number}, "targets": {key: [comparison, number]}}."""
COMPARE = {"<=": operator.le, ">=": operator.ge, "==": operator.eq}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", choices=sorted(BENCHES))
    parser.add_argument("--json", action="store_true")


def run(arguments: argparse.Namespace) -> int:
    module, function = BENCHES[arguments.name]
    result: dict[str, Any] = getattr(importlib.import_module(module), function)()
    report = judge(arguments.name, result)
    if arguments.json:
        print(json.dumps(report))
    else:
        for key, value in report["figures"].items():
            target = report["targets"].get(key)
            print(
                f"{key:32} {value:>12.4g} {'' if target is None else f'(target {target[0]} {target[1]:g})'}"
            )
    return 0 if report["ok"] else 1


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
