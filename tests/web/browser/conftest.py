"""Chromium, and whatever it complains about fails the test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.web.board.floor import FloorThread, floor_thread
from tests.web.browser.centre import Pages, running_pages

QUIET = (
    "--no-sandbox",  # for root
    "--disable-gpu",
    "--disable-background-networking",  # nothing beyond this machine
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SHOTS = os.environ.get("SHOTS", "")
"""A folder for pictures of each page."""
WAIT_MS = 15_000
PASSWORD = "trois chevaux dans la cour"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one file: Playwright's loop runs in this thread meanwhile, where other tests want one of their own."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """A centre nobody has entered yet, for a file of tests."""
    with running_pages(tmp_path_factory.mktemp("centre")) as opened:
        yield opened


@pytest.fixture(scope="module")
def floor(pages: Pages) -> Iterator[FloorThread]:
    """What the pages take for their floor."""
    with floor_thread(pages.config.parent / "data" / "run" / "floor.sock") as thread:
        yield thread


@pytest.fixture(scope="module")
def administrator(browser: Browser, pages: Pages) -> Iterator[BrowserContext]:
    """A browser in which the first link has been used."""
    context = browser.new_context(locale="fr-FR")
    page = new_page(context)
    page.goto(pages.first)
    page.get_by_label("Votre nom").fill("Salma Idrissi")
    page.get_by_label("Identifiant").fill("salma")
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Entrer").click()
    page.wait_for_url(f"{pages.address}/board")
    page.close()
    yield context
    context.close()


def new_page(context: BrowserContext, *, expected: str = "410 (Gone)") -> Page:
    """A page that fails at once for an error in its console, an exception, or what the content policy refuses."""
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and expected not in message.text:
            raise AssertionError(f"{page.url}: {message.text}")

    def thrown(error: Exception) -> None:
        raise AssertionError(f"{page.url}: {error}")

    page.on("console", heard)
    page.on("pageerror", thrown)
    return page


def picture(page: Page, name: str) -> None:
    if SHOTS:
        folder = Path(SHOTS)
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png", full_page=True)
