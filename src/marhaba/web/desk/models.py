"""What an agent writes about a call while he writes it. What he files goes to the floor's journal as well."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Note(models.Model):
    call_id = models.CharField(max_length=64)
    agent_id = models.CharField(max_length=64)
    text = models.TextField(blank=True, max_length=4_000)
    disposition = models.CharField(max_length=64, blank=True)
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["call_id", "agent_id"], name="a_note_a_call_and_agent")
        ]
        indexes: ClassVar = [models.Index(fields=["agent_id", "-saved_at"])]
