"""Digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760), both sides, without clock or chance.

The server's nonce carries its own proof (time, token, HMAC), so an unanswered challenge costs no memory; what
must be remembered is bounded (`digest_memory`). A user who does not exist is worked on exactly as one who does,
and both get the same bytes.

Texts between quotes are kept as written, escapes included: RFC 7616 section 3.4 hashes them so, and what is
echoed must come back unchanged.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from marhaba.sip.digest_memory import Counts, Failures
from marhaba.sip.errors import SipError
from marhaba.sip.events import User

ALGORITHMS = ("SHA-512-256", "SHA-256", "MD5")
"""Strongest first (RFC 8760 section 2.1). MD5 stays for the desk phones that know nothing else."""
USUAL_ALGORITHMS = ("SHA-256", "MD5")
"""What a server without users challenges with, so that an empty centre looks like any other."""
VALUE_CHARS_MAX = 2_048
"""One credentials value. Real ones have 250-400 characters."""
USER_CHARS_MAX = 128
"""A user name is a key of the failure table: unbounded names would unbind its memory."""
AUTHORIZATIONS_MAX = 4
"""One per realm on the way (RFC 3261 section 22.3) is one or two; each more is only work for us."""
_PARAMETER = re.compile(
    r"[ \t]*([A-Za-z0-9!%*_+`'~.-]+)[ \t]*="
    r'[ \t]*(?:"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\x20-\x7e])*+)"|([^",\x00-\x20\x7f]++))[ \t]*(?:,|$)'
)
_NONCE = re.compile(r"([0-9a-f]{1,16})\.([A-Za-z0-9_-]{1,64})\.[0-9a-f]{32}")
_COUNT = re.compile(r"[0-9a-fA-F]{8}")
_RESPONSE = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{64}")


class BadDigest(SipError):
    """A challenge or credentials that cannot be read or cannot be used."""

    code = "bad-digest"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One WWW-Authenticate or Proxy-Authenticate value."""

    realm: str
    nonce: str
    algorithm: str = "MD5"  # upper case, with "-SESS" if the server asks for it
    qop: tuple[str, ...] = ()  # empty: the old form of RFC 2069
    opaque: str = ""
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Credentials:
    """One Authorization or Proxy-Authorization value."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = "MD5"
    qop: str = ""
    cnonce: str = ""
    nc: str = ""  # as written: its letters are hashed


@dataclass(frozen=True, slots=True)
class Verdict:
    """`user` is "" when the request is not believed; then `stale` says whether only the nonce was too old."""

    user: str
    stale: bool = False


def ha1(user: str, realm: str, password: str, algorithm: str = "SHA-256") -> str:
    """H(user:realm:password), what is stored instead of the password. BadDigest: an unknown algorithm."""
    return _hash(algorithm, f"{user}:{realm}:{password}")


def parse_challenge(value: str) -> Challenge:
    fields = _parameters(value)
    if not fields.get("nonce") or "realm" not in fields:
        raise BadDigest("a challenge without realm or nonce")
    return Challenge(
        realm=fields["realm"],
        nonce=fields["nonce"],
        algorithm=fields.get("algorithm", "MD5").upper(),
        qop=tuple(word.strip().lower() for word in fields.get("qop", "").split(",") if word.strip()),
        opaque=fields.get("opaque", ""),
        stale=fields.get("stale", "").lower() == "true",
    )


def parse_credentials(value: str) -> Credentials:
    fields = _parameters(value)
    missing = {"username", "realm", "nonce", "uri", "response"} - fields.keys()
    if missing:
        raise BadDigest(f"credentials without {', '.join(sorted(missing))}")
    if len(fields["username"]) > USER_CHARS_MAX:
        raise BadDigest("a user name that is too long")
    if not _RESPONSE.fullmatch(fields["response"]):
        raise BadDigest("a response that is no hash")
    qop, count = fields.get("qop", "").lower(), fields.get("nc", "")
    if qop and (not fields.get("cnonce") or not _COUNT.fullmatch(count) or int(count, 16) == 0):
        raise BadDigest("qop without cnonce or a proper count")
    return Credentials(
        username=fields["username"],
        realm=fields["realm"],
        nonce=fields["nonce"],
        uri=fields["uri"],
        response=fields["response"].lower(),
        algorithm=fields.get("algorithm", "MD5").upper(),
        qop=qop,
        cnonce=fields.get("cnonce", ""),
        nc=count,
    )


def authorize(
    challenges: Sequence[str],
    *,
    method: str,
    uri: str,
    user: str,
    password: str,
    cnonce: str,
    nc: int = 1,
    realm: str = "",
    body: bytes = b"",
) -> str:
    """The Authorization value that answers the strongest challenge we can meet.

    Only challenges of `realm` are answered; "" stands for the realm of the first readable challenge. Raises
    BadDigest when none is left: a realm that is not ours gets no hash of our password (CVE-2021-41158).
    """
    if any(char in '"\\' or ord(char) < 0x20 for char in user):
        raise BadDigest("a user name that cannot be quoted")
    asked = _strongest(challenges, realm)
    qop = next((word for word in ("auth", "auth-int") if word in asked.qop), "")
    if asked.qop and not qop:
        raise BadDigest("no quality of protection that we know")
    secret = ha1(user, asked.realm, password, _plain(asked.algorithm))
    given = Credentials(user, asked.realm, asked.nonce, uri, "", asked.algorithm, qop, cnonce, f"{nc:08x}")
    response = _response(given, secret, method, body)
    parts = [f'Digest username="{user}"', f'realm="{asked.realm}"', f'nonce="{asked.nonce}"']
    parts += [f'uri="{uri}"', f'response="{response}"', f"algorithm={_spelled(asked.algorithm)}"]
    if asked.opaque:
        parts.append(f'opaque="{asked.opaque}"')
    if qop:
        parts += [f'cnonce="{cnonce}"', f"qop={qop}", f"nc={given.nc}"]
    elif asked.algorithm.endswith("-SESS"):
        parts.append(f'cnonce="{cnonce}"')
    return ", ".join(parts)


class Authenticator:
    """The server's side. `users` may be replaced by assigning (a reload); nonces and failures stay."""

    def __init__(
        self, realm: str, token: Callable[[], str], *, nonce_age_s: float, users: Mapping[str, User]
    ) -> None:
        self.realm = realm
        self.users = users
        self._token = token
        # A token alone may be short; four make a key whatever their length, and a restart makes a new one.
        self._key = hashlib.sha256("".join(token() for _ in range(4)).encode()).digest()
        self._fake = {name: _hash(name, f"{self._key.hex()}:nobody") for name in ALGORITHMS}
        self._counts = Counts(nonce_age_s)
        self._failures = Failures()
        self._tally = dict.fromkeys(("accepted", "refused", "stale", "backed_off"), 0)

    @property
    def users(self) -> Mapping[str, User]:
        return self._users

    @users.setter
    def users(self, users: Mapping[str, User]) -> None:
        self._users = users
        stored = {name for user in users.values() for name in user.ha1}
        self._offered = tuple(name for name in ALGORITHMS if name in stored) or USUAL_ALGORITHMS

    def challenge(self, now: float, *, stale: bool = False, source: str = "") -> list[str]:
        """WWW-Authenticate values, strongest first. One nonce serves all: the phone answers one of them.

        With `source` (the asker's address) the nonce is good from that address only, so that nobody who
        forges another's address can fail in his name.
        """
        nonce = self._nonce(int(now * 1000), self._token(), source)
        told = ", stale=true" if stale else ""
        return [
            f'Digest realm="{self.realm}", nonce="{nonce}", algorithm={name}, qop="auth"{told}'
            for name in self._offered
        ]

    def check(
        self,
        now: float,
        method: str,
        uri: str,
        authorization: Sequence[str],
        body: bytes = b"",
        *,
        source: str = "",
    ) -> Verdict:
        """Who sent this request. Never raises: what cannot be read is not believed."""
        given = self._ours(authorization)
        if given is None:
            return Verdict("")
        issued = self._issued(given.nonce, source)
        if issued is None or not self._counts.fresh(now, issued):
            # The hash is not looked at: an old nonce must be no way to test guesses without being counted.
            self._tally["stale"] += 1
            return Verdict("", stale=True)
        user = self._users.get(given.username)
        known = user.ha1.get(given.algorithm) if user is not None else None
        expected = _response(given, known or self._fake[given.algorithm], method, body)
        right = hmac.compare_digest(expected.encode(), given.response.encode()) & (known is not None)
        if self._failures.waiting(now, given.username, source):
            self._tally["backed_off"] += 1
            return Verdict("")
        if not right:
            self._failures.add(now, given.username, source)
        if not right or not _same_user_part(given.uri, uri):
            self._tally["refused"] += 1
            return Verdict("")
        self._failures.clear(given.username, source)
        if not self._counts.take(now, given.nonce, issued, int(given.nc, 16)):
            self._tally["stale"] += 1
            return Verdict("", stale=True)
        self._tally["accepted"] += 1
        return Verdict(given.username)

    def statistics(self) -> dict[str, int]:
        sizes = {"nonces": len(self._counts), "failing": len(self._failures)}
        return {f"digest_{name}": count for name, count in (self._tally | sizes).items()}

    def _ours(self, authorization: Sequence[str]) -> Credentials | None:
        """The first credentials for our realm that use what we offered; without qop they prove too little."""
        for value in authorization[:AUTHORIZATIONS_MAX]:
            try:
                given = parse_credentials(value)
            except BadDigest:
                continue
            if given.realm == self.realm and given.algorithm in self._offered:
                return given if given.qop in ("auth", "auth-int") else None
        return None

    def _nonce(self, at_ms: int, token: str, source: str) -> str:
        proof = hmac.digest(self._key, f"{at_ms:x}.{token}.{source}".encode(), "sha256")
        return f"{at_ms:x}.{token}.{proof.hex()[:32]}"

    def _issued(self, nonce: str, source: str) -> int | None:
        """When we issued `nonce`, in milliseconds; None when we did not, or not to this address."""
        found = _NONCE.fullmatch(nonce)
        if found is None:
            return None
        at_ms, token = int(found[1], 16), found[2]
        bound = hmac.compare_digest(self._nonce(at_ms, token, source).encode(), nonce.encode())
        free = hmac.compare_digest(self._nonce(at_ms, token, "").encode(), nonce.encode())
        return at_ms if bound or free else None


