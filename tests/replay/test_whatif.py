"""Days that the floor itself wrote, simulated as they were and otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Event
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from marhaba.kernel.errors import BadInput
from marhaba.replay.change import Change
from marhaba.replay.day import Contact, Presence, Recorder
from marhaba.replay.figures import ALL, FIGURES, recorded, simulated, spread
from marhaba.replay.plan import Day, day_from, model_of
from marhaba.replay.whatif import Asked, outside_by_chance, what_if
from marhaba.simulator.model import PerInterval
from marhaba.simulator.model import Recorded as RecordedArrivals
from marhaba.simulator.simulate import MaxReplications, simulate
from tests.replay.journals import events_of, rehearsed
from tests.replay.test_day import LOADED, T

ASKED = Asked(replications=60, seed=7)
TWINS = range(2, 8)
"""Seeds of days that are simulated as they were."""


def day_of(path: Path) -> Day:
    recorder = Recorder()
    for event in events_of(path):
        recorder.see(event)
    recorder.close()
    assert recorder.loaded is not None
    zone = ZoneInfo(recorder.loaded.timezone)
    midnight = datetime.fromtimestamp(recorder.last_at, zone).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    begin = midnight.timestamp()
    return day_from(
        recorder.contacts,
        recorder.presences,
        recorder.loaded,
        recorder.loads,
        span=(begin, begin + 90_000.0),
        learn_from=begin,
    )


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """Three hours of a floor, without faults, among people who miss calls, pause, transfer and hang up."""
    return day_of(rehearsed(4, tmp_path_factory.mktemp("day"), faults=(), minutes=180))


def test_days_of_the_floor_lie_among_their_simulated_twins(tmp_path: Path) -> None:
    """But for the wait of those who were called back: a callback that is not reached is tried again, here it is not.
    Six days, on which somebody pauses or transfers once a minute: the figures of one go together, as its luck does.
    """
    days = [
        day_of(rehearsed(seed, tmp_path / str(seed), faults=(), minutes=180, mischief_s=60.0))
        for seed in TWINS
    ]
    lines, outside = [], []
    for each in days:
        found = what_if(each, Change(), ASKED)
        assert len(each.contacts) > 70
        assert {line.figure for line in found.lines} == {*FIGURES, "occupancy"}
        assert found.differences == []
        assert found.complete
        mine = [line for line in found.lines if line.figure != "asa"]
        lines += mine
        outside += [(line.queue, line.figure) for line in mine if not line.within]
    assert sum(contact.outcome == "abandoned" for each in days for contact in each.contacts) > 200
    assert len(outside) <= outside_by_chance(len(lines)), outside


def test_more_agents_at_an_hour_help_in_that_hour(day: Day) -> None:
    """The mean wait of the answered need not fall: those who would have left are among them now."""
    likes = max(day.presences, key=lambda presence: presence.busy_s)
    begin, end = day.begin + 3_600.0, day.begin + 7_200.0
    change = Change(more=2, skills=likes.skills, queues=likes.queues, begin=begin, end=end)
    found = what_if(day, change, ASKED)
    whole = {line.figure: line.difference for line in found.differences if line.queue == ALL}
    assert whole["level"].mean - whole["level"].half > 0.0
    assert whole["abandonment"].mean + whole["abandonment"].half < 0.0
    assert found.after is not None
    for interval in range(day.intervals):
        before, after = (days.figure("level", ALL, interval) for days in (found.before, found.after))
        if interval < 2:  # what comes later changes nothing
            assert np.array_equal(before, after, equal_nan=True)
        elif interval == 2:
            assert np.nanmean(after) > np.nanmean(before)


def test_a_change_that_is_none_makes_no_difference_at_all(day: Day) -> None:
    name, queue = next((n, q) for n, q in day.loaded.queues.items() if q.rules.strategy.value)
    same = Change(rules=(f"{name}.strategy={queue.rules.strategy.value}",))
    found = what_if(day, same, replace(ASKED, replications=5))
    assert all(
        line.difference.mean == line.difference.high == 0.0
        for line in found.differences
        if line.figure == "offered"
    )
    assert all(abs(line.difference.low) <= 1e-12 for line in found.differences)


def test_the_same_seed_gives_the_same_days_and_another_gives_others(day: Day) -> None:
    short = replace(ASKED, replications=5)
    first, again = (what_if(day, Change(handle_factor=0.9), short) for _ in range(2))
    other = what_if(day, Change(handle_factor=0.9), replace(short, seed=8))
    assert first.differences == again.differences
    assert first.differences != other.differences


def test_the_difference_of_the_same_callers_is_known_better(day: Day) -> None:
    found = what_if(day, Change(handle_factor=0.8), ASKED)
    stranger = what_if(day, Change(handle_factor=0.8), replace(ASKED, seed=99))
    assert found.after is not None
    assert stranger.after is not None
    same = found.after.figure("asa") - found.before.figure("asa")
    others = stranger.after.figure("asa") - found.before.figure("asa")
    assert same.mean() < 0.0
    assert spread(same).half < 0.8 * spread(others).half


def test_without_somebody_there_are_so_many_fewer(day: Day) -> None:
    likes = max(day.presences, key=lambda presence: presence.busy_s).agent
    there = sum(recorded(day).there)
    gone = what_if(day, Change(without=(likes,)), ASKED)
    assert gone.after is not None
    assert gone.after.there.max() < there
    assert (
        gone.after.figure("answered").mean() < gone.before.figure("answered").mean()
    )  # the level may rise: some are sent away
    login = max((p for p in day.presences if p.agent == likes), key=lambda p: min(p.end, day.end) - p.begin)
    begin, back = login.begin + 60.0, login.begin + 120.0
    partly = model_of(day, Change(without=(likes,), begin=begin, end=back))
    shifts = [s for a in partly.agents if a.name.split()[0] == likes for s in a.shifts]
    assert any(shift.end_s == pytest.approx(begin - day.begin) for shift in shifts)
    assert any(shift.start_s == pytest.approx(back - day.begin) for shift in shifts)


def test_another_volume_is_drawn_at_the_days_rates(day: Day) -> None:
    model = model_of(day, Change(volume=1.5), redraw=True)
    came = sum(sum(each.arrivals.counts) for each in model.types if isinstance(each.arrivals, PerInterval))
    assert came == pytest.approx(1.5 * len(day.contacts))
    found = what_if(day, Change(volume=1.5), ASKED)
    assert found.asked.redraw
    offered = {line.queue: line for line in found.differences if line.figure == "offered"}[ALL]
    assert offered.difference.mean > 0.3 * offered.before.mean
    recorded_types = model_of(day, Change()).types
    assert all(isinstance(each.arrivals, RecordedArrivals) for each in recorded_types)


def test_who_is_unknown_is_refused_by_name(day: Day) -> None:
    with pytest.raises(BadInput) as refused:
        model_of(day, Change(without=("nobody",)))
    assert (refused.value.code, refused.value.about["agent"]) == ("not-there", "nobody")


def test_stopped_it_keeps_the_days_that_are_done(day: Day) -> None:
    stopped = Event()

    def stop(name: str, share: float) -> None:
        if name == "day" and share > 0.1:
            stopped.set()

    found = what_if(day, Change(handle_factor=0.9), ASKED, progress=stop, stopped=stopped)
    assert not found.complete
    assert found.after is not None
    assert 2 < len(found.after.busy) == len(found.before.busy) < 60
    begun = Event()
    begun.set()
    with pytest.raises(BadInput) as refused:
        what_if(day, Change(), ASKED, stopped=begun)
    assert refused.value.code == "stopped"


# -- the figures, by hand -----------------------------------------------------------------------------------------


def small(contacts: Sequence[Contact], presences: Sequence[Presence]) -> Day:
    return day_from(contacts, presences, LOADED, [], span=(T, T + 86_400.0), learn_from=T)


def test_the_figures_of_a_small_day_by_hand() -> None:
    """F4, 20 s: of five, one in time, one late, one abandoned early (left out), one late, one sent away: 1/3."""
    contacts = [
        Contact("c1", "accueil", "fr", 0, T + 10.0, "answered", 5.0, handle_s=60.0),
        Contact("c2", "accueil", "fr", 0, T + 20.0, "answered", 50.0, handle_s=60.0),
        Contact("c3", "accueil", "fr", 0, T + 30.0, "abandoned", 8.0),
        Contact("c4", "accueil", "fr", 0, T + 40.0, "abandoned", 30.0),
        Contact("c5", "accueil", "fr", 0, T + 50.0, "voicemail", 0.0),
    ]
    presence = Presence("amal", {"lang:fr": 9}, None, T, T + 1_000.0, [(T + 500.0, T + 700.0)], busy_s=120.0)
    days = recorded(small(contacts, [presence]))
    figures = {name: float(days.figure(name, "accueil")[0]) for name in (*FIGURES, "occupancy")}
    assert figures == pytest.approx(
        {"offered": 4, "level": 1 / 3, "abandonment": 0.5, "asa": 27.5, "away": 1, "occupancy": 0.15}
    )


def test_a_day_without_chance_is_simulated_exactly() -> None:
    """One agent, calls of a minute, nobody gives up: second by second as it was."""
    wait_s = [0.0, 30.0, 60.0, 0.0]
    contacts = [
        Contact(f"c{n}", "accueil", "fr", 0, T + at, "answered", wait, handle_s=60.0)
        for n, (at, wait) in enumerate(zip((1.0, 31.0, 61.0, 601.0), wait_s, strict=True))
    ]
    presence = Presence("amal", {"lang:fr": 9}, None, T, T + 1_000.0, busy_s=240.0)
    day = small(contacts, [presence])
    runs = simulate(model_of(day, Change()), MaxReplications(2)).runs
    levels = {name: queue.service_level for name, queue in LOADED.queues.items()}
    days, truth = simulated(day, runs, levels), recorded(day)
    for figure in ("offered", "level", "abandonment", "asa", "away", "occupancy"):
        assert days.figure(figure) == pytest.approx([truth.figure(figure)[0]] * 2), figure
    faster = simulated(
        day, simulate(model_of(day, Change(handle_factor=0.5)), MaxReplications(2)).runs, levels
    )
    assert faster.figure("asa") == pytest.approx([0.0, 0.0])


def test_a_day_in_progress_counts_nobodys_time_to_come() -> None:
    caller = Contact("c1", "accueil", "fr", 0, T + 10.0, "answered", 0.0, handle_s=60.0)
    there = Presence("amal", {"lang:fr": 9}, None, T, busy_s=60.0)
    day = day_from([caller], [there], LOADED, [], span=(T, T + 86_400.0), learn_from=T, seen_until=T + 600.0)
    assert recorded(day).figure("occupancy") == pytest.approx([0.1])
    runs = simulate(model_of(day, Change()), MaxReplications(1)).runs
    levels = {name: queue.service_level for name, queue in LOADED.queues.items()}
    assert simulated(day, runs, levels).figure("occupancy") == pytest.approx([0.1])


def test_how_many_figures_chance_puts_outside() -> None:
    """1 of 20 on the mean; 19 times in 20 no more than 3 (Binomial(20, 0.05): 0.736 up to 1, 0.925 to 2, 0.984 to 3)."""
    assert [outside_by_chance(count) for count in (0, 1, 10, 20)] == [0, 0, 2, 3]


def test_a_caller_of_another_priority_goes_first() -> None:
    contacts = [
        Contact("c0", "accueil", "fr", 0, T + 5.0, "answered", 0.0, handle_s=100.0),
        Contact("c1", "accueil", "fr", 0, T + 10.0, "answered", 190.0, handle_s=100.0),
        Contact("c2", "accueil", "fr", 5, T + 20.0, "answered", 80.0, handle_s=100.0),
    ]
    day = small(contacts, [Presence("amal", {"lang:fr": 9}, ("accueil",), T, T + 1_000.0)])
    [run] = simulate(model_of(day, Change()), MaxReplications(1), trace=10).runs
    assert [(row["at"], row["type"]) for row in run.trace] == [(5.0, 0), (105.0, 1), (205.0, 0)]
