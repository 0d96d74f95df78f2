"""What must always hold, seen from outside: the journal against the carriers' own record, the network and the floor
as it stands.

The checkers of `invariants` believe the journal. Here it is doubted.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import msgspec

from marhaba.floor import audio, checkpoint
from marhaba.floor.floor import Floor
from marhaba.floor.state import Call, FloorState, Seat, Stage, apply
from marhaba.journal.events import Event
from marhaba.journal.journal import Journal
from marhaba.kernel.routing import AgentState, Routing
from marhaba.rehearsal.centre import HOUSE, OWN_PREFIX
from marhaba.rehearsal.network import Address

if TYPE_CHECKING:
    from marhaba.rehearsal.world import World

IDLE_S = 1.0
"""How long a caller may wait while an agent who could take him is idle."""
LOOKED_S = 1.0
"""How long a caller may wait after closing time."""
REPEATS_S = 32.0
"""64*T1: as long as SIP repeats a message, and remembers one."""
CALM_S = 2.0
"""After this without an event everything that was told has been obeyed."""
_CALL_ID = re.compile(rb"\r\n(?:Call-ID|i)[ \t]*:[ \t]*([^\r\n]+)", re.IGNORECASE)
UNSEEN = {"ended", "ended_by"}
"""What a leg or a call remembers within its last seconds only."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What went in and what came out, as jepsen's total-queue counts."""

    lost: list[str]
    duplicated: list[str]
    unexpected: list[str]
    recovered: list[str]


