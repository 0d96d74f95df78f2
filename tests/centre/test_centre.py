"""What a right centre.toml means, and what a changed one changes."""

import re
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marhaba.centre import (
    CentreError,
    Limits,
    ServiceLevel,
    Spending,
    StarCodes,
    diff,
    load_centre,
    parse_centre,
)
from marhaba.centre.model import WebSettings
from marhaba.centre.secrets import Secrets, add_phone
from marhaba.kernel.rules import RelaxStep, Strategy
from tests.centre.centre_texts import centre_text

SAMPLE = resources.files("marhaba.centre").joinpath("sample.toml").read_text("utf-8")
FOLDER = Path("/centre")


def test_the_sample_is_the_centre_tanger() -> None:
    centre = parse_centre(SAMPLE, folder=FOLDER)
    assert (centre.name, centre.country, centre.timezone, centre.language) == (
        "Tanger",
        "MA",
        "Africa/Casablanca",
        "fr",
    )
    assert (centre.data_folder, centre.recordings_folder) == (FOLDER / "data", FOLDER / "data/recordings")
    assert (centre.sip.host, centre.sip.udp_port, centre.sip.tcp_port, centre.sip.tls_port) == (
        "0.0.0.0",
        5060,
        5060,
        0,
    )
    assert centre.web == WebSettings("127.0.0.1", 8080, "http://localhost:8080")
    assert list(centre.queues) == ["accueil-fr", "accueil-es", "support"]
    assert len(centre.agents) == 13
    assert len({agent.phone for agent in centre.agents.values()}) == 13
    bank = centre.programmes["banque"]
    assert (bank.client, bank.languages, bank.menu_digits) == (
        "Banque du Détroit",
        ("fr", "es"),
        {"1": "fr", "2": "es"},
    )
    assert bank.calendar.open_at(datetime(2026, 12, 25, 3, tzinfo=UTC).timestamp())
    assert centre.dialling.route("+212539123456") is not None
    assert centre.dialling.route("+21289123456") is None


def test_a_centre_that_says_little_gets_the_defaults() -> None:
    centre = parse_centre(centre_text(), folder=FOLDER)
    queue, programme, agent = centre.queues["accueil"], centre.programmes["banque"], centre.agents["amal"]
    assert (queue.ring_s, queue.wrap_s, queue.missed_pause_after, queue.service_level) == (
        20,
        15,
        2,
        ServiceLevel(),
    )
    assert (queue.rules.overflow_size, queue.rules.strategy) == (500, Strategy.LONGEST_IDLE)
    assert (programme.languages, programme.menu, programme.recording, programme.closed) == (
        ("fr",),
        False,
        "none",
        "message",
    )
    assert agent.skills == {"lang:fr": 8, "facture": 3}
    assert (agent.queues, agent.mode, agent.supervisor, agent.ready_on_start) == (None, "ring", False, False)
    assert (centre.limits, centre.star_codes, centre.spending) == (Limits(), StarCodes(), Spending())
    assert centre.pause_codes == {"pause": "Pause"}
    assert centre.web is None
    assert centre.dialling.route("+212539123456") is None


def test_pages_are_served_where_the_file_says() -> None:
    text = centre_text(
        "end",
        "[web]\nlisten = '[::]:80'\naddress = 'https://tanger.example'\ndatabase = 'postgresql://m@h:5/d'",
    )
    web = parse_centre(text, folder=FOLDER).web
    assert web == WebSettings("::", 80, "https://tanger.example", "postgresql://m@h:5/d")
    assert "postgresql" not in repr(web)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("20", 20), ("7.5", 7.5), ("'20 s'", 20), ("'20s'", 20), ("'1.5 min'", 90), ("'15000 ms'", 15)],
)
def test_durations_are_seconds_however_they_are_written(written: str, seconds: float) -> None:
    centre = parse_centre(centre_text("queue", f"ring_s = {written}"), folder=FOLDER)
    assert centre.queues["accueil"].ring_s == seconds


def test_a_number_is_known_in_every_form_a_carrier_may_send() -> None:
    centre = parse_centre(
        centre_text("programme", "language_by_number = { 0539000000 = 'fr' }"), folder=FOLDER
    )
    forms = ["0539000000", "+212539000000", "212539000000"]
    assert list(centre.numbers) == forms
    assert set(centre.numbers.values()) == {"banque"}
    assert centre.programmes["banque"].language_by_number == dict.fromkeys(forms, "fr")
    foreign = parse_centre(
        centre_text("programme", "numbers = '+34955000000'", instead='numbers = ["0539000000"]\n'),
        folder=FOLDER,
    )
    assert list(foreign.numbers) == ["+34955000000", "34955000000"]
    short = parse_centre(
        centre_text("programme", "numbers = ['1000']", instead='numbers = ["0539000000"]\n'), folder=FOLDER
    )
    assert list(short.numbers) == ["1000"]


