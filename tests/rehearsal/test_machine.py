"""The floor takes clocks and chance from its machine alone: what reads them elsewhere cannot be rehearsed."""

from __future__ import annotations

import ast
from pathlib import Path

import marhaba.floor
import marhaba.journal

ROOMS = [Path(room.__path__[0]) for room in (marhaba.floor, marhaba.journal)]
REAL = {"machine.py", "writer.py"}
"""`machine` is the real machine; the journal's writing thread may wait by the real clock."""
FORBIDDEN = {"time", "random", "uuid", "secrets"}
READS = {"now", "today", "utcnow", "urandom", "monotonic", "perf_counter", "token_hex"}


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").partition(".")[0])
    return names


def test_the_floor_reads_no_clock_and_draws_no_number_but_its_machines() -> None:
    for path in sorted(path for room in ROOMS for path in room.glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        if path.name not in REAL:
            assert imported(tree) & FORBIDDEN == set(), path.name
            reads = {
                node.func.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in READS
            }
            assert reads - {"today"} == set(), path.name
