"""Call records, agent time and queue figures: a projection of the journal and nothing else.

`Records.apply` takes one event after the other; applying the second half to a snapshot of the first gives what replaying all
gives. Every figure can be opened down to its calls, because the figures are counted from the same records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from marhaba.journal.events import Event

INTERVAL_S = 900.0
"""Figures by the quarter of an hour, as planners count."""
OUTCOMES = ("answered", "abandoned", "overflowed", "callback", "voicemail", "closed", "failed")


@dataclass(slots=True)
class QueueVisit:
    """One stay of a call in a queue. `outcome` is "" while it lasts."""

    queue: str
    since: float  # when the visit began
    outcome: str = ""
    wait_s: float = 0.0
    agent: str = ""
    overflow_to: str = ""
    overflow_reason: str = ""


@dataclass(slots=True)
class AgentPart:
    """One agent's part of a call. `released_at` is 0 while it lasts."""

    agent: str
    queue: str
    connected_at: float
    released_at: float = 0.0
    talk_s: float = 0.0
    hold_s: float = 0.0
    wrap_s: float = 0.0
    why: str = ""


@dataclass(slots=True)
class CallRecord:
    call: str
    programme: str
    number: str
    caller: str
    offered_at: float
    name: str = ""
    trunk: str = ""
    language: str = ""
    consent: bool | None = None
    answered_at: float = 0.0
    ended_at: float = 0.0  # 0 while it lasts
    outcome: str = ""
    ended_by: str = ""
    reason: str = ""
    callback: bool = False
    internal: bool = False  # an agent called a colleague or an outside number
    visits: list[QueueVisit] = field(default_factory=list)
    parts: list[AgentPart] = field(default_factory=list)
    missed: int = 0
    recordings: list[str] = field(default_factory=list)
    voicemail: str = ""
    disposition: str = ""
    sub: str = ""
    note: str = ""
    mos: float = 0.0  # the worse leg
    lost: int = 0

    @property
    def talk_s(self) -> float:
        return sum(part.talk_s for part in self.parts)

    @property
    def hold_s(self) -> float:
        return sum(part.hold_s for part in self.parts)

    @property
    def wrap_s(self) -> float:
        return sum(part.wrap_s for part in self.parts)

    @property
    def wait_s(self) -> float:
        return sum(visit.wait_s for visit in self.visits)

    def wrapped(self, agent: str, seconds: float) -> None:
        """`agent` has finished what his part of the call left to do."""
        for part in reversed(self.parts):
            if part.agent == agent:
                part.wrap_s += seconds
                return

    @property
    def agents(self) -> list[str]:
        return list(dict.fromkeys(part.agent for part in self.parts))

    @property
    def queues(self) -> list[str]:
        return list(dict.fromkeys(visit.queue for visit in self.visits))


@dataclass(slots=True)
class AgentTime:
    """Seconds in each state since login; `since` is when the present state began."""

    agent: str
    state: str = "logged_out"
    since: float = 0.0
    code: str = ""
    call: str = ""  # the call he is on, or wraps up
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    pauses: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    logged_in_at: float = 0.0
    logged_in_s: float = 0.0  # of logins that have ended
    calls: int = 0

    def begin(self, at: float) -> None:
        """Count from `at` on."""
        self.seconds.clear()
        self.pauses.clear()
        self.logged_in_s, self.calls = 0.0, 0
        self.since, self.logged_in_at = max(self.since, at), max(self.logged_in_at, at)

    def login_s(self, now: float) -> float:
        """Time logged in up to `now`."""
        running = now - self.logged_in_at if self.state != "logged_out" else 0.0
        return self.logged_in_s + running

    def in_states(self, now: float) -> dict[str, float]:
        """Seconds by state up to `now`, the present one included; they add up to `login_s`."""
        totals = dict(self.seconds)
        if self.state != "logged_out":
            totals[self.state] = totals.get(self.state, 0.0) + now - self.since
        return totals


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """Visits of one queue that began in one interval."""

    queue: str
    begin: float
    offered: int
    outcomes: dict[str, int]
    waiting: int
    answered_wait_s: tuple[float, ...]
    abandoned_wait_s: tuple[float, ...]


