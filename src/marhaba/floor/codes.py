"""Calls from the house's own phones: star codes, colleagues, outside numbers."""

from __future__ import annotations

from collections.abc import Callable

from marhaba.centre import Agent
from marhaba.floor import agents, audio, inbound, legs, recordings, speech, supervision, talking
from marhaba.floor.floor import Floor
from marhaba.floor.state import Call, Stage
from marhaba.kernel.errors import Refused
from marhaba.kernel.numbers import is_dialled
from marhaba.sip.events import IncomingCall, Party


def from_phone(floor: Floor, incoming: IncomingCall) -> None:
    """A phone of the house dialled something."""
    dialled = incoming.dialled
    if dialled in floor.centre.numbers:
        inbound.arrive(floor, incoming, floor.centre.numbers[dialled])
    elif not is_dialled(dialled) and dialled not in floor.centre.agents:
        floor.endpoint.reject(floor.sip_now, incoming.leg, 484)
    elif dialled.startswith("*"):
        _star(floor, incoming)
    else:
        _internal(floor, incoming)


def _star(floor: Floor, incoming: IncomingCall) -> None:
    """Answer, do what the code says, say whether it worked, hang up (a nailed-up line stays)."""
    agent = floor.agent_by_phone(incoming.user)
    call_id, near = floor.token(), _overheard(floor, incoming.dialled)
    if legs.accept(floor, incoming, call=call_id, role="code", agent=agent.id if agent else "", near=near):
        return
    language = _language_of(floor, agent)
    try:
        if agent is None:
            raise Refused(f"nobody sits at phone {incoming.user}", code="unknown-agent")
        said = _obey(floor, agent, incoming)
    except Refused as refusal:
        floor.count(f"refused_{refusal.code}")
        said = "code-refused"
    if not said:  # the leg has become a supervisor's or a nailed-up line
        return
    floor.after(CODE_S_MAX, "code", incoming.leg)
    speech.tell_agent(floor, incoming.leg, [said], language)


CODE_S_MAX = 6.0
"""A confirmation is shorter than this; then the line is hung up whatever happened."""


def _obey(floor: Floor, agent: Agent, incoming: IncomingCall) -> str:
    """Carry out a star code; the prompt that confirms it, or "" when the line stays open."""
    dialled = incoming.dialled
    table = _table(floor, agent, incoming)
    for code in sorted(table, key=len, reverse=True):
        if code and dialled.startswith(code):
            act, said = table[code]
            act(dialled[len(code) :])
            return said
    raise Refused(f"unknown code {dialled}", code="unknown-code")


def _table(
    floor: Floor, agent: Agent, incoming: IncomingCall
) -> dict[str, tuple[Callable[[str], None], str]]:
    """Code -> what it does with the digits behind it, and the prompt that confirms it."""
    codes, me, leg = floor.centre.star_codes, agent.id, incoming.leg
    pauses, dispositions = list(floor.centre.pause_codes), list(floor.centre.dispositions)
    nailed = agent.mode == "nailed"
    return {
        codes.login: (lambda _: _log_in(floor, agent, incoming), "" if nailed else "agent-logged-in"),
        codes.logout: (lambda _: agents.log_out(floor, me), "agent-logged-out"),
        codes.ready: (lambda _: agents.ready(floor, me), "agent-ready"),
        codes.pause: (lambda rest: agents.pause(floor, me, _nth(pauses, rest)), "agent-paused"),
        codes.wrap_done: (lambda _: agents.wrap_up_done(floor, me), "agent-ready"),
        codes.disposition: (
            lambda rest: agents.disposition(floor, me, _nth(dispositions, rest)),
            "agent-noted",
        ),
        codes.record_pause: (
            lambda _: recordings.toggle(floor, floor.seat(me).call, by=me),
            "agent-noted",
        ),
        codes.listen: (lambda rest: _supervise(floor, agent, leg, rest, "listen"), ""),
        codes.whisper: (lambda rest: _supervise(floor, agent, leg, rest, "whisper"), ""),
        codes.barge: (lambda rest: _supervise(floor, agent, leg, rest, "barge"), ""),
    }


