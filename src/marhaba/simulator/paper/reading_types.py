"""[types.NAME]: who calls, when, for how long he waits and is helped, and what he does next."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import cast

from marhaba.files.queue_rules import HOUR, ServiceLevel
from marhaba.files.sections import NAME, Section
from marhaba.simulator.laws import Constant, Law, Never
from marhaba.simulator.model import (
    AGENTS_MAX,
    ATTEMPTS_MAX,
    Arrivals,
    CallbackOffer,
    Consult,
    ContactType,
    Dialled,
    Outcome,
    PerInterval,
    Return,
    Steady,
)
from marhaba.simulator.paper.reading_laws import law_of, read_law
from marhaba.simulator.paper.reading_recorded import read_recorded
from marhaba.simulator.paper.reading_spans import Intervals

ARRIVALS_MAX = 1e6
"""In one interval or one hour: more is a slip of the finger."""
BUSYNESS_MAX = 1e6
DIALLED_MAX = 100.0
FACTOR_MAX = 100.0
WAYS = ("per_interval", "per_hour", "csv", "dialled")
OUTCOMES: tuple[Outcome, ...] = ("answered", "abandoned", "blocked")


class Types:
    """Reads the contact types of one file."""

    def __init__(
        self,
        intervals: Intervals,
        folder: Path,
        *,
        promises: Mapping[str, ServiceLevel],
        languages: Sequence[str],
        names: Sequence[str],
        agents: Sequence[str],
        targets: Collection[str],
    ) -> None:
        """`targets`: types that others turn into; they need not come by themselves."""
        self.intervals, self.folder = intervals, folder
        self.queue_promises = promises
        self.languages, self.names, self.agents, self.targets = languages, names, agents, targets
        self._shared: dict[str, float] = {}

    def read(self, name: str, section: Section) -> tuple[ContactType, list[Return]]:
        queue = section.choice("queue", self.queue_promises, what="queue")
        promise = self.queue_promises.get(queue, ServiceLevel())
        made = ContactType(
            name,
            queue,
            self._arrivals(name, section),
            read_law(section, "handle", required=True) or Constant(1.0),
            handle_by=self._handle_by(section),
            handle_factor=self._factor(section, "handle_factor"),
            patience_factor=self._factor(section, "patience_factor"),
            wrap=read_law(section, "wrap"),
            patience=read_law(section, "patience", Never()) or Never(),
            balk=section.number("balk", 0.0, low=0.0, high=1.0),
            language=section.choice("language", self.languages, "", what="language"),
            target_s=promise.threshold_s,
            short_s=promise.short_s,
            callback=self._callback(section),
            consult=self._consult(section),
        )
        returns = self._returns(name, section)
        section.close()
        return made, returns

    def _factor(self, section: Section, key: str) -> tuple[float, ...]:
        if not section.has(key):
            return ()
        return tuple(self.intervals.values(section, key, 1.0, low=0.01, high=FACTOR_MAX))

    # -- who comes ---------------------------------------------------------------------------------------------

    def _arrivals(self, name: str, section: Section) -> Arrivals:
        factor = section.number("arrivals_factor", 1.0, low=0.0, high=FACTOR_MAX)
        if not section.has("arrivals") and name in self.targets:
            return Steady(0.0)
        if not isinstance(section.raw("arrivals"), dict):
            section.wrong("arrivals", section.raw("arrivals"), "model_arrivals")
            return Steady(0.0)
        table = section.section("arrivals")
        ways = [way for way in WAYS if table.has(way)]
        arrivals: Arrivals = Steady(0.0)
        if len(ways) != 1:
            table.wrong((), table.data, "model_arrivals")
        elif ways[0] in ("csv", "dialled"):
            if ways == ["csv"]:
                arrivals = read_recorded(name, table, self.folder, self.intervals.hours)
            else:
                arrivals = self._dialled(table.section("dialled"))
            if section.has("arrivals_factor"):
                section.wrong("arrivals_factor", factor, "model_factor_recorded")
        else:
            arrivals = self._drawn(table, ways[0], factor)
        table.close()
        return arrivals

    def _drawn(self, table: Section, way: str, factor: float) -> PerInterval | Steady:
        busyness = table.number("busyness", 0.0, low=0.0, high=BUSYNESS_MAX)
        shared = table.name("shared", "")
        if shared and busyness != self._shared.setdefault(shared, busyness):
            table.wrong(
                "busyness", busyness, "model_shared", name=shared, busyness=f"{self._shared[shared]:g}"
            )
        value = table.raw(way)
        if way == "per_hour" and not isinstance(value, dict):
            return Steady(factor * table.number(way, 0.0, low=0.0, high=ARRIVALS_MAX), busyness, shared)
        found = self.intervals.values(table, way, 0.0, low=0.0, high=ARRIVALS_MAX)
        if way == "per_hour":
            begins = self.intervals.begins
            lengths = (end - begin for begin, end in zip(begins, self.intervals.ends, strict=True))
            found = [rate * length / 3600.0 for rate, length in zip(found, lengths, strict=True)]
        return PerInterval([factor * count for count in found], busyness, shared)

    def _dialled(self, table: Section) -> Arrivals:
        """People the centre calls, while it does."""
        ratio = table.number("ratio", 1.0, low=0.01, high=DIALLED_MAX)
        reached: float | tuple[float, ...] = (
            table.number("reached", 1.0, low=0.0, high=1.0)
            if not isinstance(table.raw("reached"), list | dict)
            else tuple(self.intervals.values(table, "reached", 1.0, low=0.0, high=1.0))
        )
        agents = table.texts("agents", pattern=NAME, expected="name")
        for position, name in enumerate(agents):
            if name not in self.agents:
                table.unknown(("agents", position), name, self.agents, "model_agents")
        hours = self.intervals.hours
        span: tuple[float, float] | None = (0.0, math.inf)
        if table.has("hours"):
            span = hours.span(table.text("hours"))
            if span is None:
                about = {"begin": hours.clock(0.0), "end": hours.clock(hours.length_s)}
                table.wrong("hours", table.raw("hours"), "model_hours_within", **about)
        made = Dialled(
            ratio,
            reached,
            dial=read_law(table, "dial"),
            from_s=(span or (0.0, 1.0))[0],
            until_s=(span or (0.0, 1.0))[1],
            ready_least=table.integer("ready_least", 1, low=0, high=AGENTS_MAX),
            free_least=table.integer("free_least", 0, low=0, high=AGENTS_MAX),
            agents=agents,
        )
        table.close()
        return made

    # -- what happens to them ----------------------------------------------------------------------------------

    def _handle_by(self, section: Section) -> dict[str, Law]:
        table = section.section("handle_by")
        found = {}
        for name, value in table.data.items():
            if name not in self.agents:
                table.unknown(name, name, self.agents, "model_agents")
            elif (law := law_of(table, name, value)) is not None:
                found[name] = law
        return found

    def _callback(self, section: Section) -> CallbackOffer | None:
        if not section.has("callback"):
            return None
        table = section.section("callback")
        offer = CallbackOffer(
            after_s=table.seconds("after_s", 0.0, low=0, high=HOUR),
            accepted=table.number("accepted", 1.0, low=0.0, high=1.0),
            reached=table.number("reached", 1.0, low=0.0, high=1.0),
            dial=read_law(table, "dial"),
        )
        table.close()
        return offer

    def _consult(self, section: Section) -> Consult | None:
        """A colleague asked along at the end of a talk."""
        if not section.has("consult"):
            return None
        table = section.section("consult")
        if not table.has("share"):
            table.wrong("share", None, "number", low="0", high="1")
        made = Consult(
            table.number("share", 0.0, low=0.0, high=1.0),
            table.choice("agents", self.agents, what="model_agents"),
            read_law(table, "lasts", required=True) or Constant(1.0),
        )
        table.close()
        return made

    def _returns(self, name: str, section: Section) -> list[Return]:
        found = []
        shares = dict.fromkeys(OUTCOMES, 0.0)
        for table in section.listed("returns"):
            after = cast(Outcome, table.choice("after", OUTCOMES) or OUTCOMES[0])
            share = table.number("share", 0.0, low=0.0, high=1.0)
            if not table.has("share"):
                table.wrong("share", None, "number", low="0", high="1")
            shares[after] = shares.get(after, 0.0) + share
            if shares[after] > 1.0 + 1e-9:
                table.wrong("share", share, "model_returns", sum=f"{shares[after]:g}")
            made = Return(
                name,
                after,
                share,
                table.choice("to", self.names, name, what="model_type"),
                delay=read_law(table, "delay"),
                attempts_max=table.integer("attempts_max", ATTEMPTS_MAX, low=0, high=ATTEMPTS_MAX),
                same_agent_s=(
                    table.seconds("same_agent_s", low=0, high=HOUR) if table.has("same_agent_s") else None
                ),
                same_patience=table.truth("same_patience", default=False),
                adds_up=table.truth("adds_up", default=False),
            )
            table.close()
            found.append(made)
        return found
