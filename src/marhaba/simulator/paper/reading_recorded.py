"""Contacts that really came, from a CSV: `at`, and perhaps `type`, `patience_s`, `handle_s`."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from marhaba.files.problems import Problem
from marhaba.files.sections import Section
from marhaba.simulator.model import Arrivals, Recorded, Steady
from marhaba.simulator.paper.paper import DAY_S, Hours

ROWS_MAX = 2_000_000
PROBLEMS_MAX = 10
"""Of one file; it is then not read further."""
COLUMNS = ("at", "type", "patience_s", "handle_s")


def read_recorded(name: str, table: Section, folder: Path, hours: Hours) -> Arrivals:
    """Of the contact type `name`: all rows where there is no column `type`, or where it is empty."""
    file = table.text("csv")
    reader = _Rows(name, file, table, hours)
    try:
        with (folder / file).open(encoding="utf-8-sig", newline="") as opened:
            first = opened.readline()
            opened.seek(0)
            separator = ";" if first.count(";") > first.count(",") else ","
            rows = csv.DictReader(opened, delimiter=separator)
            if "at" not in (rows.fieldnames or ()):
                table.wrong("csv", ", ".join(rows.fieldnames or ()), "model_csv_columns")
                return Steady(0.0)
            for row in rows:
                if not reader.take(rows.line_num, row):
                    break
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        table.wrong("csv", file, "model_csv_file", why=getattr(error, "strerror", None) or str(error))
        return Steady(0.0)
    found = sorted(reader.found, key=lambda row: row[0])
    at, patience, handle = zip(*found, strict=True) if found else ((), (), ())
    return Recorded(at, patience, handle)


class _Rows:
    def __init__(self, name: str, file: str, table: Section, hours: Hours) -> None:
        self.name, self.file, self.table, self.hours = name, file, table, hours
        self.found: list[tuple[float, float, float]] = []
        self._wrong = 0
        self._first: date | None = None

    def take(self, line: int, row: Mapping[str, Any]) -> bool:
        """False: there is no sense in going on."""
        if row.get("type") not in (None, "", self.name):
            return True
        at = self._moment(str(row["at"] or "").strip())
        if at is None:
            about = {"begin": self.hours.clock(0.0), "end": self.hours.clock(self.hours.length_s)}
            self._note(line, "at", row["at"], "model_csv_time", **about)
        seconds = [self._seconds(line, row, key) for key in ("patience_s", "handle_s")]
        self.found.append((at or 0.0, seconds[0], seconds[1]))
        if len(self.found) > ROWS_MAX:
            self._note(line, "at", row["at"], "model_csv_rows", count=ROWS_MAX)
            return False
        return self._wrong < PROBLEMS_MAX

    def _moment(self, text: str) -> float | None:
        """Seconds since the beginning: of a time of day with a date or without, or of such seconds themselves."""
        try:
            since = float(text)
        except ValueError:
            found = self._since(text)
            if found is None:
                return None
            since = found
        return since if 0.0 <= since < self.hours.length_s else None

    def _since(self, text: str) -> float | None:
        try:
            at = time.fromisoformat(text)
        except ValueError:
            try:
                when = datetime.fromisoformat(text)
            except ValueError:
                return None
            seconds = _of_day(when.time()) - self.hours.begins_s
            if self._first is None:
                self._first = when.date() if seconds >= 0.0 else when.date() - timedelta(days=1)
            return seconds + (when.date() - self._first).days * DAY_S
        seconds = _of_day(at) - self.hours.begins_s
        return seconds if seconds >= 0.0 else seconds + DAY_S

    def _seconds(self, line: int, row: Mapping[str, Any], key: str) -> float:
        text = str(row.get(key) or "nan")
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if value < 0.0 or (value == math.inf and key == "handle_s"):
            self._note(line, key, text, "duration", low="0 s", high="30 d")
        return value

    def _note(self, line: int, column: str, found: object, expected: str, **about: Any) -> None:
        self._wrong += 1
        where = f"{self.file}: {column}"
        self.table.gathering.problems.append(Problem(line, where, str(found or ""), expected, about))


def _of_day(at: time) -> float:
    return at.hour * 3600.0 + at.minute * 60.0 + at.second + at.microsecond / 1e6
