"""What callers are told: prompts played in steps, each step with one continuation."""

from __future__ import annotations

from collections.abc import Sequence

from marhaba.floor.floor import Floor
from marhaba.floor.state import Call
from marhaba.media.protocol import Music, Play, StopPlay

TAG_CHARS = 6
"""Enough to tell a prompt from the same one of an earlier floor, whose end the worker kept for us."""


def say(
    floor: Floor,
    call: Call,
    step: str,
    prompts: Sequence[str],
    *,
    until_digit: bool = False,
    language: str = "",
) -> bool:
    """Play prompts as step `step`; `PlayEnded` carries the step back. False: nothing to play, go on at once."""
    return say_paths(
        floor,
        call,
        step,
        floor.prompts.paths(list(prompts), language or language_of(floor, call)),
        until_digit=until_digit,
    )


def say_paths(
    floor: Floor, call: Call, step: str, paths: Sequence[str], *, until_digit: bool = False
) -> bool:
    volatile = floor.volatile_of(call.id)
    volatile.step, volatile.tag = step, ""
    if not paths or not call.caller_leg:
        return False
    volatile.tag = f"{call.id}.{floor.token()[:TAG_CHARS]}/{step}"
    floor.media(
        call.caller_leg,
        Play(leg=call.caller_leg, tag=volatile.tag, prompts=list(paths), until_digit=until_digit),
    )
    return True


def hush(floor: Floor, call: Call) -> None:
    volatile = floor.volatile_of(call.id)
    volatile.step, volatile.tag = "", ""
    if call.caller_leg:
        floor.media(call.caller_leg, StopPlay(leg=call.caller_leg))


def music(floor: Floor, call: Call, name: str) -> None:
    """Music whenever the caller hears nobody."""
    if call.caller_leg:
        floor.media(call.caller_leg, Music(leg=call.caller_leg, path=floor.prompts.music(name)))


def tell_agent(floor: Floor, leg: str, prompts: Sequence[str], language: str) -> None:
    """A word in an agent's ear (star codes, tones); nothing waits for its end."""
    if leg and (paths := floor.prompts.paths(list(prompts), language)):
        floor.media(leg, Play(leg=leg, tag=f"{leg}/told", prompts=paths))


def language_of(floor: Floor, call: Call) -> str:
    programme = floor.centre.programmes.get(call.programme)
    return call.language or (programme.default_language if programme else floor.centre.language)
