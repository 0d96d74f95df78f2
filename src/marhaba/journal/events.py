"""The journal's vocabulary: everything that happens on the floor, as one flat event.

State is a replay of these events, so each carries what `floor.state.apply` needs and nothing that can be derived.
`at` is the floor's steady clock: seconds since the epoch at start-up, advanced by the monotonic clock, so that a
stepped wall clock never makes a negative duration. Keys pressed by callers are not journalled (card numbers).

Calls
    call.offered        number, caller, name, trunk, programme, leg, held_for   an INVITE arrived (before any answer)
    call.answered                                                     we sent the 200: the caller hears us
    call.language       language, how (menu | number | default)
    call.consent        given (bool), how (announce | key)            recording consent
    call.queued         language, priority, rank, since, why, skills  why: first | transfer | overflow open a queue visit;
                                                                      missed | restart put the caller back in place;
                        knows, knows_s                                the agent preferred to all others, and waited for
    call.announced      position, wait_low_s, wait_high_s             what the caller was told (wait 0: not told)
    call.ringing        leg, why (queue | transfer | consult), step   agent_id's phone is about to ring: the intent. Several at
                                                                      one moment where the queue rings all; step: relaxation
    call.missed         leg, code, reason, ring_s                     agent_id did not take it
    call.spared         leg, why, ring_s                              agent_id need not: another was quicker (elsewhere), or the
                                                                      caller has left (abandoned), or is lost (crash)
    call.connected      leg, wait_s, served                           agent_id and the caller hear each other; served: the
                                                                      programme and number he is known by when he calls again
    call.dequeued       outcome, wait_s                               ends a queue visit, exactly once: answered | abandoned |
                                                                      overflowed | callback | voicemail | closed | failed
    call.overflowed     to, reason (wait | size | no-staff | closed | gone)
    call.held           by (agent | phone | consult | line)           call.resumed ends it; line: the browser is away
    call.resumed        by
    call.consulting     leg, target, joined, hand_over, rings         agent_id asks somebody while the caller holds
    call.consult_ended  leg, why
    call.transferred    kind (blind | attended | queue), to           agent_id handed the caller over
    call.message        why, what                                     a last announcement, or voicemail, begins
    call.released       why, talk_s, hold_s                           agent_id's part is over (the caller's may go on)
    call.ended          outcome, by (caller | agent | floor | carrier | crash), reason, code
                        outcome: answered | abandoned | abandoned_ivr | callback | voicemail | closed | refused | failed
Legs (what a restarted floor needs to find its calls again)
    leg.opened          leg, role (caller | agent | consult | supervisor | nailed | outside), worker, port, edge;
                        of an outside call also route (its prefix) and per_minute
    leg.dialog          leg, snapshot (text), codec, remote_host, remote_port, dtmf_payload, latch_host_only
    leg.moved           leg, role                                     it belongs to call_id from now on
    leg.closed          leg, reason, received, lost, jitter_ms, mos ...   (media.protocol.LegStats)
Callbacks and voicemail
    callback.asked      callback, number, language, priority, rank, since   keeps its place in queue_id
    callback.dialling   callback, attempt, leg                        intent, committed before the INVITE leaves
    callback.missed     callback, attempt, code, reason
    callback.ended      callback, outcome (reached | unreachable | cancelled), attempts
    voicemail.left      path, seconds, number, language
Recordings
    recording.started   recording, path, paused
    recording.paused    recording                                     recording.resumed: the same
    recording.ended     recording, path, seconds, error
Agents
    agent.logged_in     phone, how (key | socket | start | browser)
    agent.state         state (logged_out | paused | ready | ringing | talking | wrapup), code, until, call,
                        idle_since (a turn given back), tried (the call he had been given, and could not be rung for)
    agent.after_call    after_call ("" | pause:CODE | logout)          wished for while a call goes on
    agent.disposition   disposition, sub, note                        for call_id
    agent.skills        skills                                        changed for the day
Supervision
    supervision.started leg, mode (listen | whisper | barge), target  agent_id is the supervisor
    supervision.mode    leg, mode
    supervision.ended   leg
The house
    floor.started       version, after_crash                          floor.stopped
    floor.recovered     calls, waiting, legs, lost
    centre.loaded       digest, path, timezone, queues, agents, queue_choice
                                                                      what routing goes by from now on: loaded.py
    trunk.state         trunk, up, code
    alarm.raised        alarm, detail                                 alarm.cleared: alarm
    audit               who, did, what                                a privileged act
"""

from __future__ import annotations

from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True):
    """One line of the journal. `seq` is 0 until the journal numbers it."""

    at: float
    kind: str
    call_id: str = ""
    agent_id: str = ""
    queue_id: str = ""
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    seq: int = 0


KINDS = frozenset(
    (
        "call.offered",
        "call.answered",
        "call.language",
        "call.consent",
        "call.queued",
        "call.announced",
        "call.ringing",
        "call.missed",
        "call.spared",
        "call.connected",
        "call.dequeued",
        "call.overflowed",
        "call.held",
        "call.resumed",
        "call.consulting",
        "call.consult_ended",
        "call.transferred",
        "call.message",
        "call.released",
        "call.ended",
        "leg.opened",
        "leg.dialog",
        "leg.moved",
        "leg.closed",
        "callback.asked",
        "callback.dialling",
        "callback.missed",
        "callback.ended",
        "voicemail.left",
        "recording.started",
        "recording.paused",
        "recording.ended",
        "recording.resumed",
        "agent.logged_in",
        "agent.state",
        "agent.after_call",
        "agent.disposition",
        "agent.skills",
        "supervision.started",
        "supervision.mode",
        "supervision.ended",
        "floor.started",
        "floor.recovered",
        "floor.stopped",
        "centre.loaded",
        "trunk.state",
        "alarm.raised",
        "alarm.cleared",
        "audit",
    )
)
"""Every kind there is; the floor emits no other, and a test holds this list against the table above."""
