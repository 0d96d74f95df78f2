"""The browser's audio line: its offer to the edge, what the edge opened to the floor, and the answer back.

As WHIP does it (RFC 9725): one POST with the offer, the answer comes with 201; DELETE when the browser leaves.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Final

from django.conf import settings

from marhaba.kernel.errors import Refused
from marhaba.media.edge_protocol import SOCKET, EdgeWelcome, LineOpened, LineRefused, OpenLine
from marhaba.media.framing import BadFrame, edge_event_reader, frame
from marhaba.web.live.hub import HUB

EDGE_S: Final = 5.0


async def open_line(agent: str, offer: str) -> tuple[str, str]:
    """The line's name and the answer. Raises `Refused`, and `ConnectionError` when edge or floor are not there."""
    line = secrets.token_hex(8)
    opened = await _ask_edge(OpenLine(line, offer))
    if isinstance(opened, LineRefused):
        raise Refused(opened.detail, code=opened.code)
    reply = await HUB.ask(
        "line", agent=agent, edge=line, host=opened.host, port=opened.port, dtmf_payload=opened.dtmf_payload
    )
    if not reply.ok:  # nobody aims it, so the edge closes it
        raise Refused(reply.message, code=reply.code)
    return line, opened.answer


async def _ask_edge(command: OpenLine) -> LineOpened | LineRefused:
    folder = settings.ENVIRONMENT.data
    if folder is None:
        raise ConnectionError("no edge")
    try:
        async with asyncio.timeout(EDGE_S):
            reader, writer = await asyncio.open_unix_connection(str(folder / "run" / SOCKET))
            try:
                writer.write(frame(command))
                events = edge_event_reader()
                while data := await reader.read(1 << 16):
                    for event in events.feed(data):
                        if not isinstance(event, EdgeWelcome):
                            return event
            finally:
                writer.close()
    except (OSError, TimeoutError, BadFrame) as lost:
        raise ConnectionError(str(lost)) from lost
    raise ConnectionError("the edge closed the socket")