class Witness:
    def __init__(self, world: World) -> None:
        self.world = world
        self.events: list[Event] = []
        self._intents: set[str] = set()
        self._idle: dict[tuple[str, str], float] = {}
        self._closed: dict[str, float] = {}
        self._replica = FloorState(Routing([]))
        self._replayed = 0
        self._counters: Counter[str] = Counter()
        self._life = 0
        self.calls: dict[str, list[str]] = {}  # caller's number -> calls of the journal
        self.trunk_calls: set[str] = set()
        self.crashed_at: list[float] = []
        self.live: dict[str, float] = {}
        self.recovered: list[str] = []
        self.crashed: set[str] = set()  # or refused, or over before they were answered: callers not told
        world.network.on_datagram.append(self._leaves)

    # -- the journal ------------------------------------------------------------------------------------------

    def kept(self, event: Event) -> None:
        """The event is on the disk."""
        self.events.append(event)
        if event.kind in ("leg.opened", "leg.dialog") and event.data.get("snapshot"):
            shot = msgspec.json.decode(event.data["snapshot"])
            self._intents.add(base64.b64decode(shot["call_id"]).decode())
        if event.kind == "call.offered":
            self.live[event.call_id] = event.at
            if event.data["trunk"]:
                self.calls.setdefault(event.data["caller"], []).append(event.call_id)
        elif event.kind == "call.ended":
            began = self.live.pop(event.call_id, None)
            if (
                event.data["by"] == "crash"
                or event.data["outcome"] == "refused"
                or self._untold(event.call_id)
            ):
                self.crashed.add(event.call_id)
            if (
                began is not None
                and event.data["by"] != "crash"
                and any(began < at for at in self.crashed_at)
            ):
                self.recovered.append(event.call_id)

    def _untold(self, call: str) -> bool:
        """Whether a call ends before its caller has heard an answer: he asks again, should the floor die now."""
        own = next((own for own, calls in self.calls.items() if call in calls), "")
        return any(line.own == own and line.answered_at < 0 for line in self.world.callers())

    def journal_opened(self, journal: Journal) -> None:
        """A new life reads what the last one wrote: all that was kept, and nothing else."""
        found = list(journal.read())
        if len(found) != len(self.events) or found != self.events:
            common = sum(1 for _ in _equal_head(found, self.events))
            self.world.fail(
                "I14", f"the journal holds {len(found)} events, {len(self.events)} were kept, {common} agree"
            )
        if wrong := journal.verify():
            self.world.fail("I14", wrong)

    def replayed(self) -> FloorState:
        """The journal up to now, played into a state of its own: from its events, and nothing else."""
        for event in self.events[self._replayed :]:
            apply(self._replica, event)
        self._replayed = len(self.events)
        return self._replica

    def compare_with_replay(self, floor: Floor) -> None:
        """I10: the live view is a replay of the log, and what a checkpoint of it would give back. Called when
        everything that happened is written.
        """
        state, path = floor.state, self.world.folder / "compared.json"
        path.write_bytes(checkpoint.encode(state, seq=0))
        restored, _ = checkpoint.restore(path, Routing([]), last_seq=0)
        live = seen(state)
        for what, other in (("a replay", seen(self.replayed())), ("a checkpoint", seen(restored))):
            for name, value in live.items():
                if value != other[name]:
                    self.world.fail("I10", f"{name} differ from {what}: {_difference(value, other[name])}")

    # -- the wire ---------------------------------------------------------------------------------------------

    def _leaves(self, data: bytes, source: Address, to: Address) -> None:
        """Intent before effect: what a datagram of the house is about was written before."""
        if source[0] != HOUSE:
            return
        if data.startswith(b"INVITE ") or (
            data.startswith(b"SIP/2.0 200") and b" INVITE\r\n" in data and b"\r\n\r\nv=0" in data
        ):
            found = _CALL_ID.search(data)
            call_id = found[1].strip().decode("latin-1") if found else ""
            if call_id not in self._intents:
                self.world.fail("I9", f"{data[:30]!r} of {call_id} leaves before its intent is written")

    def tally(self) -> Tally:
        """The carriers' own record of calls against ours."""
        dialled = {line.own: line for line in self.world.callers()}
        answered = {own for own, line in dialled.items() if line.answered_at >= 0}
        ours = {own: calls for own, calls in self.calls.items() if own.startswith((OWN_PREFIX, "00"))}
        return Tally(
            lost=sorted(answered - ours.keys()),
            # A call that a crash ended, or that was refused, before its caller was told comes again by the same INVITE.
            duplicated=sorted(own for own, calls in ours.items() if len(set(calls) - self.crashed) > 1),
            unexpected=sorted(ours.keys() - dialled.keys()),
            recovered=sorted(self.recovered),
        )

    def judge_tally(self) -> None:
        tally = self.tally()
        for name in ("lost", "duplicated", "unexpected"):
            if found := getattr(tally, name):
                self.world.fail("I1", f"{name} calls, by the carriers' record: {found[:5]}")
        first: dict[tuple[str, int], float] = {}
        for line in self.world.asked():
            before = first.setdefault((line.call_id, line.life), line.began_at)
            # A floor that was away for longer than SIP repeats itself may ring a phone that has forgotten the first;
            # a phone forgets with its TCP connection.
            if line.station.transport == "udp" and 0 < line.began_at - before < REPEATS_S:
                self.world.fail(
                    "I9", f"an INVITE rang twice within {line.began_at - before:.1f} s: {line.call_id}"
                )

    # -- the floor as it stands -------------------------------------------------------------------------------

    def look(self, floor: Floor) -> None:
        """Once a second, while the floor runs."""
        self._places(floor)
        self._idle_agents(floor)
        self._in_vain(floor)
        self._after_closing(floor)
        self._one_call_each(floor)
        self._counters_grow(floor)

    def _places(self, floor: Floor) -> None:
        """I2: who stands in line is in the queue, and has one leg."""
        legs: Counter[str] = Counter()
        for call in floor.state.calls.values():
            waits = floor.state.routing.queue_of(call.id) != ""
            stands = call.visit_open and call.stage is Stage.QUEUED and call.retry_at <= floor.now
            if waits and not stands:
                self.world.fail("I2", f"call {call.id} stands in line while {call.stage}")
            if stands and not waits:
                self.world.fail("I2", f"call {call.id} waits in {call.queue} and stands in no line")
            held = (call.caller_leg, call.agent_leg, call.consult_leg, *call.beside)
            legs.update(leg for leg in held if leg)
        if shared := [leg for leg, count in legs.items() if count > 1]:
            self.world.fail("I2", f"legs in two calls: {shared}")

    def _idle_agents(self, floor: Floor) -> None:
        """I5: nobody waits for more than a second while somebody who could take him is idle."""
        idle = [seat for seat in floor.state.seats.values() if seat.state is AgentState.READY]
        pairs = {
            (call.id, seat.id)
            for call in (floor.state.calls.values() if idle else ())
            if call.stage is Stage.QUEUED and call.visit_open and call.retry_at <= floor.now
            for seat in idle
            if _fits(floor, call, seat.id) and not passed_over(floor, call, seat.id, idle)
        }
        since = {pair: self._idle.get(pair, floor.now) for pair in pairs}
        for (call, agent), began in since.items():
            if floor.now - began > IDLE_S:
                self.world.fail("I5", f"call {call} waits beside {agent}, who is idle")
        self._idle = since

    def _in_vain(self, floor: Floor) -> None:
        """I5: nobody waits in a queue that sends callers on when nobody logged in could ever take them."""
        present = [seat.id for seat in floor.state.seats.values() if seat.state is not AgentState.LOGGED_OUT]
        if set(present) - floor.centre.agents.keys():  # one whom the centre no longer has is there to his end
            return
        for call in floor.state.calls.values():
            queue = floor.centre.queues.get(call.queue)
            if queue is None or not queue.rules.overflow_no_staff or call.callback:
                continue
            waits = call.stage is Stage.QUEUED and call.visit_open
            if waits and not any(_fits(floor, call, agent, ever=True) for agent in present):
                self.world.fail("I5", f"call {call.id} waits in {call.queue}, where nobody can take it")

    def _after_closing(self, floor: Floor) -> None:
        """I5: nobody waits in a queue that has been closed for a while and sends on who waits."""
        waiting = {
            call.id
            for call in floor.state.calls.values()
            if call.stage is Stage.QUEUED and call.visit_open and not call.callback
            if (queue := floor.centre.queues.get(call.queue)) is not None
            and queue.rules.overflow_at_close
            and not queue.calendar.open_at(floor.wall)
        }
        self._closed = {call: self._closed.get(call, floor.now) for call in waiting}
        if late := [call for call, since in self._closed.items() if floor.now - since > LOOKED_S]:
            self.world.fail("I5", f"calls wait in a queue that is closed: {late}")

    def _one_call_each(self, floor: Floor) -> None:
        """I3: also by the state of the calls."""
        on: Counter[str] = Counter()
        for call in floor.state.calls.values():
            if call.agent and call.stage in (Stage.RINGING, Stage.TALKING, Stage.DIALLING):
                on.update([call.agent, *call.beside.values()])
        if twice := [agent for agent, count in on.items() if count > 1]:
            self.world.fail("I3", f"on two calls: {twice}")

    def _counters_grow(self, floor: Floor) -> None:
        """I15: counters are only ever added to, within a life."""
        if self.world.house.life != self._life:
            self._life, self._counters = self.world.house.life, Counter()
        fresh = Counter(floor.counters)
        if shrunk := [name for name, before in self._counters.items() if fresh[name] < before]:
            self.world.fail("I15", f"counters that fell: {shrunk}")
        self._counters = fresh

    def listen(self, floor: Floor) -> None:
        """Who hears whom, and what is recorded, as the workers have it (I11). Called in a calm moment."""
        legs = {
            name: leg for worker in self.world.workers for name, leg in worker.legs.items() if leg.remote[1]
        }  # whoever has not answered yet is heard by nobody
        for call in floor.state.calls.values():
            if call.stage is Stage.TALKING and call.agent_leg and call.caller_leg:
                for leg, sources in audio.hearing(call).items():
                    there = [source for source in sources if source in legs]
                    if leg in legs and sorted(set(legs[leg].hears) & legs.keys()) != sorted(there):
                        self.world.fail("audio", f"leg {leg} hears {legs[leg].hears}, should hear {there}")
            if call.recording and call.caller_leg in legs:
                self._recorded(call, legs.keys())
        aims = self.world.browser.edge.aims
        for line in floor.state.legs.values():
            if line.edge in aims and aims[line.edge] != line.port:
                self.world.fail(
                    "audio", f"line {line.edge} speaks to port {aims[line.edge]}, not {line.port}"
                )

    def _recorded(self, call: Call, there: Set[str]) -> None:
        heard = audio.hearing(call).get(call.caller_leg, ())
        for worker in self.world.workers:
            if call.caller_leg in worker.legs:
                recording = worker.recordings.get(call.recording)
                if recording is None:
                    self.world.fail("I11", f"recording {call.recording} is not being made")
                elif recording.paused != call.recording_paused:
                    self.world.fail("I11", f"recording {call.recording}: a pause that is none")
                elif set(recording.right) & there != set(heard) & there:
                    self.world.fail("I11", f"recording {call.recording} holds {recording.right}, not {heard}")

    def transactions(self, floor: Floor) -> int:
        statistics = floor.endpoint.statistics()
        return statistics["server_transactions"] + statistics["client_transactions"]

    def nothing_left(self, floor: Floor) -> None:
        """I12: after the last hang-up, and the time SIP needs to forget."""
        world, state = self.world, floor.state
        nailed = [leg.id for leg in state.legs.values() if leg.role == "nailed"]
        phones = [leg for leg in nailed if not state.legs[leg].edge]
        statistics = floor.endpoint.statistics()
        left = {
            "calls": len(state.calls),
            "legs": len(state.legs) - len(nailed),
            "volatile": len(floor.volatile),
            "SIP legs": statistics["legs"] - len(phones),
            "SIP dialogs": statistics["dialogs"] - len(phones),
            "transactions": self.transactions(floor),
            "legs of workers": sum(len(worker.legs) for worker in world.workers) - len(nailed),
            "recordings": sum(len(worker.recordings) + len(worker.messages) for worker in world.workers),
            "ports": sum(
                len(worker.all_ports) - len(floor.workers[worker.name].free) for worker in world.workers
            )
            - len(nailed),
            "outside calls": floor.spend.concurrent,
        }
        if found := {name: count for name, count in left.items() if count}:
            world.fail("I12", f"left over: {found}")
        if timer := floor.next_timer():
            world.fail("I12", f"a timer is left, in {timer - floor.now:.0f} s")


