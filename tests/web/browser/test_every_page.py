"""Every page, in every language, by day and by night, on a desk and in a hand."""

from __future__ import annotations

import time
import wave
from collections.abc import Iterator
from itertools import product

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from marhaba.journal.journal import Journal
from tests.journal.days import abandoned_call, answered_call, event
from tests.web.board.boards import AT, agent, call, queue
from tests.web.board.floor import FloorThread
from tests.web.browser.centre import Pages
from tests.web.browser.conftest import PASSWORD, new_page, picture

PLACES = {
    "board": "board",
    "wall": "board/wall",
    "desk": "desk/",
    "calls": "calls/",
    "call": "calls/c1/",
    "reports": "reports/",
    "reports-agents": "reports/agents",
    "reports-reconciliation": "reports/reconciliation",
    "reports-spain": "reports/ley-10-2025",
    "setup": "setup/",
    "setup-programmes": "setup/programmes",
    "setup-programme": "setup/programmes/accueil",
    "setup-queue": "setup/queues/accueil",
    "setup-agents": "setup/agents",
    "setup-agent": "setup/agents/amal",
    "setup-calendar": "setup/calendars/bureau",
    "setup-new": "setup/new/queues",
    "setup-dialling": "setup/dialling",
    "setup-codes": "setup/pause_codes",
    "setup-review": "setup/review",
    "setup-versions": "setup/versions",
    "setup-version": "setup/versions/1",
    "setup-import": "setup/import",
    "people": "people",
    "person": "people/1",
    "person-new": "people/new",
    "audit": "audit?verify=1",
    "account": "account",
    "factors": "accounts/2fa/",
    "totp": "accounts/2fa/totp/activate/",
    "passkeys": "accounts/2fa/webauthn/",
    "password": "accounts/password/change/",
}
OUTSIDE = {"login": "accounts/login/", "link-over": "welcome/none"}
LANGUAGES = ("fr", "es", "ar", "en")
WIDTHS = (1440, 1024, 390)
TAGS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
AXE = Axe()
BUSY = {
    "queues": [
        queue("accueil-fr", waiting=2, longest_s=42.0, since=AT - 42.0, service_level=0.71),
        queue("accueil-es", waiting=0),
        queue("support", service_level=None, offered=0, answered=0, abandoned=0),
    ],
    "agents": [
        agent("amal", state="talking", queue="accueil-fr", call="c1", held=True, line="open", edge="e1"),
        agent("brahim", state="ringing"),
        agent("chaimae", state="wrapup"),
        agent("driss", state="paused", code="lunch"),
        agent("elena"),
        agent("fouad", state="logged_out", since=0.0),
    ],
    "calls": [
        call("c1", stage="talking", agent="amal", recording=True, held=True, consults="elena", waited_s=42.0),
        call("c2"),
    ],
    "alarms": {"trunk:carrier": ""},
    "trunks": {"carrier": False},
}


@pytest.fixture(scope="module")
def inside(administrator: BrowserContext, pages: Pages, floor: FloorThread) -> Iterator[BrowserContext]:
    """Who has just said again who he is: pages about one's keys ask for it."""
    page = new_page(administrator)
    page.goto(f"{pages.address}/accounts/reauthenticate/")
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.locator("main form button").first.click()
    page.wait_for_url(f"{pages.address}/board")
    page.close()
    floor.show(**BUSY)
    calls_of_a_morning(pages)
    for language in LANGUAGES:
        look_at(administrator, pages, {"desk-choose": "desk/"}, language, "light")
    page = new_page(administrator)
    page.goto(f"{pages.address}/desk/")
    page.get_by_role("combobox").select_option("amal")
    page.locator("main form button").click()
    page.wait_for_selector(".contact")
    page.close()
    return administrator


def calls_of_a_morning(pages: Pages) -> None:
    """In the journal, and heard: the pages tell them a moment later."""
    data, begin = pages.config.parent / "data", time.time() - 7_200
    sound = data / "c1.wav"
    with wave.open(str(sound), "wb") as out:
        out.setparams((2, 2, 8_000, 0, "NONE", ""))
        out.writeframes(bytes(32_000))
    journal = Journal(data / "journal.sqlite")
    for number in range(1, 9):
        journal.append(answered_call(f"c{number}", begin + 300 * number, sound=str(sound)))
        journal.append(abandoned_call(f"h{number}", begin + 300 * number + 100, caller=f"06123456{number}0"))
    states = ("paused", "ready", "ringing", "talking", "wrapup", "ready", "paused")
    for number, state in enumerate(states):
        code = "login" if number == 0 else "lunch" if state == "paused" else ""
        at = begin + 3_000 + 500 * number
        journal.append([event(at, "agent.state", agent="amal", state=state, code=code)])
    journal.close()


@pytest.mark.parametrize(("language", "scheme"), list(product(LANGUAGES, ("light", "dark"))))
def test_pages_inside(inside: BrowserContext, pages: Pages, language: str, scheme: str) -> None:
    look_at(inside, pages, PLACES, language, scheme)


@pytest.mark.parametrize(("language", "scheme"), list(product(LANGUAGES, ("light", "dark"))))
def test_pages_outside(browser: Browser, pages: Pages, language: str, scheme: str) -> None:
    context = browser.new_context()
    look_at(context, pages, OUTSIDE, language, scheme)
    context.close()


def look_at(
    context: BrowserContext, pages: Pages, places: dict[str, str], language: str, scheme: str
) -> None:
    context.add_cookies([{"name": "language", "value": language, "url": pages.address}])
    page = new_page(context)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for name, place in places.items():
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        page.goto(f"{pages.address}/{place}")
        direction = "rtl" if language == "ar" else "ltr"
        assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == [
            language,
            direction,
        ]
        expect(page.locator("h1")).to_have_count(1)
        assert violations(page) == [], f"{name} {language} {scheme}"
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name} is {wide} px wide on {width} px in {language}"
            picture(page, f"{name}-{language}-{scheme}-{width}")
    page.close()


def violations(page: Page) -> list[str]:
    """What axe finds: the rule, and the first place."""
    found = AXE.run(page, options=TAGS).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found]


def test_the_first_stop_of_the_keyboard_is_the_way_to_the_content(
    inside: BrowserContext, pages: Pages
) -> None:
    page = new_page(inside)
    page.goto(f"{pages.address}/people")
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_person_is_found_and_opened_by_keyboard_alone(inside: BrowserContext, pages: Pages) -> None:
    page = new_page(inside)
    page.goto(f"{pages.address}/people")
    page.get_by_role("searchbox").focus()
    page.keyboard.type("salma")
    page.keyboard.press("Enter")
    page.wait_for_url("**/people?q=salma")
    page.get_by_role("link", name="Salma Idrissi").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/people/1")


def test_the_examiner_sees_what_is_wrong(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content('<html lang="fr"><title>x</title><main><h1>x</h1><input></main></html>')
    assert [found.partition(":")[0] for found in violations(page)] == ["label"]
    page.close()