def _parameters(value: str) -> dict[str, str]:
    """The fields of a Digest value, names in lower case, texts as written between the quotes."""
    if len(value) > VALUE_CHARS_MAX:
        raise BadDigest("a digest value that is too long")
    scheme, _, rest = value.strip(" \t").partition(" ")
    if scheme.lower() != "digest":
        raise BadDigest("not the Digest scheme")
    fields: dict[str, str] = {}
    at = 0
    while at < len(rest):
        found = _PARAMETER.match(rest, at)
        if found is None:
            raise BadDigest("a digest value that cannot be read")
        name = found[1].lower()
        if name in fields:
            raise BadDigest(f"{name} given twice")
        fields[name] = found[3] if found[2] is None else found[2]
        at = found.end()
    return fields


def _strongest(challenges: Sequence[str], realm: str) -> Challenge:
    usable: list[Challenge] = []
    for value in challenges:
        try:
            asked = parse_challenge(value)
        except BadDigest:
            continue
        realm = realm or asked.realm
        if asked.realm == realm and _plain(asked.algorithm) in ALGORITHMS:
            usable.append(asked)
    if not usable:
        raise BadDigest("no challenge of ours to answer")
    return min(usable, key=lambda asked: ALGORITHMS.index(_plain(asked.algorithm)))


