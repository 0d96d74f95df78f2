"""Help and refusals of the command line: whole in each of the four languages, for every option of every command."""

import argparse
import ast
import re
import shutil
from pathlib import Path

import pytest

import marhaba
from marhaba.cli import agent
from marhaba.cli.main import COMMANDS, main
from marhaba.cli.options import number, whole
from marhaba.cli.words import LANGUAGES, keys

FRENCH_OF_ARGPARSE = ("positional arguments", "options:", "show this help", "usage: ")


def helped(
    command: str, language: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> str:
    monkeypatch.setenv("MARHABA_LANGUAGE", language)
    monkeypatch.setenv("COLUMNS", "300")
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_in_the_readers_language_alone(
    command: str, language: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = helped(command, language, capsys, monkeypatch)
    for key, texts in keys().items():
        # Every text of this command that is another in each language.
        if key.startswith((f"option.{command}.", "argparse.positionals")) and len(set(texts.values())) == 4:
            for other in LANGUAGES:
                if key in ("argparse.positionals",) and command not in ("agent", "phone", "bench"):
                    continue
                found = re.search(rf"(?:^|\s{{2,}}){re.escape(texts[other])}(?::?$)", text, re.MULTILINE)
                assert (found is not None) is (other == language), (key, other)


def test_no_option_is_without_help_and_no_help_without_option() -> None:
    parsers = {}
    for command, module in COMMANDS.items():
        parser = argparse.ArgumentParser(add_help=False)
        __import__(module, fromlist=["add_arguments"]).add_arguments(parser)
        parsers[command] = {action.dest for action in parser._actions}
    told = {key.removeprefix("option.") for key in keys() if key.startswith("option.")} - {
        "version",
        "config",
    }
    assert told == {f"{command}.{name}" for command, names in parsers.items() for name in names - {"config"}}


def test_argparse_still_says_the_sentences_we_translate() -> None:
    source = Path(argparse.__file__).read_text("utf-8")
    for key, texts in keys().items():
        if key.startswith("argparse."):
            assert repr(texts["en"]) in source or f'"{texts["en"]}"' in source, texts["en"]
            places = [sorted(re.findall(r"%(?:\(\w+\))?[rs]", text)) for text in texts.values()]
            assert places == [places[0]] * 4, key


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["nothing"], "n'est pas un choix possible"),
        ([], "il manque"),
        (["call"], "il manque : --to"),
        (["call", "--to"], "--to : une valeur est attendue"),
        (["call", "--to", "1", "--seconds", "long"], "« long » : un nombre est attendu, 0 ou plus"),
        (["call", "--to", "1", "--seconds", "nan"], "un nombre est attendu"),
        (["calls", "--limit", "0"], "« 0 » : un nombre entier est attendu, 1 ou plus"),
        (["top", "--twice"], "option ou argument inconnu : --twice"),
        (["demo", "--minutes", "-3"], "un nombre est attendu, 0 ou plus"),
    ],
)
def test_a_wrong_command_line_is_refused_in_french(
    argv: list[str], told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARHABA_LANGUAGE", "fr")
    monkeypatch.setenv("COLUMNS", "300")
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["check", "--config", "none.toml"], "Il n'y a pas de fichier none.toml"),
        (["top", "--config", "none.toml"], "Il n'y a pas de fichier none.toml"),
        (["agent", "amal", "pause"], "pause demande une valeur"),
        (["agent", "amal", "wrap_extend", "soon"], "« soon » : un nombre est attendu, 1 ou plus"),
        (["agent", "amal", "ready", "--config", "centre.toml"], "Aucun centre ne tourne"),
        (["call", "--to", "1", "--say", "none.wav"], "none.wav: ce fichier ou ce dossier n'existe pas"),
        (["call", "--to", "1", "--say", "."], "c'est un dossier"),
        (["call", "--to", "1", "--say", "text.wav"], "Ce fichier ne peut pas être dit"),
        (["call", "--to", "1", "--user", "x", "--password-file", "none"], "none: ce fichier"),
        (["demo", "--folder", "text.wav/x"], "ce n'est pas un dossier"),
        (["calls", "--config", "centre.toml"], "Pas de journal"),
        (["serve"], "centre.toml. « marhaba demo »"),
    ],
)
def test_what_cannot_be_carried_out_is_told_in_french(
    argv: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("MARHABA_LANGUAGE", "fr")
    monkeypatch.chdir(tmp_path)
    Path("text.wav").write_text("no sound")
    if "centre.toml" in argv:
        shutil.copy(Path(marhaba.__file__).parent / "centre" / "sample.toml", "centre.toml")
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.out == ""


def test_numbers() -> None:
    assert number()("0.5") == 0.5
    assert whole(1)("12") == 12
    for read, text in (
        (number(), "inf"),
        (number(1), "0"),
        (whole(), "-1"),
        (whole(), "1.5"),
        (whole(), "٣"),
    ):
        with pytest.raises(argparse.ArgumentTypeError):
            read(text)


def test_what_an_agent_and_a_supervisor_ask_of_the_floor() -> None:
    def asked(*argv: str) -> tuple[str, dict[str, object]]:
        parser = argparse.ArgumentParser()
        agent.add_arguments(parser)
        return agent.request(parser.parse_args(argv))

    assert asked("amal", "login") == ("login", {"agent": "amal"})
    assert asked("amal", "login", "poste7") == ("login", {"agent": "amal", "phone": "poste7"})
    assert asked("amal", "wrap_extend", "30") == ("wrap_extend", {"agent": "amal", "seconds": 30.0})
    assert asked("amal", "disposition", "sale", "--note", "n") == (
        "disposition",
        {"agent": "amal", "disposition": "sale", "sub": "", "note": "n"},
    )
    assert asked("sara", "whisper", "amal") == (
        "supervise",
        {"supervisor": "sara", "agent": "amal", "mode": "whisper"},
    )
    assert asked("sara", "leave") == ("supervise_end", {"supervisor": "sara"})


def test_every_refusal_of_the_floor_has_its_text() -> None:
    """What an agent may be refused is told in his language; a protocol's errors stay English."""
    floor = Path(marhaba.__file__).parent / "floor"
    codes = {
        keyword.value.value
        for path in floor.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("Refused", "Reply")
        for keyword in node.keywords
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant)
    }
    protocol = {"bad-request", "bad-arguments", "unknown-action"}
    assert {code for code in codes - protocol if f"refusal.{code}" not in keys()} == set()
