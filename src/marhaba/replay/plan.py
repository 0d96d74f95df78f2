"""From a recorded day to a model of it, as it was or otherwise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from marhaba.centre.model import QueueChoice
from marhaba.floor.loaded import Loaded, LoadedQueue, weighed
from marhaba.kernel.errors import BadInput
from marhaba.kernel.rules import QueueRules, Strategy
from marhaba.planning.survival import kaplan_meier
from marhaba.replay.change import Change, Tail, changed
from marhaba.replay.day import Contact, Presence
from marhaba.replay.patience import ENOUGH, POINTS, Patience, at_risk_of, patience_of
from marhaba.simulator.laws import Empirical, Law
from marhaba.simulator.model import CallbackOffer, ContactType, Model, ModelData, PerInterval, Recorded, Shift

INTERVAL_S: Final = 1_800.0
NEWCOMER: Final = "+"
"""Agents of a change are called so, with a number."""
STAYS_S: Final = 86_400.0
"""Who is still there when the journal ends stays until the last caller is served."""
Span = tuple[float, float]


@dataclass(frozen=True)
class Day:
    """What a recorded day consists of. Times in seconds since the epoch; the model's begin at `begin`."""

    begin: float
    end: float
    contacts: tuple[Contact, ...]  # who came in it, in order, and found the queue open
    before: tuple[Contact, ...]  # who came on the days before it that are learnt from
    presences: tuple[Presence, ...]
    loaded: Loaded
    loads: int  # changes of centre.toml within it; the last one's rules are taken
    unfinished: int  # still waiting where the journal ends: left out
    seen_until: float = math.inf  # where the journal ends

    @property
    def intervals(self) -> int:
        return round((self.end - self.begin) / INTERVAL_S)

    @cached_property
    def learnt(self) -> tuple[Contact, ...]:
        return self.before + self.contacts

    @cached_property
    def kinds(self) -> list[tuple[str, int, str]]:
        """(queue, priority above the queue's, language): callers whom routing treats alike."""
        return sorted({self.kind(contact) for contact in self.contacts})

    @property
    def unseen_s(self) -> float:
        """Of all agents who were still there when the journal ended, until the day's end: nobody knows what they did."""
        there = sum(math.isinf(presence.end) for presence in self.presences)
        return there * max(self.end - self.seen_until, 0.0)

    def kind(self, contact: Contact) -> tuple[str, int, str]:
        return (
            contact.queue,
            contact.priority - self.loaded.queues[contact.queue].rules.priority,
            contact.language,
        )

    def patience(self, queue: str = "") -> Patience:
        """Of a queue's callers; "": of all."""
        who = [contact for contact in self.learnt if queue in ("", contact.queue)]
        return patience_of([c.seen_s for c in who], [c.outcome == "abandoned" for c in who])

    @cached_property
    def patiences(self) -> dict[str, Patience]:
        """By queue where enough callers gave up; under "" for the others."""
        own = {queue: self.patience(queue) for queue in sorted({kind[0] for kind in self.kinds})}
        return {"": self.patience(), **{name: each for name, each in own.items() if each.abandoned >= ENOUGH}}

    def handle_times(self, queue: str) -> list[float]:
        """Talk, hold and wrap-up of the queue's calls; of all calls where the queue has few."""
        known = [c for c in self.learnt if not math.isnan(c.handle_s)]
        own = [c.handle_s for c in known if c.queue == queue]
        return own if len(own) >= ENOUGH else [c.handle_s for c in known]


