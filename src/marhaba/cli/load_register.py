"""Register many phones from one UDP port, so that whoever binds the port next receives their calls.

SIPp cannot do this against Marhaba: it fails when the first challenge offered is SHA-256 (RFC 8760), even if
MD5 follows. So the bench and the journeys register SIPp's agents here, from SIPp's own port, before SIPp
takes it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from marhaba.cli.load_sip import read, request
from marhaba.cli.load_wire import Wire
from marhaba.kernel.errors import MarhabaError

OUTSTANDING_MAX = 40  # registrations in flight: a morning's log-in, not a flood
_PARAMETER = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


class RegistrationError(MarhabaError):
    """A registrar refused a phone or stayed silent."""

    code = "not-registered"


@dataclass(frozen=True, slots=True)
class Account:
    user: str
    password: str


def digest(challenges: Sequence[str], *, method: str, uri: str, account: Account) -> str:
    """An Authorization value by RFC 7616 with qop=auth; SHA-256 where it is offered, else MD5."""
    offers = [
        {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(value)}
        for value in challenges
    ]
    by_algorithm = {offer.get("algorithm", "MD5").upper(): offer for offer in reversed(offers)}
    name = "SHA-256" if "SHA-256" in by_algorithm else "MD5"
    offer = by_algorithm[name]

    def h(text: str) -> str:
        hashed = hashlib.sha256 if name == "SHA-256" else hashlib.md5
        return hashed(text.encode()).hexdigest()

    cnonce = secrets.token_hex(8)
    ha1 = h(f"{account.user}:{offer['realm']}:{account.password}")
    answer = h(f"{ha1}:{offer['nonce']}:00000001:{cnonce}:auth:{h(f'{method}:{uri}')}")
    opaque = f', opaque="{offer["opaque"]}"' if "opaque" in offer else ""
    return (
        f'Digest username="{account.user}", realm="{offer["realm"]}", nonce="{offer["nonce"]}", uri="{uri}", '
        f'response="{answer}", algorithm={name}, cnonce="{cnonce}", qop=auth, nc=00000001{opaque}'
    )


def register(
    accounts: Sequence[Account],
    *,
    server: tuple[str, int],
    local: tuple[str, int],
    realm: str,
    expires_s: int = 3600,
) -> None:
    """Register every account at `server` with a contact at `local`; the port is free again afterwards."""
    todo = list(reversed(accounts))
    open_: dict[str, Account] = {}
    refused: list[str] = []
    wire = Wire(server, receive=lambda data, _sock, _ns: heard(data))
    sock = wire.open(*local)
    uri = f"sip:{server[0]}:{server[1]}"

    def ask(account: Account, call_id: str, cseq: int, authorization: str = "") -> None:
        data = _register_request(
            account, uri=uri, local=local, realm=realm, call_id=call_id, cseq=cseq,
            expires_s=expires_s, authorization=authorization,
        )  # fmt: skip
        wire.send_until(f"{call_id}/{cseq}", sock, data, seconds=8, lost=lambda: refused.append("silence"))

    def heard(data: bytes) -> None:
        fields = read(data)
        if fields is None or not fields.status or not wire.settle(f"{fields.call_id}/{fields.cseq}"):
            return  # not SIP, a question of the registrar's, or an answer heard twice
        account = open_[fields.call_id]
        if fields.status == 401 and fields.cseq == 1:
            ask(
                account,
                fields.call_id,
                2,
                digest(fields.authenticate, method="REGISTER", uri=uri, account=account),
            )
            return
        if fields.status != 200:
            refused.append(str(fields.status))
        del open_[fields.call_id]

    def going() -> bool:
        while todo and len(open_) < OUTSTANDING_MAX:
            account, call_id = todo.pop(), secrets.token_hex(12)
            open_[call_id] = account
            ask(account, call_id, 1)
        return bool(open_) and not refused

    try:
        wire.run(going)
    finally:
        wire.close()
    if refused:
        raise RegistrationError(f"REGISTER at {server[0]}:{server[1]} ended with {refused[0]}")


def _register_request(
    account: Account,
    *,
    uri: str,
    local: tuple[str, int],
    realm: str,
    call_id: str,
    cseq: int,
    expires_s: int,
    authorization: str,
) -> bytes:
    who = f"<sip:{account.user}@{realm}>"
    return request(
        "REGISTER",
        uri,
        via=f"{local[0]}:{local[1]};branch=z9hG4bK{secrets.token_hex(8)};rport",
        from_=f"{who};tag={call_id[:8]}",
        to=who,
        call_id=call_id,
        cseq=cseq,
        contact=f"sip:{account.user}@{local[0]}:{local[1]}",
        extra=f"Expires: {expires_s}\r\n" + (f"Authorization: {authorization}\r\n" if authorization else ""),
    )
