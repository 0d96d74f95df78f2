"""What routing goes by is in the journal: the state is a replay of its events, and of nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from marhaba.centre import Centre
from marhaba.floor import checkpoint, offering, waiting
from marhaba.floor.floor import Floor
from marhaba.floor.loaded import loaded_from, told, understood
from marhaba.floor.reload import adopt_centre, tell_loaded
from marhaba.floor.state import FloorState, apply
from marhaba.journal.events import Event
from marhaba.kernel.routing import AgentState, Routing
from tests.floor.quiet_floor import quiet_centre, quiet_floor

RULES = """\
[queues.fine]
language_level = 5
strategy = "best-skill"
relax = [{ after_s = "30 s", levels = { language = 2 } }]
[queues.fine.service_level]
threshold_s = "30 s"
[queues.other]
language_level = 0
"""


def started(centre: Centre) -> Floor:
    floor = quiet_floor(centre)
    floor.emit("floor.started", version="1", after_crash=False)
    tell_loaded(floor, centre, path="centre.toml")
    return floor


def replayed(floor: Floor) -> FloorState:
    """From nothing, in the events' form on the disk."""
    state = FloorState(Routing([]))
    for event in floor.turn.events:
        apply(state, event)
    return state


def restored(floor: Floor, tmp_path: Path) -> FloorState:
    checkpoint.write(tmp_path / "state.json", checkpoint.encode(floor.state, seq=1))
    return checkpoint.restore(tmp_path / "state.json", Routing([]), last_seq=1)[0]


def come(floor: Floor, call: str, *, queue: str = "accueil") -> None:
    floor.emit("call.offered", call=call, programme="banque", number="1", caller="2", leg=f"leg-{call}")
    floor.emit("call.language", call=call, language="fr", how="default")
    waiting.enqueue(floor, floor.state.calls[call], queue, why="first")


def without(centre: Centre, *, queue: str = "", agents: Sequence[str] = ()) -> Centre:
    return replace(
        centre,
        queues={name: found for name, found in centre.queues.items() if name != queue},
        agents={name: found for name, found in centre.agents.items() if name not in agents},
    )


def test_what_is_told_is_understood() -> None:
    centre = quiet_centre(RULES)
    loaded = loaded_from(centre, None, queues=set(), agents=set())
    assert understood(told(loaded)) == loaded
    assert loaded.queues["fine"].rules == centre.queues["fine"].rules
    assert loaded.queues["fine"].service_level.threshold_s == 30.0
    assert loaded.agents["amal"].skills == {"lang:fr": 8, "facture": 3}
    assert loaded.timezone == "Africa/Casablanca"


def test_an_event_of_before_changes_nothing() -> None:
    state = FloorState(Routing([]))
    apply(state, Event(1.0, "centre.loaded", data={"path": "centre.toml", "digest": "d"}))
    assert state.loaded is None
    assert understood({"path": "centre.toml", "digest": "d"}) is None


def test_the_events_alone_lead_to_the_same_decision() -> None:
    floor = started(quiet_centre())
    come(floor, "c")
    floor.emit("agent.state", agent="amal", state="ready")
    decision = offering.due(floor.state, floor.now)
    assert decision is not None
    assert (decision.contact, decision.agent, decision.queue) == ("c", "amal", "accueil")
    assert offering.due(replayed(floor), floor.now) == decision


def test_who_waits_in_a_queue_that_is_gone_is_served_after_a_restart_too(tmp_path: Path) -> None:
    floor = started(quiet_centre(RULES))
    come(floor, "c", queue="other")
    adopt_centre(floor, without(floor.centre, queue="other"), path="centre.toml")
    floor.emit("agent.state", agent="amal", state="ready")
    states = (floor.state, replayed(floor), restored(floor, tmp_path))
    assert [state.routing.queue_of("c") for state in states] == ["other"] * 3
    assert [(due := offering.due(state, floor.now)) and due.agent for state in states] == ["amal"] * 3
    floor.emit("call.ended", call="c", outcome="abandoned", by="caller", reason="", code=0)
    tell_loaded(floor, without(quiet_centre(RULES), queue="other"), path="centre.toml")
    assert floor.state.loaded is not None
    assert "other" not in floor.state.loaded.queues


