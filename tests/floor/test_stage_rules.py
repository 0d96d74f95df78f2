"""Rules of centre.toml about who is kept back, which queue goes first, whom a caller knows, and when a queue closes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from marhaba.floor import checkpoint
from marhaba.floor.reload import adopt_centre
from marhaba.floor.returning import RETURNS_S
from marhaba.floor.state import SERVED_MAX, Call, FloorState, Served, apply
from marhaba.kernel.routing import AgentState, Routing
from tests.floor.stage import START, Stage
from tests.floor.stage_centre import CENTRE, parse_centre_of

PROGRAMME = """\
[programmes.autre]
numbers = ["0539000009"]
calendar = "always"
languages = ["fr"]
menu = false
greeting = []
queue = "petite"
"""


def centre(*changes: tuple[str, str], top: str = "", end: str = PROGRAMME) -> str:
    """The stage's centre with some words replaced, and one more programme that leads to `petite`."""
    text = CENTRE
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return f"{top}\n{text}\n{end}"


def accueil(words: str) -> tuple[str, str]:
    return ("[queues.accueil]\n", f"[queues.accueil]\n{words}\n")


def petite(words: str) -> tuple[str, str]:
    return ("[queues.petite]\n", f"[queues.petite]\n{words}\n")


def served(stage: Stage) -> list[str]:
    """Queues in the order in which their callers were rung for."""
    return [event.queue_id for event in stage.of("call.ringing")]


def go_home(stage: Stage) -> None:
    for side in stage.sides.values():
        for leg in list(side.legs):
            side.hang_up(leg)
    stage.settled()


# Who is kept back, which queue goes first


def test_the_last_agents_are_kept_for_the_queue_that_needs_them() -> None:
    stage = Stage(centre(petite("keep = { accueil = 1 }")), logged_in=("amal", "brahim"))
    stage.carrier.dial("0539000009", caller="0661000001")
    stage.carrier.dial("0539000009", caller="0661000002")
    stage.run(3.0)
    assert [call.stage for call in stage.floor.state.calls.values()] == ["talking", "queued"]
    stage.carrier.dial("0539000001", caller="0661000003")
    stage.run(3.0)
    assert stage.call_of("direct").stage == "talking"
    go_home(stage)


def two_wait(text: str) -> Stage:
    """One came to `accueil`, ten seconds later two to `petite`; then Brahim gets ready."""
    stage = Stage(text)
    stage.carrier.dial("0539000001", caller="0661000001")
    stage.run(10.0)
    for caller in ("0661000002", "0661000003"):
        stage.carrier.dial("0539000009", caller=caller)
    stage.run(10.0)
    stage.ask("login", agent="brahim")
    stage.ask("ready", agent="brahim")
    stage.run(1.0)
    return stage


@pytest.mark.parametrize(
    ("top", "words", "first"),
    [
        ("", "", "accueil"),
        ("", "weight = 3", "petite"),  # 3 x 10 s against 20 s
        ("", "weight = 1.5", "accueil"),
        ('queue_choice = "longest-queue"', "", "petite"),
        ('queue_choice = "longest-queue"', "weight = 0.4", "accueil"),  # 0.4 x 2 against 1
        (
            'queue_choice = "service-target"',
            'service_level = { threshold_s = "5 s" }',
            "petite",
        ),  # 10/5, 20/20
        ('queue_choice = "service-target"', 'service_level = { threshold_s = "15 s" }', "accueil"),
        ("", 'service_level = { threshold_s = "5 s" }', "accueil"),
    ],
)
def test_which_queue_goes_first(top: str, words: str, first: str) -> None:
    text = centre(petite(words), ("overflow_size = 1\n", ""), top=top)
    stage = two_wait(text)
    assert served(stage) == [first]
    go_home(stage)


def test_an_agents_own_queue_goes_first_for_him() -> None:
    own = ('[agents.brahim]\nphone = "102"', '[agents.brahim]\nphone = "102"\nown = ["petite"]')
    stage = two_wait(centre(("overflow_size = 1\n", ""), own))
    assert served(stage) == ["petite"]
    stage.turn(lambda: stage.floor.emit("agent.skills", agent="brahim", skills={"lang:fr": 6}))
    assert stage.floor.state.loaded is not None
    assert stage.floor.state.loaded.agents["brahim"].own == ("petite",)
    go_home(stage)


def test_lots_are_drawn_alike_after_a_restart() -> None:
    stage = Stage(centre(accueil('strategy = "random"')), logged_in=("amal", "brahim", "laila"))
    who = set()
    for caller in range(12):
        stage.carrier.dial("0539000001", caller=f"06610000{caller:02d}")
        stage.run(0.5)
        who.add(stage.call.agent)
        if caller % 3 == 0:
            stage.restart()
        stage.carrier.hang_up()
        stage.run(7.3)
    assert len(who) > 1
    go_home(stage)


