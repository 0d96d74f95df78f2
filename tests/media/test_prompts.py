"""The shipped prompts are complete in four languages, audible, and short."""

import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from marhaba.media import wav
from marhaba.media.library import LANGUAGES, SHIPPED, PromptLibrary

SOURCE = Path(sys.modules["marhaba"].__file__ or "").parent
CATALOGUE = tomllib.loads((SHIPPED / "catalogue.toml").read_text("utf-8"))
IDS = [*CATALOGUE, *(f"number-{n}" for n in range(1, 51)), *(f"minutes-{n}" for n in range(1, 31))]
IDS += [f"digit-{n}" for n in range(10)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_prompt_exists_and_is_audible(language: str) -> None:
    library = PromptLibrary()
    for path in library.paths(IDS, language):
        assert Path(path).parent.name == language
        samples = wav.read_alaw(path)
        assert 800 <= len(samples) <= 20 * 8000, path
        assert np.std(samples.astype(np.float64)) > 5, path
    assert library.missing == set()


def test_every_text_is_there_in_every_language() -> None:
    assert all(set(row) == set(LANGUAGES) and all(row.values()) for row in CATALOGUE.values())


def test_every_prompt_the_floor_names_exists() -> None:
    named: set[str] = set()
    for path in (SOURCE / "floor").glob("*.py"):
        text = path.read_text("utf-8")
        for listed in re.findall(r"(?:say|tell_agent)\([^\[]*\[([^\]]*)\]", text):
            named |= set(re.findall(r'"([a-z0-9-]+)"', listed))
    library = PromptLibrary()
    library.paths(sorted(named), "fr")
    assert named
    assert library.missing == set()
