"""The desk: a page, the stream that keeps it true, the audio line, and what an agent does with a call."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from marhaba.kernel.errors import Refused
from marhaba.kernel.messages import Reply
from marhaba.media.browser_sdp import OFFER_CHARS_MAX
from marhaba.web.desk.domain import notes
from marhaba.web.desk.line import open_line
from marhaba.web.desk.parts import Desk
from marhaba.web.live.hub import HUB
from marhaba.web.live.stream import stream_to
from marhaba.web.live.words import GONE, refusal_text
from marhaba.web.people import audit, rules
from marhaba.web.people.access import allows
from marhaba.web.people.models import User

TEXT: Final = "text/plain; charset=utf-8"
ACTS: Final[dict[str, tuple[str, ...]]] = {
    "login": (),
    "ready": (),
    "pause": ("code",),
    "logout": (),
    "wrap_done": (),
    "wrap_extend": ("seconds",),
    "answer": (),
    "decline": (),
    "hang_up": (),
    "hold": (),
    "resume": (),
    "transfer": ("to",),
    "consult": ("to",),
    "join": (),
    "complete": (),
    "back": (),
    "keys": ("digits",),
    "record_pause": (),
    "record_resume": (),
    "dial": ("to",),
    "echo": (),
    "disposition": ("disposition", "note", "call"),
}
"""What may be asked from a desk, always in the name of whoever sits at it."""


@allows("desk.use")
@require_safe
async def desk(request: HttpRequest) -> HttpResponse:
    user = await _user(request)
    if not user.agent_id:
        return await sync_to_async(_choose_page)(request, "")
    watcher = Desk(get_language() or "fr", user.agent_id)
    parts, containers = HUB.parts(watcher), defaultdict(list)
    for name, html in parts.items():
        containers[name.partition("/")[0]].append(mark_safe(html))  # noqa: S308 -- drawn by a template
    shown: dict[str, Any] = {"parts": dict(containers), "at": HUB.board["at"] if HUB.board else 0.0}
    if paper := next((name for name in parts if name.startswith("paper/")), ""):
        call = paper.partition("/")[2]
        shown["written"] = {"call": call, "text": await sync_to_async(notes.text_of)(user.agent_id, call)}
    return await sync_to_async(render)(request, "desk/desk.html", shown)


@allows("desk.use")
@require_safe
async def stream(request: HttpRequest) -> HttpResponseBase:
    user = await _user(request)
    if not user.agent_id:
        return HttpResponse(status=204)  # nothing to follow
    return stream_to(Desk(get_language() or "fr", user.agent_id))


@allows("desk.use")
@require_POST
async def act(request: HttpRequest, do: str) -> HttpResponse:
    user = await _user(request)
    if do not in ACTS:
        return HttpResponse(status=404)
    args = {name: request.POST.get(name, "") for name in ACTS[do]}
    reply = await _asked(user, do, args)
    if do == "disposition" and reply.ok:
        await sync_to_async(notes.save)(user.agent_id, args["call"], args["note"], args["disposition"])
    return _answered(reply)


@allows("desk.use")
@require_POST
async def note(request: HttpRequest) -> HttpResponse:
    """As typed."""
    user = await _user(request)
    call = request.POST.get("call", "")[:64]
    if not user.agent_id or not call:
        return HttpResponse(status=400)
    await sync_to_async(notes.save)(user.agent_id, call, request.POST.get("note", ""))
    return HttpResponse(gettext("Enregistré"), content_type=TEXT)


@allows("desk.use")
@require_POST
async def line(request: HttpRequest) -> HttpResponse:
    """The browser's offer of audio; 201 with the answer."""
    user = await _user(request)
    if not user.agent_id:
        return HttpResponse(refusal_text("unknown-agent", ""), status=409, content_type=TEXT)
    if len(request.body) > OFFER_CHARS_MAX:
        return HttpResponse(status=413)
    try:
        name, answer = await open_line(user.agent_id, request.body.decode("utf-8", "replace"))
    except Refused as refusal:
        return HttpResponse(refusal_text(refusal.code, str(refusal)), status=409, content_type=TEXT)
    except ConnectionError:
        return HttpResponse(str(GONE), status=503, content_type=TEXT)
    where = reverse("desk_line_away", args=[name])
    return HttpResponse(answer, status=201, content_type="application/sdp", headers={"Location": where})


@allows("desk.use")
@require_http_methods(["DELETE"])
async def line_away(request: HttpRequest, edge: str) -> HttpResponse:
    """The page is left: the caller hears music until the browser is back."""
    user = await _user(request)
    return _answered(await _asked(user, "line_away", {"edge": edge}))


@allows("desk.choose")
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """The administrator says which agent he is himself; for others he says it among the people."""
    user = request.user
    assert isinstance(user, User)  # the middleware let him in
    agent = request.POST.get("agent", "")
    if agent not in _free_agents():
        return _choose_page(request, gettext("Ce conseiller n’existe pas, ou quelqu’un d’autre l’est déjà."))
    user.agent_id = agent
    user.save(update_fields=["agent_id"])
    audit.note(user, "people.agent", user.username, agent=agent)
    return redirect("desk")


def _choose_page(request: HttpRequest, error: str) -> HttpResponse:
    allowed = rules.may(request.user, "desk.choose")
    shown = {"agents": _free_agents() if allowed else {}, "error": error, "user_may_choose": allowed}
    return render(request, "desk/choose.html", shown, status=422 if error else 200)


def _free_agents() -> dict[str, str]:
    taken = set(User.objects.exclude(agent_id="").values_list("agent_id", flat=True))
    rows = HUB.board["agents"] if HUB.board is not None else []
    return {row["agent"]: row["name"] for row in rows if row["agent"] not in taken}


async def _asked(user: User, do: str, args: dict[str, str]) -> Reply:
    if not user.agent_id:
        return Reply(ok=False, code="unknown-agent", message="")
    try:
        return await HUB.ask(do, agent=user.agent_id, **args)
    except ConnectionError:
        return Reply(ok=False, code="gone", message=str(GONE))


def _answered(reply: Reply) -> HttpResponse:
    if reply.ok:
        return HttpResponse(status=204)
    status = 503 if reply.code == "gone" else 409
    return HttpResponse(refusal_text(reply.code, reply.message), status=status, content_type=TEXT)


async def _user(request: HttpRequest) -> User:
    user = await request.auser()
    assert isinstance(user, User)
    return user
