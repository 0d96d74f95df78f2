from __future__ import annotations

import pytest

from marhaba.sip.events import Flow
from marhaba.sip.message import Request, Response, parse
from marhaba.sip.timers import Timers
from marhaba.sip.transaction import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    SERVER,
    Table,
    Transactions,
    same_stream,
    server_key,
)

UDP = Flow("udp", "192.0.2.1", 5060, "192.0.2.2", 5060)
TCP = Flow("tcp", "192.0.2.1", 5060, "192.0.2.2", 5060, connection=7)
DOUBLING = [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]  # timer A, RFC 3261 17.1.1.2
EVERY_T2 = [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]  # timers E and G, 17.1.2.2 and 17.2.1


class Bench:
    """Transactions with a clock of their own; `sent` holds (time, bytes), `told` what the user heard."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers = Timers()
        self.sent: list[tuple[float, bytes]] = []
        self.told: list[object] = []
        self.it = Transactions(self.timers, self._send, t1=0.5, t2=4.0, t4=5.0)

    def _send(self, data: bytes, flow: Flow) -> None:
        self.sent.append((self.now, data))

    def run(self, until: float) -> None:
        while (at := self.timers.next()) is not None and at <= until:
            self.now = at
            self.timers.run(at)
        self.now = until

    def ask(self, method: str = "INVITE", flow: Flow = UDP) -> None:
        self.it.request(
            self.now,
            branch="z9hG4bKa",
            method=method,
            data=method.encode(),
            flow=flow,
            tell=lambda now, heard, source: self.told.append(
                heard if isinstance(heard, str) else heard.status
            ),
            ack=(lambda response: b"ACK %d" % response.status) if method == "INVITE" else None,
        )

    def hear(self, status: int, method: str = "INVITE") -> bool:
        return self.it.response(self.now, "z9hG4bKa", method, _response(status, method), UDP)

    def times(self, data: bytes) -> list[float]:
        return [at for at, it in self.sent if it == data]


def _response(status: int, method: str) -> Response:
    text = f"SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\n"
    message = parse(f"{text}Call-ID: c\r\nCSeq: 1 {method}\r\n\r\n".encode())
    assert isinstance(message, Response)
    return message


def _request(method: str = "INVITE", branch: str = ";branch=z9hG4bKb", *, uri: str = "sip:b@h") -> Request:
    text = f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP h:5060{branch}\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n"
    message = parse(f"{text}Call-ID: c\r\nCSeq: 1 {method}\r\n\r\n".encode())
    assert isinstance(message, Request)
    return message


# -- the tables ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "start"),
    [(INVITE_CLIENT, "calling"), (CLIENT, "trying"), (INVITE_SERVER, "proceeding"), (SERVER, "trying")],
)
def test_every_state_of_a_table_is_reached_and_left(table: Table, start: str) -> None:
    reached: set[str] = {start}
    fresh: set[str] = {start}
    while fresh:
        fresh = {str(row[0]) for (state, _), row in table.items() if state in fresh} - reached
        reached |= fresh
    assert {state for state, _ in table} | {"terminated"} == reached
    assert all(row[0] != "terminated" or "stop" in row[1] for row in table.values())


@pytest.mark.parametrize("table", [INVITE_CLIENT, CLIENT, INVITE_SERVER, SERVER])
def test_what_waits_always_waits_for_a_timer(table: Table) -> None:
    """Entering a state from which only the far side or the user leads away arms a timer, or the user decides."""
    for (state, event), (after, actions) in table.items():
        if after in ("completed", "confirmed", "accepted") and after != state:
            assert "linger" in actions or "expire" in actions, (state, event)


# -- INVITE client --------------------------------------------------------------------------------------------------


def test_an_unanswered_invite_is_repeated_at_doubling_distance_and_given_up_after_64_t1() -> None:
    bench = Bench()
    bench.ask()
    bench.run(31.9)
    assert bench.times(b"INVITE") == [0.0, *DOUBLING]
    assert bench.told == []
    bench.run(40.0)
    assert bench.told == ["silence"]
    assert (len(bench.it), bench.timers.live) == (0, 0)


def test_a_provisional_stops_the_repetition_for_good() -> None:
    bench = Bench()
    bench.ask()
    bench.run(0.6)
    bench.hear(180)
    bench.hear(183)
    bench.run(1000.0)
    assert bench.times(b"INVITE") == [0.0, 0.5]
    assert bench.told == [180, 183]
    assert bench.timers.live == 0
    assert len(bench.it) == 1


def test_a_refusal_is_acknowledged_each_time_it_comes_and_told_once() -> None:
    bench = Bench()
    bench.ask()
    bench.hear(486)
    bench.run(1.0)
    bench.hear(486)
    assert bench.times(b"ACK 486") == [0.0, 1.0]
    assert bench.told == [486]
    bench.run(32.0)
    assert len(bench.it) == 0
    assert bench.hear(486) is False


def test_each_2xx_is_told_until_the_accepted_transaction_ends() -> None:
    bench = Bench()
    bench.ask()
    bench.hear(183)
    bench.hear(200)
    bench.run(3.0)
    bench.hear(200)
    bench.hear(486)  # a fork that lost: not acknowledged any more
    assert bench.told == [183, 200, 200]
    assert bench.times(b"ACK 486") == []
    bench.run(32.0)
    assert (len(bench.it), bench.timers.live) == (0, 0)


def test_over_a_stream_nothing_is_repeated_and_a_refusal_ends_at_once() -> None:
    bench = Bench()
    bench.ask(flow=TCP)
    bench.run(20.0)
    assert bench.times(b"INVITE") == [0.0]
    bench.hear(404)
    assert bench.times(b"ACK 404") == [20.0]
    assert (len(bench.it), bench.timers.live, bench.told) == (0, 0, [404])


def test_a_broken_stream_is_told_to_those_who_wait_on_it() -> None:
    bench = Bench()
    bench.ask(flow=TCP)
    bench.it.broken(1.0, Flow("tcp", "192.0.2.1", 5060, "192.0.2.2", 5060, connection=8))
    assert bench.told == []
    bench.it.broken(1.0, TCP)
    assert bench.told == ["broken"]
    assert (len(bench.it), bench.timers.live) == (0, 0)


def test_a_flow_without_number_is_the_stream_to_the_same_peer() -> None:
    fresh = Flow("tcp", "0.0.0.0", 5060, "192.0.2.2", 5060)
    assert same_stream(fresh, TCP)
    assert not same_stream(Flow("tls", "0.0.0.0", 5060, "192.0.2.2", 5060), TCP)
    assert same_stream(TCP, TCP)
    assert not same_stream(TCP, fresh)


# -- other client ---------------------------------------------------------------------------------------------------


def test_an_unanswered_request_is_repeated_up_to_every_t2_and_given_up_after_64_t1() -> None:
    bench = Bench()
    bench.ask("BYE")
    bench.run(100.0)
    assert bench.times(b"BYE") == [0.0, *EVERY_T2]
    assert bench.told == ["silence"]
    assert (len(bench.it), bench.timers.live) == (0, 0)


def test_a_provisional_slows_the_repetition_of_a_request_down_to_t2() -> None:
    bench = Bench()
    bench.ask("REGISTER")
    bench.run(1.0)
    bench.hear(100, "REGISTER")
    bench.hear(100, "REGISTER")
    bench.run(32.0)
    assert bench.times(b"REGISTER") == [0.0, 0.5, 5.0, 9.0, 13.0, 17.0, 21.0, 25.0, 29.0]
    assert bench.told == [100, 100, "silence"]


def test_a_final_answer_is_told_once_and_its_repetitions_are_absorbed() -> None:
    bench = Bench()
    bench.ask("BYE")
    bench.hear(200, "BYE")
    assert bench.hear(200, "BYE") is True
    assert bench.told == [200]
    bench.run(5.0)
    assert (len(bench.it), bench.timers.live) == (0, 0)


# -- INVITE server --------------------------------------------------------------------------------------------------


def test_a_repeated_invite_gets_the_last_answer_again() -> None:
    bench = Bench()
    server = bench.it.accept(_request(), UDP)
    assert bench.it.repeated(0.0, _request()) is True
    assert bench.sent == []  # nothing was answered yet
    bench.it.respond(0.1, server, 180, b"180")
    assert bench.it.repeated(0.2, _request()) is True
    assert [data for _, data in bench.sent] == [b"180", b"180"]
    assert bench.it.absorbed == 2


def test_a_refusal_is_repeated_until_its_ack_and_then_absorbs_for_t4() -> None:
    bench = Bench()
    server = bench.it.accept(_request(), UDP)
    bench.it.respond(0.0, server, 486, b"486")
    bench.run(12.0)
    assert bench.times(b"486") == [0.0, *EVERY_T2[:5]]
    assert bench.it.repeated(12.0, _request()) is True
    assert bench.it.repeated(12.0, _request("ACK")) is True
    assert bench.it.repeated(12.5, _request()) is True  # absorbed in silence
    bench.run(16.9)
    assert len(bench.it) == 1
    bench.run(17.0)
    assert bench.times(b"486") == [0.0, *EVERY_T2[:5], 12.0]
    assert (len(bench.it), bench.timers.live) == (0, 0)


def test_a_refusal_nobody_acknowledges_is_given_up_after_64_t1() -> None:
    bench = Bench()
    bench.it.respond(0.0, bench.it.accept(_request(), UDP), 486, b"486")
    bench.run(32.0)
    assert bench.times(b"486") == [0.0, *EVERY_T2]
    assert (len(bench.it), bench.timers.live) == (0, 0)


def test_after_a_2xx_repeated_invites_are_absorbed_and_the_ack_is_left_to_the_dialog() -> None:
    bench = Bench()
    server = bench.it.accept(_request(), UDP)
    bench.it.respond(0.0, server, 200, b"200")
    bench.it.respond(0.0, server, 486, b"486")  # too late to say anything else
    assert bench.it.repeated(1.0, _request()) is True
    assert bench.it.repeated(1.0, _request("ACK")) is False
    bench.run(31.0)
    assert bench.it.repeated(31.0, _request()) is True
    assert [data for _, data in bench.sent] == [b"200"]
    bench.run(32.0)
    assert bench.it.repeated(32.0, _request()) is False


def test_a_refusal_over_a_stream_waits_for_its_ack_without_repeating() -> None:
    bench = Bench()
    bench.it.respond(0.0, bench.it.accept(_request(), TCP), 486, b"486")
    bench.run(10.0)
    assert bench.times(b"486") == [0.0]
    assert bench.it.repeated(10.0, _request("ACK")) is True
    assert (len(bench.it), bench.timers.live) == (0, 0)


# -- other server ---------------------------------------------------------------------------------------------------


def test_a_repeated_request_gets_its_final_answer_again_for_64_t1() -> None:
    bench = Bench()
    server = bench.it.accept(_request("BYE"), UDP)
    assert bench.it.repeated(0.0, _request("BYE")) is True
    assert bench.sent == []
    bench.it.respond(0.0, server, 100, b"100")
    assert bench.it.repeated(0.1, _request("BYE")) is True
    bench.it.respond(0.1, server, 100, b"100")
    bench.it.respond(0.2, server, 200, b"200")
    bench.run(31.0)
    assert bench.it.repeated(31.0, _request("BYE")) is True
    assert [data for _, data in bench.sent] == [b"100", b"100", b"100", b"200", b"200"]
    bench.run(33.0)
    assert bench.it.repeated(33.0, _request("BYE")) is False
    assert bench.timers.live == 0


def test_over_a_stream_an_answered_request_is_forgotten_at_once() -> None:
    bench = Bench()
    bench.it.respond(0.0, bench.it.accept(_request("BYE"), TCP), 200, b"200")
    assert (len(bench.it), bench.timers.live) == (0, 0)


def test_a_request_whose_stream_is_gone_can_be_forgotten() -> None:
    bench = Bench()
    server = bench.it.accept(_request(), TCP)
    bench.it.forget(server)
    assert len(bench.it) == 0


# -- matching -------------------------------------------------------------------------------------------------------


def test_requests_are_told_apart_by_branch_sender_and_method() -> None:
    key = server_key(_request(), "INVITE")
    assert server_key(_request("ACK"), "ACK") == key
    assert server_key(_request("CANCEL"), "INVITE") == key
    assert server_key(_request("CANCEL"), "CANCEL") != key
    assert server_key(_request(branch=";branch=z9hG4bKc"), "INVITE") != key


@pytest.mark.parametrize("branch", ["", ";branch=1", ";branch=z9hG4bK"])
def test_requests_without_a_usable_branch_are_told_apart_by_their_headers(branch: str) -> None:
    key = server_key(_request(branch=branch), "INVITE")
    assert server_key(_request("ACK", branch=branch), "ACK") == key
    assert server_key(_request(branch=branch, uri="sip:c@h"), "INVITE") != key
    assert server_key(_request(branch=";branch=z9hG4bKb"), "INVITE") != key


def test_a_cancel_finds_its_invite_and_nothing_else() -> None:
    bench = Bench()
    bench.it.accept(_request("BYE"), UDP)
    assert bench.it.find_invite(_request("CANCEL")) is None
    server = bench.it.accept(_request(), UDP)
    assert bench.it.find_invite(_request("CANCEL")) is server


def test_a_response_to_nothing_of_ours_is_nobodys() -> None:
    bench = Bench()
    assert bench.hear(200) is False


def test_an_invite_answered_before_a_restart_is_still_known() -> None:
    bench = Bench()
    bench.it.settle(0.0, bench.it.accept(_request(), UDP))
    assert bench.it.repeated(1.0, _request()) is True
    assert bench.sent == []
    bench.run(32.0)
    assert len(bench.it) == 0
