"""The web process: Django, and the server's own messages about starting and stopping, which Django does not know."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marhaba.web.settings")
_django = get_asgi_application()

from django.conf import settings  # noqa: E402 -- Django has to be set up first

from marhaba.web.live.hub import HUB  # noqa: E402
from marhaba.web.records.following import Follower  # noqa: E402

Message = dict[str, Any]


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    if scope["type"] != "lifespan":
        await _django(scope, receive, send)  # type: ignore[arg-type]
        return
    data = settings.ENVIRONMENT.data
    follower = None if data is None else Follower(data)
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            HUB.start()
            if follower is not None:
                follower.start()
        else:
            await HUB.stop()
            if follower is not None:
                await asyncio.to_thread(follower.stop)
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
