"""Draw the board of the demo as it is after a minute, for the README: `python scripts/make_screenshot.py`."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.terminal_theme import MONOKAI

from marhaba.cli.top import Board
from marhaba.floor.control import ControlClient

OUT = Path(__file__).parent.parent / "docs" / "pictures" / "top.svg"
COLUMNS = 128
AFTER_S = 75


async def board_of(folder: Path) -> dict[str, Any]:
    client = ControlClient(folder / "data" / "run" / "floor.sock")
    await client.connect()
    data: dict[str, Any] = (await client.ask("board")).data
    await client.close()
    return data


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "marhaba", "demo", "--folder", name, "--no-board"]
        command += ["--calls-per-minute", "16"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as demo:
            time.sleep(AFTER_S)
            board = asyncio.run(board_of(Path(name)))
            demo.terminate()
    console = Console(record=True, width=COLUMNS, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(Board(board, "fr"))
    svg = console.export_svg(title="marhaba top", theme=MONOKAI)
    # No font from elsewhere: whoever looks at the picture asks nobody.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", "utf-8")
    print(OUT, len(svg))


if __name__ == "__main__":
    main()
