"""What must always hold, as checkers over the journal alone: each reads every event once, in order.

They know nothing of the floor's code. `see` says what an event breaks; `over` what is still open when everybody has
gone home. The numbers are those of docs/design/rehearsal.md, where the checks that need more than the journal stand
beside them (`witness`).
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from marhaba.journal.events import Event
from marhaba.journal.records import Records

CLOSE_S = 0.011
"""Times are written with three decimals; sums of a few of them may differ by this."""
ATTEMPTS_MAX, RETRY_S = 3, 600.0
"""What the documentation promises of callbacks (docs/design/floor.md)."""
HOUR_S = 3_600.0
OPENING = ("first", "transfer", "overflow")
"""Reasons of `call.queued` that open a visit; the others put a call back into one."""


class Checker(Protocol):
    name: str

    def see(self, event: Event) -> Iterator[str]: ...

    def over(self) -> Iterator[str]: ...


@dataclass(slots=True)
class OneEnd:
    """I1: every call ends in exactly one outcome, and nothing happens to it afterwards."""

    name: str = "I1"
    open: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    def see(self, event: Event) -> Iterator[str]:
        born = event.data["callback"] if event.kind == "callback.asked" else event.call_id
        if event.kind in ("call.offered", "callback.asked"):
            if born in self.open or born in self.ended:
                yield f"call {born} begins twice"
            self.open[born] = event.kind
        elif event.kind == "call.ended":
            if self.open.pop(event.call_id, None) is None:
                yield f"call {event.call_id} ends, and was not open"
            self.ended.add(event.call_id)
        elif event.kind.startswith("call.") and event.call_id not in self.open:
            yield f"{event.kind} of call {event.call_id}, which is over"

    def over(self) -> Iterator[str]:
        yield from (f"call {call} never ended ({kind})" for call, kind in self.open.items())


@dataclass(slots=True)
class OnePlace:
    """I2: a caller is in at most one place: before the queue, in it, rung for, talking, or hearing the last message."""

    name: str = "I2"
    visits: dict[str, str] = field(default_factory=dict)  # call -> queue
    talking: dict[str, None] = field(default_factory=dict)
    ringing: dict[str, dict[str, float]] = field(default_factory=dict)  # call -> legs, and since when
    most: dict[str, int] = field(default_factory=dict)  # queue -> phones that it may ring at once

    def see(self, event: Event) -> Iterator[str]:
        call = event.call_id
        match event.kind:
            case "call.queued":
                opens = event.data["why"] in OPENING
                if opens == (call in self.visits):
                    yield f"call {call} is queued ({event.data['why']}) with visit {self.visits.get(call)!r}"
                if call in self.talking:
                    yield f"call {call} is queued while it talks"
                self.visits[call] = event.queue_id
                self.ringing.pop(call, None)
            case "call.dequeued":
                if self.visits.pop(call, None) != event.queue_id:
                    yield f"call {call} leaves a queue it is not in"
            case "call.ringing":
                rings = self.ringing.setdefault(call, {})
                more = all(at == event.at for at in rings.values()) and len(rings) < self._most(event)
                if call in self.talking or (rings and not more):
                    yield f"call {call} rings a second agent"
                rings[event.data["leg"]] = event.at
            case "call.missed" | "call.spared":
                self.ringing.get(call, {}).pop(event.data["leg"], None)
            case "call.connected":
                if call in self.talking:
                    yield f"call {call} is connected twice"
                if self.ringing.get(call, {}).keys() - {event.data["leg"]}:
                    yield f"call {call} is connected while other phones ring for it"
                self.talking[call] = None
                self.ringing.pop(call, None)
            case "call.released":
                self.talking.pop(call, None)
                self.ringing.pop(call, None)
            case "call.message" if call in self.talking or call in self.visits:
                yield f"call {call} hears the last message while it waits or talks"
            case "call.ended":
                if call in self.visits or call in self.talking:
                    yield f"call {call} ends while it waits or talks"
                self.ringing.pop(call, None)
            case "centre.loaded":
                self.most = {name: _rings_at_once(queue) for name, queue in event.data["queues"].items()}

    def _most(self, event: Event) -> int:
        return self.most.get(event.queue_id, 1) if event.data["why"] == "queue" else 1

    def over(self) -> Iterator[str]:
        yield from (f"call {call} still waits in {queue}" for call, queue in self.visits.items())


def _rings_at_once(queue: dict[str, Any]) -> int:
    rules = queue["rules"]
    return rules["ring_all_max"] if rules["strategy"] == "ring-all" else 1


@dataclass(slots=True)
class OneCall:
    """I3: an agent is on one call at most."""

    name: str = "I3"
    on: dict[str, str] = field(default_factory=dict)

    def see(self, event: Event) -> Iterator[str]:
        if event.kind == "call.connected" and event.agent_id:
            before = self.on.get(event.agent_id)
            if before not in (None, event.call_id):
                yield f"{event.agent_id} is connected to {event.call_id} while on {before}"
            self.on[event.agent_id] = event.call_id
        elif event.kind == "call.released" and self.on.get(event.agent_id) == event.call_id:
            del self.on[event.agent_id]

    def over(self) -> Iterator[str]:
        yield from (f"{agent} is still on {call}" for agent, call in self.on.items())


@dataclass(slots=True)
class RingsReady:
    """I4: only an agent who is ready is rung; a phone that rings for advice may ring on for the caller."""

    name: str = "I4"
    state: dict[str, str] = field(default_factory=dict)
    handed: str = ""  # the leg that was handed to a caller last

    def see(self, event: Event) -> Iterator[str]:
        before = self.state.get(event.agent_id, "logged_out")
        if event.kind == "leg.moved":
            self.handed = event.data["leg"]
        elif event.kind == "call.ringing" and before == "ringing" and event.data["leg"] == self.handed:
            pass
        elif event.kind == "call.ringing" and before != "ready":
            yield f"{event.agent_id} is rung while {before}"
        elif event.kind == "agent.state":
            if event.data["state"] == "ringing" and before != "ready":
                yield f"{event.agent_id} rings while {before}"
            self.state[event.agent_id] = event.data["state"]

    def over(self) -> Iterator[str]:
        yield from (
            f"{agent} is left {state}"
            for agent, state in self.state.items()
            if state in ("ringing", "talking")
        )


@dataclass(slots=True)
class FirstCome:
    """I6: among callers of one queue, language and priority, the first is rung for first."""

    name: str = "I6"
    waiting: dict[str, tuple[str, str, int, int]] = field(
        default_factory=dict
    )  # queue, language, priority, rank
    rung: set[str] = field(default_factory=set)  # a queue may ring several phones for a call

    def see(self, event: Event) -> Iterator[str]:
        call, data = event.call_id, event.data
        if event.kind == "call.queued":
            self.rung.discard(call)
            if not data.get("knows"):  # who waits for the agent he knows is overtaken, and overtakes
                self.waiting[call] = (event.queue_id, data["language"], data["priority"], data["rank"])
            else:
                self.waiting[call] = (event.queue_id, f"knows {data['knows']}, call {call}", 0, 0)
        elif event.kind == "call.ringing" and data["why"] == "queue":
            mine = self.waiting.pop(call, None)
            if mine is None and call in self.rung:
                return
            self.rung.add(call)
            if mine is None:
                yield f"call {call} is rung for and does not wait"
                return
            yield from (
                f"call {call} is rung for before {other}, which came first"
                for other, place in self.waiting.items()
                if place[:3] == mine[:3] and place[3] < mine[3]
            )
        elif event.kind in ("call.dequeued", "call.ended"):
            self.waiting.pop(call, None)
            self.rung.discard(call)
        elif event.kind == "callback.missed":  # it stands aside for its ten minutes
            self.waiting.pop(event.data["callback"], None)

    def over(self) -> Iterator[str]:
        return iter(())


@dataclass(slots=True)
class Accounts:
    """I7: what a queue was offered is what left it, by outcome, and what waits; per queue and interval."""

    name: str = "I7"
    records: Records = field(default_factory=Records)
    offered: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    gone: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    last_at: float = 0.0

    def see(self, event: Event) -> Iterator[str]:
        self.records.apply(event)
        if event.kind == "call.queued" and event.data["why"] in OPENING:
            self.offered[event.queue_id] += 1
        elif event.kind == "call.dequeued":
            self.gone[event.queue_id] += 1
            if self.gone[event.queue_id] > self.offered[event.queue_id]:
                yield f"queue {event.queue_id}: more left than came"
        elif event.kind == "floor.recovered":
            yield from self.records.reconcile()

    def over(self) -> Iterator[str]:
        yield from self.records.reconcile()
        figures = self.records.figures()
        for queue, offered in self.offered.items():
            counted = sum(row.offered for row in figures if row.queue == queue)
            if not offered == self.gone[queue] == counted:
                yield f"queue {queue}: offered {offered}, gone {self.gone[queue]}, in the figures {counted}"


@dataclass(slots=True)
class AgentTime:
    """I8: an agent's talk, hold and wrap-up fit into his login; no time is negative, none runs backwards."""

    name: str = "I8"
    since: dict[str, tuple[float, str]] = field(default_factory=dict)
    login_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    work_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    last_at: float = 0.0

    def see(self, event: Event) -> Iterator[str]:
        if event.at < self.last_at:
            yield f"{event.kind} at {event.at}, before its predecessor at {self.last_at}"
        self.last_at = event.at
        for name in ("talk_s", "hold_s", "wait_s", "ring_s", "seconds"):
            if event.data.get(name, 0) < 0:
                yield f"{event.kind}: {name} is {event.data[name]}"
        if event.kind == "call.released" and event.agent_id:
            self.work_s[event.agent_id] += event.data["talk_s"] + event.data["hold_s"]
        elif event.kind == "agent.state":
            began, state = self.since.get(event.agent_id, (event.at, "logged_out"))
            if state != "logged_out":
                self.login_s[event.agent_id] += event.at - began
            if state == "wrapup":
                self.work_s[event.agent_id] += event.at - began
            self.since[event.agent_id] = event.at, event.data["state"]
            yield from self._compare(event.agent_id, event.at)

    def _compare(self, agent: str, at: float) -> Iterator[str]:
        if self.work_s[agent] > self.login_s[agent] + CLOSE_S * (1 + self.work_s[agent] / 60):
            yield f"{agent}: {self.work_s[agent]:.3f} s of work in {self.login_s[agent]:.3f} s of login at {at}"

    def over(self) -> Iterator[str]:
        return iter(())


