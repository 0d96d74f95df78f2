"""A centre on paper: built with `Model`, checked and frozen as `ModelData`, run by `simulate`.

    model = Model(hours=10, interval_s=1800)
    calls = model.add_queue("accueil", skills={"accueil": 1}, language_level=0)
    model.add_contact_type("appels", queue=calls, arrivals=PerInterval([40.0] * 20), patience=Exponential(120),
                           handle=LogNormal(240, 180))
    model.add_agents("conseillers", skills={"accueil": 5}, count=9)
    result = simulate(model.data(), MaxReplications(100), seed=1)

Times are in seconds from the day's beginning. Whatever cannot run is refused here, by name, before any computing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from marhaba.kernel.errors import BadInput
from marhaba.kernel.rules import QueueRules
from marhaba.simulator.laws import Law, Never

AGENTS_MAX = 20_000
TYPES_MAX = 1_000
PERIODS_MAX = 20_000
"""A year of half-hours."""
ATTEMPTS_MAX = 15
"""What the numbering of a contact's draws leaves room for."""
Outcome = Literal["answered", "abandoned", "blocked"]


@dataclass(frozen=True, slots=True)
class PerInterval:
    """Poisson arrivals, so many expected in each interval of the model, evenly within it.

    `busyness`: the shape of a gamma factor of mean 1 that the whole day is multiplied with (variance 1/shape; 0: none).
    `shared`: a name; types that share it have the same factor, a day that is busy for one is busy for all.
    """

    counts: tuple[float, ...]
    busyness: float = 0.0
    shared: str = ""

    def __init__(self, counts: Sequence[float], busyness: float = 0.0, shared: str = "") -> None:
        object.__setattr__(self, "counts", tuple(map(float, counts)))
        object.__setattr__(self, "busyness", float(busyness))
        object.__setattr__(self, "shared", shared)


@dataclass(frozen=True, slots=True)
class Steady:
    """Poisson arrivals at one rate, so many an hour; `busyness` and `shared` as in `PerInterval`."""

    per_hour: float
    busyness: float = 0.0
    shared: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Contacts that really came. `patience` and `handle`, in seconds, are theirs; NaN: drawn from the type's laws."""

    at: tuple[float, ...]
    patience: tuple[float, ...] = ()
    handle: tuple[float, ...] = ()

    def __init__(
        self, at: Sequence[float], patience: Sequence[float] = (), handle: Sequence[float] = ()
    ) -> None:
        for name, values in (("at", at), ("patience", patience), ("handle", handle)):
            object.__setattr__(self, name, tuple(map(float, values)))


@dataclass(frozen=True, slots=True)
class Dialled:
    """People called by the centre: whenever an agent is done and nobody waits for him, `ratio` numbers for each agent
    who is ready for them (rounded, less those being dialled), if at least `ready_least` are, and at least `free_least`
    of `agents` (by name; none: all) are idle. Who answers is a contact of the type, and hangs up when his patience ends.
    """

    ratio: float
    reached: float | tuple[float, ...]  # share of numbers that are answered; or one an interval
    dial: Law | None = None  # seconds until somebody answers, or it is given up; None: none
    from_s: float = 0.0
    until_s: float = math.inf
    ready_least: int = 1
    free_least: int = 0
    agents: tuple[str, ...] = ()


Arrivals = PerInterval | Steady | Recorded | Dialled


@dataclass(frozen=True, slots=True)
class CallbackOffer:
    """After so long a caller may hang up and keep his place: he is called back when his turn comes."""

    after_s: float
    accepted: float  # share who take it
    reached: float = 1.0  # share of them who answer
    dial: Law | None = None  # until they answer or it is given up: the agent waits


@dataclass(frozen=True, slots=True)
class Consult:
    """At the end of a talk a share has a second agent asked along, if one is idle; both are busy for as long as it lasts."""

    share: float
    agents: str  # by name
    lasts: Law


