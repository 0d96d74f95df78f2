"""The registrar: who can be rung where (RFC 3261 section 10.3)."""

import pytest

from marhaba.sip.events import EndpointSettings, Flow, User
from marhaba.sip.message import Request, parse
from marhaba.sip.registrar import BINDINGS_MAX, CONTACTS_MAX, Registrar

FLOW = Flow("udp", "h", 5060, "192.0.2.1", 5060)
SETTINGS = EndpointSettings(users=(User("a", {}), User("b", {})))


def register(*contacts: str, cseq: int = 1, call_id: str = "c", user: str = "a", more: str = "") -> Request:
    lines = "".join(f"Contact: {contact}\r\n" for contact in contacts)
    message = parse(
        f"REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:{user}@h>;tag=1\r\n"
        f"To: <sip:{user}@h>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n{lines}{more}\r\n".encode()
    )
    assert isinstance(message, Request)
    return message


def test_a_binding_is_added_refreshed_and_removed() -> None:
    registrar = Registrar(SETTINGS)
    response = registrar.handle(0.0, register("<sip:a@192.0.2.1:5062;transport=udp>;expires=100"), FLOW, "a")
    assert response.status == 200
    assert response.headers.get("Contact") == "<sip:a@192.0.2.1:5062;transport=udp>;expires=100"
    again = register("<sip:a@192.0.2.1:5062;transport=udp>;expires=200", cseq=2)
    assert registrar.handle(50.0, again, FLOW, "a").status == 200
    assert [b.expires_at for b in registrar.bindings("a")] == [250.0]
    assert registrar.next_expiry() == 250.0
    gone = register("<sip:a@192.0.2.1:5062;transport=udp>;expires=0", cseq=3)
    assert registrar.handle(60.0, gone, FLOW, "a").status == 200
    assert registrar.bindings("a") == []
    assert [(e.user, e.expires) for e in registrar.events] == [("a", 100), ("a", 200), ("a", 0)]
    assert registrar.next_expiry() is None


def test_a_star_removes_everything_and_only_alone_with_expires_zero() -> None:
    registrar = Registrar(SETTINGS)
    registrar.handle(0.0, register("<sip:a@1>", "<sip:a@2>"), FLOW, "a")
    assert registrar.handle(1.0, register("*", cseq=2), FLOW, "a").status == 400
    both = register("*", "<sip:a@3>", cseq=2, more="Expires: 0\r\n")
    assert registrar.handle(1.0, both, FLOW, "a").status == 400
    assert registrar.handle(1.0, register("*", cseq=2, more="Expires: 0\r\n"), FLOW, "a").status == 200
    assert registrar.bindings("a") == []


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (register("<sip:a@1>;expires=5"), 423),
        (register("<sip:b@1>", user="b"), 403),
        (register(*[f"<sip:a@{n}>" for n in range(CONTACTS_MAX + 1)]), 403),
        (register(*[f"<sip:a@{n}>" for n in range(BINDINGS_MAX + 1)]), 403),
    ],
)
def test_what_is_refused_changes_nothing(request_: Request, status: int) -> None:
    registrar = Registrar(SETTINGS)
    assert registrar.handle(0.0, request_, FLOW, "a").status == status
    assert registrar.bindings("a") == []
    assert registrar.events == []


def test_an_overtaken_request_is_refused() -> None:
    registrar = Registrar(SETTINGS)
    registrar.handle(0.0, register("<sip:a@1>", cseq=5), FLOW, "a")
    assert registrar.handle(0.0, register("<sip:a@1>;expires=0", cseq=4), FLOW, "a").status == 500
    assert registrar.handle(0.0, register("<sip:a@2>", cseq=1, call_id="other"), FLOW, "a").status == 200
    assert len(registrar.bindings("a")) == 2


def test_escapes_and_headers_of_a_contact_are_kept_and_distinct() -> None:
    registrar = Registrar(SETTINGS)
    contacts = ("<sip:null-%00@h>", "<sip:null-%00%00@h>", "<sip:a@h?Route=%3Csip:x%3E>")
    registrar.handle(0.0, register(*contacts), FLOW, "a")
    assert {f"<{b.contact}>" for b in registrar.bindings("a")} == set(contacts)


def test_bindings_expire_survive_a_restart_and_go_with_their_user() -> None:
    registrar = Registrar(SETTINGS)
    registrar.handle(0.0, register("<sip:a@1>", more="Expires: 120\r\n"), FLOW, "a")
    registrar.handle(0.0, register("<sip:b@1>", user="b"), FLOW, "b")
    fresh = Registrar(SETTINGS)
    fresh.load(registrar.dump())
    assert fresh.bindings("a") == registrar.bindings("a")
    fresh.load(b"nonsense")
    fresh.load(registrar.dump().replace(b"sip:a@1", b"sip:a@\xff"))
    fresh.load(registrar.dump().replace(b"sip:a@1", b"sip:a@1 2"))
    assert len(fresh.bindings("a")) == 1, "what cannot be read is as good as expired"
    fresh.expire(120.0)
    assert fresh.bindings("a") == []
    assert len(fresh.bindings("b")) == 1
    fresh.reconfigure(EndpointSettings(users=(User("a", {}),)))
    assert fresh.bindings("b") == []
    assert [(e.user, e.expires) for e in fresh.events] == [("a", 0), ("b", 0)]
