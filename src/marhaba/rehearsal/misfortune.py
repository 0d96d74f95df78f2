"""The faults a plan names, served in their time. When the day is over they all cease."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from marhaba.rehearsal.centre import HOUSE, write_centre
from marhaba.rehearsal.network import Address, Weather

if TYPE_CHECKING:
    from marhaba.rehearsal.world import World

SERVINGS = 4.0
"""Of each fault in a day, in the mean."""
EVERY_S = (45.0, 900.0)
"""Between two servings at least and at most, in the mean."""
AIMS = ("", "", "ringing", "dialling", "dialling", "dialling", "message")
AIM_S, LOOK_S = 90.0, 0.5
"""What a floor is killed in the midst of: anything, or what is short enough to be missed; and how long that is awaited."""
TROUBLE_S = (0.1, 2.0, 30.0)
STEPS_S = (-7_200.0, -90.0, -1.0, 1.0, 90.0, 3_600.0)


class Misfortune:
    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = world.chance("misfortune")
        self.over = False
        self._every_s = min(max(world.plan.seconds / SERVINGS, EVERY_S[0]), EVERY_S[1])
        self._set_weather(world.faults)
        servings: dict[str, Callable[[], None]] = {
            "cut": self._cut,
            "kill": lambda: self._kill(self.rng.choice(AIMS), AIM_S),
            "kill-before": lambda: self._at_commit("before"),
            "kill-after": lambda: self._at_commit("after"),
            "kill-effects": self._in_effects,
            "kill-torn": self._torn,
            "kill-file": lambda: self._at_commit("file"),
            "power": self._power,
            "worker": self._worker,
            "stop": self._stop,
            "stall": self._stall,
            "locked": lambda: self._trouble("locked"),
            "full": lambda: self._trouble("full"),
            "spool": self._spool,
            "clock": self._clock,
            "phones": self._phones,
            "carriers": self._carriers,
            "reload": self._reload,
            "lines": self._lines,
        }
        for name, serve in servings.items():
            if name in world.faults:
                self._serve(name, serve)
        if "phones" in world.faults and self.rng.random() < 0.5:
            self.rng.choice(list(world.phones.values())).die()  # nobody has plugged it in today
        if "slow" in world.faults:
            world.disk.slow_s = self.rng.choice([0.05, 0.5])
        if "glare" in world.faults:
            world.network.on_datagram.append(self._glare)

    def _serve(self, name: str, serve: Callable[[], None]) -> None:
        def now() -> None:
            if self.over:
                return
            self.world.log.note("fault", name)
            serve()
            self.world.agenda.after(self.rng.expovariate(1 / self._every_s), now)

        self.world.agenda.after(10.0 + self.rng.expovariate(1 / self._every_s), now)

    def cease(self) -> None:
        """No fault any more: from here on a healthy floor must finish what it has begun."""
        self.over = True
        world, disk = self.world, self.world.disk
        write_centre(world.folder, world.plan.variant.evening)
        world.house.signal(
            signal.SIGHUP
        )  # a desk may be reconnecting; a floor that starts later reads the file
        world.network.weather = Weather()
        disk.trouble, disk.spool_full, disk.crash_at, disk.slow_s = "", False, "", 0.0
        world.house.dies_in = 0
        for station in (*world.phones.values(), *world.carriers):
            station.revive()
        for worker in world.workers:
            worker.revive()
        world.browser.edge.revive()

    # -- the network ------------------------------------------------------------------------------------------

    def _set_weather(self, faults: frozenset[str]) -> None:
        weather, rng = self.world.network.weather, self.rng
        weather.lost = rng.choice([0.01, 0.05, 0.2]) if "loss" in faults else 0.0
        weather.doubled = rng.choice([0.02, 0.1]) if "duplication" in faults else 0.0
        weather.damaged = rng.choice([0.01, 0.05]) if "damage" in faults else 0.0
        weather.late_s = rng.choice([0.02, 0.2, 0.7]) if "reordering" in faults else 0.0
        weather.delay_s = rng.choice([0.05, 0.3, 1.2]) if "delay" in faults else 0.005
        weather.pieces = "pieces" in faults

    def _cut(self) -> None:
        phones = [phone for phone in self.world.phones.values() if phone.transport == "tcp"]
        if phones:
            phone = self.rng.choice(phones)
            if self.rng.random() < 0.5:
                phone.cut()
                self.world.happened("a stream is cut")
            else:
                phone.close_one_side()
                self.world.happened("a stream is closed on one side")

    def _glare(self, data: bytes, source: Address, to: Address) -> None:
        """The house asks to change a call; the far side does so at the same moment."""
        if self.over or source[0] != HOUSE or not data.startswith((b"INVITE ", b"UPDATE ")):
            return
        for station in (*self.world.carriers, *self.world.phones.values()):
            for line in list(station.lines.values()) if station.host == to[0] else ():
                if line.up and line.call_id.encode() in data:
                    self.world.agenda.after(0.0, station.hold, line, "sendrecv")
                    self.world.happened("glare")

    def _lines(self) -> None:
        """Somebody's network goes, and nothing says so."""
        lines = [line for line in self.world.callers() if line.up]
        if lines:
            self.rng.choice(lines).silent = True
            self.world.happened("a line goes dead")

    def _phones(self) -> None:
        phone = self.rng.choice(list(self.world.phones.values()))
        if self.rng.random() < 0.3:
            phone.register_again()
            self.world.happened("a phone registers anew")
        elif not phone.dead:
            phone.die()
            self.world.happened("a phone dies")
            self.world.agenda.after(self.rng.choice([1.0, 20.0, 120.0]), phone.revive)

    def _carriers(self) -> None:
        carrier = self.rng.choice(self.world.carriers)
        if not carrier.dead:
            carrier.die()
            self.world.agenda.after(self.rng.choice([5.0, 200.0, 200.0]), carrier.revive)

    # -- the house --------------------------------------------------------------------------------------------

    def _gap_s(self) -> float:
        return self.world.plan.gap_s(self.rng)

    def _kill(self, stage: str, patience_s: float) -> None:
        """As soon as a call is at `stage`, if that comes soon."""
        floor = self.world.floor
        if self.over or self.world.house.loop is None:
            return
        there = floor is not None and any(call.stage == stage for call in floor.state.calls.values())
        if there or not stage or patience_s <= 0:
            self.world.crashed("anywhere")
        else:
            self.world.agenda.after(LOOK_S, self._kill, stage, patience_s - LOOK_S)

    def _at_commit(self, where: str) -> None:
        self.world.disk.crash_at = where

    def _in_effects(self) -> None:
        self.world.house.dies_in = self.rng.randint(1, 12)

    def _torn(self) -> None:
        """Events go to the spool, and the process dies over one of them."""
        self._trouble("full")
        self.world.disk.crash_at = "torn"

    def _power(self) -> None:
        if self.world.house.loop is not None:
            self.world.happened("power cut")
            self.world.house.cut_power(gap_s=self.rng.choice([5.0, 60.0]))

    def _worker(self) -> None:
        worker = self.rng.choice(self.world.workers)
        if worker.alive:
            worker.die()
            self.world.happened("an audio worker dies")
            self.world.agenda.after(self.rng.choice([0.3, 1.0, 10.0]), worker.revive)

    def _stop(self) -> None:
        number = self.rng.choice([signal.SIGTERM, signal.SIGINT])
        if self.world.house.up:
            self.world.happened(f"the floor is stopped by {number.name}")
        self.world.house.signal(number)

    def _stall(self) -> None:
        self.world.happened("the floor stalls")
        self.world.house.stall(self.rng.choice([0.3, 3.0, 12.0]))

    def _trouble(self, trouble: str) -> None:
        disk = self.world.disk
        disk.trouble = trouble
        self.world.agenda.after(self.rng.choice(TROUBLE_S), self._relieved)

    def _spool(self) -> None:
        self._trouble("full")
        self.world.disk.spool_full = True

    def _relieved(self) -> None:
        self.world.disk.trouble, self.world.disk.spool_full = "", False

    def _clock(self) -> None:
        step = self.rng.choice(STEPS_S)
        self.world.house.wall_shift += step
        self.world.happened("the wall clock jumps " + ("back" if step < 0 else "forward"))

    def _reload(self) -> None:
        text = self.world.plan.variant.changed(self.rng)
        write_centre(self.world.folder, text)
        match self.rng.choice(["signal", "desk", "restart", "restart"]):
            case "signal":
                self.world.house.signal(signal.SIGHUP)
            case "desk":
                self.world.people.desk.ask("reload")
            case _:  # calls go on, under a centre that may no longer have their queue
                self.world.house.signal(signal.SIGTERM)
        self.world.agenda.after(30.0, self._put_back)

    def _put_back(self) -> None:
        if self.over:
            return
        write_centre(self.world.folder, self.world.plan.variant.text)
        self.world.people.desk.ask("reload")
