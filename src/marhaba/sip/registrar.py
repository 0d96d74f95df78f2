"""Where a phone can be rung: the bindings of RFC 3261 section 10, in memory, with a dump that survives a restart.

Whoever calls `handle` has authenticated the request. A user may bind only his own address of record.
"""

from __future__ import annotations

import re

import msgspec

from marhaba.sip.errors import BadMessage
from marhaba.sip.events import EndpointSettings, Flow, Registered
from marhaba.sip.message import Request, Response, response_to
from marhaba.sip.uri import NameAddr, Uri, parse_uri

BINDINGS_MAX = 8
"""Phones of one user at once: a desk phone, a soft phone, and what was forgotten."""
CONTACTS_MAX = 16
"""Contacts in one REGISTER."""
EXPIRES_DEFAULT_S = 3_600
_DIGITS = re.compile(r"[0-9]{1,10}")


class Binding(msgspec.Struct, frozen=True):
    """One place where a user can be reached. `contact` is as registered, parameters and escapes included."""

    contact: Uri
    flow: Flow
    expires_at: float
    call_id: str
    cseq: int


class Held(msgspec.Struct, frozen=True):
    """A binding in a dump; `expires_in_s` because a restarted process counts time from elsewhere."""

    user: str
    contact: str
    flow: Flow
    expires_at: float
    call_id: str
    cseq: int


class Registrar:
    """All bindings, by user. `events` is drained by the owner."""

    def __init__(self, settings: EndpointSettings) -> None:
        self._settings = settings
        self._users: dict[str, dict[str, Binding]] = {}
        self.events: list[Registered] = []

    def reconfigure(self, settings: EndpointSettings) -> None:
        """New settings; bindings of users who are gone go with them."""
        self._settings = settings
        known = {user.name for user in settings.users}
        for user in [user for user in self._users if user not in known]:
            for binding in self._users.pop(user).values():
                self.events.append(Registered(user, str(binding.contact), 0, binding.flow))

    def handle(self, now: float, request: Request, flow: Flow, user: str) -> Response:
        """RFC 3261 10.3: all contacts of a request take effect, or none does."""
        if request.to.uri.user_decoded != user:
            return response_to(request, 403)
        contacts = request.contacts
        if len(contacts) > CONTACTS_MAX:
            return response_to(request, 403)
        held = self._users.get(user, {})
        if any(b.call_id == request.call_id and b.cseq >= request.cseq for b in held.values()):
            return response_to(request, 500)  # step 7: a request that was overtaken
        if any(contact.uri.scheme == "*" for contact in contacts):
            if len(contacts) != 1 or request.expires != 0:
                return response_to(request, 400)
            self._remove(user, list(held))
            return self._listing(now, request, user)
        wanted = self._wanted(request, contacts)
        if wanted is None:
            low = self._settings.register_expires_s[0]
            return response_to(request, 423, headers=[("Min-Expires", str(low))])
        if len({*held, *(key for key, _, seconds in wanted if seconds)}) > BINDINGS_MAX:
            return response_to(request, 403)
        for key, contact, seconds in wanted:
            if seconds:
                binding = Binding(contact, flow, now + seconds, request.call_id, request.cseq)
                self._users.setdefault(user, {})[key] = binding
                self.events.append(Registered(user, str(contact), seconds, flow))
            else:
                self._remove(user, [key])
        return self._listing(now, request, user)

    def _wanted(self, request: Request, contacts: list[NameAddr]) -> list[tuple[str, Uri, int]] | None:
        """Key, address and seconds of each contact; None when one asks for too short a time (10.3 step 6)."""
        low, high = self._settings.register_expires_s
        found: list[tuple[str, Uri, int]] = []
        for contact in contacts:
            text = contact.param("expires")
            if text is not None and _DIGITS.fullmatch(text):
                seconds = int(text)
            else:
                seconds = request.expires if request.expires is not None else EXPIRES_DEFAULT_S
            if 0 < seconds < low:
                return None
            found.append((str(contact.uri), contact.uri, min(seconds, high)))
        return found

    def _listing(self, now: float, request: Request, user: str) -> Response:
        rows = [
            ("Contact", f"<{binding.contact}>;expires={max(0, round(binding.expires_at - now))}")
            for binding in self.bindings(user)
        ]
        return response_to(request, 200, headers=rows)

    def _remove(self, user: str, keys: list[str]) -> None:
        held = self._users.get(user, {})
        for key in keys:
            binding = held.pop(key, None)
            if binding is not None:
                self.events.append(Registered(user, str(binding.contact), 0, binding.flow))
        if not held:
            self._users.pop(user, None)

    def bindings(self, user: str) -> list[Binding]:
        """Oldest first; the last is the one registered or refreshed most recently."""
        return sorted(self._users.get(user, {}).values(), key=lambda b: b.expires_at)

    def expire(self, now: float) -> None:
        for user in list(self._users):
            gone = [key for key, binding in self._users[user].items() if binding.expires_at <= now]
            self._remove(user, gone)

    def next_expiry(self) -> float | None:
        return min((b.expires_at for held in self._users.values() for b in held.values()), default=None)

    def dump(self) -> bytes:
        """All bindings as JSON, for `load` after a restart."""
        rows = [
            Held(user, str(b.contact), b.flow, b.expires_at, b.call_id, b.cseq)
            for user, held in self._users.items()
            for b in held.values()
        ]
        return msgspec.json.encode(rows)

    def load(self, data: bytes) -> None:
        """Take up a dump; what cannot be read is as good as expired."""
        try:
            rows = msgspec.json.decode(data, type=list[Held])
            uris = [parse_uri(row.contact) for row in rows]
        except (msgspec.DecodeError, UnicodeDecodeError, BadMessage):
            return
        for row, uri in zip(rows, uris, strict=True):
            binding = Binding(uri, row.flow, row.expires_at, row.call_id, row.cseq)
            self._users.setdefault(row.user, {})[row.contact] = binding
