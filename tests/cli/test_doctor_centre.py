"""What the doctor says of a centre: when it opens, and what it cannot say to callers."""

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from marhaba.cli.doctor import examine
from tests.centre.centre_texts import centre_text


@pytest.mark.parametrize("zone", ["Africa/Casablanca", "Pacific/Auckland"])
def test_the_next_opening_is_told_on_the_programmes_own_clock(tmp_path: Path, zone: str) -> None:
    today = datetime.now(ZoneInfo(zone)).strftime("%a").lower()
    days = [day for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun") if day != today]
    hours = "".join(f'hours.{day} = ["08:30-18:30"]\n' for day in days)
    text = centre_text("end", f'[calendars.bureau]\ntimezone = "{zone}"\n{hours}')
    (tmp_path / "centre.toml").write_text(text.replace('calendar = "always"', 'calendar = "bureau"'))
    [finding] = [found for found in examine(tmp_path / "centre.toml") if found.check == "hours"]
    assert finding.verdict == "warn"
    assert re.fullmatch(r"20\d\d-\d\d-\d\d 08:30", finding.about["opening"])


def test_prompts_and_music_that_exist_nowhere_are_named(tmp_path: Path) -> None:
    text = centre_text("programme", "greeting = ['welcom', 'welcome']")
    text = text.replace("[queues.accueil]", "[queues.accueil]\nmusic = 'jazz'\ncomfort = ['ours']")
    text = text.replace("[sip]", "prompts_folder = 'prompts'\n[sip]")
    (tmp_path / "centre.toml").write_text(text)
    (tmp_path / "prompts" / "fr").mkdir(parents=True)
    assert prompts(tmp_path) == ("warn", "jazz, ours, welcom")
    (tmp_path / "prompts" / "music").mkdir()
    for name in ("fr/ours", "fr/welcom", "music/jazz"):
        (tmp_path / "prompts" / f"{name}.wav").touch()
    assert prompts(tmp_path) == ("good", "")


def prompts(folder: Path) -> tuple[str, str]:
    [finding] = [found for found in examine(folder / "centre.toml") if found.check == "prompts"]
    return finding.verdict, finding.about["names"]