def seen(state: FloorState) -> dict[str, Any]:
    """All of a state that must survive a restart."""
    tables = {name: getattr(state, name) for name in ("calls", "legs", "seats", "served")}
    plain: dict[str, Any] = {
        name: {key: _plain(value) for key, value in table.items()} for name, table in tables.items()
    }
    routing = state.routing
    line = {call.id: routing.position(call.id) for call in state.calls.values() if call.visit_open}
    staff = {
        queue: (routing.staffed(queue), routing.working(queue), routing.ready(queue))
        for queue in sorted({call.queue for call in state.calls.values()})
    }
    return plain | {
        "alarms": dict(state.alarms),
        "trunks": dict(state.trunks),
        "rank": state.rank_next,
        "rung": state.rung,
        "line": line,
        "known": {call: routing.known_to(call)[0] for call in line},
        "staff": staff,
        "order of the served": list(state.served),
        "lots": routing.numbers(),
    }


def _plain(value: Any) -> dict[str, Any]:
    return {item.name: getattr(value, item.name) for item in fields(value) if item.name not in UNSEEN}


def _difference(one: Any, other: Any) -> str:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return f"{one!r} / {other!r}"
    for key in [*one, *(key for key in other if key not in one)]:
        if one.get(key) != other.get(key):
            return f"{key}: {_difference(one.get(key), other.get(key))}"
    return "in order"


