"""Every text of the pages is there in four languages, and says the same."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.core.management import call_command
from django.utils import translation

import marhaba.web

WEB = Path(marhaba.web.__file__).parent
LANGUAGES = ("es", "ar", "en")
PLACES = re.compile(r"%\(\w+\)s|\{\w+\}|%%|</?\w+>")


def catalogue(language: str) -> Catalog:
    with (WEB / "locale" / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def texts(catalogue: Catalog) -> dict[str, str]:
    return {str(message.id): str(message.string) for message in catalogue if message.id}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What the pages say, as gettext finds it."""
    folder = tmp_path_factory.mktemp("web") / "web"
    shutil.copytree(WEB, folder, ignore=shutil.ignore_patterns("*.po", "*.mo", "__pycache__"))
    (folder / "locale").mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        call_command("makemessages", locale=["en"], verbosity=0, no_wrap=True, no_location=True)
    (found,) = (folder / "locale").glob("en/LC_MESSAGES/django.po")
    with found.open("rb") as file:
        return set(texts(read_po(file)))


def test_gettext_is_there() -> None:
    subprocess.run(["xgettext", "--version"], check=True, capture_output=True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_none_is_left_over(sources: set[str], language: str) -> None:
    assert len(sources) > 100
    told = texts(catalogue(language))
    assert {text for text in told if not told[text]} == set()
    assert told.keys() == sources
    assert not [message.id for message in catalogue(language) if message.id and message.fuzzy]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_filled_in_is_filled_in_everywhere(language: str) -> None:
    for source, told in texts(catalogue(language)).items():
        assert Counter(PLACES.findall(source)) == Counter(PLACES.findall(told)), source


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_installed_is_what_is_written(language: str) -> None:
    with (WEB / "locale" / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        assert texts(read_mo(file)) == texts(catalogue(language))


def test_a_french_text_is_no_english_one_that_django_translates(sources: set[str]) -> None:
    """ "File" is a queue in French, and a document in Django's English."""
    with translation.override("fr"):
        assert {text: translation.gettext(text) for text in sources} == {text: text for text in sources}
