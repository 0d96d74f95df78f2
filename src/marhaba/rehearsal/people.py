"""The people of a rehearsal: callers and customers behind their carriers, agents, a supervisor.

They see what people see (a phone that rings, a board, a voice in the ear) and do what people do, at the wrong moment
too. Each has a random stream of his own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from marhaba.kernel.routing import AgentState
from marhaba.rehearsal.centre import AGENTS, BROWSER, NAILED, NUMBERS, OWN_PREFIX, SUPERVISOR
from marhaba.rehearsal.desk import Desk
from marhaba.rehearsal.stations import Line, Station

if TYPE_CHECKING:
    from marhaba.rehearsal.world import World

SPANISH = "00346"
"""Some callers come from Spain, where a carrier of the route is dead."""
AGAIN = f"00212{OWN_PREFIX[1:]}"
"""Who calls again shows his number as another carrier writes it: one that no other call has."""
NEVER_HOME = "7"
"""Customers whose number ends so are never reached."""
RING_S, CONSULT_S, DIAL_S = 20.0, 30.0, 40.0
"""When the house gives up on an agent, a consultation, a customer: where answers cross with its CANCEL."""
CROSS_S = 0.03
REFRESHED_S = 100.0
"""Beyond the shortest session timer: calls this long are refreshed, and both sides may ask at once."""
LATE_S = 300.0
"""When the day is over, callers hang up after this in any case."""
OUTSIDE_NUMBERS = ("0537000000", "0033123456789", "0034911000000", "0899000000")
DESK = (
    "hold", "resume", "hang_up", "join", "complete", "back", "wrap_done", "record_pause", "record_resume",
    "record_pause", "ready", "ready", "login", "logout", "board", "statistics", "nonsense",
)  # fmt: skip
STARS = ("*10", "*10", "*11", "*121", "*13", "*141", "*15", "*16", "*90101", "*91102", "*92103", "*99", "*1x")


@dataclass(slots=True)
class Caller:
    """What a caller has in mind. `talk_s` 0: he waits for the other to hang up."""

    patience_s: float
    talk_s: float
    keys: list[tuple[float, str]]


class People:
    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = world.chance("people")
        self.callers = world.chance("callers")
        self.count = 0
        self.once: list[str] = []  # numbers that have called, and not again
        self.open = True
        path = world.house.socket
        self.desk = Desk(world.network, path, self._replied)
        self.other_desk = Desk(world.network, path, self._replied)
        if world.plan.board:
            self.board = Desk(world.network, path, lambda *_: None, subscribes=True)
        for agent, phone in world.phones.items():
            phone.on_ring = partial(self._agent_rung, agent)
        for carrier in world.carriers:
            carrier.on_ring = self._customer_rung
            carrier.on_change = self._carrier_line
        self._later(6.0, self._come_to_work)
        self._later(8.0, self._somebody_calls)
        self._later(10.0, self._somebody_acts)

    def _later(self, seconds: float, do: Callable[..., object], *args: Any) -> None:
        self.world.agenda.after(seconds, do, *args)

    def _asks(self, desk: Desk, do: str, **args: Any) -> None:
        self.world.log.note("asks", do, args)
        desk.ask(do, **args)

    def _replied(self, do: str, args: dict[str, Any], reply: Any) -> None:
        self.world.log.note("told", do, reply.ok, reply.code)
        if do == "reload":
            self.world.happened(
                "the configuration is reloaded" if reply.ok else "a wrong configuration is refused"
            )
        if reply.ok and do == "force":
            self.world.forced += 1

    def _come_to_work(self) -> None:
        for agent in AGENTS:
            if agent != NAILED and self.rng.random() < self.world.plan.attendance:
                self._asks(self.desk, "login", agent=agent)
                self._asks(self.desk, "ready", agent=agent)
        if self.rng.random() < 0.5:
            self.world.phones[NAILED].dial("*10", own=AGENTS[NAILED])
            self._later(3.0, self._asks_about, "ready", NAILED)

    # -- callers ----------------------------------------------------------------------------------------------

    def _somebody_calls(self) -> None:
        if not self.open:
            return
        rng, self.count = self.callers, self.count + 1
        rate = self.world.plan.calls_per_hour / 3_600
        self._later(rng.expovariate(rate), self._somebody_calls)
        own = f"{OWN_PREFIX}{self.count:07d}" if rng.random() < 0.85 else f"{SPANISH}{self.count:08d}"
        if self.once and rng.random() < 0.25:
            own = AGAIN + self.once.pop(rng.randrange(len(self.once))).removeprefix(OWN_PREFIX)
        elif own.startswith(OWN_PREFIX):
            self.once.append(own)
        carrier = rng.choice(self.world.carriers)
        line = carrier.dial(rng.choice(NUMBERS), own=own, offerless=rng.random() < 0.1)
        longer_s = REFRESHED_S if "glare" in self.world.faults and rng.random() < 0.5 else 0.0
        line.mind = Caller(
            patience_s=rng.expovariate(1 / rng.choice([8.0, 40.0, 90.0])) + 0.05,
            talk_s=rng.expovariate(1 / 40) + longer_s if rng.random() < 0.6 else 0.0,
            keys=[(rng.uniform(0.5, 60.0), rng.choice("11222229#")) for _ in range(rng.choice([0, 2, 3, 4]))],
        )
        self._later(line.mind.patience_s, self._impatient, line)

    def _impatient(self, line: Line) -> None:
        """Nobody has spoken with him yet."""
        if not line.hears:
            line.station.hang_up(line)

    def _carrier_line(self, line: Line) -> None:
        if line.up and isinstance(line.mind, Caller):
            for after_s, key in line.mind.keys:
                self._later(after_s, self._press, line, key)

    def _press(self, line: Line, key: str) -> None:
        if line.up:
            self.world.press(line.remote_port, key)

    def heard(self, address: tuple[str, int], person: bool) -> None:
        """Somebody begins or ceases to hear a person."""
        line = self.world.line_at(address)
        if line is None:
            return
        line.hears = line.hears or person
        if person and isinstance(line.mind, Caller) and line.mind.talk_s:
            self._later(line.mind.talk_s, line.station.hang_up, line)
            line.mind.talk_s = 0.0

    def _customer_rung(self, line: Line) -> None:
        """A callback, or an outside number that somebody asks for."""
        rng, faults, station = self.callers, self.world.faults, line.station
        line.mind = "customer"
        draw = rng.random()
        if line.own.endswith(NEVER_HOME):
            station.reject(line, 480)
            return
        if self.open and "silence" in faults and draw < 0.15:
            return
        if self.open and "refusals" in faults and draw < 0.4:
            station.reject(line, rng.choice([486, 503, 603, 404, 480]))
            return
        station.ring(line, early=rng.random() < 0.3)
        if self.open and draw > 0.85:
            return  # nobody at home
        after_s = rng.uniform(0.5, 8.0)
        if self.open and "crossing" in faults and rng.random() < 0.5:
            after_s = rng.choice([CONSULT_S, DIAL_S]) + rng.uniform(-CROSS_S, CROSS_S)
        self._later(after_s, station.answer, line)
        longer_s = REFRESHED_S if "glare" in faults else 0.0  # until the house asks to go on
        self._later(after_s + longer_s + rng.expovariate(1 / 40), station.hang_up, line)

    # -- agents' phones ---------------------------------------------------------------------------------------

    def _agent_rung(self, agent: str, line: Line) -> None:
        rng, faults, station = self.rng, self.world.faults, line.station
        draw = rng.random()
        if not self.open:
            draw = 1.0
        if "silence" in faults and draw < 0.08:
            return
        if "refusals" in faults and draw < 0.2:
            station.reject(line, rng.choice([486, 603, 480, 500]))
            return
        station.ring(line, early=rng.random() < 0.1)
        if draw < 0.25:
            return
        after_s = rng.choice([rng.uniform(0.3, 6.0), rng.uniform(0.3, 30.0)])
        if "crossing" in faults and draw < 0.5:
            after_s = rng.choice([12.0, RING_S, RING_S, CONSULT_S]) + rng.uniform(-CROSS_S, CROSS_S)
        self._later(after_s, self._pick_up, agent, line)

    def _pick_up(self, agent: str, line: Line) -> None:
        rng, station = self.rng, line.station
        if "crossing" in self.world.faults and rng.random() < 0.3:
            waiting = [each for each in self.world.callers() if each.up and not each.hears]
            if waiting:  # the caller loses patience as the agent reaches for the phone
                caller = rng.choice(waiting)
                self._later(rng.uniform(0.0, CROSS_S), caller.station.hang_up, caller)
        if station.answer(line) and "double" in self.world.faults and rng.random() < 0.3:
            station.hang_up(line)
        if rng.random() < (0.2 if "glare" in self.world.faults else 0.6):
            self._later(rng.expovariate(1 / 40), station.hang_up, line)

    # -- mischief ---------------------------------------------------------------------------------------------

    def _somebody_acts(self) -> None:
        if not self.open:
            return
        self._later(self.rng.expovariate(1 / self.world.plan.mischief_s), self._somebody_acts)
        self.rng.choice(self._deeds())()

    def _deeds(self) -> list[Callable[[], None]]:
        return [
            self._click, self._click, self._click, self._ask_somebody, self._ask_somebody, self._ask_somebody,
            self._dial_star, self._dial_somebody, self._hold_by_phone, self._transfer_by_phone, self._supervise,
            self._force, self._pause, self._describe, self._hang_up_a_phone, self._keys, self._say_a_card_number,
        ]  # fmt: skip

    def _agent(self) -> str:
        """Rather somebody who is on a call."""
        floor = self.world.floor
        busy = [call.agent for call in floor.state.calls.values() if call.agent] if floor is not None else []
        return (
            self.rng.choice(busy)
            if busy and self.rng.random() < 0.7
            else self.rng.choice([*sorted(AGENTS), BROWSER])
        )

    def _click(self) -> None:
        agent, do = self._agent(), self.rng.choice(DESK)
        about = {} if do in ("board", "statistics") else {"agent": agent}
        self._asks(self.desk, do, **about)
        if do == "record_pause":
            self._later(self.rng.uniform(0.0, 10.0), self._asks_about, "record_resume", agent)
        if "double" in self.world.faults and self.rng.random() < 0.5:
            self._asks(self.other_desk, self.rng.choice([do, do, *DESK[:9]]), agent=agent)
            self.world.happened("two clicks at once")

    def _ask_somebody(self) -> None:
        to = self.rng.choice(
            ["accueil", "espagnol", "petite", "guichet", *AGENTS, BROWSER, "104", *OUTSIDE_NUMBERS, "nobody"]
        )
        floor = self.world.floor
        ready = [s.id for s in floor.state.seats.values() if s.state is AgentState.READY] if floor else []
        if ready and self.rng.random() < 0.6:
            to = self.rng.choice(ready)
        agent = self._agent()
        self._asks(
            self.desk, self.rng.choice(["transfer", "transfer", "consult", "consult"]), agent=agent, to=to
        )
        follow = self.rng.choice(["join", "join", "complete", "complete", "back", "hang_up", ""])
        if follow:
            self._later(self.rng.uniform(0.0, 20.0), self._asks_about, follow, agent)

    def _asks_about(self, do: str, agent: str) -> None:
        self._asks(self.desk, do, agent=agent)

    def _phone(self) -> Station:
        phones = [
            phone for phone in self.world.phones.values() if any(line.up for line in phone.lines.values())
        ]
        return self.rng.choice(phones or list(self.world.phones.values()))

    def _dial_star(self) -> None:
        phone = self.rng.choice(list(self.world.phones.values()))
        line = phone.dial(self.rng.choice(STARS), own=phone.user)
        if self.rng.random() < 0.5:
            self._later(self.rng.uniform(0.0, 30.0), phone.hang_up, line)

    def _dial_somebody(self) -> None:
        phone = self.rng.choice(list(self.world.phones.values()))
        line = phone.dial(self.rng.choice([*AGENTS.values(), *OUTSIDE_NUMBERS, *NUMBERS]), own=phone.user)
        self._later(self.rng.uniform(1.0, 60.0), phone.hang_up, line)

    def _hold_by_phone(self) -> None:
        phone = self._phone()
        for line in list(phone.lines.values()):
            phone.hold(line, self.rng.choice(["sendonly", "inactive", "recvonly"]))
            self._later(self.rng.uniform(0.0, 20.0), phone.hold, line, "sendrecv")

    def _transfer_by_phone(self) -> None:
        phone = self._phone()
        for line in list(phone.lines.values()):
            phone.refer(line, self.rng.choice(["102", "103", "accueil", "0537000000", "x"]))

    def _supervise(self) -> None:
        mode = self.rng.choice(["listen", "whisper", "barge"])
        self._asks(self.desk, "supervise", supervisor=SUPERVISOR, agent=self._agent(), mode=mode)
        self._later(self.rng.uniform(1.0, 30.0), self._change_ear)

    def _change_ear(self) -> None:
        for line in self.world.phones[SUPERVISOR].lines.values():
            if line.up and self.rng.random() < 0.6:
                self.world.press(line.remote_port, self.rng.choice("456"))
        if self.rng.random() < 0.5:
            self._asks(self.desk, "supervise_end", supervisor=SUPERVISOR)

    def _force(self) -> None:
        boss = SUPERVISOR if self.rng.random() < 0.8 else "amal"
        state = self.rng.choice(["ready", "ready", "paused:break", "logged_out", "asleep"])
        self._asks(self.desk, "force", supervisor=boss, agent=self._agent(), state=state)

    def _pause(self) -> None:
        agent = self._agent()
        self._asks(self.desk, "pause", agent=agent, code=self.rng.choice(["break", "lunch", "nap"]))
        self._later(self.rng.uniform(1.0, 60.0), self._asks_about, "ready", agent)

    def _describe(self) -> None:
        agent = self._agent()
        self._asks(self.desk, "disposition", agent=agent, disposition="sale", note="rappeler demain")
        self._asks(self.desk, "wrap_extend", agent=agent, seconds=self.rng.choice([5, 60, 9_999]))
        self._later(self.rng.uniform(0.0, 40.0), self._asks_about, "wrap_done", agent)

    def _hang_up_a_phone(self) -> None:
        phone = self._phone()
        for line in list(phone.lines.values()):
            phone.hang_up(line)

    def _say_a_card_number(self) -> None:
        """Something that must not be recorded."""
        floor = self.world.floor
        recorded = [c.agent for c in floor.state.calls.values() if c.agent and c.recording] if floor else []
        agent = self.rng.choice(recorded) if recorded else self._agent()
        self._asks(self.desk, "record_pause", agent=agent)
        self._later(self.rng.uniform(0.0, 10.0), self._asks_about, "record_resume", agent)

    def _keys(self) -> None:
        self._asks(self.desk, "keys", agent=self._agent(), digits=self.rng.choice(["12#", "", "x"]))

    # -- the evening ------------------------------------------------------------------------------------------

    def last_calls(self) -> None:
        """Nobody calls any more, phones are answered, and who is still in line is served."""
        self.open = False
        for line in self.world.callers():
            if not line.over:
                self._later(LATE_S, line.station.hang_up, line)
        for phone in self.world.phones.values():
            for line in phone.lines.values():
                self._later(LATE_S, phone.hang_up, line)
        self._serve()

    def _serve(self) -> None:
        """Everybody who is not on a call is ready, as long as anybody waits."""
        if self.world.going_home:
            return
        floor = self.world.floor
        for agent in AGENTS:
            state = floor.seat(agent).state if floor is not None else AgentState.READY
            if agent != NAILED and state is not AgentState.READY:
                self._asks(self.desk, "login", agent=agent)
                self._asks(self.desk, "ready", agent=agent)
                self._asks(self.desk, "resume", agent=agent)
        if floor is not None and floor.seat(BROWSER).state in (AgentState.PAUSED, AgentState.WRAPUP):
            self._asks(self.desk, "ready", agent=BROWSER)
            self._asks(self.desk, "resume", agent=BROWSER)
        for phone in self.world.phones.values():
            for line in phone.lines.values():
                patience_s = LATE_S if line.incoming else LATE_S / 2
                if line.up and self.world.agenda.now - line.answered_at > patience_s:
                    self._later(0.0, phone.hang_up, line)
        self._later(15.0, self._serve)

    def go_home(self) -> None:
        for phone in self.world.phones.values():
            for line in list(phone.lines.values()):
                phone.hang_up(line)
        for agent in AGENTS:
            self._asks(self.desk, "logout", agent=agent)
