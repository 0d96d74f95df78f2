"""What must occur sometimes: a rehearsal in which nobody ever was in the middle of a transfer when the floor died has
proved nothing about it.

A situation is a name; `SOMETIMES` lists those that a few hundred seeds must have met. `of_event` reads them from the
journal; the rest is said by whoever causes it (`World.happened`).
"""

from __future__ import annotations

from collections.abc import Iterator

from marhaba.journal.events import Event
from marhaba.rehearsal.centre import BROWSER

OUTCOMES = ("answered", "abandoned", "abandoned_ivr", "callback", "voicemail", "closed", "refused", "failed")
VISITS = ("answered", "abandoned", "overflowed", "callback", "voicemail", "closed", "failed")
STAGES = ("greeting", "queued", "ringing", "talking", "message", "dialling", "internal")
BOUNDARIES = ("anywhere", "before", "after", "effects", "torn", "file", "power")

SOMETIMES = (
    *(f"a call ends: {outcome}" for outcome in OUTCOMES),
    *(f"a queue visit ends: {outcome}" for outcome in VISITS),
    *(f"transfer: {kind}" for kind in ("blind", "attended", "queue")),
    "a caller leaves while he is transferred",
    "a transfer goes to an outside number",
    "a transfer is not answered",
    "a three-way talk",
    "a call is held by the phone",
    "a call is held by the desk",
    "a colleague is called",
    "an open line takes a call",
    *(f"overflow: {reason}" for reason in ("wait", "size", "no-staff", "closed", "gone")),
    "a queue closes while somebody waits",
    "a caller knows an agent",
    "a caller has the agent he knows",
    "an agent draws the lot",
    "ring-all: several phones ring",
    "ring-all: one is missed and the others ring on",
    "ring-all: nobody answers",
    "ring-all: another one was quicker",
    "ring-all: the caller leaves",
    "ring-all: an answer crosses the CANCEL",
    "ring-all: the floor dies",
    *(f"supervision: {mode}" for mode in ("listen", "whisper", "barge")),
    "a recording is paused",
    "a recording is resumed",
    "recording is consented to by key",
    "recording is refused",
    "a callback is dialled",
    "a callback is missed",
    "a callback is tried again",
    "a callback ends: reached",
    "a callback ends: unreachable",
    "an agent is paused: missed",
    "an agent is paused: unreachable",
    "an outside call is refused for money",
    "another carrier is tried",
    "alarm: journal",
    "alarm: media",
    "alarm: trunk",
    *(f"the floor dies: {where}" for where in BOUNDARIES),
    *(f"the floor dies while a call is {stage}" for stage in STAGES),
    "the floor dies while a transfer is going on",
    "a call outlives the floor",
    "a call ends with the power",
    "the floor is stopped by SIGTERM",
    "the floor is stopped by SIGINT",
    "the floor stalls",
    "an audio worker dies",
    "power cut",
    "the journal is locked",
    "the disk is full",
    "events are set aside",
    "the spool is full",
    "the log has a torn end",
    "a file is refused",
    "datagrams are lost",
    "datagrams are doubled",
    "datagrams are damaged",
    "an answer crosses a CANCEL",
    "glare",
    "a line goes dead",
    "a stream is cut",
    "a stream is closed on one side",
    "a browser reloads in a call",
    "a browser stays away in a call",
    "a browser is back in a call",
    "a browser declines",
    "somebody dials from a browser",
    "the edge dies",
    "a phone dies",
    "a phone registers anew",
    "two clicks at once",
    "the wall clock jumps back",
    "the wall clock jumps forward",
    "the hour changes",
    "the day changes",
    "the configuration is reloaded",
    "a wrong configuration is refused",
)


