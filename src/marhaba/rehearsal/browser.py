"""An agent whose phone is a browser, and the edge behind it: reloads, other windows, laptops that close without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from marhaba.kernel.routing import AgentState
from marhaba.media.edge_protocol import SOCKET, AimLine, CloseLine, EdgeWelcome
from marhaba.media.framing import edge_command_reader, frame
from marhaba.rehearsal.centre import BROWSER
from marhaba.rehearsal.desk import Desk
from marhaba.rehearsal.network import OUTSIDE, Network

if TYPE_CHECKING:
    from marhaba.rehearsal.world import World

HOST = "192.0.2.250"
LOOK_S = 0.5
COMES_AGAIN_S = 2.0
MISCHIEF_S = 30.0


class SimulatedEdge(asyncio.Protocol):
    """Knows where each line is aimed."""

    def __init__(self, network: Network, path: str) -> None:
        self._network, self._path = network, path
        self._transport: Any = None
        self._listener: Any = None
        self.aims: dict[str, int] = {}
        self.alive = False
        self.revive()

    def revive(self) -> None:
        if not self.alive:
            self.alive = True
            self._listener = self._network.listen(OUTSIDE, lambda: self, self._path)

    def die(self) -> None:
        self.alive = False
        self.aims.clear()
        self._listener.close()
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def connection_made(self, transport: Any) -> None:
        self._transport, self._reader = transport, edge_command_reader()
        transport.write(frame(EdgeWelcome(list(self.aims))))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        for command in self._reader.feed(data):
            match command:
                case AimLine():
                    self.aims[command.line] = command.port
                case CloseLine():
                    self.aims.pop(command.line, None)


class Browser:
    """Does what the desk's page does, and what its agent does with it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = world.chance("browser")
        self.edge = SimulatedEdge(world.network, str(world.folder / "data" / "run" / SOCKET))
        self.desk = Desk(world.network, world.house.socket, self._replied)
        self.works = self.rng.random() < world.plan.attendance
        self.open = True  # the page
        self.sends = False  # sound comes from it
        self.line, self.before = "", ""
        self._count = 0
        self._came_at = -COMES_AGAIN_S
        self._reacts_to: tuple[str, str] = ("", "")
        if self.works:
            self._later(7.0, self._look)
            self._later(12.0, self._mischief)

    def reachable(self, port: int) -> bool:
        return self.sends and port == self._port

    @property
    def _port(self) -> int:
        return 40_000 + self._count

    def _later(self, seconds: float, do: Callable[..., object], *args: Any) -> None:
        self.world.agenda.after(seconds, do, *args)

    def _ask(self, do: str, **args: Any) -> None:
        self.world.log.note("browser", do, args)
        self.desk.ask(do, agent=BROWSER, **args)

    def _replied(self, do: str, args: dict[str, Any], reply: Any) -> None:
        self.world.log.note("told", do, reply.ok, reply.code)
        if do == "line" and reply.ok and args["edge"] == self.line:
            self.sends = True

    def _come(self) -> None:
        """The page loads and opens the line, or opens it again."""
        if self.world.going_home:
            return
        self._count += 1
        self._came_at = self.world.agenda.now
        self.open, self.sends = True, False
        self.before, self.line = self.line, f"b{self._count}"
        self._ask("line", edge=self.line, host=HOST, port=self._port, dtmf_payload=126)

    def _look(self) -> None:
        self._later(LOOK_S, self._look)
        floor = self.world.floor
        if floor is None or not self.open or self.world.going_home:
            return
        seat = floor.seat(BROWSER)
        leg = floor.state.legs.get(seat.leg)
        lost = leg is None or leg.held or leg.edge != self.line
        if lost and self.world.agenda.now - self._came_at >= COMES_AGAIN_S:
            self._come()
        reacts_to = (seat.state.name, seat.call)
        if reacts_to != self._reacts_to:
            self._reacts_to = reacts_to
            self._react(seat.state)

    def _react(self, state: AgentState) -> None:
        rng = self.rng
        if state is AgentState.RINGING:
            draw = rng.random() if self.world.people.open else 1.0
            if draw > 0.2:
                self._later(rng.choice([rng.uniform(0.1, 3.0), rng.uniform(0.1, 25.0)]), self._ask, "answer")
            elif draw > 0.1:
                self._later(rng.uniform(0.1, 5.0), self._ask, "decline")
        elif state is AgentState.TALKING:
            self._later(rng.expovariate(1 / 40), self._ask, "hang_up")
            if rng.random() < 0.5:
                self._later(
                    rng.uniform(0.5, 10.0), self._misbehave, rng.choice([self._reload, self._stay_away])
                )
        elif state in (AgentState.PAUSED, AgentState.WRAPUP):
            self._later(rng.uniform(0.5, 20.0), self._ask, "ready")

    # -- mischief ---------------------------------------------------------------------------------------------

    def _mischief(self) -> None:
        self._later(self.rng.expovariate(1 / MISCHIEF_S), self._mischief)
        deeds: list[Callable[[], None]] = [
            self._reload,
            self._reload,
            self._silence,
            self._stay_away,
            self._stay_away,
            self._come,
            self._late_good_bye,
            self._edge_dies,
            self._dial,
        ]
        self._misbehave(self.rng.choice(deeds))

    def _misbehave(self, deed: Callable[[], None]) -> None:
        if self.open and "browser" in self.world.faults and not self.world.misfortune.over:
            deed()

    def _leave(self, seconds: float) -> None:
        self.open = self.sends = False
        self._later(seconds, self._come)

    def _told(self, what: str) -> None:
        floor = self.world.floor
        if floor is not None and floor.seat(BROWSER).state is AgentState.TALKING:
            self.world.happened(what)

    def _reload(self) -> None:
        self._told("a browser reloads in a call")
        self._ask("line_away", edge=self.line)
        self._leave(self.rng.uniform(0.2, 4.0))

    def _silence(self) -> None:
        self._leave(self.rng.uniform(1.0, 60.0))

    def _stay_away(self) -> None:
        self._told("a browser stays away in a call")
        self._ask("line_away", edge=self.line)
        self._leave(self.rng.uniform(31.0, 90.0))

    def _late_good_bye(self) -> None:
        self._ask("line_away", edge=self.before)

    def _edge_dies(self) -> None:
        if self.edge.alive:
            self.world.happened("the edge dies")
            self.edge.die()
            self._later(self.rng.choice([0.3, 3.0]), self.edge.revive)

    def _dial(self) -> None:
        self._ask("dial", to=self.rng.choice(["amal", "brahim", "0537000000", "0899000000", "nobody"]))

    # -- the evening ------------------------------------------------------------------------------------------

    def go_home(self) -> None:
        self.open = self.sends = False
        self._ask("logout")
