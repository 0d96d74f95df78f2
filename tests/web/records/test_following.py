"""The thread that keeps the rows: it begins before there is a journal, follows it, and only one does."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import OperationalError

from marhaba.journal.journal import Journal
from marhaba.web.records import following
from marhaba.web.records.following import Follower
from marhaba.web.records.models import Call
from tests.journal.days import answered_call

pytestmark = pytest.mark.django_db(transaction=True)
WAIT_S = 20.0


def wait(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with suppress(OperationalError):  # a database in memory has no WAL: who reads meets who writes
            if true():
                return
        time.sleep(0.02)
    raise AssertionError("it did not come true")


def test_it_follows_a_journal_that_begins_later_and_hands_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "AGAIN_S", 0.05)
    monkeypatch.setattr(following, "LOOK_S", 0.02)
    first, second = Follower(tmp_path), Follower(tmp_path)
    first.start()
    second.start()
    journal = Journal(tmp_path / "journal.sqlite")
    journal.append(answered_call("c1"))
    wait(lambda: Call.objects.filter(outcome="answered").count() == 1)
    first.stop()
    journal.append(answered_call("c2", at=100.0))
    wait(lambda: Call.objects.filter(outcome="answered").count() == 2)
    second.stop()
    journal.close()


def test_a_journal_that_is_none_is_said_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(following, "AGAIN_S", 0.05)
    file = tmp_path / "journal.sqlite"
    file.write_text("no database")
    follower = Follower(tmp_path)
    follower.start()
    wait(lambda: "the call records stand still" in caplog.text)
    file.unlink()
    journal = Journal(file)
    journal.append(answered_call("c1"))
    wait(lambda: Call.objects.count() == 1)
    follower.stop()
    journal.close()
