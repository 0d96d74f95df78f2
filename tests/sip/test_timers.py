from __future__ import annotations

from marhaba.sip.timers import COMPACT_ABOVE, Timers


def test_timers_fire_in_order_and_ties_in_the_order_they_were_set() -> None:
    timers, fired = Timers(), []
    for name, at in (("late", 2.0), ("first of a tie", 1.0), ("second of a tie", 1.0)):
        timers.set(at, lambda now, name=name: fired.append((now, name)))
    assert timers.next() == 1.0
    timers.run(1.5)
    assert fired == [(1.5, "first of a tie"), (1.5, "second of a tie")]
    timers.run(2.0)
    assert fired[2:] == [(2.0, "late")]
    assert timers.next() is None
    assert timers.live == 0


def test_a_cancelled_timer_never_fires_and_is_not_waited_for() -> None:
    timers, fired = Timers(), []
    first = timers.set(1.0, fired.append)
    timers.set(2.0, fired.append)
    first.cancel()
    first.cancel()
    assert timers.live == 1
    assert timers.next() == 2.0
    timers.run(5.0)
    assert fired == [5.0]
    first.cancel()
    assert timers.live == 0


def test_a_timer_set_for_the_past_while_others_fire_fires_in_the_same_run() -> None:
    timers, fired = Timers(), []
    timers.set(1.0, lambda now: timers.set(0.5, fired.append) and None)
    timers.run(1.0)
    assert fired == [1.0]


def test_cancelled_timers_do_not_pile_up() -> None:
    timers = Timers()
    for n in range(10 * COMPACT_ABOVE):
        timers.set(1e6 + n, lambda now: None).cancel()
    assert timers.live == 0
    assert len(timers._heap) <= COMPACT_ABOVE + 1
