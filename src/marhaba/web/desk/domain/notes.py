"""Notes are saved as typed: whoever writes them loses nothing with his browser."""

from __future__ import annotations

from marhaba.web.desk.models import Note

TEXT_MAX = 4_000
"""What the floor takes as one text."""


def save(agent: str, call: str, text: str, disposition: str = "") -> Note:
    note, _new = Note.objects.update_or_create(
        call_id=call, agent_id=agent, defaults={"text": text[:TEXT_MAX], "disposition": disposition}
    )
    return note


def text_of(agent: str, call: str) -> str:
    found = Note.objects.filter(call_id=call, agent_id=agent).first()
    return found.text if found is not None else ""