def day_from(
    contacts: Iterable[Contact],
    presences: Iterable[Presence],
    loaded: Loaded | None,
    loads: Sequence[float],
    *,
    span: Span,
    learn_from: float,
    seen_until: float = math.inf,
) -> Day:
    """The day of `span`; patience and handle times are learnt from `learn_from` on. Raises `BadInput` for an empty day."""
    came = sorted((c for c in contacts if c.let_in and learn_from <= c.at < span[1]), key=lambda c: c.at)
    today = [c for c in came if c.at >= span[0] and c.outcome]
    if loaded is None or not today:
        raise BadInput("no caller came that day", code="empty-day")
    known = loaded.queues.keys()
    if not any(not math.isnan(c.handle_s) for c in came if c.queue in known):
        raise BadInput("no call was answered", code="nothing-answered")
    there = [p for p in presences if p.end > span[0] and p.begin < span[1]]
    first = min([today[0].at, *(p.begin for p in there)])
    last = max([c.at + c.wait_s for c in today] + [p.end for p in there if p.end < math.inf])
    begin = max(span[0] + math.floor((first - span[0]) / INTERVAL_S) * INTERVAL_S, span[0])
    end = begin + max(math.ceil((min(last, span[1]) - begin) / INTERVAL_S), 1) * INTERVAL_S
    return Day(
        begin=begin,
        end=end,
        contacts=tuple(c for c in today if c.queue in known),
        before=tuple(c for c in came if c.at < span[0] and c.queue in known and c.outcome),
        presences=tuple(there),
        loaded=loaded,
        loads=sum(span[0] <= at < span[1] for at in loads),
        unfinished=sum(not c.outcome for c in came if c.at >= span[0]),
        seen_until=seen_until,
    )


def model_of(day: Day, change: Change, *, tail: Tail = "constant", redraw: bool = False) -> ModelData:
    """`redraw`: callers who come at the day's rates, not those who came; needed for another volume."""
    assert redraw or change.volume == 1.0, "a recorded caller comes once"
    queues = changed(day.loaded.queues, change.rules)
    choice = day.loaded.queue_choice
    model = Model(
        hours=(day.end - day.begin) / 3_600.0,
        interval_s=INTERVAL_S,
        longest_queue=choice is QueueChoice.LONGEST_QUEUE,
    )
    raised = sorted({kind[1] for kind in day.kinds} | {0})
    for above in raised:
        for queue in queues.values():
            model.queues.append(
                _rules(queue, above, choice, day.loaded.queues[queue.rules.name].rules.strategy)
            )
    for kind in day.kinds:
        model.types.append(_type(day, kind, queues, change, tail=tail, redraw=redraw))
    ring = _ring(day)
    _add_agents(model, day, change, raised, ring)
    return model.data()


def type_name(kind: tuple[str, int, str]) -> str:
    queue, above, language = kind
    return _raised(queue, above) + (f" {language}" if language else "")


def _raised(queue: str, above: int) -> str:
    """A queue's callers of another priority stand in a queue of their own with the same rules."""
    return f"{queue} {above:+d}" if above else queue


def _rules(queue: LoadedQueue, above: int, choice: QueueChoice, was: Strategy) -> QueueRules:
    """`was`: the queue's strategy that day. Where it rang all phones, the law of ringing is that of all of them together:
    one phone stands for them.
    """
    rules = weighed(queue, choice)
    if was is rules.strategy is Strategy.RING_ALL:
        rules = replace(rules, strategy=Strategy.LONGEST_IDLE)
    limits = [limit for limit in (rules.overflow_wait_s, queue.max_wait_s) if limit]
    return replace(
        rules,
        name=_raised(rules.name, above),
        priority=rules.priority + above,
        overflow_wait_s=min(limits, default=0.0),
        overflow_to=_raised(rules.overflow_to, above) if rules.overflow_to else "",
    )


def _type(
    day: Day,
    kind: tuple[str, int, str],
    queues: Mapping[str, LoadedQueue],
    change: Change,
    *,
    tail: Tail,
    redraw: bool,
) -> ContactType:
    queue, above, language = kind
    contacts = [contact for contact in day.contacts if day.kind(contact) == kind]
    factor = change.handle_factor
    arrivals: PerInterval | Recorded
    if redraw:
        counts = [0.0] * day.intervals
        for contact in contacts:
            counts[min(int((contact.at - day.begin) / INTERVAL_S), len(counts) - 1)] += change.volume
        arrivals = PerInterval(counts)
    else:
        arrivals = Recorded(
            [contact.at - day.begin for contact in contacts],
            handle=[contact.handle_s * factor for contact in contacts],
        )
    promise = queues[queue].service_level
    return ContactType(
        type_name(kind),
        _raised(queue, above),
        arrivals,
        handle=Empirical(tuple(seconds * factor for seconds in day.handle_times(queue))),
        patience=(day.patiences.get(queue) or day.patiences[""]).law(tail),
        language=language,
        target_s=promise.threshold_s,
        short_s=promise.short_s,
        callback=_callback(day, queues[queue]),
    )