@dataclass(slots=True)
class Callbacks:
    """I9: a callback is tried three times at most, ten minutes apart, and never without its intent or an agent."""

    name: str = "I9"
    attempts: dict[str, int] = field(default_factory=dict)
    missed_at: dict[str, float] = field(default_factory=dict)
    dialled: dict[str, None] = field(default_factory=dict)
    rung: dict[str, set[str]] = field(default_factory=dict)  # call -> the agents' legs
    answered: set[str] = field(default_factory=set)  # legs

    def see(self, event: Event) -> Iterator[str]:
        callback = event.data.get("callback", "")
        if event.kind == "call.ringing":
            self.rung.setdefault(event.call_id, set()).add(event.data["leg"])
        elif event.kind in ("call.missed", "call.spared"):
            self.rung.get(event.call_id, set()).discard(event.data["leg"])
        elif event.kind in ("leg.dialog", "leg.moved"):
            self.answered.add(event.data["leg"])
        elif event.kind == "callback.dialling":
            attempt, before = event.data["attempt"], self.attempts.get(callback, 0)
            if attempt > ATTEMPTS_MAX:
                yield f"callback {callback}: attempt {attempt}"
            if attempt not in (before, before + 1):
                yield f"callback {callback}: attempt {attempt} after {before}"
            if not self.rung.get(callback, set()) & self.answered:
                yield f"callback {callback}: the customer is dialled before an agent has answered"
            if attempt != before and event.at < self.missed_at.get(callback, -math.inf) + RETRY_S - CLOSE_S:
                yield f"callback {callback}: tried again after {event.at - self.missed_at[callback]:.1f} s"
            self.attempts[callback] = attempt
            self.dialled[event.data["leg"]] = None
        elif event.kind == "callback.missed":
            self.missed_at[callback] = event.at
            self.rung.pop(callback, None)
        elif event.kind == "leg.opened" and event.data["role"] == "caller" and "route" in event.data:
            leg = event.data["leg"]
            yield from () if leg in self.dialled else (f"a customer is dialled without an intent, leg {leg}",)

    def over(self) -> Iterator[str]:
        return iter(())