def test_relaxation_and_skills_reach_the_kernel() -> None:
    text = (
        "skills = { facture = 4 }\nlanguage_level = 3\n"
        "relax = [{ after_s = '30 s', levels = { language = 1, facture = 0 } }]"
    )
    rules = parse_centre(centre_text("queue", text), folder=FOLDER).queues["accueil"].rules
    assert rules.required("es", 0) == {"facture": 4, "lang:es": 3}
    assert rules.required("es", 1) == {"lang:es": 1}
    assert rules.relax == (RelaxStep(30.0, {"language": 1, "facture": 0}),)


def test_hours_of_a_calendar_and_its_holidays() -> None:
    text = """[calendars.bureau]
hours.mon = ["08:30-12:30", "14:00-18:30"]
holidays = ["morocco", "2026-11-23", { date = 2026-11-30, hours = ["10:00-11:00"] }]
"""
    text = centre_text("programme", 'calendar = "bureau"', instead='calendar = "always"\n') + text
    calendar = parse_centre(text, folder=FOLDER).programmes["banque"].calendar

    def open_at(day: int, hour: float) -> bool:  # Morocco is at UTC
        return calendar.open_at(datetime(2026, 11, day, tzinfo=UTC).timestamp() + hour * 3600)

    assert [open_at(16, 9), open_at(16, 13), open_at(17, 9)] == [True, False, False]
    assert [open_at(23, 9), open_at(30, 9), open_at(30, 10.5)] == [False, False, True]


def test_own_prompts_open_a_further_language(tmp_path: Path) -> None:
    (tmp_path / "prompts" / "zgh").mkdir(parents=True)
    text = centre_text("top", "languages = ['fr', 'zgh']\nprompts_folder = 'prompts'").replace(
        "fr = 8", "zgh = 8"
    )
    centre = parse_centre(text, folder=tmp_path)
    assert centre.prompts_folder == tmp_path / "prompts"
    assert centre.agents["amal"].skills == {"lang:zgh": 8, "facture": 3}


def test_a_name_that_is_a_language_elsewhere_is_a_skill_here() -> None:
    centre = parse_centre(centre_text("top", "languages = ['fr']").replace("fr = 8", "es = 8"), folder=FOLDER)
    assert centre.agents["amal"].skills == {"es": 8, "facture": 3}


def test_two_shifts_share_a_phone_and_an_agent_may_be_named_like_his() -> None:
    centre = parse_centre(
        centre_text("end", "[agents.driss]\nphone = '102'\n[agents.103]\nphone = '103'"), folder=FOLDER
    )
    assert [a.phone for a in centre.agents.values()] == ["101", "102", "102", "103"]


