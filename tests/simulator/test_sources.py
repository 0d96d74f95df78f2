"""What the name of the compiled code is made of: all that becomes machine code, and nothing more."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from marhaba.simulator import compiled

ROOM = Path(compiled.__file__).parent
MODULES = {path.stem: ast.parse(path.read_text("utf-8")) for path in ROOM.glob("*.py")}


def imported(name: str) -> set[str]:
    """Modules of the room that this one imports for more than types."""
    found = set()
    for node in MODULES[name].body:
        if isinstance(node, ast.ImportFrom) and node.module == "marhaba.simulator":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("marhaba.simulator."):
            found.add((node.module or "").split(".")[2])
    return found


def compiles(name: str) -> bool:
    return any(
        isinstance(each, ast.Name) and each.id in ("entry", "compiled", "inlined")
        for node in ast.walk(MODULES[name])
        if isinstance(node, ast.FunctionDef)
        for each in node.decorator_list
    )


def test_modules_that_are_left_out_exist_and_compile_nothing() -> None:
    assert [name for name in sorted(compiled.PLAIN & MODULES.keys()) if compiles(name)] == []


@pytest.mark.parametrize("name", [name for name in sorted(MODULES) if compiles(name) and name != "building"])
def test_what_becomes_machine_code_takes_nothing_from_them(name: str) -> None:
    seen, asked = set[str](), {name}
    while asked:
        each = asked.pop()
        seen.add(each)
        asked |= imported(each) - seen
    assert seen & compiled.PLAIN == set()