@dataclass(slots=True)
class Legs:
    """I10: every leg has one start and one end."""

    name: str = "I10"
    open: dict[str, str] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)

    def see(self, event: Event) -> Iterator[str]:
        leg = event.data.get("leg", "")
        if event.kind == "leg.opened":
            if leg in self.open or leg in self.closed:
                yield f"leg {leg} is opened twice"
            self.open[leg] = event.data["role"]
        elif event.kind == "leg.closed":
            if self.open.pop(leg, None) is None:
                yield f"leg {leg} is closed, and was not open"
            self.closed.add(leg)

    def over(self) -> Iterator[str]:
        yield from (f"leg {leg} ({role}) was never closed" for leg, role in self.open.items())


@dataclass(slots=True)
class Recorded:
    """I11: who was told of it, and nobody else, is recorded. `policies`: programme -> none, announce or ask."""

    policies: dict[str, str]
    name: str = "I11"
    programme: dict[str, str] = field(default_factory=dict)
    consent: dict[str, bool] = field(default_factory=dict)
    recording: dict[str, str] = field(default_factory=dict)  # call -> recording
    paused: dict[str, bool] = field(default_factory=dict)
    connected: set[str] = field(default_factory=set)

    def see(self, event: Event) -> Iterator[str]:
        call, data = event.call_id, event.data
        match event.kind:
            case "call.offered":
                self.programme[call] = data["programme"]
            case "callback.asked":
                self.programme[data["callback"]] = self.programme.get(call, "")
            case "call.consent":
                self.consent[call] = data["given"]
            case "call.connected":
                self.connected.add(call)
            case "recording.started":
                if self._policy(call) == "none" or not self.consent.get(call):
                    yield f"call {call} is recorded without consent"
                if call in self.recording:
                    yield f"call {call} is recorded twice"
                self.recording[call], self.paused[call] = data["recording"], False
            case "recording.paused" | "recording.resumed":
                pauses = event.kind == "recording.paused"
                if call not in self.recording or self.paused[call] == pauses:
                    yield f"{event.kind} of call {call} changes nothing"
                self.paused[call] = pauses
            case "call.ended" if call in self.connected and call not in self.recording:
                if self._policy(call) in ("announce", "ask") and self.consent.get(call):
                    yield f"call {call} should have been recorded"

    def _policy(self, call: str) -> str:
        return self.policies.get(self.programme.get(call, ""), "none")

    def over(self) -> Iterator[str]:
        return iter(())


