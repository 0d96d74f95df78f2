"""The floor of a rehearsal, through its lives: the real `FloorProcess`, started, killed, stopped and started again."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marhaba.centre import CentreError
from marhaba.floor.machine import Machine
from marhaba.floor.process import FloorProcess
from marhaba.rehearsal.loop import ProcessLoop
from marhaba.rehearsal.network import Bound, Owner
from marhaba.rehearsal.store import RehearsedJournal, VirtualWriter, write_file

if TYPE_CHECKING:
    from marhaba.rehearsal.world import World

BOOT_S = 86_400.0
"""What the machine's steady clock shows when a rehearsal begins; after a power cut it begins at `REBOOT_S`."""
REBOOT_S = 12.0
START_AGAIN_S = 5.0
BUSY_SENDS = 2_000
"""More messages than this in one instant is a circle."""


class House:
    """`up`: the floor runs and has taken up its calls."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.life = 0
        self.up = False
        self.process: FloorProcess | None = None
        self.loop: ProcessLoop | None = None
        self.journal: RehearsedJournal | None = None
        self.wall_shift = 0.0
        self.up_since = 0.0
        self.dies_in = 0  # sends left until the process dies in the midst of them; 0: it does not
        self._booted = BOOT_S
        self._starting = False
        self._sends_at, self._sends = 0.0, 0
        world.network.before_send = self._before_send

    @property
    def socket(self) -> str:
        return str(self.world.folder / "data" / "run" / "floor.sock")

    def wall(self) -> float:
        return self.world.plan.variant.began_at + self.world.agenda.now + self.wall_shift

    # -- lives ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._starting = False
        if self.loop is not None:
            return
        self.life += 1
        world = self.world
        world.log.note("floor-starts", self.life)
        loop = self.loop = ProcessLoop(  # type: ignore[abstract]
            world.agenda, world.network, booted=self._booted, on_trouble=self._trouble
        )
        try:
            process = self.process = FloorProcess(world.config, self._machine(loop))
        except CentreError:  # somebody is editing the file: it is tried again, as `marhaba serve` does
            world.happened("a start waits for a right configuration")
            self.loop = None
            self.start_after(START_AGAIN_S)
            return
        loop.enter(lambda: loop.create_task(process.run(started=self._started)).add_done_callback(self._over))

    def start_after(self, seconds: float) -> None:
        if not self._starting:
            self._starting = True
            self.world.agenda.after(seconds, self.start)

    def kill(self, where: str, *, gap_s: float) -> None:
        """kill -9, wherever it stands."""
        loop = self.loop
        if loop is None:
            return
        self.world.log.note("floor-dies", where)
        self.world.before_death(where)
        self.loop, self.up, self.dies_in = None, False, 0
        loop.kill()
        if self.journal is not None:
            # Its own step may still be running, and believes that it writes.
            self.world.agenda.after(0.0, self.journal.die)
            self.journal = None
        self.start_after(gap_s)

    def cut_power(self, *, gap_s: float) -> None:
        """Floor and audio workers at once; the machine boots again."""
        self.kill("power", gap_s=gap_s)
        self._booted = REBOOT_S - self.world.agenda.now - gap_s
        for worker in self.world.workers:
            worker.die()
            self.world.agenda.after(gap_s / 2, worker.revive)

    def signal(self, number: signal.Signals) -> None:
        """Also to a floor that is still starting."""
        if self.loop is not None:
            self.world.log.note("signal", number.name)
            self.loop.signal(number)

    def close(self) -> None:
        """The end of the rehearsal: an orderly stop, and no floor after it."""
        self._starting = True
        self.signal(signal.SIGTERM)

    def bury(self) -> None:
        """Whatever still lives, lives no more."""
        if self.loop is not None:
            self.loop.dead = True
            self.loop.bury()
        if self.journal is not None:
            self.journal.die()

    def stall(self, seconds: float) -> None:
        """The machine looks elsewhere: nothing of the floor runs for so long."""
        if self.loop is not None:
            until = self.world.agenda.now + seconds
            self.loop.freeze(until)
            self.up_since = max(self.up_since, until)

    def _started(self) -> None:
        self.up, self.up_since = True, self.world.agenda.now
        self.world.log.note("floor-up", self.life)

    def _over(self, task: Any) -> None:
        """It ended by itself: an orderly stop, or an error."""
        if self.loop is None or self.loop.dead:
            return
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.world.fail("floor", f"the floor ended with {error!r}")
        self.world.log.note("floor-stops")
        self.loop.kill()
        self.loop, self.up, self.journal = None, False, None
        self.start_after(self.world.plan.gap_s(self.world.chance("gap")))

    def _trouble(self, what: str) -> None:
        self.world.fail("floor", what)

    # -- the machine it runs on -------------------------------------------------------------------------------

    def _machine(self, loop: ProcessLoop) -> Machine:
        world, disk = self.world, self.world.disk
        chance = random.Random(f"{world.plan.seed}/tokens/{self.life}")  # noqa: S311 -- a rehearsal
        alive: Callable[[], bool] = lambda: not loop.dead  # noqa: E731

        def open_journal(path: Path) -> RehearsedJournal:
            journal = self.journal = RehearsedJournal(path, disk)
            world.witness.journal_opened(journal)
            return journal

        return Machine(
            wall=self.wall,
            steady=loop.time,
            token=lambda: f"{chance.getrandbits(64):016x}",
            open_journal=open_journal,
            start_writer=partial(_start_writer, disk=disk, alive=alive),
            replace_file=partial(write_file, disk, alive),
            bind_udp=lambda host, port: Bound((host, port)),  # type: ignore[arg-type, return-value]
            settle=lambda: None,
        )

    def _before_send(self, owner: Owner) -> bool:
        """Asked before anything leaves a process: is it still there?"""
        if owner.dead:
            return False
        if owner is not self.loop:
            return True
        now = self.world.agenda.now
        self._sends = self._sends + 1 if now == self._sends_at else 1
        self._sends_at = now
        if self._sends > BUSY_SENDS:
            self.world.fail("floor", "it sends without end")
        if self.dies_in:
            self.dies_in -= 1
            if not self.dies_in:
                self.world.crashed("effects")
                return False
        return True


def _start_writer(
    journal: Any, *, disk: Any, alive: Callable[[], bool], call_soon: Any, on_trouble: Any
) -> Any:
    return VirtualWriter(journal, disk, alive=alive, call_soon=call_soon, on_trouble=on_trouble)
