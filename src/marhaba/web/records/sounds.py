"""A call's recordings, handed out in pieces as a player asks for them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from marhaba.web.records.models import Call

PIECE_BYTES: Final = 1 << 20
"""One minute of a call; a player asks for the next when it needs it."""


def sounds_of(call: Call) -> list[str]:
    """Paths as the journal has them: recordings, then the caller's message."""
    return [*call.recordings, *([call.voicemail] if call.voicemail else [])]


def found(path: str) -> Path | None:
    """The file; where it was written, or in the centre's folder if that moved. None: it is gone."""
    written = Path(path)
    data: Path | None = settings.ENVIRONMENT.data
    places = [written] if data is None else [written, data / "recordings" / written.name]
    return next((place for place in places if place.is_file()), None)


def piece(request: HttpRequest, path: Path) -> HttpResponseBase:
    """The part that a Range header asks for (RFC 9110, 14.2), at most PIECE_BYTES; without one, the file."""
    size = path.stat().st_size
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
    if asked is None or asked[0] == "bytes=-":
        headers = {"Accept-Ranges": "bytes", "Content-Length": str(size)}
        return StreamingHttpResponse(_pieces(path), content_type="audio/wav", headers=headers)
    if asked[1]:
        first, last = int(asked[1]), int(asked[2] or size - 1)
    else:
        first, last = max(0, size - int(asked[2])), size - 1
    last = min(last, size - 1, first + PIECE_BYTES - 1)
    if first > last:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    with path.open("rb") as file:
        file.seek(first)
        body = file.read(last - first + 1)
    headers = {"Content-Range": f"bytes {first}-{last}/{size}", "Accept-Ranges": "bytes"}
    return HttpResponse(body, status=206, content_type="audio/wav", headers=headers)


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while read := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield read


def starts(request: HttpRequest) -> bool:
    """Whether somebody begins to listen, and does not go on."""
    return re.match(r"bytes=[1-9]", request.headers.get("Range", "")) is None