@dataclass(frozen=True, slots=True)
class ContactType:
    name: str
    queue: str
    arrivals: Arrivals
    handle: Law
    handle_by: Mapping[str, Law] = field(default_factory=dict)  # by name of the agents
    handle_factor: tuple[float, ...] = ()  # by interval of arrival
    wrap: Law | None = None
    patience: Law = field(default_factory=Never)
    patience_factor: tuple[float, ...] = ()  # by interval of arrival
    balk: float = 0.0  # share who hang up at once when nobody is free
    language: str = ""
    target_s: float = 20.0  # answered within it: in time
    short_s: float = 5.0  # abandoned within it: not counted by the formulas that leave short ones out
    callback: CallbackOffer | None = None
    consult: Consult | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    """When one agent is there; breaks are (from, to) within it. `slides`: a break begins when the contact in hand is
    done, and lasts as long all the same; otherwise it ends when it was to end.
    """

    start_s: float
    end_s: float
    breaks: tuple[tuple[float, float], ...] = ()
    slides: bool = False


@dataclass(frozen=True, slots=True)
class Agents:
    """Like agents of one site: as many as `count` says in each interval, or one for each of `shifts`."""

    name: str
    skills: Mapping[str, int]
    count: tuple[int, ...] = ()
    shifts: tuple[Shift, ...] = ()
    queues: tuple[str, ...] | None = None
    own: tuple[str, ...] = ()  # queues whose contacts they take before others of the same priority
    site: str = ""
    ring: Law | None = None  # until they answer; None: at once
    missed: float = 0.0  # share of rings nobody answers
    missed_pause_s: float = 0.0
    handle_factor: float = 1.0
    text: int = 0  # text contacts at once


@dataclass(frozen=True, slots=True)
class Return:
    """What callers do next: of those whose visit ended so, a share comes (back) as a contact of type `to`."""

    contact_type: str
    after: Outcome
    chance: float
    to: str
    delay: Law | None = None  # None: at once, as in a transfer
    attempts_max: int = ATTEMPTS_MAX
    same_agent_s: float | None = None  # waits so long for the agent he had; None: for nobody in particular
    same_patience: bool = False  # as patient as before, not more or less
    adds_up: bool = False  # waits and talks of both visits count as one wait and one sojourn


@dataclass(frozen=True, slots=True)
class ModelData:
    """A checked model. Raises `BadInput`, naming the part that cannot be meant."""

    interval_ends: tuple[float, ...]
    queues: tuple[QueueRules, ...]
    types: tuple[ContactType, ...]
    agents: tuple[Agents, ...]
    returns: tuple[Return, ...] = ()
    closes: Mapping[str, float] = field(default_factory=dict)
    warm_up_s: float = 0.0
    lines: int = 0  # of the centre; 0: enough for everybody
    longest_queue: bool = False  # between queues the longer line (times the queue's weight) goes first
    waits_unstaffed: frozenset[str] = frozenset()  # queues where one may wait though nobody is there

    def __post_init__(self) -> None:
        check(self)

    @property
    def horizon_s(self) -> float:
        return self.interval_ends[-1]

    @property
    def lengths(self) -> tuple[float, ...]:
        return tuple(
            end - begin for begin, end in zip((0.0, *self.interval_ends), self.interval_ends, strict=False)
        )


