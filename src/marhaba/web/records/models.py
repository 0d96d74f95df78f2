"""The journal as rows that a page can search: calls, stays in queues, agents' parts and times.

Nothing here is a source: `domain.projection` writes it from the journal and can write it all again. Moments are seconds
since the epoch, durations seconds, both as the journal has them.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Position(models.Model):
    """How far the rows tell the journal."""

    seq = models.BigIntegerField(default=0)
    digest = models.CharField(
        max_length=64, blank=True
    )  # of that event: the same number in another journal has another
    format = models.PositiveIntegerField(default=0)  # how rows were written


class Call(models.Model):
    """One row a call: `journal.records.CallRecord`, its sums, and where the journal tells it."""

    call = models.TextField(primary_key=True)
    programme = models.TextField()
    number = models.TextField()
    caller = models.TextField()
    caller_key = models.CharField(
        max_length=15
    )  # its digits, the last one first: any way to write a number finds it
    name = models.TextField()
    trunk = models.TextField()
    language = models.TextField()
    consent = models.BooleanField(null=True)
    offered_at = models.FloatField()
    answered_at = models.FloatField()  # 0: not
    ended_at = models.FloatField()  # 0: not yet
    outcome = models.TextField()  # "": not yet
    ended_by = models.TextField()
    reason = models.TextField()
    callback = models.BooleanField()
    internal = models.BooleanField()
    missed = models.PositiveIntegerField()
    recordings = models.JSONField()
    voicemail = models.TextField()
    disposition = models.TextField()
    sub = models.TextField()
    note = models.TextField()
    mos = models.FloatField()
    lost = models.PositiveBigIntegerField()
    wait_s = models.FloatField()
    talk_s = models.FloatField()
    hold_s = models.FloatField()
    wrap_s = models.FloatField()
    first_seq = models.BigIntegerField()
    last_seq = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["offered_at", "call"], name="calls_by_time"),
            models.Index(fields=["programme", "offered_at", "call"], name="calls_of_a_programme"),
            models.Index(fields=["caller_key", "offered_at"], name="calls_of_a_number"),
        ]


class Name(models.Model):
    """What there is to choose from: every queue and agent that a call of a programme ever had."""

    kind = models.CharField(max_length=5)  # queue | agent
    name = models.TextField()
    programme = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "programme", "name"], name="a_name_once")
        ]


class Visit(models.Model):
    """One stay of a call in a queue."""

    call = models.ForeignKey(Call, models.CASCADE, related_name="visits")
    position = models.PositiveIntegerField()
    queue = models.TextField()
    since = models.FloatField()
    outcome = models.TextField()  # "": it lasts
    wait_s = models.FloatField()
    agent = models.TextField()
    overflow_to = models.TextField()
    overflow_reason = models.TextField()
    # What figures ask of the call, and of the agent's part that an answered stay led to (None: no part).
    programme = models.TextField(default="")
    language = models.TextField(default="")
    handled_s = models.FloatField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["call", "position"], name="a_visit_a_place")]
        indexes: ClassVar = [
            models.Index(fields=["since"], name="visits_by_time"),
            models.Index(fields=["queue", "since"], name="visits_of_a_queue"),
        ]


class Part(models.Model):
    """One agent's part of a call."""

    call = models.ForeignKey(Call, models.CASCADE, related_name="parts")
    position = models.PositiveIntegerField()
    agent = models.TextField()
    queue = models.TextField()
    connected_at = models.FloatField()
    released_at = models.FloatField()  # 0: it lasts
    talk_s = models.FloatField()
    hold_s = models.FloatField()
    wrap_s = models.FloatField()
    why = models.TextField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["call", "position"], name="a_part_a_place")]
        indexes: ClassVar = [
            models.Index(fields=["connected_at"], name="parts_by_time"),
            models.Index(fields=["agent", "connected_at"], name="parts_of_an_agent"),
        ]


class Span(models.Model):
    """An agent in one state, from a moment to another. Those of a login touch each other, so that they add up to it."""

    agent = models.TextField()
    state = models.TextField()
    code = models.TextField()
    call = models.TextField()  # he is on, or wraps up
    login = models.FloatField()  # when he had logged in
    begin = models.FloatField()
    end = models.FloatField(null=True)  # None: it lasts

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["agent"], condition=models.Q(end=None), name="one_state_an_agent")
        ]
        indexes: ClassVar = [
            models.Index(fields=["end"], name="spans_by_end"),
            models.Index(fields=["agent", "end"], name="spans_of_an_agent"),
        ]
