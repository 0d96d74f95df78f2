"""An asyncio event loop on virtual time: one for each life of a process, all on one agenda.

There is no selector and no thread: sockets are the simulated network's, and what production hands to a thread runs in
place. A process that is killed is a loop that runs nothing more; what its last step still does reaches nobody, because
sockets and files ask `dead` first.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
from asyncio import events
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from marhaba.rehearsal.agenda import Agenda

if TYPE_CHECKING:
    from marhaba.rehearsal.network import Network

CLOSES_MAX = 20
"""A coroutine that is closed may wait again in its `finally`; each wait takes one more close."""
Trouble = Callable[[str], None]


class ProcessLoop(asyncio.AbstractEventLoop):
    """`booted`: what the machine's steady clock shows at the agenda's 0. `on_trouble` hears of every exception that
    nobody in the process caught.
    """

    def __init__(self, agenda: Agenda, network: Network, *, booted: float, on_trouble: Trouble) -> None:
        self.agenda = agenda
        self.dead = False
        self._frozen_until = 0.0
        self._frozen: list[asyncio.Handle] = []  # what waits until the process runs again, in order
        self.signals: dict[int, tuple[Callable[..., object], tuple[Any, ...]]] = {}
        self._network = network
        self._booted = booted
        self._on_trouble = on_trouble
        self._tasks: dict[asyncio.Task[Any], None] = {}

    # -- life -------------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """kill -9: not one step more."""
        self.dead = True
        self._network.process_died(self)
        self.agenda.after(0.0, self.bury)

    def signal(self, number: int) -> None:
        """Deliver a signal the process has a handler for."""
        if number in self.signals:
            self.call_soon(self.signals[number][0], *self.signals[number][1])

    def enter(self, do: Callable[..., object], *args: Any) -> None:
        """Run `do` as a callback of this process."""
        self._run(events.Handle(do, args, self))

    @property
    def tasks(self) -> list[asyncio.Task[Any]]:
        return list(self._tasks)

    def bury(self) -> None:
        """End the coroutines here, not in some later garbage collection."""
        asyncio.set_event_loop(self)  # what a `finally` gathers is this loop's: no new one is made for it
        for task in self._tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 -- it was killed, not lost
            coroutine = task.get_coro()
            for _ in range(CLOSES_MAX):
                try:
                    coroutine.close()
                except BaseException:  # noqa: BLE001, S112 -- the dead say nothing
                    continue
                break
        asyncio.set_event_loop(None)
        self._tasks.clear()

    def _run(self, handle: asyncio.Handle) -> None:
        if self.dead or handle.cancelled():
            return
        if self._frozen_until > self.agenda.now or self._frozen:
            self._frozen.append(handle)
            return
        self._step(handle)

    def freeze(self, until: float) -> None:
        """Nothing of the process runs before."""
        if until > self._frozen_until:
            self._frozen_until = until
            self.agenda.at(until, self._thaw)

    def _thaw(self) -> None:
        if self._frozen_until > self.agenda.now:  # frozen for longer meanwhile
            return
        frozen, self._frozen = self._frozen, []
        for handle in frozen:
            if not self.dead and not handle.cancelled():
                self._step(handle)

    def _step(self, handle: asyncio.Handle) -> None:
        before = events._get_running_loop()  # noqa: SLF001 -- as every event loop does
        events._set_running_loop(self)  # noqa: SLF001
        try:
            handle._run()  # noqa: SLF001 -- what every event loop calls
        finally:
            events._set_running_loop(before)  # noqa: SLF001

    # -- what asyncio asks of a loop --------------------------------------------------------------------------

    def time(self) -> float:
        return self._booted + self.agenda.now

    def is_running(self) -> bool:
        return not self.dead

    def is_closed(self) -> bool:
        return False

    def get_debug(self) -> bool:
        return False

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        handle = events.Handle(callback, args, self, context)
        self.agenda.after(0.0, self._run, handle)
        return handle

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = events.TimerHandle(when, callback, args, self, context)
        moment = when - self._booted
        while self._booted + moment < when:  # rounded: a timer that fires early would be set again and again
            moment = math.nextafter(moment, math.inf)
        self.agenda.at(moment, self._run, handle)
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It stays on the agenda and does nothing there."""

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self,
        coro: Coroutine[Any, Any, Any],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks[task] = None
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        error = None if task.cancelled() else task.exception()
        # Those two are of a connection, and told to whoever awaits it.
        if error is not None and not isinstance(error, ConnectionError | TimeoutError):
            self._on_trouble(f"a task ended with {error!r}")

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self.dead:
            error = context.get("exception")
            self._on_trouble(f"{context.get('message')}: {error!r}{_place(error)}")

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.call_exception_handler(context)

    def add_signal_handler(  # type: ignore[override]
        self, sig: int, callback: Callable[..., object], *args: Any
    ) -> None:
        self.signals[sig] = callback, args

    def remove_signal_handler(self, sig: int) -> bool:
        return self.signals.pop(sig, None) is not None

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """No thread: at once, and the result a step later."""
        future = self.create_future()
        try:
            result = func(*args)
        except Exception as error:  # noqa: BLE001 -- handed to whoever awaits it
            future.set_exception(error)
        else:
            future.set_result(result)
        return future

    # -- sockets ----------------------------------------------------------------------------------------------

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> list[Any]:
        return self._network.look_up(str(host), port)

    async def create_datagram_endpoint(  # type: ignore[override]
        self, protocol_factory: Any, *, sock: Any, **_: Any
    ) -> Any:
        return self._network.open_datagrams(self, protocol_factory(), sock)

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        return self._network.listen(self, protocol_factory, (host, port))

    async def create_unix_server(self, protocol_factory: Any, path: Any = None, **_: Any) -> Any:
        return self._network.listen(self, protocol_factory, str(path))

    async def create_connection(
        self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any
    ) -> Any:
        return await self._connect(protocol_factory, (host, port))

    async def create_unix_connection(self, protocol_factory: Any, path: Any = None, **_: Any) -> Any:
        return await self._connect(protocol_factory, str(path))

    async def _connect(self, protocol_factory: Any, address: Any) -> Any:
        done = self.create_future()
        self._network.connect(self, protocol_factory, address, done)
        return await done


def _place(error: object) -> str:
    """Where an exception was raised: the file and line of its last frame."""
    trace = getattr(error, "__traceback__", None)
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f" ({trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno})"
