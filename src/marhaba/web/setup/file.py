"""The centre's file, from the pages' side: read, examined, written whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from marhaba.centre import CentreError, load_centre, read_text
from marhaba.centre.model import Centre
from marhaba.centre.reading import Examined, examine_centre
from marhaba.centre.secrets import Secrets, load_secrets
from marhaba.files.problems import Problem
from marhaba.kernel.errors import Refused

PHONES_FILE = "phones.toml"
LOCK_FILE = "setup.lock"


def path() -> Path:
    """Raises `Refused` where the pages serve no centre."""
    config: Path | None = settings.ENVIRONMENT.config
    if config is None:
        raise Refused("the pages serve no centre", code="no-config")
    return config.resolve()  # a link stays one


def current() -> str:
    """Raises `Refused` when it cannot be read."""
    try:
        return read_text(path())
    except CentreError as wrong:
        raise Refused(str(wrong), code="unreadable") from wrong


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def examine(text: str) -> Examined:
    """The text as if it stood in the file, with the secrets beside it. Raises `CentreError` for what is no TOML."""
    file = path()
    try:
        secrets: Secrets | None = load_secrets(file.with_name(PHONES_FILE))
        wrong: tuple[Problem, ...] = ()
    except CentreError as error:
        secrets, wrong = None, tuple(error.problems)
    found = examine_centre(text, folder=file.parent, secrets=secrets)
    return Examined(None if wrong else found.centre, (*found.problems, *wrong), found.asked)


def centre_of(text: str) -> Centre:
    """Raises `CentreError` with every problem."""
    return load_centre(path(), text=text)


def write(text: str) -> None:
    """In one step, with the rights that the file has. Raises `Refused` when it cannot be written."""
    file = path()
    try:
        mode = file.stat().st_mode & 0o777
        number, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        draft = Path(name)
        try:
            with open(number, "w", encoding="utf-8") as out:
                out.write(text)
                out.flush()
                os.fchmod(out.fileno(), mode)
                os.fsync(out.fileno())
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise Refused(
            f"{file}: {error.strerror}", code="not-written", about={"why": error.strerror}
        ) from error


@contextmanager
def alone() -> Iterator[None]:
    """Nobody else of the pages writes the file or takes it for a version meanwhile."""
    folder: Path = settings.ENVIRONMENT.data or path().parent
    with (folder / LOCK_FILE).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
