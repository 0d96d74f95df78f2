"""Every mistake in centre.toml is named: its line, what was found, what was expected, in the reader's language."""

import string
from pathlib import Path

import pytest

from marhaba.centre import CentreError, Problem, load_centre, parse_centre
from marhaba.centre.secrets import Secrets
from marhaba.files.problems import LANGUAGES, PROBLEMS_SHOWN_MAX, reader_language, words
from marhaba.kernel.eligibility import SKILLS_MAX
from marhaba.kernel.routing import AGENTS_MAX
from tests.centre.centre_texts import WRONG, Wrong, centre_text, marked_line

FOLDER = Path("/centre")
FILE_LEVEL = {
    "readable",
    "file_size",
    "utf8",
    "secret_mode",
    "sha256",
    "md5",
    "realm_of_phones",
    "tls_file",
    "agents_count",
    "skills_count",
}
"""Told of whole files, or with other files at hand: they have tests of their own."""


def problems_of(text: str, secrets: Secrets | None = None) -> list[Problem]:
    with pytest.raises(CentreError) as caught:
        parse_centre(text, folder=FOLDER, secrets=secrets)
    return caught.value.problems


def test_the_text_that_the_mistakes_are_put_into_is_right() -> None:
    assert parse_centre(centre_text(), folder=FOLDER).name == "Essai"


@pytest.mark.parametrize("wrong", WRONG, ids=lambda w: f"{w.expected}-{w.where}")
def test_a_mistake_is_named_with_its_line_and_what_was_found_and_expected(wrong: Wrong) -> None:
    text = centre_text(wrong.place, wrong.text, instead=wrong.instead)
    [problem] = problems_of(text)
    assert (problem.where, problem.found, problem.expected) == (wrong.where, wrong.found, wrong.expected)
    assert problem.about.get("hint", "") == wrong.hint
    if "# <-" in wrong.text and wrong.found:
        assert problem.line == marked_line(text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("wrong", WRONG, ids=lambda w: f"{w.expected}-{w.where}")
def test_a_mistake_is_told_in_each_language(wrong: Wrong, language: str) -> None:
    text = centre_text(wrong.place, wrong.text, instead=wrong.instead)
    with pytest.raises(CentreError) as caught:
        parse_centre(text, folder=FOLDER, language=language)
    said = str(caught.value)
    [problem] = caught.value.problems
    assert said == problem.render(language)
    assert str(problem.line) in said
    assert wrong.where in said
    assert "{" not in said.replace("{…}", "").replace("{ language = 2 }", "").replace("{ … }", "").replace(
        "{ key = value }", ""
    ).replace("{ clé = valeur }", "").replace("{ clave = valor }", "")
    assert wrong.hint in said
    assert said not in {problem.render(other) for other in LANGUAGES if other != language}


def test_what_a_french_reader_sees() -> None:
    text = centre_text("queue", "ring_s = '2 h'")
    with pytest.raises(CentreError) as caught:
        parse_centre(text, folder=FOLDER, language="fr")
    assert str(caught.value) == (
        'ligne 8, queues.accueil.ring_s : trouvé "2 h" ; attendu : une durée de 5 s à 2 min, comme "20 s" ou "2 min"'
    )


def test_what_an_english_reader_sees_of_a_slip_of_the_finger() -> None:
    text = centre_text("programme", 'queue = "acueil"', instead='queue = "accueil"\n')
    with pytest.raises(CentreError) as caught:
        parse_centre(text, folder=FOLDER, language="en")
    assert str(caught.value) == (
        'line 12, programmes.banque.queue: found "acueil"; '
        "expected: a queue of the centre: accueil, autre – did you mean accueil?"
    )


def test_every_text_is_reached_by_a_mistake_in_these_tests() -> None:
    """Those of a centre on paper (`model_...`) are reached in tests/simulator/paper."""
    told = {wrong.expected for wrong in WRONG} | FILE_LEVEL
    texts = {key.removeprefix("expected.") for key in words() if key.startswith("expected.")}
    assert {text for text in texts if not text.startswith("model_")} == told


@pytest.mark.parametrize("key", sorted(words()))
def test_every_text_exists_in_the_four_languages_with_the_same_gaps(key: str) -> None:
    texts = words()[key]
    assert set(texts) == set(LANGUAGES)
    gaps = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in texts.values()]
    assert gaps == [gaps[0]] * len(LANGUAGES)


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines() -> None:
    text = (
        centre_text("queue", "ring_s = 1\nwrap_s = -1\nskills = 3") + "[limits]\ncalls_max = 0\n[nonsense]\n"
    )
    problems = problems_of(text)
    assert [p.where for p in problems] == [
        "queues.accueil.ring_s",
        "queues.accueil.wrap_s",
        "queues.accueil.skills",
        "limits.calls_max",
        "nonsense",
    ]
    assert [p.line for p in problems] == sorted(p.line for p in problems)


