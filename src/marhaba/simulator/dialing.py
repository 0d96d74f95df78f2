"""Numbers dialled for agents who are about to be free of inbound contacts: as many as are worth it, and no more."""

from __future__ import annotations

from marhaba.simulator import world as w_
from marhaba.simulator.agenda import DIAL_ENDS, schedule
from marhaba.simulator.chance import uniform
from marhaba.simulator.compiled import compiled, twin
from marhaba.simulator.laws import draw
from marhaba.simulator.world import World

kernel = twin("marhaba.kernel.matching")


@compiled
def dial_all(w: World) -> None:
    """An agent is done, and nobody waits for him."""
    w.clock[0].freed = 0
    for number in range(len(w.dialers)):
        dial(w, number)


@compiled
def dial(w: World, number: int) -> None:
    """What the dialer's rule says now: `ratio` numbers for each agent ready for the queue, less those that ring."""
    clock, dialer = w.clock[0], w.dialers[number]
    if dialer.type < 0 or not dialer.from_s <= clock.now < dialer.until_s:
        return
    ready = kernel.ready_for(w.t, w.types[dialer.type].class_)
    if ready < dialer.ready_least or _free(w, number) < dialer.free_least:
        return
    for _ in range(int(dialer.ratio * ready + 0.5) - dialer.dialling):
        dialer.number += 1
        dialer.dialling += 1
        w.counts[dialer.type, clock.period, w_.DIALLED] += 1.0
        seconds = draw(w.laws, w.law_values, dialer.dial, w.keys[dialer.type, w_.P_DIAL], dialer.number)
        schedule(w, clock.now + seconds, DIAL_ENDS, dialer.number, number)


@compiled
def picks_up(w: World, number: int, serial: int) -> bool:
    """Whether the number that has just been dialled is answered."""
    clock, dialer = w.clock[0], w.dialers[number]
    dialer.dialling -= 1
    share: float = w.dial_reach[number, clock.period]
    return uniform(w.keys[dialer.type, w_.P_PICKS_UP], serial) < share


@compiled
def _free(w: World, number: int) -> int:
    """Idle agents among those whom the dialer counts."""
    free = 0
    for place in range(len(w.units)):
        unit = w.units[place]
        if w.dial_counts[number, unit.of] > 0:
            free += unit.here - unit.busy
    return free
