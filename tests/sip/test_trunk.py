"""Carriers: registering, refusals, refreshing, keep-alives, credentials and failover."""

from typing import Any

import pytest

from marhaba.sip.events import EndpointSettings, Trunk, TrunkState
from marhaba.sip.message import Request, Response, parse
from marhaba.sip.trunk import FAILURES_DOWN, REFRESH_S_MIN, RETRY_MAX_S, TrunkBoard
from tests.sip.pairs import Wire, answer_to, tokens
from tests.sip.wires import CARRIER, asked, carrier_wire

CHALLENGE = 'WWW-Authenticate: Digest realm="carrier.example", nonce="n", qop="auth", algorithm=SHA-256\n'


def trunk(name: str = "carrier", **more: Any) -> Trunk:
    usual: dict[str, Any] = {"user": "me", "password": "pw", "register": True, "keep_alive_s": 0}
    return Trunk(name, more.pop("host", CARRIER), **{**usual, **more})


def settings(*trunks: Trunk) -> EndpointSettings:
    return EndpointSettings(advertised_host="192.0.2.1", trunks=trunks)


def registering(**more: Any) -> tuple[Wire, Request]:
    wire = carrier_wire(CARRIER, settings(trunk(**more)))
    return wire, asked(wire.wait(0))


def states(wire: Wire) -> list[TrunkState]:
    return wire.of(TrunkState)


def next_register_s(wire: Wire) -> float:
    """Seconds until the carrier is asked again."""
    start = wire.now
    while not (said := [it for it in wire.wait(1.0) if isinstance(it, Request)]):
        assert wire.now - start < 4_000
    assert said[0].method == "REGISTER"
    return wire.now - start


def test_a_registration_says_who_we_are_and_where() -> None:
    _, register = registering(register_s=600)
    assert (str(register.uri), register.headers.get("From").partition(";")[0]) == (
        f"sip:{CARRIER}",
        f"<sip:me@{CARRIER}>",
    )
    assert register.headers.get("To") == f"<sip:me@{CARRIER}>"
    assert register.headers.get("Contact") == "<sip:me@192.0.2.1:5060;transport=udp>"
    assert register.headers.get("Expires") == "600"


@pytest.mark.parametrize(
    ("granted", "seconds"),
    [
        ("Contact: <sip:me@192.0.2.1:5060;transport=udp>;expires=100\n", 80),
        ("Expires: 200\n", 160),
        ("", 240),
        # 10.2.4: the answer lists every binding of the account; the time that counts is that of our own.
        ("Contact: <sip:me@198.51.100.7>;expires=3000, <sip:me@192.0.2.1:5060>;expires=100\n", 80),
        ("Contact: <sip:me@198.51.100.7>;expires=3000\nExpires: 50\n", 40),
        ("Contact: <sip:me@192.0.2.1:5060>;expires=soon\nExpires: 50\n", 40),
        ("Expires: never\n", 240),
        ("Expires: 0\n", REFRESH_S_MIN),
    ],
)
def test_a_registration_is_renewed_after_four_fifths_of_what_was_granted(
    granted: str, seconds: float
) -> None:
    wire, register = registering()
    wire.say(answer_to(register, 200, lines=granted))
    assert states(wire) == [TrunkState("carrier", True, 200, "")]
    assert next_register_s(wire) == pytest.approx(seconds, abs=1.0)


def test_an_account_with_a_domain_is_escaped_in_addresses_and_not_in_credentials() -> None:
    wire, register = registering(user="me@carrier.example")
    assert register.headers.get("Contact") == "<sip:me%40carrier.example@192.0.2.1:5060;transport=udp>"
    again = asked(wire.say(answer_to(register, 401, lines=CHALLENGE)))
    assert 'username="me@carrier.example"' in again.headers.get("Authorization")


def test_renewals_keep_call_id_and_count_up() -> None:
    wire, first = registering()
    wire.say(answer_to(first, 200))
    (second,) = [it for it in wire.wait(240) if isinstance(it, Request)]
    assert (second.call_id, second.from_.tag) == (first.call_id, first.from_.tag)
    assert second.cseq == first.cseq + 1
    wire.say(answer_to(second, 200))
    assert len(states(wire)) == 1