def _nth(names: list[str], digits: str) -> str:
    """A list is dialled by number: *12 then 1 is the first pause code of the centre."""
    if not digits.isascii() or not digits.isdecimal() or not 1 <= int(digits[:3]) <= len(names):
        raise Refused(f"no entry {digits!r}", code="unknown-code")
    return names[int(digits[:3]) - 1]


def _log_in(floor: Floor, agent: Agent, incoming: IncomingCall) -> None:
    agents.log_in(floor, agent.id, phone=incoming.user, how="key")
    if agent.mode == "nailed":
        floor.emit("leg.moved", agent=agent.id, leg=incoming.leg, role="nailed")
        speech.tell_agent(floor, incoming.leg, ["agent-logged-in"], _language_of(floor, agent))


def _supervise(floor: Floor, agent: Agent, leg: str, digits: str, mode: str) -> None:
    supervision.start(floor, agent.id, _sitting_at(floor, digits), mode, leg_id=leg)


def _sitting_at(floor: Floor, digits: str) -> str:
    if digits in floor.centre.agents:
        return digits
    found = floor.agent_by_phone(digits)
    return found.id if found is not None else ""


def _overheard(floor: Floor, dialled: str) -> str:
    """The caller's leg of the call somebody dials to listen to: his own leg must stand on the same audio worker."""
    codes = floor.centre.star_codes
    for code in (codes.listen, codes.whisper, codes.barge):
        if code and dialled.startswith(code):
            return _caller_of(floor, _sitting_at(floor, dialled[len(code) :]))
    return ""


def _caller_of(floor: Floor, agent: str) -> str:
    call = floor.state.calls.get(floor.seat(agent).call)
    return call.caller_leg if call is not None else ""


def _internal(floor: Floor, incoming: IncomingCall) -> None:
    """A colleague, or an outside number: the caller's leg is the phone, the other side is the consulted leg."""
    agent = floor.agent_by_phone(incoming.user)
    call_id = floor.token()
    floor.emit(
        "call.offered",
        call=call_id,
        agent=agent.id if agent else "",
        programme="",
        number=incoming.dialled,
        caller=incoming.user,
        trunk="",
        leg=incoming.leg,
        stage=str(Stage.INTERNAL),
    )
    me = agent.id if agent else ""
    # Beside the call he may be on: its caller may be handed over to whoever is called now.
    if code := legs.accept(
        floor, incoming, call=call_id, role="caller", agent=me, near=_caller_of(floor, me)
    ):
        legs.refused(floor, call_id, code)
        return
    call = floor.state.calls[call_id]
    try:
        asked = talking.ring_target(
            floor,
            call,
            incoming.dialled,
            near=incoming.leg,
            party=Party(number=incoming.user, name=agent.name if agent else ""),
        )
    except Refused as refusal:
        floor.count(f"refused_{refusal.code}")
        floor.after(CODE_S_MAX, "code", incoming.leg)
        speech.tell_agent(floor, incoming.leg, ["code-refused"], _language_of(floor, agent))
        return
    floor.emit("call.consulting", call=call.id, **asked)
    speech.tell_agent(floor, incoming.leg, ["ringback"], floor.centre.language)


def internal_answered(floor: Floor, call: Call, leg_id: str) -> None:
    floor.cancel("consult", leg_id)
    talking.asked_is_there(floor, call)
    if colleague := floor.state.legs[leg_id].agent:
        floor.emit("agent.state", call=call.id, agent=colleague, state="talking")
    floor.emit("call.answered", call=call.id)
    speech.hush(floor, call)
    audio.sync(floor, call)


def _language_of(floor: Floor, agent: Agent | None) -> str:
    return agent.language if agent is not None and agent.language else floor.centre.language
