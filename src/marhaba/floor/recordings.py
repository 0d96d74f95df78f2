"""Pausing a recording (a card number, a private word): silence in the file, a line in the journal and in the audit."""

from __future__ import annotations

from marhaba.floor.floor import Floor
from marhaba.kernel.errors import Refused
from marhaba.media.protocol import PauseRecord


def pause(floor: Floor, call_id: str, *, by: str, paused: bool) -> None:
    call = floor.state.calls.get(call_id)
    if call is None or not call.recording:
        raise Refused("nothing is being recorded", code="no-recording")
    if call.recording_paused == paused:
        return
    kind = "recording.paused" if paused else "recording.resumed"
    floor.emit(kind, call=call.id, agent=by, recording=call.recording)
    floor.emit("audit", call=call.id, agent=by, who=by, did=kind, what=call.recording)
    floor.media(call.caller_leg, PauseRecord(recording=call.recording, paused=paused))


def toggle(floor: Floor, call_id: str, *, by: str) -> None:
    call = floor.state.calls.get(call_id)
    pause(floor, call_id, by=by, paused=not (call is not None and call.recording_paused))