def test_a_carrier_that_refuses_is_asked_ever_more_rarely() -> None:
    wire, register = registering()
    waits = []
    for _ in range(8):
        wire.say(answer_to(register, 403))
        start = wire.now
        while not (said := [it for it in wire.wait(1) if isinstance(it, Request)]):
            assert wire.now - start < 400
        waits.append(round(wire.now - start))
        register = said[0]
    assert waits == [5, 10, 20, 40, 80, 160, 300, RETRY_MAX_S]
    assert states(wire) == [TrunkState("carrier", False, 403, "registration")]
    wire.say(answer_to(register, 200))
    assert states(wire)[-1] == TrunkState("carrier", True, 200, "")


@pytest.mark.parametrize(("said", "seconds"), [("60", 60), ("60 (busy);duration=5", 60), ("1", 5), ("x", 5)])
def test_a_carrier_may_say_when_to_ask_again(said: str, seconds: float) -> None:
    wire, register = registering()
    wire.say(answer_to(register, 503, lines=f"Retry-After: {said}\n"))
    assert next_register_s(wire) == pytest.approx(seconds, abs=1.0)


def test_a_silent_carrier_is_down_and_comes_back() -> None:
    wire, _ = registering()
    wire.wait(32)
    assert states(wire) == [TrunkState("carrier", False, 408, "registration")]
    assert not wire.endpoint.trunk_up("carrier")
    again = next(it for it in wire.wait(6) if isinstance(it, Request))
    wire.say(answer_to(again, 200))
    assert wire.endpoint.trunk_up("carrier")


def test_wrong_credentials_are_shown_once_a_try() -> None:
    wire, register = registering()
    again = asked(wire.say(answer_to(register, 401, lines=CHALLENGE)))
    assert 'username="me"' in again.headers.get("Authorization")
    assert wire.say(answer_to(again, 401, lines=CHALLENGE)) == []
    assert states(wire) == [TrunkState("carrier", False, 401, "registration")]


def test_a_proxy_is_shown_credentials_in_its_own_header() -> None:
    wire, register = registering()
    again = asked(wire.say(answer_to(register, 407, lines=CHALLENGE.replace("WWW-", "Proxy-"))))
    assert again.headers.get("Proxy-Authorization").startswith("Digest ")
    assert "Authorization" not in again.headers


@pytest.mark.parametrize("more", [{"user": ""}, {"realm": "other.example"}])
def test_credentials_are_not_shown_to_a_challenge_that_is_not_ours(more: dict[str, str]) -> None:
    wire, register = registering(**more)
    assert wire.say(answer_to(register, 401, lines=CHALLENGE)) == []
    assert states(wire) == [TrunkState("carrier", False, 401, "registration")]


def test_a_longer_registration_is_asked_for_when_ours_is_too_short() -> None:
    wire, register = registering()
    longer = asked(wire.say(answer_to(register, 423, lines="Min-Expires: 900\n")))
    assert longer.headers.get("Expires") == "900"
    wire.say(answer_to(longer, 200))
    assert next_register_s(wire) == pytest.approx(720, abs=1.0)


def test_a_carrier_may_ask_for_credentials_first_and_for_a_longer_time_then() -> None:
    """And for credentials again: the longer request is a new one."""
    wire, register = registering()
    second = asked(wire.say(answer_to(register, 401, lines=CHALLENGE)))
    third = asked(wire.say(answer_to(second, 423, lines="Min-Expires: 900\n")))
    fourth = asked(wire.say(answer_to(third, 401, lines=CHALLENGE)))
    assert fourth.headers.get("Expires") == "900"
    wire.say(answer_to(fourth, 200))
    assert wire.endpoint.trunk_up("carrier")
    later = asked([it for it in wire.wait(721) if isinstance(it, Request)][:1])
    assert later.headers.get("Expires") == "900"


@pytest.mark.parametrize("least", ["", "x", "300", "99999999"])
def test_a_423_that_asks_for_nothing_longer_is_a_refusal(least: str) -> None:
    wire, register = registering()
    assert wire.say(answer_to(register, 423, lines=f"Min-Expires: {least}\n" if least else "")) == []
    assert states(wire) == [TrunkState("carrier", False, 423, "registration")]


# -- keep-alive ---------------------------------------------------------------------------------------------------


def test_one_lost_keep_alive_is_weather_two_are_an_outage() -> None:
    board = TrunkBoard(settings(trunk(register=False, keep_alive_s=30)), tokens("b"))
    for miss in range(1, FAILURES_DOWN + 1):
        ((name, request, _),) = board.due(100.0 * miss)
        assert request.method == "OPTIONS"
        assert board.response(100.0 * miss, name, request, None) == []
        assert board.is_up(name) is (miss < FAILURES_DOWN)
    assert board.events == [TrunkState("carrier", False, 408, "no answer")]


