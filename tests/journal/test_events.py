"""The journal's vocabulary: the table in the docstring is the list the floor may emit from."""

import ast
import re
from pathlib import Path

import marhaba.floor
from marhaba.journal import events

FLOOR = Path(marhaba.floor.__path__[0])
KIND = re.compile(
    r"(?<![\w.])(?:call|leg|callback|voicemail|recording|agent|supervision|floor|centre|trunk|alarm)\.[a-z_]+"
)


def test_the_table_names_every_kind_and_no_other() -> None:
    rows = [line for line in (events.__doc__ or "").splitlines() if line.startswith("    ")]
    named = {kind for line in rows for kind in KIND.findall(line)} | {
        line.split()[0] for line in rows if "audit" in line
    }
    assert named == events.KINDS


def test_the_floor_emits_no_other_kind() -> None:
    emitted = {
        node.args[0].value
        for path in FLOOR.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "emit"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert emitted <= events.KINDS
    assert "call.offered" in emitted
