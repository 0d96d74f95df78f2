"""What whoever starts the web process tells it, by environment variables, which the settings read."""

from __future__ import annotations

import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from marhaba.kernel.errors import BadInput

CONFIG, DATA, DATABASE, ADDRESS, CENTRE, TIMEZONE = (
    "MARHABA_CONFIG",
    "MARHABA_DATA",
    "MARHABA_DATABASE",
    "MARHABA_ADDRESS",
    "MARHABA_CENTRE",
    "MARHABA_TIMEZONE",
)
KEY_FILE = "web.key"
ENGINES = {"postgresql": "django.db.backends.postgresql", "postgres": "django.db.backends.postgresql"}
BUSY_S = 20
"""How long a writer waits for another before the page says that it could not be saved."""


@dataclass(frozen=True, slots=True)
class Environment:
    config: Path | None  # the centre's file; None: nobody serves it
    data: Path | None  # the centre's folder: database, key, uploads; None: nobody serves it (types, tests)
    database: str  # a URL; "": SQLite in the folder
    address: str  # where browsers find us: https://centre.example, no slash behind
    name: str  # of the centre
    timezone: str

    @property
    def floor(self) -> Path | None:
        """Its socket."""
        return None if self.data is None else self.data / "run" / "floor.sock"


def read_environment(found: os._Environ[str] | dict[str, str] | None = None) -> Environment:
    values = os.environ if found is None else found
    data = Path(values[DATA]) if DATA in values else None
    return Environment(
        config=Path(values[CONFIG]) if CONFIG in values else None,
        data=data,
        database=values.get(DATABASE, ""),
        address=values.get(ADDRESS, "http://127.0.0.1:8080").rstrip("/"),
        name=values.get(CENTRE, "Marhaba"),
        timezone=values.get(TIMEZONE, "Africa/Casablanca"),
    )


def write_environment(environment: Environment) -> dict[str, str]:
    """What `read_environment` reads."""
    said = {
        DATABASE: environment.database,
        ADDRESS: environment.address,
        CENTRE: environment.name,
        TIMEZONE: environment.timezone,
    }
    paths = {CONFIG: environment.config, DATA: environment.data}
    return said | {name: str(path) for name, path in paths.items() if path is not None}


def secret_key(folder: Path | None) -> str:
    """What sessions and links are signed with: made on this machine on the first start, readable by its owner alone."""
    if folder is None:
        return secrets.token_urlsafe(50)
    file = folder / KEY_FILE
    try:
        return file.read_text("ascii").strip()
    except FileNotFoundError:
        pass
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    number, name = tempfile.mkstemp(dir=folder, prefix=KEY_FILE)  # mode 0600; nobody else's draft
    draft = Path(name)
    with open(number, "w", encoding="ascii") as out:
        out.write(secrets.token_urlsafe(50))
    try:
        os.link(draft, file)  # of two processes that start at once one makes the key, and both use it
    except FileExistsError:
        pass
    draft.unlink(missing_ok=True)
    return file.read_text("ascii").strip()


def database(url: str, folder: Path | None) -> dict[str, object]:
    """Django's settings of the database. Raises `BadInput` for a URL that names none we know."""
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(folder / "web.sqlite3") if folder is not None else ":memory:",
            "OPTIONS": {
                "timeout": BUSY_S,
                "transaction_mode": "IMMEDIATE",  # a writer waits at the start, and is never refused half way
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-20000;",
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in ENGINES or not parts.path.strip("/"):
        raise BadInput(f"{url!r} is no postgresql://user:password@host/database", code="database")
    return {
        "ENGINE": ENGINES[parts.scheme],
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or dict(parse_qsl(parts.query)).get("host", ""),
        "PORT": str(parts.port or ""),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"pool": {"min_size": 1, "max_size": 8}},
    }
