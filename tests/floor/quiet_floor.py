"""A floor without telephones: the real state, kernel and estimator, for tests of one verb."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from marhaba.centre import Centre, parse_centre
from marhaba.floor.floor import Floor
from marhaba.floor.state import FloorState
from marhaba.floor.today import Today
from marhaba.kernel.routing import Routing
from marhaba.media.library import PromptLibrary
from marhaba.sip.endpoint import Endpoint
from tests.centre.centre_texts import centre_text


def quiet_centre(text: str = "", *, folder: Path = Path("/centre")) -> Centre:
    """The smallest centre, with `text` at its top."""
    return parse_centre(centre_text("top", text), folder=folder)


def quiet_floor(centre: Centre) -> Floor:
    routing = Routing([queue.rules for queue in centre.queues.values()])
    for agent in centre.agents.values():
        routing.set_agent(agent.id, agent.skills, agent.queues)
    names = count(1)

    def token() -> str:
        return f"token-{next(names)}"

    return Floor(
        centre=centre,
        state=FloorState(routing, at=1000.0),
        endpoint=Endpoint(centre.endpoint_settings(), token),
        prompts=PromptLibrary(centre.prompts_folder),
        today=Today(centre),
        token=token,
    )
