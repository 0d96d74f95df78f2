"""A recorded day, as a model of it needs it: who came when, what became of them, who was there to help.

A caller is one contact from his first queue to his end, whichever queues he was sent on to and even if he was called back:
that is how a simulator counts him. Handed to a queue by an agent he is another contact. An agent's hours are his logins;
pauses, and calls that no queue gave him, are time away.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from marhaba.floor.loaded import Loaded, LoadedAgent, understood
from marhaba.journal.events import Event

BUSY = ("ringing", "talking", "wrapup")


@dataclass(slots=True)
class Contact:
    """Times in seconds since the epoch; `wait_s` until the end of his waiting, whatever it was."""

    call: str
    queue: str
    language: str
    priority: int
    at: float
    outcome: str = ""  # of records.OUTCOMES; "": he still waits where the journal ends
    wait_s: float = 0.0
    patience_s: float = math.nan  # how long he was seen to wait himself: a callback waits in his stead
    agent: str = ""
    ring_s: float = 0.0  # while a phone rang for him, those not answered included; several at once count once
    handle_s: float = math.nan  # talk, hold and wrap-up of the agent the queue gave him
    callback: bool = False
    taken_at: float = 0.0  # of a callback: when an agent first dialled for it
    ringing: int = 0  # phones that ring for him now
    ring_since: float = 0.0

    def rings(self, at: float) -> None:
        """One more phone rings for him."""
        if self.ringing == 0:
            self.ring_since = at
        self.ringing += 1

    def rang(self, at: float) -> None:
        """One of them does no longer."""
        self.ringing -= 1
        if self.ringing == 0:
            self.ring_s += at - self.ring_since

    @property
    def seen_s(self) -> float:
        return self.wait_s if math.isnan(self.patience_s) else self.patience_s

    @property
    def let_in(self) -> bool:
        """Whether the queue was open when he came."""
        return self.outcome != "closed" or self.wait_s > 0.0


@dataclass(slots=True)
class Presence:
    """One login under one set of skills. `away`: (from, to) within it, in order, apart from each other."""

    agent: str
    skills: Mapping[str, int]
    queues: tuple[str, ...] | None
    begin: float
    end: float = math.inf  # still there when the journal ends
    away: list[tuple[float, float]] = field(default_factory=list)
    busy_s: float = 0.0  # with calls of queues
    own: tuple[str, ...] = ()  # queues whose callers go first for him


@dataclass(slots=True)
class _Run:
    """From a ring to the end of wrap-up: one call of one agent. `contact` is None for a call no queue gave him."""

    begin: float
    contact: Contact | None
    talk_at: float = 0.0


@dataclass(slots=True)
class _Seat:
    state: str = "logged_out"
    since: float = 0.0
    run: _Run | None = None
    presence: Presence | None = None


class Recorder:
    """Listens to the journal, event by event. Give it a day more than is asked about, at both ends."""

    def __init__(self) -> None:
        self.contacts: list[Contact] = []
        self.presences: list[Presence] = []
        self.loaded: Loaded | None = None
        self.loads: list[float] = []  # when centre.toml was read, starts aside
        self.last_at = 0.0
        self._now_with: dict[str, Contact] = {}  # by call
        self._given: dict[str, str] = {}  # agent -> the call a queue gave him
        self._seats: dict[str, _Seat] = defaultdict(_Seat)
        self._starting = False

    def see(self, event: Event) -> None:
        self.last_at = event.at
        if event.kind == "centre.loaded":
            self._load(event)
        elif (handler := _HANDLERS.get(event.kind)) is not None:
            handler(self, event, event.data)
        self._starting = event.kind == "floor.started"

    def close(self) -> None:
        """The journal ends here; what goes on goes on beyond it."""
        for seat in self._seats.values():
            self._leave_state(seat, self.last_at, cut=True)
            if seat.presence is not None:
                seat.presence.end = math.inf

    # -- callers ----------------------------------------------------------------------------------------------

    def queued(self, event: Event, data: dict[str, Any]) -> None:
        contact = self._now_with.get(event.call_id)
        handed_on = data["why"] == "transfer"  # or come back because nobody took him: he waits from now on
        if handed_on or contact is None:
            came = event.at if handed_on else data["since"]
            contact = Contact(event.call_id, event.queue_id, data["language"], data["priority"], came)
            self.contacts.append(contact)
            self._now_with[event.call_id] = contact
        contact.outcome = ""

    def dequeued(self, event: Event, data: dict[str, Any]) -> None:
        if contact := self._now_with.get(event.call_id):
            contact.outcome, contact.wait_s = data["outcome"], (contact.taken_at or event.at) - contact.at
            contact.agent = event.agent_id

    def callback_asked(self, event: Event, data: dict[str, Any]) -> None:
        """It comes before the caller's visit ends, and waits in his place from then on."""
        if contact := self._now_with.pop(event.call_id, None):
            contact.patience_s, contact.callback = event.at - contact.at, True
            self._now_with[data["callback"]] = contact

    def call_ended(self, event: Event, data: dict[str, Any]) -> None:
        self._now_with.pop(event.call_id, None)

    # -- agents -----------------------------------------------------------------------------------------------

    def ringing(self, event: Event, data: dict[str, Any]) -> None:
        if data["why"] == "queue":
            self._given[event.agent_id] = event.call_id

    def agent_state(self, event: Event, data: dict[str, Any]) -> None:
        seat, state = self._seats[event.agent_id], data["state"]
        begins = state == "ringing" or (state in BUSY and seat.state not in BUSY)
        if seat.run is not None and state == "talking" and not begins:
            if seat.run.contact is not None and not seat.run.talk_at:
                seat.run.contact.rang(event.at)
            seat.run.talk_at = seat.run.talk_at or event.at
            if (contact := seat.run.contact) is not None and contact.callback:
                contact.taken_at = contact.taken_at or event.at
        if begins or state not in BUSY:
            self._leave_state(seat, event.at)
        if state == "logged_out":
            seat.presence = None
        elif seat.presence is None:
            self._come(event.agent_id, seat, event.at)
        if begins:
            given = self._given.pop(event.agent_id, "") == event.call_id
            seat.run = _Run(event.at, self._now_with.get(event.call_id) if given else None)
            if seat.run.contact is not None and state == "ringing":
                seat.run.contact.rings(event.at)
            seat.run.talk_at = 0.0 if state == "ringing" else event.at
        if begins or state not in BUSY:
            seat.since = event.at
        seat.state = state

    def agent_skills(self, event: Event, data: dict[str, Any]) -> None:
        queues = data.get("queues")
        if self.loaded is not None:
            before = self.loaded.agents.get(event.agent_id)
            own = before.own if before is not None else ()
            can = LoadedAgent(data["skills"], None if queues is None else tuple(queues), own)
            self.loaded = replace(self.loaded, agents={**self.loaded.agents, event.agent_id: can})
        self._change_skills(event.agent_id, event.at)

    def _leave_state(self, seat: _Seat, at: float, *, cut: bool = False) -> None:
        """The pause, or the call, is over; `cut`: it goes on, and nobody knows for how long."""
        presence, run = seat.presence, seat.run
        seat.run = None
        if presence is not None and run is not None:
            if run.contact is None:
                presence.away.append((run.begin, at))
            else:
                presence.busy_s += at - run.begin
                if not run.talk_at:
                    run.contact.rang(at)
                if run.talk_at and not cut:
                    tries_s = (
                        0.0 if math.isnan(run.contact.handle_s) else run.contact.handle_s
                    )  # of a callback
                    run.contact.handle_s = tries_s + at - run.talk_at
        elif presence is not None and seat.state == "paused":
            presence.away.append((seat.since, at))
        if presence is not None:
            presence.end = at

    def _come(self, agent: str, seat: _Seat, at: float) -> None:
        can = self.loaded.agents.get(agent) if self.loaded is not None else None
        can = can or LoadedAgent({}, ())
        seat.presence = Presence(agent, can.skills, can.queues, at, own=can.own)
        self.presences.append(seat.presence)

    # -- rules ------------------------------------------------------------------------------------------------

    def _load(self, event: Event) -> None:
        now = understood(event.data)
        if now is None:
            return
        before, self.loaded = self.loaded, now
        if not self._starting:
            self.loads.append(event.at)
        for agent in self._seats:
            if before is None or before.agents.get(agent) != now.agents.get(agent):
                self._change_skills(agent, event.at)

    def _change_skills(self, agent: str, at: float) -> None:
        """From now on he is somebody else to a model, once his call is over."""
        seat = self._seats[agent]
        if seat.presence is None:
            return
        if seat.run is None and seat.state == "paused":
            seat.presence.away.append((seat.since, at))
            seat.since = at
        seat.presence.end = at
        self._come(agent, seat, at)


_HANDLERS = {
    "call.queued": Recorder.queued,
    "call.dequeued": Recorder.dequeued,
    "call.ended": Recorder.call_ended,
    "callback.asked": Recorder.callback_asked,
    "call.ringing": Recorder.ringing,
    "agent.state": Recorder.agent_state,
    "agent.skills": Recorder.agent_skills,
}