def test_a_queue_that_outlives_its_centre_keeps_agents_only_for_queues_that_are_there() -> None:
    old = loaded_from(quiet_centre(RULES), None, queues=set(), agents=set())
    rules = replace(old.queues["other"].rules, keep={"fine": 1, "accueil": 2})
    old = replace(old, queues={**old.queues, "other": replace(old.queues["other"], rules=rules)})
    now = loaded_from(quiet_centre(), old, queues={"other"}, agents=set())
    assert now.queues["other"].rules.keep == {"accueil": 2}
    assert "fine" not in now.queues


def test_an_agent_whom_the_centre_no_longer_has_keeps_his_skills_until_he_has_gone(tmp_path: Path) -> None:
    floor = started(quiet_centre())
    floor.emit("agent.state", agent="amal", state="ready")
    floor.emit("agent.state", agent="amal", state="talking", call="c")
    adopt_centre(floor, without(floor.centre, agents=["amal", "brahim"]), path="centre.toml")
    states = (floor.state, replayed(floor), restored(floor, tmp_path))
    assert [state.routing.staffed("accueil") for state in states] == [1, 1, 1]
    floor.emit("agent.state", agent="amal", state="logged_out")
    tell_loaded(floor, floor.centre, path="centre.toml")
    assert floor.state.loaded is not None
    assert floor.state.loaded.agents == {}


def test_skills_changed_for_the_day_survive_a_restart(tmp_path: Path) -> None:
    floor = started(quiet_centre())
    floor.emit("agent.state", agent="brahim", state="ready")
    assert floor.state.routing.ready("accueil") == 1
    floor.emit("agent.skills", agent="brahim", skills={}, queues=["autre"])
    assert [state.routing.ready("accueil") for state in (floor.state, restored(floor, tmp_path))] == [0, 0]


def test_of_two_who_became_ready_at_one_moment_the_first_is_first_after_a_restart_too(tmp_path: Path) -> None:
    """Seats stand in the order of logins; turns do not."""
    floor = started(quiet_centre(RULES))
    for agent in ("amal", "brahim"):
        floor.emit("agent.state", agent=agent, state="paused")
    come(floor, "c", queue="other")
    for agent in ("brahim", "amal"):
        floor.emit("agent.state", agent=agent, state="ready")
    for state in (floor.state, replayed(floor), restored(floor, tmp_path)):
        due = offering.due(state, floor.now)
        assert due is not None
        assert due.agent == "brahim"


def test_numbers_are_given_out_again_in_the_same_order_after_a_restart(tmp_path: Path) -> None:
    """Agents draw lots by their numbers."""
    floor = started(quiet_centre())
    whole = floor.centre
    tell_loaded(floor, without(whole, agents=["amal"]), path="centre.toml")
    for state in (floor.state, replayed(floor), restored(floor, tmp_path)):
        assert (state.routing.numbers().agents, state.routing.numbers().free) == (["", "brahim"], [0])
        state.routing.agent_state(floor.now, "newcomer", AgentState.PAUSED)
        assert state.routing.numbers().agents == ["newcomer", "brahim"]


def test_a_callback_whose_customer_did_not_answer_leaves_the_line_by_its_event() -> None:
    floor = started(quiet_centre())
    come(floor, "c")
    floor.emit("callback.missed", call="c", callback="c", attempt=1, code=408, reason="", retry_at=9e9)
    assert floor.state.routing.queue_of("c") == ""


def test_newcomers_get_the_same_numbers_after_a_restart(tmp_path: Path) -> None:
    """Lots are drawn by them: also when several leave at once, one of whom sits in another's place."""
    centre = quiet_centre()
    one, other = centre.agents
    floor = started(centre)
    adopt_centre(floor, without(centre, agents=[one]), path="centre.toml")
    late = replace(centre.agents[one], id="late")
    centre = replace(
        without(centre, agents=[one]), agents={**without(centre, agents=[one]).agents, "late": late}
    )
    adopt_centre(floor, centre, path="centre.toml")
    state = restored(floor, tmp_path)
    before = len(floor.turn.events)
    newest = {name: replace(late, id=name) for name in ("new", "newer")}
    centre = replace(centre, agents={**without(centre, agents=["late", other]).agents, **newest})
    adopt_centre(floor, centre, path="centre.toml")
    for event in floor.turn.events[before:]:
        apply(state, event)
    assert state.routing.numbers() == floor.state.routing.numbers() == replayed(floor).routing.numbers()