class Model:
    """The builder. Every `add_` returns the name, for use in the next."""

    def __init__(
        self,
        *,
        hours: float,
        interval_s: float = 1800.0,
        warm_up_s: float = 0.0,
        lines: int = 0,
        longest_queue: bool = False,
    ) -> None:
        """`lines`: calls at a time, waiting, ringing or talking; who finds none is blocked (0: no limit)."""
        if not (0.0 < hours < math.inf and 0.0 < interval_s < math.inf):
            raise BadInput(f"{hours} hours in intervals of {interval_s} s", code="horizon")
        whole = math.ceil(hours * 3600.0 / interval_s - 1e-9)
        if whole > PERIODS_MAX:
            raise BadInput(f"{whole} intervals, {PERIODS_MAX} at most", code="horizon")
        self.ends = [min((number + 1) * interval_s, hours * 3600.0) for number in range(whole)]
        self.warm_up_s = warm_up_s
        self.lines = lines
        self.longest_queue = longest_queue
        self.waits_unstaffed: set[str] = set()
        self.queues: list[QueueRules] = []
        self.types: list[ContactType] = []
        self.agents: list[Agents] = []
        self.returns: list[Return] = []
        self.closes: dict[str, float] = {}

    def add_queue(
        self, name: str, *, closes_at: float | None = None, waits_unstaffed: bool = False, **rules: Any
    ) -> str:
        """`rules`: as `QueueRules`. `closes_at`: from then on nobody is let in. `waits_unstaffed`: with
        `overflow_no_staff`, who comes when nobody is there waits; sent on are who waits when the last one leaves.
        """
        self.queues.append(QueueRules(name, **rules))
        if waits_unstaffed:
            self.waits_unstaffed.add(name)
        if closes_at is not None:
            self.closes[name] = closes_at
        return name

    def add_contact_type(
        self,
        name: str,
        *,
        queue: str,
        arrivals: Arrivals,
        handle: Law,
        handle_factor: Sequence[float] = (),
        patience_factor: Sequence[float] = (),
        **more: Any,
    ) -> str:
        """`more`: as `ContactType`."""
        more["handle_factor"], more["patience_factor"] = tuple(handle_factor), tuple(patience_factor)
        self.types.append(ContactType(name, queue, arrivals, handle, **more))
        return name

    def add_agents(
        self,
        name: str,
        *,
        skills: Mapping[str, int],
        count: int | Sequence[int] = (),
        shifts: Sequence[Shift] = (),
        queues: Sequence[str] | None = None,
        own: Sequence[str] = (),
        **more: Any,
    ) -> str:
        """`count`: one number, or one an interval. `more`: as `Agents`."""
        counts = (count,) * len(self.ends) if isinstance(count, int) else tuple(count)
        some = None if queues is None else tuple(queues)
        self.agents.append(Agents(name, dict(skills), counts, tuple(shifts), some, tuple(own), **more))
        return name

    def add_return(
        self, contact_type: str, *, after: Outcome, chance: float, to: str | None = None, **more: Any
    ) -> None:
        """`to`: another type, or (None) the same. `more`: as `Return`."""
        self.returns.append(Return(contact_type, after, chance, to or contact_type, **more))

    def data(self) -> ModelData:
        return ModelData(
            tuple(self.ends),
            tuple(self.queues),
            tuple(self.types),
            tuple(self.agents),
            tuple(self.returns),
            dict(self.closes),
            self.warm_up_s,
            self.lines,
            self.longest_queue,
            frozenset(self.waits_unstaffed),
        )


def check(data: ModelData) -> None:
    """Refuse what cannot run, naming it."""
    _check_names("queue", [queue.name for queue in data.queues])
    _check_names("contact type", [each.name for each in data.types])
    _check_names("agents", [each.name for each in data.agents])
    if len(data.types) > TYPES_MAX:
        raise BadInput(f"{len(data.types)} contact types, {TYPES_MAX} at most", code="types")
    if sum(max((*each.count, len(each.shifts))) for each in data.agents) > AGENTS_MAX:
        raise BadInput(f"more than {AGENTS_MAX} agents", code="agents-max")
    if not 0.0 <= data.warm_up_s < data.horizon_s:
        raise BadInput(f"a warm-up of {data.warm_up_s} s in {data.horizon_s} s", code="horizon")
    if data.lines < 0:
        raise BadInput(f"{data.lines} lines", code="negative")
    queues = {queue.name: queue for queue in data.queues}
    for queue in data.queues:
        if queue.overflow_to and queue.overflow_to not in queues:
            raise BadInput(
                f"queue {queue.name} overflows to {queue.overflow_to}: no such queue", code="queue"
            )
    for each in data.types:
        _check_type(data, each, queues)
    for agents in data.agents:
        _check_agents(data, agents, queues)
    _check_returns(data)
    _check_shared(data)