def _callback(day: Day, queue: LoadedQueue) -> CallbackOffer | None:
    """As many take it as took it that day, of those who waited long enough to be offered it."""
    if not queue.callback:
        return None
    asked = [c for c in day.learnt if c.queue == queue.rules.name and c.callback]
    offered = [
        c
        for c in day.learnt
        if c.queue == queue.rules.name and (c.callback or c.seen_s >= queue.callback_after_s)
    ]
    if not asked:
        return None
    reached = sum(c.outcome == "answered" for c in asked)
    return CallbackOffer(queue.callback_after_s, len(asked) / len(offered), reached / len(asked))


def _ring(day: Day) -> Law | None:
    """Until somebody answers, all phones that ring for the caller in turn. Who hangs up meanwhile is censored."""
    rung = [c for c in day.learnt if c.ring_s > 0.0 or c.outcome == "answered"]
    if not any(c.ring_s for c in rung):
        return None
    curve = kaplan_meier(
        [c.ring_s for c in rung],
        [c.outcome == "answered" for c in rung],
        at_risk_least=at_risk_of(len(rung)),
    )
    values = curve.values(POINTS)
    values[np.isinf(values)] = curve.end_s  # a phone rings no longer than that was ever seen
    return Empirical(tuple(values.tolist()))


# -- who is there -------------------------------------------------------------------------------------------------


def _add_agents(model: Model, day: Day, change: Change, raised: Sequence[int], ring: Law | None) -> None:
    known = day.loaded.queues.keys()
    strangers = sorted(set(change.without) - {presence.agent for presence in day.presences})
    if strangers:
        names = sorted({presence.agent for presence in day.presences})
        raise BadInput(
            f"{strangers[0]} was not there",
            code="not-there",
            about={"agent": strangers[0], "agents": ", ".join(names)},
        )
    seen: dict[str, int] = {}
    for presence in day.presences:
        shifts = _shifts(presence, day, change)
        if not shifts:
            continue
        seen[presence.agent] = count = seen.get(presence.agent, 0) + 1
        model.add_agents(
            presence.agent if count == 1 else f"{presence.agent} {count}",
            skills=presence.skills,
            queues=_own(presence.queues, known, raised),
            own=_own(presence.own, known, raised) or (),
            shifts=shifts,
            ring=ring,
        )
    begin, end = max(change.begin, day.begin) - day.begin, min(change.end, day.end) - day.begin
    for number in range(change.more):
        model.add_agents(
            f"{NEWCOMER}{number + 1}",
            skills=change.skills,
            queues=_own(change.queues, known, raised),
            shifts=[Shift(begin, end)],
            ring=ring,
        )


def _own(
    queues: tuple[str, ...] | None, known: Iterable[str], raised: Sequence[int]
) -> tuple[str, ...] | None:
    if queues is None:
        return None
    return tuple(_raised(queue, above) for queue in queues if queue in known for above in raised)


def _shifts(presence: Presence, day: Day, change: Change) -> list[Shift]:
    """A login within the day; in pieces where somebody is to do without him."""
    begin = max(presence.begin, day.begin)
    end = presence.end if presence.end < math.inf else day.end + STAYS_S
    pieces = [(begin, end)]
    if presence.agent in change.without:
        pieces = [(begin, min(end, change.begin)), (max(begin, change.end), end)]
    return [_shift(first, last, presence.away, day) for first, last in pieces if first < last]


def _shift(begin: float, end: float, away: Iterable[Span], day: Day) -> Shift:
    """Times away are merged, and slide as pauses do: they begin when the call is over, and last as long."""
    spans: list[Span] = []
    for first, last in sorted((max(a, begin), min(b, end)) for a, b in away):
        if first >= last:
            continue
        if spans and first <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], last))
        else:
            spans.append((first, last))
    breaks = tuple((first - day.begin, last - day.begin) for first, last in spans)
    return Shift(begin - day.begin, end - day.begin, breaks, slides=True)
