"""The endpoint's standing relations: phones that register with us, carriers we register with and keep alive."""

from __future__ import annotations

from marhaba.sip.endpoint_core import Core
from marhaba.sip.endpoint_exchange import Heard
from marhaba.sip.events import EndpointSettings, Flow
from marhaba.sip.message import Request

COPIED = frozenset({"Via", "From", "To", "Call-ID", "CSeq", "Content-Length", "Content-Type"})


def register(core: Core, now: float, request: Request, source: Flow, user: str) -> None:
    """A REGISTER past authentication: the registrar decides, the transaction answers."""
    response = core.registrar.handle(now, request, source, user)
    lines = [f"{name}: {value}" for name, value in response.headers if name not in COPIED]
    server = core.accept(request, source, to_tag=core.token())
    core.respond(now, server, response.status, reason=response.reason, lines=lines, body=response.body)
    _tell(core)


def tick(core: Core, now: float) -> None:
    """Bindings that ran out, and what trunks are due for: REGISTER, OPTIONS."""
    at = next_tick(core)
    if at is None or at > now:
        return
    core.registrar.expire(now)
    for trunk, request, flow in core.board.due(now):
        _send(core, now, trunk, request, flow)
    _tell(core)


def next_tick(core: Core) -> float | None:
    """Remembered until something changes: it is asked for after every message."""
    if not core.tick_known:
        moments = (core.registrar.next_expiry(), core.board.next_due())
        core.tick_at = min((moment for moment in moments if moment is not None), default=None)
        core.tick_known = True
    return core.tick_at


def trunk_flow(core: Core, name: str) -> Flow | None:
    """Where requests to a trunk go; the driver resolves a host name. None: there is no such trunk."""
    trunk = core.trunk_named(name)
    return core.board.flow(trunk) if trunk is not None else None


def reconfigure(core: Core, now: float, settings: EndpointSettings) -> None:
    core.settings = settings
    core.transactions.t1, core.transactions.t2, core.transactions.t4 = (
        settings.t1_s,
        settings.t2_s,
        settings.t4_s,
    )
    core.authenticator.users = {user.name: user for user in settings.users}
    core.registrar.reconfigure(settings)
    core.board.reconfigure(now, settings)
    _tell(core)


def _send(core: Core, now: float, trunk: str, request: Request, flow: Flow) -> None:
    def tell(now: float, heard: Heard, source: Flow) -> None:
        response = None if isinstance(heard, str) else heard
        theirs = True
        if response is not None:
            core.learn(trunk, flow, source)
            named = core.trunk_named(trunk)
            theirs = named is not None and core.is_at(named, source)
            if response.status in (401, 407) and not theirs:
                core.counts["foreign_challenges"] += 1
        for retry in core.board.response(now, trunk, request, response, theirs=theirs):
            _send(core, now, trunk, retry, flow)
        _tell(core)

    core.transactions.request(
        now,
        branch=request.via.branch,
        method=request.method,
        data=request.to_bytes(),
        flow=flow,
        tell=tell,
    )


def _tell(core: Core) -> None:
    """Hand on what registrar and trunks have to say, and look anew at what they wait for."""
    for event in core.registrar.events:
        core.phones.note(event)
    core.events.extend(core.registrar.events)
    core.registrar.events.clear()
    core.events.extend(core.board.events)
    core.board.events.clear()
    core.tick_known = False