def _check_names(what: str, names: list[str]) -> None:
    if not names:
        raise BadInput(f"a model without {what}", code="empty")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f"{what} {twice[0]} stands there twice", code="twice")


def _check_type(data: ModelData, each: ContactType, queues: Mapping[str, QueueRules]) -> None:
    where = f"contact type {each.name}"
    if each.queue not in queues:
        raise BadInput(f"{where}: no queue {each.queue}", code="queue")
    _check_share(f"{where}: balk", each.balk)
    for name, seconds in (("target_s", each.target_s), ("short_s", each.short_s)):
        if not seconds >= 0.0:
            raise BadInput(f"{where}: {name} is {seconds}", code="negative")
    intervals = len(data.interval_ends)
    arrivals = each.arrivals
    if isinstance(arrivals, PerInterval) and len(arrivals.counts) != intervals:
        raise BadInput(f"{where}: {len(arrivals.counts)} counts for {intervals} intervals", code="intervals")
    for what, factors in (("handle-time", each.handle_factor), ("patience", each.patience_factor)):
        if factors and len(factors) != intervals:
            raise BadInput(
                f"{where}: {len(factors)} {what} factors for {intervals} intervals", code="intervals"
            )
        if any(not 0.0 < factor < math.inf for factor in factors):
            raise BadInput(f"{where}: a {what} factor that is not above 0", code="negative")
    if isinstance(arrivals, Dialled):
        _check_dialled(data, where, arrivals)
    else:
        _check_arrivals(where, arrivals)
    if not math.isfinite(each.handle.mean):
        raise BadInput(f"{where}: a handle time that may never end", code="law")
    _check_agents_known(data, f"{where}: handle time by", each.handle_by)
    if each.callback is not None:
        _check_share(f"{where}: callbacks accepted", each.callback.accepted)
        _check_share(f"{where}: callbacks reached", each.callback.reached)
    if each.consult is not None:
        _check_share(f"{where}: consultations", each.consult.share)
        _check_agents_known(data, f"{where}: consults", [each.consult.agents])
        if not math.isfinite(each.consult.lasts.mean):
            raise BadInput(f"{where}: a consultation that may never end", code="law")


def _check_agents_known(data: ModelData, where: str, names: Iterable[str]) -> None:
    if strangers := sorted(set(names) - {agents.name for agents in data.agents}):
        raise BadInput(f"{where} {strangers[0]}: no such agents", code="agents")


def _check_dialled(data: ModelData, where: str, rule: Dialled) -> None:
    intervals = len(data.interval_ends)
    shares = rule.reached if isinstance(rule.reached, tuple) else (rule.reached,) * intervals
    if len(shares) != intervals:
        raise BadInput(f"{where}: {len(shares)} shares reached for {intervals} intervals", code="intervals")
    for share in shares:
        _check_share(f"{where}: reached", share)
    if not 0.0 < rule.ratio < math.inf or rule.ready_least < 0 or rule.free_least < 0:
        raise BadInput(f"{where}: a ratio of {rule.ratio}, or fewer than 0 agents", code="negative")
    if not 0.0 <= rule.from_s < rule.until_s:
        raise BadInput(f"{where}: dialled from {rule.from_s} to {rule.until_s} s", code="horizon")
    _check_agents_known(data, f"{where}: dialled for", rule.agents)


