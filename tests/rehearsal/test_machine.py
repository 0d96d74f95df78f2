"""The floor takes clocks and chance from its machine alone: what reads them elsewhere cannot be rehearsed."""

from __future__ import annotations

import ast
from pathlib import Path

import marhaba.floor

FLOOR = Path(marhaba.floor.__file__).parent
ADAPTERS = {"machine.py", "secrets.py"}
"""`machine` is the real machine; `secrets` makes passwords when somebody asks for one, never while calls run."""
THREADS = {"journal_writer.py"}
"""The writer's thread may wait by the real clock: the rehearsal drives what it wraps."""
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
    for path in sorted(FLOOR.glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        if path.name not in ADAPTERS | THREADS:
            assert imported(tree) & FORBIDDEN == set(), path.name
        if path.name not in ADAPTERS | THREADS:
            reads = {
                node.func.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in READS
            }
            assert reads - {"today"} == set(), path.name