# Whom the caller knows

KNOWN = centre(accueil('last_agent_s = "30 s"'), ("wrap_s = 10\n", "wrap_s = 0\n"))


def served_by(stage: Stage, agent: str, caller: str = "0661000001") -> None:
    """`agent` talks with the caller, who then hangs up. In the end both are ready, he behind the other."""
    for other in ("amal", "brahim"):
        stage.ask("login", agent=other)
        stage.ask("ready" if other == agent else "pause", agent=other, **({} if other == agent else BREAK))
    stage.carrier.dial("0539000001", caller=caller)
    stage.run(5.0)
    assert stage.call.agent == agent
    stage.carrier.hang_up()
    stage.run(1.0)
    stage.ask("pause", agent=agent, **BREAK)
    for other in sorted(("amal", "brahim"), key=agent.__eq__):
        stage.ask("ready", agent=other)


BREAK = {"code": "break"}


def test_who_calls_again_gets_the_agent_he_had() -> None:
    stage = Stage(KNOWN)
    served_by(stage, "brahim")
    stage.carrier.dial("0539000001", caller="0661000001")
    stage.run(5.0)
    assert stage.call.agent == "brahim"
    go_home(stage)


def test_he_waits_for_him_and_then_for_anybody() -> None:
    stage = Stage(KNOWN)
    served_by(stage, "brahim")
    stage.ask("pause", agent="brahim", **BREAK)
    stage.carrier.dial("0539000001", caller="0661000001")
    stage.run(15.0)
    stage.restart()
    stage.run(13.0)
    assert stage.call.stage == "queued"
    stage.run(5.0)
    assert (stage.call.stage, stage.call.agent) == ("talking", "amal")
    go_home(stage)


def test_an_agent_who_misses_him_is_waited_for_no_more() -> None:
    stage = Stage(KNOWN)
    served_by(stage, "brahim")
    stage.phones["brahim"].code = 486
    stage.carrier.dial("0539000001", caller="0661000001")
    stage.run(4.0)
    assert (stage.call.stage, stage.call.agent) == ("talking", "amal")
    go_home(stage)


def test_whom_an_agent_hands_to_a_queue_is_not_handed_back_to_him() -> None:
    stage = Stage(KNOWN)
    served_by(stage, "brahim")
    stage.carrier.dial("0539000001", caller="0661000001")
    stage.run(4.0)
    assert stage.ask("transfer", agent="brahim", to="accueil").ok
    stage.run(4.0)
    assert stage.call.agent == "amal"
    go_home(stage)


def test_callers_of_another_client_are_others() -> None:
    """Also when both programmes lead to one queue."""
    stage = Stage(KNOWN.replace('queue = "petite"', 'queue = "accueil"'))
    served_by(stage, "brahim")
    stage.carrier.dial("0539000009")
    stage.run(5.0)
    assert (stage.call.programme, stage.call.agent) == ("autre", "amal")
    go_home(stage)


def test_a_number_is_the_same_however_a_carrier_writes_it() -> None:
    stage = Stage(KNOWN)
    served_by(stage, "brahim")
    stage.carrier.dial("0539000001", caller="+212661000001")
    stage.run(5.0)
    assert stage.call.agent == "brahim"
    go_home(stage)


@pytest.mark.parametrize(
    ("caller", "later_s", "text"),
    [
        ("0661000002", 0.0, KNOWN),  # somebody else
        ("anonymous", 0.0, KNOWN),
        ("0661000001", RETURNS_S, KNOWN),
        ("0661000001", 0.0, KNOWN.replace('last_agent_s = "30 s"', "")),
    ],
)
def test_nobody_is_preferred_without_a_reason(caller: str, later_s: float, text: str) -> None:
    stage = Stage(text)
    served_by(stage, "brahim", caller="0661000001" if caller != "anonymous" else caller)
    stage.ask("pause", agent="brahim", **BREAK)
    stage.run(later_s)
    stage.ask("ready", agent="brahim")  # behind Amal
    stage.carrier.dial("0539000001", caller=caller)
    stage.run(5.0)
    assert stage.call.agent == "amal"
    go_home(stage)


