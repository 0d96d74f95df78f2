from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from marhaba.journal.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """One that the floor writes."""
    written = Journal(tmp_path / "journal.sqlite")
    yield written
    written.close()
