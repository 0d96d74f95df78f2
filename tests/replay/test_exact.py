"""What the floor decided is decided again, offer by offer; what somebody changed is found where it stands."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from marhaba.floor import checkpoint
from marhaba.floor.state import FloorState, apply
from marhaba.journal.events import Event
from marhaba.kernel.errors import Refused
from marhaba.kernel.routing import Routing
from marhaba.rehearsal.plan import draw_plan
from marhaba.replay.exact import Offer, offer_of, replay
from tests.replay.journals import events_of, rehearsed


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """A day without faults: one life of the floor."""
    return events_of(rehearsed(4, tmp_path_factory.mktemp("calm"), faults=(), minutes=8))


def offers(events: list[Event]) -> list[tuple[Event, Offer]]:
    state, found = FloorState(Routing([])), []
    for event in events:
        if (offer := offer_of(state, event)) is not None:
            found.append((event, offer))
        apply(state, event)
    return found


def test_bad_days_are_decided_again_through_crashes_and_changes_of_the_centre(tmp_path: Path) -> None:
    lives = loads = decisions = unreachable = 0
    for seed in range(16):
        path = rehearsed(seed, tmp_path / str(seed), minutes=6)
        events = events_of(path)
        verdict = replay(events)
        assert verdict.difference is None, f"seed {seed}"
        assert verdict.equal == verdict.decisions == len(offers(events))
        assert verdict.events == len(events)
        lives, loads = lives + verdict.lives, loads + verdict.loads
        decisions += verdict.decisions
        unreachable += sum("tried" in event.data for event in events)
    assert lives > 32
    assert loads > 8
    assert decisions > 80
    assert unreachable > 0


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_hundreds_of_bad_days_are_decided_again(tmp_path: Path) -> None:
    for seed in range(1_000, 1_600):
        verdict = replay(events_of(rehearsed(seed, tmp_path / str(seed))))
        assert verdict.difference is None, f"seed {seed}"


def test_a_call_given_to_another_agent_is_found_at_its_event(calm: list[Event]) -> None:
    place = len(offers(calm)) // 2
    event, offer = offers(calm)[place]
    other = "brahim" if offer.agent != "brahim" else "chaimae"
    changed = [msgspec.structs.replace(e, agent_id=other) if e.seq == event.seq else e for e in calm]
    verdict = replay(changed)
    assert verdict.difference is not None
    assert (verdict.difference.seq, verdict.difference.at) == (event.seq, event.at)
    assert verdict.difference.decided == offer
    assert verdict.difference.recorded == Offer(offer.contact, other, offer.queue)
    assert (verdict.decisions, verdict.equal) == (place + 1, place)


def test_an_offer_that_was_left_out_is_found_at_the_end_of_its_moment(calm: list[Event]) -> None:
    found = offers(calm)  # a queue that rings all may leave out a further phone, and no first one
    event, offer = next(now for last, now in pairwise(found) if last[1].contact != now[1].contact)
    before = next(e for e in reversed(calm) if e.at == event.at and e.seq < event.seq)
    verdict = replay([e for e in calm if not (e.at == event.at and e.seq > before.seq)])
    assert verdict.difference is not None
    assert verdict.difference.recorded is None
    assert verdict.difference.decided == offer
    assert verdict.difference.at == event.at


def test_phones_that_ring_at_once_are_decided_again(calm: list[Event]) -> None:
    found = offers(calm)
    further = [
        now for last, now in pairwise(found) if (last[0].at, last[1].contact) == (now[0].at, now[1].contact)
    ]
    event, offer = further[len(further) // 2]
    other = "brahim" if offer.agent != "brahim" else "driss"
    changed = [msgspec.structs.replace(e, agent_id=other) if e.seq == event.seq else e for e in calm]
    verdict = replay(changed)
    assert verdict.difference is not None
    assert (verdict.difference.seq, verdict.difference.decided) == (event.seq, offer)
    without = [e for e in calm if not (e.at == event.at and e.seq >= event.seq)]  # for want of a port
    assert replay(without, end=event.at + 0.001).difference is None


def test_other_rules_decide_otherwise(calm: list[Event]) -> None:
    """The rules are those of the journal: changing them there changes what the kernel says."""
    loaded = next(event for event in calm if event.kind == "centre.loaded")
    agents = {name: {**agent, "skills": {}} for name, agent in loaded.data["agents"].items()}
    foreign = msgspec.structs.replace(loaded, data={**loaded.data, "agents": agents})
    verdict = replay([foreign if event is loaded else event for event in calm])
    assert verdict.difference is not None
    assert verdict.difference.decided is None
    assert verdict.difference.seq == offers(calm)[0][0].seq


def test_from_a_checkpoint_the_rest_is_decided_the_same(calm: list[Event], tmp_path: Path) -> None:
    found = offers(calm)
    for place in (1, len(found) // 2, len(found) - 1):
        at = found[place][0].seq - 1
        state = FloorState(Routing([]))
        for event in calm[:at]:
            apply(state, event)
        path = tmp_path / "state.json"
        checkpoint.write(path, checkpoint.encode(state, seq=at), sync=False)
        restored, seq = checkpoint.restore(path, Routing([]), last_seq=len(calm))
        verdict = replay(calm[seq:], restored)
        assert (verdict.difference, verdict.equal) == (None, len(found) - place)


def test_lots_fall_the_same_through_crashes_changes_and_checkpoints(tmp_path: Path) -> None:
    seeds = [seed for seed in range(80) if draw_plan(seed).variant.values["strategy"] == "random"][:5]
    otherwise = decisions = 0
    for seed in seeds:
        events = events_of(rehearsed(seed, tmp_path / str(seed), faults=("kill", "reload"), minutes=6))
        found = offers(events)
        decisions += len(found)
        for place in range(0, len(found), max(1, len(found) // 4)):
            state, at = FloorState(Routing([])), found[place][0].seq - 1
            for event in events[:at]:
                apply(state, event)
            path = tmp_path / "state.json"
            checkpoint.write(path, checkpoint.encode(state, seq=at), sync=False)
            restored, _ = checkpoint.restore(path, Routing([]), last_seq=len(events))
            verdict = replay(events[at:], restored)
            assert (verdict.difference, verdict.equal) == (None, len(found) - place), f"seed {seed}"
        otherwise += replay([without_lots(event) for event in events]).difference is not None
    assert decisions > 20
    assert otherwise > 0, "nobody drew a lot"


def without_lots(event: Event) -> Event:
    """The rules, with the longest idle where lots were drawn."""
    if event.kind != "centre.loaded":
        return event
    text = msgspec.json.encode(event.data).replace(b'"random"', b'"longest-idle"')
    return msgspec.structs.replace(event, data=msgspec.json.decode(text))


def test_only_the_offers_of_the_period_are_counted(calm: list[Event]) -> None:
    found = offers(calm)
    begin, end = found[1][0].at, found[-1][0].at
    verdict = replay(calm, begin=begin, end=end)
    assert verdict.difference is None
    assert verdict.decisions == sum(begin <= event.at < end for event, _ in found)
    assert begin <= verdict.first_at
    assert verdict.last_at < end


def test_an_offer_that_differs_before_the_period_is_not_looked_at(calm: list[Event]) -> None:
    event, _ = offers(calm)[0]
    begin = next(e.at for e in calm if e.at > event.at)
    changed = [msgspec.structs.replace(e, queue_id="elsewhere") if e is event else e for e in calm]
    assert replay(changed).difference is not None
    assert replay(changed, begin=begin).difference is None


def test_a_journal_that_does_not_tell_the_rules_is_refused(calm: list[Event]) -> None:
    old = [
        msgspec.structs.replace(e, data={"path": "", "digest": ""}) if e.kind == "centre.loaded" else e
        for e in calm
    ]
    with pytest.raises(Refused, match="no event before it tells the rules"):
        replay(old)


def test_nothing_is_no_difference() -> None:
    verdict = replay([])
    assert (verdict.difference, verdict.decisions, verdict.events) == (None, 0, 0)