def test_a_checkpoint_keeps_who_knows_whom(tmp_path: Path) -> None:
    """Also that waiting for one is over for good when he has logged out meanwhile."""
    stage = Stage(KNOWN)
    served_by(stage, "brahim")
    for agent in ("amal", "brahim"):
        stage.ask("pause", agent=agent, **BREAK)
    stage.carrier.dial("0539000001", caller="0661000001")
    stage.run(1.0)
    routing = stage.floor.state.routing
    assert routing.known_to(stage.call.id) == ("brahim", True)
    assert restored(stage, tmp_path).routing.known_to(stage.call.id) == ("brahim", True)
    stage.ask("logout", agent="brahim")
    stage.ask("login", agent="brahim")
    assert routing.known_to(stage.call.id) == ("brahim", False)
    assert restored(stage, tmp_path).routing.known_to(stage.call.id) == ("brahim", False)
    assert restored(stage, tmp_path).served == stage.floor.state.served
    go_home(stage)


def restored(stage: Stage, folder: Path) -> FloorState:
    path = folder / "state.json"
    checkpoint.write(path, checkpoint.encode(stage.floor.state, seq=1))
    return checkpoint.restore(path, Routing([]), last_seq=1)[0]


def test_the_callers_remembered_have_a_limit() -> None:
    stage = Stage(KNOWN)
    served_by(stage, "brahim")
    connected = stage.one("call.connected")
    state = FloorState(Routing([]), served={str(n): Served("amal", 1.0) for n in range(SERVED_MAX)})
    state.calls[connected.call_id] = Call(connected.call_id, "direct", "1", "2")
    apply(state, connected)
    assert len(state.served) == SERVED_MAX
    assert "0" not in state.served
    assert state.served["direct +212661000001"] == Served("brahim", connected.at)
    stage.settled()


# When a queue closes

OFFICE = centre(accueil('calendar = "bureau"\noverflow_at_close = true'))


def test_who_still_waits_when_the_queue_closes_is_told_so() -> None:
    stage = Stage(OFFICE, at=closing(-60.0))
    stage.carrier.dial("0539000001")
    stage.run(55.0)
    assert stage.call.stage == "queued"
    stage.run(10.0)
    assert stage.one("call.overflowed").data == {"to": "closed", "reason": "closed"}
    stage.settled()
    assert stage.outcome() == "closed"


def closing(seconds: float) -> float:
    """So long after the office closes."""
    calendar = parse_centre_of(OFFICE).queues["accueil"].calendar
    closes = calendar.closes_at(START)
    assert closes is not None
    return closes + seconds


def test_without_the_word_who_waits_is_served() -> None:
    stage = Stage(centre(accueil('calendar = "bureau"')), at=closing(-60.0))
    stage.carrier.dial("0539000001")
    stage.run(120.0)
    assert stage.call.stage == "queued"
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.run(3.0)
    assert stage.call.stage == "talking"
    go_home(stage)


def test_a_queue_that_is_closed_sends_on_at_the_door_and_opens_again() -> None:
    sends = accueil('calendar = "bureau"\noverflow_to = "petite"')
    stage = Stage(centre(sends), at=closing(60.0), logged_in=("amal",))
    stage.carrier.dial("0539000001")
    stage.run(1.0)
    assert stage.one("call.overflowed").data == {"to": "petite", "reason": "closed"}
    assert stage.call.queue == "petite"
    stage.run(3.0)
    stage.carrier.hang_up()
    week_s = 7 * 86_400.0
    stage.run(week_s - 120.0)  # it is only open on Mondays
    stage.carrier.dial("0539000001")
    stage.run(1.0)
    assert stage.call.queue == "accueil"
    go_home(stage)


def test_a_callback_outlasts_the_closing_time() -> None:
    stage = Stage(OFFICE, at=closing(-60.0))
    stage.carrier.dial("0539000001")
    stage.run(40.0)
    stage.press(stage.call, "2")
    stage.run(60.0)
    assert (stage.call.callback, stage.call.stage) == (True, "queued")
    stage.ask("login", agent="amal")
    stage.ask("ready", agent="amal")
    stage.carrier.auto = 1.0
    stage.run(5.0)
    assert stage.call.stage == "talking"
    go_home(stage)


def test_hours_changed_by_a_reload_count_at_once() -> None:
    stage = Stage(OFFICE, at=closing(-60.0))
    stage.carrier.dial("0539000001")
    stage.run(5.0)
    longer = parse_centre_of(OFFICE.replace('"08:30-18:30"', '"08:30-19:30"'))
    stage.centre = longer
    stage.turn(lambda: adopt_centre(stage.floor, longer, path="centre.toml"))
    stage.run(120.0)
    assert stage.call.stage == "queued"
    always = replace(longer.queues["accueil"], calendar=longer.programmes["direct"].calendar)
    longer = replace(longer, queues={**longer.queues, "accueil": always})
    stage.turn(lambda: adopt_centre(stage.floor, longer, path="centre.toml"))
    stage.run(4000.0)
    assert stage.call.stage == "queued"
    assert stage.state_of("amal") == AgentState.LOGGED_OUT.name.lower()
    go_home(stage)
