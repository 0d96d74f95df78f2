"""Byte-speaking far sides in the usual places, and the usual beginnings."""

from __future__ import annotations

from marhaba.sip.digest import ha1
from marhaba.sip.endpoint import Endpoint
from marhaba.sip.events import EndpointSettings, IncomingCall, Trunk, User
from marhaba.sip.message import Request, Response
from tests.sip.pairs import ANSWER, CALLER, OFFER, Wire, answer_to, tokens

AGENT = User("agent7", {"SHA-256": ha1("agent7", "marhaba", "secret")})
STRANGER, CARRIER = "198.51.100.9", "203.0.113.5"
SETTINGS = EndpointSettings(
    advertised_host="192.0.2.1",
    users=(AGENT,),
    trunks=(Trunk("carrier", CARRIER, hosts=("203.0.113.6",), keep_alive_s=0),),
)
SDP = OFFER.decode().replace("\r\n", "\n")


def carrier_wire(host: str = CARRIER, settings: EndpointSettings = SETTINGS) -> Wire:
    return Wire(Endpoint(settings, tokens("t")), host)


def only(said: list[Request | Response]) -> Response:
    """The one answer that was given."""
    (answer,) = said
    assert isinstance(answer, Response)
    return answer


def asked(said: list[Request | Response]) -> Request:
    """The one request that was sent."""
    (request,) = said
    assert isinstance(request, Request)
    return request


def arrived(wire: Wire, *, lines: str = "", body: str = SDP) -> str:
    """A call of the wire that has reached us: its leg."""
    wire.say(wire.request("INVITE", lines=lines, body=body))
    return wire.of(IncomingCall)[-1].leg


def established() -> tuple[Wire, str, str]:
    """A call that the wire made and that is up: wire, leg, our tag."""
    wire = carrier_wire()
    leg = arrived(wire)
    wire.endpoint.answer(wire.now, leg, ANSWER)
    tag = only(wire.heard()).to.tag
    wire.say(wire.request("ACK", to_tag=tag))
    return wire, leg, tag


def dialled(wire: Wire, *, leg: str = "out", ring_timeout_s: float = 0) -> Request:
    """We call the wire: our INVITE."""
    wire.endpoint.invite(
        wire.now,
        leg=leg,
        target=f"sip:1@{wire.flow.remote_host}:{wire.flow.remote_port}",
        flow=wire.flow,
        caller=CALLER,
        sdp=OFFER,
        trunk="carrier",
        ring_timeout_s=ring_timeout_s,
    )
    return asked(wire.heard())


def called(lines: str = "") -> tuple[Wire, Request, Request]:
    """We call the wire, which answers with these header lines: wire, our INVITE, our ACK."""
    wire = carrier_wire()
    invite = dialled(wire)
    contact = "Contact: <sip:wire@203.0.113.5:5070>\n"
    return wire, invite, asked(wire.say(answer_to(invite, 200, lines=contact + lines, body=ANSWER)))
