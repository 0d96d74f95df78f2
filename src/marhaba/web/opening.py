"""Django is set up for one centre: by the web process, and by the commands that need its database."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django

from marhaba.web.environment import Environment, write_environment

LOCK_FILE = "web.lock"


def open_web(environment: Environment) -> None:
    """Once in a process, before anything of Django is imported. Makes the database, and brings it up to date."""
    os.environ.update(write_environment(environment))
    os.environ["DJANGO_SETTINGS_MODULE"] = "marhaba.web.settings"
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 -- Django has to be set up first

    assert environment.data is not None
    with _alone(environment.data):
        call_command("migrate", interactive=False, verbosity=0)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Of two that start at once, one brings the database up to date and the other waits for it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / LOCK_FILE).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
