"""What the commands say is complete in the four languages, and asks for the same values in each."""

import ast
import string
from pathlib import Path

import pytest

from marhaba.cli import main
from marhaba.cli.words import LANGUAGES, keys, reader_language, say

CLI = Path(main.__file__).parent


@pytest.mark.parametrize("key", sorted(keys()))
def test_every_text_exists_in_the_four_languages_with_the_same_places(key: str) -> None:
    texts = keys()[key]
    assert set(texts) == set(LANGUAGES)
    places = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in texts.values()]
    assert all(text.strip() for text in texts.values())
    assert places == [places[0]] * len(LANGUAGES)


def test_every_text_named_in_the_commands_exists() -> None:
    named = {
        node.args[0].value
        for path in CLI.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "say"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert named <= set(keys())
    assert {f"help.{name}" for name in main.COMMANDS} <= set(keys())


@pytest.mark.parametrize(
    ("lang", "expected"),
    [("es_ES.UTF-8", "es"), ("ar_MA", "ar"), ("en_GB", "en"), ("de_DE", "fr"), ("", "fr")],
)
def test_the_reader_language_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, lang: str, expected: str
) -> None:
    for name in ("MARHABA_LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", lang)
    assert reader_language() == expected


def test_an_unknown_text_is_an_error() -> None:
    with pytest.raises(KeyError):
        say("no.such.text", "fr")