class Records:
    """The projection. `calls` holds every call seen, in the order of their arrival."""

    def __init__(self) -> None:
        self.calls: dict[str, CallRecord] = {}
        self.agents: dict[str, AgentTime] = {}
        self.last_at = 0.0

    def apply(self, event: Event) -> None:
        self.last_at = max(self.last_at, event.at)
        handler = _HANDLERS.get(event.kind)
        if handler is not None:
            handler(self, event, event.data)

    def apply_all(self, events: Iterable[Event]) -> None:
        for event in events:
            self.apply(event)

    def find(
        self,
        *,
        queue: str = "",
        agent: str = "",
        programme: str = "",
        outcome: str = "",
        number: str = "",
        begin: float = 0.0,
        end: float = float("inf"),
    ) -> Iterator[CallRecord]:
        """Calls that arrived in [begin, end) and match every filter given."""
        for call in self.calls.values():
            if (
                begin <= call.offered_at < end
                and (not queue or queue in call.queues)
                and (not agent or agent in call.agents)
                and (not programme or call.programme == programme)
                and (not outcome or call.outcome == outcome)
                and (not number or number in (call.caller, call.number))
            ):
                yield call

    def figures(self, *, interval_s: float = INTERVAL_S) -> list[QueueFigures]:
        """By queue and interval; a visit belongs to the interval in which it began, whenever it ended."""
        groups: dict[tuple[float, str], list[QueueVisit]] = defaultdict(list)
        for call in self.calls.values():
            for visit in call.visits:
                groups[visit.since // interval_s * interval_s, visit.queue].append(visit)
        return [_figures(queue, begin, visits) for (begin, queue), visits in sorted(groups.items())]

    def reconcile(self) -> list[str]:
        """Every difference, named; an empty list is a day that adds up."""
        wrong = [
            f"{f.queue} {f.begin:.0f}: offered {f.offered}, accounted {sum(f.outcomes.values()) + f.waiting}"
            for f in self.figures()
            if f.offered != sum(f.outcomes.values()) + f.waiting
        ]
        for call in self.calls.values():
            wrong += _call_differences(call)
        for time in self.agents.values():
            states, login = sum(time.in_states(self.last_at).values()), time.login_s(self.last_at)
            if abs(states - login) > 0.001 * (1 + len(time.seconds)):
                wrong.append(f"agent {time.agent}: states {states:.3f} s, logged in {login:.3f} s")
        return wrong


def _figures(queue: str, begin: float, visits: list[QueueVisit]) -> QueueFigures:
    outcomes = dict.fromkeys(OUTCOMES, 0)
    for visit in visits:
        if visit.outcome:
            outcomes[visit.outcome] += 1
    return QueueFigures(
        queue,
        begin,
        len(visits),
        outcomes,
        sum(not v.outcome for v in visits),
        tuple(v.wait_s for v in visits if v.outcome == "answered"),
        tuple(v.wait_s for v in visits if v.outcome == "abandoned"),
    )


def _call_differences(call: CallRecord) -> list[str]:
    wrong: list[str] = []
    if call.ended_at:
        wrong += [f"call {call.call}: ended while in {v.queue}" for v in call.visits if not v.outcome]
        wrong += [f"call {call.call}: ended while {p.agent} talks" for p in call.parts if not p.released_at]
        if call.outcome == "answered" and not call.parts and not call.internal:
            wrong.append(f"call {call.call}: answered by nobody")
    for part in call.parts:
        length = part.released_at - part.connected_at
        if part.released_at and abs(length - part.talk_s - part.hold_s) > 0.01:
            wrong.append(f"call {call.call}: {part.agent} {length:.3f} s, talk and hold say otherwise")
    return wrong


# -- one handler a kind -------------------------------------------------------------------------------------------


def _offered(records: Records, event: Event, data: dict[str, Any]) -> None:
    records.calls[event.call_id] = CallRecord(
        call=event.call_id,
        programme=data["programme"],
        number=data["number"],
        caller=data["caller"],
        offered_at=event.at,
        name=data.get("name", ""),
        trunk=data.get("trunk", ""),
        internal=data.get("stage") == "internal",
    )


def _callback_asked(records: Records, event: Event, data: dict[str, Any]) -> None:
    origin = records.calls.get(event.call_id)
    records.calls[data["callback"]] = CallRecord(
        call=data["callback"],
        programme=origin.programme if origin else "",
        number=origin.number if origin else "",
        caller=data["number"],
        offered_at=event.at,
        language=data["language"],
        callback=True,
    )


def _answered(records: Records, event: Event, data: dict[str, Any]) -> None:
    if call := records.calls.get(event.call_id):
        call.answered_at = event.at


def _language(records: Records, event: Event, data: dict[str, Any]) -> None:
    if call := records.calls.get(event.call_id):
        call.language = data["language"]


def _consent(records: Records, event: Event, data: dict[str, Any]) -> None:
    if call := records.calls.get(event.call_id):
        call.consent = data["given"]


def _queued(records: Records, event: Event, data: dict[str, Any]) -> None:
    call = records.calls.get(event.call_id)
    if call is not None and data["why"] in ("first", "transfer", "overflow"):
        call.visits.append(QueueVisit(event.queue_id, event.at))


def _dequeued(records: Records, event: Event, data: dict[str, Any]) -> None:
    call = records.calls.get(event.call_id)
    if call is None or not call.visits:
        return
    visit = call.visits[-1]
    visit.outcome, visit.wait_s, visit.agent = data["outcome"], data["wait_s"], event.agent_id


def _overflowed(records: Records, event: Event, data: dict[str, Any]) -> None:
    call = records.calls.get(event.call_id)
    if call is None:
        return
    for visit in reversed(call.visits):
        if visit.queue == event.queue_id:
            visit.overflow_to, visit.overflow_reason = data["to"], data["reason"]
            return


def _missed(records: Records, event: Event, data: dict[str, Any]) -> None:
    if call := records.calls.get(event.call_id):
        call.missed += 1


def _connected(records: Records, event: Event, data: dict[str, Any]) -> None:
    if call := records.calls.get(event.call_id):
        call.parts.append(AgentPart(event.agent_id, event.queue_id, event.at))
    if event.agent_id:
        _time(records, event.agent_id).calls += 1


def _released(records: Records, event: Event, data: dict[str, Any]) -> None:
    call = records.calls.get(event.call_id)
    if call is None:
        return
    for part in reversed(call.parts):
        if part.agent == event.agent_id and not part.released_at:
            part.released_at, part.talk_s, part.hold_s = event.at, data["talk_s"], data["hold_s"]
            part.why = data["why"]
            return


def _ended(records: Records, event: Event, data: dict[str, Any]) -> None:
    if call := records.calls.get(event.call_id):
        call.ended_at, call.outcome, call.ended_by, call.reason = (
            event.at,
            data["outcome"],
            data["by"],
            data["reason"],
        )


def _recording(records: Records, event: Event, data: dict[str, Any]) -> None:
    if call := records.calls.get(event.call_id):
        call.recordings.append(data["path"])


def _voicemail(records: Records, event: Event, data: dict[str, Any]) -> None:
    if call := records.calls.get(event.call_id):
        call.voicemail = data["path"]


def _disposition(records: Records, event: Event, data: dict[str, Any]) -> None:
    if call := records.calls.get(event.call_id):
        call.disposition, call.sub, call.note = data["disposition"], data.get("sub", ""), data.get("note", "")


def _leg_closed(records: Records, event: Event, data: dict[str, Any]) -> None:
    call = records.calls.get(event.call_id)
    if call is None:
        return
    call.lost += data.get("lost", 0)
    if mos := data.get("mos", 0.0):
        call.mos = min(call.mos or mos, mos)


def _agent_state(records: Records, event: Event, data: dict[str, Any]) -> None:
    time, state = _time(records, event.agent_id), data["state"]
    if time.state == "logged_out" and state != "logged_out":
        time.logged_in_at = event.at
    elif time.state != "logged_out":
        time.seconds[time.state] += event.at - time.since
        if time.state == "paused":
            time.pauses[time.code] += event.at - time.since
        elif time.state == "wrapup" and (call := records.calls.get(time.call)):
            call.wrapped(event.agent_id, event.at - time.since)
        if state == "logged_out":
            time.logged_in_s += event.at - time.logged_in_at
    time.state, time.since, time.code = state, event.at, data.get("code", "")
    time.call = event.call_id or data.get("call", "")


def _time(records: Records, agent: str) -> AgentTime:
    found = records.agents.get(agent)
    if found is None:
        found = records.agents[agent] = AgentTime(agent)
    return found


_HANDLERS = {
    "call.offered": _offered,
    "callback.asked": _callback_asked,
    "call.answered": _answered,
    "call.language": _language,
    "call.consent": _consent,
    "call.queued": _queued,
    "call.dequeued": _dequeued,
    "call.overflowed": _overflowed,
    "call.missed": _missed,
    "call.connected": _connected,
    "call.released": _released,
    "call.ended": _ended,
    "recording.started": _recording,
    "voicemail.left": _voicemail,
    "agent.disposition": _disposition,
    "leg.closed": _leg_closed,
    "agent.state": _agent_state,
}
