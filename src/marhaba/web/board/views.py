"""The board: a page, the stream that keeps it true, and what a supervisor does on it."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.utils.translation import get_language
from django.views.decorators.http import require_POST, require_safe

from marhaba.web.board.parts import Viewer
from marhaba.web.live.hub import HUB
from marhaba.web.live.stream import stream_to
from marhaba.web.live.words import GONE, refusal_text
from marhaba.web.people import audit, rules
from marhaba.web.people.access import allows
from marhaba.web.people.models import User

STATES: Final = {"ready": "ready", "pause": "pause", "logout": "logout"}
MODES: Final = ("listen", "whisper", "barge")


@allows("board.see")
@require_safe
async def board(request: HttpRequest) -> HttpResponse:
    return await _page(request, "board/board.html", wall=False)


@allows("board.see")
@require_safe
async def wall(request: HttpRequest) -> HttpResponse:
    """To be read from ten metres."""
    return await _page(request, "wall/wall.html", wall=True)


@allows("board.see")
@require_safe
async def stream(request: HttpRequest) -> HttpResponseBase:
    return stream_to(await _viewer(request, wall="wall" in request.GET))


@allows("board.act")
@require_POST
async def act(request: HttpRequest, agent: str, do: str) -> HttpResponse:
    """A supervisor sets an agent's state, or joins his call."""
    user = await _user(request)
    viewer = await _viewer(request, wall=False, action="board.act")
    if not _may_touch(viewer, agent):
        return HttpResponse(refusal_text("unknown-agent", agent), status=404, content_type="text/plain")
    if do in STATES:
        code = {"code": request.POST.get("code", "pause")} if do == "pause" else {}
        question = HUB.ask(STATES[do], agent=agent, **code)
    elif do in MODES:
        question = HUB.ask("supervise", supervisor=user.agent_id, agent=agent, mode=do)
    else:
        return HttpResponse(status=404)
    try:
        reply = await question
    except ConnectionError:
        return HttpResponse(str(GONE), status=503, content_type="text/plain; charset=utf-8")
    if not reply.ok:
        said = refusal_text(reply.code, reply.message)
        return HttpResponse(said, status=409, content_type="text/plain; charset=utf-8")
    await sync_to_async(audit.note)(user, f"board.{do}", agent, **code if do in STATES else {})
    return HttpResponse(status=204)


async def _page(request: HttpRequest, template: str, *, wall: bool) -> HttpResponse:
    viewer = await _viewer(request, wall=wall)
    containers = defaultdict(list)
    for name, html in HUB.parts(viewer).items():
        containers[name.partition("/")[0]].append(mark_safe(html))  # noqa: S308 -- drawn by a template
    shown = {"parts": dict(containers), "viewer": viewer, "at": HUB.board["at"] if HUB.board else 0.0}
    return await sync_to_async(render)(request, template, shown)


async def _user(request: HttpRequest) -> User:
    user = await request.auser()
    assert isinstance(user, User)
    return user


async def _viewer(request: HttpRequest, *, wall: bool, action: str = "board.see") -> Viewer:
    user = await _user(request)
    return await sync_to_async(_viewer_of)(user, get_language() or "fr", wall=wall, action=action)


def _viewer_of(user: User, language: str, *, wall: bool, action: str) -> Viewer:
    return Viewer(
        language=language,
        programmes=rules.programmes_of(user, action),
        agents=rules.may(user, "board.agents"),
        acts=rules.may(user, "board.act"),
        listens=rules.may(user, "board.act") and bool(user.agent_id),
        wall=wall,
    )


def _may_touch(viewer: Viewer, agent: str) -> bool:
    return f"agents/{agent}" in HUB.parts(viewer)
