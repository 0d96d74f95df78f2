"""`marhaba bench start`: from the command to the first answered call, and memory at rest and under 100 calls."""

from __future__ import annotations

from typing import Any


def bench_start() -> dict[str, Any]:
    from marhaba.cli.bench_floor import measure_start

    return measure_start()