AUDITED = {"supervision.started", "supervision.mode", "recording.paused", "recording.resumed"}


@dataclass(slots=True)
class Audited:
    """I13: every privileged act has its line in the audit, of the same moment."""

    name: str = "I13"
    at: float = 0.0
    acts: deque[tuple[str, str]] = field(default_factory=deque)
    audits: deque[tuple[str, str]] = field(default_factory=deque)

    def see(self, event: Event) -> Iterator[str]:
        if event.at != self.at:
            yield from self._judge()
            self.at = event.at
        if event.kind in AUDITED:
            did = f"supervision.{event.data['mode']}" if event.kind.startswith("supervision") else event.kind
            self.acts.append((event.agent_id, did))
        elif event.kind == "audit":
            self.audits.append((event.data["who"], event.data["did"]))

    def _judge(self) -> Iterator[str]:
        for act in self.acts:
            if act not in self.audits:
                yield f"{act[1]} by {act[0]} is not in the audit"
        self.acts.clear()
        self.audits.clear()

    def over(self) -> Iterator[str]:
        yield from self._judge()


@dataclass(slots=True)
class Appended:
    """I14: events are numbered from one on without a gap. (The chain of hashes: `witness`.)"""

    name: str = "I14"
    seq: int = 0

    def see(self, event: Event) -> Iterator[str]:
        if event.seq != self.seq + 1:
            yield f"event {event.seq} follows event {self.seq}"
        self.seq = event.seq

    def over(self) -> Iterator[str]:
        return iter(())


@dataclass(slots=True)
class Money:
    """I15: what outside calls cost only grows, and never beyond the caps on calls at once and money an hour."""

    concurrent_max: int
    hourly_max: float
    name: str = "I15"
    running: dict[str, tuple[float, float]] = field(default_factory=dict)  # leg -> since, per minute
    ended: deque[tuple[float, float]] = field(default_factory=deque)
    total: float = 0.0

    def see(self, event: Event) -> Iterator[str]:
        leg = event.data.get("leg", "")
        if event.kind == "leg.opened" and "route" in event.data:
            price = event.data["per_minute"]
            if len(self.running) >= self.concurrent_max:
                yield f"{len(self.running) + 1} outside calls at once"
            spent = self.last_hour(event.at) + price
            if spent > self.hourly_max:
                yield f"{spent:.2f} spent within an hour"
            self.running[leg] = event.at, price
        elif event.kind == "leg.closed" and leg in self.running:
            cost = _cost(event.at, *self.running.pop(leg))
            if cost < 0:
                yield f"leg {leg} cost {cost}"
            self.total += cost
            self.ended.append((event.at, cost))

    def last_hour(self, now: float) -> float:
        while self.ended and self.ended[0][0] <= now - HOUR_S:
            self.ended.popleft()
        return sum(cost for _, cost in self.ended) + sum(_cost(now, *run) for run in self.running.values())

    def over(self) -> Iterator[str]:
        yield from (f"leg {leg} still costs" for leg in self.running)


def _cost(now: float, since: float, per_minute: float) -> float:
    """Every started minute in full; the first from the INVITE on."""
    return max(1, math.ceil((now - since) / 60)) * per_minute


def checkers(policies: dict[str, str], *, concurrent_max: int, hourly_max: float) -> list[Checker]:
    """One of each."""
    return [
        OneEnd(),
        OnePlace(),
        OneCall(),
        RingsReady(),
        FirstCome(),
        Accounts(),
        AgentTime(),
        Callbacks(),
        Legs(),
        Recorded(policies),
        Audited(),
        Appended(),
        Money(concurrent_max, hourly_max),
    ]
