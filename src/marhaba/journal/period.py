"""The records of a time: as much of the journal as it takes, and no more."""

from __future__ import annotations

from marhaba.journal.journal import Journal
from marhaba.journal.records import Records

CALL_S_MAX = 86_400.0
"""No call and no login is older than a day when a period begins, or lasts a day beyond its end."""


def records_of(journal: Journal, *, begin: float, end: float) -> Records:
    """Records of [begin, end), in seconds since the epoch: agents' time within it, calls to their end.

    Calls that arrived up to a day before are there too, for their stays in queues that began within it.
    """
    records = Records()
    begun = False
    for event in journal.read(after_seq=journal.seq_at(begin - CALL_S_MAX)):
        if not begun and event.at >= begin:
            begun = True
            for time in records.agents.values():
                time.begin(begin)
        if event.at >= end + CALL_S_MAX:
            break
        if event.at < end or not event.kind.startswith("agent."):
            records.apply(event)
    records.last_at = min(records.last_at, end)
    return records
