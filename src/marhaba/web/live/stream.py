"""A stream of parts to one browser, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from marhaba.web.live.hub import HUB
from marhaba.web.live.parts import Watcher

ALIVE_S = 15.0
"""A stream says something at least so often, so that proxies keep it and dead browsers are found."""
STREAM_S = 600.0
"""A stream ends after this, and the browser comes again: whoever may no longer look is refused then."""


def stream_to(watcher: Watcher) -> HttpResponseBase:
    if HUB.full:
        return HttpResponse(status=503, headers={"Retry-After": "30"})
    answer = StreamingHttpResponse(_lines(watcher), content_type="text/event-stream")
    answer["Cache-Control"] = "no-store"
    answer["X-Accel-Buffering"] = "no"  # nginx would keep lines back
    return answer


async def _lines(watcher: Watcher) -> AsyncIterator[bytes]:
    ends = asyncio.get_running_loop().time() + STREAM_S
    with HUB.reading(watcher) as reader:
        while asyncio.get_running_loop().time() < ends:
            if reader.lost:
                return  # the browser comes again, and gets a snapshot
            try:
                async with asyncio.timeout(ALIVE_S):
                    yield await reader.lines.get()
            except TimeoutError:
                yield b": alive\n\n"
