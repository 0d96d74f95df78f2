"""A changed centre.toml reaches the running floor; calls in progress end under the rules they began with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marhaba.centre import Centre, CentreError, diff, load_centre
from marhaba.floor import agents, bygone
from marhaba.floor.floor import Floor
from marhaba.floor.loaded import loaded_from, told
from marhaba.kernel.messages import Reply
from marhaba.kernel.routing import AgentState

if TYPE_CHECKING:
    from marhaba.floor.process import FloorProcess


def reload(process: FloorProcess) -> Reply:
    """Read the file; if it is wrong, nothing changes and the reply names every problem."""
    try:
        centre = load_centre(process.config)
    except CentreError as wrong:
        return Reply(ok=False, code=wrong.code, message=str(wrong))
    changes = diff(process.floor.centre, centre)
    process.turn(lambda: adopt_centre(process.floor, centre, path=str(process.config)))
    process.centre = centre
    return Reply(ok=True, data=changes)


def adopt_centre(floor: Floor, centre: Centre, *, path: str) -> None:
    """Take the new rules. What a call in progress still needs of the old ones is kept until it ends."""
    old = floor.centre
    floor.centre = bygone.keep(old, centre, floor.state.calls.values())
    floor.today.centre = floor.centre
    floor.spend.concurrent_max = centre.spending.concurrent_max
    floor.spend.hourly_max = centre.spending.hourly_max
    floor.prompts.forget()  # recordings may have been added or replaced
    for agent_id in sorted(old.agents.keys() - centre.agents.keys()):
        agents.remove(floor, agent_id)
    floor.endpoint.reconfigure(floor.sip_now, centre.endpoint_settings())
    tell_loaded(floor, centre, path=path)
    floor.reroute = True


def tell_loaded(floor: Floor, centre: Centre, *, path: str) -> None:
    """`centre` is in force. What calls and agents in progress still need of the one before goes on."""
    now = loaded_from(
        centre,
        floor.state.loaded,
        queues=bygone.queues_needed(floor.centre.programmes, floor.state.calls.values()),
        agents={seat.id for seat in floor.state.seats.values() if seat.state is not AgentState.LOGGED_OUT},
    )
    floor.emit("centre.loaded", path=path, digest=centre.digest, **told(now))