def test_tls_is_read_with_its_files(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("x")
    (tmp_path / "key.pem").write_text("x")
    text = centre_text("sip", "tcp = 'off'\ntls = '0.0.0.0:5061'\ncertificate = 'cert.pem'\nkey = 'key.pem'")
    sip = parse_centre(text, folder=tmp_path).sip
    assert (sip.tcp_port, sip.tls_port, sip.certificate, sip.key) == (
        0,
        5061,
        tmp_path / "cert.pem",
        tmp_path / "key.pem",
    )


def test_the_endpoint_is_told_phones_trunks_and_addresses() -> None:
    text = centre_text(
        "end", "[trunks.maroc]\nhost = '198.51.100.7'\nuser = 'u'\nregister = true\nkeep_alive_s = '1 min'"
    )
    secrets = Secrets({"101": {"SHA-256": "ab"}}, {"maroc": "secret"})
    settings_ = parse_centre(text, folder=FOLDER, secrets=secrets).endpoint_settings()
    assert [(user.name, user.ha1) for user in settings_.users] == [("101", {"SHA-256": "ab"})]
    [trunk] = settings_.trunks
    assert (trunk.hosts, trunk.password, trunk.register, trunk.keep_alive_s) == (
        ("198.51.100.7",),
        "secret",
        True,
        60,
    )
    assert (settings_.realm, settings_.advertised_host, settings_.legs_max) == ("marhaba", "192.0.2.1", 2000)


def test_secrets_show_in_no_representation() -> None:
    text = centre_text("end", "[trunks.maroc]\nhost = '198.51.100.7'\nuser = 'u'")
    secrets = Secrets({"101": {"SHA-256": "abcdef"}}, {"maroc": "geheim"})
    shown = repr(parse_centre(text, folder=FOLDER, secrets=secrets))
    assert "geheim" not in shown
    assert "abcdef" not in shown


def test_a_reload_tells_what_changes() -> None:
    old = parse_centre(
        centre_text("end", "[agents.driss]\nphone = '103'\n[trunks.t]\nhost = '192.0.2.9'\nuser = 'u'"),
        folder=FOLDER,
        secrets=Secrets({}, {"t": "one"}),
    )
    text = centre_text("queue", "ring_s = 30\nrelax = [{ after_s = 9, levels = { language = 0 } }]")
    text = text.replace("[queues.autre]", "[queues.neuf]").replace("fr = 8", "fr = 9")
    text += "[media]\nworkers = 2\n[trunks.t]\nhost = '192.0.2.9'\nuser = 'u'\n"
    new = parse_centre(text.replace("[media]\n", "", 1), folder=FOLDER, secrets=Secrets({}, {"t": "two"}))
    assert diff(old, old) == []
    assert diff(old, new, language="en") == [
        "media.workers: 1 → 2 (after a restart)",
        "queues.accueil.rules.relax: – → …",
        "queues.accueil.ring_s: 20.0 → 30.0",
        "- queues.autre",
        "+ queues.neuf",
        "agents.amal.skills.lang:fr: 8 → 9",
        "- agents.driss",
        "trunks.t.password",
        "phones.toml",
    ]


def test_only_the_words_count_for_a_reload_not_the_comments() -> None:
    old, new = (parse_centre(text, folder=FOLDER) for text in (centre_text(), centre_text() + "# more\n"))
    assert diff(old, new) == []
    assert old.digest != new.digest


def test_the_centre_is_read_from_its_folder_with_its_phones(tmp_path: Path) -> None:
    (tmp_path / "centre.toml").write_text(centre_text("top", "recordings_folder = '../rec'"))
    add_phone(tmp_path / "phones.toml", "101", "marhaba")
    centre = load_centre(tmp_path / "centre.toml")
    assert centre.phones_file == tmp_path / "phones.toml"
    assert list(centre.secrets.phones) == ["101"]
    assert centre.data_folder == tmp_path / "data"


def test_a_byte_order_mark_and_windows_lines_are_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "centre.toml").write_bytes(b"\xef\xbb\xbf" + centre_text().replace("\n", "\r\n").encode())
    assert load_centre(tmp_path / "centre.toml").name == "Essai"


def test_a_thousand_agents_are_read_quickly_enough_for_a_start() -> None:
    agents = "".join(f"[agents.a{n}]\nphone = 'p{n}'\nskills = {{ fr = 5 }}\n" for n in range(1000))
    assert len(parse_centre(centre_text("end", agents), folder=FOLDER).agents) == 1002


VALUE = re.compile(r"(?<== )[^#\n{}\[\],]+?(?= *(?:#|$|\}|,|\]))", re.MULTILINE)
SPOTS = [found.span() for found in VALUE.finditer(SAMPLE)]
VALUES = st.sampled_from(
    [
        "0",
        "-1",
        "1e99",
        "nan",
        "true",
        "''",
        "'x'",
        "[]",
        "{}",
        "[{}]",
        "1979-05-27",
        "'\\u0000'",
        '"\\u0000"',
        "99999999999",
    ]
)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(SPOTS), VALUES), max_size=3, unique_by=lambda pair: pair[0]))
def test_whatever_stands_in_the_file_only_declared_errors_come_out(
    changes: list[tuple[tuple[int, int], str]],
) -> None:
    text = SAMPLE
    for (begin, end), value in sorted(changes, reverse=True):
        text = text[:begin] + value + text[end:]
    try:
        parse_centre(text, folder=FOLDER)
    except CentreError as error:
        assert error.problems
        assert all(problem.line >= 1 for problem in error.problems)


@given(st.text(max_size=200))
def test_any_text_at_all_is_a_centre_or_a_declared_error(text: str) -> None:
    with pytest.raises(CentreError):
        parse_centre(text, folder=FOLDER)
