"""Anything at any moment: callers, agents, keys and hang-ups at random. `Stage` checks what must hold after every turn."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from marhaba.media.protocol import LegSilent, MessageEnded
from marhaba.replay.exact import replay
from tests.floor.stage import Side, Stage
from tests.floor.stage_centre import CENTRE, PHONES

NUMBERS = ["0539000000", "0539000001", "0539000002", "0539000003"]
AGENT = st.sampled_from(sorted(PHONES))
TARGETS = ["accueil", "espagnol", "petite", "brahim", "104", "0537000000", "0033123456789", "nobody"]
SECONDS = st.sampled_from([0.0, 0.005, 0.02, 0.5, 2.0, 7.0, 21.0, 65.0])


class Day(RuleBasedStateMachine):
    centre = CENTRE

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(self.centre)
        self.callers = 0

    @initialize(agents=st.lists(AGENT, unique=True))
    def some_are_there(self, agents: list[str]) -> None:
        for agent in agents:
            self.stage.ask("login", agent=agent)
            self.stage.ask("ready", agent=agent)

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.stage.run(seconds)

    @rule(number=st.sampled_from(NUMBERS))
    def somebody_calls(self, number: str) -> None:
        self.callers += 1
        self.stage.carrier.dial(number, caller=f"06610000{self.callers:02d}")
        self.stage.run(0.05)

    @rule(key=st.sampled_from("12#9"), pick=st.integers(0, 20))
    def a_caller_presses(self, key: str, pick: int) -> None:
        calls = [call for call in self.stage.floor.state.calls.values() if call.caller_leg in self.stage.open]
        if calls:
            self.stage.press(calls[pick % len(calls)], key)

    @rule(agent=AGENT, pick=st.integers(0, 20))
    def a_phone_is_hung_up(self, agent: str, pick: int) -> None:
        self._hang_up(self.stage.phones[agent], pick)

    @rule(pick=st.integers(0, 20))
    def the_carrier_hangs_up(self, pick: int) -> None:
        self._hang_up(self.stage.carrier, pick)

    def _hang_up(self, side: Side, pick: int) -> None:
        if side.legs:
            side.hang_up(side.legs[pick % len(side.legs)])

    @rule(agent=AGENT, answers=st.sampled_from([None, 0.0, 2.0]), code=st.sampled_from([0, 0, 486]))
    def a_phone_changes_its_mind(self, agent: str, answers: float | None, code: int) -> None:
        phone = self.stage.phones[agent]
        phone.auto, phone.code = answers, code

    @rule(answers=st.sampled_from([None, 1.0]), code=st.sampled_from([0, 503]))
    def customers_change_their_mind(self, answers: float | None, code: int) -> None:
        self.stage.carrier.auto, self.stage.carrier.code = answers, code

    @rule(agent=AGENT, direction=st.sampled_from(["sendonly", "sendrecv", "inactive"]))
    def a_phone_holds(self, agent: str, direction: str) -> None:
        if (phone := self.stage.phones[agent]).legs:
            phone.reoffer(direction)

    @rule(agent=AGENT, to=st.sampled_from(["102", "103", "accueil", "0537000000", "x"]))
    def a_phone_transfers(self, agent: str, to: str) -> None:
        if (phone := self.stage.phones[agent]).legs:
            phone.refer(f"sip:{to}@192.0.2.1")

    @rule(
        agent=AGENT,
        dialled=st.sampled_from(["101", "102", "105", "0537000000", "*90101", "*92102", "*99", "0539000001"]),
    )
    def a_phone_dials(self, agent: str, dialled: str) -> None:
        self.stage.phones[agent].dial(dialled, caller=PHONES[agent])
        self.stage.run(0.05)

    @rule(agent=AGENT)
    def a_line_is_nailed_up(self, agent: str) -> None:
        self.stage.phones[agent].dial(self.stage.centre.star_codes.login, caller=PHONES[agent])
        self.stage.run(0.05)

    @rule(
        agent=AGENT,
        do=st.sampled_from(
            [
                "login",
                "logout",
                "ready",
                "wrap_done",
                "hold",
                "resume",
                "join",
                "complete",
                "back",
                "hang_up",
                "record_pause",
                "record_resume",
            ]
        ),
    )
    def an_agent_acts(self, agent: str, do: str) -> None:
        self.stage.ask(do, agent=agent)

    @rule(agent=AGENT, do=st.sampled_from(["transfer", "consult"]), to=st.sampled_from(TARGETS))
    def an_agent_asks_for_somebody(self, agent: str, do: str, to: str) -> None:
        self.stage.ask(do, agent=agent, to=to)

    @rule(agent=AGENT, code=st.sampled_from(["break", "nap"]))
    def an_agent_pauses(self, agent: str, code: str) -> None:
        self.stage.ask("pause", agent=agent, code=code)

    @rule(agent=AGENT, mode=st.sampled_from(["listen", "whisper", "barge"]))
    def a_supervisor_joins(self, agent: str, mode: str) -> None:
        self.stage.ask("supervise", supervisor="laila", agent=agent, mode=mode)

    @rule(pick=st.integers(0, 20))
    def a_line_goes_dead(self, pick: int) -> None:
        legs = sorted(self.stage.open)
        if legs:
            self.stage.media(LegSilent(legs[pick % len(legs)], 61.0))

    @rule(gap_s=st.sampled_from([0.0, 0.02, 0.6, 5.0]))
    def the_floor_dies_and_comes_back(self, gap_s: float) -> None:
        self.stage.restart(gap_s)

    @rule(gap_s=st.sampled_from([0.0, 1.0]))
    def the_media_worker_dies(self, gap_s: float) -> None:
        self.stage.lose_worker(gap_s)

    @rule(why=st.sampled_from(["key", "silence", "length"]))
    def a_message_ends(self, why: str) -> None:
        for name, message in list(self.stage.messages.items()):
            del self.stage.messages[name]
            self.stage.media(MessageEnded(name, message.path, 3.0, why))

    def teardown(self) -> None:
        """Everybody goes home, and nothing is left."""
        stage = self.stage
        stage.carrier.code = 480
        for phone in stage.phones.values():
            phone.auto, phone.code = None, 486
        for side in stage.sides.values():
            for leg in list(side.legs):
                side.hang_up(leg)
        stage.run(1.0)
        for agent in PHONES:
            stage.ask("logout", agent=agent)
        for side in stage.sides.values():
            for leg in list(side.legs):
                side.hang_up(leg)
        stage.run(40.0)
        # Callbacks wait for agents who have gone home.
        waiting = [call for call in stage.floor.state.calls.values() if call.callback]
        assert list(stage.floor.state.calls.values()) == waiting
        if not waiting:
            stage.settled()
        verdict = replay(stage.events)
        assert verdict.difference is None, verdict.difference


class TeamDay(Day):
    """Phones ring together, callers know agents, some agents are kept back."""

    centre = CENTRE.replace(
        "[queues.accueil]\n",
        '[queues.accueil]\nstrategy = "ring-all"\nring_all_max = 3\nlast_agent_s = "5 s"\n',
    ).replace("[queues.espagnol]\n", '[queues.espagnol]\nstrategy = "ring-all"\nkeep = { accueil = 1 }\n')


COMMON = settings(deadline=None, suppress_health_check=list(HealthCheck))


class TestDay(Day.TestCase):
    settings = settings(COMMON, max_examples=40, stateful_step_count=30)


class TestTeamDay(TeamDay.TestCase):
    settings = settings(COMMON, max_examples=40, stateful_step_count=30)


@pytest.mark.long
@pytest.mark.timeout(1800)
class TestManyDays(Day.TestCase):
    settings = settings(COMMON, max_examples=400, stateful_step_count=60)


@pytest.mark.long
@pytest.mark.timeout(1800)
class TestManyTeamDays(TeamDay.TestCase):
    settings = settings(COMMON, max_examples=400, stateful_step_count=60)
