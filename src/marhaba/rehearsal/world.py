"""One rehearsal: the house, everybody outside it, and the faults, on one agenda.

A day of it has three parts: people come and faults are served; then the faults cease and whoever waits is served; at
last everybody goes home, and nothing may be left over.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from marhaba.floor.floor import Floor
from marhaba.floor.state import Stage
from marhaba.journal.events import Event
from marhaba.rehearsal.agenda import Agenda, Chronicle
from marhaba.rehearsal.audio import SimulatedWorker
from marhaba.rehearsal.browser import HOST as BROWSER_HOST
from marhaba.rehearsal.browser import Browser
from marhaba.rehearsal.centre import (
    AGENTS,
    CARRIER,
    EVENING_CALLS,
    EVENING_MONEY,
    OWN_PREFIX,
    SECOND,
    make_phones,
    write_centre,
)
from marhaba.rehearsal.house import House
from marhaba.rehearsal.invariants import Money, checkers
from marhaba.rehearsal.misfortune import Misfortune
from marhaba.rehearsal.network import Address, Network
from marhaba.rehearsal.people import AGAIN, SPANISH, People
from marhaba.rehearsal.plan import Plan
from marhaba.rehearsal.situations import Observer
from marhaba.rehearsal.stations import Line, Station
from marhaba.rehearsal.store import Disk
from marhaba.rehearsal.witness import CALM_S, Witness

SERVED_S_MAX = 3_600.0
"""An hour without a fault is enough for every callback to be tried three times, ten minutes apart."""
STEP_S = 30.0
LATE_STEPS_S = 60.0
FORGET_S = 100.0
"""SIP forgets a transaction after 32 s; phones notice a line without sound after 20 s."""
TRIES_MAX = 600
"""Phones register and carriers are asked whether they are there at any time: between two of these nothing is left."""
COMPARE_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be."""

    invariant: str
    at: float
    text: str