def _fits(floor: Floor, call: Call, agent_id: str, *, ever: bool = False) -> bool:
    """Whether an agent meets what the call's queue asks by now, or `ever`: read from the configuration, not from the
    tables.
    """
    queue, agent = floor.centre.queues.get(call.queue), floor.centre.agents.get(agent_id)
    if queue is None or agent is None or (agent.queues is not None and call.queue not in agent.queues):
        return False
    rules = queue.rules
    language = call.language if rules.language_level else ""
    step = len(rules.relax) if ever else rules.step_at(call.since, floor.now)
    required = rules.required(language, step)
    return all(agent.skills.get(skill, 0) >= level for skill, level in required.items())


def passed_over(floor: Floor, call: Call, agent_id: str, idle: list[Seat]) -> bool:
    """Whether an idle agent is kept for another queue, or the caller waits for another agent."""
    known, alone = floor.state.routing.known_to(call.id)
    if alone and known != agent_id:
        return True
    for name, kept in floor.centre.queues[call.queue].rules.keep.items():
        ready = [seat.id for seat in idle if _fits(floor, Call("", "", "", "", queue=name), seat.id)]
        if kept and agent_id in ready and len(ready) <= kept:
            return True
    return False


def _equal_head(one: list[Event], other: list[Event]) -> Iterator[Event]:
    for a, b in zip(one, other, strict=False):
        if a != b:
            return
        yield a
