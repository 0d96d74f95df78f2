"""A start from a checkpoint ends in the same state as a start from the journal alone."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from marhaba.floor import checkpoint
from marhaba.floor.state import FloorState, apply
from marhaba.journal.events import Event
from marhaba.kernel.routing import AgentState, Routing
from marhaba.kernel.rules import QueueRules


def routing() -> Routing:
    made = Routing([QueueRules("q")])
    for agent in ("amal", "brahim"):
        made.set_agent(agent, {"lang:fr": 5}, None)
    return made


def day() -> list[Event]:
    """Amal talks, Brahim's phone rings for the second caller, the third waits, the fourth hung up."""
    events: list[Event] = []

    def add(kind: str, *, call: str = "", agent: str = "", queue: str = "", **data: Any) -> None:
        events.append(Event(100.0 + len(events), kind, call, agent, queue, data, len(events) + 1))

    add("floor.started", version="1", after_crash=False)
    for agent, phone in (("amal", "101"), ("brahim", "102")):
        add("agent.logged_in", agent=agent, phone=phone, how="key")
        add("agent.state", agent=agent, state="ready", code="", until=0.0, call="")
    for n in range(1, 5):
        call, leg = f"c{n}", f"l{n}"
        add("call.offered", call=call, number="0539", caller=f"060{n}", trunk="t", programme="p", leg=leg)
        add("leg.opened", call=call, leg=leg, role="caller", worker="media-0", port=30000 + n)
        add("call.answered", call=call)
        add("call.language", call=call, language="fr", how="default")
        add(
            "call.queued", call=call, queue="q", language="fr", priority=0, rank=n, since=events[-1].at,
            why="first", skills={},
        )  # fmt: skip
    for call, agent in (("c1", "amal"), ("c2", "brahim")):
        add("call.ringing", call=call, agent=agent, leg=f"r{call}", why="queue")
        add("agent.state", agent=agent, state="ringing", code="", until=0.0, call=call)
    add("call.dequeued", call="c1", queue="q", outcome="answered", wait_s=3.0)
    add("call.connected", call="c1", agent="amal", leg="rc1", wait_s=3.0)
    add("agent.state", agent="amal", state="talking", code="", until=0.0, call="c1")
    add("call.dequeued", call="c4", queue="q", outcome="abandoned", wait_s=2.0)
    add("call.ended", call="c4", outcome="abandoned", by="caller", reason="bye", code=200)
    add("trunk.state", trunk="t", up=True, code=200)
    add("alarm.raised", alarm="journal", detail="full")
    return events


def replayed(events: list[Event], state: FloorState | None = None) -> FloorState:
    state = state or FloorState(routing=routing())
    for event in events:
        apply(state, event)
    return state


def seen(state: FloorState) -> dict[str, Any]:
    """All that a floor sees: the fields, and what routing would decide from them."""
    fields = {f.name: getattr(state, f.name) for f in dataclasses.fields(state) if f.name != "routing"}
    routing = state.routing
    line = {call: routing.position(call) for call, held in state.calls.items() if held.visit_open}
    counts = (routing.waiting("q"), routing.staffed("q"), routing.ready("q"), routing.working("q"))
    work = {agent: routing.work_of(agent) for agent in state.seats}
    return fields | {"line": line, "counts": counts, "work": work, "decision": routing.decide(state.at)}


@pytest.mark.parametrize("at", range(len(day()) + 1))
def test_from_any_event_on_the_rest_leads_to_the_same_state(tmp_path: Path, at: int) -> None:
    events, path = day(), tmp_path / "state.json"
    checkpoint.write(path, checkpoint.encode(replayed(events[:at]), seq=at))
    state, seq = checkpoint.restore(path, routing(), last_seq=len(events))
    assert seq == at
    assert seen(replayed(events[seq:], state)) == seen(replayed(events))


def test_a_free_agent_takes_over_where_the_line_stood(tmp_path: Path) -> None:
    events, path = day(), tmp_path / "state.json"
    checkpoint.write(path, checkpoint.encode(replayed(events), seq=len(events)))
    state, _ = checkpoint.restore(path, routing(), last_seq=len(events))
    state.routing.agent_state(200.0, "amal", AgentState.READY)
    decision = state.routing.decide(200.0)
    assert decision is not None
    assert (decision.contact, decision.agent) == ("c3", "amal")


@pytest.mark.parametrize("blob", [b"", b"{", b'{"format": 1}', b'{"format": 99, "seq": 1}'])
def test_a_torn_or_foreign_file_means_a_longer_replay(tmp_path: Path, blob: bytes) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(blob)
    state, seq = checkpoint.restore(path, routing(), last_seq=10)
    assert (seq, state.calls) == (0, {})
    assert checkpoint.restore(tmp_path / "none", routing(), last_seq=10)[1] == 0


def test_a_checkpoint_ahead_of_the_journal_is_not_believed(tmp_path: Path) -> None:
    """The journal was restored from an older backup."""
    path = tmp_path / "state.json"
    checkpoint.write(path, checkpoint.encode(replayed(day()), seq=len(day())))
    assert checkpoint.restore(path, routing(), last_seq=5)[1] == 0
