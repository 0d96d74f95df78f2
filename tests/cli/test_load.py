"""The load generator against a small fake centre, over real loopback sockets."""

from __future__ import annotations

import pytest

from marhaba.cli.load import LoadPlan, run_load, without_audio
from marhaba.cli.load_register import Account, RegistrationError, register
from tests.cli.fake_centre import PASSWORD, REALM, FakeCentre

AGENTS = [(f"agent{n}", PASSWORD) for n in range(4)]


def plan(centre: FakeCentre, **changes: object) -> LoadPlan:
    base: dict[str, object] = {
        "server": (centre.host, centre.port),
        "dialled": "0539000000",
        "agents": AGENTS,
        "calls": 6,
        "rate": 20.0,
        "talk_s": (0.1, 0.2),
        "caller": ("127.0.0.12", 15071),
        "agent": ("127.0.0.13", 15072),
        "audio_ports": (26000, 26010),
    }
    return LoadPlan(**(base | changes))  # type: ignore[arg-type]


def register_agents(load: LoadPlan) -> None:
    register([Account(*pair) for pair in load.agents], server=load.server, local=load.agent, realm=REALM)


def test_every_agent_registers_by_the_stronger_digest_with_the_port_that_will_answer() -> None:
    with FakeCentre() as centre:
        register_agents(plan(centre))
        assert centre.registered == {
            user: (f"sip:{user}@127.0.0.13:15072", ("127.0.0.13", 15072)) for user, _ in AGENTS
        }


def test_a_wrong_password_is_told_at_once() -> None:
    with FakeCentre() as centre, pytest.raises(RegistrationError, match="403"):
        register(
            [Account("agent0", "wrong")],
            server=("127.0.0.1", centre.port),
            local=("127.0.0.13", 15072),
            realm=REALM,
        )


@pytest.mark.parametrize("side", ["caller", "agent"])
def test_every_call_reaches_an_agent_and_ends_whoever_hangs_up(side: str) -> None:
    with FakeCentre() as centre:
        load = plan(centre, hangs_up=side)
        register_agents(load)
        result = run_load(load)
    assert (result.calls, result.failed, result.failures) == (6, 0, {})
    assert len(result.setup_ms) == len(result.answer_ms) == 6
    assert all(0 < setup < answer for setup, answer in zip(result.setup_ms, result.answer_ms, strict=True))
    assert centre.calls == 6


def test_refused_calls_are_counted_with_their_status() -> None:
    with FakeCentre(refuse_every=3) as centre:
        load = plan(centre)
        register_agents(load)
        result = run_load(load)
    assert (result.failed, result.failures) == (2, {"refused-503": 2})


def test_silence_of_the_centre_is_a_failure_with_retransmissions() -> None:
    with FakeCentre() as centre:
        load = plan(centre, calls=2, wait_s_max=0.8)
        port = centre.port
    assert run_load(load).failures == {"no-agent": 2}
    assert port == load.server[1]


def test_audio_is_heard_both_ways_and_nothing_is_lost() -> None:
    with FakeCentre() as centre:
        load = plan(centre, calls=3, talk_s=(1.0, 1.0), audio=True)
        register_agents(load)
        result = run_load(load)
    assert result.failed == 0
    assert result.audio is not None
    assert (result.audio.lost, result.audio.unsent, result.audio.dropped_here) == (0, 0, 0)
    assert without_audio(load, result.audio) == {}
    assert set(result.audio.heard_share) == {f"{side}{n}" for side in "ca" for n in range(3)}


def test_a_centre_that_drops_audio_fails_every_call() -> None:
    with FakeCentre(deaf=True) as centre:
        load = plan(centre, calls=2, talk_s=(0.6, 0.6), audio=True)
        register_agents(load)
        result = run_load(load)
    assert result.failed == 0, "signalling alone was fine"
    assert result.audio is not None
    assert without_audio(load, result.audio) == {"not-heard": 2}
