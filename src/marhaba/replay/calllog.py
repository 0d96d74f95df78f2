"""The log of calls of another system: read, cleaned, and cut into days.

    log = read(frame)              # a polars frame with the columns of COLUMNS, a row for each call
    log.left_out                   # what could not be used, and how much of it
    day = log.day(date(2026, 3, 2))

`ended` is when the agent was free again: the hang-up, or the transfer when he had given the caller to somebody else; of an
abandoned call it is when the caller hung up. Half of the waits that a simulation says hang on this: a hang-up after a
transfer keeps agents busy who were not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from marhaba.kernel.errors import BadInput

COLUMNS = ("type", "agent", "received", "answered", "ended")
"""`type` and `agent` text (`agent` null where nobody answered), the others instants on the centre's wall clock
(`answered` null: abandoned)."""
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Day:
    """The calls received on one day, in order; arrays of one length, times in seconds from its midnight."""

    date: date
    types: tuple[str, ...]
    agents: tuple[str, ...]
    type: Ints  # place in `types`
    agent: Ints  # place in `agents`; -1: abandoned, or nobody knows who answered
    received: Floats
    answered: Floats  # NaN: abandoned
    ended: Floats

    @property
    def abandoned(self) -> Bools:
        return np.isnan(self.answered)

    @property
    def left_queue(self) -> Floats:
        """When each was answered or hung up."""
        return np.where(self.abandoned, self.ended, self.answered)

    @property
    def waits(self) -> Floats:
        return self.left_queue - self.received

    @property
    def busy(self) -> Floats:
        """How long the agent was; NaN: abandoned."""
        return self.ended - self.answered

    def calls_of(self, agent: int) -> Ints:
        """His answered calls, by the time of the answer."""
        mine = np.flatnonzero(self.agent == agent)
        return mine[np.argsort(self.answered[mine], kind="stable")]


@dataclass(frozen=True, slots=True)
class CallLog:
    """`calls`: day, type, agent, received, answered, ended (seconds from the day's midnight), in order."""

    calls: pl.DataFrame
    left_out: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.calls)

    def days(self, calls_least: int = 1) -> list[date]:
        """With so many calls at least."""
        counts = self.calls.group_by("day").len().filter(pl.col("len") >= calls_least)
        return sorted(counts["day"].to_list())

    def between(self, first: date | None, before: date | None) -> CallLog:
        """From a day on, up to the day before another; None: no such limit."""
        days = self.calls["day"]
        begin = 0 if first is None else days.search_sorted(first, "left")
        end = len(days) if before is None else days.search_sorted(before, "left")
        return CallLog(self.calls.slice(int(begin), max(int(end) - int(begin), 0)), {})

    def only(self, days: list[date]) -> CallLog:
        return CallLog(self.calls.filter(pl.col("day").is_in(days)), {})

    def day(self, day: date) -> Day:
        """Raises BadInput for a day without calls."""
        begin = int(self.calls["day"].search_sorted(day, "left"))
        end = int(self.calls["day"].search_sorted(day, "right"))
        rows = self.calls.slice(begin, end - begin)
        if not len(rows):
            raise BadInput(f"no calls on {day}", code="log-day", about={"day": day})
        types, type_ = _numbered(rows["type"])
        agents, agent = _numbered(rows["agent"])
        times = {name: rows[name].fill_null(np.nan).to_numpy() for name in ("received", "answered", "ended")}
        return Day(day, types, agents, type_, agent, **times)


def read(frame: pl.DataFrame) -> CallLog:
    """Check and clean. Raises BadInput for a column that is missing or of another kind, and for a log without a call.

    Left out, and counted: the same row again, in all its columns ("twice"), no reception or no type ("incomplete"), no end
    ("no end"), ends before it begins ("backwards"). An answer without an agent stays: the caller waited and was helped.
    """
    _check_columns(frame)
    once = frame.unique(maintain_order=True)
    left_out = {"twice": len(frame) - len(once)}
    once = once.select(
        day=pl.col("received").dt.date(),
        type=pl.col("type").cast(pl.String),
        agent=pl.when(pl.col("answered").is_not_null()).then(pl.col("agent").cast(pl.String)),
        **{name: _seconds(name) for name in ("received", "answered", "ended")},
    )
    for name, wrong in (
        ("incomplete", pl.any_horizontal(pl.col("received", "type").is_null())),
        ("no end", pl.col("ended").is_null()),
        ("backwards", (pl.col("answered") < pl.col("received")) | (pl.col("ended") < _began())),
    ):
        kept = once.filter(~wrong.fill_null(False))
        left_out[name] = len(once) - len(kept)
        once = kept
    if not len(once):
        raise BadInput("a log without a call that can be used", code="log-empty", about=left_out)
    return CallLog(once.sort("day", "received", maintain_order=True), left_out)


def _check_columns(frame: pl.DataFrame) -> None:
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise BadInput(
            f"the log has no column {missing[0]}: it needs {', '.join(COLUMNS)}",
            code="log-column",
            about={"column": missing[0], "columns": ", ".join(COLUMNS)},
        )
    for name in COLUMNS[2:]:
        if not isinstance(frame.schema[name], pl.Datetime):
            raise BadInput(
                f"column {name} holds {frame.schema[name]}, not instants",
                code="log-kind",
                about={"column": name, "kind": str(frame.schema[name])},
            )


def _seconds(name: str) -> pl.Expr:
    """From the midnight before the call was received, on the wall clock."""
    midnight = pl.col("received").dt.replace_time_zone(None).dt.truncate("1d")
    return (pl.col(name).dt.replace_time_zone(None) - midnight).dt.total_microseconds() / 1e6


def _began() -> pl.Expr:
    return pl.coalesce("answered", "received")


def _numbered(column: pl.Series) -> tuple[tuple[str, ...], Ints]:
    names: list[str] = column.drop_nulls().unique().sort().to_list()
    place = {name: number for number, name in enumerate(names)}
    return tuple(names), np.array([place.get(name, -1) for name in column.to_list()], np.int64)
