"""What a process and its children cost, read from /proc (Linux)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / (1 << 20)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a whole process tree, children that ended and were waited for included in the CPU."""

    cpu_s: float
    rss_mib: float
    processes: int
    cpu_s_of: dict[int, float]  # process -> its own, with the children it waited for


def cost_of_tree(pid: int) -> Cost:
    """Raises `ProcessLookupError` when `pid` is gone."""
    stats = _stats()
    if pid not in stats:
        raise ProcessLookupError(pid)
    tree = [process for process in stats if _descends(process, pid, stats)]
    return Cost(
        cpu_s=sum(stats[process].cpu_ticks for process in tree) * _TICK_S,
        rss_mib=sum(stats[process].rss_pages for process in tree) * _PAGE_MIB,
        processes=len(tree),
        cpu_s_of={process: stats[process].cpu_ticks * _TICK_S for process in tree},
    )


def command_of(pid: int) -> list[str]:
    """The arguments a process was started with; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


@dataclass(frozen=True, slots=True)
class _Stat:
    parent: int
    cpu_ticks: int
    rss_pages: int


def _stats() -> dict[int, _Stat]:
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        # proc(5): the name may hold spaces and brackets; what follows the last one is regular
        words = text.rpartition(")")[2].split()
        ticks = sum(int(word) for word in words[11:15])  # utime, stime, cutime, cstime
        found[int(entry.name)] = _Stat(parent=int(words[1]), cpu_ticks=ticks, rss_pages=int(words[21]))
    return found


def _descends(process: int, ancestor: int, stats: dict[int, _Stat]) -> bool:
    while process in stats:
        if process == ancestor:
            return True
        process = stats[process].parent
    return False
