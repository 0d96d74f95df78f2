"""The floor as a process: one event loop that owns the endpoint, the media clients, the journal and the socket.

Everything that happens becomes a turn (see `floor.floor`). The turn's events go to the journal's writer; what the turn
wants to send waits in `_held` until they are committed, and leaves in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from marhaba import __version__
from marhaba.centre import load_centre
from marhaba.floor import checkpoint, dispatch, legs, lines, offering
from marhaba.floor.actions import act
from marhaba.floor.agents import log_in, ready
from marhaba.floor.board import board
from marhaba.floor.control import ControlServer
from marhaba.floor.floor import EDGE, Floor, Worker
from marhaba.floor.machine import Machine
from marhaba.floor.recovery import recover
from marhaba.floor.reload import tell_loaded
from marhaba.floor.state import apply
from marhaba.floor.today import Today
from marhaba.journal.events import Event
from marhaba.journal.journal import Journal
from marhaba.kernel.messages import Ask, Reply
from marhaba.kernel.routing import AgentState, Routing
from marhaba.media import edge_protocol as edge
from marhaba.media.client import MediaClient
from marhaba.media.framing import edge_event_reader, event_reader
from marhaba.media.library import PromptLibrary
from marhaba.media.protocol import AnyEvent, AskStats, Command, Welcome
from marhaba.sip.asyncio.driver import SipDriver
from marhaba.sip.endpoint import Endpoint
from marhaba.sip.events import Send

log = logging.getLogger("marhaba.floor")

BOARD_EVERY_S = 0.5
"""The board is looked at twice a second: what changes with time alone."""
BOARD_SOON_S = 0.1
BOARD_SHARE = 0.05
"""Of the floor's time for boards. An event is on the board a tenth of a second later; in a house whose board takes
long to draw, later."""
QUIET_S = 0.1
"""Events nobody outside waits for (an agent's wrap-up is over, a leg's figures) are written with the next ones, at the
latest after this: a commit costs more than all the rest of such a turn."""
STEPPED_S = 1.0
"""The wall clock was set when it moved by more than that against the steady one; else it is only kept in pace."""
SPENT_S = 3 * 3600.0
"""How far back a start looks for outside calls that count into the last hour's money."""
STATS_EVERY_S = 5.0
"""How often media workers are asked for their figures."""
CHECKPOINT_EVENTS = 20_000
CHECKPOINT_S = 300.0
"""A checkpoint is written after so many events, or after so long when there was any: a start replays no more."""
ASK_WAIT_S = 5.0
"""How long an action waits for the journal before it is told that it cannot be written."""
WORKERS_WAIT_S = 5.0
"""How long a starting floor waits for its media workers before it goes on without the missing ones."""


@dataclass(slots=True)
class Held:
    """What a turn wants to send, until its events are committed."""

    sends: list[Send]
    media: list[tuple[str, Command | edge.EdgeCommand]]
    committed: bool = False
    events: list[Event] = field(default_factory=list)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)


