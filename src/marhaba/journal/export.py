"""Calls as CSV for spreadsheets and as JSON lines for programs."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import msgspec

from marhaba.journal.records import CallRecord

BOM = "\ufeff"
"""At the beginning of a file: spreadsheets then read accents and Arabic as they are."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def row(call: CallRecord, zone: ZoneInfo) -> dict[str, str | int | float | None]:
    """One call, flat. Moments are ISO 8601 with their offset, durations seconds, lists joined by spaces."""
    return {
        "call": call.call,
        "offered_at": iso(call.offered_at, zone),
        "answered_at": iso(call.answered_at, zone),
        "ended_at": iso(call.ended_at, zone),
        "programme": call.programme,
        "number": call.number,
        "caller": call.caller,
        "name": call.name,
        "trunk": call.trunk,
        "language": call.language,
        "consent": {None: "", True: "yes", False: "no"}[call.consent],
        "callback": "yes" if call.callback else "no",
        "internal": "yes" if call.internal else "no",
        "outcome": call.outcome,
        "ended_by": call.ended_by,
        "reason": call.reason,
        "queues": " ".join(call.queues),
        "agents": " ".join(call.agents),
        "wait_s": round(call.wait_s, 3),
        "talk_s": round(call.talk_s, 3),
        "hold_s": round(call.hold_s, 3),
        "wrap_s": round(call.wrap_s, 3),
        "missed": call.missed,
        "disposition": call.disposition,
        "sub": call.sub,
        "note": call.note,
        "recordings": " ".join(call.recordings),
        "voicemail": call.voicemail,
        "mos": round(call.mos, 2),
        "lost": call.lost,
    }


def write_csv(calls: Iterable[CallRecord], file: TextIO, *, zone: ZoneInfo, separator: str) -> None:
    writer = csv.DictWriter(file, COLUMNS, delimiter=separator)
    writer.writeheader()
    for call in calls:
        writer.writerow({name: harmless(value) for name, value in row(call, zone).items()})


def write_json(calls: Iterable[CallRecord], file: TextIO, *, zone: ZoneInfo) -> None:
    """One object a line; queues, agents' parts and stays with all their fields."""
    for call in calls:
        parts: dict[str, Any] = row(call, zone) | {"visits": call.visits, "parts": call.parts}
        file.write(msgspec.json.encode(parts).decode() + "\n")


def harmless(value: str | int | float | None) -> str | int | float | None:
    """A text that a spreadsheet would take for a formula gets an apostrophe (OWASP, "CSV Injection")."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def iso(at: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at, zone).isoformat(timespec="milliseconds") if at else ""


COLUMNS = tuple(row(CallRecord("", "", "", "", 0.0), ZoneInfo("UTC")))
