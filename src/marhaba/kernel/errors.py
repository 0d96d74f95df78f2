"""The errors of Marhaba.

    MarhabaError            every refusal a person or a peer may meet; carries a stable `code`
    ├── Refused             a business refusal: the action is understood and not allowed now
    ├── BadInput            outside input that cannot be used (a file, a message, a value)
    └── LimitReached        a named limit was met; trying later may work

A room with its own errors derives them from these.
"""

from collections.abc import Mapping
from typing import Any


class MarhabaError(Exception):
    """Base of all declared errors. `code` is stable and is what pages and protocols translate; `about` fills the
    gaps of the translation."""

    code = "error"

    def __init__(
        self, message: str, *, code: str | None = None, about: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.about = about or {}
        if code is not None:
            self.code = code


class Refused(MarhabaError):
    """The action is understood and not allowed now."""

    code = "refused"


class BadInput(MarhabaError):
    """Outside input that cannot be used."""

    code = "bad-input"


class LimitReached(MarhabaError):
    """A named limit was met."""

    code = "limit-reached"