class Broken(Exception):
    """A rehearsal ends with its first finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.invariant} at {finding.at:.3f} s: {finding.text}")
        self.finding = finding


class World:
    def __init__(self, plan: Plan, folder: Path, *, out: TextIO | None = None) -> None:
        self.plan, self.folder, self.faults = plan, folder, plan.faults
        self.agenda = Agenda()
        self.log = Chronicle(self.agenda, out)
        self.log.hide(str(folder), "~")
        self.situations: Counter[str] = Counter()
        self.findings: list[Finding] = []
        self._observer = Observer()
        self.forced = 0
        self.going_home = False
        self._cancelled: dict[bytes, float] = {}
        self._streams: dict[str, random.Random] = {}
        self.network = Network(self.agenda, self.log, self.chance("network"))
        self.network.on_delivery.append(self._crossing)
        self.disk = Disk(self.agenda, self.chance("disk"), on_crash=self.crashed, on_kept=self._kept)
        self._write_house()
        self.witness = Witness(self)
        self._build()

    def _write_house(self) -> None:
        plan = self.plan
        self.config = write_centre(self.folder, plan.variant.text)
        self._passwords = make_phones(self.folder, self.chance("passwords"))
        (self.folder / "data" / "run").mkdir(parents=True)
        self.checkers = checkers(
            {"banque": "announce", "demande": "ask", "etroit": "announce"},
            concurrent_max=int(str(plan.variant.values["concurrent_max"])),
            hourly_max=float(str(plan.variant.values["hourly_max"])),
        )

    def _build(self) -> None:
        plan, values = self.plan, self.plan.variant.values
        self.workers = [
            SimulatedWorker(
                self.network,
                f"media-{number}",
                str(self.folder / "data" / "run" / f"media-{number}.sock"),
                ports=int(str(values["ports"])),
                first=20_000 + 2 * number * int(str(values["ports"])),
                reachable=self._reachable,
            )
            for number in range(int(str(values["workers"])))
        ]
        self.carriers = [self._carrier("carrier", CARRIER), self._carrier("second", SECOND)]
        self.phones = {agent: self._phone(agent, phone) for agent, phone in AGENTS.items()}
        self.house = House(self)
        self.house.start()
        self.people = People(self)
        self.browser = Browser(self)
        self.misfortune = Misfortune(self)
        for worker in self.workers:
            worker.on_heard = self.people.heard
        self._places = self._hour = ""
        self.agenda.after(1.0, self._second)
        assert plan.seconds > 0

    def _carrier(self, name: str, host: str) -> Station:
        refresh_s = self.chance(name).choice([90, 1_800])
        return Station(self.network, name, host, rng=self.chance(f"{name}/sip"), refresh_s=refresh_s)

    def _phone(self, agent: str, phone: str) -> Station:
        return Station(
            self.network,
            agent,
            f"192.0.2.{phone}",
            rng=self.chance(f"{agent}/sip"),
            user=phone,
            password=self._passwords[phone],
            transport="tcp" if self.plan.tcp_phones and int(phone) % 2 else "udp",
        )

    def chance(self, name: str) -> random.Random:
        if name not in self._streams:
            self._streams[name] = self.plan.stream(name)
        return self._streams[name]

    # -- the day ----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Raises `Broken`."""
        self.agenda.run(self.plan.seconds)
        self._check()
        self.misfortune.cease()
        for checker in self.checkers:
            if isinstance(checker, Money):
                checker.concurrent_max, checker.hourly_max = EVENING_CALLS, EVENING_MONEY
        self.people.last_calls()
        until = self.agenda.now + SERVED_S_MAX
        self.step(LATE_STEPS_S)
        while not self._idle() and self.agenda.now < until:
            self.step(STEP_S)
        if not self._idle():
            self.fail("I1", f"an hour without a fault, and there are calls still: {self._left()}")
        self.going_home = True
        self.people.go_home()
        self.browser.go_home()
        self.step(FORGET_S)
        self._close()

    def step(self, seconds: float) -> None:
        self.agenda.run(self.agenda.now + seconds)
        self._check()

    def _check(self) -> None:
        if self.findings:
            raise Broken(self.findings[0])

    def _idle(self) -> bool:
        floor = self.floor
        return floor is not None and not floor.state.calls

    def _left(self) -> list[str]:
        floor = self.floor
        if floor is None:
            return ["the floor is not up"]
        return [f"{call.id} {call.stage} callback={call.callback}" for call in floor.state.calls.values()]

    def _close(self) -> None:
        floor = self.floor
        if floor is None:
            self.fail("floor", "it is not up at the end")
        else:
            for _ in range(TRIES_MAX):
                if not self.witness.transactions(floor):
                    break
                self.agenda.run(self.agenda.now + 1.0)
            self.witness.nothing_left(floor)
            self.witness.compare_with_replay(floor)
        self.house.close()
        self.agenda.run(self.agenda.now + 10.0)
        for checker in self.checkers:
            for wrong in checker.over():
                self.fail(checker.name, wrong)
        self.witness.judge_tally()
        self._count_network()
        self._check()

    def _count_network(self) -> None:
        network = self.network
        for name, count in (
            ("lost", network.lost),
            ("doubled", network.doubled),
            ("damaged", network.damaged),
        ):
            if count:
                self.happened(f"datagrams are {name}")
        names = {
            "locked": "the journal is locked", "full": "the disk is full", "set-aside": "events are set aside",
            "spool-full": "the spool is full", "torn-log": "the log has a torn end", "file-refused": "a file is refused",
        }  # fmt: skip
        for seen in self.disk.seen:
            self.happened(names[seen])
        if self.witness.recovered:
            self.happened("a call outlives the floor")

    # -- what is told -----------------------------------------------------------------------------------------

    @property
    def floor(self) -> Floor | None:
        """The floor, while it runs."""
        process = self.house.process
        return process.floor if self.house.up and process is not None else None

    def happened(self, situation: str) -> None:
        self.situations[situation] += 1

    def fail(self, invariant: str, text: str) -> None:
        finding = Finding(invariant, self.agenda.now, text.replace(str(self.folder), "~"))
        self.log.note("finding", invariant, finding.text)
        self.findings.append(finding)

    def crashed(self, where: str) -> None:
        """The floor dies here and now."""
        self.house.kill(where, gap_s=self.plan.gap_s(self.chance("gap")))

    def before_death(self, where: str) -> None:
        self.happened(f"the floor dies: {where}")
        floor = self.floor
        if floor is None:
            return
        self.witness.crashed_at.append(floor.now)
        for call in floor.state.calls.values():
            self.happened(f"the floor dies while a call is {call.stage}")
            if len(call.ringing) > 1:
                self.happened("ring-all: the floor dies")
            if call.consult_leg or (call.stage is Stage.RINGING and call.ring_why == "transfer"):
                self.happened("the floor dies while a transfer is going on")

    def _kept(self, events: list[Event]) -> None:
        for event in events:
            self.log.note("event", event.seq, event.kind, event.call_id, event.agent_id, event.data)
            self.witness.kept(event)
            for checker in self.checkers:
                for wrong in checker.see(event):
                    self.fail(checker.name, wrong)
            for situation in self._observer.see(event):
                self.happened(situation)

    def _second(self) -> None:
        """Once a second: the floor as it stands."""
        self.agenda.after(1.0, self._second)
        self._check()
        floor, now = self.floor, self.agenda.now
        for worker in self.workers:
            worker.listen()
        if floor is None or now - self.house.up_since < CALM_S:
            return
        self.witness.look(floor)
        process = self.house.process
        assert process is not None
        calm = process.all_written and now - self.house.up_since > CALM_S
        if calm and floor.state.at < floor.now - CALM_S:
            self.witness.listen(floor)
        if calm and int(now) % int(COMPARE_EVERY_S) == 0:
            self.witness.compare_with_replay(floor)
        if int(now) % int(COMPARE_EVERY_S) == 1:
            self._look_at_the_clock(floor)

    def _look_at_the_clock(self, floor: Floor) -> None:
        here = datetime.fromtimestamp(self.house.wall(), ZoneInfo(floor.centre.timezone))
        day, hour = here.strftime("%F"), str(here.utcoffset())
        if self._places and day != self._places:
            self.happened("the day changes")
        if self._hour and hour != self._hour:
            self.happened("the hour changes")
        self._places, self._hour = day, hour
        if floor.counters.get("carrier_failovers"):
            self.happened("another carrier is tried")
        if floor.counters.get("spend_money") or floor.counters.get("refused_spend-money"):
            self.happened("an outside call is refused for money")

    # -- lines ------------------------------------------------------------------------------------------------

    def callers(self) -> list[Line]:
        """Calls that came from outside, as the carriers know them."""
        return [
            line
            for carrier in self.carriers
            for line in carrier.record
            if not line.incoming and line.own.startswith((OWN_PREFIX, SPANISH, AGAIN))
        ]

    def asked(self) -> Iterator[Line]:
        """Calls the house made, as carriers and phones know them."""
        for station in (*self.carriers, *self.phones.values()):
            yield from (line for line in station.record if line.incoming)

    def line_at(self, address: Address) -> Line | None:
        host, port = address
        for station in (*self.carriers, *self.phones.values()):
            if station.host == host:
                return next((line for line in station.lines.values() if line.port == port), None)
        return None

    def press(self, port: int, key: str) -> None:
        for worker in self.workers:
            worker.press(port, key)

    def _reachable(self, address: Address) -> bool:
        if address[0] == BROWSER_HOST:
            return self.browser.reachable(address[1])
        line = self.line_at(address)
        return line is not None and not line.silent and not line.station.dead

    def _crossing(self, data: bytes, source: Address, to: Address) -> None:
        """A CANCEL arrives where the answer has just been given."""
        if data.startswith(b"CANCEL "):
            line = next(
                (
                    line
                    for station in (*self.carriers, *self.phones.values())
                    if station.host == to[0]
                    for line in station.lines.values()
                    if line.incoming and line.answered_at >= 0 and line.call_id.encode() in data
                ),
                None,
            )
            if line is not None:
                self.happened("an answer crosses a CANCEL")
                if b"Call completed elsewhere" in data:
                    self.happened("ring-all: an answer crosses the CANCEL")
