"""The newest time-zone database wins, whoever brings it."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import tzdata

from marhaba.files.zones import system_version, use_newest_zones


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = zoneinfo.TZPATH
    yield
    zoneinfo.reset_tzpath(to=before)
    ZoneInfo.clear_cache()


def system(folder: Path, first_line: str) -> Path:
    (folder / "tzdata.zi").write_text(f"{first_line}\n# This zic input file is in the public domain.\n")
    return folder


@pytest.mark.parametrize(
    ("first_line", "version"),
    [("# version 2025b", "2025b"), ("# version 2026f", "2026f"), ("# version unknown", ""), ("", "")],
)
def test_the_systems_database_says_its_version(tmp_path: Path, first_line: str, version: str) -> None:
    assert system_version([str(tmp_path / "none"), str(system(tmp_path, first_line))]) == version


def test_without_a_database_of_the_system_there_is_no_version(tmp_path: Path) -> None:
    assert system_version([str(tmp_path)]) == ""
    assert system_version([]) == ""


def test_an_older_system_gives_way_to_the_package(tmp_path: Path) -> None:
    zoneinfo.reset_tzpath(to=[str(system(tmp_path, "# version 2025b"))])
    use_newest_zones()
    assert zoneinfo.TZPATH == ()


def test_a_newer_system_is_kept(tmp_path: Path) -> None:
    path = str(system(tmp_path, "# version 9999a"))
    zoneinfo.reset_tzpath(to=[path])
    use_newest_zones()
    assert path == zoneinfo.TZPATH[0]


def test_morocco_has_no_summer_hour_since_september_2026() -> None:
    """IANA tzdata 2026c, NEWS."""
    assert tzdata.IANA_VERSION >= "2026c"
    use_newest_zones()
    ZoneInfo.clear_cache()
    casablanca = ZoneInfo("Africa/Casablanca")
    assert [datetime(2026, month, 1, 12, tzinfo=casablanca).utcoffset() for month in (9, 10, 12)] == [
        timedelta(hours=1),
        timedelta(0),
        timedelta(0),
    ]