def test_more_mistakes_than_a_screen_holds_are_counted() -> None:
    text = centre_text("top", "\n".join(f"nonsense_{n} = 1" for n in range(PROBLEMS_SHOWN_MAX + 3)))
    with pytest.raises(CentreError) as caught:
        parse_centre(text, folder=FOLDER, language="en")
    lines = str(caught.value).split("\n")
    assert len(lines) == PROBLEMS_SHOWN_MAX + 1
    assert lines[-1] == "… and 3 more problems"


def test_an_empty_file_asks_for_what_every_centre_has() -> None:
    assert {p.where for p in problems_of("")} == {"name", "country", "timezone", "sip.advertised_host"}


def test_tls_needs_its_certificate_and_key() -> None:
    problems = problems_of(centre_text("sip", "tls = '0.0.0.0:5061'"))
    assert [(p.where, p.expected, p.line) for p in problems] == [
        ("sip.certificate", "tls_file", 4),
        ("sip.key", "tls_file", 4),
    ]


def test_a_new_realm_is_refused_while_phones_hold_secrets_of_the_old_one() -> None:
    secrets = Secrets({"101": {"SHA-256": "0" * 64}}, {}, {"101": "old"})
    [problem] = problems_of(centre_text("top", "realm = 'new'"), secrets)
    assert (problem.where, problem.found, problem.expected) == ("realm", '"new"', "realm_of_phones")
    assert (problem.line, problem.about["realm"], problem.about["phone"]) == (4, "old", "101")


def test_more_agents_or_skills_than_the_kernel_holds_are_refused_before_anything_starts() -> None:
    crowd = "".join(f"[agents.a{n}]\nphone = 'p{n}'\n" for n in range(AGENTS_MAX - 1))
    [problem] = problems_of(centre_text("end", crowd))
    assert (problem.where, problem.found, problem.expected) == ("agents", str(AGENTS_MAX + 1), "agents_count")
    skills = ", ".join(f"s{n} = 1" for n in range(SKILLS_MAX))
    [problem] = problems_of(centre_text("end", f"[agents.expert]\nphone = '9'\nskills = {{ {skills} }}"))
    assert (problem.where, problem.expected) == ("agents", "skills_count")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CentreError) as caught:
        load_centre(tmp_path / "centre.toml", language="en")
    assert str(caught.value) == "centre.toml: found nothing; expected: a file that can be read"


def test_a_file_that_is_no_text_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "centre.toml"
    path.write_bytes(b'name = "x"\n# caf\xe9\n')
    with pytest.raises(CentreError) as caught:
        load_centre(path, language="en")
    assert str(caught.value) == "line 2, centre.toml: found b'\\xe9'; expected: a text in UTF-8"


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "centre.toml"
    path.write_bytes(b"#" * (5 << 20))
    with pytest.raises(CentreError) as caught:
        load_centre(path)
    assert [p.expected for p in caught.value.problems] == ["file_size"]


def test_problems_of_both_files_come_together(tmp_path: Path) -> None:
    (tmp_path / "centre.toml").write_text(centre_text("queue", "ring_s = 0"))
    (tmp_path / "phones.toml").write_text("")
    (tmp_path / "phones.toml").chmod(0o644)
    with pytest.raises(CentreError) as caught:
        load_centre(tmp_path / "centre.toml")
    assert [p.expected for p in caught.value.problems] == ["secret_mode", "duration"]


def test_a_long_wrong_value_is_shown_in_part() -> None:
    [problem] = problems_of(centre_text("queue", f"ring_s = '{'x' * 500}'"))
    assert len(problem.render("en")) < 250
    assert "x" * 50 in problem.render("en")


@pytest.mark.parametrize(("lang", "expected"), [("es_ES.UTF-8", "es"), ("ar_MA", "ar"), ("C", "fr")])
def test_the_reader_s_language_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, lang: str, expected: str
) -> None:
    for name in ("MARHABA_LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", lang)
    assert reader_language() == expected
