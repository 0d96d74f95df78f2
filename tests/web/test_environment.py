"""What whoever starts the web process tells it."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection

from marhaba.kernel.errors import BadInput
from marhaba.web.environment import (
    KEY_FILE,
    Environment,
    database,
    read_environment,
    secret_key,
    write_environment,
)


@pytest.mark.django_db
def test_these_tests_run_on_the_database_that_was_named() -> None:
    named = read_environment().database
    assert connection.vendor == ("postgresql" if named else "sqlite")


def test_what_is_written_is_read() -> None:
    said = Environment(
        Path("/etc/centre.toml"),
        Path("/centre"),
        "postgresql:///m",
        "https://tanger.example",
        "Tanger",
        "Africa/Casablanca",
    )
    assert read_environment(write_environment(said)) == said
    assert said.floor == Path("/centre/run/floor.sock")


def test_nobody_serves_a_centre_without_a_folder() -> None:
    nobody = read_environment({})
    assert (nobody.config, nobody.data, nobody.floor, nobody.database) == (None, None, None, "")
    assert database("", None)["NAME"] == ":memory:"
    assert secret_key(None) != secret_key(None)


def test_the_key_is_made_once_and_is_the_owners(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: secret_key(tmp_path), range(16)))
    assert len(keys) == 1
    assert secret_key(tmp_path) in keys
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_a_url_names_a_postgresql_database() -> None:
    found = database("postgresql://m%40x:p%2Fw@db.example:5433/centre", None)
    assert [found[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")] == [
        "m@x",
        "p/w",
        "db.example",
        "5433",
        "centre",
    ]
    assert database("postgresql:///centre?host=/run/pg", None)["HOST"] == "/run/pg"


@pytest.mark.parametrize("url", ["mysql://h/d", "postgresql://host", "centre", "sqlite:///x"])
def test_a_url_of_anything_else_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        database(url, None)