def _check_shared(data: ModelData) -> None:
    """Who shares a busyness has the same."""
    shapes: dict[str, float] = {}
    for each in data.types:
        if isinstance(each.arrivals, PerInterval | Steady) and each.arrivals.shared:
            shape = shapes.setdefault(each.arrivals.shared, each.arrivals.busyness)
            if shape != each.arrivals.busyness:
                raise BadInput(
                    f"contact type {each.name}: shares {each.arrivals.shared}, of busyness {shape}, with a busyness "
                    f"of {each.arrivals.busyness}",
                    code="shared",
                )


def _check_arrivals(where: str, arrivals: PerInterval | Steady | Recorded) -> None:
    if isinstance(arrivals, Recorded):
        if any(a > b for a, b in zip(arrivals.at, arrivals.at[1:], strict=False)) or any(
            not 0.0 <= at < math.inf for at in arrivals.at
        ):
            raise BadInput(
                f"{where}: recorded arrivals are not in order, or before the day begins", code="recorded"
            )
        for name, values in (("patience", arrivals.patience), ("handle", arrivals.handle)):
            if values and len(values) != len(arrivals.at):
                raise BadInput(
                    f"{where}: {len(values)} values of {name} for {len(arrivals.at)} contacts",
                    code="recorded",
                )
            if any(value < 0.0 for value in values):
                raise BadInput(f"{where}: a recorded {name} below 0", code="negative")
        return
    numbers = arrivals.counts if isinstance(arrivals, PerInterval) else (arrivals.per_hour,)
    if any(not 0.0 <= number < math.inf for number in (*numbers, arrivals.busyness)):
        raise BadInput(f"{where}: arrivals below 0", code="negative")


def _check_agents(data: ModelData, agents: Agents, queues: Mapping[str, QueueRules]) -> None:
    where = f"agents {agents.name}"
    if agents.count and agents.shifts:
        raise BadInput(f"{where}: counts and shifts, one is enough", code="agents")
    if agents.count and len(agents.count) != len(data.interval_ends):
        raise BadInput(
            f"{where}: {len(agents.count)} counts for {len(data.interval_ends)} intervals", code="intervals"
        )
    if any(count < 0 for count in agents.count) or agents.text < 0:
        raise BadInput(f"{where}: fewer than 0", code="negative")
    for shift in agents.shifts:
        times = [shift.start_s, *(at for pause in shift.breaks for at in pause), shift.end_s]
        if times != sorted(times) or times[0] < 0.0:
            raise BadInput(
                f"{where}: a shift from {shift.start_s} to {shift.end_s} s that is not in order", code="shift"
            )
    for queue in (*(agents.queues or ()), *agents.own):
        if queue not in queues:
            raise BadInput(f"{where}: no queue {queue}", code="queue")
    _check_share(f"{where}: missed", agents.missed)
    if not 0.0 < agents.handle_factor < math.inf:
        raise BadInput(f"{where}: a handle-time factor of {agents.handle_factor}", code="negative")
    if agents.missed >= 1.0:
        raise BadInput(f"{where}: miss every call", code="share")


def _check_returns(data: ModelData) -> None:
    types = {each.name for each in data.types}
    for each in data.returns:
        for name in (each.contact_type, each.to):
            if name not in types:
                raise BadInput(f"return: no contact type {name}", code="type")
        _check_share(f"return of {each.contact_type}", each.chance)
        if not 0 <= each.attempts_max <= ATTEMPTS_MAX:
            raise BadInput(
                f"return of {each.contact_type}: {each.attempts_max} attempts, {ATTEMPTS_MAX} at most",
                code="attempts",
            )
    for name in types:
        for after in ("answered", "abandoned", "blocked"):
            share = sum(
                each.chance for each in data.returns if (each.contact_type, each.after) == (name, after)
            )
            if share > 1.0 + 1e-9:
                raise BadInput(f"returns of {name} after {after}: {share:.0%} in all", code="share")


def _check_share(what: str, share: float) -> None:
    if not 0.0 <= share <= 1.0:
        raise BadInput(f"{what}: {share} is no share between 0 and 1", code="share")
