"""The floor's state, and the one function that changes it: `apply(state, event)`.

Everything here is a replay of the journal, so a restarted floor has it back exactly. What is not here (which prompt
plays, which timer runs) is rebuilt from it. The kernel's routing tables are part of the state and are driven by the
same events.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from marhaba.floor import loaded
from marhaba.floor.loaded import Loaded, LoadedAgent
from marhaba.journal.events import Event
from marhaba.kernel.routing import AgentState, Routing


class Stage(StrEnum):
    """Where a call is. A caller is in exactly one of them (invariant I2)."""

    GREETING = "greeting"  # greeting, language menu, consent: before any queue
    QUEUED = "queued"
    RINGING = "ringing"  # still in the queue; an agent's phone rings
    TALKING = "talking"
    MESSAGE = "message"  # voicemail, or a last announcement before the floor hangs up
    DIALLING = "dialling"  # a callback: the agent is there, the customer's phone rings
    INTERNAL = "internal"  # a phone of the house calls the floor, a colleague or an outside number


@dataclass(slots=True)
class Leg:
    id: str
    call: str
    role: str  # caller | agent | consult | supervisor | outside
    agent: str = ""
    worker: str = ""
    port: int = 0
    snapshot: str = ""
    codec: int = 8
    remote_host: str = ""
    remote_port: int = 0
    dtmf_payload: int = 101
    latch_host_only: bool = False
    held: bool = False  # the far side put us on hold
    sdp_session: int = 0
    sdp_version: int = 1
    edge: str = ""  # the browser's line at the edge; "": a SIP dialog
    ended: str = ""  # why its SIP side ended; the worker's last word is awaited
    opened_at: float = 0.0


@dataclass(slots=True)
class Call:
    id: str
    programme: str
    number: str  # as dialled
    caller: str
    name: str = ""
    trunk: str = ""
    stage: Stage = Stage.GREETING
    offered_at: float = 0.0
    answered_at: float = 0.0
    language: str = ""
    consent: bool | None = None
    caller_leg: str = ""
    queue: str = ""
    since: float = 0.0  # when this place in line was taken
    rank: int = 0
    priority: int = 0
    knows: str = ""  # the agent who is preferred to all others
    knows_s: float = 0.0  # and waited for, so long after `since`
    visit_open: bool = False
    agent: str = ""  # who talks, or whose phone rings
    agent_leg: str = ""
    beside: dict[str, str] = field(
        default_factory=dict
    )  # other phones that ring for him as well: leg -> agent
    ring_why: str = ""  # queue | transfer | callback
    ring_at: float = 0.0
    ring_step: int = 0  # relaxation steps behind him then
    connected_at: float = 0.0
    held_at: float = 0.0
    held_by: str = ""  # agent | phone | consult | line: the browser is away
    hold_s: float = 0.0
    consult_leg: str = ""
    consult_target: str = ""
    hand_over: bool = False  # whoever answers the consultation takes the caller
    asked_rings: bool = (
        False  # a browser that is consulted has not answered: its line is open, and must not be heard
    )
    joined: bool = False  # three-way: the consulted party and the caller hear each other
    supervisors: dict[str, str] = field(default_factory=dict)  # leg -> listen | whisper | barge
    recording: str = ""
    recording_path: str = ""
    recording_paused: bool = False
    served: bool = False  # an agent has talked with this caller
    callback: bool = False  # we call the customer
    attempts: int = 0
    retry_at: float = 0.0
    overflows: int = 0
    voicemail: bool = False
    closing: str = ""  # why the last message is played: closed | callback | wait | size | no-staff | gone
    ended_by: str = ""  # who hung up first, when it was not the caller

    @property
    def ringing(self) -> dict[str, str]:
        """The phones that ring for him: leg -> agent."""
        rings = self.stage is Stage.RINGING and self.agent_leg
        return {self.agent_leg: self.agent, **self.beside} if rings else {}


@dataclass(frozen=True, slots=True)
class Served:
    """Who talked with a caller last, and when they began."""

    agent: str
    at: float


@dataclass(slots=True)
class Seat:
    """An agent, as the floor sees him."""

    id: str
    phone: str = ""
    state: AgentState = AgentState.LOGGED_OUT
    since: float = 0.0
    idle_since: float = 0.0  # his turn in line: survives a ring that ended through no fault of his
    code: str = ""
    until: float = 0.0  # end of wrap-up
    call: str = ""  # the call he is on, rings for, or wraps up
    leg: str = ""  # nailed-up leg
    missed_in_row: int = 0
    after_call: str = ""  # "" ready | a pause code asked for while talking | "logout"


@dataclass(slots=True)
class FloorState:
    routing: Routing
    calls: dict[str, Call] = field(default_factory=dict)
    legs: dict[str, Leg] = field(default_factory=dict)
    seats: dict[str, Seat] = field(default_factory=dict)
    alarms: dict[str, str] = field(default_factory=dict)
    trunks: dict[str, bool] = field(default_factory=dict)
    rank_next: int = 1
    at: float = 0.0  # time of the last event
    running: bool = False  # a floor started and has not said good-bye
    loaded: Loaded | None = None  # what routing goes by
    rung: str = ""  # the call that a queue rang for last
    served: dict[str, Served] = field(default_factory=dict)  # by programme and number, the latest last


SERVED_MAX = 20_000
"""Callers whose last agent is remembered: a week of a busy house, and 1 MB of each checkpoint."""


def apply(state: FloorState, event: Event) -> None:
    """Change `state` as `event` says. Unknown kinds change nothing: they are for the records."""
    state.at = event.at
    handler = _APPLY.get(event.kind)
    if handler is not None:
        handler(state, event, event.data)


_LEG_FIELDS = (
    "snapshot",
    "codec",
    "remote_host",
    "remote_port",
    "dtmf_payload",
    "latch_host_only",
    "held",
    "sdp_session",
    "sdp_version",
    "edge",
)


def _floor_started(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    state.running = True


def _floor_stopped(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    state.running = False


def _centre_loaded(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if (now := loaded.understood(data)) is not None:
        loaded.adopt(state.routing, now)
        state.loaded = now


def _call_offered(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    state.calls[event.call_id] = Call(
        id=event.call_id,
        programme=data["programme"],
        number=data["number"],
        caller=data["caller"],
        name=data.get("name", ""),
        trunk=data.get("trunk", ""),
        stage=Stage(data.get("stage", Stage.GREETING)),
        offered_at=event.at,
        caller_leg=data.get("leg", ""),
        agent=event.agent_id,
    )


def _call_answered(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if call := state.calls.get(event.call_id):
        call.answered_at = event.at


def _call_language(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if call := state.calls.get(event.call_id):
        call.language = data["language"]


def _call_consent(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if call := state.calls.get(event.call_id):
        call.consent = data["given"]


def _call_queued(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    call = state.calls.get(event.call_id)
    if call is None:
        return
    call.stage, call.queue = Stage.QUEUED, event.queue_id
    call.since, call.rank, call.priority = data["since"], data["rank"], data["priority"]
    call.visit_open, call.agent, call.agent_leg, call.ring_why = True, "", "", ""
    call.knows, call.knows_s = data.get("knows", ""), data.get("knows_s", 0.0)
    state.rank_next = max(state.rank_next, call.rank + 1)
    if data["why"] == "overflow":
        call.overflows += 1
    # The verb has asked for admission, under the rules of its day; a replay under others must not ask again.
    if state.routing.queue_of(call.id) != call.queue:
        state.routing.leave(call.id)
        state.routing.enqueue(
            event.at,
            call.id,
            call.queue,
            language=call.language,
            priority=call.priority,
            queued_at=call.since,
            rank=call.rank,
            admitted=True,
            knows=call.knows,
            knows_s=call.knows_s,
        )


def _call_ringing(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    call = state.calls.get(event.call_id)
    if call is None:
        return
    if call.ringing:
        call.beside[data["leg"]] = event.agent_id
    else:
        call.stage, call.agent, call.agent_leg = Stage.RINGING, event.agent_id, data["leg"]
        call.ring_at, call.ring_why, call.ring_step = event.at, data["why"], data.get("step", 0)
    if data["why"] == "queue":
        state.rung = call.id
        state.routing.assign(event.at, call.id, event.agent_id)


def _call_missed(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    _call_spared(state, event, data)
    if seat := state.seats.get(event.agent_id):
        seat.missed_in_row += 1


def _call_spared(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    """One phone rings no more; others may."""
    call = state.calls.get(event.call_id)
    if call is None or call.beside.pop(data["leg"], None) is not None or call.agent_leg != data["leg"]:
        return
    call.agent_leg, call.agent = next(iter(call.beside.items()), ("", ""))
    if call.agent_leg:
        del call.beside[call.agent_leg]
    else:
        call.ring_why = ""


def _call_connected(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    call = state.calls.get(event.call_id)
    if call is None:
        return
    call.stage, call.agent, call.agent_leg = Stage.TALKING, event.agent_id, data["leg"]
    call.connected_at, call.held_at, call.hold_s, call.served = event.at, 0.0, 0.0, True
    if seat := state.seats.get(event.agent_id):
        seat.missed_in_row = 0
    if event.agent_id and (number := data.get("served")):
        state.served.pop(number, None)
        state.served[number] = Served(event.agent_id, event.at)
        if len(state.served) > SERVED_MAX:
            del state.served[next(iter(state.served))]


def _call_dequeued(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    state.routing.leave(event.call_id)
    if call := state.calls.get(event.call_id):
        call.visit_open = False


def _call_held(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if (call := state.calls.get(event.call_id)) and not call.held_at:
        call.held_at, call.held_by = event.at, data.get("by", "")


def _call_resumed(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if (call := state.calls.get(event.call_id)) and call.held_at:
        call.hold_s += event.at - call.held_at
        call.held_at = 0.0


def _call_consulting(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if call := state.calls.get(event.call_id):
        call.consult_leg, call.consult_target = data["leg"], data["target"]
        call.joined, call.hand_over = data.get("joined", False), data.get("hand_over", False)
        call.asked_rings = data.get("rings", False)


def _call_consult_ended(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if call := state.calls.get(event.call_id):
        call.consult_leg, call.consult_target, call.joined, call.hand_over = "", "", False, False
        call.asked_rings = False


def _call_released(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if call := state.calls.get(event.call_id):
        call.agent, call.agent_leg, call.held_at, call.joined = "", "", 0.0, False


def _call_ended(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    state.routing.leave(event.call_id)
    state.calls.pop(event.call_id, None)


def _call_message(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if call := state.calls.get(event.call_id):
        call.stage, call.closing = Stage.MESSAGE, data["why"]


def _voicemail_left(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if call := state.calls.get(event.call_id):
        call.voicemail = True


def _leg_opened(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    state.legs[data["leg"]] = Leg(
        id=data["leg"],
        call=event.call_id,
        role=data["role"],
        agent=event.agent_id,
        worker=data["worker"],
        port=data["port"],
        opened_at=event.at,
    )
    _leg_dialog(
        state, event, {name: data[name] for name in _LEG_FIELDS if name in data} | {"leg": data["leg"]}
    )
    call = state.calls.get(event.call_id)
    if call is not None and data["role"] == "caller":
        call.caller_leg = data["leg"]
    if data["role"] == "nailed" and (seat := state.seats.get(event.agent_id)):
        seat.leg = data["leg"]


def _leg_dialog(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    leg = state.legs.get(data["leg"])
    if leg is None:
        return
    for name, value in data.items():
        if name != "leg":
            setattr(leg, name, value)


def _leg_moved(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if leg := state.legs.get(data["leg"]):
        leg.call, leg.role = event.call_id, data["role"]
        leg.agent = event.agent_id or leg.agent
        if leg.role == "nailed" and (seat := state.seats.get(leg.agent)):
            seat.leg = leg.id


def _leg_closed(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    leg = state.legs.pop(data["leg"], None)
    if leg is not None and (seat := state.seats.get(leg.agent)) and seat.leg == leg.id:
        seat.leg = ""


def _callback_asked(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    origin = state.calls.get(event.call_id)
    call = Call(
        id=data["callback"],
        programme=origin.programme if origin else data.get("programme", ""),
        number=origin.number if origin else data.get("dialled", ""),
        caller=data["number"],
        trunk=data.get("trunk", ""),
        offered_at=event.at,
        language=data["language"],
        callback=True,
    )
    state.calls[call.id] = call


def _callback_dialling(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if call := state.calls.get(data["callback"]):
        call.stage, call.attempts, call.caller_leg = Stage.DIALLING, data["attempt"], data["leg"]


def _callback_missed(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if call := state.calls.get(data["callback"]):
        call.caller_leg, call.retry_at, call.stage = "", data.get("retry_at", 0.0), Stage.QUEUED
        state.routing.leave(call.id)  # his place is kept, but not in line before `retry_at`


def _recording_started(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if call := state.calls.get(event.call_id):
        call.recording, call.recording_path = data["recording"], data["path"]
        call.recording_paused = data.get("paused", False)


def _recording_paused(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if call := state.calls.get(event.call_id):
        call.recording_paused = event.kind == "recording.paused"


def _recording_ended(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if (call := state.calls.get(event.call_id)) and call.recording == data["recording"]:
        call.recording = ""


def _agent_logged_in(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    seat = state.seats.setdefault(event.agent_id, Seat(event.agent_id))
    seat.phone = data.get("phone", seat.phone)


def _agent_state(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    seat = state.seats.setdefault(event.agent_id, Seat(event.agent_id))
    seat.state = AgentState[data["state"].upper()]
    seat.since, seat.code, seat.until = event.at, data.get("code", ""), data.get("until", 0.0)
    seat.call = event.call_id
    if seat.state is AgentState.READY:
        seat.idle_since = data.get("idle_since", event.at)
    if "after_call" in data or seat.state in (AgentState.READY, AgentState.PAUSED, AgentState.LOGGED_OUT):
        seat.after_call = data.get("after_call", "")
    state.routing.agent_state(event.at, event.agent_id, seat.state, idle_since=data.get("idle_since"))


def _agent_after_call(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if seat := state.seats.get(event.agent_id):
        seat.after_call = data["after_call"]


def _agent_skills(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    skills, queues = data["skills"], data.get("queues")
    before = state.loaded.agents.get(event.agent_id) if state.loaded is not None else None
    own = before.own if before is not None else ()
    state.routing.set_agent(event.agent_id, skills, queues, own)
    if state.loaded is not None:
        changed = LoadedAgent(skills, None if queues is None else tuple(queues), own)
        state.loaded = replace(state.loaded, agents={**state.loaded.agents, event.agent_id: changed})


def _supervision(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    call = state.calls.get(event.call_id)
    if call is None:
        return
    if event.kind == "supervision.ended":
        call.supervisors.pop(data["leg"], None)
    else:
        call.supervisors[data["leg"]] = data["mode"]


def _alarm(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    if event.kind == "alarm.raised":
        state.alarms[data["alarm"]] = data.get("detail", "")
    else:
        state.alarms.pop(data["alarm"], None)


def _trunk_state(state: FloorState, event: Event, data: dict[str, Any]) -> None:
    state.trunks[data["trunk"]] = data["up"]


_APPLY = {
    "floor.started": _floor_started,
    "floor.stopped": _floor_stopped,
    "centre.loaded": _centre_loaded,
    "call.offered": _call_offered,
    "call.answered": _call_answered,
    "call.language": _call_language,
    "call.consent": _call_consent,
    "call.queued": _call_queued,
    "call.ringing": _call_ringing,
    "call.missed": _call_missed,
    "call.spared": _call_spared,
    "call.connected": _call_connected,
    "call.dequeued": _call_dequeued,
    "call.held": _call_held,
    "call.resumed": _call_resumed,
    "call.consulting": _call_consulting,
    "call.consult_ended": _call_consult_ended,
    "call.released": _call_released,
    "call.message": _call_message,
    "call.ended": _call_ended,
    "leg.opened": _leg_opened,
    "leg.dialog": _leg_dialog,
    "leg.moved": _leg_moved,
    "leg.closed": _leg_closed,
    "callback.asked": _callback_asked,
    "callback.dialling": _callback_dialling,
    "callback.missed": _callback_missed,
    "recording.started": _recording_started,
    "recording.paused": _recording_paused,
    "recording.resumed": _recording_paused,
    "recording.ended": _recording_ended,
    "voicemail.left": _voicemail_left,
    "agent.logged_in": _agent_logged_in,
    "agent.state": _agent_state,
    "agent.after_call": _agent_after_call,
    "agent.skills": _agent_skills,
    "supervision.started": _supervision,
    "supervision.mode": _supervision,
    "supervision.ended": _supervision,
    "alarm.raised": _alarm,
    "alarm.cleared": _alarm,
    "trunk.state": _trunk_state,
}