def _response(given: Credentials, secret: str, method: str, body: bytes) -> str:
    """RFC 7616 section 3.4.1; without qop the form of RFC 2069, which old carriers still ask for."""
    name = _plain(given.algorithm)
    if given.algorithm.endswith("-SESS"):
        secret = _hash(name, f"{secret}:{given.nonce}:{given.cnonce}")
    what = f"{method}:{given.uri}"
    if given.qop == "auth-int":
        what += f":{_hash(name, body)}"
    if not given.qop:
        return _hash(name, f"{secret}:{given.nonce}:{_hash(name, what)}")
    return _hash(name, f"{secret}:{given.nonce}:{given.nc}:{given.cnonce}:{given.qop}:{_hash(name, what)}")


def _hash(algorithm: str, text: str | bytes) -> str:
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    if algorithm == "SHA-256":
        return hashlib.sha256(data).hexdigest()
    if algorithm == "MD5":
        return hashlib.md5(data, usedforsecurity=False).hexdigest()
    if algorithm == "SHA-512-256":
        return hashlib.new("sha512_256", data).hexdigest()
    raise BadDigest("an algorithm that we do not know")


def _plain(algorithm: str) -> str:
    return algorithm.removesuffix("-SESS")


def _spelled(algorithm: str) -> str:
    return algorithm.replace("-SESS", "-sess")


def _same_user_part(given: str, asked: str) -> bool:
    """Whether credentials made for `given` may be used for `asked`.

    RFC 7616 section 3.4.1 wants them equal; phones and the proxies on their way differ in host, port and
    parameters, and what decides the effect of a request here is whom it is for.
    """
    return _user_part(given) == _user_part(asked)


def _user_part(uri: str) -> str:
    scheme, _, address = uri.partition(":")
    user, at, _ = address.rpartition("@")
    if not at and scheme.lower() in ("sip", "sips"):
        return ""
    return unquote((user or address).partition(":")[0].partition(";")[0])