class FloorProcess:
    def __init__(self, config: Path, machine: Machine | None = None) -> None:
        self.config = config
        self.machine = machine or Machine()
        self.centre = load_centre(config)
        self.folder = self.centre.data_folder
        self._held: deque[Held] = deque()
        self._quiet: list[Event] = []  # happened, not given to the journal yet
        self._quiet_timer: asyncio.TimerHandle | None = None
        self._seq = self._checkpoint_seq = 0  # last event written, and the one the checkpoint holds up to
        self._checkpoint_at = self.machine.steady()
        self._closing = False
        self._checkpointing: asyncio.Task[None] | None = None
        self._clients: dict[str, MediaClient[AnyEvent]] = {}
        self._edge: MediaClient[edge.AnyEdgeEvent] | None = None
        self._edge_lines: frozenset[str] | None = None
        self._found: dict[str, Welcome] = {}
        self._welcomed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        self._board_timer: asyncio.TimerHandle | None = None
        self._board_at = self._board_cost = 0.0
        self._in_turn = False
        self._ready = False
        self._reload_wanted = False
        self._early: list[tuple[str, AnyEvent]] = []
        self._stop = asyncio.Event()

    # -- life -------------------------------------------------------------------------------------------------

    async def run(self, *, started: Callable[[], None] | None = None) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        loop.add_signal_handler(signal.SIGINT, self._close)
        loop.add_signal_handler(signal.SIGHUP, self._reload_on_signal)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.centre.recordings_folder / "voicemail").mkdir(parents=True, exist_ok=True, mode=0o700)
        journal = self.machine.open_journal(self.folder / "journal.sqlite")
        self.writer = self.machine.start_writer(
            journal, call_soon=loop.call_soon_threadsafe, on_trouble=self._journal_trouble
        )
        self._build(journal)
        driver = self._driver()
        self.driver = driver
        control = ControlServer(self.folder / "run" / "floor.sock", self._ask, lambda: board(self.floor))
        self.control = control
        await self._connect_media()
        self._recover()
        async with driver:
            self._ready = True
            for name, kept in self._early:
                self._media_event(name, kept)
            if self._edge_lines is not None:
                self._edge_told(self._edge_lines)
            self.machine.settle()
            await control.start()
            self._schedule()
            if self._reload_wanted:
                self._reload_on_signal()
            if started is not None:
                started()
            board_task = asyncio.ensure_future(self._push_board())
            try:
                await self._stop.wait()
            finally:
                board_task.cancel()
                if self._closing:
                    self.turn(self._end_calls)
                self.turn(lambda: self.floor.emit("floor.stopped"))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._written(), ASK_WAIT_S)
                    await self._checkpoint()
                await control.close()
                await asyncio.to_thread(self.writer.close)

    def _build(self, journal: Journal) -> None:
        """State from the journal, and the objects around it."""
        centre = self.centre
        state, seq = checkpoint.restore(self.folder / "state.json", Routing([]), last_seq=journal.last_seq)
        today = Today(centre)
        self._seq = self._checkpoint_seq = seq
        for event in journal.read(after_seq=seq):
            apply(state, event)
            self._seq = event.seq
        self._after_crash = state.running
        self.endpoint = Endpoint(centre.endpoint_settings(), self.machine.token)
        self._load_registrar()
        self.floor = Floor(
            centre=centre,
            state=state,
            endpoint=self.endpoint,
            prompts=PromptLibrary(centre.prompts_folder),
            today=today,
            token=self.machine.token,
        )
        wall = self.machine.wall()
        midnight = today.midnight(wall)
        for event in journal.read(after_seq=journal.seq_at(min(midnight, wall - SPENT_S))):
            self.floor.see_spending(event)
            if event.at >= midnight:
                today.see(event)
        # The steady clock never runs behind the journal, whatever happened to the wall clock meanwhile.
        self._anchor = max(wall, state.at) - self.machine.steady()
        self._clock()

    def _driver(self) -> SipDriver:
        """Listens where the centre says; TLS with its own certificate."""
        sip = self.centre.sip
        context: ssl.SSLContext | None = None
        if sip.tls_port and sip.certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(sip.certificate, sip.key)
        return SipDriver(
            self.endpoint,
            udp=(sip.host, sip.udp_port),
            tcp=(sip.host, sip.tcp_port) if sip.tcp_port else None,
            tls=(sip.host, sip.tls_port) if context is not None else None,
            tls_server=context,
            on_turn=self._sip_turn,
            bind_udp=self.machine.bind_udp,
        )

    def _clock(self) -> None:
        self.floor.now = self._anchor + self.machine.steady()
        offset = self.machine.wall() - self.floor.now
        if abs(offset - self.floor.wall_offset) > STEPPED_S:
            self.floor.reroute = True  # a queue may be closed by now
        self.floor.wall_offset = offset
        self.floor.sip_offset = asyncio.get_running_loop().time() - self.floor.now

    def _recover(self) -> None:
        died_at = self.floor.state.at

        def begin() -> None:
            floor = self.floor
            floor.emit("floor.started", version=__version__, after_crash=self._after_crash)
            tell_loaded(floor, self.centre, path=str(self.config))
            recover(floor, self._found, died_at)
            for agent in floor.centre.agents.values():
                if agent.ready_on_start and floor.seat(agent.id).state is AgentState.LOGGED_OUT:
                    log_in(floor, agent.id, how="start")
                    ready(floor, agent.id)

        self.turn(begin)

    # -- turns ------------------------------------------------------------------------------------------------

    def turn(self, work: Callable[[], None]) -> None:
        """Do `work` at the floor, then everything that follows from it, then commit, then send."""
        if self._in_turn:  # called from within (a send that failed at once): it belongs to this turn
            work()
            return
        self._in_turn = True
        try:
            self._clock()
            work()
            dispatch.follow(self.floor)
        finally:
            self._in_turn = False
        self._finish()

    def _finish(self) -> None:
        turn, sends = self.floor.take_turn(), self.endpoint.take_sends()
        for event in turn.events:
            self.floor.today.see(event)
        self._quiet += turn.events
        if sends or turn.media:
            if self._quiet:
                self._submit(sends, turn.media)
            elif self._held:
                last = self._held[-1]
                last.sends.extend(sends)
                last.media.extend(turn.media)
            else:
                self._release(sends, turn.media)
        elif self._quiet and self._quiet_timer is None:
            self._quiet_timer = asyncio.get_running_loop().call_later(QUIET_S, self._submit, [], [])
        self._schedule()

    def _submit(self, sends: list[Send], media: list[tuple[str, Command | edge.EdgeCommand]]) -> None:
        """Give the journal what happened; `sends` and `media` leave when it is written."""
        if self._quiet_timer is not None:
            self._quiet_timer.cancel()
            self._quiet_timer = None
        events, self._quiet = self._quiet, []
        held = Held(sends, media, events=events)
        self._held.append(held)
        self.writer.submit(events, lambda numbered: self._committed(held, numbered))

    @property
    def all_written(self) -> bool:
        """Whether the journal holds everything that happened."""
        return not self._held and not self._quiet

    async def _written(self) -> None:
        """Wait until everything that happened so far is in the journal."""
        if self._quiet:
            self._submit([], [])
        if self._held:
            done = asyncio.get_running_loop().create_future()
            self._held[-1].waiting.append(done)
            await done

    def _committed(self, held: Held, numbered: list[Event]) -> None:
        held.committed = True
        if numbered:
            self._seq = numbered[-1].seq
        while self._held and self._held[0].committed:
            done = self._held.popleft()
            self._release(done.sends, done.media)
            if done.events and self.control.watched:
                self.control.push_events(done.events)
                self._push_board_soon()
            for waiting in done.waiting:
                if not waiting.done():
                    waiting.set_result(None)

    def _release(self, sends: list[Send], media: list[tuple[str, Command | edge.EdgeCommand]]) -> None:
        for worker, command in media:
            if worker == EDGE:
                if self._edge is not None:
                    self._edge.send(command)
            elif (client := self._clients.get(worker)) is not None:
                client.send(command)
        if sends:
            self.driver.send_all(sends)

    def _schedule(self) -> None:
        """One timer of the loop for the floor's next timer; the driver keeps the endpoint's."""
        when = self.floor.next_timer()
        if when is None or not self._ready:
            return
        at = when + self.floor.sip_offset
        if self._timer is not None:
            if self._timer_at <= at and not self._timer.cancelled():
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = asyncio.get_running_loop().call_at(at, self._wake)

    def _wake(self) -> None:
        self._timer, self._timer_at = None, float("inf")
        self.turn(lambda: None)

    # -- inputs -----------------------------------------------------------------------------------------------

    def _sip_turn(self) -> None:
        self.turn(lambda: None)

    async def _ask(self, ask: Ask) -> Reply:
        if ask.do == "reload":
            return self._reload()
        if ask.do == "stop":
            self._stop.set()
            return Reply(ok=True)
        replies: list[Reply] = []
        self.turn(lambda: replies.append(act(self.floor, ask)))
        try:
            await asyncio.wait_for(self._written(), ASK_WAIT_S)
        except TimeoutError:
            return Reply(ok=False, code="not-written", message="the journal cannot be written")
        return replies[0]

    def _close(self) -> None:
        """The house closes: SIGINT. After SIGTERM calls are left to the floor that comes next."""
        self._closing = True
        self._stop.set()

    def _end_calls(self) -> None:
        """Callers first, so that nobody looks for another agent for one who is gone."""
        for leg in sorted(self.floor.state.legs.values(), key=lambda leg: leg.role != "caller"):
            if not leg.ended:
                legs.close(self.floor, leg.id, reason="stopped")

    def _reload_on_signal(self) -> None:
        if not self._ready:  # the file that is being started with was read before the signal
            self._reload_wanted = True
            return
        reply = self._reload()
        log.warning("reload: %s", "done" if reply.ok else reply.message)

    def _reload(self) -> Reply:
        """Read centre.toml again. A file that is wrong changes nothing; calls in progress are never touched."""
        from marhaba.floor.reload import reload  # noqa: PLC0415 -- only on demand

        return reload(self)

    # -- media ------------------------------------------------------------------------------------------------

    async def _connect_media(self) -> None:
        for number in range(self.centre.media.workers):
            name = f"media-{number}"
            client = MediaClient(
                self.folder / "run" / f"{name}.sock",
                reader=event_reader,
                on_event=partial(self._media_event, name),
                on_lost=partial(self._media_lost, name),
            )
            self._clients[name] = client
            client.start()
        if self.centre.web is not None:
            self._edge = MediaClient(
                self.folder / "run" / edge.SOCKET,
                reader=edge_event_reader,
                on_event=self._edge_event,
                on_lost=lambda: self._edge_told(frozenset()),
            )
            self._edge.start()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._welcomed.wait(), WORKERS_WAIT_S)

    def _media_event(self, name: str, event: AnyEvent) -> None:
        if isinstance(event, Welcome):
            self._welcome(name, event)
        elif not self._ready:  # what the worker kept for us is about calls that are not taken up yet
            self._early.append((name, event))
        else:
            self.turn(lambda: dispatch.media_event(self.floor, name, event))

    def _edge_event(self, event: edge.AnyEdgeEvent) -> None:
        if isinstance(event, edge.EdgeWelcome):
            self._edge_told(frozenset(event.lines))

    def _edge_told(self, known: frozenset[str]) -> None:
        """Which browser lines there are: none, when the edge is gone."""
        self._edge_lines = known
        if self._ready and not self._stop.is_set():
            self.turn(lambda: lines.edge_met(self.floor, known))

    def _welcome(self, name: str, event: Welcome) -> None:
        worker = Worker(name, event.host, list(event.ports_free))
        self._found[name] = event
        if self._ready:  # a worker that came (back) later: its predecessor's legs are gone already
            self.turn(lambda: self._worker_back(worker))
        else:
            dispatch.worker_up(self.floor, worker)
            if len(self.floor.workers) == self.centre.media.workers:
                self._welcomed.set()

    def _worker_back(self, worker: Worker) -> None:
        dispatch.worker_up(self.floor, worker)
        if f"media:{worker.name}" in self.floor.state.alarms:
            self.floor.emit("alarm.cleared", alarm=f"media:{worker.name}")
        offering.route(self.floor)

    def _media_lost(self, name: str) -> None:
        # What still waits for the journal was meant for the dead: its successor must not open a leg nobody knows.
        for held in self._held:
            held.media = [(worker, command) for worker, command in held.media if worker != name]
        if not self._ready:  # a start still waits for the others: its legs are gone when calls are taken up
            self._found.pop(name, None)
            self.floor.workers.pop(name, None)
            self._early = [(worker, event) for worker, event in self._early if worker != name]
        elif not self._stop.is_set():
            self.turn(lambda: dispatch.worker_lost(self.floor, name))

    # -- housekeeping -----------------------------------------------------------------------------------------

    def _push_board_soon(self) -> None:
        if self._board_timer is not None:
            return
        loop = asyncio.get_running_loop()
        wait = max(BOARD_SOON_S, self._board_cost / BOARD_SHARE)
        self._board_timer = loop.call_at(max(loop.time(), self._board_at + wait), self._push_board_now)

    def _push_board_now(self) -> None:
        self._board_timer, self._board_at = None, asyncio.get_running_loop().time()
        begin = self.machine.steady()
        self.control.push_board()
        self._board_cost = self.machine.steady() - begin

    async def _push_board(self) -> None:
        day, told = self.floor.today.midnight(self.machine.wall()), self.machine.steady()
        while True:
            await asyncio.sleep(BOARD_EVERY_S)
            if self._board_timer is None:
                self._push_board_now()
            self._save_registrar()
            self._checkpoint_when_due()
            if self.machine.steady() - told >= STATS_EVERY_S:
                told = self.machine.steady()
                for client in self._clients.values():
                    client.send(AskStats())
            if (today := self.floor.today.midnight(self.machine.wall())) != day:
                day = today
                self.floor.today.clear()

    def _checkpoint_when_due(self) -> None:
        events = self._seq - self._checkpoint_seq
        long_ago = self.machine.steady() - self._checkpoint_at > CHECKPOINT_S
        idle = self._checkpointing is None or self._checkpointing.done()
        if idle and (events >= CHECKPOINT_EVENTS or (events and long_ago)):
            self._checkpointing = asyncio.ensure_future(self._checkpoint())

    async def _checkpoint(self) -> None:
        """Between two turns, when all that happened is written, the state is that of the last event."""
        while not self.all_written:
            await self._written()
        self._checkpoint_seq, self._checkpoint_at = self._seq, self.machine.steady()
        blob = checkpoint.encode(self.floor.state, seq=self._seq)
        try:
            await asyncio.to_thread(self.machine.replace_file, self.folder / "state.json", blob)
        except OSError as error:  # the journal holds it all: only the next start takes longer
            log.warning("no checkpoint: %s", error)

    def _journal_trouble(self, trouble: str) -> None:
        if trouble:
            self.turn(lambda: self.floor.emit("alarm.raised", alarm="journal", detail=trouble))
        elif "journal" in self.floor.state.alarms:
            self.turn(lambda: self.floor.emit("alarm.cleared", alarm="journal"))

    def _load_registrar(self) -> None:
        path = self.folder / "registrar.json"
        if path.exists():
            self.endpoint.registrar.load(path.read_bytes())

    def _save_registrar(self) -> None:
        """Bindings survive a restart, so that agents ring again before their phones register anew."""
        if not self.floor.phones_moved:
            return
        try:
            dump = self.endpoint.registrar.dump()
            self.machine.replace_file(self.folder / "registrar.json", dump, sync=False)
        except OSError as error:  # tried again with the next board; a restart finds the older ones
            log.warning("bindings of phones not saved: %s", error)
        else:
            self.floor.phones_moved = False


def serve_floor(config: Path, *, started: Callable[[], None] | None = None) -> None:
    """Run the floor until SIGTERM (its calls go on without it) or SIGINT (they end)."""
    import uvloop  # noqa: PLC0415 -- optional: absent on Windows

    uvloop.run(FloorProcess(config).run(started=started))
