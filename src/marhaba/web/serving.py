"""The web process: the address is bound first, so that a taken port is a refusal and no half-open centre."""

from __future__ import annotations

import errno
import os
import socket

import uvicorn
from django.conf import settings
from django.core.management import call_command
from django.urls import reverse

from marhaba.kernel.errors import Refused

BACKLOG = 512
STOP_S = 5
"""What requests in progress get to end when the process is stopped."""


def welcome_address(token: str) -> str:
    return f"{settings.ENVIRONMENT.address}{reverse('welcome', args=[token])}"


def listen(host: str, port: int) -> socket.socket:
    """Raises `Refused` when somebody else listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
    except OSError as error:
        door.close()
        why = os.strerror(error.errno or errno.EINVAL)
        raise Refused(
            f"{host}:{port}: {why}", code="web-address", about={"host": host, "port": port, "why": why}
        ) from error
    door.listen(BACKLOG)
    door.setblocking(False)
    return door


def serve(door: socket.socket) -> None:
    """Until SIGTERM or SIGINT."""
    call_command("collectstatic", interactive=False, verbosity=0)
    config = uvicorn.Config(
        "marhaba.web.asgi:application",
        log_config=None,
        access_log=False,  # addresses hold numbers and one-time links
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1",
        server_header=False,
        timeout_graceful_shutdown=STOP_S,
    )
    uvicorn.Server(config).run(sockets=[door])
