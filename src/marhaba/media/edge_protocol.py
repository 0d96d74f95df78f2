"""What the edge is told and says: browsers' audio lines, opened by the pages and aimed by the floor.

Framed as the media workers' messages are (`framing`). Whoever is connected gets the replies to its own commands. A *line*
is one browser's audio path: DTLS-SRTP on its side, plain RTP to a media worker on ours. It stays open from call to call.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

SOCKET: Final = "edge.sock"


class EdgeCommand(msgspec.Struct, frozen=True, tag=True):
    """To the edge."""


class OpenLine(EdgeCommand, frozen=True):
    """From the pages: a browser's offer (SDP). `LineOpened` or `LineRefused` follows."""

    line: str
    offer: str


class AimLine(EdgeCommand, frozen=True):
    """From the floor: the media worker's port that the line belongs to from now on."""

    line: str
    host: str
    port: int


class CloseLine(EdgeCommand, frozen=True):
    line: str


class EdgeEvent(msgspec.Struct, frozen=True, tag=True):
    """From the edge."""


class LineOpened(EdgeEvent, frozen=True):
    """The answer for the browser, and where the worker finds the line; closed again unless it is aimed soon."""

    line: str
    answer: str
    host: str
    port: int
    dtmf_payload: int  # 0: the browser has no telephone-event


class LineRefused(EdgeEvent, frozen=True):
    line: str
    code: Literal["bad-offer", "limit"]
    detail: str


class EdgeWelcome(EdgeEvent, frozen=True):
    """First message on every connection."""

    lines: list[str]  # those that were aimed


AnyEdgeCommand = OpenLine | AimLine | CloseLine
AnyEdgeEvent = LineOpened | LineRefused | EdgeWelcome
