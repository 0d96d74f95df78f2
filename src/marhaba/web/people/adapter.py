"""What the account library is told of this house: nobody signs up by himself."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Behind a proxy of the same machine the address that it names; else whoever knocks."""
        peer = str(request.META.get("REMOTE_ADDR", ""))
        if peer in ("127.0.0.1", "::1") and (named := request.headers.get("X-Forwarded-For")):
            return named.rpartition(",")[2].strip()
        return peer or "127.0.0.1"

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """The library's messages say what the page already shows."""