class Observer:
    """Reads the journal for situations."""

    def __init__(self) -> None:
        self._why: dict[str, str] = {}  # call -> why it last rang somewhere
        self._legs: dict[
            str, dict[str, bool]
        ] = {}  # call -> legs that have rung since it came in line: they ring
        self._queued: dict[str, tuple[float, str]] = {}  # call -> since when it waits, and the agent it knows
        self._random: set[str] = set()  # queues that draw lots

    def see(self, event: Event) -> Iterator[str]:
        yield from of_event(event)
        yield from self._rings(event)
        yield from self._routed(event)
        call = event.call_id
        if event.kind == "call.ringing":
            self._why[call] = event.data["why"]
        elif event.kind == "call.missed" and self._why.get(call) == "transfer":
            yield "a transfer is not answered"
        elif event.kind == "call.released" and event.data["why"] == "abandoned":
            if self._why.get(call) == "transfer":
                yield "a caller leaves while he is transferred"
        elif event.kind in ("call.connected", "call.ended"):
            self._why.pop(call, None)

    def _routed(self, event: Event) -> Iterator[str]:
        call, data = event.call_id, event.data
        since, knows = self._queued.get(call, (event.at, ""))
        match event.kind:
            case "centre.loaded":
                queues = data["queues"].items()
                self._random = {name for name, queue in queues if queue["rules"]["strategy"] == "random"}
            case "call.queued":
                self._queued[call] = (event.at, data.get("knows", ""))
            case "call.overflowed" if data["reason"] == "closed" and since < event.at:
                yield "a queue closes while somebody waits"
            case "call.ringing" if data["why"] == "queue":
                if event.queue_id in self._random:
                    yield "an agent draws the lot"
                if event.agent_id == knows:
                    yield "a caller has the agent he knows"
            case "call.ended":
                self._queued.pop(call, None)

    def _rings(self, event: Event) -> Iterator[str]:
        """Several phones at once."""
        legs = self._legs.setdefault(event.call_id, {})
        match event.kind:
            case "call.ringing":
                legs[event.data["leg"]] = True
                if len(legs) > 1:
                    yield "ring-all: several phones ring"
            case "call.missed" if len(legs) > 1:
                legs[event.data["leg"]] = False
                yield "ring-all: " + (
                    "one is missed and the others ring on" if any(legs.values()) else "nobody answers"
                )
            case "call.spared" if event.data["why"] == "elsewhere":
                yield "ring-all: another one was quicker"
            case "call.spared" if event.data["why"] == "abandoned":
                yield "ring-all: the caller leaves"
            case "call.queued" | "call.ended" | "call.missed" | "call.connected":
                del self._legs[event.call_id]


def of_event(event: Event) -> Iterator[str]:
    """What an event says by itself."""
    data = event.data
    match event.kind:
        case "call.ended":
            yield f"a call ends: {data['outcome']}"
            if data["by"] == "crash":
                yield "a call ends with the power"
        case "call.dequeued":
            yield f"a queue visit ends: {data['outcome']}"
        case "call.transferred":
            yield f"transfer: {data['kind']}"
            if data["to"].startswith(("0", "+")):
                yield "a transfer goes to an outside number"
        case "call.queued" if data.get("knows"):
            yield "a caller knows an agent"
        case "call.overflowed":
            yield f"overflow: {data['reason']}"
        case "call.consulting" if data.get("joined"):
            yield "a three-way talk"
        case "call.held":
            yield f"a call is held by the {'phone' if data['by'] == 'phone' else 'desk'}"
        case "call.resumed" if data["by"] == "line":
            yield "a browser is back in a call"
        case "call.missed" if data["reason"] == "declined":
            yield "a browser declines"
        case "call.offered" if data.get("stage") == "internal":
            yield "a colleague is called"
            if data["caller"] == BROWSER:
                yield "somebody dials from a browser"
        case "supervision.started" | "supervision.mode":
            yield f"supervision: {data['mode']}"
        case "recording.paused" | "recording.resumed":
            yield f"a recording is {event.kind.rpartition('.')[2]}"
        case "call.consent" if data["how"] == "key":
            yield "recording is consented to by key" if data["given"] else "recording is refused"
        case _:
            yield from _of_the_house(event)


def _of_the_house(event: Event) -> Iterator[str]:
    data = event.data
    match event.kind:
        case "leg.moved" if data["role"] == "agent":
            yield "an open line takes a call"
        case "callback.dialling":
            yield "a callback is dialled"
            if data["attempt"] > 1:
                yield "a callback is tried again"
        case "callback.missed":
            yield "a callback is missed"
        case "callback.ended":
            yield f"a callback ends: {data['outcome']}"
        case "agent.state" if data["state"] == "paused":
            yield f"an agent is paused: {data.get('code', '')}"
        case "alarm.raised":
            yield f"alarm: {data['alarm'].partition(':')[0]}"
