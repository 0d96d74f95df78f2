"""The SIP endpoint: one object for a whole process, without sockets and without a clock.

Bytes and verbs go in with the time; what is to be sent and what happened are drained afterwards. A call through
the house is two legs, and the endpoint never connects one with another: that is the floor's business.

    receive, stream_closed, wake            from the driver
    take_sends, take_events, next_wake      to the driver and the floor
    invite, ring, answer, hang_up, ...      from the floor; False: that leg has ended meanwhile

The parts: `endpoint_requests` (who deals with a request), `endpoint_incoming` and `endpoint_outgoing` (calls until
they are answered), `endpoint_offers` (re-INVITE, UPDATE, session timer), `endpoint_reliable` (100rel),
`endpoint_refer` (transfers, keys), `endpoint_ending`, `endpoint_recovery` (snapshots) and `endpoint_house`
(registrations and trunks). All of them are functions over one `Core`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from marhaba.sip import (
    endpoint_ending,
    endpoint_house,
    endpoint_incoming,
    endpoint_offers,
    endpoint_outgoing,
    endpoint_recovery,
    endpoint_refer,
    endpoint_requests,
)
from marhaba.sip.endpoint_core import Core
from marhaba.sip.errors import BadMessage
from marhaba.sip.events import EndpointSettings, Flow, Party, Send, SipEvent
from marhaba.sip.leg import Leg
from marhaba.sip.message import Request, Response, parse
from marhaba.sip.registrar import Binding, Registrar
from marhaba.sip.transaction import same_stream
from marhaba.sip.uri import Uri


class Endpoint:
    """See the module. `token` returns an unguessable ASCII token (letters and digits) at every call."""

    def __init__(self, settings: EndpointSettings, token: Callable[[], str]) -> None:
        self._core = Core(settings, token)

    # -- in ---------------------------------------------------------------------------------------------------

    def receive(self, now: float, data: bytes, flow: Flow) -> None:
        """One datagram, or one message of a stream. Nothing that comes from outside raises."""
        core = self._core
        if not data.strip(b"\r\n\0 "):
            return  # keep-alive
        try:
            message = parse(data)
            if isinstance(message, Request):
                endpoint_requests.receive(core, now, message, flow)
            else:
                _response(core, now, message, flow)
        except BadMessage as bad:
            endpoint_requests.refuse_bad(core, bad, flow)

    def stream_closed(self, now: float, flow: Flow) -> None:
        """A stream ended. Calls that are up go on: the phone comes back on another one, or the session expires."""
        core = self._core
        core.transactions.broken(now, flow)
        for leg in [leg for leg in core.dialogs.values() if same_stream(leg.flow, flow)]:
            if leg.state == "incoming":
                assert leg.server is not None
                core.transactions.forget(leg.server)
                endpoint_ending.finish(core, now, leg, by="error", code=503, reason="transport")
                endpoint_ending.release(core, leg)
            else:
                leg.flow = msgspec.structs.replace(leg.flow, connection=0)

    def wake(self, now: float) -> None:
        """Fire the timers that are due."""
        self._core.timers.run(now)
        endpoint_house.tick(self._core, now)

    def next_wake(self) -> float | None:
        moments = [self._core.timers.next(), endpoint_house.next_tick(self._core)]
        return min((moment for moment in moments if moment is not None), default=None)

    # -- out --------------------------------------------------------------------------------------------------

    @property
    def sends(self) -> list[Send]:
        return self._core.sends

    @property
    def events(self) -> list[SipEvent]:
        return self._core.events

    def take_sends(self) -> list[Send]:
        taken, self._core.sends = self._core.sends, []
        return taken

    def take_events(self) -> list[SipEvent]:
        taken, self._core.events = self._core.events, []
        return taken

    # -- calls ------------------------------------------------------------------------------------------------

    def invite(
        self,
        now: float,
        *,
        leg: str,
        target: Uri | str,
        flow: Flow,
        caller: Party,
        sdp: bytes,
        trunk: str = "",
        headers: Sequence[tuple[str, str]] = (),
        call_id: str = "",
        ring_timeout_s: float = 0,
        silence_s: float = 0,
    ) -> bytes:
        """Call somebody. Returns the INVITE as it will be sent; `ring_timeout_s` 0 leaves the limit of the house.

        `silence_s`: how long not even a 100 may be heard (0: 64*T1), for whom another carrier stands ready.
        """
        return endpoint_outgoing.invite(
            self._core,
            now,
            leg_id=leg,
            target=target,
            flow=flow,
            caller=caller,
            sdp=sdp,
            trunk=trunk,
            headers=headers,
            call_id=call_id,
            ring_timeout_s=ring_timeout_s,
            silence_s=silence_s,
        )

    def ring(self, now: float, leg: str, *, sdp: bytes = b"") -> bool:
        """180, or 183 with early media."""
        it = self._leg(leg)
        return it is not None and endpoint_incoming.ring(self._core, now, it, sdp)

    def answer(self, now: float, leg: str, sdp: bytes) -> bool:
        it = self._leg(leg)
        return it is not None and endpoint_incoming.answer_call(self._core, now, it, sdp)

    def reject(self, now: float, leg: str, code: int, reason: str = "", *, retry_after_s: int = 0) -> bool:
        """Refuse an incoming call; `reason` replaces the phrase on the wire."""
        assert 300 <= code <= 699
        it = self._leg(leg)
        if it is None or it.state != "incoming":
            return False
        endpoint_ending.reject(self._core, now, it, code, text=reason, retry_after_s=retry_after_s)
        return True

    def hang_up(self, now: float, leg: str, *, reason: str = "", elsewhere: bool = False) -> bool:
        """CANCEL, BYE or a refusal, whichever the leg's state needs; its `LegEnded` follows at once.

        `elsewhere`: another phone has answered; this one is told so, and has missed no call (RFC 3326).
        """
        it = self._leg(leg)
        if it is None:
            return False
        endpoint_ending.hang_up(self._core, now, it, reason=reason, elsewhere=elsewhere)
        return True

    # -- offers -----------------------------------------------------------------------------------------------

    def reoffer(self, now: float, leg: str, sdp: bytes) -> bool:
        """re-INVITE as soon as the dialog is free for it; `OfferAnswered` follows."""
        it = self._leg(leg)
        return it is not None and endpoint_offers.reoffer(self._core, now, it, sdp)

    def accept_offer(self, now: float, leg: str, sdp: bytes) -> bool:
        it = self._leg(leg)
        return it is not None and endpoint_offers.accept_offer(self._core, now, it, sdp)

    def refuse_offer(self, now: float, leg: str, code: int = 488) -> bool:
        assert 300 <= code <= 699
        it = self._leg(leg)
        return it is not None and endpoint_offers.refuse_offer(self._core, now, it, code)

    # -- transfers and keys -----------------------------------------------------------------------------------

    def accept_refer(self, now: float, refer: str) -> bool:
        it = self._leg_of_refer(refer)
        return it is not None and endpoint_refer.accept_refer(self._core, now, it, refer)

    def refuse_refer(self, now: float, refer: str, code: int) -> bool:
        assert 300 <= code <= 699
        it = self._leg_of_refer(refer)
        return it is not None and endpoint_refer.refuse_refer(self._core, now, it, refer, code)

    def notify_refer(self, now: float, refer: str, code: int) -> bool:
        """Tell how an accepted transfer goes; a final code ends the telling."""
        assert 100 <= code <= 699
        it = self._leg_of_refer(refer)
        return it is not None and endpoint_refer.notify_refer(self._core, now, it, refer, code)

    def refer(self, now: float, leg: str, target: Uri | str) -> bool:
        """Ask the far side to call `target` itself."""
        it = self._leg(leg)
        return it is not None and endpoint_refer.refer(self._core, now, it, target)

    def send_info_digit(self, now: float, leg: str, digit: str) -> bool:
        it = self._leg(leg)
        return it is not None and endpoint_refer.send_info_digit(self._core, now, it, digit)

    # -- the house --------------------------------------------------------------------------------------------

    @property
    def registrar(self) -> Registrar:
        """For dump and load around a restart."""
        self._core.phones.stale, self._core.tick_known = True, False
        return self._core.registrar

    def bindings(self, user: str) -> list[Binding]:
        return self._core.registrar.bindings(user)

    def trunk_flow(self, name: str) -> Flow | None:
        """Where calls to a trunk go, or None while its address is not known."""
        return endpoint_house.trunk_flow(self._core, name)

    def trunk_up(self, name: str) -> bool:
        return self._core.board.is_up(name)

    def reconfigure(self, now: float, settings: EndpointSettings) -> None:
        """Take other settings; legs, transactions and bindings stay as they are."""
        endpoint_house.reconfigure(self._core, now, settings)

    # -- recovery ---------------------------------------------------------------------------------------------

    def snapshot(self, leg: str) -> bytes:
        """What `adopt` needs to go on with a leg after a restart; b"" for one that has ended."""
        it = self._leg(leg)
        return endpoint_recovery.snapshot(it) if it is not None else b""

    def adopt(self, now: float, snapshot: bytes) -> str:
        """Take up a leg of a former process; returns its id. Raises BadSnapshot (a SipError)."""
        return endpoint_recovery.adopt(self._core, now, snapshot)

    def farewell(self, now: float, snapshot: bytes) -> None:
        """End a leg of a former process that nobody can carry on: the far side hears a BYE. Raises BadSnapshot."""
        endpoint_recovery.farewell(self._core, now, snapshot)

    def statistics(self) -> dict[str, int]:
        core = self._core
        sizes = {
            "legs": len(core.legs),
            "dialogs": len(core.dialogs),
            "client_transactions": len(core.transactions.clients),
            "server_transactions": len(core.transactions.servers),
            "timers": core.timers.live,
            "repeats_sent": core.transactions.repeats,
            "repeats_absorbed": core.transactions.absorbed,
        }
        return dict(core.counts) | sizes | core.authenticator.statistics()

    def _leg(self, leg: str) -> Leg | None:
        return self._core.legs.get(leg)

    def _leg_of_refer(self, refer: str) -> Leg | None:
        return self._core.legs.get(refer.rpartition("/")[0])


def _response(core: Core, now: float, response: Response, source: Flow) -> None:
    if len(response.vias) > 1:
        core.counts["foreign_responses"] += 1  # RFC 3261 8.1.3.3: not meant for us
        return
    method = response.cseq_method
    if core.transactions.response(now, response.via.branch, method, response, source):
        return
    leg = (
        core.dialogs.get(response.from_.tag) if method == "INVITE" and 200 <= response.status < 300 else None
    )
    if (
        leg is not None
        and leg.dialog is not None
        and leg.ack
        and (response.call_id, response.to.tag, response.cseq)
        == (leg.call_id, leg.dialog.remote_tag, leg.ack_cseq)
    ):
        core.send(leg.ack, core.hop(leg, leg.dialog))  # a 2xx from before a restart: its ACK was lost
        return
    core.counts["stray_responses"] += 1
