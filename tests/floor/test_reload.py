"""A changed centre reaches the running floor."""

from dataclasses import replace
from pathlib import Path

from marhaba.centre.checks import SKILLS_COUNT_MAX
from marhaba.floor import offering, waiting
from marhaba.floor.reload import adopt_centre
from marhaba.kernel.routing import AGENTS_MAX, AgentState
from marhaba.media.library import SHIPPED
from tests.floor.quiet_floor import quiet_centre, quiet_floor


def test_a_recording_added_while_the_centre_runs_is_used_from_the_reload_on(tmp_path: Path) -> None:
    own = tmp_path / "prompts" / "fr" / "welcome.wav"
    own.parent.mkdir(parents=True)
    centre = quiet_centre("prompts_folder = 'prompts'", folder=tmp_path)
    floor = quiet_floor(centre)
    shipped = SHIPPED / "fr" / "welcome.wav"
    assert floor.prompts.paths(["welcome"], "fr") == [str(shipped)]
    own.write_bytes(shipped.read_bytes())
    adopt_centre(floor, centre, path="centre.toml")
    assert floor.prompts.paths(["welcome"], "fr") == [str(own)]


def test_an_agent_removed_while_his_phone_rings_leaves_when_he_does_not_answer() -> None:
    floor = quiet_floor(quiet_centre())
    floor.emit("agent.state", agent="amal", state="paused", code="pause")
    floor.emit(
        "call.offered", call="c", programme="banque", number="0539000000", caller="0600000001", leg="leg-c"
    )
    call = floor.state.calls["c"]
    waiting.enqueue(floor, call, "accueil", why="first")
    floor.emit("agent.state", agent="amal", state="ready")
    floor.emit("call.ringing", call="c", agent="amal", queue="accueil", leg="leg-a", why="queue")
    floor.emit("agent.state", call="c", agent="amal", state="ringing")
    others = {name: agent for name, agent in floor.centre.agents.items() if name != "amal"}
    adopt_centre(floor, replace(floor.centre, agents=others), path="centre.toml")
    assert floor.seat("amal").state is AgentState.RINGING
    offering.missed(floor, call, "leg-a", 408, "no-answer")
    assert floor.seat("amal").state is AgentState.LOGGED_OUT
    assert (call.stage, floor.state.routing.staffed("accueil")) == ("queued", 0)


def test_a_centre_may_change_all_its_people_and_skills_again_and_again() -> None:
    floor = quiet_floor(quiet_centre())
    amal = floor.centre.agents["amal"]
    for month in range(3):
        skills = {f"skill-{month}-{number}": 5 for number in range(SKILLS_COUNT_MAX)}
        names = [f"agent-{month}-{number}" for number in range(AGENTS_MAX)]
        agents = {name: replace(amal, id=name, phone=name) for name in names}
        agents[names[0]] = replace(agents[names[0]], skills=skills)
        adopt_centre(floor, replace(floor.centre, agents=agents), path="centre.toml")
        floor.emit("agent.state", agent=names[-1], state="paused", code="login")
        assert floor.state.routing.staffed("accueil") == 1
