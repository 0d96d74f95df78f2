"""What calls in progress still need of a centre that has changed: a programme or a queue that its file no longer has.

A floor that reloads keeps the old ones until their calls end. A floor that starts has the new file alone: its calls
go on under what the file has now, and at worst under a programme that says nothing and leads to the first queue.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from marhaba.centre.model import Centre, Programme
from marhaba.floor.state import Call
from marhaba.kernel.calendar import always


def keep(old: Centre, new: Centre, calls: Collection[Call]) -> Centre:
    """`new`, with what `calls` still need of `old`."""
    gone = {call.programme for call in calls} & old.programmes.keys() - new.programmes.keys()
    programmes = {name: old.programmes[name] for name in sorted(gone)} | dict(new.programmes)
    needed = queues_needed(programmes, calls) & old.queues.keys() - new.queues.keys()
    queues = {name: old.queues[name] for name in sorted(needed)} | dict(new.queues)
    return replace(new, programmes=programmes, queues=queues)


def queues_needed(programmes: Mapping[str, Programme], calls: Collection[Call]) -> set[str]:
    """The queues of `calls`, and those to which their programmes lead."""
    needed = {call.queue for call in calls if call.queue}
    for programme in {call.programme for call in calls} & programmes.keys():
        needed |= {programmes[programme].queue, *programmes[programme].queues_by_language.values()}
    return needed


def programme_of(centre: Centre, call: Call) -> Programme:
    """The programme of a call; if it is gone the one that its number leads to now, if that is gone a plain one."""
    name = call.programme if call.programme in centre.programmes else centre.numbers.get(call.number, "")
    return centre.programmes.get(name) or _plain(centre, call)


def queue_of(centre: Centre, call: Call) -> str:
    """The queue of a call; if it is gone the one that its programme leads to now. "": the centre has none."""
    if call.queue in centre.queues:
        return call.queue
    programme = programme_of(centre, call)
    return programme.queues_by_language.get(call.language, programme.queue)


def _plain(centre: Centre, call: Call) -> Programme:
    """Says nothing; records only whom the programme that is gone has told so."""
    language = call.language or centre.language
    return Programme(
        name=call.programme,
        client="",
        numbers=(),
        calendar=always(centre.timezone),
        languages=(language,),
        default_language=language,
        language_by_number={},
        menu=False,
        menu_digits={},
        menu_timeout_s=0.0,
        menu_tries=1,
        greeting=(),
        queue=next(iter(centre.queues), ""),
        queues_by_language={},
        recording="announce" if call.consent else "none",
        closed="message",
        closed_prompts=(),
        priority=0,
    )