@pytest.mark.parametrize(("status", "up"), [(200, True), (404, True), (501, True), (503, False)])
def test_any_answer_but_503_means_that_somebody_is_there(status: int, up: bool) -> None:
    wire = carrier_wire(CARRIER, settings(trunk(register=False, keep_alive_s=30)))
    for _ in range(FAILURES_DOWN):
        wire.say(answer_to(asked(wire.wait(0)), status))
        wire.now += 30
    assert wire.endpoint.trunk_up("carrier") is up
    assert [(state.up, state.code) for state in states(wire)] == [(up, status)]


def test_a_carrier_that_answers_but_has_not_registered_us_is_not_up() -> None:
    board = TrunkBoard(settings(trunk(keep_alive_s=30)), tokens("b"))
    sent = {request.method: request for _, request, _ in board.due(0.0)}
    refused, alive = (
        parse(answer_to(sent[method], code)) for method, code in (("REGISTER", 403), ("OPTIONS", 200))
    )
    assert isinstance(refused, Response)
    assert isinstance(alive, Response)
    board.response(0.0, "carrier", sent["REGISTER"], refused)
    board.response(0.0, "carrier", sent["OPTIONS"], alive)
    assert not board.is_up("carrier")


def test_nothing_is_asked_twice_while_the_answer_is_awaited() -> None:
    board = TrunkBoard(settings(trunk(keep_alive_s=30)), tokens("b"))
    assert len(board.due(0.0)) == 2
    assert board.due(1_000.0) == []
    assert board.next_due() is None


# -- which carrier ------------------------------------------------------------------------------------------------


def test_the_first_carrier_that_is_up_is_picked() -> None:
    first, second = (
        trunk("first", register=False, keep_alive_s=30),
        trunk("second", register=False, host="203.0.113.9"),
    )
    board = TrunkBoard(settings(first, second), tokens("b"))
    assert board.pick(["first", "second"]) == "first"
    for now in (0.0, 100.0):
        for name, request, _ in board.due(now):
            if name == "first":
                board.response(now, name, request, None)
    assert board.pick(["first", "second"]) == "second"
    assert board.pick(["first"]) == ""
    assert board.pick(["nobody"]) == ""


def test_an_answer_for_a_carrier_that_was_taken_away_is_ignored() -> None:
    board = TrunkBoard(settings(trunk()), tokens("b"))
    ((_, request, _),) = board.due(0.0)
    board.reconfigure(1.0, settings())
    answer = parse(answer_to(request, 200))
    assert isinstance(answer, Response)
    assert board.response(1.0, "carrier", request, answer) == []
    assert board.events == []


def test_an_answer_to_what_a_carrier_was_asked_before_it_changed_is_ignored() -> None:
    board = TrunkBoard(settings(trunk()), tokens("b"))
    ((_, request, _),) = board.due(0.0)
    board.reconfigure(1.0, settings(trunk(password="another")))
    answer = parse(answer_to(request, 403))
    assert isinstance(answer, Response)
    assert board.response(1.0, "carrier", request, answer) == []
    assert board.events == []
    assert board.next_due() == 1.0


def test_an_unchanged_carrier_keeps_its_registration() -> None:
    board = TrunkBoard(settings(trunk()), tokens("b"))
    ((_, request, _),) = board.due(0.0)
    answer = parse(answer_to(request, 200))
    assert isinstance(answer, Response)
    board.response(0.0, "carrier", request, answer)
    due = board.next_due()
    board.reconfigure(1.0, settings(trunk(), trunk("second")))
    assert [name for name, _, _ in board.due(1.0)] == ["second"]
    assert board.next_due() == due


@pytest.mark.parametrize(
    ("host", "hosts", "address", "known"),
    [
        (CARRIER, (), CARRIER, True),
        ("sip.carrier.example", (), "sip.carrier.example", False),
        ("sip.carrier.example", ("203.0.113.6",), "203.0.113.6", True),
        (CARRIER, ("203.0.113.6",), "203.0.113.7", False),
    ],
)
def test_a_carrier_is_known_by_address_and_never_by_name(
    host: str, hosts: tuple[str, ...], address: str, known: bool
) -> None:
    board = TrunkBoard(settings(trunk(host=host, hosts=hosts)), tokens("b"))
    assert (board.by_address(address) is not None) is known
